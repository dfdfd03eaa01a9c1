"""Objects of git: their ids, and many of them asked for in one go."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING
from typing import Protocol

from crmctl.errors import GitFailed
from crmctl.vcs.run import git

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator
    from pathlib import Path

    from crmctl.vcs.places import Places

_HEADER = 200
"""No header is longer: an id, a type and a size, or the id that was asked for and ``missing``."""

_SHA256 = re.compile(r"^\s*objectformat\s*=\s*\"?sha256\b", re.IGNORECASE | re.MULTILINE)


_LOST = "git has lost an object of this book: {}"


class Run(Protocol):
    """Runs git, with ``data`` on its input."""

    def __call__(self, *words: str, data: bytes) -> bytes:
        """What ``git WORDS`` prints."""
        ...


def algorithm(places: Places) -> str:
    """How a repository makes ids: "sha1", or "sha256" when it was made so."""
    try:
        config = (places.common_dir / "config").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "sha1"
    return "sha256" if _SHA256.search(config) else "sha1"


def blob_id(data: bytes, algorithm: str = "sha1") -> str:
    """The id git gives to a file of this content, in repositories that use ``algorithm``."""
    import hashlib

    return hashlib.new(algorithm, b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def blobs_named(top: Path, names: Iterable[str]) -> list[str]:
    """The ids of blobs by their names in git (``HEAD:path``, ``:path``), "" where there is none."""
    data = os.fsencode("".join(f"{name}\n" for name in names))
    output = git(top, "cat-file", "--batch-check=%(objectname) %(objecttype)", data=data)
    found = []
    # The name that was asked for comes back when nothing is there, and may hold what other splitters split at.
    for line in output.split(b"\n")[:-1]:
        oid, _, what = line.rpartition(b" ")
        found.append(oid.decode("ascii") if what == b"blob" else "")
    return found


def contents(top: Path, oids: Iterable[str]) -> Iterator[bytes]:
    """The contents of blobs, in the order asked.

    Raises:
        GitFailed: one of them is not there.
    """
    for _, content in _found(oids, lambda *words, data: git(top, *words, data=data), _LOST):
        yield content


def by_id(oids: Iterable[str], run: Run, lost: str) -> dict[str, bytes]:
    """The contents of blobs by their ids; ``run`` runs git.

    Raises:
        GitFailed: one of them is not there; ``lost`` says so, with {} for it.
    """
    asked = dict.fromkeys(oids)
    return dict(_found(asked, run, lost)) if asked else {}


def _found(oids: Iterable[str], run: Run, lost: str) -> Iterator[tuple[str, bytes]]:
    for oid, content in answers(run("cat-file", "--batch", data="".join(f"{oid}\n" for oid in oids).encode())):
        if oid is None:
            raise GitFailed(lost.format(content.decode("ascii", "replace")))
        yield oid, content


def answers(output: bytes) -> Iterator[tuple[str | None, bytes]]:
    """What ``git cat-file --batch`` answers, taken apart: the (id, content) of each object, in the order asked.

    Where git has no such object it is (None, the id that was asked for).
    """
    view = memoryview(output)
    position = 0
    while position < len(view):
        end = position + bytes(view[position : position + _HEADER]).index(b"\n")
        header = bytes(view[position:end]).split()
        position = end + 1
        if len(header) == 3:
            size = int(header[2])
            yield header[0].decode("ascii"), bytes(view[position : position + size])
            position += size + 1
        else:
            yield None, header[0]
