"""A write beside a person's own work: nothing of theirs is swept in, overwritten or lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from helpers.books import commit
from helpers.books import git
from helpers.books import write

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

ADA = "records/customers/ada.yaml"
BOB = "records/customers/bob.yaml"


@pytest.fixture
def book(book_dir: Path) -> Path:
    commit(book_dir, {"customers/ada.yaml": "name: Ada Lovelace\n", "customers/bob.yaml": "name: Bob\n"})
    return book_dir


def files_of_last_commit(book: Path) -> list[str]:
    return git(book, "show", "--name-only", "--format=", "-z", "HEAD").split("\0")[:-1]


def test_work_in_other_files_stays_as_it_was(book: Path, run: Run) -> None:
    write(book, {"customers/bob.yaml": "name: Bob B.\n"})
    git(book, "add", BOB)
    write(book, {"customers/bob.yaml": "name: Bob B. Baker\n", "/draft.txt": "mine\n", "/staged.txt": "mine too\n"})
    git(book, "add", "staged.txt")
    before = git(book, "status", "--porcelain")
    assert run("-C", book, "customer", "set", "ada", "notes=met at the fair").code == 0
    assert git(book, "status", "--porcelain") == before == f"MM {BOB}\nA  staged.txt\n?? draft.txt\n"
    assert files_of_last_commit(book) == [ADA]
    assert git(book, "show", f":{BOB}") == "name: Bob B.\n"
    assert (book / BOB).read_text() == "name: Bob B. Baker\n"


@pytest.mark.parametrize("staged", [False, True])
def test_an_edit_of_the_same_field_is_refused_and_adopted_when_asked(book: Path, run: Run, staged: bool) -> None:
    write(book, {"customers/ada.yaml": "name: Ada Lovelace\nnotes: hers\n"})
    if staged:
        git(book, "add", ADA)
    head = git(book, "rev-parse", "HEAD")
    status = git(book, "status", "--porcelain")
    refused = run("-C", book, "customer", "set", "ada", "notes=x")
    assert refused.code == 5
    assert ADA in refused.err
    assert "--adopt" in refused.err
    assert git(book, "rev-parse", "HEAD") == head
    assert git(book, "status", "--porcelain") == status
    assert (book / ADA).read_text() == "name: Ada Lovelace\nnotes: hers\n"
    adopted = run("-C", book, "customer", "set", "ada", "role=engineer", "--adopt")
    assert adopted.code == 0
    assert f"took along what was written by hand in {ADA}" in adopted.err
    text = git(book, "show", f"HEAD:{ADA}")
    assert "notes: hers" in text
    assert "role: engineer" in text
    assert git(book, "status", "--porcelain") == ""


@pytest.mark.parametrize("staged", [False, True])
def test_an_edit_of_another_field_stays_as_it_was_staged_or_not(book: Path, run: Run, staged: bool) -> None:
    write(book, {"customers/ada.yaml": "name: Ada Lovelace\n# from the fair\ntags: [vip]\n"})
    if staged:
        git(book, "add", ADA)
    status = git(book, "status", "--porcelain")
    done = run("-C", book, "customer", "set", "ada", "notes=x")
    assert done.code == 0, done.err
    assert f"what you wrote by hand in {ADA} stays uncommitted" in done.err
    assert git(book, "status", "--porcelain") == status
    committed = git(book, "show", f"HEAD:{ADA}")
    assert "notes: x" in committed
    assert "vip" not in committed
    text = (book / ADA).read_text()
    assert "# from the fair\ntags: [vip]\n" in text
    assert "notes: x" in text
    assert (git(book, "show", f":{ADA}") == text) is staged
    git(book, "commit", "-q", "-a", "-m", "by hand")
    assert git(book, "status", "--porcelain") == ""


def test_a_line_added_by_hand_to_a_history_stays_uncommitted(book: Path, run: Run) -> None:
    assert run("-C", book, "log", "ada", "call", "first").code == 0
    history = book / "records/interactions/ada.jsonl"
    mine = '{"id": "01BX5ZZKBKACTAV9WEVGEMMVRZ", "at": "2030-01-01T00:00:00Z", "type": "note", "text": "by hand"}\n'
    history.write_text(history.read_text() + mine)
    done = run("-C", book, "log", "ada", "call", "second")
    assert done.code == 0, done.err
    assert mine in history.read_text()
    assert "second" in history.read_text()
    committed = git(book, "show", "HEAD:records/interactions/ada.jsonl")
    assert "by hand" not in committed
    assert "second" in committed


def test_what_is_staged_and_taken_back_in_the_file_is_not_lost(book: Path, run: Run) -> None:
    write(book, {"customers/ada.yaml": "name: Ada Lovelace\nrole: staged\n"})
    git(book, "add", ADA)
    write(book, {"customers/ada.yaml": "name: Ada Lovelace\n"})
    for options in ((), ("--adopt",)):
        refused = run("-C", book, "customer", "set", "ada", "notes=x", *options)
        assert refused.code == 5
        assert f"git restore --staged {ADA}" in refused.err
    assert "role: staged" in git(book, "show", f":{ADA}")


def test_a_record_deleted_by_hand_is_not_brought_back(book: Path, run: Run) -> None:
    (book / ADA).unlink()
    assert run("-C", book, "customer", "set", "ada", "notes=x").code == 3
    refused = run("-C", book, "customer", "add", "Ada")
    assert refused.code == 5
    assert "--adopt" in refused.err
    assert not (book / ADA).exists()


def test_a_new_file_written_by_hand_goes_along_and_that_is_said(book: Path, run: Run) -> None:
    write(book, {"customers/cleo.yaml": "# mine\nname: Cleo\n"})
    done = run("-C", book, "customer", "set", "cleo", "notes=x")
    assert done.code == 0
    assert "took along what was written by hand in records/customers/cleo.yaml" in done.err
    assert git(book, "show", "HEAD:records/customers/cleo.yaml").startswith("# mine\n")
    assert git(book, "status", "--porcelain") == ""


def test_other_hand_written_records_are_read_and_left_uncommitted(book: Path, run: Run) -> None:
    write(book, {"customers/cleo.yaml": "name: Cleo\n"})
    assert run("-C", book, "customer", "set", "ada", "notes=x").code == 0
    assert "cleo" in run("-C", book, "customer", "list", "-o", "ids").out
    assert git(book, "status", "--porcelain") == "?? records/customers/cleo.yaml\n"


def test_removing_a_record_edited_by_hand_is_refused(book: Path, run: Run) -> None:
    write(book, {"customers/ada.yaml": "name: Ada\nnotes: precious\n"})
    assert run("-C", book, "customer", "rm", "ada", "--yes").code == 5
    assert "precious" in (book / ADA).read_text()


def test_a_record_renamed_by_hand_has_its_new_name(book: Path, run: Run) -> None:
    (book / ADA).rename(book / "records/customers/ada-king.yaml")
    assert run("-C", book, "customer", "list", "-o", "ids").out == "ada-king\nbob\n"
    assert run("-C", book, "customer", "set", "ada-king", "notes=x").code == 0
    # Its old name is the person's own change, and still theirs to commit.
    assert git(book, "status", "--porcelain") == f" D {ADA}\n"
    git(book, "mv", BOB, "records/customers/bobby.yaml")
    assert run("-C", book, "customer", "list", "-o", "ids").out == "ada-king\nbobby\n"


def test_the_mode_of_a_record_does_not_matter(book: Path, run: Run) -> None:
    (book / ADA).chmod(0o444)
    (book / BOB).chmod(0o755)
    for handle in ("ada", "bob"):
        assert run("-C", book, "customer", "set", handle, "notes=x").code == 0
    assert git(book, "ls-tree", "HEAD", ADA, BOB).count("100644 blob") == 2
    assert git(book, "status", "--porcelain") == ""


def test_an_editor_that_saves_while_the_write_is_under_way_keeps_its_text(
    book: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from crmctl.vcs.repository import Repository

    move = Repository.advance

    def save_then_move(self: Repository, new: str, old: str, message: str) -> None:
        write(book, {"customers/ada.yaml": "name: Ada, from the editor\n"})
        move(self, new, old, message)

    monkeypatch.setattr(Repository, "advance", save_then_move)
    assert run("-C", book, "customer", "set", "ada", "notes=x").code == 0
    monkeypatch.undo()
    assert "notes: x" in git(book, "show", f"HEAD:{ADA}")
    assert (book / ADA).read_text() == "name: Ada, from the editor\n"
    assert git(book, "status", "--porcelain") == f" M {ADA}\n"
    assert [path.name for path in (book / "records/customers").iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("same_record", [False, True])
def test_a_branch_that_moves_meanwhile(
    book: Path, run: Run, monkeypatch: pytest.MonkeyPatch, same_record: bool
) -> None:
    """A raw git commit between our reading HEAD and our moving it: built upon, unless it is about the same record."""
    from crmctl.vcs.repository import Repository

    build = Repository.build
    made: list[str] = []

    def build_then_commit(self: Repository, *arguments: object, **more: object) -> str:
        new = build(self, *arguments, **more)  # type: ignore[arg-type]
        if not made:
            commit(book, {f"customers/{'ada' if same_record else 'bob'}.yaml": "name: Meanwhile\n"}, "meanwhile")
        made.append(new)
        return new

    monkeypatch.setattr(Repository, "build", build_then_commit)
    done = run("-C", book, "customer", "set", "ada", "notes=x")
    monkeypatch.undo()
    assert not (book / ".git/crmctl/journal.json").exists()
    assert git(book, "status", "--porcelain") == ""
    if same_record:
        assert done.code == 5
        assert "the branch moved" in done.err
        assert git(book, "log", "-1", "--format=%s") == "meanwhile\n"
        assert run("-C", book, "customer", "set", "ada", "notes=x").code == 0
    else:
        assert done.code == 0, done.err
        assert git(book, "log", "-2", "--format=%s") == "customer: set ada notes\nmeanwhile\n"
        assert git(book, "show", f"HEAD:{BOB}") == "name: Meanwhile\n"
    assert git(book, "cat-file", "--batch-check", "--batch-all-objects").count("commit") >= 3
