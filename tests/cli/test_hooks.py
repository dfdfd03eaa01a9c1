"""The pre-commit hook: it checks what is staged, holds up what is wrong, and never stands in the way of git."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from helpers.books import commit
from helpers.books import git
from helpers.books import write

from crmctl.hooks import pre_commit
from crmctl.services.checking.staged import check_staged
from crmctl.services.clone import githooks

if TYPE_CHECKING:
    import pytest

    from crmctl.errors import Problem

Run = Callable[..., Any]
PROJECT = Path(__file__).resolve().parent.parent.parent
ID = "id: 01J0000000000000000000000A\n"


def stage(root: Path, files: dict[str, str]) -> None:
    write(root, files)
    git(root, "add", "-A")


def staged(root: Path) -> list[Problem]:
    return check_staged(root).problems


def told(root: Path) -> list[tuple[str, int, str]]:
    return [(problem.path, problem.line, problem.code) for problem in staged(root)]


def commits(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """``git commit`` as a person runs it, with hooks."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    return subprocess.run(
        ["git", "-C", str(root), "commit", "-q", "-m", "by hand", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )


def test_the_shim_in_the_repository_is_the_one_that_is_installed() -> None:
    shim = PROJECT / "hooks" / "pre-commit"
    assert shim.read_text() == githooks.shim()
    assert os.access(shim, os.X_OK)


def test_nothing_staged_nothing_wrong(book_dir: Path) -> None:
    write(book_dir, {"customers/ada.yaml": "nmae: x\n"})
    assert told(book_dir) == []


def test_what_is_staged_counts_not_what_stands_there(book_dir: Path) -> None:
    stage(book_dir, {"customers/ada.yaml": "nmae: Ada\n"})
    write(book_dir, {"customers/ada.yaml": "name: Ada\n"})
    assert told(book_dir) == [
        ("records/customers/ada.yaml", 0, "missing-field"),
        ("records/customers/ada.yaml", 1, "unknown-field"),
    ]
    git(book_dir, "add", "-A")
    write(book_dir, {"customers/ada.yaml": "nmae: Ada\n"})
    assert told(book_dir) == []


def test_only_what_the_commit_changes_is_held_against_it(book_dir: Path) -> None:
    commit(book_dir, {"customers/old.yaml": "nmae: Old\n"})
    stage(book_dir, {"customers/ada.yaml": "name: Ada\norganization: old\n"})
    assert told(book_dir) == []


def test_references_are_followed_in_what_is_staged(book_dir: Path) -> None:
    stage(book_dir, {"customers/ada.yaml": "name: Ada\norganization: acme\n"})
    write(book_dir, {"customers/acme.yaml": "name: Acme\n"})
    assert told(book_dir) == [("records/customers/ada.yaml", 2, "unknown-reference")]
    git(book_dir, "add", "-A")
    assert told(book_dir) == []


def test_templates_are_looked_for_in_what_is_staged(book_dir: Path) -> None:
    campaign = "name: C\npurpose: newsletter\ntemplate: news\n"
    stage(book_dir, {"campaigns/c.yaml": campaign})
    assert told(book_dir) == [("records/campaigns/c.yaml", 3, "unknown-template")]
    stage(book_dir, {"/templates/news.md": "Hello"})
    assert told(book_dir) == []


def test_an_id_that_another_record_has(book_dir: Path) -> None:
    commit(book_dir, {"customers/ada.yaml": f"{ID}name: Ada\n"})
    stage(book_dir, {"customers/copy.yaml": f"{ID}name: Ada\n", "customers/copy-2.yaml": f"{ID}name: Ada\n"})
    assert told(book_dir) == [
        ("records/customers/copy-2.yaml", 1, "duplicate-id"),
        ("records/customers/copy.yaml", 1, "duplicate-id"),
    ]


def test_removing_a_record_that_others_name(book_dir: Path) -> None:
    files = {"customers/acme.yaml": "name: Acme\n"}
    files |= {f"customers/c{number}.yaml": "name: C\norganization: acme\n" for number in range(5)}
    commit(book_dir, files)
    git(book_dir, "rm", "-q", "records/customers/acme.yaml")
    (problem,) = staged(book_dir)
    assert (problem.path, problem.code) == ("records/customers/acme.yaml", "unknown-reference")
    assert (
        problem.message
        == "customer acme goes, and others still name it: customer c0, customer c1, customer c2 and 2 more"
    )
    git(book_dir, "rm", "-q", "records/customers/c*.yaml")
    assert told(book_dir) == []


def test_moving_a_record_to_another_layout_removes_nothing(book_dir: Path) -> None:
    commit(book_dir, {"customers/acme.yaml": "name: Acme\n", "customers/ada.yaml": "name: Ada\norganization: acme\n"})
    (book_dir / "records/customers/me").mkdir()
    git(book_dir, "mv", "records/customers/acme.yaml", "records/customers/me/acme.yaml")
    assert told(book_dir) == []


def test_links_and_names_that_are_no_handles(book_dir: Path) -> None:
    write(book_dir, {"customers/Ada.yaml": "name: Ada\n", "customers/notes.txt": "x"})
    (book_dir / "records/customers/link.yaml").symlink_to("Ada.yaml")
    git(book_dir, "add", "-A")
    assert told(book_dir) == [
        ("records/customers/Ada.yaml", 0, "bad-handle"),
        ("records/customers/link.yaml", 0, "not-a-file"),
    ]


def test_conflict_markers_and_interactions(book_dir: Path) -> None:
    stage(
        book_dir,
        {
            "customers/ada.yaml": "<<<<<<< a\nname: Ada\n=======\nname: Ida\n>>>>>>> b\n",
            "interactions/ada.jsonl": '{"at": "2026-01-01", "type": "call"}\n{"at": "2026-01-01", "type": "cal"}\n',
        },
    )
    assert told(book_dir) == [
        ("records/customers/ada.yaml", 1, "conflict-markers"),
        ("records/interactions/ada.jsonl", 2, "bad-choice"),
    ]


def test_settings_are_checked_when_they_are_staged(book_dir: Path) -> None:
    stage(book_dir, {"/crm.yaml": "zzz: red\n"})
    assert told(book_dir) == [("crm.yaml", 1, "bad-setting")]
    stage(book_dir, {"/crm.yaml": "a: b: c\n"})
    assert told(book_dir) == [("crm.yaml", 1, "colon")]
    commit(book_dir)
    stage(book_dir, {"customers/ada.yaml": "name: Ada\n"})
    assert told(book_dir) == [("crm.yaml", 1, "colon")]


def test_the_first_commit_of_a_book(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    stage(tmp_path, {"/crm.yaml": "name: X\n", "customers/ada.yaml": "nmae: Ada\n"})
    assert len(told(tmp_path)) == 2


def test_books_in_folders_of_one_repository(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    stage(
        tmp_path,
        {
            "/a/crm.yaml": "name: A\n",
            "/a/records/customers/ada.yaml": "nmae: Ada\n",
            "/a/inner/crm.yaml": "fields:\n  customer:\n    size: text\n",
            "/a/inner/records/customers/bob.yaml": "name: Bob\nsize: m\n",
            "/records/customers/no-book.yaml": "nonsense",
        },
    )
    assert {problem.path for problem in staged(tmp_path / "a")} == {"a/records/customers/ada.yaml"}


def test_git_commit_is_held_up_and_let_go(run: Run, book_dir: Path) -> None:
    assert run("-C", book_dir, "hooks", "install").code == 0
    stage(book_dir, {"customers/ada.yaml": "name: Ada\nlifecycle: leed\n"})
    done = commits(book_dir)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "records/customers/ada.yaml:2:1: lifecycle: 'leed' is not one of lead, prospect, customer, former",
        "  hint: Did you mean lead?",
        "crmctl: not committed, 1 problem (to commit anyway: git commit --no-verify)",
    ]
    assert commits(book_dir, "--no-verify").returncode == 0
    write(book_dir, {"customers/ada.yaml": "name: Ada\nlifecycle: lead\n"})
    assert commits(book_dir, "-a").returncode == 0
    assert git(book_dir, "status", "--short") == ""


def test_the_index_that_git_makes_for_one_commit_is_the_one_looked_at(run: Run, book_dir: Path) -> None:
    run("-C", book_dir, "hooks", "install")
    commit(book_dir, {"customers/ada.yaml": "name: Ada\n", "customers/bob.yaml": "name: Bob\n"}, "start")
    stage(book_dir, {"customers/ada.yaml": "nmae: staged\n"})
    write(book_dir, {"customers/bob.yaml": "name: Bobby\n"})
    assert commits(book_dir, "records/customers/bob.yaml").returncode == 0
    assert commits(book_dir, "-a").returncode == 1


def test_the_hook_works_in_a_linked_work_tree(run: Run, book_dir: Path, tmp_path: Path) -> None:
    run("-C", book_dir, "hooks", "install")
    git(book_dir, "worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    stage(tmp_path / "side", {"customers/ada.yaml": "nmae: Ada\n"})
    assert commits(tmp_path / "side").returncode == 1
    stage(tmp_path / "side", {"customers/ada.yaml": "name: Ada\n"})
    assert commits(tmp_path / "side").returncode == 0


def test_without_crmctl_nothing_is_held_up(book_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hook = book_dir / ".git/hooks/pre-commit"
    hook.write_text(githooks.shim("/no/such/python"))
    hook.chmod(0o755)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    stage(book_dir, {"customers/ada.yaml": "nmae: Ada\n"})
    done = commits(book_dir)
    assert done.returncode == 0
    assert done.stderr == "crmctl is not installed here: the records are committed unchecked.\n"


def test_nothing_in_a_book_is_run(run: Run, book_dir: Path, tmp_path: Path) -> None:
    """A folder called crmctl in the book is not taken for the program."""
    run("-C", book_dir, "hooks", "install")
    (book_dir / "crmctl/hooks").mkdir(parents=True)
    for name in ("__init__.py", "hooks/__init__.py", "hooks/pre_commit.py"):
        (book_dir / "crmctl" / name).write_text(f"open({str(tmp_path / 'was-run')!r}, 'w')\n")
    stage(book_dir, {"customers/ada.yaml": "nmae: Ada\n"})
    assert commits(book_dir).returncode == 1
    assert not (tmp_path / "was-run").exists()


def test_it_starts_without_click() -> None:
    code = "import sys; import crmctl.hooks.pre_commit, crmctl.services.checking.staged; sys.exit('click' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=False).returncode == 0


def test_hook_pre_commit_says_the_same(
    run: Run, book_dir: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(book_dir)
    stage(book_dir, {"customers/ada.yaml": "name: Ada\nlifecycle: leed\n", "customers/a\u202eb.yaml": "name: B\n"})
    result = run("hook", "pre-commit")
    assert result.code == 1
    assert pre_commit.main() == 1
    assert capfd.readouterr().err == result.err
    assert "\u202e" not in result.err
    git(book_dir, "rm", "-rfq", "records")
    assert (run("hook", "pre-commit").code, pre_commit.main(book_dir)) == (0, 0)


def test_outside_of_a_repository(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("hook", "pre-commit").code == pre_commit.main() == 6


def test_install_twice_and_uninstall(run: Run, book_dir: Path) -> None:
    hook = book_dir / ".git/hooks/pre-commit"
    assert run("-C", book_dir, "hooks", "show").out == f"pre-commit  absent  {hook}\n"
    assert run("-C", book_dir, "hooks", "uninstall").err == "There is no pre-commit hook of crmctl.\n"
    for _ in range(2):
        result = run("-C", book_dir, "hooks", "install")
        assert (result.code, result.err) == (
            0,
            f"The pre-commit hook is in place: {hook}  [undo: crmctl hooks uninstall]\n",
        )
        assert sys.executable in hook.read_text()
        assert os.access(hook, os.X_OK)
    assert run("-C", book_dir, "hooks", "show").out == f"pre-commit  installed  {hook}\n"
    assert run("-C", book_dir, "hooks", "uninstall").code == 0
    assert not hook.exists()


def test_a_hook_of_ones_own_stays(run: Run, book_dir: Path) -> None:
    hook = book_dir / ".git/hooks/pre-commit"
    hook.write_text("#!/bin/sh\nexit 0\n")
    result = run("-C", book_dir, "hooks", "install")
    assert result.code == 5
    assert "Add this line to it: crmctl hook pre-commit || exit 1" in result.err
    assert "so it stays" in run("-C", book_dir, "hooks", "uninstall").err
    assert "foreign" in run("-C", book_dir, "hooks", "show").out
    assert hook.read_text() == "#!/bin/sh\nexit 0\n"
    hook.unlink()
    hook.symlink_to("nowhere")
    assert run("-C", book_dir, "hooks", "install").code == 5
    hook.unlink()
    hook.mkdir()
    assert run("-C", book_dir, "hooks", "install").code == 5


def test_hooks_that_git_looks_for_elsewhere(run: Run, book_dir: Path) -> None:
    git(book_dir, "config", "core.hooksPath", "my-hooks")
    result = run("-C", book_dir, "hooks", "install")
    assert result.code == 5
    assert f"Add this line to {book_dir}/my-hooks/pre-commit: " in result.err
    assert "core.hooksPath" in run("-C", book_dir, "hooks", "uninstall").err
    assert not (book_dir / ".git/hooks/pre-commit").exists()


def test_a_folder_of_hooks_that_cannot_be_written(run: Run, book_dir: Path) -> None:
    for sample in (book_dir / ".git/hooks").iterdir():
        sample.unlink()
    (book_dir / ".git/hooks").rmdir()
    (book_dir / ".git/hooks").write_text("in the way")
    result = run("-C", book_dir, "hooks", "install")
    assert result.code == 1
    assert "cannot write" in result.err
