"""Front matter beside the subject: kind, own text, style, files, images and invitations."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING
from typing import Any

import pytest

from crmctl.errors import InvalidData
from crmctl.render import worker
from crmctl.render.enclosed import Enclosed
from crmctl.render.ordering import Limits
from crmctl.render.ordering import cid
from crmctl.render.ordering import order
from crmctl.render.rendering import render_many
from crmctl.render.templates import FrontMatter
from crmctl.render.templates import Template
from crmctl.render.templates import parse_template
from crmctl.store.yaml_reader import read_yaml

if TYPE_CHECKING:
    from crmctl.model.raw import RawMap

ADA: dict[str, Any] = {"customer": {"name": "Ada <b>", "handle": "ada", "day": "2027-03-01"}, "book": {"name": "Us"}}


def read(front: str, form: str = "md") -> Template:
    path = f"templates/t.{form}"

    def yaml(text: str) -> RawMap:
        return read_yaml(text.encode(), path).data

    return parse_template("t", path, f"---\nsubject: S\n{front}---\nHello\n", yaml)


def template(body: str, form: str = "md", **own: Any) -> Template:
    front = FrontMatter(subject="Hello", enclosed=Enclosed(**own))
    return Template("hello", form, front, body, f"templates/hello.{form}", 4)


def rendered(template: Template, sources: dict[str, str] | None = None) -> Any:
    """One message, rendered in this process by the code that the worker runs."""
    answers = io.BytesIO()
    lines = io.BytesIO(order(template, sources or {}, Limits()) + json.dumps(ADA).encode() + b"\n")
    worker.serve(lines, answers, lambda _size: None, lambda _seconds: None)
    ready, *messages = (json.loads(line) for line in answers.getvalue().splitlines())
    if ready:
        raise InvalidData(f"{ready['path']}:{ready['line']}: {ready['words']}")
    return messages[0]


def test_all_keys_are_read() -> None:
    front = (
        "kind: mixed\ntext: _t.txt\nstyle: t.css\nattachments: [a.pdf, 'bills/{{ customer.handle }}.pdf']\n"
        "images: {logo: art/logo.png}\ninvitation: {starts: '2027-03-01 14:00', minutes: '45', summary: Hi}\n"
    )
    found = read(front).front
    assert found.unknown == ()
    assert found.enclosed == Enclosed(
        kind="marketing",
        text="_t.txt",
        style="t.css",
        attachments=("a.pdf", "bills/{{ customer.handle }}.pdf"),
        images={"logo": "art/logo.png"},
        invitation={"starts": "2027-03-01 14:00", "minutes": "45", "summary": "Hi"},
    )
    assert read("images: [art/logo.png]\n").front.enclosed.images == {"logo.png": "art/logo.png"}
    assert read("attachments: a.pdf\n").front.enclosed.attachments == ("a.pdf",)


@pytest.mark.parametrize(
    ("front", "words"),
    [
        ("kind: spam\n", "kind 'spam' is not one of"),
        ("text: ../x.txt\n", "the name of a file in templates/"),
        ("style: x.txt\n", "ends in .css"),
        ("style: [a.css]\n", "one text, not several"),
        ("attachments: {a: b}\n", "a list of files"),
        ("attachments: [a.pdf, a.pdf]\n", "twice"),
        ("images: [a/x.png, b/x.png]\n", "the same name"),
        ("images: {'a b': x.png}\n", "no name for an image"),
        ("invitation: tomorrow\n", "lines such as"),
        ("invitation: {starts: x}\n", "lacks summary"),
        ("invitation: {starts: x, summary: y}\n", "either when it ends"),
        ("invitation: {starts: x, ends: z, minutes: '5', summary: y}\n", "either when it ends"),
        ("invitation: {starts: x, minutes: '5', summary: y, who: me}\n", "has no 'who'"),
        ("channel: sms\nattachments: a.pdf\n", "for e-mails"),
    ],
)
def test_what_cannot_be_used_is_told_with_its_line(front: str, words: str) -> None:
    with pytest.raises(InvalidData) as caught:
        read(front)
    assert words in str(caught.value)
    assert caught.value.problems[0].line == front.count("\n") + 2


def test_an_own_text_part_takes_the_place_of_the_one_that_is_told() -> None:
    page = template("Hello **{{ customer.name }}**\n", text="_own.txt")
    subject, text, html, problems, _ = rendered(page, {"_own.txt": "Dear {{ customer.name }}\n"})
    assert (subject, text, problems) == ("Hello", "Dear Ada <b>\n", [])
    assert "Hello <strong>Ada &lt;b&gt;</strong>" in html
    assert "Dear" not in html
    assert rendered(page, {"_own.txt": "{{ customer.nickname }}"})[3] == ["customer.nickname is missing"]


def test_a_mistake_in_the_own_text_is_told_with_its_file() -> None:
    with pytest.raises(InvalidData, match=r"templates/_own\.txt:2"):
        rendered(template("x", text="_own.txt"), {"_own.txt": "a\n{% if %}\n"})


@pytest.mark.parametrize(
    ("own", "form", "words"),
    [
        ({"text": "no.txt"}, "md", "no templates/no.txt"),
        ({"style": "no.css"}, "md", "no templates/no.css"),
        ({"style": "s.css"}, "txt", "HTML part"),
        ({"text": "_own.txt"}, "txt", "HTML part"),
    ],
)
def test_files_that_are_not_there_are_told_before_anything_is_rendered(own: Any, form: str, words: str) -> None:
    with pytest.raises(InvalidData, match=words):
        order(template("x", form, **own), {"s.css": "", "_own.txt": ""}, Limits())


CSS = "p { color: red } a { color: blue } @media (max-width: 600px) { p { color: green } }"


@pytest.mark.parametrize("form", ["md", "html"])
def test_a_style_is_written_into_the_elements(form: str) -> None:
    body = {"md": "Hi {{ customer.name }}\n", "html": "<p>Hi {{ customer.name }}</p>\n"}[form]
    _, text, html, problems, _ = rendered(template(body, form, style="s.css"), {"s.css": CSS})
    assert problems == []
    assert text == "Hi Ada <b>\n"
    assert '<p style="color: red;">Hi Ada &lt;b&gt;</p>' in html
    assert "<style>@media (max-width: 600px) { p { color: green } }" in html
    assert "<title>Hello</title>" in html
    assert 'lang="en"' in html
    assert html.count("<html") == html.count("<body") == 1


def test_a_whole_document_keeps_its_head() -> None:
    page = "<html><head><title>T</title></head><body><p>x</p></body></html>"
    _, _, html, problems, _ = rendered(template(page, "html", style="s.css"), {"s.css": CSS})
    assert problems == []
    assert "<title>T</title>" in html
    assert '<p style="color: red;">x</p>' in html


@pytest.mark.parametrize("css", ["p { background: url(https://x) }", "@import 'https://x'; p { color: red }"])
def test_a_style_reaches_nothing_outside(css: str) -> None:
    problems = rendered(template("x\n", style="s.css"), {"s.css": css})[3]
    assert problems == ["a style with url(), @import, a backslash or < is not allowed in a message"]


def test_a_style_sheet_is_no_part_that_can_be_included() -> None:
    with pytest.raises(InvalidData, match=r"no templates/s\.css to include"):
        rendered(template('{% include "s.css" %}'), {"s.css": "x"})


@pytest.mark.parametrize("form", ["md", "html"])
def test_images_travel_by_their_name(form: str) -> None:
    body = {"md": "![Us](cid:logo)\n", "html": '<p><img src="cid:logo" alt="Us"></p>'}[form]
    _, text, html, problems, fields = rendered(template(body, form, images={"logo": "l.png"}))
    assert (text, problems, fields) == ("Us\n", [], {"images.logo": "l.png"})
    assert f'<img src="cid:{cid("hello", "logo")}" alt="Us">' in html
    assert rendered(template(body, form))[3] == ["there is no image 'logo' under images: in the front matter"]


def test_a_link_cannot_go_to_an_image() -> None:
    assert rendered(template("[x](cid:logo)", images={"logo": "l.png"}))[3]


def test_paths_and_invitations_are_rendered_for_each() -> None:
    own = Enclosed(
        attachments=("bills/{{ customer.handle }}.pdf",),
        invitation={"starts": "{{ customer.day }} 14:00", "summary": "Meet {{ customer.name }}\n", "minutes": "5"},
    )
    found = template("x\n")._replace(front=FrontMatter(subject="S", enclosed=own))
    assert rendered(found)[4] == {
        "attachments.0": "bills/ada.pdf",
        "invitation.starts": "2027-03-01 14:00",
        "invitation.summary": "Meet Ada <b>",
        "invitation.minutes": "5",
    }
    lacking = found._replace(front=FrontMatter(subject="S", enclosed=Enclosed(attachments=("{{ customer.x }}.pdf",))))
    assert rendered(lacking)[3] == ["customer.x is missing"]


def test_the_process_that_renders_can_inline_a_style() -> None:
    (message,) = render_many(template("x\n", style="s.css"), {"s.css": CSS}, [("ada", ADA)])
    assert message.problems == ()
    assert '<p style="color: red;">x</p>' in message.html
