"""Signatures, the way off a list, and what marketing mail has to say."""

from __future__ import annotations

import base64
import subprocess
from datetime import UTC
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING

import pytest

from crmctl.errors import InvalidData
from crmctl.mail import tokens
from crmctl.mail.message import listheaders
from crmctl.mail.message.compose import Meant
from crmctl.mail.message.compose import Sender
from crmctl.mail.message.compose import compose
from crmctl.mail.message.listheaders import Way
from crmctl.mail.message.marketing import CLIPPED
from crmctl.mail.message.marketing import check_marketing
from crmctl.mail.message.marketing import check_way_out
from crmctl.mail.message.marketing import warnings
from crmctl.mail.message.signing import signer
from crmctl.mail.message.verify import verify

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = tokens.make(b"k" * 32, "A" * 26, "news")
WAY = Way(
    "mailto:hello@example.org?subject=unsubscribe%20news", "unsub@example.org", "https://example.org/u", signed=True
)
MEANT = Meant(
    to_name="Ada Lovelace",
    to_email="ada@example.org",
    sender=Sender("Chinook Records", "hello@chinook.example"),
    subject="Grüße",
    text="Hello\n",
    html="<p>Hello</p>\n",
    message_id="<01abc@chinook.example>",
    date=datetime(2026, 11, 2, 10, tzinfo=UTC),
    headers=(listheaders.of_list("news", "chinook.example"), *WAY.headers("news", TOKEN)),
)


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dkim") / "private.pem"
    command = ["openssl", "genrsa", "-traditional", "-out", str(path), "1024"]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("openssl cannot make a key here")
    path.chmod(0o600)
    return path


def record(key: Path) -> bytes:
    """The TXT record of a key, as the DNS has it."""
    command = ["openssl", "rsa", "-in", str(key), "-pubout", "-outform", "DER"]
    public = subprocess.run(command, capture_output=True, check=True).stdout
    return b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)


def test_a_signed_message_is_good_and_any_change_is_not(key: Path) -> None:
    found = record(key)
    asked: list[bytes] = []

    def look_up(name: bytes, timeout: int = 5) -> bytes:
        asked.append(name)
        return found

    def is_signed(data: bytes) -> bool:
        return bool(import_module("dkim").verify(data, dnsfunc=look_up))

    data = compose(MEANT)
    assert verify(data, MEANT) == []
    signed = signer("s1", "chinook.example", str(key)).sign(data)
    assert signed.endswith(data)
    assert is_signed(signed)
    assert asked == [b"s1._domainkey.chinook.example."]
    for old, new in (
        (b"Hello\r\n", b"Hullo\r\n"),
        (b"unsub+", b"unsub-"),
        (b"One-Click", b"Two-Click"),
        (b"<news.", b"<olds."),
        (b"To: Ada", b"To: Eve"),
        (b"02 Nov", b"03 Nov"),
        (b"<01abc", b"<02abc"),
    ):
        assert old in signed
        assert not is_signed(signed.replace(old, new)), new
    for more in (b"From: eve@example.org\r\n", b"Subject: other\r\n", b"To: eve@example.org\r\n"):
        assert not is_signed(signed.replace(b"MIME-Version", more + b"MIME-Version", 1)), more


def test_both_headers_of_a_list_are_signed(key: Path) -> None:
    head = signer("s1", "chinook.example", str(key)).sign(compose(MEANT)).partition(b"\r\nFrom:")[0]
    covered = b"".join(head.split()).partition(b";h=")[2].partition(b";")[0].split(b":")
    assert {b"list-unsubscribe", b"list-unsubscribe-post", b"list-id", b"message-id", b"date"} <= set(covered)
    assert covered.count(b"from") == covered.count(b"subject") == covered.count(b"to") == 2


def test_a_key_that_others_can_read_or_that_is_none_is_refused(key: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match="no such file"):
        signer("s1", "chinook.example", str(tmp_path / "none.pem"))
    other = tmp_path / "other.pem"
    other.write_bytes(b"no key")
    other.chmod(0o600)
    with pytest.raises(InvalidData, match="no RSA key"):
        signer("s1", "chinook.example", str(other))
    other.write_bytes(key.read_bytes())
    other.chmod(0o644)
    with pytest.raises(InvalidData, match="read by others"):
        signer("s1", "chinook.example", str(other))


# The way off a list


def test_the_token_stands_in_an_address_that_is_short_enough() -> None:
    link = WAY.link("news", TOKEN)
    assert link == f"mailto:unsub+{TOKEN}@example.org?subject=unsubscribe%20news"
    local = link.removeprefix("mailto:").partition("@")[0]
    assert len(local) <= 64
    assert tokens.find(local) == [TOKEN]


def test_a_long_address_has_the_token_in_the_subject() -> None:
    link = WAY._replace(mailto=f"{'u' * 30}@example.org").link("news", TOKEN)
    assert link == f"mailto:{'u' * 30}@example.org?subject=unsubscribe%20{TOKEN}"


def test_one_click_needs_an_endpoint_and_a_signature() -> None:
    (header, post) = WAY.headers("news", TOKEN)
    assert header[1].endswith(f", <https://example.org/u/{TOKEN}>")
    assert post == ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
    for way, token in ((WAY._replace(signed=False), TOKEN), (WAY._replace(https=""), TOKEN), (WAY, "")):
        (only,) = way.headers("news", token)
        assert only[0] == "List-Unsubscribe"
        assert "https" not in only[1]
        assert only[1].startswith("<mailto:")


def test_where_nobody_reads_there_is_no_header() -> None:
    assert Way("").headers("news", "") == ()


def test_the_stream_is_named_without_a_person() -> None:
    name, value = listheaders.feedback("01JABCDEF", "Big News", "marketing", "mail.chinook.example")
    assert (name, value) == ("Feedback-ID", "01jabcdef:big-news:marketing:mail-chinook-ex")


# What marketing mail says

POSTAL = "Chinook Records, High Street 1,\n12345 Town"


def test_address_and_name_are_in_both_parts() -> None:
    text = "Hi\n\nChinook Records\nHigh Street 1\n12345 Town\n"
    html = "<p>Hi</p><p>CHINOOK&nbsp;Records<br>High Street 1 · <b>12345</b> Town</p>"
    assert check_marketing(text, html, POSTAL, "Chinook Records") == []
    assert check_marketing(text, "", POSTAL, "Chinook Records") == []


@pytest.mark.parametrize("said", ["We are {}.", "From {}!", "({})", "“{}”", "{}: news", "Yours, {}..."])
def test_a_name_counts_whatever_stands_around_it(said: str) -> None:
    for name in ("Chinook Records", "Chinook Inc.", "O'Hara & Sons", "St. Mary"):
        assert check_marketing(f"{said.format(name)}\nPO Box 1.\n", "", "PO Box 1", name) == []
        (problem,) = check_marketing(f"{said.format(name + 'x')}\nPO Box 1\n", "", "PO Box 1", name)
        assert "name" in problem


@pytest.mark.parametrize(
    ("text", "html", "words"),
    [
        ("Chinook Records", f"<p>{POSTAL}</p>", "text part does not say the sender's postal address"),
        (POSTAL, "<p>Chinook Records</p>", "HTML part does not say the sender's postal address"),
        (POSTAL, f"<style>{POSTAL}</style><p>x</p>", "HTML part does not say the sender's name"),
        ("Chinook Records, High Street 12, 12345 Town", POSTAL, "text part does not say the sender's postal address"),
    ],
)
def test_what_lacks_is_told(text: str, html: str, words: str) -> None:
    assert any(words in problem for problem in check_marketing(text, html, POSTAL, "Chinook Records"))


WAY_OUT = "mailto:u+t@example.org?subject=unsubscribe%20a%26b"


@pytest.mark.parametrize(
    ("text", "html", "parts"),
    [
        (WAY_OUT, f'<a href="{WAY_OUT}">stop</a>', []),
        ("stop: MAILTO:U+T@example.org?subject=unsubscribe a&b", "", []),
        (WAY_OUT, "<p>u%2Bt@example.org</p>", []),
        (WAY_OUT, "<a href='mailto:u+t@example.org?subject=unsubscribe a&amp;b'>stop</a>", []),
        ("stop", f"<a href='{WAY_OUT}'>stop</a>", ["text"]),
        (WAY_OUT, f"<p>stop</p><!-- {WAY_OUT} -->", ["HTML"]),
        ("t@example.org", "<p>unsubscribe</p>", ["text", "HTML"]),
    ],
)
def test_the_way_out_is_looked_for_in_each_part(text: str, html: str, parts: list[str]) -> None:
    found = check_way_out(text, html, [WAY_OUT, "u+t@example.org", ""])
    assert [problem.split()[1] for problem in found] == parts


def test_where_nobody_reads_nobody_can_get_off() -> None:
    (problem,) = check_way_out("stop", "<p>stop</p>", ["", ""])
    assert "crm.yaml has no address for it (email:)" in problem


def test_a_book_without_an_address_cannot_advertise() -> None:
    (problem,) = check_marketing(POSTAL, "", "", "Chinook Records")
    assert "crm.yaml has none (postal_address:)" in problem


def test_what_is_not_wise_is_told() -> None:
    assert warnings("<p>x</p>") == []
    assert "102 kB" in warnings("x" * (CLIPPED + 1))[0]
    pixel, remote = warnings('<img src="https://x.example/o.gif" width="1" height="1">')
    assert "one pixel" in pixel
    assert "images on the web" in remote
    assert warnings('<img src="cid:logo@x" width="100">') == []
