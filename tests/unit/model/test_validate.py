"""Everything that is wrong with a record, with what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from crmctl.model.settings_reading import read_settings
from crmctl.model.validate import Finding
from crmctl.model.validate import Reference
from crmctl.model.validate import check_record
from crmctl.model.validate import references

if TYPE_CHECKING:
    from crmctl.model.fields import Kind
    from crmctl.model.raw import RawMap

SETTINGS = read_settings({"fields": {"customer": {"fees": {"type": "money", "shape": "map"}}}})


def kind(name: str) -> Kind:
    return SETTINGS.schema.require(name)


def findings(name: str, data: RawMap, only: list[str] | None = None) -> list[Finding]:
    return check_record(kind(name), data, SETTINGS.context, only)


GOOD: RawMap = {
    "id": "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "name": "Ada",
    "type": "person",
    "emails": ["ada@example.com"],
    "phones": ["+44 20 7946 0958"],
    "address": {"street": "1 Long\nLane", "country": "GB"},
    "consent": {"newsletter": {"state": "granted", "date": "2026-01-02", "channels": ["email"]}},
    "relations": [{"customer": "charles", "role": "friend"}],
    "external": {"old": "7"},
    "fees": {"entry": "5.00"},
    "notes": "",
}


def test_a_good_record_has_no_findings() -> None:
    assert findings("customer", GOOD) == []


@pytest.mark.parametrize(
    ("changed", "at", "code", "message", "hint"),
    [
        ({"name": ""}, (), "missing-field", "customer has no name", "Add a line `name: ...`."),
        ({"nmae": "x"}, ("nmae",), "unknown-field", "there is no field 'nmae' for a customer", "Did you mean name?"),
        (
            {"zzz": "x"},
            ("zzz",),
            "unknown-field",
            "there is no field 'zzz' for a customer",
            "Declare it in crm.yaml (fields: customer: zzz: text).",
        ),
        (
            {"spent": "5"},
            ("spent",),
            "derived-field",
            "spent is counted, it cannot be written",
            "Take the line out; the figure is counted from the other records.",
        ),
        ({"birthday": "1.2.03"}, ("birthday",), "bad-date", "birthday: '1.2.03' is not a date", ""),
        ({"type": "persona"}, ("type",), "bad-choice", "type: 'persona' is not one of", "Did you mean person?"),
        ({"type": "zzz"}, ("type",), "bad-choice", "type: 'zzz' is not one of", "Use one of person, organization."),
        ({"emails": ["ada@"]}, ("emails", 0), "bad-email", "email is not an address: 'ada@'", ""),
        ({"emails": "ada@x.org"}, ("emails",), "wrong-shape", "emails is a list", "`  - ada@x.org`"),
        ({"emails": {"a": "b"}}, ("emails",), "wrong-shape", "emails is a list", "`  - ...`"),
        ({"tags": ["a", "b", "a"]}, ("tags", 2), "repeated", "'a' stands in tags twice", "Take one of them out."),
        ({"name": ["Ada"]}, ("name",), "wrong-shape", "name is a single value", "`name: ...`"),
        ({"external": "7"}, ("external",), "wrong-shape", "external is a map", "`  name: value`"),
        ({"external": {"x": ["7"]}}, ("external", "x"), "wrong-shape", "x is a single value", "`x: ...`"),
        ({"address": "1 Long Lane"}, ("address",), "wrong-shape", "address has parts of its own", "It has street, "),
        (
            {"address": {"citty": "X"}},
            ("address", "citty"),
            "unknown-field",
            "there is no field 'citty' for a address",
            "Did you mean city?",
        ),
        (
            {"address": {"planet": "X"}},
            ("address", "planet"),
            "unknown-field",
            "there is no field 'planet' for a address",
            "It has street, postal_code, city, region, country.",
        ),
        ({"address": {"country": "ZZ"}}, ("address", "country"), "bad-country", "country: 'ZZ' is not a country", ""),
        (
            {"consent": {"news": {"date": "2026-01-01"}}},
            ("consent", "news"),
            "missing-field",
            "news has no state",
            "Add a line `state: ...`.",
        ),
        (
            {"relations": [{"role": "friend"}]},
            ("relations", 0),
            "missing-field",
            "relations has no customer",
            "Add a line `customer: ...`.",
        ),
        (
            {"fees": {"entry": "5.005"}},
            ("fees", "entry"),
            "bad-money",
            "entry: 5.005 has more decimals than EUR has",
            "",
        ),
    ],
)
def test_what_is_wrong_is_named(changed: RawMap, at: tuple[str | int, ...], code: str, message: str, hint: str) -> None:
    (finding,) = findings("customer", {**GOOD, **changed})
    assert finding.at == at
    assert finding.code == code
    assert message in finding.message
    assert hint in finding.hint
    assert bool(finding.hint) == bool(hint)


def test_everything_is_found_not_just_the_first() -> None:
    data: RawMap = {"emails": ["a", "b"], "birthday": "x", "nonsense": "y"}
    assert [f.code for f in findings("customer", data)] == [
        "missing-field",
        "bad-email",
        "bad-email",
        "bad-date",
        "unknown-field",
    ]


def test_nothing_is_wrong_with_fields_that_hold_nothing() -> None:
    empty: RawMap = {
        "name": "Ada",
        "emails": "",
        "external": "",
        "address": "",
        "consent": {"news": ""},
        "birthday": "",
    }
    assert findings("customer", empty) == []
    assert findings("customer", {"name": "Ada", "emails": [""], "tags": []}) == []


def test_only_the_fields_asked_for_are_checked_but_what_is_required_always() -> None:
    data: RawMap = {"birthday": "x", "website": "y"}
    assert [f.code for f in findings("customer", data, ["website"])] == ["missing-field", "bad-url"]


@pytest.mark.parametrize(
    ("data", "only", "at"),
    [
        ({"amount": "1.5", "currency": "JPY"}, None, ("amount",)),
        ({"amount": "1.5", "currency": "jpy"}, ["currency"], ("amount",)),
        ({"amount": "1.505"}, ["amount"], ("amount",)),
        ({"lines": [{"price": "1.00"}, {"price": "0.999"}]}, None, ("lines", 1, "price")),
        ({"lines": [{"price": "1.5"}], "currency": "JPY"}, ["currency"], ("lines", 0, "price")),
    ],
)
def test_an_amount_has_the_decimals_of_its_currency(
    data: RawMap, only: list[str] | None, at: tuple[str | int, ...]
) -> None:
    (finding,) = findings("deal", {"name": "x", "customer": "ada", **data}, only)
    assert (finding.code, finding.at) == ("bad-money", at)
    assert "has more decimals than" in finding.message


@pytest.mark.parametrize(
    ("data", "only"),
    [
        ({"amount": "1.5", "currency": "JPY"}, ["name"]),
        ({"amount": "1.505", "currency": "TND"}, None),
        ({"amount": "5", "currency": ["JPY"], "lines": ["x"]}, ["amount"]),
    ],
)
def test_amounts_that_fit_or_were_not_touched_pass(data: RawMap, only: list[str] | None) -> None:
    assert findings("deal", {"name": "x", "customer": "ada", **data}, only) == []


def test_what_is_no_amount_at_all_is_said_once() -> None:
    (finding,) = findings("deal", {"name": "x", "customer": "ada", "amount": "lots"})
    assert finding.code == "bad-money"


def test_every_reference_is_listed_with_its_place() -> None:
    data: RawMap = {
        "name": "x",
        "customer": "ada",
        "owner": "",
        "lines": [{"product": "rock"}, {"text": "no product"}, "odd"],
        "campaign": ["odd"],
        "tags": ["a"],
    }
    assert list(references(kind("deal"), data)) == [
        Reference(("customer",), "customer", "ada"),
        Reference(("lines", 0, "product"), "product", "rock"),
    ]
    segment: RawMap = {"customers": ["ada", "bob"], "owner": "ann"}
    assert [r.handle for r in references(kind("segment"), segment)] == ["ada", "bob", "ann"]


def test_references_in_maps_are_listed_too() -> None:
    made = read_settings({"fields": {"customer": {"contacts": {"type": "ref", "kind": "member", "shape": "map"}}}})
    found = references(made.schema.require("customer"), {"contacts": {"sales": "ann"}, "relations": "odd"})
    assert list(found) == [Reference(("contacts", "sales"), "member", "ann")]


def test_a_required_field_that_is_counted_is_not_missed() -> None:
    interaction = kind("interaction")
    fields = tuple(f._replace(required=True) if f.name == "customer" else f for f in interaction.fields)
    data: RawMap = {"at": "2026-01-01T00:00:00Z", "type": "call"}
    assert check_record(interaction._replace(fields=fields), data, SETTINGS.context) == []


@pytest.mark.parametrize(
    ("window", "message"),
    [
        ("25-9", "'25-9' is not a window of hours"),
        ("9am-5pm", "'9am-5pm' is not a window of hours"),
        ("09:00-25:00", "'09:00-25:00' is not a window of hours"),
        ("17:00-09:00", "the window 17:00-09:00 does not end after it starts"),
        ("09:00-09:00", "the window 09:00-09:00 does not end after it starts"),
    ],
)
@pytest.mark.parametrize("name", ["campaign", "sequence"])
def test_hours_in_which_mail_goes_out(name: str, window: str, message: str) -> None:
    more: RawMap = {"steps": [{"wait": "3d", "what": "call"}]} if name == "sequence" else {}
    good: RawMap = {"name": "A", "purpose": "newsletter", **more, "window": "09:00-17:00"}
    assert findings(name, good) == []
    bad: RawMap = {**good, "window": window}
    assert findings(name, bad) == [
        Finding(("window",), "bad-window", message, "Write it as HH:MM-HH:MM, as in 09:00-17:00.")
    ]
    assert findings(name, bad, ["notes"]) == []


@pytest.mark.parametrize(
    ("starts", "ends", "wrong"),
    [
        ("2026-05-02", "2026-05-01", True),
        ("2026-05-01", "2026-05-01", False),
        ("2026-05-01", "", False),
        ("", "2026-05-01", False),
    ],
)
def test_a_campaign_ends_when_it_has_started(starts: str, ends: str, wrong: bool) -> None:
    data: RawMap = {"name": "A", "purpose": "newsletter", "starts": starts, "ends": ends}
    assert [(found.at, found.code) for found in findings("campaign", data)] == [(("ends",), "bad-span")] * wrong
    assert [found.code for found in findings("campaign", data, ["starts"])] == ["bad-span"] * wrong
    assert findings("campaign", data, ["notes"]) == []


def test_a_day_that_is_none_is_told_once() -> None:
    data: RawMap = {"name": "A", "purpose": "newsletter", "starts": "soon", "ends": "2026-05-01"}
    assert [found.code for found in findings("campaign", data)] == ["bad-date"]


def test_windows_of_other_kinds_are_whatever_they_are() -> None:
    house = read_settings({"kinds": {"house": {"plural": "houses", "fields": {"name": "text", "window": "text"}}}})
    assert check_record(house.schema.require("house"), {"name": "A", "window": "two"}, house.context) == []
