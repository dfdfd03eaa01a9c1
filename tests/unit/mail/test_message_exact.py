"""The fast reader of our messages takes what was meant, refuses all else, and trusts no more than the slow one does."""

from __future__ import annotations

import re
from binascii import b2a_base64
from datetime import UTC
from datetime import datetime
from typing import TYPE_CHECKING
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from crmctl.mail.message import exact
from crmctl.mail.message.compose import Meant
from crmctl.mail.message.compose import Sender
from crmctl.mail.message.compose import compose
from crmctl.mail.message.files import named
from crmctl.mail.message.verify import verify

if TYPE_CHECKING:
    from collections.abc import Callable

BERLIN = ZoneInfo("Europe/Berlin")
TOKEN = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567ABCDEFGH"
LIST = (
    ("List-Id", "<news.chinook.example>"),
    ("List-Unsubscribe", f"<mailto:u+{TOKEN}@chinook.example?subject=off>, <https://chinook.example/u/{TOKEN * 2}>"),
    ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
)
PLAIN = Meant(
    to_name="Ada Lovelace",
    to_email="ada@example.org",
    sender=Sender("Chinook Records", "hello@chinook.example"),
    subject="Grüße von uns und von allen, die hier mit uns für Sie da sind, auch im nächsten Jahr",
    text="Hello Ada,\n\nbye\n",
    html="",
    message_id="<01abc@chinook.example>",
    date=datetime(2026, 11, 2, 10, tzinfo=UTC),
    headers=LIST,
)
BOTH = PLAIN._replace(html="<p>Grüße, a = b</p>\n")
CODED = PLAIN._replace(text="Привет, Ада, это письмо для тебя.\n", html="<p>Привет, Ада, как дела?</p>\n")
ALL = (PLAIN, BOTH, CODED)


@pytest.mark.parametrize("meant", ALL)
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"to_name": ""},
        {"to_name": "Meyer, Karl <eve@z.example>"},
        {"to_name": "用户" * 60},
        {"to_name": "A 💩 =?UTF-8?Q?=0A?=Bcc: eve@z.example"},
        {"to_email": f"{'a' * 64}@{'b' * 60}.{'c' * 60}.example"},
        {"to_email": "info@bücher.example"},
        {"subject": "s"},
        {"subject": "word " * 150 + "end"},
        {"subject": "w" * 900},
        {"text": "x" * 3000},
        {"text": "From here\n.\n\n--=_\n"},
        {"headers": ()},
        {"date": datetime(2026, 10, 25, 2, 30, 1, tzinfo=BERLIN, fold=1)},
    ],
)
def test_what_compose_writes_is_known_and_all_readers_agree(meant: Meant, changes: dict[str, Any]) -> None:
    meant = meant._replace(**changes)
    data = compose(meant)
    assert exact.agrees(data, meant)
    assert verify(data, meant, twice=True) == []


def test_what_is_more_than_words_is_left_to_the_slow_reader() -> None:
    for changes in ({"to_email": "jörg@example.org"}, {"files": (named("a.pdf", b"%PDF"),)}):
        meant = BOTH._replace(**changes)
        data = compose(meant)
        assert not exact.agrees(data, meant)
        assert verify(data, meant) == []


def swap(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        assert old in data, old
        return data.replace(old, new, 1)

    return change


def between(data: bytes) -> tuple[bytes, list[bytes]]:
    mark = b"\r\n--" + data.partition(b'boundary="')[2].partition(b'"')[0]
    return mark, data.split(mark)


def joined(order: str, tail: bytes = b"--\r\n") -> Callable[[bytes], bytes]:
    """The parts of a message in another order or number: 0 is the head, 1 the text, 2 the page."""

    def change(data: bytes) -> bytes:
        mark, parts = between(data)
        return mark.join(parts[int(sign)] for sign in order) + mark + tail

    return change


def doubled(name: bytes) -> Callable[[bytes], bytes]:
    return lambda data: re.sub(rb"(\r\n%b: [^\r]*)" % name, rb"\1\1", data, count=1)


CORRUPTIONS: dict[str, Callable[[bytes], bytes]] = {
    "a Bcc before the end": swap(b"MIME-Version", b"Bcc: eve@z.example\r\nMIME-Version"),
    "a Bcc at the start": lambda data: b"Bcc: eve@z.example\r\n" + data,
    "a Bcc in small letters": swap(b"\r\nDate", b"\r\nbcc: eve@z.example\r\nDate"),
    "a Cc": swap(b"\r\nSubject", b"\r\nCc: eve@z.example\r\nSubject"),
    "a second To": doubled(b"To"),
    "a second Subject": doubled(b"Subject"),
    "a second Message-ID": doubled(b"Message-ID"),
    "a Return-Path": lambda data: b"Return-Path: <eve@z.example>\r\n" + data,
    "one more recipient": swap(b"<ada@example.org>", b"<ada@example.org>, <eve@z.example>"),
    "one more recipient, folded": swap(b"<ada@example.org>", b"<ada@example.org>,\r\n <eve@z.example>"),
    "a group": swap(b"To: Ada Lovelace", b"To: all: Ada Lovelace"),
    "another recipient": swap(b"ada@example.org", b"eva@example.org"),
    "another domain": swap(b"ada@example.org", b"ada@example.orgs"),
    "another name": swap(b"Ada Lovelace <", b"Ada  Lovelace <"),
    "no name": swap(b"Ada Lovelace <", b"<"),
    "another sender": swap(b"hello@chinook", b"hell@chinook"),
    "headers in another order": lambda data: re.sub(rb"(Date: [^\r]*\r\n)(Message-ID: [^\r]*\r\n)", rb"\2\1", data),
    "no date": lambda data: re.sub(rb"Date: [^\r]*\r\n", b"", data),
    "another minute": swap(b"10:00:00", b"10:01:00"),
    "another zone": swap(b"+0000", b"+0001"),
    "another day of the week": swap(b"Date: Mon,", b"Date: Tue,"),
    "another Message-ID": swap(b"<01abc@", b"<01abd@"),
    "another encoded word": swap(b"=C3=BC", b"=C3=BD"),
    "half a letter": swap(b"=C3=BC", b"=C3"),
    "an encoded word too long": swap(b"Subject: =?", b"Subject: =?utf-8?q?" + b"x" * 64 + b"?= =?"),
    "an encoded word of another charset": swap(b"Subject: =?utf-8?", b"Subject: =?utf-7?"),
    "a header line of 79 columns": swap(b"From: Chinook Records", b"From: " + b"x" * 49 + b" Chinook Records"),
    "a header line of 999 columns": swap(b"/u/", b"/u/" + b"x" * 990),
    "an empty header line": swap(b"List-Unsubscribe:", b" \r\nList-Unsubscribe:"),
    "a blank before the colon": swap(b"To: ", b"To : "),
    "no blank behind the colon": swap(b"To: ", b"To:"),
    "a tab in a header": swap(b"Ada Lovelace <", b"Ada\tLovelace <"),
    "a header folded by a tab": swap(b"\r\n <https", b"\r\n\t<https"),
    "a list header encoded": swap(b"<mailto:u+", b"=?utf-8?q?=3Cmailto=3Au+?= <mailto:u+"),
    "another token": swap(TOKEN.encode(), TOKEN[::-1].encode()),
    "no one click": lambda data: re.sub(rb"List-Unsubscribe-Post: [^\r]*\r\n", b"", data),
    "another version of MIME": swap(b"MIME-Version: 1.0", b"MIME-Version: 1.1"),
    "another charset": swap(b"charset=utf-8", b"charset=utf-7"),
    "another encoding": lambda data: re.sub(rb"Encoding: [a-z0-9-]+", b"Encoding: binary", data, count=1),
    "a header in the part": swap(b"Content-Transfer", b"X-A: b\r\nContent-Transfer"),
    "a line feed alone": swap(b"\r\nTo", b"\nTo"),
    "a carriage return alone": swap(b"\r\nTo", b"\rTo"),
    "a pair the wrong way round": swap(b"\r\nTo", b"\n\rTo"),
    "a NUL": lambda data: data[:-3] + b"\0" + data[-3:],
    "a DEL": lambda data: data[:-3] + b"\x7f" + data[-3:],
    "a byte beyond ASCII": lambda data: data[:-3] + b"\xff" + data[-3:],
    "a letter beyond ASCII": lambda data: data[:-3] + "ü".encode() + data[-3:],
    "the end cut off": lambda data: data[:-5],
    "the last line end cut off": lambda data: data[:-2],
    "more behind the end": lambda data: data + b"Bcc: eve@z.example\r\n",
    "twice": lambda data: data + data,
    "no empty line": swap(b"\r\n\r\n", b"\r\n"),
    "a body that begins too soon": swap(b"\r\nTo", b"\r\n\r\nTo"),
    "nothing": lambda _data: b"",
}
OF_PARTS: dict[str, Callable[[bytes], bytes]] = {
    "the parts in another order": joined("021"),
    "one part": joined("01"),
    "three parts": joined("0122"),
    "no end": joined("012", b"\r\n"),
    "an epilogue": joined("012", b"--\r\nmore\r\n"),
    "a preamble": lambda data: data.replace(between(data)[0], b"\r\nmore" + between(data)[0], 1),
    "a mark with a blank": lambda data: data.replace(between(data)[0], between(data)[0] + b" ", 1),
    "another mark": swap(b'boundary="=_', b'boundary="=-'),
    "a mark in small pieces": swap(b'boundary="', b'boundary="\r\n '),
    "mixed": swap(b"multipart/alternative", b"multipart/mixed"),
    "a page that is text": swap(b"text/html", b"text/plain"),
    "a type in the head": swap(b"multipart/alternative;", b"multipart/alternative; type=a;"),
}


@pytest.mark.parametrize("meant", ALL)
@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corruption_is_refused(meant: Meant, name: str) -> None:
    data = compose(meant)
    changed = CORRUPTIONS[name](data)
    assert changed != data
    assert not exact.agrees(changed, meant)
    assert verify(changed, meant)


@pytest.mark.parametrize("meant", [BOTH, CODED])
@pytest.mark.parametrize("name", OF_PARTS)
def test_parts_that_stand_otherwise_are_refused(meant: Meant, name: str) -> None:
    data = compose(meant)
    changed = OF_PARTS[name](data)
    assert changed != data
    assert not exact.agrees(changed, meant)
    assert verify(changed, meant)


@pytest.mark.parametrize("meant", [PLAIN, CODED])
def test_no_single_byte_can_be_changed(meant: Meant) -> None:
    data = compose(meant)
    trusted, passed = [], []
    for at in range(len(data)):
        for new in (b"", (b"x", b" ", b"=", data[at : at + 1] * 2)[at % 4]):
            changed = data[:at] + new + data[at + 1 :]
            if changed == data:
                continue
            if exact.agrees(changed, meant):
                trusted.append(changed)
            elif not verify(changed, meant):
                passed.append(changed)
    assert trusted == []
    # What else is read as the same by three readers is the same but for blanks that no reader shows.
    squeezed = {re.sub(rb"\s+", b"", changed) for changed in passed}
    assert squeezed <= {re.sub(rb"\s+", b"", data)}


@pytest.mark.parametrize("meant", [BOTH, CODED])
@pytest.mark.parametrize("line", [b"x" * 998, b"x" * 999])
def test_a_line_of_a_part_has_998_characters_at_most(meant: Meant, line: bytes) -> None:
    text = line.decode() + "\n"
    meant = meant._replace(text=text)
    mark, parts = between(compose(meant))
    parts[1] = (
        b"\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n" + line + b"\r\n"
    )
    changed = mark.join(parts)
    assert exact.agrees(changed, meant) is (len(line) <= 998)
    assert bool(verify(changed, meant)) is (len(line) > 998)


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("quoted-printable", b"Gr=C3=BC=C3=9Fe=\r\n!\r\n"),
        ("quoted-printable", b"Gr=c3=bc=C3=9Fe!\r\n"),
        ("quoted-printable", b"Gr=C3=BC=C3=9Fe!" + b" " * 90 + b"\r\n"),
        ("base64", b2a_base64("Grüße!\r\n".encode(), newline=False) + b"\r\n"),
        ("base64", b"*" + b2a_base64("Grüße!\r\n".encode(), newline=False) + b"\r\n"),
        ("base64", b2a_base64("Grüße!\r\n".encode(), newline=False) + b"AAAA\r\n"),
    ],
)
def test_an_encoding_is_read_strictly(encoding: str, body: bytes) -> None:
    meant = PLAIN._replace(text="Grüße!\n")
    head = compose(meant).partition(b"\r\n\r\n")[0]
    head = re.sub(rb"Encoding: .*", b"Encoding: " + encoding.encode(), head)
    is_good = body in (b"Gr=C3=BC=C3=9Fe=\r\n!\r\n", b2a_base64("Grüße!\r\n".encode(), newline=False) + b"\r\n")
    changed = head + b"\r\n\r\n" + body
    assert exact.agrees(changed, meant) is is_good
    assert (verify(changed, meant) == []) is is_good


def test_a_hostile_message_is_refused_at_once() -> None:
    lines = b"\r\n ".join([b"a" * 60] * 3000)
    for data in (b"From: " + lines, b"From: a\r\nTo: " + lines + b"\r\n\r\n", b"From: " + b"a " * 100_000):
        assert not exact.agrees(data, BOTH)


def test_the_two_halves_past_two_of_an_autumn_night_are_two_dates() -> None:
    first = PLAIN._replace(date=datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN))
    second = PLAIN._replace(date=first.date.replace(fold=1))
    assert b"02:30:00 +0200" in compose(first)
    assert b"02:30:00 +0100" in compose(second)
    assert verify(compose(first), first) == verify(compose(second), second) == []
    assert verify(compose(first), second) == verify(compose(second), first) == ["the date is another"]
