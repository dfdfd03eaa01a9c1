from __future__ import annotations

import pytest

from crmctl.errors import UsageProblem
from crmctl.model.kinds import CASE
from crmctl.model.kinds import CUSTOMER
from crmctl.model.kinds import INTERACTION
from crmctl.services.importing.mapping import Pattern
from crmctl.services.importing.mapping import column
from crmctl.services.importing.mapping import mapping
from crmctl.services.importing.mapping import target


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("name", ("name",)),
        ("email", ("emails",)),
        ("handle", ("handle",)),
        ("address.city", ("address", "city")),
        ("city", ("address", "city")),
        ("external.cdnow", ("external", "cdnow")),
        ("external.a.b", ("external", "a.b")),
        ("consent.newsletter.state", ("consent", "newsletter", "state")),
        ("consent.newsletter", ("consent", "newsletter", "state")),
    ],
)
def test_a_field_is_named_as_in_set(name: str, path: tuple[str, ...]) -> None:
    assert target(CUSTOMER, name).path == path


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nmae", "no field 'nmae'"),
        ("address", "has parts"),
        ("address.town", "no part 'town'"),
        ("address.cty", "no part"),
        ("external", "map of entries"),
        ("orders", "it is counted"),
        ("name.first", "no field 'name.first'"),
    ],
)
def test_what_is_no_place_for_values_is_refused(name: str, words: str) -> None:
    with pytest.raises(UsageProblem, match=words):
        target(CUSTOMER, name)


def test_an_interaction_has_a_customer_but_no_handle() -> None:
    assert target(INTERACTION, "customer").path == ("customer",)
    with pytest.raises(UsageProblem, match="no handle of its own"):
        target(INTERACTION, "handle")
    assert target(CASE, "customer").path == ("customer",)


def test_without_a_mapping_the_headers_say_where_things_go() -> None:
    found = mapping(CUSTOMER, ["Name", "E-Mail", "First Name", "City", "external.Shop", "Orders", "shoe size"], [])
    names = ["name", "emails", "first_name", "address.city", "external.Shop"]
    assert [item.target.name for item in found.mapped] == names
    assert found.unmapped == ("Orders", "shoe size")


def test_headers_that_say_nothing_are_told() -> None:
    with pytest.raises(UsageProblem, match="no column is called like a field") as caught:
        mapping(CUSTOMER, ["foo", "bar"], [])
    assert "foo, bar" in caught.value.hint


def test_a_column_is_found_without_regard_to_case_and_spaces() -> None:
    header = ["Customer ID", "name", "Name"]
    assert column(header, "customer_id") == 0
    assert column(header, "name") == 1
    with pytest.raises(UsageProblem, match="'name' or 'Name'"):
        column(header, "NAME")
    with pytest.raises(UsageProblem, match="no column 'custmer id'") as caught:
        column(header, "custmer id")
    assert caught.value.hint == "Did you mean 'Customer ID'?"


def test_two_columns_for_one_value_are_refused_but_lists_take_both() -> None:
    header = ["work", "home"]
    with pytest.raises(UsageProblem, match="'work' and 'home' are both to become role"):
        mapping(CUSTOMER, header, [("role", "work"), ("role", "home")])
    found = mapping(CUSTOMER, header, [("emails", "work"), ("email", "home")])
    assert [item.target.path for item in found.mapped] == [("emails",), ("emails",)]


def test_one_column_may_become_two_values() -> None:
    found = mapping(CUSTOMER, ["id"], [("name", "id"), ("external.shop", "id")])
    assert [item.column for item in found.mapped] == [0, 0]


def test_a_pattern_is_filled_from_the_row() -> None:
    pattern = Pattern("shop-{Customer ID}-{year}x", ["year", "Customer ID"])
    assert pattern.handle_text(["97", " 12 "]) == "shop-12-97x"
    assert pattern.handle_text(["97", " "]) == ""


@pytest.mark.parametrize("text", ["shop", "shop-{id", "shop-}{id}"])
def test_a_pattern_needs_whole_placeholders(text: str) -> None:
    with pytest.raises(UsageProblem, match=r"has no \{COLUMN\}"):
        Pattern(text, ["id"])


def test_a_pattern_names_columns_that_are_there() -> None:
    with pytest.raises(UsageProblem, match="no column 'nr'"):
        Pattern("shop-{nr}", ["id"])
