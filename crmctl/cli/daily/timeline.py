"""``crmctl timeline``: what happened with a customer, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

import click

from crmctl.cli.app import App
from crmctl.cli.app import pass_app
from crmctl.cli.options import Command
from crmctl.cli.options import output_option

if TYPE_CHECKING:
    from crmctl.render.rows import Column
    from crmctl.render.rows import Value
    from crmctl.services.interactions import Event

_FIELDS = ("id", "at", "type", "direction", "by", "text", "outcome", "minutes", "amount", "currency")
_MORE = ("deal", "case", "campaign", "lines")
ARROWS = {"in": "←", "out": "→"}


def _complete(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[Any]:
    from crmctl.cli.complete import handles

    return handles(context, "customer", incomplete)


@click.command("timeline", cls=Command, context_settings={"ignore_unknown_options": True})
@click.argument("ref", metavar="REF", shell_complete=_complete)
@click.argument("filters", nargs=-1, metavar="[FILTER]...")
@click.option("--limit", type=click.IntRange(min=1), help="Only so many, the newest.")
@click.option("--reverse", is_flag=True, help="Oldest first.")
@click.option("--ids", is_flag=True, help="Show the ids of the interactions in the table too.")
@output_option()
@pass_app
def timeline(app: App, ref: str, filters: tuple[str, ...], limit: int, reverse: bool, ids: bool, form: str) -> None:
    """Show everything that happened with a customer, newest first.

    FILTER is as in `crmctl interaction list`: type:call, amount>=100, "free words" ...
    """
    from crmctl.cli.pick import picked
    from crmctl.render.rows import Column
    from crmctl.services import interactions

    customer = picked(app, app.book.schema.require("customer"), ref)
    events = interactions.timeline(app.book, customer, filters, limit=limit or 0, oldest_first=reverse)
    nothing = f"Nothing {'like that ' if filters else ''}happened with {customer} yet"
    if form in ("table", "md"):
        columns = [Column("when"), Column("type"), Column("by"), Column("amount", right=True), Column("what")]
        columns += [Column("id")] if ids else []
        app.rows(form, *_used(columns, [_row(event, ids=ids) for event in events]), nothing=nothing)
    else:
        columns = [Column(name, right=name in ("minutes", "amount")) for name in (*_FIELDS, *_MORE)]
        app.rows(form, columns, ([getattr(event, column.name) for column in columns] for event in events))


def _row(event: Event, *, ids: bool) -> list[Value]:
    when = f"{event.local:%Y-%m-%d %H:%M}" if event.local else event.at
    type_ = f"{event.type} {ARROWS.get(event.direction or '', '')}".strip()
    amount = f"{event.amount} {event.currency}" if event.amount else ""
    return [when, type_, event.by, amount, told(event), *([event.id] if ids else [])]


def _used(columns: list[Column], rows: list[list[Value]]) -> tuple[list[Column], list[list[Value]]]:
    """The columns that have anything in them, and the rows with just those."""
    used = [at for at in range(len(columns)) if not rows or any(row[at] for row in rows)]
    return [columns[at] for at in used], [[row[at] for at in used] for row in rows]


def told(event: Event) -> str:
    """An interaction in one line: the gist's first line, how it ended, how long it took."""
    first, _, rest = event.gist.partition("\n")
    parts = [first + (" …" if rest.strip() else "")]
    if event.outcome and event.outcome != event.gist:
        parts.append(event.outcome)
    if event.minutes is not None:
        parts.append(f"{event.minutes} min")
    return " · ".join(part for part in parts if part)
