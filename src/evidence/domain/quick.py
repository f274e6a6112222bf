"""One typed claim, and the smallest evidence base that holds it."""

from __future__ import annotations

from evidence.domain.records import (
    Dimension,
    EvidenceBase,
    Family,
    Finding,
    Id,
    Question,
    Record,
    Setting,
    Study,
    Target,
    Technique,
)

BASELINE = "baseline"
"""Id of technique 0; a claim against it is a claim against doing nothing."""
SETTING = "proxy"
"""Id of the one setting and of its family: the NAME of `--set validity.proxy=.2..6` and its kin."""
DIMENSION = "distance"


class QuickClaim(Record):
    """What was typed on the command line, as a contrast in `SETTING`, a proxy of the stated validity class."""

    text: str
    validity_class: Id
    finding: Finding


def base_of_claim(claim: QuickClaim) -> EvidenceBase:
    """A base with one question, one target of novelty 1, one proxy some distance away, and the claim as its finding."""
    finding = claim.finding
    names = dict.fromkeys((BASELINE, finding.technique, finding.comparator or BASELINE))
    family = Family(
        id=SETTING, name="the claim's proxy", validity_class=claim.validity_class, reason="class given by --class"
    )
    setting = Setting(
        id=SETTING,
        name="where the claim was measured",
        family=SETTING,
        environment="not stated",
        model_family="not stated",
        outcome="not stated",
        gaps={DIMENSION: "some"},
        reasons={DIMENSION: "assumed: a claim without a paper says nothing about its gaps"},
    )
    return EvidenceBase(
        question=_question(finding),
        techniques=tuple(Technique(id=name, name=name) for name in names),
        families=(family,),
        settings=(setting,),
        studies=(Study(id="claim", title=claim.text, authors="not stated", year=1900, headline="claim"),),
        findings=(finding,),
    )


def _question(finding: Finding) -> Question:
    return Question(
        id="quick",
        title="One claim",
        question=f"Is {finding.technique} above {finding.comparator} at a target nobody can measure yet?",
        criterion="the claim's own outcome, at the target",
        unit="SMD",
        smallest_difference=0.2,
        targets=(Target(id="target", novelty=1, reason="unlike anything measured so far"),),
        dimensions=(
            Dimension(
                id=DIMENSION,
                meaning="how far the proxy is from the target in every named way together",
                none="as the target",
                some="of its kind, with clear differences",
                major="unlike the target",
            ),
        ),
    )
