"""``crmctl init``: a new book, and what to type next."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crmctl.cli.app import pass_app
from crmctl.cli.options import Command

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crmctl.cli.app import App
    from crmctl.services.clone.setup import Made

_NEXT = (
    "crmctl customer add 'Ada Lovelace' --email ada@example.com",
    "crmctl log ada-lovelace call 'wants an offer' --followup 'send the offer' --due fri",
    "crmctl today",
)
_NEXT_IN_SAMPLE = (
    "crmctl customer list country:CA",
    "crmctl brief luis-goncalves --now 2012-01-16",
    "crmctl today --now 2012-01-16",
)


@click.command("init", cls=Command)
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--sample", is_flag=True, help="A copy of the sample book: a made-up shop, with customers and orders.")
@click.option("--name", metavar="N", default="", help="What the book is called; the folder's name if not said.")
@click.option(
    "--currency", metavar="EUR", default="", help="Currency of amounts that do not name one; EUR if not said."
)
@click.option("--timezone", metavar="Europe/Berlin", default="", help="Where days begin and end; else the system's.")
@click.option("--country", metavar="DE", default="", help="Where phone numbers without a country code belong.")
@click.option("--language", metavar="en", default="", help="The language to write in; en if not said.")
@click.option(
    "--layout", type=click.Choice(["flat", "sharded"]), default=None, help="How records are put into folders."
)
@pass_app
def init(app: App, /, directory: Path, sample: bool, layout: str | None, **basics: str) -> None:
    """Make a new book in DIR: a git repository with settings and templates.

    In a folder of an existing repository the book becomes part of that repository. Nothing that is there is changed.

    \b
    Examples:
      crmctl init acme --currency USD --timezone America/Denver --country US
      crmctl init --sample play
    """
    from crmctl.services.clone.setup import make
    from crmctl.services.clone.starter import Basics

    made = make(directory, Basics(layout=layout or "", **basics), sample=sample)
    for line in _told(made, directory, sample=sample):
        app.say(line)


def _told(made: Made, directory: Path, *, sample: bool) -> Iterator[str]:
    settings = made.book.settings
    what = "the sample book" if sample else "a new book"
    yield f"Made {what} in {directory}, called {settings.name}."
    yield (
        f"  currency {settings.currency}, time zone {settings.timezone}, language {settings.language}, "
        f"country {settings.country or 'not set'}, layout {settings.layout} (crm.yaml)"
    )
    where = "a git repository of its own" if made.new else f"part of the git repository {made.top}"
    yield f"  {len(made.files)} files, {where}, commit {made.commit[:10]}"
    for path in made.kept:
        yield f"  {path} was there already and stays as it is; crmctl would have put its own"
    for note in made.notes:
        yield f"  {note}"
    yield "Next:"
    if made.book.root != Path.cwd():
        yield f"  cd {shlex.quote(os.fspath(directory))}"
    for line in _NEXT_IN_SAMPLE if sample else _NEXT:
        yield f"  {line}"
