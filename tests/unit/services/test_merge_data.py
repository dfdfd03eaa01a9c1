"""What a template sees of a customer."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from helpers.books import git
from helpers.books import write

from crmctl import clock
from crmctl.errors import NotFound
from crmctl.services import detail
from crmctl.services.book import Book
from crmctl.services.merge_data import MergeData

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def sample(sample_dir: Path) -> Book:
    clock.freeze(datetime.fromisoformat("2012-01-16T12:00:00-07:00"))
    return Book(sample_dir)


def _lines(*interactions: dict[str, object]) -> str:
    return "".join(f"{json.dumps(line)}\n" for line in interactions)


def test_a_customer_with_everything_counted(sample: Book) -> None:
    data = MergeData(sample, "newsletter").of("helena-holy")
    customer = data["customer"]
    assert customer["spent"] == "49.62"
    assert customer["orders"] == 7
    assert "tv-shows" in customer["bought"]
    assert customer["emails"] == ["hholy@gmail.example"]
    assert "organization" not in customer
    assert data["owner"]["name"] == "Steve Johnson"
    assert data["book"]["postal_address"].startswith("Chinook Records\n")
    assert data["today"] == "2012-01-16"
    assert data["unsubscribe"] == "mailto:hello@chinook.example?subject=unsubscribe%20newsletter"
    assert data["last_order"]["at"].startswith("2011-11-13")


def test_all_at_once_is_the_same_as_one_by_one(sample: Book) -> None:
    merge = MergeData(sample, "service")
    handles = [row[0] for row in sample.index.rows("SELECT handle FROM customers ORDER BY handle DESC")]
    together = list(merge.each(handles))
    assert [handle for handle, _ in together] == handles
    assert together == [(handle, merge.of(handle)) for handle in handles]
    kind = sample.schema.require("customer")
    assert [record["handle"] for record in detail.details(sample, kind, handles)] == handles


def test_more_than_a_batch(book_dir: Path) -> None:
    handles = [f"c{number:03}" for number in range(600)]
    write(book_dir, {f"customers/{handle}.yaml": f"name: {handle}\n" for handle in handles})
    found = list(MergeData(Book(book_dir)).each(handles))
    assert [data["customer"]["name"] for _, data in found] == handles


def test_the_data_is_plain(sample: Book) -> None:
    for _, data in MergeData(sample).each(["luis-goncalves", "richard-cunningham"]):
        assert json.loads(json.dumps(data, allow_nan=False)) == data


def test_someone_who_is_not_there(sample: Book) -> None:
    with pytest.raises(NotFound, match="no customer 'nobody'"):
        MergeData(sample).of("nobody")


def test_the_last_of_each_kind_that_has_happened(book_dir: Path) -> None:
    clock.freeze(datetime.fromisoformat("2026-03-02T10:00:00+01:00"))
    write(book_dir, {"customers/ada.yaml": "name: Ada\n", "customers/bob.yaml": "name: Bob\n"})
    lines: list[dict[str, object]] = [
        {"id": "01A", "at": "2026-02-01T10:00:00+01:00", "type": "purchase", "amount": "10.00", "text": "old"},
        {"id": "01B", "at": "2026-03-02T09:00:00+01:00", "type": "purchase", "amount": "20.00", "text": "new"},
        {"id": "01C", "at": "2026-03-01T09:00:00+01:00", "type": "meeting", "text": "was"},
        {"id": "01D", "at": "2026-03-03T09:00:00+01:00", "type": "meeting", "text": "planned"},
    ]
    write(book_dir, {"interactions/ada.jsonl": _lines(*lines)})
    merge = MergeData(Book(book_dir))
    data = merge.of("ada")
    assert data["last_order"]["text"] == "new"
    assert data["last_meeting"]["text"] == "was"
    assert not {"last_order", "last_meeting"} & merge.of("bob").keys()


def test_an_organization_is_a_record_or_just_a_name(book_dir: Path) -> None:
    write(
        book_dir,
        {
            "customers/acme.yaml": "name: ACME\ntype: organization\n",
            "customers/ada.yaml": "name: Ada\norganization: acme\n",
            "customers/bob.yaml": "name: Bob\norganization: gone\nowner: nobody\n",
        },
    )
    merge = MergeData(Book(book_dir))
    assert merge.of("ada")["customer"]["organization"]["name"] == "ACME"
    assert merge.of("bob")["customer"]["organization"] == {"name": "gone"}
    assert "owner" not in merge.of("bob")


def test_the_sender_is_the_campaign_s_owner(sample: Book) -> None:
    assert MergeData(sample, "newsletter", {"owner": "nancy-edwards"}).me["name"] == "Nancy Edwards"


def test_else_the_member_who_runs_it(book_dir: Path) -> None:
    git(book_dir, "config", "user.email", "ann@example.com")
    write(book_dir, {"members/ann.yaml": "name: Ann Author\nemail: ANN@example.com\ntitle: Sales\n"})
    assert MergeData(Book(book_dir)).me == {"name": "Ann Author", "email": "ANN@example.com", "title": "Sales"}


def test_else_whoever_git_says(book_dir: Path) -> None:
    assert MergeData(Book(book_dir)).me == {"name": "Ann Author", "email": "ann@example.com"}


def test_else_the_book(book_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(book_dir, {"/crm.yaml": "name: Test Ltd\nemail: hello@example.com\n"})
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.delenv(f"GIT_{role}_NAME")
        monkeypatch.delenv(f"GIT_{role}_EMAIL")
    git(book_dir, "config", "user.useConfigOnly", "true")
    merge = MergeData(Book(book_dir), "news")
    assert merge.me == {"name": "Test Ltd", "email": "hello@example.com"}
    assert merge.unsubscribe("") == "mailto:hello@example.com?subject=unsubscribe"


@pytest.mark.parametrize(
    ("email", "link"),
    [
        ("info@bücher.example", "mailto:info@xn--bcher-kva.example?subject=unsubscribe%20news"),
        ("a?bcc=b@example.com", "mailto:a%3Fbcc%3Db@example.com?subject=unsubscribe%20news"),
        ("no address", ""),
    ],
)
def test_the_way_out_is_one_address(book_dir: Path, email: str, link: str) -> None:
    write(book_dir, {"/crm.yaml": f"name: T\nemail: {email}\n"})
    assert MergeData(Book(book_dir)).unsubscribe("news") == link


def test_nobody_can_be_written_to(book_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.delenv(f"GIT_{role}_NAME")
        monkeypatch.delenv(f"GIT_{role}_EMAIL")
    git(book_dir, "config", "user.useConfigOnly", "true")
    assert MergeData(Book(book_dir), "news").unsubscribe("news") == ""
