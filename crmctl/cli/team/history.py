"""``crmctl history REF``: who changed what in a record, and when, from git."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from crmctl.cli import wide
from crmctl.cli.app import pass_app
from crmctl.cli.options import Command
from crmctl.cli.options import output_option
from crmctl.errors import Ambiguous
from crmctl.errors import UsageProblem
from crmctl.render.rows import Column

if TYPE_CHECKING:
    from crmctl.cli.app import App
    from crmctl.model.fields import Kind
    from crmctl.render.rows import Value
    from crmctl.services.past.history import Event


def _complete(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[object]:
    from crmctl.cli.complete import kinds_and_handles

    return list(kinds_and_handles(context, incomplete))


@click.command("history", cls=Command)
@click.argument("words", nargs=-1, required=True, metavar="[KIND] REF", shell_complete=_complete)
@click.option("--limit", type=click.IntRange(min=1), default=None, help="Only the latest so many.")
@output_option()
@pass_app
def history(app: App, words: tuple[str, ...], limit: int | None, form: str) -> None:
    """Show who changed what in a record, from git.

    The record is looked for among customers first, then among the other kinds; KIND says which one is meant. A record
    that was removed is found by its whole handle. A customer's history tells of their interactions too.
    """
    from crmctl.services.past.history import history as read

    kind, handle = located(app, words, "crmctl history [KIND] REF")
    events = read(app.book, kind, handle, limit or 0)
    if form in ("table", "md"):
        columns = [Column("at"), Column("commit"), Column("author"), Column("what")]
        rows = [_row(event) for event in events]
        wide.rows(app, form, columns, rows, texts=("what",), nothing=_nothing(kind, handle))
    else:
        names = ("at", "commit", "author", "email", "subject", "changes")
        rows = [
            [event.at.isoformat(), event.commit, event.author, event.email, event.subject, list(event.changes)]
            for event in events
        ]
        if form == "ids":
            rows = [[event.commit] for event in events]
        app.rows(form, [Column(name) for name in names], rows)
    if any(event.cut for event in events):
        app.say(
            f"This clone is shallow: what was before {events[-1].at:%Y-%m-%d} is not in it. "
            "git fetch --unshallow brings it."
        )


def _row(event: Event) -> list[Value]:
    what = "; ".join(event.changes) or event.subject
    return [f"{event.at:%Y-%m-%d %H:%M}", event.commit[:10], event.author, what]


def _nothing(kind: Kind, handle: str) -> str:
    return f"{kind.name} {handle} is in no commit yet."


def located(app: App, words: tuple[str, ...], usage: str) -> tuple[Kind, str]:
    """The record that the words mean, the first of which may be a kind; a person chooses among several."""
    from crmctl.services.past.history import locate

    kind = app.book.schema.kind(words[0]) if len(words) > 1 else None
    if len(words) > (2 if kind is not None else 1):
        raise UsageProblem("one record at a time", hint=f"{usage}; put a name in quotes: 'Ada Lovelace'")
    try:
        return locate(app.book, words[-1], kind)
    except Ambiguous as error:
        chosen = app.choose("Which one?", error.candidates)
        if chosen is None:
            raise
        return locate(app.book, chosen, kind)
