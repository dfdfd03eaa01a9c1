"""Replies of servers, and what they mean."""

from __future__ import annotations

import pytest

from crmctl.mail.transport.replies import address_is_dead
from crmctl.mail.transport.replies import backoff
from crmctl.mail.transport.replies import classify
from crmctl.mail.transport.replies import domain_pause
from crmctl.mail.transport.replies import enhanced
from crmctl.mail.transport.replies import made_safe

BUSY = "4.7.28 Gmail has detected an unusual rate of unsolicited mail"


@pytest.mark.parametrize(
    ("code", "text", "phase", "expected"),
    [
        (250, "2.0.0 ok", "dot", ("accepted", "row", False)),
        (250, "what", "body", ("unknown", "row", False)),
        (250, "what", "data", ("deferred", "row", False)),
        (0, "", "rcpt", ("deferred", "row", False)),
        (0, "", "body", ("deferred", "row", False)),
        (0, "", "dot", ("unknown", "row", False)),
        (-1, "", "dot", ("unknown", "row", False)),
        (354, "go", "dot", ("unknown", "row", False)),
        (421, "closing", "dot", ("deferred", "row", False)),
        (421, BUSY, "rcpt", ("deferred", "domain", True)),
        (450, BUSY, "dot", ("deferred", "domain", True)),
        (421, "4.7.0 [TSS04] Messages temporarily deferred", "dot", ("deferred", "domain", True)),
        (421, "4.7.0 too many errors", "mail", ("deferred", "row", False)),
        (450, "4.7.1 greylisted", "rcpt", ("deferred", "row", False)),
        (550, "5.1.1 no such user", "rcpt", ("rejected", "row", False)),
        (550, "no such user here", "rcpt", ("rejected", "row", False)),
        (552, "5.2.2 mailbox full", "rcpt", ("rejected", "row", False)),
        (550, "5.7.26 unauthenticated mail is prohibited", "dot", ("rejected", "run", True)),
        (550, "5.7.515 Access denied", "rcpt", ("rejected", "run", True)),
        (554, "message looks like spam", "dot", ("rejected", "run", True)),
        (554, "relay access denied", "rcpt", ("rejected", "run", True)),
        (530, "5.7.0 authentication required", "rcpt", ("not_tried", "run", True)),
        (530, "5.7.0 authentication required", "dot", ("deferred", "run", True)),
        (553, "5.1.8 sender unknown", "mail", ("not_tried", "run", True)),
        (552, "5.3.4 too large", "mail", ("rejected", "row", False)),
        (552, "too large", "dot", ("rejected", "row", False)),
        (503, "5.5.1 need MAIL first", "rcpt", ("deferred", "row", False)),
        (535, "5.7.8 bad password", "auth", ("not_tried", "run", True)),
        (454, "4.7.0 try later", "auth", ("not_tried", "row", False)),
        (0, "", "connect", ("not_tried", "row", False)),
        (554, "no mail here", "connect", ("not_tried", "run", True)),
    ],
)
def test_a_reply_means_something_for_the_row_the_domain_or_the_run(
    code: int, text: str, phase: str, expected: tuple[str, str, bool]
) -> None:
    assert classify(code, text, phase) == expected


@pytest.mark.parametrize("phase", ["connect", "helo", "tls", "auth", "mail", "rcpt", "data", "body", "dot"])
@pytest.mark.parametrize(
    "code", [-1, 0, 100, 199, 220, 250, 334, 354, 399, 421, 450, 499, 500, 503, 550, 599, 600, 999]
)
def test_only_the_dot_can_end_in_accepted_and_only_what_follows_it_is_unknown(code: int, phase: str) -> None:
    state = classify(code, "", phase).state
    assert (state == "accepted") == (phase == "dot" and code // 100 == 2)
    assert state != "unknown" or phase in ("dot", "body")
    assert state != "not_tried" or phase not in ("body", "dot")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("5.1.1 x", (1, 1)),
        ("  5.7.515 x", (7, 515)),
        ("<x>: 5.1.1 no", (1, 1)),
        ("from 10.5.1.1 no", None),
        ("version 3.1.1", None),
        ("5.1", None),
        ("", None),
    ],
)
def test_enhanced_codes_are_found(text: str, found: tuple[int, int] | None) -> None:
    assert enhanced(text) == found


@pytest.mark.parametrize(
    ("code", "text", "phase", "dead"),
    [
        (550, "5.1.1 no such user", "rcpt", True),
        (550, "5.2.1 disabled", "rcpt", True),
        (556, "5.1.10 null MX", "rcpt", True),
        (550, "User unknown", "rcpt", True),
        (552, "5.2.2 full", "rcpt", False),
        (550, "5.7.1 blocked", "rcpt", False),
        (550, "5.1.8 sender unknown", "rcpt", False),
        (550, "User unknown", "dot", False),
        (550, "no", "rcpt", False),
        (450, "4.1.1 unknown for now", "rcpt", False),
    ],
)
def test_only_an_address_that_is_dead_is_at_fault(code: int, text: str, phase: str, dead: bool) -> None:
    assert address_is_dead(code, text, phase) is dead


def test_waiting_grows_and_listens_to_the_server() -> None:
    assert [backoff(n, 450, "4.2.0 later") // 60 for n in range(8)] == [5, 5, 15, 30, 60, 120, 240, 240]
    assert backoff(1, 450, "Greylisted, try again in 300 seconds") == 301
    assert backoff(1, 450, "wait 20 minutes") == 1201
    assert backoff(1, 450, "try after 999999 s") == 4 * 3600
    assert backoff(1, 450, "delivered for 3 s") == 300
    assert backoff(1, 452, "4.2.2 mailbox full") == 3600
    assert backoff(9, 0, "") == 4 * 3600


def test_coming_too_often_costs_an_hour_then_twice_as_much_each_time() -> None:
    assert [backoff(n, 421, BUSY) // 3600 for n in range(1, 8)] == [1, 2, 4, 8, 16, 24, 24]
    assert [domain_pause(n) // 3600 for n in (0, 1, 2, 1000)] == [1, 1, 2, 24]


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        (b"5.1.1 <bob@x.example> no \x1b[2Jbob\r\nhere", "5.1.1 <[address]> no [address] here"),
        ("Bobby is not bob", "Bobby is not [address]"),
        ("reach me at other@y.example, or not", "reach me at [address], or not"),
        ("<ABC123@crm.example> queued", "<ABC123@crm.example> queued"),
        ("bounces+abc123=x@crm.example", "bounces+abc123=x@crm.example"),
        ("a\u202eb\u2028c", "a b c"),
        ("\ud800", ""),
        ("", ""),
    ],
)
def test_replies_are_kept_without_what_names_or_steers(text: str | bytes, safe: str) -> None:
    assert made_safe(text, "bob@x.example", "ABC123") == safe


def test_replies_are_cut() -> None:
    assert len(made_safe("x" * 10_000)) == 300
    assert made_safe("y " * 10_000).endswith("...")
