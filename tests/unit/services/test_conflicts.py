"""Questions and answers below the command line: what is kept, what fits, who is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from helpers.books import git
from helpers.two_sides import ADA
from helpers.two_sides import ADA_ID
from helpers.two_sides import BIG
from helpers.two_sides import BOB_ID
from helpers.two_sides import LINE
from helpers.two_sides import commit_as
from helpers.two_sides import fork
from helpers.two_sides import waits

from crmctl.errors import Ambiguous
from crmctl.errors import Conflict
from crmctl.errors import InvalidData
from crmctl.errors import NotFound
from crmctl.errors import UsageProblem
from crmctl.services.book import Book
from crmctl.services.joining import conflict_answering as answering
from crmctl.services.joining import conflicts
from crmctl.services.joining.conflict_answers import Answer
from crmctl.services.joining.conflict_answers import fingerprint
from crmctl.services.joining.conflicts import Pending
from crmctl.services.joining.treemerge import Question

if TYPE_CHECKING:
    from pathlib import Path

OURS = ADA.replace("boss", "chief")
THEIRS = ADA.replace("boss", "queen")


@pytest.fixture
def waiting(book_dir: Path) -> Book:
    fork(book_dir, {"customers/ada.yaml": ADA}, {"customers/ada.yaml": OURS}, {"customers/ada.yaml": THEIRS})
    waits(book_dir, git(book_dir, "rev-parse", "theirs").strip())
    return Book(book_dir)


def test_what_waits_is_kept_for_the_user_alone(book_dir: Path) -> None:
    book = Book(book_dir)
    assert conflicts.load(book) is None
    answers = {"k": Answer("value", ["a", {"b": "c"}], path="p", field="tags"), "l": Answer("take", None)}
    pending = Pending("0" * 40, "origin/main", answers, ("records/customers/ada.yaml",))
    conflicts.save(book, pending)
    assert conflicts.load(book) == pending
    file = book_dir / ".git/crmctl/pending.json"
    assert file.stat().st_mode & 0o077 == 0
    for torn in ('{"theirs": "x', "[]", "{}", '{"theirs": "x", "remote": "y", "answers": {"k": {"no": 1}}}'):
        file.write_text(torn)
        assert conflicts.load(book) is None
    conflicts.drop(book)
    conflicts.drop(book)
    assert not file.exists()


def test_an_answer_belongs_to_three_values_at_one_place() -> None:
    question = Question("records/customers/ada.yaml", "deleted", None, b"a", None, b"b")
    same = question._replace(reason="other words")
    others = [
        question._replace(path="records/customers/eve.yaml"),
        question._replace(what="identity"),
        question._replace(base=None),
        question._replace(ours=b""),
        question._replace(theirs=b"c"),
    ]
    assert fingerprint(same) == fingerprint(question)
    assert len({fingerprint(one) for one in [question, *others]}) == 6


def test_who_and_when_are_those_of_the_latest_change_on_each_side(book_dir: Path) -> None:
    fork(book_dir, {"customers/ada.yaml": ADA}, {"customers/ada.yaml": OURS}, {"customers/ada.yaml": THEIRS})
    latest = commit_as(book_dir, "Cleo", {"customers/ada.yaml": OURS.replace("fair", "web")})
    commit_as(book_dir, "Dan", {"customers/eve.yaml": "name: Eve\n"})
    waits(book_dir, git(book_dir, "rev-parse", "theirs").strip())
    (one,) = conflicts.questions(Book(book_dir))
    assert (one.yours.who, one.yours.commit) == ("Cleo", latest)
    assert one.theirs.who == "Bob"
    assert one.theirs.when == git(book_dir, "log", "-1", "--format=%aI", "theirs").strip()


def test_a_record_is_found_by_what_people_call_it(book_dir: Path) -> None:
    other = f"id: {BOB_ID}\nname: Big\ncustomer: ada\nowner: x\n"
    base = {
        "customers/ada.yaml": ADA,
        "interactions/ada.jsonl": LINE % (1, 1, "a"),
        "deals/big.yaml": BIG,
        "cases/big.yaml": other,
    }
    ours: dict[str, str | None] = {
        "customers/ada.yaml": OURS,
        "interactions/ada.jsonl": LINE % (1, 1, "b"),
        "deals/big.yaml": BIG.replace("100", "1"),
        "cases/big.yaml": other.replace("x", "y"),
    }
    theirs: dict[str, str | None] = {
        "customers/ada.yaml": THEIRS,
        "interactions/ada.jsonl": LINE % (1, 1, "c"),
        "deals/big.yaml": BIG.replace("100", "2"),
        "cases/big.yaml": other.replace("x", "z"),
    }
    waits(book_dir, fork(book_dir, base, ours, theirs))
    asked = conflicts.questions(Book(book_dir))
    assert [one.record for one in asked] == [
        "case big",
        "customer ada",
        "deal big",
        "interaction 000000e1 of ada",
    ]

    def found(*words: str) -> list[str]:
        return [one.record for one in conflicts.find(asked, words)]

    ada = ["customer ada", "interaction 000000e1 of ada"]
    assert found("ada") == found("customer", "ad") == found("customers", "ada") == ada
    assert found("Ada") == ada
    assert found("interaction", "000000e1") == found("01J000000000000000000000E1") == ada[1:]
    assert found("deal", "big") == found("records/deals/big.yaml") == ["deal big"]
    with pytest.raises(Ambiguous) as several:
        found("big")
    assert [handle for handle, _ in several.value.candidates] == ["case big", "deal big"]
    with pytest.raises(NotFound):
        found("deal", "ada")


def test_an_answer_to_a_sync_that_is_gone_is_refused(waiting: Book) -> None:
    state = conflicts.look(waiting)
    assert state is not None
    answers = answering.take(waiting, state, conflicts.told(waiting, state), "ours")
    conflicts.drop(waiting)
    with pytest.raises(Conflict):
        answering.note(waiting, state, answers.by_key)


def test_answers_make_the_merge(waiting: Book) -> None:
    state = conflicts.look(waiting)
    assert state is not None
    asked = conflicts.told(waiting, state)
    said = [answering.Said("role", "both of them")]
    answering.note(waiting, state, answering.assign(waiting, state, asked, said).by_key)
    pending = conflicts.load(waiting)
    assert pending is not None
    merge = conflicts.settled(waiting, pending)
    assert merge.questions == ()
    assert merge.files == {"records/customers/ada.yaml": ADA.replace("boss", "both of them").encode()}


def test_a_link_on_the_other_side_is_not_written_as_a_file(book_dir: Path) -> None:
    fork(book_dir, {"/notes": "a\n"}, {"/notes": "b\n"}, {"/more": "x\n"})
    git(book_dir, "switch", "-q", "theirs")
    (book_dir / "notes").unlink()
    (book_dir / "notes").symlink_to("/etc/passwd")
    theirs = commit_as(book_dir, "Bob", {})
    git(book_dir, "switch", "-q", "main")
    waits(book_dir, theirs)
    book = Book(book_dir)
    state = conflicts.look(book)
    assert state is not None
    asked = conflicts.told(book, state)
    with pytest.raises(UsageProblem, match="no plain file"):
        answering.take(book, state, asked, "theirs")
    answering.note(book, state, answering.take(book, state, asked, "ours").by_key)
    pending = conflicts.load(book)
    assert pending is not None
    assert conflicts.settled(book, pending).files == {"more": b"x\n"}


def test_a_new_handle_must_be_free_and_one(book_dir: Path) -> None:
    other = f"id: {BOB_ID}\nname: Ada Byron\n"
    theirs: dict[str, str | None] = {"customers/ada.yaml": other, "customers/eve.yaml": "name: Eve\n"}
    waits(book_dir, fork(book_dir, {"/x": "x"}, {"customers/ada.yaml": ADA}, theirs))
    book = Book(book_dir)
    state = conflicts.look(book)
    assert state is not None
    asked = conflicts.told(book, state)
    for handle, error in (("Eve!", UsageProblem), ("eve", Conflict), ("ada", Conflict)):
        with pytest.raises(error):
            answering.rename(book, state, asked, handle)
    assert set(answering.rename(book, state, asked, "zoe").by_key) == set(asked[0].keys)


@pytest.mark.parametrize("theirs_went_on", [True, False])
def test_a_customer_that_one_side_made_another_one(book_dir: Path, theirs_went_on: bool) -> None:
    """The history that both started from stays with whom it was about, also when only one side saw the change."""
    old, new, more = LINE % (1, 1, "old"), LINE % (2, 2, "to the new one"), LINE % (3, 3, "to the old one")
    base = {"customers/ada.yaml": ADA, "interactions/ada.jsonl": old, "deals/big.yaml": BIG}
    other = f"id: {BOB_ID}\nname: Ada Byron\n"
    replaced: dict[str, str | None] = {"customers/ada.yaml": other, "interactions/ada.jsonl": old + new}
    went_on: dict[str, str | None] = {
        "interactions/ada.jsonl": old + more,
        "deals/big.yaml": BIG.replace("100", "200"),
    }
    ours, theirs = (replaced, went_on) if theirs_went_on else (went_on, replaced)
    waits(book_dir, fork(book_dir, base, ours, theirs))
    book = Book(book_dir)
    state = conflicts.look(book)
    assert state is not None
    (one,) = conflicts.told(book, state)
    assert one.what == "identity"
    answering.note(book, state, answering.rename(book, state, [one], "ada-2").by_key)
    pending = conflicts.load(book)
    assert pending is not None
    merge = conflicts.settled(book, pending)
    assert merge.questions == ()
    files = {path.removeprefix("records/"): data.decode() for path, data in merge.files.items() if data is not None}
    if theirs_went_on:
        assert files["customers/ada-2.yaml"] == ADA
        assert files["interactions/ada-2.jsonl"] == old + more
        assert "customer: ada-2" in files["deals/big.yaml"]
        assert "customers/ada.yaml" not in files
    else:
        assert files == {"customers/ada-2.yaml": other, "interactions/ada-2.jsonl": new}


def resolved(book: Book, said: list[answering.Said]) -> dict[str, bytes | None]:
    """What the merge comes to with these fields answered."""
    state = conflicts.look(book)
    assert state is not None
    answering.note(book, state, answering.assign(book, state, conflicts.told(book, state), said).by_key)
    pending = conflicts.load(book)
    assert pending is not None
    merge = conflicts.settled(book, pending)
    assert merge.questions == ()
    return merge.files


def test_two_sides_that_are_valid_each_but_not_together(book_dir: Path) -> None:
    pipelines = 'pipelines:\n  sales:\n    lead: "10"\n    won: won\n  support:\n    asked: "10"\n    lead: "50"\n'
    settings = (book_dir / "crm.yaml").read_text() + pipelines
    deal = f"{BIG}pipeline: sales\nstage: lead\n"
    ours, theirs = deal.replace("stage: lead", "stage: won"), deal.replace("sales", "support")
    base = {"/crm.yaml": settings, "customers/ada.yaml": ADA, "deals/big.yaml": deal}
    waits(book_dir, fork(book_dir, base, {"deals/big.yaml": ours}, {"deals/big.yaml": theirs}))
    book = Book(book_dir)
    (one,) = conflicts.questions(book)
    assert (one.what, one.choices) == ("joint", ("ours", "theirs", "value"))
    state = conflicts.look(book)
    assert state is not None
    with pytest.raises(InvalidData):
        answering.assign(book, state, [one], [answering.Said("stage", "nowhere")])
    taken = answering.assign(book, state, [one], [answering.Said("pipeline", "ours")]).by_key
    assert [(answer.take, "pipeline: sales\nstage: won" in str(answer.value)) for answer in taken.values()] == [
        ("content", True)
    ]
    files = resolved(book, [answering.Said("stage", "asked")])
    text = (files["records/deals/big.yaml"] or b"").decode()
    assert "pipeline: support\n" in text
    assert "stage: asked\n" in text


PIPELINES = 'pipelines:\n  sales:\n    lead: "10"\n    won: won\n  support:\n    asked: "10"\n    lead: "50"\n'


@pytest.mark.parametrize(
    ("side", "kept"), [("ours", "pipeline: sales\nstage: won"), ("theirs", "pipeline: support\nstage: lead")]
)
def test_a_side_that_is_taken_where_both_do_not_fit_loses_nothing_else(book_dir: Path, side: str, kept: str) -> None:
    settings = (book_dir / "crm.yaml").read_text() + PIPELINES
    deal = f"{BIG}notes: a\npipeline: sales\nstage: lead\n"
    ours = deal.replace("stage: lead", "stage: won") + "tags:\n  - mine\n"
    theirs = deal.replace("sales", "support").replace("notes: a", "notes: of theirs")
    base = {"/crm.yaml": settings, "customers/ada.yaml": ADA, "deals/big.yaml": deal}
    waits(book_dir, fork(book_dir, base, {"deals/big.yaml": ours}, {"deals/big.yaml": theirs}))
    book = Book(book_dir)
    state = conflicts.look(book)
    assert state is not None
    answering.note(book, state, answering.take(book, state, conflicts.told(book, state), side).by_key)
    pending = conflicts.load(book)
    assert pending is not None
    text = (conflicts.settled(book, pending).files["records/deals/big.yaml"] or b"").decode()
    for part in (kept, "notes: of theirs", "- mine"):
        assert part in text


def test_a_line_that_one_side_removed(book_dir: Path) -> None:
    one, two = LINE % (1, 1, "one"), LINE % (2, 2, "two")
    base = {"customers/ada.yaml": ADA, "interactions/ada.jsonl": one + two}
    theirs: dict[str, str | None] = {"interactions/ada.jsonl": one.replace("one", "more") + two}
    waits(book_dir, fork(book_dir, base, {"interactions/ada.jsonl": two}, theirs))
    book = Book(book_dir)
    state = conflicts.look(book)
    assert state is not None
    asked = conflicts.told(book, state)
    assert [(one.what, one.field, one.yours.words, one.theirs.words) for one in asked] == [
        ("removed", "", "removed", "changed")
    ]
    removed, edited = (answering.keep(book, state, asked, what).by_key for what in ("removed", "edited"))
    assert [answer.take for answer in removed.values()] == ["ours"]
    assert [answer.take for answer in edited.values()] == ["theirs"]


def test_a_consent_is_answered_as_a_whole(book_dir: Path) -> None:
    def record(way: str) -> str:
        return f'{ADA}consent:\n  newsletter:\n    state: granted\n    date: "2026-01-01"\n    how: {way}\n'

    sides = [{"customers/ada.yaml": record(way)} for way in ("fair", "web", "letter")]
    waits(book_dir, fork(book_dir, sides[0], {**sides[1]}, {**sides[2]}))
    book = Book(book_dir)
    (one,) = conflicts.questions(book)
    assert one.field == "consent.newsletter"
    files = resolved(book, [answering.Said("consent.newsletter.how", "phone")])
    assert files == {"records/customers/ada.yaml": record("phone").encode()}


def test_lists_and_fields_that_nobody_declared(book_dir: Path) -> None:
    base = f"{ADA}emails:\n  - a@example.com\n  - b@example.com\n  - c@example.com\nshoe: 40\n"
    ours = base.replace("  - a@example.com\n  - b@", "  - b@example.com\n  - a@").replace("40", "41")
    theirs = base.replace("  - b@example.com\n  - c@", "  - c@example.com\n  - b@").replace("40", "42")
    waits(
        book_dir,
        fork(book_dir, {"customers/ada.yaml": base}, {"customers/ada.yaml": ours}, {"customers/ada.yaml": theirs}),
    )
    book = Book(book_dir)
    assert [one.field for one in conflicts.questions(book)] == ["emails", "shoe"]
    said = [answering.Said("email", "c@example.com,a@example.com"), answering.Said("shoe", "43")]
    text = (resolved(book, said)["records/customers/ada.yaml"] or b"").decode()
    assert text.endswith('emails:\n  - c@example.com\n  - a@example.com\nshoe: "43"\n')


def test_groups_of_a_list_are_taken_from_a_side(book_dir: Path) -> None:
    base = f"{ADA}relations:\n  - customer: eve\n    role: friend\n"
    waits(
        book_dir,
        fork(
            book_dir,
            {"customers/ada.yaml": base},
            {"customers/ada.yaml": base.replace("friend", "sister")},
            {"customers/ada.yaml": base.replace("friend", "mother")},
        ),
    )
    book = Book(book_dir)
    state = conflicts.look(book)
    assert state is not None
    asked = conflicts.told(book, state)
    assert [one.field for one in asked] == ["relations.eve"]
    with pytest.raises(UsageProblem, match="parts of its own"):
        answering.assign(book, state, asked, [answering.Said("relations.eve", "aunt")])
    files = resolved(book, [answering.Said("relations.eve", "theirs")])
    assert files == {"records/customers/ada.yaml": base.replace("friend", "mother").encode()}


def test_all_that_came_with_theirs_follows_the_new_handle(book_dir: Path) -> None:
    segment = f"id: {ADA_ID}\nname: Best\ncustomers:\n  - eve\n"
    base = {"segments/best.yaml": segment, "interactions/eve.jsonl": LINE % (1, 1, "old")}
    other = f"id: {BOB_ID}\nname: Big\ncustomer: zoe\n"
    sold = LINE.replace('"call"', '"call", "deal": "big"')
    ours: dict[str, str | None] = {
        "customers/ada.yaml": ADA,
        "deals/big.yaml": BIG,
        "interactions/ada.jsonl": sold % (2, 2, "ours"),
    }
    theirs: dict[str, str | None] = {
        "customers/ada.yaml": other.replace("Big", "Ada Byron").replace("customer: zoe\n", ""),
        "deals/big.yaml": other,
        "segments/best.yaml": f"{segment}  - ada\n",
        "interactions/eve.jsonl": LINE % (1, 1, "old") + sold % (3, 3, "theirs"),
        "cases/broken.yaml": "name: [",
    }
    waits(book_dir, fork(book_dir, base, ours, theirs))
    book = Book(book_dir)
    state = conflicts.look(book)
    assert state is not None
    for name, handle in (("ada", "ada-byron"), ("big", "bigger")):
        asked = conflicts.find(conflicts.told(book, state), [name])
        answering.note(book, state, answering.rename(book, state, asked, handle).by_key)
    pending = conflicts.load(book)
    assert pending is not None
    merge = conflicts.settled(book, pending)
    assert merge.questions == ()
    texts = {path.removeprefix("records/"): (data or b"").decode() for path, data in merge.files.items()}
    assert texts["segments/best.yaml"] == f"{segment}  - ada-byron\n"
    assert texts["deals/bigger.yaml"] == other
    assert texts["interactions/eve.jsonl"] == LINE % (1, 1, "old") + (sold % (3, 3, "theirs")).replace(
        '"big"', '"bigger"'
    )
    assert texts["cases/broken.yaml"] == "name: ["
    assert not {"interactions/ada.jsonl", "deals/big.yaml", "customers/ada.yaml"} & texts.keys()
