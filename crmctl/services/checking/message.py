"""Keeping people's addresses and numbers out of commit messages, which nobody can take out of a history again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from crmctl.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterable
    from collections.abc import Iterator
    from pathlib import Path

_ADDRESS = re.compile(r"[^\s<>()\[\]{},;:\"'|=]+@[^\s<>()\[\]{},;:\"'|=@]+\.\w+")
_NUMBER = re.compile(r"\+?\d[\d \t()./-]{5,}\d")
_FEWEST = 7
"""A telephone number of fewer digits names nobody."""

_SCISSORS = ">8 ----"
# Whose work a commit is stands in lines such as `Signed-off-by: Ann <ann@example.com>`, and belongs there.
_SIGNED = re.compile(r"[A-Za-z-]+-by: ", re.IGNORECASE)


def check_message(here: Path, path: Path) -> list[Problem]:
    """The lines of the commit message at ``path`` that hold an address or number of a record that the commit changes.

    The problems say which record, and repeat nothing of it. Most messages hold neither, and cost nothing.

    Raises:
        NoBook, GitFailed: there is no repository, or it cannot be read.
    """
    text = path.read_text(encoding="utf-8", errors="replace")
    return _problems(path.name, _lines(text), lambda: _staged(here))


def check_words(text: str, records: Iterable[tuple[str, bytes]]) -> list[Problem]:
    """The same of a message that git does not edit; ``records`` are paths of those that change, each with a content.

    A record that is changed comes twice, with what it was and what it becomes.
    """
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if not _SIGNED.match(line)]
    return _problems("message", lines, lambda: [(path, _in_record(path, data)) for path, data in records])


def _problems(
    name: str, lines: Iterable[tuple[int, str]], changed: Callable[[], list[tuple[str, set[str]]]]
) -> list[Problem]:
    """``changed`` is asked only where there is something in the lines that could be somebody's."""
    spoken = [(number, words) for number, line in lines for words in _personal(line)]
    if not spoken:
        return []
    known = changed()
    problems = []
    for number, words in spoken:
        record = next((record for record, there in known for own in there if _same(words, own)), "")
        if record:
            hint = "Name the record instead; an address in a message stays in the history for good."
            message = f"the commit message holds an e-mail address or phone number of {record}"
            problems.append(Problem(name, number, 0, "personal-data", message, hint))
    return problems


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a message with their numbers, without what git takes out of it and without signatures."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("#"):
            if _SCISSORS in line:
                return
        elif not _SIGNED.match(line):
            yield number, line


def _personal(text: str) -> Iterator[str]:
    """The addresses and telephone numbers in a text, the latter as their digits."""
    yield from (found.casefold() for found in _ADDRESS.findall(text))
    for found in _NUMBER.findall(text):
        digits = re.sub(r"\D", "", found).lstrip("0")
        if len(digits) >= _FEWEST:
            yield digits


def _same(words: str, own: str) -> bool:
    """Whether both are one address, or one number, which may be written with or without its country."""
    if "@" in words or "@" in own:
        return words == own
    return words.endswith(own) or own.endswith(words)


def _staged(here: Path) -> list[tuple[str, set[str]]]:
    """The records that the commit adds, changes or removes, each with the addresses and numbers in it."""
    from crmctl.services.checking.tracked import in_books
    from crmctl.services.checking.tracked import roots
    from crmctl.store.layout import RECORDS
    from crmctl.vcs.staged import Staged

    staged = Staged.around(here)
    files = staged.files()
    versions = staged.versions()
    # A book is known by its settings, which the commit may take away with it.
    mine = in_books(versions, roots({**files, **versions}))
    contents = staged.contents(oid for path in mine for oid in versions[path] if oid)
    return [
        (path, set().union(*(_in_record(path, contents[oid]) for oid in versions[path] if oid)))
        for path, prefix in mine.items()
        if path.removeprefix(prefix).startswith(f"{RECORDS}/")
    ]


def _in_record(path: str, data: bytes) -> set[str]:
    text = data.decode("utf-8", "replace")
    found = {word.casefold() for word in _ADDRESS.findall(text)}
    if path.endswith(".yaml"):
        found.update(word for line in _phones(text.splitlines()) for word in _personal(line) if "@" not in word)
    return found


def _phones(lines: Iterable[str]) -> Iterator[str]:
    """The lines of a record in which telephone numbers stand; ids, days and amounts are made of digits too."""
    inside = False
    for line in lines:
        if line[:1] not in (" ", "-", "#", ""):
            inside = line.partition(":")[0].strip() in ("phones", "phone")
        if inside:
            yield line
