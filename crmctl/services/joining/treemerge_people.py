"""What a merge must not do with people: put one person's history into another's, or take it away unseen.

A customer and the file of their interactions are one thing to whoever answers, though git sees two files.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from crmctl.errors import InvalidData
from crmctl.services.joining.treemerge_units import asked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping

    from crmctl.services.joining.treemerge_units import Contents
    from crmctl.services.joining.treemerge_units import Outcome
    from crmctl.services.joining.treemerge_units import Unit

_CUSTOMER = re.compile(r"records/customers/([^/]+)\.yaml")
_HISTORY = re.compile(r"records/interactions/([^/]+)\.jsonl")
_ID = re.compile(rb"^id[ \t]*:[ \t]*[\"']?([^\"'#\s]+)", re.MULTILINE)


def kept_apart(units: Mapping[str, Unit], outcomes: Mapping[str, Outcome], contents: Contents) -> dict[str, Outcome]:
    """What has to be asked beyond ``outcomes`` so that no two people are mixed, and no history is lost unseen."""
    found: dict[str, Outcome] = {}
    customers = {match[1]: unit for unit in units.values() if (match := _CUSTOMER.fullmatch(unit.key))}
    contents.load(unit for unit in customers.values() if unit.ours and unit.theirs)
    for handle, customer in customers.items():
        if customer.crowded:
            continue
        history = units.get(f"records/interactions/{handle}.jsonl")
        known = outcomes[customer.key].questions
        if customer.ours is not None and customer.theirs is not None:
            if any(question.what == "identity" for question in known):
                found.update(_history(history, contents, "identity", _of_two(handle)))
            elif _replaced(customer, contents) and _concerned(handle, customer, history, units, contents):
                reason = f"one side made {handle} another customer, the other went on with the one before"
                found[customer.key] = asked(customer, contents, "identity", reason)
                found.update(_history(history, contents, "identity", _of_two(handle)))
        elif customer.base is not None and customer.ours != customer.theirs:
            found.update(_removed(handle, customer, history, contents, questioned=bool(known)))
    return found


def standing_twice(
    units: Mapping[str, Unit], outcomes: Mapping[str, Outcome], whole: Mapping[str, object], contents: Contents
) -> dict[str, Outcome]:
    """The answers (of ``whole``) after which one record would stand at two places: each is asked again."""
    places: dict[tuple[str, bytes], list[str]] = {}
    for key, unit in units.items():
        kind, _, _ = key.rpartition("/")
        if key.startswith("records/") and key.endswith(".yaml") and not outcomes[key].questions:
            name = identity(_comes(unit, outcomes[key], contents))
            if name:
                places.setdefault((kind, name), []).append(key)
    found = {}
    for keys in places.values():
        for key in keys if len(keys) > 1 else ():
            if units[key].path in whole:
                others = ", ".join(other for other in keys if other != key)
                found[key] = asked(units[key], contents, "identity", f"that record stands at {others} too")
    return found


def _comes(unit: Unit, outcome: Outcome, contents: Contents) -> bytes | None:
    """What is there when all is done."""
    kept = None if unit.ours is None or unit.ours.path in outcome.files else contents.of(unit.ours)
    return next((data for data in outcome.files.values() if data is not None), kept)


def is_of_one(history: Unit, units: Mapping[str, Unit], contents: Contents) -> bool:
    """Whether a file of interactions is of one and the same customer in all trees, by the id in the customer's record.

    Then a side that kept no line of it only took lines away. Without an id nobody can tell.
    """
    match = _HISTORY.fullmatch(history.key)
    customer = units.get(f"records/customers/{match[1]}.yaml") if match else None
    if match is None or (customer is not None and customer.crowded):
        return False
    if customer is None:
        return True  # Neither side touched the record.
    known = {identity(contents.of(version)) for version in (customer.base, customer.ours, customer.theirs)}
    return len(known) == 1 and b"" not in known


def are_readable(unit: Unit, contents: Contents) -> bool:
    """Whether all of a unit's contents can be read as what they should be."""
    return all(_is_readable(unit.key, contents.of(version) or b"") for version in unit.versions)


def identity(data: bytes | None) -> bytes:
    """The id in the text of a record, b"" when there is none."""
    found = _ID.search(data or b"")
    return found[1].upper() if found else b""


def _history(history: Unit | None, contents: Contents, what: str, reason: str) -> dict[str, Outcome]:
    if history is None or history.ours == history.theirs:
        return {}
    return {history.key: asked(history, contents, what, reason)}


def _of_two(handle: str) -> str:
    return f"the history of two different customers called {handle}: it goes where its customer goes"


def _replaced(customer: Unit, contents: Contents) -> bool:
    """Whether the sides have different people at one path."""
    ours, theirs = identity(contents.of(customer.ours)), identity(contents.of(customer.theirs))
    return bool(ours and theirs) and ours != theirs


def _concerned(
    handle: str, customer: Unit, history: Unit | None, units: Mapping[str, Unit], contents: Contents
) -> bool:
    """Whether the side that kept the customer wrote anything about them that would be about the other one now."""
    ours_kept = identity(contents.of(customer.ours)) == identity(contents.of(customer.base))
    if history is not None and (history.ours_changed if ours_kept else history.theirs_changed):
        return True
    word = re.compile(rb"(?<![\w.-])%b(?![\w-])" % re.escape(handle.encode()))
    others = [unit for unit in units.values() if unit is not customer and unit is not history]
    contents.load(others)
    return any(word.search(data) for data in _new_texts(others, contents, ours=ours_kept))


def _new_texts(units: list[Unit], contents: Contents, *, ours: bool) -> Iterator[bytes]:
    for unit in units:
        if unit.ours_changed if ours else unit.theirs_changed:
            yield contents.of(unit.ours if ours else unit.theirs) or b""


def _removed(
    handle: str, customer: Unit, history: Unit | None, contents: Contents, *, questioned: bool
) -> dict[str, Outcome]:
    """A customer that one side removed and the other wrote something about: both files are one question."""
    if history is None:
        return {}
    by_us = customer.ours is None
    went_on = history.theirs_changed if by_us else history.ours_changed
    if not went_on and not questioned:
        return {}
    who = "we removed the customer, they" if by_us else "they removed the customer, we"
    reason = f"{who} {'added to the history' if went_on else 'changed the record'} of {handle}"
    found = {} if questioned else {customer.key: asked(customer, contents, "deleted", reason)}
    return found | _history(history, contents, "deleted", reason)


def _is_readable(path: str, data: bytes) -> bool:
    if path.endswith(".jsonl"):
        from crmctl.store.jsonl import read_lines

        return not read_lines(data, path)[1]
    from crmctl.store.yaml_reader import read_yaml

    try:
        read_yaml(data, path)
    except InvalidData:
        return False
    return True
