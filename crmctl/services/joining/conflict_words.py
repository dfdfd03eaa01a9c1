"""What a question is about, and what each side says to it: a value, or words about a record as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import InvalidData
from crmctl.store import layout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Sequence

    from crmctl.merge.outcome import Clash
    from crmctl.model.raw import Raw
    from crmctl.model.raw import RawMap
    from crmctl.services.joining.treemerge import Question
    from crmctl.store.layout import Place


_NAMED = 3
"""So many of the records that name one are told of."""


def words_of(question: Question, side: RawMap | None, base: RawMap | None, data: bytes | None) -> str:
    """What a side has, where it is asked about as a whole: which fields it changed, or who it is."""
    if data is None:
        return "removed"
    if side is None and question.what == "file":
        return f"{len(data):,} bytes"
    if side is None and not _is_record(question.path):
        return "unchanged" if data == question.base else "edited"
    if side is None:
        return "cannot be read"
    if base is None or question.what == "identity":
        return title_of(side, "name") or title_of(side, "what") or "another record"
    names = [name for name in dict.fromkeys([*base, *side]) if base.get(name) != side.get(name)]
    return f"changed {', '.join(names)}" if names else "unchanged"


def _is_record(path: str) -> bool:
    """Whether a file is to be read as a record, or as the settings."""
    return path.endswith(".yaml") and layout.flat(path).startswith((f"{layout.RECORDS}/", "crm.yaml"))


def and_history(group: Sequence[Question], words: str, number: int) -> str:
    """``words`` about a customer's record, and how much the side (0: ours, 1: theirs) added to the history."""
    from crmctl.store.jsonl import read_lines

    history = next((part for part in group if part.path.endswith(".jsonl")), None)
    data = history and (history.ours, history.theirs)[number]
    if history is None or data is None or (words == "removed" and group[0] is not history):
        return words
    known = {line.raw for line in read_lines(history.base or b"", history.path)[0]}
    count = sum(line.raw not in known for line in read_lines(data, history.path)[0])
    if not count:
        return words
    new = f"{count:,} new interaction{'' if count == 1 else 's'}"
    return new if words in ("unchanged", "edited") else f"{words}, {new}"


def and_named(group: Sequence[Question], words: str) -> str:
    """``words`` about a record that one side removed, and what the other side wrote that names it."""
    if words == "removed" or not group[0].named:
        return words
    more = len(group[0].named) - _NAMED
    named = f"named by {', '.join(group[0].named[:_NAMED])}{f' and {more:,} more' if more > 0 else ''}"
    return named if words == "unchanged" else f"{words}, {named}"


def title_of(side: RawMap | None, name: str) -> str:
    """A text of a record, "" where it has none of that name."""
    value = (side or {}).get(name, "")
    return value if isinstance(value, str) else ""


def content_of(path: str, data: bytes | None) -> RawMap | None:
    """A record's content, None for what is no record, or unreadable."""
    if data is None or not path.endswith(".yaml"):
        return None
    from crmctl.store.yaml_reader import read_yaml

    try:
        return read_yaml(data, path).data
    except InvalidData:
        return None


class Meaning(NamedTuple):
    """What a question is about, and what base, ours and theirs say to it: values, or words where there are none."""

    interaction: str
    field: str
    what: str
    values: list[Raw | None]
    words: list[str]


def of_whole(group: list[Question], sides: list[RawMap | None]) -> Meaning:
    """The meaning of a question about a whole file; ``sides`` are its records in base, ours and theirs."""
    first = group[0]
    what = {"deleted": "removed"}.get(first.what, first.what)
    values: list[Raw | None] = [side if data is not None else None for side, data in _pairs(sides, first)]
    words = [words_of(first, side, sides[0], data) for side, data in _pairs(sides, first)]
    if what == "removed":
        words[1:] = [and_named(group, and_history(group, said, number)) for number, said in enumerate(words[1:])]
    return Meaning("", "", what, values, words)


def of_field(first: Question, clash: Clash, place: Place | None) -> Meaning:
    """The meaning of a question about a field, of a record or of a line in a history."""
    values = [clash.base, clash.ours, clash.theirs]
    if place is None or place.kind.storage != "jsonl":
        return Meaning("", ".".join(clash.path), first.what, values, ["", "", ""])
    interaction, *names = clash.path
    if names or None not in (clash.ours, clash.theirs):
        return Meaning(interaction, ".".join(names), first.what, values, ["", "", ""])
    words = ["", *("removed" if side is None else "changed" for side in values[1:])]
    return Meaning(interaction, "", "removed", values, words)


def _pairs(sides: list[RawMap | None], question: Question) -> Iterator[tuple[RawMap | None, bytes | None]]:
    return zip(sides, (question.base, question.ours, question.theirs), strict=True)
