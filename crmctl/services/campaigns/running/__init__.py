"""One run of a campaign: whose turn it is, the last look, the way out, and what the book is told."""

from __future__ import annotations
