"""Setting fields of many records: what would become of each is shown, then it is asked, then it is one commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.cli import wide
from crmctl.cli.words import counted
from crmctl.render.rows import Column
from crmctl.services import bulk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmctl.cli.app import App
    from crmctl.model.fields import Kind
    from crmctl.render.rows import Value
    from crmctl.services.bulk import Changed
    from crmctl.services.records import Assignment

SHOWN = 20
"""So many are shown before it is asked; a dry run shows all."""


def set_many(
    app: App,
    kind: Kind,
    filters: Sequence[str],
    assignments: Sequence[Assignment],
    *,
    adopt: bool,
    dry_run: bool,
    yes: bool,
) -> None:
    """``crmctl KIND set --filter FILTER FIELD=VALUE...``."""
    handles = bulk.matching(app.book, kind, filters)
    if not handles:
        app.say(f"No {kind.plural} match.")
        return
    changed = show(app, kind, handles, assignments, limit=0 if dry_run else SHOWN)
    if dry_run or not changed:
        return
    app.confirm(f"Set this in {_counted(len(changed), kind)}?", yes=yes)
    app.book.refresh()  # A person may have taken their time to answer.
    app.written(bulk.change(app.book, kind, [one.handle for one in changed], assignments, adopt=adopt))


def show(
    app: App, kind: Kind, handles: Sequence[str], assignments: Sequence[Assignment], *, limit: int = 0
) -> list[Changed]:
    """Print what would become of these records; those that would change."""
    found = bulk.looked_at(app.book, kind, handles, assignments)
    changed = [one for one in found if one.fields]
    rows: list[list[Value]] = [[one.handle, "; ".join(one.words)] for one in changed[: limit or None]]
    if rows:
        wide.rows(app, "table", [Column(kind.name), Column("what")], rows, texts=("what",))
    if limit and len(changed) > limit:
        app.say(f"... and {counted(len(changed) - limit, 'more row')}")
    app.say(f"{_counted(len(changed), kind)} would change, {len(found) - len(changed):,} would stay as they are.")
    return changed


def _counted(number: int, kind: Kind) -> str:
    return f"{number:,} {kind.one if number == 1 else kind.many}"
