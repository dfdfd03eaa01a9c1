"""Chi-square against the tables in every textbook, and whether people were shared out as was meant."""

from __future__ import annotations

import pytest

from crmctl.analytics import chisquare


@pytest.mark.parametrize(
    ("square", "degrees", "chance"),
    [
        (3.841459, 1, 0.05),
        (10.827566, 1, 0.001),
        (5.991465, 2, 0.05),
        (13.815511, 2, 0.001),
        (7.814728, 3, 0.05),
        (9.487729, 4, 0.05),
        (18.307038, 10, 0.05),
        (32.909490, 12, 0.001),
        (0, 3, 1),
    ],
)
def test_the_tail_is_that_of_the_tables(square: float, degrees: int, chance: float) -> None:
    assert chisquare.tail(square, degrees) == pytest.approx(chance, rel=1e-5)


def test_what_cannot_be_told_from_nothing_is_no_error() -> None:
    assert chisquare.tail(1e6, 1) == 0
    assert chisquare.tail(1e6, 5) == 0


def test_a_fair_share_is_fair() -> None:
    assert chisquare.sample_ratio([50, 50], [0.5, 0.5]) == 1
    chance = chisquare.sample_ratio([45, 36, 19], [0.4, 0.4, 0.2])
    assert chance is not None
    assert chance > 0.3


def test_a_share_that_is_not_what_was_meant_is_broken() -> None:
    # 821,588 and 815,482 were 50.2 % and 49.8 %: the example of Kohavi, Tang and Xu, Trustworthy Online Controlled
    # Experiments (2020), chapter 3, with p = 1.8e-6.
    chance = chisquare.sample_ratio([821_588, 815_482], [0.5, 0.5])
    assert chance is not None
    assert chance == pytest.approx(1.8e-6, rel=0.03)
    assert chance < chisquare.BROKEN


@pytest.mark.parametrize(("counts", "shares"), [([8], [1.0]), ([3, 4], [0.5, 0.5]), ([99, 1], [0.99, 0.01])])
def test_too_few_cannot_tell(counts: list[int], shares: list[float]) -> None:
    assert chisquare.sample_ratio(counts, shares) is None
