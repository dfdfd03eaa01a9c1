"""Records become rows: every type, what cannot be told, groups, lists, maps and currencies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from crmctl.index import ddl
from crmctl.index.rows import Encoder
from crmctl.model.columns import day_number
from crmctl.model.settings_reading import read_settings

if TYPE_CHECKING:
    from crmctl.index.cells import Cell
    from crmctl.index.rows import Row
    from crmctl.model.raw import Raw
    from crmctl.model.raw import RawMap

TYPES = "text url email template phone date datetime money number choice ref country currency language timezone".split()
TYPES += "integer percent boolean days".split()
PARTS: Raw = {"net": {"type": "money", "currency": "coin"}, "coin": "currency", "vat": "money", "why": "note"}
SETTINGS = read_settings(
    {
        "currency": "EUR",
        "timezone": "Europe/Berlin",
        "country": "DE",
        "kinds": {
            "thing": {
                "fields": {
                    "name": {"search": "yes"},
                    "currency": "currency",
                    "memo": {"type": "note", "search": "yes"},
                    "rule": "filter",
                    **{f"one_{name}": {"type": name, "kind": "member"} for name in TYPES},
                    **{
                        f"many_{name}": {"type": name, "kind": "member", "shape": "list", "search": "yes"}
                        for name in TYPES
                    },
                    "memos": {"type": "note", "shape": "map"},
                    "fee": {"type": "group", "fields": PARTS},
                    "fees": {"type": "group", "shape": "list", "fields": PARTS},
                }
            }
        },
    }
)


def encode(data: RawMap, kind: str = "thing") -> Row:
    return Encoder(SETTINGS.schema.require(kind), SETTINGS).encode(data)


def cells(data: RawMap, kind: str = "thing") -> dict[str, Cell]:
    """The cells that are there, by column."""
    declared = SETTINGS.schema.require(kind)
    names = [name for name, _, _ in ddl.row_columns(declared)]
    return {name: cell for name, cell in zip(names, encode(data, kind).cells, strict=True) if cell is not None}


def children(data: RawMap, table: str) -> list[list[Cell]]:
    return dict(encode(data).children)[f"things_{table}"]


GOOD: list[tuple[str, str, dict[str, Cell]]] = [
    ("text", "Zoë", {"": "Zoë", "_key": "zoe"}),
    ("url", "X.org", {"": "X.org", "_key": "x.org"}),
    ("email", "É@X.org", {"": "É@X.org", "_key": "é@x.org"}),
    ("template", "Hello", {"": "Hello", "_key": "hello"}),
    ("phone", "030 901820", {"": "030 901820", "_key": "4930901820"}),
    ("date", "1970-01-11", {"": "1970-01-11", "_day": 10, "_month": "1970-01"}),
    (
        "datetime",
        "2026-06-30T23:30:00Z",
        {"": "2026-06-30T23:30:00Z", "_day": 20635, "_month": "2026-07", "_time": 1782862200},
    ),
    ("money", "1.5", {"_minor": 150}),
    ("number", "-2.125", {"_milli": -2125}),
    ("choice", "WON", {"": "won"}),
    ("ref", "ada", {"": "ada"}),
    ("country", "Germany", {"": "DE"}),
    ("currency", "usd", {"": "USD"}),
    ("language", "pt_br", {"": "pt-BR"}),
    ("timezone", "Europe/Berlin", {"": "Europe/Berlin"}),
    ("integer", "7", {"": 7}),
    ("percent", "25%", {"": 25}),
    ("boolean", "yes", {"": 1}),
    ("days", "2w", {"": 14}),
]


@pytest.mark.parametrize(("name", "text", "expected"), GOOD)
def test_every_type_has_its_cells(name: str, text: str, expected: dict[str, Cell]) -> None:
    found = cells({f"one_{name}": text})
    found.pop("currency", None)
    assert found == {f"one_{name}{suffix}": cell for suffix, cell in expected.items()}


@pytest.mark.parametrize(("name", "text", "expected"), GOOD)
def test_lists_have_the_same_cells_a_row_each(name: str, text: str, expected: dict[str, Cell]) -> None:
    assert children({f"many_{name}": [text, text]}, f"many_{name}") == [
        [0, None, *expected.values()],
        [1, None, *expected.values()],
    ]


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("phone", True),
        ("date", True),
        ("datetime", True),
        ("money", False),
        ("number", False),
        ("country", False),
        ("currency", False),
        ("language", False),
        ("integer", False),
        ("percent", False),
        ("boolean", False),
        ("days", False),
    ],
)
def test_what_cannot_be_told_counts_for_nothing_and_hurts_nothing(name: str, kept: bool) -> None:
    found = cells({"name": "x", f"one_{name}": "gibberish, really"})
    found = {column: cell for column, cell in found.items() if not column.startswith("name")}
    assert found == ({f"one_{name}": "gibberish, really"} if kept else {})


def test_a_day_that_is_none_has_no_number_of_days() -> None:
    assert cells({"one_date": "2026-02-30"}) == {"one_date": "2026-02-30"}


def test_the_same_text_means_the_same_every_time() -> None:
    encoder = Encoder(SETTINGS.schema.require("thing"), SETTINGS)
    data: RawMap = {"one_date": "2026-01-02", "one_choice": "A", "many_date": ["2026-01-02", "x"]}
    assert encoder.encode(data) == encoder.encode(data)


def test_long_texts_stand_aside() -> None:
    row = encode({"memo": "Long\nTEXT", "rule": "Tag:VIP"})
    assert row.raw == ["long text", "tag:vip", None, None]
    assert row.words == "long text"
    assert children({"memos": {"a": "Long TEXT", "b": ""}}, "memos") == [[0, "a", "Long TEXT", "long text"]]


def test_searched_texts_are_collected_without_accents() -> None:
    row = encode({"name": "Zoë", "many_phone": ["030 901820"], "many_text": ["Ünder"], "one_text": "not searched"})
    assert row.words == "zoe 030 901820 4930901820 under"
    assert encode({"one_text": "x"}).words == ""


@pytest.mark.parametrize(
    ("data", "minor", "currency"),
    [
        ({"one_money": "1.5"}, 150, "EUR"),
        ({"one_money": "1.5", "currency": "usd"}, 150, "USD"),
        ({"one_money": "15", "currency": "JPY"}, 15, "JPY"),
        ({"one_money": "1.5", "currency": "JPY"}, None, "JPY"),
        ({"one_money": "1.5", "currency": "€"}, None, None),
        ({"one_money": "1.5", "currency": ["EUR"]}, None, None),
        ({"one_money": "lots"}, None, None),
        ({}, None, None),
    ],
)
def test_amounts_are_counted_in_their_own_currency_or_not_at_all(
    data: RawMap, minor: int | None, currency: str | None
) -> None:
    found = cells(data)
    assert (found.get("one_money_minor"), found.get("currency")) == (minor, currency)


def test_amounts_in_a_group_look_for_their_currency_in_the_group() -> None:
    found = cells({"currency": "JPY", "fee": {"net": "1.5", "coin": "USD", "vat": "7", "why": "Because", "odd": "x"}})
    assert found == {"currency": "JPY", "fee_net_minor": 150, "fee_coin": "USD", "fee_vat_minor": 7}
    assert encode({"fee": {"why": "Because"}}).raw == [None, None, "because", None]
    assert cells({"fee": {"net": "1.5"}}) == {"fee_net_minor": 150, "fee_coin": "EUR"}


def test_amounts_in_a_list_of_groups_do_too() -> None:
    data: RawMap = {
        "currency": "JPY",
        "fees": [{"net": "1.5", "coin": "USD", "vat": "7", "why": "Why"}, {"net": "1.5"}],
    }
    assert children(data, "fees") == [
        [0, None, 150, "USD", 7, "Why", "why"],
        [1, None, 150, None, None, None, None],
    ]
    assert cells({"fees": [{"vat": "7"}]}) == {"currency": "EUR"}


def test_odd_shapes_are_read_as_far_as_they_go() -> None:
    assert cells({"name": ["x"], "one_text": {"a": "b"}, "fee": "x", "unknown": "y"}) == {}
    assert children({"fees": ["odd"]}, "fees") == [[0, None, None, None, None, None, None]]
    assert children({"memos": ["a"]}, "memos") == [[0, None, "a", "a"]]
    assert encode({"many_text": ["", ["nested"], {}], "many_date": "2026-01-01", "memos": {}}).children == []


@pytest.mark.parametrize(
    ("data", "status", "probability"),
    [
        ({"stage": "proposal"}, "open", 50),
        ({"stage": "Won"}, "won", 100),
        ({"stage": "lost", "probability": "30"}, "lost", 30),
        ({"stage": "proposal", "probability": "many"}, "open", 50),
        ({"stage": "unheard of"}, "open", None),
        ({"stage": "proposal", "pipeline": "other"}, "open", None),
        ({}, "open", None),
    ],
)
def test_the_stage_tells_status_and_probability(data: RawMap, status: str, probability: int | None) -> None:
    found = cells(data, "deal")
    assert (found["status"], found.get("probability")) == (status, probability)


def test_times_belong_to_the_day_they_had_in_the_books_zone() -> None:
    found = cells({"at": "2026-12-31T23:30:00Z", "type": "call"}, "interaction")
    assert (found["at_month"], found["at_day"]) == ("2027-01", 20819)
    found = cells({"at": "2026-12-31T23:30:00", "type": "call"}, "interaction")
    assert (found["at_month"], found["at_time"]) == ("2026-12", 1798756200)
    assert cells({"at": "1969-12-31T23:59:59.5Z", "type": "call"}, "interaction")["at_time"] == -1


def test_days_are_counted_from_1970() -> None:
    from datetime import date

    assert [day_number(date(1970, 1, 1)), day_number(date(1969, 12, 31))] == [0, -1]
