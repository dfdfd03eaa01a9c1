"""Markdown with holes, as HTML and as the text that a person would have typed."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from crmctl.render import holes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it import MarkdownIt
    from markdown_it.token import Token


@lru_cache(maxsize=1)
def _reader() -> MarkdownIt:
    from markdown_it import MarkdownIt

    reader = MarkdownIt("commonmark", {"html": False, "linkify": False, "typographer": False}).enable("table")
    reader.validateLink = _may_link  # type: ignore[method-assign,assignment]
    reader.normalizeLink = str  # type: ignore[method-assign,assignment]
    return reader


def _may_link(target: str) -> bool:
    """Whether a link is one; one that begins with a value is judged when the value is known, and one to an image that
    travels with the message when the page is cleaned."""
    return target.startswith(holes.OPEN) or target.lower().startswith((*holes.SCHEMES, "cid:"))


def to_html(source: str) -> str:
    """The HTML of ``source``; raw HTML in it is shown as typed."""
    text: str = _reader().render(source)
    return text


def to_text(source: str) -> holes.Plan:
    """The text part of ``source``: the author's lines without the signs of Markdown, links with their target."""
    writer = _Writer(source)
    for token in _reader().parse(source):
        writer.block(token)
    return tuple(writer.out)


class _Writer:
    """Walks the blocks of a document; ``_margins`` is what each open quote or list item puts before a line."""

    def __init__(self, source: str) -> None:
        self.out: list[holes.Piece] = []
        self._lines = source.split("\n")
        self._margins: list[str] = []
        self._numbers: list[int] = []  # of the open lists, the number of the next item; 0 where they have dots
        self._marker = ""
        self._tight = False
        self._gap = False
        self._shared = 0  # how many margins the next block has in common with the last one
        self._in_table = False

    def block(self, token: Token) -> None:
        """Write one token of the stream of blocks."""
        if token.type == "table_open" and token.map:
            self._in_table = True
            self._write(holes.plain_plan("\n".join(self._lines[token.map[0] : token.map[1]]).rstrip("\n")))
        elif token.type == "table_close":
            self._in_table = False
        elif self._in_table:
            return
        elif token.type == "inline":
            self._write(_inline(token.children or ()))
        elif token.type in ("fence", "code_block"):
            self._write(holes.plain_plan(token.content.rstrip("\n")))
        elif token.type == "hr":
            self._write(("-" * 20,))
        elif token.type in ("paragraph_open", "paragraph_close"):
            self._tight = token.hidden and token.nesting == 1
        else:
            self._nest(token)

    def _nest(self, token: Token) -> None:
        if token.type == "blockquote_open":
            self._margins.append("> ")
        elif token.type in ("bullet_list_open", "ordered_list_open"):
            self._numbers.append(int(token.attrs.get("start", 1)) if token.type == "ordered_list_open" else 0)
        elif token.type == "list_item_open":
            number = self._numbers[-1]
            self._marker = f"{number}. " if number else "- "
            self._numbers[-1] += 1 if number else 0
            self._margins.append(" " * len(self._marker))
        elif token.type in ("blockquote_close", "list_item_close"):
            self._margins.pop()
            self._marker, self._shared = "", min(self._shared, len(self._margins))
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            self._numbers.pop()
            self._gap = self._gap or not self._numbers

    def _write(self, plan: holes.Plan) -> None:
        """Write a block on lines of its own, after a blank line where the document has one."""
        margin = "".join(self._margins)
        outer = "".join(self._margins[:-1]) if self._marker else margin
        if self.out and self._gap:
            self.out.append(f"{''.join(self._margins[: self._shared]).rstrip()}\n")
        self.out.append(outer + self._marker if self._marker else margin)
        for piece in plan:
            self.out.append(piece.replace("\n", f"\n{margin}") if isinstance(piece, str) else piece)
        self.out.append("\n")
        self._marker, self._gap, self._shared = "", not self._tight, len(self._margins)


def _inline(children: Sequence[Token]) -> holes.Plan:
    """The words of a paragraph; emphasis keeps one sign, so that it is heard in text too."""
    stack: list[tuple[list[holes.Piece], str]] = []
    out: list[holes.Piece] = []
    for token in children:
        if token.type in ("text", "code_inline", "text_special"):
            out.extend(holes.plain_plan(token.content))
        elif token.type in ("softbreak", "hardbreak"):
            out.append("\n")
        elif token.type in ("em_open", "em_close", "strong_open", "strong_close"):
            out.append(token.markup[:1])
        elif token.type == "image":
            out.extend(holes.plain_plan(token.content))
        elif token.type == "link_open":
            stack.append((out, str(token.attrs.get("href", ""))))
            out = []
        elif token.type == "link_close":
            label = tuple(out)
            out, target = stack.pop()
            out.append(holes.PlainLink(label, tuple(holes.split(target)) or ("",)))
    return tuple(out)
