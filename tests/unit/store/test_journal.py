from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from crmctl.errors import InvalidData
from crmctl.store import journal
from crmctl.store.journal import Journal
from crmctl.store.journal import Step

if TYPE_CHECKING:
    from pathlib import Path

NOTE = Journal(
    "a" * 40,
    "b" * 40,
    {
        "records/customers/ada.yaml": Step("1" * 40, "", ""),
        "records/ö\udcff.yaml": Step("", "2" * 40, "3" * 40, staged=True),
    },
)


def test_a_note_comes_back_as_it_was_and_goes(tmp_path: Path) -> None:
    assert journal.read(tmp_path / "own") is None
    journal.write(tmp_path / "own", NOTE)
    assert journal.read(tmp_path / "own") == NOTE
    journal.drop(tmp_path / "own")
    assert journal.read(tmp_path / "own") is None
    assert list((tmp_path / "own").iterdir()) == []
    journal.drop(tmp_path / "own")


def test_a_later_note_replaces_an_earlier_one(tmp_path: Path) -> None:
    journal.write(tmp_path, NOTE)
    journal.write(tmp_path, NOTE._replace(new="c" * 40))
    assert journal.read(tmp_path) == NOTE._replace(new="c" * 40)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"7",
        b"{}",
        b'{"old": "a", "new": "b"}',
        b'{"old": "a", "new": "b", "paths": []}',
        b'{"old": "a", "new": "b", "paths": "x"}',
        b'{"old": "a", "new": "b", "steps": {"x": "abc"}}',
        b'{"old": "a", "new": "b", "steps": {"x": 1}}',
        b"\xff\xfe\x00",
        b"[" * 100_000,
    ],
)
def test_a_torn_note_is_none(tmp_path: Path, text: bytes) -> None:
    (tmp_path / journal.NAME).write_bytes(text)
    assert journal.read(tmp_path) is None


def test_a_pipe_in_its_place_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / journal.NAME)
    with pytest.raises(InvalidData):
        journal.read(tmp_path)
