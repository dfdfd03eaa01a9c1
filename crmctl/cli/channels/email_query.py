"""``crmctl email``: addresses for mail programs, as mutt's query_command and aerc's address-book-cmd want them."""

from __future__ import annotations

import click

from crmctl.cli.app import App
from crmctl.cli.app import pass_app
from crmctl.cli.options import Command
from crmctl.render.text import safe


@click.command(
    "email",
    cls=Command,
    epilog="mutt: set query_command=\"crmctl -C ~/acme email '%s'\". "
    "aerc: address-book-cmd=crmctl -C ~/acme email --aerc '%s'",
)
@click.argument("words", nargs=-1, required=True, metavar="WORDS...")
@click.option("--aerc", is_flag=True, help="Without the first line, which mutt shows and passes over.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="At most so many.")
@pass_app
def email(app: App, words: tuple[str, ...], aerc: bool, limit: int) -> None:
    """Find e-mail addresses of customers, for a mail program.

    Each line is address, name and note, with tabs between them. Every word has to be in the name, the address or the
    organisation. Whom you had to do with last comes first.
    """
    from crmctl.services.ingest import addressbook

    found = addressbook.find(app.book, words, limit)
    lines = ["\t".join((one.address, one.name, one.note)) for one in found]
    if not aerc:
        lines.insert(0, f"{len(found)} found" if found else "nothing found")
    app.print("\t".join(safe(cell) for cell in line.split("\t")) for line in lines)
