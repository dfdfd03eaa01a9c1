"""Where git's hooks come in, all of them: which one it is stands in the first argument."""

from __future__ import annotations

import atexit
import gc
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_REFUSED = 1
_GARBAGE = 200_000
"""So many new objects before Python looks for circular garbage: a commit of a few records makes fewer."""


def main(arguments: Sequence[str]) -> int:
    """Do what the hook is for, and say what is wrong; 0 lets git go on.

    A bug of ours does not stand in anybody's way, but on a server, which takes nothing that was not checked.
    """
    from pathlib import Path

    from crmctl.services.clone import hook_runs

    gc.set_threshold(_GARBAGE)
    atexit.register(gc.freeze)  # At the end, going through all of it once more takes time and finds nothing.
    name, *rest = arguments
    try:
        text = sys.stdin.buffer.read().decode("utf-8", "surrogateescape") if name in hook_runs.TAKES_INPUT else ""
        outcome = hook_runs.run(name, rest, text, Path.cwd())
        lines, code = list(outcome.lines), outcome.code
    except Exception as exc:  # noqa: BLE001 - the one place where a bug of ours meets git
        code = _REFUSED if name == "pre-receive" else 0
        lines = [f"crmctl: a bug of ours, so nothing was checked: {type(exc).__name__}"]
        lines = [] if name.startswith("post-") else lines
    if lines:
        from crmctl.render.text import safe

        sys.stderr.writelines(f"{safe(line)}\n" for line in lines)
    return code
