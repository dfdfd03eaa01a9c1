"""The built-in declarations hold together: everything that reads them can rely on it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from crmctl.model import columns
from crmctl.model.fields import TYPES
from crmctl.model.kinds import KINDS
from crmctl.model.settings_reading import read_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crmctl.model.fields import Field
    from crmctl.model.fields import Kind

every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


def fields_of(kind: Kind) -> Iterator[Field]:
    for field in kind.fields:
        yield field
        yield from field.fields


MERGES = ("scalar", "set", "keyed", "unit", "lines", "append", "done", "strongest", "both", "tighten")


def test_names_are_taken_once() -> None:
    assert max(Counter(word for kind in KINDS for word in (kind.name, kind.plural)).values()) == 1


@every_kind
def test_fields_are_declared_soundly(kind: Kind) -> None:
    assert max(Counter(field.name for field in kind.fields).values()) == 1
    for field in fields_of(kind):
        assert field.type in TYPES
        assert field.shape in ("one", "list", "map")
        assert field.merge_policy in MERGES
        assert bool(field.fields) == (field.type == "group")
        assert all(part.type != "group" and not part.derived for part in field.fields)
        assert (field.type == "ref") == bool(field.kind)
        if field.kind:
            assert field.kind in {other.name for other in KINDS}


@every_kind
def test_every_choice_has_its_words(kind: Kind) -> None:
    filled = read_settings({}).schema.require(kind.name)
    assert all(field.choices for field in fields_of(filled) if field.type == "choice")


@every_kind
def test_every_amount_has_a_currency(kind: Kind) -> None:
    beside = {field.name for field in kind.fields if field.type == "currency"}
    for field in fields_of(kind):
        if field.type == "money" and not field.derived:
            assert field.currency in beside


@every_kind
def test_every_kind_has_identity_notes_of_others_and_a_title(kind: Kind) -> None:
    assert kind.fields[0].type == "id"
    assert kind.field("external") is not None
    title = kind.field(kind.title)
    assert title is not None
    assert title.shape == "one"
    assert kind.help
    assert kind.storage in ("yaml", "jsonl")


@every_kind
def test_lists_show_and_sort_by_what_can_be_shown_and_sorted(kind: Kind) -> None:
    for name in (*kind.columns, kind.sort):
        target = columns.resolve(kind, name)
        assert target is not None
        assert not target.table


@every_kind
def test_every_column_of_the_index_is_there_once(kind: Kind) -> None:
    assert max(Counter(columns.column_names(kind)).values()) == 1
    assert kind.plural not in columns.RESERVED


@every_kind
def test_options_are_taken_once_and_are_no_global_ones(kind: Kind) -> None:
    options = [field.option for field in fields_of(kind) if field.option and not field.derived]
    assert max(Counter(options).values(), default=1) == 1
    assert all(option.startswith("--") for option in options)
    taken = {"--set", "--handle", "--adopt", "--yes", "--output", "--book", "--now", "--color", "--quiet", "--help"}
    assert taken.isdisjoint(options)
    assert not any(part.option for field in kind.fields if field.shape != "one" for part in field.fields)


@every_kind
def test_aliases_hide_no_field(kind: Kind) -> None:
    names = {field.name for field in kind.fields}
    aliases = [alias for field in kind.fields for alias in field.aliases]
    assert names.isdisjoint(aliases)
    assert len(set(aliases)) == len(aliases)
