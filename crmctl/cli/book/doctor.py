"""``crmctl doctor``: the health of the program and of the book, line by line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from crmctl import errors
from crmctl.cli.app import pass_app
from crmctl.cli.options import Command
from crmctl.cli.options import output_option
from crmctl.errors import CrmError
from crmctl.render.rows import Column
from crmctl.render.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crmctl.cli.app import App
    from crmctl.services.finding import Finding

_COLORS = {"ok": "green", "warn": "yellow", "bad": "red"}


@click.command("doctor", cls=Command)
@click.option("--fix", is_flag=True, help="Finish what an interrupted write left behind.")
@click.option("--rebuild", is_flag=True, help="Make the index anew.")
@output_option("lines", formats=("lines", "table", "json", "jsonl", "csv", "tsv"))
@pass_app
def doctor(app: App, fix: bool, rebuild: bool, form: str) -> int:
    """Look at the book's health and the program's.

    Versions, the state of git, locks, interrupted writes, hooks, the index, and what takes how long. The exit status is
    1 when something is bad.
    """
    findings = list(_findings(app, fix=fix, rebuild=rebuild))
    return told(app, form, findings)


def told(app: App, form: str, findings: list[Finding]) -> int:
    """Show what a doctor found; the exit status, which says whether anything is bad."""
    if form == "lines":
        app.print(lines(app, findings))
    else:
        columns = [Column("state"), Column("what"), Column("found"), Column("hint"), Column("ms", right=True)]
        app.rows(form, columns, (list(finding) for finding in findings))
    return errors.FAILED if any(finding.state == "bad" for finding in findings) else errors.OK


def _findings(app: App, *, fix: bool, rebuild: bool) -> Iterator[Finding]:
    from crmctl.services.clone.doctor import book_findings
    from crmctl.services.clone.doctor import programs
    from crmctl.services.finding import BAD
    from crmctl.services.finding import Finding

    yield from programs(Path.cwd())
    try:
        book = app.book
        yield from book_findings(book, fix=fix, rebuild=rebuild)
    except CrmError as error:
        yield Finding(BAD, "book", error.message, error.hint)
    else:
        # What is unreadable is among the findings and has not to be told again.
        book.refresh()


def lines(app: App, findings: list[Finding]) -> Iterator[str]:
    """Findings as lines: the state in colour, what was looked at, what was found, and a hint below."""
    width = max(len(finding.what) for finding in findings)
    for finding in findings:
        state = app.style(finding.state.ljust(4), fg=_COLORS[finding.state])
        took = f" ({finding.ms} ms)" if finding.ms is not None else ""
        yield f"{state}  {finding.what.ljust(width)}  {safe(finding.found)}{took}"
        if finding.hint:
            yield f"{' ' * (width + 8)}{safe(finding.hint)}"
