"""What each remote's branch stood at when this clone last saw it: it only ever grows, unless someone rewrites it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from crmctl.errors import Conflict
from crmctl.store.files import read_file
from crmctl.store.files import write_file
from crmctl.vcs import remotes
from crmctl.vcs import tracking

if TYPE_CHECKING:
    from crmctl.services.book import Book
    from crmctl.vcs.remotes import Remote

NAME = "remotes.json"
REWOUND = (
    "Ask who rewrote it. If it was meant (something was erased from the history), make a new clone and bring over what "
    "only this one has. If not, {sync} --accept-rewind joins it with what is here, and sends everything back."
)
GONE = (
    "Ask who took it away. If it has another name now: git fetch, then git branch -u {remote}/NAME. "
    "If it is wanted anew, with everything that is here: {sync} --accept-rewind"
)


def load(book: Book, remote: Remote) -> str:
    """The commit that the remote's branch stood at last, "" when it was never seen."""
    return _read(book).get(_key(remote), "")


def save(book: Book, remote: Remote, commit: str) -> None:
    """Note where the remote's branch stands.

    Raises:
        StorageFailed: there is no room, or no right to write.
    """
    known = _read(book)
    if known.get(_key(remote)) != commit:
        folder = book.places.own
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_file(folder, NAME, json.dumps({**known, _key(remote): commit}, sort_keys=True).encode())


def remember(book: Book, remote: Remote) -> None:
    """Before the first fetch from ``remote``: note what git knows of its branch, as a plain ``git clone`` left it.

    What git knows under this name is not asked when the name was another address's before.

    Raises:
        StorageFailed: there is no room, or no right to write.
    """
    if any(key.startswith(f"{remote.key} ") for key in _read(book)):
        return
    known = tracking.dropped(book.places, remote) or remotes.last_seen(book.places, remote)
    if known:
        save(book, remote, known)


def check(book: Book, remote: Remote, commit: str) -> None:
    """Refuse to follow a branch that lost what it had: ``commit`` ("" for no branch any more) is what it has now.

    Raises:
        Conflict: what it had last is not in its history any more.
    """
    known = load(book, remote)
    if not known or (commit and book.repository.descends(commit, known)):
        return
    what, hint = ("was rewound or rewritten", REWOUND) if commit else ("is not there any more", GONE)
    raise Conflict(
        f"{remote.key} {what}: it does not have {known[:10]}, which it had last",
        hint=hint.format(remote=remote.name, sync=f"crmctl sync {remote.name}"),
    )


def _key(remote: Remote) -> str:
    # The same name may mean another repository tomorrow.
    return f"{remote.key} {remote.address}"


def _read(book: Book) -> dict[str, str]:
    try:
        data = json.loads(read_file(book.places.own, NAME)[0])
    except (FileNotFoundError, ValueError, RecursionError):
        return {}
    return {str(key): str(value) for key, value in data.items()} if isinstance(data, dict) else {}
