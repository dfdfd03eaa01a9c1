"""Records of every kind: add, set, remove, and the way one is written. Kinds differ only by their declaration."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import Conflict
from crmctl.errors import InvalidData
from crmctl.errors import NotFound
from crmctl.errors import Problem
from crmctl.errors import UsageProblem
from crmctl.model import columns
from crmctl.model import entry
from crmctl.model import ids
from crmctl.model import validate
from crmctl.model.kinds import KINDS
from crmctl.model.settings import FILE
from crmctl.services import absent
from crmctl.services import consequences
from crmctl.services import refs
from crmctl.services.lookalikes import lookalikes
from crmctl.services.naming import naming_records
from crmctl.store import layout

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Mapping
    from collections.abc import Sequence

    from crmctl.model.fields import Kind
    from crmctl.model.raw import RawMap
    from crmctl.services.book import Book
    from crmctl.store.transaction import Transaction


class Written(NamedTuple):
    """What a write did: the records it is about, its message, the commit ("" when nothing had to change).

    ``notes`` are things worth telling: dates that were worked out, records that look alike, files taken along.
    """

    handles: tuple[str, ...]
    message: str
    commit: str
    notes: tuple[str, ...] = ()


class Assignment(NamedTuple):
    """``FIELD=VALUE`` as typed; see ``model.entry.assign`` for what ``name`` may be."""

    name: str
    value: str


def load(tx: Transaction, path: str) -> RawMap:
    """The record at ``path`` as it stands now.

    Raises:
        NotFound, InvalidData: nothing stands there, or it cannot be read.
    """
    from crmctl.store.yaml_reader import read_yaml

    data = tx.read(path)
    if data is None:
        raise NotFound(f"{path} is gone", hint="Someone removed it just now; crmctl history shows who.")
    return read_yaml(data, path).data


def path_of(book: Book, kind: Kind, handle: str) -> str:
    """Where a record's file stands, or would be put."""
    row = book.index.row(f"SELECT path FROM {kind.plural} WHERE handle = ?", (handle,))
    return str(row[0]) if row else layout.path_of(kind, handle, sharded=book.sharded)


def save(book: Book, tx: Transaction, kind: Kind, path: str, new: RawMap, changed: Iterable[str] | None = None) -> None:
    """Put a record into the transaction: checked, with an id, in canonical order, the file's comments kept.

    ``changed`` names the fields whose values have to be checked; all of them when None.

    Raises:
        InvalidData: the record is not valid; all its problems are in it.
    """
    from crmctl.store.yaml_editor import edit_yaml
    from crmctl.store.yaml_reader import read_yaml
    from crmctl.store.yaml_writer import check_size
    from crmctl.store.yaml_writer import write_yaml

    findings = validate.check_record(kind, new, book.context, changed)
    findings = [finding for finding in findings if finding.code != "unknown-field"]
    if findings:
        problems = [Problem(path, 0, 0, finding.code, finding.message, finding.hint) for finding in findings]
        raise InvalidData(f"{path}: {findings[0].message}", hint=findings[0].hint, problems=problems)
    before = tx.read(path)
    if before is None:
        _check_declared(book, kind)
    if not new.get("id"):
        new = {**new, "id": ids.new_id() if before is None else first_id(book, path)}
    order = [field.name for field in kind.stored]
    if before is None:
        data = write_yaml(entry.ordered(kind, new)).encode()
    else:
        data = edit_yaml(before, read_yaml(before, path).data, new, order, path)
    tx.put(path, check_size(data, path))


def _check_declared(book: Book, kind: Kind) -> None:
    """Refuse a record of a kind that stands in this clone's ``crm.yaml`` alone: nobody else could read it."""
    status = book.probe.result()
    if FILE not in (*status.changed, *status.untracked) or any(kind.name == known.name for known in KINDS):
        return
    from crmctl.model.settings_reading import read_settings
    from crmctl.store.yaml_reader import read_yaml

    oids = book.repository.blobs(book.repository.head(), [FILE])
    data = next(iter(book.repository.contents(oids.values())), b"")
    if not data or read_settings(read_yaml(data, FILE).data).schema.kind(kind.name) is None:
        hint = f'Commit it first: git add {FILE}; git commit -m "settings: kind {kind.name}" -- {FILE}'
        raise Conflict(f"the kind {kind.name} is declared in {FILE}, and that is not committed yet", hint=hint)


def first_id(book: Book, path: str, data: bytes | None = None, oids: Mapping[str, str] | None = None) -> str:
    """An id for a record that has none: the one that it has in HEAD, or else one that every clone gives it.

    Who asks for many says what stands in the file (``data``) and which blobs HEAD has (``oids``, by their paths).
    """
    oid = (book.repository.blobs(book.repository.head(), [path]) if oids is None else oids).get(path)
    if not oid:
        return ids.new_id()
    is_same = data is not None and book.repository.blob_id(data) == oid
    found = "" if is_same else _id_in(path, next(book.repository.contents([oid])))
    return found or ids.id_from(f"{layout.flat(path)} {oid}")


def _id_in(path: str, content: bytes) -> str:
    """The id in a record, "" where there is none, or where it cannot be read."""
    from crmctl.store.yaml_reader import read_yaml

    try:
        found = read_yaml(content, path).data.get("id")
    except InvalidData:
        return ""
    return found if isinstance(found, str) and ids.is_id(found) else ""


def add(
    book: Book, kind: Kind, title: str, assignments: Sequence[Assignment], *, handle: str = "", adopt: bool = False
) -> Written:
    """A new record, with a handle made from its title unless one is given."""
    now = book.now()
    data: RawMap = {}
    title_field = kind.field(kind.title)
    assert title_field is not None
    data = entry.assign(kind, data, kind.title, title, book.context, now)
    data, notes = assign_all(book, kind, data, assignments)
    data = consequences.with_defaults(book, kind, data)
    with book.write(f"{kind.name} add", adopt=adopt) as tx:
        handle = free_handle(book, tx, kind, title, handle)
        save(book, tx, kind, layout.path_of(kind, handle, sharded=book.sharded), data)
        notes += lookalikes(book, kind, handle, data)
        message = f"{kind.name}: add {handle}"
        commit = tx.commit(message)
        return Written((handle,), message, commit, (*notes, *adopted(tx)))


def change(book: Book, kind: Kind, ref: str, assignments: Sequence[Assignment], *, adopt: bool = False) -> Written:
    """Set fields of one record."""
    handle = refs.find(book, kind, ref)
    path = path_of(book, kind, handle)
    with book.write(f"{kind.name} set {handle}", adopt=adopt) as tx:
        before = load(tx, path)
        after, notes = assign_all(book, kind, before, assignments)
        after = consequences.follow(book, kind, before, after)
        names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        save(book, tx, kind, path, after, names)
        message = f"{kind.name}: set {handle} {' '.join(names)}".rstrip()
        commit = tx.commit(message)
        return Written((handle,), message, commit, (*notes, *adopted(tx)))


def remove(book: Book, kind: Kind, ref: str, *, force: bool = False, adopt: bool = False) -> Written:
    """Take a record away; a customer's interactions go with it. git keeps what was.

    Raises:
        Conflict: other records name it, and ``force`` does not say that they may be left dangling; or its history is
            not here.
    """
    handle = refs.find(book, kind, ref)
    absent.require_to_remove(book, kind, handle, force=force)
    naming = naming_records(book, kind, handle)
    if naming and not force:
        shown = ", ".join(f"{other} {name}" for other, name in naming[:5]) + (" ..." if len(naming) > 5 else "")
        hint = "Change or remove those first, or say --force to leave them without it."
        raise Conflict(f"{kind.name} {handle} is named by {len(naming)} other record(s): {shown}", hint=hint)
    with book.write(f"{kind.name} rm {handle}", adopt=adopt) as tx:
        tx.remove(path_of(book, kind, handle))
        if kind.name == "customer":
            for path in _interactions_paths(book, handle):
                tx.remove(path)
        message = f"{kind.name}: remove {handle}"
        commit = tx.commit(message)
        return Written((handle,), message, commit, tuple(adopted(tx)))


def interactions_path(book: Book, customer: str) -> str:
    """Where the interactions of a customer stand, or would be put."""
    paths = _interactions_paths(book, customer)
    return paths[0] if paths else layout.path_of(book.schema.require("interaction"), customer, sharded=book.sharded)


def _interactions_paths(book: Book, customer: str) -> list[str]:
    """One file as a rule; more when a merge brought together two layouts."""
    sql = "SELECT path FROM files WHERE kind = 'interaction' AND handle = ? ORDER BY path"
    return [str(path) for (path,) in book.index.rows(sql, (customer,))]


def assign_all(book: Book, kind: Kind, data: RawMap, assignments: Sequence[Assignment]) -> tuple[RawMap, list[str]]:
    """``data`` with all assignments made, and the dates that were worked out from words.

    Raises:
        UsageProblem, InvalidData: a field or a value is none, also a filter that names a field that customers have not.
    """
    now = book.now()
    notes = []
    # A currency decides how many decimals an amount may have, so it is set first.
    for name, value in sorted(assignments, key=lambda pair: not pair[0].endswith("currency")):
        resolved = _resolve_reference(book, kind, name, value)
        data = entry.assign(kind, data, name, resolved, book.context, now)
        _check_filter(book, kind, data, name)
        note = _dates_note(kind, data, name, value)
        if note:
            notes.append(note)
    return data, notes


def _resolve_reference(book: Book, kind: Kind, name: str, value: str) -> str:
    """Values of reference fields may be anything that names a record; the file gets the handle."""
    plain = name.rstrip("+-")
    target = columns.resolve(kind, plain)
    if target is None or target.field.type != "ref" or target.field.derived or not value:
        return value
    other = book.schema.kind(target.field.kind)
    if other is None or name.endswith("-"):
        return value
    return ",".join(refs.find(book, other, part.strip()) for part in value.split(","))


def _check_filter(book: Book, kind: Kind, data: RawMap, name: str) -> None:
    field = kind.field(name)
    text = data.get(name)
    if field is None or field.type != "filter" or not isinstance(text, str):
        return
    from crmctl import query

    query.compile_filter(query.parse(text), book.schema.require("customer"), book.context, book.now())


def _dates_note(kind: Kind, data: RawMap, name: str, typed: str) -> str:
    field = kind.field(name)
    if field is None or field.type != "date" or not isinstance(data.get(name), str):
        return ""
    from datetime import date

    stored = str(data[name])
    return "" if stored == typed.strip() else f"{name} {date.fromisoformat(stored):%a %Y-%m-%d}"


def free_handle(book: Book, tx: Transaction, kind: Kind, title: str, wanted: str) -> str:
    """A handle that nobody has yet: the ``wanted`` one, or one made from the title.

    Raises:
        UsageProblem, Conflict: the wanted one is none, or is taken, if only by what is not here.
    """
    if wanted:
        problem = ids.handle_problem(wanted)
        if problem:
            raise UsageProblem(f"{wanted!r} cannot be a handle: {problem}")
        if tx.removes(layout.path_of(kind, wanted, sharded=book.sharded)):
            hint = "Add the other one in a change of its own, or under another handle."
            raise Conflict(f"{kind.name} {wanted} is removed in this very change", hint=hint)
        if _taken(book, tx, kind, wanted):
            raise Conflict(f"there is a {kind.name} {wanted} already", hint=f"crmctl {kind.name} show {wanted}")
        absent.require_to_add(book, kind, wanted)
        return wanted
    base = random_handle(kind) if book.settings.handles == "random" else ids.handle_from(title) or random_handle(kind)
    handle, number = base, 1
    while _taken(book, tx, kind, handle):
        number += 1
        handle = f"{base[: ids.MAX_HANDLE - len(str(number)) - 1]}-{number}"
    absent.require_to_add(book, kind, handle)
    return handle


def random_handle(kind: Kind) -> str:
    """A handle that says nothing about anybody: the kind's first letter and eight random ones."""
    return f"{kind.name[0]}-{ids.new_id()[-8:].lower()}"


def _taken(book: Book, tx: Transaction, kind: Kind, handle: str) -> bool:
    path = layout.path_of(kind, handle, sharded=book.sharded)
    if tx.read(path) is not None or tx.removes(path):
        return True
    if kind.name == "customer" and _interactions_paths(book, handle):
        return True  # One who has gone and left a history behind: nobody inherits that.
    return book.index.row(f"SELECT 1 FROM {kind.plural} WHERE handle = ?", (handle,)) is not None


def adopted(tx: Transaction) -> list[str]:
    """What to tell of files that were written by hand and went along."""
    taken = [f"took along what was written by hand in {path}" for path in tx.adopted]
    taken += [f"what you wrote by hand in {path} stays uncommitted" for path in tx.kept]
    return taken + [f"{path} is as committed again" for path in tx.restored]
