"""The questions of `evidence add`: a table, in the order in which a reader with a paper open can answer them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from evidence.cli.dialogue import Answers, Question, in_words, pick, put
from evidence.cli.number_questions import number_questions
from evidence.domain.records import SIGN_KINDS, EvidenceBase, Setting
from evidence.io import typed
from evidence.io.links import THEORY
from evidence.io.rows import did_you_mean
from evidence.io.typed import Unreadable, Values

_KINDS = {
    "counts": "how many of how many, for both",
    "means": "a mean score of both, with its SD or standard error",
    "effect": "a difference, with its standard error or 95 % interval",
    "auroc": "an AUROC",
    "order": "only which of the two is ahead",
}
_SIDES = ("technique", "comparator", "neither")
_OWN = {"neither": (False, False), "technique": (True, False), "comparator": (False, True), "both": (True, True)}
_SOURCES = {
    "full text": "the paper itself",
    "abstract": "its abstract",
    "secondary": "someone else's summary",
    "derived": "worked out from what the paper gives",
}
_LEVELS = ("none", "some", "major")

_HELP_NEW = "Type the number or the id from the list, or `new` and a name for one that the base lacks."


@dataclass(frozen=True)
class Topic:
    """What the questions are about: the base as it stands, the study, and the validity classes with their claims."""

    base: EvidenceBase
    study: str
    classes: Mapping[str, str]

    @property
    def is_new(self) -> bool:
        """The study is not one of the base's."""
        return self.study not in {study.id for study in self.base.studies}

    def is_theory(self, answers: Answers) -> bool:
        """The study argues and measures nothing."""
        known = "" if self.is_new else self.base.study(self.study).kind
        return answers.get("study.kind", known) == THEORY

    def settings(self, answers: Answers) -> tuple[Setting, ...]:
        """Settings to choose from: those of theory families for an argument."""
        if not self.is_theory(answers):
            return self.base.settings
        return tuple(s for s in self.base.settings if self.base.family(s.family).validity_class.startswith(THEORY))

    def outcome(self, answers: Answers) -> str:
        """The outcome of the setting in words."""
        return (
            answers["setting.outcome"]
            if "setting.outcome" in answers
            else self.base.setting(answers["setting"]).outcome
        )

    def name(self, answers: Answers, side: str) -> str:
        """The name of the technique or the comparator."""
        return answers[f"{side}.name"] if f"{side}.name" in answers else self.base.technique(answers[side]).name


def questions_for(topic: Topic, read_back: Callable[[Answers], str]) -> tuple[Question, ...]:
    """The whole table; `read_back` says the finding in words before it is saved."""
    return (
        *_study_questions(topic),
        *_setting_questions(topic),
        *_contrast_questions(topic),
        *number_questions(topic.name),
        *_ahead_questions(topic),
        *_source_questions(topic),
        Question(
            "save", read_back,
            "yes saves this finding; no leaves it out; back changes an answer. Nothing has been written yet.",
            lambda text, _: {"save": typed.yes(text)}, default=lambda _: "yes",
        ),
    )  # fmt: skip


ANOTHER = Question(
    "another", lambda _: "Another finding of this study?",
    "yes asks again from the setting on; what is saved stays saved.",
    lambda text, _: {"another": typed.yes(text)}, default=lambda _: "no",
)  # fmt: skip


def belief_question(technique: str, comparator: str, target: str) -> Question:
    """What the reader believes before the page says what is warranted."""
    return Question(
        "belief",
        lambda _: f"Before the page is shown: in how many of 100 worlds is {technique} above {comparator} at {target}, would you say?",
        "Your own belief after reading, 1 to 99. The page compares it with what is warranted; Enter goes without.",
        _belief, optional=True,
    )  # fmt: skip


def _belief(text: str, _: Answers) -> Values:
    if not text:
        return {}
    value = typed.number(text, "a number above 0 and below 100")
    if not 0 < value < 100:
        raise Unreadable("a number above 0 and below 100")
    return {"belief": value}


def _study_questions(topic: Topic) -> tuple[Question, ...]:
    def new(_: Answers) -> bool:
        return topic.is_new

    return (
        in_words("title", "Title of the study?", "As printed.", "study.title", when=new),
        in_words("authors", "Authors?", "Family names, with commas.", "study.authors", when=new),
        Question("year", lambda _: "Year?", "The year of publication.", put("study.year", typed.year), when=new),
        Question(
            "address", lambda _: "Where can it be read? Enter for nowhere.", "A web address.",
            lambda text, _: {"study.url": text} if text else {}, when=new, optional=True,
        ),
        Question(
            "kind of study", lambda _: "Does it measure something, or argue?",
            "An experiment of any kind measures. A theory's findings are orders on a setting of a theory family.",
            pick("study.kind", ("empirical", THEORY)), when=new, default=lambda _: "empirical",
            options=lambda _: ("empirical: it measures", "theory: it argues"),
        ),
    )  # fmt: skip


def _setting_questions(topic: Topic) -> tuple[Question, ...]:
    def new(answers: Answers) -> bool:
        return "setting.name" in answers

    def new_family(answers: Answers) -> bool:
        return "family.name" in answers

    return (
        Question(
            "setting", lambda _: "Where was it measured? A number, an id, or `new NAME`.",
            f"A setting is environment, model, adversary and outcome together. {_HELP_NEW}",
            lambda text, answers: _chosen(text, "setting", {s.id: s.name for s in topic.settings(answers)}, _ids_taken(topic)),
            ("setting",), options=lambda answers: [f"{s.id}: {s.name}; {s.outcome}" for s in topic.settings(answers)],
        ),
        Question(
            "family", lambda _: "Which family of proxies is it of? A number, an id, or `new NAME`.",
            f"Proxies of one family share their reasons to be wrong. {_HELP_NEW}",
            lambda text, _: _family(text, topic), when=new,
            options=lambda _: [f"{f.id}: {f.name} ({f.validity_class})" for f in topic.base.families],
        ),
        Question(
            "validity class", lambda _: "What kind of proxy is the new family?",
            "The class says how well proxies of this kind usually track a target.",
            lambda text, answers: {"family.validity_class": typed.choice(text, _classes(topic, answers))}, when=new_family,
            options=lambda answers: [f"{name}: {claim}" for name, claim in _classes(topic, answers).items()],
        ),
        in_words(
            "reason of the family", "What would make all proxies of this family wrong together?",
            "The reason they share, in a sentence.", "family.reason", when=new_family,
        ),
        in_words("environment", "Which tasks or data set?", "As the paper names it.", "setting.environment", when=new),
        in_words("model", "Which model or models?", "Name and size.", "setting.model_family", when=new),
        in_words(
            "outcome", "What was measured?", "The score in words, such as: attack success rate.", "setting.outcome", when=new,
        ),
        *(_gap_question(topic, index) for index in range(len(topic.base.question.dimensions))),
    )  # fmt: skip


def _gap_question(topic: Topic, index: int) -> Question:
    dimension = topic.base.question.dimensions[index]
    target = topic.base.question.targets[0].id
    return Question(
        f"gap in {dimension.id}",
        lambda _: f"Gap in {dimension.id} to {target}: {dimension.meaning}. The word, then why.",
        "none, some, major, unknown or a number from 0 to 1, and the reason on the same line, as: major: a 7B model.",
        lambda text, _: {f"gap.{dimension.id}": typed.gap(_level(text))},
        when=lambda answers: "setting.name" in answers,
        options=lambda _: [f"{level}: {getattr(dimension, level)}" for level in _LEVELS],
    )


def _level(text: str) -> str:
    """The answer with a level's number from the list, 2 or 3 and then words, as its name; 1 might be a gap of 1."""
    first, space, rest = text.partition(" ")
    number = first.rstrip(":,;.")
    if number == "1":
        raise typed.Unreadable("the word none, or 1.0 for the largest gap: a plain 1 may mean either")
    return f"{_LEVELS[int(number) - 1]} {rest}" if space and number in {"2", "3"} else text


def _contrast_questions(topic: Topic) -> tuple[Question, ...]:
    names = {technique.id: technique.name for technique in topic.base.techniques}
    baseline = topic.base.techniques[0].id
    listed = [f"{key}: {name}{' (the baseline)' if key == baseline else ''}" for key, name in names.items()]
    return (
        Question(
            "technique", lambda _: "Which technique is judged? A number, an id, or `new NAME`.", _HELP_NEW,
            lambda text, _: _chosen(text, "technique", names, names), ("technique",), options=lambda _: listed,
        ),
        Question(
            "comparator", lambda _: "Compared with? A number, an id, or `new NAME`.", f"{_HELP_NEW} The baseline is doing nothing.",
            lambda text, answers: _comparator(text, answers, names), ("comparator",), options=lambda _: listed,
        ),
        Question(
            "what the paper gives", lambda _: "What does the paper give?",
            "Take the first that the paper gives: counts say most. Shares of a known n are counts (30 % of 400).",
            pick("kind", tuple(_KINDS)), ("kind",), when=lambda answers: not topic.is_theory(answers),
            options=lambda _: tuple(_KINDS.values()),
        ),
        Question(
            "direction", lambda answers: f"Is higher better? The outcome is: {topic.outcome(answers)}.",
            "yes if a larger number is the better one for the technique's side; numbers keep the paper's own sign.",
            put("higher_is_better", typed.yes), ("higher_is_better",), default=lambda answers: _usual(topic, answers),
        ),
    )  # fmt: skip


def _comparator(text: str, answers: Answers, names: Mapping[str, str]) -> Values:
    values = _chosen(text, "comparator", names, (*names, answers["technique"]))
    if values["comparator"] == answers["technique"]:
        raise Unreadable("another one than the technique itself")
    return values


def _usual(topic: Topic, answers: Answers) -> str:
    """The direction that findings of the setting have already."""
    known = [f.higher_is_better for f in topic.base.findings if f.setting == answers["setting"]]
    return "" if not known else "yes" if known[0] else "no"


def _ahead_questions(topic: Topic) -> tuple[Question, ...]:
    def names(answers: Answers) -> list[str]:
        return [topic.name(answers, side) for side in _SIDES[:2]]

    def side(text: str, answers: Answers) -> str:
        """A side by its number, by its name or id, or as technique, comparator or neither."""
        called = {answers[s].casefold(): s for s in _SIDES[:2]} | {
            topic.name(answers, s).casefold(): s for s in _SIDES[:2]
        }
        return called.get(text.casefold()) or typed.choice(text, _SIDES)

    return (
        Question(
            "who came out ahead", lambda _: "Who came out ahead, in the paper's own words?",
            "Not from the numbers you typed: from what the paper says. It is the check on signs and exchanged columns.",
            lambda text, answers: {"ahead": side(text, answers)}, ("ahead",), options=lambda answers: [*names(answers), "neither"],
        ),
        Question(
            "whose number is better", lambda _: "Whose number is the better one all the same, however slightly?",
            "As the table shows it.", lambda text, answers: _nominal(side(text, answers)), ("nominal",),
            when=lambda answers: answers["ahead"] == "neither" and answers["kind"] not in SIGN_KINDS,
            options=lambda answers: [*names(answers), "the same, or not shown"],
        ),
        Question(
            "own method", lambda _: "Did the study's authors propose one of them?",
            "Authors' own methods look better than they are: the model allows for it.",
            lambda text, _: dict(zip(("own_technique", "own_comparator"), _OWN[typed.choice(text, _OWN)], strict=True)),
            ("own_technique", "own_comparator"),
            options=lambda answers: ["neither", *names(answers), "both"],
        ),
    )  # fmt: skip


def _nominal(side: str) -> Values:
    return {} if side == "neither" else {"nominal": side}


def _source_questions(topic: Topic) -> tuple[Question, ...]:
    has_price = topic.base.question.price_tolerance is not None
    return (
        Question(
            "prices", lambda _: "Usefulness lost in points, technique/comparator? Enter if not given.",
            f"As 5/0. The base compares at {topic.base.question.held_at or 'one price'}; prices too far apart are left out.",
            _prices, ("price_technique", "price_comparator"), when=lambda _: has_price, optional=True,
        ),
        Question(
            "operating point", lambda _: "At which operating point (budget, threshold)? Enter for none.",
            "A label that tells two results of one technique apart.",
            lambda text, _: {"variant": text} if text else {}, ("variant",), optional=True,
        ),
        in_words("table and page", "Where in the paper?", "Table and page, such as: Table 2, p. 5.", "where"),
        Question(
            "source", lambda _: "Read where?", "How the numbers reached you.", pick("source_kind", tuple(_SOURCES)),
            ("source_kind",), options=lambda _: [f"{name}: {text}" for name, text in _SOURCES.items()],
            default=lambda _: "full text",
        ),
    )  # fmt: skip


def _prices(text: str, _: Answers) -> Values:
    return dict(zip(("price_technique", "price_comparator"), typed.pair(text), strict=True)) if text else {}


def _chosen(text: str, field: str, names: Mapping[str, str], taken: Collection[str]) -> Values:
    """A known id by number, id or name; or `new NAME` with an id of its own."""
    if text.casefold().startswith("new "):
        name = text[4:].strip()
        if name.casefold() in {known.casefold() for pair in names.items() for known in pair}:
            raise Unreadable(f"another name: {name!r} is in the list")
        return {field: typed.id_for(name, taken), f"{field}.name": name}
    for key, name in names.items():
        if text.casefold() == name.casefold():
            return {field: key}
    try:
        return {field: typed.choice(text, names)}
    except Unreadable:
        raise Unreadable(f"a number from 1 to {len(names)}, an id, or `new NAME`{did_you_mean(text, names)}") from None


def _family(text: str, topic: Topic) -> Values:
    """The family of a new setting, and its name where it is new too."""
    names = {family.id: family.name for family in topic.base.families}
    values = _chosen(text, "family", names, names)
    return {"setting.family": values.pop("family"), **values}


def _classes(topic: Topic, answers: Answers) -> dict[str, str]:
    """Validity classes to choose from: those of theory for an argument."""
    theory = topic.is_theory(answers)
    known = topic.classes or {family.validity_class: family.name for family in topic.base.families}
    found = {name: claim for name, claim in known.items() if not theory or name.startswith(THEORY)}
    return found or {THEORY: "An argument without an experiment."}


def _ids_taken(topic: Topic) -> tuple[str, ...]:
    """Ids that a new setting may not have: those of settings and of targets."""
    return (*(s.id for s in topic.base.settings), *(t.id for t in topic.base.question.targets))
