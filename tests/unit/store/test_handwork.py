"""What a write does beside an edit that a person made by hand: tried with every state a file can be in."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from crmctl.errors import Conflict
from crmctl.store.handwork import Planner
from crmctl.store.journal import Step

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator

    from crmctl.store.handwork import Plan

ADA = "records/customers/ada.yaml"
HEAD = b"id: 01ARZ3NDEKTSV4RRFFQ69G5FAV\nname: Ada  # a comment\nrole: engineer\n"
ROLE = HEAD.replace(b"engineer", b"director")
"""What the person made of it by hand."""
NAME = HEAD.replace(b"Ada ", b"Ada L. ")
BOTH = ROLE.replace(b"Ada ", b"Ada L. ")
"""With the write's change, which is the name, and the person's."""


def oid(data: bytes | None) -> str:
    return hashlib.sha1(data).hexdigest() if data is not None else ""


class Files:
    """One file in HEAD and in git's index."""

    def __init__(self, head: bytes | None, index: bytes | None, *, sparse: bool = False) -> None:
        self.head, self.index, self.sparse = head, index, sparse

    def standing(self, commit: str, paths: Iterable[str]) -> dict[str, tuple[str, str]]:
        assert commit == "c1"
        return {path: (oid(self.head), oid(self.index)) for path in paths}

    def contents(self, oids: Iterable[str]) -> Iterator[bytes]:
        for one in oids:
            assert one == oid(self.head)
            assert self.head is not None
            yield self.head

    def left_out(self, paths: Iterable[str]) -> frozenset[str]:
        assert self.head is not None
        assert self.head == self.index, "whoever stages something has it"
        return frozenset(paths if self.sparse else ())


def plan(
    head: bytes | None,
    index: bytes | None,
    found: bytes | None,
    wanted: bytes | None,
    *,
    adopt: bool = False,
    of_head: bool = False,
    path: str = ADA,
    sparse: bool = False,
) -> Plan:
    planner = Planner(Files(head, index, sparse=sparse), oid, "c1", adopt=adopt, of_head=of_head)
    return planner.plan({path: wanted}, {path: found})


def test_a_file_nobody_touched_is_committed_and_written() -> None:
    made = plan(HEAD, HEAD, HEAD, NAME)
    assert made.commit == made.disk == {ADA: NAME}
    assert made.steps == {ADA: Step(oid(HEAD), oid(NAME), oid(NAME))}
    assert (made.adopted, made.kept, made.news) == ([], [], [ADA])
    gone = plan(HEAD, HEAD, HEAD, None)
    assert gone.commit == {ADA: None}
    assert gone.steps == {ADA: Step(oid(HEAD), "", "")}
    new = plan(None, None, None, NAME)
    assert new.steps == {ADA: Step("", oid(NAME), oid(NAME))}


def test_nothing_is_done_where_nothing_changes() -> None:
    assert plan(HEAD, HEAD, HEAD, HEAD).steps == {}
    assert plan(None, None, None, None).steps == {}
    assert plan(HEAD, ROLE, ROLE, ROLE).steps == {}


@pytest.mark.parametrize("staged", [False, True])
@pytest.mark.parametrize("of_head", [False, True])
def test_an_edit_of_another_field_stays_uncommitted(staged: bool, of_head: bool) -> None:
    index = ROLE if staged else HEAD
    made = plan(HEAD, index, ROLE, NAME if of_head else BOTH, of_head=of_head)
    assert made.commit == {ADA: NAME}
    assert made.disk == {ADA: BOTH}
    assert made.kept == [ADA]
    step = made.steps[ADA]
    assert step == Step(oid(ROLE), oid(BOTH), oid(NAME), staged)
    assert step.shows_as_changed is not staged


@pytest.mark.parametrize(
    ("index", "found", "wanted", "of_head"),
    [
        (HEAD, ROLE, HEAD.replace(b"engineer", b"boss"), True),  # both changed the role
        (HEAD, ROLE, ROLE.replace(b"director", b"boss"), False),
        (HEAD, ROLE, None, False),
        (HEAD, ROLE, None, True),
        (HEAD, None, NAME, False),
        (HEAD, b"<<<<<<< ours\n", NAME, True),
        (NAME, ROLE, BOTH, False),  # one edit is staged, another one is not
        (HEAD, ROLE, HEAD, False),  # it would only take the edit back
    ],
)
def test_an_edit_in_the_way_is_refused(index: bytes, found: bytes | None, wanted: bytes | None, of_head: bool) -> None:
    with pytest.raises(Conflict, match="by hand") as caught:
        plan(HEAD, index, found, wanted, of_head=of_head)
    assert "Commit it first" in caught.value.hint
    assert ("--adopt" in caught.value.hint) is (wanted is not None and not of_head)


@pytest.mark.parametrize(
    ("wanted", "of_head"), [(None, False), (None, True), (HEAD.replace(b"engineer", b"boss"), True)]
)
def test_taking_along_does_not_mean_losing(wanted: bytes | None, of_head: bool) -> None:
    """What was derived from HEAD has nothing of the edit in it, and neither has nothing at all."""
    with pytest.raises(Conflict, match="by hand") as caught:
        plan(HEAD, HEAD, ROLE, wanted, of_head=of_head, adopt=True)
    assert "--adopt" not in caught.value.hint
    kept = plan(HEAD, HEAD, ROLE, NAME, of_head=True, adopt=True)
    assert (kept.disk, kept.kept, kept.adopted) == ({ADA: BOTH}, [ADA], [])


@pytest.mark.parametrize("adopt", [True, False])
def test_what_a_sparse_checkout_leaves_out_is_no_removal_to_take_along(adopt: bool) -> None:
    with pytest.raises(Conflict, match="leaves it out") as caught:
        plan(HEAD, HEAD, None, NAME, sparse=True, adopt=adopt)
    assert "--adopt" not in caught.value.hint
    assert plan(HEAD, HEAD, None, None, sparse=True, adopt=adopt).steps == {}
    by_hand = plan(HEAD, HEAD, None, NAME, adopt=True)
    assert (by_hand.commit, by_hand.adopted) == ({ADA: NAME}, [ADA])


@pytest.mark.parametrize("wanted", [NAME, None])
def test_what_a_sparse_checkout_leaves_out_is_committed_and_stays_left_out(wanted: bytes | None) -> None:
    made = plan(HEAD, HEAD, None, wanted, sparse=True, of_head=True)
    assert (made.commit, made.disk, made.news) == ({ADA: wanted}, {ADA: None}, [ADA])
    assert made.steps == {ADA: Step("", "", oid(wanted))}
    assert (made.kept, made.adopted) == ([], [])
    assert plan(HEAD, HEAD, None, HEAD, sparse=True, of_head=True).steps == {}


def test_what_no_merge_knows_is_refused() -> None:
    with pytest.raises(Conflict, match="changed by hand"):
        plan(b"a\n", b"a\n", b"a\nb\n", b"c\na\nb\n", path="templates/a.md")


def test_an_edit_is_taken_along_when_asked() -> None:
    made = plan(HEAD, HEAD, ROLE, BOTH, adopt=True)
    assert made.commit == made.disk == {ADA: BOTH}
    assert made.adopted == [ADA]
    assert plan(HEAD, ROLE, ROLE, ROLE, adopt=True).commit == {ADA: ROLE}
    back = plan(HEAD, HEAD, ROLE, HEAD, adopt=True)
    assert (back.disk, back.news) == ({ADA: HEAD}, [])
    assert plan(HEAD, HEAD, None, None, adopt=True).commit == {ADA: None}


def test_another_record_does_not_take_the_place_of_one_that_was_taken_away_by_hand() -> None:
    another = HEAD.replace(b"FAV", b"FAW")
    for found in (None, another):
        with pytest.raises(Conflict, match=r"was 01\w+FAV in the last commit and would be 01\w+FAW now"):
            plan(HEAD, HEAD, found, another, adopt=True)
    nobody = b"name: Ada\n"
    assert plan(HEAD, HEAD, nobody, HEAD, adopt=True).adopted == [ADA]
    assert plan(nobody, nobody, None, HEAD, adopt=True).commit == {ADA: HEAD}
    assert plan(b"id: [\n", b"id: [\n", None, HEAD, adopt=True).commit == {ADA: HEAD}
    assert plan(HEAD, HEAD, None, b"{}\n", adopt=True, path="records/interactions/ada.jsonl").commit


@pytest.mark.parametrize(
    ("index", "found", "adopt"),
    [
        (ROLE, HEAD, False),  # staged, and taken back in the file
        (None, HEAD, False),  # git rm --cached
        (NAME, ROLE, True),
    ],
)
def test_what_is_staged_only_is_never_lost(index: bytes | None, found: bytes, adopt: bool) -> None:
    with pytest.raises(Conflict, match="has a staged change") as caught:
        plan(HEAD, index, found, BOTH, adopt=adopt)
    assert f"git restore --staged {ADA}" in caught.value.hint


@pytest.mark.parametrize("index", [None, ROLE])
def test_a_new_file_by_hand_is_what_the_write_is_about(index: bytes | None) -> None:
    made = plan(None, index, ROLE, BOTH)
    assert made.commit == made.disk == {ADA: BOTH}
    assert made.adopted == [ADA]


def test_a_new_file_by_hand_is_not_thrown_away() -> None:
    for wanted, of_head in ((None, False), (NAME, True)):
        with pytest.raises(Conflict, match="git has no copy of it"):
            plan(None, None, ROLE, wanted, of_head=of_head)
    assert plan(None, None, ROLE, ROLE, of_head=True).commit == {ADA: ROLE}
    with pytest.raises(Conflict, match="staged"):
        plan(None, HEAD, ROLE, BOTH)


def test_carriage_returns_that_git_made_are_no_edit() -> None:
    found = HEAD.replace(b"\n", b"\r\n")
    made = plan(HEAD, HEAD, found, NAME.replace(b"\n", b"\r\n"))
    assert made.commit == {ADA: NAME}
    assert made.kept == []
