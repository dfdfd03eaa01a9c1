"""Whether this clone may take the steps of a sequence: only when the others know that it is the one.

A sequence names the clone that runs it. Where the book is shared, that name must have reached the team's repository: of
two clones that each named themselves, only one could push, and only that one goes on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.errors import CrmError
from crmctl.services import records
from crmctl.services.mailing.host import host_id
from crmctl.store.yaml_reader import read_yaml
from crmctl.vcs import remotes
from crmctl.vcs.health import branch

if TYPE_CHECKING:
    from crmctl.services.book import Book
    from crmctl.services.following.enrolments import Sequence

SYNC = "others do not know yet that this clone takes its steps: crmctl sync"


def here(book: Book) -> str:
    """The name of this clone on this machine. A copy of the folder, here or elsewhere, has another one."""
    from base64 import b32encode
    from hashlib import sha256

    place = str(book.places.common_dir.resolve()).encode("utf-8", "surrogateescape")
    return f"{host_id()}.{b32encode(sha256(place).digest()).decode('ascii')[:5].lower()}"


def why_not(book: Book, sequence: Sequence, clone: str) -> str:
    """Why this clone may not take the steps of ``sequence`` yet; "" when it may. Nobody is connected to."""
    try:
        remote = remotes.choose(book.places, branch(book.places))
    except CrmError as error:
        return f"{error.message}; whether others take its steps cannot be told"
    if remote is None:
        return ""
    path = records.path_of(book, book.schema.require("sequence"), sequence.handle)
    try:
        oid = book.repository.blobs(remote.ref, [path]).get(path, "")
        (content,) = book.repository.contents([oid]) if oid else (b"",)
        there = read_yaml(content, path).data
    except (CrmError, ValueError):
        return SYNC
    sender = str(there.get("sender") or "")
    if sender and sender != clone:
        return f"{sender} takes its steps, as the team's repository has it: crmctl sync"
    return "" if sender == clone else SYNC
