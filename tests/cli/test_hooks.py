"""The pre-commit hook and ``crmctl hooks``: what is staged is checked, and nobody's own hooks are lost."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import pytest
from helpers.books import commit
from helpers.books import git
from helpers.books import write

from crmctl.hooks import entry
from crmctl.index.index import Index
from crmctl.services.checking.staged import check_staged
from crmctl.services.clone import githooks
from crmctl.services.clone import hook_runs
from crmctl.services.clone import ours

if TYPE_CHECKING:
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


def test_one_text_serves_for_every_hook() -> None:
    shims = sorted((PROJECT / "hooks").iterdir())
    assert [path.name for path in shims] == sorted(hook_runs.names()) == sorted(githooks.NAMES + githooks.SERVER)
    assert {path.read_text() for path in shims} == {ours.shim()}
    assert all(os.access(path, os.X_OK) for path in shims)
    assert "python='/my python'\n" in ours.shim("commit-msg", "/my python")


def test_settings_that_are_no_file_are_told_whatever_else_changes(book_dir: Path) -> None:
    """Nothing can be held against them; that must not look as if nothing was wrong."""
    commit(book_dir, {"customers/ada.yaml": "name: Ada\n"}, "start")
    (book_dir / "crm.yaml").rename(book_dir / "elsewhere.yaml")
    (book_dir / "crm.yaml").symlink_to("elsewhere.yaml")
    stage(book_dir, {"customers/ada.yaml": "nmae: Ada\n"})
    assert told(book_dir) == [("crm.yaml", 0, "not-a-file")]
    git(book_dir, "commit", "-q", "-m", "all the same")
    stage(book_dir, {"customers/ada.yaml": "nmae: Ann\n"})
    assert told(book_dir) == [("crm.yaml", 0, "not-a-file")]


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


def test_a_customer_does_not_go_without_the_history(book_dir: Path) -> None:
    line = '{"id": "01J0000000000000000000000G", "at": "2026-01-02T10:00:00+00:00", "type": "call", "text": "hello"}\n'
    commit(book_dir, {"customers/ada.yaml": f"{ID}name: Ada\n", "interactions/ada.jsonl": line})
    git(book_dir, "mv", "records/customers/ada.yaml", "records/customers/zoe.yaml")
    (problem,) = staged(book_dir)
    assert (problem.path, problem.code) == ("records/interactions/ada.jsonl", "unknown-reference")
    assert "customer ada goes, and this history stays" in problem.message
    git(book_dir, "mv", "records/interactions/ada.jsonl", "records/interactions/zoe.jsonl")
    assert staged(book_dir) == []
    git(book_dir, "rm", "-q", "-f", "records/customers/zoe.yaml", "records/interactions/zoe.jsonl")
    assert staged(book_dir) == []


def test_what_nobody_would_read_is_not_committed(book_dir: Path) -> None:
    stage(book_dir, {"customers/new.yml": "name: New\n", "wibbles/a.yaml": "name: A\n"})
    assert told(book_dir) == [
        ("records/customers/new.yml", 0, "wrong-ending"),
        ("records/wibbles", 0, "unknown-folder"),
    ]
    git(book_dir, "commit", "-q", "--no-verify", "-m", "all the same")
    stage(book_dir, {"customers/new.yml": "name: Newer\n"})
    assert told(book_dir) == []  # It is no news.


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
    hook.write_text(ours.shim("pre-commit", "/no/such/python"))
    hook.chmod(0o755)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    stage(book_dir, {"customers/ada.yaml": "nmae: Ada\n"})
    done = commits(book_dir)
    assert done.returncode == 0
    assert done.stderr == "crmctl is not installed here: the records go unchecked.\n"


def test_nothing_in_a_book_is_run(run: Run, book_dir: Path, tmp_path: Path) -> None:
    """A folder called crmctl in the book is not taken for the program."""
    run("-C", book_dir, "hooks", "install")
    (book_dir / "crmctl/hooks").mkdir(parents=True)
    for name in ("__init__.py", "hooks/__init__.py", "hooks/entry.py"):
        (book_dir / "crmctl" / name).write_text(f"open({str(tmp_path / 'was-run')!r}, 'w')\n")
    stage(book_dir, {"customers/ada.yaml": "nmae: Ada\n"})
    assert commits(book_dir).returncode == 1
    assert not (tmp_path / "was-run").exists()


def test_it_starts_without_click() -> None:
    code = "import sys; import crmctl.hooks.entry, crmctl.services.checking.staged; sys.exit('click' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=False).returncode == 0


def test_hook_pre_commit_says_the_same(
    run: Run, book_dir: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(book_dir)
    stage(book_dir, {"customers/ada.yaml": "name: Ada\nlifecycle: leed\n", "customers/a\u202eb.yaml": "name: B\n"})
    result = run("hook", "pre-commit")
    assert result.code == 1
    assert entry.main(["pre-commit"]) == 1
    assert capfd.readouterr().err == result.err
    assert "\u202e" not in result.err
    git(book_dir, "rm", "-rfq", "records")
    assert (run("hook", "pre-commit").code, entry.main(["pre-commit"])) == (0, 0)


def test_outside_of_a_repository(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("hook", "pre-commit").code == entry.main(["pre-commit"]) == 6


def states(run: Run, *arguments: object) -> dict[str, str]:
    """What ``crmctl hooks show`` says of each hook."""
    shown = run(*arguments[:2], "hooks", "show", *arguments[2:], "-o", "json")
    assert shown.code == 0
    return {row["hook"]: row["state"] for row in json.loads(shown.out)}


def test_install_twice_and_uninstall(run: Run, book_dir: Path) -> None:
    folder = book_dir / ".git/hooks"
    before = sorted(folder.iterdir())
    assert set(states(run, "-C", book_dir).values()) == {"absent"}
    assert run("-C", book_dir, "hooks", "uninstall").err == "There are no hooks of crmctl.\n"
    for _ in range(2):
        result = run("-C", book_dir, "hooks", "install")
        assert result.code == 0
        assert f"Hooks in {folder}: pre-commit, pre-merge-commit, commit-msg" in result.err
        assert "undo: crmctl hooks uninstall" in result.err
        for name in githooks.NAMES:
            assert f"python={sys.executable}\n" in (folder / name).read_text()
            assert os.access(folder / name, os.X_OK)
    assert set(states(run, "-C", book_dir).values()) == {"installed"}
    (folder / "pre-push").write_text(ours.shim("pre-push", "/old/python"))
    (folder / "commit-msg").chmod(0o644)
    found = states(run, "-C", book_dir)
    assert (found["pre-push"], found["commit-msg"], found["pre-commit"]) == ("outdated", "outdated", "installed")
    result = run("-C", book_dir, "hooks", "uninstall")
    assert result.code == 0
    assert "The merge driver is gone" in result.err
    assert sorted(folder.iterdir()) == before
    assert set(states(run, "-C", book_dir).values()) == {"absent"}


def test_a_hook_of_ones_own_is_kept_and_comes_back(run: Run, book_dir: Path) -> None:
    hook = book_dir / ".git/hooks/pre-commit"
    hook.write_text("#!/bin/sh\nexit 0\n")
    hook.chmod(0o750)
    assert states(run, "-C", book_dir)["pre-commit"] == "foreign"
    result = run("-C", book_dir, "hooks", "install")
    assert result.code == 0
    assert "The pre-commit hook that was there is kept, and runs first." in result.err
    kept = book_dir / ".git/hooks/pre-commit.before-crmctl"
    assert kept.read_text() == "#!/bin/sh\nexit 0\n"
    assert run("-C", book_dir, "hooks", "install").code == 0
    assert "runs the one that was there first" in run("-C", book_dir, "hooks", "show").out
    assert "is back" in run("-C", book_dir, "hooks", "uninstall").err
    assert hook.read_text() == "#!/bin/sh\nexit 0\n"
    assert hook.stat().st_mode & 0o777 == 0o750
    assert not kept.exists()


def test_links_are_kept_as_links(run: Run, book_dir: Path) -> None:
    hook = book_dir / ".git/hooks/pre-commit"
    hook.symlink_to("../../tools/check")
    assert run("-C", book_dir, "hooks", "install").code == 0
    assert not hook.is_symlink()
    run("-C", book_dir, "hooks", "uninstall")
    assert hook.readlink() == Path("../../tools/check")


def test_a_hook_put_over_ours_stays(run: Run, book_dir: Path) -> None:
    """Another program that installs hooks has replaced ours; the one before is still kept."""
    hook = book_dir / ".git/hooks/pre-commit"
    hook.write_text("first")
    run("-C", book_dir, "hooks", "install")
    hook.write_text("second")
    result = run("-C", book_dir, "hooks", "install")
    assert result.code == 5
    assert "there is another one that was kept" in result.err
    assert 'Add this line to it: crmctl hook pre-commit "$@" || exit 1' in result.err
    assert "so it stays" in run("-C", book_dir, "hooks", "uninstall").err
    assert hook.read_text() == "second"
    assert Path(f"{hook}.before-crmctl").read_text() == "first"


def test_what_cannot_be_run_under_another_name_is_left_alone(run: Run, book_dir: Path) -> None:
    hook = book_dir / ".git/hooks/pre-commit"
    for text in ('#!/bin/sh\n. "$(dirname "$0")/h"\n', '#!/bin/sh\nexec run-it $(basename "$0")\n'):
        hook.write_text(text)
        result = run("-C", book_dir, "hooks", "install")
        assert result.code == 5
        assert "goes by its own name" in result.err
        assert hook.read_text() == text
    hook.unlink()
    hook.mkdir()
    assert run("-C", book_dir, "hooks", "install").code == 5
    assert hook.is_dir()


def test_a_folder_of_hooks_for_all_repositories_can_be_left_alone(
    run: Run, book_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gitconfig").write_text(
        f"[user]\nname = T\nemail = t@example.com\n[core]\nhooksPath = {tmp_path}/all\n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    result = run("-C", book_dir, "hooks", "install")
    assert result.code == 5
    command = re.search(r"its own folder: (git config core\.hooksPath .*?); crmctl hooks install", result.err)
    assert command is not None, result.err
    subprocess.run(["sh", "-c", command[1]], cwd=book_dir, check=True)
    assert run("-C", book_dir, "hooks", "install").code == 0
    assert (book_dir / ".git/hooks/pre-commit").exists()


@pytest.mark.parametrize("folder", ["my-hooks", ".git/my-hooks"])
def test_hooks_in_another_folder_of_the_repository_are_not_put_there(run: Run, book_dir: Path, folder: str) -> None:
    git(book_dir, "config", "core.hooksPath", folder)
    result = run("-C", book_dir, "hooks", "install")
    assert result.code == 5
    assert "(core.hooksPath), which needs your leave: crmctl trust" in result.err
    assert "git config --unset core.hooksPath" in result.err
    assert f"{book_dir / folder / 'pre-commit'}: crmctl hook pre-commit" in result.err
    assert not (book_dir / folder).exists()
    git(book_dir, "config", "--unset", "core.hooksPath")
    assert run("-C", book_dir, "hooks", "install").code == 0
    assert run("-C", book_dir, "customer", "add", "Ada").code == 0


def test_leftovers_of_a_killed_install_are_taken_away(run: Run, book_dir: Path) -> None:
    (book_dir / ".git/hooks/.pre-commit.4711.crmctl").write_text("half")
    (book_dir / ".git/.config.4711.crmctl").write_text("half")
    (book_dir / ".git/config.lock").write_text("crmctl 4711\n")
    assert run("-C", book_dir, "hooks", "install").code == 0
    assert not list((book_dir / ".git").rglob("*.4711.crmctl"))
    assert not (book_dir / ".git/config.lock").exists()
    (book_dir / ".git/config.lock").write_text("crmctl 4711\n")
    assert run("-C", book_dir, "customer", "add", "Ada").code == 0
    assert not (book_dir / ".git/config.lock").exists()
    (book_dir / ".git/config.lock").write_text("")
    assert run("-C", book_dir, "hooks", "install").code == 7
    assert (book_dir / ".git/config.lock").exists(), "it may be git's"


def test_hooks_from_before_git_was_told_to_look_elsewhere_go_too(run: Run, book_dir: Path) -> None:
    own = book_dir / ".git/hooks/pre-push"
    own.write_text("mine")
    run("-C", book_dir, "hooks", "install")
    git(book_dir, "config", "core.hooksPath", "my-hooks")
    (book_dir / "my-hooks").mkdir()
    (book_dir / "my-hooks/pre-commit").write_text(ours.shim())
    assert run("-C", book_dir, "hooks", "uninstall").code == 0
    assert not (book_dir / "my-hooks").exists()
    assert not (book_dir / ".git/hooks/pre-commit").exists()
    assert own.read_text() == "mine"


def test_a_folder_of_hooks_that_is_a_link_is_looked_behind(run: Run, book_dir: Path) -> None:
    commit(book_dir, {"/shared-hooks/README": "ours"})
    shutil.rmtree(book_dir / ".git/hooks")
    (book_dir / ".git/hooks").symlink_to("../shared-hooks")
    result = run("-C", book_dir, "hooks", "install")
    assert result.code == 5
    assert "under version control" in result.err
    assert "is a link" in result.err


def test_hooks_in_a_folder_that_is_not_ours_to_change(run: Run, book_dir: Path, tmp_path: Path) -> None:
    commit(book_dir, {"/shared-hooks/README": "ours"})
    for folder, why in (("shared-hooks", "under version control"), (str(tmp_path), "outside of this repository")):
        git(book_dir, "config", "core.hooksPath", folder)
        result = run("-C", book_dir, "hooks", "install")
        assert result.code == 5
        assert why in result.err
        assert f"{book_dir / folder / 'pre-commit'}: crmctl hook pre-commit" in result.err
        assert why in run("-C", book_dir, "hooks", "show").out
        assert run("-C", book_dir, "hooks", "uninstall").code == 0
        assert not (book_dir / folder / "pre-commit").exists()


def test_a_folder_of_hooks_that_cannot_be_written(run: Run, book_dir: Path) -> None:
    for sample in (book_dir / ".git/hooks").iterdir():
        sample.unlink()
    (book_dir / ".git/hooks").rmdir()
    (book_dir / ".git/hooks").write_text("in the way")
    result = run("-C", book_dir, "hooks", "install")
    assert result.code == 1
    assert "cannot write" in result.err


def test_printing_a_hook(run: Run) -> None:
    printed = run("hooks", "print", "pre-receive")
    assert printed.out == ours.shim("pre-receive")
    assert run("hooks", "print", "pre-push").err == ""
    assert run("hooks", "print", "nonsense").code == 2
    # Whoever puts it on a server is told what it will not take.
    words = ("crm.yaml", "attributes", "submodules", "programs", "links", "id", "main branch")
    for told in (printed.err, run("hooks", "--help").out):
        assert all(word in " ".join(told.split()) for word in words)


def test_the_hook_of_a_server(run: Run, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--bare", "team.git")
    server = tmp_path / "team.git"
    (server / "hooks/pre-receive").write_text("#!/bin/sh\n")
    result = run("hooks", "install", "--server", server)
    assert result.code == 0
    assert f"undo: crmctl hooks uninstall --server {server}" in result.err
    assert "It takes no commit with records that are unreadable" in result.err
    shown = run("hooks", "show", "--server", server, "-o", "json").out
    assert [(row["hook"], row["state"]) for row in json.loads(shown)] == [("pre-receive", "installed")]
    assert run("hooks", "uninstall", "--server", server).code == 0
    assert (server / "hooks/pre-receive").read_text() == "#!/bin/sh\n"
    assert run("hooks", "install", "--server", tmp_path / "nothing").code == 6
    assert run("hooks", "install", "--server", tmp_path).code == 6


def test_a_long_history_costs_no_question_a_line(book_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    rows = Index.rows

    def counted(self: Index, sql: str, params: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        asked.append(sql)
        return rows(self, sql, params)

    def line(number: int) -> str:
        return json.dumps({"id": f"01J{number:023}", "at": "2026-01-02T10:00:00+00:00", "type": "note"}) + "\n"

    commit(book_dir, {"customers/ada.yaml": ID + "name: Ada\n", "interactions/bob.jsonl": line(7)})
    monkeypatch.setattr(Index, "rows", counted)
    counts = []
    for length in (3, 300):
        asked.clear()
        write(book_dir, {"interactions/ada.jsonl": "".join(line(number) for number in range(length))})
        git(book_dir, "add", "-A")
        told = [problem for problem in check_staged(book_dir).problems if problem.code == "duplicate-id"]
        counts.append(len(asked))
    assert counts[1] < counts[0] + 20, "and not one for each of 300 lines"
    assert [(problem.path, problem.line) for problem in told] == [("records/interactions/ada.jsonl", 8)]
    assert "records/interactions/bob.jsonl" in told[0].message
