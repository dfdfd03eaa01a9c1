"""Sending, with a transport that does as it is told: every outcome to its state, and all of it written down."""

from __future__ import annotations

import errno
import os
import re
from datetime import datetime
from datetime import timedelta
from email import message_from_bytes
from email import policy
from typing import TYPE_CHECKING

import pytest
from helpers import campaign_book as books
from helpers.books import commit
from helpers.books import git
from helpers.books import write
from helpers.told_transport import GONE
from helpers.told_transport import LATER
from helpers.told_transport import LOST
from helpers.told_transport import NOW
from helpers.told_transport import Told
from helpers.told_transport import go
from helpers.told_transport import later
from helpers.told_transport import said
from helpers.told_transport import state

from crmctl import clock
from crmctl.errors import NOT_SENT
from crmctl.errors import Conflict
from crmctl.errors import CrmError
from crmctl.errors import InvalidData
from crmctl.errors import StorageFailed
from crmctl.mail.addresses import Refused
from crmctl.mail.transport.outcomes import Outcome
from crmctl.mail.transport.outcomes import TransportFailed
from crmctl.mail.transport.pacing import Rate
from crmctl.services.book import Book
from crmctl.services.campaigns import control
from crmctl.services.campaigns import plan as plans
from crmctl.services.campaigns.freezing import freeze
from crmctl.services.campaigns.looking import check
from crmctl.services.campaigns.looking import look
from crmctl.services.campaigns.running import outbox
from crmctl.services.campaigns.running.asking import Asked
from crmctl.services.campaigns.running.attempting import OutcomeLost
from crmctl.services.campaigns.running.desk import Desk
from crmctl.services.campaigns.running.desk import SendingElsewhere
from crmctl.services.campaigns.running.desk import at_work
from crmctl.services.campaigns.running.refusing import NotSent
from crmctl.services.mailing.config import Unsubscribe

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def monday() -> None:
    clock.freeze(NOW)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A book with a campaign for five people."""
    return books.make(tmp_path / "book", 5)


def test_everybody_gets_it_and_it_is_finished(root: Path) -> None:
    way = Told()
    done = go(root, way)
    assert (done.complete, done.counts) == (True, {"accepted": 5})
    assert way.sent == ["p000", "p001", "p002", "p003", "p004"]
    assert books.status(root).status == "finished"
    assert books.told(root) == {f"p{number:03d}": 1 for number in range(5)}
    assert not list((Desk(Book(root)).spool).glob("*.eml"))
    again = go(root, way)
    assert (again.complete, again.counts, again.lines) == (True, {}, [])
    assert len(way.sent) == 5


def test_the_envelope_names_the_send(root: Path) -> None:
    way = Told()
    go(root, way)
    sids = {row.sid for row in books.rows(root).values()}
    assert {sender.partition("+")[2].partition("@")[0] for sender in way.senders} == sids


def test_what_is_put_off_is_tried_again_when_it_is_time(root: Path) -> None:
    way = Told(p001=LATER)
    done = go(root, way)
    assert (done.complete, done.counts) == (False, {"accepted": 4, "deferred": 1})
    (line,) = [line for line in done.lines if line.state == "deferred"]
    assert line.until == NOW + timedelta(minutes=5)
    assert said(go(root, way))["p001"] == ("wait", "deferred")
    later(minutes=6)
    assert go(root, way).counts == {"accepted": 1}
    assert state(root, "p001") == "accepted"
    assert books.status(root).status == "finished"


def test_what_is_put_off_for_two_days_is_given_up(root: Path) -> None:
    way = Told()
    for hours in (0, 1, 5, 20, 40, 49):
        clock.freeze(NOW + timedelta(hours=hours))
        way.outcomes["p001"] = LATER
        go(root, way)
    assert state(root, "p001") == "expired"
    assert "p001" not in way.sent
    assert books.status(root).status == "finished"


def test_who_is_refused_is_not_tried_again_and_the_others_are(root: Path) -> None:
    way = Told(p000=GONE)
    done = go(root, way, Asked())
    assert (done.complete, done.counts) == (False, {"accepted": 4, "rejected": 1})
    assert go(root, way).counts == {}
    assert (state(root, "p000"), books.status(root).status) == ("rejected", "finished")


def test_what_is_unknown_is_held(root: Path) -> None:
    way = Told(p002=LOST)
    assert not go(root, way).complete
    later(days=1)
    assert said(go(root, way)) == {"p002": ("hold", "unknown")}
    assert way.sent.count("p002") == 1
    assert books.status(root).status == "running"


def test_what_is_unknown_is_sent_again_where_that_is_wanted(root: Path) -> None:
    write(root, {"campaigns/spring.yaml": books.CAMPAIGN + "on_unknown: resend\n"})
    way = Told(p002=LOST)
    go(root, way)
    assert said(go(root, way)) == {"p002": ("wait", "unknown")}
    later(minutes=6)
    write(root, {"customers/p002.yaml": (root / "records/customers/p002.yaml").read_text().replace("Person", "Other")})
    assert go(root, way).counts == {"accepted": 1}
    one, two = way.data["p002"]
    assert one == two
    assert books.status(root).status == "finished"


@pytest.mark.parametrize(("basis", "state_after"), [("contract", "accepted"), ("consent", "unknown")])
def test_a_bill_comes_at_least_once_and_news_at_most(root: Path, basis: str, state_after: str) -> None:
    text = (root / "crm.yaml").read_text()
    write(root, {"/crm.yaml": f"{text}purposes: {{newsletter: {basis}}}\n"})
    way = Told(p002=LOST)
    go(root, way)
    later(minutes=6)
    go(root, way)
    assert state(root, "p002") == state_after


def test_bytes_that_are_gone_are_not_made_up(root: Path) -> None:
    write(root, {"campaigns/spring.yaml": books.CAMPAIGN + "on_unknown: resend\n"})
    way = Told(p002=LOST)
    go(root, way)
    for path in Desk(Book(root)).spool.glob("*.eml"):
        path.unlink()
    (looked,) = look(Book(root), "spring", Asked(), None).lines
    assert looked.reason.endswith("its bytes are not on this machine: crmctl outbox resolve")
    later(minutes=6)
    assert [line.state for line in look(Book(root), "spring", Asked(), None).lines] == ["hold"]
    assert said(go(root, way)) == {"p002": ("hold", "lost")}
    with pytest.raises(Conflict, match="cannot be sent again as it was"):
        outbox.resolve(Book(root), books.rows(root)["p002"].sid, "resend", "the log has nothing")
    assert state(root, "p002") == "unknown"
    assert way.sent.count("p002") == 1


def test_what_waits_is_told_in_the_time_of_the_book(root: Path) -> None:
    write(root, {"campaigns/spring.yaml": books.CAMPAIGN + "on_unknown: resend\n"})
    go(root, Told(p002=LOST))
    (line,) = look(Book(root), "spring", Asked(), None).lines
    assert line.until is not None
    now = Book(root).now()
    assert (line.until.utcoffset(), line.until > now) == (now.utcoffset(), True)


@pytest.mark.parametrize(
    ("answer", "after", "times"), [("resend", "accepted", 2), ("accepted", "accepted", 1), ("", "unknown", 1)]
)
def test_a_person_is_asked(root: Path, answer: str, after: str, times: int) -> None:
    write(root, {"campaigns/spring.yaml": books.CAMPAIGN + "on_unknown: ask\n"})
    way = Told(p002=LOST)
    go(root, way)
    asked = []

    def ask(entry: plans.Entry, _row: object) -> str:
        asked.append(entry.handle)
        return answer

    go(root, way, ask=ask)
    assert asked == ["p002"]
    assert (state(root, "p002"), way.sent.count("p002")) == (after, times)
    assert said(go(root, way)).get("p002") == (None if after == "accepted" else ("hold", "unknown"))


def test_unknown_ones_are_settled_by_hand(root: Path) -> None:
    way = Told(p001=LOST, p002=LOST, p003=LOST)
    go(root, way)
    sids = {handle: row.sid for handle, row in books.rows(root).items()}
    outbox.resolve(Book(root), sids["p001"][:12].lower(), "accepted", "she replied from ada@example.com")
    outbox.resolve(Book(root), sids["p002"], "abandoned", "she has moved")
    outbox.resolve(Book(root), sids["p003"], "resend", "the log of the server has nothing")
    with pytest.raises(Conflict, match="is accepted, and not unknown"):
        outbox.resolve(Book(root), sids["p001"], "resend", "x")
    assert books.told(root)["p001"] == 1
    go(root, way)
    assert {who: state(root, who) for who in ("p001", "p002", "p003")} == {
        "p001": "accepted",
        "p002": "abandoned",
        "p003": "accepted",
    }
    assert way.sent.count("p003") == 2
    assert way.data["p003"][0] == way.data["p003"][1]
    assert books.status(root).status == "finished"
    assert b"ada@example.com" not in b"".join(path.read_bytes() for path in (root / "records/sends").rglob("*.jsonl"))


# Who may get it, asked again at the last moment


def test_consent_that_is_taken_back_meanwhile_counts(root: Path) -> None:
    go(root, Told(), Asked(limit=1))
    record = root / "records/customers/p002.yaml"
    record.write_text(record.read_text().replace("granted", "withdrawn"))
    way = Told()
    assert said(go(root, way))["p002"] == ("out", "withdrawn")
    assert "p002" not in way.sent
    assert state(root, "p002") == "suppressed"


def test_consent_that_is_taken_back_during_the_run_counts_too(root: Path) -> None:
    way = Told()
    record = root / "records/customers/p003.yaml"

    def withdraw(who: str) -> None:
        if who == "p001":
            record.write_text(record.read_text().replace("granted", "withdrawn"))

    way.before = withdraw
    assert said(go(root, way))["p003"] == ("out", "withdrawn")
    assert way.sent == ["p000", "p001", "p002", "p004"]
    assert books.status(root).balance.suppressed == 1


def test_a_record_that_is_gone_or_is_of_somebody_else_by_now(root: Path) -> None:
    go(root, Told(), Asked(limit=1))
    (root / "records/customers/p001.yaml").unlink()
    record = root / "records/customers/p002.yaml"
    record.write_text(record.read_text().replace("ZZZZ002", "ZZZZ902"))
    way = Told()
    found = said(go(root, way))
    assert (found["p001"], found["p002"]) == (("out", "unknown"), ("out", "unknown"))
    assert way.sent == ["p003", "p004"]


def test_hours_and_weekdays_are_those_of_the_recipient(root: Path) -> None:
    more = "window: 09:00-10:30\nweekdays: [mon, tue]\n"
    write(root, {"campaigns/spring.yaml": books.CAMPAIGN + more})
    record = root / "records/customers/p001.yaml"
    record.write_text(record.read_text() + "timezone: America/New_York\n")
    way = Told()
    done = go(root, way)
    (line,) = done.lines[:1]
    assert (line.entry.handle, line.state, line.code) == ("p001", "wait", "window")
    assert line.until == datetime.fromisoformat("2026-11-23T15:00:00+01:00")
    assert done.complete
    later(hours=5)
    assert go(root, way).counts == {"accepted": 1}


@pytest.mark.parametrize(
    "rule",
    [
        "send_window: 9-17\n",
        "send_weekdays: [monday]\n",
        "holidays: [22.12.2026]\n",
        "pressure: {newsletter: 1 per month}\n",
        "pressure: {newsleter: 1 in 7d}\n",
        "purposes: {newsletter: whatever}\n",
    ],
)
def test_nothing_is_sent_while_the_rules_of_the_book_cannot_be_read(root: Path, rule: str) -> None:
    text = (root / "crm.yaml").read_text()
    write(root, {"/crm.yaml": text + rule})
    way = Told()
    with pytest.raises(InvalidData, match="nothing is sent: crm") as refused:
        go(root, way)
    assert not way.sent
    (problem,) = refused.value.problems
    assert (problem.path, problem.line > 5) == ("crm.yaml", True)
    assert str(problem) in " ".join(look(Book(root), "spring", Asked(), None).notes)
    write(root, {"/crm.yaml": text})
    assert go(root, way).counts == {"accepted": 5}


def test_who_was_written_to_often_enough_waits(root: Path) -> None:
    text = (root / "crm.yaml").read_text()
    write(root, {"/crm.yaml": f"{text}pressure: {{newsletter: 1 in 7d}}\n"})
    line = (
        '{"id": "01HXXXXXXXXXXXXXXXXXXXXXXX", "at": "2026-11-20T09:00:00+01:00", "type": "email", "direction": "out"}\n'
    )
    write(root, {"interactions/p001.jsonl": line})
    way = Told()
    assert said(go(root, way))["p001"] == ("wait", "pressure")
    later(days=5)
    assert go(root, way).counts == {"accepted": 1}


@pytest.mark.parametrize(
    ("more", "code", "complete"),
    [
        ("starts: 2026-11-24\n", "starts", True),
        ("ends: 2026-11-22\n", "ended", False),
        ("starts: 2026-11-20\nmax_lateness: 2d\n", "missed", False),
    ],
)
def test_not_before_its_day_and_not_long_after(root: Path, more: str, code: str, complete: bool) -> None:
    write(root, {"campaigns/spring.yaml": books.CAMPAIGN + more})
    way = Told()
    done = go(root, way)
    assert (way.sent, done.complete, bool(done.stopped)) == ([], complete, not complete)
    assert books.states(root) == {}
    assert {line.code for line in look(Book(root), "spring", Asked(), None).lines} == {code}
    if code == "missed":
        assert go(root, way, Asked(catch_up=True)).counts == {"accepted": 5}


# How many


def test_a_canary_and_then_a_look(root: Path) -> None:
    write(root, {"campaigns/spring.yaml": books.CAMPAIGN + "canary: 2\n"})
    way = Told()
    done = go(root, way)
    assert (len(way.sent), done.stopped, done.complete) == (2, "2 went out as a canary; have a look at them", True)
    assert books.status(root)[:2] == ("paused", "2 went out as a canary; have a look at them")
    with pytest.raises(NotSent, match="is paused: 2 went out as a canary") as refused:
        go(root, way)
    assert refused.value.code == NOT_SENT
    control.resume(Book(root), "spring")
    assert go(root, way).counts == {"accepted": 3}


def test_a_limit_is_for_one_run(root: Path) -> None:
    way = Told()
    assert [go(root, way, Asked(limit=2)).counts["accepted"] for _ in "abc"] == [2, 2, 1]
    assert len(way.sent) == len(set(way.sent)) == 5


def test_the_pace_of_earlier_runs_counts(root: Path) -> None:
    way = Told()
    done = go(root, way, rate=Rate(hour=3))
    assert (done.counts, done.complete) == ({"accepted": 3}, True)
    (line, _) = done.lines[-2:]
    assert (line.state, line.code, line.until) == ("wait", "pace", NOW + timedelta(hours=1))
    later(minutes=30)
    assert go(root, way, rate=Rate(hour=3)).counts == {}
    later(minutes=31)
    assert go(root, way, rate=Rate(hour=3)).counts == {"accepted": 2}


def test_a_short_wait_is_waited(root: Path) -> None:
    way = Told()
    slept = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        later(seconds=seconds)

    assert go(root, way, rate=Rate(minute=2), sleep=sleep).counts == {"accepted": 5}
    assert slept == [60.0, 60.0]


# When something is wrong


def test_one_message_that_cannot_be_made_keeps_all_back(root: Path) -> None:
    write(
        root,
        {"/templates/spring.md": "---\nsubject: x\n---\n{{ customer.role }}\n\n" + books.FOOT},
    )
    for number in (0, 1, 3):
        record = root / f"records/customers/p00{number}.yaml"
        record.write_text(record.read_text() + "role: Boss\n")
    way = Told()
    with pytest.raises(InvalidData, match="nothing was sent: 2 of 5 messages") as refused:
        go(root, way)
    assert [problem.message for problem in refused.value.problems] == [
        "p002: customer.role is missing",
        "p004: customer.role is missing",
    ]
    assert way.sent == []
    count, bad, *_ = check(Book(root), "spring", None)
    assert (count, [line.entry.handle for line in bad]) == (3, ["p002", "p004"])
    done = go(root, way, Asked(skip_bad=True))
    assert (way.sent, done.complete) == (["p000", "p001", "p003"], False)
    assert state(root, "p002") == "planned"


def test_a_login_that_is_refused_pauses_and_a_network_that_is_away_does_not(root: Path) -> None:
    with at_work(Book(root), "test") as desk:
        freeze(Book(root), desk, "spring")
    way = Told()
    way.refuses = TransportFailed("no route to host", phase="connect")
    done = go(root, way)
    assert (done.complete, done.stopped, books.status(root).status) == (False, "no route to host", "planned")
    way.refuses = TransportFailed("the password is wrong", phase="auth")
    go(root, way)
    assert books.status(root)[:2] == ("paused", "the password is wrong")
    assert books.states(root) == {"planned": 5}


def test_a_refusal_of_what_we_are_stops_all(root: Path) -> None:
    way = Told(p001=Outcome("rejected", 550, "5.7.1 blocked", "rcpt", "run", policy=True))
    done = go(root, way)
    assert "5.7.1 blocked" in done.stopped
    assert way.sent == ["p000"]
    assert books.states(root) == {"accepted": 1, "rejected": 1, "planned": 3}
    assert books.status(root).status == "paused"


def test_too_many_unknown_in_a_row_stop_all(root: Path) -> None:
    way = Told(p000=LOST, p001=LOST, p002=LOST, p003=LOST)
    done = go(root, way)
    assert "fate is unknown" in done.stopped
    assert books.states(root) == {"unknown": 4, "planned": 1}


def test_a_domain_that_is_slowed_down_waits_an_hour_and_others_go_on(root: Path) -> None:
    record = root / "records/customers/p004.yaml"
    record.write_text(record.read_text().replace("example.org", "example.net"))
    slow = Outcome("deferred", 421, "4.7.28 too many", "rcpt", "domain", policy=True)
    way = Told(p000=slow)
    done = go(root, way)
    assert way.sent == ["p004"]
    assert said(done)["p001"] == ("wait", "domain")
    (reason,) = {line.reason for line in done.lines if line.code == "domain"}
    assert reason == "example.org said that too many come at once"
    dry = look(Book(root), "spring", Asked(), None)
    assert said(dry)["p001"] == ("wait", "domain")
    later(minutes=59)
    go(root, way)
    assert way.sent == ["p004"]
    later(minutes=2)
    go(root, way)
    assert sorted(way.sent) == ["p000", "p001", "p002", "p003", "p004"]


def test_a_campaign_that_is_paused_meanwhile_ends_its_run(root: Path) -> None:
    way = Told()

    def hold(who: str) -> None:
        if who == "p001":
            control.pause(Book(root), "spring")

    way.before = hold
    done = go(root, way)
    assert (way.sent, done.stopped) == (["p000", "p001"], "the campaign was paused meanwhile")
    assert books.status(root).status == "paused"
    control.resume(Book(root), "spring")
    way.before = lambda _who: None
    assert go(root, way).counts == {"accepted": 3}


def test_what_is_cancelled_does_not_go_out(root: Path) -> None:
    way = Told(p001=LOST, p002=LATER)
    go(root, way, Asked(limit=3))
    cancelled = control.cancel(Book(root), "spring")
    assert (cancelled.withdrawn, cancelled.elsewhere) == (3, "")
    assert books.states(root) == {"accepted": 1, "unknown": 1, "cancelled": 3}
    assert books.status(root).balance.holds
    with pytest.raises(Conflict, match="is cancelled"):
        go(root, way)


def test_the_book_can_say_cancelled_where_another_machine_sends(root: Path) -> None:
    go(root, Told(), Asked(limit=2))
    record = root / "records/campaigns/spring.yaml"
    here = books.status(root).sender
    record.write_text(record.read_text().replace(f"sender: {here}", "sender: other-laptop"))
    commit(root)
    cancelled = control.cancel(Book(root), "spring")
    assert (cancelled.withdrawn, cancelled.elsewhere) == (0, "other-laptop")
    assert books.status(root).status == "cancelled"
    record.write_text(record.read_text().replace("sender: other-laptop", f"sender: {here}"))
    commit(root)
    assert control.cancel(Book(root), "spring").withdrawn == 3
    assert books.status(root).balance.pending == 0


def test_a_draft_that_was_paused_is_a_draft_again(root: Path) -> None:
    control.pause(Book(root), "spring")
    control.resume(Book(root), "spring")
    assert books.status(root).status == "draft"
    with at_work(Book(root), "test") as desk:
        freeze(Book(root), desk, "spring")
    control.pause(Book(root), "spring")
    control.resume(Book(root), "spring")
    assert books.status(root).status == "planned"


def test_the_first_campaign_of_a_book_has_tokens_too(root: Path) -> None:
    way = Told()
    go(root, way, unsubscribe=Unsubscribe("unsub@example.com", "https://example.com/u"))
    assert len(way.data) == 5
    links = []
    for (data,) in way.data.values():
        message = message_from_bytes(data, policy=policy.default)
        links.append(str(message["List-Unsubscribe"]).strip("<>"))
        assert re.fullmatch(r"mailto:unsub\+u\w+@example\.com\?subject=unsubscribe%20newsletter", links[-1])
        text = message.get_body(("plain",))
        assert text is not None
        assert links[-1] in text.get_content()
    assert len(set(links)) == 5


@pytest.mark.parametrize("short", [True, False])
@pytest.mark.parametrize(("event", "sent_before"), [(b'"ev":"attempt"', 2), (b'"ev":"dot"', 2), (b'"ev":"accept"', 3)])
def test_a_disk_that_is_full_at_any_line_of_the_ledger(
    root: Path, monkeypatch: pytest.MonkeyPatch, event: bytes, sent_before: int, short: bool
) -> None:
    way = Told()
    go(root, way, Asked(limit=2))
    real = os.write

    def full(descriptor: int, data: bytes) -> int:
        if event in bytes(data):
            if short:
                return real(descriptor, bytes(data)[:40])
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, data)

    with monkeypatch.context() as patched:
        patched.setattr("crmctl.mail.ledger.log.os.write", full)
        with pytest.raises(StorageFailed) as failed:
            go(root, way)
    assert len(way.sent) == sent_before
    sid = books.rows(root)["p002"].sid
    if b"accept" in event:
        assert isinstance(failed.value, OutcomeLost)
        words = f"{sid}: the server's answer could not be written down: accepted 250 2.0.0 queued"
        assert words in failed.value.message
        assert "outbox resolve" in failed.value.hint
    left = {b'"ev":"attempt"': "planned", b'"ev":"dot"': "rendered", b'"ev":"accept"': "unknown"}
    assert state(root, "p002") == left[event]
    go(root, way)
    assert sorted(way.sent) == [f"p00{number}" for number in range(5)]


def test_a_ledger_that_was_edited_sends_nothing(root: Path) -> None:
    way = Told()
    go(root, way, Asked(limit=2))
    desk = Desk(Book(root))
    desk.ledger.path.write_bytes(desk.ledger.path.read_bytes().replace(b'"ev":"accept"', b'"ev":"reject"', 1))
    with pytest.raises(Exception, match="nothing is sent") as refused:
        go(root, way)
    assert getattr(refused.value, "code", 0) == NOT_SENT
    assert len(way.sent) == 2
    assert books.status(root).problems


# Plans


def test_later_edits_do_not_leak_in(root: Path) -> None:
    with at_work(Book(root), "test") as desk:
        freeze(Book(root), desk, "spring")
    write(root, {"/templates/spring.md": books.TEMPLATE.replace("Dear", "Yo")})
    record = root / "records/customers/p001.yaml"
    record.write_text(record.read_text().replace("p001@", "other@"))
    (root / "records/segments/everyone.yaml").write_text("name: Everyone\ncustomers: [p000]\n")
    way = Told()
    go(root, way)
    assert way.sent == ["p000", "p001", "p002", "p003", "p004"]
    assert b"Dear" in way.data["p001"][0]


def test_a_new_revision_leaves_alone_what_was_tried(root: Path) -> None:
    way = Told(p001=LATER, p002=LOST)
    go(root, way, Asked(limit=3))
    write(root, {"segments/everyone.yaml": "name: Everyone\ncustomers: [p004, p005]\n"})
    person = books.PERSON.format(id="01HZZZZZZZZZZZZZZZZZZZZ005", name="New", handle="p005")
    twin = books.PERSON.format(id="01HZZZZZZZZZZZZZZZZZZZZ006", name="Twin", handle="p000")
    write(root, {"customers/p005.yaml": person, "customers/p006.yaml": twin})
    write(root, {"segments/everyone.yaml": "name: Everyone\ncustomers: [p004, p005, p006]\n"})
    with at_work(Book(root), "test") as desk:
        frozen, changes = freeze(Book(root), desk, "spring", refresh=True)
    assert [(change.what, change.handle) for change in changes] == [("leaves", "p003"), ("enters", "p005")]
    assert frozen.revision == 2
    assert state(root, "p003") == "cancelled"
    later(minutes=6)
    way.sent.clear()
    go(root, way)
    assert sorted(way.sent) == ["p001", "p004", "p005"]  # Whoever shares p000's address has got it.
    assert state(root, "p006") == "skipped"
    assert books.status(root).balance.holds
    with at_work(Book(root), "test") as desk, pytest.raises(Conflict, match="is frozen already"):
        freeze(Book(root), desk, "spring")


def test_who_left_the_plan_can_come_back(root: Path) -> None:
    for people, after in (("[p000]", "cancelled"), ("[p000, p001]", "planned")):
        go(root, Told(), Asked(limit=1)) if after == "cancelled" else None
        write(root, {"segments/everyone.yaml": f"name: Everyone\ncustomers: {people}\n"})
        with at_work(Book(root), "test") as desk:
            freeze(Book(root), desk, "spring", refresh=True)
        assert state(root, "p001") == after


def test_a_plan_is_private_and_the_ledger_has_no_address(root: Path) -> None:
    go(root, Told(p001=Outcome("rejected", 550, "<p001@example.org> unknown", "rcpt")))
    desk = Desk(Book(root))
    (path,) = (desk.state / plans.FOLDER).glob("*")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert b"p001@example.org" in path.read_bytes()
    assert b"p001@" not in desk.ledger.path.read_bytes()


def test_arms_and_a_holdout(tmp_path: Path) -> None:
    more = "holdout: 30\narms:\n- {name: a, share: 50}\n- {name: b, template: other}\n"
    root = books.make(tmp_path / "book", 60, more)
    write(root, {"/templates/other.md": books.TEMPLATE.replace("Dear", "Hi")})
    way = Told()
    go(root, way)
    found = books.rows(root)
    held = {who for who, row in found.items() if row.state == "held_out"}
    assert 5 <= len(held) <= 35
    assert held.isdisjoint(way.sent)
    for who in way.sent:
        assert (b"Hi " in way.data[who][0]) == (found[who].arm == "b")
    assert {row.arm for who, row in found.items() if who not in held} == {"a", "b"}


def test_a_dry_run_writes_nothing(root: Path) -> None:
    before = git(root, "rev-parse", "HEAD")
    found = look(Book(root), "spring", Asked(limit=3), None)
    assert [line.state for line in found.lines] == ["send"] * 3 + ["wait"] * 2
    assert git(root, "rev-parse", "HEAD") == before
    assert git(root, "status", "--porcelain") == ""
    assert not (root / ".git/crmctl/mail").exists()


def test_the_book_that_cannot_be_written_does_not_stop_the_mail(root: Path) -> None:
    go(root, Told(), Asked(limit=1))
    (root / ".git" / "rebase-merge").mkdir()
    way = Told()
    done = go(root, way)
    assert (done.counts, len(way.sent)) == ({"accepted": 4}, 4)
    assert any("could not be brought up to date" in note for note in done.notes)
    assert sum(books.told(root).values()) == 1
    (root / ".git" / "rebase-merge").rmdir()
    go(root, way)
    assert books.told(root) == {f"p{number:03d}": 1 for number in range(5)}
    assert books.status(root).status == "finished"


def test_who_lets_it_go_on_is_not_stopped_by_what_they_looked_at(tmp_path: Path) -> None:
    root = books.make(tmp_path / "book", 70)
    way = Told(**{f"p0{number:02d}": GONE for number in range(3)})
    done = go(root, way)
    assert "addresses do not take mail" in done.stopped
    left = books.states(root)["planned"]
    assert left > 0
    later(minutes=1)
    control.resume(Book(root), "spring")
    assert go(root, way).counts == {"accepted": left}
    assert books.status(root).status == "finished"


def test_nothing_of_anybody_stays_in_the_spool(root: Path) -> None:
    way = Told(p000=GONE, p001=LATER, p002=LOST)
    go(root, way)
    folder = Desk(Book(root)).spool
    kept = {path.stem for path in folder.glob("*.eml")}
    assert kept == {books.rows(root)[who].sid for who in ("p001", "p002")}
    outbox.resolve(Book(root), books.rows(root)["p002"].sid, "abandoned", "gone")
    later(minutes=6)
    go(root, way)
    assert not list(folder.iterdir())


@pytest.mark.parametrize("back", [timedelta(hours=2), timedelta(days=365 * 56)])
def test_a_clock_that_goes_back_sends_nothing_early_or_twice_and_waits_for_no_year(root: Path, back: timedelta) -> None:
    way = Told(p001=LATER)
    go(root, way, Asked(limit=3), rate=Rate(hour=4))
    clock.freeze(NOW - back)
    done = go(root, way, rate=Rate(hour=4))
    assert said(done)["p001"] == ("wait", "deferred")
    later(minutes=3)
    go(root, way, rate=Rate(hour=4))
    assert state(root, "p001") == "deferred"
    for _ in "ab":
        later(hours=1, minutes=1)
        go(root, way, rate=Rate(hour=4))
    assert sorted(way.sent) == [f"p00{number}" for number in range(5)]


def test_news_that_do_not_say_whose_they_are_are_not_sent(root: Path) -> None:
    write(root, {"/templates/spring.md": "---\nsubject: x\n---\nDear {{ customer.name }}\n"})
    way = Told()
    with pytest.raises(InvalidData, match="nothing was sent: the text part does not say the sender's name") as refused:
        go(root, way)
    assert {problem.code for problem in refused.value.problems} == {"lacks"}
    assert way.sent == []
    found = check(Book(root), "spring", None)
    assert (found.good, {line.code for line in found.bad}) == (0, {"lacks"})


def test_a_plan_that_cannot_be_read_is_made_anew(root: Path) -> None:
    way = Told()
    go(root, way, Asked(limit=2))
    (path,) = (Desk(Book(root)).state / plans.FOLDER).glob("*")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InvalidData, match="the plan cannot be read"):
        go(root, way)
    with at_work(Book(root), "test") as desk:
        frozen, _ = freeze(Book(root), desk, "spring", refresh=True)
    assert frozen.revision == 1
    assert go(root, way).counts == {"accepted": 3}
    assert len(way.sent) == len(set(way.sent)) == 5


def test_a_campaign_without_an_id_gets_one_and_a_sender(root: Path) -> None:
    commit(root, {"campaigns/spring.yaml": books.CAMPAIGN.partition("\n")[2]})
    assert go(root).counts == {"accepted": 5}
    data = (root / "records/campaigns/spring.yaml").read_text()
    assert "id: 01" in data
    assert f"sender: {Desk(Book(root)).host}" in data


@pytest.mark.parametrize(
    ("sender", "words"), [("any", "has no remote to sync with"), ("lap-other", "is sent by lap-other")]
)
def test_the_machine_that_is_named_sends_it(root: Path, sender: str, words: str) -> None:
    write(root, {"campaigns/spring.yaml": f"{books.CAMPAIGN}sender: {sender}\n"})
    way = Told()
    with pytest.raises(CrmError, match=words) as refused:
        go(root, way)
    assert f"sender={Desk(Book(root)).host}" in refused.value.hint
    assert way.sent == []


def test_somebody_else_at_the_ledger_is_somebody_else_who_sends(root: Path) -> None:
    way = Told()
    with Desk(Book(root)).ledger, pytest.raises(SendingElsewhere):
        go(root, way)
    assert way.sent == []


def test_more_messages_than_are_kept_in_memory(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crmctl.services.campaigns.messages.prepared.KEPT", 1)
    way = Told()
    record = root / "records/customers/p003.yaml"

    def change(who: str) -> None:
        if who == "p000":
            record.write_text(record.read_text().replace("Person 003", '"Person\\n003"'))

    way.before = change
    monkeypatch.setattr("crmctl.services.campaigns.messages.prepared._AHEAD", 1)
    done = go(root, way)
    assert way.sent == ["p000", "p001", "p002", "p003", "p004"]
    assert {data.count(b"Subject: Spring for Person") for copies in way.data.values() for data in copies} == {1}
    assert done.complete


def test_what_the_transport_cannot_send_is_refused_or_left(root: Path) -> None:
    way = Told()

    def fail(who: str) -> None:
        if who == "p001":
            raise Refused("this server takes no such address")
        if who == "p003":
            raise TransportFailed("the connection is gone", scope="row")

    way.before = fail
    done = go(root, way)
    assert said(done)["p001"] == ("rejected", "mail")
    assert said(done)["p003"] == ("not_tried", "connect")
    assert books.states(root) == {"accepted": 3, "rejected": 1, "rendered": 1}
    way.before = lambda _who: None
    assert go(root, way).counts == {"accepted": 1}


def test_a_record_that_cannot_be_written_is_not_planned(root: Path) -> None:
    write(root, {"campaigns/spring.yaml": f"{books.CAMPAIGN}status: draft\n"})
    with pytest.raises(Conflict, match="was changed by hand"):
        go(root)
    assert not (Desk(Book(root)).state / plans.FOLDER).exists()
    commit(root)
    assert go(root).counts == {"accepted": 5}


def test_an_open_complaint_holds_news_back(root: Path) -> None:
    write(root, {"cases/late.yaml": "name: Late\ncustomer: p001\ntype: complaint\nstatus: open\n"})
    way = Told()
    go(root, way)
    assert ("p001" not in way.sent, state(root, "p001")) == (True, "suppressed")
