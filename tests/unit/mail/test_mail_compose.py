"""The bytes of a message, and that they are read again as meant."""

from __future__ import annotations

import email
import email.policy
from datetime import datetime
from datetime import timedelta
from datetime import timezone
from typing import Any

import pytest

from crmctl.mail.addresses import Refused
from crmctl.mail.message.compose import Meant
from crmctl.mail.message.compose import Sender
from crmctl.mail.message.compose import compose
from crmctl.mail.message.verify import verify

UNSUBSCRIBE = (
    "<mailto:unsubscribe+0123456789abcdefghij0123456789@example.org?subject=unsubscribe>, "
    "<https://example.org/unsubscribe/0123456789abcdefghij0123456789>"
)
MEANT = Meant(
    to_name="Ada Lovelace",
    to_email="ada@example.org",
    sender=Sender("Chinook Records", "hello@chinook.example"),
    subject="Hello Ada",
    text="Hello Ada,\n\nbye\n",
    html="<p>Hello Ada,</p>\n<p>bye</p>\n",
    message_id="<01abc@chinook.example>",
    date=datetime(2026, 11, 2, 10, 0, 5, tzinfo=timezone(timedelta(hours=1))),
    headers=(("List-Unsubscribe", UNSUBSCRIBE), ("Auto-Submitted", "auto-generated"), ("X-Crmctl-Send", "01abc")),
)


def made(**changes: Any) -> tuple[bytes, Meant]:
    meant = MEANT._replace(**changes)
    return compose(meant), meant


def test_a_message_is_what_the_standards_ask_for() -> None:
    data, meant = made()
    assert data.decode("ascii") == (
        "From: Chinook Records <hello@chinook.example>\r\n"
        "To: Ada Lovelace <ada@example.org>\r\n"
        "Subject: Hello Ada\r\n"
        "Date: Mon, 02 Nov 2026 10:00:05 +0100\r\n"
        "Message-ID: <01abc@chinook.example>\r\n"
        f"List-Unsubscribe: {UNSUBSCRIBE.replace(', ', f',{chr(13)}{chr(10)} ')}\r\n"
        "Auto-Submitted: auto-generated\r\n"
        "X-Crmctl-Send: 01abc\r\n"
        "MIME-Version: 1.0\r\n"
        "Content-Type: multipart/alternative;\r\n"
        ' boundary="=_1dcad595f4c9d012ad1428703ab5342b"\r\n'
        "\r\n"
        "--=_1dcad595f4c9d012ad1428703ab5342b\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        "Content-Transfer-Encoding: 7bit\r\n"
        "\r\n"
        "Hello Ada,\r\n\r\nbye\r\n"
        "\r\n--=_1dcad595f4c9d012ad1428703ab5342b\r\n"
        "Content-Type: text/html; charset=utf-8\r\n"
        "Content-Transfer-Encoding: 7bit\r\n"
        "\r\n"
        "<p>Hello Ada,</p>\r\n<p>bye</p>\r\n"
        "\r\n--=_1dcad595f4c9d012ad1428703ab5342b--\r\n"
    )
    assert verify(data, meant) == []


def test_the_same_message_has_the_same_bytes() -> None:
    assert compose(MEANT) == compose(MEANT._replace())
    assert compose(MEANT) != compose(MEANT._replace(message_id="<02abc@chinook.example>"))


def test_a_message_without_html_has_one_part() -> None:
    data, meant = made(html="")
    assert b"multipart" not in data
    message = email.message_from_bytes(data, policy=email.policy.default)
    assert message.get_content_type() == "text/plain"
    assert verify(data, meant) == []


TEXTS = [
    "",
    "no line end",
    "Grüße\n",
    "日本語のテキスト\n" * 5,
    "a\r\nb\rc\n",
    "x" * 2000 + "\n",
    "From here on\nFrom there\n",
    "ü\nFrom there\n",
    ".\n..\n.leading\n",
    "trailing blank \n\ttab\t\n",
    "-- \nsignature\n",
    "--=_1dcad595f4c9d012ad1428703ab5342b--\n",
    "=3D =\n=?utf-8?q?x?=\n",
    "\n\n\n",
    "e\u0301 👩‍👩‍👧 \u00a0\u202f\u2028\n",
]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("where", ["text", "html"])
def test_any_text_arrives_as_it_is(text: str, where: str) -> None:
    data, meant = made(**{where: text, "html" if where == "text" else "text": "other\n"})
    assert verify(data, meant) == []
    message = email.message_from_bytes(data, policy=email.policy.default)
    parts = {
        part.get_content_subtype(): part.get_content().replace("\r\n", "\n")
        for part in message.walk()
        if not part.is_multipart()
    }
    if text or where == "text":
        wanted = text.replace("\r\n", "\n").replace("\r", "\n")
        assert parts["plain" if where == "text" else "html"] == (wanted if wanted.endswith("\n") else f"{wanted}\n")
    assert max(map(len, data.split(b"\r\n"))) <= 998
    assert b"\r\nFrom " not in data


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("Jörg Müller", "Grüße"),
        ("Meyer, Karl", "A: b; c, d"),
        ("X =?UTF-8?Q?=0A?=Bcc: eve@z.example", "A 💩 =?UTF-8?Q?=0A?=Bcc: eve@z.example"),
        ("eve@z.example>, <x@y.example", "eve@z.example"),
        ('"quoted" \\ back', "  blanks  around  "),
        ("", "s"),
        ("a" * 300, "b" * 900),
        ("ü" * 300, "ü " * 400),
        ("group: a@b.example;", "Re: Re: x" * 40),
        ("\u202eevil", "\u200bzero"),
    ],
)
def test_headers_are_read_as_meant_by_both_parsers(name: str, subject: str) -> None:
    data, meant = made(to_name=name, subject=subject, sender=Sender(name, "hello@chinook.example"))
    assert verify(data, meant) == []
    for policy in (email.policy.default, email.policy.compat32):
        message = email.message_from_bytes(data, policy=policy)
        assert [key.lower() for key in message.keys()] == [  # noqa: SIM118 - a message has keys more than once
            "from",
            "to",
            "subject",
            "date",
            "message-id",
            "list-unsubscribe",
            "auto-submitted",
            "x-crmctl-send",
            "mime-version",
            "content-type",
        ]
    message = email.message_from_bytes(data, policy=email.policy.default)
    assert message["subject"] == subject
    (recipient,) = message["to"].addresses
    assert recipient.addr_spec == "ada@example.org"
    if len(name) < 50:  # the parser of Python 3.11 puts a blank between two encoded words of a name
        assert recipient.display_name == name


@pytest.mark.parametrize(
    "character", ["\n", "\r", "\0", "\x1b", "\x7f", "\x85", "\u2028", "\u2029", "\ud800", "\t", "\v"]
)
@pytest.mark.parametrize("where", ["to_name", "subject", "sender"])
def test_control_characters_in_a_header_are_refused(character: str, where: str) -> None:
    bad = f"A{character}Bcc: eve@z.example"
    changes: dict[str, Any] = {where: Sender(bad, "a@b.example") if where == "sender" else bad}
    with pytest.raises(Refused, match="control character"):
        made(**changes)


@pytest.mark.parametrize("character", ["\0", "\x1b", "\x0b", "\x7f", "\x85", "\ud800"])
def test_control_characters_in_a_part_are_refused(character: str) -> None:
    for where in ("text", "html"):
        with pytest.raises(Refused, match=f"U\\+{ord(character):04X}"):
            made(**{where: f"a\n{character}"})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"to_email": "a@b.example, eve@z.example"}, "not an address"),
        ({"sender": Sender("Jörg", "jörg@example.org")}, "letters before the @"),
        ({"sender": Sender("x", "nobody")}, "there is no @"),
        ({"subject": ""}, "needs a subject"),
        ({"subject": "   "}, "needs a subject"),
        ({"subject": "x" * 1001}, "longer than 1000"),
        ({"to_name": "x" * 1001}, "longer than 1000"),
        ({"message_id": "no-brackets@x"}, "not a Message-ID"),
        ({"message_id": "<a@b>\r\nBcc: x"}, "not a Message-ID"),
        ({"message_id": "<=?utf-8?q?a?=@b>"}, "not a Message-ID"),
        ({"message_id": f"<{'a' * 300}@b>"}, "not a Message-ID"),
        ({"date": datetime(2026, 1, 1)}, "needs an offset"),  # noqa: DTZ001 - that is the point
        ({"headers": (("Bcc", "eve@z.example"),)}, "cannot be set"),
        ({"headers": (("Cc", "eve@z.example"),)}, "cannot be set"),
        ({"headers": (("Resent-To", "eve@z.example"),)}, "cannot be set"),
        ({"headers": (("Content-Type", "text/html"),)}, "cannot be set"),
        ({"headers": (("Subject", "x"),)}, "cannot be set"),
        ({"headers": (("X-A\r\nBcc", "x"),)}, "cannot be set"),
        ({"headers": (("X-A:", "x"),)}, "cannot be set"),
        ({"headers": (("X-A", "x"), ("x-a", "y"))}, "given twice"),
        ({"headers": (("X-A", "x\r\nBcc: y"),)}, "plain ASCII"),
        ({"headers": (("X-A", "ü"),)}, "plain ASCII"),
        ({"headers": (("X-A", "=?utf-8?q?=0A?="),)}, "plain ASCII"),
        ({"headers": (("X-A", ""),)}, "plain ASCII"),
        ({"headers": (("X-A", "a  b"),)}, "plain ASCII"),
        ({"headers": (("X-A", "a" * 1000),)}, "too long"),
        ({"headers": (("List-Unsubscribe", "https://example.org"),)}, "holds addresses"),
        ({"headers": (("List-Unsubscribe", "<javascript:x>"),)}, "holds addresses"),
        ({"headers": (("Reply-To", "a@b.example, c@d.example"),)}, "not an address"),
    ],
)
def test_what_cannot_stand_in_a_message_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused, match=words):
        made(**changes)


def test_other_headers_are_written_as_given() -> None:
    references = " ".join(f"<{n:030}@chinook.example>" for n in range(5))
    headers = (("References", references), ("Reply-To", "ada@example.org"), ("List-Id", "News <news.chinook.example>"))
    data, meant = made(headers=headers)
    assert verify(data, meant) == []
    message = email.message_from_bytes(data, policy=email.policy.default)
    assert message["references"] == references
    assert message["list-id"] == "News <news.chinook.example>"


def test_a_domain_of_another_script_is_written_in_ascii() -> None:
    data, meant = made(to_email="info@bücher.example")
    assert b"<info@xn--bcher-kva.example>" in data
    assert verify(data, meant) == []
