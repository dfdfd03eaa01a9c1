"""What a book must be after an undo: plain facts by id, reversed where nobody changed the same later.

It is written from docs/past.md and shares nothing with ``services/past``. A fact is about an id, whatever the file is
called in which it stands.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from crmctl.store.yaml_reader import read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    Record = dict[str, str]
    Facts = dict[str, Record]

REFERENCES = ("customer", "organization")


def facts(root: Path) -> Facts:
    """What the files of a book say: id -> field -> value. Who is named is told by the id; of a list, each member."""
    found: Facts = {}
    files = sorted((root / "records").rglob("*.*"))
    for path in files:
        if path.suffix == ".yaml":
            data = read_yaml(path.read_bytes(), path.name).data
            identity = str(data.pop("id"))
            assert identity not in found, f"{identity} is there twice"
            found[identity] = {"kind": path.parent.name, "handle": path.stem, **dict(_flat("", data))}
    called = {record["handle"]: identity for identity, record in found.items() if record["kind"] == "customers"}
    for path in files:
        if path.suffix == ".jsonl":
            for text in path.read_text().splitlines():
                data = json.loads(text)
                identity = data.pop("id")
                found[identity] = {"kind": "interactions", "customer": path.stem, **dict(_flat("", data))}
    for record in found.values():
        record.update({name: called.get(record[name], record[name]) for name in REFERENCES if name in record})
    return found


def _flat(name: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _flat(f"{name}.{key}" if name else key, part)
    elif isinstance(value, list):
        yield from ((f"{name} {json.dumps(member)}", "yes") for member in value)
    elif value not in (None, ""):
        yield name, str(value)


def undone(base: Facts, ours: Facts, theirs: Facts) -> tuple[Facts, set[str]]:
    """What ``ours`` must be when the commit that made ``base`` of ``theirs`` is taken back, but for what is in the way.

    And the records in which something is.
    """
    overlaps: set[str] = set()
    wanted = {identity: dict(record) for identity, record in ours.items()}
    for identity in base.keys() | theirs.keys():
        made, now, before = (one.get(identity) for one in (base, ours, theirs))
        if made == before:
            continue
        if made is None or before is None:
            if now is None and before is not None:
                wanted[identity] = dict(before)
            elif now is not None and before is None and _same(now, made):
                del wanted[identity]
            elif now is not None and before is not None:  # It came back some other way; what it says by now stays.
                wanted[identity] = {**before, **now}
                if any(now[name] != before[name] for name in now.keys() & before.keys() - {"handle"}):
                    overlaps.add(identity)
            elif now is not None:
                overlaps.add(identity)
        elif now is None:
            if not _same(made, before):
                overlaps.add(identity)
        else:
            for name in made.keys() | before.keys():
                if made.get(name) == before.get(name) or now.get(name) == before.get(name):
                    continue
                if now.get(name) != made.get(name):
                    overlaps.add(identity)
                elif name in before:
                    wanted[identity][name] = before[name]
                else:
                    del wanted[identity][name]
    while stuck := {*_unnamed(wanted, ours), *_crowded(wanted, ours)}:
        overlaps |= stuck
        for identity in stuck:
            wanted.pop(identity, None)
            wanted.update({identity: dict(ours[identity])} if identity in ours else {})
    return wanted, overlaps


def _same(one: Record, other: Record | None) -> bool:
    """Whether nothing but the handle differs."""
    return other is not None and {**one, "handle": ""} == {**other, "handle": ""}


def _unnamed(wanted: Facts, ours: Facts) -> Iterator[str]:
    """Who must not go, because somebody names it; who must not be as before, without whom it named."""
    for identity, record in wanted.items():
        for name in REFERENCES:
            named = record.get(name)
            if named is None or named in wanted:
                continue
            if ours.get(identity, {}).get(name) != named:
                yield identity
            elif named in ours:
                yield named


def _crowded(wanted: Facts, ours: Facts) -> Iterator[str]:
    """Who cannot have a handle (back), because somebody else has it."""
    handles: dict[tuple[str, str], list[str]] = {}
    for identity, record in wanted.items():
        if "handle" in record:
            handles.setdefault((record["kind"], record["handle"]), []).append(identity)
    for (_, handle), several in handles.items():
        if len(several) > 1:
            yield from (identity for identity in several if ours.get(identity, {}).get("handle") != handle)
