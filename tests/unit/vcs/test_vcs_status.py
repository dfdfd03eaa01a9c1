from __future__ import annotations

import os
from pathlib import Path

import pytest
from helpers.books import commit
from helpers.books import git
from helpers.books import write

from crmctl.errors import CrmError
from crmctl.errors import GitFailed
from crmctl.errors import NoBook
from crmctl.vcs import environment
from crmctl.vcs import status
from crmctl.vcs.status import Probe
from crmctl.vcs.status import Status
from crmctl.vcs.status import parse


def test_what_differs_from_head(book_dir: Path) -> None:
    commit(book_dir, {"a.yaml": "1\n", "b.yaml": "2\n", "c.yaml": "3\n", "d.yaml": "4\n"})
    write(book_dir, {"a.yaml": "one\n", "new/x.yaml": "x\n", "y\nz.yaml": "y\n"})
    (book_dir / "records/b.yaml").unlink()
    git(book_dir, "rm", "-q", "--cached", "records/c.yaml")
    git(book_dir, "mv", "records/d.yaml", "records/e.yaml")
    found = Probe(book_dir, "").result()
    assert found.head == git(book_dir, "rev-parse", "HEAD").strip()
    assert found.branch == "main"
    names = [f"records/{name}.yaml" for name in "abcde"]
    assert sorted(found.changed) == names
    assert sorted(found.untracked) == ["records/c.yaml", "records/new/", "records/y\nz.yaml"]
    assert found.unmerged == ()


def test_paths_are_relative_to_the_book_and_only_its_own(book_dir: Path) -> None:
    commit(book_dir, {"/crm/crm.yaml": "a\n", "/crmctl": "b\n", "/crm2/x": "c\n"})
    write(book_dir, {"/crm/crm.yaml": "aa\n", "/crmctl": "bb\n", "/crm2/x": "cc\n", "/crm/new": "d\n", "/new": "e\n"})
    found = Probe(book_dir / "crm", "crm/").result()
    assert found.changed == ("crm.yaml",)
    assert found.untracked == ("new",)


def test_a_book_in_a_folder_that_git_does_not_know(book_dir: Path) -> None:
    write(book_dir, {"/deep/er/crm.yaml": "a\n"})
    assert Probe(book_dir / "deep/er", "deep/er/").result().untracked == ("",)


def test_before_the_first_commit_and_off_a_branch(tmp_path: Path, book_dir: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main", "new")
    assert Probe(tmp_path / "new", "").result() == Status("", "main", (), (), ())
    git(book_dir, "switch", "-q", "--detach")
    assert Probe(book_dir, "").result().branch == ""


def test_every_line_that_git_may_say() -> None:
    zero, one = "0" * 40, "1" * 40
    lines = [
        f"# branch.oid {one}",
        "# branch.head (detached)",
        "# branch.upstream origin/main",
        "# branch.ab +1 -2",
        f"1 .M N... 100644 100644 100644 {one} {one} a b  c.yaml",
        f"1 T. N... 100644 120000 120000 {one} {zero} link",
        f"u UU N... 100644 100644 100644 100644 {one} {one} {one} both sides.yaml",
        "? new \udcff.yaml",
        "! ignored",
        "",
    ]
    data = "\0".join(lines).encode("utf-8", "surrogateescape")
    assert parse(data) == Status(
        one, "", ("a b  c.yaml", "link", "both sides.yaml"), ("new \udcff.yaml",), ("both sides.yaml",)
    )


@pytest.mark.parametrize(
    ("words", "kind", "told"),
    [
        ("fatal: detected dubious ownership in repository at '/x'\nmore", NoBook, "belongs to another user"),
        ("fatal: this operation must be run in a work tree", NoBook, "bare"),
        ("fatal: not a git repository (or any of the parent directories): .git", NoBook, "no git repository"),
        ("error: bad signature 0x00000000\nfatal: index file corrupt", GitFailed, "list of files is damaged"),
        ("12:00 git.c:460 trace: built-in\nfatal: bad object HEAD", GitFailed, "bad object HEAD"),
        ("", GitFailed, "cannot read"),
    ],
)
def test_what_git_refuses_is_said_in_our_words(words: str, kind: type[CrmError], told: str) -> None:
    error = status._refused(words)
    assert type(error) is kind
    assert told in error.message
    assert error.hint


def test_a_refusal_is_the_same_every_time_it_is_asked_for(tmp_path: Path) -> None:
    probe = Probe(tmp_path, "")
    for _ in range(2):
        with pytest.raises(NoBook):
            probe.result()
    probe.stop()


def test_an_answer_that_nobody_wants_is_not_waited_for(book_dir: Path) -> None:
    opened = len(list(Path("/dev/fd").iterdir()))
    probe = Probe(book_dir, "")
    probe.stop()
    assert len(list(Path("/dev/fd").iterdir())) == opened
    probe = Probe(book_dir, "")
    probe.result()
    probe.stop()
    assert len(list(Path("/dev/fd").iterdir())) == opened


def test_a_probe_whose_process_is_gone_is_stopped_all_the_same(book_dir: Path) -> None:
    probe = Probe(book_dir, "")
    os.waitpid(probe._pid, 0)
    probe.stop()


@pytest.mark.parametrize(("mode", "words"), [(None, "not installed"), (0o644, "cannot be started|not installed")])
def test_no_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int | None, words: str) -> None:
    if mode is not None:
        (tmp_path / "git").write_text("#!/bin/sh\n")
        (tmp_path / "git").chmod(mode)
    monkeypatch.setenv("PATH", str(tmp_path))
    opened = len(list(Path("/dev/fd").iterdir()))
    with pytest.raises(GitFailed, match=words):
        Probe(tmp_path, "")
    assert len(list(Path("/dev/fd").iterdir())) == opened


def test_git_gets_no_pointers_to_elsewhere_and_asks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/elsewhere")
    monkeypatch.setenv("GIT_SSH_COMMAND", "mine")
    env = environment.environment()
    assert "GIT_DIR" not in env
    assert env["GIT_SSH_COMMAND"] == "mine"
    assert env["GIT_TERMINAL_PROMPT"] == "0"
    assert env["GIT_OPTIONAL_LOCKS"] == "0"
