"""Taking in what comes from outside: mail, calendars, call records, web forms. Each run is one commit."""

from __future__ import annotations
