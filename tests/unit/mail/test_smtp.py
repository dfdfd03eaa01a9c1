"""SMTP against a scripted server: what is known after each way an attempt can end."""

from __future__ import annotations

import socket
import threading
import time
import traceback
from typing import TYPE_CHECKING

import pytest
from helpers.smtp_server import Certificate
from helpers.smtp_server import MailServer
from helpers.smtp_server import make_certificate
from hypothesis import given
from hypothesis import strategies as st

from crmctl.errors import StorageFailed
from crmctl.mail.addresses import Refused
from crmctl.mail.transport.envelope import check_data
from crmctl.mail.transport.envelope import stuffed
from crmctl.mail.transport.login import Secret
from crmctl.mail.transport.login import log_in
from crmctl.mail.transport.outcomes import Outcome
from crmctl.mail.transport.outcomes import SmtpServer
from crmctl.mail.transport.outcomes import Timeouts
from crmctl.mail.transport.outcomes import Transport
from crmctl.mail.transport.outcomes import TransportFailed
from crmctl.mail.transport.ways import smtp_transport

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterator
    from pathlib import Path

PATIENT = Timeouts()
BOB = "bob@example.com"
SID = "A2B3C4D5E6F7A2B3C4D5E6F7AB"
SENDER = f"bounces+{SID}@crm.example"
TEXT = b"Subject: hello\r\nTo: bob@example.com\r\n\r\n.\r\n..\r\n.hidden\r\nend \r\n\r\n"
LARGE = TEXT * 400_000  # More than all the buffers on the way hold: the server speaks before it is through.


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer() as made:
        yield made


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"))


def connected(server: MailServer, timeouts: Timeouts = PATIENT, **settings: object) -> Transport:
    how = SmtpServer("127.0.0.1", server.port, "none")._replace(timeouts=timeouts, **settings)  # type: ignore[arg-type]
    return smtp_transport(how, lambda: server.users.get(how.user, ""))


@pytest.fixture
def out(server: MailServer) -> Iterator[Transport]:
    transport = connected(server)
    yield transport
    transport.close()


class Dot:
    """Counts how often the last dot was about to go out."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        self.times += 1


def send(out: Transport, recipient: str = BOB, data: bytes = TEXT, dot: Callable[[], None] = lambda: None) -> Outcome:
    return out.send(SENDER, recipient, data, sid=SID, before_dot=dot)


# What arrives


def test_the_bytes_arrive_as_they_were_given(server: MailServer, out: Transport) -> None:
    outcome = send(out)
    assert outcome == Outcome("accepted", 250, "2.0.0 kept as 1", "dot")
    (kept,) = server.accepted
    assert kept.data == TEXT
    assert (kept.sender, kept.recipient, kept.helo) == (SENDER, BOB, "[127.0.0.1]")


@pytest.mark.parametrize("data", [b".\r\n", b"\r\n", b"..\r\n.\r\n", b"x" * 70_000 + b"\r\n.\r\n", b"a\r\n" * 90_000])
def test_dots_and_sizes_make_no_difference(server: MailServer, out: Transport, data: bytes) -> None:
    assert send(out, data=data).state == "accepted"
    assert [kept.data for kept in server.accepted] == [data]


@given(st.lists(st.text("ab. \x00\x7f\xff", max_size=4), min_size=1, max_size=8))
def test_no_line_on_the_wire_ends_the_message_and_all_are_read_as_they_were(lines: list[str]) -> None:
    data = "".join(f"{line}\r\n" for line in lines).encode("latin-1")
    check_data(data)
    wire = stuffed(data).split(b"\r\n")
    assert b"." not in wire
    assert b"\r\n".join(line[1:] if line.startswith(b".") else line for line in wire) == data


def test_the_envelope_carries_the_id_when_the_server_offers_dsn(server: MailServer, out: Transport) -> None:
    send(out, "a+b=c@example.com")
    (kept,) = server.accepted
    assert kept.options == (
        f"SIZE={len(TEXT)}",
        "RET=HDRS",
        f"ENVID={SID}",
        "NOTIFY=FAILURE",
        "ORCPT=rfc822;a+2Bb+3Dc@example.com",
    )


def test_nothing_is_asked_for_that_is_not_offered() -> None:
    with MailServer(dsn=False, utf8=False) as server:
        out = connected(server)
        assert send(out).state == "accepted"
        assert server.accepted[0].options == (f"SIZE={len(TEXT)}",)
        outcome = send(out, "jürgen@example.com")
        assert (outcome.state, outcome.phase, outcome.policy) == ("rejected", "mail", True)
        assert "SMTPUTF8" in outcome.text
        assert [recipient for phase, recipient in server.phases if phase == "rcpt"] == [BOB]
        out.close()


def test_letters_beyond_ascii_go_where_they_are_taken(server: MailServer, out: Transport) -> None:
    assert send(out, "jürgen@example.com", "Subject: für dich\r\n\r\nSchön\r\n".encode()).state == "accepted"
    assert send(out, "info@bücher.example").state == "accepted"
    first, second = server.accepted
    assert (first.recipient, first.data) == ("jürgen@example.com", "Subject: für dich\r\n\r\nSchön\r\n".encode())
    assert {"BODY=8BITMIME", "SMTPUTF8"} <= set(first.options)
    assert second.recipient == "info@xn--bcher-kva.example"
    assert "SMTPUTF8" not in second.options


@pytest.mark.parametrize("data", [b"no end", b"bare\nline\r\n", b"bare\rline\r\n", b"smuggled\n.\nMAIL\r\n", b""])
def test_what_would_not_arrive_as_it_is_does_not_leave(server: MailServer, out: Transport, data: bytes) -> None:
    with pytest.raises(Refused):
        send(out, data=data)
    assert server.connections == 0


@pytest.mark.parametrize(
    "address", ["", "a@b>\r\nRCPT TO:<c@d", "a@b> <c@d", "a b@c.example", "a\0@b", "x" * 400 + "@y"]
)
def test_an_address_cannot_become_a_command(server: MailServer, out: Transport, address: str) -> None:
    with pytest.raises(Refused):
        send(out, address)
    assert server.connections == 0


def test_one_connection_serves_many_messages(server: MailServer, out: Transport) -> None:
    server.script("c@example.com", "rcpt 550 5.1.1 no such user")
    states = [send(out, f"{name}@example.com").state for name in "abcde"]
    assert states == ["accepted", "accepted", "rejected", "accepted", "accepted"]
    assert server.connections == 1
    assert server.recipients() == [f"{name}@example.com" for name in "abde"]


def test_phases_are_told_in_order(out: Transport) -> None:
    seen: list[str] = []
    out.send(SENDER, BOB, TEXT, sid=SID, before_dot=lambda: seen.append("(dot)"), at=seen.append)
    assert seen == ["connect", "helo", "mail", "rcpt", "data", "body", "(dot)", "dot"]


# Replies


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("rcpt 550 5.1.1 no such user", ("rejected", 550, "rcpt", "row", False)),
        ("rcpt 450 4.2.0 greylisted", ("deferred", 450, "rcpt", "row", False)),
        ("rcpt 421 4.7.28 too many from you", ("deferred", 421, "rcpt", "domain", True)),
        ("rcpt 550 5.7.1 blocked", ("rejected", 550, "rcpt", "run", True)),
        ("rcpt 530 5.7.0 authentication required", ("not_tried", 530, "rcpt", "run", True)),
        ("data 451 4.3.0 later", ("deferred", 451, "data", "row", False)),
        ("data 554 5.5.1 no valid recipients", ("rejected", 554, "data", "row", False)),
        ("data 250 what", ("deferred", 250, "data", "row", False)),
        ("dot 451 4.7.0 later", ("deferred", 451, "dot", "row", False)),
        ("dot 421 4.3.2 closing", ("deferred", 421, "dot", "row", False)),
        ("dot 552 5.3.4 too large", ("rejected", 552, "dot", "row", False)),
        ("dot 550 5.7.1 looks like spam", ("rejected", 550, "dot", "run", True)),
        ("dot 250 2.0.0 queued", ("accepted", 250, "dot", "row", False)),
        ("dot garbage", ("unknown", 0, "dot", "row", False)),
        ("dot 354 go on", ("unknown", 354, "dot", "row", False)),
    ],
)
def test_a_reply_leads_to_its_state_and_the_next_message_goes_out(
    server: MailServer, out: Transport, step: str, expected: tuple[object, ...]
) -> None:
    server.script(BOB, step)
    outcome = send(out)
    assert (outcome.state, outcome.code, outcome.phase, outcome.scope, outcome.policy) == expected
    assert send(out, "next@example.com").state == "accepted"


@pytest.mark.parametrize(
    ("said", "words"),
    [("hello there", "no SMTP: 'hello there'"), ("150 hi", "no SMTP: '150 hi'"), ("\r\n", "no SMTP: an empty line")],
)
def test_what_is_no_reply_is_told_as_it_was_said(server: MailServer, out: Transport, said: str, words: str) -> None:
    server.script(BOB, f"rcpt {said}")
    outcome = send(out)
    assert (outcome.state, outcome.phase, outcome.text) == ("deferred", "rcpt", words)


@pytest.mark.parametrize(
    ("step", "state", "scope"),
    [
        ("mail 452 4.3.1 disk full", "deferred", "row"),
        ("mail 553 5.1.8 sender unknown", "not_tried", "run"),
        ("mail 552 5.3.4 too large", "rejected", "row"),
    ],
)
def test_a_refused_sender_costs_no_row(server: MailServer, out: Transport, step: str, state: str, scope: str) -> None:
    server.script("", step)
    outcome = send(out)
    assert (outcome.state, outcome.scope, outcome.phase) == (state, scope, "mail")


def test_replies_are_kept_without_addresses_and_controls(server: MailServer, out: Transport) -> None:
    server.script(BOB, "rcpt 550-5.1.1 <bob@example.com>: \x1b[31mno\x07 mailbox bob\r\n550 5.1.1 here " + "x" * 900)
    outcome = send(out)
    assert outcome.text.startswith("5.1.1 <[address]>: no mailbox [address] 5.1.1 here xxx")
    assert len(outcome.text) == 300
    server.script(BOB, f"dot 250 2.6.0 <{SID}@crm.example> queued for bob@example.com")
    assert send(out).text == f"2.6.0 <{SID}@crm.example> queued for [address]"


def test_greylisting_lets_the_same_pair_in_later() -> None:
    with MailServer(greylist=True) as server:
        out = connected(server)
        first, second = send(out), send(out)
        out.close()
    assert (first.state, first.code, second.state) == ("deferred", 450, "accepted")
    assert len(server.accepted) == 1


# Connections that break


@pytest.mark.parametrize("step", ["rcpt drop", "rcpt reset", "data drop", "data reset", "body drop", "body reset"])
def test_a_connection_lost_before_the_dot_is_safe_to_try_again(server: MailServer, out: Transport, step: str) -> None:
    server.script(BOB, step)
    dot = Dot()
    outcome = send(out, data=LARGE, dot=dot)
    assert (outcome.state, outcome.code) == ("deferred", 0)
    assert "connection" in outcome.text
    assert (dot.times, server.accepted) == (0, [])
    assert send(out).state == "accepted"
    assert server.connections == 2


@pytest.mark.parametrize(("step", "kept"), [("dot drop", 1), ("dot reset", 1), ("dot lose", 0)])
def test_a_connection_lost_after_the_dot_leaves_it_unknown(
    server: MailServer, out: Transport, step: str, kept: int
) -> None:
    server.script(BOB, step)
    dot = Dot()
    outcome = send(out, dot=dot)
    assert (outcome.state, outcome.code, outcome.phase) == ("unknown", 0, "dot")
    assert (dot.times, len(server.accepted)) == (1, kept)
    assert send(out, "next@example.com").state == "accepted"


def test_what_the_server_said_before_it_reset_the_connection_counts(server: MailServer, out: Transport) -> None:
    server.script(BOB, "body 552 5.3.4 too large")
    dot = Dot()
    outcome = send(out, data=LARGE, dot=dot)
    assert (outcome.state, outcome.code, outcome.phase, dot.times) == ("rejected", 552, "body", 0)
    assert send(out).state == "accepted"


def test_the_dot_does_not_follow_when_the_server_has_spoken(server: MailServer, out: Transport) -> None:
    for said, state in (("452 4.3.1 disk full", "deferred"), ("250 fine", "unknown")):
        server.script(BOB, f"data early {said}")
        dot = Dot()
        outcome = send(out, dot=dot)
        assert (outcome.state, outcome.phase, dot.times) == (state, "body", 0)
    assert server.accepted == []
    assert send(out).state == "accepted"


def test_the_dot_does_not_follow_when_the_server_has_left() -> None:
    with _rude(b"354 go\r\n") as (port, left):
        out = smtp_transport(SmtpServer("127.0.0.1", port, "none"))
        dot = Dot()

        def at(phase: str) -> None:
            if phase == "body":
                left.wait(60)

        outcome = out.send(SENDER, BOB, TEXT, sid=SID, before_dot=dot, at=at)
        out.close()
    assert (outcome.state, outcome.phase, dot.times) == ("deferred", "body", 0)


class _rude:  # noqa: N801 - used as a function
    """A server that answers everything up to a command, then says its last words and closes; reads nothing more."""

    def __init__(self, last: bytes, at: bytes = b"DATA") -> None:
        self._last = last
        self._at = at
        self._left = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> tuple[int, threading.Event]:
        self._thread.start()
        return self._socket.getsockname()[1], self._left

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self._thread.join(5)

    def _serve(self) -> None:
        peer, _ = self._socket.accept()
        with peer, peer.makefile("rb") as lines:
            peer.sendall(b"220 hi\r\n")
            for line in lines:
                if line.startswith(self._at):
                    peer.sendall(self._last)
                    peer.shutdown(socket.SHUT_RDWR)
                    break
                peer.sendall(b"250-fine\r\n250 STARTTLS\r\n")
        self._left.set()


@pytest.mark.parametrize("last", [b"354 " + b"x" * 9000 + b"\r\n", b"nonsense\r\n", b"25\r\n", b"354-go on\r\n"])
def test_replies_that_are_none_are_no_reply(last: bytes) -> None:
    with _rude(last) as (port, _):
        out = smtp_transport(SmtpServer("127.0.0.1", port, "none"))
        outcome = send(out)
        out.close()
    assert (outcome.state, outcome.phase) == ("deferred", "data")


def test_a_tired_connection_is_renewed_without_a_word(server: MailServer, out: Transport) -> None:
    assert send(out).state == "accepted"
    server.script("", "mail 421 4.7.0 too many messages on one connection")
    assert send(out).state == "accepted"
    server.script("", "mail drop")
    assert send(out).state == "accepted"
    assert (len(server.accepted), server.connections) == (3, 3)


def test_a_connection_that_was_closed_meanwhile_is_renewed(server: MailServer, out: Transport) -> None:
    assert send(out).state == "accepted"
    server.hang_up()
    assert send(out).state == "accepted"
    server.hang_up()
    out.close()
    assert (len(server.accepted), server.connections) == (2, 2)


def test_a_server_that_is_closing_is_asked_once(server: MailServer, out: Transport) -> None:
    server.script("", "mail 421 4.3.2 closing")
    outcome = send(out)
    assert (outcome.state, outcome.code, outcome.phase, server.connections) == ("deferred", 421, "mail", 1)


@pytest.mark.parametrize(
    ("step", "state", "phase"),
    [
        ("rcpt stall", "deferred", "rcpt"),
        ("data stall", "deferred", "data"),
        ("dot stall", "unknown", "dot"),
    ],
)
def test_nobody_waits_for_ever(server: MailServer, step: str, state: str, phase: str) -> None:
    server.script(BOB, step)
    out = connected(server, PATIENT._replace(**{phase: 0.05}))
    outcome = send(out)
    out.close()
    assert (outcome.state, outcome.phase, outcome.text) == (state, phase, "the server did not answer in time")


def test_a_server_that_reads_no_text_is_given_up(server: MailServer) -> None:
    server.script(BOB, "body stall")
    out = connected(server, Timeouts(body=0.05, quit=0.05))
    dot = Dot()
    outcome = send(out, data=LARGE, dot=dot)
    out.close()
    assert (outcome.state, outcome.phase, dot.times) == ("deferred", "body", 0)


def test_the_message_is_not_ended_when_the_ledger_fails(server: MailServer, out: Transport) -> None:
    def full() -> None:
        raise StorageFailed("disk full")

    with pytest.raises(StorageFailed):
        send(out, dot=full)
    assert send(out, "next@example.com").state == "accepted"
    assert server.recipients() == ["next@example.com"]
    assert server.connections == 2


def test_an_error_at_the_goodbye_changes_nothing() -> None:
    with MailServer() as server:
        out = connected(server, Timeouts(quit=0.05))
        assert send(out).state == "accepted"
    out.close()
    out.close()


# Security and login


def secured(server: MailServer, certificate: Certificate) -> Transport:
    return connected(server, security=server.security, ca=str(certificate.chain))


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_secured_connection_does_all_that_a_plain_one_does(certificate: Certificate, security: str) -> None:
    with MailServer(security=security, certificate=certificate) as server:
        out = secured(server, certificate)
        assert send(out).state == "accepted"
        server.script(BOB, "data early 452 4.3.1 disk full", "body reset", "dot lose", "dot drop", "rcpt 550 5.1.1 no")
        ends = [send(out, data=data) for data in (TEXT, LARGE, TEXT, TEXT, TEXT, TEXT)]
        out.close()
    assert [end.state for end in ends] == ["deferred", "deferred", "unknown", "unknown", "rejected", "accepted"]
    assert [end.phase for end in ends] == ["body", "body", "dot", "dot", "rcpt", "dot"]
    assert [kept.secured for kept in server.accepted] == [True, True, True]
    assert {kept.data for kept in server.accepted} == {TEXT}


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_that_nobody_trusts_stops_the_run(certificate: Certificate, security: str) -> None:
    with MailServer(security=security, certificate=certificate) as server:
        out = connected(server, security=security)
        outcome = send(out)
        assert (outcome.state, outcome.phase, outcome.scope) == ("not_tried", "tls", "run")
        assert "certificate" in outcome.text
        with pytest.raises(TransportFailed, match="cannot be trusted: self-signed"):
            out.open()
        out.close()
    assert server.accepted == []


def test_a_certificate_has_to_be_for_this_server(tmp_path: Path) -> None:
    other = make_certificate(tmp_path, "DNS:mail.example")
    with MailServer(security="starttls", certificate=other) as server:
        out = secured(server, other)
        with pytest.raises(TransportFailed, match=r"cannot be trusted.*127\.0\.0\.1"):
            out.open()
    assert ("mail", "") not in server.phases


def test_without_starttls_nothing_is_said_in_clear(server: MailServer) -> None:
    server.users["ada"] = "secret"
    out = connected(server, security="starttls", user="ada")
    outcome = send(out)
    assert (outcome.state, outcome.phase, outcome.scope) == ("not_tried", "tls", "run")
    assert [phase for phase, _ in server.phases] == ["connect", "helo"]


def test_a_server_that_leaves_while_the_connection_is_secured_is_tried_again(certificate: Certificate) -> None:
    with _rude(b"220 go on\r\n", at=b"STARTTLS") as (port, _):
        out = smtp_transport(SmtpServer("127.0.0.1", port, ca=str(certificate.chain)))
        outcome = send(out)
    assert (outcome.state, outcome.phase, outcome.scope) == ("not_tried", "tls", "row")


def test_one_says_the_name_one_is_told_to(server: MailServer) -> None:
    out = connected(server, helo="crm.example")
    assert send(out).state == "accepted"
    out.close()
    assert server.accepted[0].helo == "crm.example"


def test_clear_text_does_not_leave_the_machine_unless_told() -> None:
    def asked() -> str:
        raise AssertionError("nobody needs the password")

    with pytest.raises(TransportFailed, match="in clear"):
        smtp_transport(SmtpServer("mail.example.com", 25, "none", user="ada"), asked).open()


def test_a_port_that_speaks_something_else_is_named(server: MailServer, certificate: Certificate) -> None:
    with pytest.raises(TransportFailed, match="cannot be talked to securely") as caught:
        connected(server, security="tls").open()
    assert "465" in caught.value.hint
    with pytest.raises(TransportFailed, match="cannot be used"):
        connected(server, security="tls", ca="/nowhere/ca.pem").open()


@pytest.mark.parametrize(
    ("mechanisms", "auth"), [("PLAIN LOGIN", ""), ("LOGIN", ""), ("PLAIN", "plain"), ("LOGIN", "login")]
)
def test_logging_in_by_password(mechanisms: str, auth: str) -> None:
    with MailServer(users={"ada": "pä ss\u20ac"}, mechanisms=mechanisms) as server:
        out = connected(server, user="ada", auth=auth)
        assert send(out).state == "accepted"
        out.close()
    assert server.accepted[0].user == "ada"


def test_logging_in_by_token_asks_for_a_fresh_one_each_time() -> None:
    tokens = iter(["first", "second"])
    with MailServer(users={"ada": "first"}) as server:
        how = SmtpServer("127.0.0.1", server.port, "none", user="ada", auth="xoauth2")
        out = smtp_transport(how, lambda: next(tokens))
        assert send(out).state == "accepted"
        server.users["ada"] = "second"
        server.script(BOB, "dot 421 4.3.2 closing")
        assert [send(out).state, send(out).state] == ["deferred", "accepted"]
        out.close()
    assert [kept.user for kept in server.accepted] == ["ada", "ada"]


@pytest.mark.parametrize("auth", ["plain", "login", "xoauth2"])
def test_a_wrong_password_stops_the_run_and_shows_nothing(auth: str) -> None:
    with MailServer(users={"ada": "right"}) as server:
        how = SmtpServer("127.0.0.1", server.port, "none", user="ada", auth=auth)
        out = smtp_transport(how, lambda: "wrong-secret")
        outcome = send(out)
        assert (outcome.state, outcome.code, outcome.phase, outcome.scope) == ("not_tried", 535, "auth", "run")
        with pytest.raises(TransportFailed) as caught:
            out.open()
    shown = "".join(traceback.format_exception(caught.value)) + repr(outcome) + repr(vars(out)) + repr(out)
    assert "wrong-secret" not in shown
    assert "d3Jvbmctc2VjcmV0" not in shown
    assert server.accepted == []


@pytest.mark.parametrize(
    ("mechanisms", "auth", "words"),
    [("XOAUTH2", "", "password"), ("PLAIN", "xoauth2", "xoauth2"), ("LOGIN", "plain", "plain"), ("", "", "none")],
)
def test_a_way_to_log_in_that_is_not_offered_is_named(mechanisms: str, auth: str, words: str) -> None:
    with (
        MailServer(users={"ada": "x"}, mechanisms=mechanisms) as server,
        pytest.raises(TransportFailed, match=words) as caught,
    ):
        connected(server, user="ada", auth=auth).open()
    assert (caught.value.phase, caught.value.scope) == ("auth", "run")


def test_a_password_that_cannot_be_had_is_told_as_it_is(server: MailServer) -> None:
    def locked() -> str:
        raise StorageFailed("the keyring is locked")

    server.users["ada"] = "x"
    with pytest.raises(StorageFailed):
        send(smtp_transport(SmtpServer("127.0.0.1", server.port, "none", user="ada"), locked))


@pytest.mark.parametrize(
    ("way", "said"),
    [("PLAIN", "AGFkYQB3cm9uZy1zZWNyZXQ="), ("LOGIN", "d3Jvbmctc2VjcmV0"), ("XOAUTH2", "wrong-secret")],
)
def test_a_server_that_says_the_secret_back_is_not_repeated(way: str, said: str) -> None:
    connection = _Parrot(f"535 5.7.8 bad: {said}")
    code, text = log_in(connection, way, "ada", Secret("wrong-secret"))  # type: ignore[arg-type]
    assert (code, text) == (535, "5.7.8 bad: [secret]")


class _Parrot:
    """A connection that always says the same."""

    def __init__(self, reply: str) -> None:
        self._reply = reply

    def docmd(self, *_: str) -> tuple[int, bytes]:
        return int(self._reply[:3]), self._reply[4:].encode()


# Servers that are not there


def test_no_server_is_no_attempt() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    out = smtp_transport(SmtpServer("127.0.0.1", port, "none"))
    outcome = send(out)
    assert (outcome.state, outcome.code, outcome.phase, outcome.scope) == ("not_tried", 0, "connect", "row")
    with pytest.raises(TransportFailed, match="connection refused") as caught:
        out.open()
    assert caught.value.scope == "row"


def test_a_name_that_is_no_machine_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(TransportFailed, match=r"there is no machine mail\.example: Name or service"):
        smtp_transport(SmtpServer("mail.example")).open()


@pytest.mark.parametrize(
    ("step", "code", "scope", "phase"),
    [
        ("connect 421 4.3.2 too busy", 421, "row", "connect"),
        ("connect 554 5.3.2 no mail here", 554, "run", "connect"),
        ("connect drop", 0, "row", "connect"),
        ("connect stall", 0, "row", "connect"),
        ("helo 421 4.3.2 too busy", 421, "row", "helo"),
        ("helo reset", 0, "row", "helo"),
    ],
)
def test_a_server_that_does_not_want_to_talk_costs_no_row(
    server: MailServer, step: str, code: int, scope: str, phase: str
) -> None:
    server.script("", step)
    outcome = send(connected(server, Timeouts(greeting=0.05) if "stall" in step else PATIENT))
    assert (outcome.state, outcome.code, outcome.scope, outcome.phase) == ("not_tried", code, scope, phase)
    out = connected(server)
    assert send(out).state == "accepted"
    out.close()


def test_an_old_server_is_greeted_the_old_way(server: MailServer, out: Transport) -> None:
    server.script("", "helo 502 5.5.1 what is EHLO")
    assert send(out).state == "accepted"
    assert server.accepted[0].options == ()


def test_a_thousand_messages_take_few_seconds(server: MailServer, out: Transport) -> None:
    started = time.perf_counter()
    assert {send(out, f"r{number}@example.com").state for number in range(1000)} == {"accepted"}
    assert len(server.accepted) == 1000
    # A last dot that waits for an acknowledgement takes 40 ms.
    assert time.perf_counter() - started < 30
