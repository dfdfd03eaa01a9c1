"""What a message that advertises must say, and what costs it its readers.

15 USC 7704(a)(5), CASL section 6(2) and ePrivacy 13(4) want to see who writes and where they can be found; a reader of
either part has to.
"""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Sequence

CLIPPED = 102 * 1024
"""Bytes of HTML after which Gmail cuts a message off, with the address and the way out that stand at its end."""

_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_HIDDEN = re.compile(r"<(style|title|head)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_SPACES = re.compile(r"(?:[\s,;|·•()\"“”„«»]|[.:!?]+(?=[\s,;|()\"“”«»]|$))+")
_REMOTE = re.compile(r"<img\b[^>]*\bsrc\s*=\s*[\"']?\s*https?:", re.IGNORECASE)
_PIXEL = re.compile(r"<img\b(?=[^>]*\bwidth\s*=\s*[\"']?[01]\b)(?=[^>]*\bheight\s*=\s*[\"']?[01]\b)", re.IGNORECASE)


def check_marketing(text: str, html: str, postal: str, identity: str) -> list[str]:
    """What marketing mail lacks by law; nothing when all is there.

    ``postal`` is the sender's postal address, ``identity`` their name; both have to be in the text, and in the page
    when there is one (``html`` is not ""), whatever line breaks, capitals and punctuation stand between the words.
    """
    problems = []
    for what, wanted, where in (
        ("name", identity, "name:"),
        ("postal address", postal, "postal_address:"),
    ):
        if not _words(wanted).strip():
            problems.append(f"marketing mail names the sender's {what}, and crm.yaml has none ({where})")
            continue
        for part, found in (("text", text), ("HTML", _seen(html) if html else None)):
            if found is not None and _words(wanted) not in _words(found):
                problems.append(f"the {part} part does not say the sender's {what} (marketing mail has to)")
    return problems


def check_way_out(text: str, html: str, ways: Sequence[str]) -> list[str]:
    """What a message lacks that people can say no to: each of its parts has to name one of ``ways`` out of it.

    Those are what a reader can follow or copy: a mailto link, its address alone, an endpoint on the web ("" is none of
    them). In the page a link counts as well as words. The header alone does not do, few programs show it (15 USC
    7704(a)(3)(A), ePrivacy 13(2): in every message).
    """
    wanted = [_link(way) for way in ways if way]
    if not wanted:
        return ["nobody would read who wants no more of these messages, crm.yaml has no address for it (email:)"]
    parts = (("text", _link(text)), ("HTML", _link(_COMMENT.sub(" ", html)) if html else None))
    return [
        f"the {part} part does not say how to get no more of these messages "
        "(a line such as: No more of this: {{ unsubscribe }})"
        for part, found in parts
        if found is not None and not any(way in found for way in wanted)
    ]


def warnings(html: str) -> list[str]:
    """What is allowed and not wise."""
    found = []
    size = len(html.encode("utf-8"))
    if size > CLIPPED:
        found.append(f"the HTML part is {size // 1024} kB; Gmail cuts it off after {CLIPPED // 1024} kB")
    if _PIXEL.search(html):
        found.append("there is an image of one pixel; tracking readers needs their consent (ePrivacy 5(3))")
    if _REMOTE.search(html):
        found.append("there are images on the web; many programs do not load them, and they tell who reads (images:)")
    return found


def _seen(html: str) -> str:
    return unescape(_TAG.sub(" ", _HIDDEN.sub(" ", html)))


def _link(text: str) -> str:
    """A link, or a text with links, so that ways of writing the same one make no difference."""
    return unquote(unescape(text)).casefold()


def _words(text: str) -> str:
    """Words alone, so that line breaks and punctuation make no difference; with blanks around, so that none is cut."""
    return f" {_SPACES.sub(' ', text).strip().casefold()} "
