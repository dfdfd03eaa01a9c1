"""``crmctl help``: the pages are there, say what is so, and commands have their help."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC
from datetime import datetime
from typing import Any

import pytest

from crmctl import errors
from crmctl import query
from crmctl.cli import topics
from crmctl.model.kinds import CUSTOMER
from crmctl.model.kinds import DEAL
from crmctl.model.kinds import KINDS
from crmctl.model.values import Context
from crmctl.model.when import parse_when

Run = Callable[..., Any]
NOW = datetime(2026, 11, 18, 10, tzinfo=UTC)


def test_the_pages_are_listed(run: Run) -> None:
    result = run("help")
    assert result.code == 0
    assert re.findall(r"^  (\S+)  ", result.out, re.MULTILINE) == list(topics.TOPICS)


@pytest.mark.parametrize("name", list(topics.TOPICS))
def test_every_page_is_short_plain_and_fits_a_terminal(run: Run, name: str) -> None:
    result = run("help", name.upper())
    assert result.code == 0
    lines = result.out.splitlines()
    assert lines[0] == name.upper().replace("-", " ")
    assert max(map(len, lines)) <= 120
    assert "!" not in result.out.replace("!=", "").replace('" and !:', "")
    assert name == "fields" or len(lines) < 40


@pytest.mark.parametrize("name", list(topics.TOPICS))
def test_every_page_is_broken_where_a_narrow_terminal_ends(
    run: Run, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run("help", name).out
    monkeypatch.setattr("crmctl.cli.app.App.width", 80)
    narrow = run("help", name).out
    assert max(map(len, narrow.splitlines())) <= 80
    assert narrow.split() == whole.split()


def test_what_goes_on_stands_below_its_own_column(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crmctl.cli.app.App.width", 80)
    lines = run("help", "exit-codes").out.splitlines()
    (more,) = (line for line in lines if line.endswith("by others."))
    assert more.startswith("       ") and more[7] != " "


def test_every_exit_code_is_on_the_page(run: Run) -> None:
    codes = {value for value in vars(errors).values() if type(value) is int}
    shown = {int(code) for code in re.findall(r"^ +(\d+)  ", run("help", "exit-codes").out, re.MULTILINE)}
    assert shown == codes


def test_every_field_is_on_the_page(run: Run) -> None:
    out = run("help", "fields").out
    for kind in KINDS:
        assert kind.name.upper() in out
        for field in kind.fields:
            assert re.search(rf"^  {field.name}\*? ", out, re.MULTILINE)


def test_the_filters_on_the_page_are_understood(run: Run) -> None:
    out = run("help", "filters").out
    for text, kind in (
        ("last<90d", CUSTOMER),
        ("closes:2026-Q1", DEAL),
        ("value>=10000EUR", DEAL),
        ("address.city:Oslo", CUSTOMER),
        ("consent.newsletter:granted", CUSTOMER),
        ("external.shop:42", CUSTOMER),
        ('name:"Ada Lovelace"', CUSTOMER),
    ):
        assert text in out
        query.compile_filter(query.parse(text), kind, Context(), NOW)


def test_the_dates_on_the_page_are_understood(run: Run) -> None:
    out = run("help", "dates").out
    examples = (
        "2026-11-27|27.11.2026|27 nov|nov 27, 2026|today|yesterday|tomorrow|fri|next fri|last fri|3d|2 weeks|1m|+3d|"
        "-30d|in 2 weeks|3 days ago|som|eom|soq|eoq|soy|eoy|sow|eow|first monday of december|last day of next month|"
        "9:30|9:30pm|noon|tomorrow at 14:00|2026-11-27T09:30+01:00|2026|2026-11|2026-Q1|2026-W47|nov|"
        "last quarter|last 90 days|2026-01..2026-03"
    )
    for text in examples.split("|"):
        assert text in out
        parse_when(text, NOW, "past")


def test_the_help_of_a_command(run: Run) -> None:
    assert run("help", "check").out == run("check", "--help").out
    assert run("help", "deal", "set").out == run("deal", "set", "--help").out


def test_an_unknown_page(run: Run) -> None:
    result = run("help", "filtrs")
    assert result.code == 3
    assert "Did you mean filters?" in result.err
    assert "The pages are filters, dates" in run("help", "zzz").err
    assert run("help", "check", "nothing").code == 3
