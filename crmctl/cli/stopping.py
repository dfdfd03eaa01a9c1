"""Ctrl-C, and a polite kill, while messages go out: the one under way is finished, and no other begun."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


class Requests:
    """Whether somebody wants this to end. A second time it ends at once."""

    def __init__(self) -> None:
        self.asked = False
        self._wake = threading.Event()

    def take(self, number: int, _frame: FrameType | None) -> None:
        """A signal has come."""
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        self._wake.set()

    def sleep(self, seconds: float) -> None:
        """Wait; not any longer once somebody wants this to end."""
        self._wake.wait(seconds)


@contextmanager
def stop_requests() -> Iterator[Requests]:
    """Take note of SIGINT and SIGTERM instead of ending by them."""
    requests = Requests()
    if threading.current_thread() is not threading.main_thread():
        yield requests
        return
    before = {number: signal.signal(number, requests.take) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield requests
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
