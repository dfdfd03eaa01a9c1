"""Which record or kind a typed name means; a person is asked where it fits several."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.errors import Ambiguous
from crmctl.errors import UsageProblem
from crmctl.services import refs

if TYPE_CHECKING:
    from crmctl.cli.app import App
    from crmctl.model.fields import Kind


def picked(app: App, kind: Kind, ref: str) -> str:
    """The handle that ``ref`` means; on a terminal a person chooses among several.

    Where a sync waits for an answer about it, a word says so.

    Raises:
        NotFound, Ambiguous: as ``services.refs.find``.
    """
    handle = _found(app, kind, ref)
    if (app.book.places.own / "pending.json").exists():
        from crmctl.cli.question_words import tell_open

        tell_open(app, kind, handle)
    return handle


def _found(app: App, kind: Kind, ref: str) -> str:
    try:
        return refs.find(app.book, kind, ref)
    except Ambiguous as error:
        app_choice = app.choose(f"Which {kind.one}?", error.candidates)
        if app_choice is None:
            raise
        return app_choice


def kind_named(app: App, name: str) -> Kind:
    """The kind called ``name``, one of the book's own too.

    Raises:
        UsageProblem: there is none.
    """
    kind = app.book.schema.kind(name)
    if kind is None:
        from difflib import get_close_matches

        names = [known.name for known in app.book.schema.kinds]
        near = get_close_matches(name, names, 1)
        hint = f"Did you mean {near[0]}?" if near else f"The kinds are {', '.join(names)}."
        raise UsageProblem(f"there is no kind {name!r}", hint=hint)
    return kind
