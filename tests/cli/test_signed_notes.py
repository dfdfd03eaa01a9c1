"""Every mail that leaves by itself is signed when the settings name a key: test message, digest, question."""

from __future__ import annotations

import base64
import subprocess
from importlib import import_module
from typing import TYPE_CHECKING

import pytest
from helpers import campaign_book
from helpers.books import commit
from helpers.smtp_server import MailServer

from crmctl import errors

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

NOW = ("--now", "2027-03-01T09:00")
WAYS = (
    ("mail", "test", "me@example.com", "--send"),
    (*NOW, "today", "--mail", "me@example.com", "--send"),
    (*NOW, "consent", "request", "ada", "--purpose", "newsletter", "--send"),
)


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("dkim")
    path = tmp_path_factory.mktemp("dkim") / "private.pem"
    command = ["openssl", "genrsa", "-traditional", "-out", str(path), "1024"]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("openssl cannot make a key here")
    path.chmod(0o600)
    return path


@pytest.fixture
def book(book_dir: Path, run: Run) -> Path:
    settings = (book_dir / "crm.yaml").read_text() + "purposes: {newsletter: consent}\n"
    ada = "name: Ada\nid: 01J0000000000000000000000A\nemails: [ada@example.org]\n"
    commit(book_dir, {"/crm.yaml": settings, "customers/ada.yaml": ada})
    assert run("-C", book_dir, *NOW, "followup", "add", "Ring Käthe", "--due", "today").code == 0
    return book_dir


@pytest.mark.parametrize("way", WAYS, ids=["test", "digest", "question"])
def test_it_is_signed(run: Run, book: Path, key: Path, way: tuple[str, ...]) -> None:
    with MailServer() as server:
        campaign_book.configure(server.port, f"  dkim: {{selector: s1, domain: example.com, key: {key}}}\n")
        assert run("-C", book, *way).code == 0
        (mail,) = server.accepted
    command = ["openssl", "rsa", "-in", str(key), "-pubout", "-outform", "DER"]
    public = subprocess.run(command, capture_output=True, check=True).stdout
    asked: list[bytes] = []

    def look_up(name: bytes, timeout: int = 5) -> bytes:
        asked.append(name)
        return b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)

    verify = import_module("dkim").verify
    assert verify(mail.data, dnsfunc=look_up)
    assert asked == [b"s1._domainkey.example.com."]
    assert not verify(mail.data.replace(b"Subject: ", b"Subject: Not ", 1), dnsfunc=look_up)


@pytest.mark.parametrize("way", WAYS, ids=["test", "digest", "question"])
def test_nothing_leaves_unsigned_for_want_of_the_key(
    run: Run, book: Path, tmp_path: Path, way: tuple[str, ...]
) -> None:
    with MailServer() as server:
        campaign_book.configure(server.port, f"  dkim: {{selector: s1, domain: example.com, key: {tmp_path}/gone}}\n")
        done = run("-C", book, *way)
        assert (done.code, "no such file" in done.err) == (errors.INVALID, True)
        assert server.accepted == []
