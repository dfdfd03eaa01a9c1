"""Call records of telephone systems as plain values: Asterisk, FreePBX, 3CX. Which column is what, a mapping says."""

from __future__ import annotations

import csv
import re
from datetime import datetime
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import InvalidData
from crmctl.errors import UsageProblem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping
    from datetime import tzinfo

    from crmctl.model.raw import RawMap

FORMATS = ("asterisk", "freepbx", "3cx")
LARGEST = 512 << 20
MOST_LINES = 20
"""Lines that one row may take."""
_FEWEST = 3  # Cells of a row, before the first one has told how many there are.

# Asterisk's Master.csv has no header; these are its columns (cdr_csv), the last two where they are switched on.
_ASTERISK = (
    "accountcode src dst dcontext clid channel dstchannel lastapp lastdata start answer end duration billsec "
    "disposition amaflags uniqueid userfield linkedid sequence"
).split()
_ROLES = ("started", "from", "to", "seconds", "answered", "result", "call", "leg")
_COLUMNS: dict[str, dict[str, str]] = {
    "asterisk": {
        "started": "start", "from": "src", "to": "dst", "seconds": "billsec", "answered": "answer",
        "result": "disposition", "call": "linkedid", "leg": "uniqueid",
    },
    "freepbx": {
        "started": "calldate", "from": "src", "to": "dst", "seconds": "billsec", "answered": "",
        "result": "disposition", "call": "linkedid", "leg": "uniqueid",
    },
    "3cx": {
        "started": "time-start", "from": "from-no", "to": "to-no", "seconds": "duration", "answered": "time-answered",
        "result": "reason-terminated", "call": "callid", "leg": "historyid",
    },
}  # fmt: skip
_KEYS = ("columns", "header", "timezone", "country", "delimiter", "extensions", "own", "internal_digits")
_TIMES = ("%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S")
_LENGTH = re.compile(r"(?:(\d{1,3}):)?(\d{1,2}):(\d{2})(?:\.\d+)?\Z")


class CallMapping(NamedTuple):
    """What a mapping file says. ``extensions`` are members by the number of their phone, ``own`` our own numbers."""

    columns: Mapping[str, str]
    header: tuple[str, ...]
    timezone: str
    country: str
    delimiter: str
    extensions: Mapping[str, str]
    own: tuple[str, ...]
    internal_digits: int


class Call(NamedTuple):
    """One leg of a call: its (first) line in the file, when it began, both numbers as written, how many seconds were
    spoken, how it ended.

    ``key`` tells the call from others; legs of one call have the same.
    """

    row: int
    key: str
    started: datetime
    from_: str
    to: str
    seconds: int
    answered: bool
    result: str


class Rejected(NamedTuple):
    """A row that cannot be read, by the line it begins on, and why."""

    row: int
    why: str


def read_mapping(data: RawMap | None, format_: str, path: str) -> CallMapping:
    """The mapping for a format; ``data`` is the mapping file, None when there is none.

    Raises:
        UsageProblem: it says something that is not known, or 3CX comes without its columns.
    """
    data = data or {}
    unknown = [key for key in data if key not in _KEYS]
    if unknown:
        raise UsageProblem(f"{path}: {unknown[0]!r} is not known here", hint=f"It may have {', '.join(_KEYS)}.")
    columns = dict(_COLUMNS[format_])
    for role, column in _map(data, "columns", path).items():
        if role not in _ROLES:
            raise UsageProblem(f"{path}: columns: {role!r} is none of {', '.join(_ROLES)}")
        columns[role] = column
    header = tuple(_list(data, "header", path)) or (tuple(_ASTERISK) if format_ == "asterisk" else ())
    if format_ == "3cx" and not header:
        hint = "3CX writes the columns that its administrator chose: header: [historyid, callid, duration, ...]"
        raise UsageProblem("a mapping has to name the columns of a 3CX file", hint=hint)
    digits = _text(data, "internal_digits", path) or "5"
    if not digits.isdecimal():
        raise UsageProblem(f"{path}: internal_digits is a number")
    return CallMapping(
        columns,
        header,
        _text(data, "timezone", path),
        _text(data, "country", path).upper(),
        (_text(data, "delimiter", path) or ",")[:1],
        _map(data, "extensions", path),
        tuple(_list(data, "own", path)),
        int(digits),
    )


def _text(data: RawMap, key: str, path: str) -> str:
    value = data.get(key, "")
    if not isinstance(value, str):
        raise UsageProblem(f"{path}: {key} is one word")
    return value.strip()


def _list(data: RawMap, key: str, path: str) -> list[str]:
    value = data.get(key, [])
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(item, str) for item in items):
        raise UsageProblem(f"{path}: {key} is a list of words")
    return [str(item).strip() for item in items if str(item).strip()]


def _map(data: RawMap, key: str, path: str) -> dict[str, str]:
    value = data.get(key, {})
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise UsageProblem(f"{path}: {key} is a map of words")
    return {str(name): str(item).strip() for name, item in value.items()}


def complete_lines(data: bytes) -> bytes:
    """What stands up to the last line end: a telephone system may be writing the line behind it."""
    return data[: data.rfind(b"\n") + 1]


def read(data: bytes, mapping: CallMapping, zone: tzinfo, name: str) -> Iterator[Call | Rejected]:
    """The calls in a file, and the rows that cannot be read, in its order.

    Raises:
        InvalidData: it is no text, or has none of the columns that are asked for.
    """
    try:
        text = complete_lines(data).decode("utf-8-sig")
    except UnicodeDecodeError:
        text = complete_lines(data).decode("latin-1")
    header = list(mapping.header)
    for number, row in _rows(text, mapping.delimiter):
        if isinstance(row, str):
            yield Rejected(number, row)
        elif not any(cell.strip() for cell in row):
            continue
        elif not header or (number == 1 and [cell.strip().lower() for cell in row] == [h.lower() for h in header]):
            header = [cell.strip() for cell in row]
            _check_columns(header, mapping, name)
        else:
            cells = {column: cell.strip() for column, cell in zip(header, row, strict=False)}
            yield _call(number, row, cells, mapping, zone)


def _rows(text: str, delimiter: str) -> Iterator[tuple[int, list[str] | str]]:
    """(line, cells) of each row of a CSV file, or why a line is none.

    A cell in quotes may hold line ends; but a quote that is never closed must not take the rows below it along. So a
    row has few lines, and none of its later ones is a row by itself.
    """
    lines = [f"{line}\n" for line in text.split("\n")[:-1]]
    number, width = 0, 0
    while number < len(lines):
        row, taken = _row(lines[number : number + MOST_LINES], delimiter, width or _FEWEST)
        yield number + 1, row
        width = width or (len(row) if isinstance(row, list) else 0)
        number += taken


def _row(lines: list[str], delimiter: str, width: int) -> tuple[list[str] | str, int]:
    """The row that begins on the first of ``lines``, or why there is none; and how many lines it takes. A row has
    ``width`` cells."""
    for taken in range(1, len(lines) + 1):
        if taken > 1 and len(_cells(lines[taken - 1 : taken], delimiter) or ()) >= width:
            break
        cells = _cells(lines[:taken], delimiter)
        if cells is not None:
            return cells, taken
    if len(lines[0]) > csv.field_size_limit():
        return "is too long for a row", 1
    return "has a quote that is not closed, or in the wrong place", 1


def _cells(lines: list[str], delimiter: str) -> list[str] | None:
    """The cells of one row, None when these lines are not exactly one."""
    try:
        rows = list(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else [] if not rows else None


def _check_columns(header: list[str], mapping: CallMapping, name: str) -> None:
    for role in ("started", "from", "to"):
        if mapping.columns[role] not in header:
            message = f"{name} has no column {mapping.columns[role]!r}"
            raise InvalidData(message, hint=f"Say which it is in the mapping: columns: {{{role}: NAME}}")


def _call(number: int, row: list[str], cells: dict[str, str], mapping: CallMapping, zone: tzinfo) -> Call | Rejected:
    def cell(role: str) -> str:
        return cells.get(mapping.columns[role], "")

    started = _moment(cell("started"), zone)
    if started is None:
        return Rejected(number, f"has no time that can be read: {cell('started')[:40]!r}")
    if not cell("from") and not cell("to"):
        return Rejected(number, "has no numbers")
    seconds = _seconds(cell("seconds"))
    result = cell("result").lower()
    answered = bool(cell("answered")) if mapping.columns["answered"] else result == "answered"
    if mapping.columns["result"] == "disposition":
        answered = result == "answered"
    key = cell("call") or cell("leg") or _hash(row)
    return Call(number, key, started, cell("from"), cell("to"), seconds, answered, result)


def _hash(row: list[str]) -> str:
    from hashlib import sha256

    return f"row:{sha256(chr(31).join(row).encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


def _moment(text: str, zone: tzinfo) -> datetime | None:
    text = text.strip().partition(".")[0].removesuffix("Z") if "+" not in text else text.strip()
    for form in _TIMES:
        try:
            return datetime.strptime(text, form).replace(tzinfo=zone)
        except ValueError:
            continue
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=zone)


def _seconds(text: str) -> int:
    """Seconds as a number, or as hours, minutes and seconds."""
    if text.isdecimal():
        return min(int(text[:9]), 7 * 86_400)
    found = _LENGTH.match(text)
    return int(found[1] or 0) * 3600 + int(found[2]) * 60 + int(found[3]) if found else 0
