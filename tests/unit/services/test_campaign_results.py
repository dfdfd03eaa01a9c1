"""What came of a campaign: who counts, what counts and when, and what is concluded."""

from __future__ import annotations

import shutil
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from helpers import campaign_book
from helpers import results_book as books
from helpers.books import write
from helpers.campaign_book import CAMPAIGN
from helpers.campaign_book import PERSON

from crmctl import clock
from crmctl.errors import UsageProblem
from crmctl.mail.ledger.lines import Event
from crmctl.services.book import Book
from crmctl.services.campaigns.measuring import assigned as assignments
from crmctl.services.campaigns.measuring import verdicts
from crmctl.services.campaigns.measuring.comparing import compare
from crmctl.services.campaigns.measuring.results import Asked
from crmctl.services.campaigns.measuring.results import Results
from crmctl.services.campaigns.measuring.results import results
from crmctl.services.campaigns.running.desk import Desk
from crmctl.services.campaigns.running.desk import at_work

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

EVERYBODY = [f"p{number:03d}" for number in range(6)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Six people who all got it; no arms, no holdout."""
    return books.make(tmp_path / "book", 6)


@pytest.fixture
def arms(tmp_path: Path) -> Path:
    """Two hundred people in two arms and a holdout."""
    return books.make(tmp_path / "book", 200, f"holdout: 30\n{books.ARMS}")


def look(root: Path, at: datetime = books.OVER, **asked: object) -> Results:
    clock.freeze(at)
    return results(Book(root), "spring", Asked(**asked))  # type: ignore[arg-type]


def counts(root: Path, at: datetime = books.OVER, **asked: object) -> dict[str, int]:
    """How many had which outcome, in the only group; those that nobody had left out."""
    (group,) = look(root, at, **asked).groups
    return {outcome: count for outcome, count in group.counts.items() if count}


# Who counts


def test_everybody_counts_in_the_group_they_were_put_in(arms: Path) -> None:
    members = books.group_of(arms)
    found = look(arms)
    assert [(group.name, group.n, group.is_holdout) for group in found.groups] == [
        ("a", len(members["a"]), False),
        ("b", len(members["b"]), False),
        ("holdout", len(members["holdout"]), True),
    ]
    assert [group.share for group in found.groups] == pytest.approx([0.35, 0.35, 0.3])
    assert not found.analysis.is_broken
    assert [told.accepted for told in found.delivery] == [len(members["a"]), len(members["b"]), 0]


def test_who_did_not_get_it_counts_all_the_same(tmp_path: Path) -> None:
    root = campaign_book.make(tmp_path / "book", 6)
    books.plan(root)
    books.go_out(root, outcome=lambda who: {"p001": "suppress", "p002": "reject", "p003": "unknown"}.get(who, "accept"))
    books.do(root, ["p001", "p002"])
    found = look(root)
    assert (found.groups[0].n, found.groups[0].counts["reply"]) == (6, 2)
    assert found.delivery[0][:4] == (3, 1, 1, 0)


def test_who_still_waits_counts_and_is_told_of(tmp_path: Path) -> None:
    root = campaign_book.make(tmp_path / "book", 6)
    books.plan(root)
    books.go_out(root, outcome=lambda who: "accept" if who < "p002" else "")
    found = look(root)
    assert (found.groups[0].n, found.delivery[0].waiting) == (6, 4)
    assert found.notes == ["Messages that have not gone out yet: 4; those people count all the same."]


def test_who_may_not_be_written_to_does_not_count(tmp_path: Path) -> None:
    root = campaign_book.make(tmp_path / "book", 6)
    record = root / "records/customers/p001.yaml"
    record.write_text(record.read_text().replace("granted", "withdrawn"))
    books.plan(root)
    books.go_out(root)
    assert look(root).groups[0].n == 5


def test_a_plan_that_was_changed_in_time_is_what_counts(tmp_path: Path) -> None:
    root = campaign_book.make(tmp_path / "book", 6)
    books.plan(root)
    write(root, {"segments/everyone.yaml": "name: E\ncustomers: [p000, p001]\n"})
    books.plan(root, books.BEGAN, refresh=True)
    books.go_out(root)
    assert look(root).groups[0].n == 2


def test_who_leaves_after_it_began_still_counts_and_who_comes_later_too(tmp_path: Path) -> None:
    root = campaign_book.make(tmp_path / "book", 6)
    books.plan(root)
    books.go_out(root, outcome=lambda who: "accept" if who < "p002" else "")
    write(root, {"customers/p006.yaml": PERSON.format(id="01HZZZZZZZZZZZZZZZZZZZZ006", name="New", handle="p006")})
    write(root, {"segments/everyone.yaml": "name: E\ncustomers: [p000, p001, p002, p006]\n"})
    later = books.BEGAN + timedelta(days=5)
    books.plan(root, later, refresh=True)
    found = look(root)
    assert found.groups[0].n == 7
    assert found.until == later + timedelta(days=30)
    assert not found.is_over


def test_a_customer_who_is_gone_counts_with_nothing_done(root: Path) -> None:
    books.do(root, ["p001", "p002"])
    (root / "records/customers/p001.yaml").unlink()
    (root / "records/interactions/p001.jsonl").unlink()
    found = look(root)
    assert (found.groups[0].n, found.groups[0].counts["reply"]) == (6, 1)
    assert found.notes == ["People who are not in the book any more: 1 of 6; they count, with nothing done."]


def test_another_machine_finds_the_same(arms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    books.do(arms, books.group_of(arms)["a"][:9])
    here = look(arms)
    desk = Desk(Book(arms))
    with at_work(Book(arms), "test") as at:
        lines = b"".join(at.ledger.lines(CAMPAIGN[4:30]))
    write(arms, {f"sends/spring/{desk.host}.jsonl": lines.decode()})
    shutil.rmtree(desk.state)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "other"))
    assert look(arms) == here


def test_an_arm_that_was_renamed_is_still_there(arms: Path) -> None:
    write(arms, {"campaigns/spring.yaml": f"{CAMPAIGN}arms:\n- {{name: a}}\n- {{name: c}}\n"})
    found = look(arms)
    names = {group.name: group.n for group in found.groups}
    assert set(names) == {"a", "b", "c", "holdout"}
    assert (names["c"], found.analysis.ratio) == (0, None)
    assert "shares are not checked" in found.notes[0]


# What counts, and when


@pytest.mark.parametrize(
    ("what", "found"),
    [
        ({"type_": "email"}, {"reply": 1}),
        ({"type_": "call"}, {"reply": 1}),
        ({"type_": "email", "direction": "out"}, {}),
        ({"type_": "email", "outcome": "opt-out"}, {}),
        ({"type_": "note", "outcome": "auto-reply, back 2026-12-01"}, {}),
        ({"type_": "meeting"}, {"meeting": 1}),
        ({"type_": "visit", "direction": "out"}, {"meeting": 1}),
        ({"type_": "purchase", "amount": "12.50", "currency": "EUR"}, {"purchase": 1}),
        ({"type_": "payment", "amount": "12.50", "currency": "EUR"}, {}),
        ({"type_": "email", "days": -0.1}, {}),
        ({"type_": "email", "days": 0.0}, {"reply": 1}),
        ({"type_": "email", "days": 29.9}, {"reply": 1}),
        ({"type_": "email", "days": 30.0}, {}),
    ],
)
def test_outcomes(root: Path, what: dict[str, str], found: dict[str, int]) -> None:
    books.do(root, ["p001"], **what)  # type: ignore[arg-type]
    assert counts(root, books.OVER + timedelta(days=9)) == found


def test_a_day_without_an_hour_counts_from_the_first_day_on(root: Path) -> None:
    for handle, day in (("p000", "2026-11-22"), ("p001", "2026-11-23"), ("p002", "2026-12-23"), ("p003", "2026-12-24")):
        books.do(root, [handle], days=0.0, at=f"{day}T00:00:00+01:00")
    assert counts(root, books.OVER + timedelta(days=9)) == {"reply": 2}


def test_how_long_is_asked(root: Path) -> None:
    books.do(root, ["p001"], days=8)
    assert counts(root, within=7) == {}
    assert counts(root, within=9) == {"reply": 1}


def test_what_was_not_known_then_does_not_count(root: Path) -> None:
    books.do(root, ["p001"], days=3)
    assert counts(root, books.BEGAN + timedelta(days=2)) == {}
    assert look(root, books.BEGAN - timedelta(days=1)).began is None


def test_facts_that_came_back_count(root: Path) -> None:
    sids = {handle: row.sid for handle, row in campaign_book.rows(root).items()}
    clock.freeze(books.BEGAN + timedelta(days=2))
    facts = [("p000", "reply"), ("p001", "autoreply"), ("p002", "bounce"), ("p003", "complain"), ("p004", "unsub")]
    with at_work(Book(root), "test") as desk:
        for handle, event in facts:
            desk.ledger.append(event, sids[handle], CAMPAIGN[4:30])
    found = look(root)
    assert found.groups[0].counts["reply"] == 1
    assert found.delivery[0][4:] == (1, 1, 1)
    clock.freeze(books.OVER + timedelta(days=2))
    with at_work(Book(root), "test") as desk:  # One that came too late, and one that was only read late.
        desk.ledger.append("reply", sids["p002"], CAMPAIGN[4:30])
        desk.ledger.append("reply", sids["p003"], CAMPAIGN[4:30], on="2026-12-01")
    assert look(root, books.OVER + timedelta(days=3)).groups[0].counts["reply"] == 2
    assert look(root, books.BEGAN + timedelta(days=1)).delivery[0][4:] == (0, 0, 0)


def test_who_takes_consent_back_has_opted_out(root: Path) -> None:
    for handle, day in (("p001", "2026-11-25"), ("p002", "2026-11-01")):
        record = root / f"records/customers/{handle}.yaml"
        text = f"state: withdrawn\n    date: '{day}'"
        record.write_text(record.read_text().replace("state: granted", text))
    assert look(root).delivery[0].opted_out == 1


def test_deals(root: Path) -> None:
    log = "stage_log:\n- {{stage: {0}, at: '{1}'}}\n"
    write(
        root,
        {
            "deals/opened.yaml": "name: D\ncustomer: p000\nstage: lead\nopened: '2026-11-25'\n",
            "deals/moved.yaml": "name: D\ncustomer: p001\nstage: proposal\nopened: '2026-01-01'\n"
            + log.format("proposal", "2026-11-30"),
            "deals/won.yaml": "name: D\ncustomer: p002\nstage: won\nopened: '2026-01-01'\nclosed: '2026-12-01'\n",
            "deals/logged.yaml": "name: D\ncustomer: p003\nstage: won\n" + log.format("won", "2026-12-01"),
            "deals/lost.yaml": "name: D\ncustomer: p004\nstage: lost\nclosed: '2026-12-01'\n"
            + log.format("lost", "2026-12-01"),
            "deals/before.yaml": "name: D\ncustomer: p005\nstage: won\nopened: '2026-01-01'\nclosed: '2026-11-22'\n",
        },
    )
    assert counts(root) == {"deal": 3, "won": 2}
    assert counts(root, stage="proposal") == {"deal": 1, "won": 2}


def test_revenue_is_in_the_currency_of_the_book(root: Path) -> None:
    books.do(root, ["p001"], "purchase", amount="12.50", currency="EUR")
    books.do(root, ["p001"], "purchase", days=2, amount="7.50", currency="EUR")
    books.do(root, ["p002"], "purchase", amount="99.00", currency="CHF")
    books.do(root, ["p003"], "purchase")
    found = look(root)
    assert (found.groups[0].counts["purchase"], found.purchases, found.groups[0].spent) == (3, [4], [2000])
    assert found.notes[0] == "Purchases in other currencies than EUR: 1; they are counted, and their amounts are not."
    assert found.analysis.revenue[0] is not None
    assert found.analysis.revenue[0].value == pytest.approx(2000 / 6)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"within": 0}, "within 1 to"),
        ({"outcomes": ("opens",)}, "no outcome 'opens'"),
        ({"outcomes": ()}, "no outcome to look at"),
        ({"stage": "nope"}, "no pipeline has a stage 'nope'"),
    ],
)
def test_what_cannot_be_asked(root: Path, asked: dict[str, object], words: str) -> None:
    with pytest.raises(UsageProblem, match=words):
        look(root, **asked)  # type: ignore[arg-type]


# What is concluded


def test_nothing_has_gone_out(tmp_path: Path) -> None:
    root = campaign_book.make(tmp_path / "book", 3)
    books.plan(root)
    found = look(root)
    assert verdicts.verdict(found) == ("nothing", "Nothing has gone out yet, so there is nothing to tell.")
    assert verdicts.gain(found) == ""


def test_alone_there_is_nothing_to_compare(root: Path) -> None:
    books.do(root, EVERYBODY)
    found = look(root)
    assert verdicts.verdict(found)[0] == "alone"
    assert verdicts.gain(found) == "What it brought in cannot be said, as nobody was held out."


def test_no_winner_before_the_days_are_over(arms: Path) -> None:
    books.do(arms, books.group_of(arms)["a"])
    found = look(arms, books.OVER - timedelta(seconds=1))
    word, sentence = verdicts.verdict(found)
    assert (word, sentence[:28]) == ("early", "No winner before 2026-12-23:")
    assert {verdicts.of(found, one) for one in found.analysis.comparisons} == {"early"}
    assert verdicts.gain(found) == ""
    assert verdicts.verdict(look(arms))[0] == "difference"


def test_one_difference_says_how_much(tmp_path: Path) -> None:
    root = books.make(tmp_path / "book", 100, books.ARMS)
    books.do(root, books.group_of(root)["b"][:20])
    found = look(root, outcomes=("reply",))
    low, high = found.analysis.comparisons[0].interval
    count, n = 20, found.groups[1].n
    words = f"b had more replies than a, by {count / n * 100:.1f} points ({low * 100:.1f} to {high * 100:.1f})."
    assert verdicts.verdict(found) == ("difference", words)
    books.do(root, books.group_of(root)["a"])
    words = verdicts.verdict(look(root, outcomes=("reply",)))[1]
    assert words.startswith("b had fewer replies than a, by ")


def test_one_difference_in_revenue_says_how_much(tmp_path: Path) -> None:
    root = books.make(tmp_path / "book", 100, books.ARMS)
    members = books.group_of(root)["a"]
    books.do(root, members[:20], "purchase", amount="20.00", currency="EUR")
    words = verdicts.verdict(look(root, outcomes=("revenue",)))[1]
    assert words.startswith(f"b brought {400 / len(members):.2f} EUR less revenue a head than a (")


def test_several_differences_are_one_sentence(arms: Path) -> None:
    members = books.group_of(arms)
    books.do(arms, members["holdout"])
    books.do(arms, [*members["a"], *members["b"][:2]], "purchase", amount="10.00", currency="EUR")
    assert verdicts.verdict(look(arms))[1] == (
        "a had fewer replies, more purchases and more revenue a head than the holdout; "
        "b had fewer replies than the holdout; b had fewer purchases and less revenue a head than a."
    )


def test_inconclusive_says_what_could_have_been_seen(arms: Path) -> None:
    members = books.group_of(arms)
    for name in ("a", "b", "holdout"):
        books.do(arms, members[name][:3])
        books.do(arms, members[name][3:8], "purchase", amount="10.00", currency="EUR")
    word, sentence = verdicts.verdict(look(arms))
    assert word == "inconclusive"
    assert sentence.startswith("Inconclusive: no difference is larger than chance makes them.")
    assert "points (replies)" in sentence
    assert "EUR (revenue)" in sentence


def test_where_nobody_did_anything(arms: Path) -> None:
    assert verdicts.verdict(look(arms))[1] == "Inconclusive: nobody has done any of it."


def test_shares_that_were_changed_are_noticed(arms: Path) -> None:
    more = "holdout: 30\narms:\n- {name: a, share: 90}\n- {name: b, share: 10}\n"
    write(arms, {"campaigns/spring.yaml": CAMPAIGN + more})
    found = look(arms)
    word, sentence = verdicts.verdict(found)
    assert word == "broken"
    assert sentence.startswith("The assignment is broken: ")
    assert "compare nothing" in sentence


def _bought(root: Path, more: str = "") -> Results:
    members = books.group_of(root)
    write(root, {"campaigns/spring.yaml": f"{CAMPAIGN}holdout: 30\n{books.ARMS}{more}"})
    books.do(root, [*members["a"][:30], *members["b"][:30]], "purchase", amount="100.00", currency="EUR")
    books.do(root, members["holdout"][:3], "purchase", amount="100.00", currency="EUR")
    return look(root)


def test_what_it_brought_in_and_what_is_left(arms: Path) -> None:
    found = _bought(arms, "cost: '500.00'\ncurrency: EUR\n")
    held = next(group.n for group in found.groups if group.is_holdout)
    wanted = 600_000 - 30_000 / held * (200 - held)
    assert found.brought is not None
    assert found.gain is not None
    assert found.brought.value == pytest.approx(wanted)
    assert found.gain.value == pytest.approx(wanted - 50_000)
    assert found.gain.interval.low == pytest.approx(found.brought.interval.low - 50_000)
    words = verdicts.gain(found)
    assert words.startswith("It brought in ")
    assert ", cost 500.00 EUR, so " in words
    assert words.endswith(").")


def test_a_cost_in_another_currency_is_told_and_not_taken_off(arms: Path) -> None:
    found = _bought(arms, "budget: '500.00'\ncurrency: CHF\n")
    assert found.gain is None
    assert verdicts.gain(found).endswith(", was to cost 500.00 CHF.")


def test_what_may_be_chance_is_inconclusive(arms: Path) -> None:
    members = books.group_of(arms)
    assert verdicts.gain(look(arms)) == "What it brought in cannot be said, as nobody has bought anything."
    books.do(arms, members["a"][:4], "purchase", amount="100.00", currency="EUR")
    found = look(arms)
    assert verdicts.gain(found).endswith("; inconclusive.")
    assert found.notes == ["Fewer than 20 bought anything in a: intervals of revenue are too narrow."]
    assert verdicts.gain(look(arms, outcomes=("reply",))) == ""


def test_what_costs_more_than_it_may_have_brought_in_is_inconclusive(arms: Path) -> None:
    assert verdicts.gain(_bought(arms, "cost: '5000.00'\ncurrency: EUR\n")).endswith("; inconclusive.")


# Several


def test_several_campaigns_side_by_side(root: Path) -> None:
    write(root, {"campaigns/later.yaml": CAMPAIGN.replace("YYY\n", "YYZ\n").replace("Spring", "Later")})
    books.do(root, ["p001", "p002", "p003"])
    clock.freeze(books.OVER)
    spring, later = compare(Book(root), ["spring", "later"], Asked())
    assert (spring.group.n, spring.rates["reply"].number, spring.delivery.accepted) == (6, 3, 6)
    assert (later.group.n, later.rates["reply"].rate, later.revenue) == (0, None, None)
    with pytest.raises(UsageProblem, match="compared with nothing"):
        compare(Book(root), ["spring", "spring"], Asked())


def test_one_that_nobody_got_can_stand_beside_others(root: Path) -> None:
    more = "holdout: '100'\n"
    write(root, {"campaigns/later.yaml": CAMPAIGN.replace("YYY\n", "YYZ\n").replace("Spring", "Later") + more})
    clock.freeze(books.OVER)
    _, later = compare(Book(root), ["spring", "later"], Asked())
    assert (later.group.n, set(later.delivery)) == (0, {0})


def test_side_by_side_the_holdout_is_not_among_those_who_got_it(arms: Path) -> None:
    write(arms, {"campaigns/later.yaml": CAMPAIGN.replace("YYY\n", "YYZ\n")})
    members = books.group_of(arms)
    books.do(arms, [*members["a"][:5], *members["holdout"][:5]])
    clock.freeze(books.OVER)
    spring, _ = compare(Book(arms), ["spring", "later"], Asked())
    assert (spring.group.n, spring.rates["reply"].number) == (len(members["a"] + members["b"]), 5)


# By events alone


def event(seq: int, ev: str, sid: str, t: str, host: str = "h", **about: str) -> Event:
    return Event(seq, f"2026-11-{t}:00.000Z", host, "", ev, sid, "c", about)


def test_a_stamp_from_a_clock_that_was_wrong_counts_as_the_one_behind_it() -> None:
    events = [
        event(1, "plan", "s1", "29T10:00", cust="c1"),
        event(2, "attempt", "s1", "23T10:00"),
        event(3, "accept", "s1", "28T10:00"),
    ]
    kept = assignments.until(events, books.BEGAN + timedelta(days=1))
    assert [(one.seq, one.t[8:13]) for one in kept] == [(1, "23T10"), (2, "23T10")]
    (person,) = assignments.assigned(kept).people
    assert person.customer == "c1"


def test_one_person_counts_once_and_from_the_first_time() -> None:
    events = [
        event(1, "plan", "s1", "20T10:00", cust="c1", arm="a"),
        event(2, "attempt", "s1", "23T10:00"),
        event(3, "holdout", "s2", "24T10:00", cust="c1"),
        event(4, "plan", "s0", "24T10:00", cust="c1", arm="b"),
    ]
    (person,) = assignments.assigned(events).people
    assert (person.arm, person.is_held_out, person.since.isoformat()) == ("a", False, "2026-11-23T10:00:00+00:00")


def test_what_another_machine_decided_before_it_began_counts_as_such() -> None:
    events = [
        event(1, "plan", "s1", "20T10:00", host="other", cust="c1"),
        event(2, "cancel", "s1", "21T10:00", host="other", rev="2"),
        event(3, "plan", "s2", "20T10:00", host="other", cust="c2"),
        event(4, "cancel", "s2", "25T10:00", host="other", rev="3"),
        event(1, "attempt", "s3", "23T10:00", host="sender"),
    ]
    assert [person.customer for person in assignments.assigned(events).people] == ["c2"]


def test_who_is_left_out_at_the_last_moment_counts() -> None:
    events = [
        event(1, "plan", "s1", "20T10:00", cust="c1", rev="1"),
        event(2, "plan", "s2", "20T10:00", cust="c2", rev="1"),
        event(3, "suppress", "s1", "23T10:00", why="withdrawn"),
        event(4, "attempt", "s2", "23T10:00"),
    ]
    assert [person.customer for person in assignments.assigned(events).people] == ["c1", "c2"]
