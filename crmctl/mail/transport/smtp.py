"""SMTP phase by phase (RFC 5321), so that at every moment it is known whether the server may have taken the message.

One recipient a message; the connection is used again for the next one. ``smtplib`` writes the commands and reads the
replies; its ``sendmail`` is not used, because it does not tell a connection lost before the last dot from one lost
after it.
"""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
from typing import TYPE_CHECKING

from crmctl.mail.transport.connecting import connect
from crmctl.mail.transport.envelope import Envelope
from crmctl.mail.transport.envelope import stuffed
from crmctl.mail.transport.handing import Handing
from crmctl.mail.transport.login import Secret
from crmctl.mail.transport.outcomes import NOT_TRIED
from crmctl.mail.transport.outcomes import REJECTED
from crmctl.mail.transport.outcomes import UNKNOWN
from crmctl.mail.transport.outcomes import Outcome
from crmctl.mail.transport.outcomes import TransportFailed
from crmctl.mail.transport.outcomes import nowhere
from crmctl.mail.transport.reading import TOO_LONG
from crmctl.mail.transport.replies import classify
from crmctl.mail.transport.replies import made_safe

if TYPE_CHECKING:
    from collections.abc import Callable

    from crmctl.mail.transport.outcomes import SmtpServer

_CHUNK = 64 * 1024


class Smtp(Handing):
    """One mail server."""

    def __init__(self, server: SmtpServer, password: Callable[[], str] | None = None) -> None:
        self.server = server
        self._password = password
        self._kept: Secret | None = None
        self._connection: smtplib.SMTP | None = None
        self._is_clear = False

    def open(self) -> None:
        """Connect, secure and log in, unless that has been done."""
        if self._connection is None:
            self._connection = connect(self.server, self._secret, nowhere)

    def close(self) -> None:
        """Say goodbye; whatever goes wrong with that changes nothing."""
        if self._connection is not None:
            with contextlib.suppress(OSError, smtplib.SMTPException, ValueError):
                self._wait(self.server.timeouts.quit)
                self._connection.docmd("QUIT")
            self._drop()

    def _once(
        self, envelope: Envelope, data: bytes, before_dot: Callable[[], None], at: Callable[[str], None]
    ) -> Outcome:
        try:
            used = self._connection is not None and (self._is_clear or self._reset())
            self._is_clear = False
            outcome = self._attempt(envelope, data, before_dot, at)
            if used and outcome.phase == "mail" and self._connection is None:
                # The server was tired of a connection that has served well; this message has not been named yet.
                outcome = self._attempt(envelope, data, before_dot, at)
        except BaseException:  # Nobody knows what the server waits for now; and without the dot it takes nothing.
            self._drop()
            raise
        return outcome

    def _secret(self) -> Secret:
        """The password. A token is asked for each time: it is soon too old."""
        if self._kept is None or self.server.auth == "xoauth2":
            self._kept = Secret(self._password() if self._password is not None else "")
        return self._kept

    def _reset(self) -> bool:
        """Have the server forget the last message; whether it is still there."""
        if self._ask("RSET", self.server.timeouts.mail)[0] == 250:
            return True
        self._drop()
        return False

    def _attempt(
        self, envelope: Envelope, data: bytes, before_dot: Callable[[], None], at: Callable[[str], None]
    ) -> Outcome:
        if self._connection is None:
            try:
                self._connection = connect(self.server, self._secret, at)
            except TransportFailed as failed:
                self._kept = None
                return Outcome(NOT_TRIED, failed.reply, made_safe(failed.message), failed.phase, failed.scope)
        offered = self._connection.esmtp_features
        lacking = envelope.lacking(offered)
        if lacking:
            return Outcome(REJECTED, 0, f"the server does not offer {lacking}", "mail", policy=True)
        # Otherwise smtplib would not let such an address out; ASCII stays what it is.
        self._connection.command_encoding = "utf-8"
        times = self.server.timeouts
        commands = (
            ("mail", envelope.mail(offered, len(data)), times.mail, 2),
            ("rcpt", envelope.rcpt(offered), times.rcpt, 2),
            ("data", "DATA", times.data, 3),
        )
        for phase, command, seconds, wanted in commands:
            at(phase)
            code, text = self._ask(command, seconds)
            if code // 100 != wanted:
                return self._outcome(envelope, phase, code, text)
        return self._hand_over(envelope, data, before_dot, at)

    def _hand_over(
        self, envelope: Envelope, data: bytes, before_dot: Callable[[], None], at: Callable[[str], None]
    ) -> Outcome:
        """The message itself, after the server's 354."""
        at("body")
        early = self._write(stuffed(data)) or self._said_early()
        if early is not None:
            self._drop()
            return self._outcome(envelope, "body", *early)
        before_dot()
        at("dot")
        code, text = self._ask(".", self.server.timeouts.dot)
        # A server that has taken a message has forgotten it in the conversation (RFC 5321 section 4.1.1.4).
        self._is_clear = code == 250 and self._connection is not None
        return self._outcome(envelope, "dot", code, text)

    def _outcome(self, envelope: Envelope, phase: str, code: int, text: str) -> Outcome:
        state, scope, policy = classify(code, text, phase)
        if state == UNKNOWN:
            self._drop()
        return Outcome(state, max(code, 0), made_safe(text, envelope.recipient, envelope.sid), phase, scope, policy)

    # Words on the wire

    def _ask(self, command: str, seconds: float) -> tuple[int, str]:
        """The reply to a command; a code of 0 and a reason when there is none, and then the connection is gone."""
        assert self._connection is not None
        try:
            self._wait(seconds)
            code, said = self._connection.docmd(command)
        except (OSError, smtplib.SMTPException) as exc:
            self._drop()
            return 0, _reason(exc)
        if code == 421 or code < 200:
            self._drop()
        return code, said.decode("utf-8", "replace")

    def _write(self, data: bytes) -> tuple[int, str] | None:
        """Write the text; when that breaks off, what the server said, or 0 and why."""
        assert self._connection is not None
        wire = self._wait(self.server.timeouts.body)
        view = memoryview(data)
        try:
            for start in range(0, len(view), _CHUNK):
                wire.sendall(view[start : start + _CHUNK])
        except OSError as exc:
            # What came in before the connection broke is still there to read.
            with contextlib.suppress(OSError, smtplib.SMTPException):
                self._wait(self.server.timeouts.quit)
                code, said = self._connection.getreply()
                return code, said.decode("utf-8", "replace")
            return 0, _reason(exc)
        return None

    def _said_early(self) -> tuple[int, str] | None:
        """What the server said, or that it left, while the text was written: the last dot must not follow then."""
        connection = self._connection
        assert connection is not None and connection.file is not None
        wire = self._wait(0)
        try:
            if not connection.file.peek(1) and not _has_left(wire):
                return None
            self._wait(self.server.timeouts.quit)
            code, said = connection.getreply()
        except ssl.SSLWantReadError:
            return None  # As a secured connection says that there is nothing to read yet.
        except (OSError, smtplib.SMTPException) as exc:
            return 0, _reason(exc)
        return code, said.decode("utf-8", "replace")

    def _wait(self, seconds: float) -> socket.socket:
        """Be patient for so long with the connection, which is returned."""
        assert self._connection is not None and self._connection.sock is not None
        self._connection.sock.settimeout(seconds)
        return self._connection.sock

    def _drop(self) -> None:
        """Be done with the connection, without a word."""
        if self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.close()
            self._connection = None


def _has_left(wire: socket.socket) -> bool:
    """Whether nothing to read means the end, and not just nothing yet."""
    if isinstance(wire, ssl.SSLSocket):
        return True  # With TLS "nothing yet" is an error of its own.
    try:
        return wire.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False


def _reason(exc: Exception) -> str:
    """Why a connection is gone."""
    text = str(exc).removeprefix("Connection unexpectedly closed: ")
    if isinstance(exc, smtplib.SMTPResponseException) or text == TOO_LONG:
        return TOO_LONG
    if isinstance(exc, TimeoutError) or "timed out" in text:
        return "the server did not answer in time"
    return f"the connection was lost ({text})" if "unexpectedly" not in text else "the server closed the connection"
