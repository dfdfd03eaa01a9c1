"""A book with a campaign for so many people, and what has to hold of it after any number of runs."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from crmctl.services.book import Book
from crmctl.services.campaigns import control
from crmctl.services.campaigns.running.desk import Desk
from helpers import books

if TYPE_CHECKING:
    from crmctl.mail.ledger.states import Row
    from crmctl.services.campaigns.control import Status
    from helpers.smtp_server import Kept

PERSON = "id: {id}\nname: {name}\nemails: [{handle}@example.org]\nconsent:\n  newsletter:\n    state: granted\n"
CAMPAIGN = (
    "id: 01HYYYYYYYYYYYYYYYYYYYYYYY\nname: Spring\npurpose: newsletter\nsegment: everyone\ntemplate: spring\n"
    "benefit: Hears of it first\n"
)
FOOT = "{{ book.name }}, {{ book.postal_address }}. No more of this: {{ unsubscribe }}\n"
TEMPLATE = f"---\nsubject: Spring for {{{{ customer.name }}}}\n---\nDear {{{{ customer.name }}}}\n\n{FOOT}"


def make(folder: Path, people: int, more: str = "") -> Path:
    """A book in ``folder`` with a campaign ``spring`` for so many people; ``more`` are further fields of it."""
    files = {
        "/crm.yaml": "name: Test\ncurrency: EUR\ntimezone: Europe/Berlin\nemail: hello@example.com\n"
        "postal_address: High St 1, Town\n",
        "/templates/spring.md": TEMPLATE,
        "segments/everyone.yaml": 'name: Everyone\nfilter: "not name:"\n',
        "campaigns/spring.yaml": CAMPAIGN + more,
    }
    for number in range(people):
        handle = f"p{number:03d}"
        name = f"Person {number:03d}"
        files[f"customers/{handle}.yaml"] = PERSON.format(
            id=f"01HZZZZZZZZZZZZZZZZZZZZ{number:03d}", name=name, handle=handle
        )
    return books.make(folder, files)


def configure(port: int, more: str = "") -> None:
    """The user's own settings: a mail server on this machine."""
    path = Path(os.environ["XDG_CONFIG_HOME"]) / "crmctl" / "config.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f"mail:\n  from: Ada <ada@example.com>\n  server: 127.0.0.1\n  port: {port}\n  security: none\n"
        f"  bounces: bounces@example.com\n{more}"
    )
    path.chmod(0o600)


def rows(root: Path) -> dict[str, Row]:
    """The state of every send, by the handle of its customer."""
    book = Book(root)
    people = {str(identity): str(handle) for handle, identity in book.index.rows("SELECT handle, id FROM customers")}
    found = Desk(book).rows(CAMPAIGN[4:30], tolerant=True)
    return {people.get(row.cust, row.cust): row for row in found.values()}


def states(root: Path) -> Counter[str]:
    """How many sends are in which state."""
    return Counter(row.state for row in rows(root).values())


def status(root: Path) -> Status:
    """How the campaign stands."""
    return control.status(Book(root), "spring")


def told(root: Path) -> Counter[str]:
    """How many lines about the campaign each customer has in their history."""
    found: Counter[str] = Counter()
    for path in (root / "records" / "interactions").glob("*.jsonl"):
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        found[path.stem] += sum(line.get("campaign") == "spring" and line["direction"] == "out" for line in lines)
    return found


def judge(root: Path, kept: list[Kept], people: int, *, once: bool = True) -> None:
    """What has to hold whatever happened: nobody is forgotten, nobody gets it twice, copies are the same bytes.

    ``once``: a server took no message twice; otherwise the copies of one message are the same to the last byte.
    """
    found = rows(root)
    assert len(found) == people
    got = Counter(mail.recipient.partition("@")[0] for mail in kept)
    for handle, row in found.items():
        if row.state == "accepted":
            assert got[handle] >= 1, handle
        elif row.state != "unknown":
            assert got[handle] == 0, (handle, row.state)
        if once:
            assert got[handle] <= 1, handle
    copies: dict[str, set[bytes]] = {}
    for mail in kept:
        copies.setdefault(mail.recipient, set()).add(mail.data)
    assert all(len(data) == 1 for data in copies.values())
    balance = status(root).balance
    assert balance.holds
    assert balance.planned == people
