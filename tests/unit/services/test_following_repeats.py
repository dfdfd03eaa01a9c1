"""What repeats comes when it should: no drift, short months, 29 February, one for two clones."""

from __future__ import annotations

import shutil
from datetime import date
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from helpers import following_book as books
from helpers.books import git
from helpers.books import write
from hypothesis import given
from hypothesis import strategies as st

from crmctl.errors import InvalidData
from crmctl.services.book import Book
from crmctl.services.following import followups
from crmctl.services.following.repeats import following
from crmctl.services.following.repeats import occurrence
from crmctl.services.following.repeats import parse

if TYPE_CHECKING:
    from pathlib import Path


def days(anchor: str, repeat: str, count: int, leap: str = "") -> list[str]:
    return [occurrence(date.fromisoformat(anchor), parse(repeat), n, leap).isoformat() for n in range(1, count + 1)]


def test_a_month_that_is_too_short_gives_its_last_day_and_the_next_one_is_whole_again() -> None:
    assert days("2027-01-31", "1m", 4) == ["2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31"]
    assert days("2027-11-30", "3m", 2) == ["2028-02-29", "2028-05-30"]


def test_a_29_february_comes_on_the_28th_or_on_1_march_and_is_itself_in_leap_years() -> None:
    assert days("2028-02-29", "1y", 4) == ["2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"]
    assert days("2028-02-29", "1y", 4, "mar1") == ["2029-03-01", "2030-03-01", "2031-03-01", "2032-02-29"]
    assert days("2027-01-29", "1m", 1, "mar1") == ["2027-02-28"]


@pytest.mark.parametrize(("text", "day"), [("30d", "2027-01-31"), ("2w", "2027-01-15"), ("10", "2027-01-11")])
def test_days_and_weeks_are_counted(text: str, day: str) -> None:
    assert days("2027-01-01", text, 1) == [day]


@pytest.mark.parametrize("text", ["", "0d", "soon", "1h", "-3d"])
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(InvalidData):
        parse(text)


@given(
    anchor=st.dates(date(2000, 1, 1), date(2060, 1, 1)),
    text=st.sampled_from(["1d", "30d", "2w", "1m", "5m", "1y", "4y"]),
    wait=st.integers(-800, 9000),
    leap=st.sampled_from(["", "mar1"]),
)
def test_the_next_one_is_the_first_behind_a_day(anchor: date, text: str, wait: int, leap: str) -> None:
    repeat, after = parse(text), anchor + timedelta(wait)
    found = following(anchor, repeat, after, leap)
    every = [occurrence(anchor, repeat, number, leap) for number in range(1, 11000 if repeat.days == 1 else 1500)]
    assert found == next(day for day in every if day > after)


# In the book


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = books.make(tmp_path / "book")
    write(folder, {"followups/rent.yaml": "id: 01HQQQQQQQQQQQQQQQQQQQQQQQ\nwhat: Rent\ndue: 2027-01-31\nrepeat: 1m\n"})
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "rent")
    return folder


def dues(root: Path) -> dict[str, str]:
    book = Book(root)
    return {str(h): str(d) for h, d in book.index.rows("SELECT handle, due FROM followups WHERE done IS NULL")}


def test_what_is_done_is_due_again_from_its_anchor(root: Path) -> None:
    followups.done(books.at("2027-01-30T09:00", root), "rent")
    assert dues(root) == {"rent-on-20270228": "2027-02-28"}
    followups.done(books.at("2027-03-01T09:00", root), "rent-on-20270228")
    assert dues(root) == {"rent-on-20270331": "2027-03-31"}


def test_months_that_were_missed_are_not_made_up_for_one_by_one(root: Path) -> None:
    followups.done(books.at("2027-06-10T09:00", root), "rent")
    assert dues(root) == {"rent-on-20270630": "2027-06-30"}


def test_putting_one_off_moves_none_of_the_others(root: Path) -> None:
    book = books.at("2027-01-31T09:00", root)
    followups.snooze(book, "rent", "2027-02-03")
    followups.done(books.at("2027-02-03T09:00", root), "rent")
    assert dues(root) == {"rent-on-20270228": "2027-02-28"}


def test_two_clones_make_the_same_next_one(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root, tmp_path / "other")
    texts = []
    for folder in (root, tmp_path / "other"):
        followups.done(books.at("2027-01-31T09:00", folder), "rent")
        texts.append((folder / "records/followups/rent-on-20270228.yaml").read_text())
    assert texts[0] == texts[1]


def test_done_twice_makes_one(root: Path) -> None:
    followups.done(books.at("2027-01-31T09:00", root), "rent")
    written = followups.done(books.at("2027-01-31T09:00", root), "rent", outcome="paid")
    assert not any("again" in note for note in written.notes)
    assert len(dues(root)) == 1


def test_what_two_clones_did_at_different_times_becomes_one_again(root: Path) -> None:
    other = "id: 01HQQQQQQQQQQQQQQQQQQQQQQR\nwhat: Rent\ndue: 2027-03-31\nrepeat: 1m\nanchor: 2027-01-31\n"
    followups.done(books.at("2027-01-31T09:00", root), "rent")
    write(root, {"followups/rent-on-20270331.yaml": other})  # Done on 1 March in another clone, and merged.
    git(root, "add", "-A")
    git(root, "commit", "-qm", "merged")
    followups.done(books.at("2027-03-02T09:00", root), "rent-on-20270228")
    assert dues(root) == {"rent-on-20270331": "2027-03-31"}


def test_promises_with_handles_that_are_alike_each_come_again(root: Path) -> None:
    long = "x" * 60
    handles = ["call-on-1", "call-on-2", f"{long}a", f"{long}b"]
    for handle in handles:
        write(root, {f"followups/{handle}.yaml": f"what: {handle}\ndue: 2027-01-31\nrepeat: 1m\n"})
    taken = "what: Not of this chain\ndue: 2027-02-28\n"
    write(root, {"followups/rent-on-20270228.yaml": taken})
    git(root, "add", "-A")
    git(root, "commit", "-qm", "more")
    for handle in ["rent", *handles]:
        followups.done(books.at("2027-01-31T09:00", root), handle)
    found = Book(root).index.rows("SELECT what, handle FROM followups WHERE done IS NULL AND due = '2027-02-28'")
    names = {str(what): str(handle) for what, handle in found}
    assert set(names) == {"Rent", "Not of this chain", *handles}
    assert names["call-on-2"] == "call-on-2-on-20270228"
    for handle in [one for what, one in names.items() if what in handles]:
        followups.done(books.at("2027-02-28T09:00", root), handle)
    assert len([due for due in dues(root).values() if due == "2027-03-31"]) == len(handles)
