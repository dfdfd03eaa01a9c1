from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from helpers.query_book import CONTEXT
from helpers.query_book import CUSTOMER
from helpers.query_book import DEAL
from helpers.query_book import NOW
from helpers.query_book import THING
from helpers.query_book import Naive
from helpers.query_book import Record
from helpers.query_book import build
from helpers.query_book import select
from hypothesis import HealthCheck
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from crmctl import query
from crmctl.model import kinds
from crmctl.model import money
from crmctl.model.fields import Field
from crmctl.model.fields import Kind
from crmctl.model.text import fold

TEXTS = (
    "Ada Lovelace", "São Paulo", "SAO PAULO", "100%", "a_b", "axb", "50% off", "o'brien", 'say "hi"', "back\\slash",
    "ab", "é", "ÅNGSTRÖM", "x*", "-minus", "or", "a,b", "(paren)", "Straße", "中文名字", "a:b", "vip", "vip-old",
)  # fmt: skip
MOMENTS = (
    "2026-11-24T15:30:00+01:00", "2026-11-24T15:30:59+01:00", "2026-11-24T14:31:00Z", "2026-11-23T23:30:00Z",
    "2026-11-23T22:59:59Z", "2026-11-24T00:00:00+01:00", "1969-12-31T23:59:30Z", "2026-10-25T02:30:00+01:00",
)  # fmt: skip
STORED: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("text", "note", "url", "template", "filter"), TEXTS),
    "email": ("Ada@Example.org", "ada@example.org", "bob@acme.com", "o'b_x%@acme.com"),
    "phone": ("+44 20 7946 0958", "020 7946 0958", "+49 (0)30 901820", "+1 415 555 2671"),
    "choice": ("low", "High", "urgent"),
    "ref": ("ada-lovelace", "ada", "bob", "cdnow-1", "cdnow-22"),
    "id": ("01ARZ3NDEKTSV4RRFFQ69G5FAV", "01bx5zzkbkactav9wevgemmvrz"),
    "date": ("2026-11-24", "2026-11-23", "2026-01-01", "1969-12-31", "2027-02-28"),
    "datetime": MOMENTS,
    "integer": ("0", "-3", "7", "100"),
    "number": ("1.5", "0.001", "-2", "1000"),
    "percent": ("0", "50", "50%", "100"),
    "boolean": ("yes", "no", "true", "0"),
    "days": ("30d", "2w", "14", "1y"),
    "language": ("de", "pt-br", "PT"),
    "country": ("de", "BR", "Germany"),
    "currency": ("EUR", "jpy", "KWD", "CLF", "USD"),
    "timezone": ("Europe/Berlin", "UTC", "america/Sao_Paulo"),
    "money": ("0", "10", "10.50", "10.55", "-10", "9999999999999", "12.345", "99.9999"),
}
ASKED: dict[str, tuple[str, ...]] = {
    **STORED,
    "ref": ("ada-lovelace", "Ada", "bob", "cdnow-1", "CDNOW-2", "nobody"),
    "date": ("today", "2026-11", "yesterday", "1d", "2026-11-23..2026-11-24", "2026-01-01", "now", "1 jan 1970"),
    "datetime": ("today", "2026-11-24T15:30", "2026-11-24 15:31", "9:30", "2026-10", "1969-12-31T23:59Z", "now"),
    "money": (
        "0",
        "10",
        "10.5",
        "10.55555",
        "-0.0000001",
        "9999999999999",
        "10EUR",
        "10.5555 EUR",
        "jpy 10",
        "10.5 USD",
        "-10",
    ),
    "phone": ("+44 20 7946", "7946", "020 7946 0958", "0044 20 7946 0958", "30 901"),
}
ORDERED = frozenset(
    {"text", "url", "email", "template", "id", "date", "datetime", "money", "integer", "number", "percent", "days"}
)
WILD = frozenset({"text", "note", "url", "email", "template", "choice", "ref", "id", "language", "timezone"})
_TRIED = (CUSTOMER, DEAL, THING, kinds.CASE, kinds.INTERACTION, kinds.SEQUENCE, kinds.MEMBER, kinds.FOLLOWUP)
KINDS = {kind.name: kind for kind in _TRIED}


FREE = ("text", "note", "url", "template", "filter")
scraps = st.text("aAéß%_*'\"\\ 1", min_size=1, max_size=5).filter(fold)


def _stored_text(field: Field) -> st.SearchStrategy[str]:
    one = st.sampled_from(field.choices or STORED[field.type])
    return one | scraps if field.type in FREE else one


def _stored(field: Field) -> st.SearchStrategy[Any]:
    one: st.SearchStrategy[Any] = _stored_text(field) if field.type != "group" else _group(field.fields)
    if field.shape == "list":
        return st.lists(one, max_size=3)
    if field.shape == "map":
        return st.dictionaries(st.sampled_from(["cdnow", "News-Letter", "x%_"]), one, max_size=3)
    return one


def _group(fields: tuple[Field, ...]) -> st.SearchStrategy[Record]:
    parts: dict[str, st.SearchStrategy[Any]] = {part.name: _stored(part) for part in fields if part.shape == "one"}
    return st.fixed_dictionaries({}, optional=parts)


def _affordable(kind: Kind, record: Record) -> Record:
    """The record without amounts that have more decimals than their currency."""

    def fits(field: Field, text: str, currency: str) -> bool:
        try:
            money.to_minor(money.parse_amount(text), currency.upper())
        except ValueError:
            return False
        return True

    def clean(fields: tuple[Field, ...], entry: Record, around: Record) -> None:
        for field in fields:
            value = entry.get(field.name)
            if value is None:
                continue
            currency = str(entry.get(field.currency, around.get(field.currency, "EUR")))
            if field.type == "group":
                entries = value.values() if field.shape == "map" else value if field.shape == "list" else [value]
                for part in entries:
                    clean(field.fields, part, around)
            elif field.type == "money" and field.shape == "one" and not fits(field, value, currency):
                del entry[field.name]
            elif field.type == "money" and field.shape == "list":
                entry[field.name] = [text for text in value if fits(field, text, currency)]
            elif field.type == "money" and field.shape == "map":
                entry[field.name] = {key: text for key, text in value.items() if fits(field, text, currency)}

    clean(kind.fields, record, record)
    return record


def records(kind: Kind, fields: tuple[Field, ...]) -> st.SearchStrategy[list[Record]]:
    """A few records, so alike in a few fields that terms often tell them apart."""
    one = st.fixed_dictionaries({}, optional={field.name: _stored(field) for field in fields})
    letter = "h" if kind.storage == "yaml" else "H"
    return st.lists(one, min_size=2, max_size=5).map(
        lambda found: [_affordable(kind, {**record, "handle": f"{letter}{n}"}) for n, record in enumerate(found)]
    )


def _names(fields: tuple[Field, ...]) -> list[tuple[str, Field]]:
    """Every name that can be asked for, with the field behind it."""
    found = [("handle", Field("handle", "handle"))]
    for field in fields:
        for name in (field.name, *field.aliases):
            if field.shape == "map":
                found.append((name, Field("key", "key")))
                parts = [(f".{part.name}", part) for part in field.fields if part.shape == "one"]
                keys = ("cdnow", "news-letter", "x%_")
                found += [(f"{name}.{key}{end}", part) for key in keys for end, part in parts or [("", field)]]
            elif field.type == "group":
                found += [(f"{name}.{part.name}", part) for part in field.fields]
                found += [(name, field.fields[0])] if field.shape == "list" else []
            else:
                found.append((name, field))
    return found


def terms(kind: Kind, fields: tuple[Field, ...]) -> st.SearchStrategy[query.Node]:
    return st.sampled_from(_names(fields)).flatmap(lambda pair: _term(kind, *pair))


def _term(kind: Kind, name: str, field: Field) -> st.SearchStrategy[query.Node]:
    pool = {"handle": ("h0", "h1", "h9"), "key": ("cdnow", "CDnow", "News-letter", "nothing")}
    asked = field.choices or pool.get(field.type) or ASKED[field.type]
    if not field.currency:
        asked = tuple(text for text in asked if field.type != "money" or ("USD" not in text and "jpy" not in text))
    texts = st.sampled_from(asked)
    plain = (texts | scraps if field.type in FREE else texts).map(query.Value)
    wild = st.just(query.Value("", wild=True))
    if field.type in WILD or field.type == "handle":
        starts = st.sampled_from(asked).flatmap(lambda text: st.integers(1, len(text)).map(lambda n: text[:n].strip()))
        wild |= starts.map(lambda text: query.Value(text, wild=True))
    equal = st.builds(
        lambda op, listed: query.Term(name, op, tuple(listed)),
        st.sampled_from([":", "=", "!="]),
        st.lists(plain, min_size=1, max_size=3 if field.type != "money" else 1),
    )
    some = st.builds(lambda one, more: query.Term(name, ":", (one, *more)), wild, st.lists(plain, max_size=1))
    absent = st.sampled_from([query.Term(name, ":", ()), query.Term(name, "!=", ()), query.Term(name, "=", ())])
    if field.type in ORDERED or field.choices or (field.type == "handle" and kind.storage == "yaml"):
        less = st.builds(lambda op, one: query.Term(name, op, (one,)), st.sampled_from(["<", "<=", ">", ">="]), plain)
        return st.one_of(equal, less, less, less, some, absent)
    return st.one_of(equal, equal, some, absent)


WORDS = """ada Lovelace % _ a_b é ã "hi" +44 7946 hy 中文 中文名""".split()


def trees(kind: Kind, fields: tuple[Field, ...]) -> st.SearchStrategy[query.Node]:
    leaves = terms(kind, fields) | (st.sampled_from(WORDS) | scraps).map(query.Words)
    return st.recursive(
        leaves,
        lambda inner: (
            inner.map(query.Not)
            | st.lists(inner, max_size=3).map(query.all_of)
            | st.lists(inner, max_size=3).map(query.any_of)
        ),
        max_leaves=6,
    )


Case = tuple[str, list[Record], list[query.Node]]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    kind = KINDS[draw(st.sampled_from(list(KINDS)))]
    chosen = draw(st.lists(st.sampled_from(kind.fields), min_size=1, max_size=4, unique=True))
    beside = [field for field in kind.fields if field.name == "currency" and field not in chosen]
    fields = (*chosen, *beside)
    nodes = draw(st.lists(trees(kind, fields), min_size=4, max_size=12))
    return kind.name, draw(records(kind, fields)), nodes


def check(kind: Kind, found: list[Record], nodes: list[query.Node]) -> None:
    db = build(kind, found)
    naive = Naive(kind)
    for node in nodes:
        expected = [record["handle"] for record in found if naive.matches(node, record)]
        typed = query.format(node)
        assert select(db, kind, node) == expected, typed
        others = [record["handle"] for record in found if record["handle"] not in expected]
        assert select(db, kind, query.Not(node)) == others, typed
        assert query.parse(typed) == node


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(cases())
def test_sql_selects_what_the_naive_reading_does(case: Case) -> None:
    name, found, nodes = case
    check(KINDS[name], found, nodes)


ONE_TYPE = {
    field.type: Kind("thing", "things", tuple(f for f in THING.fields if f.type in (field.type, "currency")))
    for field in THING.fields
    if field.type != "group"
}


@pytest.mark.parametrize("name", ONE_TYPE)
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_sql_of_one_type_selects_what_the_naive_reading_does(name: str, data: st.DataObject) -> None:
    kind = ONE_TYPE[name]
    found = data.draw(records(kind, kind.fields))
    asked = tuple(field for field in kind.fields if field.type == name)
    check(kind, found, data.draw(st.lists(terms(kind, asked), min_size=10, max_size=20)))


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(cases())
def test_no_row_is_neither_in_nor_out_and_de_morgan_holds(case: Case) -> None:
    name, found, nodes = case
    kind = KINDS[name]
    db = build(kind, found)
    for one, other in pairwise(nodes):
        sql = query.compile_filter(one, kind, CONTEXT, NOW, alias="c")
        statement = f'SELECT count(*) FROM "{kind.plural}" c WHERE ({sql.text}) IS NULL'
        assert db.execute(statement, sql.params).fetchone() == (0,)
        neither = set(select(db, kind, query.Not(query.Or((one, other)))))
        assert neither == set(select(db, kind, query.Not(one))) & set(select(db, kind, query.Not(other)))
        assert select(db, kind, query.Not(query.Not(one))) == select(db, kind, one)
