"""Revenue a head and its differences, by drawing the same people again and again: the same draws on every machine.

Most people spend nothing, so how many of the others are drawn comes first, and then who they are.
"""

from __future__ import annotations

import sys
from array import array
from bisect import bisect
from hashlib import shake_128
from math import exp
from math import floor
from math import lgamma
from math import log
from statistics import NormalDist
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.analytics.proportions import LEVEL
from crmctl.analytics.proportions import Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

TIMES = 2000
"""How often people are drawn."""
_NORMAL = NormalDist()


class Sample(NamedTuple):
    """A group: ``n`` people, of whom ``some`` have a value other than 0, their mean, the means of the draws, and the
    sums of squares and cubes of what sets each apart from the mean."""

    n: int
    some: int
    mean: float
    draws: list[float]
    squares: float
    cubes: float

    @property
    def variance(self) -> float:
        """That of the mean, by which it would differ from one such group to the next."""
        return self.squares / (self.n * max(1, self.n - 1))


class Estimate(NamedTuple):
    """A value and its interval."""

    value: float
    interval: Interval


def sample(values: Sequence[int], n: int, seed: str, times: int = TIMES) -> Sample:
    """A group of ``n`` people, of whom these have ``values`` and all others 0, drawn ``times`` times.

    The draws depend on ``seed``, ``values`` and ``n`` only. ``n`` is at least 1.
    Source: B. Efron, Annals of Statistics 7 (1979) 1-26. That so many of n are drawn who have a value is binomial;
    numbers come from SHAKE128 (FIPS 202), so that no version of Python draws otherwise.
    """
    some = [value for value in values if value]
    mean = sum(some) / n
    rest = n - len(some)
    squares = sum((value - mean) ** 2 for value in some) + rest * mean**2
    cubes = sum((value - mean) ** 3 for value in some) - rest * mean**3
    if not some:
        return Sample(n, 0, 0.0, [0.0] * times, 0.0, 0.0)
    sizes = _Binomial(n, len(some))
    draws = []
    count = len(some)
    for time in range(times):
        name = f"{seed}|{time}".encode()
        size = sizes.draw(int.from_bytes(shake_128(name + b"|n").digest(8), "big") / 2**64)
        words = array("I", shake_128(name).digest(4 * size))
        if sys.byteorder == "big":
            words.byteswap()
        draws.append(sum([some[word % count] for word in words]) / n)
    return Sample(n, count, mean, draws, squares, cubes)


class _Binomial:
    """How many of ``n`` draws fall on ``some`` of ``n`` people."""

    def __init__(self, n: int, some: int) -> None:
        self._n = n
        self._first = 0
        self._sums: list[float] = []
        if some == n:
            return
        rate = some / n
        # Beyond twelve standard deviations there is nothing that a double could tell from nothing.
        wide = 12 * (some * (1 - rate)) ** 0.5 + 12
        self._first = max(0, floor(some - wide))
        total = 0.0
        for k in range(self._first, min(n, floor(some + wide) + 1) + 1):
            ways = lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
            total += exp(ways + k * log(rate) + (n - k) * log(1 - rate))
            self._sums.append(total)

    def draw(self, chance: float) -> int:
        """The number that belongs to a chance from 0 to 1."""
        if not self._sums:
            return self._n
        return self._first + min(bisect(self._sums, chance * self._sums[-1]), len(self._sums) - 1)


def combined(samples: Sequence[Sample], weights: Sequence[float], level: float = LEVEL) -> Estimate:
    """The sum of the means, each times its weight: one mean (1), a difference (1, -1), what many brought in (n, ...).

    The interval is BCa: corrected for bias, and for a spread that grows with the value. With few people who have a
    value it is too narrow still.
    Source: B. Efron, JASA 82 (1987) 171-185; for several groups as in Efron and Tibshirani, An Introduction to the
    Bootstrap (1993), 14.3 and 15.6, with the acceleration of a weighted sum of means.
    """
    parts = list(zip(samples, weights, strict=True))
    value = sum(weight * one.mean for one, weight in parts)
    spread = sum(weight**2 * one.squares / one.n**2 for one, weight in parts)
    if spread <= 0:
        return Estimate(value, Interval(value, value))
    skew = sum(weight**3 * one.cubes / one.n**3 for one, weight in parts)
    acceleration = skew / (6 * spread**1.5)
    draws = sorted(sum(map(_times, weights, means)) for means in zip(*(one.draws for one in samples), strict=True))
    bias = _normal(_place(draws, value))
    low, high = (_end(draws, bias, acceleration, part) for part in ((1 - level) / 2, (1 + level) / 2))
    return Estimate(value, Interval(low, high))


def _times(one: float, other: float) -> float:
    return one * other


def _place(draws: Sequence[float], value: float) -> float:
    """Which part of the draws is below ``value``; those that hit it count half, and none is ever certain."""
    low = bisect(draws, value - 1e-9 * max(1.0, abs(value)))
    high = bisect(draws, value + 1e-9 * max(1.0, abs(value)))
    return min(max((low + high) / 2, 0.5), len(draws) - 0.5) / len(draws)


def _normal(part: float) -> float:
    return _NORMAL.inv_cdf(part)


def _end(draws: Sequence[float], bias: float, acceleration: float, part: float) -> float:
    """One end of the BCa interval: the draw at the part that ``part`` becomes."""
    moved = bias + _normal(part)
    away = 1 - acceleration * moved
    place = _NORMAL.cdf(bias + moved / away) if away > 0 else float(moved > 0)
    at = place * (len(draws) - 1)
    below = min(floor(at), len(draws) - 2)
    return draws[below] + (at - below) * (draws[below + 1] - draws[below])
