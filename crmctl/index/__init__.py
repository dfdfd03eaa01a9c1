"""The SQLite cache of a book: what changed since, rows, full text. Deletable at any time."""

from __future__ import annotations
