"""One line of the ledger: how it is written, how it is checked, how it is read.

A line is a JSON object in ASCII, with its keys in a fixed order. Its last key, ``sum``, is a digest of all that stands
before it, and ``prev`` repeats the ``sum`` of the line before; so a changed letter shows in the line itself, and a line
that was taken out or put in shows in its neighbour. This is against accidents: whoever can write the file can also
compute digests.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING
from typing import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = 1
KINDS = frozenset(
    "plan holdout suppress skip render claim release attempt dot accept reject defer unknown resolve expire cancel "
    "bounce complain reply autoreply unsub goal note".split()
)
RESERVED = frozenset(("v", "seq", "t", "host", "boot", "ev", "sid", "camp", "prev", "sum"))
NOTHING = "0" * 32
"""What ``prev`` says in the first line of all."""

_HOST = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
_PREV = b',"prev":"sha256:'
_SUM = b'","sum":"sha256:'
_DIGITS = len(NOTHING)
_SUM_AT = -(len(_SUM) + _DIGITS + 2)
_PREV_AT = _SUM_AT - _DIGITS - len(_PREV)
_HEAD = re.compile(
    rb'\{"v":1,"seq":([1-9][0-9]{0,14}),"t":"[0-9TZ:.-]*","host":"(' + _HOST.encode() + rb')","boot":"[0-9a-z-]*",'
    rb'"ev":"([a-z_-]+)","sid":"[^"\\]*","camp":"'
)
_IS_HOST = re.compile(_HOST + r"\Z")
_decode = json.JSONDecoder().raw_decode
_encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode


class Event(NamedTuple):
    """Something that happened to a send. ``seq`` counts the lines of ``host`` from 1; ``t`` is UTC, for people only.

    ``about`` is all the rest: n, step, cust, handle, ch, to (a keyed hash), dom, eml, tpl, arm, code, text, next, why,
    by, result.
    """

    seq: int
    t: str
    host: str
    boot: str
    ev: str
    sid: str
    camp: str
    about: Mapping[str, str | int]


class Line(NamedTuple):
    """A line as it stands in a file, checked by itself; ``prev`` and ``digest`` are what links it to its neighbours."""

    seq: int
    host: str
    ev: str
    prev: str
    digest: str
    raw: bytes


def is_host(text: str) -> bool:
    """Whether ``text`` can be the id of a host, which is also the name of a file."""
    return _IS_HOST.match(text) is not None


def digest_of(data: bytes) -> str:
    """The first 128 bits of the SHA-256 of ``data``, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()[:_DIGITS]


def naming(camp: str) -> bytes:
    """What stands in the lines of a campaign, and in no others."""
    return b'"camp":%s,' % _encode(camp).encode("ascii")


def written(event: Event, prev: str) -> Line:
    """``event`` as a line that follows the one whose digest is ``prev``; its ``raw`` has no line end."""
    fields = {
        "v": VERSION,
        "seq": event.seq,
        "t": event.t,
        "host": event.host,
        "boot": event.boot,
        "ev": event.ev,
        "sid": event.sid,
        "camp": event.camp,
        **event.about,
    }
    body = b"%s%s%s" % (_encode(fields)[:-1].encode("ascii"), _PREV, prev.encode("ascii"))
    digest = digest_of(body)
    return Line(event.seq, event.host, event.ev, prev, digest, b'%s%s%s"}' % (body, _SUM, digest.encode("ascii")))


def checked(raw: bytes) -> Line | str:
    """The line that ``raw`` is, or what is wrong with it: ``edited``, ``unknown-version`` or ``unknown-event``.

    A line whose digest is right was written by a crmctl, so that what its JSON says need not be looked at here.
    """
    head = _HEAD.match(raw)
    if head is None or raw[_PREV_AT : _PREV_AT + len(_PREV)] != _PREV or raw[_SUM_AT : _SUM_AT + len(_SUM)] != _SUM:
        return _stranger(raw)
    digest = digest_of(raw[:_SUM_AT])
    if raw[_SUM_AT + len(_SUM) :] != b'%s"}' % digest.encode("ascii"):
        return "edited"
    seq, host, ev = head.groups()
    kind = ev.decode("ascii")
    if kind not in KINDS:
        return "unknown-event"
    prev = raw[_SUM_AT - _DIGITS : _SUM_AT].decode("ascii", "replace")
    return Line(int(seq), host.decode("ascii"), kind, prev, digest, raw)


def _stranger(raw: bytes) -> str:
    """Why a line that does not look like ours does not."""
    fields = _object(raw)
    return "unknown-version" if fields.get("v", VERSION) != VERSION else "edited"


def _object(raw: bytes) -> dict[str, object]:
    try:
        fields = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


def event_of(raw: bytes) -> Event:
    """What a checked line says."""
    about, _end = _decode(raw[:_PREV_AT].decode("ascii") + "}")
    del about["v"]
    return Event(
        about.pop("seq"),
        about.pop("t"),
        about.pop("host"),
        about.pop("boot"),
        about.pop("ev"),
        about.pop("sid"),
        about.pop("camp"),
        about,
    )


def event_perhaps(raw: bytes) -> Event | None:
    """What a damaged line still says, for reports only; None when that cannot be made out."""
    fields = _object(raw)
    seq = fields.get("seq")
    if not isinstance(seq, int):
        return None
    texts = [fields.get(name) for name in ("t", "host", "boot", "ev", "sid", "camp")]
    t, host, boot, ev, sid, camp = (text if isinstance(text, str) else "" for text in texts)
    rest = {name: value for name, value in fields.items() if name not in RESERVED}
    about = {name: value for name, value in rest.items() if isinstance(value, str | int)}
    return Event(seq, t, host, boot, ev, sid, camp, about)
