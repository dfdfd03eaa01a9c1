"""From what a person says to answers that are kept: a side, a value, another handle."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple
from typing import NoReturn

from crmctl.errors import Conflict
from crmctl.errors import UsageProblem
from crmctl.services.joining import conflict_answers
from crmctl.services.joining import conflict_joint
from crmctl.services.joining import conflict_losses
from crmctl.services.joining import conflict_moving
from crmctl.services.joining import conflict_rename
from crmctl.services.joining.conflict_answers import Answer
from crmctl.services.joining.conflict_joining import SYNC
from crmctl.services.joining.treemerge_units import from_top
from crmctl.store.merging import merge_file
from crmctl.vcs import trees

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Sequence

    from crmctl.model.fields import Kind
    from crmctl.model.raw import Raw
    from crmctl.model.raw import RawMap
    from crmctl.services.book import Book
    from crmctl.services.joining.conflict_joining import State
    from crmctl.services.joining.conflicts import Asked
    from crmctl.services.joining.treemerge import Question

OURS, THEIRS = "ours", "theirs"


class Said(NamedTuple):
    """``FIELD=VALUE`` as typed; with ``literal`` (``FIELD:=VALUE``) the value is never the name of a side."""

    name: str
    value: str
    literal: bool = False

    @property
    def side(self) -> str:
        """The side that is meant, "" when a value is."""
        word = self.value.strip().lower()
        return word if word in (OURS, THEIRS) and not self.literal else ""


class Answers(NamedTuple):
    """Answers by what they are kept under, and what is worth telling: dates that were worked out from words."""

    by_key: dict[str, Answer]
    notes: tuple[str, ...] = ()


def take(book: Book, state: State, asked: Sequence[Asked], side: str, *, drop: bool = False) -> Answers:
    """All of ``asked`` answered with one side: "ours" is the user's own, "theirs" that of the others.

    What only the other side changed, and what fits, stays where a record can be joined.
    Of two records under one handle, one goes: without ``drop`` only if nothing is lost with it.

    Raises:
        UsageProblem: the side has something that crmctl does not write.
        Conflict: as ``conflict_losses.check``.
    """
    found: dict[str, Answer] = {}
    for one in asked:
        merge_side = _in_merge(one, side)
        for key, part in zip(one.keys, one.parts, strict=True):
            if part.what == "file" and merge_side == THEIRS:
                _refuse_odd(book, state, part.path)
            if part.stuck and (part.ours if merge_side == OURS else part.theirs) is None:
                _refuse_to_leave(one, part)
            if part.what == "identity":
                conflict_losses.check(book, state.joining, part, merge_side, side, drop=drop)
            if part.joined is not None:
                found[key] = Answer(
                    "content", value=conflict_joint.leaning(book, state, part, merge_side), path=part.path
                )
            else:
                found[key] = Answer(merge_side, path=part.path, field=one.field)
    return Answers(found)


def keep(book: Book, state: State, asked: Sequence[Asked], what: str) -> Answers:
    """Records that one side removed and the other changed: "removed" keeps them away, "edited" keeps them.

    Raises:
        UsageProblem: nothing of the kind is asked.
    """
    wanted = [one for one in asked if one.what == "removed"]
    if not wanted:
        hint = "Say which side: --ours or --theirs, or FIELD=ours."
        raise UsageProblem("no side removed what is asked about", hint=hint)
    found: dict[str, Answer] = {}
    for one in wanted:
        yours_removed = one.yours.words == "removed"
        side = OURS if yours_removed == (what == "removed") else THEIRS
        found.update(take(book, state, [one], side).by_key)
    return Answers(found)


def rename(book: Book, state: State, asked: Sequence[Asked], handle: str) -> Answers:
    """Two different records under one handle: theirs is called ``handle`` from now on.

    Where the other side has one of the two under ``handle`` already, that one goes there, whosever it is.

    Raises:
        UsageProblem, Conflict: as ``conflict_rename.check``, ``conflict_moving.check``.
    """
    one = next((one for one in asked if one.what == "identity"), None)
    if one is None:
        hint = "It is for two different records under one handle."
        raise UsageProblem("--rename does not answer what is asked", hint=hint)
    part = one.parts[0]
    found = conflict_moving.elsewhere(book, state.joining, part)
    if found is not None:
        conflict_moving.check(book, state.joining, part, found, handle)
    else:
        conflict_rename.check(book, state.joining, part, handle)
    return Answers({one.keys[0]: Answer("rename", handle=handle, path=part.path)})


def assign(book: Book, state: State, asked: Sequence[Asked], said: Sequence[Said]) -> Answers:
    """Fields answered one by one: with a side, or with a value as for ``set``.

    Raises:
        UsageProblem: nothing is asked about a field, or it cannot be typed.
        InvalidData: the value does not fit.
    """
    found: dict[str, Answer] = {}
    notes: list[str] = []
    typed: dict[int, list[Said]] = {}
    for one_said in said:
        number = _meant(book, asked, one_said)
        if one_said.side and asked[number].what == "field":
            found.update(take(book, state, [asked[number]], one_said.side).by_key)
        else:
            typed.setdefault(number, []).append(one_said)
    for number, parts in typed.items():
        one = asked[number]
        value, told = _value(book, one, parts) if one.what == "field" else conflict_joint.assigned(book, one, parts)
        how = "value" if one.what == "field" else "content"
        found[one.keys[0]] = Answer(how, value=value, path=one.path, field=one.field)
        notes += told
    return Answers(found, tuple(notes))


def note(book: Book, state: State, answers: Mapping[str, Answer]) -> None:
    """Keep ``answers`` beside those that were given before.

    Raises:
        Locked: another crmctl is writing.
        Conflict: the sync that they are for has been settled or given up meanwhile.
    """
    from crmctl.store.lock import locked

    with locked(book.places.shared / "lock", "resolve"):
        if state.joining.how.name != SYNC:
            conflict_answers.save_answers(book, {**conflict_answers.load_answers(book), **answers})
            return
        pending = conflict_answers.load(book)
        if pending is None:
            raise Conflict("no sync waits for answers any more", hint="crmctl sync")
        conflict_answers.save(book, pending._replace(answers={**pending.answers, **answers}))


def _in_merge(one: Asked, side: str) -> str:
    """The user's word for a side, as the merge calls it."""
    return side if not one.swapped else THEIRS if side == OURS else OURS


def _refuse_to_leave(one: Asked, part: Question) -> NoReturn:
    """What was there before, and names the record by now, is not taken away with it."""
    raise Conflict(
        f"{one.record} cannot go: {', '.join(part.stuck)} names it, and would be left without it",
        hint=f"crmctl resolve {one.handle} --keep edited brings it back; then change those, and remove it again.",
    )


def _refuse_odd(book: Book, state: State, path: str) -> None:
    """Links and other repositories are not written by crmctl."""
    places = book.places
    pair = trees.differences(places, state.joining.ours, state.joining.theirs).get(from_top(path, places.prefix))
    if pair is not None and pair[1] is not None and pair[1].mode in (trees.LINK, trees.SUBMODULE):
        hint = f"Settle it with git: git merge, then git checkout --theirs -- {path}"
        raise UsageProblem(f"{path} is no plain file on the other side, and crmctl writes plain files only", hint=hint)


def _meant(book: Book, asked: Sequence[Asked], said: Said) -> int:
    """Which of ``asked`` a field's name means."""
    found = [number for number, one in enumerate(asked) if one.what == "field" and _fits(book, one, said.name)]
    if not found:
        found = [number for number, one in enumerate(asked) if one.what == "joint"]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(asked[number].interaction or asked[number].record for number in found)
        raise UsageProblem(f"{len(found)} questions are about {said.name}", hint=f"Say which: {names}")
    fields = ", ".join(dict.fromkeys(one.label for one in asked if one.field))
    whole = "The record as a whole is asked about: say --ours or --theirs (crmctl conflicts shows more)."
    raise UsageProblem(f"nothing is asked about {said.name}", hint=f"Asked about: {fields}." if fields else whole)


def _fits(book: Book, one: Asked, name: str) -> bool:
    clash = one.parts[0].clash
    assert clash is not None
    plain = name.rstrip("+-")
    head, dot, rest = plain.partition(".")
    kind = _kind(book, one)
    if kind is not None:
        head = next((field.name for field in kind.fields if head in field.aliases), head)
    plain = f"{head}{dot}{rest}"
    return plain == one.field or plain.startswith(f"{one.field}.") or (len(clash.names) > 1 and head in clash.names)


def _kind(book: Book, one: Asked) -> Kind | None:
    return conflict_rename.schema(book).kind(one.kind)


def _value(book: Book, one: Asked, said: Sequence[Said]) -> tuple[Raw | None, list[str]]:
    """The value that was typed for a question, and what to tell about it."""
    from crmctl.services import consequences
    from crmctl.services import records

    clash = one.parts[0].clash
    assert clash is not None
    kind = _kind(book, one)
    path = clash.path[1:] if one.interaction else clash.path
    field = kind.field(path[0]) if kind is not None and path else None
    if kind is None or field is None:
        if len(said) > 1 or said[0].name != one.field:
            raise UsageProblem(f"{one.field} is one text: say {one.field}=VALUE, ours or theirs")
        return said[0].value.strip() or None, []
    if field.type == "group" and field.shape == "list":
        hint = f"Change the rest afterwards: crmctl {one.kind} edit {one.interaction or one.handle}"
        raise UsageProblem(f"{one.field} has parts of its own: say ours or theirs", hint=hint)
    if len(clash.names) > 1:
        _check_complete(one, clash.names, said)
    before = _as_ours(one)
    new, notes = records.assign_all(book, kind, before, [records.Assignment(part.name, part.value) for part in said])
    if not one.interaction:
        new = consequences.follow(book, kind, before, new)
    if len(clash.names) > 1:
        return {name: new[name] for name in clash.names if name in new}, notes
    found: Raw | None = new
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found, notes


def _check_complete(one: Asked, names: Sequence[str], said: Sequence[Said]) -> None:
    """An amount and its currency are answered together."""
    ours, theirs = (side.value if isinstance(side.value, dict) else {} for side in (one.yours, one.theirs))
    given = {part.name.rstrip("+-").partition(".")[0] for part in said}
    missing = [name for name in names if ours.get(name) != theirs.get(name) and name not in given]
    if missing:
        belong = " and ".join(names)
        hint = f"Say ours, theirs{f', or all of it: {one.typed}' if one.typed else ''}"
        raise UsageProblem(f"{belong} belong together: say {missing[0]}=VALUE too", hint=hint)


def _as_ours(one: Asked) -> RawMap:
    """The record (or interaction) as it is when ours is taken for everything that is asked."""
    from crmctl.store.jsonl import read_lines
    from crmctl.store.yaml_reader import read_yaml

    part = one.parts[0]
    assert part.ours is not None
    assert part.theirs is not None
    if one.interaction:
        lines = [line.value for data in (part.ours, part.theirs) for line in read_lines(data, part.path)[0]]
        return next(line for line in lines if line.get("id") == one.interaction)
    asked = merge_file(part.path, part.base, part.ours, part.theirs).clashes
    merged = merge_file(part.path, part.base, part.ours, part.theirs, {clash.path: clash.ours for clash in asked})
    return read_yaml(merged.data, part.path).data
