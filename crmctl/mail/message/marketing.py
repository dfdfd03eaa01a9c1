"""What a message that advertises must say, and what costs it its readers.

15 USC 7704(a)(5), CASL section 6(2) and ePrivacy 13(4) want to see who writes and where they can be found; a reader of
either part has to.
"""

from __future__ import annotations

import re
from html import unescape

CLIPPED = 102 * 1024
"""Bytes of HTML after which Gmail cuts a message off, with the address and the way out that stand at its end."""

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


def _words(text: str) -> str:
    """Words alone, so that line breaks and punctuation make no difference; with blanks around, so that none is cut."""
    return f" {_SPACES.sub(' ', text).strip().casefold()} "
