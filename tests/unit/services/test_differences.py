"""What differs between two states: records, what their changes mean, and all of it in one sentence."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from helpers.books import commit
from helpers.books import git
from helpers.books import write

from crmctl.errors import GitFailed
from crmctl.services.book import Book
from crmctl.services.past import differences
from crmctl.services.past.differences import RecordChange
from crmctl.services.past.differences import between
from crmctl.services.past.differences import summary
from crmctl.services.past.turns import Turn
from crmctl.services.past.turns import turn_words

if TYPE_CHECKING:
    from pathlib import Path

LINE = '{"id": "%s", "at": "2026-01-0%d", "type": "%s"}\n'


def change(root: Path, before: dict[str, str], after: dict[str, str], gone: tuple[str, ...] = ()) -> list[RecordChange]:
    """What the second of two commits changes."""
    commit(root, before)
    for path in gone:
        (root / "records" / path).unlink()
    commit(root, after)
    return between(Book(root), git(root, "rev-parse", "HEAD~1").strip(), git(root, "rev-parse", "HEAD").strip())


def test_added_removed_and_changed(book_dir: Path) -> None:
    found = change(
        book_dir,
        {"customers/ada.yaml": "name: Ada\nrole: queen\n", "customers/bob.yaml": "name: Bob\n"},
        {"customers/ada.yaml": "name: Ada\nrole: king\n", "products/tea.yaml": "name: Tea\n", "/notes/x.txt": "x"},
        ("customers/bob.yaml",),
    )
    assert [(one.kind, one.handle, one.what, one.title, one.customer, one.words) for one in found] == [
        ("customer", "ada", "changed", "Ada", "ada", ("set role: queen -> king",)),
        ("customer", "bob", "removed", "Bob", "bob", ()),
        ("product", "tea", "added", "Tea", "", ()),
        ("file", "notes/x.txt", "added", "", "", ()),
    ]
    assert summary(found) == "1 customer changed, 1 customer removed, 1 product added, 1 file added"


def test_nothing_at_all(book_dir: Path) -> None:
    head = git(book_dir, "rev-parse", "HEAD").strip()
    assert between(Book(book_dir), head, head) == []
    assert between(Book(book_dir), "", "") == []
    assert summary([]) == "nothing changed"


def test_from_the_very_beginning(book_dir: Path) -> None:
    commit(book_dir, {"customers/ada.yaml": "name: Ada\n"})
    head = git(book_dir, "rev-parse", "HEAD").strip()
    assert summary(between(Book(book_dir), "", head)) == "1 customer added, the settings added"
    assert summary(between(Book(book_dir), head, "")) == "1 customer removed, the settings removed"
    with pytest.raises(GitFailed):
        between(Book(book_dir), "0" * 40, head)


def test_a_record_that_moved_is_one_record(book_dir: Path) -> None:
    text = "name: Ada\n"
    assert (
        change(book_dir, {"customers/ada.yaml": text}, {"customers/da/ada.yaml": text}, ("customers/ada.yaml",)) == []
    )
    (book_dir / "records" / "customers" / "da" / "ada.yaml").unlink()
    commit(book_dir, {"customers/ada.yaml": text + "role: queen\n"})
    found = between(Book(book_dir), git(book_dir, "rev-parse", "HEAD~1").strip(), "HEAD")
    assert [(one.what, one.words) for one in found] == [("changed", ("set role: queen",))]


def test_a_renamed_record_is_one_record_and_so_is_its_history(book_dir: Path) -> None:
    ada = "id: 01J9ZK3T8QWERTYPASDFGHJKMN\nname: Ada\nconsent:\n  newsletter: {state: granted}\n"
    line = '{"id":"01J9ZK3T8QWERTYPASDFGHJKMP","at":"2026-01-01T10:00:00Z","type":"note","text":"x"}\n'
    found = change(
        book_dir,
        {"customers/ada.yaml": ada, "interactions/ada.jsonl": line, "customers/eve.yaml": "name: Eve\n"},
        {"customers/lovelace.yaml": ada + "role: boss\n", "interactions/lovelace.jsonl": line},
        ("customers/ada.yaml", "interactions/ada.jsonl"),
    )
    (one,) = found
    assert (one.handle, one.what, one.words) == ("lovelace", "changed", ("renamed from ada", "set role: boss"))
    assert summary(found) == "1 customer changed"


def test_interactions_one_by_one(book_dir: Path) -> None:
    ids = [letter * 26 for letter in "ABC"]
    before = "".join(LINE % (ids[at], at + 1, "call") for at in (0, 1)) + '{"at": "2026-01-01", "type": "note"}\n'
    after = LINE % (ids[0], 9, "call") + LINE % (ids[2], 3, "email") + '{"at": "2026-01-02"}\n'
    found = change(book_dir, {"interactions/ada.jsonl": before}, {"interactions/ada.jsonl": after})
    assert [(one.handle, one.what, one.type, one.customer, one.words) for one in found] == [
        ("A" * 26, "changed", "call", "ada", ("set at: 2026-01-01 -> 2026-01-09",)),
        ("B" * 26, "removed", "call", "ada", ()),
        ("C" * 26, "added", "email", "ada", ()),
        ("ada#3", "removed", "note", "ada", ()),
        ("ada#3", "added", "interaction", "ada", ()),
    ]
    assert summary(found) == "2 interactions, 1 interaction changed, 2 interactions removed"


@pytest.mark.parametrize(
    ("before", "after", "turns", "words"),
    [
        ("stage: lead\n", "stage: won\namount: 4\n", ["won (4.00 EUR)", "amount +4.00 EUR"], "1 deal won (4.00 EUR)"),
        ("stage: lead\namount: 5\n", "stage: lost\namount: 5\n", ["lost (5.00 EUR)"], "1 deal lost (5.00 EUR)"),
        ("stage: lead\n", "stage: proposal\n", ["moved lead -> proposal"], "1 deal moved"),
        ("amount: 10.00\n", "amount: 9.50\n", ["amount -0.50 EUR"], "1 deal changed"),
        ("amount: 1500\ncurrency: JPY\n", "amount: 3000\ncurrency: JPY\n", ["amount +1,500 JPY"], "1 deal changed"),
        ("amount: 10.00\n", "amount: 10.00\ncurrency: USD\n", [], "1 deal changed"),
        ("amount: 1\n", "amount: what\n", ["amount -1.00 EUR"], "1 deal changed"),
        ("stage: won\n", "stage: won\nnotes: x\n", [], "1 deal changed"),
        ("stage: won\n", "stage: lead\n", ["moved won -> lead"], "1 deal moved"),
    ],
)  # fmt: skip
def test_what_happened_to_a_deal(book_dir: Path, before: str, after: str, turns: list[str], words: str) -> None:
    head = "name: D\ncustomer: ada\n"
    (found,) = change(book_dir, {"deals/d.yaml": head + before}, {"deals/d.yaml": head + after})
    assert [turn_words(turn) for turn in found.turns] == turns
    assert found.customer == "ada"
    assert summary([found]) == words


def test_a_stage_means_what_its_pipeline_says(book_dir: Path) -> None:
    pipelines = "/crm.yaml", "currency: EUR\npipelines:\n  a: {open: 10, done: won}\n  b: {open: 10, done: lost}\n"
    head = "name: D\ncustomer: ada\npipeline: "
    commit(book_dir, {pipelines[0]: pipelines[1]})
    (found,) = change(
        book_dir, {"deals/d.yaml": f"{head}b\nstage: open\n"}, {"deals/d.yaml": f"{head}b\nstage: done\n"}
    )
    assert [turn.what for turn in found.turns] == ["lost"]
    (found,) = change(
        book_dir, {"deals/d.yaml": f"{head}zz\nstage: open\n"}, {"deals/d.yaml": f"{head}zz\nstage: done\n"}
    )
    assert [turn.what for turn in found.turns] == ["won"]


def test_sums_are_by_currency_and_a_deal_counts_once(book_dir: Path) -> None:
    won = [
        RecordChange("deal", "deals", handle, "changed", turns=(Turn("won", units=units, currency=currency),))
        for handle, units, currency in (("a", 100, "EUR"), ("a", 200, "EUR"), ("b", 5, "USD"), ("c", 300, "EUR"))
    ]
    edited = RecordChange("deal", "deals", "a", "changed", words=("set notes: x",))
    assert summary([*won, edited]) == "3 deals won (5.00 EUR + 0.05 USD)"
    gone = RecordChange("deal", "deals", "z", "removed")
    assert summary([edited, gone]) == "1 deal changed, 1 deal removed"
    unknown = RecordChange("deal", "deals", "a", "changed", turns=(Turn("won", currency="EUR"),))
    assert summary([unknown]) == "1 deal won"
    assert turn_words(unknown.turns[0]) == "won"


def test_consents_followups_and_cases(book_dir: Path) -> None:
    found = change(
        book_dir,
        {
            "customers/ada.yaml": "name: Ada\nconsent:\n  newsletter: {state: granted}\n  events: {state: granted}\n",
            "followups/f.yaml": "what: call\ndue: 2026-01-01\n",
            "cases/c.yaml": "name: C\ncustomer: ada\nstatus: open\n",
        },
        {
            "customers/ada.yaml": "name: Ada\nconsent:\n  newsletter: {state: withdrawn}\n  events: {state: granted}\n"
            "  surveys: {state: objected}\n",
            "followups/f.yaml": "what: call\ndue: 2026-01-01\ndone: 2026-01-02\n",
            "cases/c.yaml": "name: C\ncustomer: ada\nstatus: solved\n",
        },
    )
    assert [turn_words(turn) for one in found for turn in one.turns] == [
        "consent newsletter withdrawn",
        "consent surveys objected",
        "solved",
        "done",
    ]
    assert summary(found) == (
        "1 customer changed, 1 case solved, 1 follow-up done, 1 consent withdrawn, 1 consent objected"
    )


def test_what_cannot_be_read(book_dir: Path) -> None:
    bad = {"customers/a.yaml": "name: [\n", "customers/b.yaml": "name: B\n", "/crm.yaml": "currency: EUR\n"}
    good = {"customers/a.yaml": "name: A\n", "customers/b.yaml": "name: [\n", "/crm.yaml": "currency: EUR\n# x\n"}
    found = change(book_dir, {**bad, "customers/c.yaml": "name: C\n"}, {**good, "customers/c.yaml": "name: 'C'\n"})
    assert [one.words for one in found] == [
        ("can be read again",),
        ("cannot be read any more",),
        ("only its layout or its comments",),
        ("only its layout or its comments",),
    ]
    (gone,) = change(book_dir, {"customers/z.yaml": "name: [\n"}, {}, ("customers/z.yaml",))
    assert (gone.what, gone.title) == ("removed", "")


def test_a_kind_of_the_books_own(book_dir: Path) -> None:
    settings = "currency: EUR\nkinds:\n  tax_office:\n    plural: tax_offices\n    fields: {name: {required: yes}}\n"
    commit(book_dir, {"/crm.yaml": settings})
    found = change(book_dir, {}, {f"tax_offices/{name}.yaml": f"name: {name}\n" for name in "ab"})
    assert summary(found) == "2 tax offices added"


def test_up_to_the_files_as_they_stand(book_dir: Path) -> None:
    commit(book_dir, {f"customers/{name}.yaml": f"name: {name}\n" for name in ("ada", "bob", "eve", "zoe")})
    old = git(book_dir, "rev-parse", "HEAD").strip()
    commit(book_dir, {"customers/ada.yaml": "name: ada\nrole: queen\n", "customers/zoe.yaml": "name: zoe\nrole: x\n"})
    write(
        book_dir,
        {
            "customers/ada.yaml": "name: ada\nrole: king\n",
            "customers/new/c.yaml": "name: c\n",
            "customers/zoe.yaml": "name: zoe\n",
        },
    )
    (book_dir / "records" / "customers" / "bob.yaml").unlink()
    (book_dir / "records" / "customers" / "eve.yaml").unlink()
    (book_dir / "records" / "customers" / "eve.yaml").symlink_to("ada.yaml")
    found = differences.with_work_tree(Book(book_dir), old)
    assert [(one.handle, one.what, one.words) for one in found] == [
        ("ada", "changed", ("set role: king",)),
        ("bob", "removed", ()),
        ("c", "added", ()),
        ("eve", "changed", ("cannot be read any more",)),
    ]
    everything = differences.with_work_tree(Book(book_dir), "")
    assert [one.handle for one in everything if one.what == "added"] == ["ada", "c", "eve", "zoe", "crm.yaml"]


def test_a_book_below_the_top_of_its_repository(tmp_path: Path, book_dir: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    git(top, "init", "-q", "-b", "main")
    shutil.copytree(book_dir, top / "crm", ignore=shutil.ignore_patterns(".git"))
    commit(top, {"customers/outside.yaml": "name: X\n"})
    commit(top / "crm", {"customers/ada.yaml": "name: Ada\n"})
    found = between(Book(top / "crm"), git(top, "rev-parse", "HEAD~1").strip(), "HEAD")
    assert [(one.kind, one.handle) for one in found] == [("customer", "ada")]
