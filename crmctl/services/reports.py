"""Running reports: the built-in ones and the book's own, for the customers a filter picks, as of a day."""

from __future__ import annotations

from datetime import datetime
from datetime import time
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
from crmctl.store.files import read_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

    from crmctl.index.index import Index
    from crmctl.model.settings import Settings
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
    day asked for.
    """

    day: str
    filters: tuple[str, ...]
    commit: str
    edited: bool = False
    younger: bool = False


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
    folder = book.root / FOLDER
    return sorted(path.stem for path in folder.glob("*.sql")) if folder.is_dir() else []


def _own(book: Book, name: str) -> Report:
    path = f"{FOLDER}/{name}.sql"
    data, _ = read_file(book.root, path, _LARGEST)
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
    """Run a report.

    Raises:
        NotFound, InvalidData, query.BadFilter: there is no such report, it is wrong, or the filter is.
    """
    report = _find(book, name)
    state = _state(book, report, as_of)
    scope = _scope(book, state, report, filters, as_of)
    params = params_for(state.settings, book.now(), as_of)
    result = run_sqlite(state.book_index.connection, state.settings.schema, report, scope, params)
    return _ran(result, _about(params, filters, state))


def run_exported(book: Book, directory: Path, name: str, filters: Sequence[str] = ()) -> Ran:
    """Run a report by DuckDB over what ``crmctl export warehouse`` wrote; errors as ``run``, and if DuckDB is missing.

    The filter is answered by the book, so both should be of the same day.
    """
    from crmctl.reports.duck import run_duckdb
    from crmctl.reports.engine import handles
    from crmctl.reports.warehouse import read_manifest

    report = _find(book, name)
    state = _state(book, report, None)
    scope = _scope(book, state, report, filters, None)
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
    return About(params.today.isoformat(), tuple(filters), state.commit, state.edited, state.younger)


def explain(
    book: Book, name: str, filters: Sequence[str] = (), as_of: date | None = None, limit: int = 20
) -> Explained:
    """What is behind a report's figures, the first ``limit`` facts of it; errors as ``run``."""
    report = _find(book, name)
    state = _state(book, report, as_of)
    params = params_for(state.settings, book.now(), as_of)
    scope = _scope(book, state, report, filters, as_of)
    found = explain_rows(state.book_index.connection, state.settings.schema, report, scope, params, limit)
    rows = [plain_row(found.columns, row) for row in found.rows]
    return Explained(report, found, rows, _about(params, filters, state))


class _State(NamedTuple):
    book_index: Index
    settings: Settings
    commit: str
    edited: bool
    younger: bool


def _state(book: Book, report: Report, as_of: date | None) -> _State:
    if as_of is None:
        status = book.probe.result()
        edited = any(_counts(path, report) for path in (*status.changed, *status.untracked))
        return _State(book.index, book.settings, status.head, edited, False)
    from crmctl.services.past import past

    then = past.as_of(book, as_of)
    return _State(then.book_index, then.settings, then.commit, False, then.younger)


def _counts(path: str, report: Report) -> bool:
    """Whether the figures depend on a file that differs from the commit, or a new folder (it ends in a slash)."""
    ours = (report.path, f"{FOLDER}/") if report.own else ()
    return path in ("", FILE, *ours) or path.startswith(f"{layout.RECORDS}/")


def _scope(book: Book, state: _State, report: Report, filters: Sequence[str], as_of: date | None) -> Scope | None:
    if not filters:
        return None
    kind = filter_kind(state.settings.schema, report)
    now = book.now()
    if as_of is not None:
        # "30 days ago" is said of the day the report is asked for.
        now = min(now, datetime.combine(as_of, time(23, 59, 59), state.settings.zone))
    where = query.compile_filter(query.parse_all(filters), kind, state.settings.context, now)
    values: tuple[Any, ...] = where.params
    return Scope(kind.name, where.text, values)
