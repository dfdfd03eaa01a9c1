"""What a campaign's record says, understood: arms, shares, days and numbers."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import TYPE_CHECKING

import pytest
from helpers.books import write

from crmctl.errors import InvalidData
from crmctl.services.book import Book
from crmctl.services.campaigns import campaign as campaigns
from crmctl.services.campaigns.audience import is_held_out

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.services.campaigns.campaign import Campaign


def read(root: Path, more: str) -> Campaign:
    write(
        root,
        {
            "campaigns/c.yaml": f"name: C\nid: 01C\npurpose: service\nsegment: s\ntemplate: t\n{more}",
            "segments/s.yaml": "name: S\n",
        },
    )
    return campaigns.read(Book(root), "c")


def test_shares_are_kept_and_the_rest_is_divided(book_dir: Path) -> None:
    found = read(book_dir, "arms: [{name: a, share: 50}, {name: b}, {name: c}, {name: d}]\n")
    assert [(arm.name, arm.slots) for arm in found.arms] == [("a", 5000), ("b", 1666), ("c", 1666), ("d", 1668)]
    assert found.templates() == dict.fromkeys("abcd", "t")
    counts = Counter(found.arm_of(f"01-{number}") for number in range(2000))
    assert 900 < counts["a"] < 1100
    assert all(250 < counts[arm] < 420 for arm in "bcd")


def test_an_arm_is_the_same_everywhere_and_has_nothing_to_do_with_the_holdout(book_dir: Path) -> None:
    found = read(book_dir, "arms: [{name: a, template: x}, {name: b, template: y}]\n")
    assert found.templates() == {"a": "x", "b": "y"}
    people = [f"01-{number}" for number in range(2000)]
    assert [found.arm_of(person) for person in people] == [found.arm_of(person) for person in people]
    held = [person for person in people if is_held_out("01C", person, 20)]
    share = sum(found.arm_of(person) == "a" for person in held) / len(held)
    assert 0.4 < share < 0.6


def test_no_arms_are_one(book_dir: Path) -> None:
    found = read(book_dir, "")
    assert (found.templates(), found.arm_of("01-1")) == ({"": "t"}, "")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("arms: [{name: a, share: 60}, {name: b, share: 60}]\n", "120 % together, not 100"),
        ("arms: [{name: a, share: 40}, {name: b, share: 40}]\n", "80 % together, not 100"),
        ("arms: [{name: a}, {name: a}]\n", "a name of its own"),
        ("arms: [{share: 50}, {name: a}]\n", "a name of its own"),
        ("arms: both\n", "a name of its own"),
        ("arms: [{name: a, share: half}]\n", "gives arm a 'half'"),
    ],
)
def test_arms_that_cannot_be(book_dir: Path, more: str, words: str) -> None:
    with pytest.raises(InvalidData, match=words):
        read(book_dir, more)


def test_days_and_numbers(book_dir: Path) -> None:
    found = read(book_dir, "starts: 2026-03-01\nmax_lateness: 2w\ncanary: 5\nweekdays: [Mon, tue]\nstatus: Running\n")
    assert (found.day("starts"), found.day("ends")) == (date(2026, 3, 1), None)
    assert (found.max_lateness, found.canary, found.weekdays, found.status) == (14, 5, ("mon", "tue"), "running")
    empty = read(book_dir, "")
    assert (empty.max_lateness, empty.canary, empty.weekdays, empty.status) == (None, 0, (), "draft")


@pytest.mark.parametrize(
    ("more", "name"),
    [("starts: soon\n", "starts"), ("max_lateness: long\n", "max_lateness"), ("canary: few\n", "canary")],
)
def test_days_and_numbers_that_are_none(book_dir: Path, more: str, name: str) -> None:
    found = read(book_dir, more)
    with pytest.raises(InvalidData, match=f"campaign c: {name} is no ") as refused:
        _ = (found.day("starts"), found.max_lateness, found.canary)
    assert refused.value.hint.startswith("crmctl campaign set c ")


@pytest.mark.parametrize(
    ("more", "answer"),
    [("", "resend"), ("on_unknown: hold\n", "hold"), ("on_unknown: ASK\n", "ask"), ("on_unknown: x\n", "resend")],
)
def test_what_the_purpose_calls_for_when_an_answer_is_lost(book_dir: Path, more: str, answer: str) -> None:
    assert read(book_dir, more).on_unknown == answer
