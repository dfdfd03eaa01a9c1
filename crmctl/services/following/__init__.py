"""Follow-ups, sequences of them, and what is done about them by itself."""

from __future__ import annotations
