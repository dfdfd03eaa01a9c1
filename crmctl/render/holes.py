"""Values are kept out of the text until its structure is fixed: the template is rendered with numbered holes instead.

A name such as ``*a*``, ``<b>`` or ``[x](javascript:...)`` can therefore never become Markdown or HTML: the layout is
worked out while there is only a hole, and the value is put in afterwards, escaped for the place where the hole ended
up. It is also what makes a thousand messages cheap: the same layout is worked out once.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple
from typing import TypeAlias
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Callable

# Two of the code points that Unicode reserves for a program's own use; a template that holds them is refused.
OPEN = "\ufdd0"
CLOSE = "\ufdd1"
HOLE = re.compile(f"{OPEN}(-?[0-9]+){CLOSE}")

SCHEMES = ("http:", "https:", "mailto:", "tel:")
"""How a link in a message may begin; others are left out."""

SUBJECT = -1
LANGUAGE = -2
"""Holes for what is said about the message itself: the values are followed by its language and its subject."""


class HtmlText(NamedTuple):
    """A value between tags; its line breaks show."""

    hole: int


class HtmlAttribute(NamedTuple):
    """A value inside the quotes of an attribute."""

    hole: int


class HtmlLink(NamedTuple):
    """A whole attribute that holds an address, left out when the address may not be linked to."""

    name: str
    address: tuple[str | int, ...]


class PlainText(NamedTuple):
    """A value in the text part, as typed."""

    hole: int


class PlainLink(NamedTuple):
    """A link in the text part: its words, and the address in parentheses."""

    label: Plan
    address: tuple[str | int, ...]


Piece: TypeAlias = "str | HtmlText | HtmlAttribute | HtmlLink | PlainText | PlainLink"
Plan: TypeAlias = "tuple[Piece, ...]"


def hole(number: int) -> str:
    """The mark that stands for value ``number``."""
    return f"{OPEN}{number}{CLOSE}"


def split(text: str) -> list[str | int]:
    """``text`` in turns of literal text and hole numbers; empty literals are left out."""
    parts: list[str | int] = []
    for turn, part in enumerate(HOLE.split(text)):
        if turn % 2:
            parts.append(int(part))
        elif part:
            parts.append(part)
    return parts


def plain_plan(text: str) -> Plan:
    """The plan of a text that is shown as it is."""
    return tuple(part if isinstance(part, str) else PlainText(part) for part in split(text))


def fill(plan: Plan, values: list[str]) -> str:
    """The finished text: every hole of ``plan`` replaced by its value, escaped for where it stands."""
    out: list[str] = []
    for piece in plan:
        kind = type(piece)
        if kind is str:
            out.append(piece)  # type: ignore[arg-type]
        else:
            out.append(_FILLERS[kind](piece, values))
    return "".join(out)


def settled(plan: Plan) -> Plan:
    """The same plan with everything that waits for no value worked out, and neighbouring literals as one."""
    out: list[Piece] = []
    for piece in plan:
        part = piece if _waits(piece) else fill((piece,), [])
        last = out[-1] if out else None
        if isinstance(part, str) and isinstance(last, str):
            out[-1] = last + part
        else:
            out.append(part)
    return tuple(out)


def _waits(piece: Piece) -> bool:
    if isinstance(piece, str):
        return False
    if isinstance(piece, PlainLink):
        return any(map(_waits, piece.label)) or any(isinstance(part, int) for part in piece.address)
    return not isinstance(piece, HtmlLink) or any(isinstance(part, int) for part in piece.address)


def address(parts: tuple[str | int, ...], values: list[str]) -> str:
    """The address of a link, or nothing when its scheme is not one of ``SCHEMES``.

    A value that begins the address is taken as an address (``example.org`` gets ``https://``); one that stands further
    on is percent-encoded, so that it stays the part of the address that it was meant to be.
    """
    text = ""
    for part in parts:
        if isinstance(part, str):
            text += quote(part, safe=_ADDRESS)
        elif not text:
            text = quote(values[part].strip(), safe=_ADDRESS)
        else:
            text += _encoded(values[part].strip(), _IN_QUERY if "?" in text or "#" in text else _IN_PATH)
    if text[:7].lower().startswith(SCHEMES):
        return text
    return f"https://{text}" if isinstance(parts[0], int) and _HOST.match(text) else ""


_ADDRESS = "!#$%&'()*+,/:;=?@[]~"
_IN_PATH = "!$&'()*+,/:;=@~"
_IN_QUERY = "!'()*,/:@~"
_HOST = re.compile(r"(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}(?:[/?#].*)?\Z")
_PERCENT = re.compile(r"(%[0-9A-Fa-f]{2})")


def _encoded(value: str, safe: str) -> str:
    """``value`` percent-encoded; what is so already (the filter ``urlencode``) stays."""
    parts = _PERCENT.split(value)
    return "".join(part if turn % 2 else quote(part, safe=safe) for turn, part in enumerate(parts))


def _html_text(piece: HtmlText, values: list[str]) -> str:
    return html.escape(values[piece.hole], quote=False).replace("\n", "<br>\n")


def _html_attribute(piece: HtmlAttribute, values: list[str]) -> str:
    return html.escape(values[piece.hole].replace("\n", " "))


def _html_link(piece: HtmlLink, values: list[str]) -> str:
    target = address(piece.address, values)
    return f' {piece.name}="{html.escape(target)}"' if target else ""


def _plain_text(piece: PlainText, values: list[str]) -> str:
    return values[piece.hole]


def _plain_link(link: PlainLink, values: list[str]) -> str:
    label = fill(link.label, values)
    target = address(link.address, values)
    if not target:
        return label
    short = target.removeprefix("mailto:") if "?" not in target else target
    if label.strip().rstrip("/") in (target.rstrip("/"), short, target.partition("://")[2].rstrip("/")):
        return short if target.startswith("mailto:") else target
    return f"{label} ({short})" if label.strip() else short


_FILLERS: dict[type, Callable[[Any, list[str]], str]] = {
    HtmlText: _html_text,
    HtmlAttribute: _html_attribute,
    HtmlLink: _html_link,
    PlainText: _plain_text,
    PlainLink: _plain_link,
}
