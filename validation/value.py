"""Values of studies on many proposals: laws that must hold on random ones, and how long a thousand take.

python validation/value.py laws [--proposals 2000]
python validation/value.py speed [--proposals 1000] [--outcomes 2048]
python validation/value.py shipped
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # threads of our own, before NumPy starts its own

import argparse
import math
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from evidence.analysis.fitting import fit_case, prepare_case
from evidence.analysis.proposed import foresee_proposals
from evidence.analysis.sights import Stakes
from evidence.analysis.terms import stakes_of
from evidence.analysis.value import Asking, value_of
from evidence.analysis.worth import Effort, imagine_study, worth_of
from evidence.cli.running import base_named, model_named
from evidence.domain.proposals import Cost, Crunch, Proposal, ProposedFinding
from evidence.inference.exact import ExactEngine
from evidence.inference.foresight import foresee
from evidence.io.proposals import load_proposal
from evidence.io.shipped import list_proposals

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
COST, CRUNCH = Cost(researcher_hours_80=(100, 300)), Crunch(months_away_80=(6, 36))


def random_proposal(rng, name, base, *, most=3):
    """One to `most` results: any two techniques, any setting, a size with an se or a statement."""
    techniques, settings = [t.id for t in base.techniques], [s.id for s in base.settings]
    findings = []
    for _ in range(int(rng.integers(1, most + 1))):
        technique, comparator = rng.choice(techniques, 2, replace=False).tolist()
        is_sign = rng.random() < 0.2
        law = (
            {"kind": "order", "q": float(rng.uniform(0.55, 0.95))}
            if is_sign
            else {"se_smd": float(rng.uniform(0.05, 0.8))}
        )
        findings.append(
            ProposedFinding(technique=technique, comparator=comparator, setting=str(rng.choice(settings)), **law)
        )
    return Proposal(
        id=name, title=name, claim="random", base=base.question.id, findings=tuple(findings), cost=COST, crunch=CRUNCH
    )


def foreseen(base, model, proposals, *, draws=4096):
    case = prepare_case(base, model, target=None, settings=(), seed=1)
    posterior = fit_case(case, ExactEngine(), seed=1)
    return foresee_proposals(case, posterior, proposals, foresee, draws=draws)


def laws(n):
    """EVSI >= 0, EVSI <= EVPI, and no less for a sample four times as large, on `n` random proposals."""
    import cases

    rng = np.random.default_rng(7)
    settings = [
        cases.setting("s"),
        cases.setting("s2", family="G"),
        cases.setting("s3", family="G", gaps={"distance": 0.2}),
    ]
    found = [cases.effect("f1", "A", "none", 0.5, 0.3, study="j1"), cases.order("f2", "B", "A", 0.8, study="j2", at="s2"),
             cases.effect("f3", "C", "none", -0.2, 0.4, study="j3", at="s3")]  # fmt: skip
    base = cases.base_of(*found, settings=settings, techniques=["A", "B", "C", "D"])
    proposals = [random_proposal(rng, f"p{i}", base) for i in range(n)]
    known = foreseen(base, cases.spread_model(), proposals)
    effort = Effort(particles=4096, outcomes=128, read=128, bits=False)
    stakes = [
        Stakes(np.arange(4), rng.uniform(1, 9, 4), 0.1, float(rng.uniform(0, 40)), float(rng.uniform(0.5, 5)), float(rng.uniform(5, 30)))
        for _ in proposals
    ]  # fmt: skip

    def one(i):
        study = known.study(proposals[i])
        here, more = (
            worth_of(imagine_study(known.foreseen, s, seed=i, effort=effort), stakes[i]).both
            for s in (study, study.enlarged(4))
        )
        return here.saved, here.perfect, more.saved, math.hypot(here.mcse, more.mcse)

    started = time.time()
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        saved, perfect, more, error = np.array(list(threads.map(one, range(n)))).T
    print(f"{n} random proposals in {time.time() - started:.0f} s")
    print(
        f"smallest EVSI {saved.min():.3g} (wanted >= -1e-9); EVSI above EVPI by at most {(saved - perfect).max():.3g} (wanted <= 1e-6)"
    )
    fall = (saved - more) / np.maximum(error, 1e-9)
    print(
        f"falls with four times the sample by more than 3 errors: {(fall > 3).sum()}; largest fall {fall.max():.2f} errors, {(saved - more).max():.3f} h"
    )


def speed(n, outcomes):
    """`n` random proposals on the control base, `outcomes` outcomes each."""
    rng = np.random.default_rng(11)
    base, model = base_named("control"), model_named("default")
    proposals = [random_proposal(rng, f"p{i}", base, most=2) for i in range(n)]
    started, cpu = time.time(), time.process_time()
    known = foreseen(base, model, proposals)
    ready = time.time() - started
    effort = Effort(particles=8192, outcomes=outcomes, read=outcomes, planned=16, exact_plans=False, bits=False)
    stakes = stakes_of(proposals[0], base)

    def one(proposal):
        both = worth_of(imagine_study(known.foreseen, known.study(proposal), seed=1, effort=effort), stakes).both
        return both.saved, both.crossed

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        found = np.array(list(threads.map(one, proposals)))
    wall, cpu = time.time() - started, time.process_time() - cpu
    print(
        f"{n} proposals x {outcomes} outcomes: {wall:.0f} s ({ready:.0f} s of it fitting and foreseeing), {cpu:.0f} s of processor time"
    )
    print(
        f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; hours saved {found[:, 0].min():.3f} to {found[:, 0].max():.2f}, cross-judged {found[:, 1].min():.2f} to {found[:, 1].max():.2f}"
    )


def shipped():
    """Every shipped proposal: in a process that has done one before, and its processor time."""
    asking = Asking(ExactEngine(), foresee)
    loaded = [load_proposal(path)[0] for path in list_proposals().values()]
    for proposal in [loaded[0], *loaded]:
        base, model = base_named(proposal.base), model_named(proposal.model)
        started, cpu = time.time(), time.process_time()
        found = value_of(proposal, base, model, asking)
        print(
            f"{proposal.id}: {time.time() - started:.1f} s, {time.process_time() - cpu:.1f} s of processor time, ok {found.ok}, load {os.getloadavg()[0]:.1f}",
            flush=True,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("laws", "speed", "shipped"))
    parser.add_argument("--proposals", type=int)
    parser.add_argument("--outcomes", type=int, default=2048)
    arguments = parser.parse_args()
    if arguments.what == "laws":
        laws(arguments.proposals or 2000)
    elif arguments.what == "speed":
        speed(arguments.proposals or 1000, arguments.outcomes)
    else:
        shipped()
