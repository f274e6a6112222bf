"""The prior as arrays: what the readers without a discount pin, and what one setting under two names becomes."""

import pytest

import cases
from evidence.domain.records import Target
from evidence.model.design import build_design
from evidence.model.hyper import build_hyper
from evidence.model.identity import merge_alike_settings


def test_perfect_proxies_lose_every_gap_and_keep_every_spread():
    base = cases.base_of(
        cases.effect("f1", "A", "none", 0.4, 0.2, at="s1"), cases.effect("f2", "A", "none", 0.1, 0.2, at="s2"),
        settings=(cases.setting("s1", "F1"), cases.setting("s2", "F2")),
    )  # fmt: skip
    hyper = build_hyper(base, cases.spread_model(), build_design(base))
    perfect = hyper.perfect()
    pinned = {
        name: perfect.tables[k, 0, 0]
        for k, name in enumerate(perfect.names)
        if hyper.active[k] and not perfect.active[k]
    }
    discounts = {name for name, on in zip(hyper.names, hyper.active, strict=True) if on and name[0] in "wlv"}
    assert discounts >= {"w_0", "w_d[distance]", "l[F1]", "l[F2]"}
    assert pinned == {name: 0.0 if name.startswith("w_") else 1.0 for name in discounts}
    assert perfect.active[hyper.slots["tau_P"]] and perfect.active[hyper.slots["sigma_b"]]


@pytest.mark.parametrize("at", ["target", "sibling"])
def test_findings_at_a_target_stay_there_where_two_settings_are_one(at):
    base = cases.base_of(
        cases.effect("f1", "A", "none", 0.4, 0.2, at="s1"), cases.effect("f2", "A", "none", 0.1, 0.2, at="same"),
        cases.effect("f3", "A", "none", 0.2, 0.2, at="other"), cases.effect("f4", "A", "none", 0.3, 0.2, at=at),
        settings=(cases.setting("s1"), cases.setting("same"), cases.setting("other", "G")),
    )  # fmt: skip
    targets = (*base.question.targets, Target(id="sibling", novelty=0.4))
    base = base.model_copy(update={"question": base.question.model_copy(update={"targets": targets})})
    merged = merge_alike_settings(base)
    assert [f.setting for f in merged.findings] == ["s1", "s1", "other", at]
    assert [s.id for s in merged.settings] == ["s1", "other"]
