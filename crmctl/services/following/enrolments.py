"""Who is in which sequence, and how far: a record, understood.

The steps are those of the day on which somebody was enrolled; later edits of the sequence do not leak in. Its id and
handle are told from the sequence and the customer, so that two clones that enrol somebody make one record.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import InvalidData
from crmctl.mail.identifiers import send_id
from crmctl.model import ids
from crmctl.model import values
from crmctl.model.fields import Field
from crmctl.model.kinds import CHANNELS
from crmctl.model.kinds import WEEKDAYS
from crmctl.model.settings_reading import window_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crmctl.model.raw import Raw
    from crmctl.model.raw import RawMap
    from crmctl.services.book import Book

ACTIVE, FINISHED, STOPPED = "active", "finished", "stopped"
ENROLLED, SENT, SKIPPED = "enrolled", "sent", "skipped"
EMAIL = "email"
PAPER = ("letter", "sms")
MAX_LATENESS = 3
STOPS = ("reply", "meeting", "purchase", "won", "lost", "opt-out", "bounce", "complaint")
ALWAYS = frozenset({"opt-out", "bounce", "complaint"})
_NO = ("no", "false", "0", "off")


class Step(NamedTuple):
    """One step: days to wait, whether only working days count, what it is, and how it is done (``channel`` "" is a
    follow-up for a member of the team)."""

    wait: int
    business: bool
    what: str
    channel: str
    template: str
    when: str
    draft: bool
    thread: bool

    @property
    def is_mail(self) -> bool:
        """Whether it goes by e-mail."""
        return self.channel == EMAIL and bool(self.template)

    @property
    def is_paper(self) -> bool:
        """Whether a file is written that somebody prints or types."""
        return self.channel in PAPER and bool(self.template)


class Did(NamedTuple):
    """A step that was taken: its number from 1, when, what was done, and the Message-ID or the follow-up."""

    step: int
    at: datetime
    what: str
    ref: str = ""
    subject: str = ""


class Enrolment(NamedTuple):
    """One person in one sequence."""

    handle: str
    id: str
    customer: str
    sequence: str
    state: str
    reason: str
    started: datetime
    steps: tuple[Step, ...]
    log: tuple[Did, ...]
    owner: str
    data: RawMap
    closed: frozenset[str] = frozenset()
    """Deals that were won or lost before it began, on the same day: only days are known of them."""

    @property
    def place(self) -> int:
        """The number of the step that comes next, from 1."""
        return max((did.step for did in self.log), default=0) + 1

    @property
    def next(self) -> Step | None:
        """The step that comes next, None when all were taken."""
        return self.steps[self.place - 1] if self.place <= len(self.steps) else None

    @property
    def base(self) -> datetime:
        """The moment from which the wait of the next step counts."""
        return max((did.at for did in self.log), default=self.started)


class Sequence(NamedTuple):
    """A sequence; ``id`` is its handle while it has none."""

    handle: str
    id: str
    data: RawMap

    def text(self, name: str) -> str:
        """A field with one value, "" when it is absent."""
        value = self.data.get(name)
        return value.strip() if isinstance(value, str) else ""

    @property
    def exclusive(self) -> bool:
        """Whether somebody in it may be in no other."""
        return self.text("exclusive").lower() not in _NO

    @property
    def max_lateness(self) -> int:
        """Days after which a step that was due is missed."""
        return _days(self.text("max_lateness") or f"{MAX_LATENESS}d")

    @property
    def stops(self) -> frozenset[str]:
        """What ends it."""
        said = self.data.get("stop_on")
        words = said if isinstance(said, list) else [said] if said else list(STOPS)
        return frozenset(str(word).strip().lower() for word in words) | ALWAYS


def fault(found: Sequence) -> str:
    """Why a sequence cannot be gone by, "" when it can."""
    window = found.text("window")
    if window and window_of(window) is None:
        return f"window {window!r} is not a window of hours (09:00-17:00)"
    for name, known in (("weekdays", WEEKDAYS), ("stop_on", (*STOPS, "colleague"))):
        said = found.data.get(name)
        for word in said if isinstance(said, list) else [said] if said else []:
            if str(word).strip().lower() not in known:  # A slip here would let mail go out that an answer has to stop.
                return f"{name}: {word!r} is not one of {', '.join(known)}"
    try:
        found.max_lateness  # noqa: B018 - it is read to see whether it can be
    except InvalidData as error:
        return f"max_lateness: {error.message}"
    return ""


def identity(sequence_id: str, customer_id: str, number: int) -> str:
    """The id of somebody's ``number``-th enrolment in a sequence, the same in every clone."""
    return ids.id_from(f"enrolment {sequence_id} {customer_id} {number}")


def handle_of(identity: str) -> str:
    """The handle of an enrolment; it says nothing about anybody."""
    return f"e-{identity[-16:].lower()}"


def sid_of(sequence_id: str, enrolment: Enrolment, customer_id: str, step: int) -> str:
    """The id of the mail of one step: the same whoever sends it, and whenever."""
    return send_id(sequence_id, customer_id, EMAIL, step=str(step), occurrence=enrolment.id)


def sequence(book: Book, handle: str) -> Sequence | None:
    """The sequence with this handle, None when it is gone."""
    data = book.index.data(book.schema.require("sequence"), handle)
    return None if data is None else Sequence(handle, str(data.get("id") or handle), data)


def read(book: Book, handle: str) -> Enrolment | None:
    """The enrolment with this handle, None when there is none.

    Raises:
        InvalidData: it cannot be understood.
    """
    data = book.index.data(book.schema.require("enrolment"), handle)
    return None if data is None else understood(book, handle, data)


def understood(book: Book, handle: str, data: RawMap) -> Enrolment:
    """An enrolment from its record.

    Raises:
        InvalidData: a moment or a step in it cannot be understood.
    """

    def text(name: str) -> str:
        return str(data.get(name) or "").strip()

    log = tuple(_log(book, data.get("log"), handle))
    if not any(did.step == 0 for did in log):
        raise InvalidData(f"enrolment {handle} does not say when it began", hint="crmctl sequence enroll makes one.")
    return Enrolment(
        handle=handle,
        id=text("id") or handle,
        customer=text("customer"),
        sequence=text("sequence"),
        state=text("state").lower() or ACTIVE,
        reason=text("reason"),
        started=min(did.at for did in log if did.step == 0),
        steps=steps_of(data.get("steps"), handle),
        log=tuple(did for did in log if did.step),
        owner=text("owner"),
        data=data,
        closed=frozenset(ref for did in log if did.step == 0 for ref in did.ref.split()),
    )


def every(book: Book, *, customer: str = "", sequence: str = "", active: bool = False) -> list[Enrolment]:
    """The enrolments of a customer, of a sequence, or all of them; those that cannot be understood are left out."""
    where = [name for name, value in (("customer", customer), ("sequence", sequence)) if value]
    sql = "SELECT handle FROM enrolments" + (" WHERE " if where else "") + " AND ".join(f"{name} = ?" for name in where)
    found = []
    for (handle,) in book.index.rows(f"{sql} ORDER BY handle", [value for value in (customer, sequence) if value]):
        try:
            enrolment = read(book, str(handle))
        except InvalidData:
            continue
        if enrolment is not None and (not active or enrolment.state == ACTIVE):
            found.append(enrolment)
    return found


def broken(book: Book) -> list[tuple[str, str]]:
    """(handle, why) of the enrolments that are not over and cannot be understood."""
    found = []
    sql = "SELECT handle FROM enrolments WHERE COALESCE(state, 'active') = 'active' ORDER BY handle"
    for (handle,) in book.index.rows(sql):
        try:
            read(book, str(handle))
        except InvalidData as error:
            found.append((str(handle), error.message))
    return found


def steps_of(raw: Raw | None, where: str) -> tuple[Step, ...]:
    """Steps from a record.

    Raises:
        InvalidData: one of them cannot be understood.
    """
    items = raw if isinstance(raw, list) else []
    return tuple(_step(item, f"{where}: step {number}") for number, item in enumerate(items, 1))


def _step(raw: Raw, where: str) -> Step:
    if not isinstance(raw, dict):
        raise InvalidData(f"{where} is no step", hint="steps: [{wait: 3d, what: Ask again, template: ask}]")

    def text(name: str) -> str:
        return str(raw.get(name) or "").strip()

    channel = text("channel").lower() or (EMAIL if text("template") else "")
    if channel and channel not in CHANNELS:
        raise InvalidData(f"{where} goes by {channel!r}, which is no channel", hint=f"Channels: {', '.join(CHANNELS)}.")
    if channel in (EMAIL, *PAPER) and not text("template"):
        raise InvalidData(f"{where} goes by {channel} and names no template", hint="template: NAME, or no channel")
    yes = ("yes", "true", "1", "on")
    return Step(
        wait=_days(text("wait") or "0d"),
        business=text("business").lower() in yes,
        what=text("what"),
        channel=channel,
        template=text("template"),
        when=text("when"),
        draft=text("approval").lower() == "draft",
        thread=text("thread").lower() in yes,
    )


def _log(book: Book, raw: Raw | None, where: str) -> Iterator[Did]:
    for item in raw if isinstance(raw, list) else []:
        if not isinstance(item, dict):
            raise InvalidData(f"{where}: its log cannot be understood")
        number = str(item.get("step") or "")
        if not number.isdecimal():
            raise InvalidData(f"{where}: its log names the step {number!r}")
        at = _moment(book, str(item.get("at") or ""), where)
        told = (str(item.get(name) or "") for name in ("what", "ref", "subject"))
        yield Did(int(number), at, *told)


def _days(text: str) -> int:
    try:
        return int(str(values.normal(Field("wait", "days"), text, values.Context())))
    except ValueError as error:
        raise InvalidData(str(error), hint="Write it as 3d or 2w.") from None


def _moment(book: Book, text: str, where: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidData(f"enrolment {where}: {text!r} is no moment", hint="It is written by crmctl.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=book.settings.zone)
