"""A mail server on 127.0.0.1 that does as it is told: aiosmtpd, with a script of what happens to whom.

    with MailServer() as server:
        server.script("bob@example.com", "rcpt 450 4.2.0 try later", "dot drop")
        ...
        assert [mail.recipient for mail in server.accepted] == [...]

A script is a list of steps for one recipient ("" for whoever comes next); each is used once, in order, and a recipient
without a step is taken. A step is a phase and what happens in it:

    connect|helo|mail|rcpt|data|dot NNN words     this reply (the message is kept if it is a 2xx); 421 also hangs up
    connect|helo|mail|rcpt|data|body drop         hang up;  ... reset: with a TCP reset
    data early NNN words                          the 354 and, at once, this reply
    body NNN words                                this reply after the first line of the text, then a TCP reset
    dot drop                                      keep the message, then hang up without a reply; dot reset: likewise
    dot lose                                      hang up without a reply, and do not keep it
    ... stall                                     say nothing until the client goes away

``on_phase(phase, recipient)`` is called in the server's thread when a phase is reached, before anything is said: a test
may kill the client there. The last phase, "kept", comes when the message has been kept and the reply has not been sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import ssl
import subprocess
import threading
from collections import defaultdict
from collections import deque
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

import pytest
from aiosmtpd.smtp import SMTP
from aiosmtpd.smtp import AuthResult

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PHASES = ("connect", "helo", "mail", "rcpt", "data", "body", "dot")
GREY = "450 4.2.0 Greylisted, please try again in 300 seconds"


class Kept(NamedTuple):
    """A message that the server took, and how it came; ``options`` are the parameters of MAIL and RCPT as sent."""

    sender: str
    recipient: str
    data: bytes
    options: tuple[str, ...]
    helo: str
    user: str
    secured: bool


class Certificate(NamedTuple):
    """A certificate for localhost and 127.0.0.1 that nobody trusts, and its key."""

    chain: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """For a server."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.chain, self.key)
        return context


def make_certificate(folder: Path, names: str = "DNS:localhost,IP:127.0.0.1") -> Certificate:
    """A throw-away certificate; the test is skipped where there is no openssl."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not there to make a certificate")
    made = Certificate(folder / "cert.pem", folder / "key.pem")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test".split()
    where = ["-addext", f"subjectAltName={names}", "-keyout", str(made.key), "-out", str(made.chain)]
    subprocess.run([*command, *where], check=True, capture_output=True)
    return made


class MailServer:
    """The server. ``security``: none, starttls or tls (with ``certificate``). ``users``: names and passwords, or tokens
    for XOAUTH2. ``greylist``: each pair of sender and recipient is put off once. ``dsn``, ``utf8``: what it offers."""

    def __init__(
        self,
        *,
        security: str = "none",
        certificate: Certificate | None = None,
        users: dict[str, str] | None = None,
        mechanisms: str = "PLAIN LOGIN XOAUTH2",
        greylist: bool = False,
        dsn: bool = True,
        utf8: bool = True,
        on_phase: Callable[[str, str], None] | None = None,
    ) -> None:
        self.security = security
        self.users = users or {}
        self.mechanisms = mechanisms.split()
        self.greylist = greylist
        self.dsn = dsn
        self.utf8 = utf8
        self.on_phase = on_phase
        self.accepted: list[Kept] = []
        self.phases: list[tuple[str, str]] = []
        """All phases that were reached, with the recipient as far as it was known."""
        self.connections = 0
        self.hung_up = threading.Event()
        """Set when the server has broken off a connection."""
        self.port = 0
        self._context = certificate.context() if certificate is not None else None
        self._steps: dict[str, deque[str]] = defaultdict(deque)
        self._seen: set[tuple[str, str]] = set()
        self._loop = asyncio.new_event_loop()
        self._open: set[_Session] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def script(self, recipient: str, *steps: str) -> None:
        """Add steps for ``recipient``."""
        assert all(step.split()[0] in PHASES for step in steps), steps
        self._steps[recipient].extend(steps)

    def hang_up(self) -> None:
        """Break off all connections, as a server does that has heard nothing for too long."""

        async def all_of_them() -> None:
            for session in list(self._open):
                session.hang_up()

        asyncio.run_coroutine_threadsafe(all_of_them(), self._loop).result(10)

    def recipients(self) -> list[str]:
        """To whom messages were kept, in order."""
        return [kept.recipient for kept in self.accepted]

    def __enter__(self) -> MailServer:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        try:
            asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)
            self._loop.close()

    async def _start(self) -> None:
        context = self._context if self.security == "tls" else None
        self._server = await self._loop.create_server(self._session, "127.0.0.1", self.port, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        self._server.close()
        for session in list(self._open):
            session.hang_up(reset=True)
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
        await self._server.wait_closed()

    def _session(self) -> _Session:
        self.connections += 1
        return _Session(self, self._context if self.security == "starttls" else None)

    def reached(self, phase: str, recipient: str = "") -> None:
        """Note a phase, and tell whoever wants to know."""
        self.phases.append((phase, recipient))
        if self.on_phase is not None:
            self.on_phase(phase, recipient)

    def step(self, phase: str, recipient: str = "") -> str:
        """What is to happen in ``phase``; "" for what always does."""
        for key in (recipient, "") if recipient else ("",):
            steps = self._steps[key]
            if steps and steps[0].split()[0] == phase:
                return steps.popleft().partition(" ")[2]
        return ""

    def is_grey(self, sender: str, recipient: str) -> bool:
        """Whether to put this pair off: the first time it is seen."""
        if not self.greylist or (sender, recipient) in self._seen:
            return False
        self._seen.add((sender, recipient))
        return True

    def authenticator(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        """Whether a name and a password belong together."""
        good = self.users.get(data.login.decode()) == data.password.decode()
        return AuthResult(success=good, handled=False) if not good else AuthResult(success=True, auth_data=data.login)


class _Gone(Exception):
    """The connection was broken off as scripted."""


class _Session(SMTP):
    """One connection."""

    line_length_limit = 1 << 20
    session: Any
    envelope: Any
    transport: Any

    def __init__(self, owner: MailServer, context: ssl.SSLContext | None) -> None:
        self.owner = owner
        super().__init__(
            self,
            hostname="test.example",
            enable_SMTPUTF8=owner.utf8,
            tls_context=context,
            require_starttls=context is not None,
            auth_require_tls=owner.security != "none",
            auth_exclude_mechanism=[name for name in ("PLAIN", "LOGIN") if name not in owner.mechanisms],
            authenticator=owner.authenticator if owner.users else None,
            loop=owner._loop,
        )
        # As an argument it would come with a warning where there is no TLS.
        self._auth_required = bool(owner.users)
        self.sent_options: list[str] = []

    # What a connection does

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.owner._open.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self.owner._open.discard(self)
        super().connection_lost(error)

    def hang_up(self, *, reset: bool = False) -> None:
        if self.transport is not None:
            if reset:
                # With TLS, Python 3.11.2 stumbles over a connection that is closed already.
                with contextlib.suppress(AttributeError):
                    self.transport.abort()
            else:
                self.transport.close()

    async def _handle_client(self) -> None:
        self.owner.reached("connect")
        try:
            if not await self._scripted("connect"):
                await super()._handle_client()
        except (_Gone, ConnectionError):
            pass

    async def handle_exception(self, error: Exception) -> str:
        raise error if not isinstance(error, _Gone) else asyncio.CancelledError

    async def _scripted(self, phase: str, recipient: str = "") -> bool:
        """Do what the script has for ``phase``; whether it had something."""
        step = self.owner.step(phase, recipient)
        if not step:
            return False
        if step == "stall":
            await asyncio.Event().wait()
        if step in ("drop", "reset", "lose"):
            self._leave(reset=step == "reset")
        await self.push(step)
        if step.startswith("421") or phase == "connect":
            self._leave(reset=False)
        return True

    def _leave(self, *, reset: bool) -> None:
        self.hang_up(reset=reset)
        self.owner.hung_up.set()
        raise asyncio.CancelledError

    # Commands; aiosmtpd finds them by these names

    async def handle_EHLO(  # noqa: N802
        self, _server: Any, session: Any, _envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        if self.owner.dsn:
            responses.insert(-1, "250-DSN")
        if "XOAUTH2" not in self.owner.mechanisms:
            responses = [line.replace(" XOAUTH2", "") for line in responses]
        return responses

    async def smtp_EHLO(self, hostname: str) -> None:  # noqa: N802
        self.owner.reached("helo")
        if not await self._scripted("helo"):
            await super().smtp_EHLO(hostname)

    async def auth_XOAUTH2(self, _server: Any, args: list[str]) -> AuthResult:  # noqa: N802
        from base64 import b64decode

        name, token = (part.partition("=")[2] for part in b64decode(args[1]).decode().split("\1")[:2])
        if self.owner.users.get(name) == token.removeprefix("Bearer "):
            return AuthResult(success=True, auth_data=name.encode())
        await self.challenge_auth(b'{"status":"401"}')
        return AuthResult(success=False, handled=False)

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802
        self.owner.reached("mail")
        self.sent_options = [word for word in (arg or "").split()[1:] if "=" in word or word == "SMTPUTF8"]
        if not await self._scripted("mail"):
            await super().smtp_MAIL(self._plain(arg))

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802
        recipient = (arg or "").partition("<")[2].partition(">")[0]
        self.owner.reached("rcpt", recipient)
        self.sent_options += [word for word in (arg or "").split()[1:] if "=" in word]
        if await self._scripted("rcpt", recipient):
            return
        if self.owner.is_grey(str(self.envelope.mail_from), recipient):
            await self.push(GREY)
            return
        await super().smtp_RCPT(self._plain(arg))

    def _plain(self, arg: str | None) -> str | None:
        """Without the parameters of RFC 3461, which aiosmtpd does not know."""
        if arg is None or not self.owner.dsn:
            return arg
        strange = ("RET=", "ENVID=", "NOTIFY=", "ORCPT=")
        return " ".join(word for word in arg.split(" ") if not word.startswith(strange))

    async def smtp_DATA(self, _arg: str | None) -> None:  # noqa: N802
        if not self.envelope.rcpt_tos:
            await self.push("503 5.5.1 Error: need RCPT command")
            return
        recipient = self.envelope.rcpt_tos[-1]
        self.owner.reached("data", recipient)
        step = self.owner.step("data", recipient)
        if step.startswith("early "):
            await self.push(f"354 go ahead\r\n{step[6:]}")
            await asyncio.Event().wait()  # What is still sent is for nobody.
        elif step:
            self.owner._steps[recipient].appendleft(f"data {step}")
            await self._scripted("data", recipient)
            return
        else:
            await self.push("354 End data with <CR><LF>.<CR><LF>")
        await self._take(recipient)

    async def _take(self, recipient: str) -> None:
        lines: list[bytes] = []
        while (line := await self._reader.readuntil(b"\r\n")) != b".\r\n":
            lines.append(line[1:] if line.startswith(b".") else line)
            if len(lines) == 1:
                self.owner.reached("body", recipient)
                if await self._scripted("body", recipient):
                    self._leave(reset=True)
        self.owner.reached("dot", recipient)
        step = self.owner.step("dot", recipient)
        if step in ("", "drop", "reset") or step.startswith("2"):
            self._keep(recipient, b"".join(lines))
            self.owner.reached("kept", recipient)
        self._set_post_data_state()  # type: ignore[no-untyped-call]
        if step:
            self.owner._steps[recipient].appendleft(f"dot {step}")
            await self._scripted("dot", recipient)
        else:
            await self.push(f"250 2.0.0 kept as {len(self.owner.accepted)}")

    def _keep(self, recipient: str, data: bytes) -> None:
        session = self.session
        user = session.auth_data.decode() if session.authenticated else ""
        secured = self.owner.security == "tls" or session.ssl is not None
        sender = str(self.envelope.mail_from)
        options = tuple(self.sent_options)
        self.owner.accepted.append(Kept(sender, recipient, data, options, session.host_name, user, secured))
