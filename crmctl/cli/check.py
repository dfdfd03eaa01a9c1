"""``crmctl check`` and ``crmctl fmt``: is everything in order, and make all files look alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from crmctl import errors
from crmctl.cli.app import pass_app
from crmctl.cli.options import Command
from crmctl.cli.options import adopt_option
from crmctl.cli.options import output_option
from crmctl.cli.problems import COLUMNS
from crmctl.cli.problems import FORMS
from crmctl.cli.problems import counted
from crmctl.cli.problems import problem_lines
from crmctl.cli.problems import progress_bar
from crmctl.render.text import safe

if TYPE_CHECKING:
    from crmctl.cli.app import App


@click.command("check", cls=Command)
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@output_option("lines", formats=FORMS)
@pass_app
def check(app: App, paths: tuple[str, ...], form: str) -> int:
    """Check every record and every reference.

    Looks at all files below records/ (or those named by PATH) and at crm.yaml, and lists all problems as
    FILE:LINE:COLUMN: MESSAGE with a hint. The exit status is 1 when there are any.
    """
    from crmctl.services.checking.checks import check_book

    with progress_bar(app, "Checking") as progress:
        report = check_book(app.book, paths, progress)
    # The problems are this command's result: nothing unreadable has to be told a second time.
    app.book.refresh()
    if form == "lines":
        app.print(problem_lines(app, report.problems))
    else:
        app.rows(form, COLUMNS, (list(problem) for problem in report.problems), nothing="")
    if not report.problems:
        app.say(f"No problems in {counted(report.files, 'file')}.")
        return errors.OK
    bad = len({problem.path for problem in report.problems})
    app.say(f"{counted(len(report.problems), 'problem')} in {counted(bad, 'file')} of {report.files:,}.")
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
    for problem in done.left:
        app.warn(f"crmctl: {problem}")
        if problem.hint:
            app.warn(f"  hint: {problem.hint}")
    status = errors.INVALID if done.unreadable else errors.OK
    if only_check:
        app.say(f"{counted(len(done.changed), 'file')} of {done.files:,} would change.")
        return errors.FAILED if done.changed else status
    app.written(done.written)
    return status
