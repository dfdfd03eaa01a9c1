"""Reading whatever comes: in bounded time, without an exception, and right where it can be."""

from __future__ import annotations

from datetime import UTC
from datetime import datetime
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from crmctl import clock
from crmctl.mail.inbound import classify
from crmctl.mail.inbound import clues
from crmctl.mail.inbound import headers
from crmctl.mail.inbound import hypertext
from crmctl.mail.inbound import reading

LONG = 20
"""Seconds that nothing here may take, on the slowest machine."""


def read_all(data: bytes) -> classify.Kind:
    """Everything that ingest does with a message before it looks into the book."""
    mail = reading.read(data)
    kind = classify.classify(mail)
    list(clues.of(mail, kind.bounce))
    assert kind.name in classify.KINDS
    return kind


def test_a_plain_message() -> None:
    mail = reading.read(
        b"From: =?utf-8?q?Z=C3=B6e?= <Zoe@Example.COM>\nTo: a@x.example, b@x.example\nDelivered-To: us+1@x.example\n"
        b"Subject: =?utf-8?b?w5xiZXI=?= uns\nDate: Sat, 21 Nov 2026 09:30:00 +0100\nMessage-ID: <1@x>\n"
        b"References: <a@x> <b@x>\nIn-Reply-To: <b@x>\n\nHello\n"
    )
    assert (mail.key, mail.sender, mail.subject) == ("<1@x>", "Zoe@example.com", "Über uns")
    assert (mail.recipients, mail.envelope) == (("a@x.example", "b@x.example"), ("us+1@x.example",))
    assert mail.date == datetime(2026, 11, 21, 8, 30, tzinfo=UTC)
    assert (mail.references, mail.in_reply_to, mail.text) == (("<a@x>", "<b@x>"), ("<b@x>",), "Hello")


def test_the_text_of_an_alternative_is_the_plain_one_and_of_html_its_words() -> None:
    head = b"From: a@x.example\nMIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=q\n\n"
    both = b"--q\nContent-Type: text/plain\n\nplain\n--q\nContent-Type: text/html\n\n<p>html</p>\n--q--\n"
    assert reading.read(head + both).text == "plain"
    html = (
        b"From: a@x.example\nContent-Type: text/html; charset=utf-8\n\n<style>p{}</style><p>Hi &amp; by</p><div>x</div>"
    )
    assert reading.read(html).text == "Hi & by\n\nx"


def test_quotes_in_html_are_left_out() -> None:
    html = "<p>STOP</p><blockquote>To <b>unsubscribe</b><blockquote>x</blockquote>y</blockquote><p>Ada</p>"
    assert hypertext.to_text(html) == "STOP\n\nAda"
    assert hypertext.to_text('New<div class="gmail_quote">old<div>x</div>old</div>') == "New"
    assert hypertext.to_text("New<div id=divRplyFwdMsg>old") == "New"
    assert hypertext.to_text("a<!-- <p>no</p> -->b<!-- open") == "ab"


@pytest.mark.parametrize("charset", ["x-nonsense", "idna", "punycode", "unicode_escape", "rot13", "zlib", "", "\x00"])
def test_bad_character_sets(charset: str) -> None:
    assert "ü" in headers.decode("ü".encode(), charset) or headers.decode("ü".encode(), charset) == "Ã¼"
    data = (
        f"From: a@x.example\nContent-Type: text/plain; charset={charset}\n\n".encode() + "Grüße \\N{DIGIT ONE}".encode()
    )
    assert "Gr" in reading.read(data).text


def test_dates_that_are_none() -> None:
    for text in ("", "yesterday", "Sat, 99 Nov 2026 09:30:00", "Mon, 1 Jan 0001 00:00:00 +9999", "1 Jan 99999 00:00"):
        assert headers.moment(text) is None
    assert reading.read(b"Date: nonsense\nReceived: x; Sat, 21 Nov 2026 09:30:00 +0000\n\n").date is not None


def _bombs() -> dict[str, bytes]:
    start = b"From: a@x.example\nMIME-Version: 1.0\nSubject: s\n"
    nested = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(3000))
    return {
        "nested multiparts": start + nested,
        "nested messages": start + b"Content-Type: message/rfc822\n\n" * 3000,
        "many parts": start + b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 300_000,
        "many headers": b"X: y\n" * 1_000_000 + b"\nhello",
        "one long header": b"From: " + b"a" * 5_000_000 + b"\n\nhello",
        "comments": b"From: " + b"(" * 100_000 + b"\nTo: " + b"<" * 100_000 + b"\n\nhello",
        "encoded words": b"Subject: " + b"=?utf-8?q?=C3?= " * 50_000 + b"\n\nhello",
        "many addresses": b"To: " + b"a@b.example, " * 100_000 + b"\n\nhello",
        "many lines": start + b"\n" + b"\n" * 3_000_000,
        "many status blocks": start
        + b"Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n"
        + b"Action: failed\n\n" * 200_000,
        "on wrote": start + b"\n" + b"On On wrote " * 30_000,
        "on lines": start + b"\n" + b"On Monday x\n" * 30_000,
        "from headers": start + b"\n" + b"From: x\n" * 30_000,
        "angle brackets": start + b"Content-Type: text/html\n\n" + b"<" * 1_000_000,
        "open comments": start + b"Content-Type: text/html\n\n" + b"<!--" * 300_000,
        "open tags": start + b"Content-Type: text/html\n\n" + b"<blockquote " * 100_000 + b"<div>" * 100_000,
        "absence": start
        + b"Auto-Submitted: auto-replied\nDate: Sat, 21 Nov 2026 09:30:00 +0000\n\n"
        + b"until the " * 3_000,
        "back": start
        + b"Auto-Submitted: auto-replied\nDate: Sat, 21 Nov 2026 09:30:00 +0000\n\n"
        + b"back in at the " * 3_000,
        "calendar": start
        + b"Content-Type: text/calendar; method=REPLY\n\nBEGIN:VCALENDAR\n"
        + b"BEGIN:VEVENT\n" * 100_000,
        "bounce words": b"From: mailer-daemon@x.example\nSubject: failure\n\n" + b"mailbox quota folder " * 100_000,
        "stop": start + b"\n" + b"please remove " * 50_000,
        "bitte": start + b"\n" + b"bitte ich " * 50_000,
        "nothing": b"",
        "nul": b"\x00" * 1_000_000,
    }


@pytest.mark.parametrize("name", _bombs())
def test_bombs_take_little_time(name: str) -> None:
    data = _bombs()[name]
    start = clock.monotonic()
    read_all(data)
    assert clock.monotonic() - start < LONG


def test_what_is_too_large_is_read_as_far_as_its_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LARGEST", 1000)
    mail = reading.read(b"From: ada@example.com\nSubject: big\n\n" + b"x" * 2000)
    assert (mail.sender, mail.subject, mail.text, mail.cut) == ("ada@example.com", "big", "", True)


_pieces = st.sampled_from(
    [
        b"From: ada@example.com\n",
        b"Content-Type: multipart/mixed; boundary=b\n",
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n",
        b"Content-Type: message/delivery-status\n",
        b"Content-Type: message/feedback-report\n",
        b"Content-Type: message/disposition-notification\n",
        b"Content-Type: message/rfc822\n",
        b"Content-Type: text/calendar; method=REPLY\n",
        b'Content-Type: text/plain; charset="utf-7\n',
        b"Content-Disposition: attachment; filename*=utf-8'%FF\n",
        b"Content-Transfer-Encoding: base64\n",
        b"Content-Transfer-Encoding: x-uuencode\n",
        b"Final-Recipient: rfc822; a@b\n",
        b"Action: failed\n",
        b"Auto-Submitted: auto-replied\n",
        b"Date: Sat, 21 Nov 2026 09:30:00 +0000\n",
        b"--b\n",
        b"--b--\n",
        b"\n",
        b"=?utf-8?b?w5xiZXI=?=\n",
        b"On Monday, Ada wrote:\n> x\n",
        b"BEGIN:VCALENDAR\nMETHOD:REPLY\nBEGIN:VEVENT\nUID:1\nDTSTART:2026\n",
        b"begin 644 x\nM\n",
        b"\xff\xfe\x00",
    ]
)


@settings(max_examples=300)
@given(st.lists(st.one_of(_pieces, st.binary(max_size=40)), max_size=25))
def test_anything_can_be_read(pieces: list[bytes]) -> None:
    read_all(b"".join(pieces))


@given(st.binary(max_size=3000))
def test_any_bytes_can_be_read(data: bytes) -> None:
    read_all(data)


def test_dates_of_far_away_do_not_break_anything() -> None:
    mail = reading.read(
        b"From: a@x.example\nDate: Fri, 31 Dec 2199 23:59:59 -1200\nAuto-Submitted: auto-replied\n\nback 1.1."
    )
    assert mail.date is not None
    assert mail.date + timedelta(days=1)
    assert read_all(b"Date: Fri, 31 Dec 2199 23:59:59 -1200\nAuto-Submitted: yes\n\nuntil 31.12.").name == "auto-reply"
