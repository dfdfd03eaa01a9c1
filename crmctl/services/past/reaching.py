"""A value in the content of a file, reached by the names that lead to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.errors import InvalidData

if TYPE_CHECKING:
    from crmctl.model.raw import Raw
    from crmctl.model.raw import RawMap


def value_at(path: str, data: bytes | None, where: tuple[str, ...], keys: frozenset[str] | None = None) -> Raw | None:
    """The value in a record's file to which names lead; in a history, the first of them is the id of the line.

    With ``keys`` (the names of the parts by which members of lists are told apart) they lead into lists too. None when
    there is none, or the file cannot be read.
    """
    from crmctl.store.yaml_reader import read_yaml

    if data is None:
        return None
    if path.endswith(".jsonl"):
        line = _line(data, where[0])
        return line if line is None or len(where) == 1 else _inside(line, where[1:], keys)
    try:
        return _inside(read_yaml(data, path).data, where, keys)
    except InvalidData:
        return None


def _line(data: bytes, identity: str) -> RawMap | None:
    from crmctl.store.jsonl import read_lines

    wanted = identity.upper()
    for line in read_lines(data, "")[0]:
        if str(line.value.get("id", "")).upper() == wanted:
            return line.value
    return None


def _inside(value: Raw, steps: tuple[str, ...], keys: frozenset[str] | None) -> Raw | None:
    """What ``steps`` lead to; keys of maps may have dots of their own, and so may members of lists."""
    if not steps:
        return value if value not in ("", [], {}) else None
    for count in range(1, len(steps) + 1):
        name = ".".join(steps[:count])
        inner = None
        if isinstance(value, dict):
            inner = value.get(name)
        elif isinstance(value, list) and keys is not None:
            inner = next((member for member in value if _is_called(member, name, keys)), None)
        found = _inside(inner, steps[count:], keys) if inner is not None else None
        if found is not None:
            return found
    return None


def _is_called(member: Raw, name: str, keys: frozenset[str]) -> bool:
    """Whether ``name`` is what a member of a list says, or the part of it that tells it apart; blanks do not count."""
    if isinstance(member, dict):
        return any(member.get(key) == name for key in keys)
    return isinstance(member, str) and "".join(member.split()).casefold() == "".join(name.split()).casefold()
