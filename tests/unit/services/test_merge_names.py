"""Names in templates that no record can have, told from values that one record lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from helpers.books import commit

from crmctl.model.settings_reading import read_settings
from crmctl.services import merge_names
from crmctl.services import template_check
from crmctl.services.book import Book
from crmctl.services.merge_data import MergeData

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

SCHEMA = read_settings({"fields": {"customer": {"size": "text"}}}).schema
KNOWN = merge_names.names(SCHEMA)
FULL = """\
name: Ada Lovelace
emails: [ada@example.com]
first_name: Ada
organization: acme
owner: ann
address: {street: 1 A St, city: London, country: GB}
"""


@pytest.mark.parametrize(
    "path", ["customer.name", "customer.size", "customer.address.city", "customer.emails.0", "today"]
)
def test_what_can_be_there(path: str) -> None:
    assert merge_names.wrong(KNOWN, path) == ""


def test_more_names_are_good_with_all_below_them() -> None:
    assert merge_names.wrong(KNOWN, "season.name", ["season"]) == ""
    assert merge_names.wrong(KNOWN, "customer.pet", ["customer.pet"]) == ""
    assert merge_names.wrong(KNOWN, "customer.pets", ["customer.pet"]) != ""


def test_what_a_message_lacks_and_what_it_cannot_have() -> None:
    told = merge_names.explained(
        KNOWN,
        [
            "customer.role is missing",
            "customer.rolle is missing",
            "made_here is missing",
            "custmer is missing",
            "t.md:3: x",
        ],
    )
    assert told == [
        "customer.role is missing",
        "there is no field `customer.rolle`; did you mean `customer.role`?",
        "made_here is missing",
        "there is no name `custmer`; did you mean `customer`?",
        "t.md:3: x",
    ]


def test_what_the_book_lacks_is_said_in_its_settings() -> None:
    told = merge_names.explained(KNOWN, ["book.postal_address is missing", "customer.role is missing"])
    assert told == ["book.postal_address is missing: say postal_address in crm.yaml", "customer.role is missing"]


def test_the_day_of_the_first_contact_is_no_first_name() -> None:
    (told,) = merge_names.explained(KNOWN, ["customer.first is missing"])
    assert told.startswith("customer.first is missing: ")
    assert "`customer.first_name`" in told


def test_everything_that_a_customer_brings_has_a_known_name(book_dir: Path) -> None:
    """The names are told from the schema; what the data really has must not be more."""
    files = {
        "customers/ada.yaml": FULL,
        "customers/acme.yaml": "name: Acme\ntype: organization\n",
        "members/ann.yaml": "name: Ann\nemail: ann@example.com\n",
        "interactions/ada.jsonl": (
            '{"id": "01J0000000000000000000000A", "at": "2026-01-02T10:00:00Z", "type": "purchase", "amount": "12.00", '
            '"lines": [{"text": "Tea", "quantity": "2", "price": "6.00"}]}\n'
        ),
    }
    commit(book_dir, files)
    data = MergeData(Book(book_dir), "newsletter", {"name": "C", "purpose": "newsletter"}).of("ada")
    known = merge_names.names(Book(book_dir).schema)
    assert [path for path in _paths(data) if merge_names.wrong(known, path)] == []
    assert {"customer.organization.name", "owner.name", "last_order.lines.0.text"} <= set(_paths(data))


def _paths(value: object, before: str = "") -> list[str]:
    items = list(value.items()) if isinstance(value, dict) else []
    items += list(enumerate(value)) if isinstance(value, list) else []
    found = []
    for key, inner in items:
        path = f"{before}{key}"
        found += [path, *_paths(inner, f"{path}.")]
    return found


def test_a_typo_is_told_when_a_template_is_checked_and_rendered(book_dir: Path, run: Run) -> None:
    body = "---\nsubject: Hi\n---\n{{ customer.nmae }} {{ customer.role }}\n"
    commit(book_dir, {"customers/ada.yaml": "name: Ada\n", "/templates/t.md": body})
    typo = "there is no field `customer.nmae`; did you mean `customer.name`?"
    _, faults = template_check.check(Book(book_dir), ["t"])
    assert [fault.problem for fault in faults] == [typo, "customer.role is missing"]
    assert f"crmctl: ada: {typo}" in run("-C", book_dir, "template", "render", "t", "ada").err


def test_a_typo_is_told_when_a_campaign_is_checked(book_dir: Path, run: Run) -> None:
    files = {
        "customers/ada.yaml": "name: Ada\nemails: [ada@example.com]\n",
        "/templates/t.md": "---\nsubject: Hi\n---\n{{ customer.nmae }}\n",
        "segments/all.yaml": "name: All\nfilter: name:Ada\n",
        "campaigns/c.yaml": "name: C\npurpose: service\ntemplate: t\nsegment: all\nbenefit: they hear from us\n",
    }
    commit(book_dir, files)
    done = run("-C", book_dir, "campaign", "check", "c", "-o", "json")
    assert "there is no field `customer.nmae`; did you mean `customer.name`?" in done.out
