"""Tables of the people of a campaign, and of what becomes of their messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.cli.words import counted
from crmctl.render.rows import Column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmctl.cli.app import App
    from crmctl.render.rows import Value
    from crmctl.services.campaigns.running.triage import Line

_SENT = tuple(Column(name) for name in ("customer", "name", "state", "address", "until", "code", "reason", "sid"))


def lines(app: App, found: Sequence[Line], form: str, nothing: str = "") -> None:
    """What has become, or would become, of messages; for programs with all that is known of each."""
    if form != "table":
        rows: list[list[Value]] = [
            [
                line.entry.handle,
                line.entry.name,
                line.state,
                line.entry.address or None,
                line.until.isoformat() if line.until else None,
                line.code or None,
                line.reason or None,
                line.entry.sid,
            ]
            for line in found
        ]
        app.rows(form, _SENT, rows)
        return
    names = ("customer", "name", "state", "until", "reason")
    table: list[list[Value]] = [
        [
            line.entry.handle,
            line.entry.name,
            line.state.replace("_", " "),
            f"{line.until:%Y-%m-%d %H:%M}" if line.until else "",
            line.reason or (f"to {line.entry.address}" if line.state == "send" else ""),
        ]
        for line in found
    ]
    dated = all(not line.until or f"{line.until:%Y-%m-%d}" in line.reason for line in found)
    fitted(app, names, table, nothing, spare=("name", "until") if dated else ("name",))


def waits(app: App, found: Sequence[Line]) -> None:
    """Why messages wait, a sentence for each reason; each person's own time is that of the first of them."""
    reasons: dict[str, list[Line]] = {}
    for line in found:
        if line.state in ("wait", "deferred", "hold") and line.code != "stopped":
            reasons.setdefault("deferred" if line.state == "deferred" else line.code, []).append(line)
    for code, these in reasons.items():
        first = min(these, key=lambda line: f"{line.until:%Y-%m-%d %H:%M}" if line.until else "9")
        until = f"{first.until:%Y-%m-%d %H:%M}" if first.until else ""
        dated = f"; not before {until}" if until and until not in first.reason else ""
        app.say(f"{counted(len(these), 'message')} {'waits' if len(these) == 1 else 'wait'}: {first.reason}{dated}.")
        if code == "deferred":
            app.say("crmctl campaign send --send tries again (cron).")


def fitted(
    app: App,
    names: Sequence[str],
    rows: Sequence[Sequence[Value]],
    nothing: str = "",
    heading: str = "",
    spare: Sequence[str] = ("name",),
) -> None:
    """A table of people: columns with nothing in them are left out, and at a terminal that is too narrow those that can
    be spared, one after the other; the last one has as many lines as it needs. ``heading`` is that of the first."""
    from crmctl.cli import wide

    sizes = {
        name: max(len(name), *(len(str(row[place])) for row in rows))
        for place, name in enumerate(names)
        if any(row[place] for row in rows)
    }
    for name in spare:
        if app.width and sum(sizes.values()) + 2 * (len(sizes) - 1) > app.width:
            sizes.pop(name, None)
    kept = [place for place, name in enumerate(names) if name in sizes]
    columns = [Column(names[place], heading=heading if place == 0 else "") for place in kept]
    body = [[row[place] for place in kept] for row in rows]
    wide.rows(app, "table", columns, body, texts=(columns[-1].name,) if columns else (), nothing=nothing)
