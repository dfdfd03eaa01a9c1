"""Campaigns: who gets one, and the plan; the rest has rooms of its own."""

from __future__ import annotations
