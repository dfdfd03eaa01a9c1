"""Messages out of templates: the work is done by a child process, so that a template can take neither time nor memory.

Jobs are sent ahead and answers read as they come. A child that is silent for too long is ended, the message it was at
is reported, and a fresh child goes on with the next.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections import deque
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple
from typing import cast

from crmctl import clock
from crmctl.errors import CrmError
from crmctl.errors import InvalidData
from crmctl.errors import Problem
from crmctl.render.ordering import Limits
from crmctl.render.ordering import order

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator
    from collections.abc import Mapping

    from crmctl.render.templates import Template


_AHEAD = 256
_NOTHING = object()
_encode = json.JSONEncoder(allow_nan=False).encode
_decode = json.JSONDecoder().decode
_START_SECONDS = 20.0
# The path is ours, never the folder that crmctl was called in: a book may hold a file json.py.
_BOOT = "import sys; sys.path += sys.argv[1:]; from crmctl.render.worker import main; main()"
_KEPT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "PYTHONDONTWRITEBYTECODE")


class RenderFailed(CrmError):
    """The process that renders templates cannot be started."""


class RendererBug(Exception):
    """A mistake in crmctl, and not in a template, that came to light while a message was rendered.

    ``places`` is where it was in the process that renders, for whoever mends it.
    """

    def __init__(self, places: str) -> None:
        super().__init__(f"while rendering:\n{places}")
        self.places = places


class Rendered(NamedTuple):
    """A message for the recipient ``key``. With ``problems`` (all of them) the rest is empty; ``html`` is a whole
    document, or empty for a text template; ``fields`` are those of ``Enclosed.fields`` for this recipient."""

    key: str
    subject: str
    text: str
    html: str
    problems: tuple[str, ...]
    fields: Mapping[str, str] = {}


def render_many(
    template: Template,
    includes: Mapping[str, str],
    recipients: Iterable[tuple[str, Mapping[str, Any]]],
    limits: Limits = Limits(),  # noqa: B008 - immutable
    shared: Mapping[str, Any] = {},
) -> Iterator[Rendered]:
    """Render ``template`` for each of ``recipients`` in order; each is a key and plain data.

    ``shared`` is what stands in the data of all of them: what a recipient has of the same, as the same objects, is
    not sent again.

    ``includes`` maps the names of the files in ``templates/`` to their content. With no recipients the template is
    still read, so ``list(render_many(template, includes, ()))`` checks its syntax.

    Raises:
        InvalidData: the syntax of the template or of one that it includes is wrong; the problem has file and line.
        RenderFailed: the rendering process cannot be started.
        RendererBug: crmctl itself is at fault.
        TypeError: the data of a recipient is not plain.
    """
    line = _Line(template, order(template, includes, limits, shared), limits)
    upcoming = ((key, _without(data, shared)) for key, data in recipients)
    try:
        line.send(upcoming)
        line.begin()  # Until now it had its own start to see to.
        while line.is_waiting:
            yield line.next()
            line.send(upcoming)
    finally:
        line.close()


def _without(data: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    """What is in ``data`` and not, as the same objects, in ``shared``."""
    return {name: value for name, value in data.items() if shared.get(name, _NOTHING) is not value}


class _Line:
    """The recipients whose data was sent ahead, and the child that makes their messages, or the one after it."""

    def __init__(self, template: Template, job: bytes, limits: Limits) -> None:
        self._template = template
        self._job = job
        self._limits = limits
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._child = Child(job)

    @property
    def is_waiting(self) -> bool:
        """Whether there are messages to come."""
        return bool(self._waiting)

    def send(self, upcoming: Iterator[tuple[str, Mapping[str, Any]]]) -> None:
        """Send the data of as many recipients as may be ahead."""
        while len(self._waiting) < _AHEAD and (recipient := next(upcoming, None)) is not None:
            line = _encode(recipient[1]).encode("ascii") + b"\n"
            self._waiting.append((recipient[0], line))
            self._child.send(line)

    def begin(self) -> None:
        """Wait until the template is compiled; errors as ``render_many``."""
        self._child.begin(self._template)

    def next(self) -> Rendered:
        """The message of whoever has waited longest."""
        answer = self._child.answer(self._limits.seconds)
        key, _ = self._waiting.popleft()
        if isinstance(answer, str):
            self._go_on()
            return Rendered(key, "", "", "", (f"{self._template.path}: {_ended(answer, self._limits)}",))
        if isinstance(answer, dict):
            raise RendererBug(str(answer["bug"]))
        subject, text, html, problems, fields = answer
        return Rendered(key, subject, text, html, tuple(problems), fields)

    def _go_on(self) -> None:
        """Have another child do what the one that ended has left."""
        self._child.close()
        self._child = Child(self._job)
        self.begin()
        for _, line in self._waiting:
            self._child.send(line)

    def close(self) -> None:
        """End the child."""
        self._child.close()


def _ended(why: str, limits: Limits) -> str:
    if why == "slow":
        return f"the message took longer than {limits.seconds:g} seconds"
    return f"the message could not be rendered ({why}; a message may take {limits.memory // 2**20} MB)"


_ahead: list[subprocess.Popen[bytes]] = []


@contextmanager
def ahead() -> Iterator[None]:
    """Have the process that renders start while other things are done within; it waits for what there is to render."""
    _ahead.append(_started())
    try:
        yield
    finally:
        while _ahead:
            _end(_ahead.pop())


def _started() -> subprocess.Popen[bytes]:
    here = str(Path.cwd())
    root = str(Path(__file__).resolve().parents[2])
    paths = [root, *(p for p in sys.path if p and os.path.abspath(p) != here)]  # noqa: PTH100
    return subprocess.Popen(
        [sys.executable, "-IB" if sys.dont_write_bytecode else "-I", "-c", _BOOT, *paths],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        cwd="/",
        env={name: os.environ[name] for name in _KEPT if name in os.environ},
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process, at once, and let nothing of it remain."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


class Child:
    """A process of ``worker``, its pipes, and what is still to be written and read."""

    def __init__(self, job: bytes) -> None:
        self._process = _ahead.pop() if _ahead else _started()
        pipes = (cast("IO[bytes]", self._process.stdin), cast("IO[bytes]", self._process.stdout))
        self._in, self._out = (pipe.fileno() for pipe in pipes)
        os.set_blocking(self._in, False)
        self._unsent: deque[bytes] = deque([job])
        self._unread = b""
        self._lines: deque[bytes] = deque()

    def begin(self, template: Template) -> None:
        """Wait until the template is compiled."""
        answer = self.answer(_START_SECONDS)
        if isinstance(answer, str):
            what = (
                "reading the template took too long" if answer == "slow" else f"the renderer did not start ({answer})"
            )
            raise RenderFailed(f"{template.path}: {what}", hint="make the template simpler, or reinstall crmctl")
        if answer:
            problem = Problem(answer["path"], answer["line"], 0, "template-syntax", answer["words"])
            raise InvalidData(str(problem), problems=[problem])

    def send(self, line: bytes) -> None:
        """Queue a line; it is written while answers are waited for."""
        self._unsent.append(line)

    def answer(self, seconds: float) -> Any:
        """The next answer; ``"slow"`` when there is none within ``seconds``, or how the process ended."""
        until = clock.monotonic() + seconds
        while not self._lines:
            left = until - clock.monotonic()
            if left <= 0:
                return "slow"
            readable, writable, _ = select.select([self._out], [self._in] if self._unsent else [], [], left)
            if writable:
                self._write()
            if readable and not self._read():
                return self._how_it_ended()
        return _decode(self._lines.popleft().decode("ascii"))

    def _write(self) -> None:
        block = b"".join(self._unsent)
        try:
            sent = os.write(self._in, block[:65536])
        except BlockingIOError:
            sent = 0
        except BrokenPipeError:
            self._unsent.clear()  # it has ended; reading tells how
            return
        self._unsent.clear()
        if sent < len(block):
            self._unsent.append(block[sent:])

    def _read(self) -> bool:
        block = os.read(self._out, 1 << 20)
        *lines, self._unread = (self._unread + block).split(b"\n")
        self._lines.extend(lines)
        return bool(block)

    def _how_it_ended(self) -> str:
        status = self._process.wait()
        return f"the process ended by signal {-status}" if status < 0 else f"the process ended with status {status}"

    def close(self) -> None:
        """End the process."""
        _end(self._process)
