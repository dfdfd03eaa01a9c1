"""The ledger on disk: what a crash, a full disk, an editor or an older copy does to it, and that nothing is sent."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from crmctl import clock
from crmctl.errors import NOT_SENT
from crmctl.errors import Conflict
from crmctl.errors import Locked
from crmctl.errors import StorageFailed
from crmctl.mail.identifiers import send_id
from crmctl.mail.ledger.adopt import adopt_mirror
from crmctl.mail.ledger.lines import Event
from crmctl.mail.ledger.lines import written
from crmctl.mail.ledger.log import Ledger
from crmctl.mail.ledger.log import LedgerDamaged
from crmctl.mail.ledger.log import LedgerFailed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SIDS = [send_id("c", str(number), "email") for number in range(4)]
SID = SIDS[0]
RUN: tuple[tuple[str, dict[str, str | int]], ...] = (
    ("plan", {"cust": "01K"}),
    ("render", {"eml": "sha256:1"}),
    ("attempt", {"n": 1}),
    ("dot", {}),
    ("accept", {}),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "mail"


def write(folder: Path, host: str = "lap-a", sid: str = SID, steps: int = len(RUN)) -> Path:
    """Take one send through the first steps; gives the log."""
    with Ledger(folder, host) as ledger:
        for ev, about in RUN[:steps]:
            ledger.append(ev, sid, "q4", **about)
    return ledger.path


def mirrored(folder: Path, path: Path, host: str = "lap-a", lines: int | None = None) -> Path:
    """A tracked copy of the lines of a campaign, or of the first of them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(list(Ledger(folder, host).lines("q4"))[:lines]))
    return path


def refusal(ledger: Ledger) -> LedgerDamaged:
    """Why the ledger cannot be opened; reports can be made all the same."""
    with pytest.raises(LedgerDamaged) as caught:
        ledger.open()
    list(ledger.events(tolerant=True))
    with pytest.raises(LedgerDamaged):
        list(ledger.events())
    return caught.value


def codes(error: LedgerDamaged) -> set[str]:
    return {problem.code for problem in error.problems}


def test_what_was_written_is_there_again(folder: Path) -> None:
    write(folder)
    events = list(Ledger(folder, "lap-a").events())
    assert [(event.seq, event.ev, event.sid, event.camp) for event in events] == [
        (number, ev, SID, "q4") for number, (ev, _about) in enumerate(RUN, 1)
    ]
    assert [dict(event.about) for event in events] == [about for _ev, about in RUN]
    assert Ledger(folder, "lap-a").rows("q4")[SID].state == "accepted"


def test_append_gives_the_event_and_a_run_goes_on_where_the_last_ended(folder: Path) -> None:
    write(folder, steps=2)
    with Ledger(folder, "lap-a") as ledger:
        event = ledger.append("attempt", SID, "q4", n=1)
        assert ledger.append_many([]) == []
        assert list(ledger.events())[-1] == event
    assert (event.seq, event.host, event.about) == (3, "lap-a", {"n": 1})
    assert list(Ledger(folder, "lap-a").events())[-1] == event


def test_many_lines_wait_for_the_disk_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[int] = []
    with Ledger(folder, "lap-a") as ledger:
        monkeypatch.setattr(os, "fsync", waits.append)
        ledger.append_many([("plan", sid, "q4", {}) for sid in SIDS])
        assert len(waits) == 1
        ledger.append_many([("note", SID, "q4", {})] * 100)
        assert len(waits) == 3  # the log, and after so many lines its anchor too
    assert len(list(Ledger(folder, "lap-a").events())) == 104


def test_each_line_is_on_the_disk_before_append_returns(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Ledger(folder, "lap-a") as ledger:
        synced: list[int] = []
        monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_size))
        ledger.append("plan", SID, "q4")
        assert synced == [ledger.path.stat().st_size]
        monkeypatch.undo()


def unwaited(ledger: Ledger, *evs: str) -> None:
    """Append without waiting for the disk."""
    ledger.append_many([(ev, SID, "q4", {}) for ev in evs], wait=False)


@pytest.mark.parametrize("how", ["settle", "append", "rows", "events", "lines", "close"])
def test_a_line_that_was_not_waited_for_is_on_the_disk_in_the_end(
    folder: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    synced: list[int] = []
    ledger = Ledger(folder, "lap-a")
    ledger.open()
    log = ledger.path.stat()
    monkeypatch.setattr(os, "fsync", lambda one: synced.append(os.fstat(one).st_ino))
    unwaited(ledger, "plan", "render")
    assert Ledger(folder, "lap-a").rows()[SID].state == "rendered"  # As another process sees it.
    assert synced == []
    ways: dict[str, Callable[[], object]] = {
        "settle": ledger.settle,
        "append": lambda: ledger.append("attempt", SID, "q4"),
        "rows": ledger.rows,
        "events": lambda: list(ledger.events()),
        "lines": lambda: list(ledger.lines("q4")),
        "close": ledger.close,
    }
    ways[how]()
    assert synced.count(log.st_ino) == 1
    ledger.settle()
    assert synced.count(log.st_ino) == 1
    monkeypatch.undo()
    ledger.close()


def test_the_anchor_is_never_ahead_of_what_is_on_the_disk(folder: Path, tmp_path: Path) -> None:
    with Ledger(folder, "lap-a") as ledger:
        ledger.append("plan", SID, "q4")
        before = ledger.path.read_bytes()
        unwaited(ledger, "render", "attempt")
        shutil.copytree(folder, tmp_path / "cut")
    log = tmp_path / "cut" / "wal" / "lap-a.jsonl"
    log.write_bytes(before)  # What a power cut leaves of it.
    with Ledger(tmp_path / "cut", "lap-a") as ledger:
        assert ledger.rows()[SID].state == "planned"
    with Ledger(folder, "lap-a") as ledger:
        assert ledger.rows()[SID].attempts == 1


def test_what_a_disk_has_lost_is_not_asked_for_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system tells of it once; asked a second time it says that all is well."""
    ledger = Ledger(folder, "lap-a")
    ledger.open()
    unwaited(ledger, "plan")

    def fail(_descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fail)
        with pytest.raises(LedgerFailed, match="input/output"):
            ledger.settle()
    ways: list[Callable[[], object]] = [ledger.settle, ledger.rows, lambda: list(ledger.lines("q4"))]
    for again in ways:
        with pytest.raises(LedgerFailed, match="not known whether the last lines are on the disk"):
            again()
    ledger.close()


def test_the_files_are_private(folder: Path) -> None:
    write(folder)
    assert stat.S_IMODE((folder / "wal").stat().st_mode) == 0o700
    for path in (folder / "wal").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_link_is_not_followed(folder: Path, tmp_path: Path) -> None:
    (folder / "wal").mkdir(parents=True)
    (folder / "wal" / "lap-a.jsonl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageFailed):
        Ledger(folder, "lap-a").open()
    assert not (tmp_path / "elsewhere").exists()


def test_reading_makes_and_changes_nothing(folder: Path) -> None:
    assert list(Ledger(folder, "lap-a").events()) == []
    assert not folder.exists()
    path = write(folder, steps=2)
    path.write_bytes(path.read_bytes() + b'{"v":1,"se')
    before = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    assert len(list(Ledger(folder, "lap-a").events())) == 2
    assert {file.name: file.read_bytes() for file in path.parent.iterdir()} == before


# Torn lines


@pytest.mark.parametrize("cut", [1, 20, -2, -1])
def test_an_unfinished_last_line_is_moved_away_and_told(folder: Path, cut: int) -> None:
    path = write(folder, steps=3)
    whole = path.read_bytes()
    event = Event(4, "", "lap-a", "", "dot", SID, "q4", {})
    torn = written(event, "0" * 32).raw[:cut]
    path.write_bytes(whole + torn)
    with Ledger(folder, "lap-a") as ledger:
        assert len(ledger.notes) == 1
        assert "lap-a.torn" in ledger.notes[0]
        assert path.read_bytes() == whole
        ledger.append("dot", SID, "q4")
    assert path.with_suffix(".torn").read_bytes() == torn + b"\n"
    reopened = Ledger(folder, "lap-a")
    reopened.open()
    assert not reopened.notes
    assert reopened.rows()[SID].state == "unknown"
    reopened.close()


def test_every_torn_line_is_kept(folder: Path) -> None:
    path = write(folder, steps=1)
    for tail in (b"one", b"two"):
        path.write_bytes(path.read_bytes() + tail)
        with Ledger(folder, "lap-a") as ledger:
            assert len(ledger.notes) == 1
    assert path.with_suffix(".torn").read_bytes() == b"one\ntwo\n"


def test_a_first_line_that_is_torn_leaves_an_empty_ledger(folder: Path) -> None:
    (folder / "wal").mkdir(parents=True)
    (folder / "wal" / "lap-a.jsonl").write_bytes(b'{"v":1,"seq":1')
    with Ledger(folder, "lap-a") as ledger:
        assert ledger.append("plan", SID, "q4").seq == 1
        assert ledger.notes


# Damage


@pytest.mark.parametrize("number", range(len(RUN)))
def test_a_changed_line_stops_everything(folder: Path, number: int) -> None:
    path = write(folder)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[number] = lines[number].replace(b'"camp":"q4"', b'"camp":"q5"')
    path.write_bytes(b"".join(lines))
    error = refusal(Ledger(folder, "lap-a"))
    assert "edited" in codes(error)
    assert error.code == NOT_SENT
    assert error.problems[0].line == number + 1
    assert "outbox adopt" in error.hint


@pytest.mark.parametrize("number", range(len(RUN)))
def test_a_line_that_was_taken_out_stops_everything(folder: Path, number: int) -> None:
    path = write(folder)
    lines = path.read_bytes().splitlines(keepends=True)
    del lines[number]
    path.write_bytes(b"".join(lines))
    assert codes(refusal(Ledger(folder, "lap-a"))) & {"gap", "cut"}


def test_a_line_of_another_chain_stops_everything(folder: Path) -> None:
    path = write(folder)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[2] = written(Event(3, "", "lap-a", "", "attempt", SID, "q4", {}), "0" * 32).raw + b"\n"
    path.write_bytes(b"".join(lines))
    assert codes(refusal(Ledger(folder, "lap-a"))) == {"broken-chain"}


@pytest.mark.parametrize("left", [0, 1, 4])
def test_a_log_that_was_cut_stops_everything(folder: Path, left: int) -> None:
    path = write(folder)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:left]))
    before = path.read_bytes()
    error = refusal(Ledger(folder, "lap-a"))
    assert codes(error) == {"cut"}
    assert "line 5" in error.message
    assert path.read_bytes() == before


def test_a_log_that_was_cut_inside_a_line_is_left_as_it_is(folder: Path) -> None:
    path = write(folder)
    path.write_bytes(path.read_bytes()[:-30])
    before = path.read_bytes()
    assert codes(refusal(Ledger(folder, "lap-a"))) == {"cut"}
    assert path.read_bytes() == before


def test_a_log_that_is_gone_stops_everything(folder: Path) -> None:
    write(folder).unlink()
    assert codes(refusal(Ledger(folder, "lap-a"))) == {"cut"}


def test_an_older_copy_that_went_its_own_way_stops_everything(folder: Path, tmp_path: Path) -> None:
    path = write(folder, steps=3)
    other = tmp_path / "other"
    write(other, sid=SIDS[1])
    path.write_bytes((other / "wal" / "lap-a.jsonl").read_bytes())
    assert "replaced" in codes(refusal(Ledger(folder, "lap-a")))


@pytest.mark.parametrize("content", [None, b"", b"crmctl ledger"])
def test_a_log_without_its_anchor_stops_everything(folder: Path, content: bytes | None) -> None:
    path = write(folder)
    anchor = path.with_suffix(".anchor")
    anchor.unlink()
    if content is not None:
        anchor.write_bytes(content)
    assert codes(refusal(Ledger(folder, "lap-a"))) == {"no-anchor"}


def test_an_anchor_that_a_power_cut_left_behind_does_no_harm(folder: Path) -> None:
    path = write(folder, steps=3)
    anchor = path.with_suffix(".anchor").read_bytes()
    with Ledger(folder, "lap-a") as ledger:
        ledger.append("dot", SID, "q4")
    path.with_suffix(".anchor").write_bytes(anchor)
    with Ledger(folder, "lap-a") as ledger:
        assert ledger.append("accept", SID, "q4").seq == 5


def test_an_anchor_half_written_falls_back_to_the_one_before(folder: Path) -> None:
    path = write(folder, steps=4)
    anchor = path.with_suffix(".anchor")
    data = bytearray(anchor.read_bytes())
    data[40:48] = b"\0" * 8  # the slot of line 4
    anchor.write_bytes(bytes(data))
    with Ledger(folder, "lap-a") as ledger:
        assert ledger.append("accept", SID, "q4").seq == 5


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [(b'"v":1', b'"v":2', "unknown-version"), (b'"ev":"note"', b'"ev":"teleport"', "unknown-event")],
)
def test_what_a_newer_crmctl_wrote_stops_sending_and_not_reports(
    folder: Path, monkeypatch: pytest.MonkeyPatch, old: bytes, new: bytes, code: str
) -> None:
    path = write(folder)
    with Ledger(folder, "lap-a") as ledger:
        ledger.append("note", SID, "q4")
    lines = path.read_bytes().splitlines()
    newer = lines[5].replace(old, new)
    from crmctl.mail.ledger.lines import digest_of

    body = newer[: newer.rindex(b'","sum"')]
    newer = body + b'","sum":"sha256:%s"}' % digest_of(body).encode()
    path.write_bytes(b"\n".join([*lines[:5], newer, b""]))
    error = refusal(Ledger(folder, "lap-a"))
    assert code in codes(error)
    assert "update crmctl" in error.hint
    assert Ledger(folder, "lap-a").rows(tolerant=True)[SID].state == "accepted"


def test_reports_read_round_the_damage(folder: Path) -> None:
    path = write(folder)
    path.write_bytes(path.read_bytes().replace(b'"ev":"accept"', b'"ev":"reject"') + b"rubbish\n[1]\n")
    ledger = Ledger(folder, "lap-a")
    assert [event.ev for event in ledger.events(tolerant=True)] == ["plan", "render", "attempt", "dot", "reject"]
    assert len(ledger.problems) == 4  # the line, two that are none, and the end that is missing


def test_the_same_line_twice_is_one(folder: Path) -> None:
    path = write(folder)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:3], lines[1], b"\n", *lines[3:], lines[4]]))
    with Ledger(folder, "lap-a") as ledger:
        assert len(list(ledger.events())) == 5
        assert ledger.append("note").seq == 6


# Other hosts


def test_other_hosts_are_read_from_their_mirrors(folder: Path, tmp_path: Path) -> None:
    mirror = mirrored(write(tmp_path / "there", "lap-b").parent.parent, tmp_path / "sends/q4/lap-b.jsonl", "lap-b")
    for given in (mirror, tmp_path / "sends"):
        assert Ledger(folder, "lap-a", mirrors=[given]).rows("q4")[SID].state == "accepted"
    assert Ledger(folder, "lap-a", mirrors=[tmp_path / "none"]).rows() == {}


def test_a_mirror_of_some_lines_or_with_line_ends_of_windows_is_whole(folder: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    write(there, "lap-b")
    with Ledger(there, "lap-b") as ledger:
        ledger.append("plan", SIDS[1], "q5")
        ledger.append("note", SID, "q4")
    mirror = mirrored(there, tmp_path / "sends/q4/lap-b.jsonl", "lap-b")
    mirror.write_bytes(mirror.read_bytes().replace(b"\n", b"\r\n"))
    with Ledger(folder, "lap-a", mirrors=[mirror]) as ledger:
        assert [event.seq for event in ledger.events()] == [1, 2, 3, 4, 5, 7]


def test_a_last_line_of_a_mirror_needs_no_line_end_but_has_to_be_whole(folder: Path, tmp_path: Path) -> None:
    mirror = mirrored(write(tmp_path / "there", "lap-b").parent.parent, tmp_path / "sends/q4/lap-b.jsonl", "lap-b")
    data = mirror.read_bytes()
    mirror.write_bytes(data[:-1])
    assert Ledger(folder, "lap-a", mirrors=[mirror]).rows()[SID].state == "accepted"
    mirror.write_bytes(data[:-2])
    assert codes(refusal(Ledger(folder, "lap-a", mirrors=[mirror]))) == {"edited"}


@pytest.mark.parametrize("number", range(len(RUN)))
def test_a_changed_line_of_a_mirror_stops_everything(folder: Path, tmp_path: Path, number: int) -> None:
    mirror = mirrored(write(tmp_path / "there", "lap-b").parent.parent, tmp_path / "sends/q4/lap-b.jsonl", "lap-b")
    lines = mirror.read_bytes().splitlines(keepends=True)
    lines[number] = lines[number].replace(SID.encode(), SIDS[1].encode())
    mirror.write_bytes(b"".join(lines))
    error = refusal(Ledger(folder, "lap-a", mirrors=[mirror]))
    assert "edited" in codes(error)
    assert "git restore" in error.hint
    with pytest.raises(LedgerDamaged):
        adopt_mirror(folder, "lap-a", mirrors=[mirror])


def test_conflict_markers_in_a_mirror_stop_everything(folder: Path, tmp_path: Path) -> None:
    mirror = mirrored(write(tmp_path / "there", "lap-b").parent.parent, tmp_path / "sends/q4/lap-b.jsonl", "lap-b")
    mirror.write_bytes(b"<<<<<<< ours\n" + mirror.read_bytes())
    assert codes(refusal(Ledger(folder, "lap-a", mirrors=[mirror]))) == {"edited"}


def test_another_log_of_this_clone_is_read_and_its_end_is_watched(folder: Path) -> None:
    path = write(folder, "lap-a-inbox")
    path.write_bytes(path.read_bytes() + b'{"v":1')  # it may be writing right now
    with Ledger(folder, "lap-a") as ledger:
        assert ledger.rows()[SID].state == "accepted"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:3]))
    assert codes(refusal(Ledger(folder, "lap-a"))) == {"cut"}


def test_the_lines_for_the_mirror_are_those_of_the_log(folder: Path) -> None:
    path = write(folder)
    with Ledger(folder, "lap-a") as ledger:
        ledger.append("plan", SIDS[1], "q4-b")
        assert b"".join(ledger.lines("q4")) == b"".join(path.read_bytes().splitlines(keepends=True)[:5])
        assert [event.sid for event in ledger.of_campaign("q4-b")] == [SIDS[1]]


# One host, two histories


def test_a_log_behind_its_own_mirror_stops_everything(folder: Path, tmp_path: Path) -> None:
    """What is left after the whole of .git was put back from an older copy, anchor and all."""
    path = write(folder, steps=3)
    snapshot = {file: file.read_bytes() for file in path.parent.iterdir()}
    with Ledger(folder, "lap-a") as ledger:
        ledger.append("dot", SID, "q4")
        ledger.append("accept", SID, "q4")
    mirror = mirrored(folder, tmp_path / "sends/q4/lap-a.jsonl")
    for file, data in snapshot.items():
        file.write_bytes(data)
    error = refusal(Ledger(folder, "lap-a", mirrors=[mirror]))
    assert codes(error) == {"behind"}
    assert Ledger(folder, "lap-a", mirrors=[mirror]).rows(tolerant=True)[SID].state == "accepted"


def test_a_fresh_clone_on_the_same_machine_stops_and_can_be_adopted(folder: Path, tmp_path: Path) -> None:
    write(tmp_path / "old")
    write(tmp_path / "old", sid=SIDS[1], steps=2)
    mirror = mirrored(tmp_path / "old", tmp_path / "sends/q4/lap-a.jsonl")
    assert codes(refusal(Ledger(folder, "lap-a", mirrors=[mirror]))) == {"behind"}
    adopted = adopt_mirror(folder, "lap-a", mirrors=[mirror])
    assert (adopted.kept, adopted.lost, adopted.held) == (7, True, (SIDS[1],))
    with Ledger(folder, "lap-a", mirrors=[mirror]) as ledger:
        rows = ledger.rows("q4")
        assert (rows[SID].state, rows[SIDS[1]].state) == ("accepted", "unknown")
        assert ledger.append("note").seq == 1_000_003
    mirror.unlink()  # also without the mirror nothing is forgotten
    assert Ledger(folder, "lap-a").rows()[SID].state == "accepted"


def test_two_clones_that_sent_as_one_host_are_found_out(folder: Path, tmp_path: Path) -> None:
    write(folder, steps=3)
    write(tmp_path / "other", sid=SIDS[1], steps=3)
    mirror = mirrored(tmp_path / "other", tmp_path / "sends/q4/lap-a.jsonl")
    error = refusal(Ledger(folder, "lap-a", mirrors=[mirror]))
    assert "two-lines" in codes(error)
    adopted = adopt_mirror(folder, "lap-a", mirrors=[mirror])
    assert adopted.kept == 6
    with Ledger(folder, "lap-a", mirrors=[mirror]) as ledger:
        assert {row.state for row in ledger.rows().values()} == {"unknown"}


# Adoption


def test_a_whole_ledger_is_not_adopted(folder: Path) -> None:
    write(folder)
    with pytest.raises(Conflict):
        adopt_mirror(folder, "lap-a")


def test_adopting_a_cut_log_with_a_whole_mirror_loses_and_holds_nothing(folder: Path, tmp_path: Path) -> None:
    path = write(folder, steps=3)
    mirror = mirrored(folder, tmp_path / "sends/q4/lap-a.jsonl")
    path.write_bytes(b"")
    adopted = adopt_mirror(folder, "lap-a", mirrors=[mirror])
    assert (adopted.kept, adopted.lost, adopted.held) == (3, False, ())
    with Ledger(folder, "lap-a", mirrors=[mirror]) as ledger:
        assert ledger.rows()[SID].state == "rendered"


def test_adopting_holds_whatever_may_have_been_sent(folder: Path) -> None:
    path = write(folder)
    write(folder, sid=SIDS[1], steps=2)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:3]))
    planned = [(sid, "q4") for sid in SIDS[:3]]
    adopted = adopt_mirror(folder, "lap-a", planned=planned)
    assert adopted.lost
    assert sorted(adopted.held) == sorted(SIDS[:3])
    with Ledger(folder, "lap-a") as ledger:
        assert {ledger.rows()[sid].state for sid in SIDS[:3]} == {"unknown"}


def test_who_knows_better_holds_nothing(folder: Path) -> None:
    path = write(folder, steps=2)
    path.write_bytes(path.read_bytes().replace(b'"cust"', b'"kust"'))
    assert adopt_mirror(folder, "lap-a", hold=False).held == ()
    with Ledger(folder, "lap-a") as ledger:
        assert ledger.rows()[SID].state == "rendered"


def test_what_was_damaged_is_kept_and_adopting_twice_works(folder: Path) -> None:
    path = write(folder)
    for _time in range(2):
        damaged = path.read_bytes().replace(b'"v":1', b'"v": 1', 1)
        path.write_bytes(damaged)
        adopt_mirror(folder, "lap-a")
        assert damaged in [file.read_bytes() for file in path.parent.glob("*.damaged")]
    with Ledger(folder, "lap-a") as ledger:
        assert ledger.rows()[SID].state == "accepted"
        assert ledger.append("note").seq > 2_000_000


@pytest.mark.parametrize("crash", ["prepare", "replace", "write_mark"])
def test_an_adoption_that_dies_can_be_made_again(folder: Path, monkeypatch: pytest.MonkeyPatch, crash: str) -> None:
    path = write(folder)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:4]))

    def die(*_arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(f"crmctl.mail.ledger.adopt.{crash}", die)
    with pytest.raises(KeyboardInterrupt):
        adopt_mirror(folder, "lap-a")
    monkeypatch.undo()
    refusal(Ledger(folder, "lap-a"))
    adopt_mirror(folder, "lap-a")
    with Ledger(folder, "lap-a") as ledger:
        assert ledger.rows()[SID].state == "unknown"


# Writing that fails


def test_a_full_disk_takes_a_part_of_the_line(folder: Path) -> None:
    """A limit on the size of files does to one process what a full disk does to all."""
    write(folder, steps=3)
    ledger = Ledger(folder, "lap-a")
    ledger.open()
    size = ledger.path.stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 50, hard))
    try:
        with pytest.raises(LedgerFailed, match="50 of") as caught:
            ledger.append("dot", SID, "q4")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.code == NOT_SENT
    assert "make room" in caught.value.hint
    assert ledger.path.stat().st_size == size
    with pytest.raises(LedgerFailed, match="cannot append"):
        ledger.append("dot", SID, "q4")
    ledger.close()
    assert Ledger(folder, "lap-a").rows()[SID].state == "rendered"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_failed_fsync_stops_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    write(folder, steps=4)
    ledger = Ledger(folder, "lap-a")
    ledger.open()

    def fail(_descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(LedgerFailed, match=os.strerror(number).lower()):
        ledger.append("accept", SID, "q4")
    monkeypatch.undo()
    with pytest.raises(LedgerFailed):
        ledger.append("accept", SID, "q4")
    ledger.close()
    # Whether the line is there or not, nobody gets the mail again.
    assert Ledger(folder, "lap-a").rows()[SID].state in ("accepted", "unknown")


def test_a_failed_anchor_stops_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(folder, "lap-a")
    ledger.open()
    monkeypatch.setattr(os, "pwrite", lambda *_arguments: 1)
    with pytest.raises(LedgerFailed, match="anchor"):
        ledger.append("plan", SID, "q4")
    with pytest.raises(LedgerFailed):
        ledger.append("plan", SID, "q4")
    monkeypatch.undo()
    ledger.close()
    assert len(list(Ledger(folder, "lap-a").events())) == 1


def test_ctrl_c_in_the_middle_of_a_line_stops_this_ledger(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(folder, "lap-a")
    ledger.open()

    def interrupt(_descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        ledger.append("plan", SID, "q4")
    monkeypatch.undo()
    with pytest.raises(LedgerFailed):
        ledger.append("render", SID, "q4")
    ledger.close()
    write(folder, sid=SIDS[1])


def test_nothing_is_appended_to_a_ledger_that_is_not_open(folder: Path) -> None:
    ledger = Ledger(folder, "lap-a")
    with pytest.raises(LedgerFailed, match="not open"):
        ledger.append("plan", SID, "q4")
    ledger.open()
    ledger.close()
    ledger.close()
    with pytest.raises(LedgerFailed, match="not open"):
        ledger.append("plan", SID, "q4")


def test_one_process_at_a_time(folder: Path) -> None:
    with Ledger(folder, "lap-a") as ledger:
        with pytest.raises(Locked):
            Ledger(folder, "lap-a").open()
        with pytest.raises(Locked):
            adopt_mirror(folder, "lap-a")
        with Ledger(folder, "lap-a-inbox") as other:
            other.append("reply", SID, "q4")
        ledger.append("plan", SID, "q4")
    with Ledger(folder, "lap-a") as ledger:
        assert ledger.rows()[SID].facts == {"replied"}


@pytest.mark.parametrize("how", ["append", "replace", "unlink"])
def test_another_programs_hand_in_the_file_is_noticed(folder: Path, how: str) -> None:
    path = write(folder)
    with Ledger(folder, "lap-a") as ledger:
        if how == "append":
            with path.open("ab") as file:
                file.write(b"x\n")
        elif how == "unlink":
            path.unlink()
        else:
            path.with_name("copy").write_bytes(path.read_bytes())
            path.with_name("copy").replace(path)
        with pytest.raises(LedgerFailed, match="another program"):
            ledger.append("note")


WRITER = """
import sys
from pathlib import Path
from crmctl.mail.ledger.log import Ledger
with Ledger(Path(sys.argv[1]), "lap-a") as ledger:
    while True:
        sys.stdout.write(f"{ledger.append('attempt', sys.argv[2], 'q4').seq}\\n")
        sys.stdout.flush()
"""


def test_a_killed_writer_loses_nothing_that_it_was_told_is_written(folder: Path) -> None:
    for number in range(3):
        child = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(folder), SID], stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        assert child.stdout is not None
        told = [int(child.stdout.readline()) for _line in range(5 + 7 * number)]
        child.kill()
        told += [int(line) for line in child.stdout.read().splitlines() if line.isdigit()]
        child.wait()
        child.stdout.close()
        with Ledger(folder, "lap-a") as ledger:
            assert [event.seq for event in ledger.events()][: told[-1]] == list(range(1, told[-1] + 1))


# What may stand in it


def test_no_address_gets_into_the_ledger(folder: Path) -> None:
    with Ledger(folder, "lap-a") as ledger:
        ledger.append("reject", SID, "q4", code=550, text=f"<ada@example.com> unknown, <{SID}@example.com>", to="h:1")
        with pytest.raises(ValueError, match="keyed hash"):
            ledger.append("plan", SID, "q4", to="ada@example.com")
        event = next(ledger.events())
    assert event.about["text"] == f"<*@example.com> unknown, <{SID}@example.com>"
    assert b"ada@" not in ledger.path.read_bytes()


@pytest.mark.parametrize(
    ("ev", "sid", "about"),
    [("teleport", SID, {}), ("plan", "short", {}), ("plan", SID, {"seq": 4}), ("plan", SID, {"cost": 1.5})],
)
def test_what_does_not_belong_there_is_a_mistake(folder: Path, ev: str, sid: str, about: dict[str, int]) -> None:
    with Ledger(folder, "lap-a") as ledger:
        with pytest.raises(ValueError, match=r"."):
            ledger.append_many([(ev, sid, "q4", about)])
        assert ledger.append("plan", SID, "q4").seq == 1


@pytest.mark.parametrize("host", ["", "../x", "a/b", ".hidden", "x" * 65, "a\n"])
def test_a_host_is_the_name_of_a_file(folder: Path, host: str) -> None:
    with pytest.raises(ValueError, match="host"):
        Ledger(folder, host)


def test_stamps_are_those_of_the_clock(folder: Path) -> None:
    from datetime import UTC
    from datetime import datetime

    clock.freeze(datetime(1970, 1, 2, 3, 4, 5, tzinfo=UTC))
    with Ledger(folder, "lap-a") as ledger:
        assert ledger.append("note").t == "1970-01-02T03:04:05.000Z"


def test_texts_of_all_kinds_come_back(folder: Path) -> None:
    text = 'ü "quoted" \\ \x00\x1f\u2028 \ud800 💩'
    with Ledger(folder, "lap-a") as ledger:
        ledger.append("reject", SID, 'q"4', code=-1, text=text, n=True)
    assert next(Ledger(folder, "lap-a").of_campaign('q"4')).about == {"code": -1, "text": text, "n": 1}
    assert ledger.path.read_bytes().isascii()
