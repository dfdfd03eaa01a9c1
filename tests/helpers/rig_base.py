"""Real servers for tests: found, started without rights on 127.0.0.1, and stopped with all that they started.

``./run servers`` unpacks Debian's packages into ``.venv/servers``; what a machine has installed serves as well. Root
lends a server the rights of nobody, and a folder that nobody may write.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import platform
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import NoReturn

import pytest

from helpers.processes import PROJECT

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterator

NEEDED = "CRMCTL_NEED_SERVERS"
"""With this in the environment a server that cannot be started fails the tests; otherwise they are skipped."""

# Now: a test has an environment of its own.
_PROMISED = bool(os.environ.get(NEEDED))

UNPACKED = PROJECT / ".venv" / "servers"
PATIENCE = 20.0
"""Seconds for a server to come up, or to do what it was asked; they take one."""

_NOBODY = 65534
USER, GROUP = (_NOBODY, _NOBODY) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
"""Whose rights servers have."""
LENT: dict[str, Any] = {"user": USER, "group": GROUP, "extra_groups": []} if os.geteuid() == 0 else {}
"""How a process gets them, for ``subprocess``."""

MACHINE = f"{platform.machine()}-linux-gnu"


def absent(reason: str) -> NoReturn:
    """There is no such server: the test is skipped, or it fails where servers were promised."""
    if _PROMISED:
        pytest.fail(f"{reason}, and {NEEDED} says that servers are here", pytrace=False)
    pytest.skip(reason)


@lru_cache
def tree() -> Path:
    """The unpacked packages, at a place that servers may read."""
    if os.geteuid() == USER or not UNPACKED.is_dir() or not _as_user("test", "-x", str(UNPACKED / "usr")).returncode:
        return UNPACKED
    # The checkout is in a folder of root's alone.
    folder = Path(tempfile.mkdtemp(prefix="rig-", dir="/tmp"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    folder.chmod(0o755)
    shutil.copytree(UNPACKED, folder / "servers", symlinks=True)
    return folder / "servers"


def program(name: str) -> Path:
    """Where a program is; the test ends here when it is nowhere."""
    for folder in (tree() / "usr" / "sbin", tree() / "usr" / "bin", Path("/usr/sbin"), Path("/usr/bin")):
        if (folder / name).is_file():
            return folder / name
    absent(f"{name} is not here: ./run servers")


def libraries(*more: str) -> str:
    """Where programs of the tree find their libraries, as LD_LIBRARY_PATH."""
    lib = tree() / "usr" / "lib"
    return ":".join([*more, str(lib / MACHINE), str(tree() / "lib" / MACHINE), str(lib / "postfix")])


def _as_user(*words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(words, **LENT, check=False, capture_output=True, timeout=30)


@contextlib.contextmanager
def ground() -> Iterator[Path]:
    """A folder for one server: short of name, because sockets want that, and writable for it."""
    folder = Path(tempfile.mkdtemp(prefix="rig-", dir="/tmp"))
    try:
        os.chown(folder, USER, GROUP)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def put(path: Path, text: str, mode: int = 0o644) -> Path:
    """A file of the server's."""
    path.write_text(text)
    path.chmod(mode)
    os.chown(path, USER, GROUP)
    return path


def room(path: Path) -> Path:
    """A folder of the server's."""
    path.mkdir()
    os.chown(path, USER, GROUP)
    return path


def free_port() -> int:
    """A port on 127.0.0.1 that nobody has at the moment, and that the system gives to nobody by itself."""
    while True:
        port = random.SystemRandom().randrange(15_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@contextlib.contextmanager
def running(command: list[str], folder: Path, port: int, env: dict[str, str] | None = None) -> Iterator[int]:
    """A server in ``folder`` until the end of the block: its process. What it says goes into ``folder/said``."""
    said = put(folder / "said", "")
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(folder), "TZ": "UTC", **(env or {})}
    with said.open("ab") as log:
        try:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **LENT,
            )
        except OSError as exc:
            absent(f"{command[0]} cannot be started: {exc}")
    try:
        _wait_for(process, command[0], port, said)
        yield process.pid
    finally:
        _end(process)


def _wait_for(process: subprocess.Popen[bytes], name: str, port: int, said: Path) -> None:
    def answers() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    ends = time.monotonic() + PATIENCE
    while not answers():
        if process.poll() is not None or time.monotonic() > ends:
            words = " ".join(said.read_text(errors="replace").split())[-300:]
            absent(f"{name} does not start here: {words or process.poll()}")
        time.sleep(0.02)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a server and its session, in which is all that it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(3)


def until(what: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait for something that a server does by itself."""
    ends = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < ends, "the server did not do it in time"
        time.sleep(0.02)
