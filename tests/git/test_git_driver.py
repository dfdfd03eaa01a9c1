"""git joins records by our driver, in every kind of merge; and nothing is lost where the driver is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from helpers import processes
from helpers.books import commit
from helpers.books import git
from helpers.books import write

from crmctl.hooks import merge_driver
from crmctl.services.clone import mergedriver
from crmctl.services.clone import ours
from crmctl.vcs import places

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.vcs.places import Places

RECORD = "records/customers/ada.yaml"
BASE = "id: 01J0000000000000000000000A\nname: Ada\nrole: buyer\nlanguage: en\n"
OURS = BASE.replace("buyer", "head of sales")
THEIRS = BASE.replace("language: en", "language: de")
OTHERS = BASE.replace("buyer", "driver")
BOTH = OURS.replace("language: en", "language: de")


def attempt(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """git, that may fail; a text editor would only be in the way."""
    env = {**os.environ, "GIT_EDITOR": "true"}
    return subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False, env=env)


def install(root: Path) -> Places:
    found = places.find(root)
    mergedriver.install(found)
    return found


def fork(root: Path, ours: str = OURS, theirs: str = THEIRS, base: str = BASE, record: str = RECORD) -> None:
    """A branch ``side`` with ``theirs``, and ``main`` checked out with ``ours``; both came from ``base``."""
    if base:
        commit(root, {f"/{record}": base}, "base")
    git(root, "switch", "-q", "-c", "side")
    commit(root, {f"/{record}": theirs}, "theirs")
    git(root, "switch", "-q", "main")
    commit(root, {f"/{record}": ours}, "ours")


def read(root: Path, record: str = RECORD) -> str:
    return (root / record).read_text()


def assert_marked(text: str, *parts: str) -> None:
    """Both sides and the base stand between markers, so that nobody takes one of them for the whole."""
    lines = text.splitlines()
    for sign in "<|=>":
        assert [line for line in lines if line.startswith(sign * 7)], text
    assert all(part in text for part in parts), text


# The ways to a merge


def test_a_merge_joins_fields_that_lines_would_not(book_dir: Path) -> None:
    fork(book_dir)
    assert attempt(book_dir, "merge", "side").returncode == 1
    git(book_dir, "merge", "--abort")
    install(book_dir)
    git(book_dir, "merge", "-q", "side")
    assert read(book_dir) == BOTH
    assert git(book_dir, "status", "--short") == ""


def test_rebase(book_dir: Path) -> None:
    install(book_dir)
    fork(book_dir)
    git(book_dir, "rebase", "-q", "side")
    assert read(book_dir) == BOTH


def test_cherry_pick(book_dir: Path) -> None:
    install(book_dir)
    fork(book_dir)
    git(book_dir, "cherry-pick", "side")
    assert read(book_dir) == BOTH


def test_revert(book_dir: Path) -> None:
    install(book_dir)
    commit(book_dir, {f"/{RECORD}": BASE})
    commit(book_dir, {f"/{RECORD}": OURS}, "to be taken back")
    commit(book_dir, {f"/{RECORD}": BOTH}, "later")
    git(book_dir, "revert", "--no-edit", "HEAD~1")
    assert read(book_dir) == THEIRS


def test_stash_pop(book_dir: Path) -> None:
    install(book_dir)
    commit(book_dir, {f"/{RECORD}": BASE})
    write(book_dir, {f"/{RECORD}": THEIRS})
    git(book_dir, "stash", "-q")
    commit(book_dir, {f"/{RECORD}": OURS})
    git(book_dir, "stash", "pop", "-q")
    assert read(book_dir) == BOTH


def test_apply_three_way(book_dir: Path, tmp_path: Path) -> None:
    install(book_dir)
    fork(book_dir)
    patch = tmp_path / "their.patch"
    patch.write_text(git(book_dir, "diff", "main~1", "side"))
    git(book_dir, "apply", "-3", str(patch))
    assert read(book_dir) == BOTH


def test_switching_with_a_merge(book_dir: Path) -> None:
    install(book_dir)
    fork(book_dir, ours=BASE + "# a remark\n")
    write(book_dir, {f"/{RECORD}": OURS + "# a remark\n"})
    git(book_dir, "switch", "-q", "-m", "side")
    assert read(book_dir) == BOTH


def test_both_added_the_record(book_dir: Path) -> None:
    install(book_dir)
    fork(book_dir, base="")
    assert attempt(book_dir, "merge", "side").returncode == 1
    assert_marked(read(book_dir), "head of sales", "buyer")
    git(book_dir, "merge", "--abort")
    git(book_dir, "switch", "-q", "-C", "side", "main~1")
    commit(book_dir, {f"/{RECORD}": OURS.replace("name: Ada\n", "name: Ada\nemails:\n  - ada@example.com\n")})
    git(book_dir, "switch", "-q", "main")
    git(book_dir, "merge", "-q", "side")
    assert "ada@example.com" in read(book_dir)


def test_histories_that_crossed_are_merged_from_an_older_record(book_dir: Path) -> None:
    install(book_dir)
    fork(book_dir, ours=OURS, theirs=OTHERS)
    # Each takes the other in and keeps its own words.
    crossed = {
        branch: git(book_dir, "commit-tree", "-p", branch, "-p", other, "-m", "x", f"{branch}^{{tree}}").strip()
        for branch, other in (("main", "side"), ("side", "main"))
    }
    git(book_dir, "reset", "-q", "--hard", crossed["main"])
    git(book_dir, "branch", "-q", "-f", "side", crossed["side"])
    assert len(git(book_dir, "merge-base", "--all", "main", "side").split()) == 2
    assert attempt(book_dir, "merge", "side").returncode == 1
    text = read(book_dir)
    assert_marked(text, "head of sales", "driver", "buyer")
    assert text.count("<<<<<<<") == 1
    assert "Temporary merge" not in text


def test_a_conflict_says_which_fields_and_where_to_go_on(book_dir: Path) -> None:
    install(book_dir)
    fork(book_dir, theirs=OTHERS)
    done = attempt(book_dir, "merge", "side")
    assert done.returncode == 1
    assert f"crmctl: {RECORD}: both sides changed role (crmctl conflicts shows both sides)" in done.stderr
    assert_marked(read(book_dir), "head of sales", "driver", "buyer")


def test_two_people_are_never_made_one_by_a_rename(book_dir: Path) -> None:
    """Ours erases Ada and adds Bob, theirs writes to Ada's record: git takes Bob's file for a renamed Ada's."""
    ada = BASE + "country: DE\ntimezone: Europe/Berlin\ntype: person\nlifecycle: customer\n"
    bob = ada.replace("A\n", "B\n", 1).replace("Ada", "Bob")
    commit(book_dir, {f"/{RECORD}": ada}, "base")
    git(book_dir, "switch", "-q", "-c", "side")
    commit(book_dir, {f"/{RECORD}": ada + "phones:\n  - '+49 30 1234567'\n"}, "Ada's number")
    git(book_dir, "switch", "-q", "main")
    (book_dir / RECORD).unlink()
    commit(book_dir, {"customers/bob.yaml": bob}, "Bob for Ada")
    git(book_dir, "merge", "-q", "side")
    assert "1234567" in read(book_dir, "records/customers/bob.yaml"), "git alone gives Ada's number to Bob"
    git(book_dir, "reset", "-q", "--hard", "HEAD^")
    install(book_dir)
    assert attempt(book_dir, "merge", "side").returncode == 1
    text = read(book_dir, "records/customers/bob.yaml")
    assert_marked(text, "Bob", "Ada")


def test_other_files_are_merged_as_ever(book_dir: Path) -> None:
    install(book_dir)
    fork(
        book_dir, record="templates/a.md", base="1\n2\n3\n4\n5\n", ours="one\n2\n3\n4\n5\n", theirs="1\n2\n3\n4\nfive\n"
    )
    git(book_dir, "merge", "-q", "side")
    assert read(book_dir, "templates/a.md") == "one\n2\n3\n4\nfive\n"


# Where the book stands


def test_in_a_linked_work_tree(book_dir: Path, tmp_path: Path) -> None:
    fork(book_dir)
    linked = tmp_path / "linked"
    git(book_dir, "worktree", "add", "-q", str(linked), "side")
    assert install(linked).common_dir == book_dir / ".git"
    assert mergedriver.state(places.find(book_dir)) == "installed"
    git(linked, "merge", "-q", "main")
    assert read(linked) == BOTH


@pytest.mark.parametrize("folder", ["crm", 'our [1st] "book"* ü', "records"])
def test_books_in_folders_of_one_repository(tmp_path: Path, folder: str) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    commit(tmp_path, {f"/{folder}/crm.yaml": "name: A\n", "/other/crm.yaml": "name: B\n"})
    for book in (folder, "other"):
        install(tmp_path / book)
    for book in (folder, "other"):
        assert mergedriver.state(places.find(tmp_path / book)) == "installed"
        asked = git(
            tmp_path, "check-attr", "-z", "merge", "--", f"{book}/{RECORD}", f"{book}/crm.yaml", f"{book}/x.yaml"
        )
        assert asked.split("\0")[2::3] == ["crmctl", "crmctl", "unspecified"]
    fork(tmp_path, record=f"{folder}/{RECORD}")
    git(tmp_path, "merge", "-q", "side")
    assert read(tmp_path, f"{folder}/{RECORD}") == BOTH


def test_settings_of_a_book_in_a_folder_are_joined_too(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    base = "name: A\ncurrency: EUR\n"
    commit(tmp_path, {"/crm/crm.yaml": base})
    install(tmp_path / "crm")
    fork(tmp_path, "name: B\ncurrency: EUR\n", "name: A\ncurrency: CHF\n", base, "crm/crm.yaml")
    git(tmp_path, "merge", "-q", "side")
    assert read(tmp_path, "crm/crm.yaml") == "name: B\ncurrency: CHF\n"


# What others may have done


@pytest.mark.parametrize(
    "line", ["*.yaml -merge", "*.yaml merge=union", "records/** merge=binary conflict-marker-size=2", "* merge=ours"]
)
def test_a_hostile_gitattributes_changes_nothing(book_dir: Path, line: str) -> None:
    install(book_dir)
    fork(book_dir, theirs=OTHERS)
    for branch in ("side", "main"):
        git(book_dir, "switch", "-q", branch)
        commit(book_dir, {"/.gitattributes": line + "\n"})
    assert attempt(book_dir, "merge", "side").returncode == 1
    assert_marked(read(book_dir), "head of sales", "driver", "buyer")


def test_the_attributes_of_the_other_side_are_not_needed(book_dir: Path) -> None:
    """Only the side that is merged into has any say by tracked attributes; here neither has the file."""
    install(book_dir)
    fork(book_dir)
    assert not (book_dir / ".gitattributes").exists()
    git(book_dir, "merge", "-q", "side")
    assert read(book_dir) == BOTH


def test_a_program_in_the_book_is_not_the_driver(book_dir: Path, tmp_path: Path) -> None:
    install(book_dir)
    fork(book_dir)
    (book_dir / "crmctl/hooks").mkdir(parents=True)
    for name in ("__init__.py", "hooks/__init__.py", "hooks/merge_driver.py", "../sitecustomize.py"):
        (book_dir / "crmctl" / name).write_text(f"open({str(tmp_path / 'was-run')!r}, 'w')\n")
    git(book_dir, "merge", "-q", "side")
    assert read(book_dir) == BOTH
    assert not (tmp_path / "was-run").exists()


# When the driver is not there, or dies

FAILING = {
    "missing": "",
    "killed": "#!/bin/sh\nkill -9 $$\n",
    "killed halfway": "#!/bin/sh\nkill -15 $$\n",
    "no crmctl in it": "#!/bin/sh\nexit 1\n",
    "usage": "#!/bin/sh\nexit 2\n",
}


@pytest.mark.parametrize("how", FAILING)
def test_without_the_program_both_sides_stand_between_markers(
    book_dir: Path, tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / 'it\'s "my" 100% python'
    if FAILING[how]:
        program.write_text(FAILING[how])
        program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    install(book_dir)
    fork(book_dir)
    done = attempt(book_dir, "merge", "side")
    assert done.returncode == 1, done.stdout
    assert_marked(read(book_dir), "head of sales", "language: de", "language: en", "buyer")
    assert git(book_dir, "status", "--short") == f"UU {RECORD}\n"


def test_without_the_program_nothing_is_joined_even_if_lines_could_be(
    book_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person has to look at it: lines that do not meet may still be two consents, or two people."""
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    install(book_dir)
    fork(book_dir, theirs=BASE + "a: b\nc: d\n", ours=BASE.replace("id:", "# x\nid:"))
    assert attempt(book_dir, "merge", "side").returncode == 1
    assert git(book_dir, "status", "--short") == f"UU {RECORD}\n"


def test_a_path_with_spaces_quotes_and_signs_of_gits_works(
    book_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / 'it\'s "my" 100%A $HOME; `python`\\#'
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    found = install(book_dir)
    assert mergedriver.state(found) == "installed"
    assert git(book_dir, "config", "merge.crmctl.driver").removesuffix("\n") == ours.driver()
    fork(book_dir)
    git(book_dir, "merge", "-q", "side")
    assert read(book_dir) == BOTH


# Setting up and taking away


def snapshot(root: Path) -> dict[str, bytes]:
    folders = (root / ".git/hooks", root / ".git/info")
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return {str(path): path.read_bytes() for path in [root / ".git/config", *files]}


def test_uninstall_leaves_nothing(book_dir: Path) -> None:
    shutil.rmtree(book_dir / ".git/info")
    before = snapshot(book_dir)
    found = install(book_dir)
    assert snapshot(book_dir) != before
    assert mergedriver.uninstall(found)
    assert snapshot(book_dir) == before
    assert not (book_dir / ".git/info").exists()
    assert mergedriver.state(found) == "absent"
    assert not mergedriver.uninstall(found)


def test_what_others_wrote_into_the_same_files_stays(book_dir: Path) -> None:
    (book_dir / ".git/info/attributes").write_text("*.png binary")
    with (book_dir / ".git/config").open("a") as config:
        config.write('[crmctl]\n\tother = "x"\n[merge "theirs"]\n\tdriver = false\n# last')
    before = snapshot(book_dir)
    found = install(book_dir)
    for _ in range(2):
        mergedriver.install(found)
    assert git(book_dir, "config", "merge.theirs.driver") == "false\n"
    assert git(book_dir, "config", "--get-all", "crmctl.driver").count("\n") == 1
    assert (book_dir / ".git/info/attributes").read_text().count("begin") == 1
    mergedriver.uninstall(found)
    after = snapshot(book_dir)
    assert {path: data.rstrip() for path, data in after.items()} == {
        path: data.rstrip() for path, data in before.items()
    }


def test_after_uninstall_git_merges_lines_again(book_dir: Path) -> None:
    found = install(book_dir)
    commit(book_dir, {"/.gitattributes": "*.yaml merge=crmctl\n"})
    mergedriver.uninstall(found)
    fork(book_dir)
    done = attempt(book_dir, "merge", "side")
    assert done.returncode == 1
    assert "fatal" not in done.stderr
    assert "<<<<<<< HEAD" in read(book_dir)


def test_ensure_sets_up_a_clone_once_and_not_against_its_owners_will(book_dir: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    git(book_dir, "clone", "-q", str(book_dir), str(clone))
    found = places.find(clone)
    assert mergedriver.state(found) == "absent"
    assert mergedriver.ensure(found)
    assert mergedriver.state(found) == "installed"
    before = (clone / ".git/config").stat()
    assert not mergedriver.ensure(found)
    assert (clone / ".git/config").stat().st_ino == before.st_ino
    mergedriver.uninstall(found)
    assert not mergedriver.ensure(found)
    assert mergedriver.state(found) == "absent"
    mergedriver.install(found)
    assert not mergedriver.is_unwanted(found)


def test_what_is_outdated_is_brought_up_to_date(book_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = install(book_dir)
    for name, value in (
        ("merge.crmctl.driver", "false"),
        ("merge.crmctl.recursive", "text"),
        ("crmctl.driver", "0.0.1"),
    ):
        git(book_dir, "config", name, value)
        assert mergedriver.state(found) == "outdated"
        assert mergedriver.ensure(found)
        assert mergedriver.state(found) == "installed"
    assert git(book_dir, "config", "--get-all", "merge.crmctl.driver").count("\n") == 1
    assert mergedriver.state(found._replace(prefix="crm/")) == "outdated"
    monkeypatch.setattr(sys, "executable", "/another/python")
    assert mergedriver.state(found) == "outdated"
    assert git(book_dir, "config", "merge.crmctl.driver").removesuffix("\n") != ours.driver()


def test_a_lock_of_gits_is_respected(book_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crmctl.vcs.clonefiles._PAUSE", 0)
    lock = book_dir / ".git/config.lock"
    lock.touch()
    assert not mergedriver.ensure(places.find(book_dir))
    assert git(book_dir, "config", "--get-regexp", "core") != ""
    lock.unlink()
    assert mergedriver.ensure(places.find(book_dir))
    assert not lock.exists()


def test_the_lines_of_init_bind_the_driver_in_every_clone(tmp_path: Path) -> None:
    from crmctl.services.clone import setup
    from crmctl.services.clone.starter import Basics

    made = setup.make(tmp_path / "book", Basics())
    assert made.notes == ()
    assert mergedriver.state(made.book.places) == "installed"
    (tmp_path / "book/.git/info/attributes").unlink()
    for path in (RECORD, "records/interactions/ada.jsonl", "crm.yaml", "records/customers/me/ada.yaml"):
        assert git(tmp_path / "book", "check-attr", "merge", "--", path) == f"{path}: merge: crmctl\n"


def test_init_adds_its_lines_to_a_gitattributes_that_is_there(tmp_path: Path) -> None:
    from crmctl.services.clone import setup
    from crmctl.services.clone.starter import Basics

    git(tmp_path, "init", "-q", "-b", "main")
    commit(tmp_path, {"/.gitattributes": "*.png binary"})
    made = setup.make(tmp_path, Basics())
    assert ".gitattributes" in made.files
    text = (tmp_path / ".gitattributes").read_text()
    assert text.startswith("*.png binary\n\n#")
    assert text.count("merge=crmctl") == 3
    assert git(tmp_path, "status", "--short") == ""


def test_init_leaves_a_gitattributes_alone_that_is_being_worked_on(tmp_path: Path) -> None:
    from crmctl.services.clone import setup
    from crmctl.services.clone.starter import Basics

    git(tmp_path, "init", "-q", "-b", "main")
    commit(tmp_path, {"/.gitattributes": "*.png binary\n"})
    write(tmp_path, {"/.gitattributes": "*.png -text\n"})
    made = setup.make(tmp_path, Basics())
    assert ".gitattributes" in made.kept
    assert "nothing was added" in made.notes[0]
    assert (tmp_path / ".gitattributes").read_text() == "*.png -text\n"


def test_the_driver_answers_git_with_0_or_1_and_nothing_else(book_dir: Path) -> None:
    """Whatever it is given; the file in the middle is the one it writes."""
    for name, text in (("o", BASE), ("a", OURS), ("b", THEIRS)):
        (book_dir / name).write_text(text)
    good = [str(book_dir / name) for name in "oab"]
    for arguments in ([], ["x"], [*good, "7"], [*good[:2], "/no/such/file", "7", RECORD]):
        assert merge_driver._guarded(arguments) == 1
        assert (book_dir / "a").read_text() == OURS
    assert merge_driver._guarded([*good, "7", RECORD]) == 0
    assert (book_dir / "a").read_text() == BOTH
    assert sorted(path.name for path in book_dir.iterdir()) == [".git", "a", "b", "crm.yaml", "o"]


@pytest.mark.parametrize(
    "attributes", ["*.yaml filter=up\n", "*.jsonl working-tree-encoding=UTF-16\n", "*.yaml ident\n*.jsonl filter=up\n"]
)
def test_attributes_for_all_repositories_change_no_record(
    book_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, attributes: str
) -> None:
    (tmp_path / "attributes").write_text(attributes)
    (tmp_path / "gitconfig").write_text(
        f"[user]\nname = T\nemail = t@example.com\n[core]\nattributesFile = {tmp_path}/attributes\n"
        '[filter "up"]\nclean = tr a-z A-Z\n'
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    for words in ("add Ada --role $Id$", "set ada role=$Id$", "set ada role=other"):
        for command in (["customer", *words.split()], ["log", "ada", "call", "hello"]):
            done = processes.crmctl("-C", book_dir, *command)
            assert done.code == 0, done.err
    assert git(book_dir, "status", "--porcelain") == ""
    assert git(book_dir, "show", ":records/customers/ada.yaml") == (book_dir / "records/customers/ada.yaml").read_text()
    assert "role: other" in git(book_dir, "show", "HEAD:records/customers/ada.yaml")
