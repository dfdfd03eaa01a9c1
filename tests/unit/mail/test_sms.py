"""Text messages: what fits into one, and the files that programs which send them read."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmctl.mail.addresses import Refused
from crmctl.mail.transport import sms

SID = "ABCDEFGHIJKLMNOPQRSTUVWXY2"
NOON = datetime.fromisoformat("2026-11-23T12:05:09+01:00")


@pytest.mark.parametrize(
    ("text", "alphabet", "count"),
    [
        ("", "GSM", 1),
        ("a" * 160, "GSM", 1),
        ("a" * 161, "GSM", 2),
        ("a" * 306, "GSM", 2),
        ("a" * 307, "GSM", 3),
        ("ä" * 160, "GSM", 1),
        ("€" * 80, "GSM", 1),
        ("€" * 80 + "a", "GSM", 2),
        # A pair is not cut in two: 76 pairs and the 153rd place stays empty.
        ("€" * 153, "GSM", 3),
        ("é\nΩ[x]", "GSM", 1),
        ("ç" * 70, "UCS-2", 1),
        ("ç" * 71, "UCS-2", 2),
        ("ç" * 134, "UCS-2", 2),
        ("ç" * 135, "UCS-2", 3),
        ("🙂" * 35, "UCS-2", 1),
        ("🙂" * 36, "UCS-2", 2),
        ("🙂" * 67, "UCS-2", 3),
        ("a" * 100 + "🙂", "UCS-2", 2),
    ],
)
def test_parts(text: str, alphabet: str, count: int) -> None:
    assert (sms.alphabet(text), sms.segments(text)) == (alphabet, count)


@given(st.text(st.sampled_from("aä€[ç🙂\n"), max_size=400))
def test_every_character_is_in_one_part(text: str) -> None:
    units = (
        len(text.encode("utf-16-be")) // 2 if sms.alphabet(text) == "UCS-2" else len(text) + sum(map(text.count, "€["))
    )
    single, part = (70, 67) if sms.alphabet(text) == "UCS-2" else (160, 153)
    count = sms.segments(text)
    assert (count == 1) == (units <= single)
    assert count == 1 or -(-units // part) <= count <= -(-units // (part - 1))


def test_gammu_is_told_number_and_note_by_the_name() -> None:
    name = sms.gammu_name("+4930123456", SID, NOON)
    assert name == f"OUTA20261123_120509_00_+4930123456_{SID}.txt"
    assert len(name) < 100  # As long as gammu-smsd takes.


def test_gammu_is_not_left_to_guess_the_encoding() -> None:
    assert sms.gammu_content("Hello") == b"Hello"
    assert sms.gammu_content("Grüß 🙂").decode("utf-16") == "Grüß 🙂"


@pytest.mark.parametrize(
    ("text", "named", "encoding"),
    [("Grüße, 5 €\nAda", "ISO", "iso-8859-15"), ("5 Δ", "UCS", "utf-16-be"), ("ça va 🙂", "UCS", "utf-16-be")],
)
def test_smstools_is_told_the_alphabet(text: str, named: str, encoding: str) -> None:
    head, _, body = sms.smstools_content("+4930123456", text).partition(b"\n\n")
    assert head.decode() == f"To: 4930123456\nAlphabet: {named}"
    assert body.decode(encoding) == text


def test_by_hand_it_is_plain() -> None:
    assert sms.plain_content("+4930123456", "Grüße") == "To: +4930123456\n\nGrüße\n".encode()


@pytest.mark.parametrize("number", ["", "+", "+12", "+49 30", "030-1", "+49x", "+1234567890123456", "+٤٩٣٠١٢٣"])
def test_what_is_no_number_is_refused(number: str) -> None:
    with pytest.raises(Refused, match="not international"):
        sms.smstools_content(number, "x")


def test_what_was_rendered_loses_the_blank_lines_around_it() -> None:
    assert sms.plain(b"\r\nHello\r\nAda\n\n") == "Hello\nAda"
