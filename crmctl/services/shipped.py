"""Where the sample book, the templates and the hooks that come with crmctl are found.

A wheel carries them inside the package, in ``crmctl/shipped``; in a checkout they stand at the top.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from crmctl.errors import StorageFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

SAMPLE_SETTINGS = "records/sample.yaml"
_PACKAGE = Path(__file__).resolve().parent.parent


def folder(name: str, package: Path = _PACKAGE) -> Path:
    """The shipped folder ``name``: "records", "templates" or "hooks".

    Raises:
        StorageFailed: the installation has lost it.
    """
    for place in (package / "shipped" / name, package.parent / name):
        if place.is_dir():
            return place
    raise StorageFailed(f"the {name} that come with crmctl are not there", hint="Install crmctl again.")


def files(name: str) -> Iterator[tuple[str, bytes]]:
    """The files in the shipped folder ``name``: their paths as in a book, with what is in them."""
    top = folder(name)
    for path in sorted(top.rglob("*")):
        relative = path.relative_to(top)
        if path.is_file() and not any(part.startswith((".", "__")) for part in relative.parts):
            yield f"{name}/{relative.as_posix()}", path.read_bytes()
