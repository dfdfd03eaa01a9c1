"""``check`` on templates: their front matter, syntax and names, each with its line, and nothing is rendered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from helpers.books import commit
from helpers.books import git
from helpers.books import write

from crmctl.services.book import Book
from crmctl.services.checking import templates
from crmctl.services.checking.checks import check_book
from crmctl.services.checking.staged import check_staged

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.errors import Problem

HEAD = "---\nsubject: Hello\npurpose: newsletter\n---\n"


def check(root: Path, name: str, text: str, *paths: str) -> list[Problem]:
    write(root, {f"/templates/{name}": text})
    return check_book(Book(root), paths).problems


def told(problems: list[Problem]) -> list[tuple[str, int, str]]:
    return [(problem.path.removeprefix("templates/"), problem.line, problem.message) for problem in problems]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (f"{HEAD}\n{{% if customer.name %}}\n", 6, "Unexpected end of template."),
        (f"{HEAD}{{{{ customer.name|mony }}}}\n", 5, "No filter named 'mony'."),
        (f'{HEAD}\n{{% include "_foot.md" %}}\n', 6, "there is no templates/_foot.md to include"),
        ("---\nsubject: '{{ customer.name '\n---\n", 2, "unexpected end of template"),
        ("---\nsubject: x\n", 1, "the front matter does not end"),
        ("---\nsubject: x\nlangauge: en\n---\n", 3, "unknown key 'langauge'"),
        ("---\nsubject: x\npurpose: newslettr\n---\n", 3, "crm.yaml has no purpose 'newslettr'"),
        ("---\nchannel: email\npurpose: service\n---\n", 1, "there is no subject"),
        ("---\nsubject: x\nstyle: house.css\n---\n", 3, "there is no templates/house.css"),
        (f"{HEAD}a\x07b\n", 5, "there is a control character"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(book_dir: Path, text: str, line: int, message: str) -> None:
    (problem,) = check(book_dir, "t.md", text)
    assert (problem.path, problem.line) == ("templates/t.md", line)
    assert message in problem.message


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("custmer.name", "there is no name `custmer`; did you mean `customer`?"),
        ("customer.nmae", "there is no field `customer.nmae`; did you mean `customer.name`?"),
        ("customer.adress.city", "there is no field `customer.adress`; did you mean `customer.address`?"),
        ("customer.organization.nmae", "did you mean `customer.organization.name`?"),
        ("last_order.lines[0].txt", "there is no field `last_order.lines.txt`; did you mean `last_order.lines.text`?"),
        ("me.emial", "did you mean `me.email`?"),
        ("name", "there is no name `name`; did you mean `customer.name`?"),
        ("xyzzy", "there is no name `xyzzy`"),
        ('customer["nmae"]', "did you mean `customer.name`?"),
    ],
)
def test_names_that_no_record_can_have(book_dir: Path, said: str, meant: str) -> None:
    (problem,) = check(book_dir, "t.md", f"{HEAD}\n{{{{ {said} }}}}\n")
    assert (problem.line, problem.code) == (6, "unknown-name")
    assert meant in problem.message


def test_names_that_some_record_can_have_are_no_problem(book_dir: Path) -> None:
    settings = (book_dir / "crm.yaml").read_text() + "fields: {customer: {size: text}}\n"
    write(book_dir, {"/crm.yaml": settings, "/templates/_foot.md": "{{ season }} {{ me.name }}\n"})
    body = (
        "{% set season = 'spring' %}{% macro twice(word) %}{{ word }}{{ word }}{% endmacro %}"
        "{{ customer.emails[0] }} {{ customer.size }} {{ customer.spent }} {{ twice(customer.name.upper()) }}"
        "{% for line in last_order.lines[:3] %}{{ loop.index }} {{ line.text }} {{ range(3) }}{% endfor %}"
        "{{ customer.external.shop }} {{ customer.organization.address.city }} {{ hobby }} {{ customer.pet }}"
        '{% include "_foot.md" %}'
    )
    front = HEAD.replace("purpose", "fallback:\n  hobby: reading\n  customer.pet: cat\npurpose")
    assert told(check(book_dir, "t.md", f"{front}{body}")) == []


def test_a_book_with_many_templates_names_all_that_is_wrong(book_dir: Path) -> None:
    bad = {f"/templates/t{number}.md": f"{HEAD}{{{{ custmer.name }}}}\n" for number in range(3)}
    write(book_dir, {**bad, "/templates/broken.md": f"{HEAD}{{% if %}}\n", "/templates/good.md": HEAD})
    problems = check_book(Book(book_dir)).problems
    assert [problem.path.rpartition("/")[2] for problem in problems] == ["broken.md", "t0.md", "t1.md", "t2.md"]


def test_only_the_templates_asked_for_are_looked_at(book_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(book_dir)
    bad = f"{HEAD}{{{{ custmer.name }}}}\n"
    write(book_dir, {"/templates/other.md": bad, "customers/ada.yaml": "name: Ada\n"})
    assert [problem.path for problem in check(book_dir, "t.md", bad, "templates/t.md")] == ["templates/t.md"]
    assert check(book_dir, "t.md", bad, "records") == []


@pytest.mark.parametrize("body", ["{{ 9**9**9 }}", "{% for a in range(9999999) %}x{% endfor %}" * 50, "((" * 90])
def test_nothing_is_run_while_a_template_is_read(book_dir: Path, body: str) -> None:
    assert told(check(book_dir, "t.txt", body)) == []


def test_what_nests_too_deeply_is_told_and_the_next_is_read(book_dir: Path) -> None:
    write(book_dir, {"/templates/z.md": f"{HEAD}{{{{ custmer }}}}\n"})
    problems = check(book_dir, "deep.md", f"{HEAD}{{{{ {'(' * 3000}1{')' * 3000} }}}}\n")
    assert [problem.path for problem in problems] == ["templates/deep.md", "templates/z.md"]


def test_files_that_cannot_be_read_are_told(book_dir: Path) -> None:
    (book_dir / "templates").mkdir(exist_ok=True)
    (book_dir / "templates" / "latin.md").write_bytes(b"caf\xe9\n")
    (book_dir / "templates" / "link.md").symlink_to("/etc/hostname")
    problems = check_book(Book(book_dir)).problems
    assert [(problem.path, problem.code) for problem in problems] == [
        ("templates/latin.md", "not-utf-8"),
        ("templates/link.md", "not-a-file"),
    ]


def test_a_commit_is_held_against_its_own_templates(book_dir: Path) -> None:
    commit(book_dir, {"/templates/old.md": f"{HEAD}{{{{ custmer.name }}}}\n", "/templates/_foot.md": "x\n"})
    write(book_dir, {"customers/ada.yaml": "name: Ada\n"})
    git(book_dir, "add", "-A")
    assert check_staged(book_dir).problems == []
    write(book_dir, {"/templates/new.md": f'{HEAD}{{% include "_foot.md" %}}\n{{{{ customer.nmae }}}}\n'})
    git(book_dir, "add", "-A")
    write(book_dir, {"/templates/new.md": HEAD})  # What is staged counts.
    (problem,) = check_staged(book_dir).problems
    assert (problem.path, problem.line, problem.code) == ("templates/new.md", 6, "unknown-name")


def test_a_part_that_changes_or_goes_is_held_against_what_includes_it(book_dir: Path) -> None:
    body = f'{HEAD}{{% set season = "spring" %}}\n{{% include "_foot.md" %}}\n'
    commit(book_dir, {"/templates/t.md": body, "/templates/_foot.md": "x\n", "/templates/other.md": HEAD})
    write(book_dir, {"/templates/_foot.md": "{{ season }}\n"})
    git(book_dir, "add", "-A")
    assert check_staged(book_dir).problems == []
    git(book_dir, "rm", "-qf", "templates/_foot.md")
    (problem,) = check_staged(book_dir).problems
    assert told([problem]) == [("t.md", 6, "there is no templates/_foot.md to include")]


def test_a_part_in_a_part_counts_too(book_dir: Path) -> None:
    parts = {"/templates/_a.md": '{% include "_b.md" %}\n', "/templates/_b.md": "b\n"}
    commit(book_dir, {"/templates/t.md": f'{HEAD}{{% include "_a.md" %}}\n', **parts})
    git(book_dir, "mv", "templates/_b.md", "templates/_c.md")
    assert {problem.path for problem in check_staged(book_dir).problems} >= {"templates/_a.md"}
    found = {path.removeprefix("/"): text.encode() for path, text in parts.items()}
    found["templates/t.md"] = b'{% include "_a.md" %}'
    assert templates.concerned(found, ["templates/_b.md"]) == ["templates/_a.md", "templates/_b.md", "templates/t.md"]
    assert templates.concerned(found, ["records/customers/ada.yaml"]) == []
