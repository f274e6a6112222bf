"""A small registration for tests: a base of three techniques, its draft, and what the engine makes of it, once."""

import functools
import tempfile
from pathlib import Path

from bases import write_base
from evidence.analysis.prereg_freeze import Source, build_registration
from evidence.inference.exact import ExactEngine
from evidence.io.code_state import code_state
from evidence.io.models import load_model
from evidence.io.registrations import load_draft
from evidence.io.shipped import find_model

FINDINGS = """\
id,study,setting,technique,comparator,kind,higher_is_better,k,n,k0,n0,where,source_kind
f1,alpha2023,jailbreak,monitor,none,counts,no,12,100,31,100,Table 1,full text
f2,alpha2023,jailbreak,audit,none,counts,no,22,100,31,100,Table 1,full text
"""
FAMILIES = """\
id,name,validity_class,irrelevance,stated_at,stated_rho_lo,stated_rho_hi,reason
chat,Small chat models,small-open-chat,0.2,,,,Too weak to scheme
"""
SETTINGS = """\
id,name,family,environment,model_family,size,adversary,outcome,gap_capability,why_capability,gap_aim,why_aim
jailbreak,Jailbreaks,chat,chat,Llama 2,7B,human,attack success,some,7B model,none,harm on request
"""
STUDIES = """\
id,title,kind,authors,lab,year,url,headline
alpha2023,Defending chat models,empirical,Ada and Bo,Lab A,2023,https://example.org/a,f1
"""
DRAFT = """\
format = "evidence-prereg/1"
id = "tiny-1"
title = "Which defence first"
created_utc = "2026-11-27T10:00:00Z"
decision_rule = "Try the techniques in the registered order."
stopping = "The first evaluation with 200 attacks an arm."
exclusions = ["studies without a baseline: they compare nothing"]
base = "base"
model = "default"

[[authors]]
name = "Ada"

[question]
id = "tiny-question"
question = "Which of two defences works at the target?"
outcome = "share of attacks stopped in the first evaluation"
unit = "share"
higher_is_better = true
smallest_difference = 0.2
techniques = ["none", "monitor", "audit"]
technique = "monitor"
comparator = "audit"

[[scenarios]]
target = "first deployment"
title = "The first deployment"
weight = 0.75
novelty = 0.5
reason = "Same epoch."
recognised_by = "the laboratory says that it deploys"

[[scenarios]]
target = "slow change"
weight = 0.25
novelty = 1.0
coordinates = { capability = "some" }
reason = "Nothing like it has been seen."
recognised_by = "no single deployment is named within two years"

[estimand]
contrast = "technique minus comparator"
transformation = "log odds times sqrt(3)/pi"

[knowledge]
seen_target_data = "no"
explain = "Read the one study of the base."

[[predictions]]
id = "p1"
scenario = "first deployment"
observable = "share of attacks stopped, 200 an arm"
resolves_when = "the first evaluation is reported"
source = "the laboratory's safety report"
resolver = "Bo of another laboratory"
deadline = "2031-12-31"

[[predictions]]
id = "p2"
scenario = "slow change"
observable = "share of attacks stopped, 200 an arm"
resolves_when = "the first evaluation is reported"
source = "the laboratory's safety report"
resolver = "Bo of another laboratory"
deadline = "2033-12-31"

[scoring]
annul_conditions = ["the scenario did not come", "no target run by the deadline"]
"""


def write_small_base(folder):
    """The base as a folder of tables."""
    return write_base(folder, findings=FINDINGS, families=FAMILIES, settings=SETTINGS, studies=STUDIES, outcomes=None)


def write_draft(folder, text=DRAFT, name="mine.prereg.toml"):
    """The draft and its base in a folder; the path of the draft."""
    if not (folder / "base").exists():
        write_small_base(folder / "base")
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return path


def source_in(folder, text=DRAFT):
    """The draft with what it names."""
    found = load_draft(write_draft(Path(folder), text))
    return Source(found.draft, found.base, found.model, found.data, code_state())


def registration_of(source, amends=None):
    """What would be frozen."""
    readers = {name: load_model(find_model(file)) for name, file in READERS.items()}
    return build_registration(source, engine=ExactEngine(), amends=amends, **readers)


READERS = {"face_value": "face-value", "random_effects": "random-effects"}


@functools.cache
def small_registration():
    """The registration of DRAFT, computed once."""
    with tempfile.TemporaryDirectory() as folder:
        return registration_of(source_in(folder))


def variant(**changes):
    """The registration with some fields changed: another registration of the same question."""
    return small_registration().model_copy(update=changes)
