from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from crmctl.merge.interactions import History
from crmctl.merge.interactions import merge_history
from crmctl.merge.outcome import NO_ANSWERS
from crmctl.merge.outcome import Answers
from crmctl.merge.outcome import Clash
from crmctl.model.kinds import INTERACTION

if TYPE_CHECKING:
    from crmctl.model.raw import RawMap


def line(name: str, at: str = "2026-01-01", **fields: str) -> RawMap:
    return {"id": name, "at": at, **fields}


A = line("A", "2026-01-01")
B = line("B", "2026-01-02")
C = line("C", "2026-01-03")
D = line("D", "2026-01-04")
BARE: RawMap = {"at": "2026-01-01", "type": "call"}


def merge(
    base: list[RawMap], ours: list[RawMap], theirs: list[RawMap], answers: Answers = NO_ANSWERS
) -> tuple[list[RawMap | None], list[Clash]]:
    """What each line says, and the questions; the same from the other side."""
    history = merge_history(INTERACTION, base, ours, theirs, answers)
    other = merge_history(INTERACTION, base, theirs, ours, answers)
    assert history.refused == other.refused == ""
    clashes = [clash for found in history.lines for clash in found.clashes]
    if not clashes:
        assert [found.data for found in history.lines] == [found.data for found in other.lines]
    assert [clash.path for found in other.lines for clash in found.clashes] == [clash.path for clash in clashes]
    return [found.data for found in history.lines], clashes


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "merged"),
    [
        ([A], [A, B], [A, C], [A, B, C]),
        ([A], [A, D], [A, C], [A, C, D]),
        ([], [B], [A], [A, B]),
        ([A, B], [A], [A, B, C], [A, C]),
        ([A, B], [A], [B], []),
        ([A, B], [A], [A], [A]),
        ([A], [B, A], [A, C], [A, B, C]),
        ([A], [{**A, "type": "call"}], [A, B], [{**A, "type": "call"}, B]),
        ([A], [{**A, "type": "call"}], [{**A, "text": "x"}], [{**A, "type": "call", "text": "x"}]),
        ([], [{**A, "type": "call"}], [{**A, "type": "call"}], [{**A, "type": "call"}]),
        ([], [{**A, "type": "call"}], [A], [{**A, "type": "call"}]),
    ],
)
def test_lines_are_joined(base: list[RawMap], ours: list[RawMap], theirs: list[RawMap], merged: list[RawMap]) -> None:
    assert merge(base, ours, theirs) == (merged, [])


def test_a_line_of_both_is_merged_by_its_fields() -> None:
    base = line("A", type="call", text="a\nb\nc\n", minutes="1", amount="5")
    ours = {**base, "text": "A\nb\nc\n", "amount": "6"}
    theirs = {**base, "text": "a\nb\nC\n", "minutes": "2"}
    assert merge([base], [ours], [theirs]) == ([{**base, "text": "A\nb\nC\n", "amount": "6", "minutes": "2"}], [])


def test_fields_in_question_are_named_with_the_line() -> None:
    base = line("A", type="call", amount="5", currency="EUR")
    ours = {**base, "type": "mail", "currency": "USD"}
    theirs = {**base, "type": "visit", "amount": "6"}
    lines, clashes = merge([base, B], [ours, B], [theirs, B])
    assert lines == [ours, B]
    assert clashes == [
        Clash(("A", "type"), ("type",), "call", "mail", "visit"),
        Clash(
            ("A", "currency"),
            ("amount", "currency"),
            {"amount": "5", "currency": "EUR"},
            {"amount": "5", "currency": "USD"},
            {"amount": "6", "currency": "EUR"},
        ),
    ]
    answers: Answers = {("A", "type"): "sms", ("B", "type"): "x", ("type",): "y", ("A",): None}
    lines, clashes = merge([base, B], [ours, B], [theirs, B], answers)
    assert lines == [{**ours, "type": "sms"}, B]
    assert [clash.path for clash in clashes] == [("A", "currency")]


def test_removed_here_and_changed_there_is_a_question() -> None:
    changed = {**B, "type": "call"}
    lines, clashes = merge([A, B], [A], [A, changed])
    assert (lines, clashes) == ([A, None], [Clash(("B",), (), B, None, changed)])
    lines, clashes = merge([A, B], [A, changed], [A])
    assert (lines, clashes) == ([A, changed], [Clash(("B",), (), B, changed, None)])
    assert merge([A, B], [A], [A, changed], {("B",): None}) == ([A], [])
    assert merge([A, B], [A], [A, changed], {("B",): changed}) == ([A, changed], [])
    lines, clashes = merge([A, B], [A], [A, changed], {("B",): "text"})
    assert [clash.path for clash in clashes] == [("B",)]


def test_lines_both_added_under_one_id_are_asked_by_field() -> None:
    lines, clashes = merge([], [line("A", type="call", by="ann")], [line("A", type="mail")])
    assert lines == [line("A", type="call", by="ann")]
    assert clashes == [Clash(("A", "type"), ("type",), None, "call", "mail")]


@pytest.mark.parametrize(
    ("counts", "merged"),
    [((0, 1, 1), 1), ((1, 2, 3), 3), ((3, 2, 1), 1), ((2, 3, 1), 2), ((1, 1, 2), 2), ((2, 2, 1), 1)],
)
def test_lines_without_an_id_are_told_apart_by_what_they_say(counts: tuple[int, int, int], merged: int) -> None:
    base, ours, theirs = ([A, *itertools.repeat(BARE, count)] for count in counts)
    assert merge(base, ours, theirs) == ([*itertools.repeat(BARE, merged), A], [])


@pytest.mark.parametrize("odd", ["", ["A"]])
def test_an_id_that_is_no_text_is_none(odd: str) -> None:
    one: RawMap = {**BARE, "id": odd}
    again: RawMap = {"id": odd, "type": "call", "at": "2026-01-01"}
    assert merge([A, one], [A, again, B], [A, one, C]) == ([one, A, B, C], [])


def test_a_line_changed_without_an_id_is_another_line() -> None:
    other = {**BARE, "type": "mail"}
    assert merge([A, BARE], [A, other], [A, BARE]) == ([other, A], [])
    third = {**BARE, "type": "sms"}
    assert merge([A, BARE], [A, other], [A, third]) == ([other, third, A], [])


def test_the_order_is_that_of_time_then_of_ids() -> None:
    lines: list[RawMap] = [
        line("Z", ""),
        {"id": "no time"},
        line("Q", "yesterday"),
        line("N", "2025-12-31T23:00:00"),
        line("M", "2026-01-01T00:30:00+02:00"),
        line("K", "2026-01-01"),
        line("L", "2026-01-01"),
        line("E", "2026-01-01T00:00:00+00:00"),
        line("F", "2026-01-01T01:00:00-01:00"),
        {"at": "2026-01-01", "type": "b"},
        {"type": "a", "at": "2026-01-01"},
    ]
    merged, _ = merge([A], [A, *lines[::2]], [*lines[1::2], A])
    assert [(found or {}).get("id") or (found or {})["type"] for found in merged] == [
        "Q",
        "Z",
        "no time",
        "M",
        "N",
        "a",
        "b",
        "A",
        "E",
        "K",
        "L",
        "F",
    ]


def test_letters_are_put_in_order_as_they_are() -> None:
    first, last = {"text": "zoo"}, {"text": "\xe9t\xe9"}
    assert merge([A], [A, dict(last)], [A, dict(first)]) == ([first, last, A], [])


def test_what_is_no_history_of_the_same_customer_is_refused() -> None:
    refused = History((), "one side kept no line of the history")
    assert merge_history(INTERACTION, [A], [B], [A, C]) == refused
    assert merge_history(INTERACTION, [A], [A, C], [B]) == refused
    assert merge_history(INTERACTION, [A], [], [A, C]) == refused
    assert merge_history(INTERACTION, [BARE], [A], [BARE, B]) == refused
    assert merge_history(INTERACTION, [], [A], []).refused == ""


@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_id_that_stands_twice_is_refused(place: int) -> None:
    sides = [[A], [A, B], [A, C]]
    sides[place] = [A, B, A]
    assert merge_history(INTERACTION, sides[0], sides[1], sides[2]) == History(
        (), "the id A stands twice in one history"
    )
