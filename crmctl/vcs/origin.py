"""Whether a repository was set up on this machine, or came to it as a folder, with whatever hooks are in it.

A clone has no hooks. One that crmctl has seen without any is noted, in the repository and with the user's own settings;
a folder that came from somewhere else lacks one of the two notes. What is put into a noted one is the user's own doing.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from crmctl import clock
from crmctl.errors import StorageFailed
from crmctl.vcs import pins

if TYPE_CHECKING:
    from crmctl.vcs.places import Places

_MARK = "origin"


def is_known(places: Places) -> bool:
    """Whether the repository was noted here, at this very place."""
    mark = _mark(places)
    return bool(mark) and pins.read(pins.KNOWN).get(pins.key(places.common_dir)) == mark


def note(places: Places) -> None:
    """Note the repository as one of this machine; where that cannot be written, nothing happens."""
    path = places.shared / _MARK
    with contextlib.suppress(OSError, StorageFailed, RuntimeError):
        if not _mark(places):
            places.shared.mkdir(mode=0o700, parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123 - not to be replaced by another
                    file.write(f"{clock.randomness(16).hex()}\n")
        mark = _mark(places)
        if mark:
            pins.write({**pins.read(pins.KNOWN), pins.key(places.common_dir): mark}, pins.KNOWN)


def forget(places: Places) -> bool:
    """Take the note back; whether there was one.

    Raises:
        StorageFailed: it cannot be written.
    """
    noted = pins.read(pins.KNOWN)
    was = noted.pop(pins.key(places.common_dir), None) is not None
    if was:
        pins.write(noted, pins.KNOWN)
    return was


def _mark(places: Places) -> str:
    try:
        return (places.shared / _MARK).read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
