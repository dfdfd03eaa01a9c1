"""``crmctl followup done|snooze|run|explain|release``; the other verbs are those of every kind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import click

from crmctl.cli.app import App
from crmctl.cli.app import pass_app
from crmctl.cli.followups.decision_tables import show
from crmctl.cli.followups.decision_tables import told
from crmctl.cli.options import Command
from crmctl.cli.options import adopt_option
from crmctl.cli.options import output_option
from crmctl.cli.words import counted
from crmctl.errors import INTERRUPTED
from crmctl.errors import NOT_SENT
from crmctl.errors import OK
from crmctl.errors import Ambiguous
from crmctl.errors import UsageProblem
from crmctl.render.rows import Column

if TYPE_CHECKING:
    from collections.abc import Callable

    from crmctl.render.rows import Value
    from crmctl.services.following.run import Report


def _complete(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[Any]:
    from crmctl.cli.complete import handles

    return handles(context, "followup", incomplete)


def _complete_customer(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[Any]:
    from crmctl.cli.complete import handles

    return handles(context, "customer", incomplete)


def _picked(app: App, ref: str) -> str:
    """The follow-up that ``ref`` means; open ones go before those that are done."""
    from crmctl.services.following import followups

    try:
        return followups.find(app.book, ref)
    except Ambiguous as error:
        choice = app.choose("Which follow-up?", error.candidates)
        if choice is None:
            raise
        return choice


@click.command("done", cls=Command)
@click.argument("ref", metavar="REF", shell_complete=_complete)
@click.option("--outcome", default="", help="How it ended.")
@click.option("--on", metavar="WHEN", default="", help="The day it was done; today when absent. Leans to the past.")
@adopt_option
@pass_app
def done(app: App, ref: str, outcome: str, on: str, adopt: bool) -> None:
    """Mark a follow-up as done; one that repeats is due again.

    \b
      crmctl followup done send-the-offer --outcome "She will think about it" --on yesterday
    """
    from crmctl.services.following import followups

    app.written(followups.done(app.book, _picked(app, ref), on=on, outcome=outcome, adopt=adopt))


@click.command("snooze", cls=Command)
@click.argument("ref", metavar="REF", shell_complete=_complete)
@click.argument("when", metavar="WHEN")
@adopt_option
@pass_app
def snooze(app: App, ref: str, when: str, adopt: bool) -> None:
    """Put a follow-up off to another day, such as fri, 3d or eom.

    \b
      crmctl followup snooze send-the-offer fri
    """
    from crmctl.services.following import followups

    app.written(followups.snooze(app.book, _picked(app, ref), when, adopt=adopt))


@click.command("run", cls=Command)
@click.option("--send", "really", is_flag=True, help="Do it; without it, only what would be done is shown.")
@click.option("--dry-run", is_flag=True, help="Only show what would be done: what happens without --send.")
@click.option(
    "--to",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Put letters into a folder, each and all in one file to print: --send --to ../letters.",
)
@click.option("--catch-up", is_flag=True, help="Also take steps that were missed; one for each person.")
@click.option("--strict", is_flag=True, help="Fail (exit 7) when another run is at it, instead of leaving it to that.")
@output_option()
@pass_app
def run(app: App, really: bool, dry_run: bool, folder: Path | None, catch_up: bool, strict: bool, form: str) -> int:
    """Take the steps of sequences that are due; without --send, show what would be done.

    With --send the inbox is read first, so that an answer stops what it has to. It can be run as often as you like,
    from cron too: no step is taken twice, nobody gets more than one in a run, and it says nothing when there is nothing
    to say. With --now the dry run shows the future.

    Letters are put into --to DIR, each and all in one file to print; text messages go to the program that sends them.

    \b
      crmctl followup run --now friday
      crmctl followup run --send --to ../letters
    """
    from crmctl.services.campaigns.running import handing_over
    from crmctl.services.following import run as runs

    if really and dry_run:
        raise UsageProblem("--send and --dry-run ask for opposite things")
    hint = "Name one beside it: crmctl followup run --send --to ../letters"
    place = handing_over.outside(app.book, folder, hint) if folder is not None else None
    if really:
        _ask_about_now(app)
        return _act(app, form, place, catch_up=catch_up, strict=strict)
    found = runs.look(app.book, catch_up=catch_up)
    show(app, found, form, nothing="Nobody is in a sequence.")
    acts = sum(one.acts for one in found)
    app.say(
        f"{counted(acts, 'step')} would be taken now, {len(found) - acts} would wait. Nothing was done: --send does."
    )
    return OK


def _ask_about_now(app: App) -> None:
    """Have a person say whether mail shall really go out that is dated as --now says, when that is to come."""
    if not app.now_text or not app.can_ask:
        return
    from crmctl.clock import wall_nanoseconds

    now = app.book.now()
    if now.timestamp() * 1_000_000_000 > wall_nanoseconds():
        app.confirm(f"Mail would go out now, dated {now:%Y-%m-%d %H:%M}. Send it?", yes=False)


def _act(app: App, form: str, folder: Path | None, *, catch_up: bool, strict: bool) -> int:
    from crmctl.cli.stopping import stop_requests
    from crmctl.services.campaigns.running.desk import SendingElsewhere
    from crmctl.services.following import run as runs
    from crmctl.services.following.course import Outside
    from crmctl.services.mailing import config
    from crmctl.services.mailing.outgoing import transport

    settings = config.read()
    with stop_requests() as requests:
        outside = Outside(
            transport=transport(settings.mail) if settings.mail is not None else None,
            mail=settings.mail,
            ingest=_ingest(app) if settings.inbox is not None else None,
            sleep=None if app.now_text else requests.sleep,
            interrupted=lambda: requests.asked,
            folder=folder,
            texts=settings.sms,
        )
        try:
            report = runs.act(app.book, outside, catch_up=catch_up)
        except SendingElsewhere:
            if strict:
                raise
            return OK
        interrupted = requests.asked
    _report(app, report, form)
    if interrupted:
        return INTERRUPTED
    return OK if report.complete else NOT_SENT


def _ingest(app: App) -> Callable[[], None]:
    def ingest() -> None:
        from crmctl.services.ingest import inbox

        inbox.from_config(app.book)

    return ingest


def _report(app: App, report: Report, form: str) -> None:
    """What a run did, and what has changed since the last one; from cron nothing, when there is nothing new."""
    if form != "table":
        show(app, report.decisions, form)
    elif report.news:
        show(app, report.news, form)
    app.print(str(path) for path in report.bound)
    for note in report.notes:
        app.fail(note)
    sent = [one for one in report.decisions if one.what == "sent"]
    by_mail = sum(one.code == "sent" for one in sent)
    acts = len(sent) + sum(one.acts for one in report.decisions)
    if acts:
        app.say(f"{counted(acts, 'step')} taken, {by_mail} by mail.")


@click.command("explain", cls=Command)
@click.argument("ref", metavar="CUSTOMER", shell_complete=_complete_customer)
@output_option()
@pass_app
def explain(app: App, ref: str, form: str) -> None:
    """Show what was decided about a customer in each run, what would be decided now, and why.

    \b
      crmctl followup explain ada-lovelace
    """
    from crmctl.cli.pick import picked
    from crmctl.services.following import run as runs
    from crmctl.services.following.decisions import Decisions

    handle = picked(app, app.book.schema.require("customer"), ref)
    now = runs.about(app.book, handle)
    notes = Decisions(app.book)
    rows: list[list[Value]] = []
    for decision in now:
        for noted in notes.of(decision.enrolment):
            moment = noted.first[:16].replace("T", " ")
            rows.append([moment, noted.sequence, noted.step, noted.what, noted.code, noted.reason])
        rows.append(["now", decision.sequence, decision.step or None, decision.what, decision.code, decision.reason])
    columns = [Column("when"), Column("sequence"), Column("step", right=True), Column("what"), Column("code")]
    told(app, form, [*columns, Column("reason")], rows, f"{handle} is in no sequence.")


@click.command("release", cls=Command)
@click.argument("ref", metavar="[CUSTOMER|all]", required=False, default="")
@pass_app
def release(app: App, ref: str) -> None:
    """Release drafts that you have read; the next run sends them. Without a name, list those that wait.

    \b
      crmctl followup release
      crmctl followup release ada-lovelace
    """
    from crmctl.services.following import drafts

    if not ref:
        rows: list[list[Value]] = []
        for one in drafts.every(app.book):
            found = app.book.index.row("SELECT customer, sequence FROM enrolments WHERE handle = ?", (one.enrolment,))
            whose = [str(name) for name in found] if found is not None else [one.enrolment, ""]
            rows.append([*whose, one.step, "released" if one.released else "waits", str(one.path)])
        columns = [Column("customer"), Column("sequence"), Column("step", right=True), Column("state"), Column("file")]
        told(app, "table", columns, rows, "No drafts wait.")
        return
    if ref != "all" and not any(one.enrolment == ref for one in drafts.every(app.book)):
        from crmctl.cli.pick import picked

        ref = picked(app, app.book.schema.require("customer"), ref)
    from functools import partial

    from crmctl.services.following import releasing
    from crmctl.services.mailing import config

    server = config.read().mail  # Without one, only what stands in the draft can be looked at.
    fault = partial(releasing.fault, app.book, server) if server is not None else None
    released = drafts.release(app.book, ref, fault)
    app.say(f"{counted(len(released), 'draft')} released; they go out with the next crmctl followup run --send.")
