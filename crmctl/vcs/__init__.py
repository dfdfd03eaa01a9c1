"""git, all of it, and the only place that runs it."""

from __future__ import annotations
