"""Messages put into the spool ahead of their turn: on the disk in time, and gone again when nothing comes of them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from typing import Any

import pytest
from helpers import campaign_book as books
from helpers.books import write
from helpers.told_transport import LATER
from helpers.told_transport import NOW
from helpers.told_transport import Told
from helpers.told_transport import go
from helpers.told_transport import later
from helpers.told_transport import said
from helpers.told_transport import state

from crmctl import clock
from crmctl.errors import StorageFailed
from crmctl.mail.ledger import spool
from crmctl.mail.ledger.log import Ledger
from crmctl.services.book import Book
from crmctl.services.campaigns.freezing import freeze
from crmctl.services.campaigns.running import spooling
from crmctl.services.campaigns.running.asking import Asked
from crmctl.services.campaigns.running.desk import Desk
from crmctl.services.campaigns.running.desk import at_work
from crmctl.services.campaigns.running.spooling import Spooler

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def monday() -> None:
    clock.freeze(NOW)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return books.make(tmp_path / "book", 5)


def in_spool(root: Path) -> set[str]:
    """Whose messages are in the spool."""
    sids = {row.sid: who for who, row in books.rows(root).items()}
    return {sids[sid] for sid in spool.kept(Desk(Book(root)).spool)}


def test_those_that_follow_are_on_the_disk_and_not_in_the_ledger(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spooling, "AHEAD", 3)
    seen = {}
    way = Told()

    def look(who: str) -> None:
        if who == "p000":
            seen.update({name: (row.state, row.eml) for name, row in books.rows(root).items() if name != who})
            assert in_spool(root) >= {"p000", "p001", "p002"}

    way.before = look
    assert go(root, way).counts == {"accepted": 5}
    assert set(seen.values()) == {("planned", "")}
    assert in_spool(root) == set()


def test_each_step_is_on_the_disk_before_the_next(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[tuple[str, str]] = []
    put, append, sids = spool.put_many, Ledger.append_many, {}

    def putting(folder: Path, messages: Any) -> list[str]:
        found = list(messages)
        digests = put(folder, found)
        steps.extend(("bytes", sid) for sid, _ in found)
        return digests

    def appending(ledger: Ledger, rows: Any, **more: Any) -> Any:
        found = list(rows)
        events = append(ledger, found, **more)
        steps.extend((ev, sid) for ev, sid, _, _ in found)
        return events

    monkeypatch.setattr(spool, "put_many", putting)
    monkeypatch.setattr(Ledger, "append_many", appending)
    way = Told()
    way.before = lambda who: steps.append(("MAIL", who))
    go(root, way)
    sids = {row.sid: who for who, row in books.rows(root).items()}
    for who in way.sent:
        mine = [step for step, of in steps if sids.get(of, of) == who and step not in ("plan", "render", "claim")]
        assert mine == ["bytes", "attempt", "MAIL", "dot", "accept"]


def test_the_next_are_written_while_those_before_go_out(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spooling, "AHEAD", 2)
    way, put = Told(), spool.put_many
    going = threading.Event()
    way.before = lambda who: going.set() if who == "p001" else None

    def putting(folder: Path, messages: Any) -> list[str]:
        found = list(messages)
        if any(b"p002@" in data for _, data in found):
            assert going.wait(60)  # Whoever waited for these before p001 goes out would wait for ever.
        return put(folder, found)

    monkeypatch.setattr(spool, "put_many", putting)
    assert go(root, way).counts == {"accepted": 5}
    assert in_spool(root) == set()


def test_a_spool_that_cannot_be_written_stops_the_run_at_those_it_fails_for(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spooling, "AHEAD", 2)
    way, put = Told(), spool.put_many

    def putting(folder: Path, messages: Any) -> list[str]:
        found = list(messages)
        if any(b"p002@" in data for _, data in found):
            raise StorageFailed("the disk is full")
        return put(folder, found)

    with monkeypatch.context() as patched:
        patched.setattr(spool, "put_many", putting)
        with pytest.raises(StorageFailed, match="the disk is full"):
            go(root, way)
    assert way.sent == ["p000", "p001"]
    assert (state(root, "p001"), state(root, "p002")) == ("accepted", "planned")
    assert go(root, way).counts == {"accepted": 3}
    assert in_spool(root) == set()


def test_who_says_no_while_their_message_waits_leaves_nothing(root: Path) -> None:
    way = Told()
    record = root / "records" / "customers" / "p003.yaml"

    def change(who: str) -> None:
        if who == "p001":
            assert "p003" in in_spool(root)
            record.write_text(record.read_text().replace("granted", "withdrawn"))
        elif who == "p004":
            assert "p003" not in in_spool(root)

    way.before = change
    done = go(root, way)
    assert said(done)["p003"][0] == "out"
    row = books.rows(root)["p003"]
    assert (row.state, row.attempts, row.eml) == ("suppressed", 0, "")
    assert way.sent == ["p000", "p001", "p002", "p004"]
    assert in_spool(root) == set()


@pytest.mark.parametrize("limit", [1, 2, 4])
def test_no_more_is_put_there_than_was_asked_for(root: Path, limit: int) -> None:
    way = Told()
    most = []
    way.before = lambda _who: most.append(len(in_spool(root)))
    go(root, way, Asked(limit=limit))
    assert max(most) == limit
    assert in_spool(root) == set()


def test_a_run_that_is_ended_takes_its_messages_along_but_keeps_those_that_were_tried(root: Path) -> None:
    way = Told(p001=LATER, p002=LATER)
    go(root, way, Asked(limit=3))
    kept = {path.name: path.read_bytes() for path in Desk(Book(root)).spool.iterdir()}
    assert in_spool(root) == {"p001", "p002"}
    later(minutes=20)

    def pause(who: str) -> None:
        assert in_spool(root) == {"p001", "p002", "p003", "p004"}
        write(root, {"campaigns/spring.yaml": f"{books.CAMPAIGN}status: paused\n"})
        way.outcomes[who] = LATER

    way.before = pause
    go(root, way)
    assert in_spool(root) == {"p001", "p002"}
    assert {path.name: path.read_bytes() for path in Desk(Book(root)).spool.iterdir()} == kept


def test_what_a_killed_run_left_is_made_anew(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    way = Told()

    def killed(who: str) -> None:
        if who == "p001":
            raise KeyboardInterrupt

    way.before = killed
    with monkeypatch.context() as patched:
        patched.setattr(Spooler, "clear", lambda _self: None)
        with pytest.raises(KeyboardInterrupt):
            go(root, way)
    assert in_spool(root) >= {"p001", "p002", "p003", "p004"}
    write(root, {"/templates/spring.md": books.TEMPLATE.replace("Dear", "Hello")})
    with at_work(Book(root), "test") as desk:
        freeze(Book(root), desk, "spring", refresh=True)
    way.before = lambda _who: None
    go(root, way)
    assert [b"Hello" in way.data[who][0] for who in ("p002", "p003", "p004")] == [True] * 3
    assert state(root, "p001") == "accepted"
    assert in_spool(root) == set()


def test_what_a_killed_run_left_goes_when_its_turn_does_not_come(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    way = Told()
    with monkeypatch.context() as patched:
        patched.setattr(Spooler, "clear", lambda _self: None)
        way.before = lambda _who: write(root, {"campaigns/spring.yaml": f"{books.CAMPAIGN}status: paused\n"})
        patched.setattr("crmctl.services.campaigns.running.runs._Run._forget", lambda _self, _sid: None)
        go(root, way)
    assert len(in_spool(root)) > 1
    write(root, {"campaigns/spring.yaml": f"{books.CAMPAIGN}status: running\n"})
    way.before = lambda _who: None
    go(root, way, Asked(limit=1))
    assert in_spool(root) == set()
