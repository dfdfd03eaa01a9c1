"""Bounces: the samples of flufl.bounce, notifications by the book, and what only looks like one."""

from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path

import pytest
from helpers.golden import golden

from crmctl.mail.inbound import bounces
from crmctl.mail.inbound import reading

SAMPLES = Path(__file__).resolve().parents[2] / "data" / "bounces"
PASSING = {"delayed", "soft"}


def _expected() -> dict[str, tuple[str, set[str]]]:
    rows = [line.split("\t") for line in (SAMPLES / "expected.tsv").read_text(encoding="ascii").splitlines()]
    return {name: (how, set() if who == "-" else set(who.lower().split())) for name, how, who in rows}


def test_the_samples_of_flufl_bounce() -> None:
    pytest.importorskip("flufl.bounce", reason="the heuristics need flufl.bounce: pip install 'crmctl[mail]'")
    expected = _expected()
    lines, right = [], 0
    for path in sorted(SAMPLES.glob("*.txt")):
        found = bounces.read(reading.read(path.read_bytes()))
        how, who = expected[path.name]
        got = {recipient.address.lower() for recipient in found.recipients} if found else set()
        # What is for good may still be soft to us: only words that say so make an address useless.
        agrees = how == "for good" or (found.how in PASSING if found else how == "no bounce")
        right += got == who and agrees
        verdict = "right" if got == who and agrees else f"WRONG, it is {how}: {' '.join(sorted(who)) or 'nobody'}"
        told = f"{found.by:<10}  {found.how:<9}  {found.worst.status or '-':<6}" if found else "no bounce"
        lines.append(f"{path.name:<20}  {told:<29}  {verdict}")
    assert len(lines) == 117
    golden("bounces.txt", "\n".join([*lines, "", f"{right} of {len(lines)} right", ""]))


def _notification(*fields: str, body: str = "It could not be delivered.") -> reading.Mail:
    blocks = "\n\n".join(fields)
    return reading.read(
        (
            "From: MAILER-DAEMON@mx.example\nTo: bounces@shop.example\nSubject: Undelivered\nMIME-Version: 1.0\n"
            'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
            f"--b\nContent-Type: text/plain\n\n{body}\n"
            f"--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n{blocks}\n"
            "--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: <x@shop.example>\nSubject: Hi\n\n--b--\n"
        ).encode()
    )


@pytest.mark.parametrize(
    ("status", "said", "how"),
    [
        ("5.1.1", "", "hard"),
        ("5.1.10", "", "hard"),
        ("5.2.1", "", "hard"),
        ("5.2.2", "mailbox full", "soft"),
        ("5.7.1", "blocked as spam", "policy"),
        ("5.7.26", "user unknown", "policy"),
        ("4.4.1", "no answer", "soft"),
        ("5.0.0", "550 No such user here", "hard"),
        ("5.0.0", "552 over quota", "soft"),
        ("5.0.0", "554 rejected by DMARC policy", "policy"),
        ("5.0.0", "", "soft"),
        ("", "554 listed at a block list: blocked", "policy"),
    ],
)
def test_how_bad_a_failure_is(status: str, said: str, how: str) -> None:
    block = (
        f"\nFinal-Recipient: rfc822; ada@mx.example\nAction: failed\nStatus: {status}\nDiagnostic-Code: smtp; {said}"
    )
    found = bounces.read(_notification(block, body=""))
    assert found is not None
    assert (found.by, found.how, found.worst.address) == ("dsn", how, "ada@mx.example")


@pytest.mark.parametrize(
    ("action", "how"), [("delayed", "delayed"), ("delivered", "delivered"), ("relayed", "delivered")]
)
def test_a_delay_or_a_delivery_is_no_failure(action: str, how: str) -> None:
    found = bounces.read(_notification(f"\nFinal-Recipient: rfc822; ada@mx.example\nAction: {action}\nStatus: 4.4.7"))
    assert found is not None
    assert found.how == how


def test_the_worst_of_several_recipients_counts_and_the_original_one_is_named() -> None:
    found = bounces.read(
        _notification(
            "Original-Envelope-ID: QQ-7\n\nFinal-Recipient: rfc822; a@mx.example\nAction: delayed\nStatus: 4.0.0",
            "Original-Recipient: rfc822;ada@shop.example\nFinal-Recipient: rfc822;b@mx.example\nAction: failed\n"
            "Status: 5.1.1",
        )
    )
    assert found is not None
    assert (found.how, found.worst.address, found.envelope_id) == ("hard", "ada@shop.example", "QQ-7")
    assert len(found.recipients) == 2


def test_the_headers_that_come_back_are_found() -> None:
    back = bounces.returned(_notification("\nFinal-Recipient: rfc822; a@mx.example\nAction: failed\nStatus: 5.1.1"))
    assert back is not None
    assert back["message-id"] == "<x@shop.example>"


def test_a_person_who_forwards_a_bounce_is_no_mail_system() -> None:
    sample = (SAMPLES / "qmail_03.txt").read_bytes().partition(b"\n\n")[2]
    head = b"From: Ada <ada@example.com>\nTo: us@shop.example\nSubject: Look what I got\n\n"
    assert bounces.read(reading.read(head + sample)) is None


def test_a_message_without_a_sender_breaks_nothing() -> None:
    assert bounces.read(reading.read(b"Subject: hello\n\nhow are you\n")) is None
    assert bounces.read(reading.read(b"")) is None


def test_a_notification_in_base64_is_read(tmp_path: Path) -> None:
    report = EmailMessage()
    report["From"] = "postmaster@mx.example"
    report["Subject"] = "Undeliverable"
    report.set_content("failed")
    raw = report.as_bytes().replace(b"Content-Type: text/plain", b"Content-Type: multipart/report; boundary=q")
    import base64

    inner = base64.b64encode(
        b"Reporting-MTA: dns; x\n\nFinal-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.1.1\n"
    )
    body = b"--q\nContent-Type: message/delivery-status\nContent-Transfer-Encoding: base64\n\n" + inner + b"\n--q--\n"
    found = bounces.read(
        reading.read(raw.partition(b"\n\n")[0].replace(b"\nContent-Transfer-Encoding: 7bit", b"") + b"\n\n" + body)
    )
    assert found is not None
    assert found.worst.address == "a@b.example"
