"""What each git hook of crmctl does: typed in, words and an exit status out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl import errors
from crmctl.errors import CrmError

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterable
    from collections.abc import Sequence
    from pathlib import Path

    from crmctl.errors import Problem

TAKES_INPUT = frozenset({"pre-push", "pre-receive", "post-rewrite"})
"""The hooks that git tells something on their input."""

_MOST = 100
_UNCHECKED = {"pre-push": "To push unchecked: git push --no-verify", "pre-receive": "Tell whoever runs the server."}
_ANYWAY = "commit anyway: git commit --no-verify"


class Outcome(NamedTuple):
    """The exit status for git, and what to tell the user, line by line."""

    code: int = errors.OK
    lines: tuple[str, ...] = ()


def run(name: str, arguments: Sequence[str], text: str, here: Path) -> Outcome:
    """Do what the hook ``name`` is for. ``text`` is what git says on its input, ``here`` the folder it was started in.

    What cannot be looked at is told, and held up but for the hooks that come after the fact.
    """
    if os.environ.get("CRMCTL_CHECKED") and name != "pre-receive":
        return Outcome()
    try:
        return _HOOKS[name](arguments, text, here)
    except CrmError as exc:
        if name.startswith("post-"):
            return Outcome()
        hint = exc.hint or _UNCHECKED.get(name, "To commit unchecked: git commit --no-verify")
        return Outcome(exc.code, (f"crmctl: {exc.message}", *([f"hint: {hint}"] if hint else ())))


def names() -> list[str]:
    """The hooks there are."""
    return list(_HOOKS)


def _told(problems: Sequence[Problem], what: str, way_out: str = "") -> Outcome:
    """The problems, how many there are, and that therefore something did not happen."""
    if not problems:
        return Outcome()
    lines = []
    for problem in problems[:_MOST]:
        lines.append(str(problem))
        if problem.hint:
            lines.append(f"  hint: {problem.hint}")
    count = "1 problem" if len(problems) == 1 else f"{len(problems):,} problems"
    if len(problems) > _MOST:
        lines.append(f"... and {len(problems) - _MOST:,} more")
    lines.append(f"crmctl: {what}, {count}" + (f" (to {way_out})" if way_out else ""))
    return Outcome(errors.FAILED, tuple(lines))


def _pre_commit(_arguments: Sequence[str], _text: str, here: Path) -> Outcome:
    return _told(_wrong_in_staged(here), "not committed", _ANYWAY)


def _pre_merge_commit(_arguments: Sequence[str], _text: str, here: Path) -> Outcome:
    return _told(_wrong_in_staged(here, going_well=True), "not merged", "merge anyway: git commit --no-verify")


def _wrong_in_staged(here: Path, *, going_well: bool = False) -> list[Problem]:
    """What is wrong in the commit to come. git looks at its index while Python loads what looks at the rest."""
    from crmctl.vcs.staged import Staged

    staged = Staged.around(here)
    from crmctl.services.checking.staged import check_staged
    from crmctl.services.checking.staged_merge import check_staged_merge

    return check_staged(here, staged).problems or check_staged_merge(here, going_well=going_well)


def _commit_msg(arguments: Sequence[str], _text: str, here: Path) -> Outcome:
    from crmctl.services.checking.message import check_message

    return _told(check_message(here, here / arguments[0]), "not committed", _ANYWAY) if arguments else Outcome()


def _pre_push(arguments: Sequence[str], text: str, here: Path) -> Outcome:
    from crmctl.services.checking.pushed import check_outgoing

    remote = arguments[0] if arguments else ""
    return _told(check_outgoing(here, remote, text).problems, "not pushed", "push anyway: git push --no-verify")


def _pre_receive(_arguments: Sequence[str], text: str, here: Path) -> Outcome:
    from crmctl.services.checking.received import check_received

    return _told(check_received(here, text).problems, "nothing was taken")


def _post_checkout(arguments: Sequence[str], text: str, here: Path) -> Outcome:
    # 0 says that single files were brought back, which every command sees by itself.
    return Outcome() if list(arguments[2:3]) == ["0"] else _warm(arguments, text, here)


def _post_rewrite(arguments: Sequence[str], text: str, here: Path) -> Outcome:
    """git asks about no commit of a rebase; what is wrong in one can only be told after the fact, but before a push."""
    _warm(arguments, text, here)
    if list(arguments[:1]) != ["rebase"]:
        return Outcome()
    from crmctl.services.checking.pushed import check_rewritten

    problems = check_rewritten(here, text).problems
    return _told(problems, "the rebase is done, and will not be pushed as it is")._replace(code=errors.OK)


def _warm(_arguments: Sequence[str], _text: str, here: Path) -> Outcome:
    """Bring the indexes of the work tree up to date, for the books in it that were used before."""
    from crmctl.services.book import Book
    from crmctl.vcs import places

    found = places.find(here.absolute())
    for root in _used(found.top, found.git_dir / "crmctl"):
        try:
            book = Book(root)
            book.index.close()
        except (CrmError, OSError):
            continue  # The next command will tell.
    return Outcome()


def _used(top: Path, own: Path) -> Iterable[Path]:
    """The books of a work tree that have an index."""
    if (own / "index.sqlite").is_file():
        yield top
    for index in sorted((own / "books").glob("**/index.sqlite")):
        yield top / index.parent.relative_to(own / "books")


_HOOKS: dict[str, Callable[[Sequence[str], str, Path], Outcome]] = {
    "pre-commit": _pre_commit,
    "pre-merge-commit": _pre_merge_commit,
    "commit-msg": _commit_msg,
    "pre-push": _pre_push,
    "post-merge": _warm,
    "post-checkout": _post_checkout,
    "post-rewrite": _post_rewrite,
    "pre-receive": _pre_receive,
}
