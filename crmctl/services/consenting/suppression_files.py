"""The list of suppressions as it stands in a book's files: read strictly, for who is in a bad line is not known."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import InvalidData
from crmctl.errors import Problem
from crmctl.model.kinds import CHANNELS
from crmctl.services.consenting import key_names
from crmctl.services.consenting import memory
from crmctl.services.consenting.suppression_entry import FOLDER
from crmctl.services.consenting.suppression_entry import Entry
from crmctl.services.consenting.suppression_entry import is_hash

if TYPE_CHECKING:
    from crmctl.model.raw import RawMap
    from crmctl.services.book import Book
    from crmctl.services.bookfiles import Files

_MONTH = re.compile(r"\d{4}-\d{2}\.jsonl")
_HINT = "Until it can be read nothing is sent. crmctl history shows who changed it; git has the line as it was."


class Everything(NamedTuple):
    """All entries, the oldest first, and the ids of all keys, the one for new things first."""

    entries: list[Entry]
    keys: list[str]


def everything(book: Book) -> Everything:
    """What stands in the files of a book, and what once stood there and was lost (see ``memory``).

    Raises:
        InvalidData: a line cannot be read.
    """
    contents, problems = _contents(book.files)
    entries: list[Entry] = []
    for path, data in contents.items():
        if path != key_names.FILE:
            found, wrong = parse(data, path)
            entries += found
            problems += wrong
    problems += key_names.problems(contents.get(key_names.FILE, b""))
    if problems:
        raise InvalidData(str(problems[0]), hint=_HINT, problems=problems)
    lost = b"\n".join(memory.remembered(book, (line for data in contents.values() for line in data.split(b"\n"))))
    entries += parse(lost, memory.NAME)[0]
    names = dict.fromkeys(key_names.named(contents.get(key_names.FILE, b"") + b"\n" + lost))
    entries.sort(key=lambda entry: (entry.at, entry.id))
    names.update(dict.fromkeys(entry.key for entry in entries))
    return Everything(entries, list(names))


def problems_of(files: Files) -> list[Problem]:
    """Everything that is wrong with the list in a book's files."""
    contents, problems = _contents(files)
    for path, data in contents.items():
        problems += key_names.problems(data) if path == key_names.FILE else parse(data, path)[1]
    return problems


def _contents(files: Files) -> tuple[dict[str, bytes], list[Problem]]:
    """The files of the list by their paths, and what is wrong with what stands there."""
    try:
        names = [entry.name for entry in files.entries(FOLDER) if entry.name.endswith(".jsonl")]
    except OSError as exc:
        return {}, [Problem(FOLDER, 0, 0, "unreadable", f"cannot be read: {(exc.strerror or str(exc)).lower()}", _HINT)]
    contents: dict[str, bytes] = {}
    problems: list[Problem] = []
    files.fetch(f"{FOLDER}/{name}" for name in names)
    for name in names:
        path = f"{FOLDER}/{name}"
        if name.startswith("."):
            continue  # Somebody is just writing it.
        if path != key_names.FILE and not _MONTH.fullmatch(name):
            problems.append(Problem(path, 0, 0, "stray-file", "this is no list of suppressions", _HINT))
            continue
        try:
            contents[path] = files.read(path)
        except InvalidData as error:
            problems += error.problems
    return contents, problems


def parse(data: bytes, path: str) -> tuple[list[Entry], list[Problem]]:
    """The entries in one file, and what is wrong with its other lines."""
    from crmctl.store.jsonl import read_lines

    lines, problems = read_lines(data, path)
    entries = []
    for line in lines:
        entry = _entry(line.value)
        if entry is None:
            message = "this line is no entry of suppressions (to, key, scope, why)"
            problems.append(Problem(path, line.number, 1, "bad-suppression", message, _HINT))
        else:
            entries.append(entry)
    return entries, problems


def _entry(value: RawMap) -> Entry | None:
    fields = [value.get(name, "") for name in Entry._fields]
    if not all(isinstance(field, str) for field in fields):
        return None
    entry = Entry(*map(str, fields))
    good = entry.id and is_hash(entry.to) and key_names.KEY_ID.fullmatch(entry.key) and entry.why
    if not good or not (entry.scope or entry.lifts):
        return None
    return entry._replace(scope=entry.scope.casefold(), channel=entry.channel if entry.channel in CHANNELS else "")
