"""Showing one record whole: its fields as they stand in its file, and what is counted about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.cli.pick import picked
from crmctl.render.rows import cell_text
from crmctl.render.rows import object_json
from crmctl.render.text import safe
from crmctl.services.detail import detail

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crmctl.cli.app import App
    from crmctl.model.fields import Kind
    from crmctl.render.rows import Value


def show_record(app: App, kind: Kind, ref: str, form: str) -> None:
    """Print one record in the form asked for; ``json`` is one object with every field, absent ones null."""
    handle = picked(app, kind, ref)
    if form == "ids":
        app.print([handle])
        return
    if form == "yaml":
        from crmctl.services.detail import source

        app.print(safe(source(app.book, kind, handle), lines=True).splitlines())
        return
    values = detail(app.book, kind, handle)
    if form == "json":
        app.print(object_json(values).splitlines())
    else:
        app.print(_lines(app, values), page=True)


def _lines(app: App, values: dict[str, Value]) -> Iterator[str]:
    present = {name: value for name, value in values.items() if value not in (None, [], {})}
    width = max(len(name) for name in present)
    for name, value in present.items():
        label = app.style(safe(name.replace("_", " ")).ljust(width), fg="cyan")
        first, *rest = _value_lines(value) or [""]
        yield f"{label}  {first}"
        for line in rest:
            yield f"{' ' * width}  {line}"


def _value_lines(value: Value) -> list[str]:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [safe(cell_text(item)) for item in value]
    text = cell_text(value).rstrip("\n")
    if isinstance(value, dict):
        text = "\n".join(f"{key}: {cell_text(item)}".rstrip("\n") for key, item in value.items() if item is not None)
    return safe(text, lines=True).split("\n")
