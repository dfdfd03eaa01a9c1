"""crmctl as a process of its own: with a time limit always, because a test that hangs says nothing."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from typing import NamedTuple

PROJECT = Path(__file__).resolve().parent.parent.parent
LIMIT = 300
"""Seconds that any process of a test may take. They take one, and twenty where a machine is busy with other things."""

_COMPILED = tempfile.mkdtemp(prefix="crmctl-pyc-")
atexit.register(shutil.rmtree, _COMPILED, ignore_errors=True)


class Done(NamedTuple):
    """How a process ended, what it printed and what it said."""

    code: int
    out: str
    err: str


def environment(**more: str) -> dict[str, str]:
    """Ours, with the program importable and its modules compiled once for all tests."""
    env = {**os.environ, "PYTHONPATH": str(PROJECT), "PYTHONPYCACHEPREFIX": _COMPILED, **more}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    return env


def command(*arguments: object) -> list[str]:
    """The argument list of a crmctl process."""
    return [sys.executable, "-m", "crmctl", *map(str, arguments)]


def start(*arguments: object, env: dict[str, str] | None = None, **how: Any) -> subprocess.Popen[bytes]:
    """Start crmctl and go on; the caller waits for it, with a limit."""
    return subprocess.Popen(command(*arguments), env=environment(**(env or {})), **how)


def crmctl(*arguments: object, env: dict[str, str] | None = None, **how: Any) -> Done:
    """Run crmctl to its end. Streams are captured unless ``how`` says otherwise; its input is empty."""
    how = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **how}
    done = subprocess.run(
        command(*arguments), env=environment(**(env or {})), timeout=LIMIT, check=False, encoding="utf-8", **how
    )
    return Done(done.returncode, done.stdout or "", done.stderr or "")


def shell(line: str, *arguments: object, env: dict[str, str] | None = None, **how: Any) -> Done:
    """Run a line of sh in which ``crmctl`` is the program and ``$1`` ... are ``arguments``."""
    words = f'crmctl() {{ "{sys.executable}" -m crmctl "$@"; }}\n{line}'
    done = subprocess.run(
        ["sh", "-c", words, "sh", *map(str, arguments)],
        env=environment(**(env or {})),
        timeout=LIMIT,
        check=False,
        capture_output=True,
        encoding="utf-8",
        stdin=subprocess.DEVNULL,
        **how,
    )
    return Done(done.returncode, done.stdout, done.stderr)
