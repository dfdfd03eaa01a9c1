"""The templates that come with crmctl: they render for everybody they can, and say what is missing for the rest."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import pytest

from crmctl.render.rendering import Rendered
from crmctl.render.rendering import render_many
from crmctl.render.templates import Template
from crmctl.render.templates import parse_template
from crmctl.store.yaml_reader import read_yaml

if TYPE_CHECKING:
    from crmctl.model.raw import RawMap

FOLDER = Path(__file__).resolve().parents[3] / "templates"
FILES = sorted(FOLDER.iterdir())
ME = {"name": "Steve Johnson", "email": "steve@chinook.example", "phone": "+1 403 555 0114"}
BOOK = {"name": "Chinook Records", "currency": "USD", "language": "en", "postal_address": "Chinook Records\n123 Avenue"}
FULL: dict[str, Any] = {
    "customer": {
        "name": "Kathy Chase",
        "first_name": "Kathy",
        "last_name": "Chase",
        "first": "2007-03-05",
        "address": {"street": "12 Lane", "postal_code": "89501", "city": "Reno", "region": "NV", "country": "US"},
    },
    "last_meeting": {"at": "2012-01-11T13:00:00-07:00", "text": "SECRET NOTE", "outcome": "Offer by Friday."},
    "last_order": {
        "at": "2011-12-16T10:00:00-07:00",
        "amount": "1800.00",
        "text": "SECRET NOTE",
        "lines": [{"text": "Rock", "quantity": "1500", "price": "0.90"}, *({"text": f"Title {n}"} for n in range(9))],
    },
    "me": ME,
    "book": BOOK,
    "today": "2012-01-16",
    "unsubscribe": "mailto:hello@chinook.example?subject=unsubscribe%20x",
}
BARE: dict[str, Any] = {
    "customer": {"name": "Acme", "type": "organization", "address": {"street": "1 Lane", "city": "Reno"}},
    "last_meeting": {"at": "2012-01-11"},
    "last_order": {"at": "2011-12-16", "amount": "5", "currency": "EUR"},
    "me": {"name": "Steve Johnson", "email": "steve@chinook.example"},
    "book": BOOK,
    "today": "2012-01-16",
    "unsubscribe": "https://chinook.example/stop",
}


def read(path: Path) -> Template:
    def front(text: str) -> RawMap:
        return read_yaml(text.encode(), str(path)).data

    return parse_template(path.stem, f"templates/{path.name}", path.read_text(encoding="utf-8"), front)


def render(path: Path, data: dict[str, Any]) -> Rendered:
    (message,) = render_many(read(path), {}, [("x", data)])
    return message


def test_five_ship() -> None:
    assert [path.stem for path in FILES] == [
        "birthday",
        "invoice-reminder",
        "letter",
        "meeting-follow-up",
        "newsletter",
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_shipped_template_renders(path: Path) -> None:
    message = render(path, FULL)
    assert message.problems == ()
    assert message.subject
    for part in (message.text, message.html):
        assert "Kathy" in part or "Chase" in part
        assert "Steve Johnson" in part
        assert "SECRET" not in part
        assert not re.search(r"\{\{|\}\}|\{%|None|\bTrue\b|Undefined", part)
    assert "\n\n\n" not in message.text
    assert read(path).front.unknown == ()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_shipped_template_needs_little(path: Path) -> None:
    message = render(path, BARE)
    if path.stem == "birthday":
        assert message.problems == ("an organisation has no first name (use greeting, or customer.name)",)
    else:
        assert message.problems == ()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_shipped_template_says_what_is_missing(path: Path) -> None:
    assert "customer is missing" in render(path, {}).problems


@pytest.mark.parametrize("name", ["newsletter", "birthday"])
def test_what_is_sent_to_many_has_the_address_and_the_way_out_in_both_parts(name: str) -> None:
    message = render(FOLDER / f"{name}.md", FULL)
    for part in (message.text, message.html):
        assert "123 Avenue" in part
        assert "mailto:hello@chinook.example?subject=unsubscribe%20x" in part


def test_the_reminder_says_what_for_and_how_much() -> None:
    text = render(FOLDER / "invoice-reminder.md", FULL).text
    assert "your order of 16 December 2011.\nIn our books, $1,800.00 is still open." in text
    assert "- Rock: 1,500 at $0.90\n- Title 0\n" in text
    assert "- and 2 more\n" in text


def test_the_letter_has_an_address_a_date_and_a_signature() -> None:
    text = render(FOLDER / "letter.html", FULL).text
    assert text.startswith(
        "Chinook Records, 123 Avenue\n\nKathy Chase\n12 Lane\nReno, NV 89501\nUNITED STATES\n\n16 January"
    )
    assert "@page" in render(FOLDER / "letter.html", FULL).html


def test_the_letter_names_what_the_address_lacks() -> None:
    data = {**FULL, "customer": {"name": "Kathy", "address": {"region": "NV"}}}
    assert render(FOLDER / "letter.html", data).problems == (
        "customer.address.street is missing",
        "customer.address.city is missing",
    )


def test_lines_of_mail_are_short_enough_to_read() -> None:
    for path in FILES:
        if path.suffix == ".md":
            assert max(map(len, path.read_text(encoding="utf-8").splitlines())) <= 90
