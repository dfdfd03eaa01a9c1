"""Rows of one kind: the fields asked for, as plain values, in an order that is always the same."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

import pytest
from helpers.books import commit
from helpers.books import fresh

from crmctl.query import BadFilter
from crmctl.services.listing import listed

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.services.book import Book

SETTINGS = """\
currency: EUR
kinds:
  thing:
    fields:
      currency: currency
      coin: currency
      price: {type: money}
      tax: {type: money, currency: coin}
      weight: number
      ready: boolean
      born: date
      memo: note
      fees: {type: money, shape: map}
      sums: {type: money, shape: list}
      sizes: {type: number, shape: list}
      flags: {type: boolean, shape: list}
      stories: {type: note, shape: list}
      fee: {type: group, fields: {net: {type: money, currency: unit}, unit: currency, vat: money, why: note}}
      bills: {type: group, shape: list, fields: {net: {type: money, currency: unit}, unit: currency, vat: money}}
fields:
  customer:
    budget: money
"""
THING = """\
name: One
currency: JPY
coin: USD
price: "1200"
tax: "1.50"
weight: "-2.50"
ready: "no"
born: 2026-01-02
memo: |-
  Long
  Text
fees: {entry: "5", exit: "7"}
sums: ["1", "-20"]
sizes: ["1.5", "2"]
flags: ["yes", "no"]
stories: ["Once", "Upon"]
fee: {net: "9.99", unit: CHF, vat: "3", why: Because}
bills:
  - {net: "1.00", unit: CHF, vat: "2"}
  - {net: "2.00"}
"""


@pytest.fixture
def book(book_dir: Path) -> Book:
    files = {f"things/t{n}.yaml": f"name: T{n}\nweight: '{n}'\n" for n in (3, 1, 2)}
    commit(
        book_dir,
        {
            "/crm.yaml": SETTINGS,
            "things/one.yaml": THING,
            "things/odd.yaml": "name: Odd\nprice: lots\nborn: soon\nready: maybe\ncurrency: '???'\n",
            "customers/ada.yaml": "name: Ada\nbudget: '12.5'\nemails: [b@x.org, a@x.org]\nexternal: {\"it's\": '7'}\n",
            "customers/bob.yaml": "name: Bob\n",
            "interactions/ada.jsonl": '{"at": "2026-01-01T00:00:00Z", "type": "purchase", "amount": "9.90", '
            '"lines": [{"product": "rock"}, {"product": "jazz"}, {"product": "rock"}]}\n',
            **files,
        },
    )
    return fresh(book_dir)


def rows(book: Book, kind: str, *filters: str, **how: Any) -> list[list[Any]]:
    return list(listed(book, book.schema.require(kind), filters, **how).rows)


@pytest.mark.parametrize(
    ("fields", "values"),
    [
        (["price"], ["1200", "JPY"]),
        (["price", "currency"], ["1200", "JPY"]),
        (["tax"], ["1.50", "USD"]),
        (["weight", "ready", "born"], ["-2.5", False, "2026-01-02"]),
        (["memo"], ["Long\nText"]),
        (["fee.why"], ["Because"]),
        (["fee.net"], ["9.99", "CHF"]),
        (["fee.vat"], ["3", "JPY"]),
        (["fees"], [["entry", "exit"]]),
        (["fees.exit", "fees.nothing"], ["7", None]),
        (["sums", "sizes", "flags"], [["1", "-20"], ["1.5", "2"], [True, False]]),
        (["stories"], [["Once", "Upon"]]),
        (["bills.net", "bills.vat", "bills.unit"], [["1.00", "2.00"], ["2", None], ["CHF", None]]),
    ],
)
def test_values_are_plain_and_money_is_never_without_its_currency(
    book: Book, fields: list[str], values: list[Any]
) -> None:
    assert rows(book, "thing", "name=One", fields=fields) == [values]


def test_what_is_absent_or_cannot_be_told_is_none(book: Book) -> None:
    fields = ["price", "weight", "ready", "memo", "fee.net", "fees.x", "sums"]
    assert rows(book, "thing", "name=T1", fields=fields) == [[None, None, "1", None, None, None, None, None, []]]
    assert rows(book, "thing", "name=Odd", fields=["price", "born", "weight"]) == [[None, None, "soon", None]]


def test_amounts_without_a_currency_beside_them_are_in_the_books(book: Book) -> None:
    assert rows(book, "customer", "name=Ada", fields=["budget", "spent"]) == [["12.50", "9.90"]]


def test_lists_and_what_was_bought(book: Book) -> None:
    assert rows(book, "customer", fields=["emails", "bought", "external.it's"]) == [
        [["b@x.org", "a@x.org"], ["jazz", "rock"], "7"],
        [[], [], None],
    ]


def test_the_columns_of_the_declaration_are_shown_when_none_are_asked_for(book: Book) -> None:
    found = listed(book, book.schema.require("customer"))
    assert [name for name, _ in found.fields] == list(book.schema.require("customer").columns)
    found = listed(book, book.schema.require("deal"))
    assert [name for name, _ in found.fields][4:6] == ["amount", "currency"]


@pytest.mark.parametrize(
    ("how", "handles"),
    [
        ({}, ["odd", "one", "t1", "t2", "t3"]),
        ({"sort": ["-name"]}, ["t3", "t2", "t1", "one", "odd"]),
        ({"sort": ["weight"]}, ["one", "t1", "t2", "t3", "odd"]),
        ({"sort": ["-weight"]}, ["t3", "t2", "t1", "one", "odd"]),
        ({"sort": ["ready"]}, ["one", "odd", "t1", "t2", "t3"]),
        ({"limit": 2}, ["odd", "one"]),
        ({"handles": ["t3", "t2"]}, ["t2", "t3"]),
        ({"handles": ['x" or 1']}, []),
        ({"handles": []}, []),
    ],
)
def test_order_is_always_the_same_and_what_is_absent_comes_last(
    book: Book, how: dict[str, Any], handles: list[str]
) -> None:
    assert [row[0] for row in rows(book, "thing", fields=["handle"], **how)] == handles


def test_several_filters_must_all_match(book: Book) -> None:
    assert rows(book, "thing", "weight>1", "weight<3", fields=["handle"]) == [["t2"]]
    assert rows(book, "thing", fields=["handle"]) == [["odd"], ["one"], ["t1"], ["t2"], ["t3"]]
    assert rows(book, "thing", "weight>1", fields=["handle"], handles=["t3"]) == [["t3"]]
    assert rows(book, "thing", "weight>1", fields=["handle"], handles=["t1"]) == []


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"fields": ["nmae"]}, "nmae"),
        ({"fields": ["fee"]}, "has parts"),
        ({"sort": ["memo"]}, "long text"),
        ({"sort": ["sums"]}, "many values"),
    ],
)
def test_what_cannot_be_shown_or_sorted_by_is_an_error(book: Book, how: dict[str, Any], message: str) -> None:
    with pytest.raises(BadFilter, match=message):
        rows(book, "thing", **how)
