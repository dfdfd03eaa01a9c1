"""``crmctl campaign plan|preview|check``: who gets it, and what they get."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from crmctl.cli.app import App
from crmctl.cli.app import pass_app
from crmctl.cli.campaigns.tables import fitted
from crmctl.cli.options import Command
from crmctl.cli.options import output_option
from crmctl.cli.words import counted
from crmctl.errors import INVALID
from crmctl.errors import OK
from crmctl.render.rows import Column

REWORDED = "another wording"

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmctl.render.rows import Value
    from crmctl.services.campaigns.audience import LeftOut
    from crmctl.services.campaigns.audience import Plan
    from crmctl.services.campaigns.freezing import Looked
    from crmctl.services.campaigns.plan import Change
    from crmctl.services.mailing.config import MailServer

_COLUMNS = tuple(Column(name) for name in ("customer", "name", "state", "address", "code", "reason", "change", "why"))


@click.command("plan", cls=Command)
@click.argument("ref", metavar="REF")
@click.option("--freeze", is_flag=True, help="Put the plan aside as it is: later edits do not leak in.")
@click.option("--refresh", is_flag=True, help="Freeze a new revision; what was tried stays as it was.")
@output_option()
@pass_app
def plan(app: App, ref: str, freeze: bool, refresh: bool, form: str) -> None:
    """Show who gets a campaign, and who does not and why.

    Where a plan has been frozen, it also says who would enter it now, and who would leave.

    \b
      crmctl campaign plan new-year
      crmctl campaign plan new-year --freeze
    """
    from crmctl.cli import wide
    from crmctl.services.campaigns import freezing

    handle = handle_of(app, ref)
    found = freezing.look(app.book, handle)
    if form != "table":
        app.rows(form, _COLUMNS, _everyone(found))
    else:
        _recipients(app, found.audience)
        _left_out(app, found.audience.left_out, after=bool(found.audience.recipients))
        _changes(app, found.changes)
    for line in wide.sentence(_sum(found.audience), app.width):
        app.say(line)
    _open_segment(app, found.audience)
    if freeze or refresh:
        _freeze(app, handle, refresh=refresh)
    elif found.frozen is not None:
        moment = found.frozen.at[:16].replace("T", " ")
        differs = f"{counted(len(found.changes), 'difference')} since" if found.changes else "nothing differs since"
        app.say(f"Revision {found.frozen.revision} was frozen on {moment}; {differs}.")


def _everyone(found: Looked) -> list[list[Value]]:
    """A row for each person of a plan, with how their part differs from the plan that was frozen last."""
    rows: list[list[Value]] = [
        [p.handle, p.name, "send", p.address, "later" if p.later else None, p.later or None]
        for p in found.audience.recipients
    ]
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
    from crmctl.services.campaigns.running.desk import at_work

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
    """Write a campaign's messages into a folder, to look at; nothing is sent.

    \b
      crmctl campaign preview new-year --to ../look
    """
    from crmctl.services.campaigns import preview as previews

    mail = own_server()
    done = previews.preview(app.book, handle_of(app, ref), folder, force=force, mail=mail)
    app.print(str(path) for _, path in done.files)
    _left_out(app, [*done.plan.left_out, *done.failed], after=bool(done.files))
    if not done.plan.recipients:
        app.say(_sum(done.plan))
    verified = ", each parsed again and as meant" if done.plan.channel == "email" and done.files else ""
    parts = f" ({counted(done.parts, 'part')})" if done.plan.channel == "sms" else ""
    app.say(f"{counted(len(done.files), 'message')}{parts} written to {folder}{verified}; nothing was sent.")
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
    """Make and verify every message that is still to go out, and list those that must not.

    \b
      crmctl campaign check new-year
    """
    from crmctl.services.campaigns import looking

    handle = handle_of(app, ref)
    found = looking.check(app.book, handle, own_server())
    names = ("customer", "name", "code", "reason")
    rows: list[list[Value]] = [[line.entry.handle, line.entry.name, line.code, line.reason] for line in found.bad]
    for warning in found.warnings:
        app.say(f"Not wise: {warning}.")
    if form != "table":
        app.rows(form, [Column(name) for name in names], rows)
    elif rows:
        fitted(app, names, rows)
    verified = ", each parsed again and as meant" if found.channel == "email" else ""
    parts = f" ({counted(found.parts, 'part')})" if found.channel == "sms" else ""
    app.say(f"{counted(found.good, 'message')}{parts} made{verified}; nothing was sent.")
    if not found.good and not found.bad:
        app.say(f"Nobody is left to get it: crmctl campaign plan {handle} says who is out, and why.")
    for words in found.lacking:
        app.fail(words)
    if found.bad:
        app.fail(f"{counted(len(found.bad), 'message')} must not go out")
    return INVALID if found.bad or found.lacking else OK


# How things are shown


def own_server() -> MailServer | None:
    """The user's mail server, None when none is set up: nothing is sent here."""
    from crmctl.services.mailing import config

    return config.read().mail


def _changes(app: App, changes: Sequence[Change]) -> None:
    """Each with its reason; but a word that was changed in a template is no news of each of them."""
    reworded = [change for change in changes if change.reason == REWORDED]
    single = [change for change in changes if change.reason != REWORDED] if len(reworded) > 1 else changes
    if single:
        app.print([""])
        rows: list[list[Value]] = [[change.handle, change.name, change.what, change.reason] for change in single]
        fitted(app, ("customer", "name", "what", "why"), rows, heading="since it was frozen")
    if len(reworded) > 1:
        app.say(f"{len(reworded):,} people would get another wording: their template was changed.")


def _recipients(app: App, found: Plan) -> None:
    if not found.recipients:
        return
    rows: list[list[Value]] = [[one.handle, one.name, one.arm, one.address, one.later] for one in found.recipients]
    fitted(app, ("customer", "name", "arm", f"by {found.channel} to", "waits"), rows)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (" ..." if len(names) > 3 else "")


def handle_of(app: App, ref: str) -> str:
    """The handle of the campaign that ``ref`` means; a person is asked when it can be several."""
    from crmctl.cli.pick import picked

    return picked(app, app.book.schema.require("campaign"), ref)


def _left_out(app: App, people: Sequence[LeftOut], *, after: bool) -> None:
    if people:
        app.print([""] if after else [])
        rows: list[list[Value]] = [[person.handle, person.name, person.reason] for person in people]
        fitted(app, ("customer", "name", "reason"), rows, heading="left out")


def _open_segment(app: App, plan: Plan) -> None:
    """Say how people come into a segment that asks for nobody."""
    if plan.recipients or plan.left_out:
        return
    data = app.book.index.data(app.book.schema.require("segment"), plan.segment) or {}
    if not data.get("filter") and not data.get("customers"):
        app.say(f"hint: It has no filter. For everybody: crmctl segment set {plan.segment} 'filter=name:*'")


def _sum(plan: Plan) -> str:
    if not plan.recipients and not plan.left_out:
        return f"Nobody is in segment {plan.segment}, so nobody gets it."
    parts = [f"{count} {code.replace('-', ' ')}" for code, count in sorted(plan.reasons.items())]
    total = len(plan.recipients) + len(plan.left_out)
    left = f", {len(plan.left_out)} left out ({', '.join(parts)})" if parts else ""
    gets = "get" if len(plan.recipients) != 1 else "gets"
    later = sum(bool(one.later) for one in plan.recipients)
    some = f" ({later} of them later)" if later else ""
    return f"{total} in segment {plan.segment}: {len(plan.recipients)} {gets} it{some}{left}."
