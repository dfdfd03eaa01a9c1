"""Data that all recipients share goes to the rendering process once, and makes no difference to any message."""

from __future__ import annotations

from typing import Any

import pytest

from crmctl.render import rendering
from crmctl.render.rendering import render_many
from crmctl.render.templates import FrontMatter
from crmctl.render.templates import Template

SHARED: dict[str, Any] = {
    "me": {"name": "Ada", "phone": " "},
    "book": {"name": "Club"},
    "unsubscribe": "mailto:off@example.org",
    "today": "2026-11-02",
}
BODY = "{{ customer.name }} {{ me.name }} {{ book.name }} {{ unsubscribe }}"


def template(body: str = BODY, **front: Any) -> Template:
    return Template("hello", "txt", FrontMatter(**{"subject": "Hello", **front}), body, "templates/hello.txt", 4)


def person(number: int, **own: Any) -> tuple[str, dict[str, Any]]:
    return f"p{number}", {"customer": {"name": f"P{number}"}, **SHARED, **own}


def test_every_message_says_the_same_as_without(monkeypatch: pytest.MonkeyPatch) -> None:
    people = [person(number) for number in range(20)]
    lines: list[bytes] = []
    send = rendering.Child.send

    def sending(child: rendering.Child, line: bytes) -> None:
        lines.append(line)
        send(child, line)

    monkeypatch.setattr(rendering.Child, "send", sending)
    apart = list(render_many(template(), {}, people))
    assert all(b"Club" in line for line in lines)
    del lines[:]
    assert list(render_many(template(), {}, people, shared=SHARED)) == apart
    assert not any(b"Club" in line for line in lines)
    assert apart[3].text == "P3 Ada Club mailto:off@example.org\n"


def test_what_somebody_has_of_their_own_comes_first() -> None:
    people = [person(0), person(1, unsubscribe="mailto:one@example.org"), person(2)]
    texts = [message.text for message in render_many(template("{{ unsubscribe }}"), {}, people, shared=SHARED)]
    assert texts == ["mailto:off@example.org\n", "mailto:one@example.org\n", "mailto:off@example.org\n"]


@pytest.mark.parametrize("own", ["", " ", None])
def test_what_somebody_lacks_is_missing(own: str | None) -> None:
    (message,) = render_many(template("{{ unsubscribe }}"), {}, [person(0, unsubscribe=own)], shared=SHARED)
    assert message.problems == ("unsubscribe is missing",)


def test_a_fallback_for_one_is_none_for_the_next() -> None:
    people = [person(0), person(1, me={"name": "Bea", "phone": "5"}), person(2)]
    found = list(render_many(template("{{ me.phone }}", fallback={"me.phone": "none"}), {}, people, shared=SHARED))
    assert [message.text for message in found] == ["none\n", "5\n", "none\n"]
