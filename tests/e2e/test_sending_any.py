"""``sender: any`` for real: two clones, one bare repository between them, two homes, one mail server, and a kill."""

from __future__ import annotations

import subprocess
import threading
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from helpers import campaign_book as books
from helpers import processes
from helpers.books import git
from helpers.smtp_server import MailServer

from crmctl import clock

if TYPE_CHECKING:
    from pathlib import Path

PEOPLE = 110
"""More than two batches."""


class Machine:
    """A home of its own, and a clone. The settings are shared: the key of the book has to be the same."""

    def __init__(self, folder: Path, remote: Path) -> None:
        self.root = folder / "book"
        self.env = {"HOME": str(folder), "XDG_STATE_HOME": str(folder / "state")}
        git(remote, "clone", "-q", str(remote), str(self.root))

    def start(self) -> subprocess.Popen[bytes]:
        return processes.start(
            *("-C", self.root, "campaign", "send", "spring", "--send"),
            env=self.env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def run(self, *arguments: str) -> processes.Done:
        return processes.crmctl("-C", self.root, *arguments, env=self.env)


@pytest.fixture
def machines(tmp_path: Path) -> tuple[Machine, Machine]:
    """Two of them."""
    first = books.make(tmp_path / "first", PEOPLE, "sender: any\n")
    git(tmp_path, "clone", "-q", "--bare", str(first), "remote.git")
    return Machine(tmp_path / "ann", tmp_path / "remote.git"), Machine(tmp_path / "bob", tmp_path / "remote.git")


def test_two_machines_at_once_write_to_everybody_once(machines: tuple[Machine, Machine]) -> None:
    ann, bob = machines
    with MailServer() as server:
        books.configure(server.port)
        assert ann.run("campaign", "send", "spring", "--send", "--limit", "1").code == 0
        both = [machine.start() for machine in machines]
        for one in both:
            _, err = one.communicate(timeout=300)
            assert one.returncode in (0, 8), err.decode()
        assert ann.run("campaign", "send", "spring", "--send").code == 0
        got = Counter(server.recipients())
    assert (len(got), set(got.values())) == (PEOPLE, {1})
    senders = {path.name for path in (ann.root / "records/sends/spring").glob("*.jsonl")}
    assert len(senders) == 2
    assert bob.run("sync").code == 0
    for machine in (ann, bob):
        books.judge(machine.root, server.accepted, PEOPLE)
        assert books.told(machine.root) == {f"p{number:03d}": 1 for number in range(PEOPLE)}


def test_one_is_killed_and_taken_over(machines: tuple[Machine, Machine]) -> None:
    ann, bob = machines
    reached, seen = threading.Event(), []

    def kill(phase: str, _recipient: str) -> None:
        if phase == "rcpt" and not reached.is_set():
            seen.append(phase)
            if len(seen) == 20:
                reached.set()
                started[0].kill()
                started[0].wait(30)

    started: list[subprocess.Popen[bytes]] = []
    with MailServer(on_phase=kill) as server:
        books.configure(server.port)
        started.append(ann.start())
        started[0].communicate(timeout=300)
        assert reached.is_set()
        gone = server.recipients()
        assert bob.run("campaign", "send", "spring", "--send").code in (0, 8)
        got = Counter(server.recipients())
        assert set(got.values()) == {1}
        assert len(got) == len(gone) + PEOPLE - 50
        name = ann.run("host", "show", "-o", "json").out
        (host,) = [word.strip('",') for word in name.split() if word.startswith('"lap-')][:1]
        soon = bob.run("outbox", "adopt", "--from", host, "--yes")
        assert (soon.code, "may be still" in soon.err) == (5, True)
        later = (clock.now() + timedelta(hours=1)).isoformat()
        done = bob.run("--now", later, "outbox", "adopt", "--from", host, "--yes")
        assert "50 messages" in done.err, done.err
        assert bob.run("campaign", "send", "spring", "--send").code == 8
        assert Counter(server.recipients()) == got
        # The machine comes back: what it knows settles what it had sent, and the rest stays for a person.
        assert ann.run("campaign", "send", "spring", "--send").code == 8
        assert set(Counter(server.recipients()).values()) == {1}
        assert bob.run("sync").code == 0
        books.judge(bob.root, server.accepted, PEOPLE)
        found = books.states(bob.root)
    assert found == {"accepted": len(got), "unknown": PEOPLE - len(got)}
