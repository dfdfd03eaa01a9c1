"""A process that has crmctl loaded and runs each command in a fork of itself: a start costs 5 ms instead of 150.

It reads a request per line from stdin (JSON) and answers each with a line. Time and randomness stand still in the
forks, so that a command does the same calls, and makes the same commits, every time. Run by ``helpers.strace``.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import hashlib
import json
import os
import pkgutil
import signal
import subprocess
import sys
import time
import traceback
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = "2026-03-02T10:00:00+01:00"
LIMIT = 300.0
AN_HOUR = 3600.0
_PR_SET_PTRACER = 0x59616D61
_PR_SET_CHILD_SUBREAPER = 36
_ANYBODY = ctypes.c_ulong(-1)


def load() -> None:
    """Import all of crmctl, so that no fork has to."""
    import crmctl

    for module in pkgutil.walk_packages(crmctl.__path__, "crmctl."):
        with contextlib.suppress(ImportError):  # Somebody may be at work on one that no command here needs.
            import_module(module.name)
    for name in ("sqlite3", "tempfile", "subprocess", "select", "shutil", "zoneinfo", "encodings.idna", "csv"):
        import_module(name)
    for name in ("ruamel.yaml", "tinydb", "phonenumbers", "email_validator"):
        import_module(name)


def serve() -> None:
    """Answer requests until there are no more."""
    load()
    gc.freeze()  # What the collector looks through, a fork has to copy.
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    _say("ready")
    for line in sys.stdin:
        request = json.loads(line)
        _say(json.dumps(_answer(request)))


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    go, release = os.pipe()
    ready, say = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(release)
        os.close(ready)
        _become(request, say, go)
    os.close(go)
    os.close(say)
    os.read(ready, 1)  # From here on the fork waits; every call that it does later is counted.
    os.close(ready)
    tracer = _attach(request["strace"], child) if request["strace"] else None
    os.close(release)  # The fork sees the end of the pipe, and begins.
    _, status = os.waitpid(child, 0)
    _until_gone(child)
    words = ""
    if tracer is not None:
        _, words = tracer.communicate(timeout=LIMIT)
    return {"code": os.waitstatus_to_exitcode(status), "strace": words}


def _attach(command: list[str], child: int) -> subprocess.Popen[str]:
    """strace on the fork, which waits for it."""
    tracer = subprocess.Popen(
        [*command, "-p", str(child)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    end = time.monotonic() + LIMIT
    about = Path(f"/proc/{child}/status")
    while "TracerPid:\t0\n" in about.read_text(encoding="ascii", errors="replace"):
        if tracer.poll() is not None or time.monotonic() > end:
            break
        time.sleep(0.0005)
    return tracer


def _until_gone(group: int) -> None:
    """Wait for what a killed command has left running: nobody may write when the verdict is made."""
    end = time.monotonic() + LIMIT
    with contextlib.suppress(ProcessLookupError):
        while True:
            os.killpg(group, 0 if time.monotonic() < end else signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(-group, os.WNOHANG)  # Orphans have become our children.
            time.sleep(0.0005)


def _become(request: dict[str, Any], say: int, go: int) -> None:
    """Be the commands of the request, one after the other until one fails; never returns."""
    code = 99
    try:
        os.setpgid(0, 0)
        ctypes.CDLL(None).prctl(_PR_SET_PTRACER, _ANYBODY, 0, 0, 0)
        os.environ.clear()
        os.environ.update(request["env"], CRASH_GROUP=str(os.getpid()))
        os.chdir(request["cwd"])
        for number, path in ((0, os.devnull), (1, request["out"]), (2, request["err"])):
            os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), number)
        os.close(say)
        os.read(go, 1)
        os.close(go)
        os.replace = _grown_old(os.replace)
        for arguments in request["commands"]:
            code = _command(arguments)
            sys.stdout.flush()
            if code:
                break
    except BaseException:  # noqa: BLE001 - this process ends here, whatever happens
        traceback.print_exc()
    finally:
        with contextlib.suppress(BaseException):
            sys.stderr.flush()
        os._exit(code)


def _command(arguments: list[str]) -> int:
    from crmctl import __main__
    from crmctl import clock
    from crmctl.vcs import locks

    locks.WAIT = 0.1  # Nobody else is here: a lock that is there stays.
    count = 0

    def same_every_time(size: int) -> bytes:
        nonlocal count
        count += 1
        return hashlib.sha256(f"{arguments} {count}".encode()).digest()[:size]

    clock.randomness = same_every_time
    clock.freeze(datetime.fromisoformat(NOW))
    sys.argv = ["crmctl", *arguments]
    try:
        __main__.main()
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else int(done.code is not None)
    return 0


def _grown_old(replace: Callable[..., None]) -> Callable[..., None]:
    """``os.replace`` for files that were written an hour ago, but for git's index.

    git reads each file again that is as young as its index: more calls or fewer, as chance has it.
    """

    def replaced(source: str, target: str, **how: Any) -> None:
        if Path(target).name != "index":
            with contextlib.suppress(OSError):
                when = time.time() - AN_HOUR
                os.utime(source, (when, when), dir_fd=how.get("src_dir_fd"))
        replace(source, target, **how)

    return replaced


if __name__ == "__main__":
    serve()
