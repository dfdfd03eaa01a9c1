"""Where a value comes from: set, changed, cleared, by import, by hand, in lists and in histories."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from conftest import Run
from conftest import git
from helpers.books import commit

from crmctl.errors import NotFound
from crmctl.errors import UsageProblem
from crmctl.services.book import Book
from crmctl.services.past import why
from crmctl.services.past.reaching import value_at

if TYPE_CHECKING:
    from pathlib import Path

ADA = "id: 01J00000000000000000000ADA\nname: Ada\n"


def steps(root: Path, field: str, ref: str = "ada", kind: str = "") -> list[tuple[str, object, str]]:
    """(state, value, subject) of what is told about a field."""
    book = Book(root)
    where = why.locate(book, book.schema.kind(kind) if kind else None, ref)
    return [(one.state, one.value, one.subject) for one in why.origins(book, *where, field)]


@pytest.fixture
def root(book_dir: Path) -> Path:
    commit(book_dir, {"customers/ada.yaml": ADA + "emails: [ada@example.com]\n"}, "first")
    return book_dir


def test_a_value_and_what_it_was_before(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(root, {"customers/ada.yaml": ADA + "source: fair\n"}, "second")
    commit(root, {"customers/ada.yaml": ADA + "source: fair\nnotes: hi\n"}, "another field")
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Ben")
    commit(root, {"customers/ada.yaml": ADA + "source: web\n"}, "third")
    assert steps(root, "source") == [("now", "web", "third"), ("earlier", "fair", "second")]
    book = Book(root)
    latest = why.origins(book, *why.locate(book, None, "ada"), "source")[0]
    assert (latest.author, latest.email) == ("Ben", "ann@example.com")
    assert latest.commit == git(root, "rev-parse", "HEAD").strip()
    assert latest.at is not None
    assert latest.at.tzinfo is book.settings.zone


def test_a_value_that_was_cleared_and_a_record_that_was_removed(root: Path) -> None:
    commit(root, {"customers/ada.yaml": ADA + "source: fair\n"}, "second")
    commit(root, {"customers/ada.yaml": ADA}, "cleared")
    assert steps(root, "source") == [("now", None, "cleared"), ("earlier", "fair", "second")]
    (root / "records/customers/ada.yaml").unlink()
    commit(root, message="removed")
    assert steps(root, "name") == [("now", None, "removed"), ("earlier", "Ada", "first")]


def test_each_member_of_a_list(root: Path) -> None:
    commit(root, {"customers/ada.yaml": ADA + "emails: [ada@example.org, ada@example.com]\n"}, "second")
    commit(root, {"customers/ada.yaml": ADA + "emails: [ada@example.org, a@example.net]\n"}, "third")
    commit(root, {"customers/ada.yaml": ADA + "emails: [ada@example.org]\n"}, "fourth")
    commit(root, {"customers/ada.yaml": ADA + "emails: [a@example.net, ada@example.org]\n"}, "fifth")
    expected = [
        ("now", "a@example.net", "fifth"),
        ("now", "ada@example.org", "second"),
        ("gone", "ada@example.com", "third"),
    ]
    assert steps(root, "emails") == expected
    assert steps(root, "email") == expected


def test_values_inside_groups_and_maps(root: Path) -> None:
    text = ADA + "address:\n  city: Bern\nconsent:\n  newsletter:\n    state: granted\n    date: '2024-01-01'\n"
    commit(root, {"customers/ada.yaml": text + "external:\n  shop.example: '7'\n"}, "second")
    commit(root, {"customers/ada.yaml": text.replace("Bern", "Basel").replace("granted", "withdrawn")}, "third")
    assert steps(root, "address.city") == [("now", "Basel", "third"), ("earlier", "Bern", "second")]
    assert [(state, value["state"], subject) for state, value, subject in steps(root, "consent.newsletter")] == [  # type: ignore[index]
        ("now", "withdrawn", "third"),
        ("earlier", "granted", "second"),
    ]
    assert steps(root, "consent.newsletter.state")[0] == ("now", "withdrawn", "third")
    assert steps(root, "external.shop.example") == [("now", None, "third"), ("earlier", "7", "second")]


def test_each_entry_of_a_map(root: Path) -> None:
    """A consent each, not all of them again for every change of one."""
    text = ADA + "consent:\n  newsletter: {state: granted}\n  birthday: {state: granted}\n"
    commit(root, {"customers/ada.yaml": text}, "second")
    commit(
        root, {"customers/ada.yaml": text.replace("newsletter: {state: granted}", "newsletter: {state: x}")}, "third"
    )
    commit(root, {"customers/ada.yaml": ADA + "consent:\n  newsletter: {state: x}\n"}, "fourth")
    assert steps(root, "consent") == [
        ("now", {"newsletter": {"state": "x"}}, "third"),
        ("gone", {"birthday": {"state": "granted"}}, "fourth"),
        ("earlier", {"newsletter": {"state": "granted"}}, "second"),
    ]


def test_one_member_of_a_list(root: Path) -> None:
    text = ADA + "emails: [Ada@example.org]\nphones: ['+49 170 1234567']\ntags: [a.b]\n"
    commit(root, {"customers/ada.yaml": text}, "second")
    commit(
        root, {"customers/ada.yaml": text.replace("tags: [a.b]", "relations: [{customer: eve, role: boss}]")}, "third"
    )
    commit(
        root, {"customers/ada.yaml": text.replace("tags: [a.b]", "relations: [{customer: eve, role: aunt}]")}, "fourth"
    )
    assert steps(root, "emails.ada@example.org") == [("now", "Ada@example.org", "second")]
    assert steps(root, "email.Ada@Example.org") == [("now", "Ada@example.org", "second")]
    assert steps(root, "phone.+491701234567") == [("now", "+49 170 1234567", "second")]
    assert steps(root, "tags.a.b") == [("now", None, "third"), ("earlier", "a.b", "second")]
    assert steps(root, "relations.eve.role") == [("now", "aunt", "fourth"), ("earlier", "boss", "third")]
    with pytest.raises(NotFound, match=r"never had a value in tags\.b") as never:
        steps(root, "tags.b")
    assert never.value.hint == "Those it has or had: crmctl why customer ada tags"


def test_the_handle_comes_with_the_file(root: Path, run: Run) -> None:
    commit(root, {"customers/ada.yaml": ADA + "source: web\n"}, "second")
    assert steps(root, "handle") == [("now", "ada", "first")]
    (root / "records/customers/ada.yaml").unlink()
    commit(root, message="removed")
    assert steps(root, "handle") == [("now", None, "removed"), ("earlier", "ada", "first")]
    (root / "records/customers/eve.yaml").write_text(ADA.replace("ADA", "EVE"))
    assert steps(root, "handle", "eve") == [("now", "eve", why.UNCOMMITTED)]
    run("-C", root, "log", "eve", "call", "hi", "--adopt")
    row = Book(root).index.row("SELECT handle FROM interactions")
    assert row is not None
    (told,) = why.origins(Book(root), Book(root).schema.require("interaction"), str(row[0]), "handle")
    assert told.value == row[0]


def test_what_was_typed_by_hand_and_is_in_no_commit(root: Path) -> None:
    (root / "records/customers/ada.yaml").write_text(ADA + "source: web\n")
    assert steps(root, "source") == [("now", "web", why.UNCOMMITTED)]
    (root / "records/customers/eve.yaml").write_text(ADA.replace("ADA", "EVE"))
    assert steps(root, "name", "eve") == [("now", "Ada", why.UNCOMMITTED)]


def test_interactions_also_those_that_are_gone(root: Path, run: Run) -> None:
    run("-C", root, "log", "ada", "call", "hello")
    path = root / "records/interactions/ada.jsonl"
    identity = path.read_text().split('"')[3]
    path.write_text(path.read_text().replace("hello", "goodbye"))
    commit(root, message="edited")
    assert steps(root, "text", identity, "interaction")[0] == ("now", "goodbye", "edited")
    assert steps(root, "text", identity, "interaction")[1][1] == "hello"
    path.unlink()
    commit(root, message="removed")
    assert steps(root, "text", identity, "interaction")[0] == ("now", None, "removed")
    with pytest.raises(NotFound):
        steps(root, "text", "01J0000000000000000000XXXX", "interaction")


def test_an_import_is_told_with_its_file(root: Path, run: Run, tmp_path: Path) -> None:
    table = tmp_path / "people.csv"
    table.write_text("name,source\nCy,fair\n")
    columns = ("--kind", "customer", "--map", "name=name", "--map", "source=source")
    run("-C", root, "import", "csv", table, *columns, "--yes")
    ((_, value, subject),) = steps(root, "source", "cy")
    assert value == "fair"
    assert subject.startswith("import: ")
    assert "people.csv" in subject


def test_a_merge_tells_who_really_set_it(root: Path) -> None:
    git(root, "switch", "-q", "-c", "other")
    commit(root, {"customers/ada.yaml": ADA + "emails: [ada@example.com]\nsource: web\n"}, "on the other branch")
    git(root, "switch", "-q", "main")
    commit(root, {"customers/ada.yaml": "# mine\n" + ADA + "emails: [ada@example.com]\n"}, "on this branch")
    git(root, "merge", "-q", "--no-ff", "other", "-m", "merge")
    assert steps(root, "source") == [("now", "web", "on the other branch")]


def test_of_two_sides_the_one_that_was_taken_is_now(root: Path) -> None:
    git(root, "switch", "-q", "-c", "other")
    commit(root, {"customers/ada.yaml": ADA + "source: web\n"}, "on the other branch")
    git(root, "switch", "-q", "main")
    commit(root, {"customers/ada.yaml": ADA + "source: fair\nnotes: x\n"}, "on this branch")
    git(root, "merge", "-q", "--no-ff", "-s", "ours", "other", "-m", "merge")
    (root / "records/customers/ada.yaml").write_text(ADA + "source: fair\nnotes: y\n")
    git(root, "commit", "-q", "-a", "--amend", "-m", "merge")
    assert steps(root, "source")[0] == ("now", "fair", "on this branch")


def test_a_field_that_never_was(root: Path) -> None:
    with pytest.raises(NotFound, match="never had a value"):
        steps(root, "source")
    with pytest.raises(UsageProblem, match="no field 'sourc'") as mistyped:
        steps(root, "sourc")
    assert "source" in mistyped.value.hint
    with pytest.raises(UsageProblem, match="no field 'zzz'"):
        steps(root, "zzz")
    with pytest.raises(UsageProblem, match="worked out"):
        steps(root, "bought")
    with pytest.raises(NotFound):
        steps(root, "name", "nobody")


def test_a_record_that_moved_to_another_folder_is_the_same(root: Path) -> None:
    (root / "records/customers/da").mkdir()
    git(root, "mv", "records/customers/ada.yaml", "records/customers/da/ada.yaml")
    commit(root, message="layout")
    assert steps(root, "name") == [("now", "Ada", "first")]


def test_a_version_that_could_not_be_read(root: Path) -> None:
    commit(root, {"customers/ada.yaml": "name: [\n"}, "broken")
    commit(root, {"customers/ada.yaml": ADA}, "mended")
    assert steps(root, "name")[0] == ("now", "Ada", "mended")
    assert value_at("records/customers/ada.yaml", b"name: [\n", ("name",)) is None
    assert value_at("records/interactions/ada.jsonl", b"", ("X",)) is None


def test_a_shallow_clone_says_so(root: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{root}", "shallow")
    book = Book(tmp_path / "shallow")
    assert why.origins(book, *why.locate(book, None, "ada"), "name")[0].cut
