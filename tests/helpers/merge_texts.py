"""Record files as people keep them: comments, quotes of either kind; and edits that leave the rest alone."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING
from typing import Any

from crmctl.errors import InvalidData
from crmctl.model.kinds import CUSTOMER
from crmctl.store.yaml_editor import edit_yaml
from crmctl.store.yaml_reader import read_yaml
from crmctl.store.yaml_writer import write_yaml
from helpers.merge_strategies import path_of

if TYPE_CHECKING:
    from helpers.merge_strategies import Case

Record = dict[str, Any]
_ORDER = [field.name for field in CUSTOMER.fields]
_COMMENT = re.compile(rb"^# about .*$", re.MULTILINE)
_KEY = re.compile(r"^(?!#)(\S[^\n]*?):(?=\s)", re.MULTILINE)


def files(case: Case) -> tuple[str, bytes | None, bytes, bytes]:
    """A path and three texts for ``merge_file``, as people and crmctl write them, with comments."""
    rng = random.Random(case.seed)
    if case.base is None:
        return path_of(case), None, styled(rng, case.ours), styled(rng, case.theirs)
    base = styled(rng, case.base)
    ours, theirs = (edited(rng, base, case.base, side) for side in (case.ours, case.theirs))
    return path_of(case), base, ours, theirs


def styled(rng: random.Random, data: Record) -> bytes:
    """A file that holds ``data``, with comments between the entries and some values in quotes."""
    parts = []
    for key, value in data.items():
        if rng.random() < 0.3:
            parts.append(f"# about {key} {rng.randrange(100)}\n")
        if isinstance(value, str) and value.isprintable() and value.isascii() and rng.random() < 0.3:
            quoted = value.replace("'", "''")
            parts.append(f"{write_yaml({key: 'x'})[:-3]}: '{quoted}'\n")
        else:
            parts.append(write_yaml({key: value}))
    text = "".join(parts) if data else "{}\n"
    return _whole(text.encode("utf-8"), data)


def _whole(text: bytes, data: Record) -> bytes:
    """``text`` if it reads as ``data``; a comment can become part of a text above it."""
    try:
        if read_yaml(text, "x").data == data:
            return text
    except InvalidData:
        pass
    return write_yaml(data).encode("utf-8")


def edited(rng: random.Random, text: bytes, old: Record, new: Record) -> bytes:
    """``text`` changed to hold ``new``, as crmctl does it, and now and then a comment more."""
    result = edit_yaml(text, old, new, _ORDER, "x")
    if rng.random() < 0.3 and (places := [found.start() for found in _KEY.finditer(result.decode("utf-8"))]):
        plain = result.decode("utf-8")
        place = rng.choice(places)
        comment = f"# about nothing {rng.randrange(1000)}\n"
        return _same(f"{plain[:place]}{comment}{plain[place:]}".encode(), new, result)
    return result


def _same(text: bytes, data: Record, otherwise: bytes) -> bytes:
    try:
        return text if read_yaml(text, "x").data == data else otherwise
    except InvalidData:
        return otherwise


def comments(text: bytes) -> set[bytes]:
    """The comments at the margin."""
    return set(_COMMENT.findall(text))


def entries(text: bytes) -> dict[str, str]:
    """The lines of each top-level key, without the comments in front of the next."""
    plain = text.decode("utf-8")
    starts = [(found.group(1), found.start()) for found in _KEY.finditer(plain)]
    ends = [start for _, start in starts[1:]] + [len(plain)]
    return {
        name: re.sub(r"(?:^#[^\n]*\n|^\n)+\Z", "", plain[start:end], flags=re.MULTILINE)
        for (name, start), end in zip(starts, ends, strict=True)
    }
