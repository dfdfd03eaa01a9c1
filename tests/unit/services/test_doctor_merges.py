"""What ``doctor`` finds out about merges: it tries the driver, and looks at each hook."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from helpers.books import commit
from helpers.books import git

from crmctl.services.book import Book
from crmctl.services.clone import doctor_merges
from crmctl.services.clone import githooks
from crmctl.services.clone import mergedriver
from crmctl.services.clone import ours
from crmctl.vcs import places

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.services.finding import Finding


def findings(root: Path, *, fix: bool = False) -> dict[str, Finding]:
    return {finding.what: finding for finding in doctor_merges.findings(Book(root), fix=fix)}


def test_a_driver_that_works_is_proved(book_dir: Path) -> None:
    mergedriver.install(places.find(book_dir))
    found = findings(book_dir)["merge driver"]
    assert (found.state, found.hint) == ("ok", "")
    assert found.ms is not None
    assert git(book_dir, "status", "--short") == ""


def test_a_clone_that_nobody_has_used_yet_is_set_up(book_dir: Path) -> None:
    assert findings(book_dir)["merge driver"].state == "ok"
    assert mergedriver.state(places.find(book_dir)) == "installed"


def test_a_driver_that_was_taken_away_or_cannot_be_set_up(book_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mergedriver.uninstall(places.find(book_dir))
    found = findings(book_dir)["merge driver"]
    assert found.state == "warn"
    assert found.found == "not in place, so git merges records line by line, as you asked for"
    assert "crmctl hooks install" in found.hint
    mergedriver.install(places.find(book_dir))
    git(book_dir, "config", "merge.crmctl.driver", "false")
    monkeypatch.setattr("crmctl.vcs.clonefiles._PAUSE", 0)
    (book_dir / ".git/config.lock").touch()
    assert "set up by another crmctl" in findings(book_dir)["merge driver"].found


def test_fix_puts_in_place_what_is_missing(book_dir: Path) -> None:
    mergedriver.uninstall(places.find(book_dir))
    found = findings(book_dir, fix=True)
    assert [finding.state for finding in found.values()] == ["ok", "ok"]
    assert found["merge driver"].found.startswith("joins records by field")
    assert found["hooks"].found == f"in place: {', '.join(githooks.NAMES)}"


def test_a_driver_that_cannot_find_crmctl_is_found_out(book_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = ours._DRIVER.replace("crmctl.hooks", "crmctl_is_not_here.hooks")
    monkeypatch.setattr(ours, "_DRIVER", command)
    mergedriver.install(places.find(book_dir))
    found = findings(book_dir)["merge driver"]
    assert (found.state, found.found) == ("bad", "two changes of different fields are not joined")


def test_attributes_that_come_later_are_found_out(book_dir: Path) -> None:
    mergedriver.install(places.find(book_dir))
    with (book_dir / ".git/info/attributes").open("a") as attributes:
        attributes.write("*.yaml merge=binary\n")
    assert findings(book_dir)["merge driver"].state == "bad"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("; s=$?;", "two changes of one field are not marked"),
        ("git merge-file -q --diff3", "where Python is missing, one side of a merge gets lost"),
    ],
)
def test_a_command_that_would_lose_a_side_is_found_out(
    book_dir: Path, monkeypatch: pytest.MonkeyPatch, change: str, words: str
) -> None:
    whole = ours._DRIVER
    broken = whole.replace(change, "; exit 0;" if change.startswith(";") else "true")
    assert broken != whole
    monkeypatch.setattr(ours, "_DRIVER", broken)
    mergedriver.install(places.find(book_dir))
    assert findings(book_dir)["merge driver"].found == words


def test_git_that_cannot_even_begin(book_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mergedriver.install(places.find(book_dir))
    monkeypatch.setattr("tempfile.tempdir", "/no/such/folder")
    found = findings(book_dir)["merge driver"]
    assert found.state == "bad"
    assert found.found.startswith("cannot be tried")


def test_a_book_in_a_folder(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    commit(tmp_path, {"/our book/crm.yaml": "name: A\n"})
    mergedriver.install(places.find(tmp_path / "our book"))
    assert findings(tmp_path / "our book")["merge driver"].state == "ok"


def test_the_state_of_hooks(book_dir: Path) -> None:
    found = findings(book_dir)["hooks"]
    assert (found.state, found.found) == ("ok", "not in place")
    assert "crmctl hooks install" in found.hint
    hook = book_dir / ".git/hooks/pre-push"
    hook.write_text("#!/bin/sh\n")
    githooks.install(places.find(book_dir))
    assert findings(book_dir)["hooks"].found.endswith("post-rewrite, after your own pre-push")
    (book_dir / ".git/hooks/commit-msg").unlink()
    assert "commit-msg absent" in findings(book_dir)["hooks"].found
    hook.write_text("#!/bin/sh\n")
    found = findings(book_dir)["hooks"]
    assert found.state == "warn"
    assert "pre-push foreign" in found.found
    assert githooks.line("pre-push") in found.hint
    git(book_dir, "config", "core.hooksPath", "/elsewhere")
    found = findings(book_dir, fix=True)["hooks"]
    assert "core.hooksPath" in found.found
    assert githooks.line("pre-commit") in found.hint


def test_hooks_that_are_not_ours_are_named(book_dir: Path) -> None:
    assert "your own hooks" not in findings(book_dir)
    for name, mode in (("pre-commit", 0o755), ("pre-rebase", 0o755), ("post-merge", 0o644), ("notes", 0o755)):
        (book_dir / ".git/hooks" / name).write_text("#!/bin/sh\n")
        (book_dir / ".git/hooks" / name).chmod(mode)
    told = findings(book_dir)["your own hooks"].found
    assert told.startswith("pre-commit, pre-rebase: git runs them, and crmctl when it writes (pre-commit)")
    githooks.install(places.find(book_dir))
    assert findings(book_dir)["your own hooks"].found == told, "ours runs it first"
