"""A campaign's messages: made from its words, judged, and ready before anything goes out."""

from __future__ import annotations
