"""Two people who plan the same campaign before either has heard of the other: one of them sends it, and nobody gets it
twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from helpers import campaign_book as books
from helpers.books import commit
from helpers.books import git
from helpers.machines import PEOPLE
from helpers.machines import Machine
from helpers.machines import shared_book
from helpers.told_transport import LATER
from helpers.told_transport import NOW
from helpers.told_transport import Told
from helpers.told_transport import later

from crmctl import clock
from crmctl.errors import NOT_SENT
from crmctl.errors import Conflict
from crmctl.errors import CrmError
from crmctl.services.campaigns import freezing
from crmctl.services.campaigns.running.asking import Asked
from crmctl.services.campaigns.running.desk import at_work
from crmctl.services.campaigns.running.refusing import NotSent
from crmctl.services.joining import sync

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.services.book import Book


@pytest.fixture(autouse=True)
def monday(monkeypatch: pytest.MonkeyPatch) -> None:
    clock.freeze(NOW)
    monkeypatch.setattr(sync, "jitter", lambda _attempt: 0.0)


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    """A campaign that names no sender, in the middle of two machines."""
    return shared_book(tmp_path, "")


@pytest.fixture
def ann(tmp_path: Path, remote: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path / "ann", remote, monkeypatch)


@pytest.fixture
def bob(tmp_path: Path, remote: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path / "bob", remote, monkeypatch)


def plan(machine: Machine) -> None:
    with machine.on() as book, at_work(book, "test") as desk:
        freezing.freeze(book, desk, "spring")


def sender(remote: Path) -> str:
    """Whom the team's repository names."""
    text = git(remote, "show", "main:records/campaigns/spring.yaml")
    return next((line.partition(": ")[2] for line in text.splitlines() if line.startswith("sender:")), "")


def away(remote: Path) -> Path:
    """The server is not there; where it is meanwhile."""
    return remote.rename(remote.with_name("away.git"))


def test_the_others_know_the_sender_before_the_first_message(ann: Machine, remote: Path) -> None:
    way, known = Told(), []
    way.before = lambda _who: known.append(sender(remote))
    assert ann.go(way).counts == {"accepted": PEOPLE}
    assert known == [ann.name] * PEOPLE


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("named", [True, False])
def test_of_two_who_plan_it_at_once_one_sends_it(
    ann: Machine, bob: Machine, remote: Path, frozen: bool, named: bool
) -> None:
    if not named:  # Written by hand, without an id: each machine gives it one.
        ann.push({"campaigns/spring.yaml": books.CAMPAIGN.partition("\n")[2]})
        bob.sync()
    if frozen:
        plan(ann)
        plan(bob)
    hers, his = Told(), Told()
    assert ann.go(hers).counts == {"accepted": PEOPLE}
    with pytest.raises(Conflict, match=f"campaign spring is sent by {ann.name}, as the team's repository has it") as no:
        bob.go(his)
    assert "crmctl sync" in no.value.hint
    assert (len(hers.sent), his.sent) == (PEOPLE, [])


def test_who_is_faster_between_the_look_and_the_push_sends_it(
    ann: Machine, bob: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan(ann)
    plan(bob)
    hers, his, real = Told(), Told(), sync.send

    def late(book: Book, there: object, head: str) -> None:
        monkeypatch.setattr(sync, "send", real)
        ann.go(hers)
        real(book, there, head)  # type: ignore[arg-type]

    monkeypatch.setattr(sync, "send", late)
    with pytest.raises(Conflict, match=f"is sent by {ann.name}"):
        bob.go(his)
    assert (len(hers.sent), his.sent) == (PEOPLE, [])


def test_who_was_only_busy_with_something_else_holds_nobody_up(ann: Machine, bob: Machine, remote: Path) -> None:
    real = sync.send
    done: list[str] = []

    def late(book: Book, there: object, head: str) -> None:
        if not done:
            done.append(head)
            bob.push({"customers/p000.yaml": (bob.root / "records/customers/p000.yaml").read_text() + "role: boss\n"})
        real(book, there, head)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sync, "send", late)
        assert ann.go().counts == {"accepted": PEOPLE}
    assert sender(remote) == ann.name
    assert "role: boss" in (ann.root / "records/customers/p000.yaml").read_text()


@pytest.mark.parametrize("frozen", [False, True])
def test_nothing_goes_out_while_the_others_cannot_be_told(ann: Machine, remote: Path, frozen: bool) -> None:
    if frozen:
        plan(ann)
    place, way = away(remote), Told()
    with pytest.raises(CrmError, match="nothing is sent, as the others do not know yet who sends spring") as no:
        ann.go(way)
    assert (no.value.code, way.sent, "crmctl sync" in no.value.hint) == (NOT_SENT, [], True)
    place.rename(remote)
    assert ann.go(way).counts == {"accepted": PEOPLE}


def test_what_is_tried_again_and_later_runs_need_no_connection(ann: Machine, remote: Path) -> None:
    way = Told(p001=LATER)
    ann.go(way, Asked(limit=3))
    away(remote)
    ann.go(way)
    later(minutes=6)
    ann.go(way)
    assert sorted(way.sent) == [f"p00{number}" for number in range(PEOPLE)]


def test_who_has_synced_the_plan_needs_no_connection(ann: Machine, remote: Path) -> None:
    plan(ann)
    ann.sync()
    away(remote)
    assert ann.go().counts == {"accepted": PEOPLE}


def test_a_repository_that_takes_no_push_is_named(ann: Machine, remote: Path) -> None:
    hook = remote / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho read only >&2\nexit 1\n")
    hook.chmod(0o755)
    way = Told()
    with pytest.raises(NotSent, match="read only"):
        ann.go(way)
    assert way.sent == []


def test_whoever_has_heard_of_the_sender_may_name_another_one(ann: Machine, bob: Machine, remote: Path) -> None:
    ann.go(asked=Asked(limit=2))
    bob.sync()
    ann.sync()
    bob.sync()
    text = (bob.root / "records/campaigns/spring.yaml").read_text()
    commit(bob.root, {"campaigns/spring.yaml": text.replace(ann.name, bob.name)})
    with bob.on() as book, at_work(book, "test") as desk:
        freezing.freeze(book, desk, "spring", refresh=True)
    way = Told()
    assert bob.go(way).counts == {"accepted": PEOPLE - 2}
    assert sender(remote) == bob.name
