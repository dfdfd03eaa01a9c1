"""Addresses and names as they may stand in a header."""

from __future__ import annotations

from email.header import decode_header
from email.header import make_header

import pytest

from crmctl.mail.addresses import Refused
from crmctl.mail.addresses import ascii_address
from crmctl.mail.addresses import mailbox
from crmctl.mail.addresses import sent_address
from crmctl.mail.message import words


@pytest.mark.parametrize(
    ("email", "expected"),
    [
        ("ada@example.org", "ada@example.org"),
        ("Ada.Lovelace+x@Example.ORG", "Ada.Lovelace+x@Example.ORG"),
        ("info@bücher.example", "info@xn--bcher-kva.example"),
        ("info@BÜCHER.example", "info@xn--bcher-kva.example"),
        ("info@faß.de", "info@xn--fa-hia.de"),
        ("a@例え.jp", "a@xn--r8jz45g.jp"),
        ("o'brien@localhost", "o'brien@localhost"),
        (f"{'a' * 64}@example.org", f"{'a' * 64}@example.org"),
    ],
)
def test_an_address_travels_in_ascii(email: str, expected: str) -> None:
    assert ascii_address(email) == expected


@pytest.mark.parametrize(
    "email",
    [
        "",
        "ada",
        "@example.org",
        "ada@",
        "ada@@example.org",
        "ada@example.org, eve@example.org",
        "ada@example.org,eve@example.org",
        "Ada <ada@example.org>",
        "<ada@example.org>",
        "ada@example.org\n",
        "ada@example.org\r\nBcc: eve@example.org",
        "ada\n@example.org",
        "ada @example.org",
        '"ada"@example.org',
        "ada(comment)@example.org",
        "ada;eve@example.org",
        "a..b@example.org",
        ".a@example.org",
        "ada@-example.org",
        "ada@exam ple.org",
        "ada@example..org",
        "ada@example.org.",
        "ada@[127.0.0.1]",
        "ada@\u2028.example",
        "ada@xn--ü.example",
        "=?utf-8?q?a?=@example.org",
        "jörg müller@example.org",
        "jörg\u00a0müller@example.org",
        "\u202ejörg@example.org",
        "jö\u200brg@example.org",
        "\u0308jorg@example.org",
        "jö\x85rg@example.org",
        "jö\udcfcrg@example.org",
        "ö＠eve@example.org",
        "ö，eve@example.org",
        "jö..rg@example.org",
        "jörg…@example.org",
        '"jörg"@example.org',
        "jörg@example.org\n",
        f"{'ö' * 33}@example.org",
        f"{'a' * 65}@example.org",
        f"a@{'b' * 64}.example",
        f"a@{'b.' * 130}example",
    ],
)
def test_what_is_not_one_plain_address_is_refused(email: str) -> None:
    for function in (ascii_address, sent_address):
        with pytest.raises(Refused, match="not an address to write to"):
            function(email)


@pytest.mark.parametrize(
    ("email", "expected"),
    [
        ("jörg@example.org", "jörg@example.org"),
        ("jo\u0308rg@bücher.example", "j\u00f6rg@xn--bcher-kva.example"),
        ("用户.名@例え.jp", "用户.名@xn--r8jz45g.jp"),
        ("Jürgen+x@Example.ORG", "Jürgen+x@Example.ORG"),
        (f"{'ö' * 32}@example.org", f"{'ö' * 32}@example.org"),
    ],
)
def test_letters_beyond_ascii_travel_as_they_are_but_are_not_ours(email: str, expected: str) -> None:
    assert sent_address(email) == expected
    with pytest.raises(Refused, match="do not reach every server"):
        ascii_address(email)


def test_what_records_take_as_an_address_can_be_written_to() -> None:
    from crmctl.model import values
    from crmctl.model.kinds import CUSTOMER

    field = CUSTOMER.field("emails")
    assert field is not None
    for email in ("jörg@example.org", "用户@例え.jp", "δοκιμή@παράδειγμα.δοκιμή", "ಬೆಂಬಲ@example.org", "ß@example.org"):
        values.check(field, email, values.Context())
        assert sent_address(email)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("", "a@b.example"),
        ("Ada Lovelace", "Ada Lovelace <a@b.example>"),
        ("Meyer, Karl", '"Meyer, Karl" <a@b.example>'),
        ('Karl "der Große" Meyer', "=?utf-8?q?Karl_=22der_Gro=C3=9Fe=22_Meyer?= <a@b.example>"),
        ('Karl "K" Meyer', '"Karl \\"K\\" Meyer" <a@b.example>'),
        ("A\\B", '"A\\\\B" <a@b.example>'),
        ("eve@example.org", '"eve@example.org" <a@b.example>'),
        ("A (b) <c@d>", '"A (b) <c@d>" <a@b.example>'),
        ("Dr. Ada", '"Dr. Ada" <a@b.example>'),
        ("=?utf-8?q?x?=", "=?utf-8?b?PT91dGYtOD9xP3g/PQ==?= <a@b.example>"),
        (" Ada", "=?utf-8?q?_Ada?= <a@b.example>"),
        ("日本", "=?utf-8?b?5pel5pys?= <a@b.example>"),
    ],
)
def test_a_name_cannot_become_an_address(name: str, expected: str) -> None:
    assert " ".join(mailbox(name, "a@b.example")) == expected


@pytest.mark.parametrize("text", ["ü" * 200, "日本語" * 60, "a" * 500, "a ü " * 60, "👩‍👩‍👧" * 30, "=?" * 99])
def test_long_texts_become_short_encoded_words_of_whole_characters(text: str) -> None:
    pieces = words.encoded(text, 9)
    assert len(pieces[0]) <= 76 - 9
    assert all(len(piece) <= 75 for piece in pieces)
    assert "".join(str(make_header(decode_header(piece))) for piece in pieces) == text


def test_plain_text_stays_as_it_is() -> None:
    assert words.words("Hello you, how are things?", 9) == ["Hello", "you,", "how", "are", "things?"]
    assert words.words("x" * 65, 9)[0].startswith("=?utf-8?q?xxx")
    assert words.words("two  blanks", 9)[0].startswith("=?utf-8?q?two__blanks")


def test_a_header_is_folded_between_its_pieces_only() -> None:
    assert words.folded("X-A", ["a" * 40, "b" * 40]) == f"X-A: {'a' * 40}\r\n {'b' * 40}\r\n"
    assert words.folded("X-A", ["<a>", "<b>"], ", ") == "X-A: <a>, <b>\r\n"
    assert words.folded("X-A", ["a" * 80, "b"], ", ") == f"X-A: {'a' * 80},\r\n b\r\n"
