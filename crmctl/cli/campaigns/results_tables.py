"""What came of campaigns, as tables for people: rates, differences, and several campaigns side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.analytics.experiments import REVENUE
from crmctl.cli import wide
from crmctl.cli.words import counted
from crmctl.render.rows import Column
from crmctl.render.rows import cell_text
from crmctl.services.campaigns.measuring.verdicts import money_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Sequence

    from crmctl.analytics.experiments import Comparison
    from crmctl.analytics.proportions import Interval
    from crmctl.cli.app import App
    from crmctl.render.rows import Value
    from crmctl.services.campaigns.measuring import comparing
    from crmctl.services.campaigns.measuring.results import Results

_SENT = 7
"""Columns about who got it; what they bought has a table of its own where a line is too short for both."""


def show(app: App, found: Results) -> None:
    """What came of one campaign: who got it, what each group did, how they differ."""
    from crmctl.services.campaigns.measuring import verdicts

    if found.began is None or found.until is None:
        return
    people = counted(sum(group.n for group in found.groups), "person").replace("persons", "people")
    app.say(
        f"{found.handle} began on {found.began:%Y-%m-%d %H:%M} for {people}; what they did within "
        f"{counted(found.asked.within, 'day')}, until {found.until:%Y-%m-%d %H:%M}."
    )
    heads = ["group", "people", "got it", "refused", "bounced", "complained", "opted out"]
    heads += ["orders", found.currency] if any(found.purchases) else []
    rows: list[list[Value]] = []
    for group, told, orders in zip(found.groups, found.delivery, found.purchases, strict=True):
        sent: list[Value] = [told.accepted, told.rejected, told.bounced, told.complained]
        sales: list[Value] = [orders, money_of(found, sum(group.spent))] if any(found.purchases) else []
        rows.append([group.name, group.n, *([None] * 4 if group.is_holdout else sent), told.opted_out, *sales])
    if len(heads) > _SENT and app.width and _width(heads, rows) > app.width:
        _numbers(app, heads[:_SENT], [row[:_SENT] for row in rows])
        app.print([""])
        heads, rows = [heads[0], *heads[_SENT:]], [[row[0], *row[_SENT:]] for row in rows]
    _numbers(app, heads, rows)
    app.print([""])
    _rates(app, found)
    if found.analysis.comparisons:
        app.print([""])
        _differences(app, found, [verdicts.of(found, one) for one in found.analysis.comparisons])
    app.print([""])


def _width(heads: Sequence[str], rows: Sequence[Sequence[Value]]) -> int:
    """Characters that a table takes in a line."""
    cells = [heads, *rows]
    return sum(max(len(cell_text(row[at])) for row in cells) + 2 for at in range(len(heads))) - 2


def _numbers(app: App, heads: Sequence[str], rows: Sequence[Sequence[Value]]) -> None:
    """A table with a name and numbers in each row."""
    columns = [Column(head, right=at > 0) for at, head in enumerate(heads)]
    wide.rows(app, "table", columns, rows, texts=heads[:1])


def _rates(app: App, found: Results) -> None:
    """What each group did; outcomes that nobody had are told in one line."""
    rows: list[list[Value]] = []
    nobody = []
    for outcome in found.asked.outcomes:
        if outcome == REVENUE:
            if found.buyers:
                rows += _revenue_rows(found)
            continue
        if not any(group.counts[outcome] for group in found.groups):
            nobody.append(outcome)
            continue
        for group, rates in zip(found.groups, found.analysis.rates, strict=True):
            rate = rates[outcome]
            share = _percent(rate.rate) if rate.rate is not None else None
            span = _span(rate.interval, _percent) if rate.rate is not None else None
            rows.append([outcome, group.name, rate.number, share, span])
    columns = [Column("outcome"), Column("group"), Column("people", right=True)]
    columns += [Column("rate", right=True), Column("interval", heading="95 % interval")]
    if rows:
        wide.rows(app, "table", columns, rows, texts=("group",))
    if nobody:
        app.print([f"Nobody had: {', '.join(nobody)}."])


def _revenue_rows(found: Results) -> list[list[Value]]:
    rows: list[list[Value]] = []
    for group, revenue in zip(found.groups, found.analysis.revenue, strict=True):
        if revenue is not None:
            amount = money_of(found, revenue.value)
            span = _span(revenue.interval, lambda value: money_of(found, value))
            rows.append([f"{found.currency} a head", group.name, len(group.spent), amount, span])
    return rows


def _differences(app: App, found: Results, words: Sequence[str]) -> None:
    several = len(words) > 1
    columns = [Column("outcome"), Column("compared"), Column("difference"), Column("lift")]
    columns += [Column("p", right=True, heading="p (Holm)" if several else "p"), Column("verdict")]
    columns.append(Column("seen", heading="could be seen"))
    rows: list[list[Value]] = []
    for one, word in zip(found.analysis.comparisons, words, strict=True):
        is_money = one.outcome == REVENUE

        def shown(value: float, *, is_money: bool = is_money) -> str:
            return f"{_plus(value)}{money_of(found, abs(value))}" if is_money else f"{value * 100:+.1f}"

        rows.append(
            [
                f"{found.currency} a head" if is_money else one.outcome,
                f"{one.group} against {one.against}",
                f"{shown(one.difference)} ({_span(one.interval, shown)})",
                _lift(one),
                _chance(one.adjusted) if word == one.verdict else "",
                word,
                money_of(found, one.detectable) if is_money else f"{one.detectable * 100:.1f} points",
            ]
        )
    wide.rows(app, "table", columns, rows, texts=("compared", "difference", "lift", "verdict"))


def _chance(p: float) -> str:
    return f"{p:.3f}" if p >= 0.001 else "<0.001"


def _plus(value: float) -> str:
    return "-" if value < 0 else "+"


def _lift(one: Comparison) -> str:
    if one.lift is None:
        return ""
    words = f"{one.lift * 100:+.0f} %"
    if one.lift_interval is None:
        return words
    return f"{words} ({one.lift_interval.low * 100:+.0f} to {one.lift_interval.high * 100:+.0f})"


def side_by_side(found: Sequence[comparing.Column]) -> list[list[Value]]:
    """Measures as rows, campaigns as columns."""
    first = found[0].found
    rows: list[list[Value]] = [
        ["began", *(f"{one.found.began:%Y-%m-%d}" if one.found.began else "not yet" for one in found)],
        ["people", *(one.group.n for one in found)],
        ["got it", *(one.delivery.accepted for one in found)],
    ]
    for outcome in first.asked.outcomes:
        if outcome == REVENUE:
            rows.append(["revenue a head", *(_side_revenue(one) for one in found)])
        else:
            rows.append([outcome, *(_side_rate(one, outcome) for one in found)])
    for name in ("bounced", "complained", "opted_out"):
        rows.append([name.replace("_", " "), *(getattr(one.delivery, name) for one in found)])
    rows.append(["cost", *(_cost_words(one.found) for one in found)])
    rows.append(["brought in over its holdout", *(_brought_words(one.found) for one in found)])
    return rows


def _side_rate(one: comparing.Column, outcome: str) -> str:
    rate = one.rates[outcome]
    return "" if rate.rate is None else f"{_percent(rate.rate)} ({_span(rate.interval, _percent)})"


def _side_revenue(one: comparing.Column) -> str:
    if one.revenue is None:
        return ""
    span = _span(one.revenue.interval, lambda value: money_of(one.found, value))
    return f"{money_of(one.found, one.revenue.value)} {one.found.currency} ({span})"


def _cost_words(found: Results) -> str:
    from crmctl.model.money import from_minor

    if found.cost is None:
        return ""
    words = f"{from_minor(found.cost.amount, found.cost.currency)} {found.cost.currency}"
    return f"{words} (budget)" if found.cost.is_budget else words


def _brought_words(found: Results) -> str:
    from crmctl.services.campaigns.measuring import verdicts

    word = verdicts.verdict(found)[0]
    if word in verdicts.SILENT:
        return {verdicts.EARLY: "too early", verdicts.BROKEN: "broken"}.get(word, "")
    if found.brought is None:
        return "cannot be said"
    span = _span(found.brought.interval, lambda value: money_of(found, value))
    return f"{money_of(found, found.brought.value)} {found.currency} ({span})"


def _percent(part: float) -> str:
    return f"{part * 100:.1f} %"


def _span(interval: Interval, shown: Callable[[float], str]) -> str:
    return f"{shown(interval.low).removesuffix(' %')} to {shown(interval.high)}"
