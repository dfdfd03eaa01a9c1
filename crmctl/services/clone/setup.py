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
from crmctl.services.clone.starter import ATTRIBUTES_FILE
from crmctl.services.clone.starter import Basics
from crmctl.services.clone.starter import new_files
from crmctl.services.clone.starter import sample_files
from crmctl.store import journal
from crmctl.store.files import UNFINISHED
from crmctl.vcs import create as vcs_create

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator
    from collections.abc import Mapping

    from crmctl.store.transaction import Transaction

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

    Nothing that stands there is changed, but for lines added to ``.gitattributes``. When something fails nothing of the
    attempt is left behind.

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
    vcs_create.sweep(root)
    with _nothing_left_behind(root, files) as created:
        return _make(root, files, created)


def _make(root: Path, files: Mapping[str, bytes], created: list[Path]) -> Made:
    """Make the book, and note in ``created`` the repository that was made for it."""
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise StorageFailed(f"{root}: cannot make this folder: {(exc.strerror or str(exc)).lower()}") from exc
    top = vcs_create.surrounding(root)
    if top is None and vcs_create.create(root):
        created.append(root / ".git")
    book = Book(root)
    kept = []
    notes: list[str] = []
    with book.write("init") as tx:
        _refuse_taken(root)  # Another init may have been faster.
        for path, data in files.items():
            if not _stands(root, path):
                tx.put(path, data)
            elif path != ATTRIBUTES_FILE or not _add_attributes(book, tx, data, notes):
                kept.append(path)
        commit = tx.commit("init: a new book")
    made = tuple(path for path in files if path not in kept)
    return Made(book, top or root, top is None, made, tuple(kept), commit, (*notes, *_with_hooks(book)))


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
        _finish(root)
        raise Conflict(f"there is a book at {root} already", hint=f"Look at it: crmctl -C {root} customer list")
    for folder in root.parents:
        if (folder / FILE).is_file():
            raise Conflict(f"{root} is inside the book at {folder}", hint="Choose a folder that is not in a book.")
    if sample and os.path.lexists(root / "records"):
        raise Conflict(
            f"there are records at {root / 'records'} already, and the sample would mix with them",
            hint="Choose another folder for the sample.",
        )


def _finish(root: Path) -> None:
    """Finish what an init that was killed had begun, as far as that can be done."""
    from crmctl.services.clone import githooks
    from crmctl.services.clone import mergedriver

    with contextlib.suppress(CrmError, OSError):
        book = Book(root)
        if journal.read(book.places.own) is not None:
            with book.write("init", wait=0):
                pass  # To begin a write is to finish the one before.
        mergedriver.sweep(book.places)
        githooks.sweep(book.places)


def _stands(root: Path, path: str) -> bool:
    """Whether something is at ``path``, or would be written through a link."""
    return os.path.lexists(root / path) or (root / path.partition("/")[0]).is_symlink()


@contextlib.contextmanager
def _nothing_left_behind(root: Path, files: Iterable[str]) -> Iterator[list[Path]]:
    """Take away what a failed attempt made: the repository with what was put beside it, and the new folders.

    A repository that the attempt has made stands in the list that is given. In one that was there before, git has the
    last word: no commit, no files.
    """
    missing = [path for path in files if not _stands(root, path)]
    within = {folder for path in (".git", *files) for folder in (root / path).parents}
    folders = sorted((folder for folder in within if not folder.exists()), key=lambda f: len(f.parts), reverse=True)
    created: list[Path] = []
    try:
        yield created
    except BaseException as exc:
        if created:
            _take_away([root / path for path in missing], created[0])
        for folder in folders:
            with contextlib.suppress(OSError):
                folder.rmdir()
        if created and isinstance(exc, StorageFailed) and isinstance(exc.__cause__, CrmError):
            raise exc.__cause__ from None  # What was committed is gone again, so nobody is told of it.
        raise


def _take_away(files: Iterable[Path], repository: Path) -> None:
    """Undo an attempt as far as that can be done. The repository first: a book without one is none."""
    # Its name goes at once; were it taken away bit by bit, half a one could be left.
    grave = repository.with_name(vcs_create.UNDONE)
    try:  # What went wrong first is what must be told, so nothing of this is.
        repository.rename(grave)
    except OSError:
        # A full disk has no room for another name. Without this file git sees no repository.
        with contextlib.suppress(OSError):
            (repository / "HEAD").unlink()
    found = (one for path in files for one in (path, *path.parent.glob(f".{path.name}.*{UNFINISHED}")))
    for number, one in enumerate(found):
        # On some file systems a full disk lets nothing be deleted, but moved it can be.
        with contextlib.suppress(OSError):
            one.rename(grave / f"undone-{number}")
        with contextlib.suppress(OSError):
            one.unlink()
    for made in (repository, grave):
        shutil.rmtree(made, ignore_errors=True)


def _add_attributes(book: Book, tx: Transaction, lines: bytes, notes: list[str]) -> bool:
    """Add our lines to the attributes that stand there, unless they are there or somebody is at work on them."""
    before = b"" if (book.root / ATTRIBUTES_FILE).is_symlink() else tx.read(ATTRIBUTES_FILE)
    if not before or b"merge=crmctl" in before:
        return False
    head = book.repository.head()
    known = book.repository.blobs(head, [ATTRIBUTES_FILE]).get(ATTRIBUTES_FILE) if head else None
    if known is not None and known != book.repository.blob_id(before):
        notes.append(f"{ATTRIBUTES_FILE} has changes that are not committed, so nothing was added to it")
        return False
    tx.put(ATTRIBUTES_FILE, before.rstrip(b"\n") + b"\n\n" + lines)
    return True


def _with_hooks(book: Book) -> Iterator[str]:
    """Set the clone up: merge driver and hooks. A book without them is still a book, so a failure is only told."""
    from crmctl.services.clone import githooks
    from crmctl.services.clone import mergedriver

    try:
        mergedriver.install(book.places)
    except CrmError as error:
        yield f"the merge driver is not in place: {error.message}. {error.hint}".rstrip()
    try:
        for hook in githooks.install(book.places):
            if hook.state != "installed":
                line = githooks.line(hook.name)
                yield f"the {hook.name} hook is not in place: {hook.why}. Add this line to it: {line}"
    except CrmError as error:
        yield f"the git hooks that check records are not in place: {error.message}. {error.hint}"
