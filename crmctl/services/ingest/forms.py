"""Web forms that were dropped as JSON files: a lead, what they wrote, and what they agreed to with its proof.

The files are read and stay where they are. A submission is known by its id. Who fills in a form need not be whom they
say they are: somebody the book knows is never changed by it, but for a consent that is proven, where nothing was said
before. What a form merely says of consent is no consent: it becomes a follow-up to ask by mail (double opt-in).
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.model.kinds import CHANNELS
from crmctl.services import records
from crmctl.services.ingest import entries
from crmctl.services.ingest import filing
from crmctl.services.ingest import formfiles
from crmctl.services.ingest.entries import Entry
from crmctl.services.ingest.entries import Task
from crmctl.services.ingest.formfiles import Refused
from crmctl.services.ingest.matching import Matcher
from crmctl.services.ingest.sends import Sends
from crmctl.services.records import Written
from crmctl.services.records import adopted
from crmctl.store import layout

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from crmctl.model.raw import RawMap
    from crmctl.services.book import Book
    from crmctl.services.ingest.formfiles import Consent
    from crmctl.services.ingest.formfiles import Form
    from crmctl.store.transaction import Transaction


class Forms(NamedTuple):
    """What a folder of forms came to: how many of what, the files that were not taken, and the commit."""

    counts: Mapping[str, int]
    refused: tuple[Refused, ...]
    written: Written


def take_in(book: Book, folder: Path, *, honeypot: str = formfiles.HONEYPOT, dry_run: bool = False) -> Forms:
    """File the submissions in a folder (``*.json``), by the names of the files.

    Raises:
        NotFound: there is no such folder.
    """
    counts: dict[str, int] = {}
    refused = []
    forms: dict[str, Form] = {}
    known = {str(value) for (value,) in book.index.rows("SELECT value FROM interactions_external WHERE key = 'form'")}
    for path in formfiles.files(folder):
        found = formfiles.read(book, path, honeypot)
        if isinstance(found, Refused):
            refused.append(found)
        elif found is None:
            counts["spam"] = counts.get("spam", 0) + 1
        elif found.key in known or found.key in forms:
            counts["known"] = counts.get("known", 0) + 1
        else:
            forms[found.key] = found
    message = f"ingest: {len(forms)} form{'' if len(forms) == 1 else 's'}"
    counts["new"] = len(forms)
    if not forms or dry_run:
        return Forms(counts, tuple(refused), Written((), message, ""))
    with book.write("ingest forms") as tx:
        desk = _Desk(book, tx)
        handles = dict.fromkeys(desk.take(form) for form in forms.values())
        desk.finish()
        commit = tx.commit(message)
        written = Written(tuple(one for one in handles if one), message, commit, tuple(adopted(tx)))
    return Forms(counts, tuple(refused), written)


class _Desk:
    """The submissions of one folder in one transaction."""

    def __init__(self, book: Book, tx: Transaction) -> None:
        self._book = book
        self._tx = tx
        self._matcher = Matcher(book, Sends({}, (), ()))
        self._entries: list[Entry] = []
        self._tasks: list[Task] = []
        self._new: dict[str, str] = {}

    def take(self, form: Form) -> str:
        """File one submission; whose it is, "" when that is not clear."""
        customers = self._whose(form)
        if len(customers) > 1:
            what = "Say whose web form it is"
            notes = f"{form.email or form.phone}: {', '.join(customers)}\n\n{_words(form)}"
            self._tasks.append(Task(form.key, what, "", notes, form.at, 1, {"form": form.key}))
            return ""
        handle = customers[0] if customers else self._add(form)
        case = self._case(form, handle) if form.case else ""
        self._consent(form, handle)
        data: RawMap = {
            "id": entries.same_id(form.at, "form", form.key),
            "at": entries.stamp(form.at),
            "type": "message",
            "direction": "in",
            "text": _words(form),
            "case": case,
            "source": "web form",
            "external": {"form": form.key},
        }
        self._entries.append(Entry(handle, {name: value for name, value in data.items() if value}))
        return handle

    def finish(self) -> None:
        """Put what was collected into the transaction."""
        filing.put_entries(self._book, self._tx, self._entries)
        filing.put_tasks(self._book, self._tx, self._tasks)

    def _whose(self, form: Form) -> tuple[str, ...]:
        new = self._new.get(form.email.casefold()) if form.email else self._new.get(form.phone)
        if new:
            return (new,)
        if form.email:
            return self._matcher.with_address(form.email)
        from crmctl.services.ingest import addressbook

        return tuple(addressbook.callers(self._book, form.phone, whole=True).handles)

    def _add(self, form: Form) -> str:
        """A new customer, as a lead."""
        kind = self._book.schema.require("customer")
        lifecycle = kind.field("lifecycle")
        lead = "lead" if lifecycle is not None and "lead" in lifecycle.choices else ""
        data: RawMap = {
            "id": entries.same_id(form.at, "form customer", form.key),
            "name": form.name,
            "lifecycle": lead,
            "emails": [form.email] if form.email else [],
            "phones": [form.phone] if form.phone else [],
            "source": "web form",
            "notes": f"Organisation: {form.organization}" if form.organization else "",
            "external": {"form": form.key},
        }
        data = {name: value for name, value in data.items() if value}
        handle = records.free_handle(self._book, self._tx, kind, form.name, "")
        records.save(self._book, self._tx, kind, layout.path_of(kind, handle, sharded=self._book.sharded), data)
        for key in (form.email.casefold(), form.phone):
            if key:
                self._new[key] = handle
        return handle

    def _granted(self, form: Form, consent: Consent) -> RawMap:
        """A consent that was confirmed by mail, with its proof."""
        day = (consent.confirmed or form.at).astimezone(self._book.context.zone).date().isoformat()
        said = f"form {form.key}, confirmed: {consent.proof}, wording sha256 {entries.digest(consent.wording)}"
        return {
            "state": "granted",
            "basis": "consent",
            "channels": ["email"],
            "date": day,
            "how": "web form, confirmed by mail",
            "evidence": " ".join(said.split()),
            "wording": consent.wording[:1_000],
        }

    def _consent(self, form: Form, handle: str) -> None:
        """Consent: taken where it is proven and nothing was said before, otherwise left for a person to ask for."""
        kind = self._book.schema.require("customer")
        path = records.path_of(self._book, kind, handle)
        before = records.load(self._tx, path)
        said = before.get("consent")
        known = {name.strip().casefold(): entry for name, entry in said.items()} if isinstance(said, dict) else {}
        new: dict[str, RawMap] = {}
        for consent in form.consents:
            self._ask_for_others(form, handle, consent)
            if "email" not in consent.channels or not form.email:
                continue
            entry = known.get(consent.purpose)
            if entry:
                if not isinstance(entry, dict) or entry.get("state") != "granted":
                    self._ask(form, handle, f"Ask by mail whether they really want {consent.purpose} again", consent)
            elif consent.confirmed is None or (said and not isinstance(said, dict)):
                self._ask(form, handle, f"Ask by mail whether they want {consent.purpose}", consent)
            else:
                new[consent.purpose] = self._granted(form, consent)
        if new:
            after: RawMap = {**before, "consent": {**(said if isinstance(said, dict) else {}), **new}}
            records.save(self._book, self._tx, kind, path, after, ("consent",))

    def _ask_for_others(self, form: Form, handle: str, consent: Consent) -> None:
        """A link in a mail proves an address for mail, and no telephone number."""
        others = [name for name in CHANNELS if name in consent.channels and (name != "email" or not form.email)]
        if others:
            ways = " ".join(f"--channel {name}" for name in others)
            command = f"crmctl consent grant {handle} {consent.purpose} {ways} --how call"
            self._ask(form, handle, f"Ask whether they want {consent.purpose} by {', '.join(others)}", consent, command)

    def _ask(self, form: Form, handle: str, what: str, consent: Consent, command: str = "") -> None:
        command = command or f"crmctl consent request {handle} --purpose {consent.purpose}"
        notes = f"{command}\n\nWhat stood at the box: {consent.wording[:1_000]}"
        self._tasks.append(Task(form.key, f"{what}: a web form says so", handle, notes, form.at, 1, {"form": form.key}))

    def _case(self, form: Form, handle: str) -> str:
        """A case for what they want, and its handle."""
        from crmctl.services import consequences

        kind = self._book.schema.require("case")
        name = form.subject or next(iter(form.message.split("\n")), "")[:80] or f"{form.case} by web form"
        data: RawMap = {
            "id": entries.same_id(form.at, "form case", form.key),
            "name": name,
            "customer": handle,
            "type": form.case,
            "channel": "web",
            "opened": entries.stamp(form.at),
            "external": {"form": form.key},
        }
        data = consequences.with_defaults(self._book, kind, data)
        case = f"web-{entries.digest(form.key)[:10]}"
        path = layout.path_of(kind, case, sharded=self._book.sharded)
        if self._tx.read(path) is None:
            records.save(self._book, self._tx, kind, path, data)
        return case


def _words(form: Form) -> str:
    """What a submission says, for the history."""
    ticked = [f"Ticked: {consent.purpose} ({consent.wording[:300]})" for consent in form.consents]
    rest = [f"{name}: {text}" for name, text in form.rest]
    pieces = [form.subject, form.message, "\n".join([*rest, *ticked])]
    return "\n\n".join(piece for piece in pieces if piece) or "(nothing in it)"
