"""Conflict markers: ours, base and theirs in one text that no reader of records takes."""

from __future__ import annotations

MIN_SIZE = 7


def block(ours: str, base: str, theirs: str, size: int, newline: str) -> str:
    """The versions of some lines between markers of ``size`` characters, as git writes them in its style diff3."""
    parts = (
        f"{'<' * size} ours",
        _ended(ours, newline),
        f"{'|' * size} base",
        _ended(base, newline),
        "=" * size,
        _ended(theirs, newline),
        f"{'>' * size} theirs",
    )
    return "".join(part if number % 2 else part + newline for number, part in enumerate(parts))


def _ended(lines: str, newline: str) -> str:
    return lines if not lines or lines.endswith("\n") else lines + newline


def whole(base: bytes, ours: bytes, theirs: bytes, size: int) -> bytes:
    """Three whole files between markers, whatever bytes they hold."""
    newline = "\r\n" if b"\r\n" in ours else "\n"
    ours_text, base_text, theirs_text = (data.decode("latin-1") for data in (ours, base, theirs))
    return block(ours_text, base_text, theirs_text, size, newline).encode("latin-1")
