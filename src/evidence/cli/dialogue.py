"""A dialogue in the terminal: a table of questions asked in order, each answer read and looked at before the next.

`?` explains a question, `back` goes to the one before it. Questions go to standard error, so that standard output holds
the command's answer alone; answers are lines of standard input, from a terminal or not.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from textwrap import wrap
from typing import Any

from evidence.io.typed import Unreadable, Values, choice, clean, words

type Answers = Mapping[str, Any]

MOST_SHOWN = 40
"""Options listed before the rest are only counted."""
_WORD = re.compile(r"[^\W\d_]{3}")
"""What a reason holds and a number does not."""
_OPTION = re.compile(r" *\d* {2,}")


class Ended(Exception):  # noqa: N818 (the reader left: no failure)
    """The answers ended at this question."""

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(key)


@dataclass(frozen=True)
class Question:
    """One question: what is asked, what `?` says, and how the answer becomes values."""

    key: str
    """What the answer is, in a few words."""
    text: Callable[[Answers], str]
    help: str
    read: Callable[[str, Answers], Values]
    """Values of a typed answer; Unreadable says what was wanted."""
    fields: tuple[str, ...] = ()
    """Fields of the finding that the answer fills: a remark about one of them leads back here."""
    when: Callable[[Answers], bool] = lambda _: True
    options: Callable[[Answers], Sequence[str]] = lambda _: ()
    """Lines to choose from by number."""
    default: Callable[[Answers], str] = lambda _: ""
    """What Enter stands for, as it would be typed; "" for nothing."""
    optional: bool = False
    """Enter, or `none`, is an answer too."""


def in_words(
    key: str, text: str, help: str, field: str, *, when: Callable[[Answers], bool] = lambda _: True
) -> Question:
    """A question that any words answer."""
    return Question(key, lambda _: text, help, put(field, words), (field,), when=when)


def put(field: str, read: Callable[[str], Any]) -> Callable[[str, Answers], Values]:
    """Reads an answer as the value of one field."""
    return lambda text, _: {field: read(text)}


def pick(field: str, options: Collection[str]) -> Callable[[str, Answers], Values]:
    """Reads an answer as the number or name of one of the options."""
    return lambda text, _: {field: choice(text, options)}


@dataclass(frozen=True)
class Remark:
    """Something about the answers so far: to be corrected or, where it is only odd, kept with a reason."""

    fields: tuple[str, ...]
    text: str
    must_mend: bool = False


@dataclass(frozen=True)
class Terminal:
    """Where questions are shown and answers are read."""

    tell: Callable[[str], None]
    """Shows a line."""
    ask: Callable[[str], str]
    """Shows a prompt and reads a line; EOFError where there is none."""


def open_terminal() -> Terminal:
    """Standard error and standard input. Raises EOFError where standard input is closed."""
    from evidence.report.render import open_console
    from evidence.report.words import show_name

    if sys.stdin is None or sys.stdin.closed:
        raise EOFError
    console = open_console(sys.stderr)

    def ask(prompt: str) -> str:
        console.print(show_name(prompt), end="", style="bold")
        sys.stderr.flush()
        if not (line := sys.stdin.readline()):
            raise EOFError
        return line

    def tell(line: str) -> None:
        """The line, its continuation under the words of an option and not under its number."""
        start = _OPTION.match(line)
        indent = " " * len(start[0]) if start else ""
        console.print("\n".join(wrap(show_name(line), console.width, subsequent_indent=indent)))

    return Terminal(tell, ask)


@dataclass
class Dialogue:
    """The state of a dialogue: what was typed, what it means, and why oddities were kept."""

    terminal: Terminal
    questions: Sequence[Question]
    known: Answers = field(default_factory=dict)
    """Values that need no question."""
    look: Callable[[Answers], Iterable[Remark]] = lambda _: ()
    """What there is to say about the answers so far."""
    kept: dict[Remark, str] = field(default_factory=dict)
    """Oddities kept as they are, each with its reason."""
    _typed: dict[str, str] = field(default_factory=dict)
    """The last text typed per question: what Enter stands for when it is asked again."""
    _given: dict[int, Values] = field(default_factory=dict)
    """Values by the index of their question, in the order of the answers."""

    def hold(self) -> dict[str, Any]:
        """Ask everything that is open; the values of all answers. Raises Ended where the answers end."""
        index = max(self._given, default=-1) + 1
        taken_until = turn = 0  # below `taken_until` all but `turn` is taken as it was typed before
        while index < len(self.questions):
            question = self.questions[index]
            if not question.when(self.answers()):
                index += 1
                continue
            values = self._typed_before(question) if index < taken_until and index != turn else None
            if values is None and (values := self._ask(question)) is None:
                index, taken_until = self._one_back(index), 0
                continue
            self._given[index] = values
            index += 1
            if index >= taken_until and (wrong := self._to_correct()) is not None:
                taken_until, index, turn = index, wrong, wrong
                self._given = {i: v for i, v in self._given.items() if i < wrong}
        return self.answers()

    def reopen(self) -> None:
        """Open the last question again."""
        self._given.popitem()

    def answers(self) -> dict[str, Any]:
        """The values so far."""
        found = dict(self.known)
        for values in self._given.values():
            found |= values
        return found

    def _typed_before(self, question: Question) -> Values | None:
        """The values of what was typed last time; None where it was never asked or cannot be read any more."""
        try:
            return question.read(self._typed[question.key], self.answers())
        except (KeyError, Unreadable):
            return None

    def _one_back(self, index: int) -> int:
        """The question before this one; its answer is asked again."""
        if not self._given:
            self.terminal.tell("This is the first question.")
            return index
        last = next(reversed(self._given))
        del self._given[last]
        return last

    def _ask(self, question: Question) -> Values | None:
        """The values of an answer; None to go one back."""
        answers = self.answers()
        self.terminal.tell("")
        for line in question.text(answers).splitlines():
            self.terminal.tell(line)
        self._list(question.options(answers))
        fallback = self._typed.get(question.key, question.default(answers))
        while True:
            text = self._line(f"[{fallback}] > " if fallback else "> ", question.key)
            if text == "back":
                return None
            if text == "?":
                self.terminal.tell(question.help)
                continue
            text = text or fallback
            if not text and not question.optional:
                self.terminal.tell("Wanted: an answer (? explains, back goes one back).")
                continue
            try:
                values = question.read("" if question.optional and text == "none" else text, answers)
            except Unreadable as error:
                self.terminal.tell(f"Wanted: {error}.")
                continue
            self._typed[question.key] = text
            return values

    def _list(self, options: Sequence[str]) -> None:
        for number, option in enumerate(options[:MOST_SHOWN], 1):
            self.terminal.tell(f"{number:>4}  {option}")
        if len(options) > MOST_SHOWN:
            self.terminal.tell(f"      and {len(options) - MOST_SHOWN} more")

    def _to_correct(self) -> int | None:
        """The question to be asked again because of what its answer gave rise to; None where nothing is left to say."""
        for remark in self.look(self.answers()):
            if remark not in self.kept and (index := self._settle(remark)) is not None:
                return index
        return None

    def _settle(self, remark: Remark) -> int | None:
        """Show a remark: the question to correct, or None where the reader keeps it and says why."""
        places = self._answers_about(remark.fields)
        self.terminal.tell("")
        self.terminal.tell(f"{'Wrong' if remark.must_mend else 'Odd'}: {self.questions[places[0]].key}: {remark.text}")
        self._list([f"{self.questions[i].key}: {self._as_typed(self.questions[i])}" for i in places])
        keep = "" if remark.must_mend else ", or in words why it is right as it stands"
        while True:
            text = self._line(f"number of the answer to correct{keep} [1] > ", "what is odd")
            if text in {"", "back"}:
                return places[0]
            if text.isdecimal() and 1 <= int(text) <= len(places):
                return places[int(text) - 1]
            if not remark.must_mend and _WORD.search(text):
                self.kept[remark] = text
                return None
            self.terminal.tell(f"Wanted: a number from 1 to {len(places)}{keep}.")

    def _as_typed(self, question: Question) -> str:
        """The last answer, or the words of the option whose number was typed."""
        text, options = self._typed[question.key], question.options(self.answers())
        return (
            options[int(text) - 1] if options and text.isdecimal() and 0 < int(text) <= len(options) else text or "none"
        )

    def _answers_about(self, fields: tuple[str, ...]) -> list[int]:
        """Answered questions that fill one of the fields, the most suspect first; at least the last one answered."""
        filled = [i for name in fields for i in self._given if name in self.questions[i].fields]
        return list(dict.fromkeys(filled)) or [next(reversed(self._given))]

    def _line(self, prompt: str, key: str) -> str:
        """One line of plain text. Raises Ended where there is none."""
        while True:
            try:
                return clean(self.terminal.ask(prompt))
            except EOFError:
                raise Ended(key) from None
            except Unreadable as error:
                self.terminal.tell(f"Wanted: {error}.")
