"""What the user has allowed to run, by repository: kept with the user's own settings, out of every repository.

Two files: what may run (``TRUSTED``), and which repositories were set up on this machine (``KNOWN``).
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from crmctl.errors import StorageFailed

TRUSTED = "trusted"
KNOWN = "repositories"
_ABOUT = {
    TRUSTED: "# Repositories that may run programs of their own (crmctl trust): a hash of what runs, and the folder.\n",
    KNOWN: "# Repositories that were set up on this machine: what .git/crmctl/origin says, and the folder.\n",
}


def path(name: str = TRUSTED) -> Path:
    """The file, in the folder for settings that the XDG base directories name."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "crmctl" / name


def key(folder: Path) -> str:
    """How a repository is called there."""
    return os.path.realpath(folder).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def read(name: str = TRUSTED) -> dict[str, str]:
    """What is noted, by repository; nothing when the file is not there or not the user's own."""
    try:
        with path(name).open("rb") as file:
            state = os.fstat(file.fileno())
            # Who else may write there could allow anything.
            if hasattr(os, "getuid") and (state.st_uid not in (os.getuid(), 0) or state.st_mode & 0o022):
                return {}
            text = file.read().decode("utf-8", "replace")
    except (OSError, RuntimeError):
        return {}
    lines = (line for line in text.split("\n") if line and not line.startswith("#"))
    return {folder: digest for digest, _, folder in (line.partition("  ") for line in lines) if folder}


def write(pins: dict[str, str], name: str = TRUSTED) -> None:
    """Keep ``pins``, readable for the user alone.

    Raises:
        StorageFailed: the system refuses.
    """
    target = path(name)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    text = _ABOUT[name] + "".join(
        f"{digest}  {folder}\n" for folder, digest in sorted(pins.items()) if "\n" not in folder
    )
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - made for the user alone
            file.write(text)
        temporary.replace(target)
    except OSError as exc:
        with contextlib.suppress(OSError):
            temporary.unlink()
        reason = (exc.strerror or str(exc)).lower()
        raise StorageFailed(f"{target}: cannot write: {reason}", hint="Check who owns that folder.") from exc
