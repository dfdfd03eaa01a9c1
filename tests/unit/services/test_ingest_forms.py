"""Web forms: who is new becomes a lead with proof of what they agreed to; nobody else is changed by a form."""

from __future__ import annotations

import json
from datetime import UTC
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING
from typing import Any

import pytest
from helpers.books import commit
from hypothesis import HealthCheck
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from crmctl import clock
from crmctl.errors import NotFound
from crmctl.services.book import Book
from crmctl.services.ingest import formfiles
from crmctl.services.ingest import forms

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.services.ingest.forms import Forms

WORDS = "Yes, send me the newsletter."


@pytest.fixture
def root(book_dir: Path) -> Path:
    clock.freeze(datetime(2026, 11, 22, 10, tzinfo=UTC))
    gone = "consent: {newsletter: {state: withdrawn, date: 2026-01-01}}\n"
    commit(
        book_dir,
        {
            "customers/ada.yaml": "name: Ada\nemails: [ada@example.com]\n",
            "customers/cyd.yaml": f"name: Cyd\nemails: [cyd@example.com]\n{gone}",
            "customers/bob.yaml": "name: Bob\nemails: [info@firm.example]\n",
            "customers/firm.yaml": "name: Firm\nemails: [info@firm.example]\n",
        },
    )
    return book_dir


def submission(**fields: Any) -> dict[str, Any]:
    return {"id": "sub-0001", "at": "2026-11-22T09:00:00Z", "name": "Eve Adams", "email": "eve@example.com", **fields}


def take(root: Path, *values: Any, again: bool = False) -> Forms:
    folder = root.parent / "drops"
    folder.mkdir(exist_ok=True)
    if not again:
        for path in folder.iterdir():
            path.unlink()
    for number, value in enumerate(values):
        (folder / f"{number}.json").write_text(value if isinstance(value, str) else json.dumps(value))
    return forms.take_in(Book(root), folder)


def record(root: Path, handle: str, kind: str = "customer") -> dict[str, Any]:
    book = Book(root)
    data = book.index.data(book.schema.require(kind), handle)
    assert data is not None
    return data


def tasks(root: Path) -> list[str]:
    return [str(what) for (what,) in Book(root).index.rows("SELECT what FROM followups ORDER BY what")]


def consent(**more: Any) -> dict[str, Any]:
    return {"purpose": "newsletter", "granted": True, "wording": WORDS, **more}


def proven(**more: Any) -> dict[str, Any]:
    return consent(confirmed="2026-11-22T09:30:00Z", proof="access.log 2026-11-22 line 17", **more)


def test_somebody_new_becomes_a_lead_with_proof_of_consent(root: Path) -> None:
    done = take(root, submission(message="Call me", consent=proven(), budget=500, company_size="2"))
    assert (done.counts, done.refused) == ({"new": 1}, ())
    data = record(root, "eve-adams")
    assert (data["lifecycle"], data["emails"], data["external"]) == ("lead", ["eve@example.com"], {"form": "sub-0001"})
    entry = data["consent"]["newsletter"]
    assert (entry["state"], entry["date"], entry["wording"]) == ("granted", "2026-11-22", WORDS)
    assert sha256(WORDS.encode()).hexdigest() in entry["evidence"]
    (line,) = (root / "records/interactions/eve-adams.jsonl").read_text().splitlines()
    assert "Call me\\n\\nbudget: 500\\ncompany_size: 2" in line
    assert "access.log 2026-11-22 line 17" in entry["evidence"]
    assert tasks(root) == []


def test_a_form_that_proves_nothing_grants_nothing(root: Path) -> None:
    take(root, submission(consent=consent()), submission(id="sub-0002", email="ada@example.com", consent=consent()))
    assert "consent" not in record(root, "eve-adams")
    assert "consent" not in record(root, "ada")
    assert tasks(root) == ["Ask by mail whether they want newsletter: a web form says so"] * 2
    assert WORDS in (root / "records/interactions/eve-adams.jsonl").read_text()


def test_a_link_in_a_mail_proves_no_telephone_number(root: Path) -> None:
    take(root, submission(phone="+4930123456", consent=proven(channels=["sms", "email"])))
    assert record(root, "eve-adams")["consent"]["newsletter"]["channels"] == ["email"]
    assert tasks(root) == ["Ask whether they want newsletter by sms: a web form says so"]
    (notes,) = [str(text) for (text,) in Book(root).index.rows("SELECT data FROM followups_raw")]
    assert "crmctl consent grant eve-adams newsletter --channel sms --how call" in notes


@pytest.mark.parametrize(
    ("more", "asked"),
    [({"consent": proven(channels=["sms"])}, "sms"), ({"consent": proven(), "email": ""}, "email")],
)
def test_consent_for_another_channel_is_none_for_mail(root: Path, more: dict[str, Any], asked: str) -> None:
    take(root, submission(phone="+4930123456", **more))
    assert "consent" not in record(root, "eve-adams")
    assert tasks(root) == [f"Ask whether they want newsletter by {asked}: a web form says so"]


@pytest.mark.parametrize("half", [{"confirmed": "2026-11-22T09:30:00Z"}, {"proof": "trust me"}])
def test_half_a_proof_is_named(root: Path, half: dict[str, str]) -> None:
    (refused,) = take(root, submission(consent=consent(**half))).refused
    assert "confirmed" in refused.why


def test_a_proof_from_the_future_is_none(root: Path) -> None:
    late = consent(confirmed="2099-11-22T09:30:00Z", proof="access.log line 17")
    (refused,) = take(root, submission(consent=late)).refused
    assert "still to come" in refused.why


def test_the_end_of_a_number_is_nobody(root: Path) -> None:
    commit(root, {"customers/far.yaml": "name: Far\nphones: ['+1 305 5550118']\n"})
    take(
        root, {"id": "sub-0009", "name": "Near", "phone": "+49 30 55501180"}, {"id": "sub-0010", "phone": "305 5550118"}
    )
    assert not (root / "records/interactions/far.jsonl").exists()


def test_a_submission_counts_once(root: Path) -> None:
    first = submission()
    assert take(root, first, first).counts == {"new": 1, "known": 1}
    again = take(root, again=True)
    assert (again.counts, again.written.commit) == ({"known": 2, "new": 0}, "")


def test_without_an_id_the_content_is_the_id(root: Path) -> None:
    without = {name: value for name, value in submission().items() if name != "id"}
    take(root, without)
    assert take(root, without, {**without, "message": "more"}).counts == {"known": 1, "new": 1}
    assert len(Book(root).index.rows("SELECT 1 FROM customers WHERE handle LIKE 'eve%'")) == 1


def test_without_a_time_it_is_when_the_file_was_written(root: Path) -> None:
    import os

    folder = root.parent / "drops"
    folder.mkdir()
    (folder / "one.json").write_text(json.dumps({**submission(), "at": ""}))
    os.utime(folder / "one.json", (1_700_000_000, 1_700_000_000))
    forms.take_in(Book(root), folder)
    line = json.loads((root / "records/interactions/eve-adams.jsonl").read_text())
    assert datetime.fromisoformat(line["at"]) == datetime.fromtimestamp(1_700_000_000, UTC)


def test_a_name_with_line_breaks_is_one_line_and_a_mail_address_with_them_is_none(root: Path) -> None:
    broken = {"name": "Eve\r\nBcc: x@y.example\u2028\u202etxt", "message": "Hi\r\n\x1b[31mthere\x00"}
    done = take(root, submission(**broken), submission(id="sub-0002", email="eve@example.com\r\nBcc: z@y.example"))
    assert [one.why for one in done.refused] == ["has an email that cannot be one"]
    (handle,) = done.written.handles
    assert record(root, handle)["name"] == "Eve Bcc: x@y.example txt"
    text = json.loads((root / f"records/interactions/{handle}.jsonl").read_text())["text"]
    assert text == "Hi\n[31mthere"


def test_a_case_is_opened(root: Path) -> None:
    take(root, submission(case="complaint", subject="It broke", message="Yesterday"))
    (handle,) = [str(name) for (name,) in Book(root).index.rows("SELECT handle FROM cases")]
    case = record(root, handle, "case")
    assert (case["name"], case["customer"], case["type"], case["status"]) == (
        "It broke",
        "eve-adams",
        "complaint",
        "open",
    )


def test_programs_are_caught_by_what_people_do_not_see(root: Path) -> None:
    done = take(root, submission(website="http://spam.example"))
    assert (done.counts, done.written.commit) == ({"spam": 1, "new": 0}, "")


def test_somebody_known_is_not_changed_but_for_a_first_consent(root: Path) -> None:
    before = record(root, "ada")
    take(root, submission(email="ADA@example.com", name="Somebody Else", phone="+4930123456", consent=proven()))
    after = record(root, "ada")
    assert after.pop("consent")["newsletter"]["how"] == "web form, confirmed by mail"
    assert {name: value for name, value in after.items() if name != "id"} == before


def test_a_withdrawal_is_never_undone_by_a_form(root: Path) -> None:
    take(root, submission(email="cyd@example.com", consent=consent()))
    assert record(root, "cyd")["consent"]["newsletter"]["state"] == "withdrawn"
    assert tasks(root) == ["Ask by mail whether they really want newsletter again: a web form says so"]


def test_an_address_of_two_is_a_follow_up(root: Path) -> None:
    take(root, submission(email="info@firm.example", message="Hello"))
    assert tasks(root) == ["Say whose web form it is"]


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("{", "JSON"),
        ("[]", "no object"),
        ('{"id": "sub-0001", "id": "sub-0002"}', "JSON"),
        ("[" * 100_000, "JSON"),
        (submission(email="", phone=""), "neither"),
        (submission(email="eve@"), "email"),
        (submission(phone="call me"), "phone"),
        (submission(at="noon"), "time"),
        (submission(case="spam"), "case"),
        (submission(id="1"), "too short"),
        (submission(consent=consent(purpose="world domination")), "purpose"),
        (submission(consent=consent(wording="")), "words"),
        (submission(consent=consent(channels=["telex"])), "channels that there are not"),
        (submission(consent=consent(channels=[["email"]])), "channels that there are not"),
        (submission(consent="yes"), "consent"),
    ],
)
def test_what_cannot_be_taken_is_told_and_the_rest_is_taken(root: Path, value: Any, why: str) -> None:
    done = take(root, value, submission(id="sub-0002", email="good@example.com"))
    assert done.counts["new"] == 1
    assert [(one.file, why in one.why) for one in done.refused] == [("0.json", True)]


def test_a_box_that_was_not_ticked_is_no_consent(root: Path) -> None:
    take(root, submission(consent=consent(granted=False)))
    assert "consent" not in record(root, "eve-adams")


def test_links_are_not_followed(root: Path) -> None:
    folder = root.parent / "drops"
    folder.mkdir()
    (root.parent / "secret").write_text(json.dumps(submission()))
    (folder / "x.json").symlink_to(root.parent / "secret")
    done = forms.take_in(Book(root), folder)
    assert (done.counts["new"], len(done.refused)) == (0, 1)
    with pytest.raises(NotFound):
        forms.take_in(Book(root), folder / "nothing")


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from([*formfiles.TEXTS, "consent", "website", "other"]), _json))
def test_any_json_can_be_dropped(root: Path, value: dict[str, Any]) -> None:
    folder = root.parent / "any"
    folder.mkdir(exist_ok=True)
    (folder / "x.json").write_text(json.dumps({"email": "eve@example.com", **value}))
    forms.take_in(Book(root), folder, dry_run=True)
