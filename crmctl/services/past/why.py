"""Where a value comes from: who set it, when, in which commit, and what it was before."""

from __future__ import annotations

import contextlib
from itertools import chain
from typing import TYPE_CHECKING
from typing import NamedTuple
from typing import TypeAlias

from crmctl.errors import InvalidData
from crmctl.errors import NotFound
from crmctl.errors import UsageProblem
from crmctl.services.past import history
from crmctl.services.past import names
from crmctl.services.past.reaching import value_at
from crmctl.store import layout

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterator
    from collections.abc import Mapping
    from collections.abc import Sequence
    from datetime import datetime

    from crmctl.model.fields import Kind
    from crmctl.model.raw import Raw
    from crmctl.services.book import Book
    from crmctl.services.past.names import Trail
    from crmctl.vcs.history import Change

    _Reader: TypeAlias = Callable[[str, bytes], Raw | None]
    """What a file has of the value that is asked for, by its path and content."""

NOW, EARLIER, GONE = "now", "earlier", "gone"
HANDLE = "handle"
UNCOMMITTED = "changed by hand and not committed"


class Origin(NamedTuple):
    """A value and the commit that it came with (for ``gone``: that took it away), "" when it is in none yet.

    ``state`` is "now" for what stands there, "earlier" for what did, "gone" for a member of a list that was taken out.
    ``at`` is in the book's zone. ``cut`` says that the clone is shallow, and it may have come earlier.
    """

    state: str
    value: Raw | None
    at: datetime | None
    author: str
    email: str
    commit: str
    subject: str
    cut: bool = False


class _Version(NamedTuple):
    """The value before and after a commit; ``change`` is None for what is in no commit yet."""

    before: Raw | None
    after: Raw | None
    change: Change | None


def origins(book: Book, kind: Kind, handle: str, field: str) -> list[Origin]:
    """Where the value of a field comes from, the latest first; for a list or a map, where each of its members does.

    ``field`` may lead into groups, maps and lists: ``address.city``, ``consent.newsletter``, ``tags.vip``. That of
    ``handle`` is the name of the file.

    Raises:
        NotFound: the record never had a value there.
        UsageProblem: records of the kind have no such field, and never had one here.
        GitFailed: the history cannot be read.
    """
    steps = tuple(_real_name(kind, field).split("."))
    where = (handle, *steps) if kind.storage == "jsonl" else steps
    keys = frozenset(known.key for known in kind.stored if known.key)
    files = _Files(_trail(book, kind, handle), kind, _named if where == (HANDLE,) else _reader(where, keys))
    current = files.value(_standing(book, files.paths))
    versions = list(_versions(book, files, current))
    if not versions:
        _refuse_unknown(kind, field)
        name, dot, _ = field.partition(".")
        hint = f"Those it has or had: crmctl why {kind.name} {handle} {name}" if dot else ""
        raise NotFound(f"{kind.name} {handle} never had a value in {field}", hint=hint)
    declared = kind.field(steps[0]) if len(steps) == 1 else None
    values = [value for version in versions for value in (version.after, version.before) if value is not None]
    as_map = declared is not None and declared.shape == "map" and all(isinstance(value, dict) for value in values)
    if values and (as_map or all(isinstance(value, list) for value in values)):
        return _members(book, current, versions)
    return _scalars(book, current, versions)


def _reader(where: tuple[str, ...], keys: frozenset[str]) -> _Reader:
    return lambda path, data: value_at(path, data, where, keys)


def _named(path: str, _data: bytes) -> Raw:
    """The handle is in no file: it comes and goes with the file itself."""
    return names.handle_of(path)


def _real_name(kind: Kind, field: str) -> str:
    """A field by one of its other names: ``email`` for ``emails``; what has no handle is called by its id."""
    name, dot, rest = field.partition(".")
    if kind.field(name) is not None:
        return field
    if field == HANDLE and kind.storage == "jsonl":
        return "id"
    found = next((known.name for known in kind.stored if name in known.aliases), "")
    return f"{found or name}{dot}{rest}"


def _refuse_unknown(kind: Kind, field: str) -> None:
    if kind.field(field.partition(".")[0]) is None:
        from difflib import get_close_matches

        fields = [known.name for known in kind.stored]
        near = get_close_matches(field, fields, 1)
        hint = f"Did you mean {near[0]!r}?" if near else f"It has {', '.join(fields)}."
        raise UsageProblem(f"{'an' if kind.name[0] in 'aeiou' else 'a'} {kind.name} has no field {field!r}", hint=hint)
    declared = kind.field(field)
    if declared is not None and declared.derived:
        raise UsageProblem(f"{field} is worked out from other records, and stands in no file")


class _Files(NamedTuple):
    """Where the value stands or stood, whatever the record and its customer were called, and how it is read there."""

    trail: Trail
    kind: Kind
    reader: _Reader

    @property
    def paths(self) -> list[str]:
        return self.trail.paths if self.kind.storage == "yaml" else self.trail.along(self.kind)

    def value(self, contents: Mapping[str, bytes]) -> Raw | None:
        """The value in one tree."""
        paths = self.paths if self.kind.storage == "jsonl" else [self.trail.where(contents)]
        values = (self.reader(path, contents[path]) for path in paths if path in contents)
        return next((value for value in values if value is not None), None)


def _trail(book: Book, kind: Kind, handle: str) -> Trail:
    """The record whose names lead to the value: that of the customer, for an interaction."""
    if kind.storage == "yaml":
        return names.trail(book, kind, handle)
    row = book.index.row(f"SELECT path FROM {kind.plural} WHERE handle = ?", (handle,))
    found = [str(row[0])] if row else _removed_from(book, kind, handle)
    return names.trail(book, book.schema.require("customer"), names.handle_of(found[0]))


def _removed_from(book: Book, kind: Kind, handle: str) -> list[str]:
    from crmctl.vcs.commits import with_text

    _, paths = with_text(book.places, handle, f"{layout.RECORDS}/{kind.plural}/")
    found = [path for path in paths if layout.place_of(path, book.schema) is not None]
    if not found:
        raise NotFound(f"there is no {kind.name} {handle!r}, and there never was one")
    return found


def _versions(book: Book, files: _Files, current: Raw | None) -> Iterator[_Version]:
    """The commits that changed the value, latest first, and before them what was changed by hand."""
    from crmctl.vcs.history import changes

    every = changes(book.places, files.paths, book.revision)
    first = next(every, None)
    committed = files.value(first.after) if first is not None else None
    if current != committed:
        yield _Version(committed, current, None)
    for change in chain([first] if first is not None else [], every):
        before, after = files.value(change.before), files.value(change.after)
        if before != after:
            yield _Version(before, after, change)


def _standing(book: Book, paths: Sequence[str]) -> dict[str, bytes]:
    found = {}
    for path in paths:
        with contextlib.suppress(FileNotFoundError, InvalidData):
            found[path] = book.files.read(path)
    return found


def _origin(book: Book, state: str, value: Raw | None, change: Change | None) -> Origin:
    if change is None:
        return Origin(state, value, None, "", "", "", UNCOMMITTED)
    at = change.at.astimezone(book.settings.zone)
    return Origin(state, value, at, change.author, change.email, change.commit, change.subject, change.cut)


def _scalars(book: Book, current: Raw | None, versions: Sequence[_Version]) -> list[Origin]:
    kept: list[_Version] = []
    for version in versions:
        # A merge shows again what a commit on its other side has set before.
        if kept and kept[-1].after == version.after and kept[-1].change is not None:
            kept.pop()
        kept.append(version)
    # Of two sides of a merge the later one need not be the one that was taken.
    at = next((place for place, version in enumerate(kept) if version.after == current), 0)
    kept.insert(0, kept.pop(at))
    return [
        _origin(book, EARLIER if place else NOW, version.after, version.change) for place, version in enumerate(kept)
    ]


def _members(book: Book, current: Raw | None, versions: Sequence[_Version]) -> list[Origin]:
    """When each member came that a list or a map has now, in its order; then those it had before.

    The entries of a map are told as maps of one; what an entry was earlier did not go, where there is another now.
    """
    members = _list(current)
    came: list[Change | None] = [None] * len(members)
    known = [False] * len(members)
    gone: list[Origin] = []
    told: list[Raw] = list(members)
    for at, version in enumerate(versions):
        before, after = _list(version.before), _list(version.after)
        for position, member in enumerate(members):
            if member in before and member not in after:
                known[position] = True  # What was before it was taken out is another story.
            elif member in after and member not in before and not known[position]:
                came[position] = version.change
        for member in before:
            if member not in after and member not in told:
                told.append(member)
                gone.append(_gone(book, current, member, versions[at:]))
    return [*(_origin(book, NOW, member, change) for member, change in zip(members, came, strict=True)), *gone]


def _gone(book: Book, current: Raw | None, member: Raw, versions: Sequence[_Version]) -> Origin:
    """What the first of these took out; of an entry of a map that has another value now, when this one came."""
    if isinstance(current, dict) and isinstance(member, dict) and not current.keys().isdisjoint(member):
        came = (one.change for one in versions if member in _list(one.after) and member not in _list(one.before))
        return _origin(book, EARLIER, member, next(came, None))
    return _origin(book, GONE, member, versions[0].change)


def _list(value: Raw | None) -> list[Raw]:
    if isinstance(value, dict):
        return [{name: entry} for name, entry in value.items()]
    return list(value) if isinstance(value, list) else []


def locate(book: Book, kind: Kind | None, ref: str) -> tuple[Kind, str]:
    """The kind and handle that the words mean; an interaction that was removed too, by its whole id.

    Raises:
        NotFound, Ambiguous: as ``services.past.history.locate``.
    """
    try:
        return history.locate(book, ref, kind)
    except NotFound:
        if kind is not None and kind.storage == "jsonl" and _removed_from(book, kind, ref):
            return kind, ref
        raise
