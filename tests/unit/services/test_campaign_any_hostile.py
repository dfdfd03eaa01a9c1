"""``sender: any`` under attack: what is lost, edited, pinned or asleep between a claim and a mail doubles none."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from helpers import campaign_book as books
from helpers.books import commit
from helpers.books import git
from helpers.machines import PEOPLE
from helpers.machines import Died
from helpers.machines import Machine
from helpers.machines import shared_book
from helpers.told_transport import NOW
from helpers.told_transport import Told
from helpers.told_transport import later

from crmctl import clock
from crmctl.errors import Conflict
from crmctl.errors import CrmError
from crmctl.mail.transport.pacing import Rate
from crmctl.services.campaigns import control
from crmctl.services.campaigns import freezing
from crmctl.services.campaigns.campaign import read
from crmctl.services.campaigns.machines import claiming
from crmctl.services.campaigns.machines import taking_over
from crmctl.services.campaigns.running import mirror
from crmctl.services.campaigns.running import outbox
from crmctl.services.campaigns.running.asking import Asked
from crmctl.services.campaigns.running.desk import at_work
from crmctl.services.campaigns.running.refusing import NotSent
from crmctl.services.joining import sync
from crmctl.services.joining import sync_removals

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def monday(monkeypatch: pytest.MonkeyPatch) -> None:
    clock.freeze(NOW)
    monkeypatch.setattr(sync, "jitter", lambda _attempt: 0.0)


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    return shared_book(tmp_path)


@pytest.fixture
def ann(tmp_path: Path, remote: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path / "ann", remote, monkeypatch)


@pytest.fixture
def bob(tmp_path: Path, remote: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path / "bob", remote, monkeypatch)


def die(_who: str) -> None:
    raise Died


def killed(machine: Machine) -> None:
    """Have the machine claim everybody, and die before it sends anything."""
    way = Told()
    way.before = die
    with pytest.raises(Died):
        machine.go(way)


@pytest.mark.parametrize("how", ["in the work tree", "committed", "committed elsewhere", "cut"])
def test_claims_that_vanish_from_the_files_hold_all_the_same(
    ann: Machine, bob: Machine, tmp_path: Path, remote: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    # In a larger book so few lines would be no reason to ask.
    monkeypatch.setattr(sync_removals, "check", lambda *_: None)
    killed(ann)
    bob.sync()
    if how == "committed elsewhere":
        bob.go()
        git(tmp_path, "clone", "-q", str(remote), "other")
        git(tmp_path / "other", "rm", "-rq", "records/sends")
        git(tmp_path / "other", "commit", "-qm", "tidy")
        git(tmp_path / "other", "push", "-q")
    elif how == "cut":
        (mirrored,) = (bob.root / "records/sends/spring").glob("*.jsonl")
        lines = mirrored.read_bytes().splitlines(keepends=True)
        mirrored.write_bytes(b"".join(line for line in lines if b'"ev":"claim"' not in line))
    else:
        shutil.rmtree(bob.root / "records/sends")
        if how == "committed":
            bob.go()  # Met, so it has been seen.
            shutil.rmtree(bob.root / "records/sends", ignore_errors=True)
            commit(bob.root, message="gone")
    his = Told()
    done = bob.go(his)
    assert his.sent == []
    assert {line.code for line in done.lines} == {"elsewhere"}
    hers = Told()
    assert ann.go(hers).balance.accepted == PEOPLE
    assert len(hers.sent) == PEOPLE


def test_an_edited_claim_stops_everybody(ann: Machine, bob: Machine) -> None:
    killed(ann)
    bob.sync()
    (mirrored,) = (bob.root / "records/sends/spring").glob("*.jsonl")
    mirrored.write_bytes(mirrored.read_bytes().replace(b'"ev":"claim"', b'"ev":"release"'))
    his = Told()
    with pytest.raises(CrmError):
        bob.go(his)
    assert his.sent == []


def test_pinned_and_back_while_the_one_machine_sends(ann: Machine, bob: Machine) -> None:
    ann.go(asked=Asked(limit=1))
    bob.go(asked=Asked(limit=1))
    ann.sync()
    ann.sender(ann.name)
    bob.sync()
    hers, his = Told(), Told()

    def back(who: str) -> None:
        if who == "p003":
            bob.sender("any")
            with pytest.raises(Conflict, match="alone"):
                bob.go(his)

    hers.before = back
    ann.go(hers)
    assert (len(hers.sent), his.sent) == (PEOPLE - 2, [])
    ann.sync()
    ann.go(hers)
    assert bob.go(his).balance.accepted == PEOPLE
    assert his.sent == []


def test_pinned_to_another_while_the_one_machine_sends(ann: Machine, bob: Machine) -> None:
    ann.go(asked=Asked(limit=1))
    bob.go(asked=Asked(limit=1))
    ann.sync()
    ann.sender(ann.name)
    bob.sync()
    hers, his = Told(), Told()

    def take(who: str) -> None:
        if who == "p003":
            bob.sender(bob.name)
            with pytest.raises(Conflict, match="alone"):
                bob.go(his)

    hers.before = take
    ann.go(hers)
    assert (len(hers.sent), his.sent) == (PEOPLE - 2, [])
    # Somebody who knows that she does not send any more says so with a new plan.
    ann.sync()
    with bob.on() as book:
        sync.sync(book)
        with at_work(book, "test") as desk:
            freezing.freeze(book, desk, "spring", refresh=True)
    assert bob.go(his).balance.accepted == PEOPLE
    assert his.sent == []


def test_to_go_alone_the_others_have_to_be_told(ann: Machine, bob: Machine) -> None:
    ann.go(asked=Asked(limit=1))
    ann.sender(ann.name)
    way = Told()
    url = git(ann.root, "remote", "get-url", "origin").strip()
    git(ann.root, "remote", "set-url", "origin", "http://127.0.0.1:1/book.git")
    with pytest.raises(NotSent, match="cannot be reached"):
        ann.go(way)
    assert way.sent == []
    git(ann.root, "remote", "set-url", "origin", url)
    assert ann.go(way, Asked(limit=1)).counts == {"accepted": 1}
    # They know now, so no connection is needed any more.
    git(ann.root, "remote", "set-url", "origin", "http://127.0.0.1:1/book.git")
    assert ann.go(way, Asked(limit=1)).counts == {"accepted": 1}
    bob.sync()
    bob.sender("any")
    with pytest.raises(Conflict, match="alone"):
        bob.go(way)


def test_a_plan_made_anew_goes_on_without_whoever_went_alone(ann: Machine, bob: Machine) -> None:
    ann.go(asked=Asked(limit=1))
    ann.sender(ann.name)
    ann.go(asked=Asked(limit=1))
    bob.sync()
    bob.sender("any")
    with pytest.raises(Conflict, match="alone"):
        bob.go()
    with bob.on() as book, at_work(book, "test") as desk:
        freezing.freeze(book, desk, "spring", refresh=True)
    his = Told()
    bob.go(his)
    assert len(his.sent) == PEOPLE - 1  # The second one of hers was never told.


def test_a_sender_that_was_taken_out_is_nobody(ann: Machine, bob: Machine) -> None:
    ann.go(asked=Asked(limit=1))
    bob.go(asked=Asked(limit=1))
    ann.sync()
    ann.sender("")
    bob.sync()
    hers, his = Told(), Told()
    with pytest.raises(Conflict, match="sender"):
        ann.go(hers)
    with pytest.raises(Conflict, match="sender"):
        bob.go(his)
    assert (hers.sent, his.sent) == ([], [])


def test_a_machine_that_slept_while_it_waited_for_its_turn_looks_again(
    ann: Machine, bob: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    hers, his = Told(), Told()
    name = ann.name
    ahead = [0.0]
    monkeypatch.setattr(claiming, "_clocks", lambda: (0.0, ahead[0]))

    def sleep(seconds: float) -> None:
        later(seconds=seconds)
        if len(hers.sent) == 2 and not ahead[0]:
            ahead[0] += 7200
            later(hours=2)
            with bob.on() as book:
                taking_over.take_over(book, name, hold=False)
            bob.go(his)

    ann.go(hers, rate=Rate(minute=2), sleep=sleep)
    assert len(hers.sent) == 2
    assert set(his.sent).isdisjoint(hers.sent[2:])
    assert {"p002", "p003", "p004", "p005"} <= set(his.sent)


def test_a_customer_renamed_between_two_batches_gets_it(
    ann: Machine, bob: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claiming, "BATCH", 2)
    hers = Told()

    def rename(who: str) -> None:
        if who == "p001":
            git(bob.root, "mv", "records/customers/p004.yaml", "records/customers/paula.yaml")
            commit(bob.root, message="rename")
            bob.sync()

    hers.before = rename
    ann.go(hers)
    ann.go(hers)
    assert sorted(hers.sent) == [f"p{number:03d}" for number in range(PEOPLE)]
    assert "skipped" not in ann.states().values()


@pytest.mark.parametrize("nothing_sent", [False, True])
def test_whom_a_machine_had_begun_with_is_listed_when_it_is_gone(
    ann: Machine, bob: Machine, nothing_sent: bool
) -> None:
    killed(ann)
    with ann.on() as book, at_work(book, "test") as desk:
        row = next(iter(desk.rows("01HYYYYYYYYYYYYYYYYYYYYYYY").values()))
        desk.ledger.append("attempt", row.sid, row.camp, n=1)
        mirror.write(book, desk, read(book, "spring"), {}, lambda _sid: "")
    ann.sync()
    name = ann.name
    later(hours=1)
    with bob.on() as book:
        taking_over.take_over(book, name, hold=not nothing_sent)
    bob.go()
    assert "attempting" not in bob.states().values()
    with bob.on() as book:
        listed = {send.row.state for send in outbox.sends(book)}
    assert listed == {"unknown"}


def test_a_remote_that_takes_the_push_and_says_no(
    ann: Machine, bob: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = shutil.which("git")
    folder = tmp_path / "wrapped"
    folder.mkdir()
    wrapper = folder / "git"
    wrapper.write_text(f'#!/bin/sh\n"{real}" "$@" || exit\nfor word; do [ "$word" = push ] && exit 1; done\nexit 0\n')
    wrapper.chmod(0o755)
    hers, his = Told(), Told()
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(folder), prepend=":")
        with pytest.raises(NotSent):
            ann.go(hers)
    assert hers.sent == []
    assert bob.go(his).counts == {}
    assert ann.go(hers).balance.accepted == PEOPLE
    assert (len(hers.sent), his.sent) == (PEOPLE, [])


def test_two_machines_of_one_image(ann: Machine, bob: Machine) -> None:
    _ = ann.name
    shutil.rmtree(bob.state, ignore_errors=True)
    shutil.copytree(ann.state, bob.state)
    assert ann.name == bob.name
    hers, his = Told(), Told()

    def too(who: str) -> None:
        if who == "p002":
            with pytest.raises(CrmError):
                bob.go(his)

    hers.before = too
    ann.go(hers)
    assert (len(hers.sent), his.sent) == (PEOPLE, [])


@pytest.mark.parametrize("hold", [True, False])
def test_the_log_is_lost_and_the_tracked_lines_are_there(ann: Machine, bob: Machine, hold: bool) -> None:
    hers, his = Told(), Told()

    def stop(who: str) -> None:
        if who == "p003":
            raise Died

    hers.before = stop
    with pytest.raises(Died):
        ann.go(hers)
    for path in (ann.root / ".git/crmctl/mail/wal").glob("*"):
        path.unlink()
    with pytest.raises(CrmError):
        ann.go(hers)
    with ann.on() as book:
        outbox.adopt(book, hold=hold)
    hers.before = lambda _who: None
    with ann.on():
        ann.go(hers)
    bob.go(his)
    if hold:
        # The notes outside of the book name the four that were tried, the last one before it was handed over.
        assert hers.sent == ["p000", "p001", "p002", "p004", "p005"]
        held = {who for who, state in ann.states().items() if state == "unknown"}
        assert held == {"p000", "p001", "p002", "p003"}
    assert his.sent == []


def test_machines_on_two_branches_do_not_both_send(ann: Machine, bob: Machine) -> None:
    hers, his = Told(), Told()
    ann.go(hers, Asked(limit=1))
    bob.sync()
    git(bob.root, "switch", "-q", "-c", "work", "--track", "origin/main")
    git(bob.root, "push", "-q", "-u", "origin", "work")
    with pytest.raises(Conflict, match=r"claimed on the branch main .* this clone shares work"):
        bob.go(his)
    assert his.sent == []
    git(bob.root, "switch", "-q", "main")
    assert bob.go(his).balance.accepted == PEOPLE
    assert len(hers.sent) + len(his.sent) == PEOPLE


def test_a_clone_that_has_heard_nothing_meets_the_others_before_it_sends(ann: Machine, bob: Machine) -> None:
    hers, his = Told(), Told()
    ann.go(hers, Asked(limit=1))
    with ann.on() as book:
        control.cancel(book, "spring")
        assert control.tell_others(book, "spring") == ""
    with pytest.raises(Conflict, match="is cancelled"):
        bob.go(his)
    assert his.sent == []


def test_who_cannot_reach_the_others_is_told_that_they_do_not_know(ann: Machine, bob: Machine) -> None:
    ann.go(Told(), Asked(limit=1))
    git(ann.root, "remote", "set-url", "origin", "http://127.0.0.1:1/book.git")
    with ann.on() as book:
        control.pause(book, "spring")
        assert "crmctl sync tells them" in control.tell_others(book, "spring")
    # They go on until they hear of it, and nobody gets anything twice.
    his = Told()
    assert bob.go(his).balance.accepted == PEOPLE
    assert len(his.sent) == PEOPLE - 1


def test_what_a_lost_machine_may_have_sent_is_not_made_anew(ann: Machine, bob: Machine) -> None:
    hers, his = Told(), Told()
    ann.sender("any\non_unknown: resend")
    bob.sync()
    hers.before = die
    with pytest.raises(Died):
        ann.go(hers)
    later(hours=1)
    name = ann.name
    with bob.on() as book:
        taking_over.take_over(book, name, hold=True)
    for _ in range(3):
        later(hours=1)
        done = bob.go(his)
        assert {line.code for line in done.lines} == {"lost"}
    assert set(bob.states().values()) == {"unknown"}
    # Nor when somebody says so afterwards: the same bytes are nowhere, and others are another message.
    with bob.on() as book:
        for row in books.rows(bob.root).values():
            with pytest.raises(Conflict, match="cannot be sent again as it was"):
                outbox.resolve(book, row.sid, "resend", "she lost the machine")
            outbox.resolve(book, row.sid, "abandoned", "she lost the machine")
    assert bob.go(his).balance.finished
    assert his.sent == []
