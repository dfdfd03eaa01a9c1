"""Merging trees in which a side renamed records by hand or laid the book out anew: edits follow, nothing is doubled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from helpers.books import git
from helpers.two_trees import ADA
from helpers.two_trees import ADA_SHARDED
from helpers.two_trees import HISTORY
from helpers.two_trees import HISTORY_SHARDED
from helpers.two_trees import ONE
from helpers.two_trees import TWO
from helpers.two_trees import Clones
from helpers.two_trees import line
from helpers.two_trees import person

from crmctl.services.joining.treemerge import merge_trees

if TYPE_CHECKING:
    from pathlib import Path

    from helpers.two_trees import Files

    from crmctl.services.joining.treemerge import TreeMerge

NEW, NEW_HISTORY = "records/customers/countess.yaml", "records/interactions/countess.jsonl"
DEAL = "records/deals/big.yaml"
FLAT, SHARDED = "name: x\nlayout: flat\n", "name: x\nlayout: sharded\n"
RENAME: Files = {ADA: None, HISTORY: None, NEW: person(), NEW_HISTORY: line(1)}
BASE: Files = {"crm.yaml": "name: x\n", ADA: person(), HISTORY: line(1)}


@pytest.fixture
def clones(tmp_path: Path) -> Clones:
    return Clones(tmp_path)


def joined(clones: Clones, base: Files, ours: Files, theirs: Files, book: str = "") -> tuple[TreeMerge, Files]:
    """The merge with renames followed, and the files that come of it."""
    clones.commit("base", base)
    clones.commit("ours", ours, "base")
    clones.commit("theirs", theirs, "base")
    merge = clones.merge(book=book, follow=True)
    files: dict[str, str | None] = {}
    for path in git(clones.root, "ls-tree", "-r", "--name-only", clones.commits["ours"]).split():
        files[path] = git(clones.root, "show", f"{clones.commits['ours']}:{path}")
    files.update({f"{book}{path}": None if data is None else data.decode() for path, data in merge.files.items()})
    return merge, {path: text for path, text in files.items() if text is not None}


def both_ways(clones: Clones, base: Files, one: Files, other: Files) -> Files:
    """What comes of merging two sides without a question: the same, whoever merges."""
    merge, files = joined(clones, base, one, other)
    assert merge.questions == ()
    back, mirrored = joined(clones, base, other, one)
    assert back.questions == ()
    assert files == mirrored
    return files


# Renamed by hand


def test_an_edit_follows_a_record_to_its_new_name(clones: Clones) -> None:
    edit: Files = {ADA: person(phone="1"), HISTORY: line(1) + line(2), DEAL: "name: Big\ncustomer: ada\n"}
    assert both_ways(clones, BASE, RENAME, edit) == {
        "crm.yaml": "name: x\n",
        NEW: person(phone="1"),
        NEW_HISTORY: line(1) + line(2),
        DEAL: "name: Big\ncustomer: countess\n",
    }


def test_a_rename_with_an_edit_is_joined_with_one(clones: Clones) -> None:
    rename = {**RENAME, NEW: person(website="https://x.example")}
    files = both_ways(clones, BASE, rename, {ADA: person(phone="1")})
    assert ADA not in files
    assert "x.example" in str(files[NEW])
    assert "phone: 1" in str(files[NEW])


def test_a_history_goes_where_its_customer_went(clones: Clones) -> None:
    left_behind: Files = {ADA: None, NEW: person()}
    files = both_ways(clones, BASE, left_behind, {HISTORY: line(1) + line(2)})
    assert files == {"crm.yaml": "name: x\n", NEW: person(), NEW_HISTORY: line(1) + line(2)}
    gone_on: Files = {ADA: None, NEW: person(), NEW_HISTORY: line(3)}
    files = both_ways(clones, BASE, gone_on, {HISTORY: line(1) + line(2)})
    assert files == {"crm.yaml": "name: x\n", NEW: person(), NEW_HISTORY: line(1) + line(2) + line(3)}


def test_a_history_that_began_after_the_rename_follows_too(clones: Clones) -> None:
    files = both_ways(clones, {ADA: person()}, {ADA: None, NEW: person()}, {HISTORY: line(2)})
    assert files == {NEW: person(), NEW_HISTORY: line(2)}


def test_a_field_that_both_changed_is_asked_at_the_new_name(clones: Clones) -> None:
    rename: Files = {ADA: None, NEW: person(phone="1")}
    for ours, theirs in ((rename, {ADA: person(phone="2")}), ({ADA: person(phone="2")}, rename)):
        merge, _ = joined(clones, {ADA: person(phone="0")}, ours, theirs)
        (question,) = merge.questions
        assert (question.path, question.what) == (NEW, "field")
        merge = clones.merge(follow=True, answers={NEW: {("phone",): "3"}})
        assert merge.questions == ()
        answered: Files = {NEW: person(phone='"3"')}
        wanted = answered if ours is rename else {ADA: None, **answered}
        assert {path: data and data.decode() for path, data in merge.files.items()} == wanted


def test_two_names_become_the_first_of_them(clones: Clones) -> None:
    other = "records/customers/byron.yaml"
    one: Files = {ADA: None, HISTORY: None, NEW: person(phone="1"), NEW_HISTORY: line(1) + line(2)}
    two: Files = {ADA: None, other: person(website="https://x.example"), DEAL: "name: Big\ncustomer: byron\n"}
    files = both_ways(clones, BASE, {**one, "records/deals/one.yaml": "name: One\ncustomer: countess\n"}, two)
    assert sorted(files) == [
        "crm.yaml",
        other,
        DEAL,
        "records/deals/one.yaml",
        "records/interactions/byron.jsonl",
    ]
    assert files["records/deals/one.yaml"] == "name: One\ncustomer: byron\n"
    assert "phone" in str(files[other])
    assert "website" in str(files[other])


def test_one_record_added_under_two_names_is_one(clones: Clones) -> None:
    files = both_ways(clones, {"b": "b\n"}, {ADA: person()}, {NEW: person()})
    assert files == {"b": "b\n", ADA: person()}


def test_a_renamed_record_that_the_other_side_removed(clones: Clones) -> None:
    gone: Files = {ADA: None, HISTORY: None}
    assert both_ways(clones, BASE, RENAME, gone) == {"crm.yaml": "name: x\n"}
    for ours, theirs in ((gone, {**RENAME, NEW: person(phone="1")}), ({**RENAME, NEW: person(phone="1")}, gone)):
        merge, files = joined(clones, BASE, ours, theirs)
        assert ("deleted" in {question.what for question in merge.questions}) is True
        assert ADA not in files


def test_a_name_that_is_taken_meanwhile_is_asked_about(clones: Clones) -> None:
    taken: Files = {ADA: person(phone="1"), NEW: person(TWO)}
    for ours, theirs in ((RENAME, taken), (taken, RENAME)):
        merge, _ = joined(clones, BASE, ours, theirs)
        assert {(question.path, question.what) for question in merge.questions} >= {
            (ADA, "deleted"),
            (NEW, "identity"),
        }
        assert merge.files == {}


def test_a_handle_given_to_somebody_else_is_no_rename(clones: Clones) -> None:
    given: Files = {ADA: person(TWO), NEW: person(ONE)}
    merge, _ = joined(clones, BASE, given, {ADA: person(phone="1")})
    assert [(question.path, question.what) for question in merge.questions][:1] == [(ADA, "identity")]


def test_other_kinds_and_other_books_in_the_repository(clones: Clones) -> None:
    base: Files = {"crm/records/deals/a.yaml": f"id: {ONE}\nname: A\n", "records/deals/a.yaml": f"id: {TWO}\nname: A\n"}
    ours: Files = {**dict.fromkeys(base), "crm/records/deals/b.yaml": f"id: {ONE}\nname: A\n"}
    theirs: Files = {path: f"{text}notes: x\n" for path, text in base.items()}
    merge, files = joined(clones, base, ours, theirs, book="crm/")
    assert [question.path for question in merge.questions] == ["../records/deals/a.yaml"]
    assert files == {"crm/records/deals/b.yaml": f"id: {ONE}\nname: A\nnotes: x\n"}


def test_unless_asked_to_nothing_is_followed(clones: Clones) -> None:
    clones.three(BASE, RENAME, {ADA: person(phone="1")})
    base, ours, theirs = (clones.commits[name] for name in ("base", "ours", "theirs"))
    merge = merge_trees(clones.repository(), [base], ours, theirs)
    assert [question.what for question in merge.questions] == ["deleted", "deleted"]


# Layouts


def test_what_the_other_side_added_comes_to_the_new_layout(clones: Clones) -> None:
    bob, talk = "records/customers/bob.yaml", "records/interactions/bob.jsonl"
    base: Files = {"crm.yaml": FLAT, ADA: person(), HISTORY: line(1)}
    anew: Files = {
        "crm.yaml": SHARDED,
        ADA: None,
        HISTORY: None,
        ADA_SHARDED: person(),
        HISTORY_SHARDED: line(1),
    }
    went_on: Files = {bob: person(TWO), talk: line(2), ADA: person(phone="1"), "templates/a.md": "x\n"}
    assert both_ways(clones, base, anew, went_on) == {
        "crm.yaml": SHARDED,
        ADA_SHARDED: person(phone="1"),
        HISTORY_SHARDED: line(1),
        "records/customers/ob/bob.yaml": person(TWO),
        "records/interactions/ob/bob.jsonl": line(2),
        "templates/a.md": "x\n",
    }


def test_renamed_and_laid_out_anew(clones: Clones) -> None:
    base: Files = {"crm.yaml": SHARDED, ADA_SHARDED: person(), HISTORY_SHARDED: line(1)}
    anew: Files = {"crm.yaml": FLAT, **dict.fromkeys((ADA_SHARDED, HISTORY_SHARDED)), ADA: person(), HISTORY: line(1)}
    rename: Files = {ADA_SHARDED: None, "records/customers/ss/countess.yaml": person(phone="1")}
    files = both_ways(clones, base, anew, rename)
    assert files == {"crm.yaml": FLAT, NEW: person(phone="1"), NEW_HISTORY: line(1)}


def test_what_stands_at_a_wrong_place_without_a_new_layout_stays(clones: Clones) -> None:
    base: Files = {"crm.yaml": FLAT}
    files = both_ways(clones, base, {"crm.yaml": f"{FLAT}currency: EUR\n"}, {ADA_SHARDED: person()})
    assert ADA_SHARDED in files
