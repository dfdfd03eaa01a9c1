"""One plan on several machines: what has to be the same on each before any of them sends a campaign.

A plan holds addresses, so it never travels. What the others need of it is in the ledger, whose lines do: who is in it,
by id, with the keyed hash of the address and the arm; and by a note what the words were, as git's ids of the files. The
next machine makes its own plan of that. It does not look for people itself, as a segment may be another one by now.

The words have to be the same, to the last byte, or nothing is sent here. An address has to be one of those that the
customer has here now; who has it not is left to the machine that knows it. The day need not be the same: a plan that is
frozen on one day goes out on others too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import Conflict
from crmctl.mail.ledger.states import PENDING
from crmctl.services.campaigns import audience
from crmctl.services.campaigns import plan as plans
from crmctl.services.campaigns.machines import pinning
from crmctl.services.campaigns.messages.rendering import wording
from crmctl.services.consenting import identity as identities
from crmctl.services.consenting import keys

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Mapping

    from crmctl.mail.ledger.states import Row
    from crmctl.services.book import Book
    from crmctl.services.campaigns.campaign import Campaign
    from crmctl.services.campaigns.messages.rendering import Wording
    from crmctl.services.campaigns.plan import Entry
    from crmctl.services.campaigns.plan import Frozen
    from crmctl.services.campaigns.running.desk import Desk
    from crmctl.services.consenting.keyrings import Ring

FROZEN = "frozen"
"""What a note says (``why``) that tells which plan was frozen."""

ALONE = "alone"
"""What a note says of a machine that sends from here on without claims, as only it is to send; ``rev`` is the newest
revision that it knew. Its next plan with words takes that back."""

_DIGITS = 12


class _Note(NamedTuple):
    """What a machine said last about its plan: the revision, the words ("" when it was never for others), the newest
    revision when it began to send alone (-1: it does not), and the branch on which it claims ("": it did not say)."""

    host: str
    revision: int
    words: str
    alone: int = -1
    branch: str = ""


def _notes(desk: Desk, campaign: Campaign) -> dict[str, _Note]:
    found: dict[str, _Note] = {}
    for event in desk.events(campaign.id):
        about, why = event.about, event.about.get("why") if event.ev == "note" else ""
        known = found.get(event.host, _Note(event.host, 0, ""))
        if why == FROZEN:
            words, branch = str(about.get("tpl", "")), str(about.get("ref", ""))
            new = _Note(event.host, int(about.get("rev", 0)), words, branch=branch)
            found[event.host] = new if new.words else new._replace(alone=known.alone)
        elif why == ALONE:
            found[event.host] = known._replace(alone=int(about.get("rev", 0)))
    return found


def set_out_alone(desk: Desk, campaign: Campaign) -> list[tuple[str, str, str, dict[str, str | int]]]:
    """What the ledger is told before this machine sends without claims what any could send; nothing when it was.

    Raises:
        Conflict: another machine does.
    """
    notes, latest = _notes(desk, campaign), newest(desk, campaign)
    own = notes.pop(desk.host, None)
    _refuse_alone(campaign, notes.values(), latest)
    if own is not None and own.alone >= latest:
        return []
    return [("note", "", campaign.id, {"why": ALONE, "rev": latest})]


def noted(book: Book, campaign: Campaign, frozen: Frozen) -> tuple[str, str, str, dict[str, str | int]]:
    """What the ledger is told of a plan as a whole: keyed, as addresses are in it; and its words for the others."""
    seal = keys.load(book).keyed(plans.digest(frozen))
    about: dict[str, str | int] = {"why": FROZEN, "rev": frozen.revision, "text": seal}
    if pinning.is_shared(campaign):
        about["tpl"] = words_of(book, frozen)
        if branch := pinning.shared_branch(book):
            about["ref"] = branch
    return "note", "", campaign.id, about


def newest(desk: Desk, campaign: Campaign) -> int:
    """The revision of the newest plan that any machine has told of; 0 for none."""
    return max((note.revision for note in _notes(desk, campaign).values()), default=0)


def was_shared(desk: Desk, campaign: Campaign) -> bool:
    """Whether any machine has told what the words of its plan are, so that others could send it too."""
    return any(note.words for note in _notes(desk, campaign).values())


def is_told(desk: Desk, campaign: Campaign) -> bool:
    """Whether the others know the words of the plan that is here, where they have to."""
    own = _notes(desk, campaign).get(desk.host)
    return not pinning.is_shared(campaign) or (own is not None and bool(own.words) and own.alone < 0)


def words_of(book: Book, frozen: Frozen) -> str:
    """The files that the messages are made of, each with the start of the id that git gives it."""
    words = frozen.words
    used = _used(words)
    told = {name: book.repository.blob_id(words.sources[name].encode())[:_DIGITS] for name in used}
    told |= {path: digest.rpartition(":")[2][:_DIGITS] for path, digest in words.enclosed.items()}
    return " ".join(f"{name.replace(' ', '%20')}={told[name]}" for name in sorted(told))


def _used(words: Wording) -> set[str]:
    """The templates of the arms, and those that they name, and so on."""
    found: set[str] = set()
    left = set(words.files.values())
    while left:
        name = left.pop()
        found.add(name)
        left |= {other for other in words.sources if other not in found and other in words.sources[name]}
    return found


def followed(book: Book, desk: Desk, campaign: Campaign, own: Frozen | None) -> tuple[Frozen | None, list[str]]:
    """The plan to send by, and what there is to say: the newest that any machine has told of; None where none has.

    ``own`` is the plan that is here. A newer one of another machine is made here from what the ledger says of it.

    Raises:
        Conflict: the words are not the same here, or another machine believes that it sends the campaign alone; or
            the others claim on another branch.
        CrmError: the templates cannot be read.
    """
    notes = _notes(desk, campaign)
    _require_branch(book, campaign, notes.values())
    mine = notes.pop(desk.host, None)
    if not notes:
        return own, []
    note = max(notes.values(), key=lambda note: (note.revision, bool(note.words), note.host))
    newer = own is not None and mine is not None and max(own.revision, mine.revision) > note.revision
    _refuse_alone(campaign, notes.values(), max(note.revision, mine.revision if mine else 0))
    if newer:
        return own, []
    if not note.words:
        raise _planned_alone(campaign, f"was planned on {note.host} for that machine alone")
    kept = own is not None and mine is not None and own.revision == note.revision == mine.revision
    words = own.words if kept and own is not None else wording(book, campaign)
    rows = desk.rows(campaign.id)
    new = own if kept and own is not None else _made(book, campaign, words, note, rows)
    _require_words(book, campaign, new, note)
    if kept:
        return new, []
    pinning.take(campaign, desk.state)
    plans.save(desk.state, new)
    desk.ledger.append_many([noted(book, campaign, new)])
    return new, _told(new, rows, note)


def _require_branch(book: Book, campaign: Campaign, notes: Iterable[_Note]) -> None:
    """Refuse to claim where the others do not look: of two machines on two branches, both would win each push."""
    told = [note for note in notes if note.branch]
    newest = max(told, key=lambda note: note.revision, default=None)
    here = pinning.shared_branch(book)
    if newest is not None and newest.branch != here:
        raise Conflict(
            f"nothing is sent: campaign {campaign.handle} is claimed on the branch {newest.branch} ({newest.host} "
            f"planned it there), and this clone shares {here}",
            hint=f"git switch {newest.branch}, then run it again. If all are to send from {here}: crmctl campaign plan "
            f"{campaign.handle} --refresh",
        )


def _refuse_alone(campaign: Campaign, notes: Iterable[_Note], revision: int) -> None:
    """Refuse while a machine sends alone, unless a plan was made anew since, by somebody who knows that it does not."""
    for note in notes:
        if note.alone >= revision:
            raise _planned_alone(campaign, f"is sent by {note.host} alone")


def _planned_alone(campaign: Campaign, how: str) -> Conflict:
    return Conflict(
        f"campaign {campaign.handle} {how}",
        hint=f"Run there: crmctl sync, then crmctl campaign send {campaign.handle} --send. If that machine is gone: "
        f"crmctl campaign plan {campaign.handle} --refresh",
    )


def _told(new: Frozen, rows: Mapping[str, Row], note: _Note) -> list[str]:
    gets = sum(not entry.code for entry in new.entries.values())
    found = [f"The plan is that of {note.host}, revision {note.revision}: {gets:,} messages wait."]
    strange = sum(row.state in PENDING and sid not in new.entries for sid, row in rows.items())
    if strange:
        found.append(
            f"{strange:,} people have not the address here with which they were planned; {note.host} sends those."
        )
    return found


def _require_words(book: Book, campaign: Campaign, frozen: Frozen, note: _Note) -> None:
    ours, theirs = (dict(part.split("=", 1) for part in text.split()) for text in (words_of(book, frozen), note.words))
    differ = sorted(name for name in {**ours, **theirs} if ours.get(name) != theirs.get(name))
    if not differ:
        return
    files = ", ".join(name.replace("%20", " ") for name in differ[:3]) + (" ..." if len(differ) > 3 else "")
    raise Conflict(
        f"nothing is sent: {files} {'is' if len(differ) == 1 else 'are'} not as {note.host} froze it for campaign "
        f"{campaign.handle} (revision {note.revision})",
        hint=f"Have the same files on both: crmctl sync. Or crmctl campaign plan {campaign.handle} --refresh has all "
        "machines send what stands here.",
    )


def _made(book: Book, campaign: Campaign, words: Wording, note: _Note, rows: Mapping[str, Row]) -> Frozen:
    """The plan that the ledger tells of, with the addresses that the customers have here."""
    handles = identities.every(book)
    ring = keys.load(book)
    kind = book.schema.require("customer")
    entries: dict[str, Entry] = {}
    for sid, row in rows.items():
        handle = handles.get(row.cust, row.cust)
        if row.state not in PENDING:
            code = "" if row.attempts else row.why or row.state
            entries[sid] = plans.Entry(sid, row.cust, handle, handle, "", row.arm, code, code)
            continue
        data = book.index.data(kind, handle) or {}
        known = audience.addresses_of(data, campaign.channel)
        address = next((one for one in known if _is(one, campaign.channel, row.to, book, ring)), "")
        if address:
            entries[sid] = plans.Entry(sid, row.cust, handle, str(data.get("name") or handle), address, row.arm)
    return plans.Frozen(
        campaign=campaign.id,
        handle=campaign.handle,
        revision=note.revision,
        at=book.now().isoformat(),
        commit=book.commit,
        channel=campaign.channel,
        segment=campaign.segment,
        query="",
        words=words,
        blobs=words.blobs(book),
        entries=entries,
    )


def _is(address: str, channel: str, hashed: str, book: Book, ring: Ring) -> bool:
    return bool(hashed) and hashed in ring.hashes(audience.same(address, channel, book.context))
