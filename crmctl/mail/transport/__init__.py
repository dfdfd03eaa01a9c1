"""How a message leaves: SMTP phase by phase, or sendmail; how fast, when, and when to stop."""

from __future__ import annotations
