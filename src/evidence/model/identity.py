"""When two settings are one: a setting is what it is, not what it is called (docs/model.md, section 2)."""

from __future__ import annotations

from evidence.domain.records import EvidenceBase, Setting


def identity_of(setting: Setting) -> tuple[object, ...]:
    """Everything that makes a setting: family, environment, model family, size, adversary, outcome and gaps."""
    gaps = tuple(sorted((dimension, str(gap)) for dimension, gap in setting.gaps.items()))
    words = (setting.environment, setting.model_family, setting.size, setting.adversary, setting.outcome)
    return (setting.family, *words, gaps)


def merge_alike_settings(base: EvidenceBase) -> EvidenceBase:
    """The base with settings that differ in name alone replaced by the first of them.

    Left apart, ten names for one setting would agree more than ten settings can, and the model would learn from
    that agreement that proxies hardly differ.
    """
    first: dict[tuple[object, ...], str] = {}
    same_as = {s.id: first.setdefault(identity_of(s), s.id) for s in base.settings}
    if len(first) == len(base.settings):
        return base
    findings = tuple(f.model_copy(update={"setting": same_as.get(f.setting, f.setting)}) for f in base.findings)
    families = tuple(
        f if f.stated_at is None else f.model_copy(update={"stated_at": same_as[f.stated_at]}) for f in base.families
    )
    settings = tuple(s for s in base.settings if same_as[s.id] == s.id)
    return base.model_copy(update={"findings": findings, "families": families, "settings": settings})
