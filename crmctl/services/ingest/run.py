"""One run of ingest: messages are read, decided about, and what follows is written as one commit."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import CrmError
from crmctl.services.consenting.sends import MIRRORS
from crmctl.services.ingest import copies
from crmctl.services.ingest import filing
from crmctl.services.ingest import sends as ledgers
from crmctl.services.ingest.deciding import Desk
from crmctl.services.ingest.decisions import FILED
from crmctl.services.ingest.decisions import UNCLEAR
from crmctl.services.ingest.decisions import Decision
from crmctl.services.ingest.matching import Matcher
from crmctl.services.ingest.notebook import Notebook
from crmctl.services.records import Written
from crmctl.services.records import adopted

if TYPE_CHECKING:
    from collections.abc import Container
    from collections.abc import Iterable
    from collections.abc import Mapping
    from collections.abc import Sequence
    from datetime import datetime

    from crmctl.services.book import Book
    from crmctl.services.ingest.sources import Found
    from crmctl.store.transaction import Transaction

SHOWN = frozenset({FILED, UNCLEAR})
"""What became of messages that a person wants to see."""


class Report(NamedTuple):
    """What a run did: what became of each message, by kind and verdict; those that are worth a line; the commit."""

    counts: dict[tuple[str, str], int]
    shown: tuple[Decision, ...]
    written: Written

    @property
    def total(self) -> int:
        """How many messages were looked at."""
        return sum(self.counts.values())

    def by_verdict(self) -> dict[str, int]:
        """How many messages came to which end."""
        found: dict[str, int] = {}
        for (_, verdict), count in self.counts.items():
            found[verdict] = found.get(verdict, 0) + count
        return found


def seen(book: Book, *, again: bool = False) -> Container[str]:
    """The marks of messages that need not be looked at; none when all are to be looked at ``again``."""
    return frozenset() if again else Notebook(book).marks


def take_in(book: Book, found: Iterable[Found], *, own: Iterable[str] = (), dry_run: bool = False) -> Report:
    """Read messages and file what concerns a customer or one of our messages; the rest is only counted.

    Whatever is written is one commit. Facts go to the ledger first: should this process die in between, the next run
    finds the message not filed yet, and the fact told.

    Raises:
        Locked: another run is at work.
        KeyMissing, InvalidData, StorageFailed: what is needed cannot be used; nothing was filed.
    """
    from crmctl.store.lock import locked

    notebook = Notebook(book)
    with locked(notebook.lock, "ingest"):
        sent = ledgers.Sends.of(book)
        desk = Desk(book, sent, Matcher(book, sent, tuple(own)))
        decisions: list[Decision] = []
        counts: dict[tuple[str, str], int] = {}
        marks = []
        for one in found:
            decision = desk.decide(one)
            place = (decision.kind, decision.verdict)
            counts[place] = counts.get(place, 0) + 1
            marks.append(one.mark)
            if decision.has_effect:
                decisions.append(decision)
        shown = tuple(one for one in decisions if one.verdict in SHOWN)
        if dry_run:
            return Report(counts, shown, Written((), _message(decisions), ""))
        facts = [fact for one in decisions for fact in one.facts]
        told = ledgers.tell(book, facts, catch_up=bool(decisions) and sent.told)
        written = file(book, decisions, _mirrors(book, told))
        notebook.add(marks)
        return Report(counts, shown, written._replace(notes=(*told.notes, *written.notes)))


def file(book: Book, decisions: Iterable[Decision], mirrors: Mapping[str, bytes]) -> Written:
    """Write what was decided, as one commit, with files that mirror the ledger; nothing where nothing was decided.

    Entries that say what another one says, since two clones were joined, are taken away by the way.

    Raises:
        CrmError: a file that is needed has changes by hand, or cannot be read. Whoever said no is honoured all the
            same, in the list of suppressions, where that can be.
    """
    decisions = [one for one in decisions if one.has_effect]
    double = copies.find(book)
    message = _message(decisions, len(double))
    if not decisions and not double:
        return Written((), message, "")
    try:
        return _filed(book, decisions, mirrors, message, double)
    except CrmError:
        with suppress(CrmError):
            _refusals(book, decisions)
        raise


def _filed(
    book: Book, decisions: Sequence[Decision], mirrors: Mapping[str, bytes], message: str, double: Sequence[copies.Copy]
) -> Written:
    with book.write("ingest") as tx:
        notes = _confirm(book, tx, decisions)
        copies.take_out(book, tx, double)
        filing.put_entries(book, tx, (entry for one in decisions for entry in one.entries))
        filing.put_tasks(book, tx, (task for one in decisions for task in one.tasks))
        notes += filing.put_opt_outs(book, tx, [asked for one in decisions for asked in one.opt_outs])
        notes += filing.put_bad(book, tx, [bad for one in decisions for bad in one.bad])
        for path, data in mirrors.items():
            tx.put(path, data)
        commit = tx.commit(message)
        handles = dict.fromkeys(entry.customer for one in decisions for entry in one.entries)
        return Written(tuple(handles), message, commit, (*dict.fromkeys(notes), *adopted(tx)))


def _refusals(book: Book, decisions: Iterable[Decision]) -> None:
    """Close at least the addresses of those who said no; the messages themselves are filed another time."""
    asked = [one for decision in decisions for one in decision.opt_outs]
    if asked:
        with book.write("ingest") as tx:
            filing.put_refusals(book, tx, asked)
            tx.commit("ingest: opt-outs, on the list alone")


def _confirm(book: Book, tx: Transaction, decisions: Iterable[Decision]) -> list[str]:
    """Write down consents that were confirmed; what is worth telling."""
    from crmctl.services.consenting import requests
    from crmctl.services.consenting.unsubscribing import Refused

    notes: list[str] = []
    for one in (asked for decision in decisions for asked in decision.confirmed):
        try:
            _, message, more = requests.confirm_in(book, tx, one.token, "mail", one.at)
        except Refused as error:
            notes.append(f"a consent was not confirmed: {error.message}")
        else:
            notes += [message, *more]
    return notes


def _mirrors(book: Book, told: ledgers.Told) -> dict[str, bytes]:
    """The tracked files that tell other clones what came back, by path."""
    rows = book.index.rows("SELECT handle, id FROM campaigns")
    handles = {str(name): str(handle) for handle, identity in rows for name in (handle, identity) if name}
    return {
        f"{MIRRORS}/{handles[camp]}/{log}.jsonl": data for (camp, log), data in told.lines.items() if camp in handles
    }


def last_success(book: Book) -> datetime | None:
    """When all of the user's inbox was read for the last time, for whoever must not decide without having looked."""
    return Notebook(book).last()


def _message(decisions: Iterable[Decision], double: int = 0) -> str:
    """The subject of the commit: how many of which kind, and of how many messages a second entry went."""
    counts: dict[str, int] = {}
    for one in decisions:
        counts[one.kind] = counts.get(one.kind, 0) + 1
    words = ", ".join(f"{count} {_plural(kind, count)}" for kind, count in counts.items())
    if double:
        words = f"{words}{', ' if words else ''}{double} second {'copy' if double == 1 else 'copies'} taken away"
    return f"ingest: {words or 'nothing new'}"


def _plural(kind: str, count: int) -> str:
    if count == 1:
        return kind
    return {"reply": "replies", "auto-reply": "auto-replies"}.get(kind, f"{kind}s")
