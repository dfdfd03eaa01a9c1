"""Random merges, each compared with a second merge that somebody else wrote from the same page.

CRMCTL_MERGES says how many there are; ``./run soak`` asks for many more.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from helpers import merge_judge as judge
from helpers import merge_oracle as oracle
from helpers import merge_strategies as strategies

from crmctl.errors import InvalidData
from crmctl.merge.records import merge_record
from crmctl.store import jsonl
from crmctl.store.merging import merge_file
from crmctl.store.yaml_reader import read_yaml
from crmctl.store.yaml_writer import write_yaml

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterable

    from helpers.merge_oracle import Record
    from helpers.merge_strategies import Case
    from helpers.merge_strategies import HistoryCase

    from crmctl.merge.outcome import Clash

COUNT = int(os.environ.get("CRMCTL_MERGES", "20000"))
CHUNKS = 20
HISTORY = "records/interactions/ada.jsonl"

chunks = pytest.mark.parametrize("chunk", range(CHUNKS))


def seeds(chunk: int, share: float = 1.0) -> range:
    """The seeds of one chunk; of some checks only the first part of them."""
    size = max(1, COUNT // CHUNKS)
    return range(chunk * size, chunk * size + max(1, int(size * share)))


@chunks
def test_records(chunk: int) -> None:
    _all(strategies.case, seeds(chunk), record_faults)


@chunks
def test_record_files(chunk: int) -> None:
    _all(strategies.case, seeds(chunk, 0.05), file_faults)


@chunks
def test_histories(chunk: int) -> None:
    found = [(seed, history_faults(strategies.history_case(seed))) for seed in seeds(chunk, 0.2)]
    for seed, faults in found:
        assert not faults, f"history_case({seed}): " + "\n".join(faults)


def _all(make: Callable[[int], Case], found: range, check: Callable[[Case], list[str]]) -> None:
    for seed in found:
        case = make(seed)
        if check(case):
            small = smallest(case, check)
            pytest.fail(f"case({seed}) of {small.kind or 'settings'}:\n" + "\n".join([*check(small), *words(small)]))


def record_faults(case: Case) -> list[str]:
    """Where ``merge_record`` and the oracle differ."""
    kind = strategies.kind_named(case.kind)
    base = case.base or {}
    merged = merge_record(kind, base, case.ours, case.theirs)
    return _against_oracle(case, case.kind, merged.data, merged.clashes)


def _against_oracle(case: Case, kind: str, data: Record | None, clashes: Iterable[Clash]) -> list[str]:
    parts = oracle.merge(kind, case.base or {}, case.ours, case.theirs)
    paths = [clash.path for clash in clashes]
    return (judge.faults if case.kind else judge.settings_faults)(parts, data, paths)


def file_faults(case: Case) -> list[str]:
    """Where ``merge_file`` and the oracle differ, the file taken as it is read again."""
    base, ours, theirs = (None if side is None else as_yaml(side) for side in (case.base, case.ours, case.theirs))
    assert ours is not None
    assert theirs is not None
    path = strategies.path_of(case)
    merged = merge_file(path, base, ours, theirs)
    if merged.refused:
        return [f"refused: {merged.refused}"]
    kind = strategies.kind_in_file(case)
    try:
        data: Record | None = dict(read_yaml(merged.data, path).data)
    except InvalidData as error:
        return [f"it cannot be read: {error}"] if merged.clean else _against_oracle(case, kind, None, merged.clashes)
    return _against_oracle(case, kind, data, []) if merged.clean else ["a file with questions can be read"]


def as_yaml(data: Record) -> bytes:
    return write_yaml(data).encode("utf-8")


def history_faults(case: HistoryCase) -> list[str]:
    """Where the merge of two histories and the oracle differ."""
    base, ours, theirs = (b"".join(map(jsonl.write_line, side)) for side in (case.base, case.ours, case.theirs))
    merged = merge_file(HISTORY, base, ours, theirs)
    wanted = judge.history(case.base, case.ours, case.theirs)
    lines, problems = jsonl.read_lines(merged.data, HISTORY)
    if ours == theirs or base in (ours, theirs):
        one_sided = theirs if base == ours else ours
        # Whether two histories in one place are told apart where nothing has to be joined does not matter.
        right = merged.data == one_sided or (wanted is None and merged.refused)
        return [] if right else ["only one side changed it, and it is not that"]
    if wanted is None:
        return [] if merged.refused else ["two histories were joined"]
    if merged.refused:
        return [f"refused: {merged.refused}"]
    if merged.clean:
        if problems:
            return [f"it cannot be read: {problems[0]}"]
        return judge.history_faults(wanted, [dict(line.value) for line in lines], [])
    found = judge.history_faults(wanted, None, [clash.path for clash in merged.clashes])
    return found if problems else [*found, "a file with questions can be read"]


def smallest(case: Case, check: Callable[[Case], list[str]]) -> Case:
    """The same fault with fewer fields."""
    for name in {**(case.base or {}), **case.ours, **case.theirs}:
        if name != "id":
            smaller = case._replace(
                base=None if case.base is None else _without(case.base, name),
                ours=_without(case.ours, name),
                theirs=_without(case.theirs, name),
            )
            if check(smaller):
                case = smaller
    return case


def _without(side: Record, name: str) -> Record:
    return {key: value for key, value in side.items() if key != name}


def words(case: Case) -> list[str]:
    return [f"  base   {case.base}", f"  ours   {case.ours}", f"  theirs {case.theirs}"]
