from __future__ import annotations

import pytest

from crmctl.render.bars import bars


def test_the_largest_fills_the_width_and_others_are_drawn_to_an_eighth() -> None:
    assert bars([80, 40, 10, 1, 5], 10) == ["██████████", "█████", "█▎", "▏", "▋"]


def test_ascii() -> None:
    assert bars([100, 50, 1], 10, ascii=True) == ["##########", "#####", "#"]


def test_zero_and_nothing_have_no_bar() -> None:
    assert bars([0, None, 3], 4) == ["", "", "████"]
    assert bars([0, None], 4, ascii=True) == ["", ""]
    assert bars([], 4) == []


@pytest.mark.parametrize(("plain", "mark"), [(True, "-"), (False, "▒")])
def test_what_is_below_zero_looks_different(plain: bool, mark: str) -> None:
    assert bars([-10, 5], 8, ascii=plain)[0] == mark * 8
    assert len(bars([-10, 5], 8, ascii=plain)[1]) == 4


def test_groups_have_a_scale_of_their_own() -> None:
    assert bars([10, 1000, 500], 4, ascii=True, groups=["EUR", "JPY", "JPY"]) == ["####", "####", "##"]
    assert bars([10, 1000, 500], 4, ascii=True) == ["#", "####", "##"]


@pytest.mark.parametrize("width", [0, -3])
def test_no_room_no_bar(width: int) -> None:
    assert bars([5], width) == [""]


def test_huge_numbers_stay_exact() -> None:
    assert bars([10**18, 10**18 - 1], 3) == ["███", "███"]
    assert bars([10**18, 1], 3)[1] == "▏"
