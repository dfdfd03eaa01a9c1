"""Taking in rows from elsewhere: read, map, match, check, write."""

from __future__ import annotations
