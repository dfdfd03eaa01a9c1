"""``crmctl followup done`` and ``snooze``; the other verbs are those of every kind."""

from __future__ import annotations

from typing import Any

import click

from crmctl.cli.app import App
from crmctl.cli.app import pass_app
from crmctl.cli.options import Command
from crmctl.cli.options import adopt_option
from crmctl.errors import Ambiguous


def _complete(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[Any]:
    from crmctl.cli.complete import handles

    return handles(context, "followup", incomplete)


def _picked(app: App, ref: str) -> str:
    """The follow-up that ``ref`` means; open ones go before those that are done."""
    from crmctl.services import followups

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
    """Mark a follow-up as done."""
    from crmctl.services import followups

    app.written(followups.done(app.book, _picked(app, ref), on=on, outcome=outcome, adopt=adopt))


@click.command("snooze", cls=Command)
@click.argument("ref", metavar="REF", shell_complete=_complete)
@click.argument("when", metavar="WHEN")
@adopt_option
@pass_app
def snooze(app: App, ref: str, when: str, adopt: bool) -> None:
    """Put a follow-up off to another day, such as fri, 3d or eom."""
    from crmctl.services import followups

    app.written(followups.snooze(app.book, _picked(app, ref), when, adopt=adopt))
