"""``crmctl sequence enroll|stop|migrate|status|adopt``; the other verbs are those of every kind."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

import click

from crmctl.cli import wide
from crmctl.cli.app import App
from crmctl.cli.app import pass_app
from crmctl.cli.options import Command
from crmctl.cli.options import output_option
from crmctl.cli.options import yes_option
from crmctl.errors import UsageProblem
from crmctl.render.rows import Column

if TYPE_CHECKING:
    from collections.abc import Sequence

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


def _customers_or_sequences(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[Any]:
    return [*_sequences(context, parameter, incomplete), *_customers(context, parameter, incomplete)]


@click.command("enroll", cls=Command)
@click.argument("words", metavar="SEQUENCE [CUSTOMER]...", nargs=-1, shell_complete=_customers_or_sequences)
@click.option("--segment", metavar="SEGMENT", default="", help="Those of this segment.")
@click.option("--filter", "filters", metavar="FILTER", multiple=True, help="Those that match; repeatable, all must.")
@click.option("--again", is_flag=True, help="Although they were in it before.")
@click.option("-n", "--dry-run", is_flag=True, help="Only list who would be enrolled, and who not and why.")
@yes_option
@pass_app
def enroll(
    app: App, words: tuple[str, ...], segment: str, filters: tuple[str, ...], again: bool, dry_run: bool, yes: bool
) -> None:
    """Put customers into a sequence; its steps are those of today, whatever is edited later.

    Several are listed first, with a reason for each who cannot be enrolled; they become one commit. Whoever is in it
    stays where they are.

    \b
      crmctl sequence enroll welcome ada-lovelace
      crmctl sequence enroll welcome --segment rock-fans --yes
      crmctl sequence enroll welcome --filter 'tag:trial last>=30d'
    """
    from crmctl.services.following import enrolling

    handle, refs = _parted(app, words)
    customers = [_picked(app, "customer", ref) for ref in refs]
    if len(customers) == 1 and not (segment or filters or dry_run):
        app.written(enrolling.enroll(app.book, customers[0], handle, again=again))
        return
    if not (customers or segment or filters):
        raise UsageProblem("nobody is named", hint=f"crmctl sequence enroll {handle} CUSTOMER, or --segment, --filter")
    _enroll_many(app, handle, customers, segment, filters, again=again, dry_run=dry_run, yes=yes)


def _parted(app: App, words: tuple[str, ...]) -> tuple[str, list[str]]:
    """The sequence and the customers that the words name: the sequence comes first, or last."""
    if not words:
        raise UsageProblem(
            "no sequence is named", hint="crmctl sequence enroll SEQUENCE CUSTOMER; crmctl sequence list"
        )
    known = [app.book.index.row("SELECT 1 FROM sequences WHERE handle = ?", (word,)) for word in (words[0], words[-1])]
    if known[1] and not known[0]:
        return words[-1], [*words[:-1]]
    return _picked(app, "sequence", words[0]), [*words[1:]]


def _enroll_many(
    app: App,
    handle: str,
    customers: Sequence[str],
    segment: str,
    filters: tuple[str, ...],
    *,
    again: bool,
    dry_run: bool,
    yes: bool,
) -> None:
    from crmctl.cli.words import counted
    from crmctl.services.following import enrolling_many as many

    asked = many.wanted(app.book, customers, _picked(app, "segment", segment) if segment else "", filters)
    found = many.considered(app.book, handle, asked, again=again)
    rows: list[list[Value]] = [[one.customer, one.what, one.reason] for one in found if one.what != many.IN]
    columns = [Column(name) for name in ("customer", "what", "reason")]
    if rows:
        wide.rows(app, "table", columns, rows, texts=("reason",))
    count = sum(one.what == many.ENROLL for one in found)
    stay = sum(one.what == many.IN for one in found)
    refused = len(found) - count - stay
    app.say(f"{count} to enroll in {handle}, {stay} in it already, {refused} cannot be.")
    if dry_run:
        app.say("Nothing was done.")
        return
    if count:
        app.confirm(f"Enroll {counted(count, 'customer')} in {handle}?", yes=yes)
    app.written(many.enroll(app.book, handle, found, again=again))


@click.command("stop", cls=Command)
@click.argument("ref", metavar="CUSTOMER", shell_complete=_customers)
@click.argument("sequence", metavar="[SEQUENCE]", required=False, default="", shell_complete=_sequences)
@click.option("--reason", default="", help="Why, for whoever asks later.")
@pass_app
def stop(app: App, ref: str, sequence: str, reason: str) -> None:
    """Take a customer out of a sequence, or of all they are in.

    \b
      crmctl sequence stop ada-lovelace --reason "Called us herself"
    """
    from crmctl.services.following import enrolling

    handle = _picked(app, "sequence", sequence) if sequence else ""
    app.written(enrolling.stop(app.book, _picked(app, "customer", ref), handle, reason))


@click.command("migrate", cls=Command)
@click.argument("sequence", metavar="SEQUENCE", shell_complete=_sequences)
@click.argument("ref", metavar="[CUSTOMER]", required=False, default="", shell_complete=_customers)
@pass_app
def migrate(app: App, sequence: str, ref: str) -> None:
    """Move those who are in a sequence to the steps it has now; steps that were taken are not taken again.

    \b
      crmctl sequence migrate welcome
      crmctl sequence migrate welcome ada-lovelace
    """
    from crmctl.services.following import enrolling

    handle = _picked(app, "sequence", sequence)
    app.written(enrolling.migrate(app.book, handle, _picked(app, "customer", ref) if ref else ""))


@click.command("adopt", cls=Command)
@click.argument("sequence", metavar="SEQUENCE", shell_complete=_sequences)
@pass_app
def adopt(app: App, sequence: str) -> None:
    """Let this clone take the steps of a sequence from now on, in place of one that is gone.

    \b
      crmctl sequence adopt welcome
    """
    from crmctl.services.following import enrolling

    app.written(enrolling.adopt(app.book, _picked(app, "sequence", sequence)))


@click.command("status", cls=Command)
@click.argument("sequence", metavar="[SEQUENCE]", required=False, default="", shell_complete=_sequences)
@click.option("--all", "everything", is_flag=True, help="Those too who are through, or were stopped.")
@output_option()
@pass_app
def status(app: App, sequence: str, everything: bool, form: str) -> None:
    """Show who is in a sequence, how far, and what comes next.

    \b
      crmctl sequence status welcome
    """
    from crmctl.services.following import enrolments

    handle = _picked(app, "sequence", sequence) if sequence else ""
    found = enrolments.every(app.book, sequence=handle, active=not everything)
    rows: list[list[Value]] = []
    for one in found:
        after = f"{one.next.wait} d: {one.next.what}" if one.next is not None and one.state == enrolments.ACTIVE else ""
        took = f"{one.place - 1} of {len(one.steps)}"
        last = f"{one.base.astimezone(app.book.settings.zone):%Y-%m-%d %H:%M}"
        rows.append([one.customer, one.sequence, one.state, took, last, after or one.reason, one.handle])
    columns = [Column(name) for name in ("customer", "sequence", "state", "steps", "last", "next", "enrolment")]
    nothing = "Nobody is in a sequence."
    if form == "table":  # Its handle is for programs; people are told by their names.
        wide.rows(app, form, columns[:-1], [row[:-1] for row in rows], texts=("next",), nothing=nothing)
    else:
        app.rows(form, columns, rows, nothing=nothing)
