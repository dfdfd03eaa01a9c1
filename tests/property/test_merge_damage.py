"""Merges of files that are damaged, oddly written or answered in part: nothing raises, nothing slips through."""

from __future__ import annotations

import copy
import random
from typing import TYPE_CHECKING
from typing import Any

from helpers import merge_judge as judge
from helpers import merge_oracle as oracle
from helpers import merge_strategies as strategies
from helpers.merge_texts import files
from hypothesis import assume
from hypothesis import given
from hypothesis import strategies as st

from crmctl.errors import InvalidData
from crmctl.merge.records import merge_record
from crmctl.store import jsonl
from crmctl.store.merging import merge_file
from crmctl.store.yaml_reader import read_yaml

if TYPE_CHECKING:
    from helpers.merge_oracle import Record
    from helpers.merge_strategies import Case

HISTORY = "records/interactions/ada.jsonl"
numbers = st.integers(0, 2**40)
cases = numbers.map(strategies.case).filter(lambda case: case.kind != "interaction")
histories = numbers.map(strategies.history_case)

MARKERS = b"<<<<<<< ours\nname: a\n=======\nname: b\n>>>>>>> theirs\n"


def lines_of(side: list[Record]) -> bytes:
    return b"".join(map(jsonl.write_line, side))


def read(path: str, data: bytes) -> object:
    """What a file says; None when it cannot be read."""
    if path.endswith(".jsonl"):
        lines, problems = jsonl.read_lines(data, path)
        return None if problems else [dict(line.value) for line in lines]
    try:
        return dict(read_yaml(data, path).data)
    except InvalidData:
        return None


def damaged(rng: random.Random, data: bytes) -> bytes:
    """A file after a bad disk, a bad editor, or a merge that nobody finished."""
    place = rng.randint(0, len(data))
    start = data.rfind(b"\n", 0, place) + 1
    pieces = (b"\x00", b"\xff", b"\t", b"{", b'"', b"&a ", b"!!x ", b"---\n", b"id: x\n", b"\xef\xbb\xbf", b"\r")
    return rng.choice(
        (
            data[:place],
            data[place:],
            data[:place] + rng.choice(pieces) + data[place:],
            data[:start] + rng.choice(pieces) + data[start:],
            data[:start] + MARKERS + data[start:],
            data + MARKERS,
            data + data,
            b"",
        )
    )


@given(st.one_of(cases, histories), numbers, st.integers(1, 7))
def test_damage_on_any_side_neither_raises_nor_passes_unseen(
    case: Case | strategies.HistoryCase, seed: int, which: int
) -> None:
    rng = random.Random(seed)
    if isinstance(case, strategies.HistoryCase):
        path, sides = HISTORY, [lines_of(case.base), lines_of(case.ours), lines_of(case.theirs)]
    else:
        path, base, ours, theirs = files(case)
        sides = [base or ours, ours, theirs]
    sides = [damaged(rng, side) if which >> n & 1 else side for n, side in enumerate(sides)]
    base, ours, theirs = sides
    merged = merge_file(path, base, ours, theirs)
    if merged.clean:
        one_sided = base in (ours, theirs) or ours == theirs
        assert merged.data in sides if one_sided else read(path, merged.data) is not None
    else:
        assert read(path, merged.data) is None
    # git has an empty file for "no base".
    wanted = [ours, theirs, *([base] if base else [])]
    if not (ours == theirs or base in (ours, theirs)) and None in [read(path, side) for side in wanted]:
        assert merged.refused


@given(cases, st.integers(1, 7))
def test_line_ends_of_another_system_change_nothing(case: Case, which: int) -> None:
    path, base, ours, theirs = files(case)
    assume(base is not None and b"\r" not in base + ours + theirs)
    assert base is not None
    plain = merge_file(path, base, ours, theirs)
    sides = [side.replace(b"\n", b"\r\n") if which >> n & 1 else side for n, side in enumerate((base, ours, theirs))]
    merged = merge_file(path, sides[0], sides[1], sides[2])
    assert {c.path for c in merged.clashes} == {c.path for c in plain.clashes}
    assert merged.clean == plain.clean
    assert read(path, merged.data) == read(path, plain.data)


@given(cases)
def test_a_missing_line_end_at_the_end_changes_nothing(case: Case) -> None:
    path, base, ours, theirs = files(case)
    assume(base is not None)
    assert base is not None
    plain = merge_file(path, base, ours, theirs)
    sides = [side.removesuffix(b"\n") for side in (base, ours, theirs)]
    assume([read(path, side) for side in sides] == [read(path, side) for side in (base, ours, theirs)])
    merged = merge_file(path, sides[0], sides[1], sides[2])
    assert merged.clean == plain.clean
    assert read(path, merged.data) == read(path, plain.data)


@given(cases, numbers)
def test_each_answer_settles_its_own_question_and_no_other(case: Case, seed: int) -> None:
    kind = strategies.kind_named(case.kind)
    three = (case.base or {}, case.ours, case.theirs)
    rng = random.Random(seed)
    plain = merge_record(kind, *three)
    for clash in plain.clashes:
        answer = rng.choice((clash.base, clash.ours, clash.theirs))
        merged = merge_record(kind, *three, {clash.path: answer})
        left = [c.path for c in plain.clashes if c.path != clash.path]
        assert [c.path for c in merged.clashes] == left
        for name, value in {**plain.data, **merged.data}.items():
            if case.kind and name not in clash.names:
                assert merged.data[name] == value
        if case.kind and clash.path == clash.names:
            assert merged.data.get(clash.path[0]) == answer
    assert merge_record(kind, *three, {("nobody", "asked"): "x"}) == plain


@given(cases)
def test_a_question_shows_what_the_three_have(case: Case) -> None:
    """One value, or, where a question decides several fields, a map of those that are there."""
    sides = (case.base or {}, case.ours, case.theirs)
    for clash in merge_record(strategies.kind_named(case.kind), *sides).clashes:
        assert clash.path[0] in clash.names
        for side, shown in zip(sides, (clash.base, clash.ours, clash.theirs), strict=True):
            if len(clash.names) > 1:
                assert (shown or {}) == {name: side[name] for name in clash.names if name in side}
            else:
                assert shown == value_at(side, clash.path)


def value_at(value: Any, path: tuple[str, ...]) -> Any:
    """What stands there: in maps by key, in lists by the key of an entry."""
    for key in path:
        if isinstance(value, list):
            value = next((x for x in value if key in (x.get("customer"), x.get("product"))), None)
        else:
            value = None if value is None else value.get(key)
    return value


@given(histories, numbers)
def test_two_lines_with_one_id_are_not_lost(case: strategies.HistoryCase, seed: int) -> None:
    """A line copied by hand with its id: it is kept, or nothing is joined."""
    rng = random.Random(seed)
    assume(case.base and judge.history(case.base, case.ours, case.theirs) is not None)
    sides = [list(case.base), list(case.ours), list(case.theirs)]
    side = rng.choice(sides)
    if side:
        twin = {**rng.choice(side), "text": "a copy"}
        side.insert(rng.randint(0, len(side)), twin)
        base, ours, theirs = map(lines_of, sides)
        merged = merge_file(HISTORY, base, ours, theirs)
        if merged.clean and side is not sides[0] and base not in (ours, theirs):
            found = read(HISTORY, merged.data)
            assert isinstance(found, list)
            assert twin in found


@given(histories)
def test_the_lines_of_a_history_stand_in_an_order_that_does_not_depend_on_who_merges(
    case: strategies.HistoryCase,
) -> None:
    base, ours, theirs = map(lines_of, (case.base, case.ours, case.theirs))
    assume(base not in (ours, theirs) and ours != theirs)
    merged = merge_file(HISTORY, base, ours, theirs)
    if merged.clean:
        assert merged.data == merge_file(HISTORY, base, theirs, ours).data
        found = read(HISTORY, merged.data)
        assert isinstance(found, list)
        assert judge.disorder(found) == []


@given(cases)
def test_nothing_given_to_a_merge_is_changed_by_it(case: Case) -> None:
    before = copy.deepcopy(case)
    merged = merge_record(strategies.kind_named(case.kind), case.base or {}, case.ours, case.theirs)
    answers = {clash.path: clash.theirs for clash in merged.clashes}
    shown = copy.deepcopy(merged)
    merge_record(strategies.kind_named(case.kind), case.base or {}, case.ours, case.theirs, answers)
    assert case == before
    assert merged == shown


@given(cases)
def test_what_was_merged_merges_on(case: Case) -> None:
    """To merge theirs again into the result, or ours into it, changes nothing more."""
    kind = strategies.kind_named(case.kind)
    base = case.base or {}
    merged = merge_record(kind, base, case.ours, case.theirs)
    if not merged.clashes:
        assert merge_record(kind, case.theirs, merged.data, case.theirs).data == merged.data
        assert merge_record(kind, case.ours, case.ours, merged.data).data == merged.data
        assert oracle.as_text(merge_record(kind, base, merged.data, merged.data).data) == oracle.as_text(merged.data)
