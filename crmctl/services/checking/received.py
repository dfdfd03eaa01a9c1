"""What is held against commits that come from elsewhere: by a server, before it takes them, and by a clone.

Nobody can leave out the pre-receive hook, so it is what a team can rely on: every commit that arrives is looked at,
whoever made it and with what. A clone whose server has no such hook tells what it got.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.errors import Problem
from crmctl.services.checking import arriving
from crmctl.services.checking.contents import Report
from crmctl.vcs import pushed

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator
    from pathlib import Path

    from crmctl.vcs.pushed import Pushed
    from crmctl.vcs.pushed import Update


def check_received(here: Path, text: str) -> Report:
    """Everything for which a push is not to be taken; ``text`` is what git tells the hook.

    That is what ``arriving`` says of every commit, and that the main branch is neither rewound nor deleted.

    Raises:
        GitFailed: the repository cannot be read.
    """
    repository = pushed.Pushed(here)
    updates = pushed.updates(text)
    tips = repository.tips(updates)
    found = arriving.check(repository, tips, repository.arriving(tips))
    return Report(sorted({*_branches(repository, updates), *found.problems}), found.files)


def check_fetched(top: Path, before: str, theirs: str) -> Report:
    """What is wrong in the commits that ``theirs`` brought to a clone which stood at ``before``.

    Not every server has the hook, and whoever pushes can leave out their own.

    Raises:
        GitFailed: the repository cannot be read.
    """
    repository = pushed.Pushed(top)
    return arriving.check(repository, [theirs], repository.since(theirs, before))


def _branches(repository: Pushed, updates: Iterable[Update]) -> Iterator[Problem]:
    main = repository.main_branch()
    for update in updates:
        if update.name != main or not update.old:
            continue
        if not update.new:
            yield Problem(main, 0, 0, "main-branch", "the main branch is not to be deleted", "Delete other branches.")
        elif not repository.is_ancestor(update.old, update.new):
            hint = "Nothing is forced here: crmctl sync joins your work with what is on the server."
            yield Problem(main, 0, 0, "main-branch", "the main branch is not to be rewound or rewritten", hint)
