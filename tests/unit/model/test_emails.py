"""Addresses: the quick look takes nothing that the closer one refuses, and refuses nothing by itself."""

from __future__ import annotations

import subprocess
import sys

import pytest
from email_validator import EmailNotValidError
from email_validator import validate_email
from hypothesis import example
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from crmctl.model import emails

_PIECE = st.text("aZ09-._+", min_size=1, max_size=12)


@given(st.lists(_PIECE, min_size=1, max_size=8), st.lists(_PIECE, min_size=1, max_size=8), st.sampled_from(["", "."]))
def test_what_looks_plain_is_an_address(local: list[str], domain: list[str], dot: str) -> None:
    text = f"{dot.join(local)}@{'.'.join(domain)}.com"
    if emails._PLAIN.match(text):
        validate_email(text, check_deliverability=False, test_environment=True)


@pytest.mark.parametrize(
    "text", ["ada@x.example", "Ada.Lovelace+news@post.example.co.uk", "müller@müller.example", "a_b@x-y.de", "a@b.test"]
)
def test_addresses(text: str) -> None:
    emails.check(text)


@pytest.mark.parametrize(
    "text",
    [
        *("ada", "ada@", "@x.example", "ada@x", "a..b@x.example", "ada@x..example", "ada@-x.example", "ada@x.1"),
        *("ada@x.local", "ada@x.invalid", "a b@x.example", f"ada@{'x' * 64}.example"),
        "ada@x.example\n",
    ],
)
def test_what_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="email is not an address"):
        emails.check(text)


def test_a_plain_address_needs_no_library() -> None:
    code = "import sys; from crmctl.model import emails; emails.check('ada@x.example'); print('idna' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def accepted(text: str) -> bool:
    """What the library alone says."""
    try:
        validate_email(text, check_deliverability=False, test_environment=True, allow_smtputf8=True)
    except EmailNotValidError:
        return False
    return True


def taken(text: str) -> bool:
    try:
        emails.check(text)
    except ValueError:
        return False
    return True


# What addresses are made of, and what spoils them: pieces that are fine alone and not in every company.
_PARTS = st.sampled_from(
    (
        *(
            "a",
            "Z",
            "0",
            "9",
            "ab",
            "x1",
            "xn",
            "xn--",
            "--",
            "mail",
            "com",
            "de",
            "test",
            "local",
            "arpa",
            "onion",
            "example",
        ),
        *(
            "invalid",
            "localhost",
            "museum",
            ".",
            "..",
            "-",
            "_",
            "+",
            "@",
            "@@",
            " ",
            "\t",
            "\n",
            "\r",
            "\0",
            "\x7f",
            '"',
            "'",
        ),
        *(
            "<",
            ">",
            "(c)",
            "[",
            "]",
            "127.0.0.1",
            "[127.0.0.1]",
            "\\",
            ",",
            ";",
            ":",
            "%",
            "=",
            "/",
            "!",
            "#",
            "~",
            "ä",
            "ß",
            "é",
        ),
        *(
            "\u0301",
            "\u200b",
            "\u202e",
            "\u3002",
            "\uff0e",
            "\uff20",
            "\u2024",
            "\u0131",
            "\u017f",
            "\u212a",
            "中",
            "\U0001f600",
        ),
        *("a" * 30, "a" * 59, "a" * 60, "a" * 61, "a" * 63, "a" * 64, "1" * 24, "b." * 14, "b." * 120),
    )
)
_HOSTILE = (
    *(
        "",
        "@",
        "a@",
        "@b.de",
        "a@b",
        "a@b.c",
        "a@b.co",
        "a@b.1",
        "a@b.c1",
        "a@1.de",
        "a@1.1.1.1",
        "a@[1.1.1.1]",
        "a@b.de.",
    ),
    *(
        "a@.b.de",
        ".a@b.de",
        "a.@b.de",
        "a..b@b.de",
        "a+@b.de",
        "+a@b.de",
        "a++b@b.de",
        "a-@b.de",
        "-a@b.de",
        "_a@b.de",
        "a_@b.de",
    ),
    *(
        "a--b@b.de",
        "a@b-.de",
        "a@-b.de",
        "a@b--c.de",
        "a@xn--b.de",
        "a@xn--mller-kva.de",
        "a@b.xn--p1ai",
        "a@ab--cd.de",
        "a@b_c.de",
    ),
    *(
        "a@b.de\n",
        "a@b.de\r\n",
        "\na@b.de",
        "a@b.de ",
        " a@b.de",
        "a@b.de\0",
        "a b@b.de",
        '"a b"@b.de',
        "a@b.de,c@d.de",
        "<a@b.de>",
    ),
    *(
        "A <a@b.de>",
        "a@b.de (x)",
        "mailto:a@b.de",
        "a@b@c.de",
        "a@b.test",
        "a@b.TEST",
        "a@test",
        "a@b.Local",
        "a@b.arpa",
        "a@b.onion",
    ),
    *(
        "a@b.invalid",
        "a@localhost",
        "a@b.localhost",
        "a@example.com",
        "a@b.example",
        "a@B.DE",
        "A@b.de",
        "ä@b.de",
        "a@ä.de",
        "a@ß.de",
    ),
    *(
        "a@b。de",
        "a@b．de",
        "a＠b.de",
        "\u0131@b.de",
        "\u017f@b.de",
        "a@\u212a.de",
        "a@b.d\u017f",
        "a@b.\u0131e",
        "a\u0301@b.de",
        "中@中.中",
    ),
    *(f"{'a' * number}@b.de" for number in (59, 60, 61, 63, 64, 65)),
    *(f"a@{'b' * number}.de" for number in (56, 57, 58, 62, 63, 64)),
    *(f"a@b.{'c' * number}" for number in (1, 2, 23, 24, 25, 62, 63, 64)),
    *(f"{'a' * 60}@{'b.' * number}de" for number in (28, 29, 30, 90, 94, 120)),
)


@pytest.mark.parametrize("text", _HOSTILE)
def test_a_hostile_address_is_judged_as_the_library_judges_it(text: str) -> None:
    assert taken(text) == accepted(text)


@settings(max_examples=1_000)
@given(st.lists(_PARTS, max_size=6).map("".join), st.lists(_PARTS, max_size=6).map("".join), st.sampled_from(("@", "")))
@example("a", "b.de", "@")
def test_any_address_is_judged_as_the_library_judges_it(local: str, domain: str, at: str) -> None:
    text = f"{local}{at}{domain}"
    assert taken(text) == accepted(text)


_WORD = st.from_regex(r"[A-Za-z0-9]{1,6}", fullmatch=True)
_ADDRESSES = st.builds(
    lambda local, mark, labels, top: f"{mark.join(local)}@{'.'.join(['-'.join(one) for one in labels])}.{top}",
    st.lists(_WORD, min_size=1, max_size=3),
    st.sampled_from(".+_-"),
    st.lists(st.lists(_WORD, min_size=1, max_size=2), min_size=1, max_size=3),
    st.from_regex(r"[A-Za-z]{2,9}", fullmatch=True),
)


@given(_ADDRESSES)
def test_what_looks_plain_is_an_address_and_normal_already(text: str) -> None:
    """The quick look keeps the text; the library would keep it too, but for the capitals of the domain."""
    assert emails._PLAIN.match(text)
    assert taken(text) == accepted(text)
    if taken(text):
        found = validate_email(text, check_deliverability=False, test_environment=True, allow_smtputf8=True)
        local, _, domain = text.partition("@")
        assert found.normalized == f"{local}@{domain.lower()}"
