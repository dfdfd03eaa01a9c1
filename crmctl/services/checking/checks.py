"""``check``: every record, reference and template, every setting of a book, and where its files stand."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from crmctl.errors import CrmError
from crmctl.errors import InvalidData
from crmctl.errors import NotFound
from crmctl.errors import Problem
from crmctl.errors import StorageFailed
from crmctl.errors import UsageProblem
from crmctl.model.settings import FILE
from crmctl.services import absent
from crmctl.services.bookfiles import FILE as PLAIN
from crmctl.services.checking import attributes
from crmctl.services.checking import commands
from crmctl.services.checking import files as checks_files
from crmctl.services.checking import rules
from crmctl.services.checking import settings as checks_settings
from crmctl.services.checking import templates
from crmctl.services.checking.contents import Ids
from crmctl.services.checking.contents import Report
from crmctl.services.checking.contents import check_content
from crmctl.services.checking.contents import others_with_ids
from crmctl.services.checking.records import without_customer
from crmctl.store.layout import RECORDS

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterable
    from collections.abc import Iterator
    from collections.abc import Sequence

    from crmctl.services.book import Book
    from crmctl.services.bookfiles import Files
    from crmctl.services.checking.files import Found
    from crmctl.services.checking.records import Checker


def check_book(book: Book, paths: Sequence[str] = (), progress: Callable[[int, int], None] | None = None) -> Report:
    """Check the files of a book: all of them, or those that ``paths`` (files and folders) name.

    ``progress`` is called now and then with how many files are done and how many there are.

    Raises:
        NoBook: the settings cannot be read, so nothing can be held against them.
        NotFound, UsageProblem: a path names nothing in the book.
    """
    from crmctl.services.checking.records import Checker
    from crmctl.services.consenting import suppression_files

    chosen = [relative(book, path) for path in paths]
    settings, problems = checks_settings.load_from(book.files)
    walked = checks_files.walk(book.files, settings)
    problems += walked.problems
    problems += _of_git(book.files, walked.files)
    problems += commands.problems(book.files)
    problems += suppression_files.problems_of(book.files)
    texts, unread = templates.contents(book.files)
    problems += unread
    problems += _left_out(walked.handles, book)
    checker = Checker(settings, walked.handles, checks_files.templates(book.files), book.now_in(settings.zone))
    files = [found for found in walked.files if within(found.path, chosen)]
    misplaced = {problem.path for problem in walked.problems if problem.code == "not-a-file"}
    ids = Ids()
    # Templates are read by a process of their own, while the records are looked at here.
    with templates.Checking(
        texts, templates.concerned(texts, [path for path in texts if within(path, chosen)]), settings
    ) as reading:
        book.files.fetch(found.path for found in files)
        for number, found in enumerate(files):
            if found.path not in misplaced:
                problems += _check_file(book.files, found, checker, ids)
            if progress is not None and not number % 256:
                progress(number, len(files))
        problems += reading.problems()
    if chosen:
        problems += others_with_ids(book, ids)
    problems = [problem for problem in problems if within(problem.path, chosen)]
    return Report(sorted(set(problems)), len(files) + len(reading.paths) + within(FILE, chosen))


def _of_git(files: Files, records: Iterable[Found]) -> Iterator[Problem]:
    """Files by which git would do with the book what crmctl does not; hooks say the same of commits."""
    yield from rules.modules([name for name in (rules.MODULES,) if files.what(name)], [""])
    if files.what(rules.ATTRIBUTES) == PLAIN:
        yield from attributes.rebinding(
            rules.ATTRIBUTES, files.read(rules.ATTRIBUTES), (found.path for found in records), [""]
        )


def _left_out(handles: dict[str, set[str]], book: Book) -> Iterator[Problem]:
    """The records that this work tree leaves out are not missing: they may be named. Histories need their customers."""
    found = list(absent.places(book))
    for _, place in found:
        handles.setdefault(place.kind.name, set()).add(place.handle)
    for path, place in found:
        if place.kind.name == "interaction" and place.handle not in handles.get("customer", ()):
            yield without_customer(path, place.handle, absent.WAY_OUT)


def relative(book: Book, path: str) -> str:
    """``path`` as typed (from where the user stands, or from the book), relative to the book.

    Raises:
        NotFound: nothing stands there.
        UsageProblem: it is not in the book.
    """
    typed = Path(os.path.abspath(path))  # noqa: PTH100 - a link is looked at, not followed
    for base in (book.root, Path(os.path.realpath(book.root))):
        if typed.is_relative_to(base):
            inside = typed.relative_to(base).as_posix()
            inside = "" if inside == "." else inside
            if book.files.what(inside):
                return inside
    inside = os.path.normpath(path).replace(os.sep, "/")
    if inside == FILE or inside.split("/")[0] == RECORDS:
        if book.files.what(inside):
            return inside
        raise NotFound(f"there is no file {path}")
    if os.path.lexists(typed):
        raise UsageProblem(f"{path} is not in the book {book.root}", hint="Name files and folders below records/.")
    raise NotFound(f"there is no file {path}")


def within(path: str, chosen: Iterable[str]) -> bool:
    """Whether ``path`` is one of those ``chosen`` or below one; everything is when nothing was chosen."""
    chosen = list(chosen)
    return not chosen or any(not base or path == base or path.startswith(f"{base}/") for base in chosen)


def _check_file(files: Files, found: Found, checker: Checker, ids: Ids) -> Iterator[Problem]:
    try:
        data = files.read(found.path)
    except FileNotFoundError:
        return  # Removed while we were looking.
    except (InvalidData, StorageFailed) as exc:
        yield from exc.problems or [Problem(found.path, 0, 0, "unreadable", _reason(exc, found.path), exc.hint)]
        return
    yield from check_content(found.path, found.place, data, checker, ids)


def _reason(exc: CrmError, path: str) -> str:
    return exc.message.removeprefix(f"{path}: ")
