"""``crmctl hooks install|uninstall|show|print``, and ``crmctl hook NAME``, which git calls."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from crmctl import errors
from crmctl.cli import wide
from crmctl.cli.app import pass_app
from crmctl.cli.options import Command
from crmctl.cli.options import output_option
from crmctl.render.rows import Column
from crmctl.vcs import hooknames

if TYPE_CHECKING:
    from crmctl.cli.app import App
    from crmctl.services.clone.githooks import Folder
    from crmctl.services.clone.githooks import Hook

_HELP = {"help_option_names": ["-h", "--help"]}
_NAMES = (*hooknames.CLONE, *hooknames.SERVER)
_REFUSES = (
    "It takes no commit with records that are unreadable, not valid or of another id, without crm.yaml, with keys that "
    "run things, attributes of other merges, links, submodules, or programs outside of hooks/; and no rewound main "
    "branch. More: crmctl hooks --help"
)
_SERVER = click.option(
    "--server",
    metavar="REPO.git",
    type=click.Path(path_type=Path),
    help="The repository that people push to, for its pre-receive hook.",
)


@click.group("hooks", context_settings=_HELP)
def hooks() -> None:
    """Put git hooks and the merge driver in place or take them away.

    \b
    merge driver      git joins records field by field (merge, rebase, cherry-pick, revert, stash ...)
    pre-commit        what is about to be committed is checked
    pre-merge-commit  the same for a merge
    commit-msg        no e-mail address or phone number of a changed record gets into a commit
                      message: nobody could take it out of the history again
    pre-push          every commit that is pushed is checked, as pre-receive does
    post-rewrite      the commits of a rebase are checked, which git asks nobody about before
    post-merge, post-checkout, post-rewrite
                      crmctl's index is brought up to date
    pre-receive       on a server: every commit that arrives is checked, whoever made it

    \b
    The checks refuse, in any commit:
      records, settings, templates and reports that cannot be read, or hold conflict markers
      records that are not valid, or whose id changes
      templates that would not render, as they stand at the end of a push
      crm.yaml taken away from a book that stays
      keys that would name a program, a host, a password or a file elsewhere
      lines of .gitattributes that take records from crmctl's merge driver
      links, submodules, and programs anywhere but in hooks/
      names that differ in capitals alone
    and on a server:
      a main branch that is rewound, rewritten or deleted

    A hook that is there already is kept beside ours as NAME.before-crmctl, and run first. To leave
    the checks out once: git commit --no-verify, git push --no-verify.
    """


@hooks.command("install", cls=Command)
@_SERVER
@pass_app
def install(app: App, server: Path | None) -> int:
    """Put the hooks and the merge driver in place.

    \b
      crmctl hooks install
      crmctl hooks install --server /srv/git/team.git
    """
    from crmctl.services.clone import githooks
    from crmctl.services.clone import mergedriver

    if server is not None:
        code = _installed(app, githooks.install(githooks.server_folder(server), githooks.SERVER), f" --server {server}")
        app.say(_REFUSES)
        return code
    mergedriver.install(app.book.places)
    app.say("The merge driver is in place: git joins records field by field.")
    return _installed(app, githooks.install(app.book.places))


def _installed(app: App, found: list[Hook], where: str = "") -> int:
    from crmctl.services.clone import githooks

    there = [hook for hook in found if hook.state == "installed"]
    if there:
        names = ", ".join(hook.name for hook in there)
        app.say(f"Hooks in {there[0].path.parent}: {names}  [undo: crmctl hooks uninstall{where}]")
    for hook in there:
        if hook.kept:
            app.say(f"The {hook.name} hook that was there is kept, and runs first.")
    rest = [hook for hook in found if hook.state != "installed"]
    for hook in rest:
        app.warn(f"The {hook.name} hook is not in place: {hook.why}")
        app.warn(f"hint: Add this line to it: {githooks.line(hook.name)}")
    return errors.CONFLICT if rest else errors.OK


@hooks.command("uninstall", cls=Command)
@_SERVER
@pass_app
def uninstall(app: App, server: Path | None) -> None:
    """Take the hooks and the merge driver away; hooks that were there before come back."""
    from crmctl.services.clone import githooks
    from crmctl.services.clone import mergedriver

    if server is not None:
        before = githooks.uninstall(githooks.server_folder(server), githooks.SERVER)
    else:
        if mergedriver.uninstall(app.book.places):
            app.say("The merge driver is gone: git merges records line by line, and may mix up what belongs together.")
        before = githooks.uninstall(app.book.places)
    gone = [hook for hook in before if hook.state in ("installed", "outdated")]
    for hook in before:
        if hook.state == "foreign":
            app.say(f"The {hook.name} hook is not crmctl's, so it stays: {hook.path}")
        elif hook.kept:
            app.say(f"The {hook.name} hook that was there before is back: {hook.path}")
    if gone:
        app.say(f"Hooks taken away from {gone[0].path.parent}: {', '.join(hook.name for hook in gone)}.")
    else:
        app.say("There are no hooks of crmctl.")


@hooks.command("show", cls=Command)
@_SERVER
@output_option("table", formats=("table", "json", "jsonl", "csv", "tsv"))
@pass_app
def show(app: App, server: Path | None, form: str) -> None:
    """Show what is in place."""
    from crmctl.services.clone import githooks
    from crmctl.services.clone import mergedriver

    rows: list[list[str]] = []
    if server is not None:
        folder = githooks.server_folder(server)
        found = githooks.look(folder, githooks.SERVER)
    else:
        places = app.book.places
        rows.append(["merge driver", mergedriver.state(places), str(places.common_dir / "config"), ""])
        folder = githooks.find(places)
        found = githooks.look(folder)
    rows += [[hook.name, hook.state, str(hook.path), _remark(folder, hook)] for hook in found]
    columns = [Column("hook"), Column("state"), Column("file"), Column("remark")]
    wide.rows(app, form, columns, rows, texts=("file", "remark"))


def _remark(folder: Folder, hook: Hook) -> str:
    from crmctl.services.clone import githooks

    why = folder.why or hook.why
    if hook.state != "installed" and why:
        return f"{why}; the line to add: {githooks.line(hook.name)}"
    if hook.state == "foreign":
        return "someone's own; crmctl hooks install keeps it and puts crmctl's beside it"
    return "runs the one that was there first" if hook.kept else ""


@hooks.command("print", cls=Command)
@click.argument("name", type=click.Choice(_NAMES))
@pass_app
def print_(app: App, name: str) -> None:
    """Print a hook, to be put in place by other means.

    \b
      crmctl hooks print pre-receive > /srv/git/team.git/hooks/pre-receive
      chmod +x /srv/git/team.git/hooks/pre-receive
    """
    from crmctl.services.clone import githooks
    from crmctl.services.clone import ours

    app.print(ours.shim(name).splitlines())
    if name in githooks.SERVER:
        app.say(_REFUSES)


@click.command("hook", cls=Command)
@click.argument("name", type=click.Choice(_NAMES))
@click.argument("arguments", nargs=-1)
@pass_app
def hook(app: App, name: str, arguments: tuple[str, ...]) -> int:
    """Entry point that git calls: the hook NAME, with what git gives it."""
    import sys

    from crmctl.services.clone import hook_runs

    text = sys.stdin.buffer.read().decode("utf-8", "surrogateescape") if name in hook_runs.TAKES_INPUT else ""
    outcome = hook_runs.run(name, arguments, text, Path.cwd())
    for line in outcome.lines:
        app.warn(line)
    return outcome.code
