"""A message that is not what was meant is found out, whatever was changed in it."""

from __future__ import annotations

from datetime import UTC
from datetime import datetime
from typing import Any

import pytest

from crmctl.mail.message.compose import Meant
from crmctl.mail.message.compose import Sender
from crmctl.mail.message.compose import compose
from crmctl.mail.message.verify import verify

MEANT = Meant(
    to_name="Ada Lovelace",
    to_email="ada@example.org",
    sender=Sender("Chinook Records", "hello@chinook.example"),
    subject="Grüße von uns",
    text="Hello Ada,\n\nbye\n",
    html="<p>Grüße</p>\n",
    message_id="<01abc@chinook.example>",
    date=datetime(2026, 11, 2, 10, tzinfo=UTC),
    headers=(("List-Id", "<news.chinook.example>"),),
)
DATA = compose(MEANT)


def test_an_untouched_message_is_fine() -> None:
    assert verify(DATA, MEANT) == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b"MIME-Version", b"Bcc: eve@z.example\r\nMIME-Version", "the headers are"),
        (b"To: ", b"To: eve@z.example, ", "it would go to"),
        (b"ada@example.org", b"eve@example.org", "it would go to"),
        (b"Ada Lovelace <", b"Eve <", "it would go to"),
        (b"To: Ada", b"To: eve@z.example\r\nTo: Ada", "the headers are"),
        (b"To: Ada", b"Cc: eve@z.example\r\nTo: Ada", "the headers are"),
        (b"From: Chinook", b"From: Eve", "it would come from"),
        (b"Subject: =?utf-8?q?Gr", b"Subject: =?utf-8?q?Br", "the subject is"),
        (b"Subject: =?utf-8?q?", b"Subject: =?utf-9?q?", "cannot be read"),
        (b"Subject: =?utf-8?q?Gr=C3=BC", b"Subject: =?utf-8?q?Gr=C3", "cannot be read"),
        (b"Subject:", b"Subject : ", "the headers are"),
        (b"Message-ID: <01", b"Message-ID: <02", "the Message-ID"),
        (b"MIME-Version: 1.0", b"MIME-Version: 1.1", "the Message-ID or the version"),
        (b"02 Nov", b"03 Nov", "the date is another"),
        (b"Date: Mon, 02 Nov 2026", b"Date: yesterday", "cannot be read"),
        (b"<news.", b"<olds.", "List-Id is another"),
        (b"Hello Ada", b"Hello Eve", "the text/plain part"),
        (b"<p>Gr", b"<p>Br", "the text/html part"),
        (b"text/plain;", b"text/html;", "no text/plain part"),
        (b"quoted-printable", b"8bit", "no text/html part"),
        (b"multipart/alternative", b"multipart/mixed", "not multipart/alternative"),
        (b"\r\n\r\nHello", b"\r\n\r\nH\xc3\xbcllo", "stray byte 0xc3"),
        (b"Hello Ada", b"Hello\0Ada", "stray byte 0x00"),
        (b"Hello Ada,\r\n", b"Hello Ada,\n", "does not end in CR LF"),
        (b"Hello Ada,\r\n", b"Hello Ada,\r", "does not end in CR LF"),
        (b"Hello Ada,", b"Hello Ada," + b"x" * 1000, "more than 998"),
        (b"List-Id: ", b"List-Id: " + b"x" * 70 + b" ", "a header line has"),
        (b"List-Id: ", b"List-Id: " + b"x" * 999, "a header line has"),
        (b"Subject: =?", b"Subject: =?utf-8?q?" + b"x" * 80 + b"?= =?", "encoded word has more than 75"),
        (b"List-Id: ", b"List-Id:\r\n \r\n ", "empty line"),
    ],
)
def test_a_change_is_found(old: bytes, new: bytes, words: str) -> None:
    assert DATA.count(old) >= 1
    faults = verify(DATA.replace(old, new, 1), MEANT)
    assert any(words in fault for fault in faults), faults


def test_parts_cannot_be_added_or_taken() -> None:
    boundary = DATA.partition(b'boundary="')[2].partition(b'"')[0]
    mark = b"\r\n--" + boundary
    head, first, second, end = DATA.split(mark)
    for changed in (
        head + mark + first + mark + second + mark + second + mark + end,
        head + mark + first + mark + end,
        head + b"\r\npreamble" + mark + first + mark + second + mark + end,
        DATA + b"epilogue\r\n",
        head + mark + second + mark + first + mark + end,
        DATA.removesuffix(b"--\r\n"),
    ):
        assert verify(changed, MEANT), changed


@pytest.mark.parametrize(
    "changes",
    [
        {"to_name": "Ada"},
        {"to_email": "eve@example.org"},
        {"to_email": "no address"},
        {"sender": Sender("Chinook", "hello@chinook.example")},
        {"subject": "Grüße"},
        {"text": "Hello"},
        {"html": ""},
        {"html": "<p>x</p>"},
        {"headers": ()},
        {"headers": (("List-Id", "<x.example>"),)},
        {"message_id": "<x@y>"},
        {"text": "\0"},
    ],
)
def test_another_meaning_is_found(changes: dict[str, Any]) -> None:
    assert verify(DATA, MEANT._replace(**changes))


@pytest.mark.parametrize("data", [b"", b"\r\n", b"x", b"\r\n\r\n", b"From: a@b\r\n\r\n", DATA[:300], DATA[300:]])
def test_what_is_no_message_is_found(data: bytes) -> None:
    assert verify(data, MEANT)


def test_a_message_of_one_part_is_read_too() -> None:
    meant = MEANT._replace(html="")
    data = compose(meant)
    assert verify(data, meant) == []
    assert verify(data.replace(b"Hello Ada", b"Hello Eve"), meant) == ["the text/plain part is not what was meant"]
    assert verify(data.replace(b"Content-Transfer-Encoding: 7bit\r\n", b""), meant)


BEYOND = MEANT._replace(to_name="Jörg", to_email="jo\u0308rg@bücher.example")


@pytest.mark.parametrize("change", [{}, {"html": ""}, {"to_name": ""}, {"to_name": "用户" * 40}])
def test_letters_beyond_ascii_stand_before_the_at_of_the_recipient_and_nowhere_else(change: Any) -> None:
    meant = BEYOND._replace(**change)
    data = compose(meant)
    assert verify(data, meant) == []
    raw = "jörg@xn--bcher-kva.example".encode()
    assert data.count(raw) == 1
    assert data.replace(raw, b"").isascii()
    for old, new in (
        (raw, "jürg@xn--bcher-kva.example".encode()),
        (raw, raw + ", jörg@z.example".encode()),
        (b"MIME-Version", "X-A: jörg\r\nMIME-Version".encode()),
        (b"Hello Ada", "Hello jörg".encode()),
        (b"From: Chinook", "From: Chinöok".encode()),
    ):
        assert old in data
        assert verify(data.replace(old, new, 1), meant), new
