from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from helpers.both_ways import merge_both_ways
from helpers.both_ways import three_records

from crmctl.merge.outcome import Clash
from crmctl.merge.outcome import Value
from crmctl.model.kinds import CASE
from crmctl.model.kinds import CUSTOMER
from crmctl.model.kinds import DEAL
from crmctl.model.kinds import ENROLMENT
from crmctl.model.kinds import FOLLOWUP
from crmctl.model.kinds import SEQUENCE

if TYPE_CHECKING:
    from crmctl.model.fields import Kind
    from crmctl.model.raw import Raw
    from crmctl.model.raw import RawMap


def record(name: str, value: Value) -> RawMap:
    return {} if value is None else {name: value}


def check_joined(kind: Kind, name: str, base: Value, ours: Value, theirs: Value, merged: Value) -> None:
    done = merge_both_ways(kind, *three_records(name, base, ours, theirs))
    assert done == (record(name, merged), ())


def check_asked(kind: Kind, name: str, base: Value, ours: Value, theirs: Value) -> None:
    """The field as a whole is asked; what is answered stands."""
    sides = three_records(name, base, ours, theirs)
    done = merge_both_ways(kind, *sides)
    assert done == (record(name, ours), (Clash((name,), (name,), base, ours, theirs),))
    for answer in (ours, theirs, base, None, "new"):
        assert merge_both_ways(kind, *sides, {(name,): answer}) == (record(name, answer), ())


# Sets


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "merged"),
    [
        (["a"], ["a", "b"], ["a", "c"], ["a", "b", "c"]),
        (["a"], ["a", "c"], ["a", "b"], ["a", "b", "c"]),
        (["a"], ["b"], ["a", "c"], ["b", "c"]),
        (["a", "b"], ["a"], ["b"], None),
        (["a", "b"], ["b", "a"], ["a", "b", "c"], ["b", "c", "a"]),
        (None, ["b"], ["a"], ["a", "b"]),
        ([], ["b"], ["a"], ["a", "b"]),
        ([], None, ["a"], ["a"]),
        (None, [], ["a"], ["a"]),
        (["a"], [], None, None),
        (["a"], None, ["a", "b"], ["b"]),
        (["a"], [], ["a", "b"], ["b"]),
        (["a"], ["a"], [], []),  # one side alone: as it is
        (["a"], ["a", ""], ["a", "b"], ["a", "", "b"]),
    ],
)
def test_sets(base: Value, ours: Value, theirs: Value, merged: Value) -> None:
    check_joined(CUSTOMER, "tags", base, ours, theirs, merged)


@pytest.mark.parametrize(
    ("base", "ours", "theirs"),
    [
        (["a", "b", "c"], ["c", "b", "a"], ["b", "a", "c"]),
        (["a"], ["a", "b", "b"], ["a", "c"]),
        (["a", "a"], ["a", "b"], ["a", "c"]),
        (["a"], ["a", ["b"]], ["a", "c"]),
        (["a"], ["a", {"b": "c"}], ["a", "c"]),
        (["a"], "b", ["a", "c"]),
        ("a", ["b"], ["a", "c"]),
        (["a"], {"b": "c"}, ["a", "c"]),
        (None, "b", "c"),
    ],
)
def test_sets_that_are_a_question(base: Value, ours: Value, theirs: Value) -> None:
    check_asked(CUSTOMER, "emails", base, ours, theirs)


# Maps and lists with keys


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "merged"),
    [
        ({"a": "1"}, {"a": "2"}, {"a": "1", "b": "3"}, {"a": "2", "b": "3"}),
        ({"a": "1", "b": "1"}, {"b": "2"}, {"a": "1", "b": "1", "c": "1"}, {"b": "2", "c": "1"}),
        (None, {"a": "1"}, {"b": "1"}, {"a": "1", "b": "1"}),
        ({"a": "1"}, None, {"a": "1", "b": "1"}, {"b": "1"}),
        ({"a": "1"}, {}, {"a": "1", "b": "1"}, {"b": "1"}),
        ({"a": "1", "b": "1"}, {"a": "1"}, {"b": "1"}, None),
        ({"a": "1", "b": "1"}, {"a": "2"}, {"a": "2", "b": "2"}, None),
    ],
)
def test_maps(base: Value, ours: Value, theirs: Value, merged: Value) -> None:
    if merged is None and isinstance(theirs, dict) and "a" in theirs:
        done = merge_both_ways(CUSTOMER, record("external", base), record("external", ours), record("external", theirs))
        assert done.clashes == (Clash(("external", "b"), ("external",), "1", None, "2"),)
        assert done.data == {"external": {"a": "2"}}
    else:
        check_joined(CUSTOMER, "external", base, ours, theirs, merged)


def test_entries_that_both_changed_are_questions() -> None:
    base: RawMap = {"external": {"a": "1", "b": "1", "c": "1"}}
    ours: RawMap = {"external": {"a": "2", "b": "2", "c": "1", "d": "1"}}
    theirs: RawMap = {"external": {"a": "3", "c": "2", "d": "2"}}
    merged = merge_both_ways(CUSTOMER, base, ours, theirs)
    assert merged.clashes == (
        Clash(("external", "a"), ("external",), "1", "2", "3"),
        Clash(("external", "b"), ("external",), "1", "2", None),
        Clash(("external", "d"), ("external",), None, "1", "2"),
    )
    assert merged.data == {"external": {"a": "2", "b": "2", "c": "2", "d": "1"}}
    answers: dict[tuple[str, ...], Value] = {("external", "a"): "3", ("external", "b"): None, ("external", "d"): "9"}
    answered = merge_both_ways(CUSTOMER, base, ours, theirs, answers)
    assert answered == ({"external": {"a": "3", "c": "2", "d": "9"}}, ())
    some = merge_both_ways(CUSTOMER, base, ours, theirs, {("external", "a"): "3"})
    assert [clash.path for clash in some.clashes] == [("external", "b"), ("external", "d")]


@pytest.mark.parametrize("odd", ["a", ["a"]])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_map_that_is_none_is_a_scalar(odd: Value, place: int) -> None:
    values: list[Value] = [{"a": "1"}, {"a": "2"}, {"a": "3"}]
    values[place] = odd
    check_asked(CUSTOMER, "external", *values)


BOB: RawMap = {"customer": "bob", "role": "friend"}
BOB_2: RawMap = {"customer": "bob", "role": "boss"}
BOB_3: RawMap = {"customer": "bob"}
CARL: RawMap = {"customer": "carl"}
DORA: RawMap = {"customer": "dora"}


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "merged"),
    [
        ([BOB], [BOB, CARL], [BOB, DORA], [BOB, CARL, DORA]),
        ([BOB], [BOB_2], [BOB, DORA], [BOB_2, DORA]),
        ([BOB, CARL], [CARL], [BOB, CARL, DORA], [CARL, DORA]),
        (None, [DORA], [CARL], [CARL, DORA]),
        ([BOB], None, [BOB, CARL], [CARL]),
        ([BOB], [], None, None),
        ([BOB, CARL], [CARL, BOB_2], [DORA, BOB, CARL], [DORA, CARL, BOB_2]),
        # A removed entry in a run does not count for the order of the runs.
        ([BOB, CARL], [CARL, {"customer": "z"}], [BOB, {"customer": "y"}], [{"customer": "y"}, {"customer": "z"}]),
    ],
)
def test_lists_with_a_key(base: Value, ours: Value, theirs: Value, merged: Value) -> None:
    check_joined(CUSTOMER, "relations", base, ours, theirs, merged)


def test_an_entry_that_both_changed_is_a_question() -> None:
    sides = three_records("relations", [BOB, CARL], [BOB_2, CARL], [BOB_3, DORA, CARL])
    merged = merge_both_ways(CUSTOMER, *sides)
    clash = Clash(("relations", "bob"), ("relations",), BOB, BOB_2, BOB_3)
    assert merged == ({"relations": [BOB_2, DORA, CARL]}, (clash,))
    answered = merge_both_ways(CUSTOMER, *sides, {("relations", "bob"): None})
    assert answered == ({"relations": [DORA, CARL]}, ())
    answered = merge_both_ways(CUSTOMER, *sides, {("relations", "bob"): BOB_3})
    assert answered == ({"relations": [BOB_3, DORA, CARL]}, ())


def test_removed_here_and_changed_there_is_a_question() -> None:
    sides = three_records("relations", [BOB, CARL], [CARL], [CARL, BOB_2])
    merged = merge_both_ways(CUSTOMER, *sides)
    assert merged == ({"relations": [CARL]}, (Clash(("relations", "bob"), ("relations",), BOB, None, BOB_2),))
    assert merge_both_ways(CUSTOMER, *sides, {("relations", "bob"): BOB_2}).data == {"relations": [CARL, BOB_2]}


@pytest.mark.parametrize(
    ("base", "ours", "theirs"),
    [
        ([BOB, CARL, DORA], [DORA, CARL, BOB], [CARL, BOB, DORA]),  # two orders
        ([BOB, CARL, DORA], [DORA, CARL, BOB_2], [CARL, BOB_3, DORA]),  # and entries in question: the whole is asked
        ([BOB], [BOB, BOB_2], [BOB, CARL]),
        ([BOB], [BOB, {"role": "x"}], [BOB, CARL]),
        ([BOB], [BOB, {"customer": "", "role": "x"}], [BOB, CARL]),
        ([BOB], [BOB, {"customer": ["x"]}], [BOB, CARL]),
        ([BOB], [BOB, "carl"], [BOB, CARL]),
        ([BOB, BOB], [BOB_2], [BOB, CARL]),
        ([BOB], {"customer": "x"}, [BOB, CARL]),
        ([BOB], "bob", [BOB, CARL]),
        ("bob", [BOB], [CARL]),
        ([BOB], "", [BOB, CARL]),
        ([BOB], {}, [BOB, CARL]),
    ],
)
def test_other_lists_of_groups_are_scalars(base: Value, ours: Value, theirs: Value) -> None:
    check_asked(CUSTOMER, "relations", base, ours, theirs)


def test_lines_are_told_apart_by_their_product() -> None:
    base: Raw = [{"product": "a", "quantity": "1"}, {"product": "b"}]
    ours: Raw = [{"product": "a", "quantity": "2"}, {"product": "b"}]
    theirs: Raw = [{"product": "a", "quantity": "1"}, {"product": "b", "quantity": "5"}]
    check_joined(
        DEAL, "lines", base, ours, theirs, [{"product": "a", "quantity": "2"}, {"product": "b", "quantity": "5"}]
    )


# Units


def test_an_address_is_one_value() -> None:
    base: RawMap = {"street": "High St 1", "city": "Bath"}
    check_asked(CUSTOMER, "address", base, {**base, "street": "High St 2"}, {**base, "city": "Wells"})
    check_asked(CUSTOMER, "address", base, {**base, "street": "High St 2"}, None)
    check_joined(
        CUSTOMER,
        "address",
        base,
        {**base, "city": "Wells"},
        {"city": "Wells", "street": "High St 1"},
        {**base, "city": "Wells"},
    )


def test_steps_are_one_value() -> None:
    step: RawMap = {"wait": "1d", "what": "call"}
    check_asked(SEQUENCE, "steps", [step], [step, {"wait": "2d", "what": "x"}], [step, {"wait": "3d", "what": "y"}])


# Lines


def test_notes_are_merged_by_line() -> None:
    check_joined(CUSTOMER, "notes", "a\nb\nc\n", "A\nb\nc\n", "a\nb\nC\n", "A\nb\nC\n")


@pytest.mark.parametrize(
    ("base", "ours", "theirs"),
    [
        ("a\n", "a\nfrom us\n", "a\nfrom them\n"),  # two appends: nothing is dropped
        ("", "from us\n", "from them\n"),
        (None, "from us\n", "from them\n"),
        ("a\nb\nc\n", None, "a\nb\nC\n"),
        ("a\nb\nc\n", ["a"], "a\nb\nC\n"),
        (["a"], "A\nb\n", "a\nB\n"),
    ],
)
def test_notes_that_are_a_question(base: Value, ours: Value, theirs: Value) -> None:
    check_asked(CUSTOMER, "notes", base, ours, theirs)


# Append


def step(stage: str, at: str) -> RawMap:
    return {"stage": stage, "at": at}


LEAD = step("lead", "2026-01-01")
OFFER = step("offer", "2026-02-01")
WON = step("won", "2026-03-01")
LOST = step("lost", "2026-03-01")


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "merged"),
    [
        ([LEAD], [LEAD, WON], [LEAD, OFFER], [LEAD, OFFER, WON]),
        ([LEAD], [LEAD, WON], [LEAD, LOST], [LEAD, LOST, WON]),
        ([LEAD, WON, LOST], [LEAD, WON, LOST, OFFER], [WON, LOST], [OFFER, WON, LOST]),  # of one day: as in the base
        ([LEAD, WON], [LEAD, WON, LOST], [WON], [WON, LOST]),  # and those of the base first
        ([LEAD], [OFFER], [LEAD, WON], [OFFER, WON]),
        ([LEAD], [], None, None),
        (None, [WON], [LEAD], [LEAD, WON]),
        ([LEAD], [{"stage": "x"}, LEAD], [LEAD, WON], [{"stage": "x"}, LEAD, WON]),
        ([LEAD], [LEAD, {"stage": "x", "at": ["9"]}], [LEAD, WON], [{"stage": "x", "at": ["9"]}, LEAD, WON]),
        ([LEAD], [LEAD, {"at": "2026-03-01", "stage": "x"}], [LEAD, WON], [LEAD, WON, step("x", "2026-03-01")]),
    ],
)
def test_logs_grow(base: Value, ours: Value, theirs: Value, merged: Value) -> None:
    check_joined(DEAL, "stage_log", base, ours, theirs, merged)


def test_alike_is_what_says_the_same_in_any_order() -> None:
    ours: Raw = [LEAD, {"at": "2026-02-01", "stage": "offer"}]
    check_joined(DEAL, "stage_log", [LEAD], ours, [LEAD, OFFER, WON], [LEAD, OFFER, WON])


@pytest.mark.parametrize(
    ("base", "ours", "theirs"),
    [
        ([LEAD], [LEAD, LEAD], [LEAD, WON]),
        ([LEAD, LEAD], [LEAD], [LEAD, WON]),
        ([LEAD], [LEAD, "won"], [LEAD, WON]),
        ([LEAD], "won", [LEAD, WON]),
        ("lead", [LEAD], [LEAD, WON]),
        ([LEAD], LEAD, [LEAD, WON]),
    ],
)
def test_other_logs_are_scalars(base: Value, ours: Value, theirs: Value) -> None:
    check_asked(DEAL, "stage_log", base, ours, theirs)


# Done


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "merged"),
    [
        (None, "2026-03-02", "2026-03-01", "2026-03-01"),
        ("2026-01-01", None, "2026-03-01", "2026-03-01"),
        ("2026-05-01", "2026-04-01", "2026-10-01", "2026-04-01"),
    ],
)
def test_the_earlier_day_stands(base: Value, ours: Value, theirs: Value, merged: Value) -> None:
    check_joined(FOLLOWUP, "done", base, ours, theirs, merged)


@pytest.mark.parametrize("odd", ["", "yes", "2026-3-1", "2026-02-30", "20260301", ["2026-03-01"], {}])
def test_what_is_no_day_is_a_question(odd: Raw) -> None:
    check_asked(FOLLOWUP, "done", None, odd, "2026-03-01")
    check_asked(FOLLOWUP, "done", "2026-01-01", odd, None)


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "merged"),
    [
        ("open", "closed", "solved", "closed"),
        ("open", "closed", "waiting", "closed"),
        ("open", "solved", "waiting", "solved"),
        ("waiting", "open", "solved", "solved"),
        ("solved", "open", "closed", "closed"),
        ("closed", "solved", "open", "solved"),
        ("open", "Closed", "solved", "Closed"),
        (None, "open", "closed", "closed"),
    ],
)
def test_a_case_that_is_done_stays_done(base: Value, ours: Value, theirs: Value, merged: Value) -> None:
    check_joined(CASE, "status", base, ours, theirs, merged)


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "merged"),
    [
        (None, "reply: wrote", "finished: all steps were taken", "reply: wrote"),
        (None, "reply: wrote", "opt-out: wants no more", "opt-out: wants no more"),
        (None, "reply: wrote", "asked on the phone", "reply: wrote"),
        (None, "asked on the phone", "Finished: all", "asked on the phone"),
        (None, "asked on the phone", "is ill", "asked on the phone"),
        (None, "reply: wrote on 2026-03-04", "reply: wrote on 2026-03-02", "reply: wrote on 2026-03-02"),
        ("stopped by hand", None, "reply: wrote", "reply: wrote"),
        ("stopped by hand", "", "finished", ""),
    ],
)
def test_the_strongest_reason_stands(base: Value, ours: Value, theirs: Value, merged: Value) -> None:
    check_joined(ENROLMENT, "reason", base, ours, theirs, merged)


@pytest.mark.parametrize("name", ["reason", "outcome"])
@pytest.mark.parametrize("kind", [ENROLMENT, FOLLOWUP])
def test_a_reason_or_an_outcome_that_is_no_text_is_a_question(kind: Kind, name: str) -> None:
    if kind.field(name) is not None:
        check_asked(kind, name, None, ["reply"], "reply: wrote")
        check_asked(kind, name, "a", {"b": "c"}, None)


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "merged"),
    [
        (None, "signed", "in touch", "in touch; signed"),
        ("a", "a; c", "b; a", "a; b; c"),
        ("a", None, "b", "b"),
        ("a", "", "b", "b"),
        ("a", None, "", ""),
    ],
)
def test_what_both_say_of_a_follow_up_stands(base: Value, ours: Value, theirs: Value, merged: Value) -> None:
    check_joined(FOLLOWUP, "outcome", base, ours, theirs, merged)


@pytest.mark.parametrize(
    ("base", "ours", "theirs"),
    [
        ("solved", "open", "waiting"),
        ("open", "closed", None),
        ("solved", None, "open"),
        ("open", "closed", "parked"),
        ("open", "closed", ["solved"]),
        ("open", "closed", "CLOSED"),
        (None, "", "closed"),
    ],
)
def test_other_states_are_a_question(base: Value, ours: Value, theirs: Value) -> None:
    check_asked(CASE, "status", base, ours, theirs)
