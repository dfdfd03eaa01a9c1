"""Whether somebody may be written to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helpers.books import write

from crmctl.model.settings import Purpose
from crmctl.services.book import Book
from crmctl.services.consenting import permission

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.model.raw import RawMap

NEWS = Purpose("news", "consent")
OFFERS = Purpose("offers", "soft-opt-in")


def test_the_worst_of_several_answers_counts() -> None:
    data: RawMap = {
        "name": "A",
        "consent": {"news": {"state": "withdrawn"}, "NEWS": {"state": "erased", "date": "2026-01-01"}},
    }
    assert permission.refusal(data, NEWS, "email") == ("erased", "asked to be erased since 2026-01-01")


def test_do_not_contact_is_told_before_anything_else() -> None:
    data: RawMap = {"do_not_contact": ["sms", "all"], "consent": {"news": {"state": "withdrawn"}}}
    assert permission.refusal(data, NEWS, "sms") == ("suppressed", "do not contact (all)")


def test_an_empty_entry_says_nothing() -> None:
    silent: list[RawMap] = [{}, {"consent": ""}, {"consent": {}}, {"consent": {"offers": ""}}]
    for data in silent:
        assert permission.refusal(data, OFFERS, "email") is None
        assert permission.needs_purchase(data, OFFERS)
    assert permission.refusal({"consent": {"news": ""}}, NEWS, "email") == ("no-consent", "no consent for news")


def test_a_yes_needs_no_purchase() -> None:
    data: RawMap = {"consent": {"offers": {"state": "granted"}}}
    assert permission.refusal(data, OFFERS, "email") is None
    assert not permission.needs_purchase(data, OFFERS)
    assert not permission.needs_purchase({}, NEWS)


def granted(date: str, **more: str) -> RawMap:
    return {"consent": {"news": {"state": "granted", "date": date, **more}}}


def test_a_no_older_than_the_yes_is_no_news() -> None:
    def since(data: RawMap) -> bool:
        return permission.agreed_since(data, NEWS, "2026-03-01", "2026-03-09")

    assert since(granted("2026-03-02"))
    assert since(granted("2026-03-02T08:00:00"))
    assert not since(granted("2026-03-01"))
    assert not since(granted("2026-03-10"))
    assert not since(granted("2026-03-02", state="withdrawn"))
    twice: RawMap = {"news": {"state": "granted", "date": "2026-03-02"}, "News": {"state": "objected"}}
    assert not since({"consent": twice})
    assert not since({})


def test_nothing_of_all_means_no_promotion() -> None:
    purposes = {"news": NEWS, "invoice": Purpose("invoice", "contract"), "recall": Purpose("recall", "legal")}
    assert permission.promotion(purposes) == [NEWS]


def test_suspects_are_all_who_may_have_said_no(book_dir: Path) -> None:
    people = {
        "ada": "consent: {news: {state: Withdrawn}}",
        "bob": "consent: {news: {state: granted}}",
        "eve": "do_not_contact: [sms]",
        "gil": "consent: {x: {state: objected}}",
        "ida": "consent: {x: {state: erased}}",
    }
    write(book_dir, {f"customers/{handle}.yaml": f"name: N\n{text}\n" for handle, text in people.items()})
    found = dict(permission.suspects(Book(book_dir)))
    assert sorted(found) == ["ada", "eve", "gil", "ida"]
    assert found["eve"]["do_not_contact"] == ["sms"]
