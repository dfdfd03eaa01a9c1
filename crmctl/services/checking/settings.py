"""The settings of a book, held against what they may say, each problem at its line of ``crm.yaml``."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import InvalidData
from crmctl.errors import NoBook
from crmctl.errors import Problem
from crmctl.model import values
from crmctl.model.fields import Field
from crmctl.model.settings import FILE
from crmctl.model.settings_reading import read_settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from crmctl.model.raw import RawMap
    from crmctl.model.settings import Settings
    from crmctl.services.bookfiles import Files
    from crmctl.store.yaml_reader import KeyPath
    from crmctl.store.yaml_reader import Mark

# Single values that have a type; the other settings are looked at where they are read.
_TYPED = (
    Field("currency", "currency"),
    Field("language", "language"),
    Field("country", "country"),
    Field("email", "email"),
)


class Loaded(NamedTuple):
    """The settings as they are used, and everything that is wrong with them."""

    settings: Settings
    problems: list[Problem]


def load(root: Path) -> Loaded:
    """The settings in the work tree at ``root``; errors as ``load_from``."""
    from crmctl.services.bookfiles import WorkTree

    return load_from(WorkTree(root))


def load_from(files: Files) -> Loaded:
    """The settings among the files of a book.

    Raises:
        NoBook: there is no ``crm.yaml``, or it cannot be read at all.
    """
    try:
        data = files.read(FILE)
    except FileNotFoundError:
        raise NoBook(f"{files.name} has no {FILE} any more", hint=f"git checkout -- {FILE}") from None
    except InvalidData as exc:
        raise NoBook(exc.message, hint=exc.hint, problems=exc.problems) from exc
    return read(data)


def read(data: bytes) -> Loaded:
    """The settings in ``data``, the content of a ``crm.yaml``.

    Raises:
        NoBook: it cannot be read at all.
    """
    raw, marks = _raw(data, marks=True)
    settings = read_settings(raw)
    found = list(settings.problems)
    told = {path for path, _ in found}
    for field in _TYPED:
        text = raw.get(field.name)
        if isinstance(text, str) and text and (field.name,) not in told:
            try:
                values.check(field, text, settings.context)
            except ValueError as exc:
                found.append(((field.name,), str(exc)))
    return Loaded(settings, [_problem(path, message, marks) for path, message in found])


def used(data: bytes) -> Settings:
    """The settings in ``data`` as they are used, for when it does not matter what is wrong in them.

    Raises:
        NoBook: it cannot be read at all.
    """
    return read_settings(_raw(data, marks=False)[0], again=True)


def _raw(data: bytes, *, marks: bool) -> tuple[RawMap, Mapping[KeyPath, Mark]]:
    from crmctl.store.yaml_reader import read_yaml

    try:
        return read_yaml(data, FILE, marks=marks)
    except InvalidData as exc:
        if exc.problems[0].code != "empty":
            raise NoBook(exc.message, hint=exc.problems[0].hint, problems=exc.problems) from exc
    return {}, {}


def _problem(path: tuple[str, ...], message: str, marks: Mapping[KeyPath, Mark]) -> Problem:
    # A field is named by its kind; it was declared below `fields:` or `kinds:`.
    for steps in (path, ("fields", *path), ("kinds", *path[:1], "fields", *path[1:])):
        if steps in marks:
            return Problem(FILE, *marks[steps], "bad-setting", message)
    return Problem(FILE, 0, 0, "bad-setting", message)
