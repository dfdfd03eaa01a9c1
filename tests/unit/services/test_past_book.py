"""Finding a state by what was typed, opening the book there, and making its index from one near by."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from datetime import UTC
from datetime import date
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from helpers.books import commit_at
from helpers.books import contents
from helpers.books import git
from helpers.books import names
from helpers.books import write

from crmctl import clock
from crmctl.errors import InvalidData
from crmctl.errors import NotFound
from crmctl.index.index import Index
from crmctl.services.book import Book
from crmctl.services.bookfiles import Committed
from crmctl.services.bookfiles import Entry
from crmctl.services.bookfiles import WorkTree
from crmctl.services.past import moments
from crmctl.services.past import past
from crmctl.services.past import pastindex
from crmctl.vcs import moments as vcs
from crmctl.vcs import places

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from crmctl.model.settings import Settings

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)


@pytest.fixture
def root(book_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    git(book_dir, "update-ref", "-d", "HEAD")
    commit_at(book_dir, monkeypatch, "2026-06-01T09:00:00Z", {"customers/ada.yaml": "name: Ada\n"})
    commit_at(book_dir, monkeypatch, "2026-06-03T09:00:00Z", {"customers/bob.yaml": "name: Bob\n"})
    return book_dir


def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The calls of git from here on."""
    made: list[tuple[str, ...]] = []
    real: Callable[..., object] = subprocess.run

    def noted(arguments: list[str], **kwargs: object) -> object:
        made.append(tuple(arguments))
        return real(arguments, **kwargs)

    monkeypatch.setattr(subprocess, "run", noted)
    return made


# Which state


def test_the_moment_is_that_of_the_day_and_never_later_than_now(root: Path) -> None:
    clock.freeze(NOON)
    assert past.open_past(Book(root), "2026-06-02").now().isoformat() == "2026-06-02T23:59:59+02:00"
    assert past.open_past(Book(root), "HEAD").now().isoformat() == "2026-06-03T11:00:00+02:00"
    assert past.open_past(Book(root), "today").now() == NOON
    assert past.open_past(Book(root), "2026-06-03 10:00").now().isoformat() == "2026-06-03T10:00:00+02:00"
    assert names(past.open_past(Book(root), "2026-06-03 10:00").index, "customers") == ["ada"]


def test_the_second_time_no_git_is_asked(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock.freeze(NOON)
    made = calls(monkeypatch)
    assert names(past.open_past(Book(root), "2026-06-02").index, "customers") == ["ada"]
    assert sum("rev-list" in call for call in made) == 1
    made.clear()
    book = past.open_past(Book(root), "2026-06-02")
    assert names(book.index, "customers") == ["ada"]
    assert made == []
    head = git(root, "rev-parse", "HEAD").strip()
    assert names(past.open_past(Book(root), head).index, "customers") == ["ada", "bob"]
    made.clear()
    assert past.open_past(Book(root), head).shown.commit == head
    assert ["rev-parse" in call for call in made] == [True]


def test_another_head_is_another_history(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock.freeze(NOON)
    assert names(past.open_past(Book(root), "2026-06-04").index, "customers") == ["ada", "bob"]
    commit_at(root, monkeypatch, "2026-06-04T09:00:00Z", {"customers/eve.yaml": "name: Eve\n"})
    assert names(past.open_past(Book(root), "2026-06-04").index, "customers") == ["ada", "bob", "eve"]


def test_what_was_merged_later_counts_from_the_merge_on(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(root, "switch", "-q", "-c", "side", "HEAD~1")
    commit_at(root, monkeypatch, "2026-06-05T09:00:00Z", {"customers/sue.yaml": "name: Sue\n"})
    git(root, "switch", "-q", "main")
    commit_at(root, monkeypatch, "2026-06-04T09:00:00Z", {"customers/eve.yaml": "name: Eve\n"})
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2026-06-07T09:00:00Z")
    git(root, "merge", "-q", "--no-edit", "side")
    for day, there in ((5, ["ada", "bob", "eve"]), (6, ["ada", "bob", "eve"]), (7, ["ada", "bob", "eve", "sue"])):
        assert names(past.on_day(Book(root), date(2026, 6, day)).index, "customers") == there


def test_the_notes_are_only_a_help(root: Path) -> None:
    notes = Book(root).places.own / "past" / "moments.json"
    day = date(2026, 6, 2)
    first = past.on_day(Book(root), day).shown
    for text in ("", "[]", "{", '{"version": 99}', json.dumps({"version": 0, "days": 1, "head": "x"})):
        notes.write_text(text)
        assert past.on_day(Book(root), day).shown == first
    notes.unlink()
    notes.mkdir()
    assert past.on_day(Book(root), day).shown == first


def test_the_days_are_those_of_the_zone_in_the_settings(root: Path) -> None:
    day = date(2026, 6, 2)
    berlin = past.on_day(Book(root), day).shown.seconds
    (root / "crm.yaml").write_text("timezone: Pacific/Auckland\n")
    assert past.on_day(Book(root), day).shown.seconds == berlin - 10 * 3600
    (root / "crm.yaml").write_text("timezone: [\n")
    assert past.on_day(Book(root), day).shown.seconds == berlin + 2 * 3600
    (root / "crm.yaml").unlink()
    assert past.on_day(Book(root), day).shown.seconds == berlin + 2 * 3600


def test_a_repository_that_is_older_than_the_book(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    top = tmp_path / "top"
    top.mkdir()
    git(top, "init", "-q", "-b", "main")
    write(top, {"/README": "x"})
    early = commit_at(top, monkeypatch, "2026-05-01T09:00:00Z", {})
    shutil.copytree(root / "records", top / "crm" / "records")
    born = commit_at(top, monkeypatch, "2026-06-01T09:00:00Z", {"/crm/crm.yaml": "timezone: UTC\n"})
    book = Book(top / "crm")
    assert (past.on_day(book, date(2020, 1, 1)).shown.commit, past.on_day(book, date(2020, 1, 1)).shown.younger) == (
        born,
        True,
    )
    with pytest.raises(NotFound, match="no book in it") as refused:
        assert past.open_past(book, early).index
    assert born[:10] in (refused.value.hint or "")
    with pytest.raises(NotFound, match="begins on Mon 2026-06-01"):
        past.open_past(book, "2026-04-01")
    assert past.open_past(book, "2026-04-01", stand_in=True).shown.commit == born
    assert names(past.open_past(book, "main").index, "customers") == ["ada", "bob"]


def test_settings_that_are_in_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    bare = commit_at(tmp_path, monkeypatch, "2026-06-01T09:00:00Z", {"customers/ada.yaml": "name: Ada\n"})
    write(tmp_path, {"/crm.yaml": "name: T\n"})
    for text in (bare, "2020-01-01"):
        with pytest.raises(NotFound, match=r"no commit of this branch has a crm\.yaml") as refused:
            assert past.open_past(Book(tmp_path), text).index
        assert "git commit" in (refused.value.hint or "")
    assert names(past.open_past(Book(tmp_path), "HEAD").present.index, "customers") == ["ada"]


def test_the_hour_is_told_where_the_day_is_the_same(root: Path) -> None:
    with pytest.raises(NotFound, match=r"begins on Mon 2026-06-01 11:00, later than Mon 2026-06-01 10:59"):
        past.open_past(Book(root), "2026-06-01 10:59")
    assert names(past.open_past(Book(root), "2026-06-01 11:00").index, "customers") == ["ada"]


def test_a_head_that_stands_in_no_file_of_its_own(root: Path) -> None:
    found = places.find(root)
    head = git(root, "rev-parse", "HEAD").strip()
    assert vcs.head(found) == head
    git(root, "pack-refs", "--all")
    assert vcs.head(found) == head
    git(root, "switch", "-q", "--detach")
    assert vcs.head(found) == head
    git(root, "symbolic-ref", "HEAD", "refs/heads/none")
    assert vcs.head(found) == ""


# The index of a state


def _random_changes(root: Path, chance: random.Random) -> dict[str, str]:
    """Some files put, torn, moved and taken away, ids and handles shared now and then."""
    people = [f"p{number}" for number in range(6)]
    files = {}
    for _ in range(chance.randint(1, 6)):
        who = chance.choice(people)
        what = chance.choice(("put", "put", "lines", "lines", "torn", "remove", "twice", "deal", "link"))
        path = root / "records" / "customers" / f"{who}.yaml"
        if what == "put":
            files[f"customers/{who}.yaml"] = f"id: {chance.choice('ABCD') * 26}\nname: N{chance.random()}\n"
        elif what == "lines":
            at = f"2026-05-{chance.randint(10, 28)}T10:00:00Z"
            rows = [{"id": chance.choice("EFGH") * 26, "at": at, "type": "call"} for _ in range(chance.randint(0, 3))]
            files[f"interactions/{who}.jsonl"] = "".join(json.dumps(row) + "\n" for row in rows)
        elif what == "torn":
            files[f"customers/{who}.yaml"] = "name: [\n"
        elif what == "twice":
            files[f"customers/x/{who}.yaml"] = f"name: T{chance.random()}\n"
        elif what == "deal":
            files[f"deals/d{chance.randint(1, 3)}.yaml"] = (
                f"name: D\ncustomer: {who}\namount: {chance.randint(1, 9)}.00\n"
            )
        elif path.is_symlink() or path.exists():
            path.unlink()
            files.pop(f"customers/{who}.yaml", None)
            if what == "link":
                path.symlink_to("nowhere")
    return files


@pytest.mark.parametrize("seed", range(6))
def test_an_index_made_from_one_near_by_is_the_same(book_dir: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    chance = random.Random(seed)
    ids = []
    for number in range(5):
        files = _random_changes(book_dir, chance)
        for path in files:  # git would write through it.
            if (book_dir / "records" / path).is_symlink():
                (book_dir / "records" / path).unlink()
        ids.append(commit_at(book_dir, monkeypatch, f"2026-06-0{number + 1}T09:00:00Z", files))
    assert Book(book_dir).index
    grown = 0
    for one in chance.sample(ids, len(ids)):
        book = past.open_past(Book(book_dir), one)
        near = pastindex._nearest(book, one, pastindex.path_of(book, book.shown.tree))
        assert near is not None
        grown += bool(near.changed)
        index = Index.in_memory()
        index.begin()
        settings = pastindex._fill(book, index, one)
        assert contents(book.index, settings.schema) == contents(index, settings.schema)
    assert grown


def test_far_away_or_with_other_settings_it_is_made_anew(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Book(root).index
    made: list[str] = []
    fill = pastindex._fill

    def noted(book: Book, index: Index, one: str) -> Settings:
        made.append(one)
        return fill(book, index, one)

    monkeypatch.setattr(pastindex, "_fill", noted)
    first = past.on_day(Book(root), date(2026, 6, 2))
    assert names(first.index, "customers") == ["ada"]
    assert made == []
    monkeypatch.setattr(pastindex, "_FAR", 0)
    commit_at(root, monkeypatch, "2026-06-05T09:00:00Z", {"customers/eve.yaml": "name: Eve\n"})
    assert names(past.open_past(Book(root), "HEAD").index, "customers") == ["ada", "bob", "eve"]
    monkeypatch.setattr(pastindex, "_FAR", 100)
    commit_at(root, monkeypatch, "2026-06-06T09:00:00Z", {"/crm.yaml": "timezone: UTC\nname: Other\n"})
    assert past.open_past(Book(root), "HEAD").settings.name == "Other"
    assert len(made) == 2


def test_what_a_killed_run_left_does_not_matter_and_goes(root: Path) -> None:
    assert Book(root).index
    folder = Book(root).places.own / "past"
    folder.mkdir()
    old, young = folder / "x.sqlite.1", folder / "x.sqlite.2"
    old.write_bytes(b"")
    young.write_bytes(b"")
    os.utime(old, (1_000_000, 1_000_000))
    assert names(past.on_day(Book(root), date(2026, 6, 2)).index, "customers") == ["ada"]
    assert (old.exists(), young.exists()) == (False, True)


def test_a_damaged_index_is_thrown_away(root: Path) -> None:
    book = past.on_day(Book(root), date(2026, 6, 2))
    assert names(book.index, "customers") == ["ada"]
    book.index.close()
    path = pastindex.path_of(book, book.shown.tree)
    path.write_bytes(b"torn" * 5000)
    import sqlite3

    with pytest.raises(sqlite3.DatabaseError) as caught:
        sqlite3.connect(path).execute("SELECT * FROM state")
    assert book.discard_damaged_index(caught.value)
    assert not path.exists()
    assert not book.discard_damaged_index(ValueError())


# Files


def test_the_files_of_a_commit_are_those_of_its_checkout(root: Path) -> None:
    (root / "templates" / "parts").mkdir(parents=True)
    (root / "templates" / "a.md").write_text("a")
    (root / "templates" / "parts" / "b.md").write_text("b")
    (root / "templates" / "link.md").symlink_to("a.md")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "x")
    book = Book(root)
    there, then = WorkTree(root), Committed(book.repository, book.repository.head())
    for folder in ("", "templates", "templates/parts", "records/customers", "none"):
        entries = [entry for entry in there.entries(folder) if entry.name != ".git"]
        assert then.entries(folder) == entries
        for name, what in entries:
            path = f"{folder}/{name}".lstrip("/")
            assert there.what(path) == then.what(path) == what
            if what == "file":
                assert there.read(path) == then.read(path)
    assert Entry("link.md", "link") in then.entries("templates")
    assert there.what("none") == then.what("none") == ""
    for files in (there, then):
        with pytest.raises(FileNotFoundError):
            files.read("none")
        for path in ("templates", "templates/link.md"):
            with pytest.raises(InvalidData) as caught:
                files.read(path)
            assert caught.value.problems[0].code == "not-a-file"
        with pytest.raises(InvalidData, match="more than the 0"):
            files.read("templates/a.md", 0)


def test_a_day_at_the_end_of_time(root: Path) -> None:
    for text in ("until 2026-06-02", "from 2026-06-02"):
        found = text.startswith("until")
        if found:
            assert moments.find(Book(root), text, NOON).day == date(2026, 6, 2)
        else:
            with pytest.raises(Exception, match="without an end"):
                moments.find(Book(root), text, NOON)
    with pytest.raises(Exception, match="without a beginning"):
        moments.find(Book(root), "until 2026-06-02", NOON, before=True)
