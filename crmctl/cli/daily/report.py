"""``crmctl report list|run``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from crmctl.cli.app import App
from crmctl.cli.app import pass_app
from crmctl.cli.options import Command
from crmctl.cli.options import output_option
from crmctl.cli.words import counted
from crmctl.errors import UsageProblem
from crmctl.render.rows import Column
from crmctl.render.text import safe

if TYPE_CHECKING:
    from crmctl.services.reports import About
    from crmctl.services.reports import Ran

_NOTHING = "Nothing to report."


@click.group("report", context_settings={"help_option_names": ["-h", "--help"]})
def report() -> None:
    """List and run reports."""


@report.command("list", cls=Command)
@output_option()
@pass_app
def list_(app: App, form: str) -> int:
    """List the reports: the built-in ones, and the book's own in reports/."""
    from crmctl.services import reports

    columns = [Column(name) for name in ("name", "question", "from")]
    every, problems = reports.every(app.book)
    app.rows(form, columns, [[found.name, found.question, "book" if found.own else "crmctl"] for found in every])
    for problem in problems:
        app.fail(str(problem))
        if problem.hint:
            app.warn(f"hint: {problem.hint}")
    return 4 if problems else 0


def _names(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    from crmctl.reports.catalogue import NAMES

    return [name for name in NAMES if name.startswith(incomplete)]


@report.command("run", cls=Command, context_settings={"ignore_unknown_options": True})
@click.argument("name", metavar="NAME", shell_complete=_names)
@click.argument("filters", nargs=-1, metavar="[FILTER]...")
@click.option("--explain", is_flag=True, help="Show the SQL and the rows behind the figures instead.")
@click.option(
    "--warehouse",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Let DuckDB run it over what `crmctl export warehouse` wrote there.",
)
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="Rows that --explain shows.")
@output_option()
@pass_app
def run(
    app: App,
    name: str,
    filters: tuple[str, ...],
    explain: bool,
    warehouse: Path | None,
    limit: int,
    form: str,
) -> None:
    """Run a report.

    FILTER picks the customers it is about (for some reports, the deals or cases): crmctl help filters. With --as-of it
    is run on the book as it was at the end of that day or in that commit, and facts dated later are left out; for a
    day before the book's first commit it is run on that one.
    """
    from crmctl.services import reports

    app.tells_state = True
    if warehouse is not None and app.as_of is not None:
        raise UsageProblem("an export is of one day; --as-of needs the book itself")
    if explain:
        _explain(app, name, filters, limit, form)
        return
    if warehouse is not None:
        ran = reports.run_exported(app.book, warehouse, name, filters)
    else:
        ran = reports.run(app.book, name, filters)
    _show(app, ran, form)


def _show(app: App, ran: Ran, form: str) -> None:
    from crmctl.cli.daily.report_table import columns
    from crmctl.cli.daily.report_table import lay_out

    footer = _footer(ran.about, ran)
    if form not in ("table", "md"):
        app.rows(form, columns(ran.result.columns), ran.rows)
        app.say(footer)
        return
    found = ran.result.report
    app.print([_heading(app, found.title, form), *([safe(found.question)] if found.question else []), ""])
    app.rows(form, *lay_out(ran, app.width if form == "table" else 0, bars=form == "table"), nothing=_NOTHING)
    app.print(["", safe(footer)])


def _heading(app: App, text: str, form: str) -> str:
    return f"## {safe(text)}" if form == "md" else app.style(safe(text), bold=True)


def _explain(app: App, name: str, filters: tuple[str, ...], limit: int, form: str) -> None:
    from textwrap import wrap

    from crmctl.cli.daily.report_table import columns
    from crmctl.services import reports

    told = reports.explain(app.book, name, filters, limit=limit)
    found, footer = told.found, _footer(told.about)
    if form != "table":
        app.rows(form, columns(found.columns), told.rows)
        app.say(footer)
        return
    params = wrap(", ".join(f"{key} = {value}" for key, value in found.params.items()), 78)
    shown = f"first {len(told.rows)} of {found.total}" if len(told.rows) < found.total else str(found.total or "none")
    app.print([_heading(app, f"{told.report.title}: the statement ({told.report.path})", form), ""])
    app.print(f"  {safe(line)}".rstrip() for line in found.sql.strip().splitlines())
    app.print(["", app.style("Its params", bold=True), "", *(f"  {safe(line)}" for line in params)])
    app.print(["", app.style(f"The rows behind it ({shown})", bold=True), ""])
    app.rows(form, columns(found.columns), told.rows, nothing=_NOTHING)
    app.print(["", safe(footer)])


def _footer(about: About, ran: Ran | None = None) -> str:
    parts = [about.day]
    if ran is not None:
        parts.append(counted(len(ran.rows), "row"))
    if about.filters:
        selected = None if ran is None else ran.result.selected
        kind = "" if ran is None else ran.result.report.filter_kind
        picked = "" if selected is None else f" ({counted(selected, kind)})"
        parts.append(f"filter {' '.join(about.filters)}{picked}")
    commit = f"commit {about.commit[:10]}" if about.commit else "no commit yet"
    parts.append(commit + (" with changes not committed" if about.edited else ""))
    if about.younger:
        parts.append("the book is younger than that day: its first commit, with what is dated up to then")
    if about.borrowed:
        parts.append("the report is today's: the book had none of that name")
    return "; ".join(parts)
