"""A team for tests: a bare repository in the middle and clones of one book around it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from helpers.books import commit
from helpers.books import git
from helpers.books import write

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SETTINGS = "name: Team\ncurrency: EUR\ntimezone: Europe/Berlin\ncountry: DE\n"
LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def identity(number: int) -> str:
    """The id of a record, the same in every run."""
    return f"01HZX00000000000000000{LETTERS[number // 1024 % 32]}{LETTERS[number // 32 % 32]}{LETTERS[number % 32]}0"


def person(number: int, **fields: str) -> str:
    """A customer's file."""
    lines = {"id": identity(number), "name": f"Person {number}", **fields}
    return "".join(f"{name}: {value}\n" for name, value in lines.items())


def line(number: int, text: str = "hello", at: str = "2026-01-05T10:00:00+01:00") -> str:
    """A line of a history."""
    return f'{{"id": "{identity(number)}", "at": "{at}", "type": "note", "text": "{text}"}}\n'


class Team:
    """Clones under ``root``, and the bare repository ``remote`` that they share."""

    def __init__(self, root: Path, people: int = 10) -> None:
        self.root = root
        self.remote = root / "remote.git"
        git(root, "init", "-q", "--bare", "-b", "main", str(self.remote))
        first = root / "first"
        first.mkdir()
        git(first, "init", "-q", "-b", "main")
        write(first, {"/crm.yaml": SETTINGS})
        commit(first, {f"customers/p{number}.yaml": person(number) for number in range(people)}, "start")
        git(first, "push", "-q", str(self.remote), "main")
        shutil.rmtree(first)

    def clone(self, name: str) -> Path:
        """One more clone."""
        folder = self.root / name
        git(self.root, "clone", "-q", str(self.remote), str(folder))
        return folder

    def push(self, name: str, files: Mapping[str, str | None], message: str = "by hand") -> str:
        """What a clone called ``name`` commits and pushes by git alone; files under ``records/``, None for none."""
        folder = self.root / name
        if not folder.exists():
            self.clone(name)
        git(folder, "pull", "-q", "--no-rebase")
        for path, text in files.items():
            if text is None:
                (folder / "records" / path).unlink()
        commit(folder, {path: text for path, text in files.items() if text is not None}, message)
        git(folder, "push", "-q", "origin", "HEAD:main")
        return head(folder)


def head(folder: Path) -> str:
    """The commit a clone (or a bare repository) is at."""
    return git(folder, "rev-parse", "HEAD").strip()


def parents(folder: Path) -> list[str]:
    """The parents of HEAD."""
    return git(folder, "rev-list", "-1", "--parents", "HEAD").split()[1:]


def is_clean(folder: Path) -> bool:
    """Whether the work tree and git's index equal HEAD, and nothing lies about."""
    return git(folder, "status", "--porcelain", "--untracked-files=all") == ""
