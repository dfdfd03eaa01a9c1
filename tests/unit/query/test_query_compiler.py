from __future__ import annotations

import pytest
from helpers.query_book import CONTEXT
from helpers.query_book import CUSTOMER
from helpers.query_book import DEAL
from helpers.query_book import NOW
from helpers.query_book import STAGES
from helpers.query_book import THING
from helpers.query_book import Record
from helpers.query_book import build
from helpers.query_book import select

from crmctl import query
from crmctl.model import kinds
from crmctl.model.fields import Field
from crmctl.model.fields import Kind
from crmctl.query import BadFilter
from crmctl.query.sql import joined

CUSTOMERS: list[Record] = [
    {
        "handle": "ada",
        "name": "Ada Lovelace",
        "lifecycle": "customer",
        "emails": ["Ada@Example.org", "a.l@work.test"],
        "phones": ["+44 20 7946 0958"],
        "address": {"city": "São Paulo", "country": "br", "street": "Rua 1\nfundos"},
        "tags": ["vip", "VIP-old"],
        "consent": {"newsletter": {"state": "granted", "basis": "contract"}},
        "external": {"CDnow": "00001", "shop": "abc-17"},
        "cadence": "2w",
        "language": "pt-BR",
        "timezone": "America/Sao_Paulo",
        "notes": "Likes 100% cotton",
        "spent": "120.00",
        "last": "2026-11-20",
        "bought": ["tea"],
    },
    {
        "handle": "bob",
        "name": "Bob O'Brien",
        "lifecycle": "lead",
        "tags": ["cold-call"],
        "consent": {"newsletter": {"state": "withdrawn"}},
        "spent": "9.99",
        "last": "2026-08-01",
    },
    {"handle": "cy", "name": "Cy"},
]
DEALS: list[Record] = [
    {"handle": "big", "stage": "won", "amount": "1000", "currency": "JPY", "closes": "2026-11-27"},
    {"handle": "mid", "stage": "proposal", "amount": "999.99", "closes": "2026-11-21", "customer": "ada"},
    {"handle": "three", "stage": "lead", "amount": "10.001", "currency": "KWD", "probability": "50"},
    {"handle": "none", "lines": [{"product": "tea", "quantity": "1.5", "price": "12"}], "currency": "KWD"},
]


@pytest.mark.parametrize(
    ("text", "handles"),
    [
        ("", ["ada", "bob", "cy"]),
        ("-()", []),
        ("lifecycle:LEAD", ["bob"]),
        ("-lifecycle:lead", ["ada", "cy"]),
        ("lifecycle!=lead", ["ada", "cy"]),
        ("lifecycle!=lead,customer", ["cy"]),
        ("lifecycle:", ["cy"]),
        ("lifecycle!=", ["ada", "bob"]),
        ("lifecycle:*", ["ada", "bob"]),
        ("lifecycle>=customer", ["ada"]),
        ("lifecycle:cust*,lead", ["ada", "bob"]),
        ("name:love", ["ada"]),
        ("name=ada", []),
        ('name="ADA  lovelace"', ["ada"]),
        ("name:bo*", ["bob"]),
        ("name<b", ["ada"]),
        ("city:sao", ["ada"]),
        ("address.city:paulo", ["ada"]),
        ("street:fundos", ["ada"]),
        ("country:Brazil", ["ada"]),
        ("tag:vip", ["ada"]),
        ("tag:cold", []),
        ("tag:cold*", ["bob"]),
        ("tag:", ["cy"]),
        ("tag!=vip", ["bob", "cy"]),
        ("email:@example.org", ["ada"]),
        ("email=ada", []),
        ("email=ADA@example.org", ["ada"]),
        ("phone:0207946", ["ada"]),
        ('phone:"020 7946 0958"', ["ada"]),
        ('phone:"0044 20 7946"', ["ada"]),
        ('phone="0044 20 7946 0958"', ["ada"]),
        ('phone="020 7946 0958"', ["ada"]),
        ("phone=7946", []),
        ("phone:0", ["ada"]),
        ("consent.newsletter:granted", ["ada"]),
        ("consent.Newsletter.basis:contract", ["ada"]),
        ("consent.newsletter.basis:", ["bob", "cy"]),
        ("consent:newsletter", ["ada", "bob"]),
        ("consent:news*", ["ada", "bob"]),
        ("consent.offers:", ["ada", "bob", "cy"]),
        ("external:cdnow", ["ada"]),
        ("external.cdnow:00001", ["ada"]),
        ("external.shop:17", ["ada"]),
        ("external.shop=17", []),
        ("cadence<=2w", ["ada"]),
        ("language:PT-*", ["ada"]),
        ("language:pt", []),
        ("timezone:america/sao_paulo", ["ada"]),
        ("timezone:AMERICA/*", ["ada"]),
        ("notes:100%", ["ada"]),
        ('notes="likes 100% cotton"', ["ada"]),
        ("notes:", ["bob", "cy"]),
        ("spent>9.99", ["ada"]),
        ("spent>=9.99EUR", ["ada", "bob"]),
        ("spent:9.999999", []),
        ("spent<9.9999", ["bob"]),
        ("last>yesterday", []),
        ("last<2026-09-01", ["bob"]),
        ("last:2026-11", ["ada"]),
        ("last>=30d", ["ada"]),
        ("bought:tea", ["ada"]),
        ("bought:things", ["ada"]),
        ("bought=things", []),
        ("bought:te*", ["ada"]),
        ("bought:", ["bob", "cy"]),
        ("handle:ada,cy", ["ada", "cy"]),
        ("customer:ada", ["ada"]),
        ("handle>ada", ["bob", "cy"]),
        ("handle:c*", ["cy"]),
        ("lovelace", ["ada"]),
        ('"love"', ["ada"]),
        ("lo", ["ada"]),
        ("%", ["ada"]),
        ("%%", []),
        ("a_a", []),
        ("o'b", ["bob"]),
        ("+44", ["ada"]),
        ('"(020) 7946-0958"', ["ada"]),
        ("-lovelace", ["bob", "cy"]),
        ("-(tag:vip city:sao)", ["bob", "cy"]),
        ("-(tag:vip or lifecycle:lead)", ["cy"]),
        ("-(-tag:vip -lifecycle:lead)", ["ada", "bob"]),
        ("-(lifecycle:lead,customer or -())", ["cy"]),
        ("do-not-contact:", ["ada", "bob", "cy"]),
    ],
)
def test_customers_are_found(text: str, handles: list[str]) -> None:
    assert select(build(CUSTOMER, CUSTOMERS), CUSTOMER, query.parse(text)) == handles


@pytest.mark.parametrize(
    ("text", "handles"),
    [
        ("value>=1000", ["big"]),
        ("value>999.99", ["big"]),
        ("value<1000", ["mid", "three"]),
        ("value>10.0009KWD", ["three"]),
        ("value=10.001KWD", ["three"]),
        ("value<=10.001", None),
        ("value:1000,10.0010", ["big", "three"]),
        ("value=999.99EUR", ["mid"]),
        ("value=999.99USD", []),
        ("value>1JPY", ["big"]),
        ("value:", ["none"]),
        ("stage>proposal", ["big"]),
        ("stage<=proposal", ["mid", "three"]),
        ("stage<lead", []),
        ("closes:fri", ["big"]),
        ("closes<3d", ["mid"]),
        ("closes:now", []),
        ("lines.price>11.999KWD", ["none"]),
        ("lines.price>12", []),
        ("lines:tea", ["none"]),
        ("lines.quantity:1.5", ["none"]),
        ("lines:", ["big", "mid", "three"]),
        ("probability>=50%", ["three"]),
        ("customer:Ada", ["mid"]),
        ("next-step:", ["big", "mid", "three", "none"]),
    ],
)
def test_deals_are_found(text: str, handles: list[str] | None) -> None:
    db = build(DEAL, DEALS)
    if handles is None:
        with pytest.raises(BadFilter):
            select(db, DEAL, query.parse(text))
    else:
        assert select(db, DEAL, query.parse(text)) == handles


def test_the_currency_of_a_group_or_a_list_is_the_one_beside_the_amount() -> None:
    things: list[Record] = [
        {"handle": "a", "currency": "JPY", "sum": {"worth": "5", "coin": "KWD"}, "fee": {"net": "7"}},
        {"handle": "b", "currency": "KWD", "sums": [{"worth": "5", "coin": "JPY"}], "list_money": ["7"]},
    ]
    db = build(THING, things)
    assert select(db, THING, query.parse("sum.worth=5 worth=5KWD net=7JPY")) == ["a"]
    assert select(db, THING, query.parse("sums.worth=5JPY list_money=7KWD")) == ["b"]
    assert select(db, THING, query.parse("sums=5KWD or sum.worth=5JPY or fee.net>7 or list_money<7")) == []


def test_the_time_of_day_counts_for_moments() -> None:
    cases: list[Record] = [
        {"handle": "early", "opened": "2026-11-24T09:29:59+01:00"},
        {"handle": "there", "opened": "2026-11-24T08:30:59Z"},
        {"handle": "late", "opened": "2026-11-24T09:31:00+01:00"},
    ]
    db = build(kinds.CASE, cases)
    for text, handles in {
        "opened:9:30": ["there"],
        "opened<9:30": ["early"],
        "opened<=9:30": ["early", "there"],
        "opened>9:30": ["late"],
        "opened>=9:30": ["there", "late"],
        "opened:today": ["early", "there", "late"],
        "opened<today": [],
    }.items():
        assert select(db, kinds.CASE, query.parse(text)) == handles, text


def test_an_interaction_is_found_by_its_id_in_any_case() -> None:
    entries: list[Record] = [{"handle": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "customer": "ada", "case": "late"}]
    db = build(kinds.INTERACTION, entries)
    assert select(db, kinds.INTERACTION, query.parse("handle:01arz* customer:ada case:late")) == [entries[0]["handle"]]


@pytest.mark.parametrize(
    ("kind", "text", "column", "reason", "advice"),
    [
        (DEAL, "tag:x stagee:won", 7, 'there is no field "stagee" for deals', "Did you mean stage or tag?"),
        (DEAL, "qwx:won", 1, 'there is no field "qwx" for deals', "crmctl schema deal"),
        (CUSTOMER, "address:x", 1, '"address" has parts', "address.city"),
        (CUSTOMER, "name.x:y", 1, 'there is no field "name.x" for customers', "Did you mean name"),
        (CUSTOMER, "adress.city:x", 1, 'there is no field "adress.city" for customers', "address.city"),
        (CUSTOMER, "consent.x.channels:email", 1, '"consent.x.channels" is a list inside a list', "crmctl schema"),
        (CUSTOMER, "consent.x.stat:granted", 1, 'there is no field "consent.x.stat"', "consent"),
        (DEAL, "stage:wno", 7, '"wno" is not a stage', "Did you mean won?"),
        (DEAL, "stage:won,zzz", 11, '"zzz" is not a stage', "It is one of lead, proposal,"),
        (DEAL, "stage:zz*", 7, 'no stage begins with "zz"', "It is one of"),
        (DEAL, "stage=w*", 7, '"w*" is not a stage', "won"),
        (DEAL, "customer>x", 1, '"customer" has no order', "Use : or = or !="),
        (kinds.FOLLOWUP, "promised>no", 1, '"promised" has no order', "Use :"),
        (kinds.FOLLOWUP, "promised:maybe", 10, "'maybe' is neither yes nor no", ""),
        (CUSTOMER, "phone>1", 1, '"phone" has no order', "Use :"),
        (CUSTOMER, "notes>1", 1, '"notes" has no order', "Use :"),
        (CUSTOMER, "phone:abc", 7, "'abc' is not a phone number", "Write digits"),
        (CUSTOMER, "phone:12*", 7, '"12*" cannot end in * here', "phone:* alone"),
        (CUSTOMER, 'name:" "', 6, "the value has nothing to search for", "name: asks"),
        (CUSTOMER, "country:Nowhereland", 9, "'Nowhereland' is not a country", ""),
        (CUSTOMER, "country:D*", 9, '"D*" cannot end in * here', ""),
        (CUSTOMER, "cadence<soon", 9, "'soon' is not a span of days", ""),
        (CUSTOMER, "orders>many", 8, "'many' is not a whole number", ""),
        (DEAL, "probability:50*", 13, '"50*" cannot end in * here', ""),
        (DEAL, "value>x", 7, "'x' is not an amount", ""),
        (DEAL, "value>1.234", 7, "'1.234' can be 1234 or 1.234", ""),
        (DEAL, "value>10EUX", 7, "EUX is not a currency", "EUR"),
        (DEAL, "value>10QQQ", 7, "QQQ is not a currency", "ISO 4217"),
        (DEAL, "value:1,000", 9, "1,000 can be one amount or two", "Write 1000"),
        (DEAL, "value:10*", 7, '"10*" cannot end in * here', ""),
        (CUSTOMER, "spent>10USD", 7, '"spent" is counted in EUR', "Leave USD away."),
        (DEAL, "closes<soonish", 8, 'no date in "soonish"', "Try 2026-11-27"),
        (DEAL, "closes:11/12/2026", 8, "11/12/2026 can be read in two ways", "Write 2026-11-12"),
        (DEAL, 'closes:"fri 9:30"', 8, '"closes" has no time of day', "Write 2026-11-27."),
        (DEAL, "closes<2 weeks ago", 8, 'no date in "2"', """'closes<"..."'"""),
        (DEAL, "\u0301", 1, "there is nothing to search for in this", ""),
    ],
)
def test_what_does_not_fit_the_kind_is_told(kind: Kind, text: str, column: int, reason: str, advice: str) -> None:
    with pytest.raises(BadFilter) as caught:
        query.compile_filter(query.parse(text), kind, CONTEXT, NOW)
    assert str(caught.value).startswith(f"filter, column {column}: {reason}")
    assert advice in caught.value.hint
    assert caught.value.hint.endswith("^")
    assert caught.value.column == column


def test_only_the_name_of_an_unknown_field_is_underlined() -> None:
    with pytest.raises(BadFilter) as caught:
        query.compile_filter(query.parse("tag:vip stagee:won"), DEAL, CONTEXT, NOW)
    assert caught.value.hint.split("\n")[1:] == ["  tag:vip stagee:won", "          ^^^^^^"]


def test_three_decimals_are_plain_where_the_book_has_them() -> None:
    found = query.compile_filter(query.parse("spent>1.234"), CUSTOMER, CONTEXT._replace(currency="KWD"), NOW)
    assert found.params == (1234,)


def test_many_digits_behind_the_point_are_all_held_against_the_amount() -> None:
    hair = "999.99" + "0" * 40 + "1"
    db = build(DEAL, DEALS)
    assert select(db, DEAL, query.parse(f"value<{hair} value>999")) == ["mid"]
    assert select(db, DEAL, query.parse(f"value>={hair} value<1000")) == []
    assert select(db, DEAL, query.parse(f"value:{hair}")) == []


def test_what_was_typed_is_never_part_of_the_sql() -> None:
    text = """name:zq1 zq2 zq "zq3" tag:zq4 email:zq5 external.zq6:zq7 notes:zq8 handle:zq9* stage_log:won"""
    kind = CUSTOMER._replace(fields=(*CUSTOMER.fields, Field("stage_log", "choice")))
    found = query.compile_filter(query.parse(text), kind, CONTEXT, NOW)
    assert "zq" not in found.text
    assert found.text.count("?") == len(found.params)


def test_names_of_declared_fields_cannot_break_the_sql() -> None:
    odd = Kind("odd", "odds", fields=(Field("case"), Field("select", "choice", "list"), Field('q"x', "integer")))
    found = query.compile_filter(query.parse("case:x select:y"), odd, CONTEXT, NOW)
    assert 't."case_key"' in found.text
    asked = query.Term('q"x', ":", (query.Value("1"),))
    assert 't."q""x"' in query.compile_filter(asked, odd, CONTEXT, NOW).text


def test_the_alias_is_the_one_asked_for() -> None:
    found = query.compile_filter(query.parse("name:x tag:y notes:z word lines.price>1"), DEAL, CONTEXT, NOW, alias="d")
    assert 'd."name_key"' in found.text
    assert found.text.count('d."row_id" IN') == 4
    assert "t." not in found.text


def test_a_tree_without_places_is_complained_about_without_them() -> None:
    with pytest.raises(BadFilter) as caught:
        query.compile_filter(query.Term("stagee", ":", (query.Value("won"),)), DEAL, CONTEXT, NOW)
    assert str(caught.value) == 'there is no field "stagee" for deals'
    assert (caught.value.column, caught.value.text) == (0, "")
    assert caught.value.hint == "Did you mean stage or tag?"


WIDE = ("a " * 5000, "x:1 " * 2000, "tag:" + "a," * 4000 + "a", "email:" + "a," * 4000 + "a", "value>1 " * 1200)


@pytest.mark.parametrize("text", WIDE)
def test_the_widest_filters_are_within_the_limits_of_sqlite(text: str) -> None:
    kind = DEAL._replace(fields=(*DEAL.fields, Field("x"), Field("emails", "email", "list", aliases=("email",))))
    db = build(kind, [{"handle": "a"}])
    assert select(db, kind, query.parse(text.strip())) == []
    assert select(db, kind, query.Not(query.parse(text.strip()))) == ["a"]


LEAF = "-lines.price>5"


def _deep(levels: int, shape: str) -> str:
    text = LEAF
    for _ in range(levels):
        text = shape.replace("~", text)
    return text


@pytest.mark.parametrize(
    ("levels", "shape"),
    [
        (24, "-(~)"),
        (49, f"({LEAF} or ~)"),
        (24, f"({LEAF} or {LEAF} (~))"),
        (24, f"(~ or {LEAF}) {LEAF}"),
        (8, "(-(~ a) or b -(~ c))"),
    ],
)
def test_the_deepest_filters_are_within_the_limits_of_sqlite(levels: int, shape: str) -> None:
    db = build(DEAL, [{"handle": "a"}])
    found = query.compile_filter(query.parse(_deep(levels, shape)), DEAL, CONTEXT, NOW)
    inner = f"SELECT t.handle FROM deals t WHERE (t.row_id = 1 AND {found.text})"
    assert db.execute(f"SELECT count(*) FROM (SELECT 1 WHERE 'a' IN ({inner}))", found.params).fetchone()


def test_what_sqlite_could_not_read_is_refused() -> None:
    node: query.Node = query.Words("a")
    for n in range(60):
        node = (query.all_of if n % 2 else query.any_of)([query.Words("b"), node])
    with pytest.raises(BadFilter, match="nested too deeply"):
        query.compile_filter(node, DEAL, CONTEXT, NOW)


def test_a_customer_is_looked_up_through_an_sql_index() -> None:
    db = build(DEAL, DEALS)
    db.execute("CREATE INDEX by_customer ON deals (customer)")
    found = query.compile_filter(query.parse("customer:ada"), DEAL, CONTEXT, NOW)
    plan = db.execute(f"EXPLAIN QUERY PLAN SELECT handle FROM deals t WHERE {found.text}", found.params).fetchall()
    assert "by_customer" in plan[0][3]


def test_no_parts_join_to_what_they_were_joined_with() -> None:
    one = query.Sql("a = ?", (1,))
    assert joined([one], "AND") == one
    assert joined([one, one], "OR") == query.Sql("(a = ? OR a = ?)", (1, 1))


def test_stages_are_declared_in_the_order_of_the_tests() -> None:
    field = DEAL.field("stage")
    assert field is not None
    assert field.choices == STAGES
