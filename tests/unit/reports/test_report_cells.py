from __future__ import annotations

from datetime import UTC
from datetime import date
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from crmctl.model.columns import day_number
from crmctl.model.columns import day_of
from crmctl.model.settings_reading import read_settings
from crmctl.reports.cells import Plain
from crmctl.reports.cells import plain_row
from crmctl.reports.params import params_for
from crmctl.reports.report import Column

if TYPE_CHECKING:
    from crmctl.reports.result import Value


@pytest.mark.parametrize(
    ("type_name", "value", "expected"),
    [
        ("text", "x", "x"),
        ("text", None, None),
        ("integer", 5, 5),
        ("percent", 33, 33),
        ("milli", 1500, "1.5"),
        ("milli", -250, "-0.25"),
        ("milli", 2000, "2"),
        ("milli", 0, "0"),
        ("milli", 100_000, "100"),
        ("day-number", 0, "1970-01-01"),
        ("day-number", 10**9, 10**9),
        ("day-number", 10**18, 10**18),
        ("boolean", 1, True),
        ("boolean", 0, False),
        ("boolean", None, None),
    ],
)
def test_a_value_as_it_is_read(type_name: str, value: Value, expected: Plain) -> None:
    (found,) = plain_row([Column("x", type_name)], (value,))
    assert found == expected
    assert type(found) is type(expected)


def test_money_has_the_decimals_of_the_currency_beside_it() -> None:
    columns = [Column("paid", "money", currency="unit"), Column("unit", "currency")]
    assert plain_row(columns, (1999, "EUR")) == ("19.99", "EUR")
    assert plain_row(columns, (-1999, "JPY")) == ("-1999", "JPY")
    assert plain_row(columns, (1999, "KWD")) == ("1.999", "KWD")
    assert plain_row(columns, (None, "EUR")) == (None, "EUR")
    assert plain_row(columns, (1999, None)) == ("19.99", None)
    assert plain_row(columns[:1], (1999,)) == ("19.99",)


def test_days_are_counted_from_1970() -> None:
    assert day_number(date(1970, 1, 2)) == 1
    assert day_of(day_number(date(2026, 11, 25))) == date(2026, 11, 25)


def test_a_run_is_told_the_day_of_the_book() -> None:
    settings = read_settings({"timezone": "Asia/Tokyo", "currency": "JPY"})
    now = datetime(2026, 11, 25, 20, 0, tzinfo=UTC)
    params = params_for(settings, now)
    assert (params.today, params.until, params.until_day) == (date(2026, 11, 26), None, None)
    assert params.now_time == int(now.timestamp())
    assert params.currency == "JPY"
    assert [row[1] for row in params.stages][-2:] == ["won", "lost"]
    assert params.stages[0] == ("sales", "lead", 1, 10, None, 1)


def test_a_run_as_of_a_day_ends_with_it() -> None:
    settings = read_settings({"timezone": "Asia/Tokyo"})
    now = datetime(2026, 11, 25, 20, 0, tzinfo=UTC)
    before = params_for(settings, now, date(2026, 3, 1))
    assert (before.today, before.until) == (date(2026, 3, 1), date(2026, 3, 1))
    assert before.now_time == int(datetime(2026, 3, 1, 14, 59, 59, tzinfo=UTC).timestamp())
    ahead = params_for(settings, now, date(2027, 1, 1))
    assert ahead.today == date(2027, 1, 1)
    assert ahead.now_time == int(now.timestamp())
