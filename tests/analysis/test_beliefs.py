"""Beliefs as chips and intervals, against the normal law they state."""

import pytest
from scipy import stats

from evidence.analysis.beliefs import chips_ahead, interval_belief
from evidence.domain.errors import BadInput


def test_chips_count_on_the_better_half_and_wait_until_all_are_placed():
    assert chips_ahead([2, 4, 4, 4, 4, 2], 20) == 50
    assert chips_ahead([0, 0, 5, 5, 10, 0], 20) == 75
    assert chips_ahead([0, 0, 0, 5, 10, 5], 20) == 99
    assert chips_ahead([20, 0, 0, 0, 0, 0], 20) == 1
    assert chips_ahead([1, 1, 1, 1, 1, 1], 20) is None


@pytest.mark.parametrize(("lo", "hi"), [(-1.0, 1.0), (-0.2, 1.4), (0.5, 3.0)])
def test_an_interval_is_the_normal_law_with_its_quantiles(lo, hi):
    law = stats.norm((lo + hi) / 2, (hi - lo) / 2 / stats.norm.ppf(0.9))
    said = interval_belief(lo, hi)
    assert said.ahead == pytest.approx(100 * law.sf(0), abs=0.6)
    assert said.far == pytest.approx(max(100 * (law.cdf(-2) + law.sf(2)), 1), abs=0.6)


def test_an_interval_the_wrong_way_round_is_refused():
    with pytest.raises(BadInput):
        interval_belief(1.0, -1.0)
