"""What two people changed in different ways, told as questions about records, and the answers to them."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import Ambiguous
from crmctl.errors import NotFound
from crmctl.services.joining import conflict_joining
from crmctl.services.joining.conflict_answers import Answer
from crmctl.services.joining.conflict_answers import Pending
from crmctl.services.joining.conflict_answers import drop
from crmctl.services.joining.conflict_answers import fingerprint
from crmctl.services.joining.conflict_answers import load
from crmctl.services.joining.conflict_answers import save
from crmctl.services.joining.conflict_joining import look
from crmctl.services.joining.conflict_joining import partner
from crmctl.services.joining.conflict_joining import settled
from crmctl.services.joining.conflict_rename import schema
from crmctl.services.joining.conflict_words import content_of
from crmctl.services.joining.conflict_words import of_field
from crmctl.services.joining.conflict_words import of_whole
from crmctl.services.joining.conflict_words import title_of
from crmctl.store import layout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping
    from collections.abc import Sequence

    from crmctl.model.raw import Raw
    from crmctl.model.schema import Schema
    from crmctl.services.book import Book
    from crmctl.services.joining.conflict_joining import State
    from crmctl.services.joining.treemerge import Question
    from crmctl.vcs.unmerged import Mark

__all__ = ["Answer", "Asked", "Pending", "Side", "drop", "load", "look", "questions", "save", "settled", "told"]

SETTINGS = "settings"
FILE = "file"


class Side(NamedTuple):
    """What one side has: its value (None for none), the same in words where a whole record is asked about, and the
    latest commit on that side that changed the file: who made it, and when (ISO 8601)."""

    value: Raw | None
    words: str
    who: str
    when: str
    commit: str


class Asked(NamedTuple):
    """One question to a person, about a record or one of its fields.

    ``kind`` is that of the record ("settings" and "file" for what is none). A question about an interaction names it in
    ``interaction``; ``handle`` is then its customer's. ``field`` is the path to the field with dots, "" when the record
    (or interaction) as a whole is asked about. ``what`` is "field", "removed" (one side removed it, the other changed
    it), "identity" (two different records), "joint" (each side's record is valid, both together are not) or "file".
    ``yours`` is the user's side, whatever git calls it: under a
    rebase that is git's "theirs", which ``swapped`` says. ``parts`` are the questions that one answer settles.
    ``home`` is the handle that one of two records has on the other side already, "" for none; ``formerly`` the one that
    the record had before a side renamed it.
    """

    kind: str
    handle: str
    title: str
    interaction: str
    field: str
    what: str
    before: Raw | None
    yours: Side
    theirs: Side
    path: str
    reason: str
    swapped: bool
    parts: tuple[Question, ...]
    home: str = ""
    formerly: str = ""

    @property
    def record(self) -> str:
        """How it is called to people: ``customer ada``, ``interaction 5m3k9p2q of ada``."""
        if self.kind in (FILE, SETTINGS):
            return self.path
        if self.interaction:
            return f"interaction {self.interaction[-8:].lower()} of {self.handle}"
        if self.kind == "interaction":
            return f"history of {self.handle}"
        return f"{self.kind} {self.handle}"

    @property
    def label(self) -> str:
        """The field to people: an amount and its currency are asked about together."""
        clash = self.parts[0].clash
        return ", ".join(clash.names) if clash is not None and len(clash.names) > 1 else self.field

    @property
    def typed(self) -> str:
        """How a value is typed for it: ``role=VALUE``, an amount with its currency; "" where none can be."""
        clash = self.parts[0].clash
        if clash is None or not self.field:
            return ""
        if len(clash.names) == 1:
            return f"{self.field}=VALUE"
        ours, theirs = (side.value if isinstance(side.value, dict) else {} for side in (self.yours, self.theirs))
        words = []
        for name in clash.names:
            value = ours.get(name, theirs.get(name))
            if ours.get(name) == theirs.get(name):
                continue
            if not isinstance(value, str):
                return ""
            words.append(f"{name}={shlex.quote(value)}")
        return " ".join(words)

    @property
    def size_before(self) -> int | None:
        """How many bytes a file had that is asked about as a whole, None where there was none."""
        base = self.parts[0].base
        return None if base is None else len(base)

    @property
    def choices(self) -> tuple[str, ...]:
        """The answers that can be given: "ours" and "theirs" always."""
        more = {"identity": ("rename",), "removed": ("removed", "edited"), "field": ("value",), "joint": ("value",)}
        return ("ours", "theirs", *more.get(self.what, ()))

    @property
    def keys(self) -> tuple[str, ...]:
        """What the answer is kept under."""
        return tuple(fingerprint(part) for part in self.parts)


def questions(book: Book) -> list[Asked]:
    """Everything that waits for an answer: of a git command that stopped, or of a sync; none when nothing does.

    Raises:
        GitFailed: git cannot tell.
    """
    state = look(book)
    return [] if state is None else told(book, state)


def told(book: Book, state: State) -> list[Asked]:
    """The open questions of ``state``, with who gave each side its value."""
    groups = list(grouped(state.questions))
    if not groups:
        return []
    paths = {one.path for group in groups for one in group}
    ours, theirs = conflict_joining.marks(book, state.joining, paths, state.merged.moved)
    known = schema(book)
    asked = [_asked(known, group, ours, theirs, swapped=state.joining.how.swapped) for group in groups]
    asked = [one._replace(formerly=_handle(state.merged.moved.get(one.path, ""))) for one in asked]
    return [_with_home(book, state, one) if one.what == "identity" else one for one in asked]


def _with_home(book: Book, state: State, one: Asked) -> Asked:
    from crmctl.services.joining.conflict_moving import elsewhere

    found = elsewhere(book, state.joining, one.parts[0])
    return one if found is None else one._replace(home=found.handle)


def find(asked: Sequence[Asked], words: Sequence[str]) -> list[Asked]:
    """The questions about the record that ``words`` mean: [KIND] and a handle, a path, a name, or the end of an id.

    A customer's questions are those of their interactions too.

    Raises:
        NotFound: nothing is asked about it.
        Ambiguous: several records answer to it.
    """
    if not words:
        return list(asked)
    *before, ref = words
    among = [one for one in asked if not before or _is_of(one, before[0])]
    low = ref.lower()
    for fits in (
        lambda one: low in (one.handle, one.path.lower(), one.formerly),
        lambda one: bool(one.interaction) and low in (one.interaction.lower(), one.interaction[-8:].lower()),
        lambda one: one.handle.startswith(low),
        lambda one: low in one.title.lower(),
    ):
        found = [one for one in among if fits(one)]
        if found:
            return _of_one(found, ref)
    raise NotFound(f"nothing is asked about {' '.join(words)!r}", hint="crmctl conflicts shows what is.")


def _handle(path: str) -> str:
    return path.rpartition("/")[2].rpartition(".")[0]


def _is_of(one: Asked, kind: str) -> bool:
    if one.kind == "interaction" and kind in ("customer", "customers"):
        return True
    return kind in (one.kind, f"{one.kind}s")


def _of_one(found: list[Asked], ref: str) -> list[Asked]:
    """``found`` if it is about one record (or a customer and their history)."""
    about = {(one.kind if one.kind != "interaction" else "customer", one.handle) for one in found}
    if len(about) == 1:
        return found
    candidates = [(f"{kind} {handle}", "") for kind, handle in sorted(about)]
    hint = "Say which: crmctl resolve KIND HANDLE ..."
    raise Ambiguous(f"{ref!r} can be {len(about)} records that something is asked about", candidates, hint=hint)


def grouped(open_ones: Sequence[Question]) -> Iterator[list[Question]]:
    """The questions that one answer settles: a customer as a whole goes with their history."""
    wholes = {layout.flat(one.path): one for one in open_ones if one.clash is None}
    for one in open_ones:
        if one.clash is not None:
            yield [one]
            continue
        path = layout.flat(one.path)
        if one.about and one.about != one.path and layout.flat(one.about) in wholes:
            continue  # It is told of with the record that it names.
        along = [more for more in open_ones if one.about and more.about == one.about and more is not one]
        other = wholes.get(partner(path))
        together = other is not None and other.what == one.what
        if along:
            yield [one, *along]
        elif not together:
            yield [one]
        elif other is not None and path.endswith(".yaml"):
            yield [one, other]


def _asked(
    known: Schema, group: list[Question], ours: Mapping[str, Mark], theirs: Mapping[str, Mark], *, swapped: bool
) -> Asked:
    first = group[0]
    place = layout.place_of(first.path, known)
    sides = [content_of(first.path, data) for data in (first.base, first.ours, first.theirs)]
    title = ""
    if place is not None and place.kind.storage == "yaml":
        title = next((text for side in (*sides[1:], sides[0]) if (text := title_of(side, place.kind.title))), "")
    if first.clash is None:
        interaction, field, what, values, words = of_whole(group, sides)
    else:
        interaction, field, what, values, words = of_field(first, first.clash, place)
    by = [_side(values[1], words[1], _latest(ours, group, 0)), _side(values[2], words[2], _latest(theirs, group, 1))]
    yours, others = reversed(by) if swapped else by
    kind, handle = (place.kind.name, place.handle) if place is not None else _no_record(first.path)
    return Asked(
        kind=kind,
        handle=handle,
        title=title,
        interaction=interaction,
        field=field,
        what=what,
        before=values[0],
        yours=yours,
        theirs=others,
        path=first.path,
        reason=first.reason,
        swapped=swapped,
        parts=tuple(group),
    )


def _no_record(path: str) -> tuple[str, str]:
    return (SETTINGS, path) if path == "crm.yaml" else (FILE, path)


def _side(value: Raw | None, words: str, mark: Mark | None) -> Side:
    return Side(value, words, mark.who if mark else "", mark.when if mark else "", mark.commit if mark else "")


def _latest(marks: Mapping[str, Mark], group: list[Question], number: int) -> Mark | None:
    """Who changed what is asked about last, on a side (0: ours, 1: theirs): of two files, one that the side changed."""
    changed = [one for one in group if (one.ours, one.theirs)[number] != one.base]
    return next((marks[one.path] for one in (*changed, *group) if one.path in marks), None)
