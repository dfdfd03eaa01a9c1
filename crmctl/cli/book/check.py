"""``crmctl check`` and ``crmctl fmt``: is everything in order, and make all files look alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from crmctl import errors
from crmctl.cli.app import pass_app
from crmctl.cli.book.problems import COLUMNS
from crmctl.cli.book.problems import FORMS
from crmctl.cli.book.problems import problem_lines
from crmctl.cli.book.problems import progress_bar
from crmctl.cli.options import Command
from crmctl.cli.options import adopt_option
from crmctl.cli.options import output_option
from crmctl.cli.words import counted
from crmctl.render.text import safe

if TYPE_CHECKING:
    from crmctl.cli.app import App
    from crmctl.errors import Problem


@click.command("check", cls=Command)
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option(
    "--merges",
    is_flag=False,
    flag_value="..",
    metavar="[REV..]",
    help="Derive every merge again (those since REV), and name what it lost or invented.",
)
@output_option("lines", formats=FORMS)
@pass_app
def check(app: App, paths: tuple[str, ...], merges: str | None, form: str) -> int:
    """Check every record, every reference and every template.

    Looks at all files below records/ and templates/ (or those named by PATH) and at crm.yaml, and lists all problems as
    FILE:LINE:COLUMN: MESSAGE with a hint. The exit status is 1 when there are any. Templates are read here and not
    rendered: `crmctl template check` tells what they lack for whom.

    With --merges it looks at the merges in the history instead, whoever made them: a hosting site's button, an editor,
    or crmctl. Each is derived again from what was merged, and every field that it lost or invented is named. The past
    stays as it is: once you have looked at a merge and put right what it did, ask about later ones only, by REV.. with
    that merge, or a tag, as REV.

    \b
      crmctl check
      crmctl check records/customers
      crmctl check --merges origin/main..
      git tag looked-at; crmctl check --merges looked-at..
    """
    if merges is not None:
        return _check_merges(app, paths, merges, form)
    from crmctl.services.checking.checks import check_book

    with progress_bar(app, "Checking") as progress:
        report = check_book(app.book, paths, progress)
    # The problems are this command's result: nothing unreadable has to be told a second time.
    app.book.refresh()
    _print(app, report.problems, form)
    if not report.problems:
        app.say(f"No problems in {counted(report.files, 'file')}.")
        return errors.OK
    bad = len({problem.path for problem in report.problems})
    app.say(f"{counted(len(report.problems), 'problem')} in {counted(bad, 'file')} of {report.files:,}.")
    return errors.FAILED


def _print(app: App, problems: list[Problem], form: str) -> None:
    if form == "lines":
        app.print(problem_lines(app, problems))
    else:
        app.rows(form, COLUMNS, (list(problem) for problem in problems), nothing="")


def _check_merges(app: App, paths: tuple[str, ...], merges: str, form: str) -> int:
    from crmctl.services.checking.merges import check_merges

    since, dots, until = merges.partition("..")
    if paths or not dots or until:
        wrong = " ".join((merges, *paths)) if merges != ".." else " ".join(paths)
        hint = "For example: crmctl check --merges, or crmctl check --merges main.."
        raise errors.UsageProblem(f"--merges takes REV.. or nothing, not {wrong!r}", hint=hint)
    with progress_bar(app, "Merging again") as progress:
        report = check_merges(app.book, since, progress)
    app.book.refresh()
    _print(app, report.problems, form)
    if report.shallow:
        app.say(
            f"This clone is shallow: {counted(report.skipped, 'merge')} could not be looked at, and older ones are not "
            "in it. git fetch --unshallow brings them."
        )
    if not report.problems:
        app.say(f"No problems in {counted(report.merges, 'merge')}.")
        return errors.OK
    bad = len({problem.message.split(":", 1)[0] for problem in report.problems})
    app.say(f"{counted(len(report.problems), 'problem')} in {counted(bad, 'merge')} of {report.merges:,}.")
    return errors.FAILED


@click.command("fmt", cls=Command)
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--check", "only_check", is_flag=True, help="List the files that would change; change nothing.")
@adopt_option
@pass_app
def fmt(app: App, paths: tuple[str, ...], only_check: bool, adopt: bool) -> int:
    """Bring record files into their canonical form.

    Fields in the order of the schema, one value a line, quoted where a reader could see anything but text;
    interactions in the order of time; ids filled in. Comments stay. All files are written in one commit. With --check
    the exit status is 1 when a file would change.
    """
    from crmctl.services.formatting import format_book

    with progress_bar(app, "Reading") as progress:
        done = format_book(app.book, paths, write=not only_check, adopt=adopt, progress=progress)
    app.book.refresh()
    if only_check:
        app.print(safe(path) for path in done.changed)
    if done.left:
        from crmctl.cli.telling import tell_problems

        tell_problems(app, done.left)
    status = errors.INVALID if done.unreadable else errors.OK
    if only_check:
        app.say(f"{counted(len(done.changed), 'file')} of {done.files:,} would change.")
        return errors.FAILED if done.changed else status
    app.written(done.written)
    return status
