"""Whether a message may go to somebody, asked of a whole book."""

from __future__ import annotations

import stat
import time
from datetime import UTC
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from helpers.books import commit
from helpers.books import fresh
from helpers.books import git

from crmctl import clock
from crmctl.errors import CrmError
from crmctl.errors import InvalidData
from crmctl.services.consenting import key_names
from crmctl.services.consenting import keyrings
from crmctl.services.consenting import keys
from crmctl.services.consenting import listing
from crmctl.services.consenting import memory
from crmctl.services.consenting import showing
from crmctl.services.consenting import suppression
from crmctl.services.consenting import suppression_entry
from crmctl.services.consenting.gate import Gate
from crmctl.services.consenting.keyrings import KeyMissing

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.services.book import Book

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
SETTINGS = """\
name: Test
timezone: Europe/Berlin
country: {country}
purposes:
  newsletter: consent
  offers: soft-opt-in
  birthday: legitimate-interest
  service: contract
  recall: legal
"""
AGREED = (
    "name: Ada\nid: 01J0000000000000000000000A\nemails: [ada@example.com]\nconsent: {newsletter: {state: granted}}\n"
)


@pytest.fixture(autouse=True)
def today() -> None:
    clock.freeze(NOW)


def made(root: Path, records: dict[str, str], country: str = "DE") -> Book:
    commit(root, {"/crm.yaml": SETTINGS.format(country=country), **records})
    return fresh(root)


def asked(book: Book, handle: str, purpose: str, channel: str = "email", address: str = "") -> str:
    """The code of the refusal, "" for none."""
    data = book.index.data(book.schema.require("customer"), handle)
    assert data is not None
    emails = data.get("emails") or [""]
    given = address or (str(emails[0]) if isinstance(emails, list) and channel == "email" else "")
    found = Gate(book).refusal(data, given, purpose, channel, NOW, handle=handle)
    return found[0] if found else ""


def test_an_unknown_purpose_is_a_no(book_dir: Path) -> None:
    book = made(book_dir, {"customers/ada.yaml": AGREED})
    assert asked(book, "ada", "newsletter") == ""
    assert asked(book, "ada", "Newsletter") == ""
    assert asked(book, "ada", "news") == "unknown-purpose"


@pytest.mark.parametrize(
    ("consent", "code"),
    [
        ("{newsletter: {state: granted}}", ""),
        ("{newsletter: {state: granted, channels: [email, sms]}}", ""),
        ("{newsletter: {state: granted, channels: [sms]}}", "no-consent"),
        ("{newsletter: {state: granted, date: 2027-03-02}}", "not-yet"),
        ("{newsletter: {state: granted, date: someday}}", "no-consent"),
        ("{newsletter: {state: granted, date: 2027-03-01}}", ""),
        ("{newsletter: {state: Withdrawn}}", "withdrawn"),
        ("{newsletter: {state: granted}, NEWSLETTER: {state: objected}}", "objected"),
        ("{offers: {state: erased}}", "erased"),
        ("{offers: {state: withdrawn}}", "no-consent"),
        ("{newsletter: yes}", "no-consent"),
        ("{newsletter: {state: pending}}", "no-consent"),
        ("[newsletter]", "no-consent"),
        ("{}", "no-consent"),
    ],
)
def test_nothing_goes_out_without_a_yes_that_can_be_read(book_dir: Path, consent: str, code: str) -> None:
    ada = f"name: Ada\nid: 01J0000000000000000000000A\nemails: [ada@example.com]\nconsent: {consent}\n"
    assert asked(made(book_dir, {"customers/ada.yaml": ada}), "ada", "newsletter") == code


def test_an_erasure_closes_every_purpose(book_dir: Path) -> None:
    book = made(book_dir, {"customers/ada.yaml": "name: A\nconsent: {offers: {state: erased}}\n"})
    assert {asked(book, "ada", purpose) for purpose in book.settings.purposes} == {"erased"}


def test_do_not_contact_holds_for_a_bill_too(book_dir: Path) -> None:
    book = made(book_dir, {"customers/ada.yaml": "name: A\ndo_not_contact: [email]\n"})
    assert asked(book, "ada", "service") == "suppressed"
    assert asked(book, "ada", "service", "letter") == ""


def test_an_open_complaint_stops_promotion_and_nothing_else(book_dir: Path) -> None:
    case = "name: Angry\ncustomer: ada\ntype: complaint\nstatus: {}\n"
    book = made(book_dir, {"customers/ada.yaml": AGREED, "cases/x.yaml": case.format("waiting")})
    assert asked(book, "ada", "newsletter") == "open-complaint"
    assert asked(book, "ada", "birthday") == "open-complaint"
    assert asked(book, "ada", "service") == asked(book, "ada", "recall") == ""
    book = made(book_dir, {"cases/x.yaml": case.format("solved")})
    assert asked(book, "ada", "newsletter") == ""


def test_whose_complaints_are_whose_is_told_by_the_id(book_dir: Path) -> None:
    case = "name: Angry\ncustomer: ada\ntype: complaint\n"
    book = made(book_dir, {"customers/ada.yaml": AGREED, "customers/bob.yaml": AGREED, "cases/x.yaml": case})
    data = book.index.data(book.schema.require("customer"), "ada")
    assert data is not None
    gate = Gate(book)
    refused = gate.refusal(data, "ada@example.com", "newsletter", "email", NOW)
    assert refused is not None
    assert refused[0] == "unknown"  # Two records have the id.
    refused = gate.refusal({**data, "id": ""}, "ada@example.com", "newsletter", "email", NOW)
    assert refused is not None
    assert refused[0] == "unknown"


# Soft opt-in, and Canada


def purchase(at: str, **more: str) -> str:
    extra = "".join(f', "{name}": {text}' for name, text in more.items())
    return f'{{"id": "01H{at[:4]}{at[5:7]}{at[8:10]}000000000000000", "at": "{at}", "type": "purchase"{extra}}}\n'


def test_a_soft_opt_in_needs_a_purchase(book_dir: Path) -> None:
    ada = "name: Ada\nemails: [ada@example.com]\naddress: {country: DE}\n"
    book = made(book_dir, {"customers/ada.yaml": ada})
    assert asked(book, "ada", "offers") == "no-basis"
    book = made(book_dir, {"interactions/ada.jsonl": purchase("2027-03-02T10:00:00+01:00")})
    assert asked(book, "ada", "offers") == "not-yet"  # Tomorrow's does not count yet.
    book = made(book_dir, {"interactions/ada.jsonl": purchase("2011-01-01T10:00:00+01:00")})
    assert asked(book, "ada", "offers") == ""


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ("{state: granted, basis: soft-opt-in}", "no-basis"),
        ("{state: granted, basis: soft-opt-in, evidence: order 4711}", ""),
        ("{state: granted, basis: consent}", ""),
        ("{state: granted}", ""),
    ],
)
def test_a_grant_says_what_it_rests_on(book_dir: Path, entry: str, code: str) -> None:
    ada = f"name: Ada\nemails: [ada@example.com]\nconsent: {{newsletter: {entry}}}\n"
    assert asked(made(book_dir, {"customers/ada.yaml": ada}), "ada", "newsletter") == code


@pytest.mark.parametrize(
    ("bought", "code"),
    [
        ("2025-03-01T12:00:01+00:00", ""),
        ("2025-03-01T12:00:00+00:00", "expired"),
        ("2020-02-29T12:00:00+00:00", "expired"),
    ],
)
@pytest.mark.parametrize(
    ("country", "book_country"), [("CA", "DE"), ("Canada", "DE"), ("Narnia", "DE"), ("", "CA")], ids=str
)
def test_in_canada_a_purchase_counts_for_two_years(
    book_dir: Path, bought: str, code: str, country: str, book_country: str
) -> None:
    ada = f"name: Ada\nemails: [ada@example.com]\naddress: {{country: '{country}'}}\n"
    book = made(book_dir, {"customers/ada.yaml": ada, "interactions/ada.jsonl": purchase(bought)}, book_country)
    assert asked(book, "ada", "offers") == code


@pytest.mark.parametrize(
    ("opened", "code"), [("2026-09-01T13:00:01+02:00", ""), ("2026-09-01T13:00:00+02:00", "expired")]
)
def test_in_canada_an_inquiry_counts_for_six_months(book_dir: Path, opened: str, code: str) -> None:
    ada = "name: Ada\nemails: [ada@example.com]\naddress: {country: CA}\n"
    case = f"name: What does it cost\ncustomer: ada\ntype: question\nopened: {opened}\n"
    assert asked(made(book_dir, {"customers/ada.yaml": ada, "cases/x.yaml": case}), "ada", "offers") == code
    line = purchase(opened, tags='["inquiry"]').replace('"purchase"', '"email"')
    other = {"cases/x.yaml": case.replace("question", "issue"), "interactions/ada.jsonl": line}
    assert asked(made(book_dir, other), "ada", "offers") == code


def test_in_canada_an_express_yes_does_not_end(book_dir: Path) -> None:
    entry = "{state: granted, date: 2009-01-01}"
    ada = f"name: Ada\nemails: [ada@example.com]\naddress: {{country: CA}}\nconsent: {{offers: {entry}}}\n"
    assert asked(made(book_dir, {"customers/ada.yaml": ada}), "ada", "offers") == ""
    implied = ada.replace("granted,", "granted, basis: soft-opt-in, evidence: order 1,")
    assert asked(made(book_dir, {"customers/ada.yaml": implied}), "ada", "offers") == "expired"
    recent = implied.replace("2009", "2026")
    assert asked(made(book_dir, {"customers/ada.yaml": recent}), "ada", "offers") == ""


# The list of suppressions

ADDRESS = "ada@example.com"


@pytest.mark.parametrize(
    ("why", "purpose", "open_to"),
    [
        ("unsubscribed", "", {"service", "recall"}),
        ("complaint", "", {"service", "recall"}),
        ("unsubscribed", "newsletter", {"birthday", "service", "recall"}),
        ("unsubscribed", "service", {"newsletter", "birthday", "recall"}),
        ("hard-bounce", "", set()),
        ("manual", "", set()),
        ("erased", "", set()),
    ],
)
def test_what_an_entry_closes(book_dir: Path, why: str, purpose: str, open_to: set[str]) -> None:
    book = made(book_dir, {"customers/ada.yaml": AGREED})
    listing.add(book, "ADA@example.COM", purpose=purpose, why=why)
    book = fresh(book_dir)
    purposes = ("newsletter", "birthday", "service", "recall")
    assert {name for name in purposes if not asked(book, "ada", name)} == open_to
    assert asked(book, "ada", "newsletter", address="other@example.com") == ""


def test_an_entry_outlives_the_record_and_a_new_import(book_dir: Path) -> None:
    book = made(book_dir, {"customers/ada.yaml": AGREED})
    listing.add(book, ADDRESS, why="erased")
    (book_dir / "records/customers/ada.yaml").unlink()
    again = AGREED.replace("01J0000000000000000000000A", "01J0000000000000000000000B")
    book = made(book_dir, {"customers/ada-again.yaml": again})
    assert asked(book, "ada-again", "newsletter") == asked(book, "ada-again", "service") == "suppressed"


def test_the_files_hold_no_address(book_dir: Path) -> None:
    book = made(book_dir, {})
    listing.add(book, ADDRESS)
    told = "".join(path.read_text() for path in (book_dir / "records").rglob("*.jsonl"))
    assert "h:" in told
    assert "ada@" not in told  # Not "ada": chance can write that.
    assert "example" not in told


def test_one_mailbox_with_two_records(book_dir: Path) -> None:
    other = "name: Shop\nemails: [ADA@example.com]\nconsent: {newsletter: {state: withdrawn}}\n"
    book = made(book_dir, {"customers/ada.yaml": AGREED, "customers/shop.yaml": other})
    assert asked(book, "ada", "newsletter") == "suppressed"
    assert asked(book, "ada", "birthday") == ""


def test_a_channel_of_its_own(book_dir: Path) -> None:
    ada = AGREED + "phones: [+49 30 123456]\n"
    book = made(book_dir, {"customers/ada.yaml": ada})
    listing.add(book, "030 123456", channel="sms")
    book = fresh(book_dir)
    assert asked(book, "ada", "newsletter", "sms", "+4930123456") == "suppressed"
    assert asked(book, "ada", "newsletter", "phone", "+49 30 123456") == ""


@pytest.mark.parametrize("address", ["ada@", "@example.com", "ada at example.com", "a b@example.com"])
def test_an_address_that_is_none_is_refused(book_dir: Path, address: str) -> None:
    book = made(book_dir, {"customers/ada.yaml": AGREED})
    assert asked(book, "ada", "newsletter", address=address) == "bad-address"


@pytest.mark.parametrize(
    "line",
    [
        "not json\n",
        "{}\n",
        '{"id": "1", "to": "h:00", "key": "12345678", "scope": "all", "why": "manual"}\n',
        "<<<<<<< ours\n",
        '{"id": "1", "to": ["x"], "key": "12345678", "scope": "all", "why": "manual"}\n',
    ],
)
def test_a_list_that_cannot_be_read_stops_everything(book_dir: Path, line: str) -> None:
    book = made(book_dir, {"customers/ada.yaml": AGREED})
    listing.add(book, "bob@example.com")
    path = next((book_dir / suppression_entry.FOLDER).glob("2*.jsonl"))
    path.write_text(path.read_text() + line)
    with pytest.raises(InvalidData, match=r"2027-03\.jsonl:2") as caught:
        Gate(fresh(book_dir))
    assert "nothing is sent" in caught.value.hint


def test_a_stray_file_or_a_folder_in_the_list_stops_everything(book_dir: Path) -> None:
    made(book_dir, {"customers/ada.yaml": AGREED, "suppressions/mine.jsonl": ""})
    with pytest.raises(InvalidData, match="no list of suppressions"):
        Gate(fresh(book_dir))
    (book_dir / "records/suppressions/mine.jsonl").unlink()
    (book_dir / "records/suppressions/2027-01.jsonl").symlink_to("/dev/null")
    with pytest.raises(InvalidData, match="symbolic link"):
        Gate(fresh(book_dir))


@pytest.mark.parametrize("damage", ["gone", "other", "cut", "open"])
def test_without_the_right_key_nothing_is_sent(book_dir: Path, damage: str) -> None:
    book = made(book_dir, {"customers/ada.yaml": AGREED})
    listing.add(book, "bob@example.com")
    (path,) = keyrings.folder().glob("*.key")
    if damage == "gone":
        path.unlink()
    elif damage == "other":
        path.write_text(keyrings.export_line(bytes(32)))
    elif damage == "cut":
        path.write_text(path.read_text()[:40])
    else:
        path.chmod(0o644)
    with pytest.raises(KeyMissing):
        Gate(fresh(book_dir))


def test_a_book_that_names_no_key_needs_none(book_dir: Path) -> None:
    assert asked(made(book_dir, {"customers/ada.yaml": AGREED}), "ada", "newsletter") == ""
    assert not keyrings.folder().exists()


def test_the_gate_notices_when_the_book_moves_on(book_dir: Path) -> None:
    book = made(book_dir, {"customers/ada.yaml": AGREED})
    gate = Gate(book)
    assert not gate.is_stale()
    listing.add(fresh(book_dir), ADDRESS)
    assert gate.is_stale()
    book.refresh()
    gate = Gate(book)
    assert not gate.is_stale()
    path = next((book_dir / suppression_entry.FOLDER).glob("2*.jsonl"))
    path.write_text(path.read_text() + "\n")
    assert gate.is_stale()


def test_nothing_of_an_address_is_in_a_reason(book_dir: Path) -> None:
    book = made(
        book_dir,
        {
            "customers/ada.yaml": AGREED,
            "customers/bob.yaml": "name: B\nemails: [ada@example.com]\ndo_not_contact: [all]\n",
        },
    )
    data = book.index.data(book.schema.require("customer"), "ada")
    assert data is not None
    for address in (ADDRESS, "ada at example"):
        found = Gate(book).refusal(data, address, "newsletter", "email", NOW, handle="ada")
        assert found is not None
        assert "example" not in found[1]


def test_a_question_costs_little_more_than_the_hash_of_an_address(book_dir: Path) -> None:
    book = made(book_dir, {"customers/ada.yaml": AGREED})
    with book.write("many") as tx:
        ring = keys.load(book, tx)
        known = suppression.load(book)
        news = [suppression.New(f"p{number}@example.com", "manual") for number in range(2000)]
        suppression.add(tx, known, ring, news, NOW)
        tx.commit("many")
    book = fresh(book_dir)
    data = book.index.data(book.schema.require("customer"), "ada")
    assert data is not None
    gate = Gate(book)
    began = time.process_time()
    refused = [gate.refusal(data, f"p{n}@example.com", "newsletter", "email", NOW, handle="ada") for n in range(10_000)]
    asked_all = time.process_time()
    hashed = [ring.hashes(f"p{n}@example.com") for n in range(10_000)]
    once = time.process_time() - asked_all
    # What each costs is the hash of the address; nothing is read again.
    assert asked_all - began < 40 * once
    assert len(hashed) == len(refused)
    assert sum(found is not None for found in refused) == 2000


def test_a_damaged_list_of_keys_is_no_empty_one(book_dir: Path) -> None:
    book = made(book_dir, {"customers/ada.yaml": AGREED})
    listing.add(book, "bob@example.com")
    (book_dir / key_names.FILE).write_text('{"id": "1"}\n')
    with pytest.raises(CrmError, match="names no key"):
        Gate(fresh(book_dir))
    (book_dir / key_names.FILE).unlink()
    assert len(Gate(fresh(book_dir)).suppressions.active) == 1  # The entries name it too.
    for path in keyrings.folder().iterdir():
        path.unlink()
    with pytest.raises(KeyMissing):
        Gate(fresh(book_dir))


def test_a_reset_opens_no_address(book_dir: Path) -> None:
    book = made(book_dir, {"customers/ada.yaml": AGREED})
    listing.add(book, ADDRESS, why="unsubscribed")
    assert asked(fresh(book_dir), "ada", "newsletter") == "suppressed"
    git(book_dir, "reset", "-q", "--hard", "HEAD~1")
    assert not (book_dir / suppression_entry.FOLDER).exists()
    assert asked(fresh(book_dir), "ada", "newsletter") == "suppressed"
    assert len(keys.load(fresh(book_dir)).keys) == 1


def test_what_was_lost_can_be_lifted(book_dir: Path) -> None:
    book = made(book_dir, {"customers/ada.yaml": AGREED})
    listing.add(book, ADDRESS)
    assert asked(fresh(book_dir), "ada", "newsletter") == "suppressed"
    git(book_dir, "reset", "-q", "--hard", "HEAD~1")
    listing.remove(fresh(book_dir), ADDRESS, "by mistake")
    assert asked(fresh(book_dir), "ada", "newsletter") == ""
    assert asked(fresh(book_dir), "ada", "newsletter") == ""


def test_what_is_remembered_cannot_be_read_by_others_and_may_be_torn(book_dir: Path) -> None:
    book = made(book_dir, {"customers/ada.yaml": AGREED})
    listing.add(book, ADDRESS)
    Gate(fresh(book_dir))
    path = memory.path(book)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_bytes(path.read_bytes()[:-20])
    assert asked(fresh(book_dir), "ada", "newsletter") == "suppressed"
    git(book_dir, "reset", "-q", "--hard", "HEAD~1")
    assert asked(fresh(book_dir), "ada", "newsletter") == "suppressed"


def test_the_day_on_which_implied_consent_ends_is_shown(book_dir: Path) -> None:
    ada = "name: Ada\nemails: [ada@example.com]\naddress: {country: CA}\n"
    case = "name: Price\ncustomer: ada\ntype: question\nopened: 2026-10-31T12:00:00+01:00\n"
    files = {"customers/ada.yaml": ada, "cases/x.yaml": case}
    shown = {one.purpose: one.until for one in showing.show(made(book_dir, files), "ada")}
    assert shown == {"newsletter": "", "offers": "2027-04-30", "birthday": "", "service": "", "recall": ""}
    book = made(book_dir, {"interactions/ada.jsonl": purchase("2025-06-01T12:00:00+02:00")})
    assert {one.purpose: one.until for one in showing.show(book, "ada")}["offers"] == "2027-06-01"
    book = made(book_dir, {"customers/ada.yaml": ada.replace("CA", "DE")})
    assert {one.until for one in showing.show(book, "ada")} == {""}
