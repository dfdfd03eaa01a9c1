"""``crmctl campaign plan|preview``: who gets it and who not and why; the messages as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from crmctl.cli.app import App
from crmctl.cli.app import pass_app
from crmctl.cli.options import Command
from crmctl.cli.options import output_option
from crmctl.cli.words import counted
from crmctl.render.rows import Column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmctl.services.audience import LeftOut
    from crmctl.services.audience import Plan

_COLUMNS = tuple(Column(name) for name in ("customer", "name", "state", "address", "code", "reason"))


@click.command("plan", cls=Command)
@click.argument("ref", metavar="REF")
@output_option()
@pass_app
def plan(app: App, ref: str, form: str) -> None:
    """Show who gets a campaign, and who does not and why."""
    from crmctl.services import audience

    found = audience.plan(app.book, _handle(app, ref))
    if form != "table":
        rows = [[p.handle, p.name, "send", p.address, None, None] for p in found.recipients]
        rows += [[p.handle, p.name, "left-out", None, p.code, p.reason] for p in found.left_out]
        app.rows(form, _COLUMNS, rows)
        app.say(_sum(found))
        return
    if found.recipients:
        columns = [Column("customer"), Column("name"), Column("address", heading=f"by {found.channel} to")]
        app.rows("table", columns, [[person.handle, person.name, person.address] for person in found.recipients])
    _left_out(app, found.left_out, after=bool(found.recipients))
    app.say(_sum(found))


@click.command("preview", cls=Command)
@click.argument("ref", metavar="REF")
@click.option("--to", "folder", required=True, metavar="DIR", type=click.Path(path_type=Path), help="Where to write.")
@click.option("--force", is_flag=True, help="Even if the folder is not empty.")
@pass_app
def preview(app: App, ref: str, folder: Path, force: bool) -> int:
    """Write a campaign's messages into a folder, to look at; nothing is sent."""
    from crmctl.services import campaigns

    done = campaigns.preview(app.book, _handle(app, ref), folder, force=force)
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
