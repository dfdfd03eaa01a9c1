"""Text from a record made safe for a terminal: what would steer the screen is shown, not done."""

from __future__ import annotations

import re

# C0 and C1 controls, DEL, zero-width and joining marks at word ends, bidirectional overrides and isolates, line and
# paragraph separators, the byte order mark, tags. All of them can hide or rearrange what a person sees.
_STEERING = (
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_SURROGATE = "[\ud800-\udfff]"


def _shown(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x100:
        return {9: "\\t", 10: "\\n", 13: "\\r"}.get(code, f"\\x{code:02x}")
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def safe(text: str, *, lines: bool = False) -> str:
    """``text`` with every control, escape and bidirectional character made visible; line breaks stay with ``lines``."""
    if text.isascii() and text.isprintable():
        return text
    if lines:
        return "\n".join(safe(line) for line in text.split("\n"))
    return re.sub(f"{_STEERING}|{_SURROGATE}", _shown, text)


def json_safe(text: str) -> str:
    """JSON ``text`` with the same characters as escapes of JSON, so that it may be shown on a terminal as it is."""
    return text if text.isascii() and "\x7f" not in text else re.sub(_JSON_STEERING, _json_escape, text)


_JSON_STEERING = _STEERING.replace("\x00-\x1f", "", 1) + "|" + _SURROGATE


def _json_escape(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
