"""Nothing is given up for good, or frozen, for a reason that may be gone tomorrow: a wrong clock, an empty segment, a
server that is away."""

from __future__ import annotations

import shutil
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from helpers import campaign_book as books
from helpers.books import commit
from helpers.books import git
from helpers.books import write
from helpers.told_transport import LATER
from helpers.told_transport import LOST
from helpers.told_transport import NOW
from helpers.told_transport import Told
from helpers.told_transport import go
from helpers.told_transport import later
from helpers.told_transport import said
from helpers.told_transport import state

from crmctl import clock
from crmctl.errors import Conflict
from crmctl.errors import InvalidData
from crmctl.mail.transport.outcomes import TransportFailed
from crmctl.services.book import Book
from crmctl.services.campaigns import audience
from crmctl.services.campaigns import plan as plans
from crmctl.services.campaigns.freezing import freeze
from crmctl.services.campaigns.looking import look
from crmctl.services.campaigns.running import triage
from crmctl.services.campaigns.running.asking import Asked
from crmctl.services.campaigns.running.desk import Desk
from crmctl.services.campaigns.running.desk import at_work
from crmctl.services.campaigns.running.witness import LedgerBehind

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def monday(monkeypatch: pytest.MonkeyPatch) -> None:
    clock.freeze(NOW)
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_DATE", NOW.isoformat())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A book with a campaign for three people."""
    return books.make(tmp_path / "book", 3)


def frozen(root: Path) -> plans.Frozen | None:
    book = Book(root)
    return plans.load(Desk(book).state, books.CAMPAIGN[4:30])


# The clock


def test_a_clock_that_is_years_ahead_for_one_run_gives_nothing_up(root: Path) -> None:
    way = Told(p001=LATER)
    go(root, way)
    clock.freeze(NOW + timedelta(days=800))
    assert said(look(Book(root), "spring", Asked(), None)) == {"p001": ("send", "")}
    way.outcomes["p001"] = LATER
    done = go(root, way)
    assert any("the clock says 2029-01-31, 800 days after" in note for note in done.notes)
    assert state(root, "p001") == "deferred"
    clock.freeze(NOW)
    for _ in "ab":
        later(hours=2)
        go(root, way)
    assert (state(root, "p001"), way.sent.count("p001")) == ("accepted", 1)


def test_a_machine_that_was_off_for_long_gives_up_with_the_second_run(root: Path) -> None:
    way = Told(p001=LATER)
    go(root, way)
    later(days=9)
    way.outcomes["p001"] = LATER
    go(root, way)
    assert state(root, "p001") == "deferred"
    later(minutes=30)
    assert said(go(root, way)) == {"p001": ("expired", "expired")}
    assert state(root, "p001") == "expired"


def test_a_commit_shows_that_so_much_time_has_passed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    way = Told(p001=LATER)
    go(root, way)
    moment = later(days=9)
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_DATE", (moment - timedelta(hours=3)).isoformat())
    git(root, "commit", "-q", "--allow-empty", "-m", "work")
    assert said(go(root, way)) == {"p001": ("expired", "expired")}


@pytest.mark.parametrize("more", ["ends: 2026-11-30\n", "starts: 2026-11-23\nmax_lateness: 2d\n"])
def test_its_days_are_not_over_by_a_clock_that_nobody_can_believe(root: Path, more: str) -> None:
    commit(root, {"campaigns/spring.yaml": books.CAMPAIGN + more})
    way = Told()
    clock.freeze(NOW + timedelta(days=800))
    first = go(root, way)
    assert (first.late, first.complete, "800 days after" in first.stopped) == (False, False, True)
    later(minutes=10)
    second = go(root, way)
    assert (second.late, "800 days" in second.stopped, way.sent) == (True, False, [])


GRANTED = "    state: granted\n"
DATED = "    state: granted\n    date: 2026-11-23\n"


def dated(root: Path, *handles: str) -> None:
    """Have people agree today, as a form of today has it."""
    texts = {f"customers/{who}.yaml": (root / f"records/customers/{who}.yaml").read_text() for who in handles}
    commit(root, {path: text.replace(GRANTED, DATED) for path, text in texts.items()})


@pytest.mark.parametrize("years", [7, 56])
def test_a_clock_that_goes_back_gives_up_nobody_who_agreed_today(root: Path, years: int) -> None:
    dated(root, "p000", "p001", "p002")
    way = Told()
    go(root, way, Asked(limit=1))
    clock.freeze(NOW - timedelta(days=365 * years))
    assert said(look(Book(root), "spring", Asked(), None)) == {"p001": ("wait", "not-yet"), "p002": ("wait", "not-yet")}
    done = go(root, way)
    assert {(line.state, line.code) for line in done.lines} == {("wait", "not-yet")}
    assert {f"{line.until:%Y-%m-%d %H:%M}" for line in done.lines} == {"2026-11-23 00:00"}
    assert (books.states(root)["planned"], books.status(root).status) == (2, "running")
    clock.freeze(NOW)
    later(hours=1)
    go(root, way)
    assert (sorted(way.sent), books.status(root).status) == (["p000", "p001", "p002"], "finished")


def test_a_clock_that_goes_back_before_the_first_run_leaves_nobody_out(root: Path) -> None:
    dated(root, "p001", "p002")
    clock.freeze(NOW - timedelta(days=400))
    way = Told()
    go(root, way)
    assert way.sent == ["p000"]
    clock.freeze(NOW)
    go(root, way)
    assert (way.sent, books.states(root)) == (["p000", "p001", "p002"], {"accepted": 3})


def test_whoever_waits_for_a_day_is_planned_and_says_so(root: Path) -> None:
    dated(root, "p001")
    clock.freeze(NOW - timedelta(days=1))
    found = audience.plan(Book(root), "spring")
    assert {one.handle: bool(one.later) for one in found.recipients} == {"p000": False, "p001": True, "p002": False}
    assert found.left_out == []


@pytest.fixture
def canadian(root: Path) -> Path:
    """The same three in Canada, who bought something a year ago; nothing else speaks for writing to them."""
    files = {"campaigns/spring.yaml": books.CAMPAIGN.replace("purpose: newsletter", "purpose: offers")}
    settings = (root / "crm.yaml").read_text() + "country: CA\npurposes:\n  offers: soft-opt-in\n"
    for number in range(3):
        path = f"customers/p{number:03d}.yaml"
        files[path] = (root / "records" / path).read_text().partition("consent:")[0]
        bought = f'"id": "01HZY00000000000000000000{number}", "at": "2025-11-20", "type": "purchase", "text": "a lamp"'
        files[f"interactions/p{number:03d}.jsonl"] = f"{{{bought}}}\n"
    commit(root, {"/crm.yaml": settings, **files})
    return root


def test_a_clock_that_is_years_ahead_ends_no_consent_by_purchase(canadian: Path) -> None:
    way = Told()
    go(canadian, way, Asked(limit=1))
    clock.freeze(NOW + timedelta(days=3 * 365))
    done = go(canadian, way)
    assert {(line.state, line.code) for line in done.lines} == {("wait", "expired")}
    assert any("nothing is given up in this run" in note for note in done.notes)
    clock.freeze(NOW)
    later(hours=1)
    go(canadian, way)
    assert (sorted(way.sent), books.states(canadian)) == (["p000", "p001", "p002"], {"accepted": 3})


def test_a_clock_that_is_years_ahead_leaves_nobody_out_of_a_plan_that_a_run_makes(canadian: Path) -> None:
    clock.freeze(NOW + timedelta(days=3 * 365))
    way = Told()
    go(canadian, way)
    assert (way.sent, books.states(canadian)) == ([], {"planned": 3})
    clock.freeze(NOW)
    assert go(canadian, way).counts == {"accepted": 3}


def test_a_consent_by_purchase_ends_when_the_time_has_really_passed(canadian: Path) -> None:
    go(canadian, Told(), Asked(limit=1))
    clock.freeze(NOW + timedelta(days=3 * 365))
    go(canadian)
    later(hours=1)
    assert {line.code for line in go(canadian).lines} == {"expired"}
    assert books.states(canadian) == {"accepted": 1, "suppressed": 2}


def test_a_purchase_that_lies_ahead_of_the_clock_is_waited_for(canadian: Path) -> None:
    go(canadian, Told(), Asked(limit=1))
    clock.freeze(NOW - timedelta(days=800))
    done = go(canadian)
    assert {(line.state, line.code) for line in done.lines} == {("wait", "not-yet")}
    assert {f"{line.until:%Y-%m-%d}" for line in done.lines} == {"2025-11-20"}


def test_a_clock_that_jumps_ahead_while_a_run_is_under_way_gives_nothing_up(canadian: Path) -> None:
    way = Told()
    way.before = lambda _who: clock.freeze(NOW + timedelta(days=3 * 365))
    done = go(canadian, way)
    assert ({line.code for line in done.lines if line.state == "wait"}, len(way.sent)) == ({"expired"}, 1)
    assert any("nothing is given up in this run" in note for note in done.notes)
    assert books.states(canadian)["suppressed"] == 0


def test_a_refreshed_plan_names_those_whom_a_run_had_given_up(root: Path) -> None:
    withdrawn = (root / "records/customers/p001.yaml").read_text()
    way = Told()
    go(root, way, Asked(limit=1))
    commit(root, {"customers/p001.yaml": withdrawn.replace("state: granted", "state: withdrawn")})
    go(root, way, Asked(limit=1))
    assert state(root, "p001") == "suppressed"
    commit(root, {"customers/p001.yaml": withdrawn})
    with at_work(Book(root), "test") as desk:
        _, changes = freeze(Book(root), desk, "spring", refresh=True)
    assert [(one.what, one.handle, one.reason) for one in changes] == [("enters", "p001", "was left out: withdrawn")]
    go(root, way)
    assert "p001" in way.sent


# Freezing


def test_nothing_is_frozen_before_the_way_out_is_open(root: Path) -> None:
    way = Told()
    for phase in ("connect", "auth"):
        way.refuses = TransportFailed("no", phase=phase)
        done = go(root, way)
        assert (done.complete, done.stopped) == (False, "no")
        assert any("templates can still be changed" in note for note in done.notes)
        assert frozen(root) is None
        assert (books.status(root).status, books.states(root)) == ("draft", {})
    template = root / "templates/spring.md"
    template.write_text(template.read_text().replace("Dear", "Hello"))
    way.refuses = None
    assert go(root, way).counts == {"accepted": 3}
    assert b"Hello" in way.data["p001"][0]
    kept = frozen(root)
    assert kept is not None
    assert kept.revision == 1


def test_nothing_is_frozen_when_messages_cannot_be_made(root: Path) -> None:
    template = root / "templates/spring.md"
    good = template.read_text()
    template.write_text(good + "{{ customer.nothing.at.all }}\n")
    with pytest.raises(InvalidData, match="cannot be made") as refused:
        go(root)
    assert "Nothing is frozen yet" in refused.value.hint
    assert frozen(root) is None
    template.write_text(good)
    assert go(root).counts == {"accepted": 3}


def test_a_campaign_without_an_id_keeps_the_one_it_gets(root: Path) -> None:
    commit(root, {"campaigns/spring.yaml": books.CAMPAIGN.partition("\n")[2]})
    way = Told()
    way.refuses = TransportFailed("no", phase="connect")
    go(root, way)
    way.refuses = None
    assert go(root, way).counts == {"accepted": 3}
    assert go(root, way).counts == {}


def test_a_plan_for_nobody_is_not_frozen(root: Path) -> None:
    for path in (root / "records/customers").glob("*.yaml"):
        path.write_text(path.read_text().replace("granted", "withdrawn"))
    with pytest.raises(InvalidData, match=r"spring is for nobody: everybody in segment everyone .* \(3 withdrawn\)"):
        go(root)
    write(root, {"segments/everyone.yaml": "name: Everyone\nfilter: tag:none\n"})
    with (
        at_work(Book(root), "test") as desk,
        pytest.raises(InvalidData, match="for nobody: nobody is in segment everyone"),
    ):
        freeze(Book(root), desk, "spring")
    assert (books.status(root).status, frozen(root)) == ("draft", None)


def test_whoever_was_held_out_and_leaves_the_plan_is_told_of(root: Path) -> None:
    commit(root, {"campaigns/spring.yaml": books.CAMPAIGN + "holdout: 50\n"})
    with at_work(Book(root), "test") as desk:
        freeze(Book(root), desk, "spring")
    held = [who for who, row in books.rows(root).items() if row.state == "held_out"]
    assert held
    names = " ".join(f"-handle:{who}" for who in held)
    write(root, {"segments/everyone.yaml": f"name: Everyone\nfilter: '{names}'\n"})
    for _ in "ab":
        with at_work(Book(root), "test") as desk:
            freeze(Book(root), desk, "spring", refresh=True)
    assert {(state(root, who), books.rows(root)[who].why) for who in held} == {("skipped", "left the plan")}
    with at_work(Book(root), "test") as desk:
        told = [event for event in desk.events(books.CAMPAIGN[4:30]) if event.about.get("why") == "left the plan"]
    assert len(told) == len(held)


# Sending again


@pytest.mark.parametrize("basis", ["contract", "legal"])
def test_what_is_lost_again_and_again_is_sent_three_times(root: Path, basis: str) -> None:
    text = (root / "crm.yaml").read_text()
    write(root, {"/crm.yaml": f"{text}purposes: {{newsletter: {basis}}}\n"})
    way = Told()
    for _ in range(8):
        way.outcomes["p001"] = LOST
        go(root, way)
        later(hours=3)
    assert (way.sent.count("p001"), triage.COPIES) == (3, 3)
    assert state(root, "p001") == "unknown"


# Another clone


def test_a_clone_that_was_copied_before_does_not_begin_anew_when_the_first_is_gone(root: Path) -> None:
    copy = root.with_name("copy")
    shutil.copytree(root, copy)
    way = Told()
    go(root, way, Asked(limit=1))
    with pytest.raises(Conflict, match="planned in another clone"):
        go(copy, way)
    shutil.rmtree(root)
    with pytest.raises(LedgerBehind, match="tried to send 1 messages") as refused:
        go(copy, way)
    assert "another clone has sent it" in refused.value.hint
    assert way.sent == ["p000"]
