"""Work on many things done ahead by a second process, where there is a second processor: a reader need not wait."""

from __future__ import annotations

import contextlib
import itertools
import os
from typing import TYPE_CHECKING
from typing import BinaryIO
from typing import NoReturn
from typing import TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Generator
    from collections.abc import Iterator
    from collections.abc import Sequence

Item = TypeVar("Item")
Result = TypeVar("Result")

MANY = 1_000
"""Below this many things a second process is not worth its start."""

_BATCH = 100


def ahead(work: Callable[[Sequence[Item]], Iterator[Result]], items: Sequence[Item]) -> Iterator[Result]:
    """What ``work`` makes of ``items``, one result for each, in their order.

    A fork of this process does the work and is read from. What it does not give (it was killed, it ran into an error,
    no process could be started) is worked out here, so that the results and the errors are those of ``work(items)``.
    ``work`` must change nothing but its own.
    """
    count = 0
    if len(items) >= MANY and _processors() > 1:
        with contextlib.closing(_forked(work, items)) as results:
            for result in results:
                count += 1
                yield result
    if count < len(items):
        yield from work(items[count:])


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1


def _forked(work: Callable[[Sequence[Item]], Iterator[Result]], items: Sequence[Item]) -> Generator[Result, None, None]:
    import pickle  # Before the fork, which needs it too.

    reading, writing = os.pipe()
    child = _fork(lambda: _serve(work, items, reading, writing))
    os.close(writing)
    try:
        with os.fdopen(reading, "rb") as pipe:
            while child:
                # Nobody but our own fork has the other end.
                yield from pickle.load(pipe)  # noqa: S301
    except (EOFError, pickle.UnpicklingError):  # It is done, or was killed between two words.
        return
    finally:
        # The pipe is closed: a fork that has more to say ends at its next word.
        if child:
            with contextlib.suppress(ChildProcessError):  # Where nobody waits for children, it is gone by itself.
                os.waitpid(child, 0)


def _fork(serve: Callable[[], NoReturn]) -> int:
    """Start a process that serves; its number, 0 where none can be had."""
    import signal

    # A Ctrl-C at this moment must not be raised in the fork, which would go on as if it were this process.
    masked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        child = os.fork()
        if child == 0:
            serve()
    except OSError:  # No more processes, or no memory for one.
        return 0
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, masked)
    return child


def _serve(
    work: Callable[[Sequence[Item]], Iterator[Result]], items: Sequence[Item], reading: int, writing: int
) -> NoReturn:  # pragma: no cover - in the fork
    try:
        os.close(reading)
        # Signals stay blocked: they are for the reader, and this process ends when the pipe does.
        with os.fdopen(writing, "wb", buffering=0) as pipe:
            results = work(items)
            while batch := list(itertools.islice(results, _BATCH)):
                _send(pipe, batch)
    except BaseException:  # noqa: BLE001, S110 - the reader does the work again, and runs into it itself
        pass
    finally:
        os._exit(0)


def _send(pipe: BinaryIO, batch: list[Result]) -> None:  # pragma: no cover - in the fork
    import pickle

    data = memoryview(pickle.dumps(batch, pickle.HIGHEST_PROTOCOL))
    while data:
        data = data[pipe.write(data) :]
