"""What comes in by mail: read, classified, and reduced to what is new in it. Nothing here knows a book."""

from __future__ import annotations
