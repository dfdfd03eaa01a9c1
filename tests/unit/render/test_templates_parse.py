"""Front matter: what a template says about itself, and what is wrong with it, by line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from crmctl.errors import InvalidData
from crmctl.render.templates import Template
from crmctl.render.templates import parse_template
from crmctl.render.templates import split_front
from crmctl.store.yaml_reader import read_yaml

if TYPE_CHECKING:
    from crmctl.model.raw import RawMap

PATH = "templates/hello.md"


def parse(text: str, path: str = PATH) -> Template:
    def read_front(front: str) -> RawMap:
        return read_yaml(front.encode(), path).data

    return parse_template("hello", path, text, read_front)


def test_a_front_matter_is_read_and_the_body_begins_behind_it() -> None:
    template = parse(
        "---\nsubject: Hello {{ customer.name }}\npurpose: newsletter\nchannel: letter\nlanguage: de\n"
        "fallback:\n  customer.first_name: there\n---\nBody\n"
    )
    assert template.form == "md"
    assert template.body == "Body\n"
    assert template.first_line == 9
    assert template.front.subject == "Hello {{ customer.name }}"
    assert template.front.subject_line == 2
    assert (template.front.purpose, template.front.channel, template.front.language) == ("newsletter", "letter", "de")
    assert template.front.fallback == {"customer.first_name": "there"}
    assert template.front.unknown == ()


def test_a_template_without_front_matter_is_all_body() -> None:
    template = parse("Hello\n---\nnot a front matter\n---\n")
    assert template.body.startswith("Hello")
    assert template.first_line == 1
    assert template.front.channel == "email"


def test_an_empty_front_matter_a_byte_order_mark_and_windows_line_ends_are_fine() -> None:
    template = parse("\ufeff---\r\n---\r\nBody\r\n")
    assert template.front.subject == ""
    assert template.body == "Body\r\n"
    assert template.first_line == 3


def test_fallbacks_may_be_nested() -> None:
    template = parse("---\nfallback:\n  customer:\n    first_name: there\n    organization:\n      name: you\n---\n")
    assert template.front.fallback == {"customer.first_name": "there", "customer.organization.name": "you"}


def test_unknown_keys_are_named_and_not_refused() -> None:
    assert parse("---\nsubjekt: Hi\nsubject: Hi\n---\n").front.unknown == ("subjekt",)


def test_a_line_in_the_front_matter_that_yaml_refuses_has_the_line_of_the_file() -> None:
    with pytest.raises(InvalidData) as caught:
        parse("---\nsubject: Hi\nsubject: Ho\n---\n")
    assert caught.value.problems[0].line == 3


@pytest.mark.parametrize(
    ("front", "line", "words"),
    [
        ("purpose: a\nchannel: pigeon", 3, "channel 'pigeon' is not one of"),
        ("subject:\n  - a\n  - b", 2, "subject is one text"),
        ("fallback: there", 2, "fallback is a map"),
        ("fallback:\n  Customer Name: there", 2, "is not a name such as"),
        ("fallback:\n  customer.tags:\n    - a", 2, "needs a text"),
        ("fallback:\n  customer:\n    name: ''", 2, "customer.name needs a text"),
    ],
)
def test_what_is_wrong_in_the_front_matter_is_said_with_its_line(front: str, line: int, words: str) -> None:
    with pytest.raises(InvalidData) as caught:
        parse(f"---\n{front}\n---\nBody\n")
    (problem,) = caught.value.problems
    assert (problem.path, problem.line) == (PATH, line)
    assert words in problem.message


def test_all_problems_of_a_front_matter_are_listed() -> None:
    with pytest.raises(InvalidData) as caught:
        parse("---\nchannel: pigeon\nfallback: there\n---\n")
    assert len(caught.value.problems) == 2


def test_a_front_matter_must_end() -> None:
    with pytest.raises(InvalidData, match="does not end"):
        parse("---\nsubject: Hi\n")


def test_another_ending_is_no_template() -> None:
    with pytest.raises(InvalidData, match=r"ends in \.md, \.txt, \.html"):
        parse("Hello", "templates/hello.docx")


@pytest.mark.parametrize("character", ["\0", "\x1b", "\x85", "\ud800", "\ufdd0", "\ufdd1"])
def test_control_characters_and_our_own_marks_are_refused_with_their_place(character: str) -> None:
    with pytest.raises(InvalidData) as caught:
        parse(f"---\nsubject: Hi\n---\nfine\nbad {character}\n")
    assert str(caught.value) == f"{PATH}:5:5: there is a control character (U+{ord(character):04X})"


def test_a_part_may_have_a_front_matter_that_is_left_out_of_the_including_text() -> None:
    assert split_front("templates/_end.md", "---\nsubject: x\n---\nBye\n") == ("subject: x\n", "Bye\n", 4)
