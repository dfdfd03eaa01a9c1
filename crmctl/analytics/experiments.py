"""An experiment judged: groups that were told apart by chance, what they did, and what may be concluded from it.

By intention to treat: a group is everybody who was assigned to it, whatever became of them after that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.analytics import bootstrap
from crmctl.analytics import permutation
from crmctl.analytics import proportions
from crmctl.analytics.chisquare import BROKEN
from crmctl.analytics.chisquare import sample_ratio
from crmctl.analytics.multiplicity import holm

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Sequence

    from crmctl.analytics.bootstrap import Estimate
    from crmctl.analytics.bootstrap import Sample
    from crmctl.analytics.proportions import Interval

HIGHER, LOWER, INCONCLUSIVE = "higher", "lower", "inconclusive"
REVENUE = "revenue"
LARGEST_CHANCE = 0.05
FEWEST_BUYERS = 20
"""With fewer people who spent anything in a group, intervals of revenue are too narrow."""


class Group(NamedTuple):
    """People who got (or were to get) the same: how many, how many did what, and what those spent who did (minor
    units of one currency). ``share`` is the part of all people who were to be in it, None when nobody knows."""

    name: str
    n: int
    counts: Mapping[str, int]
    spent: Sequence[int] = ()
    share: float | None = None
    is_holdout: bool = False


class Rate(NamedTuple):
    """How many of a group did something, which part of it that is, and the interval (Wilson)."""

    number: int
    rate: float | None
    interval: Interval


class Comparison(NamedTuple):
    """One group against another in one outcome.

    Rates are parts of 1, revenue is minor units a head. ``p`` is for this comparison alone, ``adjusted`` for all of
    them together (Holm). ``detectable`` is the smallest difference that so many people could show.
    """

    outcome: str
    group: str
    against: str
    difference: float
    interval: Interval
    lift: float | None
    lift_interval: Interval | None
    p: float
    adjusted: float
    detectable: float
    verdict: str


class Analysis(NamedTuple):
    """What can be said: rates and revenue a head by group (in the order of the groups), comparisons, what the groups
    that got something brought in over the holdout (None without one) and how often chance alone does so, and the chance
    of such a sharing out."""

    rates: list[dict[str, Rate]]
    revenue: list[Estimate | None]
    comparisons: list[Comparison]
    brought: Estimate | None
    brought_p: float
    ratio: float | None

    @property
    def is_broken(self) -> bool:
        """Whether people were not shared out as was meant: then no comparison means anything."""
        return self.ratio is not None and self.ratio < BROKEN


def analyse(groups: Sequence[Group], outcomes: Sequence[str], seed: str) -> Analysis:
    """All that can be said of ``groups`` in ``outcomes`` (``revenue`` may be one of them); the same for the same seed.

    Groups are compared each with each; a holdout is what the others are compared with, otherwise those that come first.
    Outcomes that nobody had, and groups without people, are compared with nothing.
    """
    counted = [outcome for outcome in outcomes if outcome != REVENUE]
    samples = _samples(groups, seed) if REVENUE in outcomes else [None] * len(groups)
    rates = [{outcome: rate(group, outcome) for outcome in counted} for group in groups]
    revenue = [None if one is None else bootstrap.combined([one], [1]) for one in samples]
    found = []
    for outcome in outcomes:
        for one, other in _pairs(groups):
            if outcome == REVENUE:
                made = _revenue(groups, samples, one, other, seed)
            else:
                made = _rates(groups, outcome, one, other)
            if made is not None:
                found.append(made)
    adjusted = holm([made.p for made in found])
    comparisons = [
        made._replace(adjusted=chance, verdict=_verdict(made, chance))
        for made, chance in zip(found, adjusted, strict=True)
    ]
    return Analysis(rates, revenue, comparisons, *_brought(groups, samples, seed), _ratio(groups))


def rate(group: Group, outcome: str) -> Rate:
    """How many of a group had an outcome."""
    count = group.counts.get(outcome, 0)
    return Rate(count, count / group.n if group.n else None, proportions.wilson(count, group.n))


def _samples(groups: Sequence[Group], seed: str) -> list[Sample | None]:
    # By place, so that two groups with the same people are drawn apart from each other.
    return [
        bootstrap.sample(sorted(group.spent), group.n, f"{seed}|{place}") if group.n else None
        for place, group in enumerate(groups)
    ]


def _pairs(groups: Sequence[Group]) -> list[tuple[int, int]]:
    """Places of (one, the other that it is compared with)."""
    there = [place for place, group in enumerate(groups) if group.n]
    there.sort(key=lambda place: not groups[place].is_holdout)
    pairs = [(one, other) for at, other in enumerate(there) for one in there[at + 1 :]]
    return sorted(pairs, key=lambda pair: (not groups[pair[1]].is_holdout, pair))


def _rates(groups: Sequence[Group], outcome: str, one: int, other: int) -> Comparison | None:
    mine, theirs = groups[one], groups[other]
    numbers = mine.counts.get(outcome, 0), mine.n, theirs.counts.get(outcome, 0), theirs.n
    count, n, others, m = numbers
    if count + others == 0:
        return None
    more = proportions.lift(*numbers)
    return Comparison(
        outcome,
        mine.name,
        theirs.name,
        count / n - others / m,
        proportions.newcombe(*numbers),
        more[0] if more else None,
        more[1] if more else None,
        proportions.p_value(*numbers),
        1.0,
        proportions.detectable((count + others) / (n + m), n, m),
        INCONCLUSIVE,
    )


def _revenue(
    groups: Sequence[Group], samples: Sequence[Sample | None], one: int, other: int, seed: str
) -> Comparison | None:
    mine, theirs = samples[one], samples[other]
    if mine is None or theirs is None or not mine.some + theirs.some:
        return None
    found = bootstrap.combined([mine, theirs], [1, -1])
    return Comparison(
        REVENUE,
        groups[one].name,
        groups[other].name,
        found.value,
        found.interval,
        found.value / theirs.mean if theirs.mean > 0 else None,
        None,
        _chance(groups[one], mine, groups[other], theirs, f"{seed}|{one}|{other}"),
        1.0,
        proportions.spread_detectable(mine.variance + theirs.variance),
        INCONCLUSIVE,
    )


def _chance(one: Group, sample: Sample, other: Group, others: Sample, seed: str) -> float:
    if sample.some + others.some > permutation.MOST:
        return permutation.normal_chance(sample, others)
    return permutation.chance(one.spent, one.n, other.spent, other.n, seed)


def _verdict(made: Comparison, chance: float) -> str:
    low, high = made.interval
    if chance >= LARGEST_CHANCE or low <= 0 <= high:
        return INCONCLUSIVE
    return HIGHER if made.difference > 0 else LOWER


def _brought(groups: Sequence[Group], samples: Sequence[Sample | None], seed: str) -> tuple[Estimate | None, float]:
    """What those who were to get something spent more than as many of the holdout would have, and the chance of it."""
    parts = [(group, one) for group, one in zip(groups, samples, strict=True) if one is not None]
    held = next((part for part in parts if part[0].is_holdout), None)
    got = [part for part in parts if not part[0].is_holdout]
    if held is None or not got:
        return None, 1.0
    n = sum(group.n for group, _ in got)
    found = bootstrap.combined([*(one for _, one in got), held[1]], [*(group.n for group, _ in got), -n])
    all_ = Group("", n, {}, [value for group, _ in got for value in group.spent])
    whole = bootstrap.sample(all_.spent, n, seed, 1)
    return found, _chance(all_, whole, *held, f"{seed}|all")


def _ratio(groups: Sequence[Group]) -> float | None:
    shares = [group.share for group in groups if group.share is not None]
    if len(shares) != len(groups):
        return None
    kept = [(group.n, share) for group, share in zip(groups, shares, strict=True) if group.n or share]
    return sample_ratio([n for n, _ in kept], [share for _, share in kept])
