"""What crmctl itself puts into a repository and git then runs, to the letter: the merge driver's command, and hooks."""

from __future__ import annotations

import re
import shlex
import sys
from typing import TYPE_CHECKING

from crmctl.services import shipped
from crmctl.vcs import hooknames
from crmctl.vcs import suspects

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.vcs.places import Places

# git takes a program that is missing or killed for a conflict, and leaves our side alone in the file, or half a text:
# the other side would be gone unseen. So nothing counts as an answer but 0, and 1 with markers in the file; for all
# else, a crash of Python's included, git merges the lines and what it cannot is marked. The result is then never clean.
_DRIVER = (
    "{python} -P -m crmctl.hooks.merge_driver %O %A %B %L %P; s=$?; [ $s -eq 0 ] && exit 0; "
    "[ $s -eq 1 ] && grep -q '^<<<<<<<' %A && exit 1; "
    "git merge-file -q --diff3 --marker-size=%L -L ours -L base -L theirs %A %O %B; exit 1"
)
_NO_PYTHON = "python=''\n"
_PYTHON = re.compile(r"^python=(.*)$", re.MULTILINE)


def driver(python: str = "") -> str:
    """What git runs to join a file; ``python`` is the interpreter, the present one when left out."""
    # A percent sign begins what git fills in.
    return _DRIVER.format(python=shlex.quote(python or sys.executable).replace("%", "%%"))


def shim(name: str = "pre-commit", python: str = "") -> str:
    """The text of a hook; ``python`` is the interpreter to try first.

    Raises:
        StorageFailed: the installation has lost its hooks.
    """
    text = (shipped.folder("hooks") / name).read_text(encoding="utf-8")
    return text.replace(_NO_PYTHON, f"python={shlex.quote(python)}\n") if python else text


def is_our_driver(places: Places, command: str) -> bool:
    """Whether this is the merge driver as crmctl puts it there, also by another interpreter on this machine."""
    if command == driver():
        return True
    _, _, tail = driver("python").partition("python")
    if not command.endswith(tail):
        return False
    python = command.removesuffix(tail).replace("%%", "%")
    try:
        words = shlex.split(python)
    except ValueError:
        return False
    return len(words) == 1 and shlex.quote(words[0]) == python and suspects.is_outside(places, words[0])


def is_our_hook(places: Places, path: Path) -> bool:
    """Whether a hook is crmctl's to the last letter, and starts nothing that came with the repository."""
    if path.is_symlink() or path.name not in hooknames.CLONE:
        return False
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
        python = _PYTHON.search(text)
        words = shlex.split(python[1]) if python else []
    except (OSError, ValueError):
        return False
    if len(words) != 1 or text != shim(path.name, words[0]):
        return False
    return not words[0] or suspects.is_outside(places, words[0])
