"""Undoing is a three-way merge: what a commit did goes, what came later stays, and overlaps are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from conftest import Run
from conftest import git
from helpers.books import commit
from helpers.books import write

from crmctl.errors import Conflict
from crmctl.errors import NotFound
from crmctl.services.book import Book
from crmctl.services.past import undo
from crmctl.services.past.undo_words import described

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.services.records import Written

ADA = "id: 01J00000000000000000000ADA\nname: Ada\n"
BOB = "id: 01J00000000000000000000B0B\nname: Bob\n"


@pytest.fixture
def root(book_dir: Path) -> Path:
    commit(book_dir, {"customers/ada.yaml": ADA, "customers/bob.yaml": BOB}, "records")
    return book_dir


def head(root: Path) -> str:
    return git(root, "rev-parse", "HEAD").strip()


def put(root: Path, files: dict[str, str], message: str = "customer: set x") -> str:
    commit(root, files, message)
    return head(root)


def record(root: Path, handle: str = "ada") -> str:
    return (root / "records" / "customers" / f"{handle}.yaml").read_text()


def take_back(root: Path, what: str = "", *, rest: bool = False) -> Written:
    book = Book(root)
    return undo.carry_out(book, undo.plan(book, undo.chosen(book, what), rest=rest), rest=rest)


def overlaps(root: Path, what: str) -> list[tuple[str, str, str, object, object, object]]:
    book = Book(root)
    found = undo.plan(book, undo.chosen(book, what)).overlaps
    return [(one.kind, one.handle, one.field, one.before, one.made, one.now) for one in found]


# What goes and what stays


def test_a_write_is_taken_back_and_later_edits_stay(root: Path) -> None:
    wrong = put(root, {"customers/ada.yaml": ADA + "source: fair\n"})
    put(
        root, {"customers/ada.yaml": ADA + "language: en\nsource: fair\n", "customers/bob.yaml": BOB + "language: de\n"}
    )
    done = take_back(root, wrong)
    assert record(root) == ADA + "language: en\n"
    assert record(root, "bob") == BOB + "language: de\n"
    assert done.notes == ("1 customer changed",)
    assert git(root, "log", "-1", "--format=%B") == f"undo: customer: set x\n\nUndoes: {wrong}\n\n"
    assert git(root, "status", "--porcelain") == ""


def test_an_undo_is_undone_and_that_again(root: Path) -> None:
    wrong = put(root, {"customers/ada.yaml": ADA + "source: fair\n"})
    subjects = []
    for _ in range(3):
        take_back(root, "HEAD")
        subjects.append((git(root, "log", "-1", "--format=%s").strip(), "source" in record(root)))
    assert subjects == [
        ("undo: customer: set x", False),
        ("redo: customer: set x", True),
        ("undo: customer: set x", False),
    ]
    with pytest.raises(Conflict, match="undone already") as refused:
        take_back(root, wrong)
    assert head(root)[:10] not in refused.value.hint  # The first undo stands again; it is what undid the write.


def test_without_a_commit_it_goes_further_back_each_time(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(root, {"customers/ada.yaml": ADA + "source: fair\n"}, "customer: set ada source")
    monkeypatch.setenv("GIT_AUTHOR_EMAIL", "ben@example.com")
    put(root, {"customers/bob.yaml": BOB + "source: fair\n"}, "customer: set bob source")
    monkeypatch.setenv("GIT_AUTHOR_EMAIL", "ann@example.com")
    put(root, {"customers/ada.yaml": ADA + "language: en\nsource: fair\n"}, "customer: set ada language")
    assert take_back(root).message == "undo: customer: set ada language"
    assert take_back(root).message == "undo: customer: set ada source"
    assert (record(root), record(root, "bob")) == (ADA, BOB + "source: fair\n")
    assert take_back(root, rest=True).message.startswith("undo: ")  # the records themselves, committed by hand
    assert not (root / "records/customers/ada.yaml").exists()
    with pytest.raises(Conflict, match="the first commit"):
        take_back(root)
    monkeypatch.setenv("GIT_AUTHOR_EMAIL", "new@example.com")
    with pytest.raises(NotFound, match="nothing of yours"):
        take_back(root)


def test_an_add_goes_and_a_removal_comes_back(root: Path) -> None:
    added = put(root, {"customers/cy.yaml": "id: 01J000000000000000000000CY\nname: Cy\n"}, "customer: add cy")
    (root / "records/customers/bob.yaml").unlink()
    commit(root, message="customer: remove bob")
    removed = head(root)
    assert take_back(root, added).notes == ("1 customer removed",)
    assert take_back(root, removed).notes == ("1 customer added",)
    assert sorted(path.name for path in (root / "records/customers").iterdir()) == ["ada.yaml", "bob.yaml"]
    assert record(root, "bob") == BOB


def test_a_merge_is_taken_back_against_its_first_parent(root: Path) -> None:
    git(root, "switch", "-q", "-c", "other")
    put(root, {"customers/bob.yaml": BOB + "source: fair\n"})
    git(root, "switch", "-q", "main")
    put(root, {"customers/ada.yaml": ADA + "language: en\n"})
    git(root, "merge", "-q", "--no-ff", "other", "-m", "sync: merge 1 record")
    merge = head(root)
    done = take_back(root, merge)
    assert (record(root), record(root, "bob")) == (ADA + "language: en\n", BOB)
    assert any("does not bring it again" in note for note in done.notes)
    take_back(root, "HEAD")
    assert record(root, "bob") == BOB + "source: fair\n"


def test_a_merge_is_never_chosen_by_itself(root: Path) -> None:
    git(root, "switch", "-q", "-c", "other")
    put(root, {"customers/bob.yaml": BOB + "source: fair\n"}, "customer: set bob source")
    git(root, "switch", "-q", "main")
    git(root, "merge", "-q", "--no-ff", "other", "-m", "sync: merge 1 record")
    assert undo.chosen(Book(root)).subject == "customer: set bob source"


def test_a_merge_of_which_nothing_is_left_is_stepped_over(root: Path) -> None:
    put(root, {"customers/ada.yaml": ADA + "language: en\n"}, "customer: set ada language")
    git(root, "switch", "-q", "-c", "other")
    put(root, {"customers/bob.yaml": BOB + "source: fair\n"}, "customer: set bob source")
    git(root, "switch", "-q", "main")
    git(root, "merge", "-q", "--no-ff", "other", "-m", "sync: merge 1 record")
    take_back(root, "HEAD")
    git(root, "commit", "-q", "--allow-empty", "-m", "nothing")
    assert undo.chosen(Book(root)).subject == "customer: set ada language"


# Permission

_GRANTED = 'consent:\n  newsletter:\n    state: granted\n    date: "2024-01-01"\n'
_WITHDRAWN = 'consent:\n  newsletter:\n    state: withdrawn\n    date: "2024-02-01"\n'


def joined(root: Path, before: dict[str, str], ours: dict[str, str], theirs: dict[str, str]) -> str:
    """A merge of two branches that ended at what ``theirs`` has."""
    put(root, before)
    git(root, "switch", "-q", "-c", "other")
    put(root, theirs)
    git(root, "switch", "-q", "main")
    put(root, ours)
    git(root, "merge", "-q", "-s", "ours", "--no-commit", "other")
    return put(root, theirs, "sync: merge 1 record")


def test_undoing_a_merge_gives_no_consent_back(root: Path) -> None:
    stop = "do_not_contact:\n  - email\n"
    merge = joined(
        root,
        {"customers/ada.yaml": ADA + _GRANTED},
        {"customers/ada.yaml": ADA + _GRANTED + "    evidence: form\n"},
        {"customers/ada.yaml": ADA + "source: fair\n" + _WITHDRAWN + stop},
    )
    done = take_back(root, merge)
    assert record(root) == ADA + _WITHDRAWN + stop
    assert "consent newsletter stays withdrawn (ada)" in done.notes
    assert "do_not_contact keeps email (ada)" in done.notes
    take_back(root, "HEAD")
    assert record(root) == ADA + "source: fair\n" + _WITHDRAWN + stop


def test_undoing_a_merge_keeps_a_customer_who_wants_nothing(root: Path) -> None:
    names = ["cy", "dee", "eve", "fay"]
    closed = {f"customers/{name}.yaml": f"name: {name}\n{_WITHDRAWN}" for name in names}
    merge = joined(root, {}, {}, {**closed, "customers/gus.yaml": "name: Gus\n"})
    done = take_back(root, merge)
    assert sorted(path.stem for path in (root / "records/customers").iterdir()) == ["ada", "bob", *names]
    assert "a customer who wants nothing stays (cy, dee, eve and 1 more)" in done.notes


def test_a_consent_that_was_unset_or_limited_stays_so(root: Path) -> None:
    post = _GRANTED + "    channels: [post]\n"
    before = {"customers/ada.yaml": ADA + _GRANTED, "customers/bob.yaml": BOB + _GRANTED}
    merge = joined(root, before, {}, {"customers/ada.yaml": ADA, "customers/bob.yaml": BOB + post})
    done = take_back(root, merge)
    assert (done.commit, record(root), record(root, "bob")) == ("", ADA, BOB + post)
    assert done.notes == ("consent newsletter stays away (ada)", "consent newsletter stays granted (bob)")


def test_a_consent_stays_withdrawn_when_the_customer_moves(root: Path) -> None:
    before = {"customers/ada.yaml": ADA + _GRANTED}
    put(root, before)
    git(root, "switch", "-q", "-c", "other")
    git(root, "mv", "records/customers/ada.yaml", "records/customers/adele.yaml")
    put(root, {"customers/adele.yaml": ADA + _WITHDRAWN})
    git(root, "switch", "-q", "main")
    git(root, "merge", "-q", "--no-ff", "other", "-m", "sync: merge 1 record")
    take_back(root, "HEAD")
    assert record(root) == ADA + _WITHDRAWN
    assert not (root / "records/customers/adele.yaml").exists()


def test_only_what_would_loosen_stays_of_a_merge(root: Path) -> None:
    news = "  news:\n    state: granted\n"
    merge = joined(
        root,
        {"customers/ada.yaml": ADA + _GRANTED},
        {},
        {"customers/ada.yaml": ADA + _WITHDRAWN.replace("newsletter", "Newsletter") + news},
    )
    assert "consent Newsletter stays withdrawn (ada)" in take_back(root, merge).notes
    text = record(root)
    assert "newsletter" not in text
    assert "withdrawn" in text
    assert "granted" not in text  # The grant that the merge brought goes with it.


def test_what_cannot_be_understood_is_no_grant(root: Path) -> None:
    odd = {"customers/ada.yaml": ADA + "consent:\n  newsletter: no\n", "customers/bob.yaml": BOB + "consent: no\n"}
    before = {"customers/ada.yaml": ADA + _GRANTED, "customers/bob.yaml": BOB}
    merge = joined(root, before, {}, odd)
    take_back(root, merge)
    assert "granted" not in record(root)


def test_ones_own_withdrawal_can_be_taken_back(root: Path) -> None:
    put(root, {"customers/ada.yaml": ADA + _GRANTED})
    stop = "do_not_contact:\n  - email\n"
    wrong = put(root, {"customers/ada.yaml": ADA + _WITHDRAWN + stop})
    done = take_back(root, wrong)
    assert record(root) == ADA + _GRANTED
    assert done.notes == ("1 customer changed",)


# Many at once


def sharded(root: Path, names: list[str]) -> str:
    """Move all records to the sharded layout, by hand."""
    for name in names:
        folder = root / "records/customers" / name[-2:]
        folder.mkdir(exist_ok=True)
        git(root, "mv", f"records/customers/{name}.yaml", str(folder / f"{name}.yaml"))
    settings = (root / "crm.yaml").read_text() + "layout: sharded\n"
    return put(root, {"/crm.yaml": settings}, "sharded")


def test_records_that_only_moved_are_not_gone(root: Path) -> None:
    names = ["ada", "bob", *(f"cy{number}" for number in range(8))]
    cys = {f"customers/{name}.yaml": f"name: {name}\norganization: ada\n" for name in names[2:]}
    put(root, cys)
    moved = sharded(root, names)
    assert take_back(root, moved).notes == ("crm.yaml changed", "10 customers moved")
    book = Book(root)
    again = undo.plan(book, undo.chosen(book, "HEAD"), rest=True)
    assert again.overlaps == ()
    words = list(described(book, again))
    assert ("customer", "ada", ("move to records/customers/da/ada.yaml",)) in words
    assert len(words) == 11
    undo.carry_out(book, again, rest=True)
    assert git(root, "diff", "--stat", moved, "HEAD") == ""


def test_many_removals_have_to_be_meant(root: Path) -> None:
    many = {f"customers/cy{number}.yaml": f"name: Cy {number}\n" for number in range(8)}
    added = put(root, many, "import: add 8 customers")
    before = head(root)
    for rest in (False, True):
        with pytest.raises(Conflict, match="would take away 8 of 10 records, so nothing was undone") as refused:
            take_back(root, added, rest=rest)
        assert "git revert" in refused.value.hint
        assert "--allow-removals" in refused.value.hint
    assert head(root) == before
    book = Book(root)
    planned = undo.plan(book, undo.chosen(book, added))
    assert undo.carry_out(book, planned, allow_removals=True).notes == ("8 customers removed",)


# Overlaps


def test_a_later_edit_of_the_same_field_is_shown_and_nothing_is_written(root: Path) -> None:
    wrong = put(root, {"customers/ada.yaml": ADA + "language: en\nsource: fair\n"})
    put(root, {"customers/ada.yaml": ADA + "language: en\nsource: web\n"})
    later = head(root)
    put(root, {"customers/ada.yaml": ADA + "language: en\nsource: web\nnotes: hi\n"})
    assert overlaps(root, wrong) == [("customer", "ada", "source", "(none)", "fair", "web")]
    book = Book(root)
    (one,) = undo.plan(book, undo.chosen(book, wrong)).overlaps
    assert one.later is not None
    assert (one.later.id, one.later.author) == (later, "Ann Author")
    before = head(root)
    with pytest.raises(Conflict, match="a later edit overlaps") as refused:
        take_back(root, wrong)
    assert "--rest" in refused.value.hint
    assert head(root) == before
    done = take_back(root, wrong, rest=True)
    assert record(root) == ADA + "source: web\nnotes: hi\n"
    assert "a later edit stays" in done.notes


def test_a_record_that_was_changed_or_removed_since(root: Path) -> None:
    added = put(root, {"customers/cy.yaml": "id: 01J000000000000000000000CY\nname: Cy\n"}, "customer: add cy")
    put(root, {"customers/cy.yaml": "id: 01J000000000000000000000CY\nname: Cy\nsource: web\n"})
    changed = put(root, {"customers/bob.yaml": BOB + "source: fair\n"})
    (root / "records/customers/bob.yaml").unlink()
    commit(root, message="customer: remove bob")
    assert overlaps(root, added) == [("customer", "cy", "", "(not there)", "(added)", "(changed: source)")]
    assert overlaps(root, changed) == [("customer", "bob", "", "(as it was)", "(changed)", "(removed)")]
    assert take_back(root, changed, rest=True).commit == ""
    assert not (root / "records/customers/bob.yaml").exists()


def test_an_import_is_taken_back_with_its_updates(root: Path, run: Run, tmp_path: Path) -> None:
    table = tmp_path / "people.csv"
    columns = "--kind customer --map name=name --map source=source --map external.shop=id".split()
    columns += ["--key", "external.shop", "--yes"]
    table.write_text("id,name,source\n1,Cy,fair\n2,Dee,fair\n")
    run("-C", root, "import", "csv", table, *columns)
    before = record(root, "cy"), record(root, "dee")
    table.write_text("id,name,source\n1,Cy,web\n2,Dee,web\n3,Eve,web\n4,Fay,web\n")
    run("-C", root, "import", "csv", table, *columns)
    done = head(root)
    assert run("-C", root, "customer", "set", "dee", "source=shop").code == 0
    assert run("-C", root, "customer", "set", "fay", "language=en").code == 0
    assert [one[:3] for one in overlaps(root, done)] == [("customer", "dee", "source"), ("customer", "fay", "")]
    take_back(root, done, rest=True)
    assert record(root, "cy") == before[0]
    assert record(root, "dee") == before[1].replace("fair", "shop")
    left = sorted(path.stem for path in (root / "records/customers").iterdir())
    assert left == ["ada", "bob", "cy", "dee", "fay"]


# References


def test_a_record_that_others_name_by_now_stays(root: Path) -> None:
    added = put(root, {"customers/cy.yaml": "id: 01J000000000000000000000CY\nname: Cy\n"}, "customer: add cy")
    deal = "id: 01J0000000000000000000DEA1\nname: Roof\ncustomer: cy\npipeline: sales\nstage: lead\n"
    put(root, {"deals/roof.yaml": deal}, "deal: add roof")
    naming = head(root)
    assert overlaps(root, added) == [("customer", "cy", "", "(not there)", "(added)", "(named by deal roof)")]
    book = Book(root)
    (one,) = undo.plan(book, undo.chosen(book, added)).overlaps
    assert one.later is not None
    assert one.later.id == naming
    with pytest.raises(Conflict, match=r"^customer cy is named by deal roof; nothing was undone$"):
        take_back(root, added)
    done = take_back(root, added, rest=True)
    assert (done.commit, done.notes) == ("", ("a record stays because of a reference",))
    take_back(root, naming)
    take_back(root, added)
    assert not (root / "records/customers/cy.yaml").exists()


def test_a_record_that_names_what_is_gone_does_not_come_back(root: Path) -> None:
    member = "id: 01J00000000000000000000ME1\nname: Max\n"
    put(root, {"members/max.yaml": member, "customers/ada.yaml": ADA + "owner: max\n"})
    free = put(root, {"customers/ada.yaml": ADA, "customers/bob.yaml": BOB + "source: fair\n"})
    (root / "records/members/max.yaml").unlink()
    commit(root, message="member: remove max")
    assert overlaps(root, free) == [
        ("customer", "ada", "", "(there)", "(removed)", "(names member max, which is gone)")
    ]
    book = Book(root)
    (one,) = undo.plan(book, undo.chosen(book, free)).overlaps
    assert one.later is not None
    assert one.later.subject == "member: remove max"
    with pytest.raises(Conflict, match=r"^customer ada names member max, which is gone; nothing"):
        take_back(root, free)
    take_back(root, free, rest=True)
    assert (record(root), record(root, "bob")) == (ADA, BOB)


def test_references_that_dangled_before_are_in_nobodys_way(root: Path, run: Run) -> None:
    deal = "id: 01J0000000000000000000DEA1\nname: Roof\ncustomer: bob\npipeline: sales\nstage: lead\n"
    put(root, {"deals/roof.yaml": deal})
    named = put(root, {"deals/roof.yaml": deal + "notes: hi\n"})
    assert run("-C", root, "customer", "rm", "bob", "--force").code == 0
    removed = head(root)
    take_back(root, named)  # The deal names nobody now, and does so afterwards.
    assert (root / "records/deals/roof.yaml").read_text() == deal
    take_back(root, removed)
    assert record(root, "bob") == BOB
    take_back(root, "HEAD")
    assert not (root / "records/customers/bob.yaml").exists()


def test_a_customer_somebody_talked_to_since_stays(root: Path, run: Run) -> None:
    run("-C", root, "customer", "add", "Cy")
    added = head(root)
    run("-C", root, "log", "cy", "call", "hello")
    ((kind, handle, _, _, _, now),) = overlaps(root, added)
    assert (kind, handle) == ("customer", "cy")
    assert str(now).startswith("(named by interaction ")
    take_back(root)
    take_back(root, added)
    assert not (root / "records/customers/cy.yaml").exists()


# Histories


def test_the_first_of_several_interactions_is_taken_back(root: Path, run: Run) -> None:
    run("-C", root, "log", "ada", "call", "one")
    first = head(root)
    run("-C", root, "log", "ada", "call", "two")
    take_back(root, first)
    text = (root / "records/interactions/ada.jsonl").read_text()
    assert "two" in text
    assert text.count("\n") == 1
    take_back(root, "HEAD")
    assert (root / "records/interactions/ada.jsonl").read_text().count("\n") == 2


def test_an_interaction_that_was_changed_since_is_shown(root: Path, run: Run) -> None:
    run("-C", root, "log", "ada", "call", "one")
    first = head(root)
    path = root / "records/interactions/ada.jsonl"
    identity = path.read_text().split('"')[3]
    path.write_text(path.read_text().replace("one", "other"))
    commit(root, message="interaction: set text")
    ((kind, handle, *_),) = overlaps(root, first)
    assert (kind, handle) == ("interaction", identity)
    run("-C", root, "log", "ada", "call", "two")
    assert [one[0] for one in overlaps(root, first)] == ["interaction"]
    assert take_back(root, first, rest=True).commit == ""


# What cannot be undone


def test_what_cannot_be_undone_is_said_clearly(root: Path) -> None:
    first = git(root, "rev-list", "--max-parents=0", "HEAD").strip()
    git(root, "switch", "-q", "-c", "other")
    elsewhere = put(root, {"customers/bob.yaml": BOB + "source: fair\n"})
    git(root, "switch", "-q", "main")
    book = Book(root)
    with pytest.raises(Conflict, match="the first commit"):
        undo.chosen(book, first)
    with pytest.raises(NotFound, match="not in the history of this branch"):
        undo.chosen(book, elsewhere)
    for text in ("nonsense", "--output=x", "deadbeef"):
        with pytest.raises(NotFound, match="no commit") as unknown:
            undo.chosen(book, text)
        assert "undo --list" in unknown.value.hint


def test_a_book_without_a_commit(tmp_path: Path) -> None:
    write(tmp_path, {"/crm.yaml": "name: T\ncurrency: EUR\ntimezone: UTC\n"})
    git(tmp_path, "init", "-q")
    with pytest.raises(NotFound, match="no history yet"):
        undo.chosen(Book(tmp_path))
    assert undo.latest(Book(tmp_path), 5) == []


def test_in_a_repository_with_other_things(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / "crm").mkdir()
    (tmp_path / "code.c").write_text("int x;\n")
    commit(tmp_path, message="code")
    book = tmp_path / "crm"
    write(book, {"/crm.yaml": "name: T\ncurrency: EUR\ntimezone: UTC\n"})
    commit(tmp_path, message="init")
    made = head(tmp_path)
    write(book, {"customers/ada.yaml": ADA})
    (tmp_path / "code.c").write_text("int y;\n")
    commit(tmp_path, message="both")
    both = head(tmp_path)
    (tmp_path / "code.c").write_text("int z;\n")
    commit(tmp_path, message="code")
    with pytest.raises(NotFound, match="changed nothing in this book"):
        take_back(book, "HEAD")
    with pytest.raises(Conflict, match="made this book"):
        take_back(book, made)
    take_back(book, both)
    assert not (book / "records/customers/ada.yaml").exists()
    assert (tmp_path / "code.c").read_text() == "int z;\n"
    assert git(tmp_path, "status", "--porcelain") == ""


def test_a_shallow_clone_does_not_know_what_was_before(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(root, {"customers/ada.yaml": ADA + "source: fair\n"})
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{root}", "shallow")
    for text in ("HEAD", ""):
        with pytest.raises(Conflict, match="shallow") as refused:
            take_back(tmp_path / "shallow", text)
        assert refused.value.hint == "git fetch --unshallow"
    git(tmp_path / "shallow", "config", "user.email", "new@example.com")
    monkeypatch.setenv("GIT_AUTHOR_EMAIL", "new@example.com")
    with pytest.raises(NotFound, match="this clone is shallow"):
        take_back(tmp_path / "shallow")


def test_somebody_elses_words_are_not_repeated(root: Path) -> None:
    made = put(root, {"customers/ada.yaml": ADA + "source: fair\n"}, "Ada Lovelace called from 555-0100")
    assert take_back(root, made).message == f"undo: {made[:10]}"


def test_what_was_written_while_planning_is_not_lost(root: Path) -> None:
    wrong = put(root, {"customers/ada.yaml": ADA + "source: fair\n"})
    book = Book(root)
    planned = undo.plan(book, undo.chosen(book, wrong))
    put(root, {"customers/ada.yaml": ADA + "language: en\nsource: fair\n"})
    undo.carry_out(book, planned)
    assert record(root) == ADA + "language: en\n"
    planned = undo.plan(book, undo.chosen(book, "HEAD~1"))
    put(root, {"customers/ada.yaml": ADA + "language: de\n"})
    with pytest.raises(Conflict, match="later edit"):
        undo.carry_out(book, planned)


def test_replaced_altogether(root: Path) -> None:
    wrong = put(root, {"customers/ada.yaml": ADA + "source: fair\n"})
    put(root, {"customers/ada.yaml": ADA})
    done = take_back(root, wrong)
    assert (done.commit, done.notes) == ("", ("later edits have replaced all of it",))


# What it says


def test_the_list_of_writes_says_what_each_did(root: Path, run: Run) -> None:
    run("-C", root, "customer", "set", "ada", "source=fair")
    run("-C", root, "log", "ada", "call", "hello")
    put(root, {"/templates/hi.txt": "Hi\n"}, "a template")
    take_back(root)
    writes = undo.latest(Book(root), 10)
    assert [(write.what, bool(write.undone_by)) for write in writes] == [
        (("templates/hi.txt removed",), False),
        (("templates/hi.txt added",), True),
        (("1 history changed",), False),
        (("1 customer changed",), False),
        (("2 customers added",), False),
        (("crm.yaml added",), False),
    ]
    assert writes[0].at.tzname() in ("CET", "CEST")


def test_a_dry_run_tells_every_record_and_line(root: Path, run: Run) -> None:
    (root / "records/customers/bob.yaml").unlink()
    all_at_once = {"customers/ada.yaml": ADA + "source: fair\n", "customers/cy.yaml": "name: Cy\n", "/notes.txt": "x\n"}
    made = put(root, all_at_once)
    book = Book(root)
    assert list(described(book, undo.plan(book, undo.chosen(book, made)))) == [
        ("file", "notes.txt", ("remove",)),
        ("customer", "ada", ("clear source (was fair)",)),
        ("customer", "bob", ("add",)),
        ("customer", "cy", ("remove",)),
    ]
    run("-C", root, "log", "ada", "call", "hello")
    book = Book(root)
    ((kind, _, words),) = described(book, undo.plan(book, undo.chosen(book)))
    assert (kind, words) == ("interaction", ("remove",))
