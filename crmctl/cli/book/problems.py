"""How problems in files are shown as results, and waited for; ``telling`` has those that end a command."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from crmctl import clock
from crmctl.render.rows import Column
from crmctl.render.text import safe

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterable
    from collections.abc import Iterator

    from crmctl.cli.app import App
    from crmctl.errors import Problem

FORMS = ("lines", "table", "json", "jsonl", "csv", "tsv")
COLUMNS = [
    Column("path"),
    Column("line", right=True),
    Column("column", right=True),
    Column("code"),
    Column("message"),
    Column("hint"),
]
_PATIENCE = 1.0
"""Seconds of silence before a bar is shown."""


def problem_lines(app: App, problems: Iterable[Problem]) -> Iterator[str]:
    """``path:line:column: message`` and the hint below it, for each problem."""
    for problem in problems:
        yield f"{app.style(safe(problem.where), bold=True)}: {safe(problem.message)}"
        if problem.hint:
            yield f"  hint: {safe(problem.hint)}"


@contextmanager
def progress_bar(app: App, label: str) -> Iterator[Callable[[int, int], None]]:
    """Something to tell progress to: a bar on stderr of a terminal, once it has taken a second."""
    import sys

    started = clock.monotonic()
    shown = False

    def progress(done: int, total: int) -> None:
        nonlocal shown
        if not app.quiet and sys.stderr.isatty() and clock.monotonic() - started > _PATIENCE:
            width = 30
            filled = width * done // max(total, 1)
            sys.stderr.write(f"\r{label} [{'#' * filled}{'.' * (width - filled)}] {done:,} of {total:,}")
            sys.stderr.flush()
            shown = True

    yield progress
    if shown:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
