"""What people see: the terminal, tables, JSON and CSV, and the messages that are made from templates."""

from __future__ import annotations
