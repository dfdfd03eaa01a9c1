"""Records that ``git sparse-checkout`` keeps out of the work tree: committed all the same, and the index has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.errors import Conflict
from crmctl.services.naming import may_name
from crmctl.store import layout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crmctl.model.fields import Kind
    from crmctl.services.book import Book
    from crmctl.store.layout import Place

WAY_OUT = "To have it here: git sparse-checkout disable"


def places(book: Book) -> Iterator[tuple[str, Place]]:
    """The path of each such record or history, and which one it is."""
    for path in sorted(book.left_out()):
        place = layout.place_of(path, book.schema)
        if place is not None:
            yield path, place


def handles(book: Book, kind: Kind) -> set[str]:
    """The handles of such records of a kind; of customers also those whose history alone is not here."""
    kinds = {kind.name, "interaction"} if kind.name == "customer" else {kind.name}
    return {place.handle for _, place in places(book) if place.kind.name in kinds}


def require_to_add(book: Book, kind: Kind, handle: str) -> None:
    """Refuse a new record with the handle of one that is not here: it would take its place, or its history.

    Raises:
        Conflict: there is one.
    """
    if handle in handles(book, kind):
        what = f"{kind.name} {handle}, or the history of one called so,"
        hint = f"{WAY_OUT}. For somebody else: another --handle"
        raise Conflict(f"{what} is committed and not here: git sparse-checkout leaves it out", hint=hint)


def require_to_remove(book: Book, kind: Kind, handle: str, *, force: bool | None = None) -> None:
    """Refuse to remove a record while something of it, or something that may name it, is not here.

    Raises:
        Conflict: its history would stay behind, for whoever gets the handle next; or a record that is not here may name
            it, and ``force`` does not say that it may be left dangling (None: nobody can say so).
    """
    for path, place in places(book):
        if (kind.name, place.kind.name, place.handle) == ("customer", "interaction", handle):
            message = f"the history of {handle} is not here: git sparse-checkout leaves {path} out"
            hint = WAY_OUT
        elif not force and kind.storage == "yaml" and may_name(place.kind, kind):
            message = f"{path} is not here (git sparse-checkout leaves it out), and may name {kind.name} {handle}"
            hint = WAY_OUT if force is None else f"{WAY_OUT}. Or say --force to leave it without."
        else:
            continue
        raise Conflict(message, hint=hint)
