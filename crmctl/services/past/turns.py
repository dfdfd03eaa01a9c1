"""What a change of a record means: a deal was won, a consent withdrawn, a follow-up done; and how to say so."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.model import money

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crmctl.model.fields import Kind
    from crmctl.model.raw import RawMap
    from crmctl.model.settings import Settings

_SOLVED = frozenset({"solved", "closed"})


class Turn(NamedTuple):
    """Something that a change of fields means: ``what`` happened and, in words, to what.

    ``what`` is "won", "lost", "moved" (a deal, to another stage), "amount" (it changed by ``units``), "done" (a
    follow-up), "solved" (a case), "granted", "withdrawn", "objected" or "erased" (a consent, ``about`` its purpose).
    ``units`` are minor units of ``currency``, of a deal that was won or lost what it is worth.
    """

    what: str
    about: str = ""
    units: int | None = None
    currency: str = ""


def turns_of(settings: Settings, kind: Kind, old: RawMap, new: RawMap) -> Iterator[Turn]:
    """What it means that ``old`` (empty for a new record) became ``new``."""
    if kind.name == "deal":
        yield from _deal_turns(settings, old, new)
    elif kind.name == "customer":
        yield from _consent_turns(old, new)
    elif kind.name == "followup":
        if text_in(new, "done") and not text_in(old, "done"):
            yield Turn("done")
    elif kind.name == "case" and text_in(new, "status") in _SOLVED and text_in(old, "status") not in _SOLVED:
        yield Turn("solved")


def _deal_turns(settings: Settings, old: RawMap, new: RawMap) -> Iterator[Turn]:
    was, now = text_in(old, "stage"), text_in(new, "stage")
    units, currency = _worth(settings, new)
    if was != now:
        outcome = _outcome(settings, new)
        if outcome and outcome != _outcome(settings, old):
            yield Turn(outcome, units=units, currency=currency)
        elif was and now:
            yield Turn("moved", f"{was} -> {now}")
    before, currency_before = _worth(settings, old)
    if old and (before, currency_before) != (units, currency) and currency == currency_before:
        yield Turn("amount", units=(units or 0) - (before or 0), currency=currency)


def _outcome(settings: Settings, deal: RawMap) -> str:
    """Whether a deal's stage means "won", "lost" or, in its pipeline or the first that has it, neither ("")."""
    stage, pipeline = text_in(deal, "stage").lower(), text_in(deal, "pipeline").lower()
    named = [settings.pipelines[pipeline]] if pipeline in settings.pipelines else settings.pipelines.values()
    return next((step.outcome for steps in named for step in steps if step.name == stage), "")


def _worth(settings: Settings, deal: RawMap) -> tuple[int | None, str]:
    currency = text_in(deal, "currency").upper() or settings.currency
    try:
        return money.minor_units(text_in(deal, "amount"), currency), currency
    except ValueError:
        return None, currency


def _consent_turns(old: RawMap, new: RawMap) -> Iterator[Turn]:
    was, now = old.get("consent"), new.get("consent")
    for purpose, entry in now.items() if isinstance(now, dict) else ():
        before = was.get(purpose) if isinstance(was, dict) else None
        state = text_in(entry, "state") if isinstance(entry, dict) else ""
        if state and state != (text_in(before, "state") if isinstance(before, dict) else ""):
            yield Turn(state, purpose)


def turn_words(turn: Turn) -> str:
    """``won (4,000.00 EUR)``, ``moved offer -> talks``, ``amount +500.00 EUR``, ``consent newsletter withdrawn``."""
    if turn.what == "amount":
        sign = "+" if (turn.units or 0) > 0 else ""
        return f"amount {sign}{amount_words(turn.units or 0, turn.currency)}"
    if turn.what == "moved":
        return f"moved {turn.about}"
    if turn.about:
        return f"consent {turn.about} {turn.what}"
    return turn.what if turn.units is None else f"{turn.what} ({amount_words(turn.units, turn.currency)})"


def amount_words(units: int, currency: str) -> str:
    """``4,000.00 EUR``."""
    whole, point, part = money.from_minor(units, currency).partition(".")
    sign = "-" if whole.startswith("-") else ""
    return f"{sign}{int(whole.lstrip('-')):,}{point}{part} {currency}"


def text_in(data: RawMap, name: str) -> str:
    """The text of a field, "" where there is none."""
    value = data.get(name, "")
    return value if isinstance(value, str) else ""
