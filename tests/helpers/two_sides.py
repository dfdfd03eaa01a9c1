"""A book that two people changed: Ann on ``main``, Bob on the branch ``theirs``, both from one commit."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from crmctl.services.book import Book
from crmctl.services.joining.conflicts import Pending
from crmctl.services.joining.conflicts import save
from crmctl.services.joining.conflicts import settled
from helpers.books import git

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from conftest import Result

ADA_ID = "01J0000000000000000000000A"
BOB_ID = "01J0000000000000000000000B"
CLEO_ID = "01J0000000000000000000000C"
BIG_ID = "01J0000000000000000000000D"
ADA = f"id: {ADA_ID}\nname: Ada\nlifecycle: lead\nrole: boss\nsource: fair\n"
BIG = f'id: {BIG_ID}\nname: Big\ncustomer: ada\namount: "100.00"\ncurrency: EUR\n'
LINE = '{"id": "01J000000000000000000000E%d", "at": "2026-01-0%d", "type": "call", "text": "%s"}\n'


def put(root: Path, files: Mapping[str, str | None]) -> None:
    """Files below ``records/`` (``/path`` from the top), None to remove one."""
    for name, text in files.items():
        path = root / name[1:] if name.startswith("/") else root / "records" / name
        if text is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="")


def commit_as(root: Path, who: str, files: Mapping[str, str | None], message: str = "change") -> str:
    """A commit made by ``who`` on the branch that is checked out."""
    put(root, files)
    env = {**os.environ, "GIT_AUTHOR_NAME": who, "GIT_AUTHOR_EMAIL": f"{who.lower()}@example.com"}
    subprocess.run(["git", "-C", str(root), "add", "-A"], check=True, capture_output=True)
    arguments = ["git", "-C", str(root), "commit", "-q", "--allow-empty", "-m", message]
    subprocess.run(arguments, check=True, capture_output=True, env=env)
    return git(root, "rev-parse", "HEAD").strip()


def fork(root: Path, base: Mapping[str, str], ours: Mapping[str, str | None], theirs: Mapping[str, str | None]) -> str:
    """Both sides committed, ``main`` checked out; the commit of theirs."""
    commit_as(root, "Ann", base, "base")
    git(root, "switch", "-q", "-c", "theirs")
    commit = commit_as(root, "Bob", theirs, "theirs")
    git(root, "switch", "-q", "main")
    commit_as(root, "Ann", ours, "ours")
    return commit


def stops(root: Path, *arguments: str) -> None:
    """A git command that stops for a conflict."""
    done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, check=False, timeout=60)
    assert done.returncode, done.stdout
    assert git(root, "ls-files", "-u"), done.stderr


def waits(root: Path, commit: str) -> None:
    """A sync that brought ``commit`` and could not join it."""
    pending = Pending(commit, "origin/main")
    paths = {question.path for question in settled(Book(root), pending).questions}
    save(Book(root), pending._replace(paths=tuple(sorted(paths))))


def read(root: Path, name: str) -> str:
    """A file below ``records/``."""
    return (root / "records" / name).read_text(encoding="utf-8")


def parents(root: Path) -> int:
    """How many parents HEAD has."""
    return len(git(root, "rev-list", "-1", "--parents", "HEAD").split()) - 1


def is_fine(result: Result) -> bool:
    """Whether a command succeeded; what it said is shown when not."""
    assert result.code == 0, result.err
    return True
