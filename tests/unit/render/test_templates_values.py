"""Whatever a record holds: the message around it stays the same, and the value is read as typed."""

from __future__ import annotations

import re
from functools import cache
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from crmctl.render.renderer import Job
from crmctl.render.renderer import Renderer
from crmctl.render.renderer import Source
from crmctl.render.templates import SUBJECT

BODIES = {
    "md": (
        "# Hi {{ v }}\n\n{{ v }} and **{{ v }}** and `{{ v }}`\n\n"
        "- {{ v }}\n- [{{ v }}](https://e.org/?a={{ v }})\n\n> {{ v }}\n"
    ),
    "html": '<h1>{{ v }}</h1><p title="{{ v }}">{{ v }} <a href="https://e.org/?a={{ v }}">{{ v }}</a></p>',
}
EVIL = [
    "<b>",
    "</p>",
    "<!--",
    "]]>",
    "[x](http://y)",
    "*",
    "_",
    "`",
    "# ",
    "- ",
    "> ",
    "\n",
    "\n\n",
    '"',
    "'",
    "&lt;",
    "\\",
]
EVIL += [
    "{{ v }}",
    "{% raw %}",
    "http://x.example",
    "javascript:",
    "<http://y>",
    "|",
    "---",
    "1. ",
    "\t",
    "é",
    "&",
    "<",
]
VALUE = st.lists(st.one_of(st.sampled_from(EVIL), st.text(st.characters(exclude_categories=["C", "Z"]), max_size=5)))


@cache
def renderer(form: str) -> Renderer:
    sources = {"t": Source(BODIES[form], "templates/t", 1), SUBJECT: Source("s", "templates/t", 1)}
    return Renderer(Job(form, "t", sources, "", {}, 100_000))


class Shape(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, list[str]]] = []
        self.words = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "br":
            self.elements.append((tag, [name for name, _ in attrs]))
            for name, value in attrs:
                assert name != "href" or str(value).startswith("https://e.org/?a=")

    def handle_data(self, data: str) -> None:
        self.words += data


@settings(max_examples=200, deadline=None)
@given(value=VALUE.map("".join).filter(lambda value: bool(value.strip())), form=st.sampled_from(["md", "html"]))
def test_a_value_changes_nothing_but_its_own_place(value: str, form: str) -> None:
    message = renderer(form).render({"v": value})
    assert message.problems == ()
    plain = renderer(form).render({"v": "x"})
    found, expected = Shape(message.html), Shape(plain.html)
    assert found.elements == expected.elements
    assert re.sub(r"\s+", "", value) in re.sub(r"\s+", "", found.words)
    assert re.sub(r"\s+", "", value) in re.sub(r"\s+", "", message.text)
    assert not re.search(r"[\ufdd0\ufdd1]", message.html + message.text)
