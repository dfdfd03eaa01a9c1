"""The way in: ask git what changed while Python is still loading, then hand over to the command line."""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crmctl.services.book import Book

# Commands that need no book, or make one.
_BOOKLESS = frozenset({"init", "completion", "help", "hook"})

_GARBAGE = 200_000
"""So many new objects before Python looks for circular garbage: most commands are done by then, and make none."""


def _book_option(arguments: list[str]) -> str:
    """What ``-C`` says, wherever it stands."""
    for position, argument in enumerate(arguments):
        if argument in ("-C", "--book"):
            return arguments[position + 1] if position + 1 < len(arguments) else ""
        if argument.startswith("--book="):
            return argument.removeprefix("--book=")
        if argument.startswith("-C") and not argument.startswith("--"):
            return argument[2:]
        if argument == "--":
            break
    return os.environ.get("CRMCTL_BOOK", "")


def early_book(arguments: list[str]) -> Book | None:
    """The book that the command will most likely ask for, with git already looking at it; None when in doubt.

    Nothing is reported here: what goes wrong is found again, and told, when the command opens its book.
    """
    words = [argument for argument in arguments if not argument.startswith("-")]
    if not words or not _BOOKLESS.isdisjoint(words[:2]) or not {"-h", "--help", "--version"}.isdisjoint(arguments):
        return None
    if any(argument.startswith("--as-of") for argument in arguments):
        return None  # What stands in the work tree does not matter then.
    from pathlib import Path

    from crmctl.errors import CrmError
    from crmctl.vcs import places
    from crmctl.vcs.status import Probe

    named = _book_option(arguments)
    start = Path(named) if named else Path.cwd()
    start = start.absolute()
    for folder in (start,) if named else (start, *start.parents):
        if (folder / "crm.yaml").is_file():
            try:
                found = places.find(folder)
                probe = Probe(folder, found.prefix)
            except (CrmError, OSError):
                return None
            from crmctl.services.book import Book

            return Book(folder, probe, found)
    return None


def main() -> None:
    """Run the command line with this process's arguments."""
    gc.set_threshold(_GARBAGE)
    try:
        sys.exit(_run(sys.argv[1:]))
    except KeyboardInterrupt:  # While modules are loaded; later ``run`` sees to it.
        sys.exit(130)
    finally:
        gc.freeze()  # The process is about to end: going through all of it once more takes a tenth of a read's time.


def _run(arguments: list[str]) -> int:
    book = None
    if "_CRMCTL_COMPLETE" not in os.environ:
        try:
            book = early_book(arguments)
        except OSError:
            book = None  # A folder that is gone or closed; the command will say so.
    from crmctl.cli.root import run

    return run(arguments, book)


if __name__ == "__main__":
    main()
