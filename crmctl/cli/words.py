"""Phrases that several commands say."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crmctl.services.book import Book


def counted(number: int, noun: str) -> str:
    """``1 message``, ``2 messages``, ``1,204 messages``."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def undo_words(book: Book, commit: str) -> str:
    """How to take a write back: a command that works from where the user stands."""
    from pathlib import Path

    from crmctl.model.settings import FILE

    here = Path.cwd()
    root = book.root.resolve()
    nearest = next((folder for folder in (here, *here.parents) if (folder / FILE).is_file()), None)
    if nearest is not None and nearest.resolve() == root:
        return f"undo: crmctl undo {commit[:10]}"
    from shlex import quote

    return f"undo: crmctl -C {quote(str(root))} undo {commit[:10]}"
