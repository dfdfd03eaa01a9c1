from __future__ import annotations

import pytest

from crmctl.merge import texts
from crmctl.merge.texts import take_apart

LINES = "a\nb\nc\nd\n"


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "merged"),
    [
        (LINES, "A\nb\nc\nd\n", "a\nb\nC\nd\n", "A\nb\nC\nd\n"),
        (LINES, "A\nb\nc\nd\n", "a\nb\nc\nD\n", "A\nb\nc\nD\n"),
        (LINES, "new\na\nb\nc\nd\n", "a\nb\nc\nd\nend\n", "new\na\nb\nc\nd\nend\n"),
        (LINES, "b\nc\nd\n", "a\nb\nc\n", "b\nc\n"),
        (LINES, "a\nx\nb\nc\nd\n", "a\nb\nc\ny\nd\n", "a\nx\nb\nc\ny\nd\n"),
        (LINES, "A\nb\nc\nd\n", "A\nb\nc\nD\n", "A\nb\nc\nD\n"),  # the same change of both
        (LINES, "A\nb\nC\nd\n", "A\nb\nc\nd\n", "A\nb\nC\nd\n"),
        ("a\nb", "a\nb", "A\nb", "A\nb"),
        ("a\nb\nc", "A\nb\nc", "a\nb\nc\n", "A\nb\nc\n"),
        ("a\n\nb\n", "a!\n\nb\n", "a\n\nb!\n", "a!\n\nb!\n"),
        ("x\r\ny\nz\n", "x\r\ny\nZ\n", "x\ny\nz\n", "x\ny\nZ\n"),  # only a line feed ends a line
        ("", "", "a", "a"),
        ("", "", "", ""),
        (LINES, LINES, LINES, LINES),
    ],
)
def test_changes_apart_are_both_made(base: str, ours: str, theirs: str, merged: str) -> None:
    assert take_apart(base, ours, theirs).merged() == merged
    assert take_apart(base, theirs, ours).merged() == merged
    assert take_apart(base, ours, theirs).woven() == merged


@pytest.mark.parametrize(
    ("base", "ours", "theirs"),
    [
        (LINES, "A\nb\nc\nd\n", "X\nb\nc\nd\n"),
        (LINES, "A\nb\nc\nd\n", "a\nB\nc\nd\n"),  # neighbours
        (LINES, "A\nb\nc\nd\n", "b\nc\nd\n"),  # changed and deleted
        (LINES, f"{LINES}x\n", f"{LINES}y\n"),  # two appends: a question, nothing is dropped
        (LINES, f"{LINES}x\n", f"{LINES}x\ny\n"),
        (LINES, f"x\n{LINES}", f"y\n{LINES}"),
        (LINES, "a\nx\nb\nc\nd\n", "A\nb\nc\nd\n"),  # inserted where the line before was changed
        (LINES, "a\nx\nb\nc\nd\n", "a\nB\nc\nd\n"),
        (LINES, "a\nx\nb\nc\nd\n", "a\nc\nd\n"),
        ("a\nb", "a\nb\nc", "A\nb"),  # the line feed belongs to the line
        ("", "x\n", "y\n"),
        ("a\nb\nc\nd\ne\n", "a\nB\nc\nD\ne\n", "a\nb\nC\nd\ne\n"),
    ],
)
def test_changes_that_touch_are_a_question(base: str, ours: str, theirs: str) -> None:
    assert take_apart(base, ours, theirs).merged() is None
    assert take_apart(base, theirs, ours).merged() is None


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "woven"),
    [
        (LINES, "A\nb\nc\nd\n", "a\nB\nc\nd\n", "A\nB\nc\nd\n"),
        (LINES, f"{LINES}y\n", f"{LINES}x\n", f"{LINES}x\ny\n"),
        (LINES, "a\nx\nb\nc\nd\n", "A\nb\nc\nd\n", "A\nx\nb\nc\nd\n"),
        (LINES, "a\nx\nb\nc\nd\n", "a\nB\nc\nd\n", "a\nx\nB\nc\nd\n"),
        (LINES, "a\nx\nb\nc\nd\n", "a\nc\nd\n", "a\nx\nc\nd\n"),
        ("a\nb\nc\nd\ne\n", "a\nB\nc\nD\ne\n", "a\nb\nC\nd\ne\n", "a\nB\nC\nD\ne\n"),
    ],
)
def test_whole_files_are_woven(base: str, ours: str, theirs: str, woven: str) -> None:
    assert take_apart(base, ours, theirs).woven() == woven
    assert take_apart(base, theirs, ours).woven() == woven


def test_where_changes_overlap_one_side_is_preferred() -> None:
    taken = take_apart(LINES, "A\nb\nc\nD\n", "X\nY\nc\nd\ne\n")
    assert taken.woven() is None
    assert taken.woven("ours") == "A\nb\nc\nD\ne\n"
    assert taken.woven("theirs") == "X\nY\nc\nD\ne\n"


def test_an_insertion_into_deleted_lines_overlaps() -> None:
    taken = take_apart(LINES, "a\nd\n", "a\nb\nx\nc\nd\n")
    assert taken.woven() is None
    assert taken.woven("theirs") == "a\nb\nx\nc\nd\n"


def test_lines_alike_at_both_ends_do_not_count() -> None:
    """Without that, difflib would see the second pair as the one that stays."""
    taken = take_apart("a\nb\n", "a\nb\na\nb\nc\n", "a\nb\n")
    assert [change for region in taken.regions for change in region.ours] == [texts.Change(2, 2, ("a\n", "b\n", "c\n"))]
    taken = take_apart("b\nc\n", "x\nb\nc\nb\nc\n", "b\nc\n")
    assert [change for region in taken.regions for change in region.ours] == [texts.Change(0, 0, ("x\n", "b\n", "c\n"))]


def test_what_would_take_too_long_is_one_change(monkeypatch: pytest.MonkeyPatch) -> None:
    base, ours, theirs = "a\nb\nc\nd\ne\n", "A\nb\nC\nd\ne\n", "a\nb\nc\nd\nE\n"
    monkeypatch.setattr(texts, "MAX_WORK", (3 + 3 + 1) * 3)
    assert take_apart(base, ours, theirs).merged() == "A\nb\nC\nd\nE\n"
    assert len(take_apart(base, ours, theirs).regions) == 3
    monkeypatch.setattr(texts, "MAX_WORK", (3 + 3 + 1) * 3 - 1)
    assert len(take_apart(base, ours, theirs).regions) == 2


def test_hostile_texts_take_no_time() -> None:
    one, other = "x\n" + "a\nb\n" * 20_000 + "y\n", "y\n" + "b\na\na\n" * 20_000 + "x\n"
    assert take_apart(one, other, one).merged() == other


def test_a_line_that_stands_often_is_a_line_like_others() -> None:
    """difflib by itself would overlook it in a long text, and see one large change."""
    base, ours = (f"{first}\n" + "-\n" * 210 + f"{last}\n" for first, last in ("pq", "PQ"))
    theirs = "p\n" + "-\n" * 100 + "new\n" + "-\n" * 110 + "q\n"
    assert take_apart(base, ours, theirs).merged() == theirs.replace("p", "P").replace("q", "Q")
