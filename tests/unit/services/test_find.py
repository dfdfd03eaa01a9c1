"""Finding anything, best first."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from crmctl import clock
from crmctl.services import find as finding
from crmctl.services.book import Book
from crmctl.services.find import find

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def book(sample_dir: Path) -> Book:
    return Book(sample_dir)


def _named(book: Book, text: str, limit: int = 50) -> list[tuple[str, str]]:
    """(kind, handle) of each hit; an interaction by its customer and day."""
    hits = find(book, text, limit=limit)
    return [
        (hit.kind, f"{hit.customer} {hit.date}") if hit.kind == "interaction" else (hit.kind, hit.handle)
        for hit in hits
    ]


def _letters(book_dir: Path, texts: list[str]) -> Book:
    """A book whose one customer had a letter a day, the first text on 2026-01-01."""
    clock.freeze(datetime.fromisoformat("2026-03-02T10:00:00+01:00"))
    folder = book_dir / "records"
    (folder / "customers").mkdir(parents=True)
    (folder / "interactions").mkdir()
    (folder / "customers/ada.yaml").write_text("name: Ada\n")
    lines = [
        json.dumps({"id": f"{day:026}", "at": f"2026-01-{day:02}T10:00:00+01:00", "type": "letter", "text": text})
        for day, text in enumerate(texts, 1)
    ]
    # The file's order is not that of time, as after a merge.
    (folder / "interactions/ada.jsonl").write_text("\n".join(lines[::2] + lines[1::2]) + "\n")
    return Book(book_dir)


def test_records_come_before_interactions_and_these_newest_first(book: Book) -> None:
    assert _named(book, "clause") == [
        ("followup", "new-clause-4"),
        ("deal", "embraer-cabin-music"),
        ("interaction", "luis-goncalves 2012-01-12"),
        ("interaction", "luis-goncalves 2012-01-12"),
    ]


def test_accents_and_case_do_not_matter(book: Book) -> None:
    assert _named(book, "GONCALVES")[0] == ("customer", "luis-goncalves")
    assert _named(book, "gonçalves")[0] == ("customer", "luis-goncalves")


def test_the_exact_name_comes_first(book: Book) -> None:
    assert _named(book, "jazz")[0] == ("product", "jazz")
    assert _named(book, "Rock")[0] == ("product", "rock")
    assert _named(book, "frank harris")[0] == ("customer", "frank-harris")


def test_a_handle_and_its_start_are_found(book: Book) -> None:
    assert _named(book, "embraer-cabin-music")[0] == ("deal", "embraer-cabin-music")
    assert _named(book, "embraer-ca")[0] == ("deal", "embraer-cabin-music")


def test_every_word_must_be_in_one_record(book: Book) -> None:
    assert _named(book, "legal clause") == [("interaction", "luis-goncalves 2012-01-12")]
    assert _named(book, "clause jazz") == []


def test_words_of_the_name_count_more_than_words_elsewhere(book: Book) -> None:
    names = [handle for kind, handle in _named(book, "mark") if kind == "customer"]
    assert names[:2] == ["mark-philips", "mark-taylor"]


@pytest.mark.parametrize("text", ["+1 305 555 0118", "(305) 555-0118", "3055550118", "0013055550118", "305.555.0118"])
def test_a_phone_number_is_found_in_any_notation(book: Book, text: str) -> None:
    assert _named(book, text) == [("customer", "luis-goncalves")]


def test_a_number_in_a_field_of_its_own_is_found_too(book: Book) -> None:
    hits = find(book, "403-555-0112")
    assert [(hit.kind, hit.handle, hit.where) for hit in hits] == [
        ("member", "jane-peacock", "phone: +1 403 555 0112"),
    ]


def test_short_words_are_found(book: Book) -> None:
    assert ("case", "jukebox-needs-wav") in _named(book, "wa")
    assert ("deal", "embraer-cabin-music") in _named(book, "4 clause")


def test_own_kinds_are_searched(book: Book) -> None:
    assert _named(book, "northern lights")[0] == ("vendor", "northern-lights-music")


def test_where_shows_the_text_around_a_hit_with_its_field(book: Book) -> None:
    where = find(book, "answer slowly")[0].where
    assert where.startswith("notes: Decides with Legal, who answer slowly in January.")
    assert find(book, "new clause")[1].where == "next step: Send the new clause 4"


def test_where_does_not_repeat_what_the_title_says(book: Book) -> None:
    found = find(book, "goncalves")[0]
    assert (found.title, found.where) == ("Luís Gonçalves", "")


def test_nothing_is_found_for_nothing(book: Book) -> None:
    assert find(book, "   ") == []
    assert find(book, "zzzzz") == []


@pytest.mark.parametrize("text", ['"', "'", '" OR "a', "a* NEAR(b)", "-- ;", "\x00abc", "%", "body:x"])
def test_signs_of_query_languages_are_just_signs(book: Book, text: str) -> None:
    assert all(hit.handle for hit in find(book, text))


def test_the_limit_holds_over_all(book: Book) -> None:
    assert _named(book, "order", limit=9) == _named(book, "order")[:9]
    assert len(find(book, "order", limit=2)) == 2


@pytest.mark.parametrize("back", [2, 4, 50])
def test_a_common_word_is_found_however_far_back(book_dir: Path, monkeypatch: pytest.MonkeyPatch, back: int) -> None:
    book = _letters(book_dir, [f"tea number {day}" if day < 8 else "coffee" for day in range(1, 11)])
    monkeypatch.setattr(finding, "MANY", 7)
    expected = [("interaction", f"ada 2026-01-{day:02}") for day in range(7, 0, -1)]
    assert _named(book, "tea number") == expected
    monkeypatch.setattr(finding, "MANY", 6)
    monkeypatch.setattr(finding, "BACK", back)
    assert _named(book, "tea number") == expected
    assert _named(book, "te") == expected
    assert len(find(book, "tea number", limit=3)) == 3


def test_the_snippet_is_one_line_around_the_hit_in_the_letters_of_the_text(book_dir: Path) -> None:
    text = "One  two\nthree. " * 10 + "Straße und CAFÉ, dann " + "noch mehr Wörter " * 10
    hit = find(_letters(book_dir, [text]), "cafe")[0]
    assert "Straße und CAFÉ, dann" in hit.where
    assert hit.where.startswith("…")
    assert hit.where.endswith("…")
    assert "\n" not in hit.where
    assert len(hit.where) <= finding.SNIPPET + 2
