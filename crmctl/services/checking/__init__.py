"""What is wrong in a book, in what is staged, pushed or received, and in the merges of its history."""

from __future__ import annotations
