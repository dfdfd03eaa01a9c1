"""The files that git has of a book, by their paths alone: which are a book's, what they are called, what must stay.

For whoever looks at commits or at git's index, where paths are those of the tree and there is no folder to look into.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.errors import InvalidData
from crmctl.errors import Problem
from crmctl.model.settings import FILE
from crmctl.store import layout
from crmctl.store.layout import RECORDS

if TYPE_CHECKING:
    from collections.abc import Collection
    from collections.abc import Iterable
    from collections.abc import Iterator

    from crmctl.model.settings import Settings

FOLDERS = (f"{RECORDS}/", "templates/", "reports/")
"""What crmctl reads of a book, besides its settings."""

_MARKERS = (rb"(?m)^<{7,} ", rb"(?m)^>{7,} ")
_HINT = "Keep what is right, take the marker lines out, and commit that."


def roots(paths: Iterable[str]) -> list[str]:
    """Where the books among ``paths`` stand: "" or "crm/"."""
    return [path.removesuffix(FILE) for path in paths if _is_settings(path)]


def _is_settings(path: str) -> bool:
    return path == FILE or path.endswith(f"/{FILE}")


def in_books(paths: Iterable[str], prefixes: Iterable[str]) -> dict[str, str]:
    """Those of ``paths`` that crmctl would read, each with the root of its book."""
    longest = sorted(prefixes, key=len, reverse=True)
    found = {}
    for path in paths:
        prefix = next((prefix for prefix in longest if path.startswith(prefix)), None)
        if prefix is not None:
            inside = path[len(prefix) :]
            if inside == FILE or inside.startswith(FOLDERS):
                found[path] = prefix
    return found


def settings_gone(paths: Iterable[str], files: Collection[str]) -> Iterator[Problem]:
    """A problem for each of ``paths``, which a commit takes away, that is the settings of a book which stays.

    ``files`` are all that are left. A book may be moved as a whole, but not be made a heap of files.
    """
    left = roots(files)
    for path in paths:
        if _is_settings(path):
            prefix = path.removesuffix(FILE)
            if not left or any(file.startswith(f"{prefix}{RECORDS}/") for file in files):
                message = "the settings go, and without them this is no book any more, and nothing in it is checked"
                yield Problem(path, 0, 0, "settings-gone", message, f"Bring them back: git checkout HEAD~1 -- {path}")


def handles(inside: Iterable[str], settings: Settings) -> dict[str, set[str]]:
    """The handles of the records that have a file of their own, by kind; ``inside`` are the paths of one book."""
    found: dict[str, set[str]] = {kind.name: set() for kind in settings.schema.kinds if kind.storage == "yaml"}
    for path in inside:
        place = layout.place_of(path, settings.schema)
        if place is not None and place.kind.storage == "yaml":
            found[place.kind.name].add(place.handle)
    return found


def templates(inside: Iterable[str]) -> set[str]:
    """The names of the templates among the paths of one book, with their endings and without."""
    names = {path.removeprefix("templates/") for path in inside if path.startswith("templates/")}
    return names | {name.rpartition(".")[0] for name in names}


def unreadable(path: str, data: bytes) -> list[Problem]:
    """Why the file at ``path`` in a book cannot be read; nothing for one that can, right or wrong."""
    import re

    from crmctl.store.jsonl import read_lines
    from crmctl.store.yaml_reader import read_yaml

    if path.startswith(f"{RECORDS}/") and path.endswith(".jsonl"):
        return read_lines(data, path)[1]
    if path == FILE or (path.startswith(f"{RECORDS}/") and path.endswith(".yaml")):
        try:
            read_yaml(data, path)
        except InvalidData as exc:
            return [problem for problem in exc.problems if path != FILE or problem.code != "empty"]
        return []
    marked = all(re.search(marker, data) for marker in _MARKERS)
    return [Problem(path, 0, 0, "conflict-markers", "an unsettled merge conflict", _HINT)] if marked else []
