"""Merging two trees in process: what is taken, what is joined, what is asked, and that two people stay two."""

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

from crmctl.services.joining.treemerge import TreeMerge
from crmctl.services.joining.treemerge import merge_trees

if TYPE_CHECKING:
    from pathlib import Path

    from helpers.two_trees import Files


@pytest.fixture
def clones(tmp_path: Path) -> Clones:
    return Clones(tmp_path)


def asked(merge: TreeMerge) -> list[tuple[str, str]]:
    return [(question.path, question.what) for question in merge.questions]


# What is taken and what is joined


def test_what_one_side_changed_is_taken(clones: Clones) -> None:
    merge = clones.three(
        {ADA: person(), "records/customers/bob.yaml": person(TWO), "templates/a.md": "a\n", "b.txt": "b\n"},
        {"records/customers/bob.yaml": person(TWO, phone="1"), "ours.txt": "x\n"},
        {ADA: person(phone="2"), "templates/a.md": None, "theirs.txt": "y\n"},
    )
    assert merge.files == {ADA: person(phone="2").encode(), "templates/a.md": None, "theirs.txt": b"y\n"}
    assert merge.questions == ()


def test_nothing_is_to_be_done_for_what_both_did_alike(clones: Clones) -> None:
    same: Files = {ADA: person(phone="1"), HISTORY: None, "new.txt": "x\n"}
    assert clones.three({ADA: person(), HISTORY: line(1)}, same, same) == TreeMerge({}, ())


def test_a_record_that_both_changed_is_joined_by_field(clones: Clones) -> None:
    merge = clones.three({ADA: person()}, {ADA: person(email="a@example.com")}, {ADA: person(phone="2")})
    assert merge.questions == ()
    joined = merge.files[ADA]
    assert joined is not None
    assert b"email: a@example.com" in joined
    assert b"phone: 2" in joined or b'phone: "2"' in joined


def test_histories_are_joined_by_line(clones: Clones) -> None:
    base, ours, theirs = line(1) + line(2), line(2) + line(3), line(1) + line(2) + line(4)
    merge = clones.three({ADA: person(), HISTORY: base}, {HISTORY: ours}, {HISTORY: theirs})
    assert merge == TreeMerge({HISTORY: (line(2) + line(3) + line(4)).encode()}, ())


@pytest.mark.parametrize("ours", ["", line(3)], ids=["none", "another"])
@pytest.mark.parametrize("record", [{}, {ADA: person(phone="2")}], ids=["record as it was", "record changed"])
def test_a_line_taken_back_keeps_what_the_others_wrote(clones: Clones, ours: str, record: Files) -> None:
    """The customer's record says whose history it is, though no line of it is left."""
    merge = clones.three({ADA: person(), HISTORY: line(1)}, {HISTORY: ours, **record}, {HISTORY: line(1) + line(4)})
    assert merge == TreeMerge({HISTORY: (ours + line(4)).encode()}, ())


@pytest.mark.parametrize("record", [{ADA: person(TWO)}, {ADA: "name: Ada\n"}, {ADA: None}])
def test_another_history_of_a_customer_who_may_be_another_is_asked_about(clones: Clones, record: Files) -> None:
    base = {ADA: person(), HISTORY: line(1)}
    merge = clones.three(base, {HISTORY: line(3), **record}, {HISTORY: line(1) + line(4)})
    assert HISTORY in dict(asked(merge))
    assert merge.files == {}


def test_texts_are_merged_line_by_line(clones: Clones) -> None:
    text = "".join(f"{number}\n" for number in range(9))
    merge = clones.three({"a.md": text}, {"a.md": text.replace("1", "one")}, {"a.md": text.replace("7", "seven")})
    assert merge == TreeMerge({"a.md": text.replace("1", "one").replace("7", "seven").encode()}, ())


# Questions


def test_a_field_that_both_changed_is_asked_and_answered(clones: Clones) -> None:
    merge = clones.three({ADA: person(phone="0")}, {ADA: person(phone="1")}, {ADA: person(phone="2")})
    assert asked(merge) == [(ADA, "field")]
    (question,) = merge.questions
    assert merge.files == {}
    assert question.clash is not None
    assert question.clash.path == ("phone",)
    assert (question.base, question.ours, question.theirs) == tuple(person(phone=n).encode() for n in "012")
    answered = clones.merge(answers={ADA: {("phone",): "3"}})
    assert answered.questions == ()
    assert b"3" in (answered.files[ADA] or b"")
    whole = clones.merge(whole={ADA: person(phone="4").encode()})
    assert whole == TreeMerge({ADA: person(phone="4").encode()}, ())


@pytest.mark.parametrize("removed_by", ["ours", "theirs"])
def test_a_record_that_one_removed_and_the_other_changed(clones: Clones, removed_by: str) -> None:
    sides: dict[str, Files] = {"ours": {ADA: person(phone="1")}, "theirs": {ADA: person(phone="1")}}
    sides[removed_by] = {ADA: None}
    merge = clones.three({ADA: person()}, sides["ours"], sides["theirs"])
    assert asked(merge) == [(ADA, "deleted")]
    assert merge.files == {}
    kept = clones.merge(whole={ADA: person(phone="1").encode()})
    assert kept.files == {ADA: person(phone="1").encode()}
    assert clones.merge(whole={ADA: None}) == TreeMerge({ADA: None}, ())


def test_texts_that_clash_are_taken_as_a_whole(clones: Clones) -> None:
    merge = clones.three({"a.md": "a\n"}, {"a.md": "b\n"}, {"a.md": "c\n"})
    assert asked(merge) == [("a.md", "file")]
    assert merge.questions[0].reason
    both_added = clones.three({}, {"a.md": "b\n"}, {"a.md": "c\n"})
    assert asked(both_added) == [("a.md", "file")]


def test_what_is_no_text_is_taken_as_a_whole(clones: Clones) -> None:
    merge = clones.three({"a.bin": "a\n\n\n\n"}, {"a.bin": "b\n\n\n\n"}, {"a.bin": "a\n\n\n\udcff\n"})
    assert asked(merge) in ([], [("a.bin", "file")])
    merge = clones.three({"a.bin": "a\x00\n\n\n\n"}, {"a.bin": "b\x00\n\n\n\n"}, {"a.bin": "a\x00\n\n\nc\n"})
    assert asked(merge) == [("a.bin", "file")]


def test_a_record_that_cannot_be_read_is_taken_as_a_whole(clones: Clones) -> None:
    merge = clones.three({ADA: person()}, {ADA: person(phone="1")}, {ADA: person() + "<<<<<<< HEAD\n"})
    assert asked(merge) == [(ADA, "file")]


@pytest.mark.parametrize(("mode", "word"), [("120000", "link"), ("100755", "executable")])
def test_links_and_executables_are_not_taken(clones: Clones, mode: str, word: str) -> None:
    clones.commit("base", {ADA: person(), "a.md": "a\n"})
    clones.commit("ours", {}, "base")
    git(clones.root, "read-tree", clones.commits["base"])
    clones.stage("a.md", "a\n", mode)
    clones.stage("b.md", "/etc/passwd", mode)
    clones.record("theirs", "base")
    merge = clones.merge()
    assert asked(merge) == [("a.md", "file"), ("b.md", "file")]
    assert all(word in question.reason for question in merge.questions)
    assert merge.files == {}


def test_an_executable_that_they_removed_is_removed(clones: Clones) -> None:
    clones.stage("run.sh", "x\n", "100755")
    clones.record("base")
    clones.commit("ours", {"a": "a\n"}, "base")
    clones.commit("theirs", {"run.sh": None}, "base")
    assert clones.merge() == TreeMerge({"run.sh": None}, ())


def test_another_repository_is_not_taken(clones: Clones) -> None:
    clones.commit("base", {ADA: person()})
    clones.commit("ours", {}, "base")
    git(clones.root, "read-tree", clones.commits["base"])
    git(clones.root, "update-index", "--add", "--cacheinfo", f"160000,{clones.commits['base']},sub")
    clones.record("theirs", "base")
    merge = clones.merge()
    assert asked(merge) == [("sub", "file")]
    assert merge.questions[0].theirs is None


@pytest.mark.parametrize(("ours", "theirs"), [("a", "a/b"), ("a/b", "a"), ("a/b/c", "a/b")])
def test_a_file_where_the_other_has_a_folder(clones: Clones, ours: str, theirs: str) -> None:
    merge = clones.three({ADA: person()}, {ours: "x\n"}, {theirs: "y\n", "b": "z\n"})
    assert asked(merge) == [(theirs, "file")]
    assert merge.files == {"b": b"z\n"}


def test_what_would_be_valid_on_neither_side_is_asked(clones: Clones) -> None:
    """One side moves the deal to another pipeline, the other to a stage that only the first pipeline has."""
    settings = "name: x\npipelines:\n  sales: {lead: 10, offer: 50, won: won}\n  partners: {lead: 10, won: won}\n"
    deal = "records/deals/one.yaml"

    def text(pipeline: str, stage: str) -> str:
        return f"id: {ONE}\nname: One\ncustomer: ada\npipeline: {pipeline}\nstage: {stage}\n"

    base: Files = {"crm.yaml": settings, deal: text("sales", "lead")}
    merge = clones.three(base, {deal: text("partners", "lead")}, {deal: text("sales", "offer")})
    assert asked(merge) == [(deal, "joint")]
    assert "stage: the pipeline partners has no stage 'offer'" in merge.questions[0].reason
    assert clones.merge(whole={deal: text("sales", "offer").encode()}).questions == ()
    merge = clones.three(base, {deal: text("partners", "lead")}, {deal: text("sales", "won")})
    assert merge == TreeMerge({deal: text("partners", "won").encode()}, ())


def test_what_was_invalid_on_one_side_already_is_no_question(clones: Clones) -> None:
    merge = clones.three({ADA: person()}, {ADA: person(birthday="soon")}, {ADA: person(role="x")})
    assert merge.questions == ()
    merge = clones.three({"crm.yaml": "name: x\n"}, {"crm.yaml": "name: x\nwhat: x\n"}, {"crm.yaml": "name: y\n"})
    assert merge == TreeMerge({"crm.yaml": b"name: y\nwhat: x\n"}, ())


# People


@pytest.mark.parametrize("ours", [{ADA: person(ONE)}, {ADA: person(ONE), HISTORY: line(1)}])
@pytest.mark.parametrize("theirs", [{ADA: person(TWO)}, {ADA: person(TWO), HISTORY: line(2)}])
def test_two_people_under_one_handle_stay_two_with_their_histories(clones: Clones, ours: Files, theirs: Files) -> None:
    merge = clones.three({"crm.yaml": "name: x\n"}, ours, theirs)
    wanted = [(ADA, "identity")]
    if HISTORY in ours or HISTORY in theirs:
        wanted.append((HISTORY, "identity"))
        assert "two different customers" in merge.questions[1].reason
    assert asked(merge) == wanted
    assert merge.files == {}


def test_another_person_at_the_path_does_not_get_the_history_of_the_one_before(clones: Clones) -> None:
    base: Files = {ADA: person(ONE)}
    assert asked(clones.three(base, {HISTORY: line(1)}, {ADA: person(TWO)})) == [
        (ADA, "identity"),
        (HISTORY, "identity"),
    ]
    assert asked(clones.three(base, {ADA: person(TWO)}, {HISTORY: line(1)})) == [
        (ADA, "identity"),
        (HISTORY, "identity"),
    ]


def test_another_person_at_the_path_does_not_get_the_deals_of_the_one_before(clones: Clones) -> None:
    deal = "records/deals/one.yaml"
    merge = clones.three({ADA: person(ONE)}, {deal: "name: One\ncustomer: ada\n"}, {ADA: person(TWO)})
    assert asked(merge) == [(ADA, "identity")]
    merge = clones.three({ADA: person(ONE)}, {deal: "name: One\ncustomer: ada-2\n"}, {ADA: person(TWO)})
    assert merge == TreeMerge({ADA: person(TWO).encode()}, ())


def test_another_person_who_also_brings_a_history_of_their_own(clones: Clones) -> None:
    merge = clones.three({ADA: person(ONE), HISTORY: line(1)}, {}, {ADA: person(TWO), HISTORY: line(2)})
    assert merge == TreeMerge({ADA: person(TWO).encode(), HISTORY: line(2).encode()}, ())
    merge = clones.three(
        {ADA: person(ONE), HISTORY: line(1)}, {HISTORY: line(1) + line(3)}, {ADA: person(TWO), HISTORY: line(2)}
    )
    assert asked(merge) == [(ADA, "identity"), (HISTORY, "identity")]


@pytest.mark.parametrize("base", [{ADA: person()}, {ADA: person(), HISTORY: line(1)}])
@pytest.mark.parametrize("removed_by", ["ours", "theirs"])
def test_a_customer_removed_on_one_side_and_spoken_with_on_the_other(
    clones: Clones, base: Files, removed_by: str
) -> None:
    removal: Files = dict.fromkeys(base)
    talk: Files = {HISTORY: (base.get(HISTORY) or "") + line(2)}
    merge = clones.three(base, *((removal, talk) if removed_by == "ours" else (talk, removal)))
    assert asked(merge) == [(ADA, "deleted"), (HISTORY, "deleted")]
    assert merge.files == {}
    assert "ada" in merge.questions[0].reason


def test_a_history_is_not_removed_while_its_customer_is_in_question(clones: Clones) -> None:
    base: Files = {ADA: person(), HISTORY: line(1)}
    merge = clones.three(base, {ADA: person(phone="1")}, dict.fromkeys(base))
    assert asked(merge) == [(ADA, "deleted"), (HISTORY, "deleted")]


def test_a_customer_removed_with_their_history_stays_removed(clones: Clones) -> None:
    base: Files = {ADA: person(), HISTORY: line(1), "b": "b\n"}
    assert clones.three(base, {"b": "c\n"}, {ADA: None, HISTORY: None}).files == {ADA: None, HISTORY: None}
    assert clones.three(base, {ADA: None, HISTORY: None}, {"b": "c\n"}).files == {"b": b"c\n"}


def test_a_renamed_record_does_not_overwrite_one_that_came_since(clones: Clones) -> None:
    other = "records/customers/ada-2.yaml"
    clones.three({}, {ADA: person(ONE)}, {ADA: person(TWO)})
    whole = {ADA: person(ONE).encode(), other: person(TWO).encode()}
    assert clones.merge(whole=whole) == TreeMerge(whole, ())  # type: ignore[arg-type]
    clones.commit("theirs", {other: person("01HZX0000000000000000000D4")}, "theirs")
    merge = clones.merge(whole=whole)
    assert asked(merge) == [(other, "identity")]


# Layouts


@pytest.mark.parametrize("moved_by", ["ours", "theirs"])
def test_a_record_moved_to_the_other_layout_is_followed(clones: Clones, moved_by: str) -> None:
    base: Files = {ADA: person(), HISTORY: line(1)}
    move: Files = {ADA: None, HISTORY: None, ADA_SHARDED: person(), HISTORY_SHARDED: line(1)}
    edit: Files = {ADA: person(phone="1"), HISTORY: line(1) + line(2)}
    merge = clones.three(base, *((move, edit) if moved_by == "ours" else (edit, move)))
    assert merge.questions == ()
    new: dict[str, bytes | None] = {
        ADA_SHARDED: person(phone="1").encode(),
        HISTORY_SHARDED: (line(1) + line(2)).encode(),
    }
    assert merge.files == (new if moved_by == "ours" else {ADA: None, HISTORY: None, **new})


def test_a_record_moved_and_changed_on_both_sides_is_joined_once(clones: Clones) -> None:
    merge = clones.three(
        {ADA: person(phone="0")}, {ADA: None, ADA_SHARDED: person(phone="0", city="Rome")}, {ADA: person(phone="1")}
    )
    assert merge.questions == ()
    assert list(merge.files) == [ADA_SHARDED]
    assert b"Rome" in (merge.files[ADA_SHARDED] or b"")


def test_a_record_that_was_only_moved_stays_removed(clones: Clones) -> None:
    moved: Files = {ADA: None, ADA_SHARDED: person(), HISTORY: None, HISTORY_SHARDED: line(1)}
    gone: Files = {ADA: None, HISTORY: None}
    assert clones.three({ADA: person(), HISTORY: line(1)}, moved, gone) == TreeMerge(
        {ADA_SHARDED: None, HISTORY_SHARDED: None}, ()
    )
    assert clones.three({ADA: person(), HISTORY: line(1)}, gone, moved) == TreeMerge({}, ())


def test_one_record_added_in_both_layouts_becomes_one(clones: Clones) -> None:
    merge = clones.three({}, {ADA: person()}, {ADA_SHARDED: person(phone="1")})
    assert ADA_SHARDED not in merge.files
    assert all(question.path == ADA for question in merge.questions)


def test_a_record_at_two_places_is_a_question(clones: Clones) -> None:
    merge = clones.three({ADA: person()}, {ADA: person(phone="1")}, {ADA_SHARDED: person()})
    assert [question.what for question in merge.questions] == ["file"]
    assert merge.files == {}


def test_folders_that_are_no_shards_keep_their_files_apart(clones: Clones) -> None:
    one, other = "records/sends/spring/host.jsonl", "records/sends/autumn/host.jsonl"
    merge = clones.three({one: "{}\n"}, {one: None}, {other: "{}\n"})
    assert merge.files == {other: b"{}\n"}


# Bases


def test_unrelated_histories_are_both_additions(clones: Clones) -> None:
    clones.commit("ours", {"a": "a\n", ADA: person(ONE)})
    clones.commit("theirs", {"b": "b\n", ADA: person(TWO)})
    repository = clones.repository()
    merge = merge_trees(repository, [], clones.commits["ours"], clones.commits["theirs"])
    assert merge.files == {"b": b"b\n"}
    assert asked(merge) == [(ADA, "identity")]


def test_trees_will_do_as_well_as_commits(clones: Clones) -> None:
    clones.three({"a": "a\n"}, {"a": "b\n"}, {"c": "c\n"})
    tree = {
        name: git(clones.root, "rev-parse", f"{commit}^{{tree}}").strip() for name, commit in clones.commits.items()
    }
    merge = merge_trees(clones.repository(), [tree["base"]], tree["ours"], tree["theirs"])
    assert merge.files == {"c": b"c\n"}


def test_histories_that_crossed_start_from_what_both_had(clones: Clones) -> None:
    """One and other are merged by both sides; then each goes on. The first edits are nobody's any more."""
    clones.commit("base", {ADA: person(phone="0", city="Rome"), "b": "b\n"})
    clones.commit("one", {ADA: person(phone="1", city="Rome")}, "base")
    clones.commit("other", {ADA: person(phone="0", city="Bonn"), "new": "x\n"}, "base")
    both: Files = {ADA: person(phone="1", city="Bonn"), "new": "x\n"}
    clones.commit("ours", {**both, ADA: person(phone="2", city="Bonn")}, "one", "other")
    clones.commit("theirs", {ADA: person(phone="1", city="Oslo"), "new": None}, "other", "one")
    repository = clones.repository()
    bases = repository.merge_bases(clones.commits["ours"], clones.commits["theirs"])
    assert sorted(bases) == sorted(clones.commits[name] for name in ("one", "other"))
    merge = merge_trees(repository, bases, clones.commits["ours"], clones.commits["theirs"])
    assert merge.questions == ()
    assert merge.files["new"] is None
    joined = merge.files[ADA] or b""
    assert b"Oslo" in joined
    assert b"2" in joined.partition(b"phone")[2]


def test_where_crossed_histories_clash_the_older_text_is_the_base(clones: Clones) -> None:
    clones.commit("base", {ADA: person(phone="0")})
    clones.commit("one", {ADA: person(phone="1")}, "base")
    clones.commit("other", {ADA: person(phone="2")}, "base")
    clones.commit("ours", {ADA: person(phone="1")}, "one", "other")
    clones.commit("theirs", {ADA: person(phone="2")}, "other", "one")
    merge = clones.merge("one", "other")
    assert asked(merge) == [(ADA, "field")]
    assert merge.questions[0].base == person(phone="0").encode()
    assert clones.merge("other", "one").questions == merge.questions


# Books in folders


def test_files_outside_the_book_are_merged_too(clones: Clones) -> None:
    text = "".join(f"{number}\n" for number in range(9))
    clones.commit(
        "base", {"crm/crm.yaml": "name: x\n", f"crm/{ADA}": person(), "README": text, f"other/{ADA}": person()}
    )
    clones.commit("ours", {"README": text.replace("1", "one"), f"other/{ADA}": person(phone="1")}, "base")
    clones.commit(
        "theirs",
        {"README": text.replace("7", "seven"), f"crm/{ADA}": person(city="Rome"), f"other/{ADA}": person(city="Bonn")},
        "base",
    )
    (clones.root / "crm").mkdir()
    merge = clones.merge(book="crm")
    assert merge.questions == ()
    assert merge.files["../README"] == text.replace("1", "one").replace("7", "seven").encode()
    assert merge.files[ADA] == person(city="Rome").encode()
    assert b"phone" in (merge.files[f"../other/{ADA}"] or b"")
    assert len(merge.files) == 3
