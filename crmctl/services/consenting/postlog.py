"""Requests to unsubscribe in the log of a web server: POST lines only, of JSON or the combined format.

Whoever sent a GET has looked at a page, and may be a scanner of links: a GET never opts anybody out (RFC 8058).
"""

from __future__ import annotations

import json
import re
from datetime import UTC
from datetime import datetime
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

from crmctl.mail import tokens
from crmctl.services.consenting.unsubscribing import Asked

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Sequence

_COMBINED = re.compile(r'\S+ \S+ [^\["]*\[([^\]]+)\] "([A-Z]+) (\S+)[^"]*" \d{3}\b')
_PLACES = ("path", "uri", "url", "request_uri", "query", "query_string", "body")
_TIMES = ("at", "time", "ts", "timestamp")


class Log(NamedTuple):
    """The requests in a log, how many lines were looks (GET ...), and the numbers of lines that could not be read."""

    asked: list[Asked]
    looks: int
    unread: list[int]


class _Line(NamedTuple):
    method: str
    token: str
    at: datetime | None


def read(lines: Iterable[str], name: str, now: datetime) -> Log:
    """The requests in ``lines``; ``name`` is what to call the log, ``now`` the moment of those without one.

    A POST without a token is somebody else's business; one whose token was cut is a request, to be told as refused:
    somebody has asked. A moment in the future counts as now.
    """
    asked: list[Asked] = []
    looks, unread = 0, []
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        line = _json(text) if text.lstrip().startswith("{") else _combined(text)
        if line is None:
            unread.append(number)
        elif line.method.upper() == "POST":
            if line.token:
                at = min(line.at, now) if line.at is not None else now
                asked.append(Asked(line.token, at, f"{name}:{number}"))
        elif line.token:
            looks += 1
    return Log(asked, looks, unread)


def _combined(text: str) -> _Line | None:
    match = _COMBINED.match(text)
    if match is None:
        return None
    try:
        at = datetime.strptime(match[1], "%d/%b/%Y:%H:%M:%S %z")
    except ValueError:
        at = None
    return _Line(match[2], _token([match[3]]), at)


def _json(text: str) -> _Line | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    inner = value.get("request")
    value = {**inner, **value} if isinstance(inner, dict) else value
    method = value.get("method") or value.get("request_method")
    if not isinstance(method, str):
        return None
    token = value.get("token")
    if not isinstance(token, str) or not token:
        token = _token([str(value.get(name, "")) for name in _PLACES])
    return _Line(method, token, next((at for name in _TIMES if (at := _moment(value.get(name))) is not None), None))


def _token(texts: Sequence[str]) -> str:
    """The first token in ``texts``, else the first thing that may have been one; "" for neither."""
    whole = (found for text in texts for found in tokens.find(text))
    damaged = (found for text in texts for found in tokens.find_damaged(text))
    return next(whole, "") or next(damaged, "")


def _moment(value: Any) -> datetime | None:
    try:
        if isinstance(value, str):
            at = datetime.fromisoformat(value)
            return at if at.tzinfo else at.replace(tzinfo=UTC)
        return None if value is None else datetime.fromtimestamp(float(value), UTC)
    except (ValueError, OverflowError, OSError, TypeError):
        return None
