"""``crmctl schema KIND``: what a record may say, for editors (JSON Schema) and for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from crmctl.cli.app import pass_app
from crmctl.cli.options import Command
from crmctl.errors import NoBook
from crmctl.errors import NotFound
from crmctl.render.rows import Column

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crmctl.cli.app import App
    from crmctl.model.fields import Field
    from crmctl.model.fields import Kind
    from crmctl.model.schema import Schema
    from crmctl.render.rows import Value

_FORMS = ("json", "table", "csv", "tsv", "md", "ids")


def _complete(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[object]:
    from crmctl.cli.complete import kinds

    return list(kinds(context, incomplete))


@click.command("schema", cls=Command)
@click.argument("kind", required=False, default="", metavar="[KIND]", shell_complete=_complete)
@click.option(
    "-o",
    "--output",
    "form",
    type=click.Choice(_FORMS),
    default=None,
    help="json (default): JSON Schema; table: its fields.",
)
@pass_app
def schema(app: App, kind: str, form: str | None) -> None:
    """Print a kind's JSON Schema, for editors; without KIND list the kinds.

    The schema (draft-07) has the fields and words of the book, or of every book when there is none here. An editor that
    knows YAML completes and marks fields when it is told where the schema is:

    \b
      crmctl schema customer > .git/customer.json
      # yaml-language-server: $schema=../../.git/customer.json
    """
    known = _schema(app)
    if not kind:
        columns = [Column("kind"), Column("folder"), Column("fields", right=True), Column("help")]
        rows: list[list[Value]] = [[k.name, f"records/{k.plural}", len(k.stored), k.help] for k in known.kinds]
        app.rows(form or "table", columns, rows)
        return
    found = known.kind(kind)
    if found is None:
        raise _unknown(known, kind)
    if form in (None, "json"):
        from crmctl.model.jsonschema import json_schema
        from crmctl.render.rows import object_json

        app.print(object_json(json_schema(found)).splitlines())
        return
    columns = [Column("field"), Column("type"), Column("required"), Column("help")]
    app.rows(form or "table", columns, _rows(found))


def _schema(app: App) -> Schema:
    """The kinds of the book, or the built-in ones where there is no book."""
    from crmctl.model.settings_reading import read_settings
    from crmctl.services.checking.settings import load_from

    try:
        return load_from(app.book.files).settings.schema
    except NoBook as error:
        if error.problems or app.folder or app.as_of is not None:
            raise
        return read_settings({}).schema


def _unknown(known: Schema, name: str) -> NotFound:
    from difflib import get_close_matches

    names = [kind.name for kind in known.kinds]
    near = get_close_matches(name, names, 1)
    hint = f"Did you mean {near[0]}?" if near else f"The kinds are {', '.join(names)}."
    return NotFound(f"there is no kind {name!r}", hint=hint)


def _rows(kind: Kind) -> Iterator[list[str | None]]:
    for field in kind.fields:
        yield from _field_rows(field, "")


def _field_rows(field: Field, prefix: str) -> Iterator[list[str | None]]:
    words = [field.type if field.type != "ref" else f"ref to {field.kind}"]
    if field.shape != "one":
        words.append(field.shape)
    if field.choices:
        words = [" | ".join(field.choices), *words[1:]]
    text = f"{field.help} (counted)" if field.derived else field.help
    yield [prefix + field.name, ", ".join(words), "yes" if field.required and not field.derived else None, text]
    for part in field.fields:
        yield from _field_rows(part, f"{prefix}{field.name}.{'NAME.' if field.shape == 'map' else ''}")
