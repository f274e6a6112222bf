"""What docs/model.md, cli.md, app.md and bases.md say in numbers: closed forms worked out here, constants of the code, shipped data."""

import csv
import json
import math
from functools import cache

import numpy as np
from scipy import integrate, stats

from claims import CLAIMS as FIGURES
from claims import ROOT, Claim

MODEL, CLI, APP, BASES = (f"docs/{name}.md" for name in ("model", "cli", "app", "bases"))
HIGH_TAU = 1.04
"""The scale of tau in the examples of docs/model.md, section 4."""


def short(x, digits=2):
    """.5 as the model page prints it: no zero before the point."""
    return f"{x:.{digits}f}".removeprefix("0") if abs(x) < 1 else f"{x:.{digits}f}"


def plain(x):
    """A constant with as many digits as it has."""
    return f"{x:g}".removeprefix("0") if 0 < abs(x) < 1 else f"{x:g}"


def of(module, *names, show=plain):
    """Constants of the package as a page prints them."""

    def values():
        found = __import__(f"evidence.{module}", fromlist=names)
        return tuple(show(getattr(found, name)) for name in names)

    return values


def saturation():
    """One setting, ten studies of it, ten settings of one family: the mean merit, by the normal laws of section 4."""
    relevance, transport, construct, y, se = 0.4, 0.5, 0.95, 0.8, 0.1
    rho, shared = relevance * transport * construct, construct**2
    variances = (1 + se**2, 1 + se**2 / 10, shared + (1 - shared) / 10 + se**2 / 10)
    return tuple(short(rho * y / v, 3) for v in variances)


def held_merit():
    """N(.6, .5^2) under tau ~ HalfNormal: worlds it is left out in, P(beyond .2) as stated, and as held."""
    mean, sd, least, tau = 0.6, 0.5, 0.2, stats.halfnorm(scale=HIGH_TAU)
    beyond = integrate.quad(lambda t: tau.pdf(t) * stats.norm.sf(least / t), 1e-9, sd)[0]
    said = stats.norm.sf(least, mean, sd)
    return tuple(f"{100 * x:.0f}" for x in (tau.cdf(sd), said, beyond + tau.sf(sd) * said))


def held_orders():
    """Two neighbours of three registered with q = .8: what each holds, and the q that holds .8."""

    def holds(q):
        x = q / (1 - q)
        return (x**2 + 2 * x) / (x**2 + 4 * x + 1)

    lo, hi = 0.5, 0.999
    while hi - lo > 1e-9:
        middle = (lo + hi) / 2
        lo, hi = (middle, hi) if holds(middle) < 0.8 else (lo, middle)
    return short(holds(0.8), 3), short(lo, 4)


@cache
def pair_as_merits():
    """A pair at 80 of 100 as merits: their means, their sd, P(first works), and the same of the order alone."""
    from evidence.analysis.elicit_order import elicit_order
    from evidence.domain.elicitation import StatedPair
    from evidence.io.models import load_model
    from evidence.io.shipped import find_base, find_model
    from evidence.io.tables import load_base

    model, base = load_model(find_model("default")), load_base(find_base("control"))
    tau = model.priors["tau"].model_copy(update={"scale": HIGH_TAU})
    model = model.model_copy(update={"priors": {**model.priors, "tau": tau}})
    a, b = (t.id for t in base.techniques[1:3])
    found = elicit_order(
        base, model, [StatedPair(technique=a, comparator=b, p=0.8)], typed=["x"], form="merits", sure=0.8
    )
    first = found.techniques[0]
    works = [f"{100 * p:.0f}" for p in (first.works, first.works_by_order)]
    return "80", short(found.merits[0].mean), short(found.merits[0].sd), *works


def past_its_ceiling():
    """tau_P is .1 or 10, rho = .5, y = 1: P with an error of .3, and with none (section 5)."""
    rho, y = 0.5, 1.0

    def p(se):
        weights = np.array([stats.norm.pdf(y, 0, math.hypot(t, se)) for t in (0.1, 10.0)])
        above = []
        for t in (0.1, 10.0):
            total = t**2 + se**2
            above.append(stats.norm.cdf(rho * t * y / total / math.sqrt(1 - rho**2 * t**2 / total)))
        return float(weights @ above / weights.sum())

    return short(p(0.3), 3), short(p(1e-9), 3)


def grid_error():
    """Section 5: published and exact predictive sd and P(> 0) of BCG, and the predictive sd of the eight schools."""
    reference = json.loads((ROOT / "tests" / "reference_numbers.json").read_text(encoding="utf-8"))
    bcg, schools = reference["bcg"], reference["eight_schools"]
    sd, p = predictive(bcg["yi"], np.sqrt(bcg["vi"]), 4, stats.halfnorm(scale=0.5))
    wide, _ = predictive(schools["y"], schools["s"], 50, stats.halfcauchy(scale=25))
    said, told = bcg["bayes_mu_N0_4_tau_HN0.5"], schools["mu_N0_50_tau_HC25"]["pred_sd"]
    probabilities = short(said["p_pred_gt0"], 6), short(p, 6)
    return short(said["pred_sd"], 5), short(sd, 5), *probabilities, f"{told:.6f}", f"{wide:.6f}"


def predictive(y, se, mu_sd, tau):
    """Sd and P(> 0) of a new study's effect in random-effects meta-analysis, mu ~ N(0, mu_sd), by quadrature over tau."""
    y, se = np.asarray(y), np.asarray(se)

    def at(t):
        w = 1 / (se**2 + t**2)
        precision = mu_sd**-2 + w.sum()
        m = w @ y / precision
        log_l = 0.5 * (np.log(w).sum() - math.log(precision) - w @ y**2 + precision * m**2)
        return tau.pdf(t) * math.exp(log_l - peak), m, 1 / precision + t**2

    peak = 0.0
    peak = math.log(at(float(np.std(y)))[0])

    def average(f):
        pieces = ((0, 1), (1, 10), (10, 100), (100, 1e5))
        return sum(
            integrate.quad(lambda t: at(t)[0] * f(*at(t)[1:]), a, b, epsrel=1e-11, limit=400)[0] for a, b in pieces
        )

    total = average(lambda m, v: 1.0)
    mean = average(lambda m, v: m) / total
    return math.sqrt(average(lambda m, v: v + m**2) / total - mean**2), average(
        lambda m, v: stats.norm.cdf(m / math.sqrt(v))
    ) / total


def checked_or_shipped():
    """Section 7: tau = tau_P = 1, rho = .3, y = 3, se = .15; check 1 h, failure 20 h."""
    rho, y, se, check, failure = 0.3, 3.0, 0.15, 1.0, 20.0
    total = 1 + se**2
    fails = stats.norm.cdf(0, rho * y / total, math.sqrt(1 - rho**2 / total))
    assert stats.norm.cdf(0, y, se) * failure < check < fails * failure
    return short(fails, 3), f"{check:.2f}", f"{fails * failure:.2f}"


def break_even():
    """The b beyond p with p ln b + (1-p) ln(1-b) = p ln p0 + (1-p) ln(1-p0), by bisection."""
    p0, p = 0.5, 0.617

    def score(b):
        return p * math.log(b) + (1 - p) * math.log(1 - b)

    lo, hi = p, 1 - 1e-9
    while hi - lo > 1e-9:
        middle = (lo + hi) / 2
        lo, hi = (middle, hi) if score(middle) > score(p0) else (lo, middle)
    return (short(lo, 4),)


def order_of_certain_odds():
    from evidence.model.order_law import PULL, PULLED_LOG_ODDS

    return plain(PULL), plain(PULLED_LOG_ODDS)


def settings_of_robustness():
    from evidence.analysis.limits import SE_FACTORS, TAU_FACTORS
    from evidence.analysis.solo import PRIOR_DRAWS

    quantiles = 5
    taus = [plain(x) for x in TAU_FACTORS]
    return (
        str(quantiles * len(TAU_FACTORS) * len(SE_FACTORS)),
        *taus,
        *(plain(x) for x in SE_FACTORS),
        f"{PRIOR_DRAWS:,}",
    )


def shared_parts():
    from evidence.analysis.crunch import SHARED_PARTS

    least, *others = SHARED_PARTS
    assert least == 0
    return tuple(plain(part) for part in others)


def upload_limit():
    from evidence.cli.app import _SAFE

    return next(option.rpartition("=")[2] for option in _SAFE if "maxUploadSize" in option)


def app_limits():
    from evidence.app.workspace import MAX_FINDINGS, MAX_TECHNIQUES

    return upload_limit(), f"{MAX_FINDINGS:,}", str(MAX_TECHNIQUES)


def port():
    import inspect

    from evidence.cli.app import app

    return (str(inspect.signature(app).parameters["port"].default),)


@cache
def rows_of(name):
    with (ROOT / "data" / name / "findings.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def shipped_rows():
    return (
        str(sum(len(rows_of(path.parent.relative_to(ROOT / "data"))) for path in (ROOT / "data").glob("**/base.toml"))),
    )


def base_row(name):
    """Findings, studies, those with an n or se in a source, orders, secondary ones."""
    rows = rows_of(name)
    sized = sum(
        row["kind"] in {"counts", "effect", "means", "auroc", "proportion"} and not row.get("assumed_n_lo")
        for row in rows
    )
    orders = sum(row["kind"] == "order" for row in rows)
    secondary = sum(row["source_kind"] == "secondary" for row in rows)
    return tuple(str(n) for n in (len(rows), len({row["study"] for row in rows}), sized, orders, secondary))


BASE_ROWS = {
    "control": "no protocol", "deception-detection": "no detector", "jailbreak-defence": "no defence",
    "steering": "the model as it is", "unlearning": "no removal",
}  # fmt: skip


def exit_code(name):
    return of("cli.running", name)


PAGES = (
    Claim(MODEL, "Numbers beyond 1e{} in size, spreads (se, sd, unit) below 1e{} and means",
          of("domain.magnitudes", "LARGEST", "SMALLEST", show=lambda x: f"{math.log10(x):.0f}")),
    Claim(MODEL, "one paper, ten papers on one setting, ten settings give theta {}, {}, {}.", saturation),
    Claim(MODEL, "is left out in {} of 100 worlds, and N(.6, .5^2), stated to exceed .2 in {} of 100, is held to do so in {}.", held_merit),
    Claim(MODEL, "registered with q = .8 each hold {}, and q = {} holds .8", held_orders),
    Claim(MODEL, "Sums over orders run over subsets (n <= {})", of("model.order_law", "MAX_TECHNIQUES")),
    Claim(MODEL, "misfit = {} x log-odds, at most {}.", order_of_certain_odds),
    Claim(MODEL, "(a pair at {} of 100: +-{} with s = {}, the first works in {} of 100 instead of {})", pair_as_merits),
    Claim(MODEL, "refuses if more than {} % of draws are lost",
          of("analysis.fitting", "MAX_RULED_OUT", show=lambda x: f"{100 * x:.0f}")),
    Claim(MODEL, "defensive mixture, {} % N(0, I)", of("inference.proposals", "PRIOR_SHARE", show=lambda x: f"{100 * x:.0f}")),
    Claim(MODEL, "**large literatures** ({} techniques or {} cells on)", of("inference.exact", "LARGE", "LARGE_CELLS", show=lambda x: f"{x:,}")),
    Claim(MODEL, "k-hat < {}; the Monte Carlo", of("inference.checks", "K_HAT_LIMIT")),
    Claim(MODEL, "of every P(A>B) <= {} (that is", of("inference.engine", "MCSE_LIMIT")),
    Claim(MODEL, "from two halves agrees within {}, or", of("inference.checks", "IRRELEVANCE_LIMIT")),
    Claim(MODEL, "(BCG: pred_sd {} against {}, P(pred > 0) {} against {}; eight schools: pred_sd {} against {})", grid_error),
    Claim(MODEL, "leaves a chance of tau_P = .1 that a perfect sample rules out, and P is {}, past the ceiling of {}.", past_its_ceiling),
    Claim(MODEL, "null where |logit p - logit p0| < {}.", of("model.scores", "SMALLEST_SHIFT")),
    Claim(MODEL, "said below {}. Sized findings", of("analysis.conflicts", "CONFLICT_P")),
    Claim(MODEL, "(p0=.50, p=.617: {}.)", break_even),
    Claim(MODEL, "Robustness: in how many of {} settings the verdict word stays: 5 prior quantiles (10, 30, 50, 70, 90 %) of rho of the finding's "
          "setting x tau times {{}, {}, {}} x se times {{}, {}, {}} (for orders, log-odds of q divided by the same). Flips and robustness use one "
          "set of {} antithetic draws", settings_of_robustness),
    Claim(MODEL, "({} fresh draws each for {} draws of eta)",
          of("analysis.solo", "REPLICATES", "MOMENT_DRAWS", show=lambda x: f"{x:,}")),
    Claim(MODEL, "flagged above {}; k-hat", of("analysis.sensitivity", "SENSITIVE")),
    Claim(MODEL, "Prior–posterior overlap, above {} \"the data", of("analysis.sensitivity", "UNINFORMED")),
    Claim(MODEL, "dynamic programme over subsets (T <= {})", of("model.decisions", "MOST_EXACT")),
    Claim(MODEL, "warranted P(fail) = {}, so check: {} h; face value skips: {} h expected", checked_or_shipped),
    Claim(MODEL, "as a range over r in {0, {}, {}}", shared_parts),
    Claim(MODEL, "P clipped to [{}, .999]", of("model.contrasts", "CLIP")),
    Claim(CLI, "more than {} times larger or smaller", of("domain.spreads", "SLACK")),
    Claim(CLI, "outside 2 to {} observations an arm", of("domain.spreads", "LARGEST_N", show=lambda x: f"{x:,}")),
    Claim(CLI, "so small, from {} observations on,", of("domain.spreads", "ITEMS")),
    Claim(CLI, "a factor {} from the other arm's, from {} on", of("domain.spreads", "UNLIKE", "ENOUGH")),
    Claim(CLI, "a difference beyond {} SDs", of("domain.spreads", "LARGEST_D")),
    Claim(CLI, "neither, at more than {} standard errors", of("domain.signs", "CLEAR_Z")),
    Claim(CLI, "n below {} and no count of n rounds to the rate; `auroc`: fewer than {} cases", of("domain.spreads", "ROUNDS_AWAY", "FEW")),
    Claim(CLI, "None of the {} shipped rows is odd", shipped_rows),
    Claim(CLI, "with a standard error of {} SMD", of("analysis.next_reading", "NEW_STUDY_SE")),
    Claim(CLI, "raised to the powers {} and {}, a quarter",
          lambda: tuple(plain(x) for x in of("model.divergence", "ALPHAS", show=lambda x: x)()[0])),
    Claim(CLI, "by more than {} in cumulative Jensen-Shannon distance", of("analysis.sensitivity", "SENSITIVE")),
    Claim(CLI, "(k-hat of {} or more), and for the likelihood with more than {} techniques",
          lambda: (*of("inference.checks", "K_HAT_LIMIT")(), *of("analysis.sensitivity", "MAX_TECHNIQUES")())),
    Claim(CLI, "prior and posterior of X share more than {} of their mass", of("analysis.sensitivity", "UNINFORMED")),
    Claim(CLI, "the {} quantities that mix worst", of("inference.diagnostic_plots", "MOST_PANELS")),
    Claim(CLI, "those of {} pairs or more", of("domain.backtest", "LARGE")),
    Claim(CLI, "| {} | an internal error", exit_code("INTERNAL_ERROR")),
    Claim(CLI, "| {} | bad input or usage", exit_code("BAD_INPUT")),
    Claim(CLI, "| {} | no verdict: a check of the engine failed", exit_code("NO_VERDICT")),
    Claim(CLI, "{} a registration or its registry was tampered with, {} a registration holds but the analysis deviates",
          of("cli.running", "TAMPERED", "DEVIATES")),
    Claim(APP, "http://127.0.0.1:{}\n", port),
    Claim(APP, "uploads end at {} MB, {} findings and {} techniques", app_limits),
    *(Claim(BASES, f"| {baseline} | {{}} ({{}}) | {{}} | {{}} | {{}} |", lambda name=name: base_row(name)) for name, baseline in BASE_ROWS.items()),
)  # fmt: skip
CLAIMS = FIGURES + PAGES
