"""Laws of the model: handles, identities, amounts, folding, and what is typed into records."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from crmctl.errors import CrmError
from crmctl.index.rows import Encoder
from crmctl.model import columns
from crmctl.model import entry
from crmctl.model import ids
from crmctl.model import iso
from crmctl.model import money
from crmctl.model import validate
from crmctl.model import values
from crmctl.model.fields import TYPES
from crmctl.model.fields import Field
from crmctl.model.settings_reading import read_settings
from crmctl.model.text import fold

if TYPE_CHECKING:
    from crmctl.model.raw import Raw
    from crmctl.model.raw import RawMap

SETTINGS = read_settings({"timezone": "Europe/Berlin", "country": "DE"})
NOW = datetime(2026, 11, 24, 15, 30, tzinfo=ZoneInfo("Europe/Berlin"))
KINDS = st.sampled_from(SETTINGS.schema.kinds)

currencies = st.sampled_from(sorted(iso.CURRENCIES))
texts = st.text(max_size=40)
likely = st.sampled_from(
    ["", "2026-02-30", "2026-01-01", "1.5", "-0", "100%", "yes", "30d", "DE", "+49 30 901820", "a@b.c"]
)
raws: st.SearchStrategy[Raw] = st.recursive(
    texts | likely, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=6
)


@given(st.integers(0, 2**128 - 1), st.integers(0, 2**128 - 1))
def test_ulids_are_ids_and_sort_as_their_numbers(one: int, other: int) -> None:
    a, b = ids.encode_ulid(one), ids.encode_ulid(other)
    assert ids.is_id(a)
    assert (a < b) == (one < other)


@given(st.text(max_size=400))
def test_a_handle_made_from_any_name_is_a_handle_or_nothing(name: str) -> None:
    handle = ids.handle_from(name)
    assert handle == "" or ids.handle_problem(handle) == ""


@given(st.text(alphabet="abz09-_./\\ AÄ\n", max_size=70))
def test_no_good_handle_leads_out_of_its_folder(handle: str) -> None:
    if ids.handle_problem(handle) == "":
        assert not set(handle) & set("/\\ \n")
        assert ".." not in handle
        assert handle == handle.lower()


@given(st.text(max_size=60))
def test_folding_is_done_once_for_all(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert fold(f"  {text}\t") == fold(text)
    assert fold(text.upper()) == fold(text.upper().lower())


@given(st.integers(-(10**14), 10**14), currencies)
def test_amounts_survive_the_way_to_text_and_back(units: int, currency: str) -> None:
    text = money.from_minor(units, currency)
    if abs(Decimal(text)) < money.LARGEST:
        assert money.to_minor(money.parse_amount(text), currency) == units
        assert money.amount_text(Decimal(text), currency) == text


@given(
    st.from_regex(r"[-+]?[0-9]{0,14}(\.[0-9]{0,4})?", fullmatch=True) | st.text(alphabet="0123.-+٣²", max_size=6),
    st.sampled_from(["EUR", "JPY", "TND", "CLF"]),
)
def test_the_short_way_to_minor_units_is_the_long_one(text: str, currency: str) -> None:
    try:
        expected = money.to_minor(money.parse_amount(text), currency)
    except ValueError as refused:
        with pytest.raises(ValueError) as caught:
            money.minor_units(text, currency)
        assert str(caught.value) == str(refused)
    else:
        assert money.minor_units(text, currency) == expected


@given(st.integers(-(10**12), 10**12), st.sampled_from([("", "."), (",", "."), (".", ","), (" ", ","), ("'", ".")]))
def test_amounts_in_any_style_are_the_same_or_are_refused(cents: int, style: tuple[str, str]) -> None:
    thousands, point = style
    whole, part = divmod(abs(cents), 100)
    typed = f"{'-' if cents < 0 else ''}{whole:,}".replace(",", thousands) + f"{point}{part:02}"
    assert money.read_amount(typed) == Decimal(cents) / 100


@given(st.text(alphabet="0123456789.,' -+", max_size=16))
def test_no_amount_is_read_in_two_ways(typed: str) -> None:
    """Whatever is accepted is the number that its digits say, with the last separator as point or none at all."""
    try:
        amount = money.read_amount(typed)
    except ValueError:
        return
    digits = "".join(c for c in typed if c.isdigit())
    assert digits.lstrip("0") == "".join(c for c in f"{abs(amount):f}" if c.isdigit()).lstrip("0")


@given(st.sampled_from([name for name in TYPES if name != "group"]), texts | likely)
def test_what_passes_the_checks_can_be_told_and_what_cannot_is_refused_in_words(type_name: str, text: str) -> None:
    field = Field("f", type_name)
    try:
        values.normal(field, text, SETTINGS.context)
    except ValueError as exc:
        assert str(exc)
        known = False
    else:
        known = True
    try:
        values.check(field, text, SETTINGS.context)
    except ValueError as exc:
        assert str(exc)
    else:
        assert known


@settings(max_examples=200, deadline=None)
@given(KINDS.flatmap(lambda kind: st.tuples(st.just(kind), st.sampled_from(columns.names(kind)))), texts | likely)
def test_whatever_is_set_by_hand_passes_the_checks_or_is_refused(case: tuple[object, str], typed: str) -> None:
    kind, name = case
    assert isinstance(kind, type(SETTINGS.schema.kinds[0]))
    try:
        data = entry.assign(kind, {}, name, typed, SETTINGS.context, NOW)
    except CrmError:
        return
    wrong = [f for f in validate.check_record(kind, data, SETTINGS.context) if f.code != "missing-field"]
    assert wrong == []
    assert entry.ordered(kind, data) == data


@settings(max_examples=200, deadline=None)
@given(
    KINDS.flatmap(
        lambda kind: st.tuples(
            st.just(kind), st.dictionaries(st.sampled_from([f.name for f in kind.fields]) | texts, raws, max_size=5)
        )
    )
)
def test_any_record_can_be_checked_ordered_and_indexed(case: tuple[object, RawMap]) -> None:
    kind, data = case
    assert isinstance(kind, type(SETTINGS.schema.kinds[0]))
    found = validate.check_record(kind, data, SETTINGS.context)
    assert all(finding.message for finding in found)
    list(validate.references(kind, data))
    ordered = entry.ordered(kind, data)
    assert entry.ordered(kind, ordered) == ordered
    assert {name: value for name, value in data.items() if value}.keys() <= ordered.keys()
    row = Encoder(kind, SETTINGS).encode(data)
    assert all(cell is None or isinstance(cell, (str, int)) for cell in row.cells)
