"""What a book's ``crm.yaml`` says: name, currency, time zone, pipelines, purposes, own fields and kinds.

It never holds a command, a host, a secret or a path outside the book: whoever can push to the book could then run
things on every member's machine. Such keys are refused.
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.model.values import Context

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

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
    "pressure",
    "send_window",
    "send_weekdays",
    "holidays",
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


class Pressure(NamedTuple):
    """How often somebody may be written to for a purpose: ``most`` times in ``days`` days, all channels together."""

    most: int
    days: int


class Sending(NamedTuple):
    """When messages may go out, in the recipient's time zone; ``holidays`` are ISO days."""

    window: str = ""
    weekdays: tuple[str, ...] = ()
    holidays: tuple[str, ...] = ()


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
    pressure: Mapping[str, Pressure]
    sending: Sending
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
