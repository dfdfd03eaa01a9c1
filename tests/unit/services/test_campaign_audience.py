"""Who is in a segment, who gets a campaign, and why the others do not."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from helpers.books import write

from crmctl import clock
from crmctl.errors import InvalidData
from crmctl.errors import NotFound
from crmctl.errors import UsageProblem
from crmctl.services.book import Book
from crmctl.services.campaigns import audience

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def sample(sample_dir: Path) -> Book:
    clock.freeze(datetime.fromisoformat("2012-01-16T12:00:00-07:00"))
    return Book(sample_dir)


CAMPAIGN = "name: C\npurpose: news\nsegment: s\n"
SETTINGS = """\
name: Test
currency: EUR
timezone: Europe/Berlin
country: DE
purposes:
  news: consent
  service: contract
  offers: soft-opt-in
  birthday: legitimate-interest
"""
YES = "consent: {news: {state: granted}}\n"


def planned(root: Path, campaign: str = CAMPAIGN, **people: str) -> audience.Plan:
    """The plan for a segment of ``people``, each given as the YAML behind the name."""
    clock.freeze(datetime.fromisoformat("2026-03-02T10:00:00+01:00"))
    handles = [name.replace("_", "-") for name in people]
    write(root, {"/crm.yaml": SETTINGS, "campaigns/c.yaml": campaign})
    write(root, {"segments/s.yaml": f"name: S\ncustomers: [{', '.join(handles)}]\n"})
    texts = zip(handles, people.values(), strict=True)
    write(root, {f"customers/{handle}.yaml": f"name: {handle.title()}\n{text}" for handle, text in texts})
    return audience.plan(Book(root), "c")


def left_out(found: audience.Plan) -> dict[str, tuple[str, str]]:
    return {person.handle: (person.code, person.reason) for person in found.left_out}


def test_the_newsletter_of_the_sample(sample: Book) -> None:
    found = audience.plan(sample, "new-year-newsletter")
    assert len(found.recipients) == 9
    assert {handle: code for handle, (code, _) in left_out(found).items()} == {
        "frank-ralston": "suppressed",
        "helena-holy": "duplicate-address",
        "julia-barnett": "withdrawn",
        "ladislav-kovacs": "no-consent",
        "richard-cunningham": "no-address",
    }
    assert left_out(found)["julia-barnett"][1] == "consent withdrawn since 2011-12-28"
    assert left_out(found)["helena-holy"][1] == "has the same address as frantisek-wichterlova"
    assert found.reasons["no-consent"] == 1


def test_members_come_from_the_filter_and_from_the_list(book_dir: Path) -> None:
    write(book_dir, {f"customers/{name}.yaml": f"name: {name}\ntags: [{name}]\n" for name in ("ada", "bob", "eve")})
    write(book_dir, {"segments/both.yaml": "name: B\nfilter: tag:ada\ncustomers: [eve, eve, ada]\n"})
    write(book_dir, {"segments/one.yaml": "name: B\ncustomers: bob\n", "segments/none.yaml": "name: N\n"})
    book = Book(book_dir)
    assert audience.members(book, "both") == ["ada", "eve"]
    assert audience.members(book, "one") == ["bob"]
    assert audience.members(book, "none") == []


def test_a_segment_that_is_not_there(book_dir: Path) -> None:
    with pytest.raises(NotFound, match="no segment 'nope'"):
        audience.members(Book(book_dir), "nope")


def test_a_broken_filter_is_told_with_the_segment(book_dir: Path) -> None:
    write(book_dir, {"segments/s.yaml": "name: S\nfilter: tga:vip\n"})
    with pytest.raises(InvalidData, match="segment s: ") as caught:
        audience.members(Book(book_dir), "s")
    assert "tag" in caught.value.hint


@pytest.mark.parametrize(
    ("campaign", "error", "words"),
    [
        ("name: C\npurpose: news\n", UsageProblem, "names no segment"),
        ("name: C\nsegment: s\npurpose: spam\n", InvalidData, "'spam', which crm.yaml does not know"),
        ("name: C\nsegment: s\n", InvalidData, "does not say what it is for"),
        ("name: C\nsegment: nope\npurpose: news\n", NotFound, "no segment 'nope'"),
        (CAMPAIGN + "channel: fax\n", InvalidData, "'fax', which is no channel"),
        (CAMPAIGN + "holdout: half\n", InvalidData, "holds out 'half'"),
        (CAMPAIGN + 'holdout: "101"\n', InvalidData, "holds out '101'"),
        (CAMPAIGN + 'holdout: "-5"\n', InvalidData, "holds out '-5'"),
        (CAMPAIGN + 'holdout: "10.5"\n', InvalidData, "no whole percent"),
    ],
)
def test_a_campaign_that_cannot_be_planned(book_dir: Path, campaign: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        planned(book_dir, campaign, ada="")


def test_a_campaign_that_is_not_there(book_dir: Path) -> None:
    with pytest.raises(NotFound, match="no campaign 'nope'"):
        audience.plan(Book(book_dir), "nope")


def test_someone_listed_who_is_not_there_is_told(book_dir: Path) -> None:
    planned(book_dir, ada="emails: [ada@example.com]\n" + YES)
    write(book_dir, {"segments/s.yaml": "name: S\ncustomers: [ada, ghost, torn]\n", "customers/torn.yaml": "name: [\n"})
    found = audience.plan(Book(book_dir), "c")
    assert [person.handle for person in found.recipients] == ["ada"]
    assert {handle: code for handle, (code, _) in left_out(found).items()} == {"ghost": "unknown", "torn": "unknown"}


@pytest.mark.parametrize(
    "never",
    [
        "[all]",
        "[email]",
        "all",
        "email",
        "Email",
        '"sms, email"',
        '"sms;all"',
        "[sms, EMAIL]",
        "e-mail",
        "yes",
        "{email: yes}",
    ],
)
def test_do_not_contact_counts_however_it_is_written(book_dir: Path, never: str) -> None:
    found = planned(book_dir, ada=f"emails: [ada@example.com]\ndo_not_contact: {never}\n{YES}")
    assert left_out(found)["ada"][0] == "suppressed"


@pytest.mark.parametrize("never", ["[]", "[letter, sms]", "phone", '""'])
def test_do_not_contact_elsewhere_is_no_reason(book_dir: Path, never: str) -> None:
    found = planned(book_dir, ada=f"emails: [ada@example.com]\ndo_not_contact: {never}\n{YES}")
    assert not found.left_out


@pytest.mark.parametrize(
    ("consent", "code"),
    [
        ("{service: {state: withdrawn}}", "withdrawn"),
        ("{Service: {state: Objected}}", "objected"),
        ('{service: {state: "erased "}}', "erased"),
        ("{service: {state: withdrwan}}", "no-consent"),
        ("{service: {date: 2026-01-01}}", "no-consent"),
        ("{service: objected}", "no-consent"),
        ("withdrawn", "no-consent"),
        ("[service]", "no-consent"),
        ("{service: {state: granted}, SERVICE: {state: withdrawn}}", "withdrawn"),
        ("{service: {state: granted, channels: [letter]}}", "no-consent"),
    ],
)
def test_even_with_a_contract_a_no_is_a_no(book_dir: Path, consent: str, code: str) -> None:
    campaign = "name: C\npurpose: service\nsegment: s\n"
    found = planned(
        book_dir, campaign, ada=f"emails: [ada@example.com]\nconsent: {consent}\n", bob="emails: [b@x.example]\n"
    )
    assert left_out(found)["ada"][0] == code
    assert [person.handle for person in found.recipients] == ["bob"]


def test_consent_by_some_channels_is_told_with_them(book_dir: Path) -> None:
    consent = "consent: {news: {state: granted, channels: [letter, sms]}}\n"
    found = planned(book_dir, ada=f"emails: [ada@example.com]\n{consent}")
    assert left_out(found)["ada"] == ("no-consent", "agreed to news only by letter, sms")
    found = planned(book_dir, ada="emails: [ada@example.com]\nconsent: {news: {state: granted, channels: Email}}\n")
    assert not found.left_out


def test_soft_opt_in_asks_for_a_purchase_or_a_yes(book_dir: Path) -> None:
    write(book_dir, {"interactions/bob.jsonl": '{"id":"01B","at":"2026-01-01T10:00:00+01:00","type":"purchase"}\n'})
    found = planned(
        book_dir,
        "name: C\npurpose: offers\nsegment: s\n",
        ada="emails: [ada@example.com]\n",
        bob="emails: [bob@example.com]\n",
        eve="emails: [eve@example.com]\nconsent: {offers: {state: granted}}\n",
        gil="emails: [gil@example.com]\nconsent: {offers: {state: objected}}\n",
    )
    assert [person.handle for person in found.recipients] == ["bob", "eve"]
    assert left_out(found)["ada"] == ("no-basis", "never bought anything, and did not agree")
    assert left_out(found)["gil"][0] == "objected"


@pytest.mark.parametrize(
    "address", ["a@example.com, b@example.com", "Ada <a@example.com>", "ada", "a@b@c", "ü\u200b@example.com"]
)
def test_an_address_that_is_none_is_told(book_dir: Path, address: str) -> None:
    found = planned(book_dir, ada=f'emails: ["{address}"]\n{YES}')
    assert left_out(found)["ada"] == ("bad-address", f"has an address that cannot be used: {address}")


def test_addresses_are_the_same_in_any_writing(book_dir: Path) -> None:
    found = planned(
        book_dir,
        ada="emails: [info@bücher.example]\n" + YES,
        bob="emails: [INFO@xn--bcher-kva.example]\n" + YES,
        eve='emails: ["", "info@Bücher.example "]\n' + YES,
    )
    assert [person.handle for person in found.recipients] == ["ada"]
    assert left_out(found) == dict.fromkeys(("bob", "eve"), ("duplicate-address", "has the same address as ada"))


def test_phone_numbers_are_the_same_in_any_writing(book_dir: Path) -> None:
    campaign = CAMPAIGN + "channel: sms\n"
    people = {"ada": '"+49 151 23456789"', "bob": '"0151/23456789"', "eve": "none"}
    found = planned(book_dir, campaign, **{name: f"phones: [{phone}]\n{YES}" for name, phone in people.items()})
    assert [person.handle for person in found.recipients] == ["ada"]
    assert left_out(found)["bob"] == ("duplicate-address", "has the same number as ada")
    assert left_out(found)["eve"][0] == "bad-address"


def test_an_extension_can_be_called_and_not_be_written_to(book_dir: Path) -> None:
    people = {"ada": f"phones: [+49 30 1234567 ext 5]\n{YES}", "bob": f"phones: [+49 151 23456789]\n{YES}"}
    found = planned(book_dir, CAMPAIGN + "channel: sms\n", **people)
    assert left_out(found) == {"ada": ("bad-address", "has a number that cannot be used: +49 30 1234567 ext 5")}
    assert len(planned(book_dir, CAMPAIGN + "channel: phone\n", **people).recipients) == 2


def test_a_mailbox_is_closed_when_one_of_its_people_said_no(book_dir: Path) -> None:
    write(
        book_dir, {"customers/old.yaml": "name: Old\nemails: [x@example.com, ADA@example.com]\ndo_not_contact: [all]\n"}
    )
    found = planned(book_dir, ada="emails: [ada@example.com]\n" + YES, bob="emails: [bob@example.com]\n" + YES)
    assert left_out(found) == {"ada": ("suppressed", "has the same address as old: do not contact (all)")}


def test_letters_go_to_one_person_of_a_house_each(book_dir: Path) -> None:
    house = "address: {street: High St 1, postal_code: '12345', city: Town}\n" + YES
    found = planned(
        book_dir,
        CAMPAIGN + "channel: letter\n",
        ada=house,
        bob=house,
        eve=YES,
        gil="address: {street: Here}\n" + YES,
        jo="address: {city: Town, country: DE}\n" + YES,
        kay="address: {street: PO Box 1, city: Town}\n" + YES,
    )
    assert [person.address for person in found.recipients] == [
        "Ada, High St 1, 12345, Town",
        "Bob, High St 1, 12345, Town",
        "Kay, PO Box 1, Town",
    ]
    assert (
        left_out(found)["eve"]
        == left_out(found)["gil"]
        == left_out(found)["jo"]
        == ("no-address", "has no postal address")
    )


def test_who_is_held_out_is_told_by_the_ids_alone(book_dir: Path) -> None:
    people = {f"p{number}": f"id: {number}\nemails: [p{number}@example.com]\n{YES}" for number in range(40)}
    campaign = CAMPAIGN + 'id: X\nholdout: "50%"\n'
    first = planned(book_dir, campaign, **people)
    assert first.reasons == {"held-out": len(first.left_out)}
    assert 5 < len(first.left_out) < 35
    assert first.left_out[0].reason == "held out to compare with (50 %)"
    fewer = planned(book_dir, campaign, **dict(list(people.items())[10:30]))
    assert {person.handle for person in fewer.left_out} == {person.handle for person in first.left_out} & {
        *list(people)[10:30]
    }


def test_recipients_have_the_id_of_their_record(book_dir: Path) -> None:
    found = planned(
        book_dir, ada="id: 01ADA\nemails: [ada@example.com]\n" + YES, bob="emails: [bob@example.com]\n" + YES
    )
    assert [person.id for person in found.recipients] == ["01ADA", "bob"]
