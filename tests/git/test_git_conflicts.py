"""Conflicts of git itself, answered as questions: merge, rebase, cherry-pick, revert, stash pop."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from typing import Any

import pytest
from helpers.books import git
from helpers.two_sides import ADA
from helpers.two_sides import ADA_ID
from helpers.two_sides import BIG
from helpers.two_sides import BOB_ID
from helpers.two_sides import CLEO_ID
from helpers.two_sides import LINE
from helpers.two_sides import commit_as
from helpers.two_sides import fork
from helpers.two_sides import is_fine
from helpers.two_sides import parents
from helpers.two_sides import put
from helpers.two_sides import read
from helpers.two_sides import stops

from crmctl.services.book import Book
from crmctl.services.clone import mergedriver

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

CHIEF = ADA.replace("boss", "chief")
QUEEN = ADA.replace("boss", "queen")


def asked(run: Run, book: Path, *words: str) -> list[dict[str, Any]]:
    found = run("-C", book, "conflicts", *words, "-o", "json")
    rows: list[dict[str, Any]] = json.loads(found.out)
    assert found.code == (5 if rows else 0), found.err
    return rows


def settled(book: Path) -> bool:
    assert git(book, "ls-files", "-u") == ""
    return git(book, "status", "--porcelain") == ""


def test_a_merge_asks_about_a_field_and_is_committed_with_the_answer(book_dir: Path, run: Run) -> None:
    fork(book_dir, {"customers/ada.yaml": ADA}, {"customers/ada.yaml": CHIEF}, {"customers/ada.yaml": QUEEN})
    stops(book_dir, "merge", "theirs")
    (one,) = asked(run, book_dir)
    assert (one["kind"], one["handle"], one["title"], one["field"]) == ("customer", "ada", "Ada", "role")
    assert (one["before"], one["yours"], one["theirs"]) == ("boss", "chief", "queen")
    assert (one["yours_by"], one["theirs_by"]) == ("Ann", "Bob")
    assert one["theirs_commit"] == git(book_dir, "rev-parse", "theirs").strip()
    shown = run("-C", book_dir, "conflicts")
    assert shown.code == 5
    assert "queen (Bob, " in shown.out
    assert "crmctl resolve ada role=ours" in shown.err
    assert is_fine(run("-C", book_dir, "resolve", "ada", "role=theirs"))
    assert settled(book_dir)
    assert parents(book_dir) == 2
    assert read(book_dir, "customers/ada.yaml") == QUEEN
    assert asked(run, book_dir) == []


def test_several_questions_are_answered_one_by_one(book_dir: Path, run: Run) -> None:
    base = {"customers/ada.yaml": ADA, "deals/big.yaml": BIG}
    ours = {"customers/ada.yaml": CHIEF.replace("fair", "web"), "deals/big.yaml": BIG.replace("100", "200")}
    theirs = {
        "customers/ada.yaml": QUEEN.replace("fair", "book"),
        "deals/big.yaml": BIG.replace("100", "300").replace("EUR", "USD"),
    }
    fork(book_dir, base, ours, theirs)
    stops(book_dir, "merge", "theirs")
    assert [one["field"] for one in asked(run, book_dir, "ada")] == ["role", "source"]
    assert is_fine(run("-C", book_dir, "resolve", "ada", "role=ours"))
    assert "UU records/customers/ada.yaml" in git(book_dir, "status", "--porcelain")
    assert is_fine(run("-C", book_dir, "resolve", "ada", "source=phone book"))
    assert "M  records/customers/ada.yaml" in git(book_dir, "status", "--porcelain")
    assert read(book_dir, "customers/ada.yaml") == CHIEF.replace("fair", "phone book")
    refused = run("-C", book_dir, "resolve", "deal", "big", "amount=7")
    assert refused.code == 2
    assert "currency" in refused.err
    done = run("-C", book_dir, "resolve", "deal", "big", "amount=7", "currency=CHF")
    assert is_fine(done)
    assert "merge is finished" in done.err
    assert read(book_dir, "deals/big.yaml") == BIG.replace("100.00", "7.00").replace("EUR", "CHF")
    assert settled(book_dir)


def test_a_rebase_swaps_the_sides_but_yours_stay_yours(book_dir: Path, run: Run) -> None:
    fork(book_dir, {"customers/ada.yaml": ADA}, {"customers/ada.yaml": CHIEF}, {"customers/ada.yaml": QUEEN})
    stops(book_dir, "rebase", "theirs")
    (one,) = asked(run, book_dir)
    assert (one["yours"], one["yours_by"]) == ("chief", "Ann")
    assert (one["theirs"], one["theirs_by"]) == ("queen", "Bob")
    done = run("-C", book_dir, "resolve", "ada", "role=ours")
    assert is_fine(done)
    assert "git rebase --continue" in done.err
    assert "chief" in read(book_dir, "customers/ada.yaml")
    git(book_dir, "-c", "core.editor=true", "rebase", "--continue")
    assert settled(book_dir)
    assert git(book_dir, "log", "--format=%s") == "ours\ntheirs\nbase\ninit\n"


@pytest.mark.parametrize("how", [(), ("--apply",)])
def test_a_rebase_goes_on_when_told_and_asks_about_the_next_commit(
    book_dir: Path, run: Run, how: tuple[str, ...]
) -> None:
    fork(book_dir, {"customers/ada.yaml": ADA}, {"customers/ada.yaml": CHIEF}, {"customers/ada.yaml": QUEEN})
    commit_as(book_dir, "Ann", {"customers/ada.yaml": CHIEF.replace("chief", "head")}, "more of ours")
    stops(book_dir, "rebase", *how, "theirs")
    done = run("-C", book_dir, "resolve", "ada", "role=theirs", "--continue")
    assert is_fine(done)
    assert "1 question is left" in done.err
    (one,) = asked(run, book_dir)
    assert (one["before"], one["yours"], one["theirs"]) == ("chief", "head", "queen")
    assert is_fine(run("-C", book_dir, "resolve", "ada", "--ours", "--continue"))
    assert settled(book_dir)
    assert "head" in read(book_dir, "customers/ada.yaml")
    assert git(book_dir, "symbolic-ref", "--short", "HEAD") == "main\n"


def test_a_rebase_does_not_go_on_with_what_is_wrong(book_dir: Path, run: Run) -> None:
    fork(book_dir, {"customers/ada.yaml": ADA}, {"customers/ada.yaml": CHIEF}, {"customers/ada.yaml": QUEEN})
    stops(book_dir, "rebase", "theirs")
    path = book_dir / "records/customers/ada.yaml"
    path.write_text(QUEEN + "birthday: someday\n")
    git(book_dir, "add", str(path))
    refused = run("-C", book_dir, "resolve", "--continue")
    assert refused.code == 4
    assert "records/customers/ada.yaml:" in refused.err
    assert "someday" in refused.err
    path.write_text(QUEEN)
    git(book_dir, "add", str(path))
    assert is_fine(run("-C", book_dir, "resolve", "--continue"))
    assert settled(book_dir)


def test_a_cherry_pick(book_dir: Path, run: Run) -> None:
    fork(book_dir, {"customers/ada.yaml": ADA}, {"customers/ada.yaml": CHIEF}, {"customers/ada.yaml": QUEEN})
    stops(book_dir, "cherry-pick", "theirs")
    (one,) = asked(run, book_dir)
    assert (one["yours"], one["yours_by"], one["theirs"], one["theirs_by"]) == ("chief", "Ann", "queen", "Bob")
    done = run("-C", book_dir, "resolve", "ada", "role=theirs")
    assert "git cherry-pick --continue" in done.err
    shown = run("-C", book_dir, "conflicts")
    assert is_fine(shown)
    assert "The cherry-pick is not finished: git cherry-pick --continue" in shown.err
    assert is_fine(run("-C", book_dir, "resolve", "--continue"))
    assert settled(book_dir)
    assert git(book_dir, "log", "-1", "--format=%an %s") == "Bob theirs\n"
    again = run("-C", book_dir, "resolve", "--continue")
    assert is_fine(again)
    assert "No conflicts." in again.err


def test_nothing_is_left_of_a_commit_when_ours_is_taken(book_dir: Path, run: Run) -> None:
    fork(book_dir, {"customers/ada.yaml": ADA}, {"customers/ada.yaml": CHIEF}, {"customers/ada.yaml": QUEEN})
    head = git(book_dir, "rev-parse", "HEAD")
    stops(book_dir, "cherry-pick", "theirs")
    done = run("-C", book_dir, "resolve", "ada", "--ours")
    assert "git cherry-pick --skip" in done.err
    assert is_fine(run("-C", book_dir, "resolve", "--continue"))
    assert settled(book_dir)
    assert git(book_dir, "rev-parse", "HEAD") == head
    assert not (book_dir / ".git/CHERRY_PICK_HEAD").exists()


def test_a_revert(book_dir: Path, run: Run) -> None:
    commit_as(book_dir, "Bob", {"customers/ada.yaml": ADA})
    change = commit_as(book_dir, "Bob", {"customers/ada.yaml": QUEEN})
    commit_as(book_dir, "Ann", {"customers/ada.yaml": CHIEF})
    stops(book_dir, "revert", "--no-edit", change)
    (one,) = asked(run, book_dir)
    assert (one["before"], one["yours"], one["yours_by"], one["theirs"]) == ("queen", "chief", "Ann", "boss")
    assert is_fine(run("-C", book_dir, "resolve", "ada", "role=theirs", "--continue"))
    assert read(book_dir, "customers/ada.yaml") == ADA
    assert settled(book_dir)
    assert "Revert" in git(book_dir, "log", "-1", "--format=%s")


def test_a_stash_that_does_not_fit_any_more(book_dir: Path, run: Run) -> None:
    commit_as(book_dir, "Ann", {"customers/ada.yaml": ADA})
    put(book_dir, {"customers/ada.yaml": QUEEN})
    git(book_dir, "stash", "-q")
    commit_as(book_dir, "Ann", {"customers/ada.yaml": CHIEF})
    stops(book_dir, "stash", "pop")
    (one,) = asked(run, book_dir)
    assert (one["before"], one["yours"], one["theirs"], one["theirs_by"]) == ("boss", "chief", "queen", "Ann Author")
    done = run("-C", book_dir, "resolve", "ada", "role=theirs")
    assert is_fine(done)
    assert "git stash drop" in done.err
    assert read(book_dir, "customers/ada.yaml") == QUEEN
    assert git(book_dir, "diff", "--cached", "--name-only") == "records/customers/ada.yaml\n"


def test_a_patch_is_told_from_the_index_alone(book_dir: Path, run: Run, tmp_path: Path) -> None:
    fork(book_dir, {"customers/ada.yaml": ADA}, {"customers/ada.yaml": CHIEF}, {"customers/ada.yaml": QUEEN})
    (tmp_path / "patch").write_text(git(book_dir, "diff", "--full-index", "main~1", "theirs"))
    stops(book_dir, "apply", "-3", str(tmp_path / "patch"))
    (one,) = asked(run, book_dir)
    assert (one["before"], one["yours"], one["theirs"]) == ("boss", "chief", "queen")
    assert is_fine(run("-C", book_dir, "resolve", "ada", "role=duke"))
    assert "duke" in read(book_dir, "customers/ada.yaml")


def test_a_patch_from_a_mail(book_dir: Path, run: Run, tmp_path: Path) -> None:
    fork(book_dir, {"customers/ada.yaml": ADA}, {"customers/ada.yaml": CHIEF}, {"customers/ada.yaml": QUEEN})
    git(book_dir, "format-patch", "-q", "--full-index", "-1", "theirs", "-o", str(tmp_path))
    (patch,) = tmp_path.glob("*.patch")
    stops(book_dir, "am", "-q", "-3", str(patch))
    (one,) = asked(run, book_dir)
    assert (one["before"], one["yours"], one["theirs"]) == ("boss", "chief", "queen")
    assert is_fine(run("-C", book_dir, "resolve", "ada", "--theirs", "--continue"))
    assert settled(book_dir)
    assert git(book_dir, "log", "-1", "--format=%an %s") == "Bob theirs\n"


def test_whom_a_patch_is_about_cannot_be_followed(book_dir: Path, run: Run, tmp_path: Path) -> None:
    replaced = ADA.replace(ADA_ID, BOB_ID).replace("boss", "queen")
    fork(book_dir, {"customers/ada.yaml": ADA}, {"customers/ada.yaml": CHIEF}, {"customers/ada.yaml": replaced})
    (tmp_path / "patch").write_text(git(book_dir, "diff", "--full-index", "main~1", "theirs"))
    stops(book_dir, "apply", "-3", str(tmp_path / "patch"))
    (one,) = asked(run, book_dir)
    assert one["what"] == "identity"
    refused = run("-C", book_dir, "resolve", "ada", "--rename", "ada-2")
    assert refused.code == 5
    assert "--ours or --theirs" in refused.err
    assert is_fine(run("-C", book_dir, "resolve", "ada", "--ours"))
    assert read(book_dir, "customers/ada.yaml") == CHIEF


@pytest.mark.parametrize(("keep", "stays"), [("removed", False), ("edited", True)])
@pytest.mark.parametrize("we_removed", [True, False])
def test_removed_here_and_edited_there(book_dir: Path, run: Run, keep: str, stays: bool, we_removed: bool) -> None:
    base = {"customers/ada.yaml": ADA, "interactions/ada.jsonl": LINE % (1, 1, "hello")}
    removal: dict[str, str | None] = {"customers/ada.yaml": None, "interactions/ada.jsonl": None}
    edit: dict[str, str | None] = {"interactions/ada.jsonl": LINE % (1, 1, "hello") + LINE % (2, 2, "more")}
    ours, theirs = (removal, edit) if we_removed else (edit, removal)
    fork(book_dir, base, ours, theirs)
    stops(book_dir, "merge", "theirs")
    (one,) = asked(run, book_dir)
    assert (one["handle"], one["what"], one["title"]) == ("ada", "removed", "Ada")
    assert (one["yours_words"] == "removed") is we_removed
    assert is_fine(run("-C", book_dir, "resolve", "ada", "--keep", keep))
    assert settled(book_dir)
    assert (book_dir / "records/customers/ada.yaml").exists() is stays
    assert (book_dir / "records/interactions/ada.jsonl").exists() is stays
    if stays:
        assert "more" in read(book_dir, "interactions/ada.jsonl")


def two_people() -> tuple[dict[str, str | None], dict[str, str | None]]:
    """Both sides got to know an Ada of their own, and talked to her."""
    other = f"id: {BOB_ID}\nname: Ada Byron\n"
    ours: dict[str, str | None] = {"customers/ada.yaml": ADA, "interactions/ada.jsonl": LINE % (1, 1, "to ours")}
    theirs: dict[str, str | None] = {
        "customers/ada.yaml": other,
        "interactions/ada.jsonl": LINE % (2, 2, "to theirs"),
        "deals/big.yaml": BIG,
        "customers/cleo.yaml": f"id: {CLEO_ID}\nname: Cleo\nrelations:\n  - customer: ada\n    role: friend\n",
    }
    return ours, theirs


@pytest.mark.parametrize("driver", [True, False])
def test_two_people_under_one_handle_one_is_renamed(book_dir: Path, run: Run, driver: bool) -> None:
    if driver:
        mergedriver.install(Book(book_dir).places)
    ours, theirs = two_people()
    fork(book_dir, {"customers/eve.yaml": "name: Eve\n"}, ours, theirs)
    stops(book_dir, "merge", "theirs")
    (one,) = asked(run, book_dir)
    assert (one["what"], one["yours_words"], one["theirs_words"]) == ("identity", "Ada", "Ada Byron")
    assert "rename" in one["choices"]
    taken = run("-C", book_dir, "resolve", "ada", "--rename", "cleo")
    assert taken.code == 5
    assert is_fine(run("-C", book_dir, "resolve", "ada", "--rename", "ada-byron"))
    assert settled(book_dir)
    assert read(book_dir, "customers/ada.yaml") == ADA
    assert read(book_dir, "customers/ada-byron.yaml") == theirs["customers/ada.yaml"]
    assert read(book_dir, "interactions/ada.jsonl") == ours["interactions/ada.jsonl"]
    assert read(book_dir, "interactions/ada-byron.jsonl") == theirs["interactions/ada.jsonl"]
    assert "customer: ada-byron\n" in read(book_dir, "deals/big.yaml")
    assert "customer: ada-byron\n" in read(book_dir, "customers/cleo.yaml")
    assert is_fine(run("-C", book_dir, "check"))
    assert is_fine(run("-C", book_dir, "check", "--merges"))


@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_two_people_under_one_handle_one_wins_with_her_history(book_dir: Path, run: Run, side: str) -> None:
    ours, theirs = two_people()
    fork(book_dir, {"customers/eve.yaml": "name: Eve\n"}, ours, theirs)
    stops(book_dir, "merge", "theirs")
    refused = run("-C", book_dir, "resolve", "ada", f"--{side}")
    assert refused.code == 5
    assert f"1 interaction (000000e{2 if side == 'ours' else 1}) would be lost" in refused.err
    assert ("deal big" in refused.err) is (side == "ours")
    assert is_fine(run("-C", book_dir, "resolve", "ada", f"--{side}", "--drop"))
    assert settled(book_dir)
    wins = ours if side == "ours" else theirs
    assert read(book_dir, "customers/ada.yaml") == wins["customers/ada.yaml"]
    assert read(book_dir, "interactions/ada.jsonl") == wins["interactions/ada.jsonl"]


def test_a_person_that_they_have_given_another_handle_goes_there(book_dir: Path, run: Run) -> None:
    other = f"id: {BOB_ID}\nname: Ada Byron\n"
    old, new = LINE % (1, 1, "old"), LINE % (2, 2, "new")
    base = {"customers/ada.yaml": ADA, "interactions/ada.jsonl": old}
    ours: dict[str, str | None] = {"interactions/ada.jsonl": old + new, "deals/big.yaml": BIG}
    theirs: dict[str, str | None] = {
        "customers/ada-2.yaml": ADA,
        "interactions/ada-2.jsonl": old,
        "customers/ada.yaml": other,
        "interactions/ada.jsonl": LINE % (3, 3, "hers"),
    }
    fork(book_dir, base, ours, theirs)
    mergedriver.install(Book(book_dir).places)
    stops(book_dir, "merge", "theirs")
    assert "--rename ada-2" in run("-C", book_dir, "conflicts").err
    assert is_fine(run("-C", book_dir, "resolve", "ada", "--rename", "ada-2"))
    assert settled(book_dir)
    assert read(book_dir, "customers/ada.yaml") == other
    assert read(book_dir, "customers/ada-2.yaml") == ADA
    assert read(book_dir, "interactions/ada.jsonl") == LINE % (3, 3, "hers")
    assert read(book_dir, "interactions/ada-2.jsonl") == old + new
    assert "customer: ada-2\n" in read(book_dir, "deals/big.yaml")
    assert git(book_dir, "status", "--porcelain") == ""
    assert is_fine(run("-C", book_dir, "check"))


def test_one_person_is_never_taken_for_another_that_git_calls_renamed(book_dir: Path, run: Run) -> None:
    bob = ADA.replace(ADA_ID, BOB_ID).replace("Ada", "Bob")
    fork(
        book_dir,
        {"customers/ada.yaml": ADA},
        {"customers/ada.yaml": CHIEF},
        {"customers/ada.yaml": None, "customers/bob.yaml": bob},
    )
    mergedriver.install(Book(book_dir).places)
    stops(book_dir, "merge", "theirs")
    (one,) = asked(run, book_dir)
    assert (one["handle"], one["what"]) == ("ada", "removed")
    assert is_fine(run("-C", book_dir, "resolve", "ada", "--keep", "edited"))
    assert settled(book_dir)
    assert read(book_dir, "customers/ada.yaml") == CHIEF
    assert read(book_dir, "customers/bob.yaml") == bob


def test_a_line_of_a_history(book_dir: Path, run: Run) -> None:
    base = {"customers/ada.yaml": ADA, "interactions/ada.jsonl": LINE % (1, 1, "hello")}
    ours: dict[str, str | None] = {"interactions/ada.jsonl": LINE % (1, 1, "hello Ada") + LINE % (2, 2, "ours")}
    theirs: dict[str, str | None] = {"interactions/ada.jsonl": LINE % (1, 1, "goodbye") + LINE % (3, 3, "theirs")}
    fork(book_dir, base, ours, theirs)
    stops(book_dir, "merge", "theirs")
    (one,) = asked(run, book_dir, "ada")
    assert one["interaction"] == "01J000000000000000000000E1"
    assert (one["field"], one["yours"], one["theirs"]) == ("text", "hello Ada", "goodbye")
    assert is_fine(run("-C", book_dir, "resolve", "000000e1", "text=so long"))
    texts = [json.loads(line)["text"] for line in read(book_dir, "interactions/ada.jsonl").splitlines()]
    assert texts == ["so long", "ours", "theirs"]
    assert settled(book_dir)


def test_what_only_git_stumbles_over_is_joined_without_a_question(book_dir: Path, run: Run) -> None:
    ours = ADA.replace("boss", "chief")
    theirs = ADA.replace("fair", "web")
    fork(book_dir, {"customers/ada.yaml": ADA}, {"customers/ada.yaml": ours}, {"customers/ada.yaml": theirs})
    stops(book_dir, "merge", "theirs")
    shown = run("-C", book_dir, "conflicts")
    assert shown.code == 5
    assert "1 file needs no answer" in shown.err
    assert is_fine(run("-C", book_dir, "resolve"))
    assert settled(book_dir)
    assert parents(book_dir) == 2
    assert read(book_dir, "customers/ada.yaml") == ours.replace("fair", "web")


def test_a_file_that_somebody_settled_by_hand_is_left_alone(book_dir: Path, run: Run) -> None:
    fork(book_dir, {"customers/ada.yaml": ADA}, {"customers/ada.yaml": CHIEF}, {"customers/ada.yaml": QUEEN})
    stops(book_dir, "merge", "theirs")
    put(book_dir, {"customers/ada.yaml": ADA.replace("boss", "by hand")})
    done = run("-C", book_dir, "resolve", "ada", "role=ours")
    assert done.code == 5
    assert "git add records/customers/ada.yaml" in done.err
    assert "by hand" in read(book_dir, "customers/ada.yaml")
    assert git(book_dir, "ls-files", "-u") != ""


def test_the_settings_themselves_can_be_in_conflict(book_dir: Path, run: Run) -> None:
    settings = (book_dir / "crm.yaml").read_text()
    fork(
        book_dir,
        {"customers/ada.yaml": ADA},
        {"/crm.yaml": settings.replace("EUR", "USD")},
        {"/crm.yaml": settings.replace("EUR", "CHF")},
    )
    stops(book_dir, "merge", "theirs")
    (one,) = asked(run, book_dir)
    assert (one["kind"], one["field"], one["yours"], one["theirs"]) == ("settings", "currency", "USD", "CHF")
    assert is_fine(run("-C", book_dir, "resolve", "crm.yaml", "currency=theirs"))
    assert settled(book_dir)
    assert "currency: CHF" in (book_dir / "crm.yaml").read_text()


def test_a_book_in_a_folder_of_its_repository(tmp_path: Path, run: Run) -> None:
    top = tmp_path / "repository"
    book = top / "crm"
    book.mkdir(parents=True)
    git(top, "init", "-q", "-b", "main")
    (book / "crm.yaml").write_text("name: Test\ncurrency: EUR\ntimezone: Europe/Berlin\ncountry: DE\n")
    fork(book, {"customers/ada.yaml": ADA}, {"customers/ada.yaml": CHIEF}, {"customers/ada.yaml": QUEEN})
    stops(top, "merge", "theirs")
    (one,) = asked(run, book)
    assert (one["path"], one["yours_by"], one["theirs_by"]) == ("records/customers/ada.yaml", "Ann", "Bob")
    assert is_fine(run("-C", book, "resolve", "ada", "--theirs"))
    assert settled(top)
    assert read(book, "customers/ada.yaml") == QUEEN


def test_other_files_are_taken_as_a_whole(book_dir: Path, run: Run) -> None:
    fork(book_dir, {"/notes.txt": "a\n"}, {"/notes.txt": "b\n"}, {"/notes.txt": "c\n"})
    stops(book_dir, "merge", "theirs")
    (one,) = asked(run, book_dir)
    assert (one["what"], one["path"]) == ("file", "notes.txt")
    assert run("-C", book_dir, "resolve", "notes.txt", "text=x").code == 2
    assert is_fine(run("-C", book_dir, "resolve", "notes.txt", "--theirs"))
    assert (book_dir / "notes.txt").read_text() == "c\n"
    assert settled(book_dir)


def test_a_hook_that_refuses_the_merge_leaves_it_answered(book_dir: Path, run: Run) -> None:
    assert run("-C", book_dir, "customer", "list").code == 0  # From here on, hooks are the user's own.
    fork(book_dir, {"customers/ada.yaml": ADA}, {"customers/ada.yaml": CHIEF}, {"customers/ada.yaml": QUEEN})
    stops(book_dir, "merge", "theirs")
    hook = book_dir / ".git/hooks/commit-msg"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho not today >&2\nexit 1\n")
    hook.chmod(0o755)
    refused = run("-C", book_dir, "resolve", "ada", "--ours")
    assert refused.code == 1
    assert "not today" in refused.err
    assert "git commit --no-edit" in refused.err
    assert git(book_dir, "ls-files", "-u") == ""
    hook.unlink()
    git(book_dir, "commit", "-q", "--no-edit")
    assert settled(book_dir)


def test_reading_and_writing_others_while_a_merge_waits(book_dir: Path, run: Run) -> None:
    base = {"customers/ada.yaml": ADA, "customers/eve.yaml": "name: Eve\n"}
    fork(book_dir, base, {"customers/ada.yaml": CHIEF}, {"customers/ada.yaml": QUEEN})
    stops(book_dir, "merge", "theirs")
    listed = run("-C", book_dir, "customer", "list", "-o", "ids")
    assert listed.out == "eve\n"
    assert listed.code == 4
    assert "crmctl conflicts" in listed.err
    head = git(book_dir, "rev-parse", "HEAD")
    assert run("-C", book_dir, "customer", "set", "eve", "role=friend").code == 4  # Written, and ada is told of.
    assert git(book_dir, "rev-parse", "HEAD~1") == head
    refused = run("-C", book_dir, "customer", "set", "ada", "role=x")
    assert refused.code == 3
    assert "crmctl conflicts" in refused.err
    (one,) = asked(run, book_dir)
    assert (one["yours_by"], one["theirs_by"]) == ("Ann", "Bob")
    assert is_fine(run("-C", book_dir, "resolve", "ada", "--theirs"))
    assert settled(book_dir)
    assert parents(book_dir) == 2
    assert "role: friend" in read(book_dir, "customers/eve.yaml")
    assert read(book_dir, "customers/ada.yaml") == QUEEN
