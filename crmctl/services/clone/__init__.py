"""What a clone is set up with: the book itself, hooks, the merge driver, trust, and whether all of it is well."""

from __future__ import annotations
