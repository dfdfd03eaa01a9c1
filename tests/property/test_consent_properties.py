"""Laws of consent and restraint, whatever stands in a record and however often somebody was written to."""

from __future__ import annotations

from datetime import UTC
from datetime import datetime
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING
from typing import Any
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from crmctl.mail.keyed import canonical
from crmctl.mail.keyed import keyed
from crmctl.merge.consent import stricter
from crmctl.merge.outcome import Three
from crmctl.model.settings import Pressure as Limit
from crmctl.model.settings import Purpose
from crmctl.services.consenting import consents
from crmctl.services.consenting import permission
from crmctl.services.consenting.consents import Terms
from crmctl.services.consenting.pressure import Pressure

if TYPE_CHECKING:
    from crmctl.services.book import Book

NEWS = Purpose("newsletter")
CHANNELS = ("email", "phone", "sms", "letter", "visit")
DAYS = st.sampled_from(["2026-01-01", "2026-06-01", "2027-02-28"])
TERMS = st.builds(
    Terms,
    DAYS,
    st.lists(st.sampled_from(CHANNELS), unique=True, max_size=3).map(tuple),
    how=st.sampled_from(["", "form"]),
)
MESS = st.recursive(
    st.sampled_from(["", "granted", "withdrawn", "yes", "email", "all", "2026-01-01"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["newsletter", "NEWSLETTER ", "state", "channels", "date"]), inner, max_size=4
        )
    ),
    max_leaves=8,
)
RECORDS = st.fixed_dictionaries({}, optional={"consent": MESS, "do_not_contact": MESS})


@given(RECORDS, st.sampled_from(CHANNELS))
def test_no_record_is_too_odd_to_be_asked(data: dict[str, Any], channel: str) -> None:
    found = permission.refusal(data, NEWS, channel)
    assert found is None or all(found)
    if found is None:  # Then there is a yes that can be read.
        assert any(entry["state"].casefold() == "granted" for entry in permission.entries(data, NEWS))  # type: ignore[index, call-overload, union-attr]


@given(RECORDS, TERMS, st.sampled_from(CHANNELS), st.sampled_from(["withdrawn", "objected"]))
def test_whoever_takes_it_back_is_not_written_to(data: dict[str, Any], terms: Terms, channel: str, state: str) -> None:
    after = consents.with_withdrawal(data, NEWS, terms, state)
    if not terms.channels or channel in terms.channels:
        assert permission.refusal(after, NEWS, channel) is not None
    assert consents.with_withdrawal(after, NEWS, terms, state) == after


@given(st.lists(st.tuples(st.booleans(), TERMS), max_size=6), st.sampled_from(CHANNELS))
def test_the_last_word_counts(words: list[tuple[bool, Terms]], channel: str) -> None:
    data: dict[str, Any] = {}
    for is_grant, terms in words:
        data = (consents.with_grant if is_grant else consents.with_withdrawal)(data, NEWS, terms)
    if not words:
        return
    is_grant, terms = words[-1]
    concerned = not terms.channels or channel in terms.channels
    if concerned:
        allowed = permission.refusal(data, NEWS, channel) is None
        # A grant for no channel in particular does not widen one that was given for some.
        assert allowed <= is_grant
        if is_grant and terms.channels:
            assert allowed


@given(st.lists(st.tuples(st.booleans(), TERMS), max_size=4), TERMS)
def test_a_merge_believes_a_grant_that_names_the_withdrawal(words: list[tuple[bool, Terms]], last: Terms) -> None:
    data: dict[str, Any] = {}
    for is_grant, terms in words:
        data = (consents.with_grant if is_grant else consents.with_withdrawal)(data, NEWS, terms)
    no = consents.with_withdrawal(data, NEWS, last._replace(channels=()))
    yes = consents.with_grant(no, NEWS, last)
    sides = [cast("Any", consents.strictest(record, "newsletter")) for record in (no, yes)]
    assert stricter(Three(None, sides[0], sides[1])) == (True, sides[1])
    assert stricter(Three(None, sides[1], sides[0])) == (True, sides[1])


@given(st.text(max_size=40))
def test_the_canonical_form_is_one(text: str) -> None:
    once = canonical(text)
    assert canonical(once) == once
    assert keyed(bytes(32), once) == keyed(bytes(32), text)


START = datetime(2027, 3, 28, tzinfo=UTC)


@given(
    st.integers(1, 4),
    st.integers(1, 30),
    st.lists(st.integers(0, 90 * 1440), max_size=30).map(sorted),
)
def test_nobody_gets_more_than_the_limit_in_any_period(most: int, days: int, minutes: list[int]) -> None:
    limit = Limit(most, days)
    index = SimpleNamespace(rows=lambda *_: [])
    settings = SimpleNamespace(pressure={"newsletter": limit}, zone=UTC)
    schema = SimpleNamespace(require=lambda _: SimpleNamespace(plural="customers"))
    book = SimpleNamespace(settings=settings, schema=schema, index=index, now=lambda: START)
    pressure = Pressure(cast("Book", book), [])
    sent: list[datetime] = []
    for minute in minutes:
        now = max(START + timedelta(minutes=minute, seconds=17), *(sent[-1:] or [START]))
        free = pressure.next_free("ada", "newsletter", now)
        if free is not None:
            assert free > now
            assert pressure.next_free("ada", "newsletter", free) is None
            assert pressure.next_free("ada", "newsletter", free - timedelta(minutes=1)) is not None
            continue
        pressure.note("ada", "newsletter", now)
        sent.append(now)
    for at in sent:
        assert sum(at <= other < at + timedelta(days) for other in sent) <= most
