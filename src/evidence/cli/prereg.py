"""`evidence prereg`: beliefs frozen today, shown to be the ones used, and scored when target evidence arrives."""

from __future__ import annotations

import typer

from evidence.cli import prereg_changes, prereg_drafts, prereg_resolve, prereg_show, prereg_together, prereg_verify

app = typer.Typer(
    name="prereg", no_args_is_help=True, help="Freezes what you believe today, and scores it when the target is known."
)
app.command("new")(prereg_drafts.new)
app.command("check")(prereg_drafts.check)
app.command("freeze")(prereg_drafts.freeze)
app.command("verify")(prereg_verify.verify)
app.command("amend")(prereg_changes.amend)
app.command("withdraw")(prereg_changes.withdraw)
app.command("resolve")(prereg_resolve.resolve)
app.command("score")(prereg_resolve.score)
app.command("compare")(prereg_together.compare)
app.command("pool")(prereg_together.pool)
app.command("list")(prereg_show.list_registrations)
app.command("show")(prereg_show.show_registration)
app.command("export")(prereg_changes.export)
