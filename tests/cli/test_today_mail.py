"""``crmctl today`` brings mail that waits for a person to that person, and says nothing when there is none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from helpers import campaign_book
from helpers import following_book
from helpers.books import git
from helpers.smtp_server import MailServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import Run

NOW = ("--now", "2027-03-01T09:00")
WHYS = ("unknown", "paused", "drafts")


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer() as made:
        campaign_book.configure(made.port)
        yield made


def waiting(run: Run, root: Path, *more: str) -> list[dict[str, object]]:
    found = json.loads(run("-C", root, "today", "-o", "json", *more).out or "[]")
    return [due for due in found if due["why"] in WHYS]


def test_messages_whose_fate_is_unknown_are_named(run: Run, tmp_path: Path, server: MailServer) -> None:
    root = campaign_book.make(tmp_path / "book", 4)
    assert waiting(run, root) == []
    for person in ("p001", "p002"):
        server.script(f"{person}@example.org", "dot lose")
    run("-C", root, "campaign", "send", "spring", "--send")
    assert campaign_book.states(root)["unknown"] == 2
    (due,) = waiting(run, root)
    assert (due["kind"], due["handle"], due["when"]) == ("campaign", "spring", None)
    assert due["what"] == "2 messages that may or may not have arrived"
    assert "crmctl outbox list spring --state unknown" in str(due["reason"])
    shown = run("-C", root, "today").out
    assert "\nMail to settle\n    unknown  2 messages that may or may not have arrived\n" in shown
    digest = run("-C", root, "today", "--mail", "me@example.com").out
    assert "Subject: Test: 1 thing to do" in digest
    assert "\nMail to settle\n- 2 messages that may or may not have arrived · crmctl outbox list spring" in digest
    for number, answer in enumerate(("accepted", "abandoned"), 1):
        row = campaign_book.rows(root)[f"p{number:03d}"]
        assert run("-C", root, "outbox", "resolve", row.sid, "--as", answer, "--evidence", "asked").code == 0
        assert len(waiting(run, root)) == 2 - number
    assert "Mail to settle" not in run("-C", root, "today").out


def test_another_clone_sees_them_in_the_tracked_copy(run: Run, tmp_path: Path, server: MailServer) -> None:
    root = campaign_book.make(tmp_path / "book", 2)
    server.script("p001@example.org", "dot lose")
    run("-C", root, "campaign", "send", "spring", "--send")
    git(tmp_path, "clone", "-q", str(root), "other")
    (due,) = waiting(run, tmp_path / "other")
    assert due["what"] == "1 message that may or may not have arrived"


def test_a_campaign_that_stopped_by_itself_says_why(run: Run, tmp_path: Path, server: MailServer) -> None:
    root = campaign_book.make(tmp_path / "book", 3, "canary: 1\n")
    run("-C", root, "campaign", "send", "spring", "--send")
    assert campaign_book.status(root).status == "paused"
    (due,) = waiting(run, root)
    assert (due["why"], due["handle"], due["what"]) == ("paused", "spring", "Spring")
    assert str(due["reason"]).startswith(campaign_book.status(root).paused)
    assert "crmctl campaign resume spring" in str(due["reason"])
    assert run("-C", root, "campaign", "resume", "spring").code == 0
    assert waiting(run, root) == []
    # A person who has paused one knows why.
    assert run("-C", root, "campaign", "pause", "spring").code == 0
    assert waiting(run, root) == []


def test_drafts_wait_until_they_are_released(run: Run, tmp_path: Path, server: MailServer) -> None:
    steps = "owner: ann\nsteps:\n- {wait: 0d, what: A, template: one, approval: draft}\n"
    root = following_book.make(tmp_path / "book", steps)
    for words in (("sequence", "enroll", "kim", "welcome"), ("followup", "run", "--send")):
        run("-C", root, *NOW, *words)
    (due,) = waiting(run, root)
    assert (due["kind"], due["handle"], due["what"]) == ("sequence", "welcome", "1 draft to read and release")
    assert due["owner"] == "ann"
    assert due["reason"] == "crmctl followup release"
    assert run("-C", root, *NOW, "followup", "release", "kim").code == 0
    assert waiting(run, root) == []
