"""The templates of a book: listed, read, rendered for some people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.errors import InvalidData
from crmctl.errors import NotFound
from crmctl.render.rendering import render_many
from crmctl.render.templates import FORMS
from crmctl.render.templates import parse_template
from crmctl.services.bookfiles import FILE
from crmctl.services.bookfiles import LINK
from crmctl.services.merge_data import MergeData
from crmctl.store.yaml_reader import read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Sequence

    from crmctl.model.raw import RawMap
    from crmctl.render.rendering import Rendered
    from crmctl.render.templates import Template
    from crmctl.services.book import Book
    from crmctl.services.bookfiles import Entry

FOLDER = "templates"
STYLE = "css"
_LARGEST = 1024 * 1024


def sources(book: Book) -> dict[str, str]:
    """The files in ``templates/`` and their content, style sheets among them; those that are no text are left out
    (``load`` says why)."""
    found = {}
    files = [entry.name for entry in _entries(book) if entry.what == FILE and _form(entry.name) in (*FORMS, STYLE)]
    book.files.fetch(f"{FOLDER}/{name}" for name in files)
    for name in files:
        try:
            found[name] = _text(book, name)
        except InvalidData:
            continue
    return found


def _entries(book: Book) -> list[Entry]:
    return book.files.entries(FOLDER) if book.files.what(FOLDER) == "folder" else []


def _form(name: str) -> str:
    """The ending of a file's name; ``.md`` is a name without one."""
    stem, _, ending = name.rpartition(".")
    return ending if stem.strip(".") else ""


def names(book: Book) -> list[str]:
    """The names of the templates; parts that others include (``_footer.md``) are not among them.

    Where two differ in their endings only, those belong to the names.
    """
    files = [name for name in sources(book) if not name.startswith("_") and _form(name) in FORMS]
    stems = [name.rpartition(".")[0] for name in files]
    return [stem if stems.count(stem) == 1 else file for file, stem in zip(files, stems, strict=True)]


def load(book: Book, name: str) -> Template:
    """The template called ``name``, with or without its ending.

    Raises:
        NotFound, InvalidData: there is none, or it cannot be read.
    """
    file = find(book, name)
    path = f"{FOLDER}/{file}"

    def front(text: str) -> RawMap:
        return read_yaml(text.encode(), path).data

    return parse_template(file.rpartition(".")[0], path, _text(book, file), front)


def find(book: Book, name: str) -> str:
    """The file of the template called ``name``, with or without its ending.

    Raises:
        NotFound: there is none.
    """
    stem, _, ending = name.rpartition(".")
    asked = [name] if stem and ending in FORMS else [f"{name}.{form}" for form in FORMS]
    for file in asked:
        if "/" not in file and book.files.what(f"{FOLDER}/{file}") in (FILE, LINK):
            return file
    from difflib import get_close_matches

    known = names(book)
    near = get_close_matches(name, known, 1)
    hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(known) or 'none yet'}."
    raise NotFound(f"there is no template {name!r}", hint=hint)


def _text(book: Book, name: str) -> str:
    data = book.files.read(f"{FOLDER}/{name}", _LARGEST)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidData(f"{FOLDER}/{name}: the file is not UTF-8 text", hint="Save it as UTF-8.") from None


def rendered(
    book: Book, template: Template, handles: Sequence[str], merge: MergeData | None = None
) -> Iterator[Rendered]:
    """The template for each of the customers named, in order; ``merge`` makes their data, for a campaign."""
    if merge is None:
        merge = MergeData(book, template.front.purpose)
    for message in render_many(template, sources(book), merge.each(handles)):
        yield message._replace(problems=tuple(merge.explained(message.problems)))
