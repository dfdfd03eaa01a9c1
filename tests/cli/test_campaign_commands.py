"""``crmctl campaign`` and ``crmctl outbox``, as a user sees them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from helpers import campaign_book as books
from helpers.books import git
from helpers.books import write
from helpers.smtp_server import MailServer

from crmctl.services.book import Book
from crmctl.services.campaigns.running.desk import Desk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import Run

NOW = ("--now", "2012-01-16")
CAMPAIGN = "name: C\npurpose: service\nsegment: s\ntemplate: t\n"


@pytest.fixture
def small(book_dir: Path) -> Path:
    """A book with a campaign for Ada and Bob."""
    write(
        book_dir,
        {
            "customers/ada.yaml": "name: Ada\nemails: [ada@example.org]\n",
            "customers/bob.yaml": "name: Bob\nemails: [bob@example.org]\n",
            "segments/s.yaml": 'name: S\nfilter: "not name:"\n',
            "campaigns/c.yaml": CAMPAIGN,
            "/templates/t.md": "---\nsubject: Hello\n---\nDear {{ customer.name }}\n",
        },
    )
    return book_dir


def test_a_plan_shows_who_and_who_not_and_why(sample_dir: Path, run: Run) -> None:
    code, out, err = run("-C", sample_dir, *NOW, "campaign", "plan", "new-year")
    assert code == 0
    lines = out.splitlines()
    assert lines[0].split() == ["customer", "name", "by", "email", "to"]
    assert "astrid-gruber          Astrid Gruber          astrid.gruber@apple.example" in lines
    blank = lines.index("")
    assert blank == 11
    assert lines[blank + 1].split() == ["left", "out", "name", "reason"]
    assert lines[-1].split("  ")[-1].strip() == "has no e-mail address"
    assert err == (
        "14 in segment rock-fans: 9 get it, 5 left out "
        "(1 duplicate address, 1 no address, 1 no consent, 1 suppressed, 1 withdrawn).\n"
    )


def test_a_plan_for_programs(sample_dir: Path, run: Run) -> None:
    rows = json.loads(run("-C", sample_dir, *NOW, "campaign", "plan", "new-year", "-o", "json").out)
    assert len(rows) == 14
    by_handle = {row["customer"]: row for row in rows}
    assert by_handle["astrid-gruber"] == {
        "customer": "astrid-gruber",
        "name": "Astrid Gruber",
        "state": "send",
        "address": "astrid.gruber@apple.example",
        "code": None,
        "reason": None,
        "change": None,
        "why": None,
    }
    assert by_handle["julia-barnett"]["state"] == "left-out"
    assert by_handle["julia-barnett"]["code"] == "withdrawn"


def test_a_plan_for_nobody(small: Path, run: Run) -> None:
    write(small, {"segments/s.yaml": "name: S\nfilter: tag:none\n"})
    code, out, err = run("-C", small, "campaign", "plan", "c")
    assert (code, out, err) == (0, "", "Nobody is in segment s, so nobody gets it.\n")
    assert run("-C", small, "campaign", "plan", "c", "-o", "json").out == "[]\n"


def test_a_plan_with_one(small: Path, run: Run) -> None:
    write(small, {"segments/s.yaml": "name: S\ncustomers: [ada]\n"})
    assert run("-C", small, "campaign", "plan", "c").err == "1 in segment s: 1 gets it.\n"


@pytest.mark.parametrize(
    ("campaign", "code", "words"),
    [
        ("name: C\npurpose: service\n", 2, "hint: crmctl campaign set c segment=NAME"),
        ("name: C\npurpose: service\nsegment: gone\n", 3, "there is no segment 'gone'"),
        ("name: C\npurpose: spam\nsegment: s\n", 4, "Purposes of this book: newsletter, service."),
        (CAMPAIGN + "holdout: many\n", 4, "hint: crmctl campaign set c holdout=10"),
    ],
)
def test_a_campaign_that_cannot_be_planned(small: Path, run: Run, campaign: str, code: int, words: str) -> None:
    write(small, {"campaigns/c.yaml": campaign})
    found = run("-C", small, "campaign", "plan", "c")
    assert (found.code, found.out) == (code, "")
    assert words in found.err


def test_a_campaign_that_is_not_there(small: Path, run: Run) -> None:
    assert run("-C", small, "campaign", "plan", "nope").code == 3
    assert run("-C", small, "campaign", "preview", "nope", "--to", "x").code == 3


def test_a_record_cannot_steer_the_terminal(small: Path, run: Run) -> None:
    write(small, {"customers/ada.yaml": 'name: "A\\e[2J\\u202Eda"\nemails: [ada@example.org]\n'})
    assert "A\\x1b[2J\\u202eda" in run("-C", small, "campaign", "plan", "c").out


def test_a_preview_names_its_files(small: Path, tmp_path: Path, run: Run) -> None:
    folder = tmp_path / "out"
    code, out, err = run("-C", small, "campaign", "preview", "c", "--to", folder)
    assert (code, out) == (0, f"{folder}/ada.eml\n{folder}/bob.eml\n")
    assert err == f"2 messages written to {folder}, each parsed again and as meant; nothing was sent.\n"


def test_a_second_preview_needs_force(small: Path, tmp_path: Path, run: Run) -> None:
    folder = tmp_path / "out"
    run("-C", small, "campaign", "preview", "c", "--to", folder)
    code, out, err = run("-C", small, "campaign", "preview", "c", "--to", folder)
    assert (code, out) == (5, "")
    assert "say --force" in err
    (small / "records" / "customers" / "bob.yaml").unlink()
    code, out, err = run("-C", small, "campaign", "preview", "c", "--to", folder, "--force")
    assert (code, out) == (0, f"{folder}/ada.eml\n")
    assert err.splitlines() == [
        f"1 message written to {folder}, each parsed again and as meant; nothing was sent.",
        "1 other file stood there before: bob.eml.",
    ]


def test_a_message_that_cannot_be_made_is_told_and_counts(small: Path, tmp_path: Path, run: Run) -> None:
    write(small, {"/templates/t.md": "---\nsubject: Hi\n---\n{{ customer.role }}\n"})
    write(small, {"customers/ada.yaml": "name: Ada\nrole: Boss\nemails: [ada@example.org]\n"})
    code, out, err = run("-C", small, "campaign", "preview", "c", "--to", tmp_path / "out")
    assert code == 1
    assert [line.split() for line in out.splitlines()[-1:]] == [["bob", "Bob", "customer.role", "is", "missing"]]
    assert err.endswith("crmctl: 1 message could not be made\n")


def test_a_preview_for_nobody(small: Path, tmp_path: Path, run: Run) -> None:
    write(small, {"segments/s.yaml": "name: S\nfilter: tag:none\n"})
    code, out, err = run("-C", small, "campaign", "preview", "c", "--to", tmp_path / "out")
    assert (code, out) == (0, "")
    assert err.splitlines() == [
        "Nobody is in segment s, so nobody gets it.",
        f"0 messages written to {tmp_path / 'out'}; nothing was sent.",
    ]


def test_letters_are_not_said_to_be_verified(small: Path, tmp_path: Path, run: Run) -> None:
    write(small, {"campaigns/c.yaml": CAMPAIGN + "channel: letter\n"})
    write(small, {"customers/ada.yaml": "name: Ada\naddress: {street: 1 High St, city: Town}\n"})
    code, out, err = run("-C", small, "campaign", "preview", "c", "--to", tmp_path / "out")
    assert (code, out.splitlines()[0]) == (0, f"{tmp_path / 'out'}/ada.html")
    assert err == f"1 message written to {tmp_path / 'out'}; nothing was sent.\n"


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        ("template: nope\n", 3, "there is no template 'nope'"),
        ("template: torn\n", 4, "crmctl: templates/torn.md:5: "),
        ("template: letter\n", 4, "has the channel letter, campaign c has email"),
        ("template: news\n", 4, "hint: Take another template, or: crmctl campaign set c purpose=newsletter"),
        ("", 2, "names no template"),
    ],
)
def test_a_template_that_does_not_do(small: Path, tmp_path: Path, run: Run, more: str, code: int, words: str) -> None:
    write(
        small,
        {
            "campaigns/c.yaml": CAMPAIGN.replace("template: t\n", more),
            "/templates/torn.md": "---\nsubject: x\n---\nHello\n{% if %}\n",
            "/templates/letter.md": "---\nsubject: x\nchannel: letter\n---\nHello\n",
            "/templates/news.md": "---\nsubject: x\npurpose: newsletter\n---\nHello\n",
        },
    )
    found = run("-C", small, "campaign", "preview", "c", "--to", tmp_path / "out")
    assert (found.code, found.out) == (code, "")
    assert words in found.err


def test_a_folder_that_is_a_file(small: Path, tmp_path: Path, run: Run) -> None:
    (tmp_path / "file").write_text("mine")
    code, _, err = run("-C", small, "campaign", "preview", "c", "--to", tmp_path / "file")
    assert (code, err) == (1, f"crmctl: {tmp_path}/file is a file\nhint: Name a folder; it is made if there is none.\n")


# Sending


@pytest.fixture
def sendable(tmp_path: Path) -> Path:
    """A book with a campaign for three people."""
    return books.make(tmp_path / "book", 3)


@pytest.fixture
def server() -> Iterator[MailServer]:
    """A mail server, and settings that lead to it."""
    with MailServer() as found:
        books.configure(found.port)
        yield found


def test_a_plan_is_frozen_and_told_apart_from_the_next(sendable: Path, run: Run) -> None:
    done = run("-C", sendable, "campaign", "plan", "spring", "--freeze")
    assert (done.code, done.err.splitlines()[-1]) == (0, "Frozen as revision 1: 3 messages to send.")
    assert run("-C", sendable, "campaign", "show", "spring", "-o", "json").out.count('"status": "planned"') == 1
    write(
        sendable,
        {
            "segments/everyone.yaml": "name: E\ncustomers: [p000, p002, p003]\n",
            "customers/p003.yaml": books.PERSON.format(id="01HZZZZZZZZZZZZZZZZZZZZ003", name="New", handle="p003"),
            "customers/p002.yaml": books.PERSON.format(id="01HZZZZZZZZZZZZZZZZZZZZ002", name="P", handle="other"),
        },
    )
    code, out, err = run("-C", sendable, "campaign", "plan", "spring")
    assert code == 0
    assert [line.split(None, 3) for line in out.splitlines()[-3:]] == [
        ["p001", "Person", "001", "leaves   is not in the segment any more"],
        ["p002", "P", "changes", "another address"],
        ["p003", "New", "enters", "is new in the segment"],
    ]
    assert "3 differences since." in err
    rows = json.loads(run("-C", sendable, "campaign", "plan", "spring", "-o", "json").out)
    assert {row["customer"]: (row["state"], row["change"]) for row in rows} == {
        "p000": ("send", None),
        "p001": ("gone", "leaves"),
        "p002": ("send", "changes"),
        "p003": ("send", "enters"),
    }
    done = run("-C", sendable, "campaign", "plan", "spring", "--freeze")
    assert done.code == 5
    assert "--refresh makes a new revision" in done.err
    done = run("-C", sendable, "campaign", "plan", "spring", "--refresh")
    assert done.err.splitlines()[-1] == "Frozen as revision 2: 3 messages to send, 3 differences to the one before."


def test_check_lists_every_message_that_cannot_be_made(sendable: Path, run: Run) -> None:
    done = run("-C", sendable, "campaign", "check", "spring")
    assert (done.code, done.out) == (0, "")
    assert done.err == "3 messages made, each parsed again and as meant; nothing was sent.\n"
    write(sendable, {"/templates/spring.md": "---\nsubject: x\n---\n{{ customer.role }}\n"})
    done = run("-C", sendable, "campaign", "check", "spring", "-o", "ids")
    assert (done.code, done.out) == (4, "p000\np001\np002\n")
    assert done.err.endswith("crmctl: 3 messages must not go out\n")


def test_a_dry_run_and_the_real_one(sendable: Path, run: Run, server: MailServer) -> None:
    done = run("-C", sendable, "campaign", "send", "spring")
    assert done.code == 0
    assert done.err.splitlines()[-1] == "3 messages would go out now, 0 would wait. Nothing was sent: --send does."
    assert server.accepted == []
    server.script("p001@example.org", "rcpt 450 4.2.0 later")
    done = run("-C", sendable, "campaign", "send", "spring", "--send", "-o", "json")
    assert done.code == 8
    rows = {row["customer"]: row for row in json.loads(done.out)}
    assert {handle: row["state"] for handle, row in rows.items()} == {
        "p000": "accepted",
        "p001": "deferred",
        "p002": "accepted",
    }
    assert rows["p001"]["until"]
    assert rows["p001"]["reason"] == "450 4.2.0 later"
    assert done.err.startswith("spring: 2 accepted, 1 deferred. 3 planned = 2 accepted + 1 pending.")
    quiet = run("-C", sendable, "campaign", "send", "spring", "--send")
    assert quiet == (0, "", "")
    assert server.recipients() == ["p000@example.org", "p002@example.org"]
    (mail, _) = server.accepted
    assert mail.sender.startswith("bounces+")
    assert b"From: Ada <ada@example.com>" in mail.data


def test_the_status_has_the_sum_and_its_parts(sendable: Path, run: Run, server: MailServer) -> None:
    server.script("p001@example.org", "dot drop")
    run("-C", sendable, "campaign", "send", "spring", "--send", "--limit", "2")
    code, out, err = run("-C", sendable, "campaign", "status", "spring")
    assert code == 0
    assert out.splitlines()[-1] == "3 planned = 1 accepted + 2 pending (of these 1 unknown)"
    assert err.startswith("spring is running; ")
    (found,) = json.loads(run("-C", sendable, "campaign", "status", "spring", "-o", "json").out)
    assert (found["planned"], found["accepted"], found["pending"], found["unknown"]) == (3, 1, 2, 1)
    assert (found["holds"], found["status"], found["revision"]) == (True, "running", 1)
    assert {"state": "accepted", "reason": None, "count": 1} in found["counts"]


def test_paused_resumed_and_cancelled(sendable: Path, run: Run, server: MailServer) -> None:
    done = run("-C", sendable, "campaign", "send", "spring", "--send", "--canary", "1")
    assert done.code == 0
    assert "spring: 1 went out as a canary; have a look at them" in done.err
    assert "spring is paused: look at what went out, then crmctl campaign resume spring" in done.err
    refused = run("-C", sendable, "campaign", "send", "spring", "--send")
    assert refused.code == 8
    assert "hint: Look at it (crmctl campaign status spring), then: crmctl campaign resume spring" in refused.err
    assert run("-C", sendable, "campaign", "resume", "spring").code == 0
    assert run("-C", sendable, "campaign", "resume", "spring").code == 5
    assert run("-C", sendable, "campaign", "pause", "spring").code == 0
    assert run("-C", sendable, "campaign", "cancel", "spring").code == 2
    done = run("-C", sendable, "campaign", "cancel", "spring", "--yes")
    assert (done.code, done.err.splitlines()[-1]) == (0, "2 messages will not go out.")
    assert run("-C", sendable, "campaign", "send", "spring", "--send").code == 5
    assert len(server.accepted) == 1


def test_the_outbox_shows_and_settles(sendable: Path, run: Run, server: MailServer) -> None:
    assert run("-C", sendable, "outbox", "list").err == "Nothing waits.\n"
    server.script("p001@example.org", "dot drop")
    run("-C", sendable, "campaign", "send", "spring", "--send")
    (row,) = json.loads(run("-C", sendable, "outbox", "list", "spring", "--state", "unknown", "-o", "json").out)
    assert run("-C", sendable, "outbox", "list").out.splitlines()[-1].split()[:4] == [
        row["sid"][:8],
        "spring",
        "p001",
        "unknown",
    ]
    assert (row["campaign"], row["customer"], row["state"]) == ("spring", "p001", "unknown")
    assert len(json.loads(run("-C", sendable, "outbox", "list", "--all", "-o", "json").out)) == 3
    events = json.loads(run("-C", sendable, "outbox", "show", row["sid"][:8], "-o", "json").out)
    assert [event["event"] for event in events] == ["plan", "render", "claim", "attempt", "dot", "unknown"]
    assert run("-C", sendable, "outbox", "show", "NOPE").code == 3
    asked = ("outbox", "resolve", row["sid"], "--as", "accepted", "--evidence", "a reply")
    assert run("-C", sendable, *asked).err == f"{row['sid']} is accepted now.\n"
    assert run("-C", sendable, *asked).code == 5
    assert "p001" in run("-C", sendable, "interaction", "list", "-o", "json").out


def test_a_ledger_that_is_lost_is_taken_up_again(sendable: Path, run: Run, server: MailServer) -> None:
    run("-C", sendable, "campaign", "send", "spring", "--send", "--limit", "1")
    assert run("-C", sendable, "outbox", "adopt", "--yes").code == 5
    for path in (sendable / ".git/crmctl/mail/wal").iterdir():
        path.unlink()
    refused = run("-C", sendable, "campaign", "send", "spring", "--send")
    assert refused.code == 8
    assert "crmctl outbox adopt" in refused.err
    done = run("-C", sendable, "outbox", "adopt", "--yes")
    assert done.code == 0, done.err
    # The notes outside of the book name the one that was tried, and the tracked copy what came of it.
    assert "0 messages held back as unknown" in done.err
    run("-C", sendable, "campaign", "send", "spring", "--send")
    assert server.recipients() == [f"p00{number}@example.org" for number in range(3)]
    books.judge(sendable, server.accepted, 3)


def test_a_dry_run_knows_the_limits_and_afterwards_it_is_said_why_the_rest_waits(
    sendable: Path, run: Run, server: MailServer
) -> None:
    books.configure(server.port, "  rate: {hour: 2}\n")
    shown = run("-C", sendable, "campaign", "send", "spring").err.splitlines()[-1]
    assert shown == "2 messages would go out now, 1 would wait. Nothing was sent: --send does."
    done = run("-C", sendable, "campaign", "send", "spring", "--send")
    assert "1 message waits: as many went out as the limits allow; not before " in done.err
    assert "would go out now" not in done.err
    shown = run("-C", sendable, "campaign", "send", "spring").err.splitlines()[-1]
    assert shown == "0 messages would go out now, 1 would wait. Nothing was sent: --send does."
    assert "1 message waits: as many went out" in run("-C", sendable, "campaign", "status", "spring").err
    (found,) = json.loads(run("-C", sendable, "campaign", "status", "spring", "-o", "json").out)
    assert [(one["customer"], one["code"]) for one in found["waits"]] == [("p002", "pace")]
    assert "as many went out as the limits allow" in run("-C", sendable, "outbox", "list").out
    assert len(server.accepted) == 2


def test_a_message_that_is_put_off_says_who_tries_it_again(sendable: Path, run: Run, server: MailServer) -> None:
    server.script("p001@example.org", "rcpt 450 4.2.0 later")
    done = run("-C", sendable, "campaign", "send", "spring", "--send")
    assert "1 message waits: 450 4.2.0 later; not before " in done.err
    assert "crmctl campaign send --send tries again (cron)." in done.err
    assert "deferred  450 4.2.0 later" in run("-C", sendable, "campaign", "status", "spring").out


def test_one_word_that_was_changed_is_one_line_of_the_plan(sendable: Path, run: Run) -> None:
    run("-C", sendable, "campaign", "plan", "spring", "--freeze")
    path = sendable / "templates/spring.md"
    path.write_text(path.read_text().replace("Dear", "Hello"))
    code, out, err = run("-C", sendable, "campaign", "plan", "spring")
    assert (code, out.count("another wording")) == (0, 0)
    assert "3 people would get another wording: their template was changed." in err
    rows = json.loads(run("-C", sendable, "campaign", "plan", "spring", "-o", "json").out)
    assert {row["why"] for row in rows} == {"another wording"}


def test_what_is_held_back_says_why_and_what_to_do(sendable: Path, run: Run, server: MailServer) -> None:
    path = sendable / "records/campaigns/spring.yaml"
    path.write_text(path.read_text() + "on_unknown: resend\n")
    git(sendable, "commit", "-qam", "resend")
    server.script("p001@example.org", "dot drop")
    run("-C", sendable, "campaign", "send", "spring", "--send")
    for message in Desk(Book(sendable)).spool.glob("*.eml"):
        message.unlink()
    done = run("-C", sendable, "campaign", "send", "spring", "--send")
    why = "the server's answer was lost, and its bytes are not on this machine: crmctl outbox resolve"
    assert (done.code, done.err) == (8, f"Nothing went out: 1 message held back ({why}).\n")
    assert f"1 message waits: {why}." in run("-C", sendable, "campaign", "status", "spring").err
    how = ("--campaign", "spring", "--evidence", "nothing in the log", "--as", "resend")
    done = run("-C", sendable, "outbox", "resolve", *how)
    assert done.code != 0
    assert "the same to the last byte" not in done.err
    assert "--as accepted, or --as abandoned" in done.err


def test_several_messages_are_settled_at_once(sendable: Path, run: Run, server: MailServer) -> None:
    for who in ("p000", "p001", "p002"):
        server.script(f"{who}@example.org", "dot drop")
    run("-C", sendable, "campaign", "send", "spring", "--send")
    sids = [row["sid"] for row in json.loads(run("-C", sendable, "outbox", "list", "-o", "json").out)]
    how = ("--evidence", "the log of the server")
    assert run("-C", sendable, "outbox", "resolve", *how, "--as", "accepted").code == 2
    assert run("-C", sendable, "outbox", "resolve", sids[0], "NOPE", *how, "--as", "accepted").code == 3
    assert len(json.loads(run("-C", sendable, "outbox", "list", "--state", "unknown", "-o", "json").out)) == 3
    done = run("-C", sendable, "outbox", "resolve", sids[0], sids[0], sids[1], *how, "--as", "accepted")
    assert done.err.splitlines() == [f"{sid} is accepted now." for sid in sids[:2]]
    done = run("-C", sendable, "outbox", "resolve", "--campaign", "spring", *how, "--as", "resend")
    assert done.err == f"{sids[2]} goes out again with the next run, the same to the last byte.\n"
    assert "goes out with the next run" in run("-C", sendable, "outbox", "list").out
    assert run("-C", sendable, "outbox", "resolve", "--campaign", "spring", *how, "--as", "resend").code == 3
    run("-C", sendable, "campaign", "send", "spring", "--send")
    books.judge(sendable, server.accepted, 3, once=False)


def test_every_event_of_a_message_has_words(sendable: Path, run: Run, server: MailServer) -> None:
    run("-C", sendable, "campaign", "send", "spring", "--send", "--limit", "1")
    (row, *_) = json.loads(run("-C", sendable, "outbox", "list", "--state", "accepted", "-o", "json").out)
    lines = run("-C", sendable, "outbox", "show", row["sid"]).out.splitlines()[2:]
    assert all(len(line.split()) > 3 for line in lines), lines


@pytest.mark.parametrize("verb", ["plan", "preview", "check", "send", "status", "pause", "resume", "cancel"])
def test_the_help_has_an_example(run: Run, verb: str) -> None:
    assert f"\n    crmctl campaign {verb} new-year" in run("campaign", verb, "--help").out


def test_without_a_mail_server_nothing_begins(sendable: Path, run: Run) -> None:
    done = run("-C", sendable, "campaign", "send", "spring", "--send")
    assert (done.code, done.out) == (6, "")
    assert "no mail server is set up" in done.err
    assert not (sendable / ".git/crmctl/mail").exists()


def test_a_letter_wants_a_folder(small: Path, run: Run, server: MailServer) -> None:
    write(small, {"campaigns/c.yaml": CAMPAIGN + "channel: letter\n"})
    done = run("-C", small, "campaign", "send", "c", "--send")
    assert (done.code, server.connections) == (2, 0)
    assert "hint: crmctl campaign send c --send --to DIR" in done.err


def test_an_answer_that_cannot_be_written_down_is_told(
    sendable: Path, run: Run, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os
    import syslog

    real, logged = os.write, []

    def full(descriptor: int, data: bytes) -> int:
        if b'"ev":"accept"' in bytes(data):
            raise OSError(28, "No space left on device")
        return real(descriptor, data)

    with monkeypatch.context() as patched:
        patched.setattr(syslog, "syslog", lambda _level, text: logged.append(text))
        patched.setattr("crmctl.mail.ledger.log.os.write", full)
        done = run("-C", sendable, "campaign", "send", "spring", "--send")
    assert done.code == 8
    assert "the server's answer could not be written down: accepted 250 2.0.0 kept as 1" in done.err
    (row,) = json.loads(run("-C", sendable, "outbox", "list", "--state", "unknown", "-o", "json").out)
    assert f"hint: When there is room again: crmctl outbox resolve {row['sid']} --as accepted" in done.err
    assert logged == [f"crmctl: the answer to a message was lost: {row['sid']} accepted 250 2.0.0 kept as 1"]
    assert server.recipients() == ["p000@example.org"]


def test_a_second_ctrl_c_ends_it_at_once() -> None:
    import signal

    from crmctl.cli.stopping import stop_requests

    before = signal.getsignal(signal.SIGINT)
    with stop_requests() as requests:
        requests.sleep(0)
        assert [requests.asked] == [False]
        signal.raise_signal(signal.SIGINT)
        assert [requests.asked] == [True]
        requests.sleep(60)  # Nobody waits any more.
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGINT) == before


def test_all_that_is_due_from_cron(sendable: Path, run: Run, server: MailServer) -> None:
    assert run("-C", sendable, "campaign", "send", "--send") == (0, "", "")  # A draft is nobody's turn.
    run("-C", sendable, "campaign", "plan", "spring", "--freeze")
    named = run("-C", sendable, "campaign", "send")
    assert (named.code, named.out) == (0, "spring\n")
    assert server.accepted == []
    broken = "name: Broken\npurpose: newsletter\nsegment: everyone\ntemplate: gone\nstatus: planned\n"
    write(sendable, {"campaigns/autumn.yaml": broken, "campaigns/aimless.yaml": "name: X\nstatus: planned\n"})
    done = run("-C", sendable, "campaign", "send", "--send")
    assert done.code == 3
    assert "crmctl: autumn: " in done.err
    assert "crmctl: aimless: campaign aimless names no segment" in done.err
    assert len(server.accepted) == 3
    for name in ("autumn", "aimless"):
        (sendable / "records" / "campaigns" / f"{name}.yaml").unlink()
    assert run("-C", sendable, "campaign", "send", "--send") == (0, "", "")


def test_what_is_over_or_paused_is_said_once(sendable: Path, run: Run, server: MailServer) -> None:
    run("-C", sendable, "campaign", "plan", "spring", "--freeze")
    run("-C", sendable, "campaign", "set", "spring", "ends=2001-01-01")
    done = run("-C", sendable, "campaign", "send", "--send")
    assert done.code == 8
    assert "the campaign ended on Mon 2001-01-01" in done.err
    assert "spring is paused until somebody looks at it" in done.err
    assert run("-C", sendable, "campaign", "send", "--send") == (0, "", "")
    assert server.accepted == []


def test_mail_is_not_sent_tomorrow(sendable: Path, run: Run, server: MailServer) -> None:
    done = run("-C", sendable, "--now", "2999-01-01", "campaign", "send", "spring", "--send")
    assert (done.code, server.connections) == (2, 0)
    assert "mail cannot be sent tomorrow today" in done.err
    assert run("-C", sendable, "--now", "2999-01-01", "campaign", "send", "spring").code == 0


def test_a_terminal_is_told_what_waits_or_that_nobody_is_left(
    sendable: Path, run: Run, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crmctl.cli.campaigns.send._at_terminal", lambda: True)
    server.script("p001@example.org", "rcpt 450 4.2.0 later")
    run("-C", sendable, "campaign", "send", "spring", "--send")
    waits = run("-C", sendable, "campaign", "send", "spring", "--send")
    assert (waits.code, waits.out) == (0, "")
    assert waits.err.startswith("Nothing went out: 1 message to wait, until ")
    assert "the server put it off: 450 4.2.0 later" in waits.err


def test_nobody_left_to_send_to_is_said_at_a_terminal(
    sendable: Path, run: Run, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crmctl.cli.campaigns.send._at_terminal", lambda: True)
    run("-C", sendable, "campaign", "send", "spring", "--send")
    done = run("-C", sendable, "campaign", "send", "spring", "--send")
    assert (done.code, len(server.accepted)) == (0, 3)
    assert "Nothing is left to send: 3 planned = 3 accepted + 0 pending." in done.err


def test_a_server_that_is_away_leads_to_the_doctor(sendable: Path, run: Run) -> None:
    with MailServer() as gone:
        books.configure(gone.port)
    done = run("-C", sendable, "campaign", "send", "spring", "--send")
    assert done.code == 8
    assert "crmctl mail doctor" in done.err


def test_a_wording_that_was_frozen_is_named(sendable: Path, run: Run, server: MailServer) -> None:
    source = (sendable / "templates" / "spring.md").read_text()
    write(sendable, {"/templates/spring.md": "---\nsubject: x\n---\n{{ customer.role }}\n"})
    run("-C", sendable, "campaign", "plan", "spring", "--freeze")
    done = run("-C", sendable, "campaign", "send", "spring", "--send")
    assert (done.code, server.connections) == (4, 0)
    assert "hint: The wording was frozen on " in done.err
    write(sendable, {"/templates/spring.md": source})
    for verb in ("check", "send"):
        told = run("-C", sendable, "campaign", verb, "spring").err
        assert "Not wise: the template was changed after its wording was frozen" in told


def test_a_template_without_a_purpose_is_not_wise_where_nobody_is_asked(small: Path, run: Run) -> None:
    said = "Not wise: templates/t.md does not say its purpose, and service needs nobody's consent."
    assert said in run("-C", small, "campaign", "check", "c").err
    write(small, {"/templates/t.md": "---\nsubject: Hello\npurpose: service\n---\nDear {{ customer.name }}\n"})
    assert said not in run("-C", small, "campaign", "check", "c").err
