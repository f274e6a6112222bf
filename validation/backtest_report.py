"""Writes docs/backtest.md and its pictures: every bridge read by models that have not seen it, and what else was tried.

    python validation/backtest_report.py                          the shipped bridges
    python validation/backtest_report.py domainbed jailbreakbench  and these folders, imported from the local tables
    python validation/backtest_report.py --pictures               no run: the plots again, from validation/backtest*.json

The models are those of models/without; `validation/bridges.json` is what `evidence calibrate --json` said when it wrote
them. Bridges whose tables may not be shipped are read where they are and named in the page.
"""

import argparse
import json
import time
from datetime import UTC, datetime
from pathlib import Path

from evidence.analysis.backtest import Read, backtest
from evidence.analysis.calibrate import base_rates
from evidence.domain.backtest import LARGE, BacktestTable
from evidence.domain.calibration import Calibration
from evidence.domain.records import Prior
from evidence.inference.exact import ExactEngine
from evidence.io.models import load_model
from evidence.io.shipped import find_base, find_model, find_model_without, list_shipped
from evidence.io.tables import load_base
from evidence.report.backtest import backtest_markdown
from evidence.report.figures import reliability, svg_of

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "backtest.md"
LEAST_PAIRS = LARGE
RIVALS = ("face-value", "random-effects-mean", "random-effects-predictive")
GOALS = {"harmbench": 0.56, "domainbed": 0.67, "axbench": 0.25, "circuit-breakers": 0.25}
NOVELTY_SCALES = (0.2, 0.5, 1.0, 1.5, 3.0)


def changed(model, **priors):
    return model.model_copy(update={"priors": {**model.priors, **priors}})


def scaled(model, name, factor):
    prior = model.priors[name]
    return changed(model, **{name: prior.model_copy(update={"scale": prior.scale * factor})})


def with_irrelevance(model, factor):
    classes = {k: c.model_copy(update={"irrelevance": min(0.9, factor * c.irrelevance)}) for k, c in model.classes.items()}
    return model.model_copy(update={"classes": classes})


def with_tails(model, *names):
    """Laws of scales with three degrees of freedom in place of half-normal ones, at the same scale."""
    heavy = {n: Prior(dist="HalfStudentT", df=3, scale=model.priors[n].scale, claim="tried: heavier tails") for n in names}
    return changed(model, **heavy)


def with_stretch(model):
    stretch = Prior(dist="LogNormal", median=1.0, sigma=0.4, claim="tried: each setting stretches effects by its own factor")
    return changed(model, **{"lambda": stretch})


TRIED = {
    "as calibrated": lambda m: m,
    "heavier tails of w_0 and w_d (half-t, 3 degrees of freedom)": lambda m: with_tails(m, "w_0", "w_d"),
    "heavier tails of tau and tau_P": lambda m: with_tails(m, "tau", "tau_P"),
    "weights of dimensions tripled": lambda m: scaled(m, "w_d", 3.0),
    "irrelevance halved": lambda m: with_irrelevance(m, 0.5),
    "irrelevance doubled": lambda m: with_irrelevance(m, 2.0),
    "a stretch lambda per setting (log-normal, sigma .4)": with_stretch,
    "novelty weight w_0 ~ half-normal(.2)": lambda m: scaled(m, "w_0", 0.2 / m.priors["w_0"].scale),
    "novelty weight w_0 ~ half-normal(.7)": lambda m: scaled(m, "w_0", 0.7 / m.priors["w_0"].scale),
    "novelty weight w_0 ~ half-normal(1.5)": lambda m: scaled(m, "w_0", 1.5 / m.priors["w_0"].scale),
    "the priors by hand (uncalibrated)": lambda m: load_model(find_model("uncalibrated")),
}
"""Changes of every bridge's model, none of them fitted to the figure beside it."""


def reads_of(bases, change=lambda m: m):
    found = []
    for base in bases:
        path = find_model_without(base.question.id) or find_model("default")
        found.append(Read(base, change(load_model(path))))
    return found


def run(reads, *, siblings_visible=False):
    readers = {"face_value": load_model(find_model("face-value")), "random_effects": load_model(find_model("random-effects"))}
    return backtest(reads, **readers, engine=ExactEngine(), seed=1, siblings_visible=siblings_visible)


def loss(scores, reader="warranted"):
    return next(s.score for s in scores if s.reader == reader)


def goals(found):
    """The goals of the project as a table of met and missed."""
    own = {b.bridge: loss(b.scores) for b in found.bridges}
    large = {name: s for name, s in own.items() if s.pairs >= LEAST_PAIRS}
    overall = {s.reader: s.score for s in found.overall}
    overall_large = {s.reader: s.score for s in found.overall_large}
    mine, mine_large = overall["warranted"], overall_large["warranted"]
    rows = [
        (f"below the coin's .693 on every bridge of {LEAST_PAIRS} pairs or more",
         ", ".join(f"{n} {s.log_loss:.3f}" for n, s in large.items()), all(s.log_loss < 0.693 for s in large.values())),
        *((f"average over all bridges below {reader}", f"{mine.log_loss:.3f} against {overall[reader].log_loss:.3f}",
           mine.log_loss < overall[reader].log_loss) for reader in RIVALS),
        *((f"the same over bridges of {LEAST_PAIRS} pairs or more",
           f"{mine_large.log_loss:.3f} against {overall_large[reader].log_loss:.3f} ({reader})",
           mine_large.log_loss < overall_large[reader].log_loss) for reader in RIVALS),
        *((f"{name} at most {goal}", f"{own[name].log_loss:.3f}", own[name].log_loss <= goal)
          for name, goal in GOALS.items() if name in own),
        ("called above 95 in 100 and wrong in at most 3 % of pairs on each of these",
         ", ".join(f"{n} {100 * own[n].sure_and_wrong:.1f} %" for n in GOALS if n in own),
         all(own[n].sure_and_wrong <= 0.03 for n in GOALS if n in own)),
        *(("Claude's ranking, which no open model foresees: at most .95 and nobody sure and wrong",
           ", ".join(f"{t.target} {loss(t.scores).log_loss:.3f} ({100 * loss(t.scores).sure_and_wrong:.0f} %)" for t in claude),
           all(loss(t.scores).log_loss <= 0.95 and loss(t.scores).sure_and_wrong == 0 for t in claude))
          for claude in [[t for b in found.bridges if b.bridge == "harmbench" for t in b.targets if t.target.startswith("Claude")]]
          if claude),
        *((f"{mass} % intervals cover {mass} % within {room} points, all pairs pooled", f"{100 * covered:.0f} %",
           abs(100 * covered - mass) <= room) for mass, room, covered in pooled_coverage(found)),
        ("calibration slope of P(A > B) in [.8, 1.2]", f"{found.slopes['warranted']:.2f}", 0.8 <= found.slopes["warranted"] <= 1.2),
    ]  # fmt: skip
    lines = ["| goal | measured | |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {goal} | {value} | {'met' if ok else '**missed**'} |" for goal, value, ok in rows)])


def pooled_coverage(found):
    scores = [loss(b.scores) for b in found.bridges]
    n = sum(s.pairs for s in scores)
    for mass, room in ((50, 7), (80, 6), (95, 4)):
        yield mass, room, sum(s.pairs * getattr(s, f"coverage_{mass}") for s in scores) / n


def tried(bases):
    names = [b.question.id for b in bases]
    lines = ["| change | " + " | ".join(names) + " | mean | sure and wrong | slope |", "|---" * (len(names) + 4) + "|"]
    for label, change in TRIED.items():
        found = run(reads_of(bases, change))
        own = [loss(b.scores) for b in found.bridges]
        mine = loss(found.overall)
        sure = sum(s.pairs * s.sure_and_wrong for s in own) / sum(s.pairs for s in own)
        cells = " | ".join(f"{s.log_loss:.3f}" for s in own)
        flag = "" if found.ok else " (a check failed)"
        lines.append(f"| {label}{flag} | {cells} | {mine.log_loss:.3f} | {100 * sure:.1f} % | {found.slopes['warranted']:.2f} |")
        print(lines[-1], flush=True)
    return "\n".join(lines)


def novelty_table():
    """Order kept, in 100, by a proxy at full novelty, for several laws of the weight no bridge can measure."""
    model = load_model(find_model("default"))
    classes = ("small-open-chat", "open-chat", "agentic-sabotage-benchmark", "model-organism")
    lines = ["| w_0 half-normal with scale | " + " | ".join(classes) + " |", "|---" * (len(classes) + 1) + "|"]
    for scale in NOVELTY_SCALES:
        rates = base_rates(scaled(model, "w_0", scale / model.priors["w_0"].scale), [], seed=1)
        at = {r.proxy: r for r in rates if r.target.startswith("a future")}
        cells = " | ".join(f"{at[c].order_kept_in_100:.0f} (rho {at[c].rho_q50:.2f}, {at[c].rho_q10:.2f} to {at[c].rho_q90:.2f})" for c in classes)
        lines.append(f"| {scale} | {cells} |")
    return "\n".join(lines)


def learned_tables(found):
    laws = ["| law | by hand | learned (80 %, equal-tailed) | variance taken | rests on |", "|---|---|---|---|---|"]
    laws += [
        f"| {x.name} | {x.by_hand:.2g} | {x.learned:.2g} ({x.learned_q10:.2g} to {x.learned_q90:.2g}) | {100 * x.contraction:.0f} % | "
        f"{'opinion, no data' if x.is_opinion else 'bridges'} |"
        for x in found.laws
    ]
    weights = ["| dimension | w_d: mean (80 %, equal-tailed) | varied by |", "|---|---|---|"]
    for w in found.weights:
        value = "" if w.w_mean is None else f"{w.w_mean:.2f} ({w.w_q10:.2f} to {w.w_q90:.2f})"
        weights.append(f"| {w.dimension} | {value} | {', '.join(w.bridges) or 'no bridge: opinion, no data'} |")
    rates = ["| proxy | target | order kept in | validity (80 %, equal-tailed) | learned on |", "|---|---|---|---|---|"]
    rates += [
        f"| {r.proxy} | {r.target} | {r.order_kept_in_100:.0f} of 100 | {r.rho_q50:.2f} ({r.rho_q10:.2f} to {r.rho_q90:.2f}) | "
        f"{', '.join(r.learned_on) or 'opinion, no data'} |"
        for r in found.base_rates
    ]
    shares = ["| bridge | left out with | findings | outcomes | effective draws | SHA-256 |", "|---|---|---|---|---|---|"]
    shares += [f"| {b.bridge} | {b.group} | {b.findings} | {b.outcomes} | {b.ess:.0f} | {b.base_sha256[:8]} |" for b in found.bridges]
    return {k: "\n".join(v) for k, v in {"laws": laws, "weights": weights, "rates": rates, "shares": shares}.items()}


def draw(*names):
    """The reliability plots of stored results, into docs."""
    for name in names:
        found = BacktestTable.model_validate_json((ROOT / "validation" / f"{name}.json").read_text(encoding="utf-8"))
        plot = reliability(found, title="Claimed against observed order of two techniques")
        (ROOT / "docs" / f"{name}.svg").write_text(svg_of(plot), encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", action="store_true", help="only draw the pictures again, from the stored results")
    parser.add_argument("folders", nargs="*", help="imported bridges that are not shipped")
    options = parser.parse_args()
    if options.pictures:
        draw(*(path.stem for path in sorted((ROOT / "validation").glob("backtest*.json"))))
        return
    shipped = [load_base(find_base(name)) for name in list_shipped().bridges]
    local = [load_base(Path(folder)) for folder in options.folders]
    bases = [*shipped, *local]
    learned = Calibration.model_validate_json((ROOT / "validation" / "bridges.json").read_text(encoding="utf-8"))
    start = time.perf_counter()
    hidden = run(reads_of(bases))
    seconds = time.perf_counter() - start
    siblings = run(reads_of([b for b in bases if len({o.target for o in b.outcomes}) > 1]), siblings_visible=True)
    for name, found in (("backtest", hidden), ("backtest-siblings", siblings)):
        (ROOT / "validation" / f"{name}.json").write_text(json.dumps(found.model_dump(mode="json"), indent=1) + "\n", encoding="utf-8")
    draw("backtest", "backtest-siblings")
    template = (ROOT / "validation" / "backtest_page.md").read_text(encoding="utf-8")
    parts = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"), "seconds": f"{seconds:.0f}",
        "local": ", ".join(b.question.id for b in local) or "none", "goals": goals(hidden),
        "hidden": backtest_markdown(hidden, "###"), "siblings": backtest_markdown(siblings, "###"),
        "tried": tried([b for b in bases if b.question.id in {x.bridge for x in hidden.bridges if x.scores[0].score.pairs >= LARGE}]), "novelty": novelty_table(), **learned_tables(learned),
    }  # fmt: skip
    for key, value in parts.items():
        template = template.replace("{{" + key + "}}", value)
    PAGE.write_text(template, encoding="utf-8")
    print(parts["goals"], f"\n{seconds:.0f} s for all bridges, outcomes hidden")


if __name__ == "__main__":
    main()
