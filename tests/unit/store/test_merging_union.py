"""Files whose lines are only ever added lose none in a merge."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmctl.store.merging import is_mergeable
from crmctl.store.merging import is_union
from crmctl.store.merging import merge_file

PATH = "records/suppressions/2027-03.jsonl"
LINES = [f'{{"id": "{number}", "at": "2027-03-{number:02}"}}'.encode() for number in range(1, 9)]

some = st.lists(st.sampled_from(LINES), unique=True).map(lambda lines: b"".join(line + b"\n" for line in lines))


def test_only_the_list_of_suppressions_is_such_a_file() -> None:
    assert is_union(PATH)
    assert is_union("records/suppressions/keys.jsonl")
    assert is_mergeable(PATH)
    assert not is_union("records/interactions/ada.jsonl")
    assert not is_union("records/suppressions/readme.yaml")


@given(some, some, some)
def test_every_line_of_every_side_is_there_once(base: bytes, ours: bytes, theirs: bytes) -> None:
    merged = merge_file(PATH, base, ours, theirs)
    lines = merged.data.splitlines()
    assert merged.clean
    assert set(lines) == {*base.splitlines(), *ours.splitlines(), *theirs.splitlines()}
    assert len(lines) == len(set(lines))
    assert merged.data == merge_file(PATH, base, theirs, ours).data
    assert merge_file(PATH, base, merged.data, theirs).data == merged.data


def test_what_one_side_took_away_stays() -> None:
    base = LINES[0] + b"\n" + LINES[1] + b"\n"
    assert merge_file(PATH, base, base, b"").data == base
    assert merge_file(PATH, base, LINES[1] + b"\n", base).data == base


def test_two_writings_of_one_line_are_one() -> None:
    ours, theirs = b'{"id": "1", "to": "x"}\r\n', b'{"to":"x","id":"1"}'
    assert merge_file(PATH, None, ours, theirs).data == b'{"id": "1", "to": "x"}\n'


def test_two_lines_with_one_id_both_stay() -> None:
    merged = merge_file(PATH, None, b'{"id": "1", "to": "x"}\n', b'{"id": "1", "to": "y"}\n')
    assert merged.clean
    assert merged.data.count(b"\n") == 2


@pytest.mark.parametrize("bad", [b"nonsense\n", b"<<<<<<< ours\n", b"[]\n"])
def test_a_side_that_cannot_be_read_is_a_question(bad: bytes) -> None:
    merged = merge_file(PATH, b"", LINES[0] + b"\n", bad)
    assert not merged.clean
    assert "their side cannot be read" in merged.refused
    assert LINES[0] in merged.data
