"""What may stand in the ledger: known events, ids, short texts and numbers, and nobody's address.

What does not fit raises ``ValueError``: that is a mistake in the program, not in somebody's data.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from crmctl.mail.identifiers import find_sid
from crmctl.mail.identifiers import is_send_id
from crmctl.mail.ledger.lines import KINDS
from crmctl.mail.ledger.lines import RESERVED

if TYPE_CHECKING:
    from collections.abc import Mapping

_ADDRESS = re.compile(r"([^\s<>@\"]+)@(?=[^\s<>@\"])")


def fit_kind(ev: str) -> str:
    """``ev``, one of KINDS."""
    if ev not in KINDS:
        raise ValueError(f"no event of the ledger: {ev!r}")
    return ev


def fit_sid(sid: str) -> str:
    """``sid``, which is the id of a send or nothing."""
    if sid and not is_send_id(sid):
        raise ValueError(f"no id of a send: {sid!r}")
    return sid


def fit_about(about: Mapping[str, str | int]) -> dict[str, str | int]:
    """``about`` with nobody's address in it: the lines are tracked, and history cannot be erased."""
    fields: dict[str, str | int] = {}
    for name, value in about.items():
        if name in RESERVED:
            raise ValueError(f"{name!r} is written by the ledger itself")
        if isinstance(value, str):
            if name == "to" and value and not value.startswith("h:"):
                raise ValueError("an address stands in the ledger as a keyed hash only")
            fields[name] = _ADDRESS.sub(_hidden, value) if "@" in value else value
        elif isinstance(value, int):
            fields[name] = int(value)
        else:
            raise ValueError(f"{name!r} is neither text nor a whole number")
    return fields


def _hidden(match: re.Match[str]) -> str:
    return match[0] if find_sid(match[1]) else "*@"
