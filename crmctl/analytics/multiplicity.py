"""Many comparisons at once: whoever looks often enough finds something."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def holm(chances: Sequence[float]) -> list[float]:
    """The p-values, each made larger so that all of them together are wrong no more often than one alone would be.

    Source: S. Holm, Scandinavian Journal of Statistics 6 (1979) 65-70, step-down; adjusted as in R's p.adjust.
    """
    adjusted = [1.0] * len(chances)
    largest = 0.0
    for place, at in enumerate(sorted(range(len(chances)), key=lambda at: chances[at])):
        largest = max(largest, min(1.0, (len(chances) - place) * chances[at]))
        adjusted[at] = largest
    return adjusted
