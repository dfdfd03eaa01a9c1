"""The send ledger: what became of every message, written down before it happens."""

from __future__ import annotations
