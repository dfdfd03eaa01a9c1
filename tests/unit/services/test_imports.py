from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from helpers.books import commit
from helpers.books import git

from crmctl.errors import Conflict
from crmctl.errors import InvalidData
from crmctl.errors import UsageProblem
from crmctl.services.book import Book
from crmctl.services.importing import imports
from crmctl.services.importing.plan import Plan
from crmctl.services.importing.plan import Request
from crmctl.services.importing.source import open_source
from crmctl.services.records import Assignment
from crmctl.store.yaml_reader import read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from crmctl.model.raw import RawMap


class Importer:
    """Plans and carries out imports of a text into the book at ``root``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.book = Book(root)

    def plan(self, text: str, kind: str = "customer", maps: str = "", sets: str = "", **more: object) -> Plan:
        self.source = open_source("-", io.BytesIO(text.encode()))
        self.request = Request(
            self.book.schema.require(kind),
            tuple(tuple(pair.split("=", 1)) for pair in maps.split()),  # type: ignore[misc]
            tuple(Assignment(*pair.split("=", 1)) for pair in sets.split()),
            **more,  # type: ignore[arg-type]
        )
        try:
            return imports.plan(self.book, self.source, self.request)
        except BaseException:
            self.source.close()
            raise

    def take(self, text: str, kind: str = "customer", maps: str = "", sets: str = "", **more: object) -> Plan:
        planned = self.plan(text, kind, maps, sets, **more)
        self.carry_out(planned)
        return planned

    def carry_out(self, planned: Plan) -> str:
        try:
            return imports.carry_out(self.book, self.source, self.request, planned).message
        finally:
            self.source.close()
            self.book.refresh()

    def record(self, path: str) -> RawMap:
        return read_yaml((self.root / "records" / path).read_bytes(), path).data

    def reasons(self, planned: Plan) -> list[str]:
        self.source.close()
        return [reason for _, reason in sorted(planned.rejected.items())]


@pytest.fixture
def importer(book_dir: Path) -> Iterator[Importer]:
    found = Importer(book_dir)
    yield found
    found.book.refresh()


# Handles and ids


def test_handles_come_from_names_and_are_never_used_twice(importer: Importer) -> None:
    commit(importer.root, {"customers/ada.yaml": "name: Ada\n", "interactions/bob.jsonl": "{}\n"})
    planned = importer.take("name\nAda\nAda\nBob\n!!!\n")
    handles = sorted(path.rpartition("/")[2] for path in planned.files)
    assert handles[:3] == ["ada-2.yaml", "ada-3.yaml", "bob-2.yaml"]
    assert handles[3].startswith("c-")


def test_a_pattern_makes_handles_and_says_why_it_cannot(importer: Importer) -> None:
    planned = importer.take("id,name\n1,Ada\n1,Bob\nÄ 2,Cid\n,Dan\n", maps="name=name", handle="shop-{id}")
    assert list(planned.files) == [f"records/customers/shop-{end}.yaml" for end in ("1", "1-2", "a-2")]
    assert planned.rejected == {5: "the cells that its handle is made of are blank"}


def test_a_handle_in_the_file_is_taken_as_it_is_or_not_at_all(importer: Importer) -> None:
    commit(importer.root, {"customers/ada.yaml": "name: Ada\n"})
    planned = importer.plan("handle,name\nada,Ada L\nbob,Bob\nNot One,X\nbob,Again\n,Blank\n")
    assert planned.key == "handle"
    assert planned.counts == (2, 1, 0, 2)
    bad, again = importer.reasons(planned)
    assert bad.startswith("'not one' cannot be a handle")
    assert again == "handle 'bob' is in line 3 already"


def test_random_handles_say_nothing(importer: Importer) -> None:
    (importer.root / "crm.yaml").write_text("name: T\nhandles: random\n")
    importer.book.refresh()
    path = next(iter(importer.take("name\nAda Lovelace\n").files))
    assert "lovelace" not in path  # Not "ada": chance can write that.


def test_ids_are_in_the_order_of_the_file(importer: Importer) -> None:
    importer.take("handle,name\n" + "".join(f"c{number},N\n" for number in range(2000)))
    ids = [str(importer.record(f"customers/c{number}.yaml")["id"]) for number in range(2000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == 2000


def test_an_id_of_another_record_is_refused(importer: Importer) -> None:
    one, two = "01KA0000000000000000000001", "01KA0000000000000000000002"
    commit(importer.root, {"customers/ada.yaml": f"id: {one}\nname: Ada\nemails:\n  - a@example.com\n"})
    text = f"id,name,emails\n{one},Bob,b@example.com\n{two},Cid,c@example.com\n{two},Dan,d@example.com\n"
    planned = importer.plan(text + f"{two},Ada,a@example.com\n", key="emails")
    reasons = importer.reasons(planned)
    assert planned.counts == (1, 0, 0, 3)
    assert f"the id {one} is another record's" in reasons[0]
    assert f"the id {two} is another record's" in reasons[1]
    assert f"its id is {one} in the book, not {two}" in reasons[2]


# Keys


ADA = "name: Ada\nemails:\n  - Ada@Example.com\n  - ada@old.example.com\ntags:\n  - vip\n"
BOB = "name: Bob\nemails:\n  - bob@example.com\nexternal:\n  shop: '7'\n"


def test_records_are_found_by_any_of_their_addresses(importer: Importer) -> None:
    commit(importer.root, {"customers/ada.yaml": ADA, "customers/bob.yaml": BOB})
    text = "name,emails,tags\nAda,ada@old.example.com; ada@new.example.com,vip; cold\nBob,BOB@example.com,\n"
    planned = importer.take(text, key="emails")
    assert planned.counts == (0, 1, 1, 0)
    assert importer.record("customers/ada.yaml") == {
        "name": "Ada",
        "emails": ["Ada@Example.com", "ada@old.example.com", "ada@new.example.com"],
        "tags": ["vip", "cold"],
        "id": importer.record("customers/ada.yaml")["id"],
    }


def test_rows_that_cannot_be_told_apart_are_put_aside(importer: Importer) -> None:
    commit(importer.root, {"customers/ada.yaml": ADA, "customers/bob.yaml": BOB})
    rows = [
        "name,emails",
        "Both,ada@example.com; bob@example.com",
        "None,",
        "New,new@example.com",
        "Twice,NEW@example.com",
    ]
    planned = importer.plan("\n".join(rows), key="emails")
    assert planned.counts == (1, 0, 0, 3)
    assert importer.reasons(planned) == [
        "2 customers have that emails: ada, bob",
        "it has nothing in emails, by which records are told apart",
        "emails 'new@example.com' is in line 4 already",
    ]


def test_two_rows_about_one_record_are_told(importer: Importer) -> None:
    commit(importer.root, {"customers/ada.yaml": ADA})
    planned = importer.plan("name,emails\nAda,ada@example.com\nAda L,ada@old.example.com\n", key="emails")
    assert importer.reasons(planned) == ["line 2 is about customer ada already"]


def test_a_key_that_two_records_have_is_no_key(importer: Importer) -> None:
    commit(importer.root, {"customers/bob.yaml": BOB, "customers/cid.yaml": BOB.replace("Bob", "Cid")})
    planned = importer.plan("name,external.shop\nBob,7\n", key="external.shop")
    assert importer.reasons(planned) == ["2 customers have that external.shop: bob, cid"]


def test_an_unreadable_record_stops_a_key(importer: Importer) -> None:
    commit(importer.root, {"customers/bad.yaml": "name: [\n"})
    with pytest.raises(InvalidData, match="until it can be read"):
        importer.plan("name,emails\nAda,a@example.com\n", key="emails")
    assert importer.plan("name\nAda\n").counts == (1, 0, 0, 0)
    importer.source.close()


def test_a_pattern_can_be_the_key(importer: Importer) -> None:
    text, how = "nr,name\n7,Ada\n", {"maps": "name=name", "handle": "shop-{nr}", "key": "handle"}
    assert importer.take(text, **how).counts == (1, 0, 0, 0)
    assert importer.take(text, **how).counts == (0, 0, 1, 0)


# Values


def test_blank_cells_never_erase_and_constants_only_fill(importer: Importer) -> None:
    commit(importer.root, {"customers/bob.yaml": BOB + "role: baker\nsource: fair\n"})
    planned = importer.take(
        "name,role,shop\nBob,,7\nNew,chef,8\n",
        maps="name=name role=role external.shop=shop",
        sets="source=web tags=new,shop",
        key="external.shop",
    )
    assert planned.counts == (1, 1, 0, 0)
    bob, new = importer.record("customers/bob.yaml"), importer.record("customers/new.yaml")
    assert (bob["role"], bob["source"], bob["tags"]) == ("baker", "fair", ["new", "shop"])
    assert (new["role"], new["source"], new["tags"]) == ("chef", "web", ["new", "shop"])


def test_several_columns_add_up_in_a_list(importer: Importer) -> None:
    text = "name,work,home\nAda,a@example.com,b@example.com\nBob,b2@example.com,b2@example.com\n"
    importer.take(text, maps="name=name email=work emails=home", sets="tags=x")
    assert importer.record("customers/ada.yaml")["emails"] == ["a@example.com", "b@example.com"]
    assert importer.record("customers/bob.yaml")["emails"] == ["b2@example.com"]


def test_groups_and_maps_are_put_together(importer: Importer) -> None:
    text = "name,city,country,shop,crm\nAda,London,United Kingdom,1,x\n"
    importer.take(text, maps="name=name address.city=city country=country external.shop=shop external.crm=crm")
    ada = importer.record("customers/ada.yaml")
    assert ada["address"] == {"city": "London", "country": "United Kingdom"}
    assert ada["external"] == {"shop": "1", "crm": "x"}
    planned = importer.plan("handle,country,shop\nada,GB,2\n", maps="handle=handle country=country external.shop=shop")
    assert planned.changes["records/customers/ada.yaml"].names == ("external",)
    importer.source.close()


def test_all_that_is_wrong_in_a_row_is_said(importer: Importer) -> None:
    planned = importer.plan("name,emails,birthday\nAda,ada@,1/2/1990\n,x@example.com,\n")
    reasons = importer.reasons(planned)
    assert "emails: email is not an address" in reasons[0]
    assert "birthday: 1/2/1990 can be read in two ways" in reasons[0]
    assert reasons[1] == "there is no name"


def test_the_currency_of_the_row_says_how_many_decimals(importer: Importer) -> None:
    text = "name,price,currency\nA,1200,JPY\nB,12.50,jpy\nC,12.5,\n"
    planned = importer.take(text, "product")
    assert importer.reasons(planned) == ["price: 12.50 has more decimals than JPY has (0)"]
    assert importer.record("products/a.yaml")["price"] == "1200"
    assert importer.record("products/c.yaml")["price"] == "12.50"
    importer.take("name,price\nD,1200\n", "product", sets="currency=JPY")
    assert importer.record("products/d.yaml")["price"] == "1200"
    changed = importer.plan("handle,price\na,13.5\n", "product")
    assert importer.reasons(changed) == ["price: 13.5 has more decimals than JPY has (0)"]


def test_new_deals_start_as_others_do_and_changed_ones_log_their_stage(importer: Importer) -> None:
    commit(importer.root, {"customers/bob.yaml": BOB})
    importer.take("name,customer\nBig one,bob\n", "deal")
    deal = importer.record("deals/big-one.yaml")
    assert (deal["pipeline"], deal["stage"]) == ("sales", "lead")
    importer.take("handle,stage\nbig-one,won\n", "deal")
    deal = importer.record("deals/big-one.yaml")
    assert [entry["stage"] for entry in deal["stage_log"]] == ["lead", "won"]  # type: ignore[index, call-overload]
    assert deal["closed"]


# References


def test_references_are_found_by_handle_address_or_name(importer: Importer) -> None:
    commit(importer.root, {"customers/ada.yaml": ADA, "customers/bob.yaml": BOB, "customers/bob-2.yaml": "name: bob\n"})
    text = "name,customer\nA,ada\nB,ADA@example.com\nC,ada\nD,bób\nE,nobody\n"
    planned = importer.plan(text, "deal")
    assert planned.counts == (3, 0, 0, 2)
    assert importer.reasons(planned) == [
        "customer: 'bób' can be 2 customers: bob, bob-2",
        "customer: there is no customer 'nobody'",
    ]


def test_the_field_of_each_reference_can_be_said(importer: Importer) -> None:
    commit(
        importer.root,
        {"customers/bob.yaml": BOB, "members/mo.yaml": "name: Mo\nexternal:\n  hr: x1\n"},
    )
    text = "name,client,rep\nA,7,x1\nB,8,x1\n"
    maps = "name=name customer=client owner=rep"
    planned = importer.take(text, "deal", maps, lookups=("external.shop", "owner=external.hr"))
    assert importer.reasons(planned) == ["customer: there is no customer with external.shop '8'"]
    assert importer.record("deals/a.yaml")["customer"] == "bob"
    assert importer.record("deals/a.yaml")["owner"] == "mo"
    with pytest.raises(UsageProblem, match="say for which reference"):
        importer.plan("name,o,x\nA,b,c\n", "customer", "name=name owner=o organization=x", lookups=("name",))


def test_rows_may_refer_to_each_other(importer: Importer) -> None:
    rows = [
        "handle,name,organization",
        "ada,Ada,Acme Ltd",
        "bob,Bob,lost",
        "cid,Cid,bob",
        "acme,Acme Ltd,ada",
        "dan,Dan,cid",
        "eve,Eve,acme",
    ]
    planned = importer.take("\n".join(rows) + "\n")
    assert importer.record("customers/ada.yaml")["organization"] == "acme"
    assert importer.record("customers/acme.yaml")["organization"] == "ada"
    assert importer.record("customers/eve.yaml")["organization"] == "acme"
    assert planned.rejected == {
        3: "organization: there is no customer 'lost'",
        4: "organization: there is no customer 'bob'",
        6: "organization: there is no customer 'cid'",
    }
    assert [shown.line for shown in planned.shown] == [2, 5, 7]


def test_a_list_of_references_takes_several(importer: Importer) -> None:
    commit(importer.root, {"customers/ada.yaml": ADA, "customers/bob.yaml": BOB})
    importer.take("name,customers\nBoth,ada; bob\n", "segment")
    assert importer.record("segments/both.yaml")["customers"] == ["ada", "bob"]


# Consent


CONSENT = "consent:\n  newsletter:\n    state: {}\n    channels:\n      - email\n"


@pytest.mark.parametrize(
    ("before", "column", "after", "taken"),
    [
        ("granted", "state", "withdrawn", True),
        ("withdrawn", "state", "objected", True),
        ("withdrawn", "state", "granted", False),
        ("objected", "state", "granted", False),
        ("objected", "state", "withdrawn", False),
        ("erased", "state", "objected", False),
        ("granted", "channels", "email", None),
        ("granted", "channels", "phone", False),
    ],
)
def test_an_import_never_loosens_consent(
    importer: Importer, before: str, column: str, after: str, taken: bool | None
) -> None:
    commit(importer.root, {"customers/ada.yaml": ADA + CONSENT.format(before)})
    planned = importer.plan(f"handle,consent.newsletter.{column}\nada,{after}\n")
    importer.source.close()
    assert planned.counts == {True: (0, 1, 0, 0), False: (0, 0, 0, 1), None: (0, 0, 1, 0)}[taken]


def test_nobody_is_signed_up_again_on_another_record(importer: Importer) -> None:
    commit(importer.root, {"customers/ada.yaml": ADA + CONSENT.format("withdrawn"), "customers/bob.yaml": BOB})
    rows = [
        "handle,name,emails,consent.newsletter.state",
        "new,New,ADA@old.example.com,granted",
        "other,Other,other@example.com,granted",
        "less,Less,ada@example.com,withdrawn",
        "bob,Bob,ada@example.com,granted",
    ]
    planned = importer.plan("\n".join(rows))
    assert planned.counts == (2, 0, 0, 2)
    assert all("has taken it back" in reason for reason in importer.reasons(planned))


def test_a_consent_without_a_state_is_no_consent(importer: Importer) -> None:
    planned = importer.plan("name,consent.newsletter.date\nAda,2026-01-01\n")
    assert importer.reasons(planned) == ["newsletter has no state"]


# Interactions


def test_an_interaction_stays_with_its_customer(importer: Importer) -> None:
    commit(importer.root, {"customers/ada.yaml": ADA, "customers/bob.yaml": BOB})
    head = "customer,at,type,external.x\n"
    importer.take(f"{head}ada,2026-01-01,call,1\n", "interaction", key="external.x")
    planned = importer.plan(f"{head}bob,2026-01-01,call,1\n,2026-01-02,call,2\n", "interaction", key="external.x")
    assert importer.reasons(planned) == [
        "its customer is ada in the book, not bob, and never changes",
        "there is no customer",
    ]


def test_a_broken_history_is_not_written_over(importer: Importer) -> None:
    commit(importer.root, {"customers/ada.yaml": ADA, "interactions/ada.jsonl": "{broken\n"})
    planned = importer.plan("customer,at,type\nada,2026-01-01,call\n", "interaction")
    with pytest.raises(InvalidData, match="cannot be read"):
        importer.carry_out(planned)
    assert (importer.root / "records/interactions/ada.jsonl").read_text() == "{broken\n"


# The book moves meanwhile


def test_the_plan_is_made_again_when_the_book_moved(importer: Importer) -> None:
    planned = importer.plan("name\nAda\n")
    commit(importer.root, {"customers/ada.yaml": "name: Ada of theirs\n"})
    importer.carry_out(planned)
    assert importer.record("customers/ada.yaml")["name"] == "Ada of theirs"
    assert importer.record("customers/ada-2.yaml")["name"] == "Ada"


def test_another_outcome_than_was_agreed_to_is_refused(importer: Importer) -> None:
    planned = importer.plan("name,external.x\nAda,1\n", key="external.x")
    commit(importer.root, {"customers/ada.yaml": "name: Ada\nexternal:\n  x: '1'\n"})
    with pytest.raises(Conflict, match="would do something else now"):
        importer.carry_out(planned)
    assert git(importer.root, "log", "-1", "--format=%s").strip() == "by hand"


def test_a_record_that_is_being_edited_by_hand_is_refused(importer: Importer) -> None:
    commit(importer.root, {"customers/ada.yaml": ADA})
    (importer.root / "records/customers/ada.yaml").write_text(ADA.replace("Ada", "Ada by hand", 1))
    planned = importer.plan("handle,name\nada,Ada L\n")
    with pytest.raises(Conflict, match="changed by hand"):
        importer.carry_out(planned)


def test_the_subject_counts(importer: Importer) -> None:
    commit(importer.root, {"customers/ada.yaml": ADA})
    planned = importer.plan("handle,name\nada,Ada L\nbob,Bob\n")
    assert importer.carry_out(planned) == "import: 2 customers from standard input (1 new, 1 changed)"
    planned = importer.plan("handle,name\ncid,Cid\n")
    assert importer.carry_out(planned) == "import: 1 customer from standard input (1 new)"
