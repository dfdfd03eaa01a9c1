"""What goes wrong with mail: a no that looks like something else, a killed run, strange addresses, two clones."""

from __future__ import annotations

import json
from datetime import UTC
from datetime import datetime
from typing import TYPE_CHECKING
from typing import Any

import pytest
from helpers.books import commit
from helpers.books import git
from helpers.inbox import ADA
from helpers.inbox import CAMPAIGN
from helpers.inbox import mail
from helpers.inbox import sent

from crmctl import clock
from crmctl.errors import Conflict
from crmctl.errors import CrmError
from crmctl.mail.identifiers import send_id
from crmctl.mail.ledger.log import Ledger
from crmctl.services.book import Book
from crmctl.services.consenting import requests
from crmctl.services.consenting import suppression
from crmctl.services.ingest import run
from crmctl.services.ingest.notebook import mark
from crmctl.services.ingest.sources import Found
from crmctl.services.mailing import host

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.services.ingest.run import Report

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
GONE = "01JC0000000000000000000G0N"


@pytest.fixture
def root(book_dir: Path) -> Path:
    clock.freeze(NOW)
    consent = "consent:\n  newsletter:\n    state: granted\n    date: 2026-01-01\n"
    commit(
        book_dir,
        {
            "customers/ada.yaml": f"id: {ADA}\nname: Ada\nemails: [ada@example.com]\n{consent}",
            "customers/idn.yaml": f"name: Idn\nemails: [info@bücher.example]\n{consent}",
            "customers/goo.yaml": f"name: Goo\nemails: [g.o.o@gmail.com]\n{consent}",
            "campaigns/autumn.yaml": f"id: {CAMPAIGN}\nname: Autumn\npurpose: newsletter\n",
        },
    )
    return book_dir


def bounce(sid: str) -> bytes:
    head = mail(
        From="MAILER-DAEMON@mx.example",
        To=f"bounces+{sid}@shop.example",
        Message_ID="<bounce@mx.example>",
        Content_Type='multipart/report; report-type=delivery-status; boundary="b"',
    ).partition(b"\n\n")[0]
    return head + (
        b"\n\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n"
        b"Final-Recipient: rfc822; gone@example.com\nAction: failed\nStatus: 5.1.1\n\n--b--\n"
    )


def take(root: Path, *messages: bytes) -> Report:
    return run.take_in(Book(root), [Found(data, mark("message", data)) for data in messages])


def history(root: Path, customer: str = "ada") -> list[dict[str, Any]]:
    path = root / f"records/interactions/{customer}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def tasks(root: Path) -> list[str]:
    return sorted(str(what) for (what,) in Book(root).index.rows("SELECT what FROM followups"))


def state(root: Path, customer: str = "ada", purpose: str = "newsletter") -> str:
    data: Any = Book(root).index.data(Book(root).schema.require("customer"), customer)
    return str((data.get("consent") or {}).get(purpose, {}).get("state", ""))


def suppressed(root: Path, address: str) -> list[str]:
    return [entry.why for entry in suppression.load(Book(root)).of(address)]


def question(root: Path) -> dict[str, str]:
    """Ask Cyd by mail; the headers of an answer."""
    commit(root, {"customers/cyd.yaml": "name: Cyd\nemails: [cyd@example.com]\n"})
    book = Book(root)
    asking = requests.request(book, "cyd", book.settings.purposes["newsletter"], "Once a month.")
    return {
        "From": "cyd@example.com",
        "Subject": f"Re: {asking.words.subject}",
        "Date": "Sun, 22 Nov 2026 09:59:00 +0000",
    }


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ("I am out of the office until 1 December.", "Read a mail: it says that they are away, and may say more"),
        ("A ticket #4711 has been opened.", "Read a mail: it answers our question, and may say no"),
    ],
)
def test_a_machine_agrees_to_nothing(root: Path, words: str, asked: str) -> None:
    take(root, mail(words, **question(root)))
    assert state(root, "cyd") != "granted"
    assert tasks(root) == [asked]


def test_nobody_agrees_for_somebody_else(root: Path) -> None:
    take(root, mail("Yes, I agree", **{**question(root), "From": "eve@evil.example"}))
    assert state(root, "cyd") != "granted"
    assert tasks(root) == ["Read a mail: somebody else answers our question whether they agree"]


def test_a_mail_without_a_sender_is_no_news_for_cron(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    take(root, b"Subject: Undelivered Mail\nMessage-ID: <nf9@x>\n\nUser unknown\n")
    said = capsys.readouterr()
    assert "Traceback" not in said.out + said.err


@pytest.mark.parametrize("words", ["No.", "Nein danke", "Non merci", "Who are you?", "Das war ich nicht", "STOP"])
def test_a_no_to_the_question_is_no_yes(root: Path, words: str) -> None:
    take(root, mail(words, **question(root)))
    assert state(root, "cyd") != "granted"
    assert len(history(root, "cyd")) == 2
    if words != "STOP":
        assert tasks(root) == ["Read a mail: it answers our question, and may say no"]


@pytest.mark.parametrize("words", ["", "Yes", "Ja, gerne.\n\nCyd", "OK!"])
def test_a_yes_to_the_question_is_one_commit(root: Path, words: str) -> None:
    answer = question(root)
    before = git(root, "rev-list", "--count", "HEAD")
    take(root, mail(words, **answer))
    assert state(root, "cyd") == "granted"
    assert int(git(root, "rev-list", "--count", "HEAD")) == int(before) + 1


def test_a_customer_who_writes_of_a_failure_is_no_bounce(root: Path) -> None:
    sid = sent(root)
    body = (
        "I got this from you:\n\n   ----- The following addresses had permanent fatal errors -----\n"
        "<ada@example.com>\n    (reason: 550 5.1.1 user unknown)\n\n   ----- Transcript of session follows -----\n"
    )
    report = take(
        root, mail(body, Subject="Fwd: Undelivered Mail Returned to Sender", References=f"<{sid}@shop.example>")
    )
    assert suppressed(root, "ada@example.com") == []
    assert report.written.message == "ingest: 1 reply"


def test_a_subject_alone_makes_no_automatic_reply_of_a_no(root: Path) -> None:
    take(root, mail("Please unsubscribe me.", Subject="Absence of an unsubscribe link"))
    assert state(root) == "withdrawn"


def test_a_run_killed_after_the_ledger_still_closes_the_address_of_somebody_gone(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = bounce(sent(root, GONE, "gone@example.com"))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(run, "file", killed)
        take(root, message)
    take(root, message)
    assert suppressed(root, "gone@example.com") == ["hard-bounce"]
    assert list((root / "records/sends/autumn").glob("*-inbox.jsonl"))
    head = Book(root).commit
    take(root, message)
    assert Book(root).commit == head


@pytest.mark.parametrize(
    ("sender", "customer"),
    [
        ("info@xn--bcher-kva.example", "idn"),
        ("INFO@BÜCHER.example", "idn"),
        ("goo+news@googlemail.com", "goo"),
        ("ADA@Example.COM", "ada"),
    ],
)
def test_an_address_in_another_writing_is_the_same(root: Path, sender: str, customer: str) -> None:
    take(root, mail("STOP", From=sender))
    assert state(root, customer) == "withdrawn"


def test_a_wrong_clock_loses_no_opt_out(root: Path) -> None:
    take(
        root,
        mail("STOP", Date="Thu, 01 Jan 1998 00:00:00 +0000", Received="from a by b; Sun, 22 Nov 2026 09:00:00 +0000"),
    )
    assert state(root) == "withdrawn"


def test_an_opt_out_from_before_a_grant_is_read_by_a_person(root: Path) -> None:
    take(root, mail("STOP", Date="Thu, 01 Jan 1998 00:00:00 +0000"))
    assert state(root) == "granted"
    assert tasks(root) == ["Read a mail: it asks for no more mail, and is older than what they agreed to"]


def test_a_grant_on_a_day_to_come_is_no_later_yes(root: Path) -> None:
    consent = "consent:\n  newsletter:\n    state: granted\n    date: 2999-01-01\n"
    commit(root, {"customers/ada.yaml": f"id: {ADA}\nname: Ada\nemails: [ada@example.com]\n{consent}"})
    take(root, mail("STOP"))
    assert state(root) == "withdrawn"


def test_a_file_that_somebody_is_editing_keeps_nobody_in(root: Path) -> None:
    take(root, mail("Hello", Message_ID="<0@x>"))
    path = root / "records/interactions/ada.jsonl"
    path.write_text(path.read_text() + "not committed\n")
    with pytest.raises((Conflict, CrmError)):
        take(root, mail("STOP"))
    assert suppressed(root, "ada@example.com") == ["unsubscribed"]


@pytest.mark.parametrize("date", ["", "Sun, 22 Nov 2026 10:30:00 +0000"])
def test_a_message_without_a_time_has_one_id_on_every_machine(root: Path, tmp_path: Path, date: str) -> None:
    git(root, "clone", "-q", str(root), str(tmp_path / "other"))
    take(root, mail(Date=date))
    clock.freeze(datetime(2026, 11, 22, 12, tzinfo=UTC))
    take(tmp_path / "other", mail(Date=date))
    assert [one["id"] for one in history(root)] == [one["id"] for one in history(tmp_path / "other")]
    assert not date or history(root) == history(tmp_path / "other")


def test_whoever_wants_their_data_deleted_is_looked_after(root: Path) -> None:
    take(root, mail("Bitte löschen Sie meine Daten."))
    assert state(root) == "withdrawn"
    assert tasks(root) == ["Read a mail: they want what we know of them to be deleted"]


# Forged ones


def status(sid: str, address: str = "ada@example.com", where: str = "To", **headers: str) -> bytes:
    """A delivery status that names a send in some place."""
    given = {"From": "Mail Delivery System <MAILER-DAEMON@mx.example>", "To": "us@shop.example"}
    given |= {"Message-ID": "<b@mx.example>", "Content-Type": 'multipart/report; boundary="b"'}
    given |= {where: f"<bounces+{sid}@shop.example>"} if where != "returned" else {}
    returned = f"Message-ID: <{sid}@shop.example>\n" if where == "returned" else "Subject: x\n"
    head = mail(**{name.replace("-", "_"): value for name, value in {**given, **headers}.items()}).partition(b"\n\n")[0]
    return (
        head
        + (
            "\n\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n"
            f"Final-Recipient: rfc822; {address}\nAction: failed\nStatus: 5.1.1\n\n"
            f"--b\nContent-Type: text/rfc822-headers\n\n{returned}\n--b--\n"
        ).encode()
    )


@pytest.mark.parametrize("where", ["To", "returned", "In-Reply-To", "X-Original-To"])
@pytest.mark.parametrize("sid", ["", "A" * 26, send_id("01JC000000000000000000OTHER", ADA, "email")])
def test_a_bounce_of_nothing_that_we_sent_does_nothing(root: Path, where: str, sid: str) -> None:
    """Without an id, with one that is made up, and with that of a campaign of another book."""
    sent(root)
    head = Book(root).commit
    report = take(root, status(sid, where=where))
    assert report.by_verdict() == {"foreign": 1}
    assert Book(root).commit == head
    assert suppressed(root, "ada@example.com") == []


def test_a_bounce_closes_the_address_it_was_sent_to_and_not_the_one_it_names(root: Path) -> None:
    sid = sent(root)
    take(root, status(sid, "info@bücher.example"))
    assert suppressed(root, "ada@example.com") == ["hard-bounce"]
    assert suppressed(root, "info@bücher.example") == []


def complaint(sid: str, recipient: str) -> bytes:
    head = mail(
        From="feedback@isp.example", Message_ID="<c@isp>", Content_Type='multipart/report; boundary="b"'
    ).partition(b"\n\n")[0]
    return (
        head
        + (
            "\n\n--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nVersion: 1\n"
            f"Original-Rcpt-To: <{recipient}>\n\n--b\nContent-Type: text/rfc822-headers\n\n"
            f"Message-ID: <{sid}@shop.example>\nFrom: us@shop.example\n\n--b--\n"
        ).encode()
    )


def test_a_complaint_with_our_own_address_in_it_does_not_close_ours(root: Path) -> None:
    commit(root, {"members/jane.yaml": "name: Jane\nemail: us@shop.example\n"})
    sid = sent(root)
    take(root, complaint("B" * 26, "us@shop.example"), complaint(sid, "us@shop.example"))
    assert suppressed(root, "us@shop.example") == []
    assert suppressed(root, "ada@example.com") == ["complaint"]
    assert tasks(root) == ["Look into a complaint about our mail"]


def test_machines_that_answer_each_other_count_as_no_answer(root: Path) -> None:
    sid = sent(root)
    loop = [
        mail(
            "I am away until 2026-12-01.",
            Auto_Submitted="auto-replied",
            Message_ID=f"<{number}@example.com>",
            In_Reply_To=f"<{sid}@shop.example>",
        )
        for number in range(30)
    ]
    report = take(root, *loop)
    assert report.written.message == "ingest: 30 auto-replies"
    ledger = Ledger(host.mail_state(Book(root)), host.host_id())
    assert {event.ev for event in ledger.events() if "mail" in event.about} == {"autoreply"}
    assert state(root) == "granted"
    assert tasks(root) == []


@pytest.mark.parametrize(
    ("sender", "whose"),
    [
        ("ada@example.com <eve@evil.example>", None),
        ('"ada@example.com" <eve@evil.example>', None),
        ('"Ada <ada@example.com>" <eve@evil.example>', None),
        ("=?utf-8?q?ada=40example.com?= <eve@evil.example>", None),
        ("eve@evil.example (ada@example.com)", None),
        ("eve@evil.example <ada@example.com>", "ada"),
        ("Meyer, Ada <ada@example.com>", "ada"),
        ("<ada@example.com> (Ada)", "ada"),
    ],
)
def test_a_name_that_is_an_address_is_a_name(root: Path, sender: str, whose: str | None) -> None:
    take(root, mail("STOP", From=sender))
    assert (state(root) == "withdrawn") == (whose == "ada")
    assert bool(history(root)) == (whose == "ada")


@pytest.mark.parametrize(
    "subject",
    [
        "=?utf-8?q?Hi=0A=0AFrom:_eve=1B[31m=1B]0;x=07?=",
        "Hi\x1b[2J\x9b31m",
        "=?utf-8?b?4oCuZXZpbA==?= \u2066x",
        "=?utf-7?q?+ABsAWw-?=",
        "a\n b\n\tc",
    ],
)
def test_a_subject_is_one_line_of_letters(root: Path, subject: str) -> None:
    report = take(root, mail(Subject=subject))
    (entry,) = history(root)
    first = entry["text"].split("\n")[0]
    assert first.isprintable()
    assert entry["text"].endswith("\n\nHello")
    assert all(one.subject.isprintable() for one in report.shown)


def test_a_message_of_fifty_megabytes_is_filed_by_its_headers(root: Path) -> None:
    whole = mail("x" * 100) + b"y" * (50 << 20)
    book = Book(root)
    run.take_in(book, [Found(whole[: 40 << 20], "mark", whole=False)])
    (entry,) = history(root)
    assert "(The message was too large, so only its headers were read.)" in entry["text"]
    assert len(entry["text"]) < 1000


def test_a_calendar_of_rules_without_end_is_read_soon(root: Path, tmp_path: Path) -> None:
    pytest.importorskip("icalendar", reason="calendars need icalendar: pip install 'crmctl[mail]'")
    from crmctl.services.ingest import meetings

    rules = ["FREQ=DAILY", "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=31", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"]
    starts = ["00010101T000000", "19000101T000000", "99991231T235959", "20261101T100000"]
    events = [
        f"BEGIN:VEVENT\nUID:{number}\nDTSTART:{starts[number % 4]}\nRRULE:{rules[number % 3]}\nSUMMARY:x\n"
        "ATTENDEE:mailto:ada@example.com\nRDATE:00010101T000000\nEXDATE:99991231T235959\nEND:VEVENT\n"
        for number in range(12)
    ]
    path = tmp_path / "x.ics"
    path.write_text(f"BEGIN:VCALENDAR\n{''.join(events)}END:VCALENDAR\n")
    start = clock.monotonic()
    done = meetings.take_in(Book(root), path)
    assert clock.monotonic() - start < 30
    # Those in years that are none are left out.
    assert {one["at"][:4] for one in history(root)} <= {str(year) for year in range(1900, 2027)}
    assert done.counts["new"] > 100
