from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from helpers.query_book import CUSTOMER
from helpers.query_book import DEAL
from helpers.query_book import THING
from helpers.query_book import Record
from helpers.query_book import build

from crmctl import query
from crmctl.model import kinds
from crmctl.query import BadFilter

if TYPE_CHECKING:
    from crmctl.model.fields import Kind


def ordered(kind: Kind, records: list[Record], *names: str) -> str:
    statement = f"SELECT t.handle FROM {kind.plural} t ORDER BY {query.order_by([*names, 'handle'], kind)}"
    return " ".join(handle for (handle,) in build(kind, records).execute(statement))


DEALS: list[Record] = [
    {"handle": "a", "name": "émile", "amount": "5", "stage": "won", "closes": "2026-02-01", "probability": "9"},
    {"handle": "b", "name": "Zoe", "amount": "400", "currency": "JPY", "stage": "lead", "closes": "2026-01-31"},
    {"handle": "c", "name": "adam", "amount": "4.999", "currency": "KWD", "stage": "proposal", "probability": "10"},
    {"handle": "d"},
]


@pytest.mark.parametrize(
    ("names", "handles"),
    [
        (["name"], "c a b d"),
        (["-name"], "b a c d"),
        (["value"], "c a b d"),
        (["-amount"], "b a c d"),
        (["stage"], "b c a d"),
        (["-Stage"], "a c b d"),
        (["closes"], "b a c d"),
        (["-closes"], "a b c d"),
        (["probability"], "a c b d"),
        (["-handle"], "d c b a"),
        ([], "a b c d"),
    ],
)
def test_absent_comes_last_both_ways(names: list[str], handles: str) -> None:
    assert ordered(DEAL, DEALS, *names) == handles


def test_moments_and_decimals_are_ordered_by_what_they_mean() -> None:
    things: list[Record] = [
        {"handle": "a", "one_datetime": "2026-01-01T12:00:00+02:00", "one_number": "10"},
        {"handle": "b", "one_datetime": "2026-01-01T11:00:00Z", "one_number": "9.5"},
    ]
    assert ordered(THING, things, "one_datetime") == "a b"
    assert ordered(THING, things, "one-number") == "b a"


def test_a_value_that_is_not_declared_comes_between_the_declared_and_none() -> None:
    deals: list[Record] = [{"handle": "a"}, {"handle": "b", "stage": "lost"}]
    db = build(DEAL, deals)
    db.execute("INSERT INTO deals (handle, stage) VALUES ('c', 'dreamt')")
    found = db.execute(f"SELECT handle FROM deals t ORDER BY {query.order_by(['stage'], DEAL)}").fetchall()
    assert found == [("b",), ("c",), ("a",)]


def test_amounts_in_the_currency_of_the_book_are_ordered_as_they_are() -> None:
    assert query.order_by(["-spent", "name"], CUSTOMER) == (
        't."spent_minor" DESC NULLS LAST, t."name_key" ASC NULLS LAST'
    )
    assert query.order_by([], CUSTOMER) == ""
    assert query.order_by(["name"], CUSTOMER, alias="c") == 'c."name_key" ASC NULLS LAST'


def test_an_absent_currency_is_that_of_the_book() -> None:
    deals: list[Record] = [{"handle": "a", "amount": "5"}, {"handle": "b", "amount": "6", "currency": "EUR"}]
    db = build(DEAL, deals)
    db.execute("UPDATE deals SET amount_minor = 7 WHERE handle = 'a'")
    order = query.order_by(["amount"], DEAL, currency="JPY")
    assert db.execute(f"SELECT handle FROM deals t ORDER BY {order}").fetchall() == [("b",), ("a",)]


def test_the_order_by_handle_needs_no_sorting() -> None:
    db = build(DEAL, DEALS)
    db.execute("CREATE UNIQUE INDEX by_handle ON deals (handle)")
    plan = db.execute(f"EXPLAIN QUERY PLAN SELECT name FROM deals t ORDER BY {query.order_by(['handle'], DEAL)}")
    assert [step[3] for step in plan] == ["SCAN t USING INDEX by_handle"]


@pytest.mark.parametrize(
    ("kind", "name", "reason", "advice"),
    [
        (CUSTOMER, "tags", '"tags" has many values', ""),
        (CUSTOMER, "-consent.newsletter", '"consent.newsletter" has many values', ""),
        (CUSTOMER, "notes", '"notes" is a long text', ""),
        (kinds.INTERACTION, "-text", '"text" is a long text', ""),
        (CUSTOMER, "spend", 'there is no field "spend" for customers', "Did you mean spent?"),
        (CUSTOMER, "", 'there is no field "" for customers', "crmctl schema customer"),
    ],
)
def test_what_a_list_cannot_be_sorted_by_is_told(kind: Kind, name: str, reason: str, advice: str) -> None:
    with pytest.raises(BadFilter) as caught:
        query.order_by([name], kind)
    assert str(caught.value).startswith(reason)
    assert advice in caught.value.hint
    assert caught.value.column == 0


def test_field_target_resolves_for_lists_of_fields() -> None:
    target = query.field_target(DEAL, "Next-Step")
    assert (target.name, target.column, target.table) == ("next_step", "next_step", "")
    assert query.field_target(CUSTOMER, "external.my-shop").key == "my-shop"
    assert query.field_target(CUSTOMER, "tag").table == "customers_tags"
    with pytest.raises(BadFilter, match='there is no field "nextstep" for deals') as caught:
        query.field_target(DEAL, "nextstep")
    assert caught.value.hint == "Did you mean next_step?"
