"""Reading and writing the plain files of a book, without following links and never in place."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import TYPE_CHECKING

from crmctl.errors import InvalidData
from crmctl.errors import Problem
from crmctl.errors import StorageFailed

if TYPE_CHECKING:
    from pathlib import Path

LARGEST = 256 * 1024 * 1024
"""No file of a book is larger than this many bytes."""

UNFINISHED = ".crmctl"
"""How the names of files end that are being written; they begin with a dot and hold the number of the process."""

_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)

_HINTS = {
    errno.ENOSPC: "The disk is full; make room and run the command again.",
    errno.EDQUOT: "Your disk quota is used up; make room and run the command again.",
    errno.EIO: "The disk has a fault; look at it (dmesg) and at your backups before you go on.",
    errno.EMFILE: "Too many files are open; ulimit -n says how many may be.",
    errno.EROFS: "The file system is read-only; commands that only read still work.",
    errno.EACCES: "Check who owns the file and its folder (ls -l).",
    errno.EPERM: "Check who owns the file and its folder (ls -l).",
}


def read_file(root: Path, path: str, largest: int = LARGEST) -> tuple[bytes, os.stat_result]:
    """The content of the regular file at ``path`` under ``root``, and its state when it was read.

    Raises:
        FileNotFoundError: there is none.
        InvalidData: it is a link or behind one, a folder, a pipe or a device, or larger than ``largest`` bytes.
        StorageFailed: the system refuses to read it.
    """
    try:
        descriptor = _open(root, path)
    except FileNotFoundError as exc:
        raise FileNotFoundError(exc.errno, exc.strerror, os.fspath(root / path)) from None
    except OSError as exc:
        if exc.errno in (errno.ELOOP, errno.EMLINK):
            raise _not_a_file(path, "a symbolic link") from None
        if exc.errno == errno.ENXIO:
            raise _not_a_file(path, "no regular file") from None
        if exc.errno == errno.ENOTDIR:
            link = _link_on_the_way(root, path)
            if link:
                raise _not_a_folder(link, "a symbolic link") from None
            raise FileNotFoundError(path) from None
        raise storage_failed(path, exc, "read") from exc
    try:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode):
            raise _not_a_file(path, "a folder" if stat.S_ISDIR(state.st_mode) else "no regular file")
        if state.st_size > largest:
            message = f"the file is {state.st_size:,} bytes, more than the {largest:,} that are read"
            problem = Problem(path, 0, 0, "too-large", message, "A record is a small text; move the rest elsewhere.")
            raise InvalidData(str(problem), problems=[problem])
        with open(descriptor, "rb", buffering=0, closefd=False) as file:
            return file.readall(), state
    except OSError as exc:
        raise storage_failed(path, exc, "read") from exc
    finally:
        os.close(descriptor)


def _open(root: Path, path: str) -> int:
    """A descriptor of the file at ``path`` to read from; no folder on the way may be a link either."""
    *folders, name = path.split("/")
    if ".." in folders:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    if not folders or os.open not in os.supports_dir_fd:
        return os.open(root / path, _READ)
    # One after the other, so that nobody can put a link into a path that has been looked at.
    current = os.open(root, _FOLDER)
    try:
        for folder in folders:
            inner = os.open(folder, _FOLDER | _NO_LINK, dir_fd=current)
            os.close(current)
            current = inner
        return os.open(name, _READ, dir_fd=current)
    finally:
        os.close(current)


def _link_on_the_way(root: Path, path: str) -> str:
    parts = path.split("/")
    folders = ("/".join(parts[:count]) for count in range(1, len(parts)))
    return next((folder for folder in folders if (root / folder).is_symlink()), "")


def _not_a_file(path: str, what: str) -> InvalidData:
    problem = Problem(path, 0, 0, "not-a-file", f"{what} stands where a record should be", "Put a plain file there.")
    return InvalidData(str(problem), problems=[problem])


def check_path(root: Path, path: str) -> bool:
    """Refuse to write at a path that leaves the book, leads through a link or a file, or has a line break in it.

    Whether all folders on the way are there; where one is not, nothing stands at ``path``.

    Raises:
        InvalidData: what stands in the way.
    """
    if "\n" in path:
        problem = Problem(path, 0, 0, "bad-handle", "a line break in the name of a file", "Rename the file: git mv")
        raise InvalidData(str(problem), problems=[problem])
    parts = path.split("/")
    folder = root
    for count, part in enumerate(parts[:-1], 1):
        folder = folder / part
        where = "/".join(parts[:count])
        if part in ("", ".", ".."):
            raise _not_a_folder(where, "no name of a folder")
        try:
            mode = folder.lstat().st_mode
        except FileNotFoundError:
            return False
        except OSError as exc:
            raise storage_failed(where, exc, "read") from exc
        if not stat.S_ISDIR(mode):
            raise _not_a_folder(where, "a symbolic link" if stat.S_ISLNK(mode) else "a file")
    return True


def _not_a_folder(path: str, what: str) -> InvalidData:
    message = f"{what} stands where a folder should be"
    problem = Problem(path, 0, 0, "not-a-folder", message, "Put a plain folder there; crmctl writes through no links.")
    return InvalidData(str(problem), problems=[problem])


def write_file(root: Path, path: str, data: bytes, *, durable: bool = True) -> None:
    """Put ``data`` at ``path`` under ``root``: old content or new, never a mixture, whatever happens meanwhile.

    With ``durable`` file and folder are on the disk when this returns; without, the caller syncs once for many.
    """
    put_in_place(root, path, prepare_file(root, path, data, durable=durable), durable=durable)


def prepare_file(root: Path, path: str, data: bytes, *, durable: bool = True, program: bool = False) -> str:
    """Write ``data`` beside ``path``, for ``put_in_place``. What can fail for want of room or rights fails here.

    ``program`` says that it may be run.
    """
    # Plain texts, not paths: an import writes tens of thousands of files.
    folder, name = os.path.split(os.path.join(root, path))  # noqa: PTH118
    temporary = os.path.join(folder, f".{name}.{os.getpid()}{UNFINISHED}")  # noqa: PTH118
    try:
        try:
            _write_new(temporary, data, durable=durable, program=program)
        except FileNotFoundError:
            os.makedirs(folder, exist_ok=True)  # noqa: PTH103
            _write_new(temporary, data, durable=durable, program=program)
        except FileExistsError:
            os.unlink(temporary)  # noqa: PTH108 - left by one that was killed and had the same number
            _write_new(temporary, data, durable=durable, program=program)
    except OSError as exc:
        discard(temporary)
        raise storage_failed(path, exc, "write") from exc
    except BaseException:
        discard(temporary)
        raise
    return temporary


def put_in_place(root: Path, path: str, prepared: str, *, durable: bool = True) -> None:
    """Have a file that ``prepare_file`` wrote stand at ``path``."""
    target = os.path.join(root, path)  # noqa: PTH118
    try:
        os.replace(prepared, target)  # noqa: PTH105
        if durable:
            sync_folder(os.path.dirname(target))  # noqa: PTH120
    except OSError as exc:
        discard(prepared)
        raise storage_failed(path, exc, "write") from exc


def discard(prepared: str) -> None:
    """Take a prepared file away again, as far as that can be done."""
    with contextlib.suppress(OSError):
        os.unlink(prepared)  # noqa: PTH108


def _write_new(path: str, data: bytes, *, durable: bool, program: bool) -> None:
    descriptor = os.open(path, _CREATE, 0o777 if program else 0o666)
    try:
        view = memoryview(data)
        while view:
            # A full disk shows as a short count first, not as an error.
            view = view[os.write(descriptor, view) :]
        if durable:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_file(root: Path, path: str, *, durable: bool = True) -> None:
    """Take the file at ``path`` away, and the folder too when that was the last in it."""
    target = root / path
    try:
        target.unlink(missing_ok=True)
        if durable and target.parent.is_dir():
            sync_folder(target.parent)
    except OSError as exc:
        raise storage_failed(path, exc, "remove") from exc


def sync_folder(folder: Path | str) -> None:
    """Make the names in ``folder`` durable, where the system can."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def storage_failed(path: str, exc: OSError, what: str) -> StorageFailed:
    """What the operating system refused, in words, with a way out where one is known."""
    reason = (exc.strerror or str(exc)).lower()
    hint = _HINTS.get(exc.errno or 0, "")
    return StorageFailed(f"{path}: cannot {what}: {reason}", hint=hint)
