"""Dealing people out anew: how often chance makes such a difference."""

from __future__ import annotations

import pytest

from crmctl.analytics.bootstrap import sample
from crmctl.analytics.permutation import chance
from crmctl.analytics.permutation import normal_chance
from crmctl.analytics.proportions import fisher

# The mouse data of Efron and Tibshirani, An Introduction to the Bootstrap (1993), table 2.1.
TREATED = [94, 197, 16, 38, 99, 141, 23]
CONTROL = [52, 104, 146, 10, 51, 30, 40, 27, 46]


def test_the_mice_may_be_chance() -> None:
    # One-sided 0.132 of 1,000 deals in their table 15.1; both sides are about twice that.
    assert chance(TREATED, 7, CONTROL, 9, "seed") == pytest.approx(0.27, abs=0.04)


@pytest.mark.parametrize(("one", "other"), [(9, 1), (6, 2), (4, 4), (12, 2)])
def test_where_all_spend_the_same_it_is_the_exact_test(one: int, other: int) -> None:
    found = chance([500] * one, 30, [500] * other, 30, "seed", 4000)
    assert found == pytest.approx(fisher(one, 30, other, 30), abs=0.025)


def test_groups_of_another_size() -> None:
    found = chance([500] * 12, 90, [500] * 1, 30, "seed", 4000)
    assert found == pytest.approx(fisher(12, 90, 1, 30), abs=0.025)
    assert chance([500] * 1, 30, [500] * 12, 90, "seed", 4000) == pytest.approx(found, abs=0.025)


def test_what_is_sure_is_as_sure_as_so_many_deals_can_be() -> None:
    assert chance([1000] * 50, 60, [], 60, "seed") == 1 / 2001
    assert chance([], 60, [], 60, "seed") == 1


def test_the_same_seed_deals_the_same() -> None:
    assert chance(TREATED, 7, CONTROL, 9, "a") == chance(list(reversed(TREATED)), 7, CONTROL, 9, "a")
    assert chance(TREATED, 7, CONTROL, 9, "a") != chance(TREATED, 7, CONTROL, 9, "b")


def test_many_people_are_judged_alike_by_the_normal_distribution() -> None:
    one, other = [value * 7 % 101 + 1 for value in range(900)], [value * 5 % 103 + 2 for value in range(800)]
    found = normal_chance(sample(one, 1500, "a", 1), sample(other, 1500, "b", 1))
    assert found == pytest.approx(chance(one, 1500, other, 1500, "seed"), abs=0.02)


def test_without_any_spread_they_are_alike_or_not() -> None:
    same = sample([5] * 9, 9, "a", 1)
    assert normal_chance(same, same) == 1
    assert normal_chance(same, sample([6] * 9, 9, "b", 1)) == 0
