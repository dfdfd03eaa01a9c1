"""The templates of a book, read and compiled but not rendered: their front matter, their syntax, the names they use.

All are looked at by one process, which is started before the records are checked and asked afterwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.errors import CrmError
from crmctl.errors import InvalidData
from crmctl.errors import Problem
from crmctl.errors import StorageFailed
from crmctl.services.bookfiles import FILE as PLAIN

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator
    from collections.abc import Mapping
    from typing import Self

    from crmctl.model.raw import RawMap
    from crmctl.model.settings import Settings
    from crmctl.render.inspecting import Inspected
    from crmctl.render.templates import Template
    from crmctl.services.bookfiles import Files

FOLDER = "templates"
_FORMS = (".md", ".txt", ".html")
_LARGEST = 1024 * 1024
_HINT = "docs/templates.md lists what a template can use; crmctl schema customer the fields."


def contents(files: Files) -> tuple[dict[str, bytes], list[Problem]]:
    """The files in ``templates/`` by their paths, style sheets among them, and why others cannot be read."""
    found: dict[str, bytes] = {}
    problems: list[Problem] = []
    try:
        entries = [entry for entry in files.entries(FOLDER) if entry.name.endswith((*_FORMS, ".css"))]
    except OSError:
        entries = []
    files.fetch(f"{FOLDER}/{entry.name}" for entry in entries if entry.what == PLAIN)
    for entry in entries:
        path = f"{FOLDER}/{entry.name}"
        try:
            found[path] = files.read(path, _LARGEST)
        except FileNotFoundError:
            continue  # Removed while we were looking.
        except (InvalidData, StorageFailed) as error:
            message = error.message.removeprefix(f"{path}: ")
            problems += error.problems or [Problem(path, 0, 0, "unreadable", message, error.hint)]
    return found, problems


def concerned(found: Mapping[str, bytes], changed: Iterable[str]) -> list[str]:
    """The files in ``found`` to look at when those at the paths ``changed`` have changed, or have gone.

    That is these and all that name one of them, at any remove: what includes a part can be wrong only together with it.
    """
    fresh = {path for path in changed if path.startswith(f"{FOLDER}/")}
    wanted: set[str] = set()
    while fresh:
        wanted |= fresh
        names = [path.removeprefix(f"{FOLDER}/").encode() for path in fresh]
        fresh = {path for path, data in found.items() if path not in wanted and any(name in data for name in names)}
    return sorted(wanted & found.keys())


def problems_of(found: Mapping[str, bytes], changed: Iterable[str], settings: Settings) -> list[Problem]:
    """What is wrong with the templates whom a change concerns; nothing is started when it concerns none."""
    wanted = concerned(found, changed)
    if not wanted:
        return []
    with Checking(found, wanted, settings) as checking:
        return checking.problems()


class Checking:
    """Templates that are being looked at; ``found`` has all files of the folder, ``wanted`` the paths to look at.

    The process is started here, when there is something for it to do, and ends with the ``with`` block.
    """

    def __init__(self, found: Mapping[str, bytes], wanted: Iterable[str], settings: Settings) -> None:
        self._settings = settings
        self._problems: list[Problem] = []
        self._texts = {path: text for path, data in found.items() if (text := self._text(path, data)) is not None}
        self._includes = {path.removeprefix(f"{FOLDER}/"): text for path, text in self._texts.items()}
        self.paths = [path for path in wanted if path in found and path.endswith(_FORMS)]
        whole = [self._read(path) for path in self.paths if path in self._texts]
        templates = [template for template in whole if template is not None]
        self._inspection = None
        if templates:
            from crmctl.render.inspecting import Inspection

            self._inspection = Inspection(templates, self._includes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._inspection is not None:
            self._inspection.close()

    def problems(self) -> list[Problem]:
        """Everything that is wrong with them, in the order of the files."""
        found = [problem for problem in self._problems if problem.path in self.paths]
        if self._inspection is not None:
            try:
                inspected = list(self._inspection.results())
            except CrmError as error:
                return [*found, Problem(FOLDER, 0, 0, "template-unchecked", error.message, error.hint)]
            found += [one.problem for one in inspected if one.problem is not None]
            found += self._wrong_names(inspected)
        return sorted(set(found))

    def _text(self, path: str, data: bytes) -> str | None:
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError:
            self._problems.append(Problem(path, 0, 0, "not-utf-8", "the file is not UTF-8 text", "Save it as UTF-8."))
            return None

    def _read(self, path: str) -> Template | None:
        """The template at ``path``, what is wrong with its front matter noted; None when it cannot be read."""
        from crmctl.render.ordering import lacking
        from crmctl.render.templates import parse_template
        from crmctl.services.template_check import front_problems
        from crmctl.store.yaml_reader import read_yaml

        def front(text: str) -> RawMap:
            return read_yaml(text.encode(), path).data

        name = path.removeprefix(f"{FOLDER}/")
        try:
            template = parse_template(name.rpartition(".")[0], path, self._texts[path], front)
        except InvalidData as error:
            self._problems += error.problems
            return None
        if not name.startswith("_"):  # Those that others include say nothing about themselves.
            wrong = front_problems(template, self._settings) + lacking(template, self._includes)
            for key, words in wrong:
                if key == "subject" and not self._line(path, "channel"):
                    continue  # A campaign or a follow-up may take it for a letter.
                hint = "Declare it in crm.yaml (purposes:), or name another." if key == "purpose" else ""
                self._problems.append(Problem(path, self._line(path, key) or 1, 0, "front-matter", words, hint))
        return template

    def _line(self, path: str, key: str) -> int:
        """The line on which a key of the front matter stands, 0 where it does not."""
        lines = self._texts[path].splitlines()
        return next((number for number, line in enumerate(lines, 1) if line.startswith(f"{key}:")), 0)

    def _wrong_names(self, inspected: Iterable[Inspected]) -> Iterator[Problem]:
        """Names that no record can have."""
        from crmctl.services import merge_names

        inspected = list(inspected)
        known = merge_names.names(self._settings.schema)
        everywhere = {name for one in inspected for name in one.made}
        for one in inspected:
            shares = one.open or one.template.path.startswith(f"{FOLDER}/_")
            good = {*(everywhere if shares else one.made), "range", "namespace", *one.template.front.fallback}
            for path, line, name in one.read:
                words = merge_names.wrong(known, name, good)
                if words:
                    yield Problem(path, line, 0, "unknown-name", words, "" if words.endswith("?") else _HINT)
