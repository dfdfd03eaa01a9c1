from __future__ import annotations

import pytest

from crmctl.model.settings_reading import read_settings
from crmctl.store import layout

SCHEMA = read_settings(
    {"kinds": {"vendor": {"plural": "vendors", "title": "name", "fields": {"name": {"type": "text"}}}}}
).schema
CUSTOMER = SCHEMA.require("customer")
INTERACTION = SCHEMA.require("interaction")


@pytest.mark.parametrize(
    ("handle", "flat", "sharded"),
    [
        ("ada", "records/customers/ada.yaml", "records/customers/da/ada.yaml"),
        ("c-000042", "records/customers/c-000042.yaml", "records/customers/42/c-000042.yaml"),
        ("a", "records/customers/a.yaml", "records/customers/a/a.yaml"),
        ("ada-2", "records/customers/ada-2.yaml", "records/customers/2/ada-2.yaml"),
        ("x.y", "records/customers/x.y.yaml", "records/customers/y/x.y.yaml"),
        ("-.", "records/customers/-..yaml", "records/customers/_/-..yaml"),
    ],
)
def test_where_a_record_stands_and_back(handle: str, flat: str, sharded: str) -> None:
    assert layout.path_of(CUSTOMER, handle, sharded=False) == flat
    assert layout.path_of(CUSTOMER, handle, sharded=True) == sharded
    for path in (flat, sharded):
        assert layout.place_of(path, SCHEMA) == (CUSTOMER, handle)


def test_interactions_stand_under_their_customer() -> None:
    path = "records/interactions/ada.jsonl"
    assert layout.path_of(INTERACTION, "ada", sharded=False) == path
    assert layout.place_of(path, SCHEMA) == (INTERACTION, "ada")


def test_kinds_of_the_book_have_places_too() -> None:
    place = layout.place_of("records/vendors/acme.yaml", SCHEMA)
    assert place is not None
    assert (place.kind.name, place.handle) == ("vendor", "acme")


@pytest.mark.parametrize(
    "path",
    [
        "crm.yaml",
        "records/ada.yaml",
        "records/customers",
        "records/customers/a/b/ada.yaml",
        "records/customers/ada.yml",
        "records/customers/ada.jsonl",
        "records/customers/.ada.yaml",
        "records/customers/a/.ada.yaml",
        "records/customer/ada.yaml",
        "records/interactions/ada.yaml",
        "records/nothing/ada.yaml",
        "templates/customers/ada.yaml",
    ],
)
def test_what_is_no_records_file(path: str) -> None:
    assert layout.place_of(path, SCHEMA) is None
