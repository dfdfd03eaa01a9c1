"""Addresses that a mail server refused for good: they are closed just as if the message had come back (hard bounce)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from crmctl.mail.ledger.lines import checked
from crmctl.mail.ledger.lines import event_of
from crmctl.mail.transport.replies import address_is_dead
from crmctl.mail.transport.replies import enhanced
from crmctl.services.consenting import consents
from crmctl.services.consenting.suppression import New
from crmctl.services.consenting.suppression import stamp

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator
    from collections.abc import Mapping

    from crmctl.mail.ledger.log import Event
    from crmctl.mail.ledger.states import Row
    from crmctl.services.book import Book
    from crmctl.store.transaction import Transaction


def close(book: Book, tx: Transaction, told: Iterable[bytes], raws: Iterable[bytes], rows: Mapping[str, Row]) -> None:
    """Put onto the list of suppressions whom the ledger's lines ``raws`` tell of, in the transaction.

    ``told`` are those lines that are in the book already: an address that the team has opened since stays open.
    ``rows`` know the addresses, as hashes.

    Raises:
        InvalidData: the list of suppressions cannot be used.
    """
    known = {raw.rstrip(b"\r\n") for raw in told if b'"ev":"reject"' in raw}
    news = []
    for event in _refused(raws, known):
        row = rows.get(event.sid)
        code, text = event.about.get("code"), str(event.about.get("text") or "")
        dead = isinstance(code, int) and address_is_dead(code, text, str(event.about.get("phase") or ""))
        if dead and row is not None and row.to and row.ch in ("", "email"):
            detail = enhanced(text)
            at = datetime.fromisoformat(event.t)
            said = f"5.{detail[0]}.{detail[1]}" if detail else str(code)
            news.append(New(row.to, "hard-bounce", channel="email", source=f"refused {said}", at=stamp(at)))
    if news:
        consents.suppress_in(book, tx, news, book.now())


def _refused(raws: Iterable[bytes], known: set[bytes]) -> Iterator[Event]:
    """What the lines tell of messages that a server refused; lines that cannot be read tell of nothing."""
    for raw in raws:
        line = raw.rstrip(b"\r\n")
        if b'"ev":"reject"' in line and line not in known and not isinstance(checked(line), str):
            yield event_of(line)
