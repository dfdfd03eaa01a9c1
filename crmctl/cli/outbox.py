"""``crmctl outbox list|show|resolve``: every message by itself, and what a person found out about one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from crmctl.cli.app import App
from crmctl.cli.app import pass_app
from crmctl.cli.options import Command
from crmctl.cli.options import output_option
from crmctl.cli.words import counted
from crmctl.mail.ledger.states import STATES
from crmctl.render.rows import Column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmctl.render.rows import Value
    from crmctl.services.campaigns.outbox import Send

_LIST = ("sid", "campaign", "customer", "state", "at", "attempts", "next", "code", "text")
_EVENTS = ("at", "host", "event", "code", "text", "why")


@click.group("outbox", context_settings={"help_option_names": ["-h", "--help"]})
def outbox() -> None:
    """Show and settle single messages."""


@outbox.command("list", cls=Command)
@click.argument("ref", metavar="[CAMPAIGN]", default="")
@click.option("--state", "states", multiple=True, type=click.Choice(STATES), help="Only these; repeatable.")
@click.option("--all", "everything", is_flag=True, help="Those that are done too.")
@output_option()
@pass_app
def list_(app: App, ref: str, states: tuple[str, ...], everything: bool, form: str) -> None:
    """List the messages that are not done: those that wait, and those whose fate is unknown."""
    from crmctl.cli.pick import picked
    from crmctl.services.campaigns import outbox as sends

    handle = picked(app, app.book.schema.require("campaign"), ref) if ref else ""
    found = sends.sends(app.book, campaign=handle, states=states, everything=everything)
    if form == "table":
        _table(app, found)
        return
    rows: list[list[Value]] = [
        [
            send.row.sid,
            send.campaign or None,
            send.customer or None,
            send.row.state,
            send.row.at or None,
            send.row.attempts,
            send.row.next_at or None,
            send.row.code or None,
            send.row.text or send.row.why or None,
        ]
        for send in found
    ]
    columns = [Column(name, right=name in ("attempts", "code")) for name in _LIST]
    app.rows(form, columns, rows, nothing="Nothing waits.")


def _table(app: App, found: Sequence[Send]) -> None:
    """For people: as much of each id as tells it from the others, times of the book's zone, one column of words."""
    size = next(size for size in (8, 26) if len({send.row.sid[:size] for send in found}) == len(found))
    rows: list[list[Value]] = []
    for send in found:
        row = send.row
        said = " ".join(text for text in (str(row.code or ""), row.text or row.why) if text)
        again = f"again at {_local(app, row.next_at)}" if row.next_at else ""
        words = "; ".join(text for text in (again, said) if text)
        state = row.state.replace("_", " ")
        rows.append([row.sid[:size], send.campaign or None, send.customer or None, state, _local(app, row.at), words])
    columns = [Column(name) for name in ("sid", "campaign", "customer", "state", "since", "reason")]
    app.rows("table", columns, rows, nothing="Nothing waits.")


def _local(app: App, stamp: str) -> str:
    """A stamp of the ledger as the book's clock shows it, to the minute."""
    from datetime import datetime

    try:
        return f"{datetime.fromisoformat(stamp).astimezone(app.book.settings.zone):%Y-%m-%d %H:%M}"
    except ValueError:
        return stamp


@outbox.command("show", cls=Command)
@click.argument("sid")
@output_option()
@pass_app
def show(app: App, sid: str, form: str) -> None:
    """Show everything that happened to one message; the start of its id is enough."""
    from crmctl.services.campaigns import outbox as sends

    send, events = sends.one(app.book, sid)
    rows: list[list[Value]] = []
    for event in events:
        code, text = event.about.get("code") or None, str(event.about.get("text") or "") or None
        why = str(event.about.get("why") or event.about.get("result") or "") or None
        rows.append([event.t, event.host, event.ev, code, text, why])
    app.rows(form, [Column(name) for name in _EVENTS], rows)
    facts = f" ({', '.join(sorted(send.row.facts))})" if send.row.facts else ""
    whose = f"{send.campaign or send.row.camp} to {send.customer or send.row.cust}"
    app.say(f"{send.row.sid}: {whose}, {send.row.state.replace('_', ' ')}{facts}.")


@outbox.command("resolve", cls=Command)
@click.argument("sid")
@click.option(
    "--as",
    "answer",
    required=True,
    type=click.Choice(["accepted", "resend", "abandoned"]),
    help="What became of it, or is to.",
)
@click.option("--evidence", required=True, metavar="TEXT", help="How you know; without addresses, it is shared.")
@pass_app
def resolve(app: App, sid: str, answer: str, evidence: str) -> None:
    """Settle a message whose answer was lost: by a bounce, a reply, the server's log, or a word on the phone."""
    from crmctl.services.campaigns import outbox as sends

    send = sends.resolve(app.book, sid, answer, evidence)
    again = " The next run of the campaign sends the same bytes again." if answer == "resend" else ""
    app.say(f"{send.row.sid} is {send.row.state.replace('_', ' ')} now.{again}")


@outbox.command("adopt", cls=Command)
@click.option("--nothing-sent", is_flag=True, help="Hold nobody back: you know that nothing was sent meanwhile.")
@click.option("-y", "--yes", is_flag=True, help="Go on without asking.")
@pass_app
def adopt(app: App, nothing_sent: bool, yes: bool) -> None:
    """Go on after the ledger of this machine was lost, cut, changed or put back from an older copy.

    Whoever may have got a message in what is missing is held back as unknown.
    """
    from crmctl.services.campaigns import outbox as sends

    app.confirm("Go on from what can still be read of the ledger?", yes=yes)
    done = sends.adopt(app.book, hold=not nothing_sent)
    lost = "others may be missing" if done.lost else "none is missing"
    app.say(f"{counted(done.kept, 'line')} kept, {lost}; {counted(len(done.held), 'message')} held back as unknown.")
