"""What is noted of the work tree, and when a file has to be looked at again (the rest is in tests/unit/index)."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

import pytest
from helpers import hostile_book
from helpers.books import age
from helpers.books import commit
from helpers.books import contents
from helpers.books import fresh
from helpers.books import names
from helpers.books import write

from crmctl import clock
from crmctl.index.index import Index
from crmctl.index.index import State
from crmctl.services import ahead
from crmctl.services import freshness
from crmctl.services.past import past

if TYPE_CHECKING:
    from pathlib import Path


def noted(root: Path) -> State:
    """What the index on the disk knows."""
    index, state = Index.open(freshness.index_path(fresh(root)))
    index.close()
    assert state is not None
    return state


def test_a_clean_book_has_nothing_to_note(book_dir: Path) -> None:
    commit(book_dir, {"customers/ada.yaml": "name: Ada\n"})
    age(book_dir)
    assert names(fresh(book_dir).index, "customers") == ["ada"]
    assert noted(book_dir).dirty == {}
    assert len(noted(book_dir).head) == 40


def test_a_file_left_alone_for_long_is_trusted_and_one_changed_just_now_is_not(book_dir: Path) -> None:
    write(book_dir, {"customers/ada.yaml": "name: Ada\n", "customers/bob.yaml": "name: Bob\n"})
    age(book_dir)
    write(book_dir, {"customers/bob.yaml": "name: Bob\n"})
    _ = fresh(book_dir).index
    dirty = noted(book_dir).dirty
    assert dirty["records/customers/bob.yaml"] is None
    known = dirty["records/customers/ada.yaml"]
    assert known is not None
    assert known[1] == len("name: Ada\n")


def test_a_deleted_file_is_noted_as_gone(book_dir: Path) -> None:
    commit(book_dir, {"customers/ada.yaml": "name: Ada\n"})
    (book_dir / "records/customers/ada.yaml").unlink()
    _ = fresh(book_dir).index
    assert noted(book_dir).dirty == {"records/customers/ada.yaml": []}


def test_a_link_is_looked_at_every_time(book_dir: Path) -> None:
    write(book_dir, {"customers/ada.yaml": "name: Ada\n"})
    (book_dir / "records/customers/bob.yaml").symlink_to("ada.yaml")
    age(book_dir)
    _ = fresh(book_dir).index
    assert noted(book_dir).dirty["records/customers/bob.yaml"] is None


def test_a_file_with_a_time_to_come_is_not_looked_at_for_ever(book_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    commit(book_dir, {"customers/ada.yaml": "name: Ada\n"})
    later = clock.wall_nanoseconds() + 10**13
    os.utime(book_dir / "records/customers/ada.yaml", ns=(later, later))
    _ = fresh(book_dir).index
    assert noted(book_dir).dirty == {}


def test_settings_are_kept_with_the_index(book_dir: Path) -> None:
    _ = fresh(book_dir).index
    assert noted(book_dir).settings == {"name": "Test", "currency": "EUR", "timezone": "Europe/Berlin", "country": "DE"}


@pytest.mark.parametrize("day", ["now", "then"])
def test_a_second_process_finds_what_one_finds(book_dir: Path, monkeypatch: pytest.MonkeyPatch, day: str) -> None:
    hostile_book.make(book_dir, hostile_book.LINES + 1_500)
    again = sorted((book_dir / "records/customers").glob("*.yaml"))[0]
    (book_dir / "records/customers/ws").mkdir()
    (book_dir / f"records/customers/ws/{again.name}").write_bytes(again.read_bytes())
    (book_dir / "records/customers/link.yaml").symlink_to("nobody.yaml")
    commit(book_dir, {"customers/gone.yaml": "name: Gone\n", "customers/edited.yaml": "name: Before\n"})
    if day == "now":
        (book_dir / "records/customers/gone.yaml").unlink()
        write(book_dir, {"customers/edited.yaml": "name: After\n", "customers/new.yaml": "name: New\n"})
    forked = []
    fork = os.fork

    def noted_fork() -> int:
        forked.append(day)
        return fork()

    monkeypatch.setattr(os, "fork", noted_fork)
    monkeypatch.setattr(ahead, "_processors", lambda: 2)

    def read() -> dict[str, list[tuple[object, ...]]]:
        shutil.rmtree(freshness.index_path(fresh(book_dir)).parent, ignore_errors=True)
        book = fresh(book_dir) if day == "now" else past.open_past(fresh(book_dir), "HEAD")
        return contents(book.index, book.schema)

    by_two = read()
    assert forked == [day]
    monkeypatch.setattr(ahead, "MANY", sys.maxsize)
    assert read() == by_two
    assert forked == [day]
    assert len(by_two["customers"]) > 400
    assert by_two["problems"]
