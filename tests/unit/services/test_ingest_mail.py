"""Mail becomes history: whom it is about, what is done about it, and that doing it twice does nothing."""

from __future__ import annotations

import json
from datetime import UTC
from datetime import datetime
from datetime import timedelta
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
from crmctl.mail.identifiers import send_id
from crmctl.mail.ledger.log import Ledger
from crmctl.services.book import Book
from crmctl.services.ingest import run
from crmctl.services.ingest.notebook import mark
from crmctl.services.ingest.sources import Found
from crmctl.services.mailing import host

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.services.ingest.run import Report

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
SID = send_id(CAMPAIGN, ADA, "email")


@pytest.fixture
def root(book_dir: Path) -> Path:
    clock.freeze(NOW)
    consent = "consent:\n  newsletter:\n    state: granted\n    date: 2026-01-01\n"
    commit(
        book_dir,
        {
            "customers/ada.yaml": f"id: {ADA}\nname: Ada\nemails: [ada@example.com, a.l@work.example]\n{consent}",
            "customers/bob.yaml": "name: Bob\nemails: [info@firm.example]\n",
            "customers/firm.yaml": "name: Firm\nemails: [info@firm.example]\n",
            "campaigns/autumn.yaml": f"id: {CAMPAIGN}\nname: Autumn\npurpose: newsletter\n",
            "members/jane.yaml": "name: Jane\nemail: jane@shop.example\n",
        },
    )
    return book_dir


def hash_of(root: Path, address: str) -> str:
    from crmctl.services.consenting import keys

    return keys.load(Book(root)).keyed(address)


def take(root: Path, *messages: bytes) -> Report:
    return run.take_in(Book(root), [Found(data, mark("message", data)) for data in messages])


def history(root: Path, customer: str = "ada") -> list[dict[str, Any]]:
    path = root / f"records/interactions/{customer}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def facts(root: Path) -> list[tuple[str, str]]:
    ledger = Ledger(host.mail_state(Book(root)), host.host_id())
    events = [event for event in ledger.events() if "mail" in event.about]
    return [(event.ev, str(event.about.get("why", ""))) for event in events]


def tasks(root: Path) -> list[str]:
    return sorted(str(what) for (what,) in Book(root).index.rows("SELECT what FROM followups"))


def suppressed(root: Path, address: str) -> list[tuple[str, str]]:
    from crmctl.services.consenting import suppression

    return [(entry.why, entry.scope) for entry in suppression.load(Book(root)).of(address)]


def bounce(status: str = "5.1.1", *, sid: str = SID, number: int = 1, day: int = 21) -> bytes:
    head = mail(
        From="MAILER-DAEMON@mx.example",
        To=f"bounces+{sid}@shop.example",
        Subject="Undelivered",
        Date=f"Sat, {day} Nov 2026 09:30:00 +0000",
        Message_ID=f"<bounce{number}@mx.example>",
        MIME_Version="1.0",
        Content_Type='multipart/report; report-type=delivery-status; boundary="b"',
    ).partition(b"\n\n")[0]
    body = (
        "--b\nContent-Type: text/plain\n\nsorry\n--b\nContent-Type: message/delivery-status\n\n"
        "Reporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; ada@example.com\nAction: failed\n"
        f"Status: {status}\nDiagnostic-Code: smtp; 550 {status} no\n\n--b--\n"
    )
    return head + b"\n\n" + body.encode()


# What people write


def test_a_reply_is_filed_with_its_new_text_alone(root: Path) -> None:
    sent(root)
    body = (
        "Yes please.\n\nOn Fri, 20 Nov 2026 Shop <us@shop.example> wrote:\n> Want some?\n> To unsubscribe reply STOP\n"
    )
    report = take(root, mail(body, In_Reply_To=f"<{SID}@shop.example>", Subject="Re: Autumn"))
    (entry,) = history(root)
    assert (entry["type"], entry["direction"], entry["campaign"]) == ("email", "in", "autumn")
    assert entry["text"] == "Re: Autumn\n\nYes please."
    assert entry["external"] == {"message-id": "<1@example.com>", "send": SID}
    assert facts(root) == [("reply", "")]
    assert report.written.message == "ingest: 1 reply"


def test_twice_is_once_and_in_another_clone_too(root: Path) -> None:
    sent(root)
    message = mail(In_Reply_To=f"<{SID}@shop.example>")
    take(root, message, message)
    before = history(root)
    assert len(before) == 1
    again = take(root, message)
    assert (again.written.commit, again.by_verdict()) == ("", {"known": 1})
    # The same message in a clone that has not heard of it makes the very same entry.
    git(root, "rm", "-q", "records/interactions/ada.jsonl")
    git(root, "commit", "-qm", "as if it were another clone")
    take(root, message)
    assert history(root) == before
    assert facts(root) == [("reply", "")]


def test_a_message_without_an_id_is_known_by_its_content(root: Path) -> None:
    message = mail(Message_ID="")
    take(root, message)
    assert history(root)[0]["external"]["message-id"].startswith("sha256:")
    assert take(root, message).by_verdict() == {"known": 1}
    assert take(root, mail("Something else", Message_ID="")).by_verdict() == {"filed": 1}


def test_strangers_are_counted_and_not_kept(root: Path) -> None:
    report = take(root, mail(From="nobody@elsewhere.example"))
    assert report.counts == {("mail", "nobody"): 1}
    assert report.written.commit == ""
    assert Book(root).index.row("SELECT COUNT(*) FROM interactions") == (0,)


def test_an_address_of_two_customers_becomes_a_follow_up(root: Path) -> None:
    report = take(root, mail(From="info@firm.example"))
    assert report.by_verdict() == {"unclear": 1}
    assert tasks(root) == ["Say whose mail it is"]
    assert history(root, "bob") == history(root, "firm") == []
    assert take(root, mail(From="info@firm.example")).by_verdict() == {"known": 1}


def test_a_recent_send_makes_a_mail_a_weak_answer(root: Path) -> None:
    clock.freeze(NOW - timedelta(days=2))
    sent(root)
    clock.freeze(NOW)
    take(root, mail("By the way"))
    (event,) = [e for e in Ledger(host.mail_state(Book(root)), host.host_id()).events() if e.ev == "reply"]
    assert event.about["weak"] == 1


def test_it_answers_the_last_message_that_was_there_when_it_was_written(root: Path) -> None:
    for days in (3, 2, 1):
        clock.freeze(NOW - timedelta(days=days))
        sent(root, sid=send_id(CAMPAIGN, ADA, "email", occurrence=str(days)))
    clock.freeze(NOW)
    at = NOW - timedelta(days=1, hours=12)
    take(root, mail("By the way", Date=f"{at:%a, %d %b %Y %H:%M:%S +0000}"))
    (event,) = [e for e in Ledger(host.mail_state(Book(root)), host.host_id()).events() if e.ev == "reply"]
    assert event.sid == send_id(CAMPAIGN, ADA, "email", occurrence="2")


MONTH = 30 * 24 * 60


@pytest.mark.parametrize(
    ("minutes", "is_answer"), [(-11, False), (-9, True), (0, True), (MONTH - 1, True), (MONTH + 1, False)]
)
def test_only_what_was_written_after_a_message_answers_it(root: Path, minutes: int, is_answer: bool) -> None:
    sent(root)
    clock.freeze(NOW + timedelta(days=40))
    at = NOW + timedelta(minutes=minutes)
    take(root, mail("By the way", Date=f"{at:%a, %d %b %Y %H:%M:%S +0000}"))
    assert [fact for fact, _ in facts(root)] == (["reply"] if is_answer else [])
    assert len(history(root)) == 1


def test_what_we_write_ourselves_is_filed_as_ours(root: Path) -> None:
    take(root, mail("Here it is", From="Jane <jane@shop.example>", To="Ada <a.l@work.example>, x@y.example"))
    (entry,) = history(root)
    assert entry["direction"] == "out"


def test_an_answer_in_a_thread_finds_the_customer_from_a_new_address(root: Path) -> None:
    take(root, mail())
    take(root, mail("From my phone", From="ada@phone.example", Message_ID="<2@x>", References="<1@example.com>"))
    assert [entry["external"]["message-id"] for entry in history(root)] == ["<1@example.com>", "<2@x>"]


def test_attachments_are_told_by_name_size_and_hash(root: Path) -> None:
    body = (
        "--q\nContent-Type: text/plain\n\nSee below.\n"
        "--q\nContent-Type: application/pdf\nContent-Disposition: attachment; filename=../../offer.pdf\n\nPDF\n--q--\n"
    )
    take(root, mail(body, MIME_Version="1.0", Content_Type="multipart/mixed; boundary=q"))
    (entry,) = history(root)
    assert "Attached: offer.pdf (3 bytes, sha256 " in entry["text"]
    assert "PDF" not in entry["text"].replace("offer.pdf", "")


# Opt-outs


def test_stop_in_the_new_text_ends_the_consent_at_once(root: Path) -> None:
    sent(root)
    take(root, mail("STOP\n\n> bought something", In_Reply_To=f"<{SID}@shop.example>"))
    data = Book(root).index.data(Book(root).schema.require("customer"), "ada")
    assert data is not None
    assert data["consent"]["newsletter"]["state"] == "withdrawn"  # type: ignore[call-overload,index]
    assert ("unsubscribed", "newsletter") in suppressed(root, "ada@example.com")
    assert ("unsubscribed", "newsletter") in suppressed(root, "a.l@work.example")
    assert facts(root) == [("unsub", "")]
    assert history(root)[0]["outcome"] == "opt-out"


def test_stop_in_the_quoted_footer_means_nothing(root: Path) -> None:
    sent(root)
    take(root, mail("Great!\n\n> Reply STOP to unsubscribe", In_Reply_To=f"<{SID}@shop.example>"))
    assert suppressed(root, "ada@example.com") == []
    assert facts(root) == [("reply", "")]


def test_words_that_may_mean_it_become_a_follow_up(root: Path) -> None:
    take(root, mail("How can a colleague of mine unsubscribe?"))
    assert tasks(root) == ["Read a mail: it may say that they want no more mail"]
    assert suppressed(root, "ada@example.com") == []


def test_an_old_opt_out_does_not_undo_a_newer_yes(root: Path) -> None:
    take(root, mail("unsubscribe", Date="Sat, 21 Nov 2020 09:30:00 +0000"))
    data = Book(root).index.data(Book(root).schema.require("customer"), "ada")
    assert data is not None
    assert data["consent"]["newsletter"]["state"] == "granted"  # type: ignore[call-overload,index]
    assert suppressed(root, "ada@example.com") == []


def test_a_token_counts_whoever_sends_it_and_a_forged_one_does_not(root: Path) -> None:
    from crmctl.services.consenting import keys

    sent(root)
    token = keys.load(Book(root)).token(SID, "newsletter")
    forged = token[:-1] + ("a" if token[-1] != "a" else "b")
    take(root, mail("", From="x@elsewhere.example", To=f"unsub+{forged}@shop.example", Message_ID="<f@x>"))
    assert suppressed(root, "ada@example.com") == []
    take(root, mail("", From="x@elsewhere.example", To=f"unsub+{token.upper()}@shop.example", Auto_Submitted="yes"))
    assert ("unsubscribed", "newsletter") in suppressed(root, "ada@example.com")
    assert suppressed(root, "x@elsewhere.example") == []


def test_the_answer_to_the_question_confirms_a_consent_and_an_automatic_one_does_not(root: Path) -> None:
    from crmctl.services.consenting import requests

    commit(root, {"customers/cyd.yaml": "name: Cyd\nemails: [cyd@example.com]\n"})
    book = Book(root)
    asking = requests.request(book, "cyd", book.settings.purposes["newsletter"], "Yes, once a month.")
    answer = {
        "From": "cyd@example.com",
        "Subject": f"Re: {asking.words.subject}",
        "Date": "Sun, 22 Nov 2026 09:59:00 +0000",
    }
    take(root, mail("Away", Auto_Submitted="auto-replied", Message_ID="<a@x>", **answer))

    def state() -> object:
        data = Book(root).index.data(Book(root).schema.require("customer"), "cyd")
        assert data is not None
        consents: Any = data.get("consent", {})
        return consents.get("newsletter", {}).get("state")

    assert state() is None
    report = take(root, mail("Yes", **answer))
    assert state() == "granted"
    assert any("confirmed" in note for note in report.written.notes)
    assert [entry["type"] for entry in history(root, "cyd")].count("email") == 1


def test_a_token_counts_without_a_ledger(root: Path) -> None:
    from crmctl.services.consenting import keys

    token = keys.load(Book(root)).token(SID, "newsletter")
    take(root, mail("", From="x@elsewhere.example", To=f"unsub+{token}@shop.example"))
    assert ("unsubscribed", "newsletter") in suppressed(root, "ada@example.com")


# What machines write


def test_a_hard_bounce_closes_the_address(root: Path) -> None:
    sent(root)
    take(root, bounce())
    assert facts(root) == [("bounce", "hard")]
    assert suppressed(root, "ada@example.com") == [("hard-bounce", "all")]
    assert suppressed(root, "a.l@work.example") == []
    (entry,) = history(root)
    assert (entry["type"], entry["outcome"]) == ("note", "hard bounce")


def test_three_soft_bounces_in_two_weeks_close_it_and_two_do_not(root: Path) -> None:
    sent(root)
    take(root, bounce("4.2.2", number=1, day=1), bounce("4.2.2", number=2, day=12))
    take(root, bounce("4.2.2", number=3, day=20))  # The first one is too long ago.
    assert suppressed(root, "ada@example.com") == []
    take(root, bounce("4.2.2", number=4, day=21))
    assert suppressed(root, "ada@example.com") == [("hard-bounce", "all")]


def test_a_refusal_by_policy_is_not_the_address_fault(root: Path) -> None:
    sent(root)
    take(root, bounce("5.7.1"))
    assert facts(root) == [("bounce", "policy")]
    assert suppressed(root, "ada@example.com") == []


def test_a_forged_bounce_changes_nothing(root: Path) -> None:
    sent(root)
    head = Book(root).commit
    other = send_id(CAMPAIGN, "01JC0000000000000000000EVE", "email")
    report = take(root, bounce(sid=other), bounce(sid="A" * 26, number=2))
    assert report.by_verdict() == {"foreign": 2}
    assert (Book(root).commit, facts(root), history(root)) == (head, [], [])


def test_a_bounce_is_found_by_the_envelope_id_and_by_what_it_returns(root: Path) -> None:
    sent(root)
    plain = bounce().replace(f"bounces+{SID}".encode(), b"bounces")
    by_envelope = plain.replace(b"Reporting-MTA", f"original-envelope-ID: {SID.lower()}\nReporting-MTA".encode())
    assert take(root, by_envelope).by_verdict() == {"filed": 1}
    back = plain.replace(
        b"\n--b--", f"\n--b\nContent-Type: message/rfc822\n\nMessage-ID: <{SID}@shop.example>\n\nHi\n\n--b--".encode()
    )
    assert take(root, back.replace(b"bounce1@", b"bounce2@")).by_verdict() == {"filed": 1}
    assert take(root, plain.replace(b"bounce1@", b"bounce3@")).by_verdict() == {"foreign": 1}


def test_a_complaint_suppresses_and_asks_somebody_to_look(root: Path) -> None:
    sent(root)
    head = mail(
        From="complaints@isp.example",
        MIME_Version="1.0",
        Content_Type="multipart/report; report-type=feedback-report; boundary=b",
    ).partition(b"\n\n")[0]
    body = (
        "--b\nContent-Type: text/plain\n\nspam\n--b\nContent-Type: message/feedback-report\n\n"
        "Feedback-Type: abuse\nVersion: 1\n\n--b\nContent-Type: message/rfc822\n\n"
        f"Message-ID: <{SID}@shop.example>\n\nHi\n\n--b--\n"
    )
    take(root, head + b"\n\n" + body.encode())
    assert facts(root) == [("complain", "abuse")]
    assert suppressed(root, "ada@example.com") == [("complaint", "all")]
    assert tasks(root) == ["Look into a complaint about our mail"]


def test_out_of_office_is_no_reply_and_says_until_when(root: Path) -> None:
    sent(root)
    take(
        root,
        mail(
            "I am away until 4 December 2026. To unsubscribe from life, relax.",
            Auto_Submitted="auto-replied",
            In_Reply_To=f"<{SID}@shop.example>",
        ),
    )
    (entry,) = history(root)
    assert (entry["type"], entry["outcome"]) == ("note", "auto-reply, back 2026-12-05")
    assert entry["external"]["back"] == "2026-12-05"
    assert facts(root) == [("autoreply", "")]
    assert suppressed(root, "ada@example.com") == []


def test_somebody_who_left_is_a_follow_up(root: Path) -> None:
    take(root, mail("Ada no longer works here.", Subject="Automatic reply: Hi"))
    assert tasks(root) == ["Find out who follows: an automatic reply says that they have left"]


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("DTSTART:20261201T100000Z\nSUMMARY:Kick-off\n", "Invitation declined: Kick-off"),
        ("", "Invitation declined"),  # It need not say more than which one it answers.
    ],
)
def test_an_answer_to_an_invitation_says_what_was_answered(root: Path, lines: str, told: str) -> None:
    pytest.importorskip("icalendar", reason="calendars need icalendar: pip install 'crmctl[mail]'")
    calendar = (
        "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nMETHOD:REPLY\nBEGIN:VEVENT\nUID:u1\n"
        f"DTSTAMP:20261121T100000Z\n{lines}ATTENDEE;PARTSTAT=DECLINED:mailto:ada@example.com\n"
        "END:VEVENT\nEND:VCALENDAR\n"
    )
    take(root, mail(calendar, MIME_Version="1.0", Content_Type="text/calendar; method=REPLY; charset=utf-8"))
    (entry,) = history(root)
    assert (entry["type"], entry["outcome"]) == ("email", "invitation declined")
    assert entry["text"].endswith(told)


def test_a_delay_and_a_receipt_are_no_history(root: Path) -> None:
    sent(root)
    delay = bounce("4.4.1").replace(b"Action: failed", b"Action: delayed")
    receipt = mail(
        "--b\nContent-Type: text/plain\n\nread\n--b\nContent-Type: message/disposition-notification\n\n"
        f"Final-Recipient: rfc822; ada@example.com\nOriginal-Message-ID: <{SID}@shop.example>\n"
        "Disposition: manual-action/MDN-sent-manually; displayed\n\n--b--",
        MIME_Version="1.0",
        Content_Type="multipart/report; report-type=disposition-notification; boundary=b",
    )
    report = take(root, delay, receipt)
    assert report.counts == {("bounce", "noted"): 1, ("receipt", "noted"): 1}
    assert (history(root), facts(root)) == ([], [])


def test_a_newsletter_of_theirs_is_no_word_of_a_person(root: Path) -> None:
    take(root, mail("News", List_Unsubscribe="<mailto:x@example.com>"))
    (entry,) = history(root)
    assert (entry["type"], entry["outcome"]) == ("note", "mailing list")


def test_a_copy_of_what_we_sent_is_not_filed_again(root: Path) -> None:
    sent(root)
    report = take(
        root, mail("Dear Ada", From="jane@shop.example", To="ada@example.com", Message_ID=f"<{SID}@shop.example>")
    )
    assert (report.by_verdict(), history(root)) == ({"own": 1}, [])


def test_what_comes_back_for_somebody_who_is_gone_is_counted_all_the_same(root: Path) -> None:
    sent(root)
    git(root, "rm", "-q", "records/customers/ada.yaml")
    git(root, "commit", "-qm", "gone")
    take(root, bounce())
    assert facts(root) == [("bounce", "hard")]
    assert suppressed(root, "ada@example.com") == [("hard-bounce", "all")]
    assert take(root, bounce()).by_verdict() == {"known": 1}
    assert facts(root) == [("bounce", "hard")]


def test_an_opt_out_of_somebody_who_is_gone_closes_the_address(root: Path) -> None:
    from crmctl.services.consenting import keys

    sent(root)
    token = keys.load(Book(root)).token(SID, "newsletter")
    git(root, "rm", "-q", "records/customers/ada.yaml")
    git(root, "commit", "-qm", "gone")
    take(root, mail("", To=f"unsub+{token}@shop.example"))
    assert suppressed(root, "ada@example.com") == [("unsubscribed", "newsletter")]


def test_an_address_that_the_customer_has_no_more_is_closed_by_its_hash(root: Path) -> None:
    sent(root, address="old@example.com")
    take(root, bounce())
    assert suppressed(root, "old@example.com") == [("hard-bounce", "all")]
    assert suppressed(root, "ada@example.com") == []


def test_stop_from_an_address_of_two_closes_the_address(root: Path) -> None:
    take(root, mail("STOP", From="info@firm.example"))
    assert suppressed(root, "info@firm.example") == [("unsubscribed", "all")]
    assert tasks(root) == ["Say whose mail it is"]


def test_a_date_that_lies_ahead_is_not_believed(root: Path) -> None:
    received = "from a by b; Sat, 21 Nov 2026 10:00:00 +0000"
    take(root, mail(Date="Sat, 21 Nov 2099 09:30:00 +0000", Received=received))
    take(root, mail(Date="Sat, 21 Nov 2099 09:30:00 +0000", Message_ID="<2@x>"))
    assert [one["at"][:10] for one in history(root)] == ["2000-01-01", "2026-11-21"]
    assert tasks(root) == ["Read a mail: it does not say when it was written, so it stops no sequence"]


def test_hidden_and_control_characters_do_not_reach_a_record(root: Path) -> None:
    take(root, mail("a\x1b[31mb\u202ec\x00d", Subject="x\x07y"))
    assert history(root)[0]["text"] == "x y\n\na[31mbcd"


# One run


def test_a_run_is_one_commit_that_names_nobody(root: Path) -> None:
    sent(root)
    before = Book(root).commit
    report = take(
        root, mail(), mail("STOP", Message_ID="<2@x>"), bounce(), mail(From="info@firm.example", Message_ID="<3@x>")
    )
    assert report.written.message == "ingest: 2 replies, 1 opt-out, 1 bounce"
    log = git(root, "log", "--format=%B", f"{before}..")
    assert log.count("ingest:") == 1
    assert "ada" not in log
    assert "example" not in log


def test_a_crash_between_the_ledger_and_the_book_doubles_and_loses_nothing(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent(root)
    with monkeypatch.context() as patch:

        def crash(*_given: object) -> None:
            raise KeyboardInterrupt

        patch.setattr(run, "file", crash)
        with pytest.raises(KeyboardInterrupt):
            take(root, bounce())
    assert (facts(root), history(root)) == ([("bounce", "hard")], [])
    assert take(root, bounce()).by_verdict() == {"filed": 1}
    assert facts(root) == [("bounce", "hard")]
    assert len(history(root)) == 1
    assert suppressed(root, "ada@example.com") == [("hard-bounce", "all")]


def test_other_clones_learn_what_came_back(root: Path) -> None:
    sent(root)
    take(root, bounce())
    (mirror,) = (root / "records/sends/autumn").iterdir()
    assert mirror.name == f"{host.host_id()}-inbox.jsonl"
    assert "example" not in mirror.read_text()
    assert git(root, "status", "--porcelain") == ""
    elsewhere = Ledger(root.parent / "state", "lap-other", mirrors=[mirror])
    assert [event.ev for event in elsewhere.events()] == ["bounce"]


def test_a_dry_run_writes_nothing(root: Path) -> None:
    sent(root)
    before = Book(root).commit
    data = mail(In_Reply_To=f"<{SID}@shop.example>")
    report = run.take_in(Book(root), [Found(data, mark("message", data))], dry_run=True)
    assert [one.verdict for one in report.shown] == ["filed"]
    assert (Book(root).commit, facts(root)) == (before, [])
    assert take(root, data).by_verdict() == {"filed": 1}


def test_a_damaged_ledger_keeps_nobody_from_opting_out(root: Path) -> None:
    sent(root)
    log = host.mail_state(Book(root)) / "wal" / f"{host.host_id()}.jsonl"
    log.write_bytes(log.read_bytes().replace(b'"n":1', b'"n":2', 1))
    report = take(root, mail("unsubscribe", In_Reply_To=f"<{SID}@shop.example>"))
    assert any("not counted" in note for note in report.written.notes)
    assert suppressed(root, "ada@example.com")
