"""``crmctl suppress add|list|check|rm``: addresses that are never written to, kept as keyed hashes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from crmctl import errors
from crmctl.cli.app import pass_app
from crmctl.cli.options import Command
from crmctl.cli.options import Ordered
from crmctl.cli.options import output_option
from crmctl.errors import UsageProblem
from crmctl.model.kinds import CHANNELS
from crmctl.render.rows import Column

if TYPE_CHECKING:
    from crmctl.cli.app import App
    from crmctl.services.consenting.suppression_entry import Entry

_WHYS = ("unsubscribed", "hard-bounce", "complaint", "manual", "erased")


@click.group("suppress", cls=Ordered)
def suppress() -> None:
    """Keep addresses from ever being written to.

    \b
      crmctl suppress add ada@example.com --reason 'asked at the fair'
      crmctl suppress add +49301234567 --purpose newsletter
      crmctl suppress check ada@example.com
      crmctl suppress rm ada@example.com --reason 'typed by mistake'

    The list holds no address, only what the book's key makes of it (crmctl key show). So it stays when a customer is
    erased, and works when the same address is imported again.
    """


@suppress.command("add", cls=Command, short_help="Never write to an address again.")
@click.argument("address")
@click.option("--purpose", default="", help="Only for this purpose; everything when absent.")
@click.option("--channel", type=click.Choice(CHANNELS), default=None, help="Only on this channel; all when absent.")
@click.option("--why", type=click.Choice(_WHYS), default="manual", show_default=True, help="What was the cause.")
@click.option(
    "--reason", "--source", "reason", default="", help="How you know: words that name nobody, no digits. It stays."
)
@pass_app
def add(app: App, address: str, purpose: str, channel: str | None, why: str, reason: str) -> None:
    """Never write to an address (e-mail or phone number) again.

    It lasts: undo does not take it back. --why says the cause, by which it is judged later: what the team put there
    (manual, hard-bounce) can be taken back by rm, what somebody asked for themselves cannot. --reason is for people. It
    stands in the list for good, also when everything else about somebody is erased, so it must not tell who it is.

    \b
      crmctl suppress add ada@example.com --reason 'asked at the fair'
      crmctl suppress add ada@example.com --why complaint --purpose newsletter
    """
    from crmctl.cli.channels.lasting import told
    from crmctl.services.consenting import listing

    told(app, listing.add(app.book, address, purpose=purpose, channel=channel or "", why=why, reason=reason))
    if not listing.has_customer(app.book, address):
        app.say("No customer has this address; it is kept from being written to all the same.")


@suppress.command("list", cls=Command, short_help="List the entries that count.")
@output_option()
@pass_app
def list_(app: App, form: str) -> None:
    """List the entries that count; who they are about cannot be told from them."""
    from crmctl.services.consenting import suppression
    from crmctl.services.consenting import suppression_files

    entries = suppression_files.everything(app.book).entries
    _show(app, form, suppression.active(entries), "Nobody is suppressed.")


@suppress.command("check", cls=Command, short_help="Show what stands against an address.")
@click.argument("address")
@output_option()
@pass_app
def check(app: App, address: str, form: str) -> int:
    """Show what stands against an address; the exit status is 1 when something does."""
    from crmctl.services.consenting import listing

    found = listing.check(app.book, address)
    _show(app, form, found, "Nothing stands against this address.")
    return errors.FAILED if found else errors.OK


@suppress.command("rm", cls=Command, short_help="Take back what the team put onto the list.")
@click.argument("address")
@click.option(
    "--reason", default="", help="Why it may be written to again; has to be said. Words that name nobody, no digits."
)
@pass_app
def rm(app: App, address: str, reason: str) -> None:
    """Take back what the team put onto the list (manual, hard-bounce).

    What somebody asked for themselves stays. When they come back on their own: crmctl consent grant, or request.
    """
    from crmctl.cli.channels.lasting import told
    from crmctl.services.consenting import listing

    if not reason.strip():
        hint = "Say it for the others: --reason 'typed by mistake'"
        raise UsageProblem("why may it be written to again? no reason is given", hint=hint)
    told(app, listing.remove(app.book, address, reason))


def _show(app: App, form: str, entries: list[Entry], nothing: str) -> None:
    # What nobody can read stays out of the table; -o json has it.
    names = ("at", "why", "scope", "channel", "source", "to", "id")[: 5 if form == "table" else 7]
    people = form in ("table", "md")
    rows = [
        [
            _local(app, entry.at) if people else entry.at,
            entry.why,
            entry.scope,
            entry.channel or "all",
            entry.source,
            entry.to,
            entry.id,
        ][: len(names)]
        for entry in entries
    ]
    app.rows(form, [Column(name) for name in names], rows, nothing=nothing)


def _local(app: App, at: str) -> str:
    from datetime import datetime

    try:
        return f"{datetime.fromisoformat(at).astimezone(app.book.settings.zone):%Y-%m-%d %H:%M}"
    except ValueError:
        return at
