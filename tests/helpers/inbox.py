"""Mail that comes in, and the ledger's word for what it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.mail.identifiers import send_id
from crmctl.mail.ledger.log import Ledger
from crmctl.services.book import Book
from crmctl.services.consenting import keys
from crmctl.services.mailing import host

if TYPE_CHECKING:
    from pathlib import Path

CAMPAIGN = "01JC0000000000000000000CAM"
ADA = "01JC0000000000000000000ADA"


def sent(root: Path, customer: str = ADA, address: str = "ada@example.com", *, sid: str = "") -> str:
    """Have the ledger say that a message went out; its id."""
    book = Book(root)
    sid = sid or send_id(CAMPAIGN, customer, "email")
    to = keys.load(book).keyed(address)
    with Ledger(host.mail_state(book), host.host_id()) as ledger:
        about = {"cust": customer, "ch": "email", "to": to}
        ledger.append_many([(ev, sid, CAMPAIGN, about) for ev in ("plan", "render", "claim")])
        ledger.append("attempt", sid, CAMPAIGN, n=1)
        ledger.append("dot", sid, CAMPAIGN, n=1)
        ledger.append("accept", sid, CAMPAIGN, n=1, code=250)
    return sid


def mail(body: str = "Hello", **headers: str) -> bytes:
    """A message from Ada; ``headers`` (``Message_ID=``) replace what it has, "" takes one out."""
    given = {
        "From": "Ada <ada@example.com>",
        "To": "us@shop.example",
        "Subject": "Hi",
        "Date": "Sat, 21 Nov 2026 09:30:00 +0000",
        "Message-ID": "<1@example.com>",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    return ("".join(f"{name}: {value}\n" for name, value in given.items() if value) + f"\n{body}\n").encode()
