"""``crmctl ingest imap`` against Dovecot: what is new is filed, once, and the mailbox stays as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from helpers.books import commit
from helpers.books import git
from helpers.rig_dovecot import PASSWORD
from helpers.rig_dovecot import USER
from helpers.rig_dovecot import Dovecot
from helpers.rig_dovecot import dovecot
from helpers.smtp_server import make_certificate

from crmctl.services.book import Book
from crmctl.services.mailing.config import default_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import Result
    from conftest import Run

NOW = "2026-11-22T10:00"


def message(number: int, sender: str = "ada@example.com", more: str = "") -> bytes:
    return (
        f"From: {sender}\r\nTo: us@shop.example\r\nSubject: No {number}\r\n"
        f"Date: Sat, 21 Nov 2026 09:{number % 60:02}:00 +0000\r\nMessage-ID: <{number}@example.com>\r\n{more}"
        f"\r\nHello {number}\r\n"
    ).encode()


@pytest.fixture
def root(book_dir: Path) -> Path:
    commit(book_dir, {"customers/ada.yaml": "id: 01JC0000000000000000000ADA\nname: Ada\nemails: [ada@example.com]\n"})
    return book_dir


@pytest.fixture
def server() -> Iterator[Dovecot]:
    with dovecot() as found:
        yield found


def filed(root: Path) -> list[str]:
    rows = Book(root).index.rows("SELECT value FROM interactions_external WHERE key = 'message-id'")
    return sorted(str(value) for (value,) in rows)


def ingest(run: Run, root: Path, server: Dovecot, *more: object) -> Result:
    where = ["--host", "127.0.0.1", "--port", server.port, "--user", USER, "--security", "none"]
    return run("-C", root, "--now", NOW, "ingest", "imap", *where, "--password-command", f"echo '{PASSWORD}'", *more)


def test_what_is_new_is_filed_and_nothing_is_marked(root: Path, run: Run, server: Dovecot) -> None:
    server.deliver(message(1), "\\Seen \\Answered")
    server.deliver(message(2), "\\Flagged")
    server.deliver(message(3, "stranger@elsewhere.example"))
    server.deliver(message(4))
    names, flags = server.names(), server.flags()
    done = ingest(run, root, server)
    assert (done.code, filed(root)) == (0, ["<1@example.com>", "<2@example.com>", "<4@example.com>"]), done.err
    assert (server.names(), server.flags()) == (names, flags)
    assert "\\Seen" not in flags[3]

    head = git(root, "rev-parse", "HEAD")
    reads = server.log().count("body_count=")
    again = ingest(run, root, server)
    assert (again.code, again.out, again.err) == (0, "", "")
    assert git(root, "rev-parse", "HEAD") == head
    # Not one message was asked for.
    assert [line.rpartition("body_count=")[2].split()[0] for line in server.log().splitlines()[-1:]] == ["0"]
    assert server.log().count("body_count=") == reads + 1

    server.deliver(message(5))
    assert ingest(run, root, server).code == 0
    assert filed(root)[-1] == "<5@example.com>"
    assert git(root, "log", "--format=%s").count("ingest:") == 2
    assert "deleted=0 expunged=0 trashed=0" in server.log().splitlines()[-1]


def test_a_folder_made_anew_is_read_again_and_nothing_is_filed_twice(root: Path, run: Run, server: Dovecot) -> None:
    for number in (1, 2, 3):
        server.deliver(message(number), box="Customers")
    assert ingest(run, root, server, "--folder", "Customers").code == 0
    assert len(filed(root)) == 3
    before = server.validity("Customers")
    with server.client(change=True) as client:
        assert client.delete("Customers")[0] == "OK"
    # Fewer than before, in another order: their numbers say nothing any more.
    for number in (9, 2):
        server.deliver(message(number), box="Customers")
    assert server.validity("Customers") != before
    assert ingest(run, root, server, "--folder", "Customers").code == 0
    assert filed(root) == ["<1@example.com>", "<2@example.com>", "<3@example.com>", "<9@example.com>"]
    head = git(root, "rev-parse", "HEAD")
    assert ingest(run, root, server, "--folder", "Customers").err == ""
    assert git(root, "rev-parse", "HEAD") == head


def test_messages_that_were_removed_before_are_no_harm(root: Path, run: Run, server: Dovecot) -> None:
    for number in (1, 2, 3):
        server.deliver(message(number))
    assert ingest(run, root, server).code == 0
    with server.client(change=True) as client:
        client.store("1:*", "+FLAGS", "\\Deleted")
        client.expunge()
    assert ingest(run, root, server).err == ""
    server.deliver(message(4))
    assert ingest(run, root, server).code == 0
    assert filed(root) == [f"<{number}@example.com>" for number in (1, 2, 3, 4)]


def test_a_folder_with_a_name_of_other_letters(root: Path, run: Run, server: Dovecot) -> None:
    # RFC 3501, section 5.1.3: what travels is not what a person types.
    server.deliver(message(1), box='"Kunden &APw-ber"')
    done = ingest(run, root, server, "--folder", "Kunden über")
    assert (done.code, filed(root)) == (0, ["<1@example.com>"]), done.err


def test_a_wrong_password_and_a_folder_that_is_not_there(root: Path, run: Run, server: Dovecot) -> None:
    where = ["--host", "127.0.0.1", "--port", server.port, "--user", USER, "--security", "none"]
    done = run("-C", root, "ingest", "imap", *where, "--password-command", "echo wrong-horse")
    assert done.code == 1
    assert f"does not let {USER} in" in done.err
    assert "wrong-horse" not in done.err
    missing = ingest(run, root, server, "--folder", "Nothing")
    assert missing.code == 1
    assert "Nothing" in missing.err


def test_starttls_with_a_certificate_that_is_checked(root: Path, run: Run, tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    with dovecot(certificate) as server:
        path = default_path()
        path.parent.mkdir(parents=True)

        def settings(more: str) -> None:
            path.write_text(
                f"inbox:\n  imap:\n    host: 127.0.0.1\n    port: {server.port}\n    user: {USER}\n"
                f"    security: starttls\n    password_command: echo '{PASSWORD}'\n{more}"
            )
            path.chmod(0o600)

        settings("")
        refused = run("-C", root, "--now", NOW, "ingest")
        assert refused.code == 1
        assert "certificate" in refused.err
        assert "Login" not in server.log()
        settings(f"    ca: {certificate.chain}\n")
        done = run("-C", root, "--now", NOW, "ingest")
        assert done.code == 0, done.err
        assert "TLS" in server.log().splitlines()[-2]
