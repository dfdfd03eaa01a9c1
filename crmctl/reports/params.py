"""What a report is told besides the book: the day it is asked for, the book's currency, the stages of its pipelines.

Nothing is ever spliced into the SQL of a report. It joins two small tables instead:

* ``params``, one row: ``today`` (ISO date), ``today_day`` (days since 1970-01-01), ``month`` (YYYY-MM), ``month_day``
  (first day of the month), ``year`` (YYYY), ``year_day`` (first day of the year), ``now_time`` (seconds since 1970 UTC)
  and ``currency`` (the book's);
* ``pipeline_stages``, one row a stage: ``pipeline``, ``stage``, ``step`` (1 for the first), ``probability`` (percent),
  ``outcome`` ("won", "lost" or NULL) and ``is_default`` (1 where a deal that names no pipeline belongs).
"""

from __future__ import annotations

from datetime import date
from datetime import datetime
from datetime import time
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.model.columns import day_number

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Sequence

    from crmctl.model.settings import Settings
    from crmctl.model.settings import Stage

PARAMS = (
    ("today", "VARCHAR"),
    ("today_day", "BIGINT"),
    ("month", "VARCHAR"),
    ("month_day", "BIGINT"),
    ("year", "VARCHAR"),
    ("year_day", "BIGINT"),
    ("now_time", "BIGINT"),
    ("currency", "VARCHAR"),
)
STAGES = (
    ("pipeline", "VARCHAR"),
    ("stage", "VARCHAR"),
    ("step", "BIGINT"),
    ("probability", "BIGINT"),
    ("outcome", "VARCHAR"),
    ("is_default", "BIGINT"),
)
StageRow = tuple[str, str, int, int, str | None, int]


class Params(NamedTuple):
    """What a run is told.

    ``today`` is the day that the report is asked for; ``now_time`` the moment, in seconds since 1970 UTC; ``currency``
    the book's; ``until`` the last day whose facts count (``--as-of``), None for all there are.
    """

    today: date
    now_time: int
    currency: str
    stages: tuple[StageRow, ...] = ()
    until: date | None = None

    @property
    def until_day(self) -> int | None:
        """``until`` in days since 1970-01-01."""
        return None if self.until is None else day_number(self.until)

    def row(self) -> tuple[str | int, ...]:
        """The row of the table ``params``, in the order of ``PARAMS``."""
        today = self.today
        return (
            today.isoformat(),
            day_number(today),
            f"{today:%Y-%m}",
            day_number(today.replace(day=1)),
            f"{today:%Y}",
            day_number(today.replace(month=1, day=1)),
            self.now_time,
            self.currency,
        )


def params_for(settings: Settings, now: datetime, as_of: date | None = None) -> Params:
    """The params of a run in a book.

    ``now`` is an aware moment; the day is the book's. With ``as_of`` that day is today, and what came later is left
    out; its moment is the end of the day, or ``now`` when that is earlier.
    """
    local = now.astimezone(settings.zone)
    moment = int(local.timestamp())
    today = local.date()
    if as_of is not None:
        end = datetime.combine(as_of, time(23, 59, 59), settings.zone)
        moment = min(moment, int(end.timestamp()))
        today = as_of
    return Params(today, moment, settings.currency, stage_rows(settings.pipelines), as_of)


def stage_rows(pipelines: Mapping[str, Sequence[Stage]]) -> tuple[StageRow, ...]:
    """The rows of ``pipeline_stages``; the first pipeline that has a stage is the default for deals that name none."""
    rows: list[StageRow] = []
    seen: set[str] = set()
    for pipeline, stages in pipelines.items():
        for step, stage in enumerate(stages, 1):
            default = 0 if stage.name in seen else 1
            seen.add(stage.name)
            rows.append((pipeline, stage.name, step, stage.probability, stage.outcome or None, default))
    return tuple(rows)
