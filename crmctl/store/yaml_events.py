"""From bytes to YAML events: the checks before parsing, and the two parsers.

The C parser (``ruamel.yaml.clib``) takes about 30 microseconds a record, the pure one sixty times as long; both give
the same events. Nothing of ruamel is imported before the first record is parsed (20 ms).
"""

from __future__ import annotations

import functools
import importlib
import re
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple
from typing import NoReturn

from crmctl.errors import InvalidData
from crmctl.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES = 1 << 20
BOM = b"\xef\xbb\xbf"
CONFLICT_HINT = "crmctl conflicts shows what is asked; if nothing is, keep what is right and take the marker lines out"
NUL_HINT = "bring an earlier version back: crmctl history shows them"
CONFLICT_MESSAGE = "an unsettled merge conflict: both versions are in the file between markers"

_MARKER = re.compile(rb"^(?:<{7,}|>{7,}|\|{7,})(?: |\r?$)", re.MULTILINE)
# Characters no YAML file may hold as they are, and the line breaks only some readers see.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_BREAK = re.compile("\r\n|\r|\n")


class Kinds(NamedTuple):
    """ruamel's event classes, named once so that the walk compares types without looking them up."""

    scalar: type
    mapping_start: type
    mapping_end: type
    sequence_start: type
    sequence_end: type
    document_start: type
    alias: type


def refuse(path: str, line: int, column: int, code: str, message: str, hint: str = "") -> NoReturn:
    """Raise ``InvalidData`` with exactly one ``Problem``; ``line`` and ``column`` from 1, 0 for the whole file."""
    problem = Problem(path, line, column, code, message, hint)
    raise InvalidData(str(problem), hint=hint, problems=(problem,))


def place(text: str, index: int) -> tuple[int, int]:
    """Line and column, both from 1, of the character at ``index``."""
    line, start = 1, 0
    for found in _BREAK.finditer(text, 0, index):
        line, start = line + 1, found.end()
    return line, index - start + 1


def decode(data: bytes, path: str) -> str:
    """The text of a record file without its byte order mark, or ``InvalidData`` for what is refused unparsed."""
    if len(data) > MAX_BYTES:
        size = f"{len(data) / MAX_BYTES:.1f} MiB"
        refuse(path, 0, 0, "too-large", f"the file has {size}; a record may have 1 MiB", "keep long texts elsewhere")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        refuse(path, 1, 1, "encoding", "the file is UTF-16, not UTF-8", "save it again as UTF-8")
    if data.startswith(BOM):
        data = data[3:]
    if b"\0" in data:
        at = data.index(b"\0")
        line, column = place(data[:at].decode("latin-1"), at)
        refuse(path, line, column, "nul", "the file holds a NUL byte; it is not text", NUL_HINT)
    if (marker := _MARKER.search(data)) is not None:
        line = data.count(b"\n", 0, marker.start()) + 1
        refuse(path, line, 1, "conflict-markers", CONFLICT_MESSAGE, CONFLICT_HINT)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        _refuse_encoding(data, error.start, path)
    if (found := _UNWRITABLE.search(text)) is not None:
        line, column = place(text, found.start())
        name = f"U+{ord(found.group()):04X}"
        hint = f'take it out, or write it in double quotes as "\\u{ord(found.group()):04x}"'
        refuse(path, line, column, "control-character", f"an invisible control character ({name})", hint)
    if text.startswith("%") or "\n%" in text:
        line = 1 if text.startswith("%") else text.count("\n", 0, text.index("\n%")) + 2
        refuse(path, line, 1, "directive", "YAML directives (%...) are not used in records", "take the line out")
    return text


def _refuse_encoding(data: bytes, at: int, path: str) -> NoReturn:
    """Say where the text stops being UTF-8 and what it probably is instead."""
    before = data[:at].decode("utf-8")
    line, column = place(before, len(before))
    found = data[at : at + 1].decode("latin-1")
    looks = f' (as Latin-1 it would be "{found}")' if found.isprintable() else ""
    message = f"byte 0x{data[at]:02x} is not UTF-8{looks}"
    refuse(path, line, column, "encoding", message, "save the file as UTF-8: iconv -f latin1 -t utf-8 FILE")


@functools.cache
def _prepare() -> None:
    """Have the package ``ruamel.yaml`` stand ready unread: of its modules the C parser needs half.

    The rest comes when somebody asks the package for a name that it does not have yet.
    """
    import importlib.util
    import sys

    spec = None if "ruamel.yaml" in sys.modules else importlib.util.find_spec("ruamel.yaml")
    if spec is None or spec.loader is None:
        return
    package, loader = importlib.util.module_from_spec(spec), spec.loader

    def whole(name: str) -> Any:
        del vars(package)["__getattr__"]
        loader.exec_module(package)
        return getattr(package, name)

    vars(package)["__getattr__"] = whole
    sys.modules["ruamel.yaml"] = package
    vars(sys.modules["ruamel"])["yaml"] = package


@functools.cache
def kinds() -> Kinds:
    """ruamel's event classes."""
    _prepare()
    events: Any = importlib.import_module("ruamel.yaml.events")
    return Kinds(
        events.ScalarEvent,
        events.MappingStartEvent,
        events.MappingEndEvent,
        events.SequenceStartEvent,
        events.SequenceEndEvent,
        events.DocumentStartEvent,
        events.AliasEvent,
    )


@functools.cache
def c_parser() -> Any:
    """The class of the C parser, or None where ``ruamel.yaml.clib`` is not installed."""
    _prepare()
    try:
        return importlib.import_module("_ruamel_yaml").CParser
    except ImportError:
        return None


def events(text: str, parser: str = "auto") -> Iterator[Any]:
    """The events of ``text``; ``parser`` is ``auto``, or ``c`` or ``pure`` to insist on one of the two."""
    fast = None if parser == "pure" else c_parser()
    if fast is not None:
        return iter(fast(text).get_event, None)
    if parser == "c":
        raise ModuleNotFoundError("ruamel.yaml.clib is not installed")
    return _pure_events(text)


class Stumble(Exception):
    """The pure parser took what the C parser refuses."""

    def __init__(self, context: str, problem: str, index: int) -> None:
        super().__init__(problem)
        self.context = context
        self.problem = problem
        self.problem_mark = self
        self.index = index


# Half characters, and numbers beyond the last character.
_BAD_ESCAPE = re.compile(r"\\(?:u[dD][89a-fA-F]|U(?!00(?:0[0-9a-fA-F]|10))|U0000[dD][89a-fA-F])")


def _pure_events(text: str) -> Iterator[Any]:
    """The same events without C: read by YAML 1.1 as the C parser does, and refusing what it refuses."""
    from ruamel.yaml import YAML

    yaml = YAML(typ="safe", pure=True)
    yaml.version = (1, 1)
    flow: list[bool] = []
    try:
        for event in yaml.parse(text):
            value = getattr(event, "value", None)
            if value is not None:
                _check_pure(event, value, text, in_flow=bool(flow) and flow[-1])
            elif hasattr(event, "flow_style"):
                flow.append(bool(event.flow_style))
            elif type(event) in (kinds().mapping_end, kinds().sequence_end):
                flow.pop()
            yield event
    except ValueError as error:
        found = _BAD_ESCAPE.search(text)
        raise Stumble("quoted scalar", "invalid Unicode character", found.start() if found else 0) from error


def _check_pure(event: Any, value: str, text: str, *, in_flow: bool) -> None:
    start = event.start_mark.index
    if in_flow and not event.style and ":" in value:
        raise Stumble("plain scalar", "found unexpected ':'", text.index(":", start))
    if not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
        found = _BAD_ESCAPE.search(text, start)
        raise Stumble("quoted scalar", "invalid Unicode character", found.start() if found else start)
