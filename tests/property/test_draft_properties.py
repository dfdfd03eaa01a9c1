"""A draft that nobody edited says what the template says, whatever stands in the record."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import pytest
from hypothesis import example
from hypothesis import given
from hypothesis import strategies as st

from crmctl.render import worker
from crmctl.render.drafting import FORMS
from crmctl.render.ordering import Limits
from crmctl.render.ordering import order
from crmctl.render.templates import FrontMatter
from crmctl.render.templates import Template
from crmctl.services.following.draft_texts import Draft
from crmctl.services.following.draft_texts import as_wording

MD = """\
{{ customer.name }}
{{ customer.name }} and *{{ customer.name }}*, **{{ customer.name }}**: [{{ customer.name }}](https://example.com/)

- {{ customer.name }}
- [see](https://example.com/{{ customer.name }}/?q={{ customer.name }}) <{{ customer.name }}>

> {{ customer.name }}

1. {{ customer.name }}!
"""
HTML = (
    '<p title="{{ customer.name }}">{{ customer.name }}<br><b>{{ customer.name }}</b> '
    '<a href="https://example.com/{{ customer.name }}?q={{ customer.name }}">{{ customer.name }}</a></p>\n'
)
SIGNS = st.text(st.sampled_from("ab1. \\`*_[]()<>|&;#+-=~!{}%:/\"'"), min_size=1, max_size=12)
LINES = st.lists(SIGNS, min_size=1, max_size=2).map("\n".join)


def rendered(template: Template, name: str) -> tuple[str, str]:
    """The text and the page of a message, made in this process by the code that the worker runs."""
    answers = io.BytesIO()
    data: dict[str, Any] = {"customer": {"name": name}, "book": {"currency": "EUR"}, "today": "2026-11-02"}
    worker.serve(
        io.BytesIO(order(template, {}, Limits()) + json.dumps(data).encode() + b"\n"),
        answers,
        lambda _size: None,
        lambda _seconds: None,
    )
    ready, message = (json.loads(line) for line in answers.getvalue().splitlines())
    assert (ready, message[3]) == ({}, [])
    return message[1], message[2]


@pytest.mark.parametrize(("form", "body"), [("md", MD), ("html", HTML), ("txt", MD)])
@given(name=LINES.filter(lambda text: all(line.strip() == line and line for line in text.split("\n"))))
@example("1. x")
@example("10) x")
@example("# {{ x }}")
@example("a\n---")
@example("a\n- b")
@example("https://example.com/a_b_c")
@example("{% endraw %}{{ 7 }}")
@example("&amp;")
@example("\\")
def test_an_unedited_draft_says_the_same(form: str, body: str, name: str) -> None:
    template = Template("hello", form, FrontMatter(subject="Hello"), body, f"templates/hello.{form}", 4)
    source, _ = rendered(template._replace(form=FORMS[form]), name)
    words = as_wording(Draft(form, f"---\nsubject: Hello\n---\n{source}"), {})
    (text, html), (wanted, page) = rendered(words.template(""), name), rendered(template, name)
    assert html == page
    # A value of several lines keeps the margin of a list or a quote in the text part, which is all the better.
    assert _MARGIN.sub("\n", text) == _MARGIN.sub("\n", wanted)


_MARGIN = re.compile(r"\n[ >]+")
