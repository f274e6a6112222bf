"""The worth of a study against closed forms and quadrature, where every hyperparameter is a point."""

import itertools
import math

import numpy as np
import pytest
from scipy import integrate, stats

import cases
import proposing
from closed_values import hours_of_verify_or_ship, value_of_verify_or_ship
from evidence.analysis.fitting import fit_case, prepare_case
from evidence.analysis.proposed import foresee_proposals
from evidence.analysis.sights import Stakes
from evidence.analysis.worth import Effort, Reads, Rule, imagine_study, worth_of
from evidence.inference.exact import ExactEngine
from evidence.inference.foresight import foresee
from evidence.model.readings import read_at_face_value, read_with_validity

ENGINE = ExactEngine(round_size=512)
RHO, TAU, TAU_P = 0.8, 1.1, 0.9
C = 0.1
EFFORT = Effort(particles=32768, outcomes=1024, read=1024)
BIAS = 0.02
"""Hours by which few particles make a study of these look better than it is, at most."""


def known_of(*findings, found=(), techniques=("A",), model=None, **more):
    base = cases.base_of(*found, settings=["s"], techniques=list(techniques))
    case = prepare_case(
        base, model or cases.point_model(rho=RHO, tau=TAU, tau_P=TAU_P), target=None, settings=(), seed=1
    )
    posterior = fit_case(case, ENGINE, seed=1)
    proposal = proposing.proposal(*findings, **more)
    known = foresee_proposals(case, posterior, [proposal], foresee, draws=512)
    return known, known.study(proposal)


def stakes_of(n, *, hours=None, check=2.0, failure=9.0, all_fail=15.0):
    return Stakes(np.arange(n), np.array(hours or [3.0] * n), C, all_fail, check, failure)


def se(worth):
    return 3 * worth.mcse + BIAS


def test_one_technique_verified_or_shipped_is_the_closed_form():
    known, study = known_of(proposing.finding("A", "none", "s", se_smd=0.3))
    found = worth_of(imagine_study(known.foreseen, study, seed=1, effort=EFFORT), stakes_of(1)).verify_or_ship
    cov, variance = RHO * TAU * TAU_P, TAU_P**2 + 0.09
    law = {"threshold": C, "cov": cov, "variance": variance, "check": 2.0, "failure": 9.0}
    wanted = value_of_verify_or_ship(0.0, TAU, **law)
    assert wanted > 0.2
    assert found.saved == pytest.approx(wanted, abs=se(found))
    assert found.crossed <= wanted + 3 * found.mcse


def test_over_updating_and_face_value_are_closed_forms_too():
    known, study = known_of(proposing.finding("A", "none", "s", se_smd=0.3))
    readers = {
        "three": Reads(factor=3.0), "one": Reads(factor=1.0), "none": Reads(factor=0.0),
        "face": Reads(lambda p: read_at_face_value(study, p)),
        "half": Reads(lambda p: read_with_validity(known.foreseen, study, p, 0.5)),
        "same": Reads(lambda p: read_with_validity(known.foreseen, study, p, RHO)),
    }  # fmt: skip
    found = worth_of(imagine_study(known.foreseen, study, seed=1, effort=EFFORT), stakes_of(1), readers).verify_or_ship
    cov, variance, prior = RHO * TAU * TAU_P, TAU_P**2 + 0.09, TAU**2
    law = {"threshold": C, "cov": cov, "variance": variance, "check": 2.0, "failure": 9.0}
    before = min(2.0, 9.0 * stats.norm.cdf(C, 0, TAU))

    def saved(slope, noise):
        """By a reader for whom the result is slope x merit + N(0, noise): a normal update, judged by the warranted law."""
        precision = 1 / prior + slope**2 / noise
        kappa, sd = slope / noise / precision, precision**-0.5
        return before - hours_of_verify_or_ship(0.0, TAU, kappa=kappa, reader_sd=sd, **law)

    slope = cov / prior
    warranted_noise = variance - cov**2 / prior
    wanted = {
        "three": saved(slope, warranted_noise / 3), "one": saved(slope, warranted_noise), "none": 0.0,
        "face": saved(1.0, 0.09), "half": saved(0.5 * TAU_P / TAU, TAU_P**2 * 0.75 + 0.09),
        "same": saved(slope, warranted_noise),
    }  # fmt: skip
    for name, hours in wanted.items():
        assert found.readers[name] == pytest.approx(hours, abs=3 * found.readers_mcse[name] + 0.03), name
    assert wanted["face"] < wanted["three"] < wanted["one"]
    # kappa*: whoever updates as warranted decides as the calibrated reader does.
    assert found.readers["one"] == found.calibrated_as_read
    assert found.readers["none"] == 0.0


def order_hours(p_a, p_b, hours, loss):
    """Hours of trying A first and of trying B first, successes independent."""
    both_fail = (1 - p_a) * (1 - p_b)
    return hours[0] + (1 - p_a) * hours[1] + both_fail * loss, hours[1] + (1 - p_b) * hours[0] + both_fail * loss


@pytest.mark.slow
def test_trying_two_techniques_is_the_integral_over_what_is_found_of_one():
    known, study = known_of(proposing.finding("A", "none", "s", se_smd=0.3), techniques=("A", "B"))
    hours, loss = [5.0, 4.0], 15.0
    stakes = stakes_of(2, hours=hours, all_fail=loss)
    found = worth_of(imagine_study(known.foreseen, study, seed=1, effort=EFFORT), stakes).try_order
    cov, variance = RHO * TAU * TAU_P, TAU_P**2 + 0.09
    p_b = stats.norm.sf(C, 0, TAU)

    def after(y):
        p_a = stats.norm.sf(C, cov / variance * y, math.sqrt(TAU**2 - cov**2 / variance))
        return stats.norm.pdf(y, 0, math.sqrt(variance)) * min(order_hours(p_a, p_b, hours, loss))

    # Independent: QUADPACK over the result, both orders compared at each.
    wanted = min(order_hours(p_b, p_b, hours, loss)) - integrate.quad(after, -8, 8, epsabs=1e-10, limit=800)[0]
    assert wanted > 0.1
    assert found.saved == pytest.approx(wanted, abs=se(found))
    perfect = sum(
        p * (min(order_hours(float(a), float(b), hours, loss)))
        for a in (0, 1) for b in (0, 1)
        for p in [(p_b if a else 1 - p_b) * (p_b if b else 1 - p_b)]
    )  # fmt: skip
    assert found.perfect == pytest.approx(min(order_hours(p_b, p_b, hours, loss)) - perfect, abs=0.15)


def test_a_statement_is_worth_what_its_two_outcomes_are():
    known, study = known_of(proposing.finding("A", "none", "s", kind="argument", q=0.9))
    found = worth_of(imagine_study(known.foreseen, study, seed=1, effort=EFFORT), stakes_of(1)).verify_or_ship

    def p_above(theta):
        return stats.norm.cdf(RHO / TAU * theta / math.sqrt(1 - RHO**2))

    def joint(theta):
        return stats.norm.pdf(theta, 0, TAU) * (0.9 * p_above(theta) + 0.1 * (1 - p_above(theta)))

    # Fails and is stated to work / is stated to work (by symmetry one half).
    fails = integrate.quad(joint, -9, C, epsabs=1e-12)[0] / 0.5
    fails_else = (stats.norm.cdf(C, 0, TAU) - 0.5 * fails) / 0.5
    before = min(2.0, 9.0 * stats.norm.cdf(C, 0, TAU))
    wanted = before - 0.5 * (min(2.0, 9 * fails) + min(2.0, 9 * fails_else))
    assert wanted >= 0
    assert found.saved == pytest.approx(wanted, abs=0.05)


def test_a_typed_rule_ships_on_good_news_and_is_judged_for_it():
    known, study = known_of(proposing.finding("A", "none", "s", se_smd=0.3))
    rules = {"sure": Rule(0, 0.99, 0.01), "unmoved": Rule(0, 0.5, 0.5)}
    found = worth_of(imagine_study(known.foreseen, study, seed=1, effort=EFFORT), stakes_of(1), rules).verify_or_ship
    variance = TAU_P**2 + 0.09
    r = RHO * TAU_P / math.sqrt(variance)
    fails_and_ahead = stats.norm.cdf(C, 0, TAU) - stats.multivariate_normal([0, 0], [[1, r], [r, 1]]).cdf([C / TAU, 0])
    # Ahead in one half: there a check (2 h) is saved and a failure (9 h) risked.
    assert found.readers["sure"] == pytest.approx(
        0.5 * 2 - 9 * fails_and_ahead, abs=3 * found.readers_mcse["sure"] + 0.03
    )
    assert found.readers["unmoved"] == 0.0


@pytest.mark.parametrize("seed", range(4))
def test_a_calibrated_reader_gains_no_less_than_nothing_and_no_more_than_everything(seed):
    rng = np.random.default_rng(seed)
    techniques = ("A", "B", "C")
    findings = [
        proposing.finding(str(t), "none", "s", se_smd=float(rng.uniform(0.05, 1)))
        for t in rng.permutation(list(techniques))[:2]
    ]
    known, study = known_of(*findings, techniques=techniques, model=cases.spread_model())
    stakes = stakes_of(
        3, hours=rng.uniform(1, 9, 3).tolist(), check=float(rng.uniform(0.5, 5)), failure=float(rng.uniform(5, 30))
    )
    effort = Effort(particles=4096, outcomes=256, read=256)
    for part in ("try_order", "verify_or_ship", "both"):
        found = getattr(worth_of(imagine_study(known.foreseen, study, seed=seed, effort=effort), stakes), part)
        assert found.saved >= -1e-9
        assert found.saved <= found.perfect + 1e-6  # single precision


@pytest.mark.slow
def test_more_of_a_sample_is_worth_no_less_and_an_endless_one_most():
    known, study = known_of(proposing.finding("A", "none", "s", se_smd=0.5), techniques=("A", "B"))
    worths = [worth_of(imagine_study(known.foreseen, s, seed=1, effort=EFFORT), stakes_of(2)).both
              for s in (study.enlarged(0.1), study, study.enlarged(10), study.perfect())]  # fmt: skip
    for less, more in itertools.pairwise(worths):
        assert more.saved >= less.saved - 3 * math.hypot(less.mcse, more.mcse) - BIAS
    assert worths[-1].saved > worths[0].saved


def test_a_study_of_what_shares_nothing_with_the_target_is_worth_nothing():
    known, study = known_of(proposing.finding("A", "none", "s", se_smd=0.1), model=cases.point_model(rho=0.0))
    found = worth_of(imagine_study(known.foreseen, study, seed=1, effort=EFFORT), stakes_of(1))
    assert found.both.saved == pytest.approx(0.0, abs=BIAS)
    assert found.bits["merits"] == pytest.approx(0.0, abs=0.01)


def test_moving_particles_and_weighing_them_agree():
    known, study = known_of(proposing.finding("A", "none", "s", se_smd=0.3), techniques=("A", "B"))
    imagined = imagine_study(known.foreseen, study, seed=1, effort=EFFORT)
    from evidence.analysis.sights import Table, sight_of
    from evidence.model.moved import fewer, update_by

    stakes = stakes_of(2, hours=[5.0, 4.0])
    table = Table(((0, 1), (1, 0)), stakes, (0, 4))
    weighed = sight_of(imagined.particles.warranted, imagined.particles, imagined.outcomes, stakes, seed=1)
    assert weighed.update is None
    update = update_by(imagined.particles.warranted, fewer(imagined.particles, 8192), seed=1)
    moved = type(weighed)(weighed.outcomes, weighed.particles, stakes, weighed.features, 1.0, update)
    a, b = weighed.means(table).mean, moved.means(table).mean
    assert np.abs(a - b).mean() < 0.25
    assert a.mean(axis=0) == pytest.approx(b.mean(axis=0), abs=0.1)
