"""A campaign as its record has it, understood: purpose, channel, arms, when it goes out and what holds it up."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import InvalidData
from crmctl.errors import NotFound
from crmctl.errors import UsageProblem
from crmctl.model.kinds import CHANNELS
from crmctl.model.kinds import WEEKDAYS
from crmctl.model.settings_reading import window_of

if TYPE_CHECKING:
    from datetime import date

    from crmctl.model.raw import Raw
    from crmctl.model.raw import RawMap
    from crmctl.model.settings import Purpose
    from crmctl.services.book import Book

HOLD, RESEND, ASK = "hold", "resend", "ask"
EMAIL = "email"
BY_HAND = ("phone", "visit")
"""Channels on which nothing is sent: somebody has to do it, and gets a follow-up."""

DAY = "08:00-21:00"
"""The hours, where the recipient is, in which telephones may ring (47 CFR 64.1200(c)(1))."""

_RINGS = ("phone", "sms")

_SLOTS = 10_000


class Arm(NamedTuple):
    """One variant: its name, its template ("" is the campaign's own), and the slots of 10,000 that it has."""

    name: str
    template: str
    slots: int


class Campaign(NamedTuple):
    """A campaign; ``data`` is its record. ``id`` is its handle while it has none."""

    handle: str
    id: str
    data: RawMap
    purpose: Purpose
    channel: str
    segment: str
    holdout: int
    arms: tuple[Arm, ...]

    def templates(self) -> dict[str, str]:
        """The name of the template of each arm; of "" where there are no arms."""
        own = str(self.data.get("template") or "")
        return {arm.name: arm.template or own for arm in self.arms} or {"": own}

    def text(self, name: str) -> str:
        """A field with one value, "" when it is absent."""
        value = self.data.get(name)
        return value.strip() if isinstance(value, str) else ""

    @property
    def status(self) -> str:
        """Where it stands."""
        return self.text("status").lower() or "draft"

    @property
    def on_unknown(self) -> str:
        """What to do when a server's answer was lost: what the record says, else what the purpose calls for.

        News come at most once; what somebody has a right to comes at least once.
        """
        said = self.text("on_unknown").lower()
        if said in (HOLD, RESEND, ASK):
            return said
        return RESEND if self.purpose.basis in ("contract", "legal") else HOLD

    @property
    def canary(self) -> int:
        """How many go out before it pauses for a look; 0 is none."""
        text = self.text("canary")
        if text and not (text.isascii() and text.isdecimal() and len(text) <= 6):
            raise self._no("canary", "no whole number", "5")
        return int(text or "0")

    @property
    def max_lateness(self) -> int | None:
        """Days after its start on which it may still begin; None when any day will do."""
        from crmctl.model import values
        from crmctl.model.fields import Field

        text = self.text("max_lateness")
        try:
            return int(str(values.normal(Field("max_lateness", "days"), text, values.Context()))) if text else None
        except ValueError:
            raise self._no("max_lateness", "no number of days", "3d") from None

    @property
    def weekdays(self) -> tuple[str, ...]:
        """The days of the week on which it goes out; all of them when empty."""
        return tuple(day for day in _words(self.data.get("weekdays")) if day in WEEKDAYS)

    @property
    def by_hand(self) -> bool:
        """Whether somebody calls or visits, so that nothing is sent."""
        return self.channel in BY_HAND

    @property
    def rings(self) -> bool:
        """Whether a telephone rings, so that it may not go out at night."""
        return self.channel in _RINGS

    def hours(self, usual: str) -> str:
        """The window in which it goes out, "" for the whole day: the record's, else ``usual``; never at night by phone.

        Raises:
            InvalidData: nothing of its window is left.
        """
        window = self.text("window") or usual
        day = window_of(DAY) if self.rings else None
        minutes = window_of(window) if window else None
        if day is None or (window and minutes is None):
            return window
        first, last = (max(minutes[0], day[0]), min(minutes[1], day[1])) if minutes else day
        if first >= last:
            hint = f"crmctl campaign set {self.handle} window=09:00-17:00"
            raise InvalidData(f"campaign {self.handle}: nobody may be rung up in its hours ({window})", hint=hint)
        return f"{first // 60:02}:{first % 60:02}-{last // 60:02}:{last % 60:02}"

    def day(self, name: str) -> date | None:
        """A field that is a day."""
        from datetime import date

        text = self.text(name)
        try:
            return date.fromisoformat(text) if text else None
        except ValueError:
            raise self._no(name, "no day", "2026-03-01") from None

    def _no(self, name: str, what: str, example: str) -> InvalidData:
        hint = f"crmctl campaign set {self.handle} {name}={example}"
        return InvalidData(f"campaign {self.handle}: {name} is {what}: {self.text(name)!r}", hint=hint)

    def arm_of(self, customer_id: str) -> str:
        """The arm of a customer, told by a keyed hash, so the same on every machine; "" where there are no arms."""
        if not self.arms:
            return ""
        place = slot(self.id, f"arm|{customer_id}")
        for arm in self.arms:
            place -= arm.slots
            if place < 0:
                return arm.name
        return ""


def slot(salt: str, text: str) -> int:
    """One of 10,000 places, told by a keyed hash."""
    digest = hmac.digest(salt.encode(), text.encode(), "sha256")
    return int.from_bytes(digest[:8], "big") % _SLOTS


def read(book: Book, handle: str) -> Campaign:
    """The campaign as its record has it now.

    Raises:
        NotFound: there is no such campaign.
        UsageProblem, InvalidData: it names no segment, or a purpose, channel, holdout or share that is none.
    """
    data = book.index.data(book.schema.require("campaign"), handle)
    if data is None:
        raise NotFound(f"there is no campaign {handle!r}", hint="crmctl campaign list")
    segment = str(data.get("segment") or "")
    if not segment:
        hint = f"crmctl campaign set {handle} segment=NAME"
        raise UsageProblem(f"campaign {handle} names no segment, so it is for nobody", hint=hint)
    purpose = book.settings.purposes.get(str(data.get("purpose") or "").lower())
    if purpose is None:
        known = ", ".join(book.settings.purposes)
        said = f"has the purpose {data['purpose']!r}, which crm.yaml does not know" if data.get("purpose") else ""
        message = f"campaign {handle} {said or 'does not say what it is for'}"
        raise InvalidData(message, hint=f"Purposes of this book: {known}. crmctl campaign set {handle} purpose=NAME")
    channel = str(data.get("channel") or "email").lower()
    if channel not in CHANNELS:
        hint = f"Channels are {', '.join(CHANNELS)}."
        raise InvalidData(f"campaign {handle} goes by {channel!r}, which is no channel", hint=hint)
    holdout = _percent(handle, "holds out", data.get("holdout") or "", f"crmctl campaign set {handle} holdout=10")
    arms = _arms(handle, data.get("arms"))
    return Campaign(handle, str(data.get("id") or handle), data, purpose, channel, segment, holdout or 0, arms)


def _percent(handle: str, verb: str, raw: Raw, hint: str) -> int | None:
    text = str(raw).strip().removesuffix("%").rstrip()
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 3 and int(text) <= 100):
        message = f"campaign {handle} {verb} {str(raw)!r}, which is no whole percent from 0 to 100"
        raise InvalidData(message, hint=hint)
    return int(text)


def _arms(handle: str, raw: Raw | None) -> tuple[Arm, ...]:
    """The arms with their slots: shares that are said, and the rest in equal parts for those that say none."""
    if not raw:
        return ()
    hint = "arms: [{name: a, template: one, share: 50}, {name: b, template: two, share: 50}]"
    items = [item for item in raw if isinstance(item, dict)] if isinstance(raw, list) else []
    names = [str(item.get("name") or "").strip() for item in items]
    if not isinstance(raw, list) or len(items) != len(raw) or "" in names or len({*names}) != len(names):
        raise InvalidData(f"campaign {handle}: each arm needs a name of its own", hint=hint)
    shares = [
        _percent(handle, f"gives arm {name}", item.get("share") or "", hint)
        for name, item in zip(names, items, strict=True)
    ]
    said = sum(share or 0 for share in shares)
    silent = shares.count(None)
    if said > 100 or (said < 100 and not silent):
        raise InvalidData(f"campaign {handle}: the shares of its arms are {said} % together, not 100", hint=hint)
    rest = _SLOTS - said * 100
    slots = [rest // silent if share is None else share * 100 for share in shares]
    if silent:
        last = max(place for place, share in enumerate(shares) if share is None)
        slots[last] += rest - rest // silent * silent
    return tuple(
        Arm(name, str(item.get("template") or ""), count) for name, item, count in zip(names, items, slots, strict=True)
    )


def _words(raw: Raw | None) -> list[str]:
    items = raw if isinstance(raw, list) else [raw or ""]
    return [word for item in items for word in str(item).lower().replace(",", " ").split()]
