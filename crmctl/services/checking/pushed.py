"""Checking commits that are there already, before they are pushed: what a server would not take is told here first.

Which branches may be rewound is for the server to say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.services.checking import arriving
from crmctl.services.checking.contents import Report
from crmctl.vcs import pushed

if TYPE_CHECKING:
    from pathlib import Path


def check_outgoing(here: Path, remote: str, text: str) -> Report:
    """What is wrong in the commits that a push to ``remote`` sends there; ``text`` is what git tells the hook.

    Problems have paths from the top of the work tree.

    Raises:
        GitFailed: the repository cannot be read.
    """
    repository = pushed.Pushed(here)
    updates = pushed.outgoing(text)
    tips = repository.tips(updates)
    return arriving.check(repository, tips, repository.leaving(tips, remote, [update.old for update in updates]))


def check_rewritten(here: Path, text: str) -> Report:
    """What is wrong in the commits that a rebase has made.

    ``text`` is what git tells the hook: ``OLD NEW``, a line for each. git asks nobody about them before, not even about
    those that were in conflict.

    Raises:
        GitFailed: the repository cannot be read.
    """
    made = list(dict.fromkeys(line.split()[1] for line in text.splitlines()))
    repository = pushed.Pushed(here)
    return arriving.check(repository, made[-1:], repository.those(made)) if made else Report([], 0)
