"""Words about what is asked: the sides of a question, that one is open, that there is none."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from crmctl import errors
from crmctl.render.rows import cell_text

if TYPE_CHECKING:
    from crmctl.cli.app import App
    from crmctl.model.fields import Kind
    from crmctl.model.raw import Raw
    from crmctl.services.joining.conflicts import Asked
    from crmctl.services.joining.conflicts import Side

_SHOWN = 60
"""Longer values are cut to this many characters in a table."""


def text_of(value: Raw | None, words: str = "") -> str:
    """A value in a line: what it is in words, or the start of it."""
    if words:
        return words
    if value is None:
        return "(none)"
    text = " ".join(cell_text(value).split())  # type: ignore[arg-type]
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def by_whom(app: App, side: Side) -> str:
    """Who made it so, and when, in the book's time zone."""
    from datetime import datetime

    if not side.who:
        return ""
    at = datetime.fromisoformat(side.when)
    with contextlib.suppress(errors.NoBook):  # The settings may be in conflict themselves.
        at = at.astimezone(app.book.settings.zone)
    return f"{side.who}, {at:%Y-%m-%d %H:%M}"


def before(one: Asked) -> str:
    """What stood there before either side did anything."""
    if not one.yours.words:
        return text_of(one.before)
    if one.interaction and isinstance(one.before, dict):
        return text_of(one.before.get("text", ""))
    if one.size_before is None:
        return "(none)"
    return one.title or f"{one.size_before:,} bytes"


def made_of(one: Asked, side: Side) -> str:
    """What a side made of it: of an interaction that the other side removed, its text."""
    if one.interaction and side.words and isinstance(side.value, dict):
        old = one.before if isinstance(one.before, dict) else {}
        if side.value.get("text") != old.get("text"):
            return text_of(side.value.get("text"))
        names = [name for name in dict.fromkeys([*old, *side.value]) if old.get(name) != side.value.get(name)]
        return f"changed {', '.join(names)}"
    return text_of(side.value, side.words)


def tell_open(app: App, kind: Kind, handle: str) -> None:
    """Say on stderr that a sync waits for an answer about a record that is being looked at."""
    from crmctl.services.joining.conflicts import load
    from crmctl.store import layout

    pending = load(app.book)
    if pending is None:
        return
    customer = handle
    if kind.storage == "jsonl":
        row = app.book.index.row("SELECT customer FROM interactions WHERE handle = ?", (handle,))
        customer = str(row[0]) if row is not None else ""
    about = {(kind.name, handle)} if kind.storage == "yaml" else set()
    if kind.name in ("customer", "interaction"):
        about.add(("interaction", customer))
    places = [place for path in pending.paths if (place := layout.place_of(path, app.book.schema)) is not None]
    if any((place.kind.name, place.handle) in about for place in places):
        app.say(f"{customer} has an open question: crmctl conflicts {customer}")


def tell_none(app: App) -> None:
    """Say that nothing is in conflict, and what is unfinished all the same."""
    from crmctl.services.joining.conflict_settling import unfinished

    app.say("No conflicts.")
    how = unfinished(app.book)
    if how is not None:
        app.say(f"The {how.name} is not finished: git {' '.join(how.go_on)}")
