"""``sender: any``: two machines with one book between them; each person gets exactly one mail, whatever happens."""

from __future__ import annotations

import shutil
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from helpers import campaign_book as books
from helpers.books import commit
from helpers.books import git
from helpers.machines import PEOPLE
from helpers.machines import Died
from helpers.machines import Machine
from helpers.machines import shared_book
from helpers.told_transport import LATER
from helpers.told_transport import LOST
from helpers.told_transport import NOW
from helpers.told_transport import Told
from helpers.told_transport import go
from helpers.told_transport import later
from helpers.told_transport import said

from crmctl import clock
from crmctl.errors import Conflict
from crmctl.errors import CrmError
from crmctl.errors import NotFound
from crmctl.errors import UsageProblem
from crmctl.services.campaigns import control
from crmctl.services.campaigns import freezing
from crmctl.services.campaigns.machines import claiming
from crmctl.services.campaigns.machines import taking_over
from crmctl.services.campaigns.running import outbox
from crmctl.services.campaigns.running.asking import Asked
from crmctl.services.campaigns.running.desk import at_work
from crmctl.services.campaigns.running.refusing import NotSent
from crmctl.services.joining import sync

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from crmctl.services.book import Book


@pytest.fixture(autouse=True)
def monday(monkeypatch: pytest.MonkeyPatch) -> None:
    clock.freeze(NOW)
    monkeypatch.setattr(sync, "jitter", lambda _attempt: 0.0)


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    return shared_book(tmp_path)


@pytest.fixture
def make(tmp_path: Path, remote: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Machine]:
    """Makes a machine."""
    return lambda name: Machine(tmp_path / name, remote, monkeypatch)


@pytest.fixture
def ann(make: Callable[[str], Machine]) -> Machine:
    return make("ann")


@pytest.fixture
def bob(make: Callable[[str], Machine]) -> Machine:
    return make("bob")


def test_one_machine_alone_sends_all_and_the_other_knows(ann: Machine, bob: Machine) -> None:
    assert ann.name != bob.name
    done = ann.go()
    assert (done.complete, done.counts) == (True, {"accepted": PEOPLE})
    again = bob.go()
    assert (again.counts, [line.state for line in again.lines]) == ({}, [])
    assert again.balance.accepted == PEOPLE
    assert books.told(bob.root) == {f"p{number:03d}": 1 for number in range(PEOPLE)}
    record = (bob.root / "records/campaigns/spring.yaml").read_text()
    assert "sender: any" in record
    assert "status: finished" in record


def test_two_at_once_share_the_work(ann: Machine, bob: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claiming, "BATCH", 2)
    hers, his = Told(), Told()
    bobs = []

    def bob_too(who: str) -> None:
        if who == "p001":
            bobs.append(bob.go(his))

    hers.before = bob_too
    done = ann.go(hers)
    assert sorted(hers.sent) == ["p000", "p001"]
    assert sorted(his.sent) == ["p002", "p003", "p004", "p005"]
    assert {who for who, line in said(bobs[0]).items() if line == ("hold", "elsewhere")} == {"p000", "p001"}
    assert done.balance.accepted == PEOPLE
    ann.sync()
    bob.sync()
    assert set(ann.states().values()) == set(bob.states().values()) == {"accepted"}
    assert books.status(ann.root).balance.holds


def test_whoever_is_slower_drops_what_the_other_claimed(
    ann: Machine, bob: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann.go(asked=Asked(limit=1))
    bob.sync()
    his = Told()
    push = sync.send
    raced: list[bool] = []

    def race(book: Book, *more: object) -> None:
        if book.root == ann.root and not raced:
            raced.append(True)
            with monkeypatch.context() as patch:
                patch.setattr(claiming, "BATCH", 3)
                bob.go(his, Asked(limit=3))
        push(book, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(sync, "send", race)
    hers = Told()
    done = ann.go(hers)
    assert (his.sent, hers.sent) == (["p001", "p002", "p003"], ["p004", "p005"])
    assert done.balance.accepted == PEOPLE


def test_what_was_not_used_is_given_back(ann: Machine, bob: Machine) -> None:
    stopped = iter((False, False, True))
    done = ann.go(interrupted=lambda: next(stopped, True))
    assert done.interrupted
    assert sum(done.counts.values()) < PEOPLE
    rest = bob.go()
    assert rest.balance.accepted == PEOPLE


def test_without_the_others_nothing_is_sent(ann: Machine, bob: Machine, remote: Path) -> None:
    way = Told()
    git(ann.root, "remote", "set-url", "origin", "http://127.0.0.1:1/book.git")
    with pytest.raises(NotSent, match="nothing can be claimed") as refused:
        ann.go(way)
    assert f"sender={ann.name}, crmctl sync" in refused.value.hint
    git(ann.root, "remote", "remove", "origin")
    with pytest.raises(NotSent, match="no remote"):
        ann.go(way)
    hook = remote / "hooks/pre-receive"
    hook.write_text("#!/bin/sh\necho 'branch is protected'\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(NotSent, match="branch is protected"):
        bob.go(way)
    assert way.sent == []
    hook.unlink()
    bob.go(way)
    assert len(way.sent) == PEOPLE


def test_offline_in_the_middle_ends_the_run(ann: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claiming, "BATCH", 2)
    way = Told()

    def cut(who: str) -> None:
        if who == "p001":
            git(ann.root, "remote", "set-url", "origin", "http://127.0.0.1:1/book.git")

    way.before = cut
    done = ann.go(way)
    assert way.sent == ["p000", "p001"]
    assert "nothing can be claimed" in done.stopped
    assert not done.complete
    assert any("crmctl sync tells them" in note for note in done.notes)


def test_a_machine_that_died_keeps_what_it_claimed(ann: Machine, bob: Machine) -> None:
    hers = Told()

    def die(who: str) -> None:
        if who == "p002":
            raise Died

    hers.before = die
    with pytest.raises(Died):
        ann.go(hers)
    his = Told()
    done = bob.go(his)
    assert his.sent == []
    assert {line.code for line in done.lines} == {"elsewhere"}
    later(days=30)
    assert bob.go(his).counts == {}
    # It comes back, and goes on.
    hers.before = lambda _who: None
    assert ann.go(hers).balance.accepted == PEOPLE
    assert sorted(hers.sent) == [f"p{number:03d}" for number in range(PEOPLE)]


@pytest.mark.parametrize("nothing_sent", [False, True])
def test_a_machine_that_is_gone_is_taken_over(ann: Machine, bob: Machine, nothing_sent: bool) -> None:
    hers, his = Told(), Told()

    def die(_who: str) -> None:
        raise Died

    hers.before = die
    with pytest.raises(Died):
        ann.go(hers)
    bob.go(his)
    with bob.on() as book, pytest.raises(Conflict, match="may be still"):
        taking_over.take_over(book, ann.name, hold=True)
    later(hours=1)
    name = ann.name
    with bob.on() as book:
        with pytest.raises(NotFound):
            taking_over.take_over(book, "lap-nobody", hold=True)
        with pytest.raises(UsageProblem):
            taking_over.take_over(book, bob.name, hold=True)
        done = taking_over.take_over(book, name, hold=not nothing_sent)
        assert done == [("spring", PEOPLE)]
    if not nothing_sent:
        assert set(bob.states().values()) == {"unknown"}
        assert bob.go(his).counts == {}
        with bob.on() as book:
            for row in books.rows(bob.root).values():
                with pytest.raises(Conflict, match="cannot be sent again as it was"):
                    outbox.resolve(book, row.sid, "resend", "she lost the machine")
                outbox.resolve(book, row.sid, "abandoned", "she lost the machine")
    assert bob.go(his).balance.accepted == (PEOPLE if nothing_sent else 0)
    # The other one comes back after all.
    hers.before = lambda _who: None
    assert ann.go(hers).counts == {}
    assert (len(his.sent), hers.sent) == (PEOPLE if nothing_sent else 0, [])


def test_what_was_claimed_anew_after_that_counts(ann: Machine, bob: Machine) -> None:
    hers, his = Told(), Told()

    def die(_who: str) -> None:
        raise Died

    hers.before = die
    with pytest.raises(Died):
        ann.go(hers)
    later(hours=1)
    name = ann.name
    with bob.on() as book:
        taking_over.take_over(book, name, hold=False)
    seen = []

    def bob_too(who: str) -> None:
        if who == "p000":
            seen.append({line.code for line in bob.go(his).lines})

    hers.before = bob_too
    assert ann.go(hers).balance.accepted == PEOPLE
    assert (seen, his.sent) == ([{"elsewhere"}], [])


def test_sleeping_machines_look_again(ann: Machine, bob: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    hers, his = Told(), Told()
    name = ann.name
    ahead = [0.0]
    monkeypatch.setattr(claiming, "_clocks", lambda: (0.0, ahead[0]))

    def sleep(who: str) -> None:
        if who == "p001":
            ahead[0] += 3600
            later(hours=1)
            with bob.on() as book:
                taking_over.take_over(book, name, hold=False)
            bob.go(his)

    hers.before = sleep
    ann.go(hers)
    # Two were under way, and whoever took over had not asked.
    got = Counter(hers.sent + his.sent)
    assert {who: got[who] for who in his.sent[2:]} == {f"p{number:03d}": 1 for number in range(2, PEOPLE)}
    assert hers.sent == ["p000", "p001"]


def test_the_words_have_to_be_the_same(ann: Machine, bob: Machine) -> None:
    ann.go(asked=Asked(limit=1))
    template = bob.root / "templates/spring.md"
    bob.sync()
    template.write_text(template.read_text() + "PS: something else\n")
    way = Told()
    with pytest.raises(Conflict, match=r"spring\.md is not as .* froze it for campaign spring"):
        bob.go(way)
    assert way.sent == []
    with bob.on() as book, at_work(book, "test") as desk:
        frozen, _ = freezing.freeze(book, desk, "spring", refresh=True)
    assert frozen.revision == 2
    commit(bob.root, message="new words")
    assert bob.go(way, Asked(limit=1)).counts == {"accepted": 1}
    hers = Told()
    ann.go(hers)
    assert b"PS: something else" in hers.data["p002"][0]


def test_who_came_into_the_segment_meanwhile_is_not_in_it(ann: Machine, bob: Machine) -> None:
    ann.go(asked=Asked(limit=1))
    bob.sync()
    person = books.PERSON.format(id="01HZZZZZZZZZZZZZZZZZZZZ777", name="New", handle="new")
    commit(bob.root, {"customers/new.yaml": person})
    record = bob.root / "records/customers/p003.yaml"
    record.write_text(record.read_text().replace("p003@example.org", "elsewhere@example.org"))
    way = Told()
    done = bob.go(way)
    assert way.sent == ["p001", "p002", "p004", "p005"]
    assert said(done)["01HZZZZZZZZZZZZZZZZZZZZ003"] == ("hold", "not-planned")
    assert any("1 people" in note or "have not the address" in note for note in done.notes)


def test_consent_that_is_taken_back_elsewhere_counts(ann: Machine, bob: Machine) -> None:
    ann.go(asked=Asked(limit=1))
    bob.sync()
    record = bob.root / "records/customers/p004.yaml"
    record.write_text(record.read_text().replace("granted", "withdrawn"))
    commit(bob.root)
    bob.sync()
    way = Told()
    assert said(ann.go(way))["p004"] == ("out", "withdrawn")
    assert "p004" not in way.sent


def test_a_canary_is_one_for_all(ann: Machine, bob: Machine) -> None:
    with ann.on():
        commit(ann.root, {"campaigns/spring.yaml": books.CAMPAIGN + "sender: any\ncanary: 2\n"})
    ann.sync()
    hers, his = Told(), Told()

    def bob_too(who: str) -> None:
        if who == "p000":
            bob.go(his)

    hers.before = bob_too
    ann.go(hers)
    assert (len(hers.sent), his.sent) == (2, [])
    with pytest.raises(NotSent, match="is paused"):
        bob.go(his)
    with bob.on() as book:
        control.resume(book, "spring")
    bob.go(his)
    assert len(hers.sent) + len(his.sent) == PEOPLE


def test_what_was_put_off_stays_with_whoever_tried(ann: Machine, bob: Machine) -> None:
    hers, his = Told(p001=LATER, p002=LOST), Told()
    ann.go(hers)
    later(minutes=6)
    assert said(bob.go(his)) == {"p001": ("hold", "elsewhere"), "p002": ("hold", "unknown")}
    assert ann.go(hers).counts == {"accepted": 1}
    assert his.sent == []


def test_alone_only_when_the_others_know(ann: Machine, bob: Machine) -> None:
    ann.go(asked=Asked(limit=1))
    bob.sync()
    way = Told()
    commit(bob.root, {"campaigns/spring.yaml": books.CAMPAIGN + f"status: running\nsender: {bob.name}\n"})
    with pytest.raises(Conflict, match="do not know yet"):
        bob.go(way)
    bob.sync()
    with pytest.raises(CrmError):  # There is no plan in that clone yet.
        bob.go(way)
    with bob.on() as book, at_work(book, "test") as desk:
        freezing.freeze(book, desk, "spring")
    assert bob.go(way).counts == {"accepted": PEOPLE - 1}
    with pytest.raises(Conflict, match="is sent by"):
        ann.sync()
        ann.go()


def test_a_plan_of_one_machine_alone_is_not_taken_for_one_of_all(ann: Machine, bob: Machine) -> None:
    with ann.on():
        commit(ann.root, {"campaigns/spring.yaml": books.CAMPAIGN})
    ann.go(asked=Asked(limit=1))
    ann.sync()
    bob.sync()
    text = (bob.root / "records/campaigns/spring.yaml").read_text().replace(ann.name, "any")
    commit(bob.root, {"campaigns/spring.yaml": text})
    with pytest.raises(Conflict, match="for that machine alone"):
        bob.go()
    bob.sync()
    ann.sync()
    assert ann.go(asked=Asked(limit=1)).counts == {"accepted": 1}
    assert bob.go().balance.accepted == PEOPLE


def test_a_second_clone_on_one_machine_does_not_send(ann: Machine, tmp_path: Path) -> None:
    ann.go(asked=Asked(limit=1))
    shutil.copytree(ann.root, tmp_path / "copy")
    way = Told()
    with ann.on(), pytest.raises(Conflict, match="planned in another clone"):
        go(tmp_path / "copy", way)
    assert way.sent == []
