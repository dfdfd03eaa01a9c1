"""Running reports: the built-in ones and the book's own, for the customers a filter picks, as of a day."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

from crmctl import query
from crmctl.errors import InvalidData
from crmctl.errors import NotFound
from crmctl.errors import Problem
from crmctl.errors import StorageFailed
from crmctl.model.settings import FILE
from crmctl.reports import catalogue
from crmctl.reports.cells import plain_row
from crmctl.reports.engine import Scope
from crmctl.reports.engine import explain_rows
from crmctl.reports.engine import filter_kind
from crmctl.reports.engine import run_sqlite
from crmctl.reports.header import parse_report
from crmctl.reports.params import params_for
from crmctl.store import layout

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

    from crmctl.reports.engine import Explanation
    from crmctl.reports.params import Params
    from crmctl.reports.report import Report
    from crmctl.reports.result import Result
    from crmctl.services.book import Book

FOLDER = "reports"
_LARGEST = 1024 * 1024


class About(NamedTuple):
    """What a footer says: the day, the filters, and ``commit``, the state of the book that was looked at.

    ``edited`` says that files which count differ from that commit; ``younger`` that the book did not exist yet on the
    day asked for; ``borrowed`` that it had no such report then, so that today's was run.
    """

    day: str
    filters: tuple[str, ...]
    commit: str
    edited: bool = False
    younger: bool = False
    borrowed: bool = False


class Ran(NamedTuple):
    """A report that was run: its result, and its rows and totals as plain values."""

    result: Result
    rows: list[tuple[Any, ...]]
    totals: list[tuple[Any, ...]]
    about: About


class Explained(NamedTuple):
    """What is behind the figures of a report: its SQL with the facts, and the facts as plain values."""

    report: Report
    found: Explanation
    rows: list[tuple[Any, ...]]
    about: About


def every(book: Book) -> tuple[list[Report], list[Problem]]:
    """All reports, the built-in ones first; and what is wrong with those of the book that cannot be read."""
    own: list[Report] = []
    problems: list[Problem] = []
    for name in _own_names(book):
        try:
            own.append(_own(book, name))
        except InvalidData as error:
            problems += error.problems
        except (FileNotFoundError, StorageFailed) as error:
            told = error.hint if isinstance(error, StorageFailed) else ""
            problems.append(Problem(f"{FOLDER}/{name}.sql", 0, 0, "unreadable", "the file cannot be read", told))
    return list(catalogue.catalogue(own).values()), problems


def _own_names(book: Book) -> list[str]:
    if book.files.what(FOLDER) not in ("folder", "link"):
        return []
    names = [entry.name for entry in book.files.entries(FOLDER)]
    return sorted(name.removesuffix(".sql") for name in names if name.endswith(".sql") and name != ".sql")


def _own(book: Book, name: str) -> Report:
    path = f"{FOLDER}/{name}.sql"
    data = book.files.read(path, _LARGEST)
    return parse_report(name, path, data.decode("utf-8", "replace"), own=True)


def _find(book: Book, name: str) -> Report:
    """The report called ``name``; of the book's own only that one is read, so that no other one can be in the way."""
    own = _own_names(book)
    if name in own:
        return _own(book, name)
    try:
        return catalogue.find(name)
    except NotFound:
        from difflib import get_close_matches

        near = get_close_matches(name, [*catalogue.NAMES, *own], 1)
        hint = f"Did you mean {near[0]}?" if near else "crmctl report list shows them all."
        raise NotFound(f"there is no report {name!r}", hint=hint) from None


def run(book: Book, name: str, filters: Sequence[str] = (), as_of: date | None = None) -> Ran:
    """Run a report. Of a past state (``as_of`` a day, or a ``PastBook``), facts dated later are left out.

    Raises:
        NotFound, InvalidData, query.BadFilter: there is no such report, it is wrong, or the filter is.
    """
    state = _state(book, name, as_of)
    book, report = state.book, state.report
    params = params_for(book.settings, book.now(), state.until)
    result = run_sqlite(book.index.connection, book.schema, report, _scope(state, filters), params)
    return _ran(result, _about(params, filters, state))


def run_exported(book: Book, directory: Path, name: str, filters: Sequence[str] = ()) -> Ran:
    """Run a report by DuckDB over what ``crmctl export warehouse`` wrote; errors as ``run``, and if DuckDB is missing.

    The filter is answered by the book, so both should be of the same day.
    """
    from crmctl.reports.duck import run_duckdb
    from crmctl.reports.engine import handles
    from crmctl.reports.warehouse import read_manifest

    state = _state(book, name, None)
    report, scope = state.report, _scope(state, filters)
    if scope is not None:
        scope = Scope(scope.kind, handles=handles(book.index.connection, book.schema, scope))
    params = params_for(book.settings, book.now())
    result = run_duckdb(directory, book.schema, report, scope, params)
    commit = str(read_manifest(directory).get("commit", ""))
    return _ran(result, About(params.today.isoformat(), tuple(filters), commit))


def _ran(result: Result, about: About) -> Ran:
    rows = [plain_row(result.columns, row) for row in result.rows]
    totals = [plain_row(result.columns, row) for row in result.totals]
    return Ran(result, rows, totals, about)


def _about(params: Params, filters: Sequence[str], state: _State) -> About:
    about = About(params.today.isoformat(), tuple(filters), state.book.commit, state.edited)
    return about._replace(younger=state.younger, borrowed=state.borrowed)


def explain(
    book: Book, name: str, filters: Sequence[str] = (), as_of: date | None = None, limit: int = 20
) -> Explained:
    """What is behind a report's figures, the first ``limit`` facts of it; errors as ``run``."""
    state = _state(book, name, as_of)
    book, report = state.book, state.report
    params = params_for(book.settings, book.now(), state.until)
    found = explain_rows(book.index.connection, book.schema, report, _scope(state, filters), params, limit)
    rows = [plain_row(found.columns, row) for row in found.rows]
    return Explained(report, found, rows, _about(params, filters, state))


class _State(NamedTuple):
    """The book to ask and the report to run, up to which day facts count (None for all), and what ``About`` says."""

    book: Book
    report: Report
    until: date | None = None
    edited: bool = False
    younger: bool = False
    borrowed: bool = False


def _state(book: Book, name: str, as_of: date | None) -> _State:
    if as_of is None and book.revision == "HEAD":
        report = _find(book, name)
        status = book.probe.result()
        edited = any(_counts(path, report) for path in (*status.changed, *status.untracked))
        return _State(book, report, edited=edited)
    from crmctl.services.past import past

    then = past.on_day(book, as_of) if as_of is not None else book
    assert isinstance(then, past.PastBook)
    try:
        report, borrowed = _find(then, name), False
    except NotFound:
        report, borrowed = _find(then.present, name), True
    return _State(then, report, then.shown.day, younger=then.shown.younger, borrowed=borrowed)


def _counts(path: str, report: Report) -> bool:
    """Whether the figures depend on a file that differs from the commit, or a new folder (it ends in a slash)."""
    ours = (report.path, f"{FOLDER}/") if report.own else ()
    return path in ("", FILE, *ours) or path.startswith(f"{layout.RECORDS}/")


def _scope(state: _State, filters: Sequence[str]) -> Scope | None:
    if not filters:
        return None
    book = state.book
    kind = filter_kind(book.schema, state.report)
    # "30 days ago" is said of the day the report is asked for.
    where = query.compile_filter(query.parse_all(filters), kind, book.context, book.now())
    values: tuple[Any, ...] = where.params
    return Scope(kind.name, where.text, values)
