"""Which machine sends: the one that is named, or whichever claims a message first."""

from __future__ import annotations
