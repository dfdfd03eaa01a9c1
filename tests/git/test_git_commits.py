"""Our commits as git's own would be made: the user's hooks have a say, and they are signed when git signs."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from helpers.books import commit
from helpers.books import git
from helpers.books import write

from crmctl.vcs import origin
from crmctl.vcs import places

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

ADA = "records/customers/ada.yaml"


@pytest.fixture
def book(book_dir: Path) -> Path:
    commit(book_dir, {"customers/ada.yaml": "name: Ada\n"})
    origin.note(places.find(book_dir))  # So that hooks put there are the user's own.
    return book_dir


def hook(book: Path, name: str, script: str, folder: str = ".git/hooks") -> Path:
    path = book / folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_pre_commit_hook_sees_the_commit_as_staged_and_may_refuse(
    book: Path, run: Run, tmp_path: Path, elsewhere: bool
) -> None:
    folder = ".git/hooks"
    if elsewhere:
        folder = str(tmp_path / "my hooks")
        git(book, "config", "core.hooksPath", folder)
    write(book, {"/mine.txt": "staged by hand\n"})
    git(book, "add", "mine.txt")
    hook(book, "pre-commit", f'git diff --cached --name-only >"{book}/seen"; git show :{ADA} >>"{book}/seen"', folder)
    assert run("-C", book, "customer", "set", "ada", "notes=x").code == 0
    seen = (book / "seen").read_text()
    assert seen.splitlines()[0] == ADA
    assert "notes: x" in seen
    assert "mine.txt" not in seen
    assert git(book, "diff", "--cached", "--name-only") == "mine.txt\n"
    hook(book, "pre-commit", "echo first; echo no calls on Sundays >&2; exit 1", folder)
    before = git(book, "rev-parse", "HEAD"), (book / ADA).read_bytes()
    refused = run("-C", book, "customer", "set", "ada", "notes=y")
    assert refused.code == 1
    assert "the pre-commit hook refuses this: no calls on Sundays" in refused.err
    assert (git(book, "rev-parse", "HEAD"), (book / ADA).read_bytes()) == before
    assert not (book / ".git/crmctl/hook-index").exists()
    assert run("-C", book, "customer", "list", "-o", "ids").code == 0


def test_a_commit_msg_hook_may_change_the_message_or_refuse_it(book: Path, run: Run) -> None:
    hook(book, "commit-msg", 'printf "\\nTicket: 42\\n" >>"$1"')
    assert run("-C", book, "customer", "set", "ada", "notes=x").code == 0
    assert git(book, "log", "-1", "--format=%B").strip() == "customer: set ada notes\n\nTicket: 42"
    assert git(book, "log", "-1", "--format=%an %ae %cn") == "Ann Author ann@example.com Ann Author\n"
    assert git(book, "status", "--porcelain") == ""
    hook(book, "commit-msg", 'grep -q "^[A-Z]" "$1"')
    refused = run("-C", book, "customer", "set", "ada", "notes=y")
    assert refused.code == 1
    assert "the commit-msg hook refuses this" in refused.err
    assert list((book / ".git/crmctl").glob("COMMIT*")) == []


def test_a_post_commit_hook_runs_and_cannot_fail_the_write(book: Path, run: Run) -> None:
    hook(book, "post-commit", f'git log -1 --format=%s >"{book}/seen"; exit 3')
    assert run("-C", book, "customer", "set", "ada", "notes=x").code == 0
    assert (book / "seen").read_text() == "customer: set ada notes\n"


def test_a_hook_that_cannot_be_started_is_named(book: Path, run: Run) -> None:
    hook(book, "pre-commit", "").write_text("#!/no/such/interpreter\n")
    refused = run("-C", book, "customer", "set", "ada", "notes=x")
    assert refused.code == 1
    assert "pre-commit cannot be started" in refused.err


def test_a_hook_that_is_not_executable_is_passed_over_as_git_does(book: Path, run: Run) -> None:
    hook(book, "pre-commit", "exit 1").chmod(0o644)
    assert run("-C", book, "customer", "set", "ada", "notes=x").code == 0


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")
def test_commits_are_signed_when_git_signs(book: Path, run: Run, tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True, timeout=60)
    (tmp_path / "allowed").write_text(f"ann@example.com {key.with_suffix('.pub').read_text()}")
    for name, value in {
        "gpg.format": "ssh",
        "user.signingKey": str(key),
        "gpg.ssh.allowedSignersFile": str(tmp_path / "allowed"),
        "commit.gpgSign": "true",
    }.items():
        git(book, "config", name, value)
    assert run("-C", book, "customer", "set", "ada", "notes=x").code == 0
    git(book, "verify-commit", "HEAD")
    assert git(book, "status", "--porcelain") == ""
    git(book, "config", "user.signingKey", str(tmp_path / "gone"))
    head = git(book, "rev-parse", "HEAD")
    refused = run("-C", book, "customer", "set", "ada", "notes=y")
    assert refused.code == 1
    assert "the commit cannot be signed" in refused.err
    assert git(book, "rev-parse", "HEAD") == head
