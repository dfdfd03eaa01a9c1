"""``crmctl campaign send``: what would go out now, and sending it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crmctl.cli.app import App
from crmctl.cli.app import pass_app
from crmctl.cli.campaigns.tables import lines
from crmctl.cli.campaigns.tables import waits
from crmctl.cli.options import Command
from crmctl.cli.options import output_option
from crmctl.cli.words import counted
from crmctl.errors import INTERRUPTED
from crmctl.errors import INVALID
from crmctl.errors import NOT_SENT
from crmctl.errors import OK
from crmctl.errors import CrmError
from crmctl.errors import StorageFailed
from crmctl.errors import UsageProblem

if TYPE_CHECKING:
    from collections.abc import Callable

    from crmctl.mail.ledger.states import Row
    from crmctl.services.campaigns.plan import Entry
    from crmctl.services.campaigns.running.asking import Asked
    from crmctl.services.campaigns.running.asking import Sent
    from crmctl.services.campaigns.running.handing_over import Way

from crmctl.cli.campaigns.campaign import handle_of
from crmctl.cli.campaigns.campaign import own_server

_TAKEN = {"letter": "handed over", "sms": "handed over", "phone": "to call", "visit": "to visit"}
"""What becomes of messages on the channels that no mail server answers for."""


@click.command("send", cls=Command)
@click.argument("ref", metavar="[REF]", default="")
@click.option("--send", "really", is_flag=True, help="Really send; without it, only what would go out is shown.")
@click.option(
    "--to",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Put letters, text messages or what is to be said on the phone into a folder: --send --to ../letters.",
)
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
    folder: Path | None,
    canary: int | None,
    limit: int | None,
    skip_bad: bool,
    catch_up: bool,
    strict: bool,
    form: str,
) -> int:
    """Send a campaign; without --send, show what would go out now, what waits and why.

    E-mail goes to the mail server, text messages to the program that sends them (or into --to DIR), letters into
    --to DIR, each and all in one file to print; for a campaign by phone everybody gets a follow-up.

    Without REF it is for all campaigns that are planned or running and that this machine sends.

    It can be run as often as you like, from cron too: nobody gets anything twice. Exit status 8 when some messages were
    not sent.

    \b
      crmctl campaign send new-year
      crmctl campaign send new-year --send --canary 5
    """
    from crmctl.services.campaigns.running.asking import Asked

    asked = Asked(limit or 0, canary or 0, skip_bad, catch_up)
    if really and app.now_text:
        _refuse_tomorrow(app)
    if not ref:
        if folder is not None:
            raise UsageProblem("--to is for one campaign", hint="crmctl campaign send REF --send --to DIR")
        return _each(app, lambda handle: _send(app, handle, asked, form, strict=strict, pauses=True), really)
    handle = handle_of(app, ref)
    if really:
        return _send(app, handle, asked, form, strict=strict, folder=folder)
    if folder is not None:
        _way(app, handle, folder)
    return _look(app, handle, asked, form)


def _look(app: App, handle: str, asked: Asked, form: str) -> int:
    """Show what would go out now."""
    from crmctl.services.campaigns.looking import look

    found = look(app.book, handle, asked, own_server())
    lines(app, found.lines, form, nothing="Nothing is left to send.")
    _tell_notes(app, found)
    states = [line.state for line in found.lines]
    would, bad = states.count("send"), states.count("bad")
    held = len(states) - would - bad - states.count("out")
    cannot = f", {bad} cannot be made" if bad else ""
    app.say(f"{counted(would, 'message')} would go out now, {held} would wait{cannot}. Nothing was sent: --send does.")
    return OK if found.complete else INVALID


def _each(app: App, send: Callable[[str], int], really: bool) -> int:
    """Send all that is due, or name it. What is wrong with one campaign does not hold up the others."""
    from crmctl.services.campaigns import control
    from crmctl.services.campaigns.freezing import NobodyGets

    worst = OK
    handles, unpinned = control.due(app.book)
    for handle in unpinned if app.can_ask or not really else ():
        app.say(f"{handle} names no sender, and others may send it too: crmctl campaign plan {handle} --freeze")
    if not really:
        app.print(handles)
        app.say(f"{counted(len(handles), 'campaign')} would be sent: --send does, crmctl campaign send REF shows one.")
        return OK
    for handle in handles:
        try:
            code = send(handle)
        except NobodyGets:
            continue  # There is nothing to do yet, and nothing is said of it every ten minutes.
        except CrmError as error:
            from crmctl.cli.telling import tell_error

            tell_error(app, error, handle)
            code = error.code
        worst = max(worst, code)
        if code == INTERRUPTED:
            break
    return worst


def _way(app: App, handle: str, folder: Path | None) -> Way:
    """The way out that a campaign has here; errors as ``handing_over.way_out``."""
    from crmctl.services.campaigns.running import handing_over
    from crmctl.services.mailing import config

    return handing_over.way_out(app.book, handle, folder, config.read())


def _send(
    app: App, handle: str, asked: Asked, form: str, *, strict: bool, pauses: bool = False, folder: Path | None = None
) -> int:
    from crmctl.cli.stopping import stop_requests
    from crmctl.services.campaigns import control
    from crmctl.services.campaigns.running import runs
    from crmctl.services.campaigns.running.asking import World
    from crmctl.services.campaigns.running.attempting import OutcomeLost
    from crmctl.services.campaigns.running.desk import SendingElsewhere

    way = _way(app, handle, folder)
    with stop_requests() as requests:
        world = World(
            transport=way.transport,
            mail=way.mail,
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
    _report(app, handle, done, form, _TAKEN.get(way.channel, "accepted"))
    bound = _bind(app, way, folder, stopped=f"crmctl campaign resume {handle}, and " if done.stopped else "")
    quiet = not (done.counts or done.stopped or done.notes)
    if not pauses and quiet and (_at_terminal() or not done.complete):
        app.say(_idle(handle, done))  # From cron, nothing is said when there was nothing to do.
    if done.interrupted:
        return INTERRUPTED
    if pauses and done.late:
        # Said once, and not with every run of cron.
        control.pause(app.book, handle)
        app.say(f"{handle} is paused until somebody looks at it: crmctl campaign resume {handle}")
    return OK if done.complete and bound else NOT_SENT


def _bind(app: App, way: Way, folder: Path | None, stopped: str) -> bool:
    """Bind the letters of a run into files to print, and name them as the user called the folder; whether they are.

    ``stopped`` is what lets a campaign go on that the run has paused.
    """
    from crmctl.services.campaigns.running import handing_over

    if folder is None:
        return True
    try:
        app.print(str(folder / path.name) for path in handing_over.bind(way.transport, app.book.now()))
    except StorageFailed as error:
        app.fail(error.message)
        app.warn(f"hint: Make room; then {stopped}the same command binds them.")
        return False
    return True


def _report(app: App, handle: str, done: Sent, form: str, taken: str) -> None:
    """What a run did. From cron, nothing is said when there was nothing to do. ``taken``: what becomes of messages."""
    from crmctl.services.campaigns.control import proof

    quiet = [line for line in done.lines if line.state in ("wait", "accepted", "hold")]
    if form != "table":
        lines(app, done.lines, form)
    elif len(quiet) != len(done.lines):
        lines(app, [line for line in done.lines if line not in quiet], form)
    if done.stopped:
        app.fail(f"{handle}: {done.stopped}")
    _tell_notes(app, done)
    if done.counts:
        words = {"accepted": taken, "not_tried": "not tried"}
        told = ", ".join(f"{count} {words.get(state, state)}" for state, count in sorted(done.counts.items()))
        app.say(f"{handle}: {told}. {proof(done.balance)}.")
        if form == "table":
            waits(app, done.lines)


def _at_terminal() -> bool:
    """Whether a person reads along; cron, pipes and programs have no terminal."""
    return sys.stderr.isatty()


def _refuse_tomorrow(app: App) -> None:
    """Refuse to send as if it were later than it is: letters and mail would be dated so.

    Raises:
        UsageProblem: ``--now`` is more than five minutes ahead of this machine's clock.
    """
    from crmctl import clock

    if app.book.now().timestamp() - clock.wall_nanoseconds() / 1e9 > 300:
        hint = "--now without --send shows what would go out then."
        raise UsageProblem("mail cannot be sent tomorrow today", hint=hint)


def _idle(handle: str, done: Sent) -> str:
    """Why a run that was asked for by name had nothing to do."""
    from crmctl.services.campaigns import control

    dated = [line for line in done.lines if line.until]
    held = [line for line in done.lines if line.state == "hold"]
    if not done.lines and done.balance.finished:
        return f"Nothing is left to send: {control.proof(done.balance)}."
    if held and not dated:
        return f"Nothing went out: {counted(len(held), 'message')} held back ({held[0].reason})."
    if not dated:
        return (
            f"Nothing went out: crmctl campaign plan {handle} says who gets it, "
            f"crmctl campaign send {handle} says who waits."
        )
    first = min(dated, key=lambda line: f"{line.until:%Y-%m-%d %H:%M}")
    waits = f"{counted(len(dated), 'message')} to wait, until {first.until:%Y-%m-%d %H:%M} at the soonest"
    return f"Nothing went out: {waits} ({first.reason})."


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


def _tell_notes(app: App, done: Sent) -> None:
    for note in done.notes:
        app.say(note)
