"""Commands in a mount space of their own, where a small or read-only file system can be had for real."""

from __future__ import annotations

import subprocess
import sys
from functools import lru_cache

import pytest

from helpers import processes


@lru_cache
def _refused() -> str:
    """Why there can be none here, "" when there can."""
    try:
        done = subprocess.run(
            ["unshare", "-m", "mount", "-t", "tmpfs", "-o", "size=1m", "none", "/mnt"],
            capture_output=True,
            text=True,
            check=False,
            timeout=processes.LIMIT,
        )
    except OSError as exc:
        return str(exc)
    return done.stderr.strip() if done.returncode else ""


def mounted(script: str, *arguments: object, env: dict[str, str] | None = None) -> processes.Done:
    """Run a script of sh that may mount; ``crmctl`` is the program. Skipped where that is not allowed."""
    if _refused():
        pytest.skip(f"no mount space of our own: {_refused()}")
    inner = 'exec unshare -m sh -e -c "$0" sh "$@"'
    words = f'crmctl() {{ "{sys.executable}" -m crmctl "$@"; }}\n{script}'
    done = subprocess.run(
        ["sh", "-c", inner, words, *map(str, arguments)],
        env=processes.environment(**(env or {})),
        timeout=processes.LIMIT,
        check=False,
        capture_output=True,
        encoding="utf-8",
        stdin=subprocess.DEVNULL,
    )
    return processes.Done(done.returncode, done.stdout, done.stderr)
