"""Putting crmctl's git hooks in place and taking them away, with respect for hooks that are somebody's own.

A hook that is there already is kept beside ours, which runs it first; it comes back when ours goes.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import Conflict
from crmctl.errors import NoBook
from crmctl.services.clone import trust
from crmctl.services.clone.ours import shim
from crmctl.store.files import storage_failed
from crmctl.vcs import clonefiles
from crmctl.vcs import hookfiles
from crmctl.vcs import hooknames
from crmctl.vcs.run import attempt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmctl.vcs.places import Places

NAMES, SERVER = hooknames.CLONE, hooknames.SERVER

_OURS = ("installed", "outdated")


class Hook(NamedTuple):
    """The state of a hook: ``installed``, ``outdated``, ``absent`` or ``foreign``; ``kept`` says that one is run first.

    ``foreign`` is someone else's, where ours cannot be put in front of it; ``why`` says why.
    """

    name: str
    state: str
    path: Path
    kept: bool = False
    why: str = ""


class Folder(NamedTuple):
    """Where git looks for hooks; ``why`` says why nothing is put there, "" when that is fine."""

    path: Path
    why: str = ""


def line(name: str) -> str:
    """What to add to a hook of one's own."""
    return f'crmctl hook {name} "$@" || exit 1'


def find(places: Places) -> Folder:
    """Where hooks of this work tree belong: in git's own folder, and in no other one that git was told to look in.

    A folder elsewhere serves other repositories too. One in the work tree, or a second one in ``.git``, is a setting by
    which a repository that came from somebody runs programs: crmctl does not write there until it is trusted, and what
    is trusted are the programs as they are (see ``services.clone.trust``), so ours may not be put among them.
    """
    path = hookfiles.folder(places)
    standard = places.common_dir / "hooks"
    real = Path(os.path.realpath(path))
    if real == Path(os.path.realpath(standard)) and real.is_relative_to(os.path.realpath(places.common_dir)):
        return Folder(path)
    because = "core.hooksPath" if path != standard else f"{path} is a link"
    homes = (places.top, places.git_dir, places.common_dir)
    if not any(real.is_relative_to(os.path.realpath(home)) for home in homes):
        return Folder(path, f"git looks for hooks in a folder outside of this repository ({because})")
    if attempt(places.top, "ls-files", "--", str(real)).stdout:
        return Folder(path, f"git looks for hooks in a folder that is under version control ({because})")
    why = f"git looks for hooks in a folder of this repository that is not git's own ({because})"
    return Folder(path, f"{why}, which needs your leave: crmctl trust")


def server_folder(repository: Path) -> Folder:
    """Where the hooks of the repository at ``repository``, bare or not, belong.

    Raises:
        NoBook: there is none.
    """
    done = attempt(repository, "rev-parse", "--absolute-git-dir") if repository.is_dir() else None
    if done is None or done.returncode:
        raise NoBook(f"{repository} is no git repository", hint="Name the repository that people push to: team.git")
    git_dir = Path(os.fsdecode(done.stdout).removesuffix("\n"))
    own = hookfiles.asked_path(repository)
    return Folder(git_dir / Path(own).expanduser() if own else git_dir / "hooks")


def look(where: Folder | Places, names: Sequence[str] = NAMES) -> list[Hook]:
    """The state of each hook."""
    folder = _folder(where)
    return [_look(folder.path / name) for name in names]


def _folder(where: Folder | Places) -> Folder:
    return where if isinstance(where, Folder) else find(where)


def _look(path: Path) -> Hook:
    kept = os.path.lexists(hookfiles.kept(path))
    if not os.path.lexists(path):
        return Hook(path.name, "absent", path, kept)
    if hookfiles.is_ours(path):
        same = path.read_text(encoding="utf-8", errors="replace") == shim(path.name, sys.executable)
        return Hook(path.name, "installed" if same and os.access(path, os.X_OK) else "outdated", path, kept)
    return Hook(path.name, "foreign", path, kept, _in_the_way(path, kept=kept))


def _in_the_way(path: Path, *, kept: bool) -> str:
    """Why a hook cannot be run by ours under another name; "" when it can."""
    if path.is_dir() or (not path.is_symlink() and not path.is_file()):
        return f"{path} is no file"
    if kept:
        return f"there is another one that was kept: {hookfiles.kept(path)}"
    with contextlib.suppress(OSError):
        text = path.read_text(encoding="utf-8", errors="replace")
        if "husky" in text or ("basename" in text and "$0" in text) or '"$(dirname "$0")/h"' in text:
            return f"{path} goes by its own name, and would not do its work under another"
    return ""


def install(where: Folder | Places, names: Sequence[str] = NAMES) -> list[Hook]:
    """Put the hooks in place, or bring them up to date; their states then. What is in the way stays ``foreign``.

    Raises:
        Conflict: git looks for hooks in a place that is not ours to change; the hint says what to do by hand.
        StorageFailed: the system refuses.
    """
    folder = _folder(where)
    if folder.why:
        example = f"{folder.path / names[0]}: {line(names[0])}"
        hint = f"Add a line to each hook there that you want, with its name, as in {example}"
        if "core.hooksPath" in folder.why and not isinstance(where, Folder):
            hint = f"Have git look in its own folder: {_own_folder(where)}; crmctl hooks install. Or: {hint}"
        raise Conflict(folder.why, hint=hint)
    for hook in look(folder, names):
        clonefiles.sweep(hook.path)
        if hook.state != "installed" and not hook.why:
            _put(hook)
    if not isinstance(where, Folder):
        trust.welcome(where)
    return look(folder, names)


def _own_folder(places: Places) -> str:
    """The command by which git looks for this repository's hooks in its own folder again."""
    if attempt(places.top, "config", "--local", "--get", "core.hooksPath").stdout:
        return "git config --unset core.hooksPath"
    return f"git config core.hooksPath {shlex.quote(str(places.common_dir / 'hooks'))}"  # It is set for all of them.


def sweep(places: Places) -> None:
    """Take away what one that was killed left while it put hooks in place."""
    for name in NAMES:
        clonefiles.sweep(places.common_dir / "hooks" / name)


def _put(hook: Hook) -> None:
    try:
        hook.path.parent.mkdir(parents=True, exist_ok=True)
        with clonefiles.written_beside(hook.path, shim(hook.name, sys.executable), 0o755) as beside:
            if hook.state == "foreign":
                hook.path.rename(hookfiles.kept(hook.path))
            beside.replace(hook.path)
    except OSError as exc:
        raise storage_failed(str(hook.path), exc, "write") from exc


def uninstall(where: Folder | Places, names: Sequence[str] = NAMES) -> list[Hook]:
    """Take our hooks away, and put back what was there before; the states before.

    Raises:
        StorageFailed: the system refuses.
    """
    folder = _folder(where)
    before = look(folder, names)
    standard = Folder(folder.path if isinstance(where, Folder) else where.common_dir / "hooks")
    if standard.path != folder.path:
        # Ours may stand there from before git was told to look elsewhere.
        before += [hook for hook in look(standard, names) if hook.state in _OURS or hook.kept]
    for hook in before:
        try:
            if hook.state in _OURS:
                hook.path.unlink()
            if hook.kept and hook.state != "foreign":
                hookfiles.kept(hook.path).rename(hook.path)
        except OSError as exc:
            raise storage_failed(str(hook.path), exc, "remove") from exc
    for path in {folder.path, standard.path}:
        with contextlib.suppress(OSError):
            path.rmdir()  # If nothing else is in it, we had made it.
    return before
