"""``crmctl template list``, ``check`` and ``render``, as a user sees them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from helpers.books import write

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

NOW = ("--now", "2012-01-16")


@pytest.fixture
def small(book_dir: Path) -> Path:
    """A book with two customers and one template."""
    write(
        book_dir,
        {
            "customers/ada.yaml": "name: Ada\nrole: Boss\n",
            "customers/bob.yaml": "name: Bob\n",
            "segments/bosses.yaml": 'name: Bosses\nfilter: "not role:"\n',
            "/templates/t.md": "---\nsubject: Hi {{ customer.name }}\n---\nDear *{{ customer.role }}*\n",
        },
    )
    return book_dir


def test_the_list_of_the_sample(sample_dir: Path, run: Run) -> None:
    code, out, err = run("-C", sample_dir, "template", "list", "-o", "json")
    assert (code, err) == (0, "")
    rows = {row["name"]: row for row in json.loads(out)}
    assert list(rows) == ["birthday", "invoice-reminder", "letter", "meeting-follow-up", "newsletter"]
    assert (rows["letter"]["form"], rows["letter"]["channel"]) == ("html", "letter")


def test_a_list_of_none(book_dir: Path, run: Run) -> None:
    assert run("-C", book_dir, "template", "list") == (0, "", "No templates yet; put a .md file into templates/.\n")


def test_a_list_with_broken_ones(small: Path, run: Run) -> None:
    write(small, {"/templates/a.md": '---\nsubject: "x\n---\n', "/templates/b.md": "---\nsubject: x\n"})
    code, out, err = run("-C", small, "template", "list")
    assert code == 4
    assert out.splitlines()[-1].split()[0] == "t"
    assert len(out.splitlines()) == 3
    assert err.splitlines()[0].startswith("crmctl: templates/a.md:2")
    assert err.splitlines()[1] == "hint: close the quote at the end of the value"
    assert err.splitlines()[2].startswith("crmctl: templates/b.md:1: the front matter does not end")


def test_a_list_with_only_broken_ones(small: Path, run: Run) -> None:
    (small / "templates" / "t.md").unlink()
    write(small, {"/templates/a.md": '---\nsubject: "x\n---\n'})
    code, _, err = run("-C", small, "template", "list")
    assert code == 4
    assert "No templates yet" not in err


def test_a_check_of_the_sample(sample_dir: Path, run: Run) -> None:
    found = run("-C", sample_dir, *NOW, "template", "check", "newsletter", "--segment", "rock")
    assert found == (0, "", "14 messages rendered, none with problems.\n")


def test_a_check_lists_what_is_missing_by_customer(small: Path, run: Run) -> None:
    code, out, err = run("-C", small, "template", "check")
    assert code == 1
    assert out.splitlines()[2:] == ["t         bob       customer.role is missing"]
    assert err == "2 messages rendered, 1 with problems.\n"
    assert run("-C", small, "template", "check", "--segment", "boss").code == 0


def test_a_check_names_file_and_line(small: Path, run: Run) -> None:
    write(small, {"/templates/torn.md": "---\nsubject: x\n---\nHello\n{% if %}\n"})
    code, out, _ = run("-C", small, "template", "check", "torn", "t", "-o", "json")
    rows = json.loads(out)
    assert code == 1
    assert rows[0]["customer"] is None
    assert rows[0]["problem"].startswith("templates/torn.md:5: ")
    assert rows[1] == {"template": "t", "customer": "bob", "problem": "customer.role is missing"}


@pytest.mark.parametrize("arguments", [("nope",), ("t", "nope"), ("--segment", "nope")])
def test_a_check_of_what_is_not_there(small: Path, run: Run, arguments: tuple[str, ...]) -> None:
    found = run("-C", small, "template", "check", *arguments)
    assert (found.code, found.out) == (3, "")


def test_one_message(small: Path, run: Run) -> None:
    assert run("-C", small, "template", "render", "t", "ada") == (0, "Subject: Hi Ada\n\nDear *Boss*\n", "")
    code, out, _ = run("-C", small, "template", "render", "t", "ada", "--html")
    assert code == 0
    assert out.startswith("<!DOCTYPE html>\n")
    assert "<em>Boss</em>" in out


def test_one_message_with_something_missing(small: Path, run: Run) -> None:
    assert run("-C", small, "template", "render", "t", "bob") == (1, "", "crmctl: bob: customer.role is missing\n")


def test_a_text_template_has_no_page(small: Path, run: Run) -> None:
    write(small, {"/templates/p.txt": "Hello\n"})
    assert run("-C", small, "template", "render", "p", "ada") == (0, "Hello\n", "")
    assert run("-C", small, "template", "render", "p", "ada", "--html").code == 1


def test_a_message_cannot_steer_the_terminal(small: Path, run: Run) -> None:
    write(small, {"customers/eve.yaml": 'name: "E\\u202Eve"\nrole: "B\\u202Eoss"\n'})
    out = run("-C", small, "template", "render", "t", "eve").out
    assert "\u202e" not in out
    assert "Hi E\\u202eve" in out
    assert "B\\u202eoss" in out
