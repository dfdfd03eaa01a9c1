"""Bringing two histories together: whole trees merged in this process, sync, and the questions that are left."""

from __future__ import annotations
