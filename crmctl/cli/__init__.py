"""The command line: click, and only here. One module a noun, loaded when it is called."""

from __future__ import annotations
