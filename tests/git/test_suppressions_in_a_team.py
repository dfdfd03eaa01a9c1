"""The list of those who want nothing, between clones: no merge, sync or undo loses an entry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from helpers.books import fresh
from helpers.books import git
from helpers.team import Team

from crmctl.services.consenting import keys
from crmctl.services.consenting import listing
from crmctl.services.consenting import suppression_entry
from crmctl.services.past import undo
from crmctl.vcs import commits

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run


@pytest.fixture
def clones(tmp_path: Path) -> tuple[Path, Path]:
    """Two clones of a book that names a key, which both have (they share a HOME here)."""
    team = Team(tmp_path / "team_root")
    one = team.clone("one")
    keys.load(fresh(one))
    listing.add(fresh(one), "start@example.com")
    git(one, "push", "-q", "origin", "main")
    return one, team.clone("two")


@pytest.fixture(autouse=True)
def room(tmp_path: Path) -> None:
    (tmp_path / "team_root").mkdir()


def on_the_list(root: Path, *names: str) -> list[str]:
    return [name for name in names if listing.check(fresh(root), f"{name}@example.com")]


def test_two_clones_that_both_added_some_are_joined_by_sync(clones: tuple[Path, Path], run: Run) -> None:
    one, two = clones
    listing.add(fresh(one), "ada@example.com")
    listing.add(fresh(two), "bob@example.com")
    for folder in (one, two, one):
        done = run("-C", folder, "sync")
        assert done.code == 0, done.err
    for folder in (one, two):
        assert on_the_list(folder, "start", "ada", "bob", "eve") == ["start", "ada", "bob"]
    assert git(one, "rev-parse", "HEAD") == git(two, "rev-parse", "HEAD")
    assert run("-C", one, "check").code == 0
    assert run("-C", one, "check", "--merges").code == 0


def test_the_merge_driver_joins_them_too(clones: tuple[Path, Path]) -> None:
    one, two = clones
    listing.add(fresh(one), "ada@example.com")
    listing.add(fresh(two), "bob@example.com")
    git(two, "pull", "-q", "--no-rebase", "--no-edit", str(one), "main")
    assert on_the_list(two, "start", "ada", "bob") == ["start", "ada", "bob"]


def test_a_rebase_keeps_them_as_well(clones: tuple[Path, Path]) -> None:
    one, two = clones
    listing.add(fresh(one), "ada@example.com")
    listing.add(fresh(two), "bob@example.com")
    git(two, "pull", "-q", "--rebase", str(one), "main")
    assert on_the_list(two, "start", "ada", "bob") == ["start", "ada", "bob"]


@pytest.mark.parametrize("how", ["file", "line"])
def test_what_one_clone_takes_away_by_hand_comes_back_by_sync(clones: tuple[Path, Path], how: str, run: Run) -> None:
    one, two = clones
    (path,) = (one / suppression_entry.FOLDER).glob("2*.jsonl")
    if how == "file":
        path.unlink()
    else:
        path.write_text("")
    git(one, "commit", "-qam", "by hand")
    listing.add(fresh(two), "bob@example.com")
    for folder in (two, one, two):
        done = run("-C", folder, "sync")
        assert done.code == 0, done.err
    for folder in (one, two):
        assert on_the_list(folder, "start", "bob") == ["start", "bob"]


def test_the_same_address_on_both_sides_is_no_question(clones: tuple[Path, Path], run: Run) -> None:
    one, two = clones
    listing.add(fresh(one), "ada@example.com", reason="here")
    listing.add(fresh(two), "ada@example.com", reason="there")
    for folder in (one, two):
        assert run("-C", folder, "sync").code == 0
    assert len(listing.check(fresh(two), "ada@example.com")) == 2
    listing.remove(fresh(two), "ada@example.com", "by mistake")
    assert listing.check(fresh(two), "ada@example.com") == []


def test_what_was_lifted_stays_lifted(clones: tuple[Path, Path], run: Run) -> None:
    one, two = clones
    listing.remove(fresh(one), "start@example.com", "by mistake")
    listing.add(fresh(two), "bob@example.com")
    for folder in (one, two):
        assert run("-C", folder, "sync").code == 0
    assert on_the_list(two, "start", "bob") == ["bob"]


def test_two_keys_that_were_made_apart_are_both_named(tmp_path: Path, run: Run) -> None:
    team = Team(tmp_path / "team_root")
    one, two = team.clone("one"), team.clone("two")
    listing.add(fresh(one), "ada@example.com")
    listing.add(fresh(two), "bob@example.com")
    for folder in (one, two, one):
        assert run("-C", folder, "sync").code == 0
    assert keys.existing(fresh(one)) == keys.existing(fresh(two))
    assert len(keys.existing(fresh(one)).keys) == 2
    assert on_the_list(one, "ada", "bob") == on_the_list(two, "ada", "bob") == ["ada", "bob"]


def test_undo_takes_no_entry_back(clones: tuple[Path, Path], run: Run) -> None:
    one, _ = clones
    listing.add(fresh(one), "ada@example.com")
    run("-C", one, "undo")
    assert on_the_list(one, "start", "ada") == ["start", "ada"]


def test_undoing_an_unsubscription_gives_back_no_address(clones: tuple[Path, Path], run: Run) -> None:
    one, _ = clones
    assert run("-C", one, "customer", "set", "p1", "emails=ada@example.com").code == 0
    assert run("-C", one, "consent", "withdraw", "p1", "newsletter").code == 0
    commit = git(one, "rev-parse", "HEAD").strip()
    book = fresh(one)
    assert not any(
        path.startswith(suppression_entry.FOLDER) for path in undo.plan(book, commits.one(book.places, commit)).files
    )
    assert run("-C", one, "undo", commit).code == 0
    assert on_the_list(one, "ada") == ["ada"]
