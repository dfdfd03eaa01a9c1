"""What time it is where a customer is."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from crmctl import clock
from crmctl.services.book import Book
from crmctl.services.localtime import local_clock

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def book(book_dir: Path) -> Book:
    """A book in Berlin; its today is Monday, 2026-03-02."""
    clock.freeze(datetime.fromisoformat("2026-03-02T10:00:00+01:00"))
    return Book(book_dir)


@pytest.mark.parametrize(
    ("timezone", "country", "zone", "ahead"),
    [
        ("America/New_York", "DE", "America/New_York", -6 * 60),
        ("Asia/Kolkata", "", "Asia/Kolkata", 4 * 60 + 30),
        ("", "FI", "Europe/Helsinki", 60),
        ("Nowhere/Land", "Finland", "Europe/Helsinki", 60),
        ("", "DE", "Europe/Berlin", 0),
    ],
)
def test_the_time_there(book: Book, timezone: str, country: str, zone: str, ahead: int) -> None:
    found = local_clock(book, timezone, country)
    assert found is not None
    assert (found.zone, found.ahead) == (zone, ahead)


@pytest.mark.parametrize("country", ["US", "Atlantis", ""])
def test_no_time_is_guessed_where_clocks_differ_or_nothing_is_known(book: Book, country: str) -> None:
    assert local_clock(book, "", country) is None


def test_no_list_of_zones_no_guess(book: Book, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("zoneinfo.TZPATH", (str(tmp_path / "nowhere"),))
    assert local_clock(book, "", "FI") is None
