"""A repository to be thrown away, in which git merges one file with a given driver."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.errors import GitFailed
from crmctl.vcs import clonefiles
from crmctl.vcs.run import attempt
from crmctl.vcs.run import git

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_WHO = "crmctl <crmctl@localhost> 1000000000 +0000"


class Rehearsal:
    """An empty repository at ``folder`` with this driver (its settings by name) and these attributes."""

    def __init__(self, folder: Path, driver: Mapping[str, str], attributes: str) -> None:
        self._folder = folder
        git(folder, "init", "--quiet", "--template=", "--initial-branch=main")
        clonefiles.change_config(
            folder / ".git" / "config", lambda text: clonefiles.set_values(text, "merge.crmctl", driver)
        )
        clonefiles.change_text(folder / ".git" / "info" / "attributes", lambda _: attributes)

    def merge(self, path: str, base: bytes, ours: bytes, theirs: bytes) -> tuple[int, bytes]:
        """How ``git merge`` ends, and what stands at ``path`` then.

        Raises:
            GitFailed: git does not get as far as a merge.
        """
        parts = [_commit("base", "", path, base), _commit("ours", "base", path, ours)]
        parts.append(_commit("theirs", "base", path, theirs))
        git(self._folder, "fast-import", "--quiet", "--force", data=b"".join(parts))
        git(self._folder, "checkout", "--quiet", "--force", "--detach", "ours")
        done = attempt(self._folder, "merge", "--quiet", "--no-commit", "--no-ff", "theirs")
        if done.returncode not in (0, 1):
            words = done.stderr.decode("utf-8", "replace").strip()
            raise GitFailed(f"git merge failed: {words.partition(chr(10))[0]}")
        return done.returncode, (self._folder / path).read_bytes()


def _commit(name: str, parent: str, path: str, data: bytes) -> bytes:
    quoted = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    head = f"commit refs/heads/{name}\ncommitter {_WHO}\ndata 0\n"
    start = f"from refs/heads/{parent}\n" if parent else ""
    return f'{head}{start}deleteall\nM 100644 inline "{quoted}"\ndata {len(data)}\n'.encode() + data + b"\n"
