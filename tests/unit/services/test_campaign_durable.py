"""What is on the disk at each step of a message, and so what a power cut leaves: at most one message in doubt."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING
from typing import Any

import pytest
from helpers import campaign_book as books
from helpers.told_transport import GONE
from helpers.told_transport import LATER
from helpers.told_transport import NOW
from helpers.told_transport import Told
from helpers.told_transport import go
from helpers.told_transport import later

from crmctl import clock
from crmctl.errors import StorageFailed
from crmctl.mail.ledger.lines import event_of
from crmctl.mail.ledger.states import fold
from crmctl.mail.transport.pacing import Rate
from crmctl.services.book import Book
from crmctl.services.campaigns.running.asking import Asked
from crmctl.services.campaigns.running.attempting import OutcomeLost
from crmctl.services.campaigns.running.desk import Desk

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from crmctl.mail.transport.outcomes import Outcome


@pytest.fixture(autouse=True)
def monday() -> None:
    clock.freeze(NOW)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return books.make(tmp_path / "book", 5)


class Disk:
    """What of the ledger a power cut would leave: what it held when it was last waited for."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        ledger = Desk(Book(root)).ledger
        self._path, self._host = ledger.path, ledger.host
        self._root = root
        self._real = os.fsync
        self.kept = b""
        self.is_broken = False
        monkeypatch.setattr(os, "fsync", self._fsync)

    def _fsync(self, descriptor: int) -> None:
        ours = self._path.exists() and os.path.samestat(os.fstat(descriptor), self._path.stat())
        if ours and self.is_broken:
            raise OSError(errno.EIO, "Input/output error")
        self._real(descriptor)
        if ours:
            self.kept = self._path.read_bytes()

    def states(self) -> dict[str, str]:
        """The state of everybody, by handle, after a power cut now; those of whom nothing is known yet are left out."""
        names = {row.sid: who for who, row in books.rows(self._root).items()}
        rows = fold(map(event_of, self.kept.splitlines()), self._host)
        return {names[sid]: row.state for sid, row in rows.items() if row.state != "planned"}

    def has(self, ev: str) -> int:
        """How many lines there are of an event."""
        return self.kept.count(b'"ev":"%s"' % ev.encode())


class Steps(Told):
    """A transport that has somebody look when a message is begun, and when its end may follow."""

    def __init__(self, **outcomes: Outcome) -> None:
        super().__init__(**outcomes)
        self.ending: Callable[[str], object] = lambda _who: None

    def send(self, sender: str, recipient: str, data: bytes, *, before_dot: Any, **more: Any) -> Outcome:
        def dot() -> None:
            before_dot()
            self.ending(recipient.partition("@")[0])

        return super().send(sender, recipient, data, before_dot=dot, **more)


def test_a_power_cut_leaves_one_message_in_doubt_at_most(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk, way = Disk(root, monkeypatch), Steps(p001=LATER, p003=GONE)
    ends = {"p000": "accepted", "p001": "deferred", "p002": "accepted", "p003": "rejected", "p004": "accepted"}
    begun: list[str] = []

    def begin(who: str) -> None:
        assert disk.states() == {**{name: ends[name] for name in begun}, who: "rendered"}
        begun.append(who)
        assert disk.has("attempt") == len(begun)

    def end(who: str) -> None:
        assert disk.states() == {**{name: ends[name] for name in begun}, who: "unknown"}

    way.before, way.ending = begin, end
    go(root, way)
    assert begun == sorted(ends)
    assert disk.states() == ends


def test_an_answer_is_on_the_disk_before_a_run_waits(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(root, monkeypatch)
    waited: list[int] = []

    def sleep(seconds: float) -> None:
        waited.append(disk.has("accept"))
        later(seconds=seconds)

    go(root, rate=Rate(minute=2), sleep=sleep)
    assert waited == [2, 4]
    assert disk.has("accept") == 5


def test_an_answer_is_on_the_disk_when_the_next_is_passed_over(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk, way = Disk(root, monkeypatch), Steps()
    record = root / "records" / "customers" / "p001.yaml"
    way.ending = lambda _who: record.write_text(record.read_text().replace("granted", "withdrawn"))
    way.before = lambda who: seen.append(disk.states()) if who == "p002" else None
    seen: list[dict[str, str]] = []
    go(root, way)
    assert seen == [{"p000": "accepted", "p001": "suppressed", "p002": "rendered"}]


@pytest.mark.parametrize("most", [1, 0])
def test_an_answer_that_may_not_be_on_the_disk_is_told(root: Path, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """Whether it is the next attempt that waits for it, or the end of the run."""
    disk, way = Disk(root, monkeypatch), Steps()
    way.ending = lambda _who: setattr(disk, "is_broken", True)
    with pytest.raises(OutcomeLost, match=r"accepted 250 2\.0\.0 queued as 1") as failed:
        go(root, way, Asked(limit=most))
    assert failed.value.reply.startswith(books.rows(root)["p000"].sid)
    assert way.sent == ["p000"]
    assert disk.states() == {"p000": "unknown"}


def test_an_answer_is_safe_when_there_is_no_room_for_the_next_attempt(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(root, monkeypatch)
    real = os.write

    def full(descriptor: int, data: bytes) -> int:
        if b'"ev":"attempt"' in data and disk.has("dot"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, data)

    with monkeypatch.context() as patched:
        patched.setattr("crmctl.mail.ledger.log.os.write", full)
        with pytest.raises(StorageFailed, match="no space left") as failed:
            go(root)
    assert not isinstance(failed.value, OutcomeLost)
    assert disk.states() == {"p000": "accepted"}
    assert go(root).counts == {"accepted": 4}
