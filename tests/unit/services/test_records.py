"""Adding, changing and removing records: what stands in the file, in the commit, and in nobody else's work."""

from __future__ import annotations

from datetime import UTC
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from helpers.books import commit
from helpers.books import fresh
from helpers.books import git
from helpers.books import write

from crmctl import clock
from crmctl.errors import Conflict
from crmctl.errors import CrmError
from crmctl.errors import InvalidData
from crmctl.errors import NotFound
from crmctl.errors import UsageProblem
from crmctl.model.ids import handle_problem
from crmctl.model.ids import is_id
from crmctl.services import records
from crmctl.services.records import Assignment
from crmctl.store.yaml_reader import read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from crmctl.model.raw import RawMap
    from crmctl.services.records import Written

SETTINGS = """\
currency: EUR
timezone: Europe/Berlin
country: DE
pipelines:
  sales: {lead: "10", offer: "50", won: won, lost: lost}
  renewal: {due: "80", renewed: won}
response_targets: {high: "4", normal: "24"}
"""


@pytest.fixture(autouse=True)
def today() -> Iterator[None]:
    """A Tuesday."""
    clock.freeze(datetime(2026, 11, 24, 9, 0, tzinfo=UTC))
    yield
    clock.freeze(None)


@pytest.fixture
def root(book_dir: Path) -> Path:
    commit(book_dir, {"/crm.yaml": SETTINGS, "customers/ada.yaml": "name: Ada\n", "members/ann.yaml": "name: Ann\n"})
    return book_dir


def add(root: Path, kind: str, title: str, *sets: str, handle: str = "", adopt: bool = False) -> Written:
    book = fresh(root)
    parts = [Assignment(*text.split("=", 1)) for text in sets]
    return records.add(book, book.schema.require(kind), title, parts, handle=handle, adopt=adopt)


def change(root: Path, kind: str, ref: str, *sets: str, adopt: bool = False) -> Written:
    book = fresh(root)
    return records.change(
        book, book.schema.require(kind), ref, [Assignment(*s.split("=", 1)) for s in sets], adopt=adopt
    )


def remove(root: Path, kind: str, ref: str, *, force: bool = False, adopt: bool = False) -> Written:
    book = fresh(root)
    return records.remove(book, book.schema.require(kind), ref, force=force, adopt=adopt)


def text(root: Path, path: str) -> str:
    return (root / "records" / path).read_text(encoding="utf-8")


def data(root: Path, path: str) -> RawMap:
    """A record as it stands in its file, without its id."""
    found = read_yaml(text(root, path).encode(), path).data
    assert is_id(str(found.pop("id")))
    return found


def last_commit(root: Path) -> tuple[str, list[str]]:
    """(message, files) of the last commit."""
    message, *files = git(root, "show", "--format=%s", "--name-only", "HEAD").split("\n")
    return message, [name for name in files if name]


def count(root: Path) -> int:
    return int(git(root, "rev-list", "--count", "HEAD"))


# Adding


def test_a_new_record_is_one_file_and_one_commit(root: Path) -> None:
    before = count(root)
    written = add(root, "customer", "Zoë Müller", "email=zoe@example.com", "city=Berlin", "tags=vip,new")
    assert written.handles == ("zoe-muller",)
    assert written.message == "customer: add zoe-muller"
    assert last_commit(root) == (written.message, ["records/customers/zoe-muller.yaml"])
    assert git(root, "rev-parse", "HEAD").strip() == written.commit
    assert count(root) == before + 1
    assert git(root, "status", "--porcelain") == ""
    assert text(root, "customers/zoe-muller.yaml").splitlines()[1:] == [
        "name: Zoë Müller",
        "emails:",
        "  - zoe@example.com",
        "address:",
        "  city: Berlin",
        "tags:",
        "  - vip",
        "  - new",
    ]
    assert is_id(str(read_yaml(text(root, "customers/zoe-muller.yaml").encode(), "x").data["id"]))


@pytest.mark.parametrize(
    ("name", "handle"),
    [
        ("CON", "con-1"),
        ("Ünïcödé", "unicode"),
        ("Иван Петров", ""),
        ("中文", ""),
        ("x" * 300, "x" * 64),
        ("../../etc/passwd", "etc-passwd"),
        ("Ada", "ada-2"),
    ],
)
def test_every_name_gives_a_handle(root: Path, name: str, handle: str) -> None:
    (made,) = add(root, "customer", name).handles
    assert made == handle or not handle
    assert handle_problem(made) == ""
    assert data(root, f"customers/{made}.yaml") == {"name": name}


def test_a_name_of_nothing_but_signs_gets_a_random_handle(root: Path) -> None:
    (made,) = add(root, "customer", "🎸🎸").handles
    assert made.startswith("c-")
    assert len(made) == 10


def test_taken_handles_are_counted_on_and_stay_short_enough(root: Path) -> None:
    long = "y" * 70
    made = [add(root, "customer", name).handles[0] for name in (long, long, "Ada", "Ada", "CON", "CON")]
    assert made == ["y" * 64, "y" * 62 + "-2", "ada-2", "ada-3", "con-1", "con-1-2"]


def test_a_handle_taken_by_a_file_that_cannot_be_read_is_taken(root: Path) -> None:
    write(root, {"customers/bob.yaml": "name: [\n"})
    assert add(root, "customer", "Bob").handles == ("bob-2",)


def test_handles_can_be_given_or_say_nothing(root: Path) -> None:
    assert add(root, "customer", "Bob", handle="robert").handles == ("robert",)
    with pytest.raises(Conflict, match="there is a customer ada already") as caught:
        add(root, "customer", "Bob", handle="ada")
    assert caught.value.hint == "crmctl customer show ada"
    for bad in ("../../x", "Con", "con", "a b", "x" * 65):
        with pytest.raises(UsageProblem, match="cannot be a handle"):
            add(root, "customer", "Bob", handle=bad)
    commit(root, {"/crm.yaml": SETTINGS + "handles: random\n"})
    (made,) = add(root, "customer", "Secret Person").handles
    assert "secret" not in made
    assert handle_problem(made) == ""


def test_a_sharded_book_gets_its_records_into_folders(root: Path) -> None:
    commit(root, {"/crm.yaml": SETTINGS + "layout: sharded\n"})
    add(root, "customer", "Bob")
    assert data(root, "customers/ob/bob.yaml") == {"name": "Bob"}
    assert add(root, "customer", "Ada").handles == ("ada-2",)
    change(root, "customer", "ada", "role=boss")
    assert data(root, "customers/ada.yaml") == {"name": "Ada", "role": "boss"}


def test_a_deal_begins_at_the_first_stage_today(root: Path) -> None:
    add(root, "deal", "Big one", "customer=Ada", "amount=1.234,50")
    assert data(root, "deals/big-one.yaml") == {
        "name": "Big one",
        "customer": "ada",
        "pipeline": "sales",
        "stage": "lead",
        "stage_log": [{"stage": "lead", "at": "2026-11-24"}],
        "amount": "1234.50",
        "opened": "2026-11-24",
    }
    add(root, "deal", "Again", "customer=ada", "pipeline=renewal")
    assert data(root, "deals/again.yaml")["stage"] == "due"


def test_a_deal_that_is_decided_from_the_start_is_closed(root: Path) -> None:
    add(root, "deal", "Done", "customer=ada", "stage=won")
    assert data(root, "deals/done.yaml")["closed"] == "2026-11-24"


def test_a_stage_belongs_to_its_pipeline(root: Path) -> None:
    with pytest.raises(InvalidData, match="the pipeline 'renewal' has no stage 'offer'") as caught:
        add(root, "deal", "Odd", "customer=ada", "pipeline=renewal", "stage=offer")
    assert caught.value.hint == "It has due, renewed."
    add(root, "deal", "Good", "customer=ada", "stage=offer")
    with pytest.raises(InvalidData, match="has no stage 'offer'"):
        change(root, "deal", "good", "pipeline=renewal")


def test_a_case_is_open_and_has_its_targets(root: Path) -> None:
    add(root, "case", "Broken", "customer=ada", "priority=high")
    assert data(root, "cases/broken.yaml") == {
        "name": "Broken",
        "customer": "ada",
        "priority": "high",
        "status": "open",
        "opened": "2026-11-24T10:00:00+01:00",
        "respond_by": "2026-11-24T14:00:00+01:00",
    }
    add(root, "case", "Later", "customer=ada", "respond_by=2026-12-01 9:00")
    assert data(root, "cases/later.yaml")["respond_by"] == "2026-12-01T09:00:00+01:00"
    add(root, "case", "Low", "customer=ada", "priority=low")
    assert "respond_by" not in data(root, "cases/low.yaml")


def test_a_campaign_is_a_draft(root: Path) -> None:
    add(root, "campaign", "News", "purpose=newsletter")
    assert data(root, "campaigns/news.yaml") == {"name": "News", "purpose": "newsletter", "status": "draft"}


def test_references_are_resolved_from_anything(root: Path) -> None:
    commit(root, {"customers/zoe-muller.yaml": "name: Zoë Müller\nemails: [zoe@example.com]\n"})
    add(root, "segment", "S", "customers=zoe@example.com, Ada", "owner=ANN")
    assert data(root, "segments/s.yaml") == {"name": "S", "customers": ["zoe-muller", "ada"], "owner": "ann"}
    change(root, "segment", "s", "customers-=ada")
    assert data(root, "segments/s.yaml")["customers"] == ["zoe-muller"]
    change(root, "segment", "s", "customers+=ada", "owner=")
    assert data(root, "segments/s.yaml") == {"name": "S", "customers": ["zoe-muller", "ada"]}
    with pytest.raises(NotFound, match="there is no customer 'nobody'"):
        add(root, "deal", "X", "customer=nobody")


def test_dates_worked_out_from_words_are_told(root: Path) -> None:
    written = add(root, "followup", "Call", "due=fri", "customer=ada")
    assert written.notes == ("due Fri 2026-11-27",)
    assert add(root, "followup", "Call", "due=2026-11-27").notes == ()
    assert add(root, "followup", "Call", "due=tomorrow", "due=2026-12-24").notes == ("due Wed 2026-11-25",)


def test_a_currency_is_read_before_the_amount_it_is_for(root: Path) -> None:
    add(root, "deal", "Yen", "customer=ada", "amount=1200", "currency=jpy")
    assert data(root, "deals/yen.yaml")["amount"] == "1200"
    with pytest.raises(InvalidData, match="more decimals than JPY"):
        change(root, "deal", "yen", "amount=1200.5")


def test_a_currency_that_the_amount_does_not_fit_is_refused(root: Path) -> None:
    add(root, "deal", "Euro", "customer=ada", "amount=12.50")
    with pytest.raises(InvalidData, match=r"amount: 12\.50 has more decimals than JPY"):
        change(root, "deal", "euro", "currency=JPY")


@pytest.mark.parametrize(
    ("kind", "title", "sets", "error", "message"),
    [
        ("customer", "", [], InvalidData, "customer has no name"),
        ("deal", "X", [], InvalidData, "deal has no customer"),
        ("followup", "X", [], InvalidData, "follow-up has no due"),
        ("customer", "X", ["email=x@"], InvalidData, "email is not an address"),
        ("customer", "X", ["nmae=x"], UsageProblem, "there is no field 'nmae'"),
        ("customer", "a\x1b[31m", [], InvalidData, "a control character"),
    ],
)
def test_what_is_not_valid_is_not_written(
    root: Path, kind: str, title: str, sets: list[str], error: type[CrmError], message: str
) -> None:
    before = count(root)
    with pytest.raises(error, match=message):
        add(root, kind, title, *sets)
    assert count(root) == before
    assert git(root, "status", "--porcelain") == ""


def test_every_problem_is_in_the_error(root: Path) -> None:
    write(root, {"deals/d.yaml": "amount: lots\ncloses: soon\n"})
    with pytest.raises(InvalidData) as caught:
        change(root, "deal", "d", "tags=x")
    assert [problem.code for problem in caught.value.problems] == ["missing-field", "missing-field"]
    assert {problem.path for problem in caught.value.problems} == {"records/deals/d.yaml"}


def test_records_that_look_alike_are_told(root: Path) -> None:
    commit(
        root,
        {
            "customers/bob.yaml": "name: Bob\nemails: [Bob@Example.com]\nphones: ['030 901820']\n",
            "members/bea.yaml": "name: Bea\nemail: bea@example.com\n",
        },
    )
    notes = add(root, "customer", "Robert", "email=bob@example.com", "phone=+49 30 901820").notes
    assert notes == ("looks like bob (same email)", "looks like bob (same phone)")
    assert add(root, "member", "Bea", "email=BEA@example.com").notes == ("looks like bea (same email)",)


# Changing


def test_a_change_keeps_comments_unknown_fields_and_order(root: Path) -> None:
    before = "# Ada\n\nrole: 'boss'   # since May\nname: \"Ada\"\nzebra: [1, 2]\nnotes: |\n  Long\n"
    commit(root, {"customers/ada.yaml": before})
    written = change(root, "customer", "ada", "role=chief", "source=fair")
    assert last_commit(root) == ("customer: set ada role source", ["records/customers/ada.yaml"])
    assert written.message == "customer: set ada role source"
    after = text(root, "customers/ada.yaml")
    for line in ("# Ada\n\n", "# since May\n", 'name: "Ada"\n', "zebra: [1, 2]\n", "notes: |\n  Long\n"):
        assert line in after
    assert data(root, "customers/ada.yaml") == {
        "role": "chief",
        "name": "Ada",
        "source": "fair",
        "zebra": ["1", "2"],
        "notes": "Long\n",
    }


def test_the_message_names_fields_and_never_values(root: Path) -> None:
    change(root, "customer", "ada", "notes=a secret", "birthday=1990-01-01")
    shown = git(root, "log", "-1", "--format=%B")
    assert shown.strip() == "customer: set ada notes birthday"


def test_an_id_is_filled_in_at_the_next_write_and_never_by_a_read(root: Path) -> None:
    assert "id:" not in text(root, "customers/ada.yaml")
    _ = fresh(root).index.rows("SELECT * FROM customers")
    assert "id:" not in text(root, "customers/ada.yaml")
    change(root, "customer", "ada", "role=boss")
    first = text(root, "customers/ada.yaml")
    assert first.startswith("id: ")
    change(root, "customer", "ada", "role=chief")
    assert text(root, "customers/ada.yaml").splitlines()[0] == first.splitlines()[0]


def test_an_empty_id_is_filled_in_too(root: Path) -> None:
    commit(root, {"customers/ada.yaml": "id:\nname: Ada\n"})
    change(root, "customer", "ada", "role=boss")
    assert data(root, "customers/ada.yaml") == {"name": "Ada", "role": "boss"}


def test_nothing_to_change_is_no_commit(root: Path) -> None:
    change(root, "customer", "ada", "role=boss")
    before = count(root)
    assert change(root, "customer", "ada", "role=boss").commit == ""
    assert count(root) == before


def test_old_mistakes_in_other_fields_do_not_stand_in_the_way(root: Path) -> None:
    commit(root, {"customers/ada.yaml": "name: Ada\nbirthday: soon\nemails: [x]\n"})
    change(root, "customer", "ada", "role=boss")
    assert data(root, "customers/ada.yaml")["role"] == "boss"
    with pytest.raises(InvalidData):
        change(root, "customer", "ada", "emails+=y")


def test_a_stage_change_is_logged_and_closes_or_reopens(root: Path) -> None:
    add(root, "deal", "D", "customer=ada")
    clock.freeze(datetime(2026, 12, 1, tzinfo=UTC))
    change(root, "deal", "d", "stage=won")
    found = data(root, "deals/d.yaml")
    assert found["stage_log"] == [{"stage": "lead", "at": "2026-11-24"}, {"stage": "won", "at": "2026-12-01"}]
    assert found["closed"] == "2026-12-01"
    change(root, "deal", "d", "stage=offer")
    found = data(root, "deals/d.yaml")
    assert "closed" not in found
    assert len(found["stage_log"]) == 3
    change(root, "deal", "d", "stage=lost", "closed=2026-11-30", "lost_reason=price")
    assert data(root, "deals/d.yaml")["closed"] == "2026-11-30"
    change(root, "deal", "d", "stage=")
    assert len(data(root, "deals/d.yaml")["stage_log"]) == 4


def test_a_stage_log_of_the_wrong_shape_begins_anew(root: Path) -> None:
    commit(root, {"deals/d.yaml": "name: D\ncustomer: ada\nstage: lead\nstage_log: x\n"})
    change(root, "deal", "d", "stage=offer")
    assert data(root, "deals/d.yaml")["stage_log"] == [{"stage": "offer", "at": "2026-11-24"}]


def test_a_case_notes_when_it_was_solved_and_forgets_it_when_opened_again(root: Path) -> None:
    add(root, "case", "C", "customer=ada")
    change(root, "case", "c", "status=solved")
    solved = data(root, "cases/c.yaml")["resolved"]
    assert solved == "2026-11-24T10:00:00+01:00"
    clock.freeze(datetime(2026, 12, 1, tzinfo=UTC))
    change(root, "case", "c", "status=closed")
    assert data(root, "cases/c.yaml")["resolved"] == solved
    change(root, "case", "c", "status=open")
    assert "resolved" not in data(root, "cases/c.yaml")
    add(root, "case", "Old", "customer=ada", "status=solved", "resolved=2026-01-02 8:00")
    assert data(root, "cases/old.yaml")["resolved"] == "2026-01-02T08:00:00+01:00"


def test_a_record_that_was_just_removed_is_gone(root: Path) -> None:
    book = fresh(root)
    _ = book.index
    (root / "records/customers/ada.yaml").unlink()
    with pytest.raises(NotFound, match="is gone"):
        records.change(book, book.schema.require("customer"), "ada", [Assignment("role", "x")])


# Other people's work


def test_nothing_of_the_users_other_work_is_swept_in(root: Path) -> None:
    commit(root, {"customers/bob.yaml": "name: Bob\n", "customers/eve.yaml": "name: Eve\n"})
    write(root, {"customers/bob.yaml": "name: Bob, staged\n"})
    git(root, "add", "records/customers/bob.yaml")
    write(root, {"customers/eve.yaml": "name: Eve, unstaged\n", "customers/new.yaml": "name: New\n", "/draft.txt": "x"})
    before = git(root, "status", "--porcelain")
    change(root, "customer", "ada", "role=boss")
    add(root, "customer", "Carol")
    assert git(root, "status", "--porcelain") == before
    assert git(root, "show", "HEAD:records/customers/bob.yaml") == "name: Bob\n"
    assert git(root, "show", ":records/customers/bob.yaml") == "name: Bob, staged\n"


def test_a_file_that_is_being_edited_by_hand_is_left_alone_unless_it_is_adopted(root: Path) -> None:
    write(root, {"customers/ada.yaml": "name: Ada, Countess\n"})
    with pytest.raises(Conflict, match="was changed by hand and not committed yet") as caught:
        change(root, "customer", "ada", "name=Ada L.")
    assert "--adopt" in caught.value.hint
    assert text(root, "customers/ada.yaml") == "name: Ada, Countess\n"
    written = change(root, "customer", "ada", "role=boss", adopt=True)
    assert written.notes == ("took along what was written by hand in records/customers/ada.yaml",)
    assert data(root, "customers/ada.yaml") == {"name": "Ada, Countess", "role": "boss"}
    assert git(root, "status", "--porcelain") == ""


def test_a_file_written_by_hand_that_git_does_not_know_goes_along(root: Path) -> None:
    write(root, {"customers/bob.yaml": "name: Bob\n"})
    written = change(root, "customer", "bob", "role=boss")
    assert written.notes == ("took along what was written by hand in records/customers/bob.yaml",)


# Removing


def test_a_removed_record_is_gone_and_kept_by_git(root: Path) -> None:
    commit(root, {"customers/bob.yaml": "name: Bob\n", "interactions/bob.jsonl": '{"type": "note"}\n'})
    written = remove(root, "customer", "bob")
    assert last_commit(root) == (
        "customer: remove bob",
        ["records/customers/bob.yaml", "records/interactions/bob.jsonl"],
    )
    assert written.handles == ("bob",)
    assert git(root, "show", "HEAD~1:records/customers/bob.yaml") == "name: Bob\n"
    assert git(root, "status", "--porcelain") == ""


def test_interactions_in_both_layouts_go_with_their_customer(root: Path) -> None:
    line = '{"type": "note"}\n'
    commit(root, {"customers/bob.yaml": "name: B\n", "interactions/bob.jsonl": line, "interactions/ob/bob.jsonl": line})
    remove(root, "customer", "bob")
    assert not list((root / "records/interactions").rglob("bob.jsonl"))


def test_records_that_are_named_elsewhere_stay_unless_forced(root: Path) -> None:
    add(root, "deal", "D", "customer=ada", "owner=ann")
    add(root, "segment", "S", "customers=ada")
    change(root, "customer", "ada", "owner=ann")
    with pytest.raises(Conflict, match="customer ada is named by 2 other") as caught:
        remove(root, "customer", "ada")
    assert "deal d, segment s" in caught.value.message
    assert "--force" in caught.value.hint
    with pytest.raises(Conflict, match="member ann is named by 2 other"):
        remove(root, "member", "ann")
    remove(root, "customer", "ada", force=True)
    assert not (root / "records/customers/ada.yaml").exists()


def test_very_many_that_name_a_record_are_not_all_listed(root: Path) -> None:
    commit(root, {f"deals/d{n}.yaml": "name: D\ncustomer: ada\n" for n in range(7)})
    with pytest.raises(Conflict, match=r"named by 7 other record\(s\): .* \.\.\."):
        remove(root, "customer", "ada")


def test_a_customer_and_their_own_interactions_go_together(root: Path) -> None:
    commit(root, {"interactions/ada.jsonl": '{"type": "note", "by": "ann"}\n'})
    with pytest.raises(Conflict, match="member ann is named by 1"):
        remove(root, "member", "ann")
    remove(root, "customer", "ada")


def test_what_was_written_by_hand_is_not_removed_without_a_word(root: Path) -> None:
    write(root, {"customers/ada.yaml": "name: Changed\n"})
    for adopt in (False, True):
        with pytest.raises(Conflict, match="changed by hand"):
            remove(root, "customer", "ada", adopt=adopt)
    commit(root)
    assert remove(root, "customer", "ada").commit
