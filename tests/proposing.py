"""Small proposals: records built in memory, and the text of a file on the tiny base of tests/bases.py."""

from evidence.domain.proposals import Cost, Crunch, Proposal, ProposedFinding


def finding(technique, comparator, setting, **more):
    return ProposedFinding(technique=technique, comparator=comparator, setting=setting, **more)


def proposal(*findings, **more):
    more.setdefault("cost", Cost(researcher_hours_80=(10, 20)))
    more.setdefault("crunch", Crunch(months_away_80=(6, 24)))
    return Proposal(id=more.pop("id", "p"), title="p", claim="test", base="test", findings=findings, **more)


def text(*, name="watch-again", n=400, keys="", tables=""):
    """A `PROPOSAL.toml`: n in each arm; `keys` stand at the top level, `tables` at the end."""
    return f"""\
id = "{name}"
title = "Watch the sleepers again"
claim = "A larger sample of the same."
base = "tiny"
{keys}
[[findings]]
technique = "monitor"
comparator = "none"
setting = "sleeper"
n_per_arm = {n}
expected_rate = 0.5

[cost]
researcher_hours_80 = [40, 160]
months_until_known = 2

[crunch]
all_fail_hours = 100
check_hours = 2
ship_failure_hours = 30
researchers = 2
money_per_day_of_delay = 1000
months_away_80 = [6, 36]
{tables}"""
