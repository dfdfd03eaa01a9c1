from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from crmctl.errors import GitFailed
from crmctl.vcs import calling
from crmctl.vcs import run

if TYPE_CHECKING:
    from pathlib import Path


def test_what_git_prints_and_what_it_is_given(book_dir: Path) -> None:
    assert run.git(book_dir, "rev-parse", "--is-inside-work-tree") == b"true\n"
    large = b"x" * (2 << 20)
    assert run.git(book_dir, "hash-object", "--stdin", data=large) == run.git(
        book_dir, "hash-object", "--stdin", data=large, durable=True
    )


def test_a_failure_has_gits_own_words(book_dir: Path) -> None:
    with pytest.raises(GitFailed, match="git rev-parse failed: Needed a single revision"):
        run.git(book_dir, "rev-parse", "--verify", "absent")
    assert run.attempt(book_dir, "rev-parse", "--verify", "--quiet", "absent").returncode == 1


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        ("fatal: no", "git x failed: no", ""),
        ("warning: w\nerror: real\nfatal: later", "git x failed: real", ""),
        ("just words\nand more", "git x failed: just words", ""),
        ("", "git x failed: ", ""),
        ("fatal: write error. Out of diskspace", "git x failed: write error. Out of diskspace", "The disk is full"),
        ("error: a\nfatal: No space left on device", "git x failed: a", "The disk is full"),
        (
            "fatal: fsync error on 'x': Disk quota exceeded",
            "git x failed: fsync error on 'x': Disk quota exceeded",
            "quota",
        ),
        ("fatal: write error: Input/output error", "git x failed: write error: Input/output error", "has a fault"),
        ("fatal: Read-only file system", "git x failed: Read-only file system", "read-only"),
    ],
)
def test_the_words_that_are_shown(words: str, message: str, hint: str) -> None:
    error = calling.failed(("--literal-pathspecs", "x", "-y"), words.encode())
    assert error.message == message
    assert hint in error.hint
    assert bool(hint) is bool(error.hint)


def test_no_git(book_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    with pytest.raises(GitFailed, match="not installed"):
        run.git(book_dir, "status")
    (tmp_path / "git").write_text("#!/nowhere/sh\n")
    (tmp_path / "git").chmod(0o644)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GitFailed, match="cannot be started: permission denied"):
        run.git(book_dir, "status")
