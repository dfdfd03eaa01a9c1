"""The text part of an HTML template: what a reader without HTML sees, with the targets of links kept."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from crmctl.render import holes

_SPACES = re.compile(r"[ \t\r\n\f]+")
_HIDDEN = frozenset("head style title script".split())
_PARAGRAPHS = frozenset("p h1 h2 h3 h4 h5 h6 ul ol dl table blockquote pre figure hr".split())
_LINES = frozenset(
    "address article aside body caption dd div dt figcaption footer header li main nav section tr".split()
)
_CELLS = frozenset({"td", "th"})


def from_html(source: str) -> holes.Plan:
    """The plan of the text part to ``source``, an HTML text with holes."""
    reader = _Reader()
    reader.feed(source)
    reader.close()
    return tuple(reader.out)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.out: list[holes.Piece] = []
        self._outer: list[tuple[list[holes.Piece], str]] = []
        self._lists: list[int] = []
        self._hidden = 0
        self._pre = 0
        self._breaks = 2  # line breaks at the end of what was written; 2 is a blank line, or the very start
        self._space = False
        self._first_cell = True

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _HIDDEN:
            self._hidden += 1
        self._break(tag)
        if tag == "br":
            self._newline()
        elif tag == "hr":
            self._write("-" * 20)
            self._break(tag)
        elif tag == "img":
            self._words(dict(attrs).get("alt") or "")
        elif tag == "a":
            self._write("")
            self._outer.append((self.out, dict(attrs).get("href") or ""))
            self.out = []
        elif tag in ("ul", "ol"):
            self._lists.append(0 if tag == "ul" else 1)
        elif tag == "li":
            self._item()
        elif tag == "tr":
            self._first_cell = True
        elif tag in _CELLS:
            if not self._first_cell:
                self._write("  ")
            self._first_cell = False
        elif tag == "pre":
            self._pre += 1

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        elif tag == "a" and self._outer:
            label = tuple(self.out)
            self.out, target = self._outer.pop()
            parts = tuple(holes.split(target.strip()))
            self.out.append(holes.PlainLink(label, parts) if parts else holes.PlainLink(label, ("",)))
        elif tag in ("ul", "ol") and self._lists:
            self._lists.pop()
        elif tag == "pre":
            self._pre = max(0, self._pre - 1)
        self._break(tag)

    def handle_data(self, data: str) -> None:
        if self._hidden:
            return
        if self._pre:
            self._write(data.strip("\n"))
        else:
            self._words(data)

    def close(self) -> None:
        super().close()
        while self._outer:
            self.handle_endtag("a")

    def _words(self, data: str) -> None:
        for part in holes.split(data):
            if isinstance(part, int):
                self._write(part)
                continue
            text = _SPACES.sub(" ", part)
            if text.startswith(" "):
                self._space = True
            if text.strip(" "):
                self._write(text.strip(" "))
                self._space = text.endswith(" ")

    def _write(self, part: str | int) -> None:
        if self._space and not self._breaks:
            self.out.append(" ")
        self._space = False
        if part != "":
            self.out.append(part if isinstance(part, str) else holes.PlainText(part))
            self._breaks = 0

    def _newline(self) -> None:
        self.out.append("\n")
        self._space, self._breaks = False, self._breaks + 1

    def _break(self, tag: str) -> None:
        """End the line before and after a block; leave a blank line where paragraphs do."""
        wanted = 2 if tag in _PARAGRAPHS and not (self._lists and tag in ("ul", "ol")) else int(tag in _LINES)
        while self._breaks < wanted:
            self._newline()

    def _item(self) -> None:
        depth = len(self._lists)
        number = self._lists[-1] if self._lists else 0
        if number:
            self._lists[-1] += 1
        self._write("  " * max(0, depth - 1) + (f"{number}. " if number else "- "))
        self._breaks = 3  # the item's own text begins here, without another line break
