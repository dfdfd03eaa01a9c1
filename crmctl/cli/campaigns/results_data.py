"""A campaign's results as data for programs: one object with keys that stay, or a row for each group and outcome.

Rates and shares are parts of 1; amounts are texts in the book's currency.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

from crmctl.analytics.experiments import REVENUE
from crmctl.model.money import from_minor
from crmctl.render.rows import Column
from crmctl.services.campaigns.measuring import verdicts

if TYPE_CHECKING:
    from crmctl.analytics.bootstrap import Estimate
    from crmctl.analytics.experiments import Comparison
    from crmctl.analytics.experiments import Rate
    from crmctl.analytics.proportions import Interval
    from crmctl.render.rows import Value
    from crmctl.services.campaigns.measuring import comparing
    from crmctl.services.campaigns.measuring.results import Results

LONG = tuple(
    Column(name)
    for name in ("campaign", "group", "kind", "outcome", "people", "count", "rate", "low", "high", "currency")
)


def document(found: Results) -> dict[str, Any]:
    """All results as one object."""
    word, sentence = verdicts.verdict(found)
    ratio = found.analysis.ratio
    cost = found.cost
    return {
        "campaign": found.handle,
        "name": found.name,
        "status": found.status,
        "within": found.asked.within,
        "began": found.began.isoformat(timespec="seconds") if found.began else None,
        "until": found.until.isoformat(timespec="seconds") if found.until else None,
        "over": found.is_over,
        "currency": found.currency,
        "groups": _groups(found),
        "comparisons": [_comparison(found, one) for one in found.analysis.comparisons],
        "sample_ratio": {"p": _number(ratio), "broken": found.analysis.is_broken},
        "cost": {"amount": from_minor(cost.amount, cost.currency), "currency": cost.currency, "budget": cost.is_budget}
        if cost
        else None,
        "brought": None if word in verdicts.SILENT else _brought(found),
        "return": None if word in verdicts.SILENT else _estimate(found, found.gain),
        "verdict": word,
        "sentence": sentence,
        "notes": found.notes,
    }


def _groups(found: Results) -> list[dict[str, Any]]:
    made = []
    parts = zip(
        found.groups, found.delivery, found.purchases, found.analysis.rates, found.analysis.revenue, strict=True
    )
    for group, told, purchases, rates, revenue in parts:
        made.append(
            {
                "group": group.name,
                "kind": "holdout" if group.is_holdout else "arm",
                "share": _number(group.share),
                "people": group.n,
                **told._asdict(),
                "outcomes": _rates(rates),
                "purchases": purchases,
                "revenue": verdicts.money_of(found, sum(group.spent)),
                "revenue_per_head": _estimate(found, revenue),
            }
        )
    return made


def side(one: comparing.Column) -> dict[str, Any]:
    """Everybody who was to get a campaign, as one group."""
    return {
        "people": one.group.n,
        **one.delivery._asdict(),
        "outcomes": _rates(one.rates),
        "revenue_per_head": _estimate(one.found, one.revenue),
    }


def _comparison(found: Results, one: Comparison) -> dict[str, Any]:
    is_money = one.outcome == REVENUE

    def shown(value: float) -> float | str | None:
        return verdicts.money_of(found, value) if is_money else _number(value)

    lifted = one.lift_interval
    return {
        "outcome": one.outcome,
        "group": one.group,
        "against": one.against,
        "difference": shown(one.difference),
        "low": shown(one.interval.low),
        "high": shown(one.interval.high),
        "lift": _number(one.lift),
        "lift_low": _number(lifted.low) if lifted else None,
        "lift_high": _number(lifted.high) if lifted else None,
        "p": _number(one.p),
        "p_holm": _number(one.adjusted),
        "detectable": shown(one.detectable),
        "verdict": verdicts.of(found, one),
    }


def _brought(found: Results) -> dict[str, Any] | None:
    estimate = _estimate(found, found.brought)
    return None if estimate is None else {**estimate, "p": _number(found.analysis.brought_p)}


def _estimate(found: Results, estimate: Estimate | None) -> dict[str, str] | None:
    if estimate is None:
        return None
    amounts = (estimate.value, *estimate.interval)
    return {
        name: verdicts.money_of(found, amount) for name, amount in zip(("value", "low", "high"), amounts, strict=True)
    }


def _rates(rates: dict[str, Rate]) -> dict[str, Any]:
    return {
        outcome: {"count": rate.number, "rate": _number(rate.rate), **_ends(rate.interval)}
        for outcome, rate in rates.items()
    }


def _ends(interval: Interval) -> dict[str, float | None]:
    return {"low": _number(interval.low), "high": _number(interval.high)}


def _number(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def long(found: Results) -> list[list[Value]]:
    """A row for each group and outcome."""
    rows: list[list[Value]] = []
    for group, rates, revenue in zip(found.groups, found.analysis.rates, found.analysis.revenue, strict=True):
        start: list[Value] = [found.handle, group.name, "holdout" if group.is_holdout else "arm"]
        for outcome, rate in rates.items():
            parts = [None if value is None else f"{value:.6f}" for value in (rate.rate, *rate.interval)]
            rows.append([*start, outcome, group.n, rate.number, *parts, None])
        if revenue is not None:
            amounts = [verdicts.money_of(found, value) for value in (revenue.value, *revenue.interval)]
            rows.append([*start, REVENUE, group.n, len(group.spent), *amounts, found.currency])
    return rows
