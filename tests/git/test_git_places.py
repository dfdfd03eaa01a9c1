"""Where a book may stand: subfolders, linked work trees, submodules, bare, shallow and sparse clones, odd names."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from helpers import processes
from helpers.books import commit
from helpers.books import git
from helpers.books import write

if TYPE_CHECKING:
    from conftest import Run

ADA = "records/customers/ada.yaml"
LINE = '{"id": "01J0000000000000000000000G", "at": "2026-01-02T10:00:00+00:00", "type": "call"}\n'
RECORDS = {"customers/ada.yaml": "name: Ada\n", "customers/bob.yaml": "name: Bob\n"}


@pytest.fixture
def book(book_dir: Path) -> Path:
    commit(book_dir, RECORDS)
    return book_dir


def put_book(folder: Path) -> Path:
    """A book's files in a folder of a repository, committed."""
    folder.mkdir(parents=True, exist_ok=True)
    commit(folder, {"/crm.yaml": "name: Here\n", **RECORDS})
    return folder


def repository(folder: Path) -> Path:
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    return folder


@pytest.mark.parametrize(
    "name",
    [
        "crm",
        "a b/c d",
        '"quoted',
        '"all"',
        "Kü\u0301nden-東京",
        "-dash",
        "back\\slash",
        "st*r[x]?",
        "tab\there",
        ":(top)",
    ],
)
def test_a_book_in_a_subfolder_of_any_name(tmp_path: Path, run: Run, name: str) -> None:
    top = repository(tmp_path / "top")
    write(top, {"/README": "of the repository\n"})
    book = put_book(top / name)
    write(top, {"/README": "changed\n", "/crm.yaml.txt": "no\n"})
    for arguments in (
        ("customer", "set", "ada", "notes=x"),
        ("customer", "add", "Cleo"),
        ("customer", "rm", "bob", "--yes"),
    ):
        done = run("-C", book, *arguments)
        assert done.code == 0, done.err
    assert run("-C", book, "customer", "list", "-o", "ids").out == "ada\ncleo\n"
    assert git(top, "status", "--porcelain") == " M README\n?? crm.yaml.txt\n"
    changed = git(top, "log", "-3", "--name-only", "-z", "--format=").split("\0")
    assert {path.strip("\n") for path in changed} - {""} == {
        f"{name}/records/customers/{handle}.yaml" for handle in ("ada", "bob", "cleo")
    }


def test_two_books_in_one_repository_do_not_mix(tmp_path: Path, run: Run) -> None:
    top = repository(tmp_path / "top")
    first, second = put_book(top / "one"), put_book(top / "one/two")
    assert run("-C", second, "customer", "add", "Cleo").code == 0
    assert run("-C", second, "customer", "list", "-o", "ids").out == "ada\nbob\ncleo\n"
    assert run("-C", first, "customer", "list", "-o", "ids").out == "ada\nbob\n"
    assert run("-C", first, "customer", "rm", "ada", "--yes").code == 0
    assert run("-C", second, "customer", "list", "-o", "ids").out == "ada\nbob\ncleo\n"


def test_a_book_whose_folder_git_does_not_know_yet(tmp_path: Path, run: Run) -> None:
    top = repository(tmp_path / "top")
    book = top / "new/book"
    write(book, {"/crm.yaml": "name: New\n", **RECORDS})
    assert run("-C", book, "customer", "list", "-o", "ids").out == "ada\nbob\n"
    assert run("-C", book, "customer", "set", "ada", "notes=x").code == 0
    assert git(top, "ls-files").splitlines() == [f"new/book/{ADA}"]


def test_found_from_a_folder_inside(book: Path) -> None:
    done = processes.crmctl("customer", "list", "-o", "ids", cwd=book / "records/customers")
    assert done.out == "ada\nbob\n"


def test_reached_through_a_link(book: Path, run: Run, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(book)
    assert run("-C", link, "customer", "set", "ada", "notes=x").code == 0
    assert run("-C", link, "customer", "list", "-o", "ids").out == "ada\nbob\n"
    assert git(book, "status", "--porcelain") == ""


def test_a_linked_work_tree_has_its_own_index_and_shares_the_lock(book: Path, run: Run, tmp_path: Path) -> None:
    other = tmp_path / "linked"
    git(book, "worktree", "add", "-q", "-b", "side", str(other))
    assert run("-C", other, "customer", "add", "Cleo").code == 0
    assert run("-C", other, "customer", "list", "-o", "ids").out == "ada\nbob\ncleo\n"
    assert run("-C", book, "customer", "list", "-o", "ids").out == "ada\nbob\n"
    assert git(other, "status", "--porcelain") == git(book, "status", "--porcelain") == ""
    from crmctl.errors import Locked
    from crmctl.services.book import Book

    with Book(book).write("holding"), pytest.raises(Locked, match="holding"), Book(other).write("wanting", wait=0):
        pass


def test_a_submodule(book: Path, run: Run, tmp_path: Path) -> None:
    outer = repository(tmp_path / "outer")
    git(outer, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(book), "crm")
    git(outer, "commit", "-q", "-m", "with a book")
    inner = outer / "crm"
    assert (inner / ".git").is_file()
    assert run("-C", inner, "customer", "set", "ada", "notes=x").code == 0
    assert run("-C", inner, "customer", "list", "-o", "ids").out == "ada\nbob\n"
    assert git(inner, "status", "--porcelain") == ""
    assert git(outer, "status", "--porcelain") == " M crm\n"


def test_a_repository_kept_apart_from_its_files(tmp_path: Path, run: Run) -> None:
    book = tmp_path / "book"
    book.mkdir()
    git(book, "init", "-q", "-b", "main", f"--separate-git-dir={tmp_path / 'apart.git'}")
    put_book(book)
    assert run("-C", book, "customer", "set", "ada", "notes=x").code == 0
    assert git(book, "status", "--porcelain") == ""


def test_no_repository(tmp_path: Path, run: Run) -> None:
    write(tmp_path, {"/crm.yaml": "name: Alone\n", **RECORDS})
    for arguments in (("customer", "list"), ("customer", "add", "Cleo")):
        done = run("-C", tmp_path, *arguments)
        assert done.code == 6
        assert f"git init {tmp_path}" in done.err


@pytest.mark.parametrize("mark", ["empty folder", "empty file", "nowhere", "rubbish"])
def test_a_broken_mark_of_a_repository(tmp_path: Path, run: Run, mark: str) -> None:
    book = tmp_path / "book"
    write(book, {"/crm.yaml": "name: Broken\n", **RECORDS})
    if mark == "empty folder":
        (book / ".git").mkdir()
    else:
        texts = {"empty file": "", "nowhere": "gitdir: /does/not/exist\n", "rubbish": "\x00\x01"}
        (book / ".git").write_text(texts[mark])
    for arguments in (("customer", "list"), ("customer", "add", "Cleo")):
        done = run("-C", book, *arguments)
        assert done.code == 6, done.err
        assert "hint:" in done.err


def test_a_bare_repository(book: Path, run: Run, tmp_path: Path) -> None:
    bare = tmp_path / "bare.git"
    git(tmp_path, "clone", "-q", "--bare", str(book), str(bare))
    for arguments in (("customer", "list"), ("customer", "add", "Cleo")):
        done = run("-C", bare, *arguments)
        assert done.code == 6
        assert "bare repository" in done.err
        assert "Clone it" in done.err


def test_a_repository_that_says_it_is_bare(book: Path, run: Run) -> None:
    git(book, "config", "core.bare", "true")
    done = run("-C", book, "customer", "list")
    assert done.code == 6
    assert "bare repository" in done.err


def test_a_shallow_clone_reads_and_writes(book: Path, run: Run, tmp_path: Path) -> None:
    commit(book, {"customers/ada.yaml": "name: Ada Two\n"})
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{book}", str(shallow))
    assert run("-C", shallow, "customer", "list", "-o", "ids").out == "ada\nbob\n"
    assert run("-C", shallow, "customer", "set", "ada", "notes=x").code == 0
    assert run("-C", shallow, "customer", "add", "Cleo").code == 0
    assert run("-C", shallow, "customer", "list", "-o", "ids").out == "ada\nbob\ncleo\n"
    assert git(shallow, "status", "--porcelain") == ""
    done = run("-C", shallow, "history", "bob")
    assert done.code == 0
    assert "shallow" in done.err


def test_a_partial_clone_reads_and_writes(book: Path, run: Run, tmp_path: Path) -> None:
    partial = tmp_path / "partial"
    git(book, "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "-q", "--filter=blob:none", f"file://{book}", str(partial))
    assert run("-C", partial, "customer", "set", "ada", "notes=x").code == 0
    assert run("-C", partial, "customer", "list", "-o", "ids").out == "ada\nbob\n"
    assert git(partial, "status", "--porcelain") == ""


@pytest.fixture
def sparse(book: Path) -> Path:
    commit(book, {"deals/offer.yaml": "name: Offer\ncustomer: ada\n", "customers/cleo.yaml": "name: Cleo\n"})
    git(book, "sparse-checkout", "set", "--no-cone", "/*", "!/records/deals/", "!/records/customers/cleo.yaml")
    assert not (book / "records/deals").exists()
    assert not (book / "records/customers/cleo.yaml").exists()
    return book


def test_what_a_sparse_checkout_leaves_out_is_not_deleted(sparse: Path, run: Run) -> None:
    listed = run("-C", sparse, "customer", "list", "-o", "ids")
    assert (listed.code, listed.out, listed.err) == (0, "ada\nbob\n", "")
    for arguments in (("customer", "set", "ada", "notes=x"), ("log", "bob", "call", "hi"), ("customer", "add", "Dora")):
        assert run("-C", sparse, *arguments).code == 0
    assert git(sparse, "status", "--porcelain") == ""
    kept = git(sparse, "ls-tree", "-r", "--name-only", "HEAD").splitlines()
    assert "records/deals/offer.yaml" in kept
    assert "records/customers/cleo.yaml" in kept


def test_what_a_sparse_checkout_leaves_out_is_not_written_over(sparse: Path, run: Run) -> None:
    refused = run("-C", sparse, "customer", "add", "Cleo")
    assert refused.code == 5
    assert git(sparse, "show", "HEAD:records/customers/cleo.yaml") == "name: Cleo\n"
    assert git(sparse, "status", "--porcelain") == ""


def test_what_is_here_is_seen_when_a_sparse_checkout_changes(book: Path, run: Run) -> None:
    assert run("-C", book, "customer", "list", "-o", "ids").out == "ada\nbob\n"
    git(book, "sparse-checkout", "set", "--no-cone", "/*", "!/records/customers/bob.yaml")
    assert run("-C", book, "customer", "list", "-o", "ids").out == "ada\n"
    assert run("-C", book, "customer", "list", "-o", "ids", "--as-of", "HEAD").out == "ada\nbob\n"
    git(book, "sparse-checkout", "disable")
    assert run("-C", book, "customer", "list", "-o", "ids").out == "ada\nbob\n"


def test_nobody_takes_the_place_of_whom_a_sparse_checkout_leaves_out(sparse: Path, run: Run) -> None:
    commit(sparse, {"interactions/ada.jsonl": LINE})
    git(sparse, "sparse-checkout", "add", "!/records/interactions/")
    head = git(sparse, "rev-parse", "HEAD")
    for arguments in (("customer", "add", "Cleo"), ("log", "ada", "call", "hi")):
        refused = run("-C", sparse, *arguments, "--adopt")
        assert (refused.code, refused.out) == (5, "")
        assert "git sparse-checkout disable" in refused.err
    assert git(sparse, "rev-parse", "HEAD") == head
    missing = run("-C", sparse, "customer", "show", "cleo")
    assert missing.code == 3
    assert "sparse-checkout" in missing.err


def test_nobody_inherits_a_history_that_a_sparse_checkout_leaves_out(book: Path, run: Run) -> None:
    commit(book, {"interactions/ada.jsonl": LINE})
    git(book, "sparse-checkout", "set", "--no-cone", "/*", "!/records/interactions/")
    head = git(book, "rev-parse", "HEAD")
    for more in ((), ("--force",)):
        refused = run("-C", book, "customer", "rm", "ada", "--yes", *more)
        assert refused.code == 5
        assert "the history of ada is not here" in refused.err
        assert "hint: To have it here: git sparse-checkout disable" in refused.err
    assert git(book, "rev-parse", "HEAD") == head
    refused = run("-C", book, "undo", git(book, "log", "-1", "--format=%H", "--", ADA).strip())
    assert refused.code == 5
    assert "the history of ada is not here" in refused.err
    git(book, "rm", "-q", ADA)
    git(book, "commit", "-q", "--no-verify", "-m", "by hand")
    checked = run("-C", book, "check")
    assert checked.code == 1
    assert "records/interactions/ada.jsonl: there is no customer 'ada' whose history this is" in checked.out
    for arguments in (("Ada",), ("Another", "--handle", "ada")):
        refused = run("-C", book, "customer", "add", *arguments)
        assert refused.code == 5
        assert "customer ada, or the history of one called so, is committed and not here" in refused.err
    people = book / "people.csv"
    people.write_text("name\nAda\n")
    assert run("-C", book, "import", "csv", people, "--kind", "customer", "--map", "name=name", "--yes").code == 0
    assert run("-C", book, "customer", "list", "-o", "ids").out == "ada-2\nbob\n"


def test_whoever_may_be_named_by_what_a_sparse_checkout_leaves_out_stays(sparse: Path, run: Run) -> None:
    refused = run("-C", sparse, "customer", "rm", "bob", "--yes")
    assert refused.code == 5
    assert "is not here (git sparse-checkout leaves it out), and may name customer bob" in refused.err
    assert run("-C", sparse, "customer", "rm", "bob", "--yes", "--force").code == 0


def test_a_sync_brings_what_a_sparse_checkout_leaves_out_and_leaves_it_out(
    sparse: Path, run: Run, tmp_path: Path
) -> None:
    git(tmp_path, "clone", "-q", "--bare", str(sparse), "hub.git")
    git(sparse, "remote", "add", "origin", str(tmp_path / "hub.git"))
    git(tmp_path, "clone", "-q", "hub.git", "other")
    other = tmp_path / "other"
    for merging in (False, True):
        role = f"role={'boss' if merging else 'cook'}"
        assert run("-C", other, "customer", "set", "cleo", role).code == 0
        assert run("-C", other, "deal", *(("rm", "offer") if merging else ("set", "offer", "source=x"))).code == 0
        assert run("-C", other, "sync").code == 0
        if merging:
            assert run("-C", sparse, "customer", "set", "ada", "notes=x").code == 0
        done = run("-C", sparse, "sync")
        assert (done.code, done.out) == (0, "")
        assert git(sparse, "show", "HEAD:records/customers/cleo.yaml").endswith(f"{role.replace('=', ': ')}\n")
        assert git(sparse, "status", "--porcelain") == ""
        assert not (sparse / "records/customers/cleo.yaml").exists()
    assert not (sparse / "records/deals").exists()
    assert "records/deals" not in git(sparse, "ls-tree", "-r", "--name-only", "HEAD")
    assert run("-C", sparse, "undo").code == 0
    assert git(sparse, "status", "--porcelain") == ""
    git(sparse, "sparse-checkout", "disable")
    assert "boss" in run("-C", sparse, "customer", "show", "cleo").out


def test_what_a_sparse_checkout_leaves_out_is_not_missing(sparse: Path, run: Run) -> None:
    assert run("-C", sparse, "followup", "add", "call", "--customer", "cleo", "--due", "fri").code == 3
    commit(sparse, {"followups/call.yaml": "what: call\ncustomer: cleo\ndue: 2026-12-01\n"})
    checked = run("-C", sparse, "check")
    assert (checked.code, checked.out) == (0, "")
    told = run("-C", sparse, "doctor")
    assert "leaves 2 committed files out" in told.out
    git(sparse, "sparse-checkout", "disable")
    assert "sparse-checkout" not in run("-C", sparse, "doctor").out


def test_a_record_written_outside_of_a_sparse_checkout_is_committed_and_there(sparse: Path, run: Run) -> None:
    assert run("-C", sparse, "deal", "add", "Big One", "--set", "customer=ada").code == 0
    assert "deals/big-one.yaml" in git(sparse, "ls-tree", "-r", "--name-only", "HEAD")
    assert (sparse / "records/deals/big-one.yaml").exists()
    assert git(sparse, "status", "--porcelain") == ""
    assert run("-C", sparse, "deal", "list", "-o", "ids").out == "big-one\n"


def test_a_folder_that_is_gone(book: Path) -> None:
    """The current folder was removed under us."""
    done = processes.shell('cd "$1" && mkdir gone && cd gone && rmdir ../gone && crmctl customer list', book)
    assert done.code in (1, 6)
    assert "Traceback" not in done.err
    assert done.err.startswith("crmctl: ")


def test_records_that_git_ignores_are_read_as_soon_as_they_are_written_by_us(book: Path, run: Run) -> None:
    commit(book, {"/.gitignore": "*.yaml\n"})
    assert run("-C", book, "customer", "add", "Cleo").code == 0
    assert run("-C", book, "customer", "set", "ada", "notes=x").code == 0
    assert run("-C", book, "customer", "list", "-o", "ids").out == "ada\nbob\ncleo\n"
    assert git(book, "status", "--porcelain") == ""


def test_a_repository_inside_the_book_is_left_alone(book: Path, run: Run) -> None:
    inner = repository(book / "records/customers/vendored")
    commit(inner, {"/x.yaml": "name: Not ours\n"})
    assert run("-C", book, "customer", "set", "ada", "notes=x").code == 0
    assert git(inner, "status", "--porcelain") == ""
    listed = run("-C", book, "customer", "list", "-o", "ids")
    assert "ada\nbob\n" in listed.out


def test_names_that_are_not_utf_8_hide_no_record(book: Path, run: Run) -> None:
    path = os.fsencode(book / "records/customers") + b"/bj\xf6rn.yaml"
    try:
        Path(os.fsdecode(path)).write_bytes(b"name: Bj\xc3\xb6rn\n")
    except OSError:
        pytest.skip("this file system takes no such name")
    for _ in range(2):
        listed = run("-C", book, "customer", "list", "-o", "ids")
        assert (listed.code, listed.out) == (4, "ada\nbob\n")
        assert "bj\\xf6rn.yaml: the file's name is not UTF-8" in listed.err
    assert run("-C", book, "customer", "set", "ada", "notes=x").code == 4
    assert git(book, "log", "-1", "--format=%s") == "customer: set ada notes\n"
    git(book, "add", "-A")
    git(book, "commit", "-q", "-m", "with it")
    assert run("-C", book, "customer", "list", "-o", "ids").code == 4
    git(book, "mv", os.fsdecode(path), "records/customers/bjorn.yaml")
    assert run("-C", book, "customer", "list", "-o", "ids") == (0, "ada\nbjorn\nbob\n", "")


@pytest.mark.parametrize("name", ["a\nD crm.yaml\nb", "a\nreset refs\nb"])
def test_a_file_name_with_a_line_break_cannot_speak_to_git(book: Path, run: Run, name: str) -> None:
    write(book, {f"customers/{name}.yaml": "name: Mallory\n"})
    refused = run("-C", book, "customer", "set", "mallory", "notes=x")
    assert refused.code == 4
    assert "line break" in refused.err
    commit(book)
    head = git(book, "rev-parse", "HEAD")
    assert run("-C", book, "customer", "set", "mallory", "notes=x").code == 4
    assert git(book, "rev-parse", "HEAD") == head
    assert run("-C", book, "customer", "set", "ada", "notes=x").code == 0


@pytest.mark.parametrize("name", ['"q', '"all"', "back\\slash", "sp ace", "é", "a\u2028b", "C:x", "-x", "A*?[z]"])
def test_files_with_odd_names_can_be_changed_where_they_stand(book: Path, run: Run, name: str) -> None:
    commit(book, {f"customers/{name}.yaml": "name: Odd One\n"})
    done = run("-C", book, "customer", "set", "odd one", "notes=x")
    assert done.code == 0, done.err
    assert "notes: x" in git(book, "show", f"HEAD:records/customers/{name}.yaml")
    assert git(book, "status", "--porcelain") == ""


def test_a_symbolic_link_in_a_commit_stays_one_and_is_no_record(book: Path, run: Run) -> None:
    (book / "records/customers/evil.yaml").symlink_to("/etc/passwd")
    git(book, "add", "-A")
    git(book, "commit", "-q", "-m", "a link")
    listed = run("-C", book, "customer", "list", "-o", "ids")
    assert (listed.code, listed.out) == (4, "ada\nbob\n")
    assert "root:" not in listed.err
    assert run("-C", book, "customer", "add", "Evil").code == 4
    assert (book / "records/customers/evil.yaml").is_symlink()
    assert subprocess.run(["git", "-C", str(book), "diff", "--quiet", "HEAD"], check=False, timeout=60).returncode == 0


def test_a_folder_of_records_that_is_a_link_is_not_written_through(book: Path, run: Run, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (book / "records/deals").symlink_to(outside)
    git(book, "add", "-A")
    git(book, "commit", "-q", "-m", "a link")
    head = git(book, "rev-parse", "HEAD")
    refused = run("-C", book, "deal", "add", "Big One", "--set", "customer=ada")
    assert refused.code == 4
    assert "records/deals: a symbolic link stands where a folder should be" in refused.err
    assert list(outside.iterdir()) == []
    assert git(book, "rev-parse", "HEAD") == head


def test_a_folder_of_records_that_is_a_file_is_not_replaced(book: Path, run: Run) -> None:
    commit(book, {"interactions": "a file\n"})
    head = git(book, "rev-parse", "HEAD")
    refused = run("-C", book, "log", "ada", "call", "hi")
    assert refused.code == 4
    assert "records/interactions: a file stands where a folder should be" in refused.err
    assert git(book, "rev-parse", "HEAD") == head
    assert run("-C", book, "customer", "set", "ada", "notes=x").code == 0


def test_only_what_can_name_a_record_keeps_it(sparse: Path, run: Run) -> None:
    assert run("-C", sparse, "followup", "add", "call", "--customer", "bob", "--due", "2030-01-01").code == 0
    assert run("-C", sparse, "followup", "rm", "call", "--yes").code == 0
    assert run("-C", sparse, "log", "bob", "call", "hi").code == 0
    assert run("-C", sparse, "undo").code == 0
    assert git(sparse, "ls-tree", "-r", "--name-only", "HEAD", "records/interactions") == ""


def test_a_deal_that_a_history_left_out_may_name_stays(book: Path, run: Run) -> None:
    commit(book, {"deals/offer.yaml": "name: Offer\ncustomer: ada\n", "interactions/ada.jsonl": LINE})
    git(book, "sparse-checkout", "set", "--no-cone", "/*", "!/records/interactions/")
    refused = run("-C", book, "deal", "rm", "offer", "--yes")
    assert refused.code == 5
    assert "and may name deal offer" in refused.err


def test_nobody_inherits_a_history_that_was_left_behind(book: Path, run: Run) -> None:
    commit(book, {"interactions/ada.jsonl": LINE})
    git(book, "rm", "-q", ADA)
    git(book, "commit", "-q", "--no-verify", "-m", "by hand")
    assert run("-C", book, "customer", "add", "Another", "--handle", "ada").code == 5
    assert run("-C", book, "customer", "add", "Ada").code == 0
    assert run("-C", book, "customer", "list", "-o", "ids").out == "ada-2\nbob\n"
