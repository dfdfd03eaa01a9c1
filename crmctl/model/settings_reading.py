"""Reading a book's settings: what is wrong is listed, and a default stands in for it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from crmctl.model import schema as schemas
from crmctl.model.kinds import WEEKDAYS
from crmctl.model.settings import DEFAULT_INTERACTION_TYPES
from crmctl.model.settings import DEFAULT_LIFECYCLES
from crmctl.model.settings import DEFAULT_PIPELINES
from crmctl.model.settings import DEFAULT_PURPOSES
from crmctl.model.settings import KEYS
from crmctl.model.settings import RUNS_THINGS
from crmctl.model.settings import Pressure
from crmctl.model.settings import Purpose
from crmctl.model.settings import Sending
from crmctl.model.settings import Settings
from crmctl.model.settings import Stage
from crmctl.model.settings import zone_named

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crmctl.model.raw import Raw
    from crmctl.model.raw import RawMap

# Not compiled here: most books say none of these, and every command comes this way.
_PRESSURE = r"(\d{1,4})\s+in\s+(\d{1,4})\s*d"
_DAY_MINUTES = 24 * 60
_WINDOW = r"(\d{1,2}):([0-5]\d)\s*-\s*(\d{1,2}):([0-5]\d)"
WINDOW_FORM = "HH:MM-HH:MM, as in 09:00-17:00"
_DAY = r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"


def read_settings(raw: RawMap, *, again: bool = False) -> Settings:
    """The settings that ``raw``, the content of a ``crm.yaml``, makes.

    What is wrong is listed in ``problems`` as (key path, message) pairs, and a default stands in for it, so that one
    bad line in the settings does not close the book. ``again`` says that this has been done before for the same
    ``raw``: the time zone, which takes longest to look up, is then not looked at until it is used.
    """
    problems = _keys(raw)
    pipelines = _pipelines(raw.get("pipelines", ""), problems)
    purposes = _purposes(raw.get("purposes", ""), problems)
    vocabularies = {
        "lifecycles": _words(raw, "lifecycles", problems) or DEFAULT_LIFECYCLES,
        "interaction_types": tuple(
            dict.fromkeys((*DEFAULT_INTERACTION_TYPES, *_words(raw, "interaction_types", problems)))
        ),
        "pipelines": tuple(pipelines),
        "stages": tuple(dict.fromkeys(stage.name for stages in pipelines.values() for stage in stages)),
        "purposes": tuple(purposes),
    }
    schema, schema_problems = schemas.build(vocabularies, raw.get("fields", ""), raw.get("kinds", ""))
    problems += schema_problems
    return Settings(
        name=_text(raw, "name", problems) or "crmctl",
        currency=_letters(raw, "currency", 3, "a currency (three letters, as EUR)", problems) or "EUR",
        timezone=_timezone(raw, problems, again=again),
        language=_text(raw, "language", problems) or "en",
        country=_letters(raw, "country", 2, "a country (two letters, as DE)", problems),
        layout=_one_of(raw, "layout", ("flat", "sharded"), problems),
        handles=_one_of(raw, "handles", ("name", "random"), problems),
        email=_text(raw, "email", problems),
        postal_address=_text(raw, "postal_address", problems),
        pipelines=pipelines,
        purposes=purposes,
        response_targets=_targets(raw.get("response_targets", ""), problems),
        pressure=_pressures(raw.get("pressure", ""), purposes, problems),
        sending=_sending(raw, problems),
        schema=schema,
        problems=tuple(problems),
    )


_Problems = list[tuple[tuple[str, ...], str]]


def _keys(raw: RawMap) -> _Problems:
    problems: _Problems = []
    for key in raw:
        if key in RUNS_THINGS:
            message = f"{key!r} has no place in a shared book; it belongs into your own config.yaml"
            problems.append(((key,), message))
        elif key not in KEYS:
            problems.append(((key,), _unknown(key)))
    return problems


def _unknown(key: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(key, KEYS, 1)
    return f"there is no setting {key!r}" + (f" (did you mean {near[0]!r}?)" if near else "")


def _text(raw: RawMap, key: str, problems: _Problems) -> str:
    value = raw.get(key, "")
    if isinstance(value, str):
        return value
    problems.append(((key,), f"{key!r} should be a text"))
    return ""


def _letters(raw: RawMap, key: str, count: int, what: str, problems: _Problems) -> str:
    """A code of so many letters, in capitals; "" when there is none."""
    code = _text(raw, key, problems).upper()
    if code and not (len(code) == count and code.isascii() and code.isalpha()):
        problems.append(((key,), f"{code!r} is not {what}"))
        return ""
    return code


def _timezone(raw: RawMap, problems: _Problems, *, again: bool) -> str:
    timezone = _text(raw, "timezone", problems) or "UTC"
    if not again and zone_named(timezone) is None:
        problems.append((("timezone",), f"{timezone!r} is not a time zone (write it as Europe/Berlin)"))
        return "UTC"
    return timezone


def _one_of(raw: RawMap, key: str, choices: tuple[str, ...], problems: _Problems) -> str:
    value = _text(raw, key, problems) or choices[0]
    if value not in choices:
        problems.append(((key,), f"{key!r} is one of {', '.join(choices)}, not {value!r}"))
        return choices[0]
    return value


def _words(raw: RawMap, key: str, problems: _Problems) -> tuple[str, ...]:
    value = raw.get(key, "")
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        return tuple(str(word).lower() for word in value)
    if value != "":
        problems.append(((key,), f"{key!r} should be a list of words"))
    return ()


def _pipelines(raw: Raw, problems: _Problems) -> Mapping[str, tuple[Stage, ...]]:
    if raw == "":
        return DEFAULT_PIPELINES
    if not isinstance(raw, dict):
        problems.append((("pipelines",), "'pipelines' should be a map of pipelines to their stages"))
        return DEFAULT_PIPELINES
    pipelines = {}
    for name, stages in raw.items():
        if isinstance(stages, dict) and stages:
            pipelines[name.lower()] = tuple(_stage(name, stage, value, problems) for stage, value in stages.items())
        else:
            problems.append((("pipelines", name), "a pipeline is a map of stages to their probability, won or lost"))
    return pipelines or DEFAULT_PIPELINES


def _stage(pipeline: str, name: str, value: Raw, problems: _Problems) -> Stage:
    if value == "won":
        return Stage(name.lower(), 100, "won")
    if value == "lost":
        return Stage(name.lower(), 0, "lost")
    if isinstance(value, str) and value.isdecimal() and value.isascii() and int(value) <= 100:
        return Stage(name.lower(), int(value))
    problems.append((("pipelines", pipeline, name), "a stage has a probability from 0 to 100, or is won or lost"))
    return Stage(name.lower(), 0)


def _purposes(raw: Raw, problems: _Problems) -> Mapping[str, Purpose]:
    if raw == "":
        return DEFAULT_PURPOSES
    if not isinstance(raw, dict):
        problems.append((("purposes",), "'purposes' should be a map of purposes to their basis"))
        return DEFAULT_PURPOSES
    purposes = {}
    for name, value in raw.items():
        entry = {"basis": value} if isinstance(value, str) else value if isinstance(value, dict) else {}
        basis = entry.get("basis", "") or "consent"
        if basis not in ("consent", "soft-opt-in", "contract", "legal", "legitimate-interest"):
            problems.append(
                (("purposes", name), f"{basis!r} is not a basis (consent, soft-opt-in, contract, legal, ...)")
            )
            basis = "consent"
        text = entry.get("help", "")
        purposes[name.lower()] = Purpose(name.lower(), str(basis), text if isinstance(text, str) else "")
    return purposes or DEFAULT_PURPOSES


def _targets(raw: Raw, problems: _Problems) -> Mapping[str, str]:
    """Hours to answer a case in, by priority."""
    if not isinstance(raw, dict):
        if raw != "":
            problems.append((("response_targets",), "'response_targets' should be a map of priorities to hours"))
        return {}
    targets = {}
    for key, value in raw.items():
        if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 5:
            targets[key.lower()] = value
        else:
            problems.append((("response_targets", key), "a response target is a number of hours"))
    return targets


def _pressures(raw: Raw, purposes: Mapping[str, Purpose], problems: _Problems) -> Mapping[str, Pressure]:
    """How often people may be written to, by purpose: ``newsletter: 4 in 30d``."""
    if not isinstance(raw, dict):
        if raw != "":
            problems.append((("pressure",), "'pressure' should be a map of purposes to words like 4 in 30d"))
        return {}
    found = {}
    for key, value in raw.items():
        if key.lower() not in purposes:
            problems.append((("pressure", key), f"there is no purpose {key!r} (there are {', '.join(purposes)})"))
            continue
        match = re.fullmatch(_PRESSURE, value.strip(), re.ASCII) if isinstance(value, str) else None
        if match is not None and int(match[1]) and int(match[2]):
            found[key.lower()] = Pressure(int(match[1]), int(match[2]))
        else:
            problems.append((("pressure", key), "a limit is so many messages in so many days: 4 in 30d"))
    return found


def _sending(raw: RawMap, problems: _Problems) -> Sending:
    window = _text(raw, "send_window", problems).strip()
    wrong_window = window_problem(window) if window else ""
    if wrong_window:
        problems.append((("send_window",), f"{wrong_window} (write it as {WINDOW_FORM})"))
        window = ""
    weekdays = _words(raw, "send_weekdays", problems)
    if not set(weekdays) <= set(WEEKDAYS):
        problems.append((("send_weekdays",), f"'send_weekdays' are some of {', '.join(WEEKDAYS)}"))
        weekdays = ()
    holidays = _words(raw, "holidays", problems)
    wrong = [day for day in holidays if re.fullmatch(_DAY, day, re.ASCII) is None]
    if wrong:
        problems.append((("holidays",), f"{wrong[0]!r} is not a day (write it as 2026-12-25)"))
    return Sending(window, weekdays, tuple(day for day in holidays if day not in wrong))


def window_of(text: str) -> tuple[int, int] | None:
    """The first and the last minute of the day (exclusive) that a window like ``09:00-17:00`` names; None for none."""
    minutes = _minutes_of(text)
    return minutes if minutes is not None and minutes[0] < minutes[1] <= _DAY_MINUTES else None


def window_problem(text: str) -> str:
    """Why ``text`` is no window of hours, in words; "" for one that is."""
    minutes = _minutes_of(text)
    if minutes is None or max(minutes) > _DAY_MINUTES:
        return f"{text!r} is not a window of hours"
    return "" if minutes[0] < minutes[1] else f"the window {text} does not end after it starts"


def _minutes_of(text: str) -> tuple[int, int] | None:
    match = re.fullmatch(_WINDOW, text, re.ASCII)
    return match and (int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4]))
