"""A campaign's record watched while its messages go out: somebody may pause or cancel it by any means."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from crmctl.errors import CrmError

if TYPE_CHECKING:
    from pathlib import Path


class Watched:
    """The record at ``path``; it is read only when it was touched. ``sender`` is what it named when the run began: the
    machine that sends, or any."""

    def __init__(self, path: Path, sender: str = "") -> None:
        self._path = path
        self._wanted = sender
        self._stamp: tuple[int, int, int] | None = None

    def halted(self) -> str:
        """Why the run is to end, "" when it is not."""
        stamp = self._state()
        if stamp == self._stamp:
            return ""
        status, sender = self._told()
        if status in ("paused", "cancelled"):
            return f"the campaign was {status} meanwhile"
        if self._wanted and sender not in ("", self._wanted):
            return f"{sender} was made its sender meanwhile"
        self._stamp = stamp
        return ""

    def status(self) -> str:
        """The status that the file says now; what cannot be read says no."""
        return self._told()[0]

    def _told(self) -> tuple[str, str]:
        from crmctl.store.yaml_reader import read_yaml

        try:
            data = read_yaml(self._path.read_bytes(), self._path.name).data
            return str(data.get("status") or ""), str(data.get("sender") or "").strip().lower()
        except (OSError, CrmError):
            return "paused", ""

    def forget(self) -> None:
        """Read it again the next time: it was written to by us."""
        self._stamp = None

    def _state(self) -> tuple[int, int, int]:
        try:
            state = os.stat(self._path)  # noqa: PTH116 - before each message
        except OSError:
            return (0, 0, 0)
        return state.st_mtime_ns, state.st_size, state.st_ino
