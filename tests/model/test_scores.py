import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracles
from evidence.model.scores import (
    bernoulli_kl_bits,
    break_even,
    expected_log_score_gain,
    expit,
    log_expit,
    logit,
    mixture_normal_kl_bits,
    mixture_quantiles,
    over_update_ratio,
)

inside = st.floats(0.001, 0.999)


def columns(mixture):
    return [list(column) for column in zip(*mixture, strict=True)]


@given(p=st.floats(1e-300, 1 - 1e-10))
def test_expit_undoes_logit(p):
    assert expit(logit(p)) == pytest.approx(p, rel=1e-12)


def test_log_odds_keep_their_digits_in_both_tails():
    # Closed forms: expit(x) ~ exp(x) far below 0, 1 - exp(-x) far above.
    assert log_expit(-800.0) == -800.0
    assert log_expit(40.0) == pytest.approx(-math.exp(-40), rel=1e-12)
    assert logit(1e-300) == pytest.approx(-300 * math.log(10), rel=1e-14)
    assert (logit(0), logit(1)) == (-math.inf, math.inf)


@pytest.mark.parametrize("p", [-0.1, 1.1, math.nan])
def test_log_odds_of_no_probability_are_refused(p):
    with pytest.raises(ValueError, match=r"wanted 0\.\.1"):
        logit(p)


def test_break_even_of_the_worked_example():
    # docs/model.md, section 6: p0 = .50, p = .617 gives .7255.
    assert break_even(0.617, 0.5) == pytest.approx(0.7255, abs=5e-5)


@pytest.mark.parametrize(
    ("p", "p0"), [(0.617, 0.5), (0.3, 0.5), (0.9, 0.2), (0.05, 0.9), (0.53, 0.5), (0.99, 0.98), (0.001, 0.01)]
)
def test_break_even_is_the_root_found_by_bracketing(p, p0):
    assert break_even(p, p0) == pytest.approx(oracles.break_even_by_bracketing(p, p0), rel=1e-9)


@given(p=inside, p0=inside)
def test_break_even_lies_beyond_the_warranted_belief_and_scores_as_the_prior(p, p0):
    b = break_even(p, p0)
    if b is None:
        assert abs(logit(p) - logit(p0)) < 0.05
        return
    assert (b - p) * (p - p0) >= 0
    if 1e-300 < b < 1 - 1e-6:  # b itself has too few digits nearer to 0 or 1
        assert expected_log_score_gain(b, p, p0) == pytest.approx(0, abs=1e-9)


@given(p=inside, p0=inside)
def test_break_even_is_mirrored_when_the_statement_is_negated(p, p0):
    b, mirrored = break_even(p, p0), break_even(1 - p, 1 - p0)
    if b is None or mirrored is None:
        assert abs(abs(logit(p) - logit(p0)) - 0.05) < 1e-9 or b is mirrored
    else:
        assert mirrored == pytest.approx(1 - b, abs=1e-9)


@pytest.mark.parametrize(
    ("p", "p0", "b"),
    [  # limits: certainty itself is the only belief that can be no worse
        (1.0, 0.5, 1.0),
        (0.0, 0.5, 0.0),
        (1 - 1e-16, 0.5, 1.0),
        (1e-300, 0.5, 0.0),
        (0.5, 0.0, 1.0),
        (0.5, 1.0, 0.0),
        (0.5, 0.5, None),
        (0.51, 0.5, None),
        (1.0, 1.0, None),
        (0.0, 0.0, None),
    ],
)
def test_break_even_of_extreme_beliefs_is_the_limit(p, p0, b):
    assert break_even(p, p0) == b


def test_break_even_of_rare_events_keeps_its_digits():
    # Poisson limit of the equation for small p: p ln(b/p0) = b - p0; here p0 = 1e-20, p = 2e-20.
    b = break_even(2e-20, 1e-20)
    assert 2 * math.log(b / 1e-20) == pytest.approx(b / 1e-20 - 1, rel=1e-9)
    assert b > 2e-20


@given(p=inside, p0=inside)
def test_the_warranted_belief_has_ratio_one_and_the_prior_ratio_zero(p, p0):
    ratio = over_update_ratio(p, p, p0)
    assert ratio is None or (ratio == 1 and over_update_ratio(p0, p, p0) == 0)


def test_the_over_update_ratio_compares_log_odds_shifts():
    # Closed form: p0 = 1/2, p = 2/3 (ln 2), b = 8/9 (ln 8).
    assert over_update_ratio(8 / 9, 2 / 3, 0.5) == pytest.approx(3, rel=1e-12)
    assert over_update_ratio(1 / 3, 2 / 3, 0.5) == pytest.approx(-1, rel=1e-12)
    assert over_update_ratio(0.9, 0.51, 0.5) is None
    assert over_update_ratio(1.0, 0.7, 0.5) == math.inf


def test_the_log_score_gain_is_the_difference_of_two_expected_scores():
    wanted = oracles.expected_log_score(0.9, 0.6) - oracles.expected_log_score(0.5, 0.6)
    assert expected_log_score_gain(0.9, 0.6, 0.5) == pytest.approx(wanted, rel=1e-14)


@given(p=inside, p0=inside, b=inside)
def test_no_belief_scores_better_than_the_warranted_one(p, p0, b):
    # Propriety of the log score.
    assert expected_log_score_gain(b, p, p0) <= expected_log_score_gain(p, p, p0) + 1e-12


@given(p=inside, p0=inside)
def test_the_gain_of_the_warranted_belief_is_the_information_in_it(p, p0):
    # Identity: E_p[log p - log p0] = KL(p || p0).
    gain = expected_log_score_gain(p, p, p0)
    assert gain / math.log(2) == pytest.approx(bernoulli_kl_bits(p, p0), abs=1e-12)


def test_bits_between_two_probabilities():
    # Closed forms: KL(1 || 1/2) = 1 bit, KL(1/2 || 1/4) = log2(2)/2 + log2(2/3)/2.
    assert bernoulli_kl_bits(1, 0.5) == pytest.approx(1, rel=1e-15)
    assert bernoulli_kl_bits(0.5, 0.25) == pytest.approx((1 + math.log2(2 / 3)) / 2, rel=1e-14)
    assert bernoulli_kl_bits(0.3, 0.3) == 0
    assert bernoulli_kl_bits(0.3, 0.0) == math.inf
    assert bernoulli_kl_bits(0.0, 0.0) == 0


def test_opposite_certainties_have_no_difference_in_score():
    with pytest.raises(ValueError, match="rule out"):
        expected_log_score_gain(0.0, 0.5, 1.0)


def normal_kl_bits(m, s, m0, s0):
    """Closed form of KL(N(m, s^2) || N(m0, s0^2)) in bits."""
    return (math.log(s0 / s) + (s * s + (m - m0) ** 2) / (2 * s0 * s0) - 0.5) / math.log(2)


@pytest.mark.parametrize(
    ("m", "s", "m0", "s0"),
    [(0.3, 0.5, 0, 1), (0, 1, 3, 0.05), (0, 1e-6, 0, 1), (5, 1, -5, 1), (0, 1, 0, 1), (1e3, 1, 0, 1e3), (0, 1e4, 1, 1)],
)
def test_bits_between_two_normals_are_the_closed_form(m, s, m0, s0):
    found = mixture_normal_kl_bits([m], [s], [1.0], [m0], [s0], [1.0])
    assert found == pytest.approx(normal_kl_bits(m, s, m0, s0), rel=1e-9, abs=1e-9)


MIXTURES = [
    ([(0, 1, 0.5), (3, 0.5, 0.5)], [(0, 2, 1.0)]),
    ([(0, 0.01, 0.03), (0.2, 1, 0.97)], [(0, 1, 0.6), (0, 0.2, 0.4)]),
    ([(0, 1, 0.9), (0, 30, 0.1)], [(0.5, 1.5, 0.8), (-4, 20, 0.2)]),
    ([(-2, 0.3, 0.2), (1, 0.3, 0.8)], [(-2, 0.3, 0.8), (1, 0.3, 0.2)]),
]


@pytest.mark.parametrize(("first", "second"), MIXTURES)
def test_bits_between_two_mixtures_are_those_of_quadpack(first, second):
    for a, b in ((first, second), (second, first)):
        found = mixture_normal_kl_bits(*columns(a), *columns(b))
        assert found == pytest.approx(oracles.mixture_kl_bits(a, b), abs=1e-7)


def test_a_narrow_component_among_many_wide_ones_is_not_stepped_over():
    # 3 % of the mass in a spike 1e-6 wide at 0.123456, against the same mixture without it. Closed form for a spike
    # that the rest does not overlap: KL ~ .03 [ln(.03/(sqrt(2 pi e) 1e-6)) - ln q(x)] + .97 ln .97.
    wide = [(0.0, 1.0, 1.0)]
    spiked = [(0.0, 1.0, 0.97), (0.123456, 1e-6, 0.03)]
    log_q = -0.5 * 0.123456**2 - 0.5 * math.log(2 * math.pi)
    spike = 0.03 * (math.log(0.03 / 1e-6) - 0.5 * math.log(2 * math.pi * math.e) - log_q)
    wanted = (spike + 0.97 * math.log(0.97)) / math.log(2)
    assert mixture_normal_kl_bits(*columns(spiked), *columns(wide)) == pytest.approx(wanted, abs=1e-4)


def test_a_mixture_carries_no_information_against_itself():
    rng = np.random.default_rng(1)
    mixture = (rng.normal(size=300), rng.exponential(size=300), rng.random(300))
    assert mixture_normal_kl_bits(*mixture, *mixture) == 0


def test_splitting_a_component_changes_nothing():
    whole = mixture_normal_kl_bits([0, 1], [1, 2], [0.4, 0.6], [0], [3], [1])
    split = mixture_normal_kl_bits([0, 1, 1, 9], [1, 2, 2, 1], [4, 3, 3, 0], [0, 0], [3, 3], [1, 5])
    assert split == pytest.approx(whole, abs=1e-8)


@pytest.mark.parametrize("mixture", [m for pair in MIXTURES for m in pair])
def test_quantiles_are_the_roots_of_the_mixture_cdf(mixture):
    probs = [1e-6, 0.05, 0.1, 0.5, 0.9, 0.95, 0.999]
    wanted = [oracles.mixture_quantile(p, mixture) for p in probs]
    np.testing.assert_allclose(mixture_quantiles(*columns(mixture), probs), wanted, rtol=1e-9, atol=1e-10)


def test_quantiles_of_one_normal_are_the_closed_form():
    # Normal 2.5 % and 97.5 % points, -1.959963984540054 and 1.959963984540054.
    found = mixture_quantiles([2.0], [3.0], [7.0], [0.025, 0.5, 0.975])
    np.testing.assert_allclose(found, [2 - 3 * 1.959963984540054, 2, 2 + 3 * 1.959963984540054], rtol=1e-12)


@given(seed=st.integers(0, 2**32), n=st.integers(1, 40))
def test_quantiles_invert_the_exact_cdf(seed, n):
    rng = np.random.default_rng(seed)
    m, s, w = rng.normal(0, 3, n), 10.0 ** rng.uniform(-3, 1, n), rng.random(n) + 1e-6
    probs = (np.arange(50) + 0.5) / 50
    x = mixture_quantiles(m, s, w, probs)
    z = (x[:, None] - m) / s
    below = np.array([[0.5 * math.erfc(-v / math.sqrt(2)) for v in row] for row in z]) @ (w / w.sum())
    np.testing.assert_allclose(below, probs, atol=1e-9)
    assert (np.diff(x) > 0).all()


def test_the_outer_quantiles_are_exact_in_both_tails():
    found = mixture_quantiles([0.0], [1.0], [1.0], [1e-300, 1 - 1e-15])
    # SciPy 1.15 or later: norm.ppf, computed here.
    from scipy.stats import norm

    np.testing.assert_allclose(found, norm.ppf([1e-300, 1 - 1e-15]), rtol=1e-9)


def test_a_component_without_width_counts_as_a_point():
    assert mixture_quantiles([1.5, 0.0], [0.0, 0.0], [0.9, 0.1], [0.5])[0] == pytest.approx(1.5, abs=1e-10)


@pytest.mark.parametrize(
    ("m", "s", "w"),
    [([0], [-1], [1]), ([0], [1], [0]), ([math.nan], [1], [1]), ([0, 1], [1], [1]), ([0], [1], [math.nan])],
)
def test_what_is_no_mixture_is_refused(m, s, w):
    with pytest.raises(ValueError, match="mixture"):
        mixture_quantiles(m, s, w, [0.5])


@pytest.mark.parametrize("prob", [0.0, 1.0, math.nan])
def test_a_quantile_at_no_inner_probability_is_refused(prob):
    with pytest.raises(ValueError, match="inside"):
        mixture_quantiles([0], [1], [1], [prob])


def test_quantiles_across_a_wide_gap_are_those_of_the_component_below_it():
    """A quarter of two equal halves is the median of the lower one, wherever the other lies."""
    for far in (1e13, 1e60):
        np.testing.assert_allclose(mixture_quantiles([0.0, far], [1, 1], [1, 1], [0.25, 0.75]), [0, far], atol=1e-12)


def test_quantiles_that_do_not_settle_are_refused_rather_than_returned():
    with pytest.raises(ArithmeticError, match="quantiles of the mixture did not settle"):
        mixture_quantiles([0.0, 1e120], [1, 1], [1, 1], [0.25])


@pytest.mark.parametrize(("mean", "sd"), [(1e6, 1e-12), (1e12, 1e-3)])
def test_a_divergence_of_what_doubles_cannot_hold_is_refused_rather_than_returned(mean, sd):
    """Thousands of standard deviations lie between a mean and the next double, or far too few doubles in one."""
    with pytest.raises(ArithmeticError, match="divergence between the two mixtures did not settle"):
        mixture_normal_kl_bits([mean], [sd], [1], [0], [1], [1])
