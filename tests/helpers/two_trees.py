"""Two sides of a history for tests of merging trees: commits made of files, without a work tree."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from crmctl.services.joining.treemerge import TreeMerge
from crmctl.services.joining.treemerge import merge_trees
from crmctl.vcs import places
from crmctl.vcs.repository import Repository
from helpers.books import git

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import TypeAlias

    Files: TypeAlias = Mapping[str, str | None]

ADA = "records/customers/ada.yaml"
ADA_SHARDED = "records/customers/da/ada.yaml"
HISTORY = "records/interactions/ada.jsonl"
HISTORY_SHARDED = "records/interactions/da/ada.jsonl"
ONE = "01HZX0000000000000000000A1"
TWO = "01HZX0000000000000000000B2"


def person(identity: str = ONE, **fields: str) -> str:
    lines = {"id": identity, "name": "Ada Lovelace", **fields}
    return "".join(f"{name}: {value}\n" for name, value in lines.items())


def line(number: int, text: str = "hello") -> str:
    identity = f"01HZX000000000000000000C{number:02}"
    return f'{{"id":"{identity}","at":"2026-01-{number:02}T10:00:00+00:00","type":"note","text":"{text}"}}\n'


class Clones:
    """A repository in which two sides go on from one base."""

    def __init__(self, root: Path) -> None:
        self.root = root
        git(root, "init", "-q", "-b", "main")
        self.commits: dict[str, str] = {}

    def commit(self, name: str, files: Files, *parents: str) -> str:
        """A commit called ``name`` on ``parents`` (the first one's files, with ``files`` put or taken away)."""
        git(self.root, "read-tree", "--empty")
        if parents:
            git(self.root, "read-tree", self.commits[parents[0]])
        for path, text in files.items():
            if text is None:
                git(self.root, "rm", "-q", "--cached", path)
            else:
                self.stage(path, text, "100644")
        return self.record(name, *parents)

    def stage(self, path: str, text: str, mode: str) -> None:
        blob = self.root / "blob"
        blob.write_bytes(os.fsencode(text))
        oid = git(self.root, "hash-object", "-w", str(blob)).strip()
        git(self.root, "update-index", "--add", "--cacheinfo", f"{mode},{oid},{path}")

    def record(self, name: str, *parents: str) -> str:
        tree = git(self.root, "write-tree").strip()
        words = [word for parent in parents for word in ("-p", self.commits[parent])]
        self.commits[name] = git(self.root, "commit-tree", tree, "-m", name, *words).strip()
        return self.commits[name]

    def repository(self, book: str = "") -> Repository:
        return Repository(places.find(self.root / book))

    def merge(self, *bases: str, book: str = "", **answers: object) -> TreeMerge:
        commits = [self.commits[name] for name in bases or ("base",)]
        ours, theirs = self.commits["ours"], self.commits["theirs"]
        return merge_trees(self.repository(book), commits, ours, theirs, **answers)  # type: ignore[arg-type]

    def three(self, base: Files, ours: Files, theirs: Files) -> TreeMerge:
        self.commit("base", base)
        self.commit("ours", ours, "base")
        self.commit("theirs", theirs, "base")
        return self.merge()
