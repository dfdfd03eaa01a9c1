"""``crmctl ingest``, ``email``, ``phone`` and ``log email -`` on the command line."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING

import pytest
from helpers.books import commit
from helpers.books import git

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

MESSAGE = """From: Ada <ada@example.com>
To: us@shop.example
Subject: Hi
Date: Sat, 21 Nov 2026 09:30:00 +0000
Message-ID: <1@example.com>

Hello there
"""
NOW = "2026-11-22T10:00"


@pytest.fixture
def root(book_dir: Path) -> Path:
    commit(
        book_dir,
        {
            "customers/ada.yaml": "name: Ada Lovelace\nemails: [ada@example.com]\norganization: engines\n"
            "phones: ['+49 30 1234567']\n",
            "customers/engines.yaml": "name: Analytical Engines\nphones: ['+49 30 7654321']\n",
            "customers/twin.yaml": "name: Twin\nphones: ['030 7654321']\nemails: [twin@example.com]\n",
        },
    )
    return book_dir


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the message what stands on stdin."""

    class Stream(io.TextIOWrapper):
        def isatty(self) -> bool:
            return False

    monkeypatch.setattr(sys, "stdin", Stream(io.BytesIO(MESSAGE.encode())))


def test_a_message_on_stdin(root: Path, run: Run, stdin: None) -> None:
    done = run("-C", root, "--now", NOW, "ingest", "message", "-", "-o", "json")
    assert done.code == 0
    (row,) = json.loads(done.out)
    assert (row["kind"], row["customer"], row["result"]) == ("reply", "ada", "filed")
    assert "ingest: 1 reply" in done.err
    assert "undo" in done.err


def test_what_is_offered_takes_back_all_that_was_filed(root: Path, run: Run, tmp_path: Path) -> None:
    box = tmp_path / "box"
    box.write_text("".join(f"From x\n{MESSAGE.replace('<1@', f'<{number}@')}\n" for number in range(1, 5)))
    shown = run("-C", root, "--now", NOW, "ingest", "mbox", box, "--dry-run")
    assert "would be filed" in shown.out
    (row, *_) = json.loads(run("-C", root, "--now", NOW, "ingest", "mbox", box, "--dry-run", "-o", "json").out)
    assert row["result"] == "filed"
    done = run("-C", root, "--now", NOW, "ingest", "mbox", box)
    assert "ingest: 4 replies" in done.err
    offer = done.err.partition("[undo: crmctl ")[2].partition("]")[0].split()
    assert run(*offer[:-1]).code != 0
    assert run(*offer).code == 0
    assert json.loads(run("-C", root, "interaction", "list", "-o", "json").out) == []


def test_the_second_time_cron_has_nothing_to_mail(root: Path, run: Run, tmp_path: Path) -> None:
    path = tmp_path / "x.eml"
    path.write_text(MESSAGE)
    assert "ingest: 1 reply" in run("-C", root, "--now", NOW, "ingest", "message", path).err
    done = run("-C", root, "--now", NOW, "ingest", "message", path)
    assert (done.code, done.out, done.err) == (0, "", "")


def test_log_email_files_a_message_and_says_when_it_concerns_nobody(root: Path, run: Run, stdin: None) -> None:
    assert run("-C", root, "--now", NOW, "log", "email", "-").code == 0
    assert "email ←  Hi" in run("-C", root, "timeline", "ada").out


def test_log_email_of_a_stranger_fails(root: Path, run: Run, stdin: None, monkeypatch: pytest.MonkeyPatch) -> None:
    git(root, "rm", "-q", "records/customers/ada.yaml")
    git(root, "commit", "-qm", "gone")
    done = run("-C", root, "--now", NOW, "log", "email", "-")
    assert done.code == 3
    assert "concerns no customer" in done.err


def test_a_maildir_and_a_dry_run(root: Path, run: Run, tmp_path: Path) -> None:
    box = tmp_path / "Maildir"
    (box / "new").mkdir(parents=True)
    (box / "new" / "1").write_text(MESSAGE)
    head = git(root, "rev-parse", "HEAD")
    dry = run("-C", root, "--now", NOW, "ingest", "maildir", box, "--dry-run")
    assert "Would file 1 of 1" in dry.err
    assert git(root, "rev-parse", "HEAD") == head
    assert "ingest: 1 reply" in run("-C", root, "--now", NOW, "ingest", "maildir", box).err
    assert run("-C", root, "--now", NOW, "ingest", "maildir", box, "--again").err == ""
    assert run("-C", root, "ingest", "maildir", tmp_path / "nothing").code == 3


def test_an_mbox(root: Path, run: Run, tmp_path: Path) -> None:
    path = tmp_path / "mbox"
    path.write_text(f"From ada@example.com Sat Nov 21 09:30:00 2026\n{MESSAGE}")
    assert "ingest: 1 reply" in run("-C", root, "--now", NOW, "ingest", "mbox", path).err


def test_without_a_word_the_inbox_of_the_settings_is_read(root: Path, run: Run, tmp_path: Path) -> None:
    from crmctl.services.book import Book
    from crmctl.services.ingest.run import last_success
    from crmctl.services.mailing import config

    none = run("-C", root, "ingest")
    assert none.code == 6
    assert "inbox" in none.err
    box = tmp_path / "Maildir"
    (box / "cur").mkdir(parents=True)
    (box / "cur" / "1:2,S").write_text(MESSAGE)
    path = config.default_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"inbox: {{maildir: {box}}}\n")
    path.chmod(0o600)
    assert last_success(Book(root)) is None
    assert "ingest: 1 reply" in run("-C", root, "--now", NOW, "ingest").err
    assert last_success(Book(root)) is not None


def test_an_imap_password_never_travels_in_the_clear(root: Path, run: Run) -> None:
    done = run(
        "-C", root, "ingest", "imap", "--host", "mail.example", "--user", "ada", "--password-command", "echo x",
        "--security", "none",
    )  # fmt: skip
    assert done.code == 1
    assert "in the clear" in done.err


def test_calls_forms_and_calendars_say_what_they_did(root: Path, run: Run, tmp_path: Path) -> None:
    drops = tmp_path / "drops"
    drops.mkdir()
    (drops / "a.json").write_text('{"id": "sub-0001", "email": "eve@example.com", "name": "Eve"}')
    (drops / "b.json").write_text("{")
    done = run("-C", root, "--now", NOW, "ingest", "forms", drops)
    assert done.code == 1
    assert "b.json is not JSON" in done.err
    assert "1 new, 1 refused." in done.err

    calls = tmp_path / "cdr.csv"
    cells = ["", "0301234567", "201", *[""] * 6, "2026-11-20 14:03:11", "", "", "9", "5", "ANSWERED", "", "1.1"]
    calls.write_text(",".join(cells) + "\n")
    assert "Would be: 1 new" in run("-C", root, "ingest", "calls", calls, "--format", "asterisk", "--dry-run").err
    done = run("-C", root, "ingest", "calls", calls, "--format", "asterisk")
    assert (done.code, "ingest: 1 call" in done.err) == (0, True)
    assert run("-C", root, "ingest", "calls", calls, "--format", "asterisk").err == ""
    calls.write_text('"' + calls.read_text() + ",".join([*cells[:-1], "1.2"]) + "\n")
    done = run("-C", root, "ingest", "calls", calls, "--format", "asterisk")
    assert (done.code, "1 new, 1 rejected" in done.err) == (1, True)
    assert f"{calls}:1: has a quote that is not closed" in done.err

    pytest.importorskip("icalendar", reason="calendars need icalendar: pip install 'crmctl[mail]'")
    calendar = tmp_path / "x.ics"
    calendar.write_text(
        "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nBEGIN:VEVENT\nUID:1\nDTSTART:20261110T100000Z\nSUMMARY:Talk\n"
        "ATTENDEE:mailto:ada@example.com\nEND:VEVENT\nEND:VCALENDAR\n"
    )
    assert "1 new" in run("-C", root, "--now", NOW, "ingest", "calendar", calendar).err


def test_addresses_for_mutt_and_aerc(root: Path, run: Run) -> None:
    assert run("-C", root, "email", "ada").out == "1 found\nada@example.com\tAda Lovelace\tAnalytical Engines\n"
    assert (
        run("-C", root, "email", "engines", "love", "--aerc").out
        == "ada@example.com\tAda Lovelace\tAnalytical Engines\n"
    )
    assert run("-C", root, "email", "example.com").out.count("\n") == 3
    none = run("-C", root, "email", "nobody")
    assert (none.code, none.out) == (0, "nothing found\n")


def test_a_name_cannot_break_the_lines_of_an_address_book(root: Path, run: Run) -> None:
    commit(root, {"customers/eve.yaml": 'name: "Eve\\tx\\e[31m"\nemails: [eve@example.com]\n'})
    assert run("-C", root, "email", "eve@", "--aerc").out.count("\t") == 2
    assert "\x1b" not in run("-C", root, "email", "eve@").out


@pytest.mark.parametrize("number", ["+49301234567", "030 1234567", "0049 30 123 45 67", "+49 (0)30 1234567"])
def test_who_calls(root: Path, run: Run, number: str) -> None:
    done = run("-C", root, "phone", number)
    assert (done.code, done.out.splitlines()[0][:12]) == (0, "Ada Lovelace")


def test_who_calls_from_a_number_of_two_or_of_nobody(root: Path, run: Run) -> None:
    done = run("-C", root, "phone", "030 7654321")
    assert "Analytical Engines" in done.out
    assert "Twin" in done.out
    assert run("-C", root, "phone", "030 7654321", "-o", "json").code == 3
    assert run("-C", root, "phone", "030 0000000").code == 3
    assert run("-C", root, "phone", "12").code == 3


def test_the_end_of_a_number_is_told_as_such(run: Run, root: Path) -> None:
    done = run("-C", root, "phone", "1234567")
    assert "may be somebody else" in done.err
    assert done.code == 0
    # A number with its country is somebody's, or nobody's.
    assert run("-C", root, "phone", "+1 30 1234567").code == 3
    assert run("-C", root, "phone", "+49 1234567").code == 3
    assert "somebody else" not in run("-C", root, "phone", "0049 30 1234567").err
