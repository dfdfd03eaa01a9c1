"""What a repository's own settings and hooks would run, and the user's leave for it.

Reading a book never runs any of it. Commands that would (they commit with hooks, fetch, merge) ask ``require`` first.
Settings that run something always need leave. Hooks are the user's own in a repository that was set up on this machine
(see ``vcs.origin``), as everybody uses them; those in a folder that came from somewhere else need leave too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.errors import Conflict
from crmctl.model.settings import FILE
from crmctl.services.clone import ours
from crmctl.vcs import origin
from crmctl.vcs import pins
from crmctl.vcs import suspects

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmctl.vcs.places import Places
    from crmctl.vcs.suspects import Setting

HINT = "crmctl trust shows what it is, and allows it if you say so."


def found(places: Places) -> list[Setting]:
    """What of the repository would run programs, trusted or not: settings, and hooks that came with it.

    Raises:
        GitFailed: the settings cannot be read.
    """
    settings = suspects.suspicious(places, lambda command: ours.is_our_driver(places, command))
    return settings + suspects.came_with(places, lambda path: ours.is_our_hook(places, path))


def own_hooks(places: Places) -> list[Setting]:
    """The hooks that run without being asked about, because they were put here on this machine; errors as ``found``."""
    hooks = suspects.hooks(places, lambda path: ours.is_our_hook(places, path))
    return hooks if hooks and origin.is_known(places) else []


def is_trusted(places: Places, settings: Sequence[Setting]) -> bool:
    """Whether the user has allowed exactly these settings, and the files of the repository that they name."""
    return not settings or suspects.is_trusted(places, settings)


def require(places: Places) -> None:
    """Go on only in a repository that runs nothing the user has not allowed. Costs nothing where nothing is odd.

    Raises:
        Conflict: it would run something.
        GitFailed: its settings cannot be read.
    """
    if not (places.book / FILE).exists():
        origin.note(places)  # Whoever makes a book of a repository has it already, with its hooks.
    settings = found(places)
    if not is_trusted(places, settings):
        first = settings[0]
        more = f" and {len(settings) - 1} more" if len(settings) > 1 else ""
        if first.file.endswith(first.name):
            raise Conflict(f"this repository came with hooks, which are programs: {first.file}{more}", hint=HINT)
        raise Conflict(
            f"this repository's own settings would run programs: {first.name} = {first.value}{more}", hint=HINT
        )
    welcome(places)


def welcome(places: Places) -> None:
    """Note a repository that has no hooks but crmctl's as one of this machine, so that later ones are the user's."""
    if not origin.is_known(places) and not suspects.hooks(places, lambda path: ours.is_our_hook(places, path)):
        origin.note(places)


def allow(places: Places, settings: Sequence[Setting]) -> None:
    """Note that the user allows these settings, as they are now.

    Raises:
        StorageFailed: the note cannot be written.
    """
    noted = pins.read()
    pins.write({**noted, pins.key(places.common_dir): suspects.fingerprint(places, settings)})


def revoke(places: Places) -> bool:
    """Take the leave back, that of hooks which were put here on this machine too; whether there was one.

    Raises:
        StorageFailed: the note cannot be written.
    """
    hooks = own_hooks(places)
    origin.forget(places)
    noted = pins.read()
    was = noted.pop(pins.key(places.common_dir), None) is not None
    if was:
        pins.write(noted)
    return was or bool(hooks)
