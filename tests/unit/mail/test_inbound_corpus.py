"""Mails as programs of all kinds write them: what is new in each, what came with it, and what it is.

``tests/data/inbox`` holds them, and ``expected.json`` what is to be found. Nearly every quote in them says STOP.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from crmctl.mail.inbound import classify
from crmctl.mail.inbound import reading

CORPUS = Path(__file__).parents[2] / "data" / "inbox"
EXPECTED: dict[str, dict[str, Any]] = json.loads((CORPUS / "expected.json").read_text(encoding="utf-8"))


def test_every_mail_has_an_expectation() -> None:
    assert {path.stem for path in CORPUS.glob("*.eml")} == EXPECTED.keys()


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_what_a_mail_says(name: str) -> None:
    wanted = EXPECTED[name]
    mail = reading.read((CORPUS / f"{name}.eml").read_bytes())
    kind = classify.classify(mail)
    assert kind.name == wanted["kind"]
    if "text" in wanted:
        assert kind.text == wanted["text"]
    if "starts" in wanted:
        assert kind.text.startswith(wanted["starts"])
    assert [one.name or one.type for one in mail.attachments] == wanted.get("attached", [])
    assert mail.sealed is wanted.get("sealed", False)
