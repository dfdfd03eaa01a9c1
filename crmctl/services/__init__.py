"""Use cases: typed in, typed out. They never print and never prompt."""

from __future__ import annotations
