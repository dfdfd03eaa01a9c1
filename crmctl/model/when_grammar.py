"""The grammar of date words: text to days, given today and a lean. ``when`` is the way in.

A rule is a pattern and a function from its match to a span, or to None when a word in it is not one of the rule's.
Patterns are compiled when first tried (``re`` keeps them), so that importing this costs nothing.
"""

from __future__ import annotations

import re
from datetime import date
from datetime import timedelta
from typing import TYPE_CHECKING
from typing import Literal
from typing import NamedTuple

from crmctl.errors import UsageProblem

if TYPE_CHECKING:
    from collections.abc import Callable

Lean = Literal["past", "future"]
# date: written in full; name: a month, quarter or week without its year; range: two ends, or a number of days
Kind = Literal["date", "day", "weekday", "name", "period", "range"]

EXAMPLES = "Try 2026-11-27, tomorrow, fri, 3d, in 2 weeks, 2 weeks ago, 27 nov, eom, 2026-Q1 or fri 9:30."
LONGEST = 100
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip

_WEEKDAYS = {form: n for n, name in enumerate(DAYS) for form in (name, name[:3])}
_WEEKDAYS |= {"tues": 1, "weds": 2, "thur": 3, "thurs": 3}
_MONTHS = {form: n for n, name in enumerate(MONTHS, 1) for form in (name, name[:3])} | {"sept": 9}
_UNITS = {form: name[0] for name in ("day", "week", "month", "quarter", "year") for form in (name, name + "s", name[0])}
_PERIODS = {"week": "w", "month": "m", "quarter": "q", "year": "y"}
_MONTHS_IN = {"m": 1, "q": 3, "y": 12}
_CLOCK_UNITS = {"h", "hr", "hrs", "hour", "hours", "min", "mins", "minute", "minutes", "s", "sec", "secs", "second"}
_CLOCK_UNITS.add("seconds")
_COUNTS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
_COUNTS |= {"seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12}
_ORDINALS = {"first": 1, "1st": 1, "second": 2, "2nd": 2, "third": 3, "3rd": 3, "fourth": 4, "4th": 4}
_ORDINALS |= {"fifth": 5, "5th": 5, "last": 0}
_NEAR = {
    "today": 0, "now": 0, "yesterday": -1, "tomorrow": 1, "day before yesterday": -2, "day after tomorrow": 2,
}  # fmt: skip
_GLUE = {
    "ago", "at", "am", "beginning", "end", "from", "in", "last", "next", "noon", "of", "on", "pm", "since", "start",
    "the", "this", "till", "to", "until", "up",
}  # fmt: skip


class BadDate(UsageProblem):
    """Text that is no date, or that could be two; the hint shows the readings or examples."""


class Span(NamedTuple):
    """The days meant, first to last, and what kind of words meant them."""

    first: date
    last: date
    kind: Kind


class Seen(NamedTuple):
    """From where the words are read: the day it is, and the side they lean to."""

    today: date
    lean: Lean


def tidy(text: str) -> str:
    """``text`` in lower case, single spaces, no commas; raises BadDate when empty or over 100 characters."""
    words = " ".join(text.lower().replace(",", " ").split())
    if not words:
        raise BadDate("no date was given", hint=EXAMPLES)
    if len(words) > LONGEST:
        raise BadDate(f'no date in "{words[:40]}..."', hint=EXAMPLES)
    return words


def read_days(words: str, seen: Seen) -> Span:
    """The days that tidied ``words`` mean, without any time of day; raises BadDate."""
    if words in _NEAR:
        return _one(shift(seen.today, _NEAR[words], "d"))
    for pattern, rule in _RULES:
        match = re.fullmatch(pattern, words, re.ASCII)
        span = rule(match, seen) if match else None
        if span is not None:
            return span
    raise _not_understood(words)


def read_range(words: str, seen: Seen) -> Span | None:
    """The days of ``a..b``, ``a to b``, ``from a``, ``until b``; None when ``words`` are no range; raises BadDate."""
    if ".." in words:
        left, _, right = words.partition("..")
    elif both := re.fullmatch(r"(?:from |since )?(.+) (?<!\bup )(?:to|till|until) (.+)", words):
        left, right = both.groups()
    elif one := re.fullmatch(r"(?:(?:from|since) (.+)|(?:up to|till|until) (.+))", words):
        left, right = one[1] or "", one[2] or ""
    else:
        return None
    left, right = left.strip(), right.strip()
    if not left and not right:
        raise BadDate("a range needs at least one end", hint="Try 2026-01..2026-03, 2026-01-01.. or ..eom")
    first = read_days(left, seen).first if left else date.min
    last = read_days(right, seen).last if right else date.max
    if first > last:
        raise BadDate(
            f'"{words}" ends on {last}, before it starts on {first}',
            hint="Write the ends as dates, such as 2026-11-16..2026-11-20",
        )
    return Span(first, last, "range")


def shift(day: date, count: int, unit: str) -> date:
    """``day`` moved by ``count`` units (d w m q y); a month's end clamps; raises BadDate outside years 1 to 9999."""
    try:
        if unit in "dw":
            return day + timedelta(days=count * (7 if unit == "w" else 1))
        months = day.month - 1 + count * _MONTHS_IN[unit]
        year, month = day.year + months // 12, months % 12 + 1
        return date(year, month, min(day.day, _length(year, month)))
    except (OverflowError, ValueError):
        raise BadDate("that is outside the years 1 to 9999", hint=EXAMPLES) from None


def make_day(year: int, month: int, day: int) -> date:
    """The day, or BadDate with the reason why there is none."""
    if not 1 <= year <= 9999:
        raise BadDate(f"there is no year {year}", hint=EXAMPLES)
    if not 1 <= month <= 12:
        raise BadDate(f"there is no month {month}", hint="Write year, month, day, such as 2026-11-27")
    if not 1 <= day <= _length(year, month):
        name = MONTHS[month - 1].title()
        raise BadDate(f"{name} {year} has no day {day}", hint=f"{name} {year} has {_length(year, month)} days.")
    return date(year, month, day)


def in_figures(words: str, *, strict: bool) -> date | None:
    """A day written in figures; None when ``words`` are not one; raises BadDate when it could be two, or is none.

    ``strict`` leaves ISO 8601 (calendar and week dates) and the dotted day.month.year, whose order is never
    in doubt. Otherwise any separator serves behind a full year, and slashes or dashes after a day when just one
    reading exists.
    """
    first = r"(\d{4})(-?)(\d\d)\2(\d\d)" if strict else r"(\d{4})([-/.]|(?=\d{4}$))(\d\d?)\2(\d\d?)"
    if match := re.fullmatch(first, words, re.ASCII):
        return make_day(int(match[1]), int(match[3]), int(match[4]))
    if match := re.fullmatch(r"(\d{4})-?w(\d\d)-?(\d)", words, re.ASCII):
        return _week_day(*(int(part) for part in match.groups()))
    if match := re.fullmatch(r"(\d\d?)\. ?(\d\d?)\. ?(\d{4})", words, re.ASCII):
        return make_day(int(match[3]), int(match[2]), int(match[1]))
    if match := re.fullmatch(r"(\d\d?)([/-])(\d\d?)\2(\d{4})", words, re.ASCII):
        return _either_way(words, int(match[1]), int(match[3]), int(match[4]), strict=strict)
    if re.fullmatch(r"\d\d?([./-]) ?\d\d?\1 ?'?\d\d", words, re.ASCII):
        raise two_digits(words)
    return None


def two_digits(words: str) -> BadDate:
    """The refusal of a year without its century."""
    return BadDate(f'the year in "{words}" has two digits', hint="Write it with four, such as 2026-11-27")


def _either_way(words: str, one: int, two: int, year: int, *, strict: bool) -> date:
    """The day of ``one/two/year`` when only one reading exists, else BadDate with both."""
    readings = {(month, day) for day, month in ((one, two), (two, one)) if 1 <= month <= 12}
    if len(readings) == 1 and not strict:
        return make_day(year, *readings.pop())
    if not readings:
        raise BadDate(f'no date in "{words}": one of {one} and {two} must be a month', hint=EXAMPLES)
    days = sorted(make_day(year, *reading) for reading in readings)
    hint = " or ".join(f"{day} for {day.day} {MONTHS[day.month - 1].title()}" for day in days)
    message = f"{words} can be read in two ways" if len(days) > 1 else f"{words} does not say which number is the day"
    raise BadDate(message, hint=f"Write {hint}.")


def _one(day: date, kind: Kind = "day") -> Span:
    return Span(day, day, kind)


def _length(year: int, month: int) -> int:
    """Days in a month of the Gregorian calendar."""
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


def _around(day: date, unit: str, kind: Kind = "period") -> Span:
    """The calendar week (ISO 8601: Monday to Sunday), month, quarter or year that holds ``day``."""
    if unit == "w":
        monday = shift(day, -day.weekday(), "d")
        return Span(monday, shift(monday, 6, "d"), kind)
    size = _MONTHS_IN[unit]
    start = (day.month - 1) // size * size + 1
    end = start + size - 1
    return Span(date(day.year, start, 1), date(day.year, end, _length(day.year, end)), kind)


def _week_day(year: int, week: int, day: int) -> date:
    try:
        return date.fromisocalendar(year, week, day)
    except ValueError:
        hint = "Week 47 of 2026 is 2026-W47, its Friday 2026-W47-5"
        raise BadDate(f"there is no day {year:04}-W{week:02}-{day}", hint=hint) from None


def _from(day: date, weekday: int) -> date:
    """The first such weekday on or after ``day``."""
    return shift(day, (weekday - day.weekday()) % 7, "d")


def _upto(day: date, weekday: int) -> date:
    """The last such weekday on or before ``day``."""
    return shift(day, -((day.weekday() - weekday) % 7), "d")


def _leaning(build: Callable[[int], Span], seen: Seen) -> Span:
    """The nearest year's span on the side leant to, where one that holds today counts as there; raises BadDate.

    ``build`` gives a year's span, or BadDate in a year without (29 February, week 53). The search begins a year
    early, as ISO weeks straddle years, and goes on for nine, as 1900 and 2100 have no 29 February.
    """
    step = 1 if seen.lean == "future" else -1
    for year in range(seen.today.year - step, seen.today.year + 9 * step, step):
        try:
            span = build(year)
        except BadDate:
            continue
        if span.last >= seen.today if seen.lean == "future" else span.first <= seen.today:
            return span
    raise BadDate("that is outside the years 1 to 9999", hint=EXAMPLES)


def _pick(words: str, seen: Seen, choose: Callable[[Span], date]) -> Span:
    """One day out of the period ``words`` mean; without a year, in the year that puts it on the side leant to."""
    inner = read_days(f"this {words}" if words in _PERIODS else words, seen)
    day = choose(inner)
    if inner.kind == "name" and (day < seen.today if seen.lean == "future" else day > seen.today):
        beyond = shift(inner.last, 1, "d") if seen.lean == "future" else shift(inner.first, -1, "d")
        day = choose(read_days(words, Seen(beyond, seen.lean)))
    return _one(day)


def _count(word: str) -> int:
    return _COUNTS.get(word) or int(word)


def _unit(word: str) -> str | None:
    if word in _CLOCK_UNITS:
        hint = "Write the time, such as 14:30. The m of 1m is a month."
        raise BadDate("hours and minutes cannot be counted", hint=hint)
    return _UNITS.get(word)


# The rules. Each takes its match and from where it is seen; None means "not mine after all".


def _figures(match: re.Match[str], _seen: Seen) -> Span | None:
    day = in_figures(match[0], strict=False)
    return None if day is None else _one(day, "date")


def _no_year(match: re.Match[str], _seen: Seen) -> Span:
    raise BadDate(
        f"{match[0]} does not say which number is the day", hint="Write 27 nov or 2026-11-27, and a time as 9:30"
    )


def _short_year(match: re.Match[str], _seen: Seen) -> Span:
    raise two_digits(match[0])


def _year(match: re.Match[str], _seen: Seen) -> Span:
    if not 1900 <= int(match[0]) <= 2199:
        raise BadDate(f"{match[0]} is not a likely year", hint="Write a time as 14:30, a day as 2026-11-27")
    return _around(date(int(match[0]), 1, 1), "y")


def _year_month(match: re.Match[str], _seen: Seen) -> Span:
    return _around(make_day(int(match[1]), int(match[2]), 1), "m")


def _week(match: re.Match[str], seen: Seen) -> Span:
    week, year = int(match["week"]), match["year"]
    if not 1 <= week <= 53:
        raise BadDate(f"there is no week {week}", hint="Weeks are W1 to W52, in some years W53")
    if year:
        return _around(_week_day(int(year), week, 1), "w")
    return _leaning(lambda at: _around(_week_day(at, week, 1), "w", "name"), seen)


def _quarter(match: re.Match[str], seen: Seen) -> Span:
    quarter, year = int(match["quarter"]), match["year"]
    if not 1 <= quarter <= 4:
        raise BadDate(f"there is no quarter {quarter}", hint="Quarters are Q1 to Q4")
    if year:
        return _around(make_day(int(year), quarter * 3, 1), "q")
    return _leaning(lambda at: _around(make_day(at, quarter * 3, 1), "q", "name"), seen)


def _word(match: re.Match[str], seen: Seen) -> Span | None:
    """A weekday or month by name, or the like of ``eom``: first or last day of the week, month, quarter, year."""
    word = match[1]
    if word in _WEEKDAYS:
        # Typed on that very day: what happened "wed" was today, what is due "wed" is a week off, as today has its word.
        if seen.lean == "past":
            return _one(_upto(seen.today, _WEEKDAYS[word]), "weekday")
        return _one(_from(shift(seen.today, 1, "d"), _WEEKDAYS[word]), "weekday")
    if word in _MONTHS:
        return _leaning(lambda at: _around(make_day(at, _MONTHS[word], 1), "m", "name"), seen)
    if re.fullmatch("[se]o[wmqy]", word):
        around = _around(seen.today, word[2])
        return _one(around.first if word[0] == "s" else around.last)
    return None


def _named_day(match: re.Match[str], seen: Seen) -> Span | None:
    """``27 nov``, ``nov 27 2026`` and their like."""
    month, day, year = _MONTHS.get(match["month"]), int(match["day"]), match["year"]
    if month is None:
        return None
    if year is None and not 1 <= day <= _length(2000, month):
        raise BadDate(f"{MONTHS[month - 1].title()} has no day {day}", hint=EXAMPLES)
    if year is None:
        return _leaning(lambda at: _one(make_day(at, month, day)), seen)
    if len(year) < 4:
        raise two_digits(match[0])
    return _one(make_day(int(year), month, day), "date")


def _named_month(match: re.Match[str], _seen: Seen) -> Span | None:
    month = _MONTHS.get(match["month"])
    return None if month is None else _around(make_day(int(match["year"]), month, 1), "m")


def _beside(match: re.Match[str], seen: Seen) -> Span | None:
    """``this``, ``next`` or ``last`` with a calendar period, weekday or month; the lean has no say."""
    step, word = {"last": -1, "this": 0, "next": 1}[match[1]], match[2]
    if word in _PERIODS:
        unit = _PERIODS[word]
        return _around(shift(_around(seen.today, unit).first, step, unit), unit)
    if word in _MONTHS:
        if step == 0:
            return _around(make_day(seen.today.year, _MONTHS[word], 1), "m")
        month = _around(seen.today, "m")
        outside = Seen(shift(month.first, -1, "d"), "past") if step < 0 else Seen(shift(month.last, 1, "d"), "future")
        return read_days(word, outside)._replace(kind="period")
    if word not in _WEEKDAYS:
        return None
    if step == 0:
        return _one(_from(_around(seen.today, "w").first, _WEEKDAYS[word]))
    return _one((_from if step > 0 else _upto)(shift(seen.today, step, "d"), _WEEKDAYS[word]))


def _many(match: re.Match[str], seen: Seen) -> Span | None:
    """``last 90 days``, ``next 2 weeks``: so many in all, today counted."""
    unit, count = _unit(match["unit"]), _count(match["count"])
    if unit is None:
        return None
    if count == 0:
        raise BadDate(f'"{match[0]}" is no day at all', hint=EXAMPLES)
    if match["which"] == "next":
        return Span(seen.today, shift(shift(seen.today, count, unit), -1, "d"), "range")
    return Span(shift(shift(seen.today, -count, unit), 1, "d"), seen.today, "range")


def _counted(match: re.Match[str], seen: Seen) -> Span | None:
    """``3d`` leans; ``+3d``, ``in 3 days``, ``3 days from now``, ``-3d`` and ``3 days ago`` do not."""
    before, after, unit = match["before"], match["after"], _unit(match["unit"])
    if unit is None or (before and after):
        return None
    back = before == "-" or after == "ago" if before or after else seen.lean == "past"
    count = _count(match["count"])
    return _one(shift(seen.today, -count if back else count, unit))


def _edge(match: re.Match[str], seen: Seen) -> Span:
    """``start of next month``, ``end of nov``."""
    if match[1] == "end":
        return _pick(match[2], seen, lambda inner: inner.last)
    return _pick(match[2], seen, lambda inner: inner.first)


def _nth(match: re.Match[str], seen: Seen) -> Span | None:
    """``first monday of december``, ``last day of next month``."""
    number, word = _ORDINALS[match[1]], match[2]
    if word != "day" and word not in _WEEKDAYS:
        return None

    def choose(inner: Span) -> date:
        if word == "day":
            day = shift(inner.first, number - 1, "d") if number else inner.last
        elif number:
            day = shift(_from(inner.first, _WEEKDAYS[word]), number - 1, "w")
        else:
            day = _upto(inner.last, _WEEKDAYS[word])
        if not inner.first <= day <= inner.last:
            raise BadDate(f"there is no {match[1]} {word} from {inner.first} to {inner.last}", hint=EXAMPLES)
        return day

    return _pick(match[3], seen, choose)


def _day_and(match: re.Match[str], seen: Seen) -> Span | None:
    """``fri next week`` is a day of that week; ``fri 2026-11-27`` must be that day's true name."""
    word, rest = match["day"], match["rest"]
    if word not in _WEEKDAYS:
        return None
    inner = read_days(rest, seen)
    if inner.first == inner.last:
        if inner.first.weekday() != _WEEKDAYS[word]:
            name = DAYS[inner.first.weekday()].title()
            raise BadDate(f"{inner.first} is not a {DAYS[_WEEKDAYS[word]].title()}", hint=f"It is a {name}.")
        return inner
    if (inner.last - inner.first).days != 6 or inner.kind == "range":
        return None
    return _pick(rest, seen, lambda week: shift(week.first, _WEEKDAYS[word], "d"))


def _on(match: re.Match[str], seen: Seen) -> Span:
    return read_days(match[1], seen)


_NUMBER = rf"(?P<count>\d+|{'|'.join(_COUNTS)})(?:(?<=\d) ?| )(?P<unit>[a-z]+)"
_DAY = r"(?P<day>\d\d?)(?:st|nd|rd|th|\.)?"
_YEAR = r"(?P<year>\d{4})"
_MAY_YEAR = r"(?:[ -](?P<year>\d{4}|\d\d))?"
_RULES: tuple[tuple[str, Callable[[re.Match[str], Seen], Span | None]], ...] = (
    (r"\d.*", _figures),
    (r"([a-z]+)\.?", _word),
    (r"(\d{4})[-/](\d\d?)", _year_month),
    (r"\d{4}", _year),
    (r"\d\d?[/.]\d\d?\.?", _no_year),
    (r".*'\d\d", _short_year),
    (rf"{_YEAR}[- ]?w(?P<week>\d\d?)", _week),
    (rf"w(?P<week>\d\d?)(?:[ /-]{_YEAR})?", _week),
    (rf"{_YEAR}[- ]?q(?P<quarter>\d)", _quarter),
    (rf"q(?P<quarter>\d)(?:[ /-]{_YEAR})?", _quarter),
    (r"(this|next|last) ([a-z]+)", _beside),
    (rf"(?P<which>next|last) {_NUMBER}", _many),
    (rf"(?:(?P<before>[+-]|in(?= )) ?)?{_NUMBER}(?: (?P<after>ago|from (?:now|today)))?", _counted),
    (rf"{_DAY}[ -]?(?:of )?(?P<month>[a-z]+)\.?{_MAY_YEAR}", _named_day),
    (rf"(?P<month>[a-z]+)\.?[ -]?{_DAY}{_MAY_YEAR}", _named_day),
    (rf"(?P<month>[a-z]+)\.?[ -]{_YEAR}", _named_month),
    (rf"{_YEAR}[ -](?P<month>[a-z]+)\.?", _named_month),
    (r"(?:the )?(start|beginning|end) of (?:the )?(.+)", _edge),
    (rf"(?:the )?({'|'.join(_ORDINALS)}) ([a-z]+) (?:of|in) (?:the )?(.+)", _nth),
    (r"(?P<rest>(?:this|next|last) week) (?P<day>[a-z]+)", _day_and),
    (r"(?P<day>[a-z]+)\.? (?P<rest>.+)", _day_and),
    (r"on (.+)", _on),
)


def _not_understood(words: str) -> BadDate:
    """The refusal of words that no rule took, naming the odd one."""
    known = {*_NEAR, *_WEEKDAYS, *_MONTHS, *_UNITS, *_COUNTS, *_ORDINALS, *_GLUE}
    for word in words.split():
        if ":" in word or re.fullmatch(r"\d+[ap]m", word):
            return BadDate(f'no date in "{words}": the time {word} does not fit here', hint=EXAMPLES)
        if word not in known and not re.match(r"[+-]?[0-9]|[qw][0-9]|[se]o[wmqy]$", word):
            return BadDate(f'no date in "{words}": "{word}" is not a date word', hint=EXAMPLES)
    reason = ": the words do not go together" if " " in words else ""
    return BadDate(f'no date in "{words}"{reason}', hint=EXAMPLES)
