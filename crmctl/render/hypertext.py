"""HTML of a template made safe: only elements and attributes that a message needs, only links that may be followed.

What is kept is written anew from what was parsed, so no reader can see in it what the parser here did not. Holes (see
``holes``) are placed as text, attribute or address.
"""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.render import holes

if TYPE_CHECKING:
    from collections.abc import Mapping

_ELEMENTS = frozenset(
    "a abbr address article aside b bdi bdo blockquote body br caption center cite code col colgroup dd del div dl dt "
    "em figcaption figure font footer h1 h2 h3 h4 h5 h6 head header hr html i img ins kbd li main mark meta nav ol p "
    "pre q s samp section small span strike strong style sub sup table tbody td tfoot th thead time title tr tt u ul "
    "var".split()
)
_VOID = frozenset("br col hr img meta".split())
_ATTRIBUTES = frozenset(
    "align alt bgcolor border cellpadding cellspacing charset class color colspan content dir face height href id lang "
    "name role rowspan size span src start style title type valign width".split()
)
_ADDRESSES = frozenset({"href", "src"})
_META_NAMES = frozenset({"viewport", "color-scheme", "supported-color-schemes", "format-detection"})
_BAD_STYLE = re.compile(r"url\s*\(|@import|expression|javascript:|behavior|[\\<]", re.IGNORECASE)
_NAME = re.compile(r"[a-z][a-z0-9]*\Z")

_START = (
    '<!DOCTYPE html>\n<html lang="',
    holes.HtmlAttribute(holes.LANGUAGE),
    '">\n<head>\n<meta charset="utf-8">\n<title>',
    holes.HtmlText(holes.SUBJECT),
    "</title>\n</head>\n",
    # No line of our own is so long that a short message would have to be encoded for it.
    '<body style="margin:0 auto;padding:1em;max-width:38em;\nfont-family:sans-serif;line-height:1.5">\n',
)
_END = "</body>\n</html>\n"
_WHOLE = re.compile(r"<html[\s>]", re.IGNORECASE)
# The same, for a style sheet to be written into.
_OPENING = "".join(holes.hole(part.hole) if not isinstance(part, str) else part for part in _START)


class Dress(NamedTuple):
    """What a page is given beside its own words: a style sheet that is written into its elements, and the Content-IDs
    of the images that travel with it, by their names."""

    style: str = ""
    images: Mapping[str, str] = {}


class Page(NamedTuple):
    """A whole HTML document as a plan, and what in it is not allowed in a message."""

    plan: holes.Plan
    faults: tuple[str, ...]


def page(source: str, dress: Dress = Dress()) -> Page:  # noqa: B008 - immutable
    """The document to ``source`` (HTML with holes); a fragment is given its head and body."""
    cleaner = _Cleaner(dress.images)
    cleaner.feed(styled(source, dress.style) if dress.style else source)
    cleaner.close()
    plan: holes.Plan = tuple(cleaner.out)
    if not cleaner.whole:
        end = _END if source.endswith("\n") else f"\n{_END}"
        plan = (*_START, *plan, end)
    return Page(holes.settled(plan), tuple(dict.fromkeys(cleaner.faults)))


def styled(source: str, style: str) -> str:
    """The same document with the rules of ``style`` in its elements; what only a head can hold (``@media``) goes there.

    What comes out is cleaned like everything else, so a rule can do no more than one that was written by hand.
    """
    import css_inline

    if not _WHOLE.search(source):
        source = f"{_OPENING}{source}\n{_END}"
    inliner = css_inline.CSSInliner(load_remote_stylesheets=False, keep_at_rules=True, extra_css=style)
    return inliner.inline(source)


class _Cleaner(HTMLParser):
    def __init__(self, images: Mapping[str, str]) -> None:
        super().__init__(convert_charrefs=True)
        self._images = images
        self.out: list[holes.Piece] = []
        self.faults: list[str] = []
        self.whole = False
        self._style = False
        self._skipped = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.whole = self.whole or tag == "html"
        if tag not in _ELEMENTS or not _NAME.match(tag):
            self._refuse(tag)
            return
        if self._skipped:
            return
        if tag == "meta" and not _is_harmless_meta(dict(attrs)):
            self.faults.append("this <meta> is not allowed in a message")
            return
        self.out.append(f"<{tag}")
        for name, value in attrs:
            self._attribute(tag, name, value or "")
        self.out.append(">")
        self._style = tag == "style"

    def _refuse(self, tag: str) -> None:
        shown = tag if _NAME.match(tag) else "..."
        self.faults.append(f"<{shown}> is not allowed in a message")
        if tag == "script":
            self._skipped = tag

    def _attribute(self, tag: str, name: str, value: str) -> None:
        if name not in _ATTRIBUTES:
            shown = name if _NAME.match(name) else "..."
            self.faults.append(f"<{tag} {shown}> is not allowed in a message")
        elif tag == "img" and name == "src" and value.strip().lower().startswith("cid:"):
            self._image(value.strip()[4:])
        elif name in _ADDRESSES:
            parts = tuple(holes.split(value.strip()))
            if not parts or (isinstance(parts[0], str) and not parts[0].lower().startswith(holes.SCHEMES)):
                self.faults.append(f"a link to {value.strip()!r} is not allowed (http, https, mailto and tel are)")
                return
            self.out.append(holes.HtmlLink(name, parts))
        elif name == "style":
            self._check_style(value)
            self.out.append(f' style="{html.escape(value)}"')
        else:
            self.out.append(f' {name}="')
            for part in holes.split(value):
                self.out.append(html.escape(part) if isinstance(part, str) else holes.HtmlAttribute(part))
            self.out.append('"')

    def _image(self, name: str) -> None:
        """An image that travels with the message: by the name that the front matter gives it."""
        if name in self._images:
            self.out.append(f' src="cid:{html.escape(self._images[name])}"')
        else:
            shown = name if name.isprintable() and not holes.HOLE.search(name) else "..."
            self.faults.append(f"there is no image {shown!r} under images: in the front matter")

    def _check_style(self, css: str) -> None:
        if holes.HOLE.search(css):
            self.faults.append("a value cannot stand inside a style")
        elif _BAD_STYLE.search(css):
            self.faults.append("a style with url(), @import, a backslash or < is not allowed in a message")

    def handle_endtag(self, tag: str) -> None:
        if tag == self._skipped:
            self._skipped = ""
        elif tag in _ELEMENTS and tag not in _VOID and not self._skipped:
            self.out.append(f"</{tag}>")
        if tag == "style":
            self._style = False

    def handle_data(self, data: str) -> None:
        if self._skipped:
            return
        if self._style:
            self._check_style(data)
            self.out.append(holes.HOLE.sub("", data).replace("<", ""))
            return
        for part in holes.split(data):
            self.out.append(html.escape(part, quote=False) if isinstance(part, str) else holes.HtmlText(part))

    def handle_decl(self, decl: str) -> None:
        if decl.lower().strip() == "doctype html":
            self.out.append("<!DOCTYPE html>")
        else:
            self.faults.append("only <!DOCTYPE html> is allowed in a message")


def _is_harmless_meta(attributes: dict[str, str | None]) -> bool:
    name = attributes.get("name")
    if name is None:
        return set(attributes) == {"charset"}
    return name in _META_NAMES and set(attributes) <= {"name", "content"}
