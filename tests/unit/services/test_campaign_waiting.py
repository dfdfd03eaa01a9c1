"""What is said before a run of what it will do, and after it of why the rest waits."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from helpers import campaign_book as books
from helpers.books import write
from helpers.told_transport import GONE
from helpers.told_transport import LATER
from helpers.told_transport import LOST
from helpers.told_transport import NOW
from helpers.told_transport import Told
from helpers.told_transport import go
from helpers.told_transport import later
from helpers.told_transport import said

from crmctl import clock
from crmctl.mail.message.compose import Sender
from crmctl.mail.transport.pacing import Rate
from crmctl.services.book import Book
from crmctl.services.campaigns import control
from crmctl.services.campaigns import waiting
from crmctl.services.campaigns.looking import look
from crmctl.services.campaigns.running import outbox
from crmctl.services.campaigns.running.asking import Asked
from crmctl.services.mailing.config import MailServer

if TYPE_CHECKING:
    from pathlib import Path

PEOPLE = 6


@pytest.fixture(autouse=True)
def monday() -> None:
    clock.freeze(NOW)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return books.make(tmp_path / "book", PEOPLE)


def server(**rate: int) -> MailServer:
    return MailServer(sender=Sender("Ada", "ada@example.com"), host="127.0.0.1", rate=Rate(**rate))


def foretold(root: Path, mail: MailServer, asked: Asked | None = None) -> Counter[tuple[str, str]]:
    return Counter(said(look(Book(root), "spring", asked or Asked(), mail)).values())


@pytest.mark.parametrize(
    ("rate", "asked"),
    [
        ({"hour": 4}, Asked()),
        ({"hour": 4}, Asked(limit=2)),
        ({"minute": 2}, Asked()),
        ({"minute": 2}, Asked(limit=3)),
        ({"domain_hour": 3, "day": 5}, Asked()),
        ({"mailbox_hour": 1}, Asked()),
        ({}, Asked(canary=2)),
    ],
)
def test_what_is_foretold_is_what_happens(root: Path, rate: dict[str, int], asked: Asked) -> None:
    def wait(seconds: float) -> None:
        later(seconds=seconds)

    for _ in range(3):
        told = foretold(root, server(**rate), asked)
        way = Told()
        done = go(root, way, asked, rate=Rate(**rate), sleep=wait)
        assert len(way.sent) == told["send", ""]
        left = Counter(
            (line.state, line.code) for line in done.lines if line.state == "wait" and line.code != "stopped"
        )
        if not asked.canary:
            assert left == Counter({what: count for what, count in told.items() if what[0] == "wait"})
        asked = asked._replace(canary=0)
        if books.status(root).status == "paused":
            control.resume(Book(root), "spring")


def test_a_limit_that_earlier_runs_used_up_is_foretold_with_its_end(root: Path) -> None:
    go(root, asked=Asked(limit=4), rate=Rate(hour=4))
    later(minutes=10)
    found = look(Book(root), "spring", Asked(), server(hour=4))
    assert {line.reason for line in found.lines} == {"as many went out as the limits allow"}
    assert {f"{line.until:%H:%M}" for line in found.lines} == {"11:00"}


def test_afterwards_everybody_who_waits_has_a_reason(root: Path) -> None:
    way = Told(p000=LATER, p001=LOST, p002=GONE)
    go(root, way, rate=Rate(hour=4))
    found = {
        line.entry.handle: (line.state, line.code) for line in waiting.reasons(Book(root), "spring", server(hour=4))
    }
    assert found == {
        "p000": ("wait", "deferred"),
        "p001": ("hold", "unknown"),
        "p004": ("wait", "pace"),
        "p005": ("wait", "pace"),
    }
    later(hours=2)
    assert {line.state for line in waiting.reasons(Book(root), "spring", server(hour=4))} == {"send", "hold"}
    control.pause(Book(root), "spring")
    codes = {line.code for line in waiting.reasons(Book(root), "spring", None) if line.state == "wait"}
    assert codes == {"paused"}


def test_a_plan_that_is_elsewhere_has_no_reasons(root: Path) -> None:
    assert waiting.reasons(Book(root), "spring", None) == []
    write(root, {"campaigns/spring.yaml": "name: [\n"})
    assert waiting.reasons(Book(root), "spring", None) == []


def test_the_counts_say_what_the_server_said(root: Path) -> None:
    go(root, Told(p000=LATER, p002=GONE, p003=GONE._replace(text=f"5.1.1 {'no ' * 40}")))
    found = {(count.state, count.number): count.reason for count in books.status(root).counts}
    assert found["deferred", 1] == "450 4.2.0 try later"
    assert found["rejected", 2] == "550 5.1.1 no such user"


def test_a_server_without_a_number_is_quoted_too(root: Path) -> None:
    go(root, Told(p000=GONE._replace(code=0, text="no such user: the mail program ended with status 67")))
    (reason,) = [count.reason for count in books.status(root).counts if count.state == "rejected"]
    assert reason == "no such user: the mail program ended with status 67"


def test_what_a_killed_run_leaves_has_words(root: Path) -> None:
    class Killed(BaseException):
        pass

    class Dies(Told):
        def send(self, *_: object, before_dot: object, **_more: object) -> object:  # type: ignore[override]
            before_dot()  # type: ignore[operator]
            raise Killed

    with pytest.raises(Killed):
        go(root, Dies())
    (send,) = [send for send in outbox.sends(Book(root)) if send.row.state == "unknown"]
    assert send.words == "the run ended before the server answered"
