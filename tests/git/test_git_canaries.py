"""Nothing in a book runs code: programs in every dangerous setting and attribute leave a mark when they are run."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from conftest import Run
from conftest import git
from helpers.books import write

if TYPE_CHECKING:
    from pathlib import Path

ATTRIBUTES = "* filter=evil diff=evil merge=evil\nrecords/**/*.yaml filter=other\n"

# A command that leaves a mark behind and passes its input on, so that git has nothing to complain about.
_CANARY = """#!/bin/sh
echo "{name}" >> "{mark}"
exec timeout 1 cat
"""

SETTINGS = {
    "core.fsmonitor": "{}",
    "core.hooksPath": "evil-hooks",
    "core.sshCommand": "{}",
    "core.pager": "{}",
    "core.editor": "{}",
    "sequence.editor": "{}",
    "core.askPass": "{}",
    "core.gitProxy": "{}",
    "core.alternateRefsCommand": "{}",
    "diff.external": "{}",
    "diff.evil.command": "{}",
    "diff.evil.textconv": "{}",
    "filter.evil.clean": "{}",
    "filter.evil.smudge": "{}",
    "filter.evil.required": "true",
    "filter.other.process": "{}",
    "merge.evil.driver": "{} %A",
    "alias.st": "!{}",
    "alias.status": "!{}",
    "gpg.program": "{}",
    "gpg.ssh.program": "{}",
    "log.showSignature": "true",
    "credential.helper": "!{}",
    "interactive.diffFilter": "{}",
    "hook.evil.command": "{}",
    "hook.evil.event": "post-index-change",
    "pager.log": "{}",
    "remote.origin.url": "ext::{}",
    "remote.origin.uploadpack": "{}",
    "remote.origin.promisor": "true",
    "protocol.ext.allow": "always",
    "trailer.x.command": "{}",
    "diff.tool": "evil",
    "difftool.evil.cmd": "{}",
    "core.untrackedCache": "true",
}
HOOKS = "post-index-change reference-transaction pre-commit post-checkout fsmonitor-watchman pre-auto-gc".split()

READS = [
    "customer list",
    "customer show ada",
    "customer list name:ada -o json",
    "find ada",
    "brief ada",
    "today",
    "timeline ada",
    "report list",
    "report run customers",
    "export customer",
    "template list",
    "template check",
    "template render hello ada",
    "check",
    "history ada",
    "why ada notes",
    "why ada tags",
    "undo --list",
    "undo --dry-run",
    "conflicts",
    "news",
    "diff HEAD~1..HEAD",
    "customer list --as-of HEAD~1",
    "check --merges",
    "schema customer",
    "segment list",
    "followup list",
    "log --help",
    "hooks show",
    "trust --list",
    "doctor",
]


class Nest:
    """A book whose repository is full of canaries."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.root = root
        self.folder = folder
        self.mark = folder / "mark"
        self._times = 0
        folder.mkdir()

    def canary(self, name: str, path: Path | None = None) -> Path:
        """A program that leaves a mark."""
        path = path or self.folder / name.replace(".", "-")
        path.parent.mkdir(exist_ok=True)
        path.write_text(_CANARY.format(name=name, mark=self.mark))
        path.chmod(0o755)
        return path

    def set(self, name: str, value: str) -> None:
        git(self.root, "config", "--add", name, value.format(self.canary(name)))

    def sang(self) -> list[str]:
        """Which programs were run."""
        return self.mark.read_text().split("\n")[:-1] if self.mark.exists() else []

    def stir(self) -> None:
        """Give git a reason to look into the files again."""
        self._times += 1
        for path in self.root.glob("records/**/*.yaml"):
            os.utime(path, (1, 1_700_000_000 + self._times))


@pytest.fixture
def nest(book_dir: Path, tmp_path: Path) -> Nest:
    (book_dir / ".gitattributes").write_text(ATTRIBUTES)
    (book_dir / "templates").mkdir()
    (book_dir / "templates" / "hello.md").write_text("---\nsubject: Hello\n---\nHello {{ customer.name }}\n")
    write(book_dir, {"customers/ada.yaml": "name: Ada\ntags: [vip]\n", "customers/bob.yaml": "name: Bob\n"})
    nest = Nest(book_dir, tmp_path / "nest")
    for name in HOOKS:
        nest.canary(f"hook {name}", book_dir / "evil-hooks" / name)
    git(book_dir, "add", "-A")
    git(book_dir, "commit", "-q", "-m", "records")
    write(book_dir, {"customers/ada.yaml": "name: Ada\nnotes: more\ntags: [vip]\n"})
    git(book_dir, "commit", "-q", "-a", "-m", "customer: set ada notes")
    return nest


def refuses(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False)


def test_the_canaries_sing_for_plain_git(nest: Nest) -> None:
    for name, value in SETTINGS.items():
        nest.set(name, value)
    nest.stir()
    refuses(nest.root, "status")
    refuses(nest.root, "diff", "HEAD~1")
    heard = set(nest.sang())
    assert {"core.fsmonitor", "diff.evil.command", "hook post-index-change"} <= heard
    assert heard & {"filter.evil.clean", "filter.other.process"}


def test_no_read_command_runs_anything_that_a_repository_names(nest: Nest, run: Run) -> None:
    for name, value in SETTINGS.items():
        nest.set(name, value)
    for command in READS:
        nest.stir()
        done = run("-C", nest.root, *command.split())
        assert done.code in ((0, 1) if command in ("check", "doctor") else (0,)), (command, done.err)
        assert nest.sang() == [], command


def test_a_fresh_process_runs_nothing_either(nest: Nest) -> None:
    import sys

    for name, value in SETTINGS.items():
        nest.set(name, value)
    nest.stir()
    command = [sys.executable, "-m", "crmctl", "-C", str(nest.root), "customer", "list", "-o", "ids"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "ada\nbob\n"
    assert nest.sang() == []


def test_settings_of_a_work_tree_and_of_included_files_run_nothing(nest: Nest, run: Run) -> None:
    git(nest.root, "config", "extensions.worktreeConfig", "true")
    git(nest.root, "config", "--worktree", "filter.evil.clean", str(nest.canary("work tree")))
    included = nest.root / "evil.inc"
    included.write_text(f'[filter "other"]\n\tclean = {nest.canary("included")}\n')
    git(nest.root, "config", "include.path", "../evil.inc")
    nest.stir()
    assert run("-C", nest.root, "customer", "list").code == 0
    assert nest.sang() == []
    (nest.root / ".git/info/attributes").unlink()  # Ours, by which git itself runs no filter on records either.
    nest.stir()
    refuses(nest.root, "status")
    assert nest.sang() != []


def test_a_linked_work_tree_runs_nothing(nest: Nest, run: Run, tmp_path: Path) -> None:
    git(nest.root, "worktree", "add", "-q", str(tmp_path / "linked"))
    nest.set("filter.evil.clean", "{}")
    nest.set("filter.other.clean", "{}")
    linked = Nest(tmp_path / "linked", tmp_path / "other-nest")
    linked.stir()
    assert run("-C", linked.root, "customer", "list").code == 0
    assert nest.sang() == []


def test_an_object_that_is_not_there_is_not_fetched(nest: Nest, run: Run) -> None:
    for name in ("remote.origin.uploadpack", "remote.origin.promisor", "core.sshCommand"):
        nest.set(name, SETTINGS[name])
    git(nest.root, "config", "remote.origin.url", str(nest.root))
    git(nest.root, "config", "core.repositoryFormatVersion", "1")
    git(nest.root, "config", "extensions.partialClone", "origin")
    blob = git(nest.root, "rev-parse", "HEAD~1:records/customers/ada.yaml").strip()
    (nest.root / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    for command in ("history ada", "why ada notes", "undo --dry-run"):
        run("-C", nest.root, *command.split())
        assert nest.sang() == [], command
    refuses(nest.root, "cat-file", "-p", blob)
    assert nest.sang() == ["remote.origin.uploadpack"]


def test_a_filter_that_cannot_be_switched_off_stops_the_reading(nest: Nest, run: Run) -> None:
    nest.set("filter.a=b.clean", "{}")
    done = run("-C", nest.root, "customer", "list")
    assert done.code == 5
    assert "hide what they run" in done.err
    assert nest.sang() == []


def test_what_is_trusted_is_run_again(nest: Nest, run: Run) -> None:
    nest.set("filter.evil.clean", "{}")
    nest.set("filter.other.clean", "{}")
    assert run("-C", nest.root, "trust", "--yes").code == 0
    nest.stir()
    assert run("-C", nest.root, "customer", "list").code == 0
    assert "filter.other.clean" in nest.sang()


def test_the_pre_commit_check_runs_nothing(nest: Nest, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SETTINGS.items():
        if name != "core.hooksPath":
            nest.set(name, value)
    nest.stir()
    monkeypatch.chdir(nest.root)
    run("hook", "pre-commit")
    assert nest.sang() == []


def test_hooks_are_for_those_who_write(nest: Nest, run: Run) -> None:
    for name in HOOKS:
        nest.canary(f"hook {name}", nest.root / ".git" / "hooks" / name)
    for command in ("customer list", "check", "history ada", "doctor", "customer list --as-of HEAD~1"):
        nest.stir()
        run("-C", nest.root, *command.split())
        assert nest.sang() == [], command


@pytest.mark.parametrize("command", ["customer set ada notes=x", "fmt", "undo", "sync", "log ada call hello"])
def test_a_write_is_refused_before_anything_runs(nest: Nest, run: Run, command: str) -> None:
    for name, value in SETTINGS.items():
        nest.set(name, value)
    nest.stir()
    head = git(nest.root, "rev-parse", "HEAD")
    done = run("-C", nest.root, *command.split())
    if command != "fmt":  # There is nothing to bring into form.
        assert done.code == 5
        assert "crmctl trust" in done.err
    assert nest.sang() == []
    assert git(nest.root, "rev-parse", "HEAD") == head
