"""The book as it was, what changed since, where a value comes from, and taking changes back."""

from __future__ import annotations
