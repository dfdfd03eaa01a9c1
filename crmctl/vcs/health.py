"""What can be told about git and a repository without changing anything: for ``doctor``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from crmctl.vcs.run import attempt

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.vcs.places import Places

OLDEST = (2, 30)
"""The oldest git that crmctl is meant for."""

_VERSION = re.compile(r"(\d+)\.(\d+)\S*")
_IDENTITY = re.compile(r"(.* <[^>]*>)")


def version(folder: Path) -> tuple[str, bool]:
    """git's version, and whether it is new enough.

    Raises:
        GitFailed: there is no git.
    """
    text = attempt(folder, "--version").stdout.decode("utf-8", "replace")
    found = _VERSION.search(text)
    if found is None:
        return text.strip(), True
    return found.group(), (int(found[1]), int(found[2])) >= OLDEST


def identity(folder: Path) -> str:
    """Name and address that commits are made under, "" when git does not know."""
    done = attempt(folder, "var", "GIT_AUTHOR_IDENT")
    found = _IDENTITY.match(done.stdout.decode("utf-8", "replace"))
    return found[1] if found and not done.returncode else ""


def branch(places: Places) -> str:
    """The branch HEAD is on, "" when it is on none."""
    try:
        head = (places.git_dir / "HEAD").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
    return head.removeprefix("ref: refs/heads/") if head.startswith("ref: ") else ""
