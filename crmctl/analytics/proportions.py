"""Shares of people who did something: how sure they are, how two of them differ, and what so few people could show."""

from __future__ import annotations

from math import exp
from math import lgamma
from math import log
from math import sqrt
from statistics import NormalDist
from typing import NamedTuple

from crmctl.analytics.chisquare import tail

LEVEL = 0.95
POWER = 0.8
_NORMAL = NormalDist()
_FEW = 5
"""Where fewer than this are to be expected in a cell, chi-square is no good guide (Cochran 1954)."""


class Interval(NamedTuple):
    """From ``low`` to ``high``."""

    low: float
    high: float


def _z(level: float) -> float:
    return _NORMAL.inv_cdf(0.5 + level / 2)


def wilson(count: int, n: int, level: float = LEVEL) -> Interval:
    """The score interval of ``count`` of ``n``; all from 0 to 1 when there is nobody.

    Source: E. B. Wilson, JASA 22 (1927) 209-212; Newcombe 1998a, method 3. It keeps its promise with small numbers and
    rates near 0, where the usual p +- 2 standard errors does not.
    """
    if n == 0:
        return Interval(0.0, 1.0)
    z = _z(level)
    rate, square = count / n, z * z
    middle = rate + square / (2 * n)
    half = z * sqrt(rate * (1 - rate) / n + square / (4 * n * n))
    whole = 1 + square / n
    low = 0.0 if count == 0 else max(0.0, (middle - half) / whole)
    high = 1.0 if count == n else min(1.0, (middle + half) / whole)
    return Interval(low, high)


def newcombe(count: int, n: int, other: int, m: int, level: float = LEVEL) -> Interval:
    """The interval of ``count / n - other / m``, from the two score intervals.

    Source: R. G. Newcombe, Statistics in Medicine 17 (1998) 873-890, method 10. ``n`` and ``m`` are at least 1.
    """
    one, two = wilson(count, n, level), wilson(other, m, level)
    p, q = count / n, other / m
    low = p - q - sqrt((p - one.low) ** 2 + (two.high - q) ** 2)
    high = p - q + sqrt((one.high - p) ** 2 + (q - two.low) ** 2)
    return Interval(low, high)


def lift(count: int, n: int, other: int, m: int, level: float = LEVEL) -> tuple[float, Interval] | None:
    """By which part ``count / n`` is more than ``other / m`` (0.5: half as much again), and its interval.

    None where one of them is 0: the logarithm that it is built on is not there then.
    Source: Katz, Baptista, Azen and Pike, Biometrics 34 (1978) 469-474, the log interval of a ratio of rates.
    """
    if not count or not other:
        return None
    ratio = log(count / n) - log(other / m)
    half = _z(level) * sqrt(max(0.0, 1 / count - 1 / n + 1 / other - 1 / m))
    return exp(ratio) - 1, Interval(exp(ratio - half) - 1, exp(ratio + half) - 1)


def p_value(count: int, n: int, other: int, m: int) -> float:
    """How often chance alone makes two rates differ at least so much (both sides); 1 when everybody did the same.

    Pearson's chi-square without correction, or Fisher's exact test where fewer than five are to be expected in a cell.
    Source: W. G. Cochran, Biometrics 10 (1954) 417-451.
    """
    total, both = n + m, count + other
    if both in (0, total):
        return 1.0
    rate = both / total
    if min(n, m) * min(rate, 1 - rate) < _FEW:
        return fisher(count, n, other, m)
    square = (count / n - other / m) ** 2 / (rate * (1 - rate) * (1 / n + 1 / m))
    return tail(square, 1)


def fisher(count: int, n: int, other: int, m: int) -> float:
    """Fisher's exact test, both sides: the chances of all tables with these margins that are not likelier than this.

    Source: R. A. Fisher, JRSS 98 (1935) 39-82; the sides are joined as in R's fisher.test.
    """
    both = count + other
    # Log chances up to what all tables share.
    weights = {k: -_ways(k, n) - _ways(both - k, m) for k in range(max(0, both - m), min(n, both) + 1)}
    least = min(weights.values())
    chances = {k: exp(least - weight) for k, weight in weights.items()}
    limit = chances[count] * (1 + 1e-7)
    return min(1.0, sum(chance for chance in chances.values() if chance <= limit) / sum(chances.values()))


def _ways(k: int, n: int) -> float:
    """The logarithm of the number of ways to pick ``k`` of ``n``."""
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


def detectable(rate: float, n: int, m: int, *, level: float = LEVEL, power: float = POWER) -> float:
    """The smallest difference between two groups that would be seen four times in five, where ``rate`` is usual.

    About ``sqrt(16 p (1 - p) / n)`` for two groups of n. Source: G. van Belle, Statistical Rules of Thumb (2002) 2.1;
    R. Lehr, Statistics in Medicine 11 (1992) 1099-1102. ``n`` and ``m`` are at least 1.
    """
    return spread_detectable(rate * (1 - rate) / n + rate * (1 - rate) / m, level=level, power=power)


def spread_detectable(variance: float, *, level: float = LEVEL, power: float = POWER) -> float:
    """The same for any difference whose estimate has this ``variance``."""
    return (_z(level) + _NORMAL.inv_cdf(power)) * sqrt(max(0.0, variance))
