"""Holm's correction for many comparisons."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmctl.analytics.multiplicity import holm


@pytest.mark.parametrize(
    ("chances", "adjusted"),
    [
        ([], []),
        ([0.03], [0.03]),
        ([0.01, 0.02, 0.03, 0.04], [0.04, 0.06, 0.06, 0.06]),
        # Wright, Biometrics 48 (1992) 1005-1013, by hand: the order of those that were put in stays.
        ([0.04, 0.01, 0.5], [0.08, 0.03, 0.5]),
        ([0.4, 0.9], [0.8, 0.9]),
    ],
)
def test_as_worked_out_by_hand(chances: list[float], adjusted: list[float]) -> None:
    assert holm(chances) == pytest.approx(adjusted)


@given(st.lists(st.floats(0, 1), max_size=8))
def test_nothing_gets_more_certain_and_the_order_stays(chances: list[float]) -> None:
    adjusted = holm(chances)
    assert all(before <= after <= 1 for before, after in zip(chances, adjusted, strict=True))
    order = sorted(range(len(chances)), key=lambda at: chances[at])
    assert [adjusted[at] for at in order] == sorted(adjusted)
