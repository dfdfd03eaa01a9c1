"""Phrases that several commands say."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crmctl.services.book import Book


def counted(number: int, noun: str) -> str:
    """``1 message``, ``2 messages``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def undo_words(book: Book, commit: str) -> str:
    """How to take a write back: a git command that works from where the user stands."""
    from pathlib import Path

    inside = book.places.top in (Path.cwd(), *Path.cwd().parents)
    where = "" if inside else f" -C {book.root}"
    return f"undo: git{where} revert --no-edit {commit[:10]}"
