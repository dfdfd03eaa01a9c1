"""git's merge driver: two versions of a record become one, field by field.

git runs it for every file that both sides changed, as ``%O %A %B %L %P``: the files with base, ours and theirs, the
size of conflict markers, and the path from the top of the work tree. What comes out depends on these and on nothing
else. It takes the place of ours at the very end, as a whole; the exit status is 0, or 1 when markers are in it.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Sequence

    from crmctl.store.merging import FileMerge

_SMALLEST = 7
"""Markers that others would not take for some are not made, whatever ``.gitattributes`` says."""


def main(arguments: Sequence[str]) -> int:
    """Merge; 0 when everything could be joined, 1 when the file has markers in it now."""
    base_file, ours_file, theirs_file, size_text, path = arguments
    base, ours, theirs = _read(base_file), _read(ours_file), _read(theirs_file)
    size = max(int(size_text), _SMALLEST) if size_text.isdigit() else _SMALLEST
    try:
        from crmctl.store.merging import merge_file

        inside = path_in_book(path)
        # git gives an empty file for the base when both sides added the file.
        merged = merge_file(inside, base or None, ours, theirs, marker_size=size)
        data, clean = merged.data, merged.clean
        if not clean:
            _say(f"{path}: {_reason(merged)} (crmctl conflicts shows both sides)")
    except BaseException as exc:  # noqa: BLE001 - whatever happens, both sides must be in the file
        data, clean = marked(base, ours, theirs, size), False
        _say(f"{path}: the two sides were not joined, because of a bug of ours: {type(exc).__name__}")
    _replace(ours_file, data)
    return 0 if clean else 1


def path_in_book(path: str) -> str:
    """The part of ``path`` that is relative to its book, which may stand in a folder of the repository."""
    from crmctl.store.merging import is_mergeable

    # A record called crm.yaml is a record, and a book may stand in a folder called records.
    candidates = [suffix for suffix in _suffixes(path) if is_mergeable(suffix)]
    records = [suffix for suffix in candidates if suffix.count("/") in (2, 3)]
    return records[-1] if records else candidates[0] if candidates else path


def _suffixes(path: str) -> Iterator[str]:
    parts = path.split("/")
    for start in range(len(parts)):
        yield "/".join(parts[start:])


def marked(base: bytes, ours: bytes, theirs: bytes, size: int = _SMALLEST) -> bytes:
    """All of ours, base and theirs, one after the other between conflict markers."""
    parts = []
    for sign, name, data in ((b"<", b" ours", ours), (b"|", b" base", base), (b"=", b"", theirs)):
        parts += [sign * size + name + b"\n", data]
        if data and not data.endswith(b"\n"):
            parts.append(b"\n")
    return b"".join([*parts, b">" * size, b" theirs\n"])


def _reason(merged: FileMerge) -> str:
    if merged.refused:
        return merged.refused
    fields = list(dict.fromkeys(".".join(clash.path) for clash in merged.clashes))
    shown = ", ".join(fields[:5]) + (f" and {len(fields) - 5} more" if len(fields) > 5 else "")
    return f"both sides changed {shown}"


def _read(file: str) -> bytes:
    with open(file, "rb") as opened:  # noqa: PTH123 - pathlib takes its time to be imported
        return opened.read()


def _replace(file: str, data: bytes) -> None:
    """Put ``data`` in the place of ``file``, whole or not at all."""
    temporary = f"{file}.{os.getpid()}.crmctl"
    try:
        with open(temporary, "xb") as opened:  # noqa: PTH123
            opened.write(data)
        os.replace(temporary, file)  # noqa: PTH105
    except BaseException:
        if os.path.lexists(temporary):
            os.unlink(temporary)  # noqa: PTH108
        raise


def _say(text: str) -> None:
    """A line on stderr; what is not plain ASCII is spelled out, because names of files come from others."""
    shown = text.encode("unicode_escape", "replace").decode("ascii")
    try:
        sys.stderr.write(f"crmctl: {shown}\n")
    except (OSError, ValueError, AttributeError):
        return  # Nobody listens.


def _guarded(arguments: Sequence[str]) -> int:
    try:
        return main(arguments)
    except BaseException as exc:  # noqa: BLE001 - git takes other statuses for something else
        _say(f"nothing was joined: {type(exc).__name__}: {exc}")
        return 1


if __name__ == "__main__":
    gc.disable()  # For one file it costs a fifth of the time and finds nothing.
    try:
        sys.exit(_guarded(sys.argv[1:]))
    finally:
        gc.freeze()
