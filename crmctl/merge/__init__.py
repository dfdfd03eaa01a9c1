"""Three-way merges of records, field by field. Pure: nothing here reads a file, a clock or a setting."""

from __future__ import annotations
