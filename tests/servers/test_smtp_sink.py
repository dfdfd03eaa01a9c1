"""Our SMTP against Postfix's smtp-sink: each way an attempt can end, and what has arrived then."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
from helpers import campaign_book as books
from helpers import rig_base as rig
from helpers.rig_sink import Sink
from helpers.rig_sink import sink

from crmctl.mail.transport.outcomes import Outcome
from crmctl.mail.transport.outcomes import SmtpServer
from crmctl.mail.transport.outcomes import Timeouts
from crmctl.mail.transport.ways import smtp_transport

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

SID = "A2B3C4D5E6F7A2B3C4D5E6F7AB"
SENDER = f"bounces+{SID}@crm.example"
TEXT = (
    b"Subject: hello\r\nTo: bob@example.com\r\n\r\n.\r\n..\r\n.hidden\r\nFrom here\r\nblank at the end \r\n"
    + b"x" * 998
    + b"\r\n\r\n\r\n"
)
PATIENT = Timeouts(dot=10)


class Dots:
    """Counts how often the last dot was about to go out."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        self.times += 1


def send(server: Sink, dots: Dots, text: bytes = TEXT, times: int = 1, patience: Timeouts = PATIENT) -> list[Outcome]:
    out = smtp_transport(SmtpServer("127.0.0.1", server.port, "none", timeouts=patience))
    people = [f"bob{number}@example.com" for number in range(times)]
    done = [out.send(SENDER, person, text, sid=SID, before_dot=dots) for person in people]
    out.close()
    return done


def test_what_is_sent_arrives_to_the_last_byte_with_our_envelope() -> None:
    with sink() as server:
        dots = Dots()
        done = send(server, dots, times=3)
        assert [(one.state, one.code, one.phase) for one in done] == [("accepted", 250, "dot")] * 3
        assert dots.times == 3
        rig.until(lambda: len(server.dumped()) == 3)
        for number, mail in enumerate(server.dumped()):
            assert (mail.sender, mail.recipient) == (SENDER, f"bob{number}@example.com")
            assert f"ENVID={SID}" in mail.options
            assert mail.text == TEXT.replace(b"\r\n", b"\n")


def test_a_megabyte_arrives_to_the_last_byte() -> None:
    lines = b"".join(b".%d %s\r\n" % (number, b"y" * (number % 70)) for number in range(24_000))
    text = b"Subject: much\r\n\r\n" + lines
    assert len(text) > 1_000_000
    with sink() as server:
        assert send(server, Dots(), text)[0].state == "accepted"
        rig.until(server.dumped)
        assert server.dumped()[0].text == text.replace(b"\r\n", b"\n")


@pytest.mark.parametrize(
    ("how", "state", "phase", "code", "scope", "dots"),
    [
        # The gap of RFC 1047: the message is there, the answer is not.
        (("-q", "."), "unknown", "dot", 0, "row", 1),
        (("-q", "DATA"), "deferred", "data", 0, "row", 0),
        (("-q", "RCPT"), "deferred", "rcpt", 0, "row", 0),
        (("-q", "MAIL"), "deferred", "mail", 0, "row", 0),
        (("-q", "EHLO"), "not_tried", "helo", 0, "row", 0),
        # A 421 after the dot is an answer: it was not taken.
        (("-Q", "."), "deferred", "dot", 421, "row", 1),
        (("-Q", "RCPT"), "deferred", "rcpt", 421, "row", 0),
        (("-f", "RCPT", "-B", "550 5.1.1 no such person"), "rejected", "rcpt", 550, "row", 0),
        (("-f", "RCPT", "-B", "550 5.7.1 blocked by policy"), "rejected", "rcpt", 550, "run", 0),
        (("-f", ".", "-B", "554 5.6.0 not this"), "rejected", "dot", 554, "row", 1),
        (("-r", "RCPT", "-b", "450 4.7.1 grey"), "deferred", "rcpt", 450, "row", 0),
        (("-r", ".", "-b", "451 4.3.0 later"), "deferred", "dot", 451, "row", 1),
        (("-r", "RCPT", "-b", "450 4.7.28 too fast"), "deferred", "rcpt", 450, "domain", 0),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_each_way_it_can_go_wrong(
    how: tuple[str, ...], state: str, phase: str, code: int, scope: str, dots: int
) -> None:
    with sink(*how) as server:
        counted = Dots()
        (done,) = send(server, counted)
        assert (done.state, done.phase, done.code, done.scope) == (state, phase, code, scope), done
        assert counted.times == dots
        if how == ("-q", "."):
            rig.until(lambda: [mail.text for mail in server.dumped()] == [TEXT.replace(b"\r\n", b"\n")])
        elif not dots:
            assert server.dumped() == []


def test_a_server_that_is_silent_before_the_text_is_left_and_has_nothing() -> None:
    with sink("-w", "30") as server:
        dots = Dots()
        (done,) = send(server, dots, patience=Timeouts(data=0.2))
        assert (done.state, done.phase, dots.times) == ("deferred", "data", 0), done
        assert "in time" in done.text
        assert server.dumped() == []


def test_a_server_that_is_silent_after_the_dot_may_have_it() -> None:
    with sink() as server:
        out = smtp_transport(SmtpServer("127.0.0.1", server.port, "none", timeouts=Timeouts(dot=0.2)))

        def stopped() -> None:
            os.kill(server.process, signal.SIGSTOP)

        done = out.send(SENDER, "bob@example.com", TEXT, sid=SID, before_dot=stopped)
        assert (done.state, done.phase) == ("unknown", "dot"), done
        assert "in time" in done.text
        os.kill(server.process, signal.SIGCONT)
        # And it has: that is why it must not be tried again.
        rig.until(lambda: [mail.text for mail in server.dumped()] == [TEXT.replace(b"\r\n", b"\n")])
        out.close()


def test_after_a_refusal_the_same_connection_goes_on() -> None:
    with sink("-f", "RCPT", "-B", "550 5.1.1 no such person") as server:
        assert [one.state for one in send(server, Dots(), times=5)] == ["rejected"] * 5


def test_a_campaign_arrives_and_the_second_run_sends_nothing(tmp_path: Path, run: Run) -> None:
    root = books.make(tmp_path / "book", 12)
    with sink() as server:
        books.configure(server.port)
        assert run("-C", root, "campaign", "send", "spring", "--send").code == 0
        assert run("-C", root, "campaign", "send", "spring", "--send").code == 0
        rig.until(lambda: len(server.dumped()) == 12)
        found = server.dumped()
    assert [mail.recipient for mail in found] == [f"p{number:03d}@example.org" for number in range(12)]
    sids = {handle: row.sid for handle, row in books.rows(root).items()}
    assert [mail.sender for mail in found] == [f"bounces+{sids[f'p{n:03d}']}@example.com" for n in range(12)]
    assert books.states(root) == {"accepted": 12}


def test_a_server_that_never_answers_the_dot_is_left_before_it_costs_many(tmp_path: Path, run: Run) -> None:
    root = books.make(tmp_path / "book", 12)
    with sink("-q", ".") as server:
        books.configure(server.port)
        done = run("-C", root, "campaign", "send", "spring", "--send")
        assert done.code == 8, done.err
        unknown = books.states(root)["unknown"]
        assert 3 < unknown < 6
        rig.until(lambda: len(server.dumped()) == unknown)
    assert books.status(root).status == "paused"
    with sink() as server:
        books.configure(server.port)
        assert run("-C", root, "campaign", "resume", "spring").code == 0
        assert run("-C", root, "campaign", "send", "spring", "--send").code in (0, 8)
        rig.until(lambda: len(server.dumped()) == 12 - unknown)
    assert books.states(root) == {"accepted": 12 - unknown, "unknown": unknown}
