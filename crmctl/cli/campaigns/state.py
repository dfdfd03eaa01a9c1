"""``crmctl campaign status|pause|resume|cancel``: what became of it, and whether it goes on."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import click

from crmctl.cli.app import App
from crmctl.cli.app import pass_app
from crmctl.cli.campaigns.campaign import handle_of
from crmctl.cli.campaigns.campaign import own_server
from crmctl.cli.campaigns.tables import waits
from crmctl.cli.options import Command
from crmctl.cli.options import output_option
from crmctl.cli.words import counted
from crmctl.errors import CrmError
from crmctl.render.rows import Column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmctl.render.rows import Value
    from crmctl.services.campaigns.control import Status
    from crmctl.services.campaigns.running.triage import Line


@click.command("status", cls=Command)
@click.argument("ref", metavar="REF")
@output_option(formats=("table", "json", "jsonl", "csv", "tsv", "md"))
@pass_app
def status(app: App, ref: str, form: str) -> None:
    """Show how a campaign stands: what became of every message, and the sum that proves none is lost.

    \b
      crmctl campaign status new-year
    """
    from crmctl.services.campaigns import control

    handle = handle_of(app, ref)
    found = control.status(app.book, handle)
    held = _held(app, handle, found)
    if form in ("json", "jsonl"):
        values = _values(handle, found, held)
        app.rows(form, [Column(name) for name in values], [list(values.values())])
    else:
        columns = [Column("state"), Column("reason"), Column("count", right=True)]
        rows: list[list[Value]] = [
            [count.state.replace("_", " "), count.reason, count.number] for count in found.counts
        ]
        if rows or form != "table":
            app.rows(form, columns, rows)
    if form == "table":
        app.print([control.proof(found.balance)])
    words = f"{handle} is {found.status}" + (f": {found.paused}" if found.paused else "")
    sender = "any machine" if found.sender.lower() == "any" else found.sender
    app.say(words + (f"; {sender} sends it." if sender else "."))
    if form == "table":
        waits(app, held)
    for problem in found.problems:
        app.fail(problem)


def _held(app: App, handle: str, found: Status) -> list[Line]:
    """Those who wait although the campaign goes on."""
    from crmctl.services.campaigns import waiting

    if found.status in ("paused", "cancelled") or not found.balance.pending:
        return []
    mail = None
    with suppress(CrmError):  # Whoever only looks needs no settings.
        mail = own_server()
    return [line for line in waiting.reasons(app.book, handle, mail) if line.state in ("wait", "hold")]


def _values(handle: str, found: Status, held: Sequence[Line]) -> dict[str, Value]:
    """All that is known, for programs."""
    counts: list[Value] = [
        {"state": count.state, "reason": count.reason or None, "count": count.number} for count in found.counts
    ]
    waiting: list[Value] = [
        {
            "customer": line.entry.handle,
            "code": line.code,
            "reason": line.reason,
            "until": line.until.isoformat() if line.until else None,
        }
        for line in held
    ]
    return {
        "campaign": handle,
        "status": found.status,
        "paused": found.paused or None,
        "sender": found.sender or None,
        "revision": found.revision or None,
        **found.balance._asdict(),
        "holds": found.balance.holds,
        "counts": counts,
        "waits": waiting,
    }


@click.command("pause", cls=Command)
@click.argument("ref", metavar="REF")
@pass_app
def pause(app: App, ref: str) -> None:
    """Hold a campaign up; a run that is under way ends before its next message.

    What other machines may send too (sender: any) is told to them at once, if they can be reached.

    \b
      crmctl campaign pause new-year
    """
    from crmctl.services.campaigns import control

    handle = handle_of(app, ref)
    app.written(control.pause(app.book, handle))
    _tell_others(app, handle)


@click.command("resume", cls=Command)
@click.argument("ref", metavar="REF")
@pass_app
def resume(app: App, ref: str) -> None:
    """Let a paused campaign go on; the next `send --send` does.

    \b
      crmctl campaign resume new-year
      crmctl campaign send new-year --send
    """
    from crmctl.services.campaigns import control

    app.written(control.resume(app.book, handle_of(app, ref)))


@click.command("cancel", cls=Command)
@click.argument("ref", metavar="REF")
@click.option("-y", "--yes", is_flag=True, help="Go on without asking.")
@pass_app
def cancel(app: App, ref: str, yes: bool) -> None:
    """End a campaign: what has not gone out will not.

    What other machines may send too (sender: any) is told to them at once, if they can be reached.

    \b
      crmctl campaign cancel new-year
    """
    from crmctl.services.campaigns import control

    handle = handle_of(app, ref)
    app.confirm(f"End campaign {handle}? What waits will not go out.", yes=yes)
    cancelled = control.cancel(app.book, handle)
    app.written(cancelled.written)
    if cancelled.elsewhere:
        app.say(f"{cancelled.elsewhere} sends it, and stops when it hears of this: crmctl sync here, then there.")
        app.say(f"How many will not go out is told by crmctl campaign cancel {handle}, said once more there.")
    else:
        app.say(f"{counted(cancelled.withdrawn, 'message')} will not go out.")
    _tell_others(app, handle)


def _tell_others(app: App, handle: str) -> None:
    from crmctl.services.campaigns import control

    if unknown := control.tell_others(app.book, handle):
        app.say(unknown)
