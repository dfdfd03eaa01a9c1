"""Customer relationship management for people who live in a shell."""

from __future__ import annotations

__version__ = "0.1.0"
