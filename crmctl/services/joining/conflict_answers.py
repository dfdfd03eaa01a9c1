"""What people have answered so far, and the sync that waits for it: kept in this clone alone.

An answer is valid for the three values it was given to, and for nothing else: it survives other commits and a remote
that moved, and is forgotten as soon as one of the values is another.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

from crmctl.store.files import read_file
from crmctl.store.files import remove_file
from crmctl.store.files import write_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from crmctl.model.raw import Raw
    from crmctl.services.book import Book
    from crmctl.services.joining.treemerge import Question

PENDING = "pending.json"
ANSWERS = "answers.json"


class Answer(NamedTuple):
    """An answer to a question. ``take`` is "ours" or "theirs" as the merge has them, "value", "content" or "rename".

    ``value`` is what a field gets (None: nothing) or, for "content", the text of the whole file; ``handle`` is the new
    name of the other side's record. ``path`` and ``field`` say what was asked.
    """

    take: str
    value: Raw | None = None
    handle: str = ""
    path: str = ""
    field: str = ""


class Pending(NamedTuple):
    """A sync that waits for answers: the commit to be merged, and where it comes from ("origin/main").

    ``paths`` are the files in question when it was last looked at, for a quick word about them.
    """

    theirs: str
    remote: str
    answers: Mapping[str, Answer] = {}
    paths: tuple[str, ...] = ()


def load(book: Book) -> Pending | None:
    """The sync that waits, None when none does."""
    data = _read(book.places.own, PENDING)
    try:
        if data is None:
            return None
        return Pending(str(data["theirs"]), str(data["remote"]), _answers(data), tuple(map(str, data.get("paths", ()))))
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def save(book: Book, pending: Pending) -> None:
    """Note that a sync waits.

    Raises:
        StorageFailed: there is no room, or no right to write.
    """
    answers = {key: answer._asdict() for key, answer in pending.answers.items()}
    _write(book.places.own, PENDING, {**pending._asdict(), "answers": answers})


def drop(book: Book) -> None:
    """No sync waits any more."""
    remove_file(book.places.own, PENDING, durable=False)


def load_answers(book: Book) -> dict[str, Answer]:
    """What has been answered of the questions of a git command under way."""
    data = _read(book.places.own, ANSWERS)
    try:
        return _answers(data or {})
    except (TypeError, ValueError, AttributeError):
        return {}


def save_answers(book: Book, answers: Mapping[str, Answer]) -> None:
    """Keep them; with none, nothing is left of them.

    Raises:
        StorageFailed: there is no room, or no right to write.
    """
    if answers:
        _write(book.places.own, ANSWERS, {"answers": {key: answer._asdict() for key, answer in answers.items()}})
    elif (book.places.own / ANSWERS).exists():
        remove_file(book.places.own, ANSWERS, durable=False)


def fingerprint(question: Question) -> str:
    """What an answer belongs to: the place asked about, and the very three values that stand against each other."""
    clash = question.clash
    if clash is not None:
        values = json.dumps([clash.path, *clash[2:]], sort_keys=True, ensure_ascii=True).encode()
    else:
        sides = (question.base, question.ours, question.theirs)
        values = b"".join(hashlib.sha256(b"-" if side is None else b"+" + side).digest() for side in sides)
    about = f"{question.path}\0{question.what}\0".encode("utf-8", "surrogateescape")
    return hashlib.sha256(about + values).hexdigest()


def _answers(data: dict[str, Any]) -> dict[str, Answer]:
    return {str(key): Answer(**one) for key, one in data.get("answers", {}).items()}


def _read(folder: Path, name: str) -> dict[str, Any] | None:
    """A note of ours; one that is torn or foreign counts as none."""
    try:
        data = json.loads(read_file(folder, name)[0])
    except (FileNotFoundError, ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _write(folder: Path, name: str, data: dict[str, Any]) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_file(folder, name, json.dumps(data).encode())
    # It holds what is asked about people.
    (folder / name).chmod(0o600)
