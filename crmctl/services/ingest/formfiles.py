"""Web forms as plain values: the JSON files of a folder, read within bounds, and why one is not taken."""

from __future__ import annotations

import json
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from os import fstat
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

from crmctl.errors import NotFound
from crmctl.model.kinds import CHANNELS
from crmctl.services.ingest import entries
from crmctl.store.files import storage_failed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping
    from pathlib import Path

    from crmctl.services.book import Book

LARGEST = 256 << 10
HONEYPOT = "website"
"""A field that people do not see and programs fill in."""
LONGEST = 5_000
TEXTS = (
    "id",
    "at",
    "form",
    "name",
    "email",
    "phone",
    "organization",
    "subject",
    "message",
    "language",
    "page",
    "case",
)
_SHORTEST_ID = 6


class Refused(NamedTuple):
    """A file that was not taken, and why."""

    file: str
    why: str


class Consent(NamedTuple):
    """What a form says of consent for a purpose: the words that stood at the box, and whether it was really them.

    ``confirmed`` is when they followed the link in a mail of the web site, ``proof`` where that is recorded; without
    these nobody knows who typed the address. ``channels`` are those that the words speak of.
    """

    purpose: str
    wording: str
    confirmed: datetime | None = None
    proof: str = ""
    channels: tuple[str, ...] = ("email",)


class Form(NamedTuple):
    """One submission. ``case`` is the type of case that it opens, "" for none; ``rest`` are its other fields."""

    key: str
    at: datetime
    name: str
    email: str
    phone: str
    organization: str
    subject: str
    message: str
    case: str
    consents: tuple[Consent, ...]
    rest: tuple[tuple[str, str], ...]


def files(folder: Path) -> list[Path]:
    """The files of submissions in a folder, by name.

    Raises:
        NotFound, StorageFailed: there is no such folder, or it cannot be read.
    """
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == ".json" and not path.name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound(f"there is no folder {folder}") from None
    except OSError as exc:
        raise storage_failed(str(folder), exc, "read") from exc


def read(book: Book, path: Path, honeypot: str) -> Form | Refused | None:
    """The submission in a file; why it is none; or None for one that a program filled in."""
    try:
        if path.is_symlink() or not path.is_file():
            return Refused(path.name, "is no plain file")
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
            came = fstat(file.fileno()).st_mtime
    except OSError as exc:
        return Refused(path.name, f"cannot be read: {(exc.strerror or str(exc)).lower()}")
    if len(data) > LARGEST:
        return Refused(path.name, f"is larger than {LARGEST >> 10} KiB")
    try:
        value = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_object)
    except (ValueError, RecursionError):
        return Refused(path.name, "is not JSON, or is still being written")
    if not isinstance(value, dict):
        return Refused(path.name, "is no object of JSON")
    if _text(value.get(honeypot)):
        return None
    try:
        return _form(book, {name: item for name, item in value.items() if name != honeypot}, data, came)
    except ValueError as exc:
        return Refused(path.name, str(exc))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice in one object")
    return found


def _form(book: Book, value: Mapping[str, Any], data: bytes, came: float) -> Form:
    """The submission that a JSON object is. A file that was written at ``came`` (seconds since 1970) came then, where
    it says nothing else: the same in every clone that a folder is shared with.

    Raises ``ValueError`` with the reason when it is none."""
    texts = {name: _text(value.get(name)) for name in TEXTS}
    email = _checked(book, "email", texts["email"])
    phone = _checked(book, "phone", texts["phone"])
    if not email and not phone:
        raise ValueError("has neither an e-mail address nor a phone number")
    if texts["id"] and len(texts["id"]) < _SHORTEST_ID:
        words = f"has an id too short to tell it from others; {_SHORTEST_ID} characters do (web-{texts['id']})"
        raise ValueError(words)
    case = texts["case"].lower()
    if case and case not in ("question", "request", "issue", "complaint"):
        raise ValueError("case is none of question, request, issue, complaint")
    from hashlib import sha256

    rest = [
        (entries.clean(str(name))[:60], _text(item) if not isinstance(item, bool) else "yes" if item else "no")
        for name, item in list(value.items())[:60]
        if name not in (*TEXTS, "consent") and isinstance(item, str | int | float)
    ]
    name = " ".join(texts["name"].split())[:200] or email.partition("@")[0] or phone
    return Form(
        texts["id"][:200] or f"sha256:{sha256(data).hexdigest()}",
        _at(book, texts["at"] or datetime.fromtimestamp(min(max(came, 0), 4e9), UTC).isoformat(timespec="seconds")),
        name,
        email,
        phone,
        " ".join(texts["organization"].split())[:200],
        " ".join(texts["subject"].split())[:200],
        texts["message"],
        case,
        tuple(_consents(book, value.get("consent"))),
        tuple(
            (name, item)
            for name, item in [*((name, texts[name]) for name in ("form", "page", "language")), *rest]
            if item
        ),
    )


def _text(item: object) -> str:
    if isinstance(item, bool) or not isinstance(item, str | int | float):
        return ""
    return entries.shorter(entries.clean(str(item)), LONGEST)


def _checked(book: Book, type_: str, text: str) -> str:
    from crmctl.model import values

    if not text:
        return ""
    field = next(field for field in book.schema.require("customer").fields if field.type == type_)
    try:
        values.check(field, text, book.context)
    except ValueError:
        raise ValueError(
            f"has an {type_} that cannot be one" if type_ == "email" else "has no possible phone"
        ) from None
    return text


def _at(book: Book, text: str, name: str = "at") -> datetime:
    """When it was sent (or confirmed); now when that lies ahead."""
    from crmctl.model import values

    now = book.now()
    try:
        return min(values.moment(text, book.context), now)
    except ValueError:
        raise ValueError(f"has a time that cannot be read ({name}: 2026-11-22T10:00:00+01:00)") from None


def _consents(book: Book, value: object) -> Iterator[Consent]:
    """What was agreed to. A box that was ticked without the words beside it proves nothing."""
    from crmctl.model import values

    items = value if isinstance(value, list) else [value] if value else []
    for item in items[:10]:
        if not isinstance(item, dict):
            raise ValueError("consent is an object with purpose, granted and wording")
        purpose, wording = _text(item.get("purpose")).lower(), _text(item.get("wording"))
        if item.get("granted") is not True:
            continue
        if purpose not in book.settings.purposes:
            raise ValueError("consent is for a purpose that this book does not have")
        if not wording:
            raise ValueError("consent comes without the words they agreed to (wording)")
        confirmed, proof = _text(item.get("confirmed")), _text(item.get("proof"))
        if bool(confirmed) != bool(proof):
            raise ValueError("consent is proven by both confirmed (when) and proof (where that is recorded)")
        when = _at(book, confirmed, "confirmed") if confirmed else None
        if when is not None and values.moment(confirmed, book.context) - when > timedelta(days=1):
            raise ValueError("consent is confirmed at a time that is still to come, which proves nothing")
        yield Consent(purpose, wording, when, proof, _channels(item.get("channels")))


def _channels(value: object) -> tuple[str, ...]:
    """By what they want to hear; by mail, where a form does not say."""
    found = tuple(_text(one).lower() for one in (value if isinstance(value, list) else [value] if value else []))
    if not set(found) <= set(CHANNELS):
        raise ValueError(f"consent is for channels that there are not (channels: {', '.join(CHANNELS)})")
    return found or ("email",)
