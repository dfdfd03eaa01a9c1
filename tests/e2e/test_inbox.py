"""The inbox as a whole: an IMAP server that must not be changed, two clones, many messages at once."""

from __future__ import annotations

import re
import socketserver
import threading
from typing import TYPE_CHECKING

import pytest
from helpers.books import commit
from helpers.books import git

from crmctl.services.book import Book

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import Run

NOW = "2026-11-22T10:00"


def message(number: int, sender: str = "ada@example.com") -> bytes:
    return (
        f"From: {sender}\r\nTo: us@shop.example\r\nSubject: No {number}\r\n"
        f"Date: Sat, 21 Nov 2026 09:{number % 60:02}:00 +0000\r\nMessage-ID: <{number}@example.com>\r\n"
        f"\r\nHello {number}\r\n"
    ).encode()


@pytest.fixture
def root(book_dir: Path) -> Path:
    commit(book_dir, {"customers/ada.yaml": "id: 01JC0000000000000000000ADA\nname: Ada\nemails: [ada@example.com]\n"})
    return book_dir


def filed(root: Path) -> list[str]:
    rows = Book(root).index.rows("SELECT value FROM interactions_external WHERE key = 'message-id'")
    return sorted(str(value) for (value,) in rows)


class Mailbox(socketserver.ThreadingTCPServer):
    """An IMAP server with one folder; ``log`` has what it was asked."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Session)
        self.validity = 7
        self.messages: dict[int, bytes] = {}
        self.log: list[str] = []


class Session(socketserver.StreamRequestHandler):
    """As much of RFC 3501 as a client needs that only reads."""

    server: Mailbox

    def handle(self) -> None:
        self.wfile.write(b"* OK ready\r\n")
        for raw in self.rfile:
            tag, _, rest = raw.decode().strip().partition(" ")
            self.server.log.append(rest)
            word, _, given = rest.partition(" ")
            if word == "LOGIN" and '"secret"' not in given:
                self.wfile.write(f"{tag} NO wrong\r\n".encode())
                continue
            answer = getattr(self, f"on_{word.lower()}", lambda _given: b"")(given)
            self.wfile.write(answer + f"{tag} OK done\r\n".encode())
            if word == "LOGOUT":
                return

    def on_capability(self, _given: str) -> bytes:
        return b"* CAPABILITY IMAP4rev1\r\n"

    def on_logout(self, _given: str) -> bytes:
        return b"* BYE\r\n"

    def on_status(self, _given: str) -> bytes:
        return f'* STATUS "INBOX" (UIDVALIDITY {self.server.validity})\r\n'.encode()

    def on_examine(self, _given: str) -> bytes:
        return f"* {len(self.server.messages)} EXISTS\r\n* OK [UIDVALIDITY {self.server.validity}] ok\r\n".encode()

    def on_uid(self, given: str) -> bytes:
        word, _, rest = given.partition(" ")
        uids = sorted(self.server.messages)
        if word.upper() == "SEARCH":
            found = re.search(r"UID (\d+):\*", rest)
            assert found is not None
            wanted = [uid for uid in uids if uid >= int(found[1])] or uids[-1:]
            return f"* SEARCH {' '.join(map(str, wanted))}\r\n".encode()
        data = self.server.messages[int(rest.split()[0])]
        return f"* 1 FETCH (UID {rest.split()[0]} BODY[]<0> {{{len(data)}}}\r\n".encode() + data + b")\r\n"


@pytest.fixture
def imap() -> Iterator[Mailbox]:
    with Mailbox() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join(timeout=10)


def ingest(run: Run, root: Path, server: Mailbox, password: str = "secret", *more: str) -> tuple[int, str]:
    port = str(server.server_address[1])
    words = ["--host", "127.0.0.1", "--port", port, "--user", "ada", "--password-command", f"echo {password}"]
    done = run("-C", root, "--now", NOW, "ingest", "imap", *words, "--security", "none", *more)
    return done.code, done.err


def test_imap_is_read_from_where_it_ended_and_nothing_is_marked(root: Path, run: Run, imap: Mailbox) -> None:
    pytest.importorskip("imap_tools", reason="IMAP needs imap-tools: pip install 'crmctl[mail]'")
    imap.messages = {1: message(1), 2: message(2, "stranger@elsewhere.example")}
    code, err = ingest(run, root, imap)
    assert (code, filed(root)) == (0, ["<1@example.com>"]), err
    imap.messages[5] = message(5)
    imap.log.clear()
    assert ingest(run, root, imap)[0] == 0
    assert filed(root) == ["<1@example.com>", "<5@example.com>"]
    fetched = [line for line in imap.log if line.lower().startswith("uid fetch")]
    assert len(fetched) == 1
    asked = " ".join(imap.log).upper()
    assert "EXAMINE" in asked
    assert "BODY.PEEK[" in asked
    for word in ("SELECT", "STORE", "MOVE", "COPY", "EXPUNGE", "CLOSE", "BODY["):
        assert word not in asked.replace("BODY.PEEK[", "")


def test_a_new_uidvalidity_reads_all_again_and_files_nothing_twice(root: Path, run: Run, imap: Mailbox) -> None:
    pytest.importorskip("imap_tools", reason="IMAP needs imap-tools: pip install 'crmctl[mail]'")
    imap.messages = {8: message(1)}
    ingest(run, root, imap)
    imap.validity, imap.messages = 8, {1: message(1), 2: message(2)}
    ingest(run, root, imap)
    assert filed(root) == ["<1@example.com>", "<2@example.com>"]
    assert git(root, "log", "--format=%s").count("ingest:") == 2


def test_a_wrong_password_is_told_and_not_shown(root: Path, run: Run, imap: Mailbox) -> None:
    pytest.importorskip("imap_tools", reason="IMAP needs imap-tools: pip install 'crmctl[mail]'")
    code, err = ingest(run, root, imap, "wrong-horse")
    assert code == 1
    assert "does not let ada in" in err
    assert "wrong-horse" not in err


def test_a_dry_run_leaves_the_place_where_it_was(root: Path, run: Run, imap: Mailbox) -> None:
    pytest.importorskip("imap_tools", reason="IMAP needs imap-tools: pip install 'crmctl[mail]'")
    imap.messages = {1: message(1)}
    ingest(run, root, imap, "secret", "--dry-run")
    assert filed(root) == []
    ingest(run, root, imap)
    assert filed(root) == ["<1@example.com>"]


def test_two_clones_that_read_one_mailbox_agree(root: Path, run: Run, tmp_path: Path) -> None:
    box = tmp_path / "Maildir"
    (box / "new").mkdir(parents=True)
    for number in range(5):
        (box / "new" / str(number)).write_bytes(message(number))
    other = tmp_path / "other"
    git(tmp_path, "clone", "-q", str(root), str(other))
    assert run("-C", root, "--now", NOW, "ingest", "maildir", box).code == 0
    assert run("-C", other, "--now", "2026-11-23T18:00", "ingest", "maildir", box).code == 0
    history = "records/interactions/ada.jsonl"
    assert (root / history).read_bytes() == (other / history).read_bytes()


def test_a_thousand_messages_are_one_commit(root: Path, run: Run, tmp_path: Path) -> None:
    path = tmp_path / "mbox"
    path.write_bytes(b"".join(b"From x\n" + message(number) + b"\n" for number in range(1000)))
    assert run("-C", root, "--now", NOW, "ingest", "mbox", path).code == 0
    assert len(filed(root)) == 1000
    assert git(root, "log", "--format=%s").count("ingest: 1000 replies") == 1
