"""Telling of a write that `crmctl undo` does not take back as a whole: that somebody said no."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crmctl.cli.app import App
    from crmctl.services.records import Written


def told(app: App, result: Written) -> None:
    """What a write did, in one line, without the offer to undo it."""
    notes = f" ({'; '.join(result.notes)})" if result.notes else ""
    app.say(f"{result.message}{notes}" if result.commit else f"Nothing to change{notes}.")
