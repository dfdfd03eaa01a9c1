"""Decisions about people in sequences as tables, and other tables whose last column must not be cut off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.render.rows import Column
from crmctl.render.text import safe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmctl.cli.app import App
    from crmctl.render.rows import Value
    from crmctl.services.following.deciding import Decision

_COLUMNS = ("customer", "sequence", "step", "what", "until", "code", "reason", "enrolment")


def show(app: App, found: Sequence[Decision], form: str, nothing: str = "") -> None:
    """Print decisions; ``nothing`` is said when there are none."""
    if form != "table":
        rows: list[list[Value]] = [
            [
                one.customer,
                one.sequence,
                one.step or None,
                one.what,
                one.until.isoformat() if one.until else None,
                one.code,
                one.reason,
                one.enrolment,
            ]
            for one in found
        ]
        app.rows(form, [Column(name, right=name == "step") for name in _COLUMNS], rows)
        return
    table: list[list[Value]] = [
        [
            one.customer,
            one.sequence,
            one.step or None,
            one.what,
            f"{one.until.astimezone(app.book.settings.zone):%Y-%m-%d %H:%M}" if one.until else "",
            one.reason,
        ]
        for one in found
    ]
    columns = [Column("customer"), Column("sequence"), Column("step", right=True), Column("what"), Column("until")]
    told(app, "table", [*columns, Column("reason")], table, nothing)


def told(app: App, form: str, columns: Sequence[Column], rows: Sequence[Sequence[Value]], nothing: str) -> None:
    """A table whose last column are reasons or files; where the terminal is too narrow for it each row is a paragraph,
    because what is cut off is of no use."""
    from crmctl.cli.daily.today import paragraph

    names = [column.name for column in columns]
    cells = [["" if value is None else str(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    if form != "table" or not rows or not app.width or sum(widths) + 2 * len(widths) - 2 <= app.width:
        app.rows(form, columns, rows, nothing=nothing)
        return
    step = names.index("step")
    lines: list[str] = []
    for *facts, reason in cells:
        facts[step] = f"step {facts[step]}" if facts[step] else ""
        words = paragraph([reason], app.width, 4) if " " in reason else [f"    {safe(reason)}"]
        lines += [*paragraph([fact for fact in facts if fact], app.width), *words]
    app.print(lines, page=True)
