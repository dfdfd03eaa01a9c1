"""Identities and handles."""

from __future__ import annotations

from datetime import UTC
from datetime import datetime

import pytest

from crmctl import clock
from crmctl.model import ids


def test_a_ulid_has_its_moment_in_front() -> None:
    clock.freeze(datetime(2016, 7, 30, 23, 54, 10, 259000, tzinfo=UTC))
    assert ids.new_id()[:10] == "01ARZ3NDEK"  # The example in the specification.
    assert ids.new_id() != ids.new_id()
    assert all(ids.is_id(ids.new_id()) for _ in range(50))


def test_ulids_sort_by_time() -> None:
    clock.freeze(datetime(2026, 1, 1, tzinfo=UTC))
    first = ids.new_id()
    clock.freeze(datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC))
    assert first < ids.new_id()


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0" * 26), (1, "0" * 25 + "1"), (2**128 - 1, "7" + "Z" * 25), (31 << 5, "0" * 24 + "Z0")],
)
def test_ulids_are_written_in_crockfords_base_32(number: int, text: str) -> None:
    assert ids.encode_ulid(number) == text
    assert ids.is_id(text)


@pytest.mark.parametrize(
    "text", ["", "0" * 25, "0" * 27, "8" + "0" * 25, "0" * 25 + "I", "0" * 25 + "a", "0" * 26 + "\n"]
)
def test_other_texts_are_no_ulids(text: str) -> None:
    assert not ids.is_id(text)


@pytest.mark.parametrize("handle", ["a", "7", "ada-lovelace", "c-000042", "a.b_c", "x" * 64, "console", "com10"])
def test_good_handles(handle: str) -> None:
    assert ids.handle_problem(handle) == ""


@pytest.mark.parametrize(
    ("handle", "problem"),
    [
        ("", "a handle cannot be empty"),
        ("x" * 65, "a handle has at most 64 characters, this one has 65"),
        ("Ada", "a handle is made of a-z"),
        ("../../x", "a handle is made of a-z"),
        ("a/b", "a handle is made of a-z"),
        ("a b", "a handle is made of a-z"),
        ("zoë", "a handle is made of a-z"),
        ("-a", "a handle is made of a-z"),
        ("a.", "a handle is made of a-z"),
        ("a\n", "a handle is made of a-z"),
        ("a..b", "a handle has no two dots in a row"),
        ("con", "'con' is a device name on Windows"),
        ("nul.backup", "'nul' is a device name on Windows"),
        ("lpt9", "'lpt9' is a device name on Windows"),
    ],
)
def test_handles_that_some_system_cannot_have_as_a_file(handle: str, problem: str) -> None:
    assert ids.handle_problem(handle).startswith(problem)


@pytest.mark.parametrize(
    ("name", "handle"),
    [
        ("Ada Lovelace", "ada-lovelace"),
        ("Luís Gonçalves", "luis-goncalves"),
        ("O'Neill & Sons, Inc.", "o-neill-sons-inc"),
        ("Łódź Straße", "lodz-strasse"),
        ("CON", "con-1"),
        ("com1", "com1-1"),
        ("  --  ", ""),
        ("🎸", ""),
        ("", ""),
        ("中", "4e2d"),
        ("Жук", "zhe-u-ka"),
        ("../../etc/passwd", "etc-passwd"),
        ("Acme™", "acmetm"),
    ],
)
def test_handles_are_made_from_names(name: str, handle: str) -> None:
    assert ids.handle_from(name) == handle


def test_a_long_name_gives_a_handle_that_ends_well() -> None:
    handle = ids.handle_from("a" * 63 + " " + "b" * 300)
    assert handle == "a" * 63
    assert ids.handle_problem(handle) == ""


def test_an_id_that_a_text_decides() -> None:
    found = ids.id_from("records/customers/ada.yaml 1")
    assert ids.is_id(found)
    assert found == ids.id_from("records/customers/ada.yaml 1")
    assert found != ids.id_from("records/customers/ada.yaml 2")
    assert found < ids.new_id()
