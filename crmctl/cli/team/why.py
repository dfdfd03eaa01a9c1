"""``crmctl why REF FIELD``: the value, who set it, when, in which commit, and what it was before."""

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
    from crmctl.services.past.why import Origin


def _complete(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[object]:
    from crmctl.cli.complete import kinds_and_handles

    return list(kinds_and_handles(context, incomplete))


@click.command("why", cls=Command)
@click.argument("words", nargs=-1, required=True, metavar="[KIND] REF FIELD", shell_complete=_complete)
@output_option()
@pass_app
def why(app: App, words: tuple[str, ...], form: str) -> None:
    """Show where a value comes from: who set it, when, and in which commit.

    \b
      crmctl why ada phones                   each of them
      crmctl why ada tags.vip                 one of them
      crmctl why ada consent.newsletter
      crmctl why deal spring-project amount
      crmctl why interaction 01J9ZZ... amount

    Of a list or a map each member is told, with the commit it came with. What the commit says tells the rest: an import
    names its file. Earlier values follow, and so do the members that were taken out of a list. A record or a value that
    is gone is found too.
    """
    from crmctl.services.past.why import origins

    if len(words) not in (2, 3):
        raise UsageProblem("whose value, and of which field?", hint="crmctl why [KIND] REF FIELD, as: why ada emails")
    kind, handle = _located(app, words[:-1])
    found = origins(app.book, kind, handle, words[-1])
    if form in ("table", "md"):
        columns = [Column("value"), Column("state"), Column("at"), Column("author"), Column("commit"), Column("from")]
        wide.rows(app, form, columns, [_row(one) for one in found], texts=("value", "from"))
    elif form == "ids":
        app.rows(form, [Column("commit")], [[one.commit] for one in found])
    else:
        names = ("value", "state", "at", "author", "email", "commit", "subject")
        app.rows(form, [Column(name) for name in names], [_full_row(one) for one in found])
    if any(one.cut for one in found):
        app.say("This clone is shallow: what was before is not in it. git fetch --unshallow brings it.")


def _row(one: Origin) -> list[Value]:
    at = f"{one.at:%Y-%m-%d %H:%M}" if one.at is not None else ""
    value: Value = "(none)" if one.value is None else one.value  # type: ignore[assignment]
    return [value, one.state, at, one.author, one.commit[:10], one.subject]


def _full_row(one: Origin) -> list[Value]:
    at = one.at.isoformat() if one.at is not None else None
    return [one.value, one.state, at, one.author, one.email, one.commit, one.subject]  # type: ignore[list-item]


def _located(app: App, words: tuple[str, ...]) -> tuple[Kind, str]:
    """The record that the words mean, the first of which may be a kind; a person chooses among several."""
    from crmctl.services.past.why import locate

    kind = app.book.schema.kind(words[0]) if len(words) == 2 else None
    if len(words) == 2 and kind is None:
        raise UsageProblem(
            f"there is no kind {words[0]!r}", hint="crmctl why [KIND] REF FIELD; put a name in quotes: 'Ada Lovelace'"
        )
    try:
        return locate(app.book, kind, words[-1])
    except Ambiguous as error:
        chosen = app.choose("Which one?", error.candidates)
        if chosen is None:
            raise
        return locate(app.book, kind, chosen)
