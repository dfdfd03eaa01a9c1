"""Requests to unsubscribe are honoured at once, once, and only when they are real."""

from __future__ import annotations

import shutil
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from helpers import campaign_book
from helpers.books import commit
from helpers.books import fresh
from helpers.books import git
from helpers.told_transport import Told
from helpers.told_transport import go

from crmctl import clock
from crmctl.errors import InvalidData
from crmctl.errors import UsageProblem
from crmctl.mail import tokens
from crmctl.mail.identifiers import send_id
from crmctl.mail.keyed import keyed
from crmctl.mail.ledger.log import Ledger
from crmctl.services.consenting import consents
from crmctl.services.consenting import keys
from crmctl.services.consenting import listing
from crmctl.services.consenting import postlog
from crmctl.services.consenting import sends
from crmctl.services.consenting import suppression_entry
from crmctl.services.consenting import unsubscribing
from crmctl.services.consenting.sends import MIRRORS
from crmctl.services.consenting.unsubscribing import Asked
from crmctl.services.mailing.host import host_id
from crmctl.services.mailing.host import mail_state

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.model.raw import RawMap
    from crmctl.services.book import Book
    from crmctl.services.records import Written

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
ADA, SPRING = "01J0000000000000000000000A", "01J0000000000000000000000C"
SETTINGS = "name: T\npurposes: {newsletter: consent, birthday: legitimate-interest, service: contract}\n"


@pytest.fixture(autouse=True)
def today() -> None:
    clock.freeze(NOW)


@pytest.fixture
def book(book_dir: Path) -> Book:
    ada = (
        f"name: Ada\nid: {ADA}\nemails: [ada@example.com, ada@home.example]\n"
        "consent: {newsletter: {state: granted, basis: consent, channels: [email], date: 2026-01-01, wording: news}}\n"
    )
    campaign = f"name: Spring\nid: {SPRING}\npurpose: newsletter\n"
    commit(book_dir, {"/crm.yaml": SETTINGS, "customers/ada.yaml": ada, "campaigns/spring.yaml": campaign})
    keys.load(fresh(book_dir))
    return fresh(book_dir)


def consent(root: Path, purpose: str) -> RawMap:
    book = fresh(root)
    data = book.index.data(book.schema.require("customer"), "ada") or {}
    entry = consents.strictest(data, purpose)
    return entry if isinstance(entry, dict) else {}


def honour(book: Book, token: str, source: str = "mail", at: datetime = NOW) -> Written:
    return unsubscribing.honour_all(book, [Asked(token, at, source)])[0]


def whys(root: Path, address: str) -> list[tuple[str, str]]:
    return [(entry.why, entry.scope) for entry in listing.check(fresh(root), address)]


def commits(root: Path) -> int:
    return int(git(root, "rev-list", "--count", "HEAD"))


def test_one_commit_withdraws_and_suppresses(book: Book) -> None:
    before = commits(book.root)
    token = keys.existing(book).token(ADA, "newsletter")
    written = honour(book, token)
    assert written.handles == ("ada",)
    assert commits(book.root) == before + 1
    assert git(book.root, "log", "-1", "--format=%s") == "unsub: ada\n"
    assert consent(book.root, "newsletter") == {
        "state": "withdrawn",
        "basis": "consent",
        "date": "2027-03-01",
        "how": "unsubscribed",
        "evidence": "mail",
        "wording": "news",
    }
    for address in ("ada@example.com", "ADA@home.example"):
        assert whys(book.root, address) == [("unsubscribed", "newsletter")]
    assert consent(book.root, "birthday") == {}


def test_the_second_time_changes_nothing(book: Book) -> None:
    token = keys.existing(book).token(ADA, "newsletter")
    honour(book, token)
    before = commits(book.root)
    later = fresh(book.root)
    assert honour(later, token, "mail", NOW + timedelta(minutes=3)).commit == ""
    written, answers = unsubscribing.honour_all(later, [Asked(token, NOW, "x"), Asked(token, NOW, "y")])
    assert [answer.state for answer in answers] == ["before", "before"]
    assert written.commit == ""
    assert commits(book.root) == before


def test_twice_in_one_log_is_once(book: Book) -> None:
    token = keys.existing(book).token(ADA, "newsletter")
    _, answers = unsubscribing.honour_all(book, [Asked(token, NOW, "x:1"), Asked(token.upper(), NOW, "x:2")])
    assert [answer.state for answer in answers] == ["honoured", "before"]
    assert whys(book.root, "ada@example.com") == [("unsubscribed", "newsletter")]


def test_forged_cut_and_foreign_ones_are_refused(book: Book) -> None:
    token = keys.existing(book).token(ADA, "newsletter")
    foreign = tokens.make(bytes(32), ADA, "newsletter")
    confirm = keys.existing(book).token(ADA, "newsletter", use=tokens.CONFIRM)
    nobody = keys.existing(book).token("01J0000000000000000000000Z", "newsletter")
    bad = [token[:-1], token[:-1] + ("a" if token[-1] != "a" else "b"), foreign, confirm, nobody, "", "../x"]
    before = commits(book.root)
    written, answers = unsubscribing.honour_all(book, [Asked(one, NOW, "x") for one in bad])
    assert {answer.state for answer in answers} == {"refused"}
    assert written.commit == ""
    assert commits(book.root) == before


def test_the_id_of_a_send_is_looked_up_in_the_ledger(book: Book) -> None:
    ring = keys.existing(book)
    sid = send_id("another campaign", "somebody who is gone", "email")
    with Ledger(mail_state(book), host_id()) as ledger:
        ledger.append("plan", sid, "old", cust="01J0000000000000000000000Y", to=ring.keyed("gone@example.com"))
    honour(book, ring.token(sid, "newsletter"))
    assert whys(book.root, "gone@example.com") == [("unsubscribed", "newsletter")]
    assert honour(fresh(book.root), ring.token(sid, "newsletter")).commit == ""
    other = send_id("another campaign", ADA, "email")
    with Ledger(mail_state(book), host_id()) as ledger:
        ledger.append("plan", other, "old", cust=ADA, to=ring.keyed("former@example.com"))
    honour(fresh(book.root), ring.token(other, "newsletter"))
    assert consent(book.root, "newsletter")["state"] == "withdrawn"
    assert whys(book.root, "former@example.com") == whys(book.root, "ada@example.com") != []


def test_the_ledger_learns_of_it(book: Book) -> None:
    ring = keys.existing(book)
    sid = send_id(SPRING, ADA, "email")
    with Ledger(mail_state(book), host_id()) as ledger:
        ledger.append("plan", sid, "spring", cust=ADA, to=ring.keyed("ada@example.com"))
        ledger.append("attempt", sid, "spring", n=1)
        ledger.append("dot", sid, "spring", n=1)
        ledger.append("accept", sid, "spring", n=1, code=250)
    assert "unsubscribed" not in sends.rows(book)[sid].facts
    for _ in range(2):
        written = honour(fresh(book.root), ring.token(sid, "newsletter"))
        assert written.notes == ()
    assert "unsubscribed" in sends.rows(book)[sid].facts
    with Ledger(mail_state(book), host_id()) as ledger:
        assert [event.ev for event in ledger.events()].count("unsub") == 1


def test_a_lost_ledger_keeps_nobody_from_opting_out(book: Book) -> None:
    token = keys.existing(book).token(send_id(SPRING, ADA, "email"), "newsletter")
    assert honour(book, token).handles == ("ada",)


def test_a_purpose_that_is_gone_means_all_promotion(book: Book) -> None:
    token = keys.existing(book).token(ADA, "former-name")
    honour(book, token)
    assert consent(book.root, "newsletter")["state"] == consent(book.root, "birthday")["state"] == "withdrawn"
    assert consent(book.root, "service") == {}
    assert whys(book.root, "ada@example.com") == [("unsubscribed", "all")]


def test_a_request_older_than_a_new_consent_is_no_news(book: Book) -> None:
    token = keys.existing(book).token(ADA, "newsletter")
    honour(book, token, "log:1", NOW)
    clock.freeze(NOW + timedelta(days=2))
    again = fresh(book.root)
    consents.grant(again, "ada", consents.purpose_of(again, "newsletter"), consents.Terms("2027-03-03", how="phone"))
    written, answers = unsubscribing.honour_all(fresh(book.root), [Asked(token, NOW, "log:1")])
    assert (answers[0].state, written.commit) == ("before", "")
    assert whys(book.root, "ada@example.com") == []
    _, answers = unsubscribing.honour_all(fresh(book.root), [Asked(token, clock.now(), "log:9")])
    assert answers[0].state == "honoured"
    assert consent(book.root, "newsletter")["state"] == "withdrawn"
    assert whys(book.root, "ada@example.com") == [("unsubscribed", "newsletter")]


def test_an_address_is_enough_for_whoever_has_it(book: Book) -> None:
    commit(book.root, {"customers/bob.yaml": "name: Bob\nemails: [ADA@EXAMPLE.com]\n"})
    written = unsubscribing.honour_address(fresh(book.root), "ada@example.com", "mail", NOW)
    assert written.handles == ("ada", "bob")
    assert set(whys(book.root, "ada@example.com")) == {("unsubscribed", "all")}
    unsubscribing.honour_address(fresh(book.root), "nobody@example.com", "mail", NOW, scope="newsletter")
    assert whys(book.root, "nobody@example.com") == [("unsubscribed", "newsletter")]
    assert (
        unsubscribing.honour_address(fresh(book.root), "nobody@example.com", "mail", NOW, scope="newsletter").commit
        == ""
    )
    with pytest.raises(UsageProblem):
        unsubscribing.honour_address(fresh(book.root), "no@address@", "mail", NOW)


def test_a_list_that_cannot_be_read_stops_it(book: Book) -> None:
    token = keys.existing(book).token(ADA, "newsletter")
    (book.root / suppression_entry.FOLDER / "2027-01.jsonl").write_text("x\n")
    with pytest.raises(InvalidData):
        honour(book, token)


def test_entries_name_a_log_and_nobody(book: Book) -> None:
    token = keys.existing(book).token(ADA, "newsletter")
    honour(book, token, "access.log:7", NOW)
    told = "".join(path.read_text() for path in (book.root / suppression_entry.FOLDER).iterdir())
    assert "access.log:7" in told
    assert "@" not in told
    assert "example" not in told
    assert keyed(keys.existing(book).key, "ada@example.com") in told


def test_who_has_no_id_is_known_by_the_handle(tmp_path: Path) -> None:
    root = campaign_book.make(tmp_path / "people", 2)
    record = root / "records" / "customers" / "p000.yaml"
    record.write_text(record.read_text().partition("\n")[2])
    commit(root)
    go(root, Told())
    ((sid, _),) = ((sid, row) for sid, row in sends.rows(fresh(root)).items() if row.cust == "p000")
    ring = keys.load(fresh(root))
    assert honour(fresh(root), ring.token(sid, "newsletter")).handles == ("p000",)
    assert "withdrawn" in record.read_text()
    commit(root, {"customers/p000.yaml": record.read_text().replace("withdrawn", "granted")})
    shutil.rmtree(mail_state(fresh(root)))
    shutil.rmtree(root / MIRRORS)
    commit(root)
    assert honour(fresh(root), ring.token(sid, "newsletter")).handles == ("p000",)
    assert "withdrawn" in record.read_text()


# Logs

TOKEN = tokens.make(bytes(32), ADA, "newsletter")
COMBINED = '203.0.113.9 - - [01/Mar/2027:10:00:00 +0100] "{} /u/{} HTTP/1.1" 200 12 "-" "Mail/1.0"\n'


def test_only_a_post_counts() -> None:
    methods = ("GET", "POST", "HEAD", "OPTIONS", "PUT")
    log = postlog.read([COMBINED.format(method, TOKEN) for method in methods], "a.log", NOW)
    assert log.asked == [Asked(TOKEN, datetime(2027, 3, 1, 9, tzinfo=UTC), "a.log:2")]
    assert (log.looks, log.unread) == (4, [])


@pytest.mark.parametrize(
    "line",
    [
        f'{{"method": "POST", "token": "{TOKEN}"}}',
        f'{{"method": "post", "path": "/u/{TOKEN}"}}',
        f'{{"request_method": "POST", "request_uri": "/u?t={TOKEN}&x=1"}}',
        f'{{"ts": 1803898800.5, "request": {{"method": "POST", "uri": "/u/{TOKEN}"}}, "status": 200}}',
        f'{{"time": "2027-03-01T09:00:00Z", "method": "POST", "body": "List-Unsubscribe=One-Click&t={TOKEN}"}}',
        COMBINED.format("POST", f"u?t={TOKEN}"),
        COMBINED.format("POST", TOKEN).replace("- -", "- j doe"),
    ],
)
def test_lines_of_many_servers(line: str) -> None:
    (asked,) = postlog.read([line, "\n"], "a.log", NOW).asked
    assert asked.token == TOKEN
    assert asked.at <= NOW


@pytest.mark.parametrize(
    "line",
    [
        f'{{"method": "GET", "token": "{TOKEN}"}}',
        f'{{"token": "{TOKEN}"}}',
        f'{{"method": ["POST"], "token": "{TOKEN}"}}',
        '{"method": "POST"}',
        "{not json",
        "[]",
        TOKEN,
        f"POST {TOKEN}",
        COMBINED.format("GET", f'{TOKEN}" "POST /u/{TOKEN}'),
        COMBINED.format("POST", "login"),
        f'203.0.113.9 - - [01/Mar/2027:10:00:00 +0100] "GET / HTTP/1.1" 200 12 "-" "POST /u/{TOKEN} HTTP/1.1" 200\n',
    ],
)
def test_nothing_else_is_a_request(line: str) -> None:
    assert postlog.read([line], "a.log", NOW).asked == []


@pytest.mark.parametrize("damaged", [TOKEN[:-1], TOKEN[:-4], TOKEN + "a", TOKEN[:32]])
def test_a_token_that_was_cut_in_a_log_is_refused_and_not_overlooked(book: Book, damaged: str) -> None:
    for line in (COMBINED.format("POST", damaged), f'{{"method": "POST", "path": "/u/{damaged}"}}'):
        (asked,) = postlog.read([line], "a.log", NOW).asked
        _, (answer,) = unsubscribing.honour_all(book, [asked])
        assert (answer.state, answer.why) == ("refused", "the token is forged, cut, or another book's")
    assert postlog.read([COMBINED.format("GET", damaged)], "a.log", NOW).asked == []


def test_a_whole_token_comes_before_one_that_was_cut() -> None:
    line = f'{{"method": "POST", "path": "/{TOKEN[:-4]}", "body": "t={TOKEN}"}}'
    assert postlog.read([line], "a.log", NOW).asked[0].token == TOKEN


def test_a_moment_that_is_none_is_now() -> None:
    for at in ("2099-01-01T00:00:00Z", "soon", "1e99", "", "-"):
        line = f'{{"method": "POST", "token": "{TOKEN}", "time": "{at}"}}'
        assert postlog.read([line], "a.log", NOW).asked[0].at == NOW
    wrong = COMBINED.format("POST", TOKEN).replace("01/Mar", "31/Feb")
    assert postlog.read([wrong], "a.log", NOW).asked[0].at == NOW


# Records that cannot be written


def test_a_record_that_is_not_valid_keeps_nobody_s_request(book: Book) -> None:
    said = "{birthday: maybe, newsletter: {state: granted}}"
    broken = f"name: Ada\nid: {ADA}\nemails: [ada@example.com]\nconsent: {said}\n"
    bob = "01J0000000000000000000000B"
    commit(
        book.root,
        {"customers/ada.yaml": broken, "customers/bob.yaml": f"name: B\nid: {bob}\nemails: [b@example.com]\n"},
    )
    ring = keys.existing(book)
    asked = [Asked(ring.token(one, "newsletter"), NOW, "log") for one in (ADA, bob)]
    written, answers = unsubscribing.honour_all(fresh(book.root), asked)
    assert [answer.state for answer in answers] == ["honoured", "honoured"]
    assert "ada: only the address is on the list" in written.notes[0]
    assert whys(book.root, "ada@example.com") == whys(book.root, "b@example.com") == [("unsubscribed", "newsletter")]


def test_changes_by_hand_keep_nobody_s_request(book: Book) -> None:
    token = keys.existing(book).token(ADA, "newsletter")
    path = book.root / "records/customers/ada.yaml"
    path.write_text(path.read_text().replace("consent: {newsletter", "consent: [newsletter]\nnotes: {newsletter"))
    written = honour(fresh(book.root), token)
    assert whys(book.root, "ada@example.com") == [("unsubscribed", "newsletter")]
    assert "changes by hand" in written.notes[0]
    assert "consent: [newsletter]" in path.read_text()


def test_all_but_what_they_agreed_to_since(book: Book) -> None:
    clock.freeze(NOW + timedelta(days=2))
    again = fresh(book.root)
    consents.grant(again, "ada", consents.purpose_of(again, "newsletter"), consents.Terms("2027-03-03"))
    token = keys.existing(book).token(ADA, "former-name")
    honour(fresh(book.root), token)
    assert consent(book.root, "newsletter")["state"] == "granted"
    assert consent(book.root, "birthday")["state"] == "withdrawn"
    assert whys(book.root, "ada@example.com") == [("unsubscribed", "birthday")]
