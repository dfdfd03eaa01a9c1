"""Laws of the ledger: no order of hosts, no crash at any byte, and no changed letter leads to a second mail."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from crmctl.mail.identifiers import send_id
from crmctl.mail.ledger.anchor import START
from crmctl.mail.ledger.anchor import Mark
from crmctl.mail.ledger.anchor import write_mark
from crmctl.mail.ledger.lines import KINDS
from crmctl.mail.ledger.lines import Event
from crmctl.mail.ledger.lines import checked
from crmctl.mail.ledger.lines import event_of
from crmctl.mail.ledger.lines import written
from crmctl.mail.ledger.log import Ledger
from crmctl.mail.ledger.log import LedgerDamaged
from crmctl.mail.ledger.states import balance
from crmctl.mail.ledger.states import fold
from crmctl.mail.ledger.states import sendable

if TYPE_CHECKING:
    import random

SIDS = [send_id("c", str(number), "email") for number in range(3)]
HOSTS = ("lap-a", "lap-b", "lap-c")
RESULTS = ("accepted", "rejected", "resend", "abandoned", "perhaps")

kinds = st.sampled_from(sorted(KINDS))
about = st.fixed_dictionaries(
    {}, optional={"n": st.integers(0, 3), "result": st.sampled_from(RESULTS), "why": st.sampled_from(("soft", "x"))}
)
happening = st.tuples(kinds, st.sampled_from(SIDS), about)
histories = st.lists(st.lists(happening, max_size=14), min_size=1, max_size=3)


def of_host(host: str, happened: list[tuple[str, str, dict[str, Any]]]) -> list[Event]:
    """One host's events in order, with stamps that tell nothing."""
    return [
        Event(seq, f"2026-01-01T00:00:{(seq * 37) % 60:02d}.000Z", host, "", ev, sid, "q4", fields)
        for seq, (ev, sid, fields) in enumerate(happened, 1)
    ]


def all_events(history: list[list[tuple[str, str, dict[str, Any]]]]) -> list[Event]:
    return [event for host, happened in zip(HOSTS, history, strict=False) for event in of_host(host, happened)]


@given(histories, st.randoms(use_true_random=False), st.sampled_from(("", *HOSTS)))
def test_any_order_and_any_repetition_gives_the_same_states(history: Any, chance: random.Random, host: str) -> None:
    events = all_events(history)
    again = [*events, *chance.sample(events, chance.randint(0, len(events)))]
    chance.shuffle(again)
    assert fold(again, host) == fold(events, host)


@given(histories, st.sampled_from(HOSTS))
def test_the_balance_always_holds(history: Any, host: str) -> None:
    events = all_events(history)
    for count in range(len(events) + 1):
        rows = fold(events[:count], host)
        assert balance(rows).holds
        assert balance(rows).planned == len(rows)


@given(histories, st.sampled_from(HOSTS))
def test_what_was_accepted_stays_accepted_and_facts_only_add(history: Any, host: str) -> None:
    events = all_events(history)
    accepted: set[str] = set()
    facts: dict[str, frozenset[str]] = {}
    for count in range(len(events) + 1):
        rows = fold(events[:count], host)
        assert all(rows[sid].state == "accepted" for sid in accepted)
        assert all(rows[sid].facts >= known for sid, known in facts.items())
        accepted |= {sid for sid, row in rows.items() if row.state == "accepted"}
        facts = {sid: row.facts for sid, row in rows.items()}


@given(histories, st.sampled_from(HOSTS))
def test_nothing_is_sent_again_that_may_have_been_taken(history: Any, host: str) -> None:
    """Counted in another way: dots that no refusal answered, against what was resolved."""
    events = all_events(history)
    rows = fold(events, host)
    for sid in rows:
        doubts, resolved = 0, any(event.ev == "resolve" and event.sid == sid for event in events)
        for name in HOSTS:
            mine = [e.ev for e in events if e.host == name and e.sid == sid]
            mine = [ev for ev in mine if ev in ("attempt", "dot", "accept", "reject", "defer", "unknown")]
            for ev, after in zip(mine, [*mine, ""][1:], strict=True):
                doubts += ev == "unknown" or (ev == "dot" and after not in ("reject", "defer"))
        if doubts and not resolved:
            assert not sendable(rows[sid], host)
            assert rows[sid].state in ("unknown", "accepted")
        if any(event.ev == "accept" and event.sid == sid for event in events):
            assert rows[sid].state == "accepted"


# Runs that are killed

moments = st.lists(st.sampled_from(("go", "go", "go", "go", "die")), max_size=60)
answers = st.lists(st.sampled_from(("accept", "accept", "accept", "reject", "defer", "lost", "early")), max_size=60)


class Killed(Exception):
    """The process is no more."""


@given(moments, answers)
def test_under_hold_every_message_is_taken_at_most_once(deaths: list[str], replies: list[str]) -> None:
    log: list[Event] = []
    taken: list[str] = []
    fate, talk = iter(deaths), iter(replies)

    def note(ev: str, sid: str) -> None:
        log.append(Event(len(log) + 1, "2026-01-01T00:00:00.000Z", "lap-a", "", ev, sid, "q4", {}))
        if next(fate, "go") == "die":
            raise Killed

    def send(sid: str) -> None:
        note("attempt", sid)
        reply = next(talk, "accept")
        if reply == "early":
            note("defer", sid)
            return
        note("dot", sid)
        if reply in ("accept", "lost"):
            taken.append(sid)
        note("unknown" if reply == "lost" else reply, sid)

    def run() -> None:
        for sid in SIDS:
            if sid not in fold(log, "lap-a"):
                note("plan", sid)
                note("render", sid)
        for sid, row in fold(log, "lap-a").items():
            if row.state == "planned":
                note("render", sid)
            if row.state == "planned" or sendable(row, "lap-a"):
                send(sid)

    while not log or any(sendable(row, "lap-a") or row.state == "planned" for row in fold(log, "lap-a").values()):
        try:
            run()
        except Killed:
            assert balance(fold(log, "lap-a")).holds
    rows = fold(log, "lap-a")
    assert len(taken) == len(set(taken))
    assert all(row.state in ("accepted", "rejected", "unknown") for row in rows.values())
    assert {sid for sid, row in rows.items() if row.state == "accepted"} <= set(taken)
    assert set(taken) <= {sid for sid, row in rows.items() if row.state in ("accepted", "unknown")}


@pytest.fixture
def no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting for the disk proves nothing here, and is slow."""
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


RUN = ("plan", "render", "claim", "attempt", "defer", "attempt", "dot", "defer", "attempt", "dot", "accept", "reply")


def test_a_run_cut_at_any_byte_never_sends_twice(tmp_path: Path, no_disk: None) -> None:
    """Torn by a crash, with the anchor where the crash left it: the line that was written last, or the one before."""
    with Ledger(tmp_path / "whole", "lap-a") as ledger:
        for ev in RUN:
            ledger.append(ev, SIDS[0], "q4")
    data = ledger.path.read_bytes()
    lines = data.splitlines(keepends=True)
    marks = [START, *(Mark(line.seq, line.digest) for line in (checked(raw[:-1]) for raw in lines) if line[0])]  # type: ignore[union-attr]
    wal = tmp_path / "cut" / "wal"
    wal.mkdir(parents=True)
    # At every event, at every byte from the last dot on, and at bytes of all lines before it.
    ends = [len(b"".join(lines[:count])) for count in range(len(lines) + 1)]
    for cut in sorted({*ends, *range(0, ends[9], 13), *range(ends[9], ends[11] + 1)}):
        done = data[:cut].count(b"\n")
        for mark in marks[max(0, done - (cut in ends)) : done + 1]:
            (wal / "lap-a.jsonl").write_bytes(data[:cut])
            write_mark(wal / "lap-a.anchor", mark)
            with Ledger(tmp_path / "cut", "lap-a") as ledger:
                rows = ledger.rows()
                assert balance(rows).holds
                assert len(rows) == min(done, 1)
                # The second dot was taken: from then on it may not go out again.
                last = RUN[:done].count("dot") == 2
                assert not last or not sendable(rows[SIDS[0]], "lap-a")
                assert ledger.append("note").seq == done + 1


def test_any_changed_byte_is_noticed(tmp_path: Path, no_disk: None) -> None:
    with Ledger(tmp_path, "lap-a") as ledger:
        for ev in ("plan", "render", "attempt", "dot", "accept"):
            ledger.append(ev, SIDS[0], "q4")
    data = ledger.path.read_bytes()
    for at in [*range(0, len(data), 3), *range(len(data) - 90, len(data))]:
        for new in {b"x", b"0", b"\n", bytes([data[at] ^ 32])} - {data[at : at + 1]}:
            ledger.path.write_bytes(data[:at] + new + data[at + 1 :])
            with pytest.raises(LedgerDamaged):
                Ledger(tmp_path, "lap-a").open()


@settings(max_examples=50)
@given(data=st.data())
def test_lines_taken_out_put_in_or_swapped_never_lose_a_fact(data: Any) -> None:
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _descriptor: None)
        folder = Path(name)
        with Ledger(folder, "lap-a") as ledger:
            for ev in RUN:
                ledger.append(ev, SIDS[0], "q4")
            whole = ledger.rows()
        lines = ledger.path.read_bytes().splitlines(keepends=True)
        chosen = data.draw(st.lists(st.sampled_from(lines), min_size=1, max_size=2 * len(lines)))
        ledger.path.write_bytes(b"".join(chosen))
        if set(chosen) == set(lines):
            assert Ledger(folder, "lap-a").rows() == whole
        else:
            with pytest.raises(LedgerDamaged):
                Ledger(folder, "lap-a").open()


texts = st.text(max_size=40)
names = st.sampled_from(("n", "cust", "text", "why", "v2", "é"))


@given(st.integers(1, 10**15 - 1), st.sampled_from(sorted(KINDS)), texts, st.dictionaries(names, texts | st.integers()))
def test_a_line_says_what_it_was_given(seq: int, ev: str, camp: str, told: dict[str, str | int]) -> None:
    event = Event(seq, "2026-01-01T00:00:00.000Z", "lap-a", "9c1f", ev, SIDS[0], camp, told)
    line = written(event, "0" * 32)
    assert checked(line.raw) == line
    assert event_of(line.raw) == event
    assert line.raw.isascii()
    assert b"\n" not in line.raw
