"""What an undo must not give back: permission that somebody took back since, or that a merge took back for them.

Undoing a write of one's own that withdrew a consent by mistake gives it back; undoing anything else never does.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import CrmError
from crmctl.errors import InvalidData
from crmctl.model.kinds import CUSTOMER
from crmctl.store import layout

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterable
    from collections.abc import Mapping
    from collections.abc import Sequence

    from crmctl.model.raw import Raw
    from crmctl.model.raw import RawMap
    from crmctl.services.book import Book
    from crmctl.services.past.undo_names import Moves
    from crmctl.vcs.commits import Commit

_STRICT = ("withdrawn", "objected", "erased")
_STOP = "do_not_contact"
_FOLDER = f"{layout.RECORDS}/{CUSTOMER.plural}/"


class _Stays(NamedTuple):
    """What stays of a customer's record, in words."""

    what: str
    handle: str


def kept_closed(
    book: Book, commit: Commit, head: str, files: Mapping[str, bytes | None], moves: Moves
) -> tuple[dict[str, bytes | None], list[str]]:
    """``files`` (what undoing ``commit`` would change in ``head``) without what would loosen a permission; in words.

    What a write with one parent tightened itself is given back. A customer who wants nothing is not removed by undoing
    a merge: the address would be open again.
    """
    found = dict(files)
    paths = [path for path in files if path.startswith(_FOLDER) and path.endswith(".yaml")]
    if not paths:
        return found, []
    before = _records(book, head, paths)
    own = _Own(book, commit, moves)
    coming = _Coming.of(files)
    stays: list[_Stays] = []
    for path, old in before.items():
        target = coming.target(path, old)
        handle = _handle(path)
        new = coming.records.get(target)
        if new is not None:
            wanted, words = _tightened(old, new, partial(own.tightened, path, old))
            if words:
                if wanted == old and path == target:
                    del found[path]
                else:
                    _put(found, path, target, new, wanted)
                stays += [_Stays(word, handle) for word in words]
        elif not target and len(commit.parents) > 1 and _wants_nothing(old):
            del found[path]
            stays.append(_Stays("a customer who wants nothing stays", handle))
    return found, _told(stays)


class _Own:
    """What the undone commit itself did to a customer; read when it is asked for."""

    def __init__(self, book: Book, commit: Commit, moves: Moves) -> None:
        self._book = book
        self._commit = commit
        self._moves = moves
        self._known: dict[str, tuple[RawMap, RawMap]] = {}

    def tightened(self, path: str, now: RawMap, name: str) -> bool:
        """Whether it is an ordinary write that took permission for ``name`` (a purpose, or "" for all) back.

        It is about the customer who stands at ``path`` ``now``, whatever the name was then.
        """
        if len(self._commit.parents) != 1:
            return False
        if path not in self._known:
            then, made = (self._in(tree, path, now) for tree in (self._commit.parents[0], self._commit.id))
            self._known[path] = then, made
        then, made = self._known[path]
        if not name:
            return bool(_stops(made) - _stops(then))
        return _loosens(_entry(made, name), _entry(then, name))

    def _in(self, tree: str, path: str, now: RawMap) -> RawMap:
        """The customer in another tree; {} where they are not there."""
        found = _records(self._book, tree, self._moves.paths(path)).values()
        return next((data for data in found if data.get("id") == now.get("id")), {})


def _tightened(old: RawMap, new: RawMap, allowed: Callable[[str], bool]) -> tuple[RawMap, list[str]]:
    """``new``, but nowhere looser than ``old`` where that is not allowed; and what stays, in words."""
    wanted, words = dict(new), []
    consents = old.get("consent")
    if isinstance(consents, dict):
        after = new.get("consent")
        entries: RawMap = dict(after) if isinstance(after, dict) else {}
        for name in {key.strip().casefold(): key for key in [*entries, *consents]}.values():  # As it is written now.
            entry = _entry(old, name)
            if not _loosens(entry, _entry(new, name)) or allowed(name):
                continue
            for other in [other for other in entries if _same(other, name)]:
                del entries[other]
            if entry is not None:
                entries[name] = entry
            words.append(f"consent {name} stays {_state(entry)}")
        wanted["consent"] = entries
    else:
        granted = new.get("consent")
        if isinstance(granted, dict) and not consents:
            kept = {name: entry for name, entry in granted.items() if not _loosens(None, entry) or allowed(name)}
            words += [f"consent {name} stays away" for name in granted if name not in kept]
            wanted["consent"] = kept
    if not wanted.get("consent"):
        wanted.pop("consent", None)
    gone = _stops(old) - _stops(new)
    if gone and not allowed(""):
        wanted[_STOP] = [*sorted(_stops(old) | _stops(new))] if isinstance(old[_STOP], list) else old[_STOP]
        words.append(f"{_STOP} keeps {', '.join(sorted(gone))}")
    return wanted, words


def _loosens(old: Raw | None, new: Raw | None) -> bool:
    """Whether a consent would allow more as ``new`` than it does as ``old``; None where nothing is said."""
    before, after = _rank(old), _rank(new)
    if before != after:
        return after < before
    if before or old == new:
        return False
    if old is None:
        return True
    limits, channels = _channels(old), _channels(new)
    return bool(limits) and (not channels or not channels <= limits)


def _rank(entry: Raw | None) -> int:
    """0 for a grant, or nothing said; what cannot be understood counts as a no."""
    if entry is None:
        return 0
    state = _state(entry)
    return _STRICT.index(state) + 1 if state in _STRICT else 0 if state == "granted" else 1


def _state(entry: Raw | None) -> str:
    if entry is None:
        return "away"
    return str(entry.get("state", "")).strip().casefold() if isinstance(entry, dict) else "as it is"


def _channels(entry: Raw | None) -> set[str]:
    found = entry.get("channels") if isinstance(entry, dict) else None
    return _texts(found)


def _stops(data: RawMap) -> set[str]:
    return _texts(data.get(_STOP))


def _texts(value: Raw | None) -> set[str]:
    items = value if isinstance(value, list) else [value] if value else []
    return {str(item) for item in items}


def _same(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()


def _entry(data: RawMap, name: str) -> Raw | None:
    """What is said of a purpose; a name in another case is the same, and the strictest of them counts."""
    consents = data.get("consent")
    entries = consents.items() if isinstance(consents, dict) else ()
    return max((entry for key, entry in entries if _same(key, name) and entry), key=_rank, default=None)


def _wants_nothing(data: RawMap) -> bool:
    consents = data.get("consent")
    return bool(_stops(data)) or (isinstance(consents, dict) and any(_rank(entry) for entry in consents.values()))


class _Coming(NamedTuple):
    """The customers that an undo writes: what stands where, and where each stands by its id."""

    records: Mapping[str, RawMap]
    by_id: Mapping[str, str]

    @classmethod
    def of(cls, files: Mapping[str, bytes | None]) -> _Coming:
        """Those among the files that can be read."""
        read = ((path, _read(data)) for path, data in files.items() if path.startswith(_FOLDER))
        found = {path: data for path, data in read if data is not None}
        return cls(found, {str(data["id"]): path for path, data in found.items() if data.get("id")})

    def target(self, path: str, old: RawMap) -> str:
        """Where the customer of ``path`` will stand: by the id, or there in one of the layouts; "" for nowhere."""
        here = next((other for other in (path, layout.flat(path), _sharded(path)) if other in self.records), "")
        return self.by_id.get(str(old.get("id", "")), here)


def _put(files: dict[str, bytes | None], path: str, target: str, new: RawMap, wanted: RawMap) -> None:
    from crmctl.store.yaml_editor import edit_yaml

    data = files[target]
    assert data is not None
    try:
        files[target] = edit_yaml(data, new, wanted, [field.name for field in CUSTOMER.stored], target)
    except CrmError:  # Rather all of it as it is than a permission that nobody gave.
        files.pop(target)
        files.pop(path, None)


def _told(stays: Sequence[_Stays]) -> list[str]:
    by_what: dict[str, list[str]] = {}
    for one in stays:
        by_what.setdefault(one.what, []).append(one.handle)
    return [f"{what} ({_shown(handles)})" for what, handles in by_what.items()]


def _shown(handles: Sequence[str]) -> str:
    more = f" and {len(handles) - 3:,} more" if len(handles) > 3 else ""
    return ", ".join(handles[:3]) + more


def _handle(path: str) -> str:
    return path.rpartition("/")[2].removesuffix(".yaml")


def _sharded(path: str) -> str:
    return layout.path_of(CUSTOMER, _handle(path), sharded=True)


def _records(book: Book, tree: str, paths: Iterable[str]) -> dict[str, RawMap]:
    """The customers at ``paths`` of a tree, without those that cannot be read."""
    oids = book.repository.blobs(tree, dict.fromkeys(paths))
    contents = book.repository.contents(oids.values()) if oids else ()
    read = ((path, _read(data)) for path, data in zip(oids, contents, strict=True))
    return {path: data for path, data in read if data is not None}


def _read(data: bytes | None) -> RawMap | None:
    from crmctl.store.yaml_reader import read_yaml

    try:
        return read_yaml(data, "").data if data is not None else None
    except InvalidData:
        return None
