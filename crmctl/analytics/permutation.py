"""Whether a difference in revenue may be chance: the same people, dealt out to the groups again and again.

Chance did deal them out, so this holds however few they are and however much a few of them spent, where intervals from
drawing people again promise too much.
"""

from __future__ import annotations

import sys
from array import array
from hashlib import shake_128
from math import erfc
from math import sqrt
from typing import TYPE_CHECKING

from crmctl.analytics.bootstrap import TIMES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmctl.analytics.bootstrap import Sample

MOST = 2000
"""With more people who spent anything, the normal distribution says the same, and at once."""


def chance(one: Sequence[int], n: int, other: Sequence[int], m: int, seed: str, times: int = TIMES) -> float:
    """How often dealing ``n + m`` people out anew makes the means of the two groups differ at least so much.

    ``one`` and ``other`` are what those spent who spent anything. The same seed deals the same.
    Source: R. A. Fisher, The Design of Experiments (1935), 21; with the deal that was made counted among the others, as
    in Phipson and Smyth, Statistical Applications in Genetics and Molecular Biology 9 (2010) 39.
    """
    values = sorted([*one, *other])
    people, total = n + m, sum(values)

    def apart(first: int) -> int:
        """How far the first group is from its part of all; whole numbers, so that ties are ties."""
        return abs(first * people - total * n)

    found = apart(sum(one))
    as_far = 1
    for time in range(times):
        words = array("I", shake_128(f"{seed}|{time}".encode()).digest(4 * len(values)))
        if sys.byteorder == "big":
            words.byteswap()
        first, left, rest = 0, n, people
        for word, value in zip(words, values, strict=True):
            if word * rest < left << 32:
                first += value
                left -= 1
            rest -= 1
        as_far += apart(first) >= found
    return as_far / (times + 1)


def normal_chance(one: Sample, other: Sample) -> float:
    """The same by the normal distribution, for many people (Welch)."""
    variance = one.variance + other.variance
    if variance <= 0:
        return 1.0 if one.mean == other.mean else 0.0
    return erfc(abs(one.mean - other.mean) / sqrt(2 * variance))
