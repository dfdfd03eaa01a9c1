"""How a message leaves: what every way out promises, and what became of one attempt.

A transport sends one message to one recipient, phase by phase, and tells after each attempt what is known: the server
took it, refused it, wants it later, or nobody can know (``unknown``: the connection broke between the last dot and the
answer, RFC 1047). It never tries again by itself what a server may have taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple
from typing import Protocol

from crmctl.errors import NOT_SENT
from crmctl.errors import CrmError

if TYPE_CHECKING:
    from collections.abc import Callable

ACCEPTED = "accepted"
REJECTED = "rejected"
DEFERRED = "deferred"
UNKNOWN = "unknown"
NOT_TRIED = "not_tried"

ROW, DOMAIN, RUN = "row", "domain", "run"
"""What an outcome is about: this message, everybody in the recipient's domain, or every message of the run."""


class Outcome(NamedTuple):
    """What became of one attempt.

    ``state``: ``accepted``; ``rejected`` (for good); ``deferred`` (safe to try again later); ``unknown`` (it may or may
    not have been taken); ``not_tried`` (the server was not asked about this recipient: the row is as it was).
    ``code`` is the server's reply, 0 when there was none; ``text`` its words, at most 300 characters, without control
    characters and addresses. ``phase`` is the step of the attempt that it ended in: connect, helo, tls, auth, mail,
    rcpt, data, body or dot; up to body the server cannot have taken the message. ``policy``: it was refused for what
    we are or write, not for the address: nobody is suppressed for it.
    """

    state: str
    code: int = 0
    text: str = ""
    phase: str = ""
    scope: str = ROW
    policy: bool = False


class TransportFailed(CrmError):
    """No message can be sent this way now. ``scope`` "run" says that trying again does not help; ``reply`` is the code
    of the server's reply, 0 for none."""

    code = NOT_SENT

    def __init__(
        self, message: str, *, scope: str = RUN, phase: str = "connect", reply: int = 0, hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.scope = scope
        self.phase = phase
        self.reply = reply


class Timeouts(NamedTuple):
    """Seconds to wait in each phase, by RFC 5321 section 4.5.3.2; ``connect`` is for the network alone."""

    connect: float = 60
    greeting: float = 300
    mail: float = 300
    rcpt: float = 300
    data: float = 120
    body: float = 180
    dot: float = 600
    quit: float = 5


class SmtpServer(NamedTuple):
    """A mail server and how to talk to it.

    ``security``: ``starttls``, ``tls`` or ``none``. ``auth``: ``plain``, ``login``, ``xoauth2``, or "" for whatever the
    server offers; nobody logs in without a ``user``. ``ca`` is a file of certificates to trust instead of the system's.
    ``insecure`` lets passwords and mail travel in clear to other machines. ``helo``: the name to give, "" for our IP
    address.
    """

    host: str
    port: int = 587
    security: str = "starttls"
    user: str = ""
    auth: str = ""
    ca: str = ""
    insecure: bool = False
    helo: str = ""
    timeouts: Timeouts = Timeouts()


def nowhere(_phase: str) -> None:
    """For those who do not want to know which phase an attempt is in."""


class Transport(Protocol):
    """A way out for messages. Not for two threads at once."""

    def open(self) -> None:
        """Get ready: connect, secure and log in, unless that has been done.

        Raises:
            TransportFailed: it cannot be done.
        """

    def send(
        self,
        sender: str,
        recipient: str,
        data: bytes,
        *,
        sid: str,
        before_dot: Callable[[], None],
        at: Callable[[str], None] = nowhere,
    ) -> Outcome:
        """Try once to hand over ``data``, whose lines all end in CR LF, for ``recipient``.

        ``sender`` is the envelope's ("" for none), ``sid`` becomes the envelope's ID. ``before_dot`` is called when all
        but the end of the message has been handed over: whatever it raises aborts the attempt, and the message has
        then not been taken. ``at`` is told the phase that begins.

        Raises:
            Refused: an address or the data cannot be sent as they are by anybody.
        """

    def close(self) -> None:
        """Say goodbye; never raises."""
