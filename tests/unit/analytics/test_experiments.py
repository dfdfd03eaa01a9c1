"""What is concluded from groups that chance has shared out, and what is not."""

from __future__ import annotations

from math import sqrt

import pytest

from crmctl.analytics.experiments import HIGHER
from crmctl.analytics.experiments import INCONCLUSIVE
from crmctl.analytics.experiments import LOWER
from crmctl.analytics.experiments import Analysis
from crmctl.analytics.experiments import Comparison
from crmctl.analytics.experiments import Group
from crmctl.analytics.experiments import analyse


def group(name: str, n: int, replies: int, spent: tuple[int, ...] = (), share: float | None = None) -> Group:
    return Group(name, n, {"reply": replies}, spent, share, name == "holdout")


def only(found: Analysis) -> Comparison:
    (one,) = found.comparisons
    return one


def test_five_points_of_three_hundred_are_inconclusive() -> None:
    # 5 % and 8.3 % look like much, and may be chance.
    one = only(analyse([group("a", 300, 15), group("b", 300, 25)], ["reply"], "s"))
    assert (one.group, one.against, one.verdict) == ("b", "a", INCONCLUSIVE)
    assert one.detectable == pytest.approx(sqrt(16 * (1 / 15) * (14 / 15) / 300), rel=0.02)


@pytest.mark.parametrize(("replies", "verdict"), [(60, HIGHER), (6, LOWER), (32, INCONCLUSIVE)])
def test_a_difference_is_called_by_its_side(replies: int, verdict: str) -> None:
    assert only(analyse([group("a", 300, 30), group("b", 300, replies)], ["reply"], "s")).verdict == verdict


def test_the_holdout_is_what_others_are_compared_with() -> None:
    found = analyse([group("a", 100, 9), group("b", 100, 8), group("holdout", 50, 1)], ["reply"], "s")
    pairs = [(one.group, one.against) for one in found.comparisons]
    assert pairs == [("a", "holdout"), ("b", "holdout"), ("b", "a")]


def test_more_arms_ask_for_more() -> None:
    two = analyse([group("a", 200, 20), group("b", 200, 36)], ["reply"], "s")
    assert only(two).verdict == HIGHER
    assert only(two).adjusted == only(two).p
    many = [group(name, 200, 20) for name in "acdef"]
    found = analyse([*many, group("b", 200, 36)], ["reply"], "s").comparisons
    best = next(one for one in found if (one.group, one.against) == ("b", "a"))
    assert best.p == only(two).p < 0.05
    assert best.adjusted > 0.05
    assert {one.verdict for one in found} == {INCONCLUSIVE}


def test_arms_that_are_alike_seldom_differ() -> None:
    """Of 200 experiments in which nothing was done, no more than 5 % may find something; by a plain generator."""
    state, wrong = 1, 0
    for _ in range(200):
        counts = []
        for _ in "ab":
            hits = 0
            for _ in range(100):
                state = state * 6364136223846793005 + 1442695040888963407 & (1 << 64) - 1
                hits += state >> 33 < (1 << 31) * 0.2
            counts.append(hits)
        wrong += only(analyse([group("a", 100, counts[0]), group("b", 100, counts[1])], ["reply"], "s")).p < 0.05
    assert wrong <= 18  # 10 are to be expected; more than 18 in one of 200 times.


def test_what_nobody_did_is_not_compared() -> None:
    found = analyse([group("a", 10, 0), group("b", 10, 0)], ["reply", "revenue"], "s")
    assert found.comparisons == []
    assert found.rates[0]["reply"].number == 0
    assert found.revenue[0] == (0, (0, 0))


def test_a_group_without_people_is_not_compared() -> None:
    found = analyse([group("a", 10, 3), group("b", 0, 0), group("holdout", 0, 0)], ["reply", "revenue"], "s")
    assert found.comparisons == []
    assert found.rates[1]["reply"].rate is None
    assert found.revenue[1] is None
    assert found.brought is None


def test_revenue_is_a_head_of_everybody() -> None:
    found = analyse([group("a", 100, 0, (1000,) * 40), group("holdout", 100, 0, (1000,) * 10)], ["revenue"], "s")
    one = only(found)
    assert (one.difference, one.verdict) == (300, HIGHER)
    assert one.lift == pytest.approx(3)
    assert found.brought is not None
    assert found.brought.value == 30_000
    assert found.brought.interval.low > 0


def test_few_buyers_may_be_chance_although_the_interval_is_not_at_nothing() -> None:
    found = analyse([group("a", 100, 0), group("b", 100, 0, (5000,) * 4)], ["revenue"], "s")
    assert only(found).interval.low > 0
    assert only(found).p > 0.1
    assert only(found).verdict == INCONCLUSIVE
    assert only(found).lift is None  # There is nothing that it could be a part of.


def test_many_buyers_are_judged_alike() -> None:
    spent = tuple(range(500, 1500))
    more = tuple(value + 20 for value in spent)
    here = only(analyse([group("a", 2000, 0, spent), group("b", 2000, 0, more)], ["revenue"], "s"))
    there = only(analyse([group("a", 2000, 0, spent), group("b", 2000, 0, (*more, 1))], ["revenue"], "s"))
    assert here.p == pytest.approx(there.p, abs=0.04)  # One buyer more, and the normal distribution is asked.


def test_the_same_seed_finds_the_same() -> None:
    groups = [group("a", 100, 5, tuple(range(100, 3000, 100))), group("b", 100, 9, tuple(range(50, 2000, 90)))]
    assert analyse(groups, ["reply", "revenue"], "s") == analyse(groups, ["reply", "revenue"], "s")
    assert analyse(groups, ["revenue"], "s") != analyse(groups, ["revenue"], "t")
    # Whoever stands first in the book changes nothing.
    turned = [one._replace(spent=tuple(reversed(one.spent))) for one in groups]
    assert analyse(groups, ["revenue"], "s") == analyse(turned, ["revenue"], "s")


@pytest.mark.parametrize(
    ("counts", "shares", "broken"),
    [((450, 450, 100), (0.45, 0.45, 0.1), False), ((600, 300, 100), (0.45, 0.45, 0.1), True)],
)
def test_shares_are_checked(counts: tuple[int, ...], shares: tuple[float, ...], broken: bool) -> None:
    groups = [group(name, n, 5, share=share) for name, n, share in zip("abc", counts, shares, strict=True)]
    assert analyse(groups, ["reply"], "s").is_broken == broken


def test_shares_that_nobody_knows_are_not_checked() -> None:
    found = analyse([group("a", 600, 5, share=0.5), group("b", 400, 5)], ["reply"], "s")
    assert (found.ratio, found.is_broken) == (None, False)
