"""The two files by which a clone is set up: ``.git/config`` and ``.git/info/attributes``, changed as texts.

A change is whole or not there at all, and what others wrote stays as it is. The settings are changed under git's own
lock, in one go: a section with half of its lines could be an error to every git that reads it meanwhile.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from typing import TYPE_CHECKING

from crmctl.errors import Locked
from crmctl.errors import StorageFailed

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterator
    from collections.abc import Mapping
    from pathlib import Path

_UNFINISHED = ".crmctl"
_MARK = b"crmctl "
_TRIES = 50
_PAUSE = 0.02
_HEADER = re.compile(r"\s*\[\s*([\w.-]+)(?:\s+\"((?:[^\"\\]|\\.)*)\")?\s*\]")
_PAIR = re.compile(r"\s*(\w[\w-]*)\s*=\s*(.*?)\s*\Z")
_ESCAPES = {"n": "\n", "t": "\t", "b": "\b"}


def read_text(path: Path) -> str:
    """The text of a file, whatever bytes are in it; "" when there is none."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:  # noqa: PTH123 - on every start
            return file.read()
    except FileNotFoundError:
        return ""


def section(text: str, name: str) -> dict[str, str]:
    """The values in the section ``name`` (``crmctl`` or ``merge.crmctl``) of git's settings, as crmctl writes them.

    In other spellings than that of ``set_values`` a value may come out wrong; the caller compares, and writes it anew.
    """
    found: dict[str, str] = {}
    inside = False
    for line in text.splitlines():
        header = _HEADER.match(line)
        if header:
            inside = _named(header) == name
        elif inside:
            pair = _PAIR.match(line)
            if pair:
                found[pair[1].lower()] = _unquoted(pair[2])
    return found


def set_values(text: str, name: str, values: Mapping[str, str]) -> str:
    """``text`` with exactly ``values`` for these names in the section ``name``, at the end of it."""
    parts = name.split(".", 1)
    header = f'[{parts[0]} "{parts[1]}"]' if len(parts) > 1 else f"[{parts[0]}]"
    text = without(text, name, values)
    if text and not text.endswith("\n"):
        text += "\n"
    return text + "\n".join([header, *(f"\t{key} = {_quoted(value)}" for key, value in values.items())]) + "\n"


def without(text: str, name: str, keys: Mapping[str, object] | None = None) -> str:
    """``text`` without those ``keys`` of the section ``name``, or without all of it; an empty section goes too."""
    kept: list[str] = []
    mine: list[str] | None = None  # The section's header and what stays in it.
    for line in text.splitlines(keepends=True):
        header = _HEADER.match(line)
        if header:
            kept += _worth_keeping(mine)
            mine = [line] if _named(header) == name else None
        if mine is None:
            kept.append(line)
        elif not header and keys is not None:
            pair = _PAIR.match(line.rstrip("\r\n"))
            if not pair or pair[1].lower() not in keys:
                mine.append(line)
    return "".join([*kept, *_worth_keeping(mine)])


def _worth_keeping(lines: list[str] | None) -> list[str]:
    return lines if lines and any(line.strip() for line in lines[1:]) else []


def _named(header: re.Match[str]) -> str:
    return header[1].lower() + (f".{header[2]}" if header[2] is not None else "")


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = value[1:-1]
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), value)


def change_config(path: Path, change: Callable[[str], str]) -> None:
    """Have ``change`` make a new text of the settings at ``path``, while no git can change them.

    Raises:
        Locked: a git has held its lock for a second.
        StorageFailed: the system refuses, or the file is a link.
    """
    target = _target(path)
    try:
        sweep(path)
        with _held(path):
            text = read_text(path)
            with written_beside(path, change(text), _mode(target)) as beside:
                os.replace(beside, target)  # noqa: PTH105 - beside os.open
    except OSError as exc:
        raise StorageFailed(f"{path}: cannot change: {(exc.strerror or str(exc)).lower()}") from exc


def change_text(path: Path, change: Callable[[str], str]) -> None:
    """Have ``change`` make a new text of the file at ``path``; when nothing is left of it, the file goes.

    Raises:
        StorageFailed: the system refuses, or the file is a link.
    """
    target = _target(path)
    try:
        sweep(path)
        before = read_text(path)
        after = change(before)
        if after == before:
            return
        if not after:
            os.unlink(target)  # noqa: PTH108
            with contextlib.suppress(OSError):
                os.rmdir(os.path.dirname(target))  # noqa: PTH106, PTH120 - if it is empty now
            return
        os.makedirs(os.path.dirname(target), exist_ok=True)  # noqa: PTH103, PTH120
        with written_beside(path, after, _mode(target)) as beside:
            os.replace(beside, target)  # noqa: PTH105
    except OSError as exc:
        raise StorageFailed(f"{path}: cannot change: {(exc.strerror or str(exc)).lower()}") from exc


@contextlib.contextmanager
def written_beside(path: Path, text: str, mode: int | None = None) -> Iterator[Path]:
    """A new file beside ``path`` with ``text`` in it, to be renamed or linked by the caller; gone afterwards.

    Its maker holds it by a lock of the system's, so that ``sweep`` tells it from what a killed one left.

    Raises:
        OSError: the system refuses.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}{_UNFINISHED}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o666)
    try:
        with open(descriptor, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:  # noqa: PTH123
            _is_free(descriptor)  # The answer does not matter: from now on it is held by us.
            if mode is not None:
                with contextlib.suppress(OSError):
                    os.fchmod(descriptor, mode)
            file.write(text)
            file.flush()
            yield beside
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()


def sweep(path: Path) -> None:
    """Take away what a crmctl that was killed left of changing the file at ``path``, git's lock included."""
    for leftover in path.parent.glob(f".{path.name}.*{_UNFINISHED}"):
        _sweep(leftover)
    _sweep(lock_of(path), mark=_MARK)


def lock_of(path: Path) -> Path:
    """The file that git, or ``change_config``, has while it changes the settings at ``path``."""
    return path.with_name(f"{path.name}.lock")


def _sweep(leftover: Path, mark: bytes = b"") -> None:
    """Take a file away that nobody holds, if it begins with ``mark``."""
    with contextlib.suppress(OSError):
        descriptor = os.open(leftover, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            ours = os.read(descriptor, len(mark)) == mark and _is_free(descriptor)
            # Its maker may have been done just now, and another one at it.
            if ours and os.path.samestat(os.fstat(descriptor), leftover.lstat()):
                leftover.unlink()
        finally:
            os.close(descriptor)


def _is_free(descriptor: int) -> bool:
    """Whether no living process holds an open file; then this one does, until it closes it."""
    try:
        import fcntl
    except ImportError:  # Windows: nothing is known, so nothing is swept.
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _target(path: Path) -> str:
    """Where the file at ``path`` stands; a link may lead to any file of the user's, and came with the repository."""
    if path.is_symlink():
        raise StorageFailed(f"{path} is a link, and crmctl writes through none", hint="Put a plain file there.")
    return os.fspath(path)


@contextlib.contextmanager
def _held(path: Path) -> Iterator[None]:
    """git's lock on a file, which nobody else may make; it is never seen without our mark in it.

    Raises:
        Locked: somebody else has had it for a second.
        OSError: the system refuses.
    """
    lock = lock_of(path)
    with written_beside(lock, _MARK.decode() + f"{os.getpid()}\n") as mark:
        for tries in range(_TRIES):
            try:
                os.link(mark, lock)
                break
            except FileExistsError:
                if tries < _TRIES - 1:
                    time.sleep(_PAUSE)
        else:
            message = f"git is changing its settings, or was killed: {lock} exists"
            raise Locked(message, hint="If no git is running, remove it.")
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                lock.unlink()


def _mode(target: str) -> int | None:
    """The rights of a file that is there."""
    with contextlib.suppress(OSError):
        return os.stat(target).st_mode & 0o777  # noqa: PTH116
    return None
