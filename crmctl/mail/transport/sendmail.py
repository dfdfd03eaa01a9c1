"""A program as of sendmail (Postfix, Exim, msmtp): it takes the message, and queues it or hands it on.

The end of its input ends the message, so a crash of ours while writing into a pipe would send half of it. It is given a
file instead, complete before the program is started; ``before_dot`` is therefore called before that.
"""

from __future__ import annotations

import os
import re
import subprocess
from typing import IO
from typing import TYPE_CHECKING

from crmctl.mail.transport.handing import Handing
from crmctl.mail.transport.outcomes import ACCEPTED
from crmctl.mail.transport.outcomes import DEFERRED
from crmctl.mail.transport.outcomes import NOT_TRIED
from crmctl.mail.transport.outcomes import REJECTED
from crmctl.mail.transport.outcomes import ROW
from crmctl.mail.transport.outcomes import RUN
from crmctl.mail.transport.outcomes import UNKNOWN
from crmctl.mail.transport.outcomes import Outcome
from crmctl.mail.transport.outcomes import TransportFailed
from crmctl.mail.transport.replies import classify
from crmctl.mail.transport.replies import made_safe

if TYPE_CHECKING:
    from collections.abc import Callable

    from crmctl.mail.transport.envelope import Envelope

TIME_LIMIT = 900
"""Seconds for the program; msmtp talks to a server meanwhile, which may take ten minutes after the last dot."""

_MOST_WORDS = 4096
# sysexits.h. Those about the recipient or the message; all others say that the program cannot be used as it is.
_REJECTED = {65: "the message was refused", 67: "there is no such recipient", 68: "there is no such domain"}
_LATER = {75: "try again later", 71: "the system lacks something", 74: "an error while reading or writing"}
_REPLY = re.compile(r"(?<!\d)([45]\d\d)[ -](?=\d\.\d|[A-Za-z<])")


class Sendmail(Handing):
    """One mail program."""

    def __init__(self, path: str, time_limit: float = TIME_LIMIT) -> None:
        self.path = path
        self._time_limit = time_limit

    def open(self) -> None:
        """See that the program is there."""
        if not (os.path.isabs(self.path) and os.access(self.path, os.X_OK)):  # noqa: PTH117 - a text as configured
            hint = "Set sendmail: to its absolute path in config.yaml."
            raise TransportFailed(f"{self.path} is not a program that can be run", hint=hint)

    def close(self) -> None:
        """Nothing is open between two messages."""

    def _once(
        self, envelope: Envelope, data: bytes, before_dot: Callable[[], None], at: Callable[[str], None]
    ) -> Outcome:
        at("connect")
        try:
            self.open()
        except TransportFailed as failed:
            return Outcome(NOT_TRIED, 0, made_safe(failed.message), "connect", RUN)
        at("body")
        # On the way to the program lines end as they do in files; it puts the CR back.
        with _unnamed(data.replace(b"\r\n", b"\n")) as file, _unnamed(b"") as words:
            before_dot()
            at("dot")
            status = self._run(envelope, file, words)
            words.seek(0)
            said = words.read(_MOST_WORDS).decode("utf-8", "replace")
        return _outcome(envelope, status, said)

    def _run(self, envelope: Envelope, file: IO[bytes], words: IO[bytes]) -> int | None:
        """The program's exit status; negative when a signal ended it, None when it took too long."""
        line = (self.path, "-i", "-f", envelope.sender or "<>", "--", envelope.recipient)
        command = [word.encode("utf-8") for word in line]  # Whatever the user's locale is.
        try:
            # A Ctrl-C for us is none for a program that has a message in its hands.
            child = subprocess.Popen(command, stdin=file, stdout=words, stderr=words, start_new_session=True)
        except OSError:
            return 126
        try:
            return child.wait(self._time_limit)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
            return None


def _unnamed(data: bytes) -> IO[bytes]:
    """A file without a name, holding ``data``: in memory where the system can do that."""
    if hasattr(os, "memfd_create"):
        file: IO[bytes] = open(os.memfd_create("message"), "w+b", buffering=0)  # noqa: PTH123, SIM115 - the caller closes
    else:
        import tempfile

        file = tempfile.TemporaryFile("w+b", buffering=0)  # noqa: SIM115 - the caller closes
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]
    file.seek(0)
    return file


def _outcome(envelope: Envelope, status: int | None, said: str) -> Outcome:
    words = made_safe(said, envelope.recipient, envelope.sid)
    if status == 0:
        return Outcome(ACCEPTED, 0, words or "taken by the mail program", "dot")
    if status is None or status < 0:
        ended = "took too long and was ended" if status is None else f"was ended by signal {-status}"
        return Outcome(UNKNOWN, 0, f"the mail program {ended}", "dot")
    text = f"the mail program ended with status {status}" + (f": {words}" if words else "")
    # msmtp has one status for many a refusal, but shows the server's words.
    reply = _REPLY.search(said)
    if reply:
        code = int(reply[1])
        state, scope, policy = classify(code, said[reply.end() :], "dot")
        return Outcome(state, code, text, "dot", scope, policy)
    if status in _REJECTED:
        return Outcome(REJECTED, 0, f"{_REJECTED[status]}: {text}", "dot")
    if status in _LATER:
        return Outcome(DEFERRED, 0, f"{_LATER[status]}: {text}", "dot", ROW)
    # It did not take the message, but was given it: not as if it had not been tried.
    return Outcome(DEFERRED, 0, text, "dot", RUN)
