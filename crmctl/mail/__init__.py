"""Mail: messages as bytes that say exactly what was meant, and nothing that a record smuggled in."""

from __future__ import annotations
