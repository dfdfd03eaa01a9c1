"""Servers that keep one waiting: a whole reply has one time limit, and one size."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from crmctl.mail.transport import reading
from crmctl.mail.transport.connecting import connect
from crmctl.mail.transport.login import Secret
from crmctl.mail.transport.outcomes import SmtpServer
from crmctl.mail.transport.outcomes import Timeouts
from crmctl.mail.transport.outcomes import TransportFailed
from crmctl.mail.transport.smtp import Smtp

if TYPE_CHECKING:
    from collections.abc import Iterator

Answer = Callable[[socket.socket, threading.Event], None]
SID = "A" * 26
MESSAGE = b"Subject: x\r\n\r\nHello\r\n"


@contextlib.contextmanager
def server(answers: dict[str, bytes | Answer], over: threading.Event) -> Iterator[int]:
    """A server for one client that answers each command as it is told to, and with 250 otherwise."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        wire, _ = listener.accept()
        with wire, contextlib.suppress(OSError):
            say(wire, answers.get("connect", b"220 here\r\n"))
            for line in wire.makefile("rb"):
                word = line.split()[0].decode().upper() if line.split() else ""
                default = b"354 go on\r\n" if word == "DATA" else b"250 fine\r\n"
                if word in ("EHLO", "MAIL", "RCPT", "DATA", ".", "QUIT", "STARTTLS", "RSET"):
                    say(wire, answers.get(word, default))

    def say(wire: socket.socket, answer: bytes | Answer) -> None:
        wire.sendall(answer) if isinstance(answer, bytes) else answer(wire, over)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        over.set()
        listener.close()
        thread.join(10)


def drip(piece: bytes) -> Answer:
    """Say ``piece`` again and again, a little too slowly to ever come to an end."""

    def say(wire: socket.socket, over: threading.Event) -> None:
        while not over.wait(0.02):
            wire.sendall(piece)

    return say


def flood(wire: socket.socket, over: threading.Event) -> None:
    while not over.is_set():
        wire.sendall(b"250-and so on\r\n" * 100)


def trial(port: int, security: str = "none") -> Smtp:
    times = Timeouts(greeting=0.4, mail=0.4, rcpt=0.4, data=0.4, body=5, dot=0.4, quit=0.1)
    return Smtp(SmtpServer("127.0.0.1", port, security=security, timeouts=times))


@pytest.mark.parametrize(
    ("phase", "answer", "state", "words"),
    [
        ("RCPT", drip(b"2"), "deferred", "the server did not answer in time"),
        ("RCPT", drip(b"250-wait\r\n"), "deferred", "the server did not answer in time"),
        ("RCPT", flood, "deferred", "the server's reply is too long to be one"),
        (".", drip(b"250-wait\r\n"), "unknown", "the server did not answer in time"),
        (".", flood, "unknown", "the server's reply is too long to be one"),
        (".", b"\xff\xfe\x00\x80\r\n", "unknown", ""),
        (".", b"250 queued \xff\xfe \x1b[2J\r\n421 and now leave\r\n", "accepted", "queued"),
    ],
)
def test_a_reply_has_one_time_limit_and_one_size(phase: str, answer: bytes | Answer, state: str, words: str) -> None:
    dots = []
    with server({phase: answer}, threading.Event()) as port:
        way = trial(port)
        outcome = way.send("a@example.com", "b@example.org", MESSAGE, sid=SID, before_dot=lambda: dots.append(1))
        way.close()
    assert (outcome.state, len(dots)) == (state, 1 if phase == "." else 0)
    assert words in outcome.text
    assert "\x1b" not in outcome.text


@pytest.mark.parametrize("answer", [drip(b"220-wait\r\n"), flood])
def test_a_greeting_that_never_ends_is_none(answer: Answer) -> None:
    with server({"connect": answer}, threading.Event()) as port, pytest.raises(TransportFailed) as caught:
        trial(port).open()
    assert caught.value.scope == "row"


def test_nothing_is_taken_that_was_said_in_clear_behind_starttls() -> None:
    answers: dict[str, bytes | Answer] = {
        "EHLO": b"250-here\r\n250 STARTTLS\r\n",
        "STARTTLS": b"220 go on\r\n250 AUTH PLAIN\r\n",
    }
    with server(answers, threading.Event()) as port, pytest.raises(TransportFailed) as caught:
        connect(trial(port, "starttls").server, lambda: Secret("x"), lambda _phase: None)
    assert "goes on in clear" in caught.value.message
    assert caught.value.phase == "tls"


def test_what_is_left_of_a_line_is_the_next_piece() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"250 a\r\n250 b")
        reader = reading.Reader(ours)
        reader.begin()
        assert reader.readline(100) == b"250 a\r\n"
        assert reader.waiting
        theirs.close()
        assert (reader.readline(3), reader.readline(100), reader.readline(100)) == (b"250", b" b", b"")
