"""Laws of merges, whatever the rules: nothing invented, nothing lost, the same from both sides, bytes left alone."""

from __future__ import annotations

import itertools
import random
import re
from typing import TYPE_CHECKING
from typing import Any

import pytest
from helpers import merge_judge as judge
from helpers import merge_oracle as oracle
from helpers import merge_strategies as strategies
from helpers.merge_edits import ID
from helpers.merge_texts import comments
from helpers.merge_texts import edited
from helpers.merge_texts import entries
from helpers.merge_texts import files
from helpers.merge_texts import styled
from hypothesis import assume
from hypothesis import example
from hypothesis import given
from hypothesis import strategies as st

from crmctl.errors import InvalidData
from crmctl.merge.records import merge_record
from crmctl.store import jsonl
from crmctl.store.merging import merge_file
from crmctl.store.yaml_reader import read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator

    from helpers.merge_oracle import Record
    from helpers.merge_strategies import Case

    from crmctl.merge.outcome import Clash
    from crmctl.merge.outcome import Merged

HISTORY = "records/interactions/ada.jsonl"
numbers = st.integers(0, 2**40)
QUESTION = re.compile(rb"(?ms)^<{9}[^\n]*\n(.*?)^(\|{9}[^\n]*\n.*?)^={9}[^\n]*\n(.*?)^>{9}[^\n]*(?:\n|\Z)")
cases = numbers.map(strategies.case)
histories = numbers.map(strategies.history_case)
# Interactions have no files of their own.
in_files = cases.filter(lambda case: case.kind != "interaction")


def merged_record(case: Case) -> Merged:
    return merge_record(strategies.kind_named(case.kind), case.base or {}, case.ours, case.theirs)


def read(data: bytes) -> Record:
    return dict(read_yaml(data, "x").data)


def facts(clashes: Iterable[Clash]) -> list[tuple[object, ...]]:
    """Questions in an order of their own, maps whatever the order of their keys."""
    return sorted((c.path, c.names, *map(oracle.as_text, (c.base, c.ours, c.theirs))) for c in clashes)


def lines_of(side: list[Record]) -> bytes:
    return b"".join(map(jsonl.write_line, side))


def read_lines(data: bytes) -> list[Record]:
    lines, problems = jsonl.read_lines(data, HISTORY)
    assert not problems
    return [dict(line.value) for line in lines]


# --- identity, same change, symmetry -----------------------------------------------------------------------------


@given(cases)
def test_a_side_that_changed_nothing_takes_the_other_to_the_byte(case: Case) -> None:
    path, base, ours, theirs = files(case)
    base = ours if base is None else base
    for side in (ours, theirs):
        assert merge_file(path, base, side, base) == (side, (), "")
        assert merge_file(path, base, base, side) == (side, (), "")


@given(cases)
def test_the_same_change_on_both_sides_is_that_change_to_the_byte(case: Case) -> None:
    path, base, ours, _ = files(case)
    assert merge_file(path, base, ours, ours) == (ours, (), "")


@given(histories)
def test_histories_that_one_side_changed_stay_to_the_byte(case: strategies.HistoryCase) -> None:
    assume(judge.history(case.base, case.ours, case.theirs) is not None)
    base, ours, theirs = map(lines_of, (case.base, case.ours, case.theirs))
    for side in (ours, theirs):
        assert merge_file(HISTORY, base, side, base) == (side, (), "")
        assert merge_file(HISTORY, base, base, side) == (side, (), "")
        assert merge_file(HISTORY, base, side, side) == (side, (), "")


@given(cases)
def test_records_merge_the_same_from_both_sides(case: Case) -> None:
    here = merged_record(case)
    there = merged_record(case._replace(ours=case.theirs, theirs=case.ours))
    assert facts(here.clashes) == facts(c._replace(ours=c.theirs, theirs=c.ours) for c in there.clashes)
    if not here.clashes:
        assert here.data == there.data


@given(cases)
def test_files_merge_the_same_from_both_sides(case: Case) -> None:
    path, base, ours, theirs = files(case)
    here, there = merge_file(path, base, ours, theirs), merge_file(path, base, theirs, ours)
    assert {c.path for c in here.clashes} == {c.path for c in there.clashes}
    assert here.clean == there.clean
    if here.clean:
        assert read(here.data) == read(there.data)


@given(histories)
def test_histories_merge_the_same_from_both_sides(case: strategies.HistoryCase) -> None:
    base, ours, theirs = map(lines_of, (case.base, case.ours, case.theirs))
    here, there = merge_file(HISTORY, base, ours, theirs), merge_file(HISTORY, base, theirs, ours)
    assert {c.path for c in here.clashes} == {c.path for c in there.clashes}
    assert bool(here.refused) == bool(there.refused)
    if here.clean:
        assert read_lines(here.data) == read_lines(there.data)


# --- nothing invented, nothing lost ------------------------------------------------------------------------------


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every text with its place; where in a list it stands does not count, and texts of several lines are lines."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item, (*path, "*"))
    else:
        yield from ((path, line) for line in value.split("\n"))


@given(cases)
def test_every_leaf_comes_from_one_of_the_three(case: Case) -> None:
    known = {leaf for side in (case.base or {}, case.ours, case.theirs) for leaf in leaves(side)}
    assert set(leaves(merged_record(case).data)) <= known


@given(cases)
def test_every_change_of_one_side_is_there(case: Case) -> None:
    merged = merged_record(case)
    base, asked = case.base or {}, {name for clash in merged.clashes for name in clash.names}
    for name in {*base, *case.ours, *case.theirs} - asked:
        old, mine, other = (side.get(name) for side in (base, case.ours, case.theirs))
        if mine == old or other == old:
            wanted = other if mine == old else mine
            assert (merged.data.get(name) or None) == (wanted or None) or merged.data.get(name) == wanted, name


def is_list_of_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


@given(cases)
def test_entries_that_one_side_added_or_took_out_stay_so(case: Case) -> None:
    merged = merged_record(case)
    asked = {name for clash in merged.clashes for name in clash.names}
    for name in ("tags", "emails", "phones", "do_not_contact", "stop_on", "customers"):
        three = [side.get(name, []) for side in (case.base or {}, case.ours, case.theirs)]
        if case.kind and name not in asked and all(map(is_list_of_texts, three)):
            base, ours, theirs = map(set, three)
            found = set(merged.data.get(name, []))
            assert (ours | theirs) - base <= found
            assert base & ours & theirs <= found
            if name != "do_not_contact" or three[0] in three[1:]:
                assert not (base - (ours & theirs)) & found


@given(cases)
def test_no_permission_comes_back(case: Case) -> None:
    """Where both sides changed a consent and one is stricter, a grant needs to name the withdrawal that it follows."""
    strict = ("withdrawn", "objected", "erased")
    three = [side.get("consent") for side in (case.base or {}, case.ours, case.theirs)]
    consent = merged_record(case).data.get("consent")
    if case.kind != "customer" or not all(isinstance(side, dict) for side in (*three, consent)):
        return
    assert isinstance(consent, dict)
    for purpose, entry in consent.items():
        old, *sides = (side.get(purpose) for side in three if side is not None)
        states = [oracle.state_of(side) for side in sides]
        if old not in sides and set(states) & set(strict) and oracle.state_of(entry) not in strict:
            withdrawn = sides[states.index("withdrawn")]
            assert isinstance(entry, dict)
            assert withdrawn is not None
            assert entry["follows"] == f"withdrawn {withdrawn['date']}"


@given(histories)
def test_lines_that_one_side_added_are_there(case: strategies.HistoryCase) -> None:
    base, ours, theirs = map(lines_of, (case.base, case.ours, case.theirs))
    merged = merge_file(HISTORY, base, ours, theirs)
    if merged.clean:
        old = {judge.key_of(line) for line in case.base}
        found = {judge.key_of(line) for line in read_lines(merged.data)}
        assert {judge.key_of(line) for line in (*case.ours, *case.theirs)} - old <= found
        raw = set(merged.data.splitlines())
        kept = set(base.splitlines()) & set(ours.splitlines()) & set(theirs.splitlines())
        assert kept <= raw


# --- what can be read, and what cannot ---------------------------------------------------------------------------


@given(in_files)
def test_a_clean_file_reads_as_the_merged_record_and_any_other_cannot_be_read(case: Case) -> None:
    path, base, ours, theirs = files(case)
    merged = merge_file(path, base, ours, theirs)
    record = merged_record(case)
    assert not merged.refused
    assert facts(merged.clashes) == facts(record.clashes)
    if merged.clean:
        assert judge.without_empty(read(merged.data)) == judge.without_empty(record.data)
    else:
        for mark in (b"<<<<<<<", b"|||||||", b"=======", b">>>>>>>"):
            assert re.search(rb"^%s(?![<|=>])" % re.escape(mark), merged.data, re.MULTILINE)
        with pytest.raises(InvalidData):
            read_yaml(merged.data, path)


@given(in_files)
def test_to_take_our_part_of_every_question_gives_our_answer_and_theirs_gives_theirs(case: Case) -> None:
    path, base, ours, theirs = files(case)
    merged = merge_file(path, base, ours, theirs, marker_size=9)
    if merged.clashes and b"\r\n" not in ours + theirs:
        kind = strategies.kind_named(case.kind)
        for part, side in ((1, "ours"), (3, "theirs")):
            answers = {clash.path: getattr(clash, side) for clash in merged.clashes}
            wanted = merge_record(kind, case.base or {}, case.ours, case.theirs, answers)
            assert not wanted.clashes
            chosen = QUESTION.sub(rb"\%d" % part, merged.data)
            assert judge.without_empty(read(chosen)) == judge.without_empty(wanted.data)
            whole = merge_file(path, base, ours, theirs, answers)
            assert whole.clean
            assert judge.without_empty(read(whole.data)) == judge.without_empty(wanted.data)


@given(histories)
def test_a_history_with_a_question_cannot_be_read_until_it_is_answered(case: strategies.HistoryCase) -> None:
    base, ours, theirs = map(lines_of, (case.base, case.ours, case.theirs))
    merged = merge_file(HISTORY, base, ours, theirs)
    assert merged.clean == (not jsonl.read_lines(merged.data, HISTORY)[1])
    if merged.clashes:
        answered = merge_file(HISTORY, base, ours, theirs, {c.path: c.theirs for c in merged.clashes})
        assert answered.clean
        kept = {judge.key_of(line): line for line in read_lines(answered.data)}
        for clash in merged.clashes:
            three = [{judge.key_of(line): line for line in side} for side in (case.base, case.ours, case.theirs)]
            was = [side.get(f"id {clash.path[0]}") for side in three]
            if len(clash.path) == 1:
                assert [clash.base, clash.ours, clash.theirs] == was
            line = kept.get(f"id {clash.path[0]}")
            assert line == clash.theirs if len(clash.path) == 1 else line is not None


# --- three people ------------------------------------------------------------------------------------------------


@given(numbers)
def test_three_branches_that_meet_nowhere_give_the_same_in_any_order(seed: int) -> None:
    kind, base, sides = strategies.apart(seed, 3)
    rng = random.Random(seed)
    path = strategies.path_of(strategies.Case(seed, kind, base, base, base))
    text = styled(rng, base)
    texts = [edited(rng, text, base, side) for side in sides]
    results = []
    for order in itertools.permutations(texts):
        first = merge_file(path, text, order[0], order[1])
        assert first.clean
        second = merge_file(path, text, first.data, order[2])
        assert second.clean
        results.append(read(second.data))
    assert all(result == results[0] for result in results)


# --- bytes and comments ------------------------------------------------------------------------------------------


@given(cases)
def test_what_nobody_touched_stays_to_the_byte_with_its_comments(case: Case) -> None:
    path, base, ours, theirs = files(case)
    merged = merge_file(path, base, ours, theirs)
    if merged.clean and base is not None:
        for name, text in entries(base).items():
            if text == entries(ours).get(name) == entries(theirs).get(name):
                assert entries(merged.data)[name] == text
        assert comments(base) & comments(ours) & comments(theirs) <= comments(merged.data)
        assert comments(merged.data) <= comments(base) | comments(ours) | comments(theirs)


@given(in_files)
def test_when_the_lines_can_be_merged_that_is_the_file(case: Case) -> None:
    path, base, ours, theirs = files(case)
    if base is None or any(len(set(text.split(b"\n"))) != len(text.split(b"\n")) for text in (base, ours, theirs)):
        return
    merged = merge_file(path, base, ours, theirs)
    outcomes = oracle.field("lines", *(side.decode("utf-8") for side in (base, ours, theirs)))
    if merged.clean and len(outcomes) == 1 and not outcomes[0][1]:
        text = outcomes[0][0].encode("utf-8")
        try:
            reads = read(text)
        except InvalidData:
            return
        if reads == read(merged.data):
            assert merged.data == text


@given(cases)
def test_two_who_only_wrote_comments_both_keep_them(case: Case) -> None:
    rng = random.Random(case.seed)
    base = styled(rng, case.ours)
    keys = [key for key in case.ours if re.fullmatch(r"[a-z_]+", key)]
    assume(len(keys) >= 4 and b"\r" not in base)
    ours = base.replace(f"\n{keys[1]}:".encode(), f"\n# ours\n{keys[1]}:".encode(), 1)
    theirs = base.replace(f"\n{keys[-1]}:".encode(), f"\n# theirs\n{keys[-1]}:".encode(), 1)
    assume(read(ours) == read(theirs) == read(base))
    merged = merge_file(strategies.path_of(case), base, ours, theirs)
    assert merged.clean
    assert b"\n# ours\n" in merged.data
    assert b"\n# theirs\n" in merged.data
    assert read(merged.data) == read(base)


@given(cases, st.sampled_from(["# one\n", "# two\n", "\n", ""]), st.sampled_from(["# one\n", "# two\n", "\n"]))
@example(strategies.case(1), "# one\n", "# two\n")
def test_two_spellings_of_one_record_give_one_text_whoever_merges(case: Case, here: str, there: str) -> None:
    rng = random.Random(case.seed)
    base, ours, theirs = (styled(rng, case.ours) for _ in range(3))
    ours, theirs = here.encode() + ours, there.encode() + theirs
    path = strategies.path_of(case)
    one, two = merge_file(path, base, ours, theirs), merge_file(path, base, theirs, ours)
    assert one == two
    assert one.clean
    assert read(one.data) == case.ours


# --- identity ----------------------------------------------------------------------------------------------------


@given(cases, st.sampled_from(["base", "ours", "theirs", "ours+theirs"]), st.sampled_from(["other", "list"]))
def test_two_people_are_never_joined(case: Case, who: str, what: str) -> None:
    assume(case.kind and case.base is not None)
    other: Any = "01J9ZK3T8QWERTYPASDFGHJKM0" if what == "other" else [ID]
    base_record, ours_record, theirs_record = (
        {**getattr(case, name), "id": other} if name in who.split("+") else getattr(case, name)
        for name in ("base", "ours", "theirs")
    )
    path, base, ours, theirs = files(case._replace(base=base_record, ours=ours_record, theirs=theirs_record))
    assume(base not in (ours, theirs) and ours != theirs)
    merged = merge_file(path, base, ours, theirs)
    assert merged.refused
    assert not merged.clean
    with pytest.raises(InvalidData):
        read_yaml(merged.data, path)


@given(cases, st.sampled_from(["ours", "theirs", "ours+theirs"]))
def test_two_new_files_are_joined_only_when_both_say_who_they_are(case: Case, who: str) -> None:
    assume(case.kind)
    ours_record, theirs_record = (
        {k: v for k, v in getattr(case, name).items() if k != "id" or name not in who} for name in ("ours", "theirs")
    )
    path, _, ours, theirs = files(case._replace(base=None, ours=ours_record, theirs=theirs_record))
    assume(ours != theirs)
    assert merge_file(path, None, ours, theirs).refused
