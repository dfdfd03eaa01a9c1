"""Where the git repository of a book keeps its things, found by looking at files: no git has to run for that."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import NamedTuple

from crmctl.errors import NoBook


class Places(NamedTuple):
    """The folders of one work tree. ``prefix`` leads from the top of the work tree to the book ("" or "crm/")."""

    book: Path
    top: Path
    git_dir: Path
    common_dir: Path
    prefix: str

    @property
    def own(self) -> Path:
        """What crmctl keeps for this book in this work tree: index, journal. A repository may hold several books."""
        own = self.git_dir / "crmctl"
        return own / "books" / self.prefix if self.prefix else own

    @property
    def shared(self) -> Path:
        """What crmctl keeps for all work trees of the clone: the lock."""
        return self.common_dir / "crmctl"


def find(book: Path) -> Places:
    """The places of the repository that ``book``, an absolute path, stands in.

    Raises:
        NoBook: it stands in none, or in a bare one.
    """
    for folder in (book, *book.parents):
        mark = folder / ".git"
        if mark.is_dir() and os.path.lexists(mark / "HEAD"):  # git passes over an empty one too.
            return _places(book, folder, mark)
        if mark.is_file():
            return _places(book, folder, _linked(mark))
    raise NoBook(
        f"{book} is not in a git repository, so nothing could be kept in it",
        hint=f"Make it one: git init {book}",
    )


def is_bare(folder: Path) -> bool:
    """Whether ``folder`` is a repository without files to look at."""
    return (folder / "HEAD").is_file() and (folder / "objects").is_dir() and (folder / "refs").is_dir()


def _places(book: Path, top: Path, git_dir: Path) -> Places:
    common = git_dir
    with contextlib.suppress(FileNotFoundError):
        common = git_dir / (git_dir / "commondir").read_text(encoding="utf-8").strip()
    relative = os.path.relpath(book, top)
    prefix = "" if relative == "." else Path(relative).as_posix() + "/"
    return Places(book, top, git_dir, Path(os.path.normpath(common)), prefix)


def _linked(mark: Path) -> Path:
    """The git folder that a ``.git`` file of a linked work tree or submodule points to."""
    text = mark.read_text(encoding="utf-8", errors="replace").strip()
    target = text.removeprefix("gitdir:").strip()
    if not text.startswith("gitdir:") or not target:
        raise NoBook(f"{mark} does not say where the repository is", hint="Run `git status` there; git knows more.")
    return mark.parent / target
