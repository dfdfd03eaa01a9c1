"""Editing a record as text: the draft, what is wrong with it, and putting it into the book.

The draft stays on the disk, readable by its owner alone, until it is saved or given up unchanged: no text is ever lost.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import Conflict
from crmctl.errors import CrmError
from crmctl.errors import InvalidData
from crmctl.errors import NotFound
from crmctl.errors import Problem
from crmctl.services import consequences
from crmctl.services import lines
from crmctl.services import records
from crmctl.services.checking import files
from crmctl.services.checking.json_places import place_in
from crmctl.services.checking.records import Checker
from crmctl.services.records import Written
from crmctl.store.yaml_reader import read_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Sequence

    from crmctl.model.fields import Kind
    from crmctl.model.raw import RawMap
    from crmctl.services.book import Book
    from crmctl.store.transaction import Transaction
    from crmctl.store.yaml_reader import Mark

MARK = "# ^ "
_MARKED = re.compile(r"^# \^ (?:line \d+: |hint: |the whole record: ).*\n?", re.MULTILINE)


class Draft(NamedTuple):
    """A record being edited: whose, its file in the book, what stood there, and the text as it is offered.

    ``customer`` is set for an interaction, whose ``before`` is its line.
    """

    kind: Kind
    handle: str
    path: str
    before: bytes
    text: str
    customer: str = ""

    @property
    def suffix(self) -> str:
        """The ending by which editors know the language."""
        return ".json" if self.kind.storage == "jsonl" else ".yaml"


def start(book: Book, kind: Kind, handle: str) -> Draft:
    """The draft of a record, as it stands in the work tree.

    Raises:
        NotFound, InvalidData: the record is gone, or is no text.
    """
    from crmctl.store.files import read_file

    if kind.storage == "jsonl":
        identity, customer, path = lines.locate(book, kind, handle)
        data, _ = read_file(book.root, path)
        line = _line(data, path, identity)
        return Draft(kind, identity, path, line, _pretty(json.loads(line)), customer)
    path = records.path_of(book, kind, handle)
    try:
        data, _ = read_file(book.root, path)
    except FileNotFoundError:
        raise NotFound(f"{path} is gone", hint=f"crmctl history {kind.name} {handle} shows who removed it.") from None
    try:
        return Draft(kind, handle, path, data, data.decode("utf-8-sig").replace("\r\n", "\n"))
    except UnicodeDecodeError:
        hint = f"crmctl check {path} says where; save it as UTF-8 first."
        raise InvalidData(f"{path} is not UTF-8, so it cannot be edited here", hint=hint) from None


def _line(data: bytes, path: str, identity: str) -> bytes:
    from crmctl.store.jsonl import read_lines

    for line in read_lines(data, path)[0]:
        if line.value.get("id") == identity:
            return line.raw
    raise NotFound(f"{path} has no interaction {identity} any more")


def _pretty(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def keep(book: Book, draft: Draft, text: str) -> Path:
    """Put ``text`` on the disk for an editor, in the clone's own folder and readable by its owner alone."""
    folder = book.places.own / "tmp"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(draft.suffix, f"{draft.handle}-", folder)
    with open(descriptor, "w", encoding="utf-8", newline="\n") as file:  # noqa: PTH123 - opened by mkstemp
        file.write(text)
    return Path(name)


def without_marks(text: str) -> str:
    """``text`` without the comments that ``with_marks`` put into it."""
    return _MARKED.sub("", text)


def with_marks(text: str, problems: Sequence[Problem]) -> str:
    """``text`` with each problem as a comment below its line; those of the whole record at the top."""
    source = text.split("\n")
    marks: dict[int, list[str]] = {}
    for problem in problems:
        line = min(problem.line, len(source))
        where = f"line {line}" if line else "the whole record"
        marks.setdefault(line, []).append(f"{MARK}{where}: {_one_line(problem.message)}")
        if problem.hint:
            marks[line].append(f"{MARK}hint: {_one_line(problem.hint)}")
    result = marks.get(0, [])
    for number, content in enumerate(source, 1):
        result += [content, *marks.get(number, ())]
    return "\n".join(result)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def review(book: Book, draft: Draft, text: str) -> list[Problem]:
    """Everything that keeps ``text`` from being saved; unknown fields do not, they are kept as they are."""
    settings = book.settings
    walked = files.walk(book.files, settings)
    checker = Checker(settings, walked.handles, files.templates(book.files), book.now())
    try:
        data, marks = _read(draft, text)
    except InvalidData as exc:
        return list(exc.problems)
    findings = [finding for finding in checker.findings(draft.kind, data) if finding.code != "unknown-field"]
    problems = []
    for finding in findings:
        line, column = _where(draft, text, finding.at, marks)
        problems.append(Problem(draft.path, line, column, finding.code, finding.message, finding.hint))
    before = _before(draft)
    if before.get("id") and data.get("id") != before["id"]:
        line, column = _where(draft, text, ("id",), marks)
        hint = f"Set it back: id: {before['id']}"
        problems.append(Problem(draft.path, line, column, "changed-id", "the id never changes", hint))
    return sorted(problems, key=lambda problem: (problem.line, problem.column))


def unknown_fields(draft: Draft, text: str) -> list[str]:
    """The fields in ``text`` that the kind does not have."""
    known = {field.name for field in draft.kind.fields}
    return [name for name in _read(draft, text)[0] if name not in known]


def save(book: Book, draft: Draft, text: str) -> Written:
    """Put ``text``, which has been reviewed, into the book, as one commit. What was changed by hand comes along.

    Raises:
        Conflict: the record changed while it was being edited; nothing is written.
        InvalidData, Locked, StorageFailed: it cannot be written.
    """
    data, _ = _read(draft, text)
    before = _before(draft)
    names = [name for name in {**before, **data} if before.get(name) != data.get(name)]
    with book.write(f"{draft.kind.name} edit {draft.handle}", adopt=True) as tx:
        if draft.customer:
            _put_line(book, tx, draft, data)
            message = f"interaction: edit {draft.handle[-8:].lower()} of {draft.customer} {' '.join(names)}".rstrip()
        else:
            _put_record(book, tx, draft, data, text)
            message = f"{draft.kind.name}: edit {draft.handle} {' '.join(names)}".rstrip()
        commit = tx.commit(message)
        return Written((draft.handle,), message, commit, tuple(records.adopted(tx)))


def _put_record(book: Book, tx: Transaction, draft: Draft, data: RawMap, text: str) -> None:
    from crmctl.store.yaml_editor import edit_yaml

    if tx.read(draft.path) != draft.before:
        raise _changed(draft)
    after = data if data.get("id") else {"id": records.first_id(book, draft.path), **data}
    after = _followed(book, draft, after)
    source = (text if text.endswith("\n") else f"{text}\n").encode()
    # The text is kept as it was typed; only what has to be added is spliced in.
    tx.put(draft.path, edit_yaml(source, data, after, [field.name for field in draft.kind.stored], draft.path))


def _followed(book: Book, draft: Draft, after: RawMap) -> RawMap:
    """A deal moved to another stage, and a case solved, are dated as `set` does it, unless the text does it itself."""
    before = _before(draft)
    if before.get("stage_log") != after.get("stage_log"):
        return after
    return consequences.follow(book, draft.kind, before, after)


def _put_line(book: Book, tx: Transaction, draft: Draft, data: RawMap) -> None:
    if _line(tx.read(draft.path) or b"", draft.path, draft.handle) != draft.before:
        raise _changed(draft)
    file = lines.open_file(book, tx, draft.path)
    file.replace(draft.handle, lines.checked(book, draft.kind, data, draft.path))
    tx.put(draft.path, file.content())


def _changed(draft: Draft) -> Conflict:
    hint = f"Look at what it says now: crmctl {draft.kind.name} show {draft.handle}"
    return Conflict(f"{draft.kind.name} {draft.handle} was changed by someone else while you were editing", hint=hint)


def _before(draft: Draft) -> RawMap:
    """The record as it was; empty when it could not be read."""
    from crmctl.store.jsonl import parse_line

    if draft.customer:
        return parse_line(draft.before)
    try:
        return read_yaml(draft.before, draft.path).data
    except InvalidData:
        return {}


def _read(draft: Draft, text: str) -> tuple[RawMap, Mapping[tuple[str | int, ...], Mark]]:
    if draft.kind.storage == "yaml":
        return read_yaml(text.encode(), draft.path, marks=True)
    return _read_json(draft, text), {}


def _read_json(draft: Draft, text: str) -> RawMap:
    """The object in ``text``, which may go over several lines.

    Line feeds become carriage returns, which JSON takes for the same, so that the reader of lines sees one line.
    """
    from crmctl.store.jsonl import read_lines

    source = text.replace("\n", "\r")
    found, problems = read_lines(source.encode(), draft.path)
    if problems:
        raise InvalidData(str(problems[0]), problems=[_in_lines(problem, text) for problem in problems])
    if not found:
        problem = Problem(draft.path, 0, 0, "empty", "there is no object in the text", 'Write {"name": "value", ...}')
        raise InvalidData(str(problem), problems=[problem])
    return found[0].value


def _in_lines(problem: Problem, text: str) -> Problem:
    at = max(problem.column - 1, 0)
    line, column = _line_and_column(text, at)
    if text[at : at + 1] == "\n" and problem.code == "syntax":
        message = "a line ends inside quotes"
        return problem._replace(line=line, column=column, message=message, hint="write \\n where a line ends in a text")
    return problem._replace(line=line, column=column)


def _where(
    draft: Draft, text: str, at: tuple[str | int, ...], marks: Mapping[tuple[str | int, ...], Mark]
) -> tuple[int, int]:
    if draft.kind.storage == "jsonl":
        return _line_and_column(text, place_in(text, at)) if at else (0, 0)
    while at and at not in marks:
        at = at[:-1]
    return marks.get(at, (0, 0))


def _line_and_column(text: str, at: int) -> tuple[int, int]:
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def editor(book: Book) -> str:
    """The command line of the user's editor: $VISUAL, $EDITOR, or what git would start.

    Raises:
        CrmError: there is none.
        Conflict: git would ask the repository's own settings, and those are not trusted.
    """
    from crmctl.services.clone import trust
    from crmctl.vcs.run import attempt

    for name in ("VISUAL", "EDITOR"):
        if os.environ.get(name, "").strip():
            return os.environ[name]
    trust.require(book.places)
    done = attempt(book.places.top, "var", "GIT_EDITOR")
    command = done.stdout.decode("utf-8", "replace").strip()
    if done.returncode or not command:
        raise CrmError("there is no editor to start", hint="Say which one you like: export EDITOR=nano")
    return command
