"""Gail and Simon's test against its own table and simulation."""

import numpy as np
import pytest

from evidence.model.conflict import gail_simon_p

# Critical values c of the smaller side's sum of squares at the 5 % level for k groups: Gail and Simon (1985), Table 1.
CRITICAL_5 = {2: 2.71, 3: 4.23, 4: 5.43, 5: 6.50}


@pytest.mark.parametrize(("k", "c"), CRITICAL_5.items())
def test_the_critical_values_are_those_of_the_published_table(k, c):
    z = [np.sqrt(c), *([-100.0] * (k - 1))]
    assert gail_simon_p(z) == pytest.approx(0.05, abs=4e-4)


def test_in_the_worst_case_of_one_direction_the_p_value_is_uniform():
    """One contrast far above, three of 0: the smaller side exceeds q as often as the p-value says."""
    rng = np.random.default_rng(1)
    p = np.array([gail_simon_p([100.0, *z]) for z in rng.standard_normal((20_000, 3))])
    for level in (0.01, 0.05, 0.2):
        assert np.mean(p <= level) == pytest.approx(level, abs=4 * np.sqrt(level * (1 - level) / 20_000))


def test_where_all_contrasts_are_zero_it_errs_less_often():
    rng = np.random.default_rng(2)
    p = np.array([gail_simon_p(z) for z in rng.standard_normal((5_000, 4))])
    assert np.mean(p <= 0.05) < 0.05


def test_one_estimate_or_one_side_is_no_conflict():
    assert gail_simon_p([3.0]) == 1.0
    assert gail_simon_p([3.0, 0.2, 5.0]) == 1.0
    assert gail_simon_p([]) == 1.0


def test_the_sides_count_alike_and_the_order_does_not():
    z = [3.0, -2.0, 1.0, -0.5]
    assert gail_simon_p(z) == gail_simon_p([-x for x in z]) == gail_simon_p(z[::-1])


def test_a_number_that_is_none_is_an_error():
    with pytest.raises(ValueError, match="finite"):
        gail_simon_p([1.0, float("nan")])
