"""Settings of git, hooks and odd environments that a book may meet: a write is a write all the same."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from helpers import processes
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
    commit(book_dir, {"customers/ada.yaml": "name: Ada\n", "customers/bob.yaml": "name: Bob\n"})
    origin.note(places.find(book_dir))  # So that hooks put there are the user's own.
    return book_dir


def writes_and_reads(book: Path, run: Run) -> None:
    """Every verb once, the work tree clean after each, what was written there for the next."""
    for arguments in (
        ("customer", "set", "ada", "notes=first"),
        ("customer", "add", "Zoë Ünal"),
        ("customer", "set", "zoe-unal", "notes=second"),
        ("log", "zoe-unal", "call", "hello"),
        ("customer", "rm", "bob", "--yes"),
    ):
        done = run("-C", book, *arguments)
        assert done.code == 0, done.err
        assert git(book, "status", "--porcelain") == ""
    listed = run("-C", book, "customer", "list", "-o", "json")
    assert listed.code == 0
    assert '"ada"' in listed.out
    assert '"Zoë Ünal"' in listed.out
    assert '"bob"' not in listed.out
    git(book, "fsck", "--strict")


@pytest.mark.parametrize(
    "settings",
    [
        {"core.autocrlf": "true"},
        {"core.autocrlf": "true", "core.safecrlf": "true"},
        {"core.autocrlf": "input", "core.safecrlf": "true"},
        {"core.eol": "crlf"},
        {"core.quotePath": "true"},
        {"core.fileMode": "false"},
        {"core.splitIndex": "true"},
        {"core.untrackedCache": "true", "index.version": "4", "core.preloadIndex": "true"},
        {"feature.manyFiles": "true"},
        {"core.bigFileThreshold": "1"},
        {"fastimport.unpackLimit": "1"},
        {
            "status.showUntrackedFiles": "no",
            "status.short": "true",
            "status.branch": "true",
            "status.renames": "copies",
        },
        {"color.ui": "always", "column.ui": "always", "core.pager": "/bin/false"},
        {"diff.noprefix": "true", "diff.renames": "copies", "diff.external": "/bin/false"},
        {"core.fsmonitor": "/bin/false"},
        {"i18n.commitEncoding": "ISO-8859-1", "i18n.logOutputEncoding": "ISO-8859-1"},
        {"core.logAllRefUpdates": "false"},
        {"core.abbrev": "4", "log.showSignature": "true"},
        {"gc.auto": "1"},
        {"extensions.worktreeConfig": "true"},
    ],
    ids=lambda settings: "+".join(f"{name}={value}" for name, value in settings.items()),
)
def test_settings_of_git(
    book: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]
) -> None:
    """The repository's own, or (those that name programs, which a repository may not) the user's."""
    for name, value in settings.items():
        if "/bin/false" in settings.values():
            monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
            git(book, "config", "--global", name, value)
        else:
            git(book, "config", name, value)
    writes_and_reads(book, run)


def test_records_checked_out_with_carriage_returns_are_no_edits(book: Path, run: Run) -> None:
    git(book, "config", "core.autocrlf", "true")
    for path in ("crm.yaml", ADA, "records/customers/bob.yaml"):
        (book / path).unlink()
    git(book, "checkout", "--", ".")
    assert b"\r\n" in (book / ADA).read_bytes()
    assert git(book, "status", "--porcelain") == ""
    writes_and_reads(book, run)
    assert b"\r" not in subprocess.check_output(["git", "-C", str(book), "cat-file", "blob", f"HEAD:{ADA}"])


@pytest.mark.parametrize(
    "attributes", ["* text=auto eol=lf\n", "*.yaml text eol=crlf\n", "* -text\n", "*.yaml binary\n"]
)
def test_attributes(book: Path, run: Run, attributes: str) -> None:
    commit(book, {"/.gitattributes": attributes})
    git(book, "rm", "-rq", "--cached", ".")
    git(book, "reset", "-q", "--hard")
    writes_and_reads(book, run)


def test_a_filter_that_writes_to_the_work_tree_is_never_run(book: Path, run: Run) -> None:
    """A smudge filter is somebody's own; ours are plain files, put as they are committed."""
    commit(book, {"/.gitattributes": "*.yaml filter=none\n"})
    writes_and_reads(book, run)


def test_hooks_of_the_repository_do_not_break_a_write(book: Path, run: Run) -> None:
    hooks = book / ".git/hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("post-commit", "post-index-change", "reference-transaction"):
        (hooks / name).write_text("#!/bin/sh\ncat >/dev/null\necho noise; echo noise >&2\nexit 0\n")
        (hooks / name).chmod(0o755)
    writes_and_reads(book, run)


def test_hooks_elsewhere(book: Path, run: Run, tmp_path: Path) -> None:
    git(book, "config", "core.hooksPath", str(tmp_path / "nowhere"))
    writes_and_reads(book, run)


def test_a_hook_that_refuses_to_move_the_branch_leaves_the_book_as_it_was(book: Path, run: Run) -> None:
    hook = book / ".git/hooks/reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text('#!/bin/sh\nif [ "$1" = prepared ] && grep -q refs/heads/; then echo "not today" >&2; exit 1; fi\n')
    hook.chmod(0o755)
    head = git(book, "rev-parse", "HEAD")
    refused = run("-C", book, "customer", "set", "ada", "notes=x")
    assert refused.code == 1
    assert "git update-ref failed" in refused.err
    assert git(book, "rev-parse", "HEAD") == head
    assert git(book, "status", "--porcelain") == ""
    hook.unlink()
    writes_and_reads(book, run)


def test_ids_made_with_sha256(tmp_path: Path, run: Run) -> None:
    book = tmp_path / "sha256"
    book.mkdir()
    git(book, "init", "-q", "-b", "main", "--object-format=sha256")
    commit(book, {"/crm.yaml": "name: New\n", "customers/ada.yaml": "name: Ada\n", "customers/bob.yaml": "name: Bob\n"})
    writes_and_reads(book, run)
    write(book, {"customers/ada.yaml": "name: Ada, by hand\n"})
    assert run("-C", book, "customer", "set", "ada", "notes=x").code == 5


def test_where_another_repository_points_us_is_not_where_we_go(
    book: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q", "-b", "main")
    commit(other, {"/README": "another\n"})
    before = git(other, "rev-parse", "HEAD")
    settings = {
        "GIT_DIR": str(other / ".git"),
        "GIT_WORK_TREE": str(other),
        "GIT_INDEX_FILE": str(other / ".git/index"),
        "GIT_OBJECT_DIRECTORY": str(other / ".git/objects"),
        "GIT_COMMON_DIR": str(other / ".git"),
        "GIT_PREFIX": "somewhere/",
        "GIT_NAMESPACE": "space",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert run("-C", book, "customer", "set", "ada", "notes=x").code == 0
    assert run("-C", book, "customer", "list", "-o", "ids").out == "ada\nbob\n"
    for name in settings:
        monkeypatch.delenv(name)
    assert git(other, "rev-parse", "HEAD") == before
    assert git(other, "status", "--porcelain") == ""
    assert git(book, "log", "-1", "--format=%s") == "customer: set ada notes\n"
    assert git(book, "status", "--porcelain") == ""


def test_tracing_and_other_noise_of_git(book: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_TRACE", "1")
    monkeypatch.setenv("GIT_TRACE_PERFORMANCE", "1")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    done = run("-C", book, "customer", "set", "ada", "notes=x")
    assert done.code == 0
    refused = run("-C", book.parent, "customer", "list")
    assert refused.code == 6


def test_a_git_that_complains_without_end_does_not_stop_us(
    book: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More on its stderr than a pipe holds, while its stdout is open."""
    real = subprocess.check_output(["sh", "-c", "command -v git"], text=True).strip()
    fake = tmp_path / "bin/git"
    fake.parent.mkdir()
    fake.write_text(f"#!/bin/sh\nhead -c 300000 /dev/zero | tr '\\0' 'w' >&2\nexec {real} \"$@\"\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:/usr/bin:/bin")
    done = processes.crmctl("-C", book, "customer", "list", "-o", "ids")
    assert (done.code, done.out) == (0, "ada\nbob\n")


@pytest.mark.parametrize("broken", ["absent", "not a program", "not allowed"])
def test_no_git_at_all(book: Path, tmp_path: Path, broken: str) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    if broken != "absent":
        (folder / "git").write_text("\x00\x01")
        (folder / "git").chmod(0o755 if broken == "not a program" else 0o644)
    for arguments in (("customer", "list"), ("customer", "add", "Cleo"), ("log", "ada", "call", "hi")):
        done = processes.crmctl("-C", book, *arguments, env={"PATH": str(folder)})
        assert done.code == 1
        assert done.err.startswith("crmctl: git ")
        assert "Traceback" not in done.err
    assert not (book / "records/customers/cleo.yaml").exists()


def test_nobody_said_who_we_are(book: Path) -> None:
    env = dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"), "")
    git(book, "config", "user.useConfigOnly", "true")
    head = git(book, "rev-parse", "HEAD")
    done = processes.shell(
        "unset GIT_AUTHOR_NAME GIT_AUTHOR_EMAIL GIT_COMMITTER_NAME GIT_COMMITTER_EMAIL; "
        'crmctl -C "$1" customer list -o ids && crmctl -C "$1" customer add Cleo',
        book,
        env=env,
    )
    assert done.code == 1
    assert done.out == "ada\nbob\n"
    assert "git does not know who you are" in done.err
    assert "git config --global user.name" in done.err
    assert git(book, "rev-parse", "HEAD") == head
    assert git(book, "status", "--porcelain") == ""


def test_a_name_of_many_kinds_of_characters_commits(book: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Ångström <x> \n Ünal; rm -rf")
    assert run("-C", book, "customer", "set", "ada", "notes=x").code == 0
    assert "Ångström" in git(book, "log", "-1", "--format=%an")


def test_a_folder_of_another_user_is_not_trusted_and_we_say_how(book: Path) -> None:
    import os

    if os.getuid() != 0:
        pytest.skip("only root can give a folder away")
    subprocess.run(["chown", "-R", "1234", str(book)], check=True)
    for arguments in (("customer", "list"), ("customer", "add", "Cleo")):
        done = processes.crmctl("-C", book, *arguments)
        assert done.code == 6
        assert "belongs to another user" in done.err
        assert "safe.directory" in done.err
    assert not (book / "records/customers/cleo.yaml").exists()
