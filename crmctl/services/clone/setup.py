"""Making a new book: a folder, a repository where there is none yet, the first files, one commit."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import Conflict
from crmctl.errors import CrmError
from crmctl.errors import StorageFailed
from crmctl.errors import UsageProblem
from crmctl.model import values
from crmctl.model.fields import Field
from crmctl.model.settings import FILE
from crmctl.services.book import Book
from crmctl.services.clone.starter import Basics
from crmctl.services.clone.starter import new_files
from crmctl.services.clone.starter import sample_files
from crmctl.vcs import create as vcs_create

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator
    from collections.abc import Mapping

_TYPES = {"name": "text", "currency": "currency", "timezone": "timezone", "country": "country", "language": "language"}


class Made(NamedTuple):
    """A new book: where, its files, the commit. ``top`` is the work tree it lives in, ``new`` whether that is new too.

    ``kept`` are paths that stood there before and were left alone, ``notes`` what did not work out.
    """

    book: Book
    top: Path
    new: bool
    files: tuple[str, ...]
    kept: tuple[str, ...]
    commit: str
    notes: tuple[str, ...]


def make(folder: Path, basics: Basics, *, sample: bool = False) -> Made:
    """Make a book at ``folder``, with what ``basics`` says and defaults for the rest, or as a copy of the sample.

    Nothing that stands there is changed. When something fails nothing of the attempt is left behind.

    Raises:
        UsageProblem: a value cannot be used, or the sample was asked for with other settings than its own.
        Conflict: there is a book already, or one around it.
        NoBook, GitFailed, StorageFailed: the place cannot be used, git refuses, or the system does.
    """
    root = Path(os.path.abspath(folder))  # noqa: PTH100 - takes ".." out, but keeps links
    if sample and any(basics):
        raise UsageProblem(
            "the sample brings its own settings", hint="Leave the other options out; change its crm.yaml afterwards."
        )
    if not str(root).isprintable():
        raise UsageProblem(f"{str(root)!r} has characters in it that cannot be seen", hint="Choose a plainer name.")
    files = sample_files() if sample else new_files(complete(basics, root))
    _refuse_taken(root, sample=sample)
    with _nothing_left_behind(root, files):
        return _make(root, files)


def _make(root: Path, files: Mapping[str, bytes]) -> Made:
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise StorageFailed(f"{root}: cannot make this folder: {(exc.strerror or str(exc)).lower()}") from exc
    top = vcs_create.surrounding(root)
    if top is None:
        vcs_create.create(root)
    book = Book(root)
    kept = []
    with book.write("init") as tx:
        _refuse_taken(root)  # Another init may have been faster.
        for path, data in files.items():
            if _stands(root, path):
                kept.append(path)
            else:
                tx.put(path, data)
        commit = tx.commit("init: a new book")
    made = tuple(path for path in files if path not in kept)
    return Made(book, top or root, top is None, made, tuple(kept), commit, tuple(_with_hooks(book)))


def complete(basics: Basics, root: Path) -> Basics:
    """``basics`` with defaults for what was not said, every value checked and in its normal form.

    Raises:
        UsageProblem: a value cannot be used.
    """
    full = Basics(
        name=basics.name.strip() or root.name or "crmctl",
        currency=basics.currency or "EUR",
        timezone=basics.timezone or system_timezone(),
        country=basics.country,
        language=basics.language or "en",
        layout=basics.layout or "flat",
    )
    checked = {name: _checked(name, getattr(full, name)) for name in _TYPES if getattr(full, name)}
    return full._replace(**checked)


def _checked(name: str, text: str) -> str:
    field = Field(name, _TYPES[name])
    try:
        values.check(field, text, values.Context())
        return str(values.normal(field, text, values.Context()))
    except ValueError as exc:
        raise UsageProblem(f"--{name}: {exc}", hint=_zones_like(text) if name == "timezone" else "") from None


def _zones_like(text: str) -> str:
    """Time zones that end in the word typed (``berlin``), as a hint."""
    from zoneinfo import available_timezones

    word = text.rpartition("/")[2].strip().replace(" ", "_").casefold()
    found = sorted(name for name in available_timezones() if word and name.rpartition("/")[2].casefold() == word)
    return f"Did you mean {' or '.join(found[:3])}?" if found else ""


def system_timezone(etc: Path = Path("/etc")) -> str:
    """The time zone of this machine, by its IANA name: ``$TZ``, then what ``/etc`` says; "UTC" when nobody knows."""
    from zoneinfo import available_timezones

    known = available_timezones()
    for name in (os.environ.get("TZ", "").removeprefix(":"), *_zones_in(etc)):
        if name in known:
            return "UTC" if name == "Etc/UTC" else name
    return "UTC"


def _zones_in(etc: Path) -> Iterator[str]:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        yield (etc / "timezone").read_text(encoding="ascii").strip()
    with contextlib.suppress(OSError):
        yield os.readlink(etc / "localtime").partition("zoneinfo/")[2]  # noqa: PTH115 - a text is wanted


def _refuse_taken(root: Path, *, sample: bool = False) -> None:
    if os.path.lexists(root / FILE):
        raise Conflict(f"there is a book at {root} already", hint=f"Look at it: crmctl -C {root} customer list")
    for folder in root.parents:
        if (folder / FILE).is_file():
            raise Conflict(f"{root} is inside the book at {folder}", hint="Choose a folder that is not in a book.")
    if sample and os.path.lexists(root / "records"):
        raise Conflict(
            f"there are records at {root / 'records'} already, and the sample would mix with them",
            hint="Choose another folder for the sample.",
        )


def _stands(root: Path, path: str) -> bool:
    """Whether something is at ``path``, or would be written through a link."""
    return os.path.lexists(root / path) or (root / path.partition("/")[0]).is_symlink()


@contextlib.contextmanager
def _nothing_left_behind(root: Path, files: Iterable[str]) -> Iterator[None]:
    """Take away what a failed attempt made: the repository with what was put beside it, and the new folders.

    In a repository that was there before, git has the last word: no commit, no files.
    """
    missing = [path for path in (".git", *files) if not _stands(root, path)]
    within = {folder for path in (".git", *files) for folder in (root / path).parents}
    folders = sorted((folder for folder in within if not folder.exists()), key=lambda f: len(f.parts), reverse=True)
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):  # What went wrong first is what must be told.
            if ".git" in missing and (root / ".git").is_dir():
                for path in missing[1:]:
                    (root / path).unlink(missing_ok=True)
                shutil.rmtree(root / ".git")
        for folder in folders:
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise


def _with_hooks(book: Book) -> Iterator[str]:
    """Put the git hooks in place; a book without them is still a book, so a failure is only told."""
    from crmctl.services.clone import githooks

    try:
        githooks.install(book.places)
    except CrmError as error:
        yield f"the git hook that checks records is not in place: {error.message}. {error.hint}"
