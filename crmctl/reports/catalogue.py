"""The reports there are: the ones that ship with crmctl, and how a book's own join them."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from crmctl.errors import NotFound
from crmctl.reports.header import parse_report
from crmctl.reports.report import Bar
from crmctl.reports.report import Column
from crmctl.reports.report import Report
from crmctl.reports.report import Totals

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Mapping

__all__ = [
    "NAMES",
    "Bar",
    "Column",
    "Report",
    "Totals",
    "built_in",
    "catalogue",
    "find",
    "parse_report",
]

NAMES = (
    "customers",
    "activity",
    "channels",
    "losing-touch",
    "pipeline",
    "won-lost",
    "sales-by-month",
    "sales-by-customer",
    "sales-by-product",
    "sales-by-member",
    "sales-by-country",
    "followups",
    "cases",
    "data-quality",
)
"""The built-in reports, in the order they are listed."""

_FOLDER = Path(__file__).parent / "sql"


@lru_cache(maxsize=len(NAMES))
def _shipped(name: str) -> Report:
    path = _FOLDER / f"{name}.sql"
    return parse_report(name, f"crmctl/reports/sql/{path.name}", path.read_text(encoding="utf-8"))


def built_in() -> Mapping[str, Report]:
    """All reports that ship with crmctl, by name, in the order they are listed."""
    return {name: _shipped(name) for name in NAMES}


def catalogue(own: Iterable[Report] = ()) -> Mapping[str, Report]:
    """Built-in reports and a book's ``own`` ones by name; an own one stands in for a built-in one of its name."""
    return {**built_in(), **{report.name: report for report in own}}


def find(name: str, own: Mapping[str, Report] | None = None) -> Report:
    """The report called ``name``, reading no more files than that one.

    Raises:
        NotFound: there is no such report; the hint names the nearest.
    """
    own = own or {}
    if name in own:
        return own[name]
    if name in NAMES:
        return _shipped(name)
    from difflib import get_close_matches

    near = get_close_matches(name, [*own, *NAMES], 1)
    hint = f"Did you mean {near[0]!r}?" if near else "`crmctl report list` shows them all."
    raise NotFound(f"there is no report {name!r}", hint=hint)
