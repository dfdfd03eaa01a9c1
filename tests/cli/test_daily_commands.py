"""log, timeline, brief, today, find, followup done and snooze: wiring, streams, exit codes, shapes."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

import pytest

from crmctl.cli.app import App

if TYPE_CHECKING:
    from pathlib import Path


class Result(NamedTuple):
    code: int
    out: str
    err: str


Say = Callable[..., Result]


@pytest.fixture
def say(run: Callable[..., Result], sample_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Say:
    """Run one command line on the sample book, on its own day, with nothing on stdin."""
    _stdin(monkeypatch, b"")

    def call(*arguments: object) -> Result:
        return run("-C", sample_dir, "--now", "2012-01-16T12:00", *arguments)

    return call


class _Stdin(io.TextIOWrapper):
    tty = False

    def isatty(self) -> bool:
        return self.tty


def _stdin(monkeypatch: pytest.MonkeyPatch, data: bytes, *, tty: bool = False) -> None:
    stream = _Stdin(io.BytesIO(data))
    stream.tty = tty
    monkeypatch.setattr(sys, "stdin", stream)


def _terminal(monkeypatch: pytest.MonkeyPatch, columns: int = 80) -> None:
    monkeypatch.setattr(App, "terminal", property(lambda _: True))
    monkeypatch.setenv("COLUMNS", str(columns))


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True).stdout


def _last(book: Path, customer: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((book / f"records/interactions/{customer}.jsonl").read_text().splitlines()[-1])
    return found


# log


def test_log_says_in_one_line_what_it_wrote_and_how_to_undo_it(say: Say, sample_dir: Path) -> None:
    result = say("log", "luis-g", "call", "wants", "an", "offer", "--minutes", 12, "--at", "9:30")
    assert (result.code, result.out) == (0, "")
    assert result.err.startswith("log: call with luis-goncalves (at Mon 2012-01-16 09:30)  [undo: crmctl ")
    assert result.err.count("\n") == 1
    found = _last(sample_dir, "luis-goncalves")
    assert (found["text"], found["minutes"]) == ("wants an offer", "12")


def test_log_with_everything_is_one_commit(say: Say, sample_dir: Path) -> None:
    before = _git(sample_dir, "rev-parse", "HEAD").strip()
    options = ["--direction", "out", "--by", "jane", "--amount", "120", "--currency", "CAD", "--deal", "embraer"]
    options += [
        "--case",
        "jukebox",
        "--campaign",
        "new-year",
        "--tag",
        "vip",
        "--outcome",
        "reached",
        "--set",
        "source=web",
    ]
    options += ["--followup", "Send offer", "--due", "fri", "--promised"]
    result = say("log", "luis-g", "call", "hello", *options)
    assert result.code == 0
    assert "due Fri 2012-01-20" in result.err
    found = _last(sample_dir, "luis-goncalves")
    del found["id"]
    assert found == {
        "at": "2012-01-16T12:00:00-07:00",
        "type": "call",
        "direction": "out",
        "by": "jane-peacock",
        "text": "hello",
        "outcome": "reached",
        "deal": "embraer-cabin-music",
        "case": "jukebox-needs-wav",
        "campaign": "new-year-newsletter",
        "amount": "120.00",
        "currency": "CAD",
        "tags": ["vip"],
        "source": "web",
    }
    text = (sample_dir / "records/followups/send-offer.yaml").read_text()
    assert 'due: "2012-01-20"' in text
    assert 'promised: "yes"' in text
    assert _git(sample_dir, "rev-parse", "HEAD^").strip() == before
    assert _git(sample_dir, "status", "--porcelain") == ""


def test_log_takes_its_text_from_stdin(say: Say, sample_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for words in (["-"], []):
        _stdin(monkeypatch, "Grüße\nfrom a mail\n".encode())
        assert say("log", "luis-g", "email", *words).code == 0
        assert _last(sample_dir, "luis-goncalves")["text"] == "Grüße\nfrom a mail"


def test_log_leaves_stdin_alone_where_no_text_is_needed(
    say: Say, sample_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _stdin(monkeypatch, b"the next line of somebody's loop\n")
    assert say("log", "luis-g", "purchase", "--amount", "5").code == 0
    assert "text" not in _last(sample_dir, "luis-goncalves")
    assert sys.stdin.read() == "the next line of somebody's loop\n"


def test_log_refuses_a_text_that_is_not_utf_8(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    _stdin(monkeypatch, b"Gr\xfc\xdfe")
    result = say("log", "luis-g", "email", "-")
    assert result.code == 4
    assert "not UTF-8" in result.err


def _editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    editor = tmp_path / "editor"
    editor.write_text(f"#!/bin/sh\n{script}\n")
    editor.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(editor))
    monkeypatch.setattr(App, "can_ask", property(lambda app: not app.no_input))
    _stdin(monkeypatch, b"", tty=True)


def test_log_asks_the_editor_on_a_terminal(
    say: Say, sample_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _editor(
        tmp_path, monkeypatch, "grep -q 'call with luis-goncalves' \"$1\" && sed -i '1i # Minutes\\nall well' \"$1\""
    )
    assert say("log", "luis-g", "call").code == 0
    assert _last(sample_dir, "luis-goncalves")["text"] == "# Minutes\nall well"


def test_log_gives_up_when_nothing_was_written(
    say: Say, sample_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _git(sample_dir, "rev-parse", "HEAD")
    _editor(tmp_path, monkeypatch, "true")
    assert say("log", "luis-g", "call").code == 130
    assert _git(sample_dir, "rev-parse", "HEAD") == before


def test_log_never_asks_with_no_input(
    say: Say, sample_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _editor(tmp_path, monkeypatch, 'echo unwanted > "$1"')
    assert say("log", "luis-g", "call", "--no-input").code == 0
    assert "text" not in _last(sample_dir, "luis-goncalves")


def test_log_of_a_purchase_by_lines(say: Say, sample_dir: Path) -> None:
    assert say("log", "luis-g", "purchase", "--line", "rock*3", "--line", "jaz@1.50").code == 0
    found = _last(sample_dir, "luis-goncalves")
    assert found["amount"] == "4.47"
    assert [line["product"] for line in found["lines"]] == ["rock", "jazz"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["luis-g", "cal", "x"], 2, "Did you mean call?"),
        (["luis", "call", "x"], 3, "luis-rojas"),
        (["nobody-at-all", "call", "x"], 3, "there is no customer"),
        (["luis-g", "call", "x", "--due", "fri"], 2, "--due"),
        (["luis-g", "call", "x", "--promised"], 2, "--promised"),
        (["luis-g", "call", "x", "--followup", " ", "--due", "fri"], 2, "--due"),
        (["luis-g", "call", "x", "--amount", "1,234"], 4, "can be 1234 or 1.234"),
        (["luis-g", "call", "x", "--at", "11/12/2011"], 2, "11/12/2011"),
        (["luis-g", "call", "x", "--deal", "nothing-like-it"], 3, "there is no deal"),
        (["luis-g", "call", "x", "--set", "foo=1"], 2, "no field 'foo'"),
        (["luis-g", "call", "x", "--set", "at="], 4, "interaction has no at"),
        (["luis-g", "call", "x", "--set", "at=tomorrow"], 2, "lies ahead"),
        (["luis-g", "purchase", "--line", "rock*"], 2, "not a line"),
    ],
)
def test_log_refuses_and_writes_nothing(
    say: Say, sample_dir: Path, arguments: list[str], code: int, words: str
) -> None:
    before = _git(sample_dir, "rev-parse", "HEAD")
    result = say("log", *arguments)
    assert (result.code, result.out) == (code, "")
    assert words in result.err
    assert _git(sample_dir, "rev-parse", "HEAD") == before
    assert _git(sample_dir, "status", "--porcelain") == ""


def test_interaction_add_is_log(say: Say, sample_dir: Path) -> None:
    assert say("interaction", "add", "luis-g", "note", "x").code == 0
    assert _last(sample_dir, "luis-goncalves")["text"] == "x"


def test_what_was_logged_is_there_for_the_next_command(say: Say) -> None:
    say("log", "luis-g", "call", "a quite unusual word: xylograph")
    assert "xylograph" in say("timeline", "luis-g", "--limit", 1).out
    assert say("find", "xylograph").code == 0


# timeline


def test_timeline_for_people(say: Say) -> None:
    result = say("timeline", "luis-g", "--limit", 4)
    assert result.code == 0
    lines = result.out.splitlines()
    assert lines[0].split() == ["when", "type", "by", "what"]
    assert lines[2].startswith("2012-01-12 11:20  call →   jane-peacock  Promised the new clause 4 for Monday.")
    assert lines[2].endswith("· reached · 9 min")
    assert lines[5].endswith("Video meeting with Luís and Ana from Legal. … · 55 min")


def test_timeline_fits_a_terminal(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    _terminal(monkeypatch, 80)
    assert all(len(line) <= 80 for line in say("timeline", "luis-g", "--no-pager").out.splitlines())


def test_timeline_for_programs(say: Say) -> None:
    found = json.loads(say("timeline", "luis-g", "amount>10", "-o", "json").out)
    assert found[0]["amount"] == "13.86"
    assert found[0]["currency"] == "USD"
    assert found[0]["minutes"] is None
    names = "id at type direction by text outcome minutes amount currency deal case campaign lines"
    assert list(found[0]) == names.split()


def test_timeline_turned_round_and_ids(say: Say) -> None:
    ids = say("timeline", "luis-g", "-o", "ids").out.split()
    assert say("timeline", "luis-g", "-o", "ids", "--reverse").out.split() == ids[::-1]
    table = say("timeline", "luis-g", "--ids", "--limit", 1).out
    assert table.rstrip().endswith(ids[0])


def test_timeline_without_what_a_filter_leaves_out(say: Say) -> None:
    # There is an h for --help and a p in it; a filter is not a bundle of options.
    result = say("timeline", "luis-g", "-type:purchase", "--limit", 3, "-o", "json")
    assert [event["type"] for event in json.loads(result.out)] == ["call", "email", "email"]
    assert say("timeline", "-q", "luis-g", "-type:purchase", "-o", "ids", "--", "-type:email").out.count("\n") == 3


def test_an_empty_timeline_says_so_on_stderr(say: Say) -> None:
    result = say("timeline", "luis-g", "type:visit")
    assert (result.code, result.out) == (0, "")
    assert "Nothing like that happened with luis-goncalves yet" in result.err


# brief


def test_brief_has_it_all_on_one_screen(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    _terminal(monkeypatch, 80)
    result = say("brief", "luis-g", "--no-pager")
    assert result.code == 0
    lines = result.out.splitlines()
    assert len(lines) <= 40
    assert all(len(line) <= 80 for line in lines)
    for words in (
        "Luís Gonçalves  luis-goncalves",
        "Mon 17:00 there, 5 h ahead",
        "7 orders, 39.62 USD",
        "2012-01-12  call →      Promised the new clause 4",
        "We promised",
        "  today       Send the new clause 4 of the licence · new-clause-4",
        "negotiation 80 % · 2400.00 USD · closes 2012-01-31",
        "next: Send the new clause 4",
        "newsletter    granted since 2008-03-10, by email only",
        "service       not needed (contract)",
    ):
        assert words in result.out


def test_brief_is_loud_where_nobody_may_call(say: Say) -> None:
    assert "\nDO NOT CONTACT\n" in say("brief", "frank-ralston").out
    colored = say("brief", "frank-ralston", "--color", "always").out
    assert "\x1b[31m\x1b[1mDO NOT CONTACT" in colored


def test_brief_shows_cases_and_what_is_late(say: Say) -> None:
    assert "first answer was due Fri 2012-01-13 10:20" in say("brief", "terhi").out
    out = say("brief", "jennifer-p").out
    assert "2012-01-04  Call about the decision, the close date is over · 12 d late" in out
    assert "should have closed 2011-12-31" in out


def test_brief_of_little(say: Say, sample_dir: Path) -> None:
    (sample_dir / "records/customers/bo.yaml").write_text(
        'name: "Bo \\x1b[31m"\ncadence: "30d"\nbirthday: "1990-01-20"\nnotes: |\n  one\n\n  two\n'
        "do_not_contact:\n  - phone\n  - sms\nrelations:\n"
        + "".join(f"  - customer: {name}-{n}\n" for n in range(6) for name in ["x"])
    )
    out = say("brief", "bo").out
    assert "Bo \\x1b[31m" in out
    assert "no contact yet · wanted every 30 days" in out
    assert "birthday Fri 2012-01-20 (born 1990-01-20)" in out
    assert "DO NOT CONTACT by phone, sms" in out
    assert "  one\n  two\n" in out
    assert "  and 1 more" in out
    assert "newsletter    none" in out


def test_brief_as_an_object(say: Say) -> None:
    found = json.loads(say("brief", "luis-g", "-o", "json").out)
    names = "handle record organization country clock counters birthday contacts deals cases followups consent people"
    assert list(found) == names.split()
    assert found["followups"][0]["promised"] is True
    assert found["deals"][0]["amount"] == "2400.00"


# today


def test_today_for_people(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    _terminal(monkeypatch, 80)
    result = say("today", "--no-pager")
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert lines[0] == "Monday 2012-01-16"
    assert all(len(line) <= 80 for line in lines)
    headings = [line for line in lines[1:] if line and not line.startswith(" ")]
    assert headings == ["Follow-ups", "Waiting for an answer", "Cases", "Deals", "Birthdays"]
    assert "   3 d late  Send the list of early Chicago blues" in lines
    assert "             Luís Gonçalves · promised for today · new-clause-4" in lines
    assert "       idle  Music for a hackathon" in lines
    assert "      today  Robert Brown" in lines


def test_today_in_a_pipe_breaks_no_line(say: Say) -> None:
    assert "Jennifer Peterson · was due Wed 2012-01-04 · call-rogers-about-the-decision" in say("today").out


def test_today_for_programs(say: Say) -> None:
    found = json.loads(say("today", "-o", "json").out)
    assert found[0] == {
        "handle": "list-of-chicago-blues",
        "kind": "followup",
        "why": "overdue",
        "when": "2012-01-13",
        "days": -3,
        "customer": "johannes-van-der-berg",
        "name": "Johannes Van der Berg",
        "what": "Send the list of early Chicago blues",
        "reason": "promised for Fri 2012-01-13",
        "owner": "steve-johnson",
    }
    assert say("today", "-o", "ids").out.split()[:2] == ["list-of-chicago-blues", "new-clause-4"]


def test_today_of_one_member_some_days_ahead(say: Say) -> None:
    out = say("today", "--owner", "steve", "--days", 5, "-o", "ids").out.split()
    assert out == ["list-of-chicago-blues", "call-telus-after-the-meeting", "astrid-gruber", "helena-holy"]
    assert say("today", "--owner", "nobody-like-that").code == 3


def test_today_sums_up_long_sections(say: Say, sample_dir: Path) -> None:
    for number in range(12):
        path = sample_dir / f"records/customers/cold-{number}.yaml"
        path.write_text(f'name: Cold {number}\ncadence: "1d"\n')
    out = say("today").out
    assert "Getting cold" in out
    assert "      never  Cold 0\n             no contact yet, wanted every 1 day · cold-0\n" in out
    assert "  and 2 more (--all shows them)" in out
    assert out.count("no contact yet") == 10
    assert say("today", "--all").out.count("no contact yet") == 12
    assert len(json.loads(say("today", "-o", "json").out)) == 27


def test_today_with_nothing_due_says_nothing_on_stdout(run: Callable[..., Result], book_dir: Path) -> None:
    result = run("-C", book_dir, "today")
    assert (result.code, result.out, result.err) == (0, "", "Nothing is due.\n")
    assert run("-C", book_dir, "today", "-q") == (0, "", "")
    assert run("-C", book_dir, "today", "-o", "json").out == "[]\n"


# find


def test_find_for_people(say: Say) -> None:
    result = say("find", "clause")
    assert (result.code, result.err) == (0, "")
    lines = [line.split() for line in result.out.splitlines()]
    assert lines[0] == ["kind", "who", "title", "where"]
    assert lines[2][:2] == ["followup", "new-clause-4"]
    assert lines[4][:3] == ["call", "luis-goncalves", "2012-01-12"]


def test_find_for_programs(say: Say) -> None:
    found = json.loads(say("find", "legal", "clause", "-o", "json").out)
    assert len(found) == 1
    assert found[0]["kind"] == "interaction"
    assert found[0]["title"] == "email"
    assert found[0]["customer"] == "luis-goncalves"
    assert found[0]["date"] == "2012-01-12"
    assert found[0]["where"].startswith("Legal agrees but for clause 4")
    assert say("find", "embraer-cabin-music", "-o", "ids", "--limit", 1).out == "embraer-cabin-music\n"


def test_find_tells_of_more(say: Say) -> None:
    result = say("find", "order", "--limit", 3)
    assert len(result.out.splitlines()) == 5
    assert "first 3" in result.err


def test_find_with_nothing_found(say: Say) -> None:
    result = say("find", "zzz", "yyy")
    assert (result.code, result.out) == (3, "")
    assert "nothing has 'zzz yyy' in it" in result.err
    assert say("find", "zzz", "-o", "json")[:2] == (3, "[]\n")
    assert say("find").code == 2


# followup


def test_followup_done_and_snooze(say: Say, sample_dir: Path) -> None:
    result = say("followup", "done", "new-clause", "--outcome", "sent")
    assert (result.code, result.out) == (0, "")
    assert result.err.startswith("followup: done new-clause-4 (done Mon 2012-01-16)  [undo: ")
    result = say("followup", "snooze", "titles", "fri")
    assert result.err.startswith("followup: snooze titles-for-the-carnival (due Fri 2012-01-20)  [undo: ")
    assert _git(sample_dir, "log", "-2", "--format=%s").splitlines() == [
        "followup: snooze titles-for-the-carnival",
        "followup: done new-clause-4",
    ]
    assert _git(sample_dir, "status", "--porcelain") == ""
    assert say("followup", "done", "new-clause").err == "Nothing to change (it was done on 2012-01-16).\n"


def test_followup_done_asks_which_one(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    result = say("followup", "done", "send the")
    assert result.code == 3
    assert "titles-for-the-carnival" in result.err
    monkeypatch.setattr(App, "choose", lambda *_: "new-clause-4")
    assert say("followup", "done", "send the").err.startswith("followup: done new-clause-4")


def test_followup_add_echoes_the_day(say: Say) -> None:
    result = say("followup", "add", "Ring", "--customer", "luis-g", "--due", "fri")
    assert (result.code, "due Fri 2012-01-20" in result.err) == (0, True)


@pytest.mark.parametrize("command", ["log", "timeline", "brief", "today", "find"])
def test_every_command_has_help(say: Say, command: str) -> None:
    result = say(command, "--help")
    assert result.code == 0
    assert result.out.startswith(f"Usage: crmctl {command}")
