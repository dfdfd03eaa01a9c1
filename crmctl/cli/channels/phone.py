"""``crmctl phone``: the brief of whoever calls."""

from __future__ import annotations

import click

from crmctl.cli.app import App
from crmctl.cli.app import pass_app
from crmctl.cli.options import Command
from crmctl.cli.options import output_option
from crmctl.errors import NotFound


@click.command("phone", cls=Command)
@click.argument("number")
@output_option(formats=("table", "json"))
@click.pass_context
@pass_app
def phone(app: App, context: click.Context, number: str, form: str) -> None:
    """Show the brief of the customer with a phone number.

    NUMBER may be written in any way; one without a country code is one of the book's country. When several customers
    have it, a terminal asks which; elsewhere all their briefs are shown.
    """
    from crmctl.cli.daily.brief import brief
    from crmctl.errors import Ambiguous
    from crmctl.services.ingest import addressbook

    found, exact = addressbook.callers(app.book, number)
    if not found:
        raise NotFound(f"no customer has the number {number!r}", hint="crmctl customer add NAME --phone NUMBER")
    if not exact:
        app.warn("nobody has this very number; theirs ends in the same digits, so it may be somebody else")
    if len(found) > 1:
        rows = app.book.index.rows(
            f"SELECT handle, name FROM customers WHERE handle IN ({', '.join('?' * len(found))}) ORDER BY handle", found
        )
        choice = app.choose("Who is it?", [(str(handle), str(name or "")) for handle, name in rows])
        if choice is None and form == "json":
            raise Ambiguous(
                f"{len(found)} customers have the number {number!r}", [(str(a), str(b or "")) for a, b in rows]
            )
        found = (choice,) if choice is not None else found
    for at, handle in enumerate(found):
        if at:
            app.print([""])
        context.invoke(brief, ref=handle, form=form)
