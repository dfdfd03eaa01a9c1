"""What every call of git has in common: its environment, options that keep it from running things, git missing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from crmctl.errors import GitFailed

if TYPE_CHECKING:
    from crmctl.vcs.places import Places

# Variables by which a hook or a shell would point us to another repository than the one that was found.
LOCATION = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_PREFIX",
    "GIT_NAMESPACE",
    "GIT_QUARANTINE_PATH",
)
SAFE = (
    *("-c", "core.fsmonitor=false", "-c", "core.quotePath=false"),
    *("-c", "core.safecrlf=false", "-c", "log.showSignature=false"),
)
NO_HOOKS = ("-c", f"core.hooksPath={os.devnull}")
"""For calls that only look; a hook may listen to every change of git's index."""


def environment() -> dict[str, str]:
    """Our environment for git: no pointers to other repositories, no questions, English."""
    env = {name: value for name, value in os.environ.items() if name not in LOCATION}
    env.update(GIT_OPTIONAL_LOCKS="0", GIT_TERMINAL_PROMPT="0", LC_ALL="C.UTF-8", LANGUAGE="")
    return env


def config_texts(places: Places) -> list[str]:
    """The settings of a repository itself: its ``config`` and the one of this work tree."""
    texts = []
    for path in (places.common_dir / "config", places.git_dir / "config.worktree"):
        try:
            with open(path, "rb") as file:  # noqa: PTH123 - before every command
                texts.append(file.read().decode("utf-8", "replace"))
        except OSError:
            continue
    return texts


def not_started(exc: OSError) -> GitFailed:
    """The error for a git that could not be started."""
    if isinstance(exc, FileNotFoundError):
        return GitFailed("git is not installed, or not on the PATH", hint="apt-get install git")
    return GitFailed(f"git cannot be started: {(exc.strerror or str(exc)).lower()}")
