"""What people type becomes the texts of a record."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from crmctl.errors import CrmError
from crmctl.errors import InvalidData
from crmctl.errors import UsageProblem
from crmctl.model import entry
from crmctl.model.fields import Field
from crmctl.model.settings_reading import read_settings

if TYPE_CHECKING:
    from crmctl.model.raw import RawMap

SETTINGS = read_settings(
    {
        "currency": "EUR",
        "timezone": "Europe/Berlin",
        "country": "DE",
        "fields": {
            "customer": {"prices": {"type": "money", "shape": "map"}},
            "deal": {
                "fee": {"type": "group", "fields": {"net": {"type": "money", "currency": "coin"}, "coin": "currency"}}
            },
        },
    }
)
# A Tuesday.
NOW = datetime(2026, 11, 24, 15, 30, tzinfo=ZoneInfo("Europe/Berlin"))


def assign(kind: str, data: RawMap, name: str, typed: str) -> RawMap:
    return entry.assign(SETTINGS.schema.require(kind), data, name, typed, SETTINGS.context, NOW)


@pytest.mark.parametrize(
    ("kind", "name", "typed", "stored"),
    [
        ("customer", "name", "  Ada ", {"name": "Ada"}),
        ("customer", "type", "Person", {"type": "person"}),
        ("customer", "birthday", "1990-02-03", {"birthday": "1990-02-03"}),
        ("followup", "due", "fri", {"due": "2026-11-27"}),
        ("deal", "opened", "fri", {"opened": "2026-11-20"}),
        ("deal", "closes", "eom", {"closes": "2026-11-30"}),
        ("case", "opened", "yesterday 9:30", {"opened": "2026-11-23T09:30:00+01:00"}),
        ("case", "resolve_by", "fri 9:30", {"resolve_by": "2026-11-27T09:30:00+01:00"}),
        ("deal", "amount", "1.234,5", {"amount": "1234.50"}),
        ("deal", "value", "7", {"amount": "7.00"}),
        ("deal", "probability", "40 %", {"probability": "40"}),
        ("deal", "currency", "usd", {"currency": "USD"}),
        ("customer", "emails", "a@x.org, b@x.org,a@x.org", {"emails": ["a@x.org", "b@x.org"]}),
        ("customer", "email", "a@x.org", {"emails": ["a@x.org"]}),
        ("customer", "tags", " , ", {}),
        ("customer", "address.city", "Berlin", {"address": {"city": "Berlin"}}),
        ("customer", "city", "Berlin", {"address": {"city": "Berlin"}}),
        ("customer", "country", "Germany", {"address": {"country": "Germany"}}),
        ("customer", "consent.news", "granted", {"consent": {"news": {"state": "granted"}}}),
        ("customer", "consent.news.date", "today", {"consent": {"news": {"date": "2026-11-24"}}}),
        ("customer", "consent.news.channels", "email,sms", {"consent": {"news": {"channels": ["email", "sms"]}}}),
        ("customer", "external.old.system", "7", {"external": {"old.system": "7"}}),
        ("customer", "prices.a", "7", {"prices": {"a": "7.00"}}),
        ("followup", "promised", "yes", {"promised": "yes"}),
    ],
)
def test_a_field_is_set(kind: str, name: str, typed: str, stored: RawMap) -> None:
    assert assign(kind, {}, name, typed) == stored


@pytest.mark.parametrize(
    ("before", "name", "typed", "after"),
    [
        ({"tags": ["a"]}, "tags+", "b,a,b", {"tags": ["a", "b"]}),
        ({"tags": ["a", "b", "c"]}, "tags-", "b", {"tags": ["a", "c"]}),
        ({"tags": ["a"]}, "tag-", "a", {}),
        ({"tags": ["a"]}, "tags", "", {}),
        ({"tags": "a"}, "tags+", "b", {"tags": ["a", "b"]}),
        ({"name": "Ada", "role": "x"}, "role", "", {"name": "Ada"}),
        ({"address": {"city": "X", "region": "Y"}}, "city", "", {"address": {"region": "Y"}}),
        ({"address": {"city": "X"}}, "address.city", "", {}),
        ({"address": {"city": "X"}}, "address", "", {}),
        ({"consent": {"a": {"state": "granted"}}}, "consent.a", "", {}),
        ({"consent": {"a": {"state": "granted"}}}, "consent.a.state", "", {}),
        ({"consent": {"a": {"state": "granted"}}}, "consent", "", {}),
        (
            {"consent": {"a": {"channels": ["email"]}}},
            "consent.a.channels+",
            "sms",
            {"consent": {"a": {"channels": ["email", "sms"]}}},
        ),
        (
            {"consent": {"a": {"channels": ["email", "sms"]}}},
            "consent.a.channels-",
            "email",
            {"consent": {"a": {"channels": ["sms"]}}},
        ),
        ({"external": {"a": "1", "b": "2"}}, "external.a", "", {"external": {"b": "2"}}),
        ({"mine": "kept", "name": "x"}, "name", "Ada", {"mine": "kept", "name": "Ada"}),
    ],
)
def test_a_field_is_changed_and_the_others_stay(before: RawMap, name: str, typed: str, after: RawMap) -> None:
    copy = {**before}
    assert assign("customer", before, name, typed) == after
    assert before == copy


@pytest.mark.parametrize(
    ("data", "name", "typed", "stored"),
    [
        ({"currency": "JPY"}, "amount", "7", "7"),
        ({"currency": "TND"}, "amount", "7,5", "7.500"),
    ],
)
def test_an_amount_gets_the_decimals_of_the_records_currency(data: RawMap, name: str, typed: str, stored: str) -> None:
    assert assign("deal", data, name, typed)[name] == stored


def test_an_amount_in_a_group_gets_the_decimals_of_the_currency_beside_it() -> None:
    assert assign("deal", {"fee": {"coin": "JPY"}}, "fee.net", "7") == {"fee": {"coin": "JPY", "net": "7"}}
    with pytest.raises(InvalidData, match="more decimals than JPY"):
        assign("deal", {"fee": {"coin": "JPY"}, "currency": "EUR"}, "fee.net", "7.5")


@pytest.mark.parametrize(
    ("kind", "name", "typed", "error", "message", "hint"),
    [
        ("customer", "nmae", "x", UsageProblem, "there is no field 'nmae' for a customer", "Did you mean name?"),
        ("customer", "zzz", "x", UsageProblem, "there is no field 'zzz'", "crmctl schema customer lists the fields."),
        ("customer", "name.first", "x", UsageProblem, "there is no field 'name.first'", ""),
        ("customer", "nothing.at.all", "x", UsageProblem, "there is no field 'nothing.at.all'", ""),
        ("customer", "handle", "x", UsageProblem, "a handle never changes", "Names may change"),
        ("customer", "customer", "x", UsageProblem, "there is no field 'customer'", ""),
        ("customer", "id", "x", UsageProblem, "id cannot be set: it never changes", ""),
        ("customer", "spent", "5", UsageProblem, "spent cannot be set: it is counted", ""),
        ("customer", "name+", "x", UsageProblem, "name is no list: say name=VALUE", ""),
        ("customer", "address+", "x", UsageProblem, "address has parts", "Set one"),
        ("customer", "address.city-", "x", UsageProblem, "city is no list", ""),
        ("customer", "external+", "x", UsageProblem, "external is a map; say which entry", ""),
        ("customer", "external.a+", "x", UsageProblem, "external is no list", ""),
        ("customer", "external", "x", UsageProblem, "external is a map; say which entry: external.NAME=VALUE", ""),
        ("customer", "address", "x", UsageProblem, "address has parts: street, ", "Set one: address.PART=VALUE"),
        ("customer", "address.ctiy", "x", UsageProblem, "address has no part 'ctiy'", "Did you mean address.city?"),
        ("customer", "address.zzz", "x", UsageProblem, "address has no part 'zzz'", "It has street, "),
        ("customer", "relations", "x", UsageProblem, "relations has parts of its own; change it with `edit`", ""),
        ("customer", "tags-", "b", UsageProblem, "tags has no 'b' to take out", ""),
        ("customer", "type", "persona", InvalidData, "type: 'persona' is not one of", "Did you mean person?"),
        ("customer", "type", "qq", InvalidData, "type: 'qq' is not one of", ""),
        ("customer", "emails", "ada@", InvalidData, "email is not an address", ""),
        ("customer", "name", "a\nb", InvalidData, "name: there is a line break at position 2", ""),
        ("deal", "amount", "1.234", InvalidData, "amount: '1.234' can be 1234 or 1.234", ""),
        ("deal", "amount", "1.2345", InvalidData, "amount: 1.2345 has more decimals than EUR has (2)", ""),
        ("deal", "closes", "11/12/2026", CrmError, "11/12/2026", ""),
    ],
)
def test_what_does_not_fit_is_refused(
    kind: str, name: str, typed: str, error: type[CrmError], message: str, hint: str
) -> None:
    with pytest.raises(error) as caught:
        assign(kind, {"tags": ["a"]}, name, typed)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_a_choice_that_allows_anything_has_no_suggestions() -> None:
    with pytest.raises(InvalidData) as caught:
        entry.read_text(Field("word", "choice"), "a\tb", SETTINGS.context, NOW)
    assert caught.value.hint == ""


def test_an_empty_text_is_no_value() -> None:
    assert entry.read_text(Field("born", "date"), "  ", SETTINGS.context, NOW) == ""


def test_records_are_written_in_the_order_of_their_declaration() -> None:
    data: RawMap = {
        "zebra": "unknown, first",
        "tags": ["b", "a"],
        "consent": {"z": {"how": "by hand", "state": "granted", "odd": "1"}, "a": "odd"},
        "relations": [{"role": "friend", "customer": "bob"}, "odd"],
        "address": {"planet": "Earth", "country": "GB", "city": "London"},
        "aardvark": "unknown, second",
        "role": "",
        "emails": [],
        "name": "Ada",
        "id": "1",
    }
    ordered = entry.ordered(SETTINGS.schema.require("customer"), data)
    names = ["id", "name", "address", "tags", "consent", "relations", "zebra", "aardvark"]
    assert list(ordered) == names
    assert ordered["tags"] == ["b", "a"]
    assert ordered["address"] == {"city": "London", "country": "GB", "planet": "Earth"}
    assert list(ordered["address"]) == ["city", "country", "planet"]
    assert ordered["consent"] == {"z": {"state": "granted", "how": "by hand", "odd": "1"}, "a": "odd"}
    assert ordered["relations"] == [{"customer": "bob", "role": "friend"}, "odd"]


def test_values_of_the_wrong_shape_are_kept_as_they_are() -> None:
    data: RawMap = {"name": "Ada", "address": "1 Long Lane", "relations": "bob"}
    assert entry.ordered(SETTINGS.schema.require("customer"), data) == data


def test_hours_that_are_none_are_told() -> None:
    with pytest.raises(InvalidData, match="'17:00-25:00' is not a window of hours"):
        assign("campaign", {}, "window", "17:00-25:00")
    assert assign("campaign", {}, "window", "09:00-17:00") == {"window": "09:00-17:00"}
