"""The calls that stand for all: each kind of call is among them, and each call of git's with each fault somewhere."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from helpers.crash_points import kinds
from helpers.crash_points import met
from helpers.crash_points import some
from helpers.crash_points import sort_of
from helpers.strace import FAULTS
from helpers.strace import Call

if TYPE_CHECKING:
    from collections.abc import Iterable

JOURNAL = ".git/crmctl/.journal.json.*.crmctl"
RECORDS = [f"records/customers/.p{number}.yaml.*.crmctl" for number in range(9)]


def calls(process: str, *abouts: tuple[str, str]) -> list[Call]:
    """Calls as strace counts them: each name for itself."""
    numbers: dict[str, Iterable[int]] = {}
    return [
        Call(process, name, next(iter(numbers.setdefault(name, count(1)))), about)  # A count is its own iterator.
        for name, about in abouts
    ]


def written(*paths: str) -> list[tuple[str, str]]:
    return [(name, path) for path in paths for name in ("openat", "write", "fsync")]


def test_of_what_repeats_the_first_the_second_one_in_the_middle_and_the_last_are_kept() -> None:
    all_of_them = calls("crmctl", *written(JOURNAL, *RECORDS))
    kept = kinds(all_of_them)
    for name in ("write", "fsync"):
        about = [call.about for call in kept if call.name == name]
        assert about == [JOURNAL, RECORDS[0], RECORDS[1], RECORDS[4], RECORDS[8]]
    # The first is opened after the journal, the others after another record.
    about = [call.about for call in kept if call.name == "openat"]
    assert about == [JOURNAL, RECORDS[0], RECORDS[1], RECORDS[2], RECORDS[5], RECORDS[8]]
    assert kept == [call for call in all_of_them if call in kept]


def test_what_does_not_repeat_is_kept() -> None:
    different = calls("crmctl", *written(JOURNAL, RECORDS[0], "records/deals/.d.yaml.*.crmctl", ".git/index.lock"))
    assert kinds(different) == different
    # The same call in another process, or after another one, is another kind.
    again = [*different, *calls("update-ref.1", *written(JOURNAL)), *calls("update-ref.2", *written(JOURNAL))]
    assert kinds(again) == again


def test_sorts() -> None:
    assert sort_of("records/customers/.ada.yaml.*.crmctl records/customers/ada.yaml") == (
        "records/customers/*.crmctl records/customers/*.yaml"
    )
    assert sort_of(".git/objects/17/tmp_obj_* .git/objects/17/dc40") == ".git/objects/* .git/objects/*"
    assert sort_of(".git/hooks/pre-push") == ".git/hooks/*"
    for itself in (".git/HEAD.lock", ".git/crmctl/index.new", ".git/objects/pack/tmp_pack_*", "records/customers", "."):
        assert sort_of(itself) == itself


def test_three_commands_together_try_every_fault_at_every_call_of_git() -> None:
    of_git = calls("update-ref.1", *written(".git/HEAD.lock", ".git/refs/heads/main.lock", ".git/logs/HEAD"))
    own = calls("crmctl", *written(JOURNAL, RECORDS[0]))
    index = calls("crmctl", ("pwrite64", ".git/crmctl/index.sqlite"))
    together = [*index, *own, *of_git]
    for fault in FAULTS:
        chosen = [some("a command", turn, together, fault) for turn in range(3)]
        assert {call for one in chosen for call in one} == set(met(together, fault)) - set(index)
        for one in chosen:
            assert len([call for call in one if call in of_git]) == len(of_git) // 3
        if fault in ("kill", "EIO"):
            assert all(set(own) <= set(one) for one in chosen)
        assert some("log, index behind", 0, together, fault) == met(together, fault)


def test_crmctl_is_killed_once() -> None:
    both = [*calls("crmctl", *written(JOURNAL)), *calls("fetch.1", *written(".git/FETCH_HEAD"))]
    assert met(both, "kill-all") == both[3:]
    assert met(both, "kill") == both


def test_three_commands_keep_in_step_when_one_of_them_writes_more() -> None:
    reference = calls("update-ref.1", *written(".git/HEAD.lock", ".git/refs/heads/main.lock", ".git/logs/HEAD"))
    for fault in FAULTS:
        chosen = []
        for turn in range(3):
            more = [("mkdir", f".git/refs/{number}") for number in range(turn)]
            chosen += some("a command", turn, [*calls("fast-import.1", *more), *reference], fault)
        assert sorted(call for call in chosen if call in reference) == sorted(reference)
