"""Campaigns really sent, to a real server, with the plug pulled: nobody gets it twice, nobody is forgotten."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import threading
from datetime import datetime
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from helpers import campaign_book as books
from helpers import processes
from helpers.books import git
from helpers.smtp_server import PHASES
from helpers.smtp_server import MailServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PEOPLE = 300
KILLS = 40


@pytest.fixture
def server() -> Iterator[MailServer]:
    """A mail server, and settings that lead to it."""
    with MailServer() as found:
        books.configure(found.port)
        yield found


class Killer:
    """Kills the client with SIGKILL when the server is at some phase, chosen by a seeded generator."""

    def __init__(self, server: MailServer, seed: int, kills: int) -> None:
        self._random = random.Random(seed)
        self._left = kills
        self._process: subprocess.Popen[bytes] | None = None
        self._wait = self._next()
        self.at: list[str] = []
        server.on_phase = self.reached

    def _next(self) -> int:
        phases = len(PHASES) + 1
        return self._random.randrange(1, PEOPLE * phases // (KILLS + 4))

    def run(self, *arguments: object) -> int:
        """Run crmctl until it ends or is killed; its exit status, negative when it was."""
        self._process = processes.start(*arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        _, err = self._process.communicate(timeout=120)
        assert self._process.returncode in (0, 8, -signal.SIGKILL), err.decode()
        return self._process.returncode

    def reached(self, phase: str, _recipient: str) -> None:
        """A phase is reached at the server; maybe it is time."""
        self._wait -= 1
        if self._wait <= 0 and self._left > 0 and self._process is not None:
            self._left -= 1
            self._wait = self._next()
            self.at.append(phase)
            self._process.kill()
            self._process.wait(30)

    @property
    def done(self) -> bool:
        """Whether nobody will be killed any more."""
        return not self._left


def test_a_client_that_is_killed_at_any_moment_sends_nobody_anything_twice(tmp_path: Path, server: MailServer) -> None:
    root = books.make(tmp_path / "book", PEOPLE)
    killer = Killer(server, 70, KILLS)
    for _ in range(KILLS + 3):
        if killer.run("-C", root, "campaign", "send", "spring", "--send") >= 0:
            break
    assert len(killer.at) == KILLS, killer.at
    books.judge(root, server.accepted, PEOPLE)
    found = books.states(root)
    assert set(found) <= {"accepted", "unknown"}, found
    # Whoever was accepted is told of in the history, once; whoever is unknown is not.
    told = books.told(root)
    assert {handle for handle, row in books.rows(root).items() if row.state == "accepted"} == set(told)
    assert set(told.values()) == {1}
    # Settled by hand, it comes to its end.
    for row in books.rows(root).values():
        if row.state == "unknown":
            word = "accepted" if any(row.sid in mail.sender for mail in server.accepted) else "abandoned"
            done = processes.crmctl(
                "-C", root, "outbox", "resolve", row.sid, "--as", word, "--evidence", "the log of the server"
            )
            assert done.code == 0, done.err
    assert processes.crmctl("-C", root, "campaign", "send", "spring", "--send").code == 0
    status = books.status(root)
    assert (status.status, status.balance.pending) == ("finished", 0)
    books.judge(root, server.accepted, PEOPLE)


def test_sent_again_it_is_the_same_to_the_last_byte(tmp_path: Path, server: MailServer) -> None:
    root = books.make(tmp_path / "book", PEOPLE, "on_unknown: resend\n")
    killer = Killer(server, 110, KILLS)
    now = datetime.fromisoformat("2026-06-01T10:00:00+02:00")  # Mail cannot be sent ahead of the clock.
    for _ in range(KILLS + 12):
        code = killer.run("-C", root, "--now", now.isoformat(), "campaign", "send", "spring", "--send")
        now += timedelta(minutes=40)
        if code == 0 and books.states(root) == {"accepted": PEOPLE}:
            break
    assert books.states(root) == {"accepted": PEOPLE}
    books.judge(root, server.accepted, PEOPLE, once=False)
    assert set(books.told(root).values()) == {1}
    assert len(books.told(root)) == PEOPLE
    assert books.status(root).status == "finished"


def test_two_at_once_send_once(tmp_path: Path) -> None:
    root = books.make(tmp_path / "book", 8)
    inside, go_on = threading.Event(), threading.Event()

    def hold(phase: str, _recipient: str) -> None:
        if phase == "rcpt" and not inside.is_set():
            inside.set()
            assert go_on.wait(60)

    with MailServer(on_phase=hold) as server:
        books.configure(server.port)
        first = processes.start("-C", root, "campaign", "send", "spring", "--send", stderr=subprocess.PIPE)
        assert inside.wait(60)
        second = processes.crmctl("-C", root, "campaign", "send", "spring", "--send")
        strict = processes.crmctl("-C", root, "campaign", "send", "spring", "--send", "--strict")
        go_on.set()
        _, err = first.communicate(timeout=60)
        assert (first.returncode, second) == (0, processes.Done(0, "", "")), err
        assert (strict.code, strict.out) == (7, "")
        assert "another crmctl is sending from this book" in strict.err
        assert sorted(server.recipients()) == [f"p{number:03d}@example.org" for number in range(8)]


def test_two_that_start_in_the_same_moment_send_once(tmp_path: Path, server: MailServer) -> None:
    root = books.make(tmp_path / "book", 12)
    both = [processes.start("-C", root, "campaign", "send", "spring", "--send", stderr=subprocess.PIPE) for _ in "ab"]
    said = [process.communicate(timeout=60)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    books.judge(root, server.accepted, 12)
    assert books.states(root) == {"accepted": 12}


def test_a_work_tree_that_is_reset_and_cleaned_sends_nothing_twice(tmp_path: Path, server: MailServer) -> None:
    root = books.make(tmp_path / "book", 6)
    start = git(root, "rev-parse", "HEAD").strip()
    assert processes.crmctl("-C", root, "campaign", "send", "spring", "--send", "--limit", "4").code == 0
    git(root, "reset", "-q", "--hard", start)
    git(root, "clean", "-qfdx")
    again = processes.crmctl("-C", root, "campaign", "send", "spring", "--send")
    assert again.code == 0, again.err
    git(root, "reset", "-q", "--hard", start)
    git(root, "clean", "-qfdx")
    assert processes.crmctl("-C", root, "campaign", "send", "spring", "--send").code == 0
    assert sorted(server.recipients()) == [f"p{number:03d}@example.org" for number in range(6)]
    books.judge(root, server.accepted, 6)
    assert books.told(root) == {f"p{number:03d}": 1 for number in range(6)}
    assert books.status(root).status == "finished"


def test_another_machine_is_refused_until_it_is_made_the_sender(tmp_path: Path, server: MailServer) -> None:
    root = books.make(tmp_path / "book", 4)
    assert processes.crmctl("-C", root, "campaign", "send", "spring", "--send", "--limit", "2").code == 0
    other = tmp_path / "other"
    git(tmp_path, "clone", "-q", str(root), str(other))
    elsewhere = {"XDG_STATE_HOME": str(tmp_path / "state")}
    refused = processes.crmctl("-C", other, "campaign", "send", "spring", "--send", env=elsewhere)
    assert refused.code == 5
    assert "campaign spring is sent by " in refused.err
    assert "hint: " in refused.err
    assert len(server.accepted) == 2
    host = processes.crmctl("-C", other, "host", "show", env=elsewhere).out.split()[0]
    git(root, "config", "receive.denyCurrentBranch", "ignore")  # It is told who sends from now on.
    for words in (
        ("campaign", "set", "spring", f"sender={host}"),
        ("campaign", "plan", "spring", "--freeze"),
        ("campaign", "send", "spring", "--send"),
    ):
        done = processes.crmctl("-C", other, *words, env=elsewhere)
        assert done.code == 0, done.err
    assert sorted(server.recipients()) == [f"p{number:03d}@example.org" for number in range(4)]


def test_a_copy_of_the_clone_on_the_same_machine_does_not_begin_again(tmp_path: Path, server: MailServer) -> None:
    root = books.make(tmp_path / "book", 3)
    assert processes.crmctl("-C", root, "campaign", "plan", "spring", "--freeze").code == 0
    other = tmp_path / "other"
    git(tmp_path, "clone", "-q", str(root), str(other))
    refused = processes.crmctl("-C", other, "campaign", "send", "spring", "--send")
    assert refused.code == 5
    assert "was planned in another clone" in refused.err
    assert server.accepted == []


def test_ctrl_c_ends_between_two_messages(tmp_path: Path) -> None:
    root = books.make(tmp_path / "book", 5)
    running: list[subprocess.Popen[bytes]] = []

    def interrupt(phase: str, recipient: str) -> None:
        if phase == "body" and recipient.startswith("p002"):
            running[0].send_signal(signal.SIGINT)

    with MailServer(on_phase=interrupt) as server:
        books.configure(server.port)
        running.append(processes.start("-C", root, "campaign", "send", "spring", "--send", stderr=subprocess.PIPE))
        _, err = running[0].communicate(timeout=60)
        assert running[0].returncode == 130, err
        assert b"Traceback" not in err
        assert books.states(root) == {"accepted": 3, "planned": 2}
        assert sum(books.told(root).values()) == 3
        assert processes.crmctl("-C", root, "campaign", "send", "spring", "--send").code == 0
        books.judge(root, server.accepted, 5)
        assert len(server.accepted) == 5


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a file system of its own")
def test_a_disk_without_room_for_what_happens_sends_nothing(tmp_path: Path, server: MailServer) -> None:
    root = books.make(tmp_path / "book", 3)
    assert processes.crmctl("-C", root, "campaign", "plan", "spring", "--freeze").code == 0
    mail, small = root / ".git" / "crmctl" / "mail", tmp_path / "small"
    small.mkdir()
    mount = 'mount -t tmpfs -o size=1000k none "$2" && cp -a "$1"/. "$2"/ && mount --bind "$2" "$1" || exit 77'
    script = f'{mount}; shift 2; "$@"'
    command = processes.command("-C", root, "campaign", "send", "spring", "--send")
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, "sh", str(mail), str(small), *command],
        env=processes.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip("no file system can be mounted here")
    assert done.returncode == 1, done.stderr
    assert "bytes are free" in done.stderr
    assert server.accepted == []
    assert processes.crmctl("-C", root, "campaign", "send", "spring", "--send").code == 0
    assert len(server.accepted) == 3


def test_a_second_clone_that_knows_of_nothing_does_not_begin_either(tmp_path: Path, server: MailServer) -> None:
    root, clone, copy = books.make(tmp_path / "book", 3), tmp_path / "clone", tmp_path / "copy"
    git(tmp_path, "clone", "-q", str(root), str(clone))
    assert processes.crmctl("-C", root, "campaign", "send", "spring", "--send", "--limit", "1").code == 0
    shutil.copytree(root, copy, symlinks=True)
    for other in (clone, copy):
        refused = processes.crmctl("-C", other, "campaign", "send", "spring", "--send")
        assert refused.code == 5
        assert f"was planned in another clone: {root}" in refused.err
    shutil.move(root, tmp_path / "moved")
    assert processes.crmctl("-C", tmp_path / "moved", "campaign", "send", "spring", "--send").code == 0
    assert server.recipients() == ["p000@example.org", "p001@example.org", "p002@example.org"]
