from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.services.importing.values import nested

if TYPE_CHECKING:
    from crmctl.model.raw import Raw
    from crmctl.services.importing.values import Path


def test_values_stand_where_their_paths_say() -> None:
    values: dict[Path, Raw] = {
        ("handle",): "ada",
        ("name",): "Ada",
        ("external", "shop"): "7",
        ("external", "old"): "8",
        ("consent", "news", "state"): "granted",
        ("consent", "news", "date"): "2011-05-02",
    }
    assert nested(values, [("handle",)]) == {
        "name": "Ada",
        "external": {"shop": "7", "old": "8"},
        "consent": {"news": {"state": "granted", "date": "2011-05-02"}},
    }


def test_what_a_reader_remembers_for_other_rows_is_not_changed() -> None:
    remembered: dict[str, Raw] = {"shop": "7"}
    values: dict[Path, Raw] = {("external",): remembered, ("external", "old"): "8"}
    assert nested(values, []) == {"external": {"shop": "7", "old": "8"}}
    assert remembered == {"shop": "7"}


def test_a_part_takes_the_place_of_a_value_without_parts() -> None:
    assert nested({("external",): "7", ("external", "shop"): "8"}, []) == {"external": {"shop": "8"}}
