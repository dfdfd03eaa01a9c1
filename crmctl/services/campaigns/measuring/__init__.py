"""What came of a campaign."""

from __future__ import annotations
