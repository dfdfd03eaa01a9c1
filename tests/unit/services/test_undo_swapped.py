"""Records that took handles from each other in one commit: undone, told and looked back at by what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from conftest import Run
from conftest import git
from helpers.books import commit

from crmctl.errors import Conflict
from crmctl.services.book import Book
from crmctl.services.past import undo
from crmctl.services.past.differences import between
from crmctl.services.past.history import history
from crmctl.services.past.undo_words import described
from crmctl.services.past.why import origins

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from crmctl.services.records import Written

NAMES = ("ada", "bob", "cy")
IDS = {"ada": "01J00000000000000000000ADA", "bob": "01J00000000000000000000B0B", "cy": "01J000000000000000000000CY"}
CALL = '{{"id": "01J0000000000000000000CA{}", "at": "2012-01-01T10:00:00Z", "type": "call", "text": "{}"}}\n'
DEAL = "id: 01J0000000000000000000DEA{}\nname: Engine\ncustomer: {}\namount: 10.00\ncurrency: EUR\nstage: lead\n"
SWAP, RING = {"ada": "bob", "bob": "ada"}, {"ada": "bob", "bob": "cy", "cy": "ada"}
GRANTED = "consent:\n  newsletter:\n    state: granted\n"
WITHDRAWN = GRANTED.replace("granted", "withdrawn")


def person(who: str, more: str = "") -> str:
    return f"id: {IDS[who]}\nname: Was {who}\n{more}"


def files(called: Mapping[str, str], more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The records and histories of all three, by what they are called; a deal of each names its customer."""
    found = {}
    for number, who in enumerate(NAMES):
        handle = called.get(who, who)
        found[f"customers/{handle}.yaml"] = person(who, (more or {}).get(who, ""))
        found[f"interactions/{handle}.jsonl"] = CALL.format(f"K{number}", who)
        found[f"deals/of-{who}.yaml"] = DEAL.format(number, handle)
    return found


def put(root: Path, wanted: dict[str, str], message: str = "rename") -> str:
    commit(root, wanted, message)
    return git(root, "rev-parse", "HEAD").strip()


def standing(root: Path) -> dict[str, str]:
    """What stands in HEAD, which is what stands in the work tree."""
    assert git(root, "status", "--porcelain") == ""
    records = root / "records"
    return {str(path.relative_to(records)): path.read_text() for path in records.rglob("*.*")}


def take_back(root: Path, what: str, *, rest: bool = False) -> Written:
    book = Book(root)
    return undo.carry_out(book, undo.plan(book, undo.chosen(book, what), rest=rest), rest=rest)


def overlaps(root: Path, what: str) -> list[tuple[str, str, str, object, object, object]]:
    book = Book(root)
    found = undo.plan(book, undo.chosen(book, what)).overlaps
    return [(one.kind, one.handle, one.field, one.before, one.made, one.now) for one in found]


@pytest.fixture
def root(book_dir: Path) -> Path:
    put(book_dir, files({}), "records")
    return book_dir


@pytest.mark.parametrize("called", [SWAP, RING])
def test_names_that_were_exchanged_go_back(root: Path, called: dict[str, str]) -> None:
    done = put(root, files(called))
    book = Book(root)
    told = list(described(book, undo.plan(book, undo.chosen(book, done))))
    assert [one for one in told if one[0] == "customer"] == [
        ("customer", called[who], (f"rename to {who}",)) for who in NAMES if who in called
    ]
    assert take_back(root, done).notes == (f"{len(called)} customers renamed", f"{len(called)} deals changed")
    assert standing(root) == files({})
    take_back(root, "HEAD")
    assert standing(root) == files(called)


@pytest.mark.parametrize("called", [SWAP, RING])
def test_later_edits_go_along_with_who_they_are_about(root: Path, called: dict[str, str]) -> None:
    done = put(root, files(called))
    later = files(called, {"ada": "role: Countess\n"})
    later["interactions/bob.jsonl"] += CALL.format("KX", "later, with who was ada")
    later["deals/second.yaml"] = DEAL.format("9", "bob")
    put(root, later, "customer: set bob")
    take_back(root, done)
    wanted = files({}, {"ada": "role: Countess\n"})
    wanted["interactions/ada.jsonl"] += CALL.format("KX", "later, with who was ada")
    wanted["deals/second.yaml"] = DEAL.format("9", "ada")
    assert standing(root) == wanted


@pytest.mark.parametrize("called", [SWAP, RING])
def test_an_edit_before_the_exchange_is_taken_back_where_it_is_now(root: Path, called: dict[str, str]) -> None:
    done = put(root, files({}, {"ada": "role: Countess\n"}), "customer: set ada role")
    put(root, files(called, {"ada": "role: Countess\n"}))
    assert take_back(root, done).notes == ("1 customer changed",)
    assert standing(root) == files(called)


def test_a_record_that_comes_back_names_who_is_meant(root: Path) -> None:
    (root / "records/deals/of-ada.yaml").unlink()
    removed = put(root, {}, "deal: remove of-ada")
    exchanged = files(SWAP)
    gone = exchanged.pop("deals/of-ada.yaml")
    put(root, exchanged)
    take_back(root, removed)
    assert standing(root)["deals/of-ada.yaml"] == gone


def test_an_overlap_is_that_of_the_same_record(root: Path) -> None:
    done = put(root, files({}, {"ada": "role: Countess\n"}), "customer: set ada role")
    put(root, files(SWAP, {"ada": "role: Countess\n"}))
    later = put(root, files(SWAP, {"ada": "role: Duchess\n"}), "customer: set bob role")
    put(root, files(SWAP, {"ada": "role: Duchess\n", "bob": "role: Baron\n"}), "customer: set ada role")
    assert overlaps(root, done) == [("customer", "bob", "role", "(none)", "Countess", "Duchess")]
    book = Book(root)
    (one,) = undo.plan(book, undo.chosen(book, done)).overlaps
    assert one.later is not None
    assert one.later.id == later


def test_who_has_a_third_name_by_now_is_asked_about(root: Path) -> None:
    done = put(root, files(SWAP))
    for place in ("customers/{}.yaml", "interactions/{}.jsonl"):
        git(root, "mv", f"records/{place.format('ada')}", f"records/{place.format('robert')}")
    put(root, {"deals/of-bob.yaml": DEAL.format(1, "robert")})
    assert overlaps(root, done) == [("customer", "robert", "handle", "bob", "ada", "robert")]
    with pytest.raises(Conflict):
        take_back(root, done)
    assert take_back(root, done, rest=True).notes == ("1 customer renamed", "1 deal changed", "a later edit stays")
    assert standing(root) == files({"bob": "robert"})


def test_a_name_of_the_ring_that_somebody_else_has_by_now(root: Path) -> None:
    """Nobody is mixed with anybody: who cannot have the name back keeps the one they have."""
    done = put(root, files(SWAP))
    for place in ("customers/{}.yaml", "interactions/{}.jsonl"):
        git(root, "mv", f"records/{place.format('ada')}", f"records/{place.format('robert')}")
    new = "id: 01J000000000000000000NEW01\nname: New\n"
    put(root, {"deals/of-bob.yaml": DEAL.format(1, "robert"), "customers/ada.yaml": new})
    before = standing(root)
    assert {one[:3] for one in overlaps(root, done)} == {
        ("customer", "bob", "handle"),
        ("customer", "robert", "handle"),
    }
    take_back(root, done, rest=True)
    assert standing(root) == before


def test_what_was_withdrawn_stays_with_who_withdrew(root: Path) -> None:
    consents = {"ada": GRANTED, "bob": GRANTED}
    put(root, files({}, consents), "consent")
    done = put(root, files(SWAP, consents))
    put(root, files(SWAP, {"ada": WITHDRAWN, "bob": GRANTED}), "customer: set bob consent")
    assert take_back(root, done).notes == ("2 customers renamed", "2 deals changed")
    assert standing(root) == files({}, {"ada": WITHDRAWN, "bob": GRANTED})


def test_in_another_layout_since(root: Path) -> None:
    done = put(root, files(SWAP))
    for path in [*root.glob("records/*/*.*")]:
        shard = path.parent / path.stem[-2:]
        shard.mkdir(exist_ok=True)
        path.rename(shard / path.name)
    put(root, {"/crm.yaml": (root / "crm.yaml").read_text() + "layout: sharded\n"}, "sharded")
    take_back(root, done)
    assert {flat(path): text for path, text in standing(root).items()} == files({})


def flat(path: str) -> str:
    folder, _, name = path.split("/")
    return f"{folder}/{name}"


def test_two_pairs_and_somebody_who_only_moved_on(root: Path) -> None:
    extra = {f"customers/x{number}.yaml": f"id: 01J0000000000000000000X{number}00\nname: X\n" for number in range(3)}
    put(root, extra, "more")
    exchanged = {**files(SWAP), "customers/x0.yaml": extra["customers/x1.yaml"], "customers/x1.yaml": ""}
    exchanged["customers/x1.yaml"] = extra["customers/x0.yaml"]
    git(root, "mv", "records/customers/x2.yaml", "records/customers/x3.yaml")
    done = put(root, exchanged)
    assert take_back(root, done).notes[0] == "5 customers renamed"
    assert standing(root) == {**files({}), **extra}


def test_an_edit_by_hand_is_not_put_into_the_other_record(root: Path, run: Run) -> None:
    done = put(root, files(SWAP))
    edited = person("ada", "role: by hand\n")
    (root / "records/customers/bob.yaml").write_text(edited)
    assert run("-C", root, "undo", done).code == 5
    assert (root / "records/customers/bob.yaml").read_text() == edited
    assert git(root, "rev-parse", "HEAD").strip() == done


def test_the_hooks_let_it_pass(root: Path, run: Run) -> None:
    done = put(root, files(RING))
    assert run("-C", root, "hooks", "install").code == 0
    undone = run("-C", root, "undo", done)
    assert undone.code == 0, undone.err
    assert {path: text for path, text in standing(root).items() if path in files({})} == files({})


def test_history_and_why_go_on_where_a_record_was_called_otherwise(root: Path) -> None:
    put(root, files({}, {"ada": "role: Countess\n"}), "customer: set ada role")
    put(root, files(RING, {"ada": "role: Countess\n"}))
    book = Book(root)
    customer = book.schema.require("customer")
    assert [event.changes for event in history(book, customer, "bob")] == [
        ("renamed from ada",),
        ("set role: Countess",),
        ("added", "+1 call"),
    ]
    assert [event.changes for event in history(book, customer, "ada")] == [("renamed from cy",), ("added", "+1 call")]
    assert [(one.state, one.value) for one in origins(book, customer, "bob", "handle")] == [
        ("now", "bob"),
        ("earlier", "ada"),
    ]
    (role,) = origins(book, customer, "bob", "role")
    assert role.subject == "customer: set ada role"


def test_a_difference_is_told_of_who_it_is_about(root: Path) -> None:
    before = git(root, "rev-parse", "HEAD").strip()
    after = put(root, files(RING, {"ada": "role: Countess\n"}))
    found = [(one.kind, one.handle, one.what, one.words) for one in between(Book(root), before, after)]
    assert [one for one in found if one[0] != "deal"] == [
        ("customer", "ada", "changed", ("renamed from cy",)),
        ("customer", "bob", "changed", ("renamed from ada", "set role: Countess")),
        ("customer", "cy", "changed", ("renamed from bob",)),
    ]


def test_who_came_to_the_name_of_somebody_that_is_gone(root: Path) -> None:
    before = git(root, "rev-parse", "HEAD").strip()
    for place in ("customers/{}.yaml", "interactions/{}.jsonl"):
        git(root, "mv", "-f", f"records/{place.format('ada')}", f"records/{place.format('bob')}")
    after = put(root, {"deals/of-ada.yaml": DEAL.format(0, "bob")})
    found = [(one.kind, one.handle, one.what) for one in between(Book(root), before, after)]
    assert found[:3] == [
        ("customer", "bob", "changed"),
        ("customer", "bob", "removed"),
        ("interaction", "01J0000000000000000000CAK1", "removed"),
    ]


def test_who_is_gone_is_in_nobodys_way(root: Path) -> None:
    """Bob goes, and ada is called bob: what was done to ada, and to a line about her, is undone where she is now."""
    done = put(root, {"customers/ada.yaml": person("ada", "role: Countess\n"), "interactions/ada.jsonl": ""}, "set ada")
    for place in ("customers/{}.yaml", "interactions/{}.jsonl"):
        git(root, "mv", "-f", f"records/{place.format('ada')}", f"records/{place.format('bob')}")
    (root / "records/deals/of-bob.yaml").unlink()
    put(root, {"deals/of-ada.yaml": DEAL.format(0, "bob")})
    take_back(root, done)
    now = standing(root)
    assert now["customers/bob.yaml"] == person("ada")
    assert now["interactions/bob.jsonl"] == CALL.format("K0", "ada")
    assert "customers/ada.yaml" not in now


def test_an_edit_of_who_is_gone_is_an_overlap_under_the_name_it_had(root: Path) -> None:
    done = put(root, {"customers/bob.yaml": person("bob", "role: Baron\n")}, "customer: set bob role")
    for place in ("customers/{}.yaml", "interactions/{}.jsonl"):
        git(root, "mv", "-f", f"records/{place.format('ada')}", f"records/{place.format('bob')}")
    (root / "records/deals/of-bob.yaml").unlink()
    put(root, {"deals/of-ada.yaml": DEAL.format(0, "bob")})
    assert overlaps(root, done) == [("customer", "bob", "", "(as it was)", "(changed)", "(removed)")]
    before = standing(root)
    assert take_back(root, done, rest=True).commit == ""
    assert standing(root) == before


def test_the_rename_of_who_is_gone_is_nothing_to_take_back(root: Path) -> None:
    for place in ("customers/{}.yaml", "interactions/{}.jsonl"):
        git(root, "mv", f"records/{place.format('cy')}", f"records/{place.format('cyrus')}")
    done = put(root, {"deals/of-cy.yaml": DEAL.format(2, "cyrus")})
    for place in ("customers/cyrus.yaml", "interactions/cyrus.jsonl", "deals/of-cy.yaml"):
        (root / "records" / place).unlink()
    for place in ("customers/{}.yaml", "interactions/{}.jsonl"):
        git(root, "mv", f"records/{place.format('ada')}", f"records/{place.format('cy')}")
    put(root, {"deals/of-ada.yaml": DEAL.format(0, "cy")})
    before = standing(root)
    assert overlaps(root, done) == []
    assert take_back(root, done).commit == ""
    assert standing(root) == before


def test_what_an_import_added_is_gone_and_another_has_the_name(root: Path) -> None:
    added = put(root, {"customers/dee.yaml": "id: 01J00000000000000000000DE1\nname: Dee\n"}, "customer: add dee")
    (root / "records/customers/dee.yaml").unlink()
    put(root, {}, "customer: remove dee")
    other = "id: 01J00000000000000000000DE2\nname: Another Dee\n"
    put(root, {"customers/dee.yaml": other}, "customer: add dee")
    assert overlaps(root, added) == []
    assert take_back(root, added).commit == ""
    assert standing(root)["customers/dee.yaml"] == other


def test_a_line_that_was_changed_since_is_told_in_words(root: Path) -> None:
    line = CALL.format("KX", "new")
    added = put(root, {"interactions/ada.jsonl": CALL.format("K0", "ada") + line}, "log: call with ada")
    changed = line.replace('"new"', '"newer"')
    put(root, {"interactions/ada.jsonl": CALL.format("K0", "ada") + changed}, "interaction: set text")
    assert overlaps(root, added) == [
        ("interaction", "01J0000000000000000000CAKX", "", "(not there)", "(added)", "(changed: text)")
    ]


def test_a_line_comes_back_to_a_history_that_has_no_line_left(root: Path) -> None:
    line = CALL.format("KX", "new")
    put(root, {"interactions/ada.jsonl": CALL.format("K0", "ada") + line}, "log: call with ada")
    removed = put(root, {"interactions/ada.jsonl": CALL.format("K0", "ada")}, "interaction: remove")
    (root / "records/interactions/ada.jsonl").unlink()
    put(root, {}, "interaction: remove")
    assert overlaps(root, removed) == []
    take_back(root, removed)
    assert standing(root)["interactions/ada.jsonl"] == line
