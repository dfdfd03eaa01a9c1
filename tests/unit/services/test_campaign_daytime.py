"""The hours of a campaign by the clock of whoever gets it, in countries that have several, and by number alone."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from helpers.books import write

from crmctl import clock
from crmctl.model import phones
from crmctl.services.book import Book
from crmctl.services.campaigns import campaign as campaigns
from crmctl.services.campaigns import daytime
from crmctl.services.campaigns.messages.judging import lacks_hours

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.model.raw import RawMap

US: RawMap = {"address": {"country": "US"}}
HAWAII: RawMap = {"address": {"country": "US"}, "timezone": "Pacific/Honolulu"}


def made(root: Path, more: str) -> tuple[Book, campaigns.Campaign]:
    clock.freeze(datetime.fromisoformat("2026-11-23T10:00:00+00:00"))
    write(
        root,
        {
            "/crm.yaml": "name: Test\ncurrency: EUR\ntimezone: Europe/London\ncountry: GB\n",
            "campaigns/c.yaml": f"name: C\npurpose: service\nsegment: s\n{more}",
        },
    )
    book = Book(root)
    return book, campaigns.read(book, "c")


@pytest.mark.parametrize(
    ("data", "number", "now", "opens"),
    [
        # Eight in Honolulu, and one in the afternoon in New York.
        (US, "", "2026-11-23T14:00+00:00", "2026-11-23T18:00+00:00"),
        (US, "", "2026-11-24T01:59+00:00", "2026-11-24T01:59+00:00"),
        (US, "", "2026-11-24T02:00+00:00", "2026-11-24T18:00+00:00"),
        # In summer one of the two has moved its clock.
        (US, "", "2026-07-06T12:00+00:00", "2026-07-06T18:00+00:00"),
        (US, "", "2026-07-07T01:00+00:00", "2026-07-07T18:00+00:00"),
        (HAWAII, "", "2026-11-24T02:00+00:00", "2026-11-24T02:00+00:00"),
        ({"address": {"country": "US"}, "timezone": "Nowhere/Town"}, "", "2026-11-23T14:00+00:00", "2026-11-23T18:00Z"),
        # Without an address the number says where it rings.
        ({}, "+1 415 555 2671", "2026-11-23T10:00+00:00", "2026-11-23T18:00+00:00"),
        ({}, "+966 50 123 4567", "2026-11-23T18:30+00:00", "2026-11-24T05:00+00:00"),
        ({}, "07700 900123", "2026-11-23T10:00+00:00", "2026-11-23T10:00+00:00"),
        ({}, "rubbish", "2026-11-23T07:00+00:00", "2026-11-23T08:00+00:00"),
        # A country may be written out, and one that is none counts as none.
        ({"address": {"country": "Japan"}}, "", "2026-11-23T11:59+00:00", "2026-11-23T11:59+00:00"),
        ({"address": {"country": "Japan"}}, "", "2026-11-23T12:00+00:00", "2026-11-23T23:00+00:00"),
        ({"address": {"country": "Atlantis 7"}}, "", "2026-11-23T12:00+00:00", "2026-11-23T12:00+00:00"),
    ],
)
def test_a_telephone_rings_by_day_wherever_it_may_be(
    book_dir: Path, data: RawMap, number: str, now: str, opens: str
) -> None:
    book, campaign = made(book_dir, "channel: sms\n")
    at = daytime.opens(book, campaign, data, number, datetime.fromisoformat(now))
    assert at == datetime.fromisoformat(opens)


def test_the_window_of_the_campaign_counts_as_well(book_dir: Path) -> None:
    book, campaign = made(book_dir, "channel: sms\nwindow: 09:00-17:00\nweekdays: [tue]\n")
    now = datetime.fromisoformat("2026-11-23T19:00:00+00:00")
    at = daytime.opens(book, campaign, US, "", now)
    assert at is not None
    assert at.isoformat() == "2026-11-24T13:00:00-05:00"


def test_where_no_hour_is_by_day_everywhere_nobody_is_rung_up(book_dir: Path) -> None:
    book, campaign = made(book_dir, "channel: sms\nwindow: 08:00-10:00\n")
    assert daytime.opens(book, campaign, US, "", book.now()) is None
    assert daytime.opens(book, campaign, HAWAII, "", book.now()) is not None


def test_letters_and_mail_keep_to_the_clock_of_the_largest_cities(book_dir: Path) -> None:
    book, campaign = made(book_dir, "window: 09:00-17:00\n")
    at = daytime.opens(book, campaign, US, "+49 30 123456", book.now())
    assert at is not None
    assert at.isoformat() == "2026-11-23T09:00:00-05:00"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("channel: sms\nwindow: 21:00-23:00\n", "nobody may be rung up in its hours (21:00-23:00)"),
        ("channel: phone\nwindow: 05:00-08:00\n", "nobody may be rung up in its hours (05:00-08:00)"),
        (
            "weekdays: [sun]\nstarts: 2026-11-24\nends: 2026-11-27\n",
            "may go out at Sun 2026-11-29 00:00 at the soonest",
        ),
        ("ends: 2026-11-20\n", "the campaign ends on Fri 2026-11-20, and may go out at Mon 2026-11-23 10:00"),
    ],
)
def test_a_campaign_that_has_no_lawful_hour_says_so(book_dir: Path, more: str, words: str) -> None:
    book, campaign = made(book_dir, more)
    (found,) = lacks_hours(campaign, book.settings.sending, book.now())
    assert words in found


@pytest.mark.parametrize(
    "more", ["", "window: 21:00-23:00\n", "channel: sms\nwindow: 20:59-23:00\n", "ends: 2026-11-23\n"]
)
def test_a_campaign_that_has_one_says_nothing(book_dir: Path, more: str) -> None:
    book, campaign = made(book_dir, more)
    assert lacks_hours(campaign, book.settings.sending, book.now()) == []


@pytest.mark.parametrize(
    "number", ["+44 20 7946 0958 ext 5", "020 7946 0958x12", "112", "07700 900555 (mum)", "", "ada"]
)
def test_no_text_message_goes_to_what_is_no_whole_number(number: str) -> None:
    with pytest.raises(ValueError, match=r"extension|phone number"):
        phones.dialled(number, "GB")


def test_a_number_is_dialled_with_its_country() -> None:
    assert phones.dialled("07700 900555", "GB") == phones.dialled("+44 (0)7700-900555", "") == "+447700900555"
