"""The book as it was on a day."""

from __future__ import annotations

import os
import sqlite3
from datetime import date
from typing import TYPE_CHECKING

import pytest
from helpers.books import commit_at
from helpers.books import git
from helpers.books import names
from helpers.books import write

from crmctl.errors import NoBook
from crmctl.errors import NotFound
from crmctl.index.index import Index
from crmctl.services.book import Book
from crmctl.services.past import past
from crmctl.services.past import pastindex

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.model.settings import Settings


@pytest.fixture
def commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, list[str]]:
    """A book in Berlin: Ada comes on the 1st, Bob just before midnight of the 2nd, Ada goes on the 3rd."""
    root = tmp_path / "book"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    first = commit_at(
        root,
        monkeypatch,
        "2026-03-01T09:00:00+01:00",
        {"/crm.yaml": "name: Old\ntimezone: Europe/Berlin\n", "customers/ada.yaml": "name: Ada\n"},
    )
    second = commit_at(root, monkeypatch, "2026-03-02T23:59:30+01:00", {"customers/bob.yaml": "name: Bob\n"})
    (root / "records" / "customers" / "ada.yaml").unlink()
    third = commit_at(
        root, monkeypatch, "2026-03-03T00:00:00+01:00", {"/crm.yaml": "name: New\ntimezone: Europe/Berlin\n"}
    )
    return root, [first, second, third]


def kept(root: Path) -> list[Path]:
    return sorted((Book(root).places.own / "past").glob("*.sqlite"))


@pytest.mark.parametrize(
    ("day", "commit_number", "customers", "name"),
    [(1, 0, ["ada"], "Old"), (2, 1, ["ada", "bob"], "Old"), (3, 2, ["bob"], "New"), (28, 2, ["bob"], "New")],
)
def test_the_last_commit_of_the_day_counts(
    commits: tuple[Path, list[str]], day: int, commit_number: int, customers: list[str], name: str
) -> None:
    root, ids = commits
    then = past.on_day(Book(root), date(2026, 3, day))
    assert (then.commit, then.shown.younger) == (ids[commit_number], False)
    assert names(then.index, "customers") == customers
    assert then.settings.name == name


def test_before_the_first_commit_that_one_stands_in(commits: tuple[Path, list[str]]) -> None:
    root, ids = commits
    then = past.on_day(Book(root), date(2020, 1, 1))
    assert (then.commit, then.shown.younger) == (ids[0], True)
    assert names(then.index, "customers") == ["ada"]


def test_a_book_without_any_commit(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    write(tmp_path, {"/crm.yaml": "name: T\n"})
    with pytest.raises(NotFound, match="no history yet"):
        past.on_day(Book(tmp_path), date(2026, 3, 1))


def test_what_is_not_committed_and_the_work_tree_do_not_matter(commits: tuple[Path, list[str]]) -> None:
    root, _ = commits
    write(root, {"customers/eve.yaml": "name: Eve\n", "/crm.yaml": "name: Edited\n"})
    then = past.on_day(Book(root), date(2026, 3, 3))
    assert names(then.index, "customers") == ["bob"]
    assert then.settings.name == "New"


def test_the_second_time_nothing_is_made_again(commits: tuple[Path, list[str]]) -> None:
    root, _ = commits
    past.on_day(Book(root), date(2026, 3, 2)).index.close()
    (path,) = kept(root)
    before = path.read_bytes(), path.stat().st_mtime_ns
    then = past.on_day(Book(root), date(2026, 3, 2))
    assert names(then.index, "customers") == ["ada", "bob"]
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_commits_of_one_content_share_it(commits: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    root, ids = commits
    same = commit_at(root, monkeypatch, "2026-03-04T09:00:00+01:00", {})
    assert same != ids[2]
    past.on_day(Book(root), date(2026, 3, 3)).index.close()
    (path,) = kept(root)
    before = path.stat().st_mtime_ns
    assert past.on_day(Book(root), date(2026, 3, 4)).commit == same
    assert [found.stat().st_mtime_ns for found in kept(root)] == [before]


@pytest.mark.parametrize("damage", [b"", b"not a database at all" * 100])
def test_a_torn_one_is_made_again(commits: tuple[Path, list[str]], damage: bytes) -> None:
    root, _ = commits
    past.on_day(Book(root), date(2026, 3, 1)).index.close()
    (path,) = kept(root)
    path.write_bytes(damage)
    past.on_day(Book(root), date(2026, 3, 1)).index.close()
    made = path.read_bytes()
    assert made.startswith(b"SQLite format 3")
    assert names(past.on_day(Book(root), date(2026, 3, 1)).index, "customers") == ["ada"]
    assert path.read_bytes() == made


def test_one_that_tears_while_it_is_made_again(
    commits: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, _ = commits
    clear = Index.clear
    torn: list[bool] = []

    def tear(index: Index, settings: Settings) -> None:
        if not torn:
            torn.append(True)
            raise sqlite3.DatabaseError("database disk image is malformed")
        clear(index, settings)

    monkeypatch.setattr(Index, "clear", tear)
    assert names(past.on_day(Book(root), date(2026, 3, 1)).index, "customers") == ["ada"]
    assert torn
    assert len(kept(root)) == 1


def test_a_mistake_of_ours_is_not_hidden(commits: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise KeyError("ours")

    monkeypatch.setattr(Index, "clear", fail)
    with pytest.raises(KeyError):
        assert past.on_day(Book(commits[0]), date(2026, 3, 1)).index


def test_while_another_one_makes_it_memory_has_to_do(
    commits: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crmctl.index.connecting.WAIT", 0)
    root, _ = commits
    book = Book(root)
    folder = book.places.own / "past"
    folder.mkdir(parents=True)
    other = sqlite3.connect(folder / f"{book.repository.tree(book.repository.head())}.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert names(past.on_day(book, date(2026, 3, 3)).index, "customers") == ["bob"]
    other.close()


def test_only_the_newest_are_kept(commits: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pastindex, "_KEPT", 2)
    root, _ = commits
    for day in (1, 2):
        past.on_day(Book(root), date(2026, 3, day)).index.close()
    first, second = sorted(kept(root), key=lambda path: path.stat().st_mtime_ns)
    for age, path in enumerate((first, second)):
        os.utime(path, (1_000_000 + age, 1_000_000 + age))
    past.on_day(Book(root), date(2026, 3, 3)).index.close()
    assert first not in kept(root)
    assert second in kept(root)
    assert len(kept(root)) == 2


def test_a_book_below_the_top_of_its_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    root = tmp_path / "office" / "book"
    root.mkdir(parents=True)
    commit_at(
        root, monkeypatch, "2026-03-01T09:00:00+01:00", {"/crm.yaml": "name: T\n", "customers/ada.yaml": "name: Ada\n"}
    )
    write(tmp_path, {"customers/not-ours.yaml": "name: X\n"})
    commit_at(root, monkeypatch, "2026-03-02T09:00:00+01:00", {"customers/bob.yaml": "name: Bob\n"})
    assert names(past.on_day(Book(root), date(2026, 3, 1)).index, "customers") == ["ada"]
    assert names(past.on_day(Book(root), date(2026, 3, 2)).index, "customers") == ["ada", "bob"]


def test_what_cannot_be_read_in_a_commit_does_not_hide_the_rest(
    commits: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, _ = commits
    (root / "records" / "customers" / "link.yaml").symlink_to("bob.yaml")
    torn = {"customers/torn.yaml": "name: [\n", "/crm.yaml": "", "notes.txt": "x"}
    commit_at(root, monkeypatch, "2026-03-05T09:00:00+00:00", torn)
    book = Book(root)
    then = past.open_past(book, "HEAD")
    assert names(then.index, "customers") == ["bob"]
    assert then.settings.name == "crmctl"
    told = [(problem.path, problem.code) for problem in then.unreadable()]
    assert told == [("records/customers/link.yaml", "not-a-file"), ("records/customers/torn.yaml", "indentation")]


def test_settings_that_cannot_be_read_are_told_and_not_made_up(
    commits: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, _ = commits
    commit_at(root, monkeypatch, "2026-03-05T09:00:00+00:00", {"/crm.yaml": "name: [\n"})
    (root / "crm.yaml").write_text("name: Mended\n")
    with pytest.raises(NoBook, match=r"as it was then, crm\.yaml:"):
        _ = past.open_past(Book(root), "HEAD").index
