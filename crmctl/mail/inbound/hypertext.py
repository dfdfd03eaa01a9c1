"""The words of an HTML message, without markup and without what it quotes; in one pass, however broken it is."""

from __future__ import annotations

import re
from html import unescape

LONGEST = 200_000
"""Characters of HTML that are looked at."""

MOST_WORDS, FEWEST_WORDS = 300, 4
_WORDS = re.compile(r"[^\W\d_]{3,}")
_TOKEN = re.compile(r"<[^<>]*>|[^<]+|<")
# The blanks are counted: unlimited ones on both sides of the slash take a time that grows with their square.
_TAG = re.compile(r"<\s{0,9}(/?)\s{0,9}([a-zA-Z][a-zA-Z0-9]*)([^<>]*)")
_BLANKS = re.compile(r"[ \t\r\n\f\v\xa0]+")
_BLOCKS = frozenset(
    "address article br div dl dt dd footer h1 h2 h3 h4 h5 h6 header hr li ol p pre table tr ul".split()
)
_DROPPED = frozenset({"script", "style", "head", "title", "template", "blockquote"})
_VOID = frozenset({"br", "hr", "img", "input", "meta", "link"})
_QUOTE = re.compile(
    r"gmail_quote|yahoo_quoted|moz-cite-prefix|divRplyFwdMsg|appendonsend|protonmail_quote|tutanota_quote"
)
_UNSEEN = re.compile(
    r"display\s{0,3}:\s{0,3}none|visibility\s{0,3}:\s{0,3}hidden|mso-hide\s{0,3}:\s{0,3}all|\shidden(?=[\s/=]|\Z)|"
    r"font-size\s{0,3}:\s{0,3}0(?![.\d])",
    re.IGNORECASE,
)
_ENDS = re.compile(r"divRplyFwdMsg|appendonsend|moz-cite-prefix")


def to_text(html: str) -> str:
    """What a reader of ``html`` sees, a line for each block; quoted messages are left out."""
    lines: list[str] = []
    line: list[str] = []
    hidden: list[str] = []
    for token in _TOKEN.findall(_without_comments(html[:LONGEST])):
        tag = _TAG.match(token) if token.startswith("<") else None
        if tag is None:
            if not hidden:
                line.append(token)
            continue
        closing, name, attributes = tag[1], tag[2].lower(), tag[3]
        if hidden:
            _follow(hidden, closing, name)
        elif not closing and _ENDS.search(attributes):
            break  # All that follows is the message that is answered.
        elif not closing and name not in _VOID and _is_hidden(name, attributes):
            hidden.append(name)
        if name in _BLOCKS:
            lines.append("".join(line))
            line = []
    lines.append("".join(line))
    return _tidy(lines)


def is_another(plain: str, html: str) -> bool:
    """Whether the plain text of a message says something else than its HTML, which is what people read ("your program
    cannot show this message"): few of the plain one's own words stand there, quotes and all."""
    own = [word for line in plain.split("\n") if not line.startswith(">") for word in _WORDS.findall(line.lower())]
    own = own[:MOST_WORDS]
    if len(own) < FEWEST_WORDS or not html:
        return False
    shown = set(_WORDS.findall(unescape(html[:LONGEST]).lower()))
    return sum(word in shown for word in own) * 2 < len(own)


def _is_hidden(name: str, attributes: str) -> bool:
    """Whether an element is quoted, or not there for a reader."""
    return name in _DROPPED or bool(_QUOTE.search(attributes) or _UNSEEN.search(attributes))


def _follow(hidden: list[str], closing: str, name: str) -> None:
    """Keep count of elements of the hidden one's name, so that its own end is found."""
    if name != hidden[0] or name in _VOID:
        return
    if closing:
        hidden.pop()
    else:
        hidden.append(name)


def _without_comments(html: str) -> str:
    pieces, at = [], 0
    while (start := html.find("<!--", at)) >= 0:
        pieces.append(html[at:start])
        end = html.find("-->", start)
        if end < 0:
            return "".join(pieces)
        at = end + 3
    return "".join([*pieces, html[at:]])


def _tidy(lines: list[str]) -> str:
    text = "\n".join(_BLANKS.sub(" ", unescape(line)).strip() for line in lines)
    return re.sub(r"\n{3,}", "\n\n", text).strip()
