"""Putting crmctl's git hook in place and taking it away, with respect for hooks that are not ours."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import Conflict
from crmctl.store.files import storage_failed
from crmctl.vcs.run import attempt

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.vcs.places import Places

NAME = "pre-commit"
LINE = "crmctl hook pre-commit || exit 1"
"""What to add to a hook of one's own."""

_OURS = "# crmctl: checks the records that are about to be committed"
_SHIM = """#!/bin/sh
{ours} (crmctl hooks install | uninstall).
# Without crmctl nothing is checked and nothing is held up. To commit unchecked: git commit --no-verify
python={python}
if [ -n "$python" ] && "$python" -P -c 'import crmctl.hooks.pre_commit' 2>/dev/null; then
    exec "$python" -P -m crmctl.hooks.pre_commit "$@"
fi
if command -v crmctl >/dev/null 2>&1; then
    exec crmctl hook pre-commit "$@"
fi
echo 'crmctl is not installed here: the records are committed unchecked.' >&2
exit 0
"""


class Hook(NamedTuple):
    """The state of the hook: ``installed``, ``absent``, ``foreign`` (someone else's), or ``elsewhere``.

    ``elsewhere`` means that git looks for hooks in a folder of the user's choice, which ``path`` is then in.
    """

    state: str
    path: Path


def shim(python: str = "") -> str:
    """The hook's text; ``python`` is the interpreter to try first."""
    return _SHIM.format(ours=_OURS, python=shlex.quote(python) if python else "''")


def look(places: Places) -> Hook:
    """The state of the hook of a repository."""
    done = attempt(places.top, "config", "--path", "--get", "core.hooksPath")
    folder = done.stdout.decode("utf-8", "replace").strip()
    if folder:
        return Hook("elsewhere", places.top / folder / NAME)
    path = places.common_dir / "hooks" / NAME
    if not path.is_symlink() and not path.exists():
        return Hook("absent", path)
    return Hook("installed" if _is_ours(path) else "foreign", path)


def install(places: Places) -> Hook:
    """Put the hook in place, or bring it up to date.

    Raises:
        Conflict: another hook stands there, or git looks elsewhere for hooks; the hint says what to do by hand.
    """
    hook = look(places)
    if hook.state == "elsewhere":
        hint = f"Add this line to {hook.path}: {LINE}"
        raise Conflict("git looks for hooks in a folder of your own choice (core.hooksPath)", hint=hint)
    if hook.state == "foreign":
        raise Conflict(f"there is a {NAME} hook already: {hook.path}", hint=f"Add this line to it: {LINE}")
    try:
        hook.path.parent.mkdir(exist_ok=True)
        hook.path.write_text(shim(sys.executable), encoding="utf-8", newline="\n")
        hook.path.chmod(0o755)
    except OSError as exc:
        raise storage_failed(str(hook.path), exc, "write") from exc
    return Hook("installed", hook.path)


def uninstall(places: Places) -> Hook:
    """Take our hook away; the state before. A hook that is not ours stays."""
    hook = look(places)
    if hook.state == "installed":
        try:
            hook.path.unlink()
        except OSError as exc:
            raise storage_failed(str(hook.path), exc, "remove") from exc
    return hook


def _is_ours(path: Path) -> bool:
    try:
        return not path.is_symlink() and _OURS in path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
