"""What to do now: follow-ups that are due, customers who wait for an answer or get cold, mail to settle, cases near
their targets, deals that are stuck."""

from __future__ import annotations

from datetime import date
from datetime import datetime
from datetime import timedelta
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.model import money
from crmctl.model.columns import day_number
from crmctl.model.columns import day_of
from crmctl.services import unsettled
from crmctl.services.following import cadence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crmctl.services.book import Book

NEAR = timedelta(hours=24)
"""A case's target this close is near."""
RECENT = timedelta(days=14)
"""Who wrote longer ago and was not answered does not wait for it any more."""

MAIL = (unsettled.UNKNOWN, unsettled.PAUSED, unsettled.DRAFTS)
SECTIONS = (
    ("Follow-ups", ("overdue", "due")),
    ("Waiting for an answer", ("unanswered",)),
    ("Mail to settle", MAIL),
    ("Cases", ("respond", "resolve")),
    ("Getting cold", ("cold",)),
    ("Deals", ("past-close", "no-next-step")),
    ("Birthdays", ("birthday",)),
)
"""The headings that people see, and what stands below each, by ``Due.why``."""


class Due(NamedTuple):
    """One thing to do. ``kind`` and ``handle`` name the record it is about, ``why`` is a stable slug for scripts:
    overdue, due, unanswered, unknown, paused, drafts, respond, resolve, cold, past-close, no-next-step or birthday.

    ``when`` is the ISO date it is or was due (None where there is none), ``days`` until then, below 0 when it is over.
    ``customer`` is a handle, ``name`` what people call them; ``reason`` says in words why it is here.
    """

    handle: str
    kind: str
    why: str
    when: str | None
    days: int | None
    customer: str | None
    name: str | None
    what: str
    reason: str
    owner: str | None


def today(book: Book, *, days: int = 0, owner: str = "") -> list[Due]:
    """Everything that is due by ``days`` from today, most pressing first: promises, other follow-ups, customers
    who wait for an answer, mail to settle, cases, cold customers, stuck deals, birthdays.

    ``owner`` (a handle) leaves only what is that member's, by the record's owner or, without one, the customer's.
    """
    found = [
        *_followups(book, days),
        *_unanswered(book),
        *_mail(book),
        *_cases(book, days),
        *_cold(book, days),
        *_deals(book, days),
        *_birthdays(book, days),
    ]
    return [due for due in found if not owner or due.owner == owner]


def _followups(book: Book, ahead: int) -> Iterator[Due]:
    now = _day(book)
    rows = book.index.rows(
        "SELECT f.handle, f.due, f.due_day, f.customer, c.name, f.what, f.promised, f.template, "
        "COALESCE(f.owner, c.owner) FROM followups f LEFT JOIN customers c ON c.handle = f.customer "
        "WHERE f.done IS NULL AND f.due_day <= ? ORDER BY COALESCE(f.promised, 0) DESC, f.due_day, f.handle",
        (now + ahead,),
    )
    for handle, due, day, customer, name, what, promised, template, owner in rows:
        left = day - now
        said = "promised for" if promised else "was due" if left < 0 else "due"
        when = "today" if left == 0 else f"{date.fromisoformat(due):%a %Y-%m-%d}"
        reason = f"{said} {when}" + (f", template {template}" if template else "")
        why = "overdue" if left < 0 else "due"
        yield Due(handle, "followup", why, due, left, customer, name, what, reason, owner)


def _unanswered(book: Book) -> Iterator[Due]:
    """Customers who wrote, or called and did not reach us, and heard nothing from us since; the longest waiting first.

    An automatic reply and an opt-out want no answer; a newsletter of ours is none, and a call that failed neither. Who
    needs no answer gets the outcome ``answered``.
    """
    now, zone = book.now(), book.context.zone
    until = int(now.timestamp())
    rows = book.index.rows(_UNANSWERED, (until - int(RECENT.total_seconds()), until, until))
    for handle, name, at, type_, owner in rows:
        moment = datetime.fromtimestamp(at, zone)
        days = (moment.date() - now.date()).days
        ago = f", {counted(-days)} ago" if days else ""
        did = "called and did not reach us" if type_ == "call" else f"wrote ({type_})"
        reason = f"{did} on {moment:%a %Y-%m-%d %H:%M}{ago}, not answered"
        yield Due(
            handle, "customer", "unanswered", moment.date().isoformat(), days, handle, name, "Answer", reason, owner
        )


_UNANSWERED = (
    "SELECT c.handle, c.name, w.at, w.type, c.owner FROM ("
    "SELECT i.customer, MAX(i.at_time) AS at, i.type FROM interactions i "
    "WHERE i.at_time > ? AND i.at_time <= ? AND i.direction = 'in' "
    "AND (i.type IN ('email', 'letter', 'message') OR (i.type = 'call' AND i.outcome = 'missed')) "
    "AND COALESCE(i.outcome, '') NOT IN ('answered', 'opt-out') AND COALESCE(i.outcome, '') NOT LIKE 'auto-reply%' "
    "AND COALESCE(i.outcome, '') NOT LIKE 'invitation%' GROUP BY i.customer"
    ") w JOIN customers c ON c.handle = w.customer "
    "WHERE NOT EXISTS (SELECT 1 FROM interactions a WHERE a.customer = w.customer AND a.at_time >= w.at "
    "AND a.at_time <= ? AND (a.outcome = 'answered' OR ("
    "a.type IN ('call', 'email', 'letter', 'meeting', 'message', 'visit') "
    "AND NOT (COALESCE(a.direction, '') = 'in' AND a.type IN ('email', 'letter', 'message')) "
    "AND COALESCE(a.outcome, '') NOT IN ('missed', 'no answer') "
    "AND a.campaign IS NULL AND COALESCE(a.source, '') NOT IN ('campaign', 'sequence')))) ORDER BY w.at, c.handle"
)


def _mail(book: Book) -> Iterator[Due]:
    """Messages that may or may not have arrived, campaigns that stopped by themselves, drafts to be released."""
    for one in unsettled.unsettled(book):
        yield Due(one.handle, one.kind, one.why, None, None, None, None, one.what, one.reason, one.owner)


def _cases(book: Book, ahead: int) -> Iterator[Due]:
    """Open cases whose next target (first answer until there was one, then the solution) is over or near."""
    now, zone = book.now(), book.context.zone
    midnight = datetime.combine(now.date() + timedelta(days=ahead + 1), datetime.min.time(), zone)
    end = int(max(midnight, now + NEAR).timestamp())
    rows = book.index.rows(
        "SELECT s.handle, s.customer, c.name, s.name, s.type, s.priority, COALESCE(s.status, 'open'), "
        "CASE WHEN s.responded IS NULL THEN s.respond_by_time END AS answer, s.resolve_by_time, "
        "COALESCE(s.owner, c.owner) FROM cases s LEFT JOIN customers c ON c.handle = s.customer "
        "WHERE COALESCE(s.status, 'open') NOT IN ('solved', 'closed') AND (answer < ? OR s.resolve_by_time < ?) "
        "ORDER BY MIN(COALESCE(answer, s.resolve_by_time), COALESCE(s.resolve_by_time, answer)), s.handle",
        (end, end),
    )
    for handle, customer, name, what, type_, priority, status, answer, solution, owner in rows:
        targets = [("first answer", "respond", answer), ("solution", "resolve", solution)]
        near = [(word, why, datetime.fromtimestamp(at, zone)) for word, why, at in targets if at and at < end]
        words = [f"{word} {'was' if at < now else 'is'} due {at:%a %Y-%m-%d %H:%M}" for word, _, at in near]
        _, why, first = min(near, key=lambda target: target[2])
        about = " ".join(part for part in (priority, type_ or "case") if part)
        left = (first.date() - now.date()).days
        reason = f"{about}{', waiting' if status == 'waiting' else ''}: {', '.join(words)}"
        yield Due(handle, "case", why, first.date().isoformat(), left, customer, name, what, reason, owner)


def _cold(book: Book, ahead: int) -> Iterator[Due]:
    """Customers who were in no real contact with us for longer than their cadence, the longest overdue first."""
    now = _day(book)
    rows = book.index.rows(
        f"SELECT c.handle, c.name, c.cadence, {cadence.LAST} AS contact, c.next, c.owner FROM customers c "
        "WHERE c.cadence IS NOT NULL AND (contact IS NULL OR contact + c.cadence < ?) "
        "AND c.row_id NOT IN (SELECT owner FROM customers_do_not_contact WHERE value = 'all') "
        "ORDER BY contact IS NULL, contact + c.cadence, c.handle",
        (int(book.now().timestamp()), now + ahead),
    )
    for handle, name, days, last_day, following, owner in rows:
        if last_day is None:
            when, left, reason = None, None, f"no contact yet, wanted every {counted(days)}"
        else:
            left = last_day + days - now
            when, last = (day_of(day).isoformat() for day in (last_day + days, last_day))
            reason = f"last contact {last}, {counted(now - last_day)} ago, wanted every {counted(days)}"
        reason += f", follow-up due {following}" if following else ""
        yield Due(handle, "customer", "cold", when, left, handle, name, "Get in touch", reason, owner)


def _deals(book: Book, ahead: int) -> Iterator[Due]:
    """Open deals whose closing date is over, or for which nothing is planned: no next step, no open follow-up."""
    now = _day(book)
    rows = book.index.rows(
        "SELECT d.handle, d.customer, c.name, d.name, d.stage, d.amount_minor, d.currency, d.closes, d.closes_day, "
        "d.next_step IS NULL AND d.handle NOT IN (SELECT deal FROM followups WHERE deal IS NOT NULL AND done IS NULL) "
        "AS idle, COALESCE(d.owner, c.owner) FROM deals d LEFT JOIN customers c ON c.handle = d.customer "
        "WHERE d.status = 'open' AND (d.closes_day < ? OR idle) ORDER BY d.closes_day IS NULL, d.closes_day, d.handle",
        (now + ahead,),
    )
    for handle, customer, name, what, stage, minor, currency, closes, day, idle, owner in rows:
        left = None if day is None else day - now
        words = (
            [f"should {'have closed' if left < 0 else 'close'} {closes}"] if left is not None and left < ahead else []
        )
        why = "past-close" if words else "no-next-step"
        words += ["no next step"] if idle else []
        amount = f", {money.from_minor(minor, currency)} {currency}" if minor is not None else ""
        reason = f"{stage or 'open'}{amount}: {' and '.join(words)}"
        yield Due(handle, "deal", why, closes, left, customer, name, what, reason, owner)


def _birthdays(book: Book, ahead: int) -> Iterator[Due]:
    now = book.now().date()
    days = {f"{now + timedelta(days=n):%m-%d}" for n in range(min(ahead, 366) + 1)}
    marks = ", ".join("?" * (len(days) + 1))
    rows = book.index.rows(
        "SELECT c.handle, c.name, c.birthday, c.owner FROM customers c "
        f"WHERE c.birthday_day IS NOT NULL AND substr(c.birthday, 6) IN ({marks}) "
        "AND c.row_id NOT IN (SELECT owner FROM customers_do_not_contact WHERE value = 'all') ORDER BY c.handle",
        (*sorted(days), "02-29"),
    )
    found = []
    for handle, name, birthday, owner in rows:
        day = next_birthday(birthday, now, ahead)
        if day is not None:
            when, left = day.isoformat(), (day - now).days
            said = "today" if left == 0 else f"on {day:%a %Y-%m-%d}"
            reason = f"birthday {said}, born {birthday}"
            found.append(
                (left, Due(handle, "customer", "birthday", when, left, handle, name, "Birthday", reason, owner))
            )
    yield from (due for _, due in sorted(found, key=lambda pair: pair[0]))


def next_birthday(text: str, today: date, days: int) -> date | None:
    """The next birthday of somebody born on the ISO date ``text``, if within so many days.

    Born on 29 February, they have it on the 28th in most years.
    """
    try:
        born = date.fromisoformat(text)
    except ValueError:
        return None
    for year in (today.year, today.year + 1):
        try:
            day = born.replace(year=year)
        except ValueError:
            day = date(year, 2, 28)
        if today <= day <= today + timedelta(days=days):
            return day
    return None


def counted(days: int) -> str:
    """``1 day``, ``30 days``."""
    return f"{days} day" if days == 1 else f"{days} days"


def _day(book: Book) -> int:
    """Today as the index counts days, since 1970-01-01."""
    return day_number(book.now().date())
