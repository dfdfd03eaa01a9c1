"""What a repository's own settings would run, and the user's leave for it.

Reading a book never runs any of it. Commands that would (they commit with hooks, fetch, merge) ask ``require`` first.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from crmctl.errors import Conflict
from crmctl.vcs import pins
from crmctl.vcs import suspects

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmctl.vcs.places import Places
    from crmctl.vcs.suspects import Setting

HINT = "crmctl trust shows what it is, and allows it if you say so."


def found(places: Places) -> list[Setting]:
    """The settings of the repository that would run programs, trusted or not.

    Raises:
        GitFailed: the settings cannot be read.
    """
    return suspects.suspicious(places, lambda command: _is_our_driver(places, command))


def is_trusted(places: Places, settings: Sequence[Setting]) -> bool:
    """Whether the user has allowed exactly these settings, and the files of the repository that they name."""
    return not settings or suspects.is_trusted(places, settings)


def require(places: Places) -> None:
    """Go on only in a repository that runs nothing the user has not allowed. Costs nothing where nothing is odd.

    Raises:
        Conflict: it would run something.
        GitFailed: its settings cannot be read.
    """
    settings = found(places)
    if not is_trusted(places, settings):
        first = settings[0]
        more = f" and {len(settings) - 1} more" if len(settings) > 1 else ""
        raise Conflict(
            f"this repository's own settings would run programs: {first.name} = {first.value}{more}", hint=HINT
        )


def allow(places: Places, settings: Sequence[Setting]) -> None:
    """Note that the user allows these settings, as they are now.

    Raises:
        StorageFailed: the note cannot be written.
    """
    noted = pins.read()
    pins.write({**noted, pins.key(places.common_dir): suspects.fingerprint(places, settings)})


def revoke(places: Places) -> bool:
    """Take the leave back; whether there was one.

    Raises:
        StorageFailed: the note cannot be written.
    """
    noted = pins.read()
    was = noted.pop(pins.key(places.common_dir), None) is not None
    if was:
        pins.write(noted)
    return was


def trusted_folders() -> list[str]:
    """The repositories that something was allowed for."""
    return sorted(pins.read())


def _is_our_driver(places: Places, command: str) -> bool:
    """Whether this is the merge driver as crmctl puts it there, also by another interpreter on this machine."""
    from crmctl.services.clone import mergedriver

    if mergedriver.is_ours(command):
        return True
    _, _, tail = mergedriver.command("python").partition("python")
    if not command.endswith(tail):
        return False
    python = command.removesuffix(tail).replace("%%", "%")
    try:
        words = shlex.split(python)
    except ValueError:
        return False
    return len(words) == 1 and shlex.quote(words[0]) == python and suspects.is_outside(places, words[0])
