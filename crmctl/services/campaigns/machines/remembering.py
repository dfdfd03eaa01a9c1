"""What other machines have said in the ledger, kept outside of the work tree as it was seen in the team's repository.

Their tracked files can be lost here: deleted, cut, merged badly, taken back by a commit. A claim that nobody sees would
be no claim, and two would send. So what was seen once counts for good, as in a ledger nothing is ever taken back.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from crmctl.mail.ledger.durable import failed
from crmctl.mail.ledger.durable import make_folder
from crmctl.mail.ledger.durable import replace
from crmctl.mail.ledger.lines import checked

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from crmctl.services.book import Book


def remember(book: Book, folder: Path, tracked: str, commits: Iterable[str], host: str) -> None:
    """Keep in ``folder`` the lines that machines other than ``host`` have in the folder ``tracked`` of ``commits``.

    What is kept already stays. Lines that are damaged are left out: the tracked file itself tells of those.

    Raises:
        StorageFailed: they cannot be written; what was seen is not kept then, and may not be relied on.
        GitFailed: they cannot be read.
    """
    for commit in commits:
        for entry in book.repository.files(commit, [tracked]):
            name = PurePosixPath(entry.path).name
            if name.endswith(".jsonl"):
                _keep(book, folder / name, entry.oid, host)


def _keep(book: Book, path: Path, oid: str, host: str) -> None:
    try:
        kept = path.read_bytes()
    except FileNotFoundError:
        kept = b""
    except OSError as exc:
        raise failed(path, exc, "read") from exc
    if kept and book.repository.blob_id(kept) == oid:
        return
    (content,) = book.repository.contents([oid])
    known = set(kept.splitlines())
    new = [raw for raw in content.splitlines() if raw not in known and _is_of_another(raw, host)]
    if new:
        make_folder(path.parent)
        replace(path, b"".join(raw + b"\n" for raw in (*kept.splitlines(), *new)))


def _is_of_another(raw: bytes, host: str) -> bool:
    line = checked(raw)
    return not isinstance(line, str) and line.host != host
