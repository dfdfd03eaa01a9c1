"""The only reader of time and randomness, so that ``--now`` and tests can replace both."""

from __future__ import annotations

import os
import time
from datetime import UTC
from datetime import datetime
from datetime import tzinfo

_frozen: datetime | None = None


def freeze(moment: datetime | None) -> None:
    """Make ``now`` answer ``moment`` (which must carry an offset) from here on; None lets time run again."""
    global _frozen
    if moment is not None and moment.tzinfo is None:
        raise ValueError("a frozen moment needs an offset")
    _frozen = moment


def now(zone: tzinfo | None = None) -> datetime:
    """The present moment in ``zone`` (UTC when none is given), to the second."""
    moment = _frozen if _frozen is not None else datetime.now(UTC)
    return moment.astimezone(zone or UTC).replace(microsecond=0)


def milliseconds() -> int:
    """Milliseconds since 1970, the time part of a ULID."""
    if _frozen is not None:
        return int(_frozen.timestamp() * 1000)
    return time.time_ns() // 1_000_000


def randomness(size: int) -> bytes:
    """``size`` random bytes from the operating system."""
    return os.urandom(size)


def monotonic() -> float:
    """Seconds on a clock that never goes back; for time limits only."""
    return time.monotonic()


def wall_nanoseconds() -> int:
    """Nanoseconds since 1970 as files are stamped with them; never frozen."""
    return time.time_ns()
