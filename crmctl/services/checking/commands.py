"""Keys in a book's files by which a program, a host or a file elsewhere would be named: none of them means anything.

Whoever may write to a book could otherwise have things run on every member's machine. Such keys are ignored wherever
these files are read; here they are told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.errors import InvalidData
from crmctl.errors import Problem
from crmctl.model.settings import FILE
from crmctl.model.settings import RUNS_THINGS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crmctl.model.raw import Raw
    from crmctl.services.bookfiles import Files
    from crmctl.store.yaml_reader import KeyPath

CODE = "runs-things"
HINT = "It is ignored. A command, a host or a password belongs into your own settings, never into a shared book."

# What is named by the users themselves: a kind or a field may be called as they like.
_NAMES = (
    *(("purposes", "*"), ("pipelines", "*"), ("response_targets", "*")),
    *(("fields", "*"), ("fields", "*", "*"), ("kinds", "*"), ("kinds", "*", "fields", "*")),
)
TEMPLATES, REPORTS = "templates", "reports"
_FORMS = (".md", ".txt", ".html")
_QUERY = ".sql"


def problems(files: Files) -> Iterator[Problem]:
    """Every such key in ``crm.yaml``, in the front matter of templates and in the headers of reports."""
    for path in (FILE, *sorted(_named(files, TEMPLATES, _FORMS)), *sorted(_named(files, REPORTS, (_QUERY,)))):
        try:
            data = files.read(path)
        except (InvalidData, OSError):
            continue
        yield from in_file(path, data)


def in_file(path: str, data: bytes) -> Iterator[Problem]:
    """Every such key in a file of a book, wherever its content comes from; nothing in one that holds no such keys."""
    folder = path.partition("/")[0]
    if path == FILE:
        yield from _settings(data)
    elif folder == TEMPLATES and path.endswith(_FORMS):
        yield from _template(path, _text(data))
    elif folder == REPORTS and path.endswith(_QUERY):
        yield from _report(path, _text(data))


def _settings(data: bytes) -> Iterator[Problem]:
    """Those below the first level; ``model.settings`` itself tells of the others."""
    from crmctl.store.yaml_reader import read_yaml

    try:
        found, marks = read_yaml(data, FILE, marks=True)
    except InvalidData:
        return
    for path in _keys(found, ()):
        if len(path) > 1 and path[-1] in RUNS_THINGS and not any(_fits(path, names) for names in _NAMES):
            yield _problem(FILE, path[-1], *marks.get(path, (0, 0)))


def _keys(value: Raw, at: KeyPath) -> Iterator[KeyPath]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield (*at, key)
            yield from _keys(inner, (*at, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _keys(inner, (*at, str(number)))


def _fits(path: KeyPath, names: tuple[str, ...]) -> bool:
    return len(path) == len(names) and all(name in ("*", step) for step, name in zip(path, names, strict=True))


def _named(files: Files, folder: str, endings: tuple[str, ...]) -> Iterator[str]:
    try:
        entries = files.entries(folder)
    except OSError:
        return
    for name, what in entries:
        if what == "folder":
            yield from _named(files, f"{folder}/{name}", endings)
        elif what == "file" and name.endswith(endings):
            yield f"{folder}/{name}"


def _template(path: str, text: str) -> Iterator[Problem]:
    from crmctl.render.templates import split_front
    from crmctl.store.yaml_reader import read_yaml

    try:
        front, _, _ = split_front(path, text)
        # The line feed stands for the fence above it, so that lines are those of the file.
        data, marks = read_yaml(f"\n{front}".encode(), path, marks=True)
    except InvalidData:
        return
    for at in _keys(data, ()):
        # What is below `fallback` are names of fields.
        if at[-1] in RUNS_THINGS and at[0] != "fallback":
            yield _problem(path, at[-1], *marks.get(at, (0, 0)))


def _report(path: str, text: str) -> Iterator[Problem]:
    for number, line in enumerate(text.split("\n"), 1):
        line = line.strip()
        if line and not line.startswith("--"):
            return
        key, colon, _ = line.removeprefix("--").strip().partition(":")
        if colon and key.strip().lower() in RUNS_THINGS:
            yield _problem(path, key.strip(), number, 0)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace").removeprefix("\ufeff")


def _problem(path: str, key: str, line: int, column: int) -> Problem:
    return Problem(path, line, column, CODE, f"{key!r} has no place in a shared book", HINT)
