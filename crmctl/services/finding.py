"""What looking after a book, or the way out for its mail, has found."""

from __future__ import annotations

from typing import NamedTuple

OK, WARN, BAD = "ok", "warn", "bad"


class Finding(NamedTuple):
    """One thing that was looked at: ``state`` is ok, warn or bad; ``ms`` how long it took, where that matters."""

    state: str
    what: str
    found: str
    hint: str = ""
    ms: int | None = None
