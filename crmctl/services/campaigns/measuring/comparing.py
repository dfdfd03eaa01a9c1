"""Several campaigns side by side: what each had, by the same measure. They were not randomised against each other."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.analytics import experiments
from crmctl.analytics.experiments import REVENUE
from crmctl.errors import UsageProblem
from crmctl.services.campaigns.measuring.results import WHOLE
from crmctl.services.campaigns.measuring.results import Delivery
from crmctl.services.campaigns.measuring.results import results

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmctl.analytics.bootstrap import Estimate
    from crmctl.analytics.experiments import Group
    from crmctl.analytics.experiments import Rate
    from crmctl.services.book import Book
    from crmctl.services.campaigns.measuring.results import Asked
    from crmctl.services.campaigns.measuring.results import Results

WARNING = (
    "These campaigns went to different people at different times, and chance did not share the people out among them: "
    "a difference need not come from the campaigns."
)


class Column(NamedTuple):
    """One campaign: everybody who was to get it, as one group; what became of the messages, rates, revenue a head."""

    found: Results
    group: Group
    delivery: Delivery
    rates: dict[str, Rate]
    revenue: Estimate | None


def compare(book: Book, handles: Sequence[str], asked: Asked) -> list[Column]:
    """Several campaigns by the same measure, each once, in the order named; nothing is written.

    Raises:
        UsageProblem: there are not two of them; else as ``results``.
    """
    handles = list(dict.fromkeys(handles))
    if len(handles) < 2:
        raise UsageProblem("one campaign alone is compared with nothing", hint="crmctl campaign compare ONE ANOTHER")
    return [_column(results(book, handle, asked)) for handle in handles]


def _column(found: Results) -> Column:
    got = [(group, told) for group, told in zip(found.groups, found.delivery, strict=True) if not group.is_holdout]
    counts = {
        outcome: sum(group.counts.get(outcome, 0) for group, _ in got)
        for outcome in found.asked.outcomes
        if outcome != REVENUE
    }
    group = experiments.Group(
        WHOLE, sum(group.n for group, _ in got), counts, [spent for group, _ in got for spent in group.spent]
    )
    alone = experiments.analyse([group], found.asked.outcomes, f"crmctl|{found.handle}")
    # With everybody held out there is no group that got it.
    nothing = Delivery(*(0 for _ in Delivery._fields))
    delivery = Delivery(*(sum(numbers) for numbers in zip(nothing, *(told for _, told in got), strict=True)))
    return Column(found, group, delivery, alone.rates[0], alone.revenue[0])
