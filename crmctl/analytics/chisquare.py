"""Chi-square: whether people were shared out as was meant, and how unlikely what was found is."""

from __future__ import annotations

from math import erfc
from math import exp
from math import lgamma
from math import log
from math import sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

BROKEN = 0.001
"""Below this the sharing out did not go as was meant."""
_FEW = 5


def tail(square: float, degrees: int) -> float:
    """The chance of a chi-square of ``degrees`` (1 and more) degrees of freedom to be ``square`` or more.

    Source: Abramowitz and Stegun (1964) 26.4.4 and 26.4.5, by the recurrence of the incomplete gamma function 6.5.22.
    """
    half = square / 2
    if half <= 0:
        return 1.0
    if degrees % 2:
        chance, at = erfc(sqrt(half)), 0.5
    else:
        chance, at = exp(-half), 1.0
    while at < degrees / 2:
        chance += exp(at * log(half) - half - lgamma(at + 1))
        at += 1
    return min(1.0, chance)


def sample_ratio(counts: Sequence[int], shares: Sequence[float]) -> float | None:
    """How often chance alone shares people out so unlike ``shares`` (which sum up to 1).

    Below 0.001 (``BROKEN``) the assignment is broken, and no comparison of the groups means anything. None where there
    are too few people to tell: fewer than five are to be expected in a group.
    Source: Pearson's test of fit; Fabijan et al., Diagnosing Sample Ratio Mismatch, KDD 2019, for its use and 0.001.
    """
    total = sum(counts)
    wanted = [share * total for share in shares]
    if len(counts) < 2 or min(wanted) < _FEW:
        return None
    square = sum((count - want) ** 2 / want for count, want in zip(counts, wanted, strict=True))
    return tail(square, len(counts) - 1)
