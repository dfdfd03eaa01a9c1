from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from helpers.both_ways import merge_both_ways
from helpers.both_ways import three_records

from crmctl.merge.outcome import Clash
from crmctl.merge.outcome import Value
from crmctl.merge.records import merge_record
from crmctl.model.fields import Field
from crmctl.model.fields import Kind
from crmctl.model.kinds import CAMPAIGN
from crmctl.model.kinds import CUSTOMER
from crmctl.model.kinds import DEAL
from crmctl.model.kinds import INTERACTION
from crmctl.model.kinds import KINDS

if TYPE_CHECKING:
    from crmctl.model.raw import Raw
    from crmctl.model.raw import RawMap


def test_each_side_has_its_say() -> None:
    base: RawMap = {"id": "1", "name": "Ada", "role": "boss", "source": "fair", "x": "1", "language": "en"}
    ours: RawMap = {"id": "1", "name": "Ada L", "role": "boss", "x": "1", "language": "en", "website": "a.example"}
    theirs: RawMap = {"id": "1", "role": "boss", "name": "Ada", "source": "fair", "x": "2", "y": "3", "language": "de"}
    wanted = {"id": "1", "name": "Ada L", "role": "boss", "x": "2", "y": "3", "language": "de", "website": "a.example"}
    assert merge_both_ways(CUSTOMER, base, ours, theirs) == (wanted, ())


def test_keys_stand_as_in_ours_then_as_in_theirs() -> None:
    merged = merge_record(CUSTOMER, {"b": "1"}, {"c": "1", "b": "1", "a": "1"}, {"b": "1", "e": "1", "d": "1"})
    assert [*merged.data] == ["c", "b", "a", "e", "d"]


@pytest.mark.parametrize("name", ["name", "birthday", "organization", "unknown", "last"])
@pytest.mark.parametrize(
    ("base", "ours", "theirs"), [("0", "1", "2"), (None, "1", "2"), ("0", None, "2"), ("0", "", ["2"])]
)
def test_single_values_and_unknown_ones_are_questions(name: str, base: Value, ours: Value, theirs: Value) -> None:
    sides = three_records(name, base, ours, theirs)
    merged = merge_both_ways(CUSTOMER, *sides)
    assert merged == (sides[1], (Clash((name,), (name,), base, ours, theirs),))
    assert merge_both_ways(CUSTOMER, *sides, {(name,): theirs}) == ({} if theirs is None else {name: theirs}, ())


def test_unknown_lists_and_maps_are_scalars() -> None:
    merged = merge_both_ways(CUSTOMER, {"pets": ["a"]}, {"pets": ["a", "b"]}, {"pets": ["a", "c"]})
    assert [clash.path for clash in merged.clashes] == [("pets",)]


def test_questions_come_in_the_order_of_the_schema() -> None:
    names = ("zebra", "notes", "external", "name", "aloe", "consent", "website")
    base: RawMap = {"external": {"b": "0", "a": "0"}}
    ours: RawMap = {**dict.fromkeys(names, "1"), "external": {"b": "1", "a": "1"}}
    theirs: RawMap = {**dict.fromkeys(reversed(names), "2"), "external": {"a": "2", "b": "2"}}
    merged = merge_both_ways(CUSTOMER, base, ours, theirs)
    assert [clash.path for clash in merged.clashes] == [
        ("name",),
        ("website",),
        ("consent",),
        ("external", "a"),
        ("external", "b"),
        ("notes",),
        ("aloe",),
        ("zebra",),
    ]


@pytest.mark.parametrize("kind", [None, *KINDS], ids=lambda kind: kind.name if kind else "settings")
def test_nothing_changed_is_nothing_merged(kind: Kind | None) -> None:
    record: RawMap = {
        "id": "1",
        "name": "x",
        "tags": ["a", "a"],
        "amount": "1",
        "currency": "EUR",
        "status": {"a": ["b"]},
    }
    other: RawMap = {"id": "1", "name": "y", "lines": [], "currency": "USD"}
    assert merge_both_ways(kind, record, record, record) == (record, ())
    assert merge_both_ways(kind, record, record, other) == (other, ())
    assert merge_both_ways(kind, {}, other, other) == (other, ())


def test_what_goes_in_stays_as_it_is() -> None:
    base: RawMap = {"tags": ["a"], "external": {"x": "1"}}
    ours: RawMap = {"tags": ["a", "b"], "external": {"x": "1", "y": "1"}}
    theirs: RawMap = {"tags": ["a", "c"], "external": {"x": "1", "z": "1"}}
    before = repr((base, ours, theirs))
    merge_record(CUSTOMER, base, ours, theirs)
    assert repr((base, ours, theirs)) == before


# Money

EUR: RawMap = {"amount": "10", "currency": "EUR"}
LINES: Raw = [{"product": "a", "price": "1"}]


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "merged"),
    [
        (EUR, {**EUR, "amount": "20"}, EUR, {**EUR, "amount": "20"}),
        (EUR, {"amount": "11", "currency": "USD"}, EUR, {"amount": "11", "currency": "USD"}),
        (EUR, {**EUR, "currency": "USD"}, {**EUR, "currency": "USD"}, {**EUR, "currency": "USD"}),
        (EUR, {"amount": "10"}, EUR, {"amount": "10"}),
        (EUR, {}, EUR, {}),
        ({}, {"lines": LINES}, {"amount": "1"}, {"lines": LINES, "amount": "1"}),
        ({**EUR, "lines": LINES}, {**EUR, "amount": "2", "lines": LINES}, EUR, {**EUR, "amount": "2"}),
        (
            {**EUR, "probability": "1"},
            {**EUR, "currency": "USD", "probability": "1"},
            {**EUR, "probability": "2"},
            {**EUR, "currency": "USD", "probability": "2"},
        ),
    ],
)
def test_amounts_in_one_currency(base: RawMap, ours: RawMap, theirs: RawMap, merged: RawMap) -> None:
    assert merge_both_ways(DEAL, base, ours, theirs) == (merged, ())


def test_amounts_alone_are_scalars() -> None:
    merged = merge_both_ways(DEAL, EUR, {**EUR, "amount": "11"}, {**EUR, "amount": "12"})
    assert merged.clashes == (Clash(("amount",), ("amount",), "10", "11", "12"),)


def test_a_currency_that_nothing_is_in_is_a_value_like_any_other() -> None:
    base: RawMap = {"currency": "EUR"}
    ours: RawMap = {"currency": "USD"}
    theirs: RawMap = {"currency": "CHF"}
    clash = Clash(("currency",), ("currency",), "EUR", "USD", "CHF")
    assert merge_both_ways(DEAL, base, ours, theirs).clashes == (clash,)
    assert merge_both_ways(DEAL, base, ours, theirs, {("currency",): "GBP"}) == ({"currency": "GBP"}, ())
    assert merge_both_ways(DEAL, base, {}, ours).clashes == (clash._replace(ours=None, theirs="USD"),)
    assert merge_both_ways(DEAL, base, ours, base) == (ours, ())


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "names"),
    [
        (EUR, {**EUR, "currency": "USD"}, {**EUR, "amount": "11"}, ("amount", "currency")),
        (EUR, {**EUR, "currency": "USD"}, {**EUR, "currency": "CHF"}, ("amount", "currency")),
        (EUR, {"amount": "11", "currency": "USD"}, {"amount": "12", "currency": "USD"}, ("amount", "currency")),
        (EUR, {"amount": "11", "currency": "USD"}, {}, ("amount", "currency")),
        (EUR, {**EUR, "currency": "USD"}, {**EUR, "lines": LINES}, ("amount", "currency", "lines")),
        ({}, {"currency": "USD"}, {"lines": LINES}, ("currency", "lines")),
        ({}, EUR, {"amount": "11", "currency": "USD"}, ("amount", "currency")),
    ],
)
def test_a_currency_and_what_is_in_it_are_one_value(
    base: RawMap, ours: RawMap, theirs: RawMap, names: tuple[str, ...]
) -> None:
    clash = Clash(("currency",), names, base or None, ours or None, theirs or None)
    assert merge_both_ways(DEAL, base, ours, theirs) == (ours, (clash,))
    assert merge_both_ways(DEAL, base, ours, theirs, {("currency",): theirs or None}) == (theirs, ())
    other: RawMap = {"amount": "7", "currency": "JPY", "tags": ["not asked"]}
    assert merge_both_ways(DEAL, base, ours, theirs, {("currency",): other}).data == {"amount": "7", "currency": "JPY"}
    assert merge_both_ways(DEAL, base, ours, theirs, {("currency",): "JPY"}).clashes == (clash,)


def test_every_amount_of_a_record_belongs_to_its_currency() -> None:
    base: RawMap = {"cost": "1", "budget": "2", "name": "x"}
    merged = merge_both_ways(CAMPAIGN, base, {**base, "currency": "USD"}, {**base, "cost": "3"})
    assert [clash.names for clash in merged.clashes] == [("budget", "cost", "currency")]
    merged = merge_both_ways(INTERACTION, {"lines": LINES}, {"lines": LINES, "currency": "USD"}, {"lines": []})
    assert [clash.names for clash in merged.clashes] == [("currency", "lines")]


def test_a_field_in_no_currency_is_on_its_own() -> None:
    kind = Kind(
        "x", "xs", (Field("total", "money"), Field("price", "money", currency="unit"), Field("unit", "currency"))
    )
    base: RawMap = {"total": "1", "price": "1"}
    merged = merge_both_ways(kind, base, {**base, "unit": "EUR"}, {**base, "total": "2"})
    assert merged == ({"total": "2", "price": "1", "unit": "EUR"}, ())


# Settings


def test_settings_are_merged_at_every_depth() -> None:
    base: RawMap = {"name": "B", "purposes": {"news": {"basis": "consent", "help": "x"}, "old": "contract"}}
    ours: RawMap = {
        "name": "B",
        "purposes": {"news": {"basis": "consent", "help": "y"}, "old": "contract", "o": "legal"},
    }
    theirs: RawMap = {"name": "C", "purposes": {"news": {"basis": "contract", "help": "x"}, "t": "legal"}}
    wanted = {"name": "C", "purposes": {"news": {"basis": "contract", "help": "y"}, "o": "legal", "t": "legal"}}
    assert merge_both_ways(None, base, ours, theirs) == (wanted, ())


@pytest.mark.parametrize(
    ("base", "ours", "theirs"),
    [
        ("1", "2", "3"),
        (["1"], ["1", "2"], ["1", "3"]),
        ({"x": "1"}, None, {"x": "2"}),
        ({"x": "1"}, {"x": "1", "y": "1"}, "off"),
        ("on", {"x": "1"}, {"x": "2"}),
    ],
)
def test_what_is_no_map_is_a_question(base: Value, ours: Value, theirs: Value) -> None:
    old, left, right = three_records("b", base, ours, theirs)
    sides: tuple[RawMap, RawMap, RawMap] = {"a": old}, {"a": left}, {"a": right}
    merged = merge_both_ways(None, *sides)
    assert merged == (sides[1], (Clash(("a", "b"), ("a",), base, ours, theirs),))
    answered = merge_both_ways(None, *sides, {("a", "b"): theirs})
    assert answered == (sides[2], ())


def test_maps_that_both_added_are_joined() -> None:
    ours: RawMap = {"fields": {"customer": {"size": "number"}}}
    theirs: RawMap = {"fields": {"customer": {"hue": "text"}, "deal": {"x": "date"}}}
    wanted = {"fields": {"customer": {"size": "number", "hue": "text"}, "deal": {"x": "date"}}}
    assert merge_both_ways(None, {}, ours, theirs) == (wanted, ())
    theirs = {"fields": {"customer": {"size": "text"}}}
    clash = Clash(("fields", "customer", "size"), ("fields",), None, "number", "text")
    assert merge_both_ways(None, {}, ours, theirs) == (ours, (clash,))


def test_questions_on_settings_come_by_path() -> None:
    merged = merge_both_ways(None, {}, {"b": "1", "a": {"z": "1", "y": "1"}}, {"a": {"y": "2", "z": "2"}, "b": "2"})
    assert [clash.path for clash in merged.clashes] == [("a", "y"), ("a", "z"), ("b",)]
