"""A program as of sendmail: what it gets, and what its ending means."""

from __future__ import annotations

from pathlib import Path

import pytest

from crmctl.errors import StorageFailed
from crmctl.mail.transport.outcomes import Outcome
from crmctl.mail.transport.outcomes import TransportFailed
from crmctl.mail.transport.sendmail import Sendmail
from crmctl.mail.transport.ways import sendmail_transport

SID = "A2B3C4D5E6F7A2B3C4D5E6F7AB"
TEXT = b"Subject: x\r\n\r\n.\r\n.dot\r\nFrom the start\r\n"


def program(folder: Path, script: str) -> str:
    path = folder / "sendmail"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def send(path: str, recipient: str = "bob@example.com", sender: str = "a@example.com", limit: float = 30) -> Outcome:
    return Sendmail(path, limit).send(sender, recipient, TEXT, sid=SID, before_dot=lambda: None)


def test_the_program_gets_the_message_and_the_envelope(tmp_path: Path) -> None:
    path = program(tmp_path, f'cat > {tmp_path}/got; printf "%s|" "$@" > {tmp_path}/words')
    assert send(path) == Outcome("accepted", 0, "taken by the mail program", "dot")
    assert (tmp_path / "got").read_bytes() == TEXT.replace(b"\r\n", b"\n")
    assert (tmp_path / "words").read_text() == "-i|-f|a@example.com|--|bob@example.com|"
    send(path, "-bs@example.com", "")
    assert (tmp_path / "words").read_text() == "-i|-f|<>|--|-bs@example.com|"


@pytest.mark.parametrize(
    ("script", "state", "scope"),
    [
        ("exit 75", "deferred", "row"),
        ("exit 74", "deferred", "row"),
        ("exit 67", "rejected", "row"),
        ("exit 65", "rejected", "row"),
        ("exit 78", "deferred", "run"),
        ("exit 1", "deferred", "run"),
        ("kill -9 $$", "unknown", "row"),
        ("echo 'msmtp: server message: 550 5.1.1 <bob@example.com> unknown' >&2; exit 69", "rejected", "row"),
        ("echo 'msmtp: server message: 451 4.7.1 greylisted' >&2; exit 69", "deferred", "row"),
        ("echo 'msmtp: server message: 535 5.7.8 bad password' >&2; exit 77", "deferred", "run"),
        ("echo 'msmtp: account default from /etc/msmtprc' >&2; exit 78", "deferred", "run"),
    ],
)
def test_the_way_it_ends_leads_to_a_state(tmp_path: Path, script: str, state: str, scope: str) -> None:
    outcome = send(program(tmp_path, script))
    assert (outcome.state, outcome.scope, outcome.phase) == (state, scope, "dot")
    assert "bob" not in outcome.text


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="there is no /proc to look into")
def test_a_key_pressed_for_us_does_not_reach_a_program_with_a_message_in_its_hands(tmp_path: Path) -> None:
    path = program(tmp_path, f"echo $$ $(cut -d' ' -f6 /proc/$$/stat) > {tmp_path}/session")
    assert send(path).state == "accepted"
    process, session = (tmp_path / "session").read_text().split()
    assert process == session


def test_one_that_takes_too_long_is_ended_and_leaves_it_unknown(tmp_path: Path) -> None:
    outcome = send(program(tmp_path, "exec sleep 60"), limit=0.05)
    assert (outcome.state, outcome.text) == ("unknown", "the mail program took too long and was ended")


def test_a_program_that_is_not_there_is_no_attempt(tmp_path: Path) -> None:
    called: list[int] = []
    out = sendmail_transport(str(tmp_path / "nothing"))
    outcome = out.send("a@x.example", "b@x.example", TEXT, sid=SID, before_dot=lambda: called.append(1))
    assert (outcome.state, outcome.phase, outcome.scope, called) == ("not_tried", "connect", "run", [])
    for path in (str(tmp_path / "nothing"), "sendmail"):
        with pytest.raises(TransportFailed, match="not a program"):
            sendmail_transport(path).open()
    out.close()


def test_one_that_cannot_be_started_took_nothing(tmp_path: Path) -> None:
    path = Path(program(tmp_path, ""))
    path.write_text("#!/no/such/interpreter\n")
    assert send(str(path)).state == "deferred"


def test_it_is_not_started_when_the_ledger_fails(tmp_path: Path) -> None:
    path = program(tmp_path, f"touch {tmp_path}/started")

    def full() -> None:
        raise StorageFailed("disk full")

    with pytest.raises(StorageFailed):
        sendmail_transport(path).send("a@x.example", "b@x.example", TEXT, sid=SID, before_dot=full)
    assert not (tmp_path / "started").exists()


def test_where_there_are_no_files_in_memory_an_unnamed_one_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("os.memfd_create", raising=False)
    assert send(program(tmp_path, f"cat > {tmp_path}/got")).state == "accepted"
    assert (tmp_path / "got").read_bytes() == TEXT.replace(b"\r\n", b"\n")
