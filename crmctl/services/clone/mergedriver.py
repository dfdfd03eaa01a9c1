"""Telling git to have crmctl join records: the driver in ``.git/config``, and which files it is for.

Both are each clone's own: git copies neither, so every clone is set up on its own, when crmctl is first used there.
The files are named in ``.git/info/attributes``, which goes before whatever a tracked ``.gitattributes`` says.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from crmctl import __version__
from crmctl.errors import CrmError
from crmctl.errors import StorageFailed
from crmctl.services.clone import ours
from crmctl.services.clone import trust
from crmctl.vcs import clonefiles

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.vcs.places import Places

NAME = "crmctl"
PATTERNS = ("records/**/*.yaml", "records/**/*.jsonl", "crm.yaml")
"""The files of a book that the driver is for, see ``store.merging.is_mergeable``."""

_SECTION = f"merge.{NAME}"
_BEGIN = "# crmctl: begin (crmctl hooks install | uninstall)\n"
_END = "# crmctl: end\n"
_BLOCK = re.compile(re.escape(_BEGIN) + "(.*?)" + re.escape(_END), re.DOTALL)
_GLOB = re.compile(r"([\\*?\[])")
_UNWANTED = "no-driver"
_AS_IT_IS = "!filter !ident !working-tree-encoding"
"""Whatever a user's attributes for all repositories say of such files, git takes their bytes as crmctl wrote them."""


def install(places: Places) -> None:
    """Have git ask crmctl how to join records, in all work trees of the clone.

    Raises:
        Locked, StorageFailed: git's settings cannot be changed.
    """
    clonefiles.change_text(_attributes(places), lambda text: _with_lines(text, lines(places.prefix)))
    clonefiles.change_config(places.common_dir / "config", _with_driver)
    (places.shared / _UNWANTED).unlink(missing_ok=True)


def uninstall(places: Places) -> bool:
    """Take all of it away again, for every book of the clone; whether there was anything.

    A mark among crmctl's own files keeps the next command from putting it back.

    Raises:
        Locked, StorageFailed: git's settings cannot be changed.
    """
    there = state(places) != "absent"
    if there:
        clonefiles.change_config(places.common_dir / "config", _without_driver)
        clonefiles.change_text(_attributes(places), lambda text: _BLOCK.sub("", text))
    try:
        places.shared.mkdir(mode=0o700, parents=True, exist_ok=True)
        (places.shared / _UNWANTED).touch()
    except OSError as exc:
        raise StorageFailed(f"{places.shared}: cannot write: {(exc.strerror or str(exc)).lower()}") from exc
    return there


def state(places: Places) -> str:
    """``installed``, ``absent``, or ``outdated``: by another version or interpreter, for other books, or in part."""
    config = clonefiles.read_text(places.common_dir / "config")
    attributes = clonefiles.read_text(_attributes(places))
    block = _BLOCK.search(attributes)
    driver, stamp = clonefiles.section(config, _SECTION), clonefiles.section(config, NAME).get("driver", "")
    if not driver and not stamp and block is None:
        return "absent"
    bound = block is not None and set(lines(places.prefix)) <= set(block[1].splitlines())
    return "installed" if bound and stamp == __version__ and driver == _settings() else "outdated"


def ensure(places: Places) -> bool:
    """Set the clone up if it is not, and nobody has taken it away on purpose; whether that was done just now.

    Cheap when there is nothing to do. What cannot be done is left for ``doctor`` to tell.
    """
    try:
        if clonefiles.lock_of(places.common_dir / "config").exists():
            sweep(places)  # A crmctl that was killed may have left it, and git would wait for ever.
        if state(places) == "installed" or is_unwanted(places):
            return False
        install(places)
        trust.welcome(places)
    except (CrmError, OSError):
        return False
    return True


def sweep(places: Places) -> None:
    """Take away what one that was killed left while it set the clone up."""
    for path in (places.common_dir / "config", _attributes(places)):
        clonefiles.sweep(path)


def is_unwanted(places: Places) -> bool:
    """Whether someone has taken the driver away and it is to stay so."""
    return (places.shared / _UNWANTED).exists()


def lines(prefix: str = "") -> list[str]:
    """The lines of attributes for the book at ``prefix`` ("" or "crm/" from the top of the work tree)."""
    return [f"{_pattern(prefix, pattern)} merge={NAME} {_AS_IT_IS}" for pattern in PATTERNS]


def _pattern(prefix: str, pattern: str) -> str:
    # Anchored at the top; signs of the folder's own name mean themselves.
    whole = "/" + _GLOB.sub(r"\\\1", prefix) + pattern
    if whole.isascii() and whole.isprintable() and not set(whole) & {" ", '"'}:
        return whole
    escaped = whole.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t").replace("\n", "\\n")
    return f'"{escaped}"'


def _attributes(places: Places) -> Path:
    return places.common_dir / "info" / "attributes"


def _with_lines(text: str, wanted: list[str]) -> str:
    """``text`` with the ``wanted`` lines in our block, which goes to the end, because the last line wins."""
    block = _BLOCK.search(text)
    there = block[1].splitlines() if block else []
    text = _BLOCK.sub("", text)
    if text and not text.endswith("\n"):
        text += "\n"
    return text + _BEGIN + "".join(f"{line}\n" for line in dict.fromkeys([*there, *wanted])) + _END


def _settings() -> dict[str, str]:
    return {
        "name": "crmctl joins records field by field",
        "driver": ours.driver(),
        # For histories that crossed, the base is an older record then, and not one with markers in it.
        "recursive": "binary",
    }


def _with_driver(text: str) -> str:
    text = clonefiles.without(text, _SECTION)
    return clonefiles.set_values(clonefiles.set_values(text, _SECTION, _settings()), NAME, {"driver": __version__})


def _without_driver(text: str) -> str:
    return clonefiles.without(clonefiles.without(text, _SECTION), NAME, {"driver": ""})
