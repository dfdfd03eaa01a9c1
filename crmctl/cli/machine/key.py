"""``crmctl key show|export|import``: the key that a book's hashes and tokens are made with."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING
from typing import TextIO

import click

from crmctl import errors
from crmctl.cli.app import pass_app
from crmctl.cli.options import Command
from crmctl.cli.options import Ordered
from crmctl.cli.options import output_option
from crmctl.errors import CrmError
from crmctl.render.rows import Column

if TYPE_CHECKING:
    from crmctl.cli.app import App


@click.group("key", cls=Ordered)
def key() -> None:
    """Show, hand on and take in the book's key.

    Addresses that must not be written down (the list of suppressions, the ledger of what was sent) are kept as hashes
    by this key, and links to unsubscribe are made with it. The book names the key and never holds it: every machine
    that sends needs a copy, and without it nothing is sent.

    \b
      (umask 077; crmctl key export > key.txt)   on the machine that has it
      crmctl key import key.txt                  on the other; then delete key.txt

    It is kept with your own settings ($XDG_CONFIG_HOME/crmctl/keys). Back it up: with it gone, nobody can tell who
    opted out, and links in mails that went out work no more.
    """


@key.command("show", cls=Command, short_help="Show the keys, and whether they are here.")
@output_option()
@pass_app
def show(app: App, form: str) -> int:
    """Show which keys the book names, and whether they are on this machine; of one that is not, why."""
    from crmctl.cli.telling import tell_error
    from crmctl.services.consenting import keyrings
    from crmctl.services.consenting import keys

    names = keys.all_named(app.book)
    wrong = {name: error for name in names if (error := keyrings.lacking(name)) is not None}
    rows = [
        [name, "no" if name in wrong else "yes", "new entries" if place == 0 else ""]
        for place, name in enumerate(names)
    ]
    nothing = "The book has no key yet; one is made when it is first needed."
    app.rows(form, [Column("key"), Column("here"), Column("used_for")], rows, nothing=nothing)
    for error in wrong.values():
        tell_error(app, error)
    return errors.FAILED if wrong else errors.OK


@key.command("export", cls=Command, short_help="Print the keys, for another machine.")
@pass_app
def export(app: App) -> None:
    """Print the book's keys, a line each, for `crmctl key import` elsewhere. Whoever has them can forge opt-outs."""
    from crmctl.services.consenting import keyrings
    from crmctl.services.consenting import keys

    ring = keyrings.ring_of(keys.all_named(app.book))
    if not ring.keys:
        raise CrmError("the book has no key yet", hint="One is made when it is first needed: crmctl suppress add ...")
    app.print(keyrings.export_line(one) for _, one in ring.keys)


@key.command("import", cls=Command, short_help="Take in keys from another machine.")
@click.argument("file", type=click.File(encoding="utf-8"), default="-")
@pass_app
def import_(app: App, file: TextIO) -> None:
    """Take in keys from FILE (or standard input), as `crmctl key export` prints them."""
    from crmctl.services.consenting import keys

    if file is sys.stdin and sys.stdin.isatty():
        raise errors.UsageProblem("no key is given", hint="crmctl key import key.txt")
    lines = [line for line in file.read(1 << 16).splitlines() if line.strip()]
    if not lines:
        raise errors.UsageProblem("there is no key in it", hint="It is what crmctl key export prints, whole.")
    for line in lines:
        app.say(f"The key {keys.import_line(app.book, line)} is on this machine now.")
