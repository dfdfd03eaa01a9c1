"""What could be typed next, for the shell: kinds, handles, fields and values. Answers from the index, and never fails.

A completion that cannot be told is an empty list: nobody wants an error in the middle of typing.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from click.shell_completion import CompletionItem

from crmctl.cli.app import App

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterable

    import click

    from crmctl.model.fields import Kind
    from crmctl.services.book import Book
    from crmctl.services.joining.conflicts import Asked

MANY = 50
_OPERATORS = ("!=", "<=", ">=", ":", "=", "<", ">")


def handles(context: click.Context, kind_name: str, incomplete: str) -> list[CompletionItem]:
    """Handles of a kind that begin with what was typed, with the names of the records."""
    return _safely(lambda: _handles(_book(context), kind_name, incomplete))


def kinds(context: click.Context, incomplete: str) -> list[CompletionItem]:
    """The names of kinds, the book's own too."""
    return _safely(lambda: _kinds(_book(context), incomplete)) or _safely(lambda: _builtin(incomplete))


def kinds_and_handles(context: click.Context, incomplete: str) -> list[CompletionItem]:
    """Handles of any kind, and the names of the kinds themselves; after a kind, its handles."""

    def found() -> list[CompletionItem]:
        book = _book(context)
        words = context.params.get("words") or ()
        if words and book.schema.kind(words[0]) is not None:
            return _handles(book, book.schema.require(words[0]).name, incomplete)
        items = _kinds(book, incomplete)
        for kind in book.schema.kinds:
            if kind.storage == "yaml" and len(items) < MANY:
                items += _handles(book, kind.name, incomplete)
        return items[:MANY]

    return _safely(found)


def questions(context: click.Context, incomplete: str, *, fields: bool) -> list[CompletionItem]:
    """Handles that something is asked about; behind one, with ``fields``, its fields, and behind ``field=`` a side."""

    def found() -> list[CompletionItem]:
        from crmctl.services.joining import conflicts

        asked = conflicts.questions(_book(context))
        words = [word for word in context.params.get("words") or () if "=" not in word]
        kinds = {one.kind for one in asked}
        if words[1:] or (words and words[0] not in kinds):
            return _answers(conflicts.find(asked, words), incomplete) if fields else []
        about = {one.handle: one.title for one in reversed(asked) if not words or one.kind == words[0]}
        start = incomplete.lower()
        return [CompletionItem(name, help=about[name] or None) for name in sorted(about) if name.startswith(start)]

    return _safely(found)


def filter_terms(context: click.Context, incomplete: str) -> list[CompletionItem]:
    """The fields of the kind that the command is about, and behind ``field:`` the values it can have."""
    return _safely(lambda: _terms(_book(context), _kind_of(context), incomplete))


def assignments(context: click.Context, incomplete: str) -> list[CompletionItem]:
    """``FIELD=`` for the fields that can be set, and behind it the values."""
    return _safely(lambda: _assignments(_book(context), _kind_of(context), incomplete))


def templates(context: click.Context, incomplete: str) -> list[CompletionItem]:
    """The names of the book's templates."""

    def found() -> list[CompletionItem]:
        from crmctl.services.checking.files import templates as names

        return _items((name for name in sorted(names(_book(context).files)) if "." not in name), incomplete)

    return _safely(found)


def commands(incomplete: str) -> list[CompletionItem]:
    """The commands and kinds with their short helps; no command is imported for that."""
    from crmctl.cli.commands import COMMANDS
    from crmctl.cli.commands import HIDDEN
    from crmctl.model.kinds import KINDS

    found = [(name, text) for name, (_, _, text) in COMMANDS.items() if name not in HIDDEN]
    found += [(kind.name, kind.help) for kind in KINDS]
    return [CompletionItem(name, help=text) for name, text in found if name.startswith(incomplete)]


def _safely(found: Callable[[], list[CompletionItem]]) -> list[CompletionItem]:
    try:
        return found()
    except Exception:  # noqa: BLE001 - whatever is wrong, the command itself will say so
        return []


def _book(context: click.Context) -> Book:
    return context.ensure_object(App).book


def _kind_of(context: click.Context) -> str:
    """The kind whose group the command stands in; customers for commands of their own."""
    step: click.Context | None = context
    while step is not None:
        kind = getattr(step.command, "kind", None)
        if kind is not None:
            return str(kind.name)
        step = step.parent
    return "customer"


def _answers(asked: Iterable[Asked], incomplete: str) -> list[CompletionItem]:
    """``field=`` for what is asked about, and behind it the sides."""
    name, equals, typed = incomplete.partition("=")
    if equals:
        return _items(("ours", "theirs"), typed, f"{name}=")
    names = (name for one in asked if one.what == "field" and one.field for name in one.label.split(", "))
    return _items((f"{name}=" for name in dict.fromkeys(names)), incomplete)


def _items(values: Iterable[str], incomplete: str, prefix: str = "") -> list[CompletionItem]:
    start = incomplete.lower()
    chosen = [value for value in values if value.lower().startswith(start)]
    return [CompletionItem(prefix + value) for value in chosen[:MANY]]


def _kinds(book: Book, incomplete: str) -> list[CompletionItem]:
    from crmctl.services.checking.settings import load

    known = load(book.root).settings.schema.kinds
    return [CompletionItem(kind.name, help=kind.help) for kind in known if kind.name.startswith(incomplete)]


def _builtin(incomplete: str) -> list[CompletionItem]:
    from crmctl.model.kinds import KINDS

    return [CompletionItem(kind.name, help=kind.help) for kind in KINDS if kind.name.startswith(incomplete)]


def _handles(book: Book, kind_name: str, incomplete: str) -> list[CompletionItem]:
    if not (book.places.own / "index.sqlite").exists():
        # Making the index takes seconds in a large book; nobody waits that long for a tab.
        return _by_file_names(book, kind_name, incomplete)
    from crmctl.services.refs import title_column

    kind = book.schema.require(kind_name)
    low = incomplete if kind.storage == "jsonl" else incomplete.lower()
    sql = (
        f"SELECT t.handle, {title_column(kind)} FROM {kind.plural} t "
        f"WHERE t.handle >= ? AND t.handle < ? ORDER BY t.handle LIMIT {MANY}"
    )
    return [
        CompletionItem(handle, help=title if title != handle else None)
        for handle, title in book.index.rows(sql, (low, f"{low}\x7f"))
    ]


def _by_file_names(book: Book, kind_name: str, incomplete: str) -> list[CompletionItem]:
    from crmctl.services.checking.settings import load

    kind = load(book.root).settings.schema.require(kind_name)
    if kind.storage != "yaml":
        return []
    names = {
        name.removesuffix(".yaml")
        for _, _, files in os.walk(book.root / "records" / kind.plural)
        for name in files
        if name.endswith(".yaml")
    }
    return _items(sorted(names), incomplete)


def _terms(book: Book, kind_name: str, incomplete: str) -> list[CompletionItem]:
    from crmctl.model import columns

    kind = book.schema.require(kind_name)
    sign = "-" if incomplete.startswith("-") else ""
    text = incomplete.removeprefix(sign)
    name, operator, typed = _split(text)
    if operator:
        return _values(book, kind, name, typed, f"{sign}{name}{operator}")
    known = [known for known in columns.names(kind) if columns.resolve(kind, known) is not None]
    return [CompletionItem(f"{sign}{name}:") for name in known if name.startswith(text.lower())]


def _split(text: str) -> tuple[str, str, str]:
    """Field, operator and value of a filter term that is being typed."""
    places = [(text.find(operator), -len(operator), operator) for operator in _OPERATORS if operator in text]
    if not places:
        return text, "", ""
    at, _, operator = min(places)
    return text[:at], operator, text[at + len(operator) :]


def _values(book: Book, kind: Kind, name: str, typed: str, prefix: str) -> list[CompletionItem]:
    from crmctl.model import columns

    target = columns.resolve(kind, name.lower())
    if target is None:
        return []
    done, comma, last = typed.rpartition(",")
    prefix += done + comma
    field = target.field
    if field.choices:
        return _items(field.choices, last, prefix)
    if field.type == "boolean":
        return _items(("yes", "no"), last, prefix)
    if field.type == "ref":
        return [CompletionItem(prefix + str(item.value)) for item in _handles(book, field.kind, last)]
    if target.column == "handle":
        return [CompletionItem(prefix + str(item.value)) for item in _handles(book, kind.name, last)]
    if target.table and not field.derived and field.type in ("text", "choice"):
        return _items(_used(book, target.table, target.column, last), last, prefix)
    if field.type == "template":
        from crmctl.services.checking.files import templates as names

        return _items((name for name in sorted(names(book.files)) if "." not in name), last, prefix)
    return []


def _used(book: Book, table: str, column: str, typed: str) -> list[str]:
    """Values that other records have, such as tags."""
    sql = f'SELECT DISTINCT "{column}" FROM {table} WHERE "{column}" LIKE ? || \'%\' ORDER BY 1 LIMIT {MANY}'
    typed = typed.replace("%", "").replace("_", "")
    return [str(row[0]) for row in book.index.rows(sql, (typed,)) if " " not in str(row[0])]


def _assignments(book: Book, kind_name: str, incomplete: str) -> list[CompletionItem]:
    kind = book.schema.require(kind_name)
    name, equals, typed = incomplete.partition("=")
    if equals:
        return _values(book, kind, name.rstrip("+-"), typed, f"{name}=")
    found = []
    for field in kind.stored:
        if field.type == "group" and field.shape == "one":
            found += [f"{field.name}.{part.name}=" for part in field.fields]
        elif field.shape == "map":
            found.append(f"{field.name}.")
        elif field.name != "id":
            found.append(f"{field.name}=")
    return _items(found, incomplete)
