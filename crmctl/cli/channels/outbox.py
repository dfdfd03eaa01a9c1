"""``crmctl outbox list|show|resolve``: every message by itself, and what a person found out about one."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import click

from crmctl.cli import wide
from crmctl.cli.app import App
from crmctl.cli.app import pass_app
from crmctl.cli.options import Command
from crmctl.cli.options import output_option
from crmctl.cli.words import counted
from crmctl.errors import CrmError
from crmctl.errors import NotFound
from crmctl.errors import UsageProblem
from crmctl.mail.ledger.states import STATES
from crmctl.render.rows import Column

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Sequence

    from crmctl.render.rows import Value
    from crmctl.services.campaigns.running.outbox import Send
    from crmctl.services.campaigns.running.triage import Line

UNTRIED = ("planned", "rendered", "claimed")

_LIST = ("sid", "campaign", "customer", "state", "at", "attempts", "next", "code", "text", "sequence", "step")
_SAID = {
    "plan": "is to get it",
    "holdout": "gets nothing, to compare with",
    "render": "the message was made",
    "claim": "it is this machine's to send",
    "attempt": "it is about to be handed over",
    "dot": "all was handed over but its end",
    "accept": "the server took it",
    "unknown": "the run ended before the server answered",
}
"""What an event says that comes without words."""
_EVENTS = ("at", "host", "event", "code", "text", "why")


@click.group("outbox", context_settings={"help_option_names": ["-h", "--help"]})
def outbox() -> None:
    """Show and settle single messages."""


@outbox.command("list", cls=Command)
@click.argument("ref", metavar="[CAMPAIGN|SEQUENCE]", default="")
@click.option("--state", "states", multiple=True, type=click.Choice(STATES), help="Only these; repeatable.")
@click.option("--all", "everything", is_flag=True, help="Those that are done too.")
@output_option()
@pass_app
def list_(app: App, ref: str, states: tuple[str, ...], everything: bool, form: str) -> None:
    """List the messages that are not done: those that wait, and those whose fate is unknown.

    \b
      crmctl outbox list welcome --state unknown
    """
    from crmctl.services.campaigns.running import outbox as sends

    kind, handle = _sender(app, ref) if ref else ("", "")
    found = sends.sends(app.book, **{kind: handle} if kind else {}, states=states, everything=everything)
    if form == "table":
        _table(app, found, _waits(app, found))
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
            send.words or None,
            send.sequence or None,
            int(send.step) if send.step.isdecimal() else None,
        ]
        for send in found
    ]
    columns = [Column(name, right=name in ("attempts", "code", "step")) for name in _LIST]
    app.rows(form, columns, rows, nothing="Nothing waits.")


def _sender(app: App, ref: str) -> tuple[str, str]:
    """(kind, handle) of the campaign or the sequence that ``ref`` means; a handle goes before a part of a name."""
    from crmctl.cli.pick import picked

    kinds = [app.book.schema.require(name) for name in ("campaign", "sequence")]
    for kind in kinds:
        if app.book.index.row(f"SELECT 1 FROM {kind.plural} WHERE handle = ?", (ref,)):
            return kind.name, ref
    with suppress(NotFound):
        return "campaign", picked(app, kinds[0], ref)
    try:
        return "sequence", picked(app, kinds[1], ref)
    except NotFound:
        hint = "crmctl campaign list and crmctl sequence list show them all."
        raise NotFound(f"there is no campaign or sequence {ref!r}", hint=hint) from None


def _waits(app: App, found: Sequence[Send]) -> dict[str, Line]:
    """Why those wait of which the ledger only says that they do, by their ids."""
    from crmctl.cli.campaigns.campaign import own_server
    from crmctl.services.campaigns import waiting

    mail = None
    with suppress(CrmError):  # Whoever only looks needs no settings.
        mail = own_server()
    handles = dict.fromkeys(send.campaign for send in found if send.campaign and send.row.state in UNTRIED)
    return {line.entry.sid: line for handle in handles for line in waiting.reasons(app.book, handle, mail)}


def _table(app: App, found: Sequence[Send], waits: Mapping[str, Line]) -> None:
    """For people: as much of each id as tells it from the others, times of the book's zone, one column of words."""
    size = next(size for size in (8, 26) if len({send.row.sid[:size] for send in found}) == len(found))
    rows: list[list[Value]] = []
    for send in found:
        row = send.row
        said = " ".join(text for text in (str(row.code or ""), send.words) if text)
        again = f"again at {_local(app, row.next_at)}" if row.next_at else ""
        words = "; ".join(text for text in (again, said) if text)
        if row.state in UNTRIED and row.sid in waits:
            words = _waiting(waits[row.sid])
        state = row.state.replace("_", " ")
        rows.append([row.sid[:size], send.source or None, send.customer or None, state, _local(app, row.at), words])
    columns = [Column(name) for name in ("sid", "from", "customer", "state", "since", "reason")]
    wide.rows(app, "table", columns, rows, texts=("reason",), nothing="Nothing waits.")


def _waiting(line: Line) -> str:
    if line.state == "send":
        return "goes out with the next run"
    until = f"{line.until:%Y-%m-%d %H:%M}" if line.until else ""
    return f"{line.reason}; not before {until}" if until and until not in line.reason else line.reason


def _local(app: App, stamp: str, clock: str = "%H:%M") -> str:
    """A stamp of the ledger as the book's clock shows it, to the minute unless ``clock`` says otherwise."""
    from datetime import datetime

    try:
        return format(datetime.fromisoformat(stamp).astimezone(app.book.settings.zone), f"%Y-%m-%d {clock}")
    except ValueError:
        return stamp


@outbox.command("show", cls=Command)
@click.argument("sid")
@output_option()
@pass_app
def show(app: App, sid: str, form: str) -> None:
    """Show everything that happened to one message; the start of its id is enough.

    \b
      crmctl outbox show 01J9ZQ4T
    """
    from crmctl.services.campaigns.running import outbox as sends

    send, events = sends.one(app.book, sid)
    rows: list[list[Value]] = []
    for event in events:
        code, text = event.about.get("code") or None, str(event.about.get("text") or "") or None
        why = str(event.about.get("why") or event.about.get("result") or "") or None
        rows.append([event.t, event.host, event.ev, code, text, why])
    if form == "table":
        _events(app, rows)
    else:
        app.rows(form, [Column(name) for name in _EVENTS], rows)
    facts = f" ({', '.join(sorted(send.row.facts))})" if send.row.facts else ""
    whose = f"{send.source or send.row.camp} to {send.customer or send.row.cust or 'somebody'}"
    app.say(f"{send.row.sid}: {whose}, {send.row.state.replace('_', ' ')}{facts}.")


def _events(app: App, rows: Sequence[Sequence[Value]]) -> None:
    """For people: times of the book's zone to the second, the machine only where there are several."""
    several = len({row[1] for row in rows}) > 1
    found: list[list[Value]] = []
    for at, host, event, *words in rows:
        said = " ".join(str(word) for word in words if word) or _SAID.get(str(event), "")
        found.append([_local(app, str(at), "%H:%M:%S"), *([host] if several else []), event, said])
    names = ("at", *(("host",) if several else ()), "event", "words")
    wide.rows(app, "table", [Column(name) for name in names], found, texts=("words",))


@outbox.command("resolve", cls=Command)
@click.argument("sids", metavar="[SID]...", nargs=-1)
@click.option("--campaign", "ref", metavar="NAME", default="", help="All of a campaign that are unknown.")
@click.option(
    "--as",
    "answer",
    required=True,
    type=click.Choice(["accepted", "resend", "abandoned"]),
    help="What became of it, or is to.",
)
@click.option("--evidence", required=True, metavar="TEXT", help="How you know; without addresses, it is shared.")
@pass_app
def resolve(app: App, sids: tuple[str, ...], ref: str, answer: str, evidence: str) -> None:
    """Settle messages whose answer was lost: by a bounce, a reply, the server's log, or a word on the phone.

    \b
      crmctl outbox resolve 01J9ZQ4T --as accepted --evidence 'line in the mail log'
      crmctl outbox resolve --campaign new-year --as resend --evidence 'the server was down'
    """
    from crmctl.cli.campaigns.campaign import handle_of
    from crmctl.services.campaigns.running import outbox as sends

    if bool(sids) == bool(ref):
        hint = "crmctl outbox list --state unknown shows them."
        raise UsageProblem("say which messages: their ids, or --campaign NAME", hint=hint)
    found = [sends.one(app.book, sid)[0].row.sid for sid in sids]  # All of them, before one is settled.
    for sid in dict.fromkeys(found or sends.unknown(app.book, handle_of(app, ref))):
        send = sends.resolve(app.book, sid, answer, evidence)
        run = "run of crmctl followup run" if send.sequence else "run"
        after = f"goes out again with the next {run}, the same to the last byte"
        app.say(f"{sid} {after if answer == 'resend' else f'is {_plain(send.row.state)} now'}.")


def _plain(state: str) -> str:
    return state.replace("_", " ")


@outbox.command("adopt", cls=Command)
@click.option("--from", "other", metavar="HOST", default="", help="Go on in place of a machine that is gone.")
@click.option("--nothing-sent", is_flag=True, help="Hold nobody back: you know that nothing was sent meanwhile.")
@click.option("-y", "--yes", is_flag=True, help="Go on without asking.")
@pass_app
def adopt(app: App, other: str, nothing_sent: bool, yes: bool) -> None:
    """Go on after the ledger of this machine was lost, cut, changed or put back from an older copy.

    Whoever may have got a message in what is missing is held back as unknown. With --from it is about what another
    machine had claimed of campaigns that any machine sends: crmctl outbox adopt --from lap-k3qf7ab2
    """
    from crmctl.services.campaigns.running import outbox as sends

    if other:
        _take_over(app, other, nothing_sent=nothing_sent, yes=yes)
        return
    app.confirm("Go on from what can still be read of the ledger?", yes=yes)
    done = sends.adopt(app.book, hold=not nothing_sent)
    lost = "others may be missing" if done.lost else "none is missing"
    app.say(f"{counted(done.kept, 'line')} kept, {lost}; {counted(len(done.held), 'message')} held back as unknown.")


def _take_over(app: App, other: str, *, nothing_sent: bool, yes: bool) -> None:
    from crmctl.services.campaigns.machines import taking_over

    app.confirm(f"Go on in place of {other}? It must not send any more.", yes=yes)
    after = "can be sent by any machine again" if nothing_sent else "unknown now: crmctl outbox list"
    for done in taking_over.take_over(app.book, other, hold=not nothing_sent):
        app.say(f"{done.campaign}: {counted(done.held, 'message')} that {other} held, {after}.")
