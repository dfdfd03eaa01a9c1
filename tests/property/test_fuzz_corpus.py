"""The readers take or refuse in words whatever they are given: kept inputs, and a few thousand changed ones.

`./run soak` goes on for a minute with each reader (tests/fuzz/fuzz.py); what it finds is kept here for good.
"""

from __future__ import annotations

import itertools
import random

import pytest
from helpers import fuzz_targets

CHANGED = 1_000
"""So many changed inputs each reader meets; the same ones every day."""


@pytest.mark.parametrize("reader", fuzz_targets.TARGETS)
def test_the_corpus(reader: str) -> None:
    kept = fuzz_targets.corpus(reader)
    assert len(kept) >= 8
    for path in kept:
        fuzz_targets.tried(reader, path.read_bytes())


@pytest.mark.parametrize("reader", fuzz_targets.TARGETS)
def test_changed_inputs(reader: str) -> None:
    seeds = [path.read_bytes() for path in fuzz_targets.corpus(reader)]
    for data in itertools.islice(fuzz_targets.mutated(seeds, random.Random(reader)), CHANGED):
        fuzz_targets.tried(reader, data)


def test_a_reader_that_breaks_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(data: bytes) -> None:
        raise KeyError(data)

    monkeypatch.setitem(fuzz_targets.TARGETS, "yaml", broken)
    with pytest.raises(AssertionError, match="KeyError"):
        fuzz_targets.tried("yaml", b"x")


def test_a_reader_that_takes_too_long_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = itertools.count(0, 2 * fuzz_targets.BUDGET)
    monkeypatch.setattr("time.process_time", lambda: next(moments))
    with pytest.raises(AssertionError, match="s for 1 bytes"):
        fuzz_targets.tried("yaml", b"x")
