"""The one plain sentence about a campaign's results, and the word for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.analytics.experiments import INCONCLUSIVE
from crmctl.analytics.experiments import LARGEST_CHANCE
from crmctl.analytics.experiments import LOWER
from crmctl.analytics.experiments import REVENUE
from crmctl.model.money import from_minor
from crmctl.services.campaigns.measuring.results import HOLDOUT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmctl.analytics.bootstrap import Estimate
    from crmctl.analytics.experiments import Comparison
    from crmctl.services.campaigns.measuring.results import Results

NOTHING, BROKEN, ALONE, EARLY, DIFFERENCE = "nothing", "broken", "alone", "early", "difference"
SILENT = (NOTHING, BROKEN, EARLY)
"""With these it is not told what a campaign brought in."""
NOUNS = {
    "reply": "replies",
    "meeting": "meetings",
    "deal": "deals",
    "won": "deals won",
    "purchase": "purchases",
    REVENUE: "revenue",
}


def verdict(found: Results) -> tuple[str, str]:
    """(word, sentence): ``nothing``, ``broken``, ``alone``, ``early``, ``difference`` or ``inconclusive``."""
    until = found.until
    if found.began is None or until is None:
        return NOTHING, "Nothing has gone out yet, so there is nothing to tell."
    if found.analysis.is_broken:
        return BROKEN, _broken(found)
    if sum(group.n > 0 for group in found.groups) < 2:
        return ALONE, "There is nothing to compare with: no arms, and nobody was held out."
    if not found.is_over:
        day = until.date().isoformat()
        return EARLY, f"No winner before {day}: until then the {found.asked.within} days are not over for everybody."
    differ = [one for one in found.analysis.comparisons if one.verdict != INCONCLUSIVE]
    if differ:
        return DIFFERENCE, _difference(found, differ[0]) if len(differ) == 1 else _differences(differ)
    return INCONCLUSIVE, _inconclusive(found.analysis.comparisons, found.currency)


def of(found: Results, one: Comparison) -> str:
    """The word for one comparison; what is early or broken has no winner."""
    word = verdict(found)[0]
    return word if word in (EARLY, BROKEN) else one.verdict


def _broken(found: Results) -> str:
    people = ", ".join(f"{group.n} {group.name}" for group in found.groups)
    total = sum(group.n for group in found.groups)
    wanted = ", ".join(f"{(group.share or 0) * total:.0f}" for group in found.groups)
    chance = f"{found.analysis.ratio:.1g}"
    return (
        f"The assignment is broken: {people}, where {wanted} were to be expected (p = {chance}); compare nothing. "
        "Perhaps shares or the holdout were changed after the plan was frozen."
    )


def _difference(found: Results, one: Comparison) -> str:
    low, high = sorted((abs(one.interval.low), abs(one.interval.high)))
    less = one.verdict == LOWER
    if one.outcome == REVENUE:
        amounts = [money(abs(value), found.currency) for value in (one.difference, low, high)]
        words = f"{amounts[0]} {found.currency} {'less' if less else 'more'} revenue a head"
        return f"{one.group} brought {words} than {_named(one.against)} ({amounts[1]} to {amounts[2]})."
    points = f"{abs(one.difference) * 100:.1f} points ({low * 100:.1f} to {high * 100:.1f})"
    return (
        f"{one.group} had {'fewer' if less else 'more'} {NOUNS[one.outcome]} than {_named(one.against)}, by {points}."
    )


def _named(group: str) -> str:
    return f"the {group}" if group == HOLDOUT else group


def _differences(differ: Sequence[Comparison]) -> str:
    """Several at once: who had more of what than whom; how much is in the table."""
    pairs: dict[tuple[str, str], list[str]] = {}
    for one in differ:
        noun = "revenue a head" if one.outcome == REVENUE else NOUNS[one.outcome]
        less = "less" if one.outcome == REVENUE else "fewer"
        words = f"{less if one.verdict == LOWER else 'more'} {noun}"
        pairs.setdefault((one.group, one.against), []).append(words)
    return "; ".join(f"{group} had {_and(had)} than {_named(against)}" for (group, against), had in pairs.items()) + "."


def _inconclusive(comparisons: Sequence[Comparison], currency: str) -> str:
    if not comparisons:
        return "Inconclusive: nobody has done any of it."
    seen = [f"{detectable(one, currency)} ({NOUNS[one.outcome]})" for one in _first_of_each(comparisons)]
    return (
        "Inconclusive: no difference is larger than chance makes them. "
        f"So few people could only have shown differences of {_and(seen)}."
    )


def _first_of_each(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The comparison of each outcome that could have shown the smallest difference."""
    found: dict[str, Comparison] = {}
    for one in comparisons:
        known = found.get(one.outcome)
        if known is None or one.detectable < known.detectable:
            found[one.outcome] = one
    return list(found.values())


def detectable(one: Comparison, currency: str) -> str:
    """The smallest difference that so many people could have shown, in words."""
    if one.outcome == REVENUE:
        return f"{money(one.detectable, currency)} {currency}"
    return f"{one.detectable * 100:.1f} points"


def money(minor: float, currency: str) -> str:
    """An amount in minor units that need not be whole."""
    return from_minor(round(minor), currency)


def money_of(found: Results, minor: float) -> str:
    """The same in the currency of a campaign's results."""
    return money(minor, found.currency)


def gain(found: Results) -> str:
    """What the campaign brought in over the holdout and what is left of it, or why nobody can tell; a sentence.

    "" while it is too early to tell anything, and when revenue was not asked for.
    """
    if verdict(found)[0] in SILENT or REVENUE not in found.asked.outcomes:
        return ""
    cost, brought, currency = found.cost, found.brought, found.currency
    said = ""
    if cost is not None:
        price = f"{from_minor(cost.amount, cost.currency)} {cost.currency}"
        said = f"{'was to cost' if cost.is_budget else 'cost'} {price}"
    if brought is None:
        why = _why_not(found)
        return f"It {said}; what it brought in {why}." if said else f"What it brought in {why}."
    words = [f"It brought in {money(brought.value, currency)} {currency} over the holdout {_span(brought, currency)}"]
    if said:
        words.append(said)
    if found.gain is not None:
        words.append(f"so {money(found.gain.value, currency)} {currency} are left {_span(found.gain, currency)}")
    return ", ".join(words) + ("." if _is_sure(found, brought) else "; inconclusive.")


def _is_sure(found: Results, brought: Estimate) -> bool:
    """Whether neither what it brought in nor what is left of it may be chance."""
    last = found.gain or brought
    return found.analysis.brought_p < LARGEST_CHANCE and not any(
        low <= 0 <= high for low, high in (brought.interval, last.interval)
    )


def _why_not(found: Results) -> str:
    if not any(group.is_holdout and group.n for group in found.groups):
        return "cannot be said, as nobody was held out"
    return "cannot be said, as nobody has bought anything"


def _span(estimate: Estimate, currency: str) -> str:
    low, high = estimate.interval
    return f"({money(low, currency)} to {money(high, currency)})"


def _and(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
