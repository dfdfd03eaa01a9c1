"""``crmctl hooks install|uninstall|show``, and ``crmctl hook NAME``, which git calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from crmctl import errors
from crmctl.cli.app import pass_app
from crmctl.cli.options import Command
from crmctl.cli.problems import counted

if TYPE_CHECKING:
    from crmctl.cli.app import App

_HELP = {"help_option_names": ["-h", "--help"]}


@click.group("hooks", context_settings=_HELP)
def hooks() -> None:
    """Put git hooks in place or take them away.

    With the hook in place `git commit` checks the records that it is about to commit.
    """


@hooks.command("install", cls=Command)
@pass_app
def install(app: App) -> None:
    """Put the pre-commit hook in place."""
    from crmctl.services.clone import githooks

    hook = githooks.install(app.book.places)
    app.say(f"The pre-commit hook is in place: {hook.path}  [undo: crmctl hooks uninstall]")


@hooks.command("uninstall", cls=Command)
@pass_app
def uninstall(app: App) -> None:
    """Take the pre-commit hook away."""
    from crmctl.services.clone import githooks

    hook = githooks.uninstall(app.book.places)
    app.say(_GONE[hook.state].format(path=hook.path))


@hooks.command("show", cls=Command)
@pass_app
def show(app: App) -> None:
    """Show whether the hook is in place."""
    from crmctl.services.clone import githooks

    hook = githooks.look(app.book.places)
    app.print([f"{githooks.NAME}  {hook.state}  {hook.path}"])
    if hook.state in ("foreign", "elsewhere"):
        app.say(f"To have records checked, add this line to it: {githooks.LINE}")
    elif hook.state == "absent":
        app.say("Put it in place: crmctl hooks install")


@click.group("hook", context_settings=_HELP)
def hook() -> None:
    """Entry points that git calls."""


@hook.command("pre-commit", cls=Command)
@click.argument("arguments", nargs=-1)
@pass_app
def pre_commit(app: App, arguments: tuple[str, ...]) -> int:
    """Check the records that are about to be committed."""
    from pathlib import Path

    from crmctl.cli.problems import problem_lines
    from crmctl.services.checking.staged import check_staged

    problems = check_staged(Path.cwd()).problems
    for line in problem_lines(app, problems):
        app.warn(line)
    if not problems:
        return errors.OK
    app.warn(f"crmctl: not committed, {counted(len(problems), 'problem')} (to commit anyway: git commit --no-verify)")
    return errors.FAILED


_GONE = {
    "installed": "The pre-commit hook is gone: {path}",
    "absent": "There is no pre-commit hook of crmctl.",
    "foreign": "The pre-commit hook is not crmctl's, so it stays: {path}",
    "elsewhere": "Git looks for hooks elsewhere (core.hooksPath); nothing was changed there: {path}",
}
