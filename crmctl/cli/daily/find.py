"""``crmctl find``: anything, by words, names, phones or addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from crmctl.cli.app import App
from crmctl.cli.app import pass_app
from crmctl.cli.options import Command
from crmctl.cli.options import output_option

if TYPE_CHECKING:
    from crmctl.render.rows import Value
    from crmctl.services.find import Hit


@click.command("find", cls=Command)
@click.argument("words", nargs=-1, required=True, metavar="WORDS...")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="At most so many rows.")
@output_option()
@pass_app
def find(app: App, words: tuple[str, ...], limit: int, form: str) -> None:
    """Find anything by words, names, phones or addresses.

    Every word must be somewhere in one record or one interaction; case and accents do not matter, parts of words do.
    A phone number may be written in any way. Exit status 3 when there is nothing.
    """
    from crmctl.errors import NotFound
    from crmctl.render.rows import Column
    from crmctl.services.find import find

    text = " ".join(words)
    hits = find(app.book, text, limit=limit)
    if form in ("table", "md"):
        if hits:
            columns = [Column("kind"), Column("who"), Column("title"), Column("where")]
            app.rows(form, columns, [_row(hit) for hit in hits])
    else:
        columns = [Column(name) for name in ("handle", "kind", "title", "where", "date", "customer")]
        app.rows(form, columns, hits)
    if not hits:
        many = "Every word must be in one record: try fewer, or parts of them." if len(text.split()) > 1 else ""
        raise NotFound(f"nothing has {text!r} in it", hint=many or "Try a part of the word.")
    if len(hits) == limit:
        app.say(f"These are the first {limit}; --limit shows more.")


def _row(hit: Hit) -> list[Value]:
    """A hit for reading: an interaction by its type, day and customer, a record by its kind, handle and title."""
    if hit.kind == "interaction":
        return [hit.title, hit.customer, hit.date, hit.where]
    return [hit.kind, hit.handle, hit.title, hit.where or (hit.customer and f"customer: {hit.customer}")]
