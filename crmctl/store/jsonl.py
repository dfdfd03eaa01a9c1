"""Strict JSON Lines: one object a line, read as text, with every bad line reported and the good ones kept.

Numbers keep the digits they were written with, ``true`` and ``false`` become those words and ``null`` the empty text:
the schema says later what they mean, as with YAML.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

from crmctl.errors import InvalidData
from crmctl.errors import Problem
from crmctl.model.characters import HIDDEN
from crmctl.store.yaml_events import BOM
from crmctl.store.yaml_events import CONFLICT_HINT
from crmctl.store.yaml_events import CONFLICT_MESSAGE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crmctl.model.raw import RawMap

MAX_FILE = 256 << 20
MAX_LINE = 1 << 20
MAX_DEPTH = 8
MAX_DIGITS = 4_300

_MARKERS = (b"<<<<<<<", b"|||||||", b">>>>>>>")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_LONE = re.compile(r"\\u[dD][89abAB]..(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB]..)\\u[dD][c-fC-F]..")
_CONSTANTS = {True: "true", False: "false", None: ""}


class JsonLine(NamedTuple):
    """One object: its line number from 1, its bytes without the line feed, and what they say."""

    number: int
    raw: bytes
    value: RawMap


class _Refused(ValueError):
    """A line that is JSON, but not one we take. ``near`` is a text to look for in the line, for the column."""

    def __init__(self, code: str, message: str, hint: str, near: str = "") -> None:
        super().__init__(message)
        self.problem = (code, message, hint)
        self.near = near


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        key = next(k for k, _ in pairs if k in seen or seen.add(k))  # type: ignore[func-returns-value]
        near = json.dumps(key, ensure_ascii=False)
        raise _Refused("duplicate-key", f'"{key}" is there twice in one object', "keep one of the two", near)
    for key, item in pairs:
        if item.__class__ is not str:
            value[key] = _text(item)
    return value


def _text(item: Any) -> Any:
    """Constants as words; what stands in lists too."""
    kind = item.__class__
    if kind is list:
        return [part if part.__class__ is str else _text(part) for part in item]
    return item if kind is dict or kind is str else _CONSTANTS[item]


def _number(digits: str) -> str:
    if len(digits) > MAX_DIGITS:
        message = f"a number of {len(digits):,} digits; {MAX_DIGITS:,} are the most"
        raise _Refused("number", message, "write it as a text, in quotes", digits)
    return digits


def _constant(name: str) -> str:
    raise _Refused("number", f"{name} is not a number JSON knows", "leave the field out, or write it in quotes", name)


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_number, parse_float=_number, parse_constant=_constant)
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(", ", ": "))


def read_lines(data: bytes, path: str) -> tuple[list[JsonLine], list[Problem]]:
    """The objects in a file, and what is wrong with its other lines; blank lines are skipped.

    ``path`` is for messages only. Nothing is raised for bad data: a caller that writes must refuse when there are
    problems, because it would drop the lines it could not read.
    """
    if len(data) > MAX_FILE:
        message = f"the file has {len(data) >> 20} MiB; {MAX_FILE >> 20} MiB are the most"
        return [], [Problem(path, 0, 0, "too-large", message, "split the history")]
    if data.startswith(BOM):
        data = data[3:]
    lines: list[JsonLine] = []
    problems: list[Problem] = []
    conflict = any(marker in data for marker in _MARKERS)
    in_conflict = False
    for number, raw in enumerate(data.split(b"\n"), 1):
        if conflict and _is_marker(raw, in_conflict=in_conflict):
            if not in_conflict:
                problems.append(Problem(path, number, 1, "conflict-markers", CONFLICT_MESSAGE, CONFLICT_HINT))
            in_conflict = not raw.startswith(b">>>>>>>")
            continue
        try:
            value = parse_line(raw)
        except ValueError as error:
            if raw.strip():
                problems.append(_problem(error, raw, path, number))
        else:
            lines.append(JsonLine(number, raw, value))
    return lines, problems


def parse_line(raw: bytes) -> RawMap:
    """The object on one line; raises a ``ValueError`` that ``read_lines`` knows to put into words."""
    if len(raw) > MAX_LINE:
        raise _Refused("too-large", "the line is longer than 1 MiB", "shorten the text")
    text = raw.decode("utf-8")
    try:
        value, end = _DECODER.raw_decode(text)
        if end != len(text) and text[end:].strip(" \t\r"):
            raise _Refused("syntax", "something follows the object", "one line is one object", text[end:].strip())
    except json.JSONDecodeError:
        value = _with_space_before(text)
    except RecursionError:
        raise _too_deep() from None
    if value.__class__ is not dict:
        raise _Refused("not-an-object", "the line is not an object", 'write {"name": "value", ...} on one line')
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH and _deeper_than(value, MAX_DEPTH):
        raise _too_deep()
    if b"\\u" in raw and _SURROGATE.search(raw) is not None:
        _check_whole_characters(value, text)
    result: RawMap = value
    return result


def _with_space_before(text: str) -> Any:
    """Read a line once more, for white space before the object and for the better message."""
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise _too_deep() from None


def write_line(value: Mapping[str, Any]) -> bytes:
    """One object as a canonical line with its line feed: keys as given, and no character a person could not see.

    Raises ``InvalidData`` when a text holds half a character (a lone surrogate), which no file can hold.
    """
    text = _ENCODER.encode(value)
    if not text.isascii() or "\x7f" in text:
        text = HIDDEN.sub(_escape, text)
    try:
        return text.encode("utf-8") + b"\n"
    except UnicodeEncodeError as error:
        message = f"a text holds half a character (U+{ord(text[error.start]):04X}), which no file can hold"
        raise InvalidData(message, hint="type the text again, or take that character out") from None


def write_new_line(value: Mapping[str, Any]) -> bytes:
    """``write_line`` of what no file holds yet: ``InvalidData`` too when it is so long that nobody would read it."""
    line = write_line(value)
    if len(line) > MAX_LINE:
        message = f"an interaction of {len(line) / MAX_LINE:.1f} MiB; 1 MiB is the most"
        raise InvalidData(message, hint="Shorten its text, or keep that in a file elsewhere and say where.")
    return line


def check_size(size: int, path: str) -> None:
    """Raise ``InvalidData`` when a history of ``size`` bytes at ``path`` is one that nobody would read."""
    if size > MAX_FILE:
        message = f"{path} would have {size >> 20} MiB; {MAX_FILE >> 20} MiB are the most"
        raise InvalidData(message, hint="Remove what nobody needs any more, or keep long texts elsewhere.")


def _escape(found: re.Match[str]) -> str:
    return json.dumps(found.group())[1:-1] if found.group() != "\x7f" else "\\u007f"


def _is_marker(raw: bytes, *, in_conflict: bool) -> bool:
    return raw.startswith(_MARKERS) or (in_conflict and raw.startswith(b"======="))


def _too_deep() -> _Refused:
    return _Refused("too-deep", f"lists and objects go deeper than {MAX_DEPTH} levels", "make it flatter")


def _deeper_than(value: Any, levels: int) -> bool:
    layer = [value]
    for _ in range(levels):
        layer = [
            inner
            for outer in layer
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
        if not layer:
            return False
    return True


def _check_whole_characters(value: Any, line: str) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        message = "half a character (a lone surrogate escape)"
        lone = _LONE.search(line)
        raise _Refused("surrogate", message, "write the character itself", lone.group() if lone else "") from None


def _problem(error: ValueError, raw: bytes, path: str, number: int) -> Problem:
    """What is wrong with one line, in words, and in which column."""
    if isinstance(error, UnicodeDecodeError):
        column = len(raw[: error.start].decode("utf-8")) + 1
        message = f"byte 0x{raw[error.start]:02x} is not UTF-8"
        return Problem(path, number, column, "encoding", message, "save the file as UTF-8")
    if isinstance(error, json.JSONDecodeError):
        return Problem(path, number, error.colno, "syntax", *_syntax(error))
    assert isinstance(error, _Refused)
    code, message, hint = error.problem
    text = raw.decode("utf-8", "replace")
    column = 1
    if error.near:
        after = r"\s*:" if code == "duplicate-key" else ""
        places = [found.start() for found in re.finditer(re.escape(error.near) + after, text)]
        column = places[-1] + 1 if places else 1
    return Problem(path, number, column, code, message, hint)


# The decoder's words and ours.
_SYNTAX = (
    ("Invalid control character", "a tab or another control character inside quotes", "write it as \\t or \\u001b"),
    ("Unterminated string", "a quote is never closed", "close the quote"),
    ("Invalid \\", "a backslash starts an escape that does not exist", "write \\\\ for a backslash"),
    ("Expecting ',' delimiter", "a comma or the closing bracket is missing", "check the line up to here"),
    ("Expecting ':' delimiter", "a colon is missing after a name", 'write "name": "value"'),
    ("Expecting property name", "a name in double quotes is missing", "check for a comma too many"),
    ("Illegal trailing comma", "a comma too many", "take the last comma out"),
    ("Expecting value", "a value is missing or not in quotes", "put texts in double quotes"),
    ("Extra data", "something follows the object", "one line is one object"),
)


def _syntax(error: json.JSONDecodeError) -> tuple[str, str]:
    for words, message, hint in _SYNTAX:
        if error.msg.startswith(words):
            return message, hint
    return f"this is not JSON ({error.msg})", "compare with a line that reads well"
