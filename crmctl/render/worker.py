"""The process that templates run in: bounded in memory and processor time, killed by its parent when it takes too long.

Speaks JSON lines: the job comes first and is answered with ``{}`` or what is wrong with the template, then each line is
the data of one recipient and is answered with ``[subject, text, html, problems, fields]``, or with ``{"bug": ...}``
when crmctl itself is at fault. A job to inspect has no recipients: each line is a template then, see ``_inspect``.
"""

from __future__ import annotations

import contextlib
import gc
import json
import math
import sys
import time
from typing import TYPE_CHECKING
from typing import Any
from typing import BinaryIO
from typing import NoReturn

from crmctl.render.renderer import Broken
from crmctl.render.renderer import Job
from crmctl.render.renderer import Renderer
from crmctl.render.renderer import Source
from crmctl.render.templates import SUBJECT

if TYPE_CHECKING:
    from collections.abc import Callable

_DEPTH = 400
"""Calls within calls: enough for any letter, and reached before the interpreter's own stack is in danger."""


def main() -> None:  # pragma: no cover - in the child
    """Serve one job on stdin and stdout; started by ``rendering``."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.setrecursionlimit(_DEPTH)
    gc.freeze()
    gc.set_threshold(20_000)
    serve(sys.stdin.buffer, sys.stdout.buffer, _bound_memory, _bound_time)


def serve(
    lines: BinaryIO,
    answers: BinaryIO,
    bound_memory: Callable[[int], None],
    bound_time: Callable[[float], None],
) -> None:
    """Answer every line; ``bound_memory`` (bytes) is called once, ``bound_time`` (seconds) before each message."""
    order = json.loads(lines.readline())
    seconds = float(order["seconds"])
    bound_time(seconds)
    bound_memory(int(order["memory"]))
    if order.get("inspect"):
        _inspect(order, lines, answers, bound_time)
        return
    try:
        renderer = Renderer(_job(order))
    except Broken as broken:
        _answer(answers, {"path": broken.path, "line": broken.line, "words": broken.words})
        return
    except MemoryError:
        _answer(answers, {"path": order["path"], "line": 0, "words": "it needs more memory than a template may take"})
        return
    _answer(answers, {})
    for line in lines:
        bound_time(seconds)
        data = _plain(line)
        try:
            message = renderer.render(data)
        except Exception as exc:  # noqa: BLE001 - a bug of ours is told by the parent, as all others are
            _answer(answers, {"bug": _places(exc)})
        else:
            _answer(answers, message)


def _places(error: Exception) -> str:
    """Where an error happened, without its words: those may be values from records."""
    import traceback

    kind = type(error)
    return f"{''.join(traceback.format_tb(error.__traceback__))}{kind.__module__}.{kind.__qualname__}\n"


def _inspect(order: dict[str, Any], lines: BinaryIO, answers: BinaryIO, bound_time: Callable[[float], None]) -> None:
    """Answer each line, a template, by what is wrong with it or what it speaks of; nothing is rendered."""
    from crmctl.render.uses import uses

    _answer(answers, {})
    for line in lines:
        bound_time(float(order["seconds"]))
        one = json.loads(line)
        sources = {**order["sources"], one["main"]: one["body"], SUBJECT: one["subject"]}
        job = _job({**order, **one, "sources": sources, "language": "", "fallback": {}})
        try:
            renderer = Renderer(job)
            parts = [(source, uses(tree)) for source, tree in renderer.trees()]
        except Broken as broken:
            _answer(answers, {"path": broken.path, "line": broken.line, "words": broken.words})
            continue
        except MemoryError:
            words = "it needs more memory than a template may take"
            _answer(answers, {"path": one["path"], "line": 0, "words": words})
            continue
        read = [(own.path, at + own.first_line - 1, name) for own, part in parts for name, at in part.read]
        made = sorted({name for _, part in parts for name in part.made})
        _answer(answers, {"read": read, "made": made, "open": any(part.open for _, part in parts)})


def _job(order: dict[str, Any]) -> Job:
    sources = {name: Source(*source) for name, source in order["sources"].items()}
    return Job(
        form=order["form"],
        main=order["main"],
        sources=sources,
        language=order["language"],
        fallback=order["fallback"],
        output=int(order["output"]),
        text=order.get("text", ""),
        style=order.get("style", ""),
        images=order.get("images", {}),
        fields=order.get("fields", {}),
        shared=_plain(order.get("shared", "{}")),
    )


def _answer(answers: BinaryIO, thing: Any) -> None:
    answers.write(json.dumps(thing).encode("ascii") + b"\n")
    answers.flush()


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


_decode = json.JSONDecoder(parse_float=str, parse_constant=_no_number).decode


def _plain(text: str | bytes) -> Any:
    """Data as it was sent; numbers with a fraction stay text."""
    return _decode(text if isinstance(text, str) else text.decode("ascii"))


def _bound_memory(size: int) -> None:  # pragma: no cover - in the child
    """Allow ``size`` bytes more than are in use now; no core dumps, no files. Nothing where ``resource`` is absent."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    with contextlib.suppress(OSError, ValueError), open("/proc/self/statm", "rb") as file:  # noqa: PTH123
        used = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + size, used + size))


_until = 0


def _bound_time(seconds: float) -> None:  # pragma: no cover - in the child
    """Let the kernel end this process when one message takes much too long, in case the parent is gone."""
    global _until
    due = math.ceil(time.process_time() + seconds) + 2
    if due <= _until:
        return
    _until = due
    try:
        import resource
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    if hard == resource.RLIM_INFINITY or due < hard:
        resource.setrlimit(resource.RLIMIT_CPU, (due, hard))


if __name__ == "__main__":  # pragma: no cover
    main()
