"""Undoing goes by what records are, not by what they are called: a record that was renamed later is found by its id."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from conftest import Run
from conftest import git
from helpers.books import commit

from crmctl.errors import Conflict
from crmctl.services.book import Book
from crmctl.services.past import undo
from crmctl.services.past.undo_words import described

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.services.records import Written

ADA = "id: 01J00000000000000000000ADA\nname: Ada\n"
BOB = "id: 01J00000000000000000000B0B\nname: Bob\n"
DEAL = "id: 01J0000000000000000000DEA1\ntitle: Engine\ncustomer: {}\namount: 10.00\ncurrency: EUR\nstage: lead\n"
CALL = '{{"id": "01J0000000000000000000CAL{}", "at": "2012-01-0{}T10:00:00Z", "type": "call", "text": "hello"}}\n'
GRANTED = "consent:\n  newsletter:\n    state: granted\n"
WITHDRAWN = GRANTED.replace("granted", "withdrawn")


@pytest.fixture
def root(book_dir: Path) -> Path:
    commit(book_dir, {"customers/ada.yaml": ADA, "customers/bob.yaml": BOB}, "records")
    return book_dir


def put(root: Path, files: dict[str, str], message: str = "customer: set x") -> str:
    commit(root, files, message)
    return git(root, "rev-parse", "HEAD").strip()


def rename(root: Path, old: str = "ada", new: str = "adele") -> str:
    for place in ("customers/{}.yaml", "interactions/{}.jsonl"):
        if (root / "records" / place.format(old)).exists():
            git(root, "mv", f"records/{place.format(old)}", f"records/{place.format(new)}")
    return put(root, {}, "rename")


def take_back(root: Path, what: str, *, rest: bool = False, removals: bool = False) -> Written:
    book = Book(root)
    wanted = undo.plan(book, undo.chosen(book, what), rest=rest)
    return undo.carry_out(book, wanted, rest=rest, allow_removals=removals)


def overlaps(root: Path, what: str) -> list[tuple[str, str, str, object, object, object]]:
    book = Book(root)
    found = undo.plan(book, undo.chosen(book, what)).overlaps
    return [(one.kind, one.handle, one.field, one.before, one.made, one.now) for one in found]


def standing(root: Path, folder: str = "customers") -> dict[str, str]:
    """What stands in a folder of records in HEAD, which is what stands in the work tree."""
    assert git(root, "status", "--porcelain") == ""
    found = sorted((root / "records" / folder).rglob("*.*"))
    return {str(path.relative_to(root / "records" / folder)): path.read_text() for path in found}


def test_an_edit_of_a_record_that_was_renamed_since_is_taken_back(root: Path) -> None:
    done = put(root, {"customers/ada.yaml": ADA + "role: Countess\n"})
    rename(root)
    put(root, {"customers/adele.yaml": ADA + "role: Countess\nlanguage: en\n"})
    written = take_back(root, done)
    assert written.notes == ("1 customer changed",)
    assert standing(root) == {"adele.yaml": ADA + "language: en\n", "bob.yaml": BOB}
    take_back(root, "HEAD")
    assert standing(root)["adele.yaml"] == ADA + "role: Countess\nlanguage: en\n"


def test_an_added_record_goes_under_the_name_it_has(root: Path) -> None:
    added = put(root, {"customers/cy.yaml": "id: 01J000000000000000000000CY\nname: Cy\n"})
    rename(root, "cy", "cyrus")
    assert take_back(root, added).notes == ("1 customer removed",)
    assert sorted(standing(root)) == ["ada.yaml", "bob.yaml"]


def test_its_history_goes_with_it(root: Path) -> None:
    put(root, {"interactions/ada.jsonl": CALL.format(1, 1)})
    second = put(root, {"interactions/ada.jsonl": CALL.format(1, 1) + CALL.format(2, 2)})
    rename(root)
    put(root, {"interactions/adele.jsonl": CALL.format(1, 1) + CALL.format(2, 2) + CALL.format(3, 3)})
    take_back(root, second)
    assert standing(root, "interactions") == {"adele.jsonl": CALL.format(1, 1) + CALL.format(3, 3)}


def test_what_comes_back_names_it_as_it_is_called_now(root: Path) -> None:
    put(root, {"deals/engine.yaml": DEAL.format("ada")})
    (root / "records/deals/engine.yaml").unlink()
    removed = put(root, {}, "deal: remove engine")
    rename(root)
    take_back(root, removed)
    assert standing(root, "deals") == {"engine.yaml": DEAL.format("adele")}


@pytest.mark.parametrize("moved_later", [False, True])
def test_a_later_edit_of_the_same_field_is_shown_with_its_commit(root: Path, moved_later: bool) -> None:
    done = put(root, {"customers/ada.yaml": ADA + "role: Countess\nsource: fair\n"})
    if moved_later:
        later = put(root, {"customers/ada.yaml": ADA + "role: Duchess\nsource: fair\n"})
        rename(root)
    else:
        rename(root)
        later = put(root, {"customers/adele.yaml": ADA + "role: Duchess\nsource: fair\n"})
    assert overlaps(root, done) == [("customer", "adele", "role", "(none)", "Countess", "Duchess")]
    book = Book(root)
    (one,) = undo.plan(book, undo.chosen(book, done)).overlaps
    assert one.later is not None
    assert one.later.id == later
    with pytest.raises(Conflict):
        take_back(root, done)
    assert take_back(root, done, rest=True).notes == ("1 customer changed", "a later edit stays")
    assert standing(root)["adele.yaml"] == ADA + "role: Duchess\n"


def test_a_rename_is_taken_back_with_all_that_came_later(root: Path) -> None:
    put(root, {"interactions/ada.jsonl": CALL.format(1, 1), "deals/engine.yaml": DEAL.format("ada")})
    (root / "records/deals/engine.yaml").write_text(DEAL.format("adele"))
    renamed = rename(root)
    put(
        root,
        {
            "customers/adele.yaml": ADA + "language: en\n",
            "interactions/adele.jsonl": CALL.format(1, 1) + CALL.format(2, 2),
            "deals/second.yaml": DEAL.format("adele").replace("DEA1", "DEA2"),
        },
    )
    book = Book(root)
    plan = undo.plan(book, undo.chosen(book, renamed))
    assert ("customer", "adele", ("rename to ada",)) in list(described(book, plan))
    assert take_back(root, renamed).notes == ("1 customer renamed", "2 deals changed")
    assert standing(root) == {"ada.yaml": ADA + "language: en\n", "bob.yaml": BOB}
    assert standing(root, "interactions") == {"ada.jsonl": CALL.format(1, 1) + CALL.format(2, 2)}
    assert set(standing(root, "deals").values()) == {
        DEAL.format("ada"),
        DEAL.format("ada").replace("DEA1", "DEA2"),
    }
    take_back(root, "HEAD")
    assert sorted(standing(root)) == ["adele.yaml", "bob.yaml"]
    assert sorted(standing(root, "interactions")) == ["adele.jsonl"]


def test_many_renames_are_no_removals(root: Path) -> None:
    names = [f"cy{number}" for number in range(6)]
    put(
        root, {f"customers/{name}.yaml": f"id: 01J0000000000000000000{name.upper()}0\nname: {name}\n" for name in names}
    )
    for name in names:
        git(root, "mv", f"records/customers/{name}.yaml", f"records/customers/new-{name}.yaml")
    renamed = put(root, {}, "rename")
    assert take_back(root, renamed).notes == ("6 customers renamed",)
    assert sorted(standing(root)) == ["ada.yaml", "bob.yaml", *(f"{name}.yaml" for name in names)]


def test_a_record_that_was_renamed_twice_is_asked_about(root: Path) -> None:
    git(root, "mv", "records/customers/ada.yaml", "records/customers/adele.yaml")
    renamed = put(root, {"customers/adele.yaml": ADA + "role: Countess\n"}, "rename")
    rename(root, "adele", "adela")
    assert overlaps(root, renamed) == [("customer", "adela", "handle", "ada", "adele", "adela")]
    with pytest.raises(Conflict):
        take_back(root, renamed)
    assert take_back(root, renamed, rest=True).notes == ("1 customer changed", "a later edit stays")
    assert standing(root) == {"adela.yaml": ADA, "bob.yaml": BOB}


def test_nobody_loses_a_name_that_was_given_away(root: Path) -> None:
    """The old handle is another person's by now: neither is mixed with the other, and neither goes."""
    git(root, "mv", "records/customers/ada.yaml", "records/customers/adele.yaml")
    renamed = put(root, {"customers/adele.yaml": ADA + "role: Countess\n"}, "rename")
    other = "id: 01J0000000000000000000ADA2\nname: Ada the second\n"
    put(root, {"customers/ada.yaml": other})
    assert overlaps(root, renamed) == [
        ("customer", "adele", "handle", "ada", "adele", "(ada is another customer by now)")
    ]
    with pytest.raises(Conflict):
        take_back(root, renamed)
    take_back(root, renamed, rest=True)
    assert standing(root) == {"ada.yaml": other, "adele.yaml": ADA, "bob.yaml": BOB}


def test_an_edit_is_never_taken_back_of_who_has_the_name_now(root: Path) -> None:
    done = put(root, {"customers/ada.yaml": ADA + "role: Countess\n"})
    rename(root)
    other = "id: 01J0000000000000000000ADA2\nname: Ada the second\nrole: Countess\n"
    put(root, {"customers/ada.yaml": other})
    take_back(root, done)
    assert standing(root) == {"ada.yaml": other, "adele.yaml": ADA, "bob.yaml": BOB}


def test_of_an_import_those_who_were_renamed_go_too(root: Path, run: Run, tmp_path: Path) -> None:
    table = tmp_path / "people.csv"
    table.write_text("id,name,source\n1,Ada,web\n3,Eve,web\n4,Fay,web\n")
    put(root, {"customers/ada.yaml": ADA + "external:\n  shop: '1'\nsource: fair\n"})
    columns = "--kind customer --map name=name --map source=source --map external.shop=id --key external.shop --yes"
    assert run("-C", root, "import", "csv", table, *columns.split()).code == 0
    imported = git(root, "rev-parse", "HEAD").strip()
    rename(root, "ada", "adele")
    rename(root, "eve", "evelyn")
    take_back(root, imported, removals=True)
    assert sorted(standing(root)) == ["adele.yaml", "bob.yaml"]
    assert "source: fair" in standing(root)["adele.yaml"]


def test_a_withdrawal_stays_whatever_the_name_is_now(root: Path) -> None:
    put(root, {"customers/ada.yaml": ADA + GRANTED})
    renamed = rename(root)
    withdrawn = put(root, {"customers/adele.yaml": ADA + WITHDRAWN})
    take_back(root, renamed)
    assert standing(root)["ada.yaml"] == ADA + WITHDRAWN
    rename(root, "ada", "countess")
    take_back(root, withdrawn)  # A withdrawal of one's own, by mistake.
    assert standing(root)["countess.yaml"] == ADA + GRANTED


def test_after_a_change_of_the_layout_it_comes_back_to_its_place(root: Path) -> None:
    done = put(root, {"customers/ada.yaml": ADA + "role: Countess\n"})
    (root / "records/customers/bob.yaml").unlink()
    removed = put(root, {}, "customer: remove bob")
    (root / "records/customers/da").mkdir()
    git(root, "mv", "records/customers/ada.yaml", "records/customers/da/ada.yaml")
    put(root, {"/crm.yaml": (root / "crm.yaml").read_text() + "layout: sharded\n"}, "sharded")
    (root / "records/customers/le").mkdir()
    git(root, "mv", "records/customers/da/ada.yaml", "records/customers/le/adele.yaml")
    put(root, {}, "rename")
    take_back(root, done)
    take_back(root, removed)
    assert standing(root) == {"le/adele.yaml": ADA, "ob/bob.yaml": BOB}


def test_who_got_the_name_of_an_added_record_stays(root: Path) -> None:
    person = "id: 01J0000000000000000000CY{}0\nname: {}\n"
    added = put(root, {"customers/cy.yaml": person.format(1, "Cy"), "interactions/cy.jsonl": CALL.format(1, 1)})
    rename(root, "cy", "cyrus")
    put(root, {"customers/cy.yaml": person.format(2, "Cy the second"), "interactions/cy.jsonl": CALL.format(2, 2)})
    take_back(root, added)
    assert sorted(standing(root)) == ["ada.yaml", "bob.yaml", "cy.yaml"]
    assert "second" in standing(root)["cy.yaml"]
    assert standing(root, "interactions") == {"cy.jsonl": CALL.format(2, 2)}


def test_in_a_folder_of_a_repository(tmp_path: Path, book_dir: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    git(top, "init", "-q", "-b", "main")
    (top / "crm").mkdir()
    (top / "crm/crm.yaml").write_bytes((book_dir / "crm.yaml").read_bytes())
    root = top / "crm"
    put(root, {"customers/ada.yaml": ADA})
    done = put(root, {"customers/ada.yaml": ADA + "role: Countess\n"})
    renamed = rename(root)
    put(root, {"customers/adele.yaml": ADA + "role: Countess\nlanguage: en\n"})
    take_back(root, done)
    take_back(root, renamed)
    assert standing(root) == {"ada.yaml": ADA + "language: en\n"}
