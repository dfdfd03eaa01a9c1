"""What crash tests share within one process of pytest: a loaded crmctl, and the books they begin with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helpers.crash_cases import CASES
from helpers.crash_cases import World
from helpers.crash_setup import HooksWorld
from helpers.crash_setup import InitWorld
from helpers.crash_setup import SyncWorld
from helpers.strace import Commands

if TYPE_CHECKING:
    from pathlib import Path


class Lab:
    """Makes the world of a case when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._worlds: dict[str, World | InitWorld] = {}
        self._commands: Commands | None = None

    @property
    def commands(self) -> Commands:
        """Runs command lines."""
        if self._commands is None:
            self._commands = Commands(self._folder / "commands")
        return self._commands

    def world(self, name: str) -> World | InitWorld:
        """The world of the case called ``name``."""
        if name not in self._worlds:
            folder = self._folder / name.replace(" ", "-")
            if name == "init":
                self._worlds[name] = InitWorld(self.commands, folder)
            elif name == "sync":
                self._worlds[name] = SyncWorld(self.commands, folder)
            elif name == "hooks install":
                self._worlds[name] = HooksWorld(self.commands, folder)
            else:
                self._worlds[name] = World(self.commands, CASES[name], folder)
        return self._worlds[name]

    def close(self) -> None:
        """End the process."""
        if self._commands is not None:
            self._commands.close()
