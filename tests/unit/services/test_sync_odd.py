"""What a teammate (or whoever got hold of their account) may have pushed: nothing of it breaks a sync, or gets out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from helpers.books import commit
from helpers.books import git
from helpers.team import Team
from helpers.team import head
from helpers.team import is_clean
from helpers.team import person

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path, people=3)


def push(team: Team, path: bytes, data: bytes = b"x\n") -> None:
    """Have somebody push a file of that name."""
    bob = team.clone("bob")
    full = os.path.join(os.fsencode(bob), path)  # noqa: PTH118 - no text
    os.makedirs(os.path.dirname(full), exist_ok=True)  # noqa: PTH103, PTH120
    with open(full, "wb") as file:  # noqa: PTH123
        file.write(data)
    commit(bob)
    git(bob, "push", "-q")


@pytest.mark.parametrize(
    "path",
    [b"records/customers/a\xff.yaml", b"a b\tc\"d'e\\f", b"-rf", b"records/--force.yaml", "Zoë 🦀.md".encode()],
    ids=["not utf-8", "odd signs", "an option", "another", "far letters"],
)
@pytest.mark.parametrize("both", [False, True], ids=["going on", "merging"])
def test_odd_names_come_as_they_are(team: Team, run: Run, path: bytes, both: bool) -> None:
    ann = team.clone("ann")
    push(team, path)
    if both:
        commit(ann, {"customers/p1.yaml": person(1, role="x")})
    done = run("-C", ann, "sync")
    assert done.code in (0, 4), done.err
    assert "Came: " in done.err
    assert head(ann) == head(team.remote)
    assert os.path.exists(os.path.join(os.fsencode(ann), path))  # noqa: PTH110, PTH118
    assert is_clean(ann)


def test_a_line_break_in_a_name_is_refused(team: Team, run: Run) -> None:
    ann = team.clone("ann")
    push(team, b"records/customers/a\nb.yaml")
    before = head(ann)
    done = run("-C", ann, "sync")
    assert done.code == 4
    assert "a line break in the name of a file" in done.err
    assert head(ann) == before
    assert is_clean(ann)


def test_what_cannot_be_read_comes_and_is_named(team: Team, run: Run) -> None:
    ann = team.clone("ann")
    push(team, b"records/customers/bad.yaml", b"name: [\n")
    done = run("-C", ann, "sync")
    assert done.code == 4
    assert "records/customers/bad.yaml" in done.err
    assert head(ann) == head(team.remote)


def test_what_would_leave_the_book_through_a_link_is_not_written(team: Team, run: Run, tmp_path: Path) -> None:
    ann = team.clone("ann")
    outside = tmp_path / "outside"
    outside.mkdir()
    (ann / "templates").symlink_to(outside)
    push(team, b"templates/a.md")
    done = run("-C", ann, "sync")
    assert done.code in (4, 5)
    assert list(outside.iterdir()) == []


def test_attributes_that_come_do_not_take_the_driver_away(team: Team, run: Run) -> None:
    ann = team.clone("ann")
    push(team, b".gitattributes", b"*.yaml merge=union filter=x diff=x\n")
    assert run("-C", ann, "sync").code == 0
    commit(ann, {"customers/p1.yaml": person(1, role="boss")})
    team.push("cleo", {"customers/p1.yaml": person(1, role="chief")})
    assert run("-C", ann, "sync").code == 5
    assert "merge: crmctl" in git(ann, "check-attr", "merge", "records/customers/p1.yaml")
