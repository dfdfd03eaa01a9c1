"""Where git's hooks come in, all of them: which one it is stands in the first argument."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_REFUSED = 1


def main(arguments: Sequence[str]) -> int:
    """Do what the hook is for, and say what is wrong; 0 lets git go on.

    A bug of ours does not stand in anybody's way, but on a server, which takes nothing that was not checked.
    """
    from crmctl.render.text import safe
    from crmctl.services.clone import hook_runs

    name, *rest = arguments
    try:
        text = sys.stdin.buffer.read().decode("utf-8", "surrogateescape") if name in hook_runs.TAKES_INPUT else ""
        outcome = hook_runs.run(name, rest, text, Path.cwd())
        lines, code = list(outcome.lines), outcome.code
    except Exception as exc:  # noqa: BLE001 - the one place where a bug of ours meets git
        code = _REFUSED if name == "pre-receive" else 0
        lines = [f"crmctl: a bug of ours, so nothing was checked: {type(exc).__name__}"]
        lines = [] if name.startswith("post-") else lines
    for line in lines:
        sys.stderr.write(safe(line) + "\n")
    return code
