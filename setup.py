"""What setup.cfg cannot say: the sample book and the hooks stand at the top, and ship inside the package."""

from __future__ import annotations

from pathlib import Path
from shutil import copytree

from setuptools import setup
from setuptools.command.build_py import build_py

SHIPPED = ("records", "templates", "hooks")


class BuildWithBook(build_py):
    """Put the shipped folders beside the modules; an editable install finds them where they stand."""

    def run(self) -> None:
        """Build as always, then copy."""
        super().run()
        if not self.editable_mode:
            for name in SHIPPED:
                copytree(name, Path(self.build_lib, "crmctl", "shipped", name), dirs_exist_ok=True)


setup(cmdclass={"build_py": BuildWithBook})
