"""``crmctl campaign plan|preview|check|send|status|pause|resume|cancel``: from who gets it to what became of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from crmctl.cli.app import App
from crmctl.cli.app import pass_app
from crmctl.cli.options import Command
from crmctl.cli.options import output_option
from crmctl.cli.words import counted
from crmctl.errors import INTERRUPTED
from crmctl.errors import INVALID
from crmctl.errors import NOT_SENT
from crmctl.errors import OK
from crmctl.errors import CrmError
from crmctl.render.rows import Column

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Sequence

    from crmctl.mail.ledger.states import Row
    from crmctl.render.rows import Value
    from crmctl.services.campaigns.audience import LeftOut
    from crmctl.services.campaigns.audience import Plan
    from crmctl.services.campaigns.freezing import Looked
    from crmctl.services.campaigns.plan import Change
    from crmctl.services.campaigns.plan import Entry
    from crmctl.services.campaigns.runs import Asked
    from crmctl.services.campaigns.runs import Sent
    from crmctl.services.campaigns.triage import Line
    from crmctl.services.mailing.config import MailServer

_COLUMNS = tuple(Column(name) for name in ("customer", "name", "state", "address", "code", "reason", "change", "why"))
_SENT = tuple(Column(name) for name in ("customer", "name", "state", "address", "until", "code", "reason", "sid"))


@click.command("plan", cls=Command)
@click.argument("ref", metavar="REF")
@click.option("--freeze", is_flag=True, help="Put the plan aside as it is: later edits do not leak in.")
@click.option("--refresh", is_flag=True, help="Freeze a new revision; what was tried stays as it was.")
@output_option()
@pass_app
def plan(app: App, ref: str, freeze: bool, refresh: bool, form: str) -> None:
    """Show who gets a campaign, and who does not and why.

    Where a plan has been frozen, it also says who would enter it now, and who would leave.
    """
    from crmctl.services.campaigns import freezing

    handle = _handle(app, ref)
    found = freezing.look(app.book, handle)
    if form != "table":
        app.rows(form, _COLUMNS, _everyone(found))
    else:
        _recipients(app, found.audience)
        _left_out(app, found.audience.left_out, after=bool(found.audience.recipients))
        _changes(app, found.changes)
    app.say(_sum(found.audience))
    if freeze or refresh:
        _freeze(app, handle, refresh=refresh)
    elif found.frozen is not None:
        moment = found.frozen.at[:16].replace("T", " ")
        differs = f"{counted(len(found.changes), 'difference')} since" if found.changes else "nothing differs since"
        app.say(f"Revision {found.frozen.revision} was frozen on {moment}; {differs}.")


def _everyone(found: Looked) -> list[list[Value]]:
    """A row for each person of a plan, with how their part differs from the plan that was frozen last."""
    rows: list[list[Value]] = [[p.handle, p.name, "send", p.address, None, None] for p in found.audience.recipients]
    rows += [[p.handle, p.name, "left-out", None, p.code, p.reason] for p in found.audience.left_out]
    changes: dict[Value, Change] = {change.handle: change for change in found.changes}
    told: list[list[Value]] = []
    for row in rows:
        change = changes.pop(row[0], None)
        told.append([*row, *((change.what, change.reason) if change else (None, None))])
    return told + [
        [change.handle, change.name, "gone", None, None, None, change.what, change.reason]
        for change in changes.values()
    ]


def _freeze(app: App, handle: str, *, refresh: bool) -> None:
    from crmctl.services.campaigns import freezing
    from crmctl.services.campaigns.desk import at_work

    with at_work(app.book, f"campaign plan {handle}") as desk:
        frozen, changes = freezing.freeze(app.book, desk, handle, refresh=refresh)
    gets = sum(not entry.code for entry in frozen.entries.values())
    differs = f", {counted(len(changes), 'difference')} to the one before" if frozen.revision > 1 else ""
    app.say(f"Frozen as revision {frozen.revision}: {counted(gets, 'message')} to send{differs}.")


@click.command("preview", cls=Command)
@click.argument("ref", metavar="REF")
@click.option("--to", "folder", required=True, metavar="DIR", type=click.Path(path_type=Path), help="Where to write.")
@click.option("--force", is_flag=True, help="Even if the folder is not empty.")
@pass_app
def preview(app: App, ref: str, folder: Path, force: bool) -> int:
    """Write a campaign's messages into a folder, to look at; nothing is sent."""
    from crmctl.services.campaigns import preview as previews

    mail = _mail()
    done = previews.preview(app.book, _handle(app, ref), folder, force=force, mail=mail)
    app.print(str(path) for _, path in done.files)
    _left_out(app, [*done.plan.left_out, *done.failed], after=bool(done.files))
    if not done.plan.recipients:
        app.say(_sum(done.plan))
    verified = ", each parsed again and as meant" if done.plan.channel == "email" and done.files else ""
    app.say(f"{counted(len(done.files), 'message')} written to {folder}{verified}; nothing was sent.")
    if done.others:
        app.say(f"{counted(len(done.others), 'other file')} stood there before: {_some(done.others)}.")
    if done.failed:
        app.fail(f"{counted(len(done.failed), 'message')} could not be made")
        return 1
    return 0


@click.command("check", cls=Command)
@click.argument("ref", metavar="REF")
@output_option()
@pass_app
def check(app: App, ref: str, form: str) -> int:
    """Make and verify every message that is still to go out, and list those that must not."""
    from crmctl.services.campaigns import looking

    count, bad, warnings = looking.check(app.book, _handle(app, ref), _mail())
    columns = [Column("customer"), Column("name"), Column("code"), Column("reason")]
    rows = [[line.entry.handle, line.entry.name, line.code, line.reason] for line in bad]
    for warning in warnings:
        app.say(f"Not wise: {warning}.")
    if rows or form != "table":
        app.rows(form, columns, rows)
    app.say(f"{counted(count, 'message')} made, each parsed again and as meant; nothing was sent.")
    if bad:
        app.fail(f"{counted(len(bad), 'message')} must not go out")
        return INVALID
    return OK


@click.command("send", cls=Command)
@click.argument("ref", metavar="[REF]", default="")
@click.option("--send", "really", is_flag=True, help="Really send; without it, only what would go out is shown.")
@click.option("--canary", type=click.IntRange(min=1), default=None, metavar="N", help="Send N, then pause for a look.")
@click.option("--limit", type=click.IntRange(min=1), default=None, metavar="N", help="Send at most N in this run.")
@click.option("--skip-bad", is_flag=True, help="Leave messages aside that cannot be made, and send the others.")
@click.option("--catch-up", is_flag=True, help="Begin although the campaign should have begun long ago.")
@click.option(
    "--strict", is_flag=True, help="Fail (exit 7) when another run is sending, instead of leaving it to that."
)
@output_option()
@pass_app
def send(
    app: App,
    ref: str,
    really: bool,
    canary: int | None,
    limit: int | None,
    skip_bad: bool,
    catch_up: bool,
    strict: bool,
    form: str,
) -> int:
    """Send a campaign; without --send, show what would go out now, what waits and why.

    Without REF it is for all campaigns that are planned or running and that this machine sends.

    It can be run as often as you like, from cron too: nobody gets anything twice. Exit status 8 when some messages were
    not sent.
    """
    from crmctl.services.campaigns.looking import look
    from crmctl.services.campaigns.runs import Asked

    asked = Asked(limit or 0, canary or 0, skip_bad, catch_up)
    if not ref:
        return _each(app, lambda handle: _send(app, handle, asked, form, strict=strict, pauses=True), really)
    handle = _handle(app, ref)
    if really:
        return _send(app, handle, asked, form, strict=strict)
    found = look(app.book, handle, asked, _mail())
    _lines(app, found.lines, form, nothing="Nothing is left to send.")
    _tell_notes(app, found)
    states = [line.state for line in found.lines]
    would = states.count("send")
    waits = len(states) - would - states.count("out")
    app.say(f"{counted(would, 'message')} would go out now, {waits} would wait. Nothing was sent: --send does.")
    return OK if found.complete else INVALID


def _each(app: App, send: Callable[[str], int], really: bool) -> int:
    """Send all that is due, or name it. What is wrong with one campaign does not hold up the others."""
    from crmctl.services.campaigns import control

    worst = OK
    handles = control.due(app.book)
    if not really:
        app.print(handles)
        app.say(f"{counted(len(handles), 'campaign')} would be sent: --send does, crmctl campaign send REF shows one.")
        return OK
    for handle in handles:
        try:
            code = send(handle)
        except CrmError as error:
            app.fail(f"{handle}: {error.message}")
            for problem in error.problems:
                if problem.message not in error.message:
                    app.warn(f"  {problem}")
            if error.hint:
                app.warn(f"hint: {error.hint}")
            code = error.code
        worst = max(worst, code)
        if code == INTERRUPTED:
            break
    return worst


def _send(app: App, handle: str, asked: Asked, form: str, *, strict: bool, pauses: bool = False) -> int:
    from crmctl.cli.stopping import stop_requests
    from crmctl.services.campaigns import control
    from crmctl.services.campaigns import runs
    from crmctl.services.campaigns.desk import SendingElsewhere
    from crmctl.services.campaigns.sending import OutcomeLost
    from crmctl.services.mailing import config
    from crmctl.services.mailing.outgoing import transport

    mail = config.read().require_mail()
    with stop_requests() as requests:
        world = runs.World(
            transport=transport(mail),
            mail=mail,
            sleep=None if app.now_text else requests.sleep,
            interrupted=lambda: requests.asked,
            ask=_asking(app),
        )
        try:
            done = runs.send(app.book, handle, asked, world)
        except SendingElsewhere:
            if strict:
                raise
            return OK
        except OutcomeLost as error:
            _to_syslog(error.reply)
            raise
    _report(app, handle, done, form)
    if done.interrupted:
        return INTERRUPTED
    if pauses and done.late:
        # Said once, and not with every run of cron.
        control.pause(app.book, handle)
        app.say(f"{handle} is paused until somebody looks at it: crmctl campaign resume {handle}")
    return OK if done.complete else NOT_SENT


def _report(app: App, handle: str, done: Sent, form: str) -> None:
    """What a run did. From cron, nothing is said when there was nothing to do."""
    from crmctl.services.campaigns.control import proof

    quiet = [line for line in done.lines if line.state in ("wait", "accepted", "hold")]
    if form != "table":
        _lines(app, done.lines, form)
    elif len(quiet) != len(done.lines):
        _lines(app, [line for line in done.lines if line not in quiet], form)
    _tell_notes(app, done)
    if done.stopped:
        app.warn(f"crmctl: {handle}: {done.stopped}")
    if done.counts:
        told = ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in sorted(done.counts.items()))
        app.say(f"{handle}: {told}. {proof(done.balance)}.")


def _to_syslog(reply: str) -> None:
    """The last place for what could be written nowhere else; the reply holds no address."""
    try:
        import syslog
    except ImportError:  # Windows
        return
    syslog.syslog(syslog.LOG_ERR, f"crmctl: the answer to a message was lost: {reply}")


def _asking(app: App) -> Callable[[Entry, Row], str] | None:
    """How to ask about what is unknown, None where nobody can be asked."""
    if not app.can_ask:
        return None

    def ask(entry: Entry, row: Row) -> str:
        question = f"The server's answer about {entry.handle} was lost on {row.at[:16]}. Send the same again?"
        answer: str = click.prompt(
            question, type=click.Choice(["resend", "accepted", "hold"]), default="hold", err=True
        )
        return "" if answer == "hold" else answer

    return ask


@click.command("status", cls=Command)
@click.argument("ref", metavar="REF")
@output_option(formats=("table", "json", "jsonl", "csv", "tsv", "md"))
@pass_app
def status(app: App, ref: str, form: str) -> None:
    """Show how a campaign stands: what became of every message, and the sum that proves none is lost."""
    from crmctl.services.campaigns import control

    handle = _handle(app, ref)
    found = control.status(app.book, handle)
    if form in ("json", "jsonl"):
        counts: list[Value] = [
            {"state": count.state, "reason": count.reason or None, "count": count.number} for count in found.counts
        ]
        values: dict[str, Value] = {
            "campaign": handle,
            "status": found.status,
            "paused": found.paused or None,
            "sender": found.sender or None,
            "revision": found.revision or None,
            **found.balance._asdict(),
            "holds": found.balance.holds,
            "counts": counts,
        }
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
    app.say(words + (f"; {found.sender} sends it." if found.sender else "."))
    for problem in found.problems:
        app.warn(f"crmctl: {problem}")


@click.command("pause", cls=Command)
@click.argument("ref", metavar="REF")
@pass_app
def pause(app: App, ref: str) -> None:
    """Hold a campaign up; a run that is under way ends before its next message."""
    from crmctl.services.campaigns import control

    app.written(control.pause(app.book, _handle(app, ref)))


@click.command("resume", cls=Command)
@click.argument("ref", metavar="REF")
@pass_app
def resume(app: App, ref: str) -> None:
    """Let a paused campaign go on; the next `send --send` does."""
    from crmctl.services.campaigns import control

    app.written(control.resume(app.book, _handle(app, ref)))


@click.command("cancel", cls=Command)
@click.argument("ref", metavar="REF")
@click.option("-y", "--yes", is_flag=True, help="Go on without asking.")
@pass_app
def cancel(app: App, ref: str, yes: bool) -> None:
    """End a campaign: what has not gone out will not."""
    from crmctl.services.campaigns import control

    handle = _handle(app, ref)
    app.confirm(f"End campaign {handle}? What waits will not go out.", yes=yes)
    written, count = control.cancel(app.book, handle)
    app.written(written)
    app.say(f"{counted(count, 'message')} will not go out.")


# How things are shown


def _mail() -> MailServer | None:
    """The user's mail server, None when none is set up: nothing is sent here."""
    from crmctl.services.mailing import config

    return config.read().mail


def _tell_notes(app: App, done: Sent) -> None:
    for note in done.notes:
        app.say(note)


def _lines(app: App, lines: Sequence[Line], form: str, nothing: str = "") -> None:
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
            for line in lines
        ]
        app.rows(form, _SENT, rows)
        return
    columns = [Column("customer"), Column("name"), Column("state"), Column("until"), Column("reason")]
    table: list[list[Value]] = [
        [
            line.entry.handle,
            line.entry.name,
            line.state.replace("_", " "),
            f"{line.until:%Y-%m-%d %H:%M}" if line.until else "",
            line.reason or (f"to {line.entry.address}" if line.state == "send" else ""),
        ]
        for line in lines
    ]
    app.rows("table", columns, table, nothing=nothing)


def _changes(app: App, changes: Sequence[Change]) -> None:
    if changes:
        app.print([""])
        columns = [Column("customer", heading="since it was frozen"), Column("name"), Column("what"), Column("why")]
        app.rows("table", columns, [[change.handle, change.name, change.what, change.reason] for change in changes])


def _recipients(app: App, found: Plan) -> None:
    if not found.recipients:
        return
    armed = any(person.arm for person in found.recipients)
    columns = [Column("customer"), Column("name"), Column("address", heading=f"by {found.channel} to")]
    rows: list[list[Value]] = [[person.handle, person.name, person.address] for person in found.recipients]
    if armed:
        columns.append(Column("arm"))
        rows = [[*row, person.arm] for row, person in zip(rows, found.recipients, strict=True)]
    app.rows("table", columns, rows)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (" ..." if len(names) > 3 else "")


def _handle(app: App, ref: str) -> str:
    from crmctl.cli.pick import picked

    return picked(app, app.book.schema.require("campaign"), ref)


def _left_out(app: App, people: Sequence[LeftOut], *, after: bool) -> None:
    if people:
        app.print([""] if after else [])
        columns = [Column("customer", heading="left out"), Column("name"), Column("reason")]
        app.rows("table", columns, [[person.handle, person.name, person.reason] for person in people])


def _sum(plan: Plan) -> str:
    if not plan.recipients and not plan.left_out:
        return f"Nobody is in segment {plan.segment}, so nobody gets it."
    parts = [f"{count} {code.replace('-', ' ')}" for code, count in sorted(plan.reasons.items())]
    total = len(plan.recipients) + len(plan.left_out)
    left = f", {len(plan.left_out)} left out ({', '.join(parts)})" if parts else ""
    gets = "get" if len(plan.recipients) != 1 else "gets"
    return f"{total} in segment {plan.segment}: {len(plan.recipients)} {gets} it{left}."
