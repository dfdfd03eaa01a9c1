"""Write a record in canonical form: one value a line, and nothing in it that any YAML reader could take for a number.

Block style, two spaces a level, LF, no folding, keys in the order given. A text is plain only where a reader of YAML
1.1 or 1.2 can see nothing but text; text of several lines becomes a literal block; all else is in double quotes, with
JSON's escapes.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from crmctl.errors import InvalidData
from crmctl.model.characters import HIDDEN
from crmctl.store.yaml_events import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crmctl.model.raw import Raw
    from crmctl.model.raw import RawMap

# YAML gives up on a key that is longer than 1,024 characters unless it is announced by "? ".
_LONG_KEY = 1_000
_STEP = "  "

# What a plain text may begin with: neither an indicator, nor a dot (.inf), nor white space, nor = (YAML 1.1's default).
_PLAIN = re.compile(r"[^\s\-?:,\[\]{}#&*!|>'\"%@`.=<~\x00-\x1f\x7f](?:[^\x00-\x1f\x7f]*[^\s:\x00-\x1f\x7f])?")
_INDICATOR_INSIDE = re.compile(r":\s|\s#")
# Hexadecimal, octal and binary, then whole numbers, fractions, powers and sexagesimals with commas and underscores (a
# little more than is needed, which does no harm), then infinity. A leading minus is an indicator already.
_NUMBER = re.compile(
    r"\+?(?:0x[0-9a-f_]*|0o[0-7_]*|0b[01_]*|[0-9.][0-9_,.:+-]*(?:e[0-9+-]*)?|\.(?:inf|nan))", re.IGNORECASE
)
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]")
_FIGURES = frozenset("+0123456789")
"""What numbers and dates begin with, of all that a plain text may begin with."""
_WORDS = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null"])
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
_TO_ESCAPE = re.compile(r'[\\"]|' + HIDDEN.pattern)


def check_size(data: bytes, path: str) -> bytes:
    """``data``, a record's file; ``InvalidData`` when it is so large that it would not be read again."""
    if len(data) > MAX_BYTES:
        message = f"{path} would have {len(data) / MAX_BYTES:.1f} MiB; a record may have 1 MiB"
        raise InvalidData(message, hint="Shorten the longest text, or keep it in a file elsewhere.")
    return data


def write_yaml(data: RawMap) -> str:
    """The canonical text of a record; reading it gives ``data`` back.

    Raises ``InvalidData`` when a text holds half a character (a lone surrogate), which no file can hold.
    """
    return "".join(f"{line}\n" for line in block(data, "")) if data else "{}\n"


def block(value: Raw, indent: str) -> Iterator[str]:
    """The lines of a map or a list that holds something, each indented by ``indent``."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from entry(key, item, indent)
    else:
        for item in value:
            yield from list_item(item, indent)


def entry(key: str, value: Raw, indent: str) -> Iterator[str]:
    """The lines of ``key: value``."""
    name = _name(key)
    if len(name) > _LONG_KEY:
        yield f"{indent}? {name}"
        name = ""
    if not value or isinstance(value, str):
        first, *rest = scalar(value, indent + _STEP)
        yield f"{indent}{name}: {first}"
        yield from rest
    else:
        yield f"{indent}{name}:"
        yield from block(value, indent + _STEP)


def list_item(value: Raw, indent: str) -> Iterator[str]:
    """The lines of ``- value``; what is inside begins on the line of the dash."""
    inner = indent + _STEP
    lines = scalar(value, inner) if not value or isinstance(value, str) else block(value, inner)
    for number, line in enumerate(lines):
        yield line if number else f"{indent}- {line.removeprefix(inner)}"


def scalar(value: Raw, indent: str) -> list[str]:
    """The lines of a text or of an empty map or list: the first without, the others with ``indent``."""
    if not isinstance(value, str):
        return ["{}" if isinstance(value, dict) else "[]"]
    if "\n" not in value or not _fits_block(value):
        return [inline(value)]
    body = value.rstrip("\n")
    tail = len(value) - len(body)
    header = "|" + ("2" if body.lstrip("\n")[0] in " \t" else "") + ("-", "", "+")[min(tail, 2)]
    lines = [indent + line if line else "" for line in body.split("\n")]
    return [header, *lines, *[""] * (tail - 1)]


def inline(text: str) -> str:
    """``text`` on one line: plain if no reader could see anything else in it, in double quotes otherwise."""
    return text if is_plain(text) else quoted(text)


@lru_cache(maxsize=1_000)
def _name(key: str) -> str:
    """A key on one line; the same few stand in every record."""
    return inline(key)


def is_plain(text: str) -> bool:
    """Whether every YAML reader takes ``text``, unquoted, for this very text."""
    return (
        _PLAIN.fullmatch(text) is not None
        and text.lower() not in _WORDS
        and (text[0] not in _FIGURES or (_NUMBER.fullmatch(text) is None and _DATE.match(text) is None))
        and _INDICATOR_INSIDE.search(text) is None
        and (text.isascii() or (HIDDEN.search(text) is None and _encodable(text)))
    )


def quoted(text: str) -> str:
    """``text`` in double quotes, with everything escaped that a reader would trip over or a person could not see."""
    _encodable(text)
    return f'"{_TO_ESCAPE.sub(_escape, text)}"'


def _escape(found: re.Match[str]) -> str:
    character = found.group()
    code = ord(character)
    return _ESCAPES.get(character) or (f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")


def _fits_block(text: str) -> bool:
    """Whether a literal block shows ``text`` as it is: no hidden characters, no line of nothing but white space."""
    seen = text.replace("\n", "").replace("\t", "")
    if not seen.strip() or HIDDEN.search(seen) is not None or not _encodable(text):
        return False
    return all(not line or not line.isspace() for line in text.split("\n"))


def _encodable(text: str) -> bool:
    """True; raises ``InvalidData`` for a text that UTF-8 cannot hold."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        message = f"a text holds half a character (U+{ord(text[error.start]):04X}), which no file can hold"
        raise InvalidData(message, hint="type the text again, or take that character out") from None
    return True
