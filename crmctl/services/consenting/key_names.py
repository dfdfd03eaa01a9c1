"""The file in which a book names its keys; it holds none."""

from __future__ import annotations

import re

from crmctl.errors import Problem

FILE = "records/suppressions/keys.jsonl"
KEY_ID = re.compile(r"[0-9a-f]{8}")


def named(data: bytes) -> list[str]:
    """The ids in the file that names the keys, in the order in which they were first named: by the lines' ULIDs.

    So it is the same order on every machine. Lines that name none are passed over.
    """
    return _named(data)[0]


def problems(data: bytes) -> list[Problem]:
    """What is wrong in the file that names the keys."""
    return _named(data)[1]


def _named(data: bytes) -> tuple[list[str], list[Problem]]:
    from crmctl.store.jsonl import read_lines

    lines, wrong = read_lines(data, FILE)
    hint = "Until it can be read nothing is sent. crmctl history shows who changed it."
    bad = [line.number for line in lines if not KEY_ID.fullmatch(str(line.value.get("key", "")))]
    wrong += [Problem(FILE, number, 1, "bad-suppression", "this line names no key", hint) for number in bad]
    good = [line.value for line in lines if line.number not in bad and not line.value.get("to")]
    ordered = sorted(good, key=lambda value: str(value.get("id", "")))
    return list(dict.fromkeys(str(value["key"]) for value in ordered)), wrong
