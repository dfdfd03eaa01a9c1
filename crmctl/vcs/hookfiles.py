"""The hook files of a repository: where git looks for them, which are crmctl's, and which are somebody's own.

A hook that was there before crmctl's stands beside it under another name, and is run by it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from crmctl.vcs.calling import config

if TYPE_CHECKING:
    from crmctl.vcs.places import Places

KEPT = ".before-crmctl"
"""How the name of a hook ends that was there before ours."""

_MARK = b"# crmctl: "


def folder(places: Places, hooks_path: str | None = None) -> Path:
    """Where git looks for the hooks of a work tree.

    ``hooks_path`` is the value of ``core.hooksPath``, "" when it is not set; git is asked when it is None.
    """
    if hooks_path is None:
        hooks_path = asked_path(places.top)
    return places.top / Path(hooks_path).expanduser() if hooks_path else places.common_dir / "hooks"


def asked_path(where: Path) -> str:
    """The value of ``core.hooksPath`` in the repository around ``where``, "" when it is not set."""
    done = config(where, "--path", "--get", "core.hooksPath")
    return os.fsdecode(done.stdout).removesuffix("\n")


def is_ours(path: Path) -> bool:
    """Whether crmctl made the hook at ``path``: its second line says so."""
    if path.is_symlink():
        return False
    try:
        with path.open("rb") as file:
            return file.read(400).partition(b"\n")[2].startswith(_MARK)
    except OSError:
        return False


def kept(path: Path) -> Path:
    """Where the hook stands that was at ``path`` before ours."""
    return path.with_name(path.name + KEPT)


def users_hook(places: Places, name: str, hooks_path: str | None = None) -> Path | None:
    """The user's own hook of that name, as git would run it; None when there is none, or only crmctl's.

    ``hooks_path`` as for ``folder``; git is started only when it is None.
    """
    path = folder(places, hooks_path) / name
    if is_ours(path):
        path = kept(path)
    return path if path.is_file() and os.access(path, os.X_OK) else None
