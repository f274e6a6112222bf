"""Small proposals built in memory (records only, no files)."""

from evidence.domain.proposals import Cost, Crunch, Proposal, ProposedFinding


def finding(technique, comparator, setting, **more):
    return ProposedFinding(technique=technique, comparator=comparator, setting=setting, **more)


def proposal(*findings, **more):
    more.setdefault("cost", Cost(researcher_hours_80=(10, 20)))
    more.setdefault("crunch", Crunch(months_away_80=(6, 24)))
    return Proposal(id=more.pop("id", "p"), title="p", claim="test", base="test", findings=findings, **more)
