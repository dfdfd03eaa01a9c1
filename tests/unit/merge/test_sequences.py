from __future__ import annotations

import pytest

from crmctl.merge.sequences import arranged
from crmctl.merge.sequences import common
from crmctl.merge.sequences import members


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "stay"),
    [
        ("", "", "", ""),
        ("", "a", "b", "ab"),
        ("", "a", "a", "a"),
        ("ab", "a", "ab", "a"),
        ("ab", "a", "b", ""),
        ("ab", "abc", "a", "ac"),
        ("a", "", "ab", "b"),
        ("abc", "abcd", "abce", "abcde"),
    ],
)
def test_what_stays(base: str, ours: str, theirs: str, stay: str) -> None:
    assert members(base, ours, theirs) == set(stay) == members(base, theirs, ours)


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "order"),
    [
        ("abc", "abc", "abc", "abc"),
        ("abc", "cba", "abc", "cba"),
        ("abc", "cba", "cba", "cba"),
        ("abc", "cab", "cba", None),
        ("abc", "cba", "ab", "ba"),
        ("abc", "ba", "acb", "ba"),  # what one side took out does not count
        ("abcd", "bacd", "abdc", None),
        ("abc", "ca", "cab", "ca"),
        ("abc", "xcyb", "bcz", "cb"),
        ("ab", "c", "d", ""),
        ("", "ab", "ba", ""),
    ],
)
def test_the_order_of_what_all_three_have(base: str, ours: str, theirs: str, order: str | None) -> None:
    wanted = None if order is None else list(order)
    assert common(list(base), list(ours), list(theirs)) == wanted
    assert common(list(base), list(theirs), list(ours)) == wanted


@pytest.mark.parametrize(
    ("order", "ours", "theirs", "result"),
    [
        ("ab", "xab", "ab", "xab"),
        ("ab", "axb", "ab", "axb"),
        ("ab", "abx", "ab", "abx"),
        ("ab", "axb", "ayb", "axyb"),
        ("ab", "ayb", "axb", "axyb"),
        ("ab", "azyb", "axb", "axzyb"),  # a run keeps its order
        ("ab", "axb", "axyb", "axyb"),  # the shorter one first, what both have once
        ("ab", "axyb", "axb", "axyb"),
        ("ab", "yab", "xab", "xyab"),
        ("ab", "xab", "abx", "xab"),  # both added it: where it comes first
        ("ab", "abxy", "yabx", "yabx"),
        ("ba", "abx", "bay", "bxay"),  # behind what it stood behind
        ("", "xy", "ab", "abxy"),
    ],
)
def test_where_added_entries_stand(order: str, ours: str, theirs: str, result: str) -> None:
    assert arranged(set("abxyz"), list(order), list(ours), list(theirs)) == list(result)
    assert arranged(set("abxyz"), list(order), list(theirs), list(ours)) == list(result)


def test_what_is_not_wanted_is_passed_over() -> None:
    assert arranged({"a", "x", "y"}, ["a"], ["a", "g", "x"], ["g", "y", "a"]) == ["y", "a", "x"]
    assert arranged({"x"}, ["a", "b"], ["a", "x", "b"], ["a", "b"]) == ["x"]
