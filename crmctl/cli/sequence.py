"""``crmctl sequence enroll|stop|migrate|status|adopt``; the other verbs are those of every kind."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

import click

from crmctl.cli.app import App
from crmctl.cli.app import pass_app
from crmctl.cli.options import Command
from crmctl.cli.options import output_option
from crmctl.render.rows import Column

if TYPE_CHECKING:
    from crmctl.render.rows import Value


def _customers(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[Any]:
    from crmctl.cli.complete import handles

    return handles(context, "customer", incomplete)


def _sequences(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[Any]:
    from crmctl.cli.complete import handles

    return handles(context, "sequence", incomplete)


def _picked(app: App, kind: str, ref: str) -> str:
    from crmctl.cli.pick import picked

    return picked(app, app.book.schema.require(kind), ref)


@click.command("enroll", cls=Command)
@click.argument("ref", metavar="CUSTOMER", shell_complete=_customers)
@click.argument("sequence", metavar="SEQUENCE", shell_complete=_sequences)
@click.option("--again", is_flag=True, help="Although they were in it before.")
@pass_app
def enroll(app: App, ref: str, sequence: str, again: bool) -> None:
    """Put a customer into a sequence; its steps are those of today, whatever is edited later."""
    from crmctl.services.following import enrolling

    customer, handle = _picked(app, "customer", ref), _picked(app, "sequence", sequence)
    app.written(enrolling.enroll(app.book, customer, handle, again=again))


@click.command("stop", cls=Command)
@click.argument("ref", metavar="CUSTOMER", shell_complete=_customers)
@click.argument("sequence", metavar="[SEQUENCE]", required=False, default="", shell_complete=_sequences)
@click.option("--reason", default="", help="Why, for whoever asks later.")
@pass_app
def stop(app: App, ref: str, sequence: str, reason: str) -> None:
    """Take a customer out of a sequence, or of all they are in."""
    from crmctl.services.following import enrolling

    handle = _picked(app, "sequence", sequence) if sequence else ""
    app.written(enrolling.stop(app.book, _picked(app, "customer", ref), handle, reason))


@click.command("migrate", cls=Command)
@click.argument("sequence", metavar="SEQUENCE", shell_complete=_sequences)
@click.argument("ref", metavar="[CUSTOMER]", required=False, default="", shell_complete=_customers)
@pass_app
def migrate(app: App, sequence: str, ref: str) -> None:
    """Move those who are in a sequence to the steps it has now; steps that were taken are not taken again."""
    from crmctl.services.following import enrolling

    handle = _picked(app, "sequence", sequence)
    app.written(enrolling.migrate(app.book, handle, _picked(app, "customer", ref) if ref else ""))


@click.command("adopt", cls=Command)
@click.argument("sequence", metavar="SEQUENCE", shell_complete=_sequences)
@pass_app
def adopt(app: App, sequence: str) -> None:
    """Let this clone take the steps of a sequence from now on, in place of one that is gone."""
    from crmctl.services.following import enrolling

    app.written(enrolling.adopt(app.book, _picked(app, "sequence", sequence)))


@click.command("status", cls=Command)
@click.argument("sequence", metavar="[SEQUENCE]", required=False, default="", shell_complete=_sequences)
@click.option("--all", "everything", is_flag=True, help="Those too who are through, or were stopped.")
@output_option()
@pass_app
def status(app: App, sequence: str, everything: bool, form: str) -> None:
    """Show who is in a sequence, how far, and what comes next."""
    from crmctl.services.following import enrolments

    handle = _picked(app, "sequence", sequence) if sequence else ""
    found = enrolments.every(app.book, sequence=handle, active=not everything)
    rows: list[list[Value]] = []
    for one in found:
        after = f"{one.next.wait} d: {one.next.what}" if one.next is not None and one.state == enrolments.ACTIVE else ""
        took = f"{one.place - 1} of {len(one.steps)}"
        last = f"{one.base.astimezone(app.book.settings.zone):%Y-%m-%d %H:%M}"
        rows.append([one.customer, one.sequence, one.state, took, last, after or one.reason, one.handle])
    names = ("customer", "sequence", "state", "steps", "last", "next", "enrolment")
    app.rows(form, [Column(name) for name in names], rows, nothing="Nobody is in a sequence.")
