"""What git calls: hooks, started without click, because git waits for them."""

from __future__ import annotations
