from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from helpers.both_ways import merge_both_ways
from helpers.both_ways import three_records

from crmctl.merge.outcome import Answers
from crmctl.merge.outcome import Clash
from crmctl.merge.outcome import Value
from crmctl.model.kinds import CUSTOMER

if TYPE_CHECKING:
    from crmctl.model.raw import Raw
    from crmctl.model.raw import RawMap

GRANTED: RawMap = {"state": "granted", "date": "2026-01-01"}
AGAIN: RawMap = {"state": "granted", "date": "2026-04-01"}
WITHDRAWN: RawMap = {"state": "withdrawn", "date": "2026-03-01"}
OBJECTED: RawMap = {"state": "objected", "date": "2026-02-01", "how": "phone"}
ERASED: RawMap = {"state": "erased"}


def follows(text: str) -> RawMap:
    return {**AGAIN, "follows": text}


def consent(entry: Value) -> RawMap:
    return {} if entry is None else {"consent": {"news": entry}}


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "merged"),
    [
        (GRANTED, WITHDRAWN, AGAIN, WITHDRAWN),
        (GRANTED, WITHDRAWN, OBJECTED, OBJECTED),
        (GRANTED, WITHDRAWN, ERASED, ERASED),
        (GRANTED, OBJECTED, ERASED, ERASED),
        (GRANTED, OBJECTED, AGAIN, OBJECTED),
        (GRANTED, ERASED, AGAIN, ERASED),
        (None, WITHDRAWN, GRANTED, WITHDRAWN),
        (ERASED, WITHDRAWN, GRANTED, WITHDRAWN),
        (GRANTED, {"state": "Withdrawn"}, AGAIN, {"state": "Withdrawn"}),
        (GRANTED, {"state": "withdrawn"}, {"state": "paused"}, {"state": "withdrawn"}),
        (GRANTED, WITHDRAWN, {"date": "2026-09-09"}, WITHDRAWN),
        (GRANTED, WITHDRAWN, {"state": ["erased"]}, WITHDRAWN),
        # The whole entry wins, and whatever the dates say.
        (GRANTED, {**WITHDRAWN, "how": "letter"}, {**AGAIN, "how": "form"}, {**WITHDRAWN, "how": "letter"}),
        # A grant that names the withdrawal.
        (GRANTED, WITHDRAWN, follows("withdrawn 2026-03-01"), follows("withdrawn 2026-03-01")),
        (
            GRANTED,
            {**WITHDRAWN, "state": "WITHDRAWN"},
            follows("withdrawn 2026-03-01"),
            follows("withdrawn 2026-03-01"),
        ),
        (WITHDRAWN, {**WITHDRAWN, "how": "x"}, follows("withdrawn 2026-03-01"), follows("withdrawn 2026-03-01")),
        # A grant that does not.
        (GRANTED, WITHDRAWN, follows("withdrawn 2026-03-02"), WITHDRAWN),
        (GRANTED, WITHDRAWN, follows("2026-03-01"), WITHDRAWN),
        (GRANTED, WITHDRAWN, follows("withdrawn"), WITHDRAWN),
        (GRANTED, {"state": "withdrawn"}, follows("withdrawn"), {"state": "withdrawn"}),
        (GRANTED, {"state": "withdrawn"}, follows("withdrawn "), {"state": "withdrawn"}),
        (GRANTED, OBJECTED, follows("objected 2026-02-01"), OBJECTED),
        (GRANTED, WITHDRAWN, {**follows("withdrawn 2026-03-01"), "state": "paused"}, WITHDRAWN),
        (GRANTED, WITHDRAWN, {**AGAIN, "follows": ["withdrawn 2026-03-01"]}, WITHDRAWN),
        # A removed entry gives way to a stricter one.
        (GRANTED, None, WITHDRAWN, WITHDRAWN),
        (GRANTED, None, ERASED, ERASED),
        # One side alone may do what it wants.
        (WITHDRAWN, WITHDRAWN, AGAIN, AGAIN),
        (WITHDRAWN, WITHDRAWN, None, None),
    ],
)
def test_consent_only_tightens(base: Value, ours: Value, theirs: Value, merged: Value) -> None:
    done = merge_both_ways(CUSTOMER, consent(base), consent(ours), consent(theirs))
    assert done == (consent(merged), ())


@pytest.mark.parametrize(
    ("base", "ours", "theirs"),
    [
        (GRANTED, WITHDRAWN, {**WITHDRAWN, "date": "2026-03-02"}),
        (GRANTED, AGAIN, {**AGAIN, "how": "form"}),
        (GRANTED, OBJECTED, {**OBJECTED, "how": "letter"}),
        (GRANTED, AGAIN, {"state": "paused"}),
        (GRANTED, AGAIN, {"date": "2026-09-09"}),
        (GRANTED, AGAIN, None),
        (GRANTED, {"state": "paused"}, None),
        (None, GRANTED, AGAIN),
        (GRANTED, "withdrawn", AGAIN),
        (GRANTED, "withdrawn", WITHDRAWN),
        (GRANTED, ["withdrawn"], ERASED),
        (GRANTED, "withdrawn", None),
    ],
)
def test_what_is_not_stricter_is_a_question(base: Value, ours: Value, theirs: Value) -> None:
    done = merge_both_ways(CUSTOMER, consent(base), consent(ours), consent(theirs))
    assert done == (consent(ours), (Clash(("consent", "news"), ("consent",), base, ours, theirs),))
    answers: Answers = {("consent", "news"): theirs}
    answered = merge_both_ways(CUSTOMER, consent(base), consent(ours), consent(theirs), answers)
    assert answered == (consent(theirs), ())


def test_purposes_are_merged_one_by_one() -> None:
    base: Raw = {"news": GRANTED, "post": GRANTED, "sms": GRANTED}
    ours: Raw = {"news": WITHDRAWN, "post": GRANTED, "sms": AGAIN}
    theirs: Raw = {"news": AGAIN, "post": ERASED, "calls": GRANTED}
    merged = merge_both_ways(CUSTOMER, {"consent": base}, {"consent": ours}, {"consent": theirs})
    assert merged.clashes == (Clash(("consent", "sms"), ("consent",), GRANTED, AGAIN, None),)
    assert merged.data == {"consent": {"news": WITHDRAWN, "post": ERASED, "sms": AGAIN, "calls": GRANTED}}


@pytest.mark.parametrize(
    ("ours", "theirs", "merged"),
    [
        ({}, None, None),
        (None, {"news": GRANTED, "x": WITHDRAWN}, {"x": WITHDRAWN}),
        ({"y": ERASED}, {}, {"y": ERASED}),
    ],
)
def test_no_consent_at_all_is_an_empty_map(ours: Value, theirs: Value, merged: Value) -> None:
    done = merge_both_ways(CUSTOMER, *three_records("consent", {"news": GRANTED}, ours, theirs))
    assert done == ({} if merged is None else {"consent": merged}, ())


@pytest.mark.parametrize("odd", ["granted", ["granted"]])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_consent_that_is_no_map_is_a_scalar(odd: Value, place: int) -> None:
    values: list[Value] = [{"news": GRANTED}, {"news": WITHDRAWN}, {"news": AGAIN}]
    values[place] = odd
    merged = merge_both_ways(CUSTOMER, *three_records("consent", values[0], values[1], values[2]))
    assert merged.clashes == (Clash(("consent",), ("consent",), *values),)


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "merged"),
    [
        ([], ["email"], ["phone"], ["email", "phone"]),
        (None, ["phone"], ["email"], ["email", "phone"]),
        (["email"], None, ["email", "phone"], ["email", "phone"]),
        (["email"], ["phone"], [], ["phone"]),
        (["email"], ["email", "sms"], ["email", "letter"], ["email", "letter", "sms"]),
        (["sms", "email"], ["email", "sms", "visit"], ["all"], ["all", "email", "sms", "visit"]),
        (["email"], ["sms", "sms"], ["phone"], ["phone", "sms"]),
        ("email", ["sms"], ["phone"], ["phone", "sms"]),
        ("", [], ["email"], ["email"]),
        (["email"], [], None, None),
        (["email"], ["email"], [], []),
    ],
)
def test_do_not_contact_only_grows(base: Value, ours: Value, theirs: Value, merged: Value) -> None:
    sides = three_records("do_not_contact", base, ours, theirs)
    assert merge_both_ways(CUSTOMER, *sides) == ({} if merged is None else {"do_not_contact": merged}, ())


@pytest.mark.parametrize("odd", ["all", {"all": "yes"}, ["sms", ["all"]]])
def test_what_is_no_list_of_texts_is_a_question(odd: Raw) -> None:
    merged = merge_both_ways(CUSTOMER, {}, {"do_not_contact": odd}, {"do_not_contact": ["sms"]})
    assert merged.clashes == (Clash(("do_not_contact",), ("do_not_contact",), None, odd, ["sms"]),)
