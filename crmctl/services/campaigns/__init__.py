"""Campaigns: who gets one, the messages, what was sent, and what became of each."""

from __future__ import annotations
