"""A campaign that has gone out, and what people did afterwards; without a mail server, by the ledger alone."""

from __future__ import annotations

import json
from datetime import datetime
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from crmctl import clock
from crmctl.model import ids
from crmctl.services.book import Book
from crmctl.services.campaigns.freezing import freeze
from crmctl.services.campaigns.running.desk import at_work
from helpers import campaign_book
from helpers.books import write

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterable
    from pathlib import Path

BEGAN = datetime.fromisoformat("2026-11-23T10:00:00+01:00")
OVER = BEGAN + timedelta(days=30)
ARMS = "arms:\n- {name: a, share: 50}\n- {name: b, share: 50}\n"


def make(folder: Path, people: int, more: str = "") -> Path:
    """A book with a campaign ``spring`` that was planned and accepted for everybody at BEGAN."""
    root = campaign_book.make(folder, people, more)
    plan(root)
    go_out(root)
    return root


def plan(root: Path, at: datetime = BEGAN, *, refresh: bool = False) -> None:
    """Freeze the plan at a moment."""
    clock.freeze(at)
    with at_work(Book(root), "test") as desk:
        freeze(Book(root), desk, "spring", refresh=refresh)


def go_out(root: Path, at: datetime = BEGAN, outcome: Callable[[str], str] = lambda _who: "accept") -> None:
    """Have the ledger say what became of everybody who is planned; ``outcome`` gives the event by handle, "" none."""
    clock.freeze(at)
    who = {row.sid: handle for handle, row in campaign_book.rows(root).items() if row.state == "planned"}
    with at_work(Book(root), "test") as desk:
        camp = campaign_book.CAMPAIGN[4:30]
        for sid, handle in who.items():
            event = outcome(handle)
            if event:
                about: dict[str, str | int] = {"n": 1}
                steps = ("attempt", event) if event in ("suppress", "reject") else ("attempt", "dot", event)
                desk.ledger.append_many([(step, sid, camp, about) for step in steps])


def group_of(root: Path) -> dict[str, list[str]]:
    """The handles in each arm ("" where there are none), and in ``holdout``."""
    found: dict[str, list[str]] = {}
    for handle, row in sorted(campaign_book.rows(root).items()):
        found.setdefault("holdout" if row.state == "held_out" else row.arm, []).append(handle)
    return found


def do(root: Path, who: Iterable[str], type_: str = "email", *, days: float = 1, **more: str) -> None:
    """Let each of ``who`` do something so many days after BEGAN; it is added to their history."""
    at = (BEGAN + timedelta(days=days)).isoformat()
    for handle in who:
        path = root / "records" / "interactions" / f"{handle}.jsonl"
        before = path.read_text() if path.exists() else ""
        identity = ids.encode_ulid(int(sha256(f"{handle}|{before}".encode()).hexdigest()[:31], 16))
        line = {"id": identity, "at": at, "type": type_, "direction": "in", **more}
        write(root, {f"interactions/{handle}.jsonl": before + json.dumps(line) + "\n"})
