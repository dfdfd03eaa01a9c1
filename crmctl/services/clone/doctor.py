"""``doctor``: is everything there that crmctl needs, is the book well, and what takes how long."""

from __future__ import annotations

import os
import platform
from typing import TYPE_CHECKING

from crmctl import __version__
from crmctl import clock
from crmctl.errors import Conflict
from crmctl.errors import CrmError
from crmctl.errors import Locked
from crmctl.services.checking import settings as checks_settings
from crmctl.services.finding import BAD
from crmctl.services.finding import OK
from crmctl.services.finding import WARN
from crmctl.services.finding import Finding
from crmctl.vcs import health
from crmctl.vcs import history
from crmctl.vcs import locks as git_locks
from crmctl.vcs import preflight

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterable
    from collections.abc import Iterator
    from pathlib import Path

    from crmctl.services.book import Book
    from crmctl.vcs.suspects import Setting

# Asking the state of thousands of files takes a network round trip each there.
_SLOW = frozenset(
    "nfs nfs4 cifs smb3 smbfs 9p afs ceph glusterfs fuse.sshfs fuse.s3fs fuse.rclone fuse.glusterfs davfs".split()
)


def programs(folder: Path) -> Iterator[Finding]:
    """The programs and libraries that crmctl runs on."""
    yield Finding(OK, "crmctl", f"{__version__}, Python {platform.python_version()}")
    yield from _guarded("git", lambda: _git(folder))
    yield _yaml()


def book_findings(book: Book, *, fix: bool = False, rebuild: bool = False) -> Iterator[Finding]:
    """The state of a book: its repository, locks, leftovers, hooks, index and records.

    ``fix`` finishes what an interrupted write left, clears away its files, and sets the clone up for merges and hooks;
    ``rebuild`` makes the index anew.
    """
    from crmctl.services.clone import doctor_merges
    from crmctl.services.clone import doctor_writes

    steps: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("book", lambda: _settings(book)),
        ("repository", lambda: _repository(book)),
        ("git's settings", lambda: _own_settings(book)),
        ("identity", lambda: _identity(book)),
        ("file system", lambda: _file_system(book.root)),
        ("lock", lambda: doctor_writes.held(book, fix=fix)),
        ("writes", lambda: doctor_writes.leftovers(book, fix=fix)),
        ("drafts", lambda: doctor_writes.drafts(book)),
        ("merges", lambda: doctor_merges.findings(book, fix=fix)),
        ("index", lambda: _index(book, rebuild=rebuild)),
        ("records", lambda: _records(book)),
    ]
    for what, step in steps:
        yield from _guarded(what, step)


def _guarded(what: str, step: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """What ``step`` finds; when it cannot look, that is what is found."""
    try:
        yield from step()
    except CrmError as exc:
        yield Finding(BAD, what, exc.message, exc.hint)
    except OSError as exc:
        yield Finding(BAD, what, f"{exc.filename or ''}: {(exc.strerror or str(exc)).lower()}".removeprefix(": "))


def _git(folder: Path) -> Iterator[Finding]:
    started = clock.monotonic()
    version, new_enough = health.version(folder)
    hint = "" if new_enough else f"crmctl is made for git {'.'.join(map(str, health.OLDEST))} and later."
    yield Finding(OK if new_enough else WARN, "git", version, hint, _since(started))


def _yaml() -> Finding:
    from crmctl.store.yaml_events import c_parser

    if c_parser() is not None:
        return Finding(OK, "YAML", "the fast parser (ruamel.yaml.clib)")
    return Finding(WARN, "YAML", "the slow parser", "Reading is sixty times as fast with: pip install ruamel.yaml.clib")


def _settings(book: Book) -> Iterator[Finding]:
    settings, problems = checks_settings.load(book.root)
    yield Finding(OK, "book", f"{book.root} ({settings.name}, {settings.currency}, {settings.timezone})")
    for problem in problems:
        yield Finding(WARN, "settings", str(problem), problem.hint)


def _repository(book: Book) -> Iterator[Finding]:
    branch = health.branch(book.places)
    state, found, hint = OK, f"{book.places.git_dir}, branch {branch}", ""
    if not git_locks.index_lock(book.places).exists():
        try:
            preflight.check_writable(book.places, settled=True)
        except (Conflict, Locked) as exc:
            state, found, hint = WARN, exc.message, exc.hint
    yield Finding(state, "repository", found, hint)
    absent = book.left_out()
    if absent:
        hint = "git sparse-checkout disable brings them."
        files = f"{len(absent):,} committed file{'' if len(absent) == 1 else 's'}"
        words = f"git sparse-checkout leaves {files} out: nothing here shows them"
        yield Finding(WARN, "work tree", words, hint)
    if history.is_shallow(book.places):
        hint = "git fetch --unshallow brings the rest."
        yield Finding(WARN, "history", "the clone is shallow: the past before some commit is not in it", hint)


def _own_settings(book: Book) -> Iterator[Finding]:
    """What the repository's own settings and hooks would run: it is refused until the user has allowed it."""
    from crmctl.services.clone import trust

    settings = trust.found(book.places)
    trusted = trust.is_trusted(book.places, settings)
    for setting in settings:
        yield Finding(OK if trusted else BAD, "git's settings", _in_words(setting), "" if trusted else trust.HINT)
    hooks = trust.own_hooks(book.places)
    for hook in hooks:
        yield Finding(OK, "git's settings", _in_words(hook))
    if not settings and not hooks:
        yield Finding(OK, "git's settings", "those of this repository run nothing")


def _in_words(setting: Setting) -> str:
    return f"{setting.name} = {setting.value} ({setting.does}; in {setting.file})"


def _identity(book: Book) -> Iterator[Finding]:
    found = health.identity(book.places.top)
    if found:
        yield Finding(OK, "identity", found)
        return
    hint = 'git config --global user.name "Your Name"; git config --global user.email you@example.com'
    yield Finding(BAD, "identity", "git does not know who you are, so nothing can be written", hint)


def _file_system(root: Path) -> Iterator[Finding]:
    """The type of the file system, where the system tells (Linux)."""
    try:
        with open("/proc/self/mounts", encoding="utf-8", errors="replace") as mounts:  # noqa: PTH123
            kind = mounted(os.path.realpath(root), mounts)
    except OSError:
        return
    yield file_system(kind)


def file_system(kind: str) -> Finding:
    """What to say of a file system of this ``kind``."""
    if kind not in _SLOW:
        return Finding(OK, "file system", kind)
    hint = "A clone on a local disk answers many times faster; share the book through git instead."
    return Finding(WARN, "file system", f"{kind}, over the network", hint)


def mounted(path: str, mounts: Iterable[str]) -> str:
    """The kind of the file system that ``path`` is on, by the lines of ``/proc/self/mounts``."""
    best, found = -1, "unknown"
    for line in mounts:
        _, point, kind, *_ = line.split(" ")
        point = point.replace("\\040", " ").rstrip("/")
        if len(point) >= best and (path == point or path.startswith(f"{point}/")):
            best, found = len(point), kind
    return found


def _index(book: Book, *, rebuild: bool) -> Iterator[Finding]:
    from crmctl.index import connecting
    from crmctl.services.freshness import index_path

    path = index_path(book)
    if rebuild and not connecting.discard(path):
        yield Finding(BAD, "index", f"{path} cannot be taken away", "Look at who may write there.")
    book.refresh()
    started = clock.monotonic()
    book.probe.result()
    status = _since(started)
    before = path.stat().st_mtime_ns if path.exists() else None
    started = clock.monotonic()
    index = book.index
    took = _since(started)
    yield Finding(OK, "git status", "what differs from HEAD", ms=status)
    database = index.row("PRAGMA database_list")
    if database is None or not database[2]:
        hint = "Every command makes it anew in memory, which is slow; look at who may write there."
        yield Finding(WARN, "index", f"{path} cannot be written", hint, took)
        return
    if before is None:
        words = "made anew"
    elif path.stat().st_mtime_ns != before:
        words = "was behind, is up to date now"
    else:
        words = "up to date"
    sqlite = index.row("SELECT sqlite_version()")
    size = f"{path.stat().st_size / 1_000_000:.1f} MB"
    yield Finding(OK, "index", f"{words}, {size}, SQLite {sqlite[0] if sqlite else '?'}: {path}", ms=took)


def _records(book: Book) -> Iterator[Finding]:
    started = clock.monotonic()
    counts = []
    for kind in book.schema.kinds:
        row = book.index.row(f"SELECT COUNT(*) FROM {kind.plural}")
        if row and row[0]:
            counts.append(f"{row[0]:,} {kind.many if row[0] != 1 else kind.one}")
    yield Finding(OK, "records", ", ".join(counts) or "none yet", ms=_since(started))
    problems = book.unreadable()
    if problems:
        files = len({problem.path for problem in problems})
        yield Finding(BAD, "unreadable", f"{files:,} file(s), first {problems[0]}", "crmctl check lists them all.")


def _since(started: float) -> int:
    """Milliseconds since ``started``."""
    return round((clock.monotonic() - started) * 1000)
