"""Rates, their intervals and differences, against values that were published."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmctl.analytics import proportions

# Newcombe, Statistics in Medicine 17 (1998) 857-872, table I, method 3.
WILSON = [
    (81, 263, 0.2553, 0.3662),
    (15, 148, 0.0624, 0.1605),
    (0, 20, 0.0000, 0.1611),
    (1, 29, 0.0061, 0.1718),
]
# Newcombe, Statistics in Medicine 17 (1998) 873-890, table II, method 10.
NEWCOMBE = [
    (56, 70, 48, 80, 0.0524, 0.3339),
    (9, 10, 3, 10, 0.1705, 0.8090),
    (6, 7, 2, 7, 0.0582, 0.8062),
    (5, 56, 0, 29, -0.0381, 0.1926),
    (0, 10, 0, 20, -0.1611, 0.2775),
    (0, 10, 0, 10, -0.2775, 0.2775),
    (10, 10, 0, 20, 0.6791, 1.0000),
    (10, 10, 0, 10, 0.6075, 1.0000),
]


@pytest.mark.parametrize(("count", "n", "low", "high"), WILSON)
def test_a_rate_has_the_interval_that_was_published(count: int, n: int, low: float, high: float) -> None:
    assert proportions.wilson(count, n) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(("count", "n", "other", "m", "low", "high"), NEWCOMBE)
def test_a_difference_has_the_interval_that_was_published(
    count: int, n: int, other: int, m: int, low: float, high: float
) -> None:
    assert proportions.newcombe(count, n, other, m) == pytest.approx((low, high), abs=5e-5)


def test_nobody_says_nothing() -> None:
    assert proportions.wilson(0, 0) == (0, 1)


def test_a_lift_has_the_interval_that_was_published() -> None:
    # The physicians' study of aspirin, with the interval in Agresti, Categorical Data Analysis, 3.1: 1.43 to 2.30.
    found = proportions.lift(189, 11034, 104, 11037)
    assert found is not None
    assert found[0] == pytest.approx(0.82, abs=5e-3)
    assert found[1] == pytest.approx((0.43, 1.30), abs=1e-2)


@pytest.mark.parametrize(("count", "other"), [(0, 3), (3, 0), (0, 0)])
def test_there_is_no_lift_from_nothing(count: int, other: int) -> None:
    assert proportions.lift(count, 10, other, 10) is None


def test_everybody_in_both_is_no_lift_at_all() -> None:
    assert proportions.lift(10, 10, 20, 20) == (0, (0, 0))


@pytest.mark.parametrize(
    ("numbers", "chance"),
    [
        ((3, 4, 1, 4), 0.4857),  # Fisher's lady tasting tea.
        ((10, 13, 2, 17), 0.0005367),  # Fisher's convictions of twins, as R's fisher.test has it.
    ],
)
def test_few_people_are_judged_exactly(numbers: tuple[int, int, int, int], chance: float) -> None:
    assert proportions.fisher(*numbers) == pytest.approx(chance, rel=1e-3)
    count, n, other, m = numbers
    assert proportions.fisher(other, m, count, n) == pytest.approx(chance, rel=1e-3)


def test_many_people_are_judged_by_chi_square() -> None:
    # 25 of 100 against 40 of 100: 5.1282 by hand, on one degree of freedom.
    assert proportions.p_value(40, 100, 25, 100) == pytest.approx(math.erfc(math.sqrt(5.128205 / 2)), rel=1e-6)


def test_where_few_are_to_be_expected_it_is_exact() -> None:
    assert proportions.p_value(3, 1000, 0, 1000) == proportions.fisher(3, 1000, 0, 1000)


@pytest.mark.parametrize("numbers", [(0, 10, 0, 20), (10, 10, 20, 20)])
def test_who_all_did_the_same_do_not_differ(numbers: tuple[int, int, int, int]) -> None:
    assert proportions.p_value(*numbers) == 1


def test_three_hundred_at_five_percent_see_five_points() -> None:
    assert proportions.detectable(0.05, 300, 300) == pytest.approx(0.05, abs=2e-3)
    assert proportions.detectable(0.05, 300, 300) == pytest.approx(math.sqrt(16 * 0.05 * 0.95 / 300), rel=0.02)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))
def test_intervals_hold_what_they_are_about(count: int, more: int, other: int, others: int) -> None:
    n, m = count + more, other + others
    low, high = proportions.wilson(count, n)
    assert 0 <= low <= high <= 1
    if n:
        assert low <= count / n <= high
    if n and m:
        low, high = proportions.newcombe(count, n, other, m)
        assert -1 - 1e-12 <= low <= count / n - other / m <= high <= 1 + 1e-12
        back = proportions.newcombe(other, m, count, n)
        assert (low, high) == pytest.approx((-back.high, -back.low), abs=1e-12)
        assert 0 < proportions.p_value(count, n, other, m) <= 1
