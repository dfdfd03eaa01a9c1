"""Work done ahead by a second process: the results and the errors are those of doing it here."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from crmctl.services import ahead as module
from crmctl.services.ahead import MANY
from crmctl.services.ahead import ahead

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Sequence

ITEMS = range(MANY + 250)


@pytest.fixture(autouse=True)
def two_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_processors", lambda: 2)


def by_whom(items: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Each item, and the process that worked on it."""
    for item in items:
        yield item, os.getpid()


def descriptors() -> int:
    """How many files this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def test_another_process_works_on_many_things() -> None:
    found = list(ahead(by_whom, ITEMS))
    assert [item for item, _ in found] == list(ITEMS)
    assert len({process for _, process in found} - {os.getpid()}) == 1
    assert os.getpid() not in {process for _, process in found}


def test_few_things_are_done_here() -> None:
    assert list(ahead(by_whom, range(MANY - 1))) == [(item, os.getpid()) for item in range(MANY - 1)]


def test_one_processor_does_all_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_processors", lambda: 1)
    assert {process for _, process in ahead(by_whom, ITEMS)} == {os.getpid()}


def test_no_second_process_can_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", refused)
    before = descriptors()
    assert list(ahead(by_whom, ITEMS)) == [(item, os.getpid()) for item in ITEMS]
    assert descriptors() == before


@pytest.mark.parametrize("at", [0, 99, 100, 555, MANY + 249])
def test_what_a_killed_process_did_not_give_is_done_here(at: int) -> None:
    us = os.getpid()

    def killed(items: Sequence[int]) -> Iterator[int]:
        for item in items:
            if item == at and os.getpid() != us:
                os.kill(os.getpid(), signal.SIGKILL)
            yield item

    assert list(ahead(killed, ITEMS)) == list(ITEMS)


@pytest.mark.parametrize("size", [1, 200_000])
def test_words_cut_in_the_middle_are_not_taken(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    def cut(pipe: object, batch: list[str]) -> None:
        real(pipe, batch)  # type: ignore[arg-type]
        os.write(pipe.fileno(), b"\x80\x05]\x94(")  # type: ignore[attr-defined]
        os._exit(0)

    real = module._send
    monkeypatch.setattr(module, "_send", cut)
    words = ["x" * size] * MANY
    assert list(ahead(iter, words)) == words


def test_an_error_is_raised_here_after_the_results_before_it() -> None:
    def failing(items: Sequence[int]) -> Iterator[int]:
        for item in items:
            if item == 700:
                raise ValueError("seven hundred")
            yield item

    found = []
    with pytest.raises(ValueError, match="seven hundred"):
        for item in ahead(failing, ITEMS):
            found.append(item)
    assert found == list(range(700))


def test_nobody_is_left_when_the_reader_has_enough(tmp_path: Path) -> None:
    seen = tmp_path / "process"

    def endless(items: Sequence[int]) -> Iterator[int]:
        seen.write_text(str(os.getpid()))
        while True:
            yield from items

    results = ahead(endless, ITEMS)
    assert [next(results) for _ in range(5)] == [0, 1, 2, 3, 4]
    results.close()  # type: ignore[attr-defined]
    with pytest.raises(ProcessLookupError):
        os.kill(int(seen.read_text()), 0)


def test_ctrl_c_is_the_reader_s() -> None:
    us = os.getpid()

    def interrupted(items: Sequence[int]) -> Iterator[tuple[int, int]]:
        if os.getpid() != us:
            os.kill(os.getpid(), signal.SIGINT)
        return by_whom(items)

    assert us not in {process for _, process in ahead(interrupted, ITEMS)}
