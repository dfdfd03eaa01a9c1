"""No text whatsoever, in a name, a subject or a body, adds a header or a recipient or changes another one."""

from __future__ import annotations

import email
import email.policy
from datetime import UTC
from datetime import datetime

from hypothesis import example
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from crmctl.mail.addresses import Refused
from crmctl.mail.addresses import sent_address
from crmctl.mail.message.compose import Meant
from crmctl.mail.message.compose import Sender
from crmctl.mail.message.compose import compose
from crmctl.mail.message.verify import verify

NAMES = ["From", "To", "Subject", "Date", "Message-ID", "X-Send", "MIME-Version", "Content-Type"]
MESSAGE_ID = "<01abc@chinook.example>"
EVIL = st.sampled_from(
    [
        "\n",
        "\r",
        "\r\n",
        "\r\n ",
        "\r\n\r\n",
        "Bcc: eve@z.example",
        "=?UTF-8?Q?=0A?=",
        "=?utf-8?b?Cg==?=",
        "=?",
        "?=",
        '"',
        "\\",
        "<eve@z.example>",
        ", ",
        ";",
        ":",
        "(",
        ")",
        "@",
        "group: ",
        " ",
        "\t",
        "\0",
        "\x85",
        "\u2028",
        "💩",
        "ü",
        "e\u0301",
        "\ud800",
        "\u202e",
        "a" * 80,
    ]
)
TEXT = st.lists(st.one_of(EVIL, st.text(max_size=8)), max_size=12).map("".join)
BODY = st.lists(st.one_of(EVIL, st.text(max_size=20), st.sampled_from(["From ", ".", "--=_", "=", " \n"])), max_size=15)


@settings(deadline=None)
@given(name=TEXT, subject=TEXT, sender=TEXT, text=BODY.map("".join), page=BODY.map("".join))
@example("A =?UTF-8?Q?=0A?=Bcc: eve@z.example", "A 💩 =?UTF-8?Q?=0A?=Bcc: eve@z.example", "x", "t", "h")
@example("a\nBCC: eve@z.example", "s", "x", "t", "h")
@example("Meyer, Karl <eve@z.example>", "s\n", "x", "t", "h")
def test_a_message_is_as_meant_or_refused(name: str, subject: str, sender: str, text: str, page: str) -> None:
    meant = Meant(
        name,
        "ada@example.org",
        Sender(sender, "hello@chinook.example"),
        subject,
        text,
        page,
        MESSAGE_ID,
        datetime(2026, 11, 2, tzinfo=UTC),
        (("X-Send", "01abc"),),
    )
    try:
        data = compose(meant)
    except Refused:
        assert any(not c.isprintable() for c in name + subject + sender + text + page) or not subject.strip()
        return
    assert verify(data, meant) == []
    message = email.message_from_bytes(data, policy=email.policy.default)
    expected = [*NAMES, "Content-Transfer-Encoding"] if not page else NAMES
    assert message.keys() == expected
    assert [address.addr_spec for address in message["to"].addresses] == ["ada@example.org"]
    assert [address.addr_spec for address in message["from"].addresses] == ["hello@chinook.example"]
    assert message["message-id"] == MESSAGE_ID
    assert message["x-send"] == "01abc"
    assert not message.defects
    kinds = [part.get_content_type() for part in message.walk()]
    assert kinds == (["multipart/alternative", "text/plain", "text/html"] if page else ["text/plain"])


@settings(deadline=None)
@given(address=TEXT)
def test_whatever_stands_for_an_address_there_is_one_recipient_or_none(address: str) -> None:
    for email_address in (address, f"{address}@example.org", f"ada@{address}"):
        meant = Meant(
            "Ada",
            email_address,
            Sender("x", "hello@chinook.example"),
            "s",
            "t",
            "",
            MESSAGE_ID,
            datetime(2026, 11, 2, tzinfo=UTC),
        )
        try:
            data = compose(meant)
        except Refused:
            continue
        assert verify(data, meant) == []
        message = email.message_from_string(data.decode(), policy=email.policy.SMTPUTF8)
        (recipient,) = message["to"].addresses
        assert recipient.domain.isascii()
        assert recipient.addr_spec.count("@") == 1
        assert recipient.addr_spec == sent_address(email_address)
