"""A connection to a mail server, ready for messages: greeted, secured with its certificate checked, logged in."""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
from ipaddress import ip_address
from typing import TYPE_CHECKING

from crmctl.mail.transport import login
from crmctl.mail.transport.outcomes import ROW
from crmctl.mail.transport.outcomes import RUN
from crmctl.mail.transport.outcomes import TransportFailed
from crmctl.mail.transport.reading import Reader
from crmctl.mail.transport.replies import classify
from crmctl.mail.transport.replies import made_safe

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterator

    from crmctl.mail.transport.login import Secret
    from crmctl.mail.transport.outcomes import SmtpServer

_LOST = (OSError, smtplib.SMTPException)


def is_loopback(host: str) -> bool:
    """Whether ``host`` is this very machine."""
    with contextlib.suppress(ValueError):
        return ip_address(host).is_loopback
    return host.lower() in ("localhost", "localhost.")


class _Connection(smtplib.SMTP):
    """A connection whose first byte may be TLS, and whose small packets are not held back."""

    def __init__(self, server: SmtpServer, context: ssl.SSLContext) -> None:
        # The name is set when our address is known; asking for it by name may take seconds.
        super().__init__(local_hostname=server.helo or "localhost", timeout=server.timeouts.connect)
        self.server = server
        self.context = context

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        found = socket.create_connection((host, port), timeout)
        try:
            # The last dot is a packet of its own and must not wait for the acknowledgement of the text.
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.server.security == "tls":
                found = self.context.wrap_socket(found, server_hostname=host)
        except BaseException:  # A Ctrl-C too leaves no socket open.
            found.close()
            raise
        found.settimeout(self.server.timeouts.greeting)
        return found

    def getreply(self) -> tuple[int, bytes]:
        """The next reply, whole, within the time that the connection is given at the moment; what is none, in words."""
        assert self.sock is not None
        if self.file is None:
            self.file = Reader(self.sock)
        reader = self.file
        reader.begin()
        code, said = super().getreply()
        if code < _LEAST:  # smtplib takes the first four letters for a code, whatever they are.
            said = b"no SMTP: '%s'" % reader.last if reader.last else b"no SMTP: an empty line"
        return code, said

    def start_tls(self) -> None:
        """Secure the connection after the server has agreed to it; all that it said in clear is forgotten.

        Raises:
            TransportFailed: something was said in clear that belongs to nothing: somebody else may have put it there.
        """
        assert self.sock is not None
        if self.file is not None and self.file.waiting:
            message = f"{self.server.host} goes on in clear after it agreed to secure the connection"
            raise TransportFailed(message, phase="tls", hint="Somebody may be listening in between.")
        self.sock = self.context.wrap_socket(self.sock, server_hostname=self.server.host)
        self.file = None
        self.helo_resp = self.ehlo_resp = None
        self.esmtp_features = {}
        self.does_esmtp = False


def connect(server: SmtpServer, secret: Callable[[], Secret], at: Callable[[str], None]) -> smtplib.SMTP:
    """A connection to ``server``; ``secret`` is asked for only when somebody logs in, ``at`` is told each phase.

    Raises:
        TransportFailed: with the phase in which it failed, and scope "run" when another try would end the same.
    """
    if server.security == "none" and not (server.insecure or is_loopback(server.host)):
        message = f"mail and passwords would travel to {server.host} in clear"
        raise TransportFailed(message, phase="tls", hint="Set security: starttls or tls in config.yaml.")
    connection = _Connection(server, _context(server))
    try:
        with _told("connect", server):
            at("connect")
            _expect(connection.connect(server.host, server.port), 220, "connect")
        _name_ourselves(connection)
        with _told("helo", server):
            _greet(connection, at)
        if server.security == "starttls":
            with _told("tls", server):
                at("tls")
                _secure(connection)
            with _told("helo", server):
                _greet(connection, at)
        if server.user:
            with _told("auth", server):
                at("auth")
                _log_in(connection, secret)
    except BaseException:  # Whatever ends it, half a login is of no use to anybody.
        with contextlib.suppress(OSError):
            connection.close()
        raise
    return connection


def _context(server: SmtpServer) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=server.ca or None)
    except OSError as exc:
        reason = (exc.strerror or str(exc)).lower()
        raise TransportFailed(f"the certificates in {server.ca} cannot be used: {reason}", phase="tls") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _name_ourselves(connection: _Connection) -> None:
    """Our IP address stands for our name (RFC 5321 section 4.1.3): the name of a laptop is nobody's business."""
    if not connection.server.helo:
        assert connection.sock is not None
        address = connection.sock.getsockname()[0].partition("%")[0]
        connection.local_hostname = f"[IPv6:{address}]" if ":" in address else f"[{address}]"


def _greet(connection: _Connection, at: Callable[[str], None]) -> None:
    at("helo")
    code, said = connection.ehlo()
    if code // 100 == 5:
        code, said = connection.helo()
    _expect((code, said), 250, "helo")


def _secure(connection: _Connection) -> None:
    if "starttls" not in connection.esmtp_features:
        message = f"{connection.server.host} does not offer to secure the connection (STARTTLS)"
        raise TransportFailed(message, phase="tls", hint="Look at port: and security: in config.yaml.")
    _expect(connection.docmd("STARTTLS"), 220, "tls")
    connection.start_tls()


def _log_in(connection: _Connection, secret: Callable[[], Secret]) -> None:
    server = connection.server
    way = login.mechanism(server.auth, connection.esmtp_features.get("auth", ""))
    code, text = login.log_in(connection, way, server.user, secret())
    if code != 235:
        _expect((code if code // 100 in (4, 5) else 535, text.encode()), 235, "auth")


def _expect(reply: tuple[int, bytes], wanted: int, phase: str) -> None:
    code, said = reply
    if code != wanted:
        text = made_safe(said)
        scope = classify(code, text, phase).scope
        words = f"{_AT[phase]}: {code} {text}" if code > 0 else f"{_AT[phase]}: {text}"
        hint = "Look at user:, password_command: and auth: in config.yaml." if phase == "auth" and scope == RUN else ""
        raise TransportFailed(words, scope=scope, phase=phase, reply=max(code, 0), hint=hint)


_LEAST = 200
"""No reply has a lower code: RFC 5321 section 4.2.1."""

_AT = {
    "connect": "the server does not want to talk",
    "helo": "the server does not greet back",
    "tls": "the server does not secure the connection",
    "auth": "the server does not let us in",
}


@contextlib.contextmanager
def _told(phase: str, server: SmtpServer) -> Iterator[None]:
    """Turn what breaks a connection into words."""
    where = f"{server.host}, port {server.port}"
    try:
        yield
    except ssl.SSLCertVerificationError as exc:
        reason = exc.verify_message or "it is not trusted"
        message = f"the certificate of {where} cannot be trusted: {reason}"
        raise TransportFailed(message, phase="tls", hint="Set ca: to the file of your own authority.") from None
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
        message = f"{where} broke off while the connection was being secured"
        raise TransportFailed(message, scope=ROW, phase=phase) from None
    except ssl.SSLError as exc:
        message = f"{where} cannot be talked to securely: {(exc.reason or str(exc)).lower().replace('_', ' ')}"
        hint = "Port 587 mostly goes with security: starttls, port 465 with security: tls."
        raise TransportFailed(message, phase="tls", hint=hint) from None
    except socket.gaierror as exc:
        raise TransportFailed(f"there is no machine {server.host}: {exc.strerror}", scope=ROW, phase=phase) from None
    except TimeoutError:
        raise TransportFailed(f"{where} does not answer in time", scope=ROW, phase=phase) from None
    except ConnectionRefusedError:
        raise TransportFailed(f"nobody answers at {where}: connection refused", scope=ROW, phase=phase) from None
    except _LOST as exc:
        reason = (getattr(exc, "strerror", "") or str(exc)).lower()
        raise TransportFailed(f"the connection to {where} was lost: {reason}", scope=ROW, phase=phase) from None
