"""What a server says, read with one time limit for a whole reply, and only so much of it.

A socket's own limit is for each piece that arrives, so that a server which says a letter now and then would hold a run
up for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl import clock

if TYPE_CHECKING:
    import socket

MOST = 64 * 1024
"""Bytes of one reply, of however many lines."""

TOO_LONG = "the server's reply is too long to be one"

_PIECE = 4096


class Reader:
    """The lines that arrive at ``sock``, as ``smtplib`` asks for them."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._buffer = b""
        self._until: float | None = None
        self._taken = 0
        self.last = b""
        """The line that was read last, without its end."""

    @property
    def waiting(self) -> bool:
        """Whether something was said that nobody has read."""
        return bool(self._buffer)

    def begin(self) -> None:
        """A reply begins: the time that the socket would wait is from here on for all of it."""
        seconds = self._sock.gettimeout()
        self._until = clock.monotonic() + seconds if seconds is not None else None
        self._taken = 0

    def readline(self, most: int) -> bytes:
        """The next line with its end, as much as ``most`` bytes of it; what there is when the server has left.

        Raises:
            TimeoutError: the reply takes too long.
            OSError: it is too long, or the connection is lost.
        """
        while (end := self._buffer.find(b"\n") + 1) == 0 and len(self._buffer) < most:
            piece = self._receive()
            if not piece:
                break
            self._buffer += piece
        size = min(end or len(self._buffer), most)
        line, self._buffer = self._buffer[:size], self._buffer[size:]
        self.last = line.rstrip()
        self._taken += size
        if self._taken > MOST:
            raise OSError(TOO_LONG)
        return line

    def _receive(self) -> bytes:
        if self._until is not None:
            left = self._until - clock.monotonic()
            if left <= 0:
                raise TimeoutError("timed out")
            self._sock.settimeout(left)
        return self._sock.recv(_PIECE)

    def peek(self, _size: int) -> bytes:
        """What can be read at once; b"" when that is nothing.

        Raises:
            ssl.SSLWantReadError: nothing, as a secured connection says it.
            OSError: the connection is lost.
        """
        if not self._buffer:
            try:
                self._buffer = self._sock.recv(_PIECE)
            except BlockingIOError:
                return b""
        return self._buffer

    def close(self) -> None:
        """Nothing of one's own is open."""
