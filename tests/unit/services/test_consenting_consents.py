"""What a customer agreed to is written down, taken back, and asked for by mail."""

from __future__ import annotations

from datetime import UTC
from datetime import datetime
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from helpers.books import commit
from helpers.books import fresh

from crmctl import clock
from crmctl.errors import Conflict
from crmctl.errors import UsageProblem
from crmctl.model.settings import Purpose
from crmctl.services.consenting import consents
from crmctl.services.consenting import keyrings
from crmctl.services.consenting import keys
from crmctl.services.consenting import listing
from crmctl.services.consenting import permission
from crmctl.services.consenting import requests
from crmctl.services.consenting import showing
from crmctl.services.consenting.consents import Terms
from crmctl.services.consenting.gate import Gate
from crmctl.services.consenting.unsubscribing import Refused
from crmctl.services.consenting.unsubscribing import honour_address

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.model.raw import RawMap
    from crmctl.services.book import Book

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
NEWS = Purpose("newsletter")
DAY = "2027-03-01"
TERMS = Terms(DAY, ("email",), "form", "form-17", "We write once a month.")
SETTINGS = """\
name: Test Ltd
postal_address: "1 Lane, Town"
purposes:
  newsletter: {basis: consent, help: news once a month}
  offers: consent
  service: contract
"""


@pytest.fixture(autouse=True)
def today() -> None:
    clock.freeze(NOW)


@pytest.fixture
def book(book_dir: Path) -> Book:
    ada = "name: Ada\nid: 01J0000000000000000000000A\nemails: [ada@example.com]\n"
    commit(book_dir, {"/crm.yaml": SETTINGS, "customers/ada.yaml": ada})
    return fresh(book_dir)


def record(root: Path) -> RawMap:
    book = fresh(root)
    return book.index.data(book.schema.require("customer"), "ada") or {}


def may(root: Path, purpose: str = "newsletter") -> str:
    found = Gate(fresh(root)).refusal(record(root), "ada@example.com", purpose, "email", clock.now(), handle="ada")
    return found[0] if found else ""


# Records alone


def test_a_grant_is_written_whole() -> None:
    assert consents.with_grant({"name": "A"}, NEWS, TERMS) == {
        "name": "A",
        "consent": {
            "newsletter": {
                "state": "granted",
                "basis": "consent",
                "channels": ["email"],
                "date": DAY,
                "how": "form",
                "evidence": "form-17",
                "wording": "We write once a month.",
            }
        },
    }


def test_the_proof_for_one_channel_outlives_a_grant_for_another() -> None:
    by_form = Terms("2026-01-05", ("email",), "form", "entry 7", "Yes, by mail")
    by_phone = Terms("2026-03-01", ("sms",), "call", "note of 1 March")
    data = consents.with_grant({"name": "A"}, NEWS, by_form)
    after = consents.with_grant(data, NEWS, by_phone)
    entry = consents.strictest(after, "newsletter")
    assert consents.said(entry, "how") == "call"
    kept = "before that for email: 2026-01-05, form, entry 7, wording Yes, by mail"
    assert consents.said(entry, "evidence") == f"note of 1 March; {kept}"
    assert consents.with_grant(after, NEWS, by_phone) == after
    again = consents.strictest(consents.with_grant(data, NEWS, by_form._replace(day="2026-02-01")), "newsletter")
    assert consents.said(again, "evidence") == "entry 7"


def test_the_proof_for_all_channels_outlives_a_grant_for_one() -> None:
    data = consents.with_grant({"name": "A"}, NEWS, Terms("2026-01-05", how="form"))
    entry = consents.strictest(consents.with_grant(data, NEWS, Terms("2026-03-01", ("sms",), "call")), "newsletter")
    assert consents.said(entry, "evidence") == "before that for all channels: 2026-01-05, form"
    assert isinstance(entry, dict)
    assert "channels" not in entry


@pytest.mark.parametrize(
    ("before", "channels", "after"),
    [
        ("", ("sms",), ["sms"]),
        ({"state": "granted", "channels": ["email"]}, ("sms",), ["email", "sms"]),
        ({"state": "granted"}, ("sms",), None),
        ({"state": "granted", "channels": ["email"]}, (), None),
        ({"state": "withdrawn", "channels": ["email"]}, ("sms",), ["sms"]),
    ],
)
def test_channels_add_up(before: RawMap, channels: tuple[str, ...], after: list[str] | None) -> None:
    data: RawMap = {"consent": {"newsletter": before}}
    entry = consents.strictest(consents.with_grant(data, NEWS, TERMS._replace(channels=channels)), "newsletter")
    assert isinstance(entry, dict)
    assert entry.get("channels") == after


def test_a_grant_after_a_withdrawal_names_it() -> None:
    data: RawMap = {"consent": {"Newsletter": {"state": "withdrawn", "date": "2026-05-01"}}}
    after = consents.with_grant(data, NEWS, TERMS)
    entry = consents.strictest(after, "newsletter")
    assert isinstance(entry, dict)
    assert entry["follows"] == "withdrawn 2026-05-01"
    assert list(after["consent"]) == ["Newsletter"]
    again = consents.strictest(consents.with_grant(after, NEWS, TERMS), "newsletter")
    assert isinstance(again, dict)
    assert again["follows"] == "withdrawn 2026-05-01"


def test_several_answers_become_the_strictest_and_then_one() -> None:
    data: RawMap = {"consent": {"NEWSLETTER": {"state": "granted"}, "newsletter": {"state": "objected", "date": "x"}}}
    after = consents.with_grant(data, NEWS, TERMS)
    assert isinstance(after["consent"], dict)
    (entry,) = after["consent"].values()
    assert isinstance(entry, dict)
    assert entry["follows"] == "objected x"


def test_whoever_asked_to_be_erased_cannot_be_signed_up() -> None:
    with pytest.raises(Conflict, match="erased"):
        consents.with_grant({"consent": {"newsletter": {"state": "erased"}}}, NEWS, TERMS)


def test_taking_back_one_channel_leaves_the_others() -> None:
    data: RawMap = {"consent": {"newsletter": {"state": "granted", "channels": ["email", "sms"], "date": "2026-01-01"}}}
    after = consents.with_withdrawal(data, NEWS, Terms(DAY, ("sms",)))
    assert permission.refusal(after, NEWS, "email") is None
    assert permission.refusal(after, NEWS, "sms") is not None
    last = consents.with_withdrawal(after, NEWS, Terms(DAY, ("email",)))
    assert permission.refusal(last, NEWS, "email") == ("withdrawn", f"consent withdrawn since {DAY}")
    everywhere: RawMap = {"consent": {"newsletter": {"state": "granted"}}}
    after = consents.with_withdrawal(everywhere, NEWS, Terms(DAY, ("sms",)))
    assert permission.refusal(after, NEWS, "letter") is None
    assert permission.refusal(after, NEWS, "sms") is not None


def test_what_is_taken_back_stays_as_it_was() -> None:
    data: RawMap = {"consent": {"newsletter": {"state": "withdrawn", "date": "2026-05-01", "how": "mail"}}}
    assert consents.with_withdrawal(data, NEWS, TERMS) == data
    after = consents.with_withdrawal(data, NEWS, TERMS, "objected")
    assert permission.refusal(after, NEWS, "email") == ("objected", f"objected since {DAY}")
    assert consents.with_withdrawal(after, NEWS, TERMS) == after


def test_a_long_wording_is_kept_by_its_hash() -> None:
    assert consents.kept("  We  write\nonce. ") == "We write once."
    assert consents.kept("x" * 300) == "x" * 300
    long = consents.kept("x" * 301)
    assert long.startswith("sha256:")
    assert len(long) == 71
    assert consents.kept("y" * 301) != long


# In a book


def test_withdraw_and_grant_in_a_book(book: Book) -> None:
    consents.grant(book, "ada", NEWS, TERMS)
    assert may(book.root) == ""
    consents.withdraw(fresh(book.root), "ada", NEWS, Terms(DAY, how="phone"))
    assert may(book.root) == "withdrawn"
    assert [entry.scope for entry in listing.check(fresh(book.root), "ada@example.com")] == ["newsletter"]
    written = consents.grant(fresh(book.root), "ada", NEWS, TERMS)
    assert written.notes == ()
    assert may(book.root) == ""
    assert listing.check(fresh(book.root), "ada@example.com") == []


def test_what_somebody_else_put_onto_the_list_stays(book: Book) -> None:
    listing.add(book, "ada@example.com", why="hard-bounce")
    written = consents.grant(fresh(book.root), "ada", NEWS, TERMS)
    assert "stays suppressed" in written.notes[0]
    assert may(book.root) == "suppressed"


def test_coming_back_for_one_purpose_opens_that_one_only(book: Book) -> None:
    honour_address(book, "ada@example.com", "mail", NOW)
    consents.grant(fresh(book.root), "ada", NEWS, TERMS)
    assert may(book.root) == ""
    consents_offers = consents.purpose_of(book, "offers")
    assert consents.strictest(record(book.root), "offers")
    consents.grant(fresh(book.root), "ada", consents_offers, TERMS)
    assert may(book.root, "offers") == ""
    scopes = [(entry.why, entry.scope) for entry in listing.check(fresh(book.root), "ada@example.com")]
    assert scopes == []


def test_after_coming_back_for_one_the_address_stays_closed_for_the_rest(book: Book) -> None:
    honour_address(book, "ada@example.com", "mail", NOW)
    consents.grant(fresh(book.root), "ada", NEWS, TERMS)
    found = [(entry.why, entry.scope) for entry in listing.check(fresh(book.root), "ada@example.com")]
    assert found == [("unsubscribed", "offers")]


def test_without_the_key_a_no_is_written_down_all_the_same(book: Book) -> None:
    consents.grant(book, "ada", NEWS, TERMS)
    listing.add(fresh(book.root), "bob@example.com")
    for path in keyrings.folder().iterdir():
        path.unlink()
    written = consents.withdraw(fresh(book.root), "ada", NEWS, Terms(DAY))
    assert "key" in written.notes[0]
    assert permission.refusal(record(book.root), NEWS, "email") is not None
    assert "key" in consents.grant(fresh(book.root), "ada", NEWS, TERMS).notes[0]


def test_a_soft_opt_in_names_its_order(book: Book) -> None:
    with pytest.raises(UsageProblem, match="rests on a purchase"):
        consents.grant(book, "ada", NEWS, Terms(DAY, basis="soft-opt-in"))
    with pytest.raises(UsageProblem, match="channels are"):
        consents.grant(book, "ada", NEWS, Terms(DAY, ("fax",)))


def test_what_holds_is_shown_per_purpose(book: Book) -> None:
    consents.grant(book, "ada", NEWS, TERMS)
    commit(book.root, {"customers/bob.yaml": "name: Bob\nconsent: {former: {state: granted}}\n"})
    shown = {one.purpose: one for one in showing.show(fresh(book.root), "ada")}
    assert (shown["newsletter"].state, shown["newsletter"].refused) == ("granted", "")
    assert (shown["offers"].state, shown["offers"].refused) == ("", "no consent for offers")
    assert shown["service"].refused == ""
    bob = {one.purpose: one for one in showing.show(fresh(book.root), "bob")}
    assert bob["former"].refused == "the purpose is none of this book's"
    assert bob["service"].refused == "has no e-mail address"


# Double opt-in


def asked(root: Path) -> requests.Asking:
    book = fresh(root)
    return requests.request(book, "ada", consents.purpose_of(book, "newsletter"))


def test_asking_grants_nothing(book: Book) -> None:
    asking = asked(book.root)
    assert asking.written.commit
    assert may(book.root) == "no-consent"
    assert asking.address == "ada@example.com"
    assert asking.token in asking.words.subject
    assert "news once a month" in asking.words.text
    assert "1 Lane, Town" in asking.words.text
    assert "15 March 2027" in asking.words.text
    assert "://" not in asking.words.text


def test_the_answer_grants_with_proof(book: Book) -> None:
    token = asked(book.root).token
    clock.freeze(NOW + timedelta(days=2))
    written = requests.confirm(fresh(book.root), token, "mail <x@y>", clock.now())
    assert written.handles == ("ada",)
    entry = consents.strictest(record(book.root), "newsletter")
    assert isinstance(entry, dict)
    assert (entry["state"], entry["date"], entry["wording"]) == ("granted", "2027-03-03", "news once a month")
    later = fresh(book.root)
    proof = [str(row[0]) for row in later.index.rows("SELECT handle FROM interactions ORDER BY handle")]
    assert len(proof) == 2
    assert all(one in str(entry["evidence"]) for one in proof)
    assert may(book.root) == ""
    assert requests.confirm(fresh(book.root), token, "again", clock.now()).commit == ""


def test_an_open_question_is_not_asked_twice(book: Book) -> None:
    first, second = asked(book.root), asked(book.root)
    assert second.token == first.token
    assert second.written.commit == ""
    clock.freeze(NOW + timedelta(days=14))
    third = asked(book.root)
    assert third.token != first.token
    assert third.written.commit


def test_an_answer_that_comes_too_late_grants_nothing(book: Book) -> None:
    token = asked(book.root).token
    with pytest.raises(Refused, match="open until 2027-03-15"):
        requests.confirm(fresh(book.root), token, "mail", NOW + timedelta(days=14))
    assert requests.confirm(fresh(book.root), token, "mail", NOW + timedelta(days=14, seconds=-1)).commit


@pytest.mark.parametrize("how", ["forged", "unsubscribe", "empty", "other"])
def test_no_other_token_grants_anything(book: Book, how: str) -> None:
    token = asked(book.root).token
    ring = keys.existing(fresh(book.root))
    bad = {
        "forged": token[:-1] + ("a" if token[-1] != "a" else "b"),
        "unsubscribe": ring.token("01J0000000000000000000000A", "newsletter"),
        "empty": "",
        "other": ring.token(tokens_subject(ring, token), "offers", use="c"),
    }[how]
    with pytest.raises(Refused):
        requests.confirm(fresh(book.root), bad, "mail", NOW)
    assert may(book.root) == "no-consent"


def tokens_subject(ring: keyrings.Ring, token: str) -> str:
    found = ring.read(token, ())
    assert found is not None
    return found[0].subject


def test_a_no_after_the_question_beats_the_answer(book: Book) -> None:
    token = asked(book.root).token
    clock.freeze(NOW + timedelta(hours=1))
    honour_address(fresh(book.root), "ada@example.com", "mail", clock.now())
    clock.freeze(NOW + timedelta(hours=2))
    with pytest.raises(Refused, match="took consent back"):
        requests.confirm(fresh(book.root), token, "mail", clock.now())


def test_whoever_opted_out_can_be_asked_and_come_back(book: Book) -> None:
    consents.withdraw(book, "ada", NEWS, Terms(DAY))
    clock.freeze(NOW + timedelta(minutes=5))
    token = asked(book.root).token
    clock.freeze(NOW + timedelta(minutes=9))
    requests.confirm(fresh(book.root), token, "mail", clock.now())
    entry = consents.strictest(record(book.root), "newsletter")
    assert isinstance(entry, dict)
    assert entry["follows"] == f"withdrawn {DAY}"
    assert may(book.root) == ""


@pytest.mark.parametrize(
    "record_text",
    [
        "name: Ada\nemails: [ada@example.com]\ndo_not_contact: [email]\n",
        "name: Ada\nemails: [ada@example.com]\nconsent: {offers: {state: erased}}\n",
        "name: Ada\nemails: [ada@example.com]\nconsent: {newsletter: {state: objected}}\n",
        "name: Ada\nemails: [ada@example.com]\nconsent: {newsletter: {state: granted}}\n",
        "name: Ada\n",
    ],
)
def test_who_must_not_be_asked(book: Book, record_text: str) -> None:
    commit(book.root, {"customers/ada.yaml": record_text})
    with pytest.raises((Conflict, UsageProblem)):
        asked(book.root)


def test_a_dead_address_is_not_asked(book: Book) -> None:
    listing.add(book, "ada@example.com", why="complaint")
    with pytest.raises(Conflict, match="complained"):
        asked(book.root)


def test_a_question_that_waits_is_known(book: Book) -> None:
    token = asked(book.root).token
    later = fresh(book.root)
    purpose = consents.purpose_of(later, "newsletter")
    assert requests.pending(later, "ada", purpose) is not None
    assert requests.pending(later, "ada", consents.purpose_of(later, "offers")) is None
    requests.confirm(fresh(book.root), token, "mail", NOW)
    assert requests.pending(fresh(book.root), "ada", purpose) is None
