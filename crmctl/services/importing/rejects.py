"""The rows that were put aside, in a file of their own: to be set right there and taken in again."""

from __future__ import annotations

import csv
import os
import tempfile
from filecmp import cmp
from pathlib import Path
from typing import TYPE_CHECKING

from crmctl.errors import UsageProblem
from crmctl.render.rows import inert
from crmctl.services.importing.cells import unmark
from crmctl.store.files import storage_failed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crmctl.services.importing.source import Source

LINE = "line"
REASON = "reason"


def place(source_name: str, source_folder: Path, top: Path, wanted: str) -> Path:
    """Where the rejects go: ``wanted``, or beside you, never into the repository at ``top``.

    Raises:
        UsageProblem: ``wanted`` is in the repository, or something else stands there.
    """
    if wanted:
        path = Path(wanted).absolute()
        if _inside(path.parent, top):
            hint = "It may hold personal data and would be committed one day; put it elsewhere."
            raise UsageProblem(f"{wanted} is inside the book", hint=hint)
    else:
        stem = "stdin" if source_name == "standard input" else Path(source_name).stem
        folders = [Path.cwd(), source_folder, Path(tempfile.gettempdir())]
        folder = next((folder for folder in folders if not _inside(folder, top) and os.access(folder, os.W_OK)), None)
        path = (folder or folders[-1]) / f"{stem}.rejects.csv"
    if path.is_symlink() or (path.exists() and not _is_ours(path)):
        raise UsageProblem(f"{path} is something else than rejected rows", hint="Say where to put them: --rejects PATH")
    return path


def write(path: Path, source: Source, rejected: Mapping[int, str]) -> Path | None:
    """Put the rows of ``source`` whose lines are in ``rejected`` at ``path``, readable by you alone.

    Somebody may be at work on those that stand there from another time: they are kept beside, and where is returned.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    names = [_free(LINE, source.header), _free(REASON, source.header)]
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="utf-8", newline="") as file:  # noqa: PTH123 - opened for this user only
            writer = csv.writer(file)
            writer.writerow([*names, *source.header])
            for row in source.rows():
                if row.line in rejected:
                    writer.writerow([row.line, inert(rejected[row.line]), *(inert(unmark(cell)) for cell in row.cells)])
        kept = None
        if path.exists() and not cmp(path, temporary, shallow=False):
            kept = path.with_name(f"{path.name}~")
            path.replace(kept)
        temporary.replace(path)
    except OSError as exc:
        temporary.unlink(missing_ok=True)
        raise storage_failed(str(path), exc, "write") from exc
    return kept


def _free(name: str, header: list[str]) -> str:
    while name in header:
        name = f"import_{name}"
    return name


def _inside(folder: Path, top: Path) -> bool:
    folder, top = folder.resolve(), top.resolve()
    return folder == top or top in folder.parents


def _is_ours(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        first = file.readline(200).decode("utf-8", "replace").split(",")[:2]
    return len(first) == 2 and first[0].endswith(LINE) and first[1].strip().endswith(REASON)
