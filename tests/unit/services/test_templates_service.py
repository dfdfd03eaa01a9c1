"""The templates of a book, against the people they are for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from helpers.books import write

from crmctl.errors import InvalidData
from crmctl.errors import NotFound
from crmctl.services import template_check
from crmctl.services import templates
from crmctl.services.book import Book

if TYPE_CHECKING:
    from pathlib import Path

PLAIN = "---\nsubject: Hello\n---\nDear {{ customer.name }},\n"


@pytest.fixture
def root(book_dir: Path) -> Path:
    """A book with two customers, one of whom has a role and a city."""
    write(
        book_dir,
        {
            "customers/ada.yaml": "name: Ada\nrole: Boss\naddress: {city: Berlin}\n",
            "customers/bob.yaml": "name: Bob\n",
            "segments/bosses.yaml": 'name: B\nfilter: "not role:"\n',
            "segments/nobody.yaml": "name: N\nfilter: tag:none\n",
            "/templates/plain.md": PLAIN,
        },
    )
    return book_dir


def faults(root: Path, *names: str, segment: str = "") -> list[tuple[str, str, str]]:
    return [
        (fault.template, fault.customer, fault.problem) for fault in template_check.check(Book(root), names, segment)[1]
    ]


def test_parts_and_other_files_are_no_templates(root: Path) -> None:
    write(root, {"/templates/_foot.md": "x", "/templates/notes.rst": "x", "/templates/letter.html": "<p>x</p>"})
    (root / "templates" / "link.md").symlink_to(root / "crm.yaml")
    (root / "templates" / "folder.md").mkdir()
    (root / "templates" / "latin.md").write_bytes(b"caf\xe9")
    assert templates.names(Book(root)) == ["letter", "plain"]
    assert set(templates.sources(Book(root))) == {"_foot.md", "letter.html", "plain.md"}


def test_a_book_without_templates(book_dir: Path) -> None:
    assert templates.names(Book(book_dir)) == []
    with pytest.raises(NotFound) as caught:
        templates.load(Book(book_dir), "x")
    assert caught.value.hint == "There are: none yet."


def test_two_that_differ_by_their_ending_keep_it(root: Path) -> None:
    write(root, {"/templates/plain.txt": "x", "/templates/other.txt": "x"})
    assert templates.names(Book(root)) == ["other", "plain.md", "plain.txt"]
    assert templates.load(Book(root), "plain.txt").form == "txt"
    assert templates.load(Book(root), "plain").form == "md"


@pytest.mark.parametrize("name", ["nope", "../crm", "templates/plain", "plain.yaml", "", ".md"])
def test_a_template_that_is_not_there(root: Path, name: str) -> None:
    with pytest.raises(NotFound, match="there is no template"):
        templates.load(Book(root), name)


def test_the_nearest_name_is_told(root: Path) -> None:
    with pytest.raises(NotFound) as caught:
        templates.load(Book(root), "plane")
    assert caught.value.hint == "Did you mean plain?"


def test_what_is_no_text_is_told(root: Path) -> None:
    (root / "templates" / "latin.md").write_bytes(b"caf\xe9")
    with pytest.raises(InvalidData, match=r"templates/latin\.md: the file is not UTF-8 text"):
        templates.load(Book(root), "latin")


def test_a_broken_front_matter_is_told_with_file_and_line(root: Path) -> None:
    write(root, {"/templates/bad.md": '---\npurpose: news\nsubject: "x\n---\nHello\n'})
    with pytest.raises(InvalidData, match=r"^templates/bad\.md:3"):
        templates.load(Book(root), "bad")


def test_every_missing_value_is_listed_by_customer(root: Path) -> None:
    write(
        root,
        {"/templates/t.md": "---\nsubject: Hi {{ customer.role }}\n---\n{{ customer.address.city }} {{ owner.name }}"},
    )
    count, _ = template_check.check(Book(root), ["t"])
    assert count == 2
    assert faults(root, "t") == [
        ("t", "ada", "owner.name is missing"),
        ("t", "bob", "customer.role is missing"),
        ("t", "bob", "customer.address.city is missing"),
        ("t", "bob", "owner.name is missing"),
    ]
    assert faults(root, "t", segment="bosses") == [("t", "ada", "owner.name is missing")]


def test_a_broken_template_does_not_stop_the_others(root: Path) -> None:
    write(
        root,
        {
            "/templates/a-syntax.md": "---\nsubject: x\n---\nHello\n{% if %}\n",
            "/templates/b-front.md": '---\nsubject: "x\n---\n',
            "/templates/c-two.md": "---\nsubject: [x]\nchannel: pigeon\n---\n",
        },
    )
    count, found = template_check.check(Book(root))
    assert count == 2
    assert [(fault.template, fault.customer) for fault in found] == [
        ("a-syntax", ""),
        ("b-front", ""),
        ("c-two", ""),
        ("c-two", ""),
    ]
    assert found[0].problem.startswith("templates/a-syntax.md:5: ")
    assert found[1].problem.startswith("templates/b-front.md:2")
    assert found[1].problem.endswith(")")
    assert {fault.problem.partition(": ")[0] for fault in found[2:]} == {"templates/c-two.md:2", "templates/c-two.md:3"}


def test_what_the_book_lacks_is_said_once(root: Path) -> None:
    write(root, {"/templates/plain.md": "---\nsubject: x\n---\n{{ customer.role }} {{ book.postal_address }}\n"})
    problem = "book.postal_address is missing: say postal_address in crm.yaml"
    assert sorted(faults(root, "plain")) == [("plain", "", problem), ("plain", "bob", "customer.role is missing")]


def test_a_template_is_read_even_when_nobody_is_in_the_segment(root: Path) -> None:
    write(root, {"/templates/bad.md": "---\nsubject: x\n---\n{{ x"})
    assert template_check.check(Book(root), ["plain"], "nobody") == (0, [])
    assert len(faults(root, "bad", segment="nobody")) == 1


def test_a_front_matter_that_does_not_fit_the_book(root: Path) -> None:
    write(
        root,
        {
            "/templates/t.md": "---\npurpose: spam\nfoo: bar\n---\nHello\n",
            "/templates/u.md": "---\npurpose: Newsletter\nchannel: letter\n---\nHello\n",
        },
    )
    assert faults(root, "t", "u", segment="nobody") == [
        ("t", "", "templates/t.md: unknown key 'foo' in the front matter"),
        ("t", "", "templates/t.md: crm.yaml has no purpose 'spam' (it has newsletter, service)"),
        ("t", "", "templates/t.md: there is no subject, and no e-mail goes without one"),
    ]


def test_a_name_that_is_wrong_is_told_before_any_work(root: Path) -> None:
    with pytest.raises(NotFound, match="no template 'nope'"):
        template_check.check(Book(root), ["plain", "nope"])
    with pytest.raises(NotFound, match="no segment 'nope'"):
        template_check.check(Book(root), ["plain"], "nope")


def test_one_message(root: Path) -> None:
    book = Book(root)
    (message,) = templates.rendered(book, templates.load(book, "plain"), ["ada"])
    assert (message.key, message.subject, message.text) == ("ada", "Hello", "Dear Ada,\n")
