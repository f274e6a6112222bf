"""`evidence add`: a dialogue that turns a paper into rows of a base, or into a file of its own, and reviews it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evidence.cli import flags
from evidence.cli.running import (
    BAD_INPUT,
    Choices,
    answer,
    bad_option,
    base_named,
    checked,
    complain,
    guarded,
    model_named,
    require_verdict,
    run_review,
)
from evidence.cli.session import Session, place_of
from evidence.domain.errors import BadInput, Problem, Unwritable
from evidence.domain.records import Finding

if TYPE_CHECKING:
    from evidence.cli.dialogue import Answers, Dialogue, Remark, Terminal
    from evidence.domain.read_back import ReadBack
    from evidence.domain.results import Review

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


@guarded
def add(
    study: Annotated[
        str, typer.Argument(metavar="STUDY", help="Id of the study, known or new: greenblatt2023control.")
    ],
    *,
    base: flags.BaseOption = flags.DEFAULT_BASE,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE.toml", help="Write a paper file; where the base is a shipped one: STUDY.toml."
        ),
    ] = None,
    no_review: Annotated[bool, typer.Option("--no-review", help="Save, and leave without the page.")] = False,
    force: flags.Force = False,
    target: flags.Target = None,
    model: flags.ModelName = flags.DEFAULT_MODEL,
    seed: flags.Seed = 1,
    json: flags.Json = False,
    quiet: flags.Quiet = False,
) -> None:
    """Asks for a paper's results one by one, checks them as they come, saves them, and shows the review.

    Into a folder of your own the rows are appended to its tables; on a shipped base they become the file of one paper.

    Example: evidence add smith2026probes --base my-base
    """
    from evidence.cli.dialogue import Ended, open_terminal

    priors, study = model_named(model), study.strip()
    session = Session(study, place_of(study, base, out, force=force), priors, checked(base_named(base), priors))
    session.require_new_study_in_a_paper()
    session.require_target(target)
    try:
        terminal = open_terminal()
    except EOFError:
        raise bad_option("standard input", "it closed", "a terminal, or answers one a line") from None
    try:
        _greet(terminal, session)
        belief = _ask_all(terminal, session, review=not no_review, target=target)
    except Ended as error:
        complain(["", f"the answers ended at: {error.key}; {session.what_is_saved()}"])
        raise typer.Exit(BAD_INPUT) from None
    except KeyboardInterrupt:
        complain(["", f"stopped; {session.what_is_saved()}"])
        raise typer.Exit(INTERRUPTED) from None
    choices = Choices(target, (), seed)
    found = None if no_review else _review(session, choices, belief=belief, quiet=quiet)
    if json:
        _print_document(session, found)
    elif found is not None:
        from evidence.report.render import review_view

        answer(found, lambda: review_view(found, command=session.review_line(choices, model, belief)), as_json=False)


def _greet(terminal: Terminal, session: Session) -> None:
    place = session.place.folder or session.place.paper
    known = "a study the base has" if session.was_known else "a new study"
    terminal.tell(f"{session.study}, {known}, for {session.base.question.title!r}; to be saved in {place}.")
    terminal.tell("? explains a question, back goes one back, Ctrl-C leaves. Nothing is written before you say so.")


def _ask_all(terminal: Terminal, session: Session, *, review: bool, target: str | None) -> float | None:
    """Findings until there is no other, each saved as soon as its reader says so; then the reader's belief in 100.

    Where answers end after something was saved, that is the end of them and no mistake.
    """
    from evidence.cli.dialogue import Dialogue, Ended
    from evidence.cli.questions import ANOTHER, belief_question

    while True:
        _ask_finding(terminal, session)
        try:
            if not Dialogue(terminal, [ANOTHER]).hold()["another"]:
                break
        except Ended:
            if session.told is None:
                raise
            return None
    pair = session.reviewed_pair() if review and session.told is not None else None
    if pair is None:
        return None
    question = belief_question(*pair, target or session.base.question.targets[0].id)
    try:
        return Dialogue(terminal, [question]).hold().get("belief")
    except Ended:
        return None


def _ask_finding(terminal: Terminal, session: Session) -> None:
    """One finding, from the study or the setting on to the files."""
    from evidence.cli.dialogue import Dialogue, Remark
    from evidence.cli.questions import Topic, questions_for
    from evidence.io.drafting import fields_at_fault, judge

    key = session.next_id()
    classes = {name: validity.claim for name, validity in session.model.classes.items()}
    topic = Topic(session.base, session.study, classes)

    def look(answers: Answers) -> Iterator[Remark]:
        judgement = judge(answers, session.base, key)
        logs = " (logarithms of what was typed)" if answers.get("is_ratio") else ""
        for p in judgement.problems:
            yield Remark(fields_at_fault(p), f"found {p.found}, wanted {p.wanted}{logs}", must_mend=True)
        for o in judgement.oddities:
            yield Remark(o.fields, f"found {o.found}, wanted {o.wanted}{logs}")

    def heard(answers: Answers) -> str:
        return "\n".join([*_sentences(answers, session, key), "Save this finding?"])

    dialogue = Dialogue(terminal, questions_for(topic, heard), known={"study": session.study}, look=look)
    while (answers := dialogue.hold())["save"]:
        try:
            _save(answers, session, key, note=_note(answers, dialogue, look(answers)))
        except Unwritable as error:
            # A full disk or a folder that may not be written to can be mended; the answers cannot be had again.
            terminal.tell(f"Not saved: {error.problems[0]}. Mend that, then answer yes.")
            dialogue.reopen()
        except BadInput as error:
            for problem in error.problems:
                terminal.tell(str(problem))
            terminal.tell("Not saved: back changes an answer.")
            dialogue.reopen()
        else:
            terminal.tell(f"Saved as {key} in {', '.join(str(path) for path in session.written)}.")
            return
    terminal.tell("Not saved.")


def _note(answers: Answers, dialogue: Dialogue, remarks: Iterable[Remark]) -> str:
    """The finding's note with the reasons for what looks odd and stays."""
    from evidence.domain.oddities import note_of_kept

    note = answers.get("note", "")
    for remark in remarks:
        if remark in dialogue.kept:
            note = note_of_kept(note, remark.fields[0], dialogue.kept[remark])
    return note


def _save(answers: Answers, session: Session, key: str, *, note: str) -> None:
    """The finding into the files. Raises BadInput, with nothing written, where it makes no sound base."""
    from evidence.io.drafting import addition_of

    finding = _finding_of({**answers, "note": note}, session, key)
    said = _hear(answers, finding, session)
    session.save(addition_of(answers, session.base, finding))
    session.heard.append(said)


def _finding_of(answers: Answers, session: Session, key: str) -> Finding:
    from evidence.io.drafting import judge

    judgement = judge(answers, session.base, key)
    if judgement.finding is None:
        raise BadInput(judgement.problems)
    return judgement.finding


def _hear(answers: Answers, finding: Finding, session: Session) -> ReadBack:
    """The finding on its proxy. Raises BadInput for numbers that give no effect."""
    from evidence.analysis.read_back import read_back
    from evidence.io.drafting import setting_of

    names = [
        answers.get(f"{side}.name") or session.base.technique(answers[side]).name
        for side in ("technique", "comparator")
    ]
    try:
        return read_back(finding, setting_of(answers, session.base), technique=names[0], comparator=names[1])
    except ValueError as error:
        raise BadInput([Problem("answer", None, "", str(error), "numbers that give a finite effect")]) from None


def _sentences(answers: Answers, session: Session, key: str) -> tuple[str, ...]:
    """The read-back, or what stands in its way."""
    from evidence.report.read_back import read_back_lines

    try:
        return read_back_lines(_hear(answers, _finding_of(answers, session, key), session))
    except BadInput as error:
        return tuple(str(problem) for problem in error.problems)


def _review(session: Session, choices: Choices, *, belief: float | None, quiet: bool) -> Review | None:
    """The review of what was added; None where nothing was, or where prices leave all of it out."""
    if session.told is None:
        return None
    if not session.base.findings_of(session.study):
        complain([f"no review: prices leave out every finding of {session.study}"])
        return None
    finding = session.reviewed_finding()
    return run_review(
        session.base, session.model, studies=(session.study,), finding=finding, choices=choices, belief=belief,
        quiet=quiet,
    )  # fmt: skip


def _print_document(session: Session, found: Review | None) -> None:
    """What was added, as one JSON document; the review is as `evidence review --json` has it."""
    from json import loads

    from evidence.report.documents import json_of, json_text

    document = {
        "study": session.study,
        "findings": [finding.id for finding in session.told.findings] if session.told else [],
        "written": [str(path) for path in session.written],
        "read_back": [said.model_dump(mode="json") for said in session.heard],
        "review": None if found is None else loads(json_of(found)),
    }
    typer.echo(json_text(document), nl=False)
    if found is not None:
        require_verdict(found)
