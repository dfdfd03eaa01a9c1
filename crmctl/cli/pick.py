"""Asking which one is meant when a name fits several records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.errors import Ambiguous
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
        from crmctl.cli.conflicts import tell_open

        tell_open(app, kind, handle)
    return handle


def _found(app: App, kind: Kind, ref: str) -> str:
    try:
        return refs.find(app.book, kind, ref)
    except Ambiguous as error:
        app_choice = app.choose(f"Which {kind.name}?", error.candidates)
        if app_choice is None:
            raise
        return app_choice
