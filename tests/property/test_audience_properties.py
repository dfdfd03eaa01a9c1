"""What holds for every audience, whatever stands in the records."""

from __future__ import annotations

from datetime import UTC
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import cast

from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from crmctl.index.index import Index
from crmctl.index.index import State
from crmctl.mail.addresses import ascii_address
from crmctl.model.settings_reading import read_settings
from crmctl.services.bookfiles import WorkTree
from crmctl.services.campaigns.audience import Plan
from crmctl.services.campaigns.audience import is_held_out
from crmctl.services.campaigns.audience import plan
from crmctl.vcs.places import Places

if TYPE_CHECKING:
    from crmctl.model.raw import Raw
    from crmctl.model.raw import RawMap
    from crmctl.model.schema import Schema
    from crmctl.model.settings import Settings
    from crmctl.services.book import Book

SETTINGS = read_settings(
    {"purposes": {"news": "consent", "service": "contract", "birthday": "legitimate-interest", "offers": "soft-opt-in"}}
)
GONE = ("withdrawn", "objected", "erased")


class _Book:
    """Just as much of a book as an audience asks for."""

    root = Path("/nowhere")
    files = WorkTree(root)
    places = Places(root, root, root / ".git", root / ".git", "")

    def __init__(self, customers: dict[str, RawMap], campaign: RawMap, segment: RawMap) -> None:
        self.index = Index.in_memory()
        self.index.begin()
        self.index.clear(SETTINGS)
        self.index.use(SETTINGS)
        records = {"customer": customers, "campaign": {"c": campaign}, "segment": {"s": segment}}
        for name, found in records.items():
            kind = SETTINGS.schema.require(name)
            for handle, data in found.items():
                self.index.put_record(f"records/{kind.plural}/{handle}.yaml", "", kind, handle, data)
        self.index.finish(State("", {}, {}))

    @property
    def settings(self) -> Settings:
        return SETTINGS

    @property
    def schema(self) -> Schema:
        return SETTINGS.schema

    @property
    def context(self) -> Any:
        return SETTINGS.context

    def now(self) -> datetime:
        return datetime(2026, 3, 2, 9, tzinfo=UTC)


def planned(customers: dict[str, RawMap], campaign: RawMap, segment: RawMap | None = None) -> Plan:
    everyone: RawMap = {"name": "s", "customers": [*customers]}
    book = _Book(customers, {"name": "c", "segment": "s", **campaign}, segment or everyone)
    try:
        return plan(cast("Book", book), "c")
    finally:
        book.index.close()


states = st.sampled_from(["granted", "Granted", *GONE, "Withdrawn", " objected ", "withdrwan", ""])
entries = st.one_of(
    st.fixed_dictionaries(
        {"state": states},
        optional={"channels": st.sampled_from([["email"], ["letter"], "email, sms"]), "date": st.just("2026-01-01")},
    ),
    st.sampled_from(["granted", "withdrawn", "no", ""]),
)
purposes = st.sampled_from(["news", "service", "birthday", "offers"])
consents = st.dictionaries(
    st.sampled_from(["news", "News", "service", "SERVICE", "birthday", "offers"]), entries, max_size=3
)
addresses = st.sampled_from(
    [
        "ada@example.com",
        "ADA@Example.com",
        "eve@bücher.example",
        "eve@xn--bcher-kva.example",
        "a,b@example.com",
        "",
        "x",
    ]
)
people = st.fixed_dictionaries(
    {"name": st.sampled_from(["Ada", "Bob, Jr", "=?UTF-8?Q?x?="])},
    optional={
        "consent": st.one_of(consents, st.sampled_from(["withdrawn", ["news"]])),
        "emails": st.one_of(st.lists(addresses, max_size=3), addresses),
        "do_not_contact": st.sampled_from([["all"], ["email"], "email", "sms, email", "no idea", ["letter"], [], ""]),
        "id": st.sampled_from(["01A", "01B", ""]),
    },
)
books = st.dictionaries(st.sampled_from([f"c{number}" for number in range(8)]), people, min_size=1)
campaigns = st.fixed_dictionaries(
    {"purpose": purposes}, optional={"holdout": st.sampled_from(["", "0", "10", "50 %", "100"]), "id": st.just("01C")}
)


def _words(value: Any) -> set[str]:
    texts = value if isinstance(value, list) else [value]
    return {word for text in texts for word in str(text).lower().replace(",", " ").split()}


@hypothesis_settings(deadline=None)
@given(books, campaigns, st.sampled_from(["nobody-there", ""]))
def test_everyone_in_the_segment_is_told_of_once(customers: Any, campaign: Any, stray: str) -> None:
    listed = [*customers, *([stray] if stray else [])]
    found = planned(customers, campaign, {"name": "s", "customers": listed})
    gets, left = [person.handle for person in found.recipients], [person.handle for person in found.left_out]
    assert sorted(gets + left) == sorted(listed)
    assert not set(gets) & set(left)
    assert gets == sorted(gets)
    assert left == sorted(left)
    assert all(person.code and person.reason for person in found.left_out)
    assert sum(found.reasons.values()) == len(left)


@hypothesis_settings(deadline=None)
@given(books, campaigns)
def test_nobody_is_written_to_who_said_no(customers: Any, campaign: Any) -> None:
    purpose = campaign["purpose"]
    for person in planned(customers, campaign).recipients:
        data = customers[person.handle]
        assert not _words(data.get("do_not_contact") or []) & {"all", "email"}
        consent = data.get("consent") or {}
        assert isinstance(consent, dict)
        for name, entry in consent.items():
            if name.lower() == purpose and entry:
                assert isinstance(entry, dict)
                assert entry["state"].strip().lower() == "granted"
                assert "email" in _words(entry.get("channels", "email"))
        if purpose == "news":
            assert any(name.lower() == "news" for name in consent)


@hypothesis_settings(deadline=None)
@given(books, campaigns)
def test_no_two_messages_go_to_one_address(customers: Any, campaign: Any) -> None:
    found = [ascii_address(person.address).casefold() for person in planned(customers, campaign).recipients]
    assert len(found) == len(set(found))


@hypothesis_settings(deadline=None)
@given(books, campaigns, st.sampled_from(GONE))
def test_an_address_is_closed_for_whoever_else_has_it(customers: Any, campaign: Any, state: str) -> None:
    address = "ada@example.com"
    said: Raw = {campaign["purpose"]: {"state": state}}
    gone: RawMap = {"name": "Gone", "emails": ["other@example.com", address], "consent": said}
    found = planned({**customers, "zz": gone}, campaign, {"name": "s", "customers": [*customers]})
    assert address not in [person.address.casefold() for person in found.recipients]


@hypothesis_settings(deadline=None)
@given(books, campaigns, purposes, entries)
def test_what_is_said_of_another_purpose_changes_nothing(customers: Any, campaign: Any, other: str, entry: Any) -> None:
    erased = isinstance(entry, dict) and str(entry.get("state")).strip().casefold() == "erased"
    if other == campaign["purpose"] or erased:  # Whoever asked to be erased asked for all of it.
        return
    more = {
        handle: {**data, "consent": {**(data.get("consent") or {}), other: entry}}
        if isinstance(data.get("consent") or {}, dict)
        else data
        for handle, data in customers.items()
    }
    assert planned(more, campaign) == planned(customers, campaign)


@hypothesis_settings(deadline=None)
@given(books, campaigns, st.randoms(use_true_random=False))
def test_the_order_of_anything_does_not_matter(customers: Any, campaign: Any, random: Any) -> None:
    handles = [*customers]
    random.shuffle(handles)
    shuffled = {handle: customers[handle] for handle in handles}
    assert planned(shuffled, campaign) == planned(customers, campaign)


@given(st.text(max_size=30), st.integers(0, 100))
def test_the_part_held_out_is_close_to_its_share_and_grows(campaign: str, percent: int) -> None:
    number = 3000
    held = {customer for customer in range(number) if is_held_out(campaign, str(customer), percent)}
    share = percent / 100
    # Six standard deviations: once in a thousand million tries by chance.
    assert abs(len(held) - number * share) <= 6 * (number * share * (1 - share)) ** 0.5
    more = {customer for customer in range(number) if is_held_out(campaign, str(customer), min(100, percent + 10))}
    assert held <= more


def test_another_campaign_holds_out_others() -> None:
    one, two = ({n for n in range(3000) if is_held_out(campaign, str(n), 20)} for campaign in ("01A", "01B"))
    assert 60 < len(one & two) < 190
