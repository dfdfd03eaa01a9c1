"""What a book's ``crm.yaml`` says: name, currency, time zone, pipelines, purposes, own fields and kinds.

It never holds a command, a host, a secret or a path outside the book: whoever can push to the book could then run
things on every member's machine. Such keys are refused.
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.model import schema as schemas
from crmctl.model.values import Context

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

    from crmctl.model.raw import Raw
    from crmctl.model.raw import RawMap
    from crmctl.model.schema import Schema

FILE = "crm.yaml"
KEYS = (
    "name",
    "currency",
    "timezone",
    "language",
    "country",
    "layout",
    "handles",
    "email",
    "postal_address",
    "lifecycles",
    "interaction_types",
    "pipelines",
    "purposes",
    "response_targets",
    "fields",
    "kinds",
)
RUNS_THINGS = frozenset(
    "command password_command editor pager hook hooks host port smtp server password secret key token plugin "
    "plugins loader sendmail exec shell path script url proxy include extends sshcommand askpass driver".split()
)
"""Keys that have no place in any file of a book: they would name a program, a host, a secret or a file elsewhere."""

DEFAULT_LIFECYCLES = ("lead", "prospect", "customer", "former")
DEFAULT_INTERACTION_TYPES = (
    "call",
    "email",
    "meeting",
    "note",
    "letter",
    "visit",
    "message",
    "purchase",
    "payment",
    "support",
    "survey",
    "consent",
)


class Stage(NamedTuple):
    """One step of a pipeline; ``outcome`` is "won" or "lost" for the last ones, "" for the open ones."""

    name: str
    probability: int
    outcome: str = ""


class Purpose(NamedTuple):
    """A reason to write to people. ``basis`` "consent" asks for a granted consent; others are on firm ground."""

    name: str
    basis: str = "consent"
    help: str = ""


DEFAULT_PIPELINES = {
    "sales": (
        Stage("lead", 10),
        Stage("qualified", 25),
        Stage("proposal", 50),
        Stage("negotiation", 75),
        Stage("won", 100, "won"),
        Stage("lost", 0, "lost"),
    )
}
DEFAULT_PURPOSES = {
    "newsletter": Purpose("newsletter"),
    "service": Purpose("service", "contract", "about what they bought or asked"),
}


class Settings(NamedTuple):
    """A book's settings, complete: defaults stand where ``crm.yaml`` says nothing."""

    name: str
    currency: str
    timezone: str
    language: str
    country: str
    layout: str
    handles: str
    email: str
    postal_address: str
    pipelines: Mapping[str, tuple[Stage, ...]]
    purposes: Mapping[str, Purpose]
    response_targets: Mapping[str, str]
    schema: Schema
    problems: tuple[tuple[tuple[str, ...], str], ...] = ()

    @property
    def zone(self) -> tzinfo:
        """The book's time zone; UTC when its name is unknown here (``check`` says so)."""
        return zone_named(self.timezone) or UTC

    @property
    def context(self) -> Context:
        """What values are read against."""
        return Context(self.currency, self.country, self.zone)

    def stage(self, pipeline: str, name: str) -> Stage | None:
        """The stage called ``name`` of a pipeline (the first one that has it when ``pipeline`` is "")."""
        for pipeline_name, stages in self.pipelines.items():
            if pipeline in ("", pipeline_name):
                for stage in stages:
                    if stage.name == name:
                        return stage
        return None

    def deal_status(self, pipeline: str, stage: str) -> str:
        """ "open", "won" or "lost", told from the stage."""
        found = self.stage(pipeline, stage)
        return (found.outcome or "open") if found else "open"


def zone_named(name: str) -> tzinfo | None:
    """The time zone of an IANA name, None when there is none by that name."""
    if name in ("UTC", ""):
        return UTC
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return None


def read_settings(raw: RawMap, *, again: bool = False) -> Settings:
    """The settings that ``raw``, the content of a ``crm.yaml``, makes.

    What is wrong is listed in ``problems`` as (key path, message) pairs, and a default stands in for it, so that one
    bad line in the settings does not close the book. ``again`` says that this has been done before for the same
    ``raw``: the time zone, which takes longest to look up, is then not looked at until it is used.
    """
    problems: list[tuple[tuple[str, ...], str]] = []
    for key in raw:
        if key in RUNS_THINGS:
            message = f"{key!r} has no place in a shared book; it belongs into your own config.yaml"
            problems.append(((key,), message))
        elif key not in KEYS:
            problems.append(((key,), _unknown(key)))
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
    timezone = _text(raw, "timezone", problems) or "UTC"
    if not again and zone_named(timezone) is None:
        problems.append((("timezone",), f"{timezone!r} is not a time zone (write it as Europe/Berlin)"))
        timezone = "UTC"
    currency = (_text(raw, "currency", problems) or "EUR").upper()
    if not (len(currency) == 3 and currency.isascii() and currency.isalpha()):
        problems.append((("currency",), f"{currency!r} is not a currency (three letters, as EUR)"))
        currency = "EUR"
    country = _text(raw, "country", problems).upper()
    if country and not (len(country) == 2 and country.isascii() and country.isalpha()):
        problems.append((("country",), f"{country!r} is not a country (two letters, as DE)"))
        country = ""
    return Settings(
        name=_text(raw, "name", problems) or "crmctl",
        currency=currency,
        timezone=timezone,
        language=_text(raw, "language", problems) or "en",
        country=country,
        layout=_one_of(raw, "layout", ("flat", "sharded"), problems),
        handles=_one_of(raw, "handles", ("name", "random"), problems),
        email=_text(raw, "email", problems),
        postal_address=_text(raw, "postal_address", problems),
        pipelines=pipelines,
        purposes=purposes,
        response_targets=_targets(raw.get("response_targets", ""), problems),
        schema=schema,
        problems=tuple(problems),
    )


_Problems = list[tuple[tuple[str, ...], str]]


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
