"""When a run stops by itself."""

from __future__ import annotations

from crmctl.mail.transport.outcomes import Outcome
from crmctl.mail.transport.stops import Stops

GOOD = Outcome("accepted", 250, "ok", "dot")
BAD = Outcome("rejected", 550, "5.1.1 no such user", "rcpt")
LATER = Outcome("deferred", 450, "4.2.0 later", "rcpt")
LOST = Outcome("deferred", 0, "the server closed the connection", "rcpt")
AWAY = Outcome("not_tried", 0, "connection refused", "connect")
DOUBTFUL = Outcome("unknown", 0, "the server closed the connection", "dot")


def reasons(stops: Stops, *outcomes: Outcome) -> list[str]:
    return [stops.note(outcome) for outcome in outcomes]


def test_five_connection_errors_in_a_row_are_enough() -> None:
    *before, last = reasons(Stops(), AWAY, LOST, AWAY, LOST, AWAY)
    assert before == [""] * 4
    assert last == "5 connection errors in a row, the last: connection refused"
    assert not any(reasons(Stops(), *[AWAY] * 4, LATER, *[LOST] * 4, GOOD, *[AWAY] * 4))


def test_a_server_that_goes_away_at_once_counts_as_not_there() -> None:
    closing = Outcome("deferred", 421, "4.3.2 closing", "mail")
    assert reasons(Stops(), *[closing] * 5)[4]
    assert not any(reasons(Stops(), *[closing._replace(phase="rcpt")] * 5))


def test_what_is_about_the_run_stops_it_at_once() -> None:
    wrong = Outcome("not_tried", 535, "5.7.8 no", "auth", "run", policy=True)
    assert Stops().note(wrong) == "logging in failed: 535 5.7.8 no"
    spam = Outcome("rejected", 550, "5.7.1 spam", "dot", "run", policy=True)
    assert Stops().note(spam) == "the server refuses our mail: 550 5.7.1 spam"
    untrusted = Outcome("not_tried", 0, "the certificate is another", "tls", "run")
    assert Stops().note(untrusted) == "the connection cannot be secured: the certificate is another"


def test_a_domain_that_is_slow_stops_nothing() -> None:
    slow = Outcome("deferred", 421, "4.7.28 too often", "rcpt", "domain", policy=True)
    assert not any(reasons(Stops(), *[slow] * 20))


def test_more_than_one_in_twenty_dead_addresses_after_fifty_is_too_much() -> None:
    assert not any(reasons(Stops(), *[BAD] * 2, *[GOOD] * 57))
    assert not any(reasons(Stops(), *[BAD] * 49))
    found = reasons(Stops(), *[GOOD] * 47, *[BAD] * 3)
    assert found[:49] == [""] * 49
    assert found[49].startswith("3 of 50 addresses do not take mail")


def test_bounces_that_came_back_later_count_too() -> None:
    assert Stops(accepted=100, bounced=5).reason() == ""
    assert Stops(accepted=100, bounced=6).reason().startswith("6 of 100")
    assert Stops(accepted=40, bounced=30).reason() == ""
    assert Stops(accepted=95, rejected=5).reason() == ""
    assert Stops(accepted=95, rejected=5, bounced=1).reason().startswith("6 of 100")


def test_refusals_by_policy_say_nothing_about_addresses() -> None:
    refused = Outcome("rejected", 550, "no SMTPUTF8", "mail", policy=True)
    assert not any(reasons(Stops(), *[refused] * 60))


def test_complaints_weigh_most() -> None:
    assert Stops(accepted=1000, complained=1).reason() == ""
    assert Stops(accepted=999, complained=1).reason() == "1 of 999 recipients complained about spam"


def test_more_than_three_unknowns_in_a_row_are_a_server_that_cannot_be_used() -> None:
    assert not any(reasons(Stops(), *[DOUBTFUL] * 3, GOOD, *[DOUBTFUL] * 3))
    assert reasons(Stops(), *[DOUBTFUL] * 4)[3].startswith("4 messages in a row whose fate is unknown")
