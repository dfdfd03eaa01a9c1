"""Objects as git hands them over in one go."""

from __future__ import annotations

import pytest

from crmctl.vcs.objects import answers

OID = "a" * 40


def test_contents_and_what_git_does_not_have() -> None:
    output = f"{OID} blob 3\na\nb\n{'b' * 40} missing\n{OID} blob 0\n\n{'c' * 64} blob 1\n\n\n".encode()
    assert list(answers(output)) == [
        (OID, b"a\nb"),
        (None, b"b" * 40),
        (OID, b""),
        ("c" * 64, b"\n"),
    ]


def test_nothing_asked_nothing_answered() -> None:
    assert list(answers(b"")) == []


def test_what_is_no_answer_is_not_taken_for_one() -> None:
    with pytest.raises(ValueError, match="not found"):
        list(answers(b"x" * 300))
