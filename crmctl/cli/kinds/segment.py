"""``crmctl segment members``; the other verbs are those of every kind."""

from __future__ import annotations

from typing import Any

import click

from crmctl.cli.app import App
from crmctl.cli.app import pass_app
from crmctl.cli.options import Command
from crmctl.cli.options import output_option

_COLUMNS = ("handle", "name", "organization", "owner", "last")


def _complete(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[Any]:
    from crmctl.cli.complete import handles

    return handles(context, "segment", incomplete)


@click.command("members", cls=Command)
@click.argument("ref", metavar="REF", shell_complete=_complete)
@output_option()
@pass_app
def members(app: App, ref: str, form: str) -> None:
    """List the customers in a segment: those that match its filter, and those it names."""
    from crmctl.cli.pick import picked
    from crmctl.render.rows import Column
    from crmctl.services.campaigns import audience

    handle = picked(app, app.book.schema.require("segment"), ref)
    inside = set(audience.members(app.book, handle))
    everyone = app.book.index.rows(f"SELECT {', '.join(_COLUMNS)} FROM customers ORDER BY handle")
    rows = [row for row in everyone if row[0] in inside]
    app.rows(form, [Column(name) for name in _COLUMNS], rows, nothing=f"Nobody is in {handle}")
