"""``fmt``: every record file in its canonical form, in one commit. What files say stays, comments too."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import CrmError
from crmctl.errors import InvalidData
from crmctl.errors import Problem
from crmctl.errors import StorageFailed
from crmctl.merge.policies import words
from crmctl.model import entry
from crmctl.model import ids
from crmctl.services.checking import files as checks_files
from crmctl.services.checking import settings as checks_settings
from crmctl.services.checking.checks import relative
from crmctl.services.checking.checks import within
from crmctl.services.layouts import lay_out
from crmctl.services.records import Written
from crmctl.services.records import first_id
from crmctl.store.files import read_file
from crmctl.store.jsonl import read_lines
from crmctl.store.jsonl import write_line
from crmctl.store.layout import flat

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Mapping
    from collections.abc import Sequence
    from datetime import tzinfo

    from crmctl.model.fields import Kind
    from crmctl.services.book import Book

_UNCOMMITTED = "uncommitted"


class Formatted(NamedTuple):
    """What ``fmt`` did or would do: the files that change, those it left alone and why, how many it looked at."""

    changed: tuple[str, ...]
    left: tuple[Problem, ...]
    files: int
    written: Written

    @property
    def unreadable(self) -> bool:
        """Whether there are files that could not be read, and so could not be formatted."""
        return any(problem.code not in (_UNCOMMITTED, "comments") for problem in self.left)


def format_book(
    book: Book,
    paths: Sequence[str] = (),
    *,
    write: bool = True,
    adopt: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Formatted:
    """Format the records' files, all or those that ``paths`` (files and folders) name.

    Files that are being edited by hand (they differ from HEAD) are left alone unless ``adopt``; new files, which git
    does not know yet, are formatted and come into the commit.

    Raises:
        NotFound, UsageProblem: a path names nothing in the book.
        Conflict, Locked, StorageFailed: the book cannot be written now.
    """
    chosen = [relative(book, path) for path in paths]
    settings = checks_settings.load(book.root).settings
    files = [found for found in checks_files.walk(book.files, settings).files if within(found.path, chosen)]
    wanted: dict[str, tuple[bytes, bytes]] = {}
    left: list[Problem] = []
    oids = book.repository.blobs(book.repository.head(), [found.path for found in files])
    for number, (path, place) in enumerate(files):
        try:
            before, _ = read_file(book.root, path)
            after = formatted(book, place.kind, before, path, settings.zone, oids)
        except FileNotFoundError:
            continue
        except (InvalidData, StorageFailed) as exc:
            left += _told(exc, path)
            continue
        if after != before:
            wanted[path] = (before, after)
        if progress is not None and not number % 256:
            progress(number, len(files))
    if not adopt:
        left += _uncommitted(book, wanted)
    changed = tuple(sorted(wanted))
    written = _write(book, wanted, adopt=adopt) if write and wanted else Written((), "", "")
    return Formatted(changed, tuple(sorted(left)), len(files), written)


def formatted(
    book: Book, kind: Kind, data: bytes, path: str, zone: tzinfo, oids: Mapping[str, str] | None = None
) -> bytes:
    """The canonical form of a record's file, or of a file of interactions; ``oids`` as for ``first_id``.

    Raises:
        InvalidData: it cannot be read; or its comments could not be kept (code ``comments``).
    """
    return _lines(kind, data, path, zone) if kind.storage == "jsonl" else _record(book, kind, data, path, oids)


def _record(book: Book, kind: Kind, data: bytes, path: str, oids: Mapping[str, str] | None) -> bytes:
    from crmctl.store.yaml_reader import read_yaml

    record = read_yaml(data, path).data
    if not record.get("id"):
        record = {
            "id": first_id(book, path, data, oids),
            **{name: value for name, value in record.items() if name != "id"},
        }
    return lay_out(data, entry.ordered(kind, record), path)


def _lines(kind: Kind, data: bytes, path: str, zone: tzinfo) -> bytes:
    from crmctl.services.lines import time_order

    lines, problems = read_lines(data, path)
    if problems:
        raise InvalidData(str(problems[0]), problems=problems)
    alike: Counter[str] = Counter()
    records = []
    for line in lines:
        record = line.value
        if not record.get("id"):
            # The same line gets the same id in every clone, so that a merge does not take it for two.
            text = words(record)
            alike[text] += 1
            record = {**record, "id": ids.id_from(f"{flat(path)} {alike[text]} {text}")}
        records.append(record)
    return b"".join(write_line(entry.ordered(kind, record)) for record in sorted(records, key=time_order(zone)))


def _told(exc: CrmError, path: str) -> Sequence[Problem]:
    return exc.problems or [Problem(path, 0, 0, "unreadable", exc.message.removeprefix(f"{path}: "), exc.hint)]


def _uncommitted(book: Book, wanted: dict[str, tuple[bytes, bytes]]) -> list[Problem]:
    """Take files that somebody is editing out of ``wanted``, and say so."""
    known = book.repository.blobs(book.repository.head(), wanted)
    left = []
    for path, oid in known.items():
        before = wanted[path][0]
        if oid not in (book.repository.blob_id(before), book.repository.blob_id(before.replace(b"\r\n", b"\n"))):
            del wanted[path]
            hint = "Commit it first, or say --adopt to take it along."
            left.append(Problem(path, 0, 0, _UNCOMMITTED, "left alone: changed by hand and not committed yet", hint))
    return left


def _write(book: Book, wanted: dict[str, tuple[bytes, bytes]], *, adopt: bool) -> Written:
    message = f"fmt: {len(wanted):,} record" + ("" if len(wanted) == 1 else "s")
    with book.write("fmt", adopt=adopt) as tx:
        for path, (before, after) in wanted.items():
            if tx.read(path) == before:  # Otherwise it changed just now; the next fmt will see to it.
                tx.put(path, after)
        commit = tx.commit(message)
        notes = [f"took along {len(tx.adopted):,} that had been written by hand"] if tx.adopted else []
        notes += [f"{path} is as committed again" for path in tx.restored]
        return Written((), message, commit, tuple(notes))
