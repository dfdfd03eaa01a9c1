"""A glance at the ledger sees the same unknown messages as reading all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from crmctl.mail.identifiers import send_id
from crmctl.mail.ledger.glance import glance
from crmctl.mail.ledger.lines import NOTHING
from crmctl.mail.ledger.lines import Event
from crmctl.mail.ledger.lines import written
from crmctl.mail.ledger.log import Ledger
from crmctl.mail.ledger.states import fold

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

SIDS = [send_id("c", str(number), "email") for number in range(3)]
KINDS = ("plan", "render", "claim", "attempt", "dot", "unknown", "accept", "reject", "defer", "resolve", "bounce")
RESULTS = ("accepted", "rejected", "resend", "abandoned")


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[str, list[Event]]]:
    """What two hosts have written, each in one or two files."""
    files = []
    for host in ("lap-a", "lap-b"):
        events = []
        for seq in range(1, draw(st.integers(0, 14)) + 1):
            ev = draw(st.sampled_from(KINDS))
            about: dict[str, str | int] = {}
            if ev == "resolve":
                about = {"result": draw(st.sampled_from(RESULTS)), "n": draw(st.integers(0, 3))}
            sid = draw(st.sampled_from(SIDS))
            events.append(Event(seq, f"2027-03-01T09:00:{seq:02}Z", host, "b", ev, sid, "q4", about))
        cut = draw(st.integers(0, len(events)))
        files += [(f"{host}.jsonl", events[:cut]), (f"{host}-2.jsonl", events[cut:])]
    return files


@given(histories())
@settings(max_examples=300)
def test_it_misses_no_unknown_message(
    tmp_path_factory: pytest.TempPathFactory, files: list[tuple[str, list[Event]]]
) -> None:
    folder = tmp_path_factory.mktemp("sends")
    for name, events in files:
        raws = [written(event, NOTHING).raw for event in events]
        (folder / name).write_bytes(b"".join(raw + b"\n" for raw in raws))
        # A checkout on another system has other line ends; the same lines stand there twice.
        (folder / f"copy-{name}").write_bytes(b"".join(raw + b"\r\n" for raw in raws))
    rows = fold(event for _, events in files for event in events)
    assert {row.sid: row for row in glance([folder]).unknown} == {
        sid: row for sid, row in rows.items() if row.state == "unknown"
    }


def test_it_brings_the_notes_in_their_order(tmp_path: Path) -> None:
    with Ledger(tmp_path, "lap-a") as ledger:
        ledger.append("note", "", "q4", why="paused", text="login refused")
        ledger.append("plan", SIDS[0], "q4")
        ledger.append("note", "", "q4", why="resumed")
    seen = glance([tmp_path / "wal", tmp_path / "none"])
    assert [event.about["why"] for event in seen.notes] == ["paused", "resumed"]
    assert seen.unknown == []
