"""``crmctl suppress add|list|check|rm``: addresses that are never written to, kept as keyed hashes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from crmctl import errors
from crmctl.cli.app import pass_app
from crmctl.cli.options import Command
from crmctl.cli.options import output_option
from crmctl.model.kinds import CHANNELS
from crmctl.render.rows import Column

if TYPE_CHECKING:
    from crmctl.cli.app import App
    from crmctl.services.consenting.suppression import Entry

_HELP = {"help_option_names": ["-h", "--help"]}
_WHYS = ("unsubscribed", "hard-bounce", "complaint", "manual", "erased")


@click.group("suppress", context_settings=_HELP)
def suppress() -> None:
    """Keep addresses from ever being written to.

    \b
      crmctl suppress add ada@example.com
      crmctl suppress add +49301234567 --purpose newsletter
      crmctl suppress check ada@example.com
      crmctl suppress rm ada@example.com --reason 'typed by mistake'

    The list holds no address, only what the book's key makes of it (crmctl key show). So it stays when a customer is
    erased, and works when the same address is imported again.
    """


@suppress.command("add", cls=Command)
@click.argument("address")
@click.option("--purpose", default="", help="Only for this purpose; everything when absent.")
@click.option("--channel", type=click.Choice(CHANNELS), default=None, help="Only on this channel; all when absent.")
@click.option("--why", type=click.Choice(_WHYS), default="manual", show_default=True, help="What was the cause.")
@click.option("--source", default="", help="How you know, in words that name nobody.")
@pass_app
def add(app: App, address: str, purpose: str, channel: str | None, why: str, source: str) -> None:
    """Never write to an address (e-mail or phone number) again."""
    from crmctl.cli.lasting import told
    from crmctl.services.consenting import listing

    told(app, listing.add(app.book, address, purpose=purpose, channel=channel or "", why=why, source=source))
    if not listing.has_customer(app.book, address):
        app.say("No customer has this address; it is kept from being written to all the same.")


@suppress.command("list", cls=Command, short_help="List the entries that count.")
@output_option()
@pass_app
def list_(app: App, form: str) -> None:
    """List the entries that count; who they are about cannot be told from them."""
    from crmctl.services.consenting import suppression

    entries = suppression.everything(app.book).entries
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


@suppress.command("rm", cls=Command)
@click.argument("address")
@click.option("--reason", required=True, help="Why it may be written to again, in words that name nobody.")
@pass_app
def rm(app: App, address: str, reason: str) -> None:
    """Take back what the team put onto the list (manual, hard-bounce).

    What somebody asked for themselves stays. When they come back on their own: crmctl consent grant, or request.
    """
    from crmctl.cli.lasting import told
    from crmctl.services.consenting import listing

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
