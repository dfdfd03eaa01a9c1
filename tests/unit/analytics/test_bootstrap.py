"""Revenue a head by drawing people: the same on every machine, and what it has to be."""

from __future__ import annotations

from statistics import pstdev

import pytest

from crmctl.analytics.bootstrap import Sample
from crmctl.analytics.bootstrap import combined
from crmctl.analytics.bootstrap import sample

# The mouse data of Efron and Tibshirani, An Introduction to the Bootstrap (1993), table 2.1: days of survival.
TREATED = [94, 197, 16, 38, 99, 141, 23]
CONTROL = [52, 104, 146, 10, 51, 30, 40, 27, 46]


def of(values: list[int], seed: str = "seed", times: int = 2000) -> Sample:
    return sample(values, len(values), seed, times)


def test_the_mice_differ_by_what_was_published() -> None:
    treated, control = of(TREATED, "a"), of(CONTROL, "b")
    found = combined([treated, control], [1, -1])
    assert found.value == pytest.approx(30.63, abs=5e-3)
    spread = pstdev([one - other for one, other in zip(treated.draws, control.draws, strict=True)])
    assert spread == pytest.approx(26.85, rel=0.05)
    assert found.interval.low < 0 < found.interval.high


def test_the_same_seed_draws_the_same() -> None:
    assert of(TREATED).draws == of(TREATED).draws
    assert of(TREATED).draws != of(TREATED, "other").draws


def test_the_draws_are_the_same_in_every_version() -> None:
    # Worked out once; a change would change results that somebody has told already.
    assert [round(mean * 7) for mean in of(TREATED, times=5).draws] == [740, 684, 495, 706, 349]
    assert [round(mean * 50) for mean in sample(TREATED, 50, "seed", 5).draws] == [334, 829, 138, 612, 490]


def test_people_who_spent_nothing_count() -> None:
    some = sample([100] * 20, 200, "seed")
    whole = sample([100] * 20 + [0] * 180, 200, "seed")
    assert some == whole
    assert some.mean == 10
    assert pstdev(some.draws) == pytest.approx((100**2 * 0.1 * 0.9 / 200) ** 0.5, rel=0.05)
    assert some.variance == pytest.approx(100**2 * 0.1 * 0.9 / 199)


def test_nobody_spent_anything() -> None:
    found = combined([sample([], 30, "seed")], [1])
    assert found == (0, (0, 0))


def test_everybody_spent_the_same() -> None:
    assert combined([of([500] * 9)], [1]).interval == (500, 500)


def test_one_person_alone() -> None:
    assert combined([of([500])], [1]) == (500, (500, 500))
    assert of([500]).variance == 0


def test_the_interval_leans_to_where_the_long_tail_is() -> None:
    found = combined([sample([10] * 40 + [2000], 100, "seed")], [1])
    assert found.interval.low >= 0
    assert found.interval.high - found.value > found.value - found.interval.low


def test_a_difference_that_is_sure() -> None:
    found = combined([sample([1000] * 80, 100, "a"), sample([1000] * 20, 100, "b")], [1, -1])
    assert found.interval.low > 0


def test_turned_round_it_is_the_same() -> None:
    one, other = sample([1000] * 30, 100, "a"), sample([900] * 20, 100, "b")
    there, back = combined([one, other], [1, -1]), combined([other, one], [1, -1])
    assert there.value == -back.value
    assert there.interval == pytest.approx((-back.interval.high, -back.interval.low), abs=15)


def test_what_many_brought_in() -> None:
    arms = [sample([1000] * 30, 100, "a"), sample([1000] * 20, 50, "b")]
    held = sample([1000] * 10, 100, "c")
    found = combined([*arms, held], [100, 50, -150])
    assert found.value == pytest.approx(30_000 + 20_000 - 15_000)
    assert found.interval.low < found.value < found.interval.high


@pytest.mark.parametrize("level", [0.5, 0.9, 0.99])
def test_who_wants_to_be_surer_gets_a_wider_interval(level: float) -> None:
    one = of(TREATED)
    usual, asked = combined([one], [1]).interval, combined([one], [1], level).interval
    assert (asked.high - asked.low > usual.high - usual.low) == (level > 0.95)
