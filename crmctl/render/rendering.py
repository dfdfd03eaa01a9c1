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
from hashlib import sha256
from importlib.util import find_spec
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
from crmctl.render.templates import CONTROL
from crmctl.render.templates import SUBJECT
from crmctl.render.templates import Template
from crmctl.render.templates import split_front

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator
    from collections.abc import Mapping

    from crmctl.render.enclosed import Enclosed

_AHEAD = 256
_START_SECONDS = 20.0
# The path is ours, never the folder that crmctl was called in: a book may hold a file json.py.
_BOOT = "import sys; sys.path += sys.argv[1:]; from crmctl.render.worker import main; main()"
_KEPT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "PYTHONDONTWRITEBYTECODE")


class RenderFailed(CrmError):
    """The process that renders templates cannot be started."""


class Limits(NamedTuple):
    """What one message may take: seconds, bytes of memory above what the process starts with, characters of output."""

    seconds: float = 2.0
    memory: int = 256 * 1024 * 1024
    output: int = 1_000_000


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
) -> Iterator[Rendered]:
    """Render ``template`` for each of ``recipients`` in order; each is a key and plain data.

    ``includes`` maps the names of the files in ``templates/`` to their content. With no recipients the template is
    still read, so ``list(render_many(template, includes, ()))`` checks its syntax.

    Raises:
        InvalidData: the syntax of the template or of one that it includes is wrong; the problem has file and line.
        RenderFailed: the rendering process cannot be started.
        TypeError: the data of a recipient is not plain.
    """
    job = order(template, includes, limits)
    upcoming = iter(recipients)
    waiting: deque[tuple[str, bytes]] = deque()
    child = _Child(job)
    begun = False
    try:
        while True:
            while len(waiting) < _AHEAD and (recipient := next(upcoming, None)) is not None:
                waiting.append((recipient[0], _encoded(recipient[1])))
                child.send(waiting[-1][1])
            if not begun:  # Until now it had its own start to see to.
                child.begin(template)
                begun = True
            if not waiting:
                return
            answer = child.answer(limits.seconds)
            key, _ = waiting.popleft()
            if isinstance(answer, str):
                yield Rendered(key, "", "", "", (f"{template.path}: {_ended(answer, limits)}",))
                child.close()
                child = _Child(job)
                child.begin(template)
                for _, line in waiting:
                    child.send(line)
            else:
                subject, text, html, problems, fields = answer
                yield Rendered(key, subject, text, html, tuple(problems), fields)
    finally:
        child.close()


def _ended(why: str, limits: Limits) -> str:
    if why == "slow":
        return f"the message took longer than {limits.seconds:g} seconds"
    return f"the message could not be rendered ({why}; a message may take {limits.memory // 2**20} MB)"


def _encoded(data: Mapping[str, Any]) -> bytes:
    return json.dumps(data, allow_nan=False).encode("ascii") + b"\n"


def order(template: Template, includes: Mapping[str, str], limits: Limits) -> bytes:
    """The line that tells a worker what to render and within what.

    Raises:
        InvalidData: the template names a text part or a style that is not among ``includes``.
    """
    main = template.path.removeprefix("templates/")
    own = template.front.enclosed
    _require(template, own, includes)
    sources = {}
    for name, text in includes.items():
        if name.endswith(".css"):
            continue
        path = f"templates/{name}"
        try:
            _, body, line = split_front(path, text)
        except InvalidData:  # told when it is used as a template itself; others need not suffer for it
            body, line = text, 1
        sources[name] = (CONTROL.sub("\ufffd", body), path, line)
    sources[main] = (template.body, template.path, template.first_line)
    sources[SUBJECT] = (template.front.subject, template.path, template.front.subject_line)
    job = {
        "form": template.form,
        "main": main,
        "path": template.path,
        "sources": sources,
        "language": template.front.language,
        "fallback": dict(template.front.fallback),
        "text": own.text,
        "style": includes[own.style] if own.style else "",
        "images": {name: cid(template.name, name) for name in own.images},
        "fields": own.fields,
        **limits._asdict(),
    }
    return json.dumps(job).encode("ascii") + b"\n"


def cid(template: str, name: str) -> str:
    """The Content-ID (without its brackets) of the image ``name`` of a template, the same in every message of it."""
    return f"{sha256(f'{template}|{name}'.encode()).hexdigest()[:20]}@images.crmctl"


def _require(template: Template, own: Enclosed, includes: Mapping[str, str]) -> None:
    hint = ""
    lacking = [f"there is no templates/{name}" for name in (own.text, own.style) if name and name not in includes]
    if own.style and template.form == "txt":
        lacking.append("style is for a template that has an HTML part")
    if own.text and template.form == "txt":
        lacking.append("text is for a template that has an HTML part beside it")
    if own.style and not lacking and find_spec("css_inline") is None:
        lacking, hint = ["a style needs the library css-inline"], "pip install 'crmctl[mail]'"
    if lacking:
        problems = [Problem(template.path, 0, 0, "front-matter", words, hint) for words in lacking]
        raise InvalidData(str(problems[0]), hint=hint, problems=problems)


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


class _Child:
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
        return json.loads(self._lines.popleft())

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
