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

    Raises:
        NotFound, Ambiguous: as ``services.refs.find``.
    """
    try:
        return refs.find(app.book, kind, ref)
    except Ambiguous as error:
        app_choice = app.choose(f"Which {kind.name}?", error.candidates)
        if app_choice is None:
            raise
        return app_choice
