"""What stands under ``records/``: every file with its record, and everything that is no record or stands wrong.

The folders themselves are gone through, not git's list, so that links, pipes, misnamed and stray files are seen.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from typing import NamedTuple
from typing import Protocol

from crmctl.errors import Problem
from crmctl.model import ids
from crmctl.services.bookfiles import FOLDER
from crmctl.services.bookfiles import LINK
from crmctl.services.bookfiles import OTHER
from crmctl.store import layout
from crmctl.store.layout import ENDINGS
from crmctl.store.layout import RECORDS
from crmctl.store.layout import Place

if TYPE_CHECKING:
    from crmctl.model.fields import Kind
    from crmctl.model.settings import Settings
    from crmctl.services.bookfiles import Entry
    from crmctl.services.bookfiles import Files

# Folders that crmctl alone writes: what was sent, mirrored from each machine's ledger, and who wants nothing.
_OURS = frozenset({"sends", "suppressions"})
_FORMS = (".md", ".txt", ".html")


class Found(NamedTuple):
    """A file and the record it is of."""

    path: str
    place: Place


class Walked(NamedTuple):
    """All records' files in order of their paths, what is wrong with where things stand, and the handles by kind."""

    files: list[Found]
    problems: list[Problem]
    handles: dict[str, set[str]]


class _Walk:
    def __init__(self, files: Folders, settings: Settings) -> None:
        self.among = files
        self.settings = settings
        self.sharded = settings.layout == "sharded"
        self.files: list[Found] = []
        self.problems: list[Problem] = []

    def problem(self, path: str, code: str, message: str, hint: str = "") -> None:
        self.problems.append(Problem(path, 0, 0, code, message, hint))

    def entries(self, folder: str) -> list[Entry]:
        try:
            return [entry for entry in self.among.entries(folder) if not entry.name.startswith(".")]
        except OSError as exc:
            reason = (exc.strerror or str(exc)).lower()
            self.problem(folder, "unreadable", f"the folder cannot be read: {reason}", "Check who owns it (ls -ld).")
            return []

    def records(self) -> None:
        for entry in self.entries(RECORDS):
            path = f"{RECORDS}/{entry.name}"
            kind = self.settings.schema.kind(entry.name)
            if entry.what == LINK:
                self.problem(path, "not-a-file", "a symbolic link stands where a folder should be", _PLAIN)
            elif entry.what != FOLDER:
                self.stray(path)
            elif kind is not None and kind.plural == entry.name:
                self.folder(path, kind, inner=True)
            elif entry.name not in _OURS:
                self.problem(path, "unknown-folder", f"there is no kind {entry.name!r}", self._nearest_kind(entry.name))

    def folder(self, folder: str, kind: Kind, *, inner: bool) -> None:
        ending = ENDINGS[kind.storage]
        for entry in self.entries(folder):
            path = f"{folder}/{entry.name}"
            named = entry.name.endswith(ending)
            if entry.what == LINK:
                self.record(path, kind, "a symbolic link")
            elif entry.what == FOLDER:
                if named:
                    self.record(path, kind, "a folder")
                elif inner:
                    self.folder(path, kind, inner=False)
                else:
                    message = "a folder inside a folder of records; nothing in it is read"
                    self.problem(path, "stray-file", message, "Move it out of records/.")
            elif entry.what == OTHER:
                self.record(path, kind, "a pipe or a device")
            elif named:
                self.record(path, kind)
            else:
                self.stray(path, kind)

    def record(self, path: str, kind: Kind, instead: str = "") -> None:
        """Take in the file of a record, or what stands ``instead`` of one."""
        place = Place(kind, PurePosixPath(path).name.removesuffix(ENDINGS[kind.storage]))
        self.files.append(Found(path, place))
        if instead:
            self.problem(path, "not-a-file", f"{instead} stands where a record should be", _PLAIN)
            return
        wrong = ids.handle_problem(place.handle)
        if wrong:
            message = f"the file's name is not a handle: {wrong}"
            self.problem(path, "bad-handle", message, self._rename(path, place))
        else:
            right = layout.path_of(kind, place.handle, sharded=self.sharded)
            if path != right:
                folder = _quoted(right.rpartition("/")[0])
                hint = f"Move it: mkdir -p {folder} && git mv -- {_quoted(path)} {_quoted(right)}"
                self.problem(path, "wrong-place", f"in this book's layout the file belongs at {right}", hint)

    def stray(self, path: str, kind: Kind | None = None) -> None:
        """A file that is no record's; a README is welcome anywhere."""
        name = PurePosixPath(path)
        if name.stem.upper() == "README":
            return
        ending = ENDINGS[kind.storage] if kind is not None else ""
        if kind is not None and name.suffix.lower() in (".yml", ".yaml", ".json", ".jsonl"):
            message = f"a {kind.name}'s file ends in {ending}, so this one is not read"
            hint = f"Rename it: git mv -- {_quoted(path)} {_quoted(path.removesuffix(name.suffix) + ending)}"
            self.problem(path, "wrong-ending", message, hint)
        else:
            self.problem(path, "stray-file", "this is no record, and nothing reads it", "Move it out of records/.")

    def _rename(self, path: str, place: Place) -> str:
        handle = ids.handle_from(place.handle)
        if not handle:
            return "Give the file a name such as ada-lovelace."
        right = layout.path_of(place.kind, handle, sharded=self.sharded)
        return f"Rename it: git mv -- {_quoted(path)} {_quoted(right)} (and what refers to it)"

    def _nearest_kind(self, name: str) -> str:
        from difflib import get_close_matches

        plurals = [kind.plural for kind in self.settings.schema.kinds]
        near = get_close_matches(name.lower(), plurals, 1, 0.75)  # A letter or two: more is another kind.
        if near:
            return f"Did you mean {near[0]}? Rename it: git mv -- {_quoted(f'{RECORDS}/{name}')} {RECORDS}/{near[0]}"
        return "Declare the kind in crm.yaml (kinds:), or move the folder out of records/."


_PLAIN = "Put a plain file there; crmctl follows no links."


def _quoted(path: str) -> str:
    """``path`` as a word for the shell."""
    from shlex import quote

    return quote(path)


class Folders(Protocol):
    """All that is asked of the files of a book here."""

    def entries(self, folder: str) -> list[Entry]:
        """What stands in a folder, by name; nothing when there is no such folder."""


def walk(files: Folders, settings: Settings) -> Walked:
    """Everything under ``records/`` among the files of a book; nothing is read but names."""
    found = _Walk(files, settings)
    found.records()
    handles: dict[str, set[str]] = {kind.name: set() for kind in settings.schema.kinds if kind.storage == "yaml"}
    first: dict[tuple[str, str], str] = {}
    for path, place in found.files:
        key = (place.kind.name, place.handle)
        if key in first:
            message = f"{place.kind.name} {place.handle} stands in {first[key]} too; only one of the two is read"
            found.problem(path, "duplicate-handle", message, "Keep one of the two files.")
        first.setdefault(key, path)
        handles.setdefault(place.kind.name, set()).add(place.handle)
    return Walked(found.files, found.problems, handles)


def templates(files: Files) -> set[str]:
    """The names of the book's templates, with their endings and without."""
    names: set[str] = set()
    folders = [""]
    while folders:
        folder = folders.pop()
        try:
            entries = files.entries(f"templates/{folder}".rstrip("/"))
        except OSError:
            continue
        for name, what in entries:
            if what == FOLDER:
                folders.append(f"{folder}{name}/")
            elif name.endswith(_FORMS):
                names |= {f"{folder}{name}", f"{folder}{name}".rpartition(".")[0]}
    return names
