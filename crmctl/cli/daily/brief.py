"""``crmctl brief``: one screen to read before a call."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

import click

from crmctl.cli.app import App
from crmctl.cli.app import pass_app
from crmctl.cli.options import Command
from crmctl.cli.options import output_option
from crmctl.render.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crmctl.services.brief import Brief
    from crmctl.services.brief import Consent
    from crmctl.services.brief import Counters
    from crmctl.services.localtime import Clock

_DOT = " · "


def _complete(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[Any]:
    from crmctl.cli.complete import handles

    return handles(context, "customer", incomplete)


@click.command("brief", cls=Command)
@click.argument("ref", metavar="REF", shell_complete=_complete)
@output_option(formats=("table", "json"))
@pass_app
def brief(app: App, ref: str, form: str) -> None:
    """Show one screen to read before a call.

    Who they are and what time it is there, the last contacts, open deals, cases and follow-ups, what was promised, and
    what they agreed to.
    """
    from crmctl.cli.pick import picked
    from crmctl.services.brief import as_object
    from crmctl.services.brief import brief

    found = brief(app.book, picked(app, app.book.schema.require("customer"), ref))
    if form == "json":
        from crmctl.render.rows import object_json

        app.print(object_json(as_object(found)).splitlines())
    else:
        app.print(_Screen(app, found).lines(), page=True)


class _Screen:
    """The lines of one brief."""

    def __init__(self, app: App, found: Brief) -> None:
        self.app = app
        self.found = found

    def lines(self) -> Iterator[str]:
        yield from self._who()
        sections = (
            ("Last contacts", self._contacts()),
            ("We promised", self._followups(promised=True)),
            ("Follow-ups", self._followups(promised=False)),
            ("Open deals", self._deals()),
            ("Open cases", self._cases()),
            ("People", self._people()),
            ("Consent", self._consent()),
            ("Notes", self._notes()),
        )
        for heading, lines in sections:
            body = list(lines)
            if body:
                yield ""
                yield self.app.style(heading, bold=True)
                yield from body

    def _text(self, name: str) -> str:
        value = self.found.record.get(name)
        return ", ".join(map(str, value)) if isinstance(value, list) else str(value or "") if value else ""

    def _lines(
        self, parts: list[str], indent: int = 0, hang: int = 0, most: int = 2, *, red: bool = False
    ) -> Iterator[str]:
        """Parts with dots between them, nothing when all are empty; see ``cli.today.paragraph``."""
        if any(parts):
            from crmctl.cli.daily.today import paragraph

            for line in paragraph(parts, self.app.width, indent, hang=hang, most=most):
                yield self.app.style(line, fg="red") if red else line

    def _who(self) -> Iterator[str]:
        found, app = self.found, self.app
        yield from self._head()
        role = ", ".join(part for part in (self._text("role"), found.organization or "") if part)
        owner = f"owner {found.record['owner']}" if found.record.get("owner") else ""
        language = f"writes {found.record['language']}" if found.record.get("language") else ""
        yield from self._lines([role])
        yield from self._lines([self._text("lifecycle"), self._text("tags"), owner, language])
        yield from self._lines([self._text("phones"), self._text("emails")])
        yield from self._lines([_address(found), there(found.clock)])
        yield from self._lines([f"{name} {self._text(name)}" for name in self._own_fields()])
        stop = self._text("do_not_contact")
        if stop:
            words = "DO NOT CONTACT" if "all" in stop.split(", ") else f"DO NOT CONTACT by {stop}"
            yield app.style(safe(words), fg="red", bold=True)
        yield from self._lines([counted(found.counters)])
        if found.birthday is not None:
            yield from self._lines([f"birthday {found.birthday:%a %Y-%m-%d} (born {self._text('birthday')})"])

    def _head(self) -> Iterator[str]:
        """Name and handle, on lines of their own where one is too short for both."""
        from crmctl.cli import wide

        app, name, handle = self.app, safe(self._text("name")), safe(self.found.handle)
        if app.width and len(f"{name}  {handle}") > app.width:
            for line in wide.sentence(name, app.width):
                yield app.style(line, bold=True)
            yield app.style(handle, dim=True)
        else:
            yield f"{app.style(name, bold=True)}  {app.style(handle, dim=True)}"

    def _own_fields(self) -> list[str]:
        """The fields that this book added to customers and that say something in a line."""
        from crmctl.model.kinds import CUSTOMER

        kind = self.app.book.schema.require("customer")
        own = [field.name for field in kind.stored if CUSTOMER.field(field.name) is None]
        return [name for name in own if isinstance(self.found.record.get(name), str)]

    def _contacts(self) -> Iterator[str]:
        from crmctl.cli.daily.timeline import ARROWS
        from crmctl.cli.daily.timeline import told

        for event in self.found.contacts:
            when = f"{event.local:%Y-%m-%d}" if event.local else event.at
            type_ = f"{event.type} {ARROWS.get(event.direction or '', '')}".strip()
            amount = f"{event.amount} {event.currency}" if event.amount else ""
            yield from self._lines([f"{when}  {type_:10}  {told(event)}", amount], 2, hang=24)

    def _followups(self, *, promised: bool) -> Iterator[str]:
        for followup in self.found.followups:
            if followup.promised == promised:
                due = {0: "today", 1: "tomorrow"}.get(followup.days, followup.due)
                late = f"{-followup.days} d late" if followup.days < 0 else ""
                parts = [f"{due:10}  {followup.what}", late, followup.handle]
                yield from self._lines(parts, 2, hang=12, red=bool(late))

    def _deals(self) -> Iterator[str]:
        for deal in self.found.deals:
            chance = f" {deal.probability} %" if deal.probability is not None else ""
            amount = f"{deal.amount} {deal.currency}" if deal.amount else ""
            closes = f"{'should have closed' if deal.late else 'closes'} {deal.closes}" if deal.closes else ""
            yield from self._lines([deal.name, deal.handle], 2)
            step = f"next: {deal.next_step or 'nothing planned'}"
            yield from self._lines([f"{deal.stage}{chance}", amount, closes, step], 4)

    def _cases(self) -> Iterator[str]:
        for case in self.found.cases:
            about = " ".join(part for part in (case.priority, case.type, case.status) if part)
            opened = f"since {case.opened[:10]}" if case.opened else ""
            target = ""
            if case.target is not None:
                target = f"{case.waits_for} {'was due' if case.late else 'due'} {case.target:%a %Y-%m-%d %H:%M}"
            yield from self._lines([case.name, case.handle], 2)
            yield from self._lines([about, opened, target], 4, red=case.late)

    def _people(self) -> Iterator[str]:
        for person in self.found.people[:5]:
            yield from self._lines([person.name, person.role or "", person.handle], 2)
        if len(self.found.people) > 5:
            yield f"  and {len(self.found.people) - 5} more"

    def _consent(self) -> Iterator[str]:
        for entry in self.found.consent:
            refused = entry.state is not None and entry.state != "granted"
            yield from self._lines([f"{entry.purpose:12}  {_said(entry)}"], 2, red=refused)

    def _notes(self) -> Iterator[str]:
        for line in self._text("notes").strip().split("\n"):
            if line.strip():
                yield from self._lines([line], 2, most=4)


def _address(found: Brief) -> str:
    address = found.record.get("address")
    parts = address if isinstance(address, dict) else {}
    street = ", ".join(str(parts.get("street", "")).split("\n"))
    town = " ".join(part for part in (str(parts.get("postal_code", "")), str(parts.get("city", ""))) if part)
    return ", ".join(part for part in (street, town, str(parts.get("region", "")), found.country) if part)


def there(clock: Clock | None) -> str:
    """The local time of a customer, and how far that is from here."""
    if clock is None:
        return ""
    hours, minutes = divmod(abs(clock.ahead), 60)
    apart = f"{hours}:{minutes:02}" if minutes else str(hours)
    side = f", {apart} h {'ahead' if clock.ahead > 0 else 'behind'}" if clock.ahead else ""
    return f"{clock.now:%a %H:%M} there{side}"


def counted(counters: Counters) -> str:
    """What was counted about a customer, in one line."""
    if not counters.interactions:
        return "no contact yet" + (f"{_DOT}wanted every {_days(counters.cadence)}" if counters.cadence else "")
    parts = [f"{counters.interactions} contacts since {counters.first}" if counters.interactions > 1 else "1 contact"]
    if counters.orders:
        orders = f"{counters.orders} orders" if counters.orders > 1 else "1 order"
        parts.append(f"{orders}, {counters.spent} {counters.currency}")
    if counters.days is not None:
        parts.append("last today" if counters.days == 0 else f"last {_days(counters.days)} ago")
    if counters.cadence and counters.over is not None:
        wanted = f"wanted every {_days(counters.cadence)}"
        parts.append(f"{wanted}, {_days(counters.over)} over" if counters.over > 0 else wanted)
    return _DOT.join(parts)


def _days(days: int) -> str:
    return f"{days} day" if days == 1 else f"{days} days"


def _said(entry: Consent) -> str:
    """What a consent entry means, in words."""
    if entry.state is None:
        return "none" if entry.basis == "consent" else f"not needed ({entry.basis})"
    since = {"granted": "since", "withdrawn": "on", "objected": "on"}.get(entry.state, "on")
    date = f" {since} {entry.date}" if entry.date else ""
    channels = f", by {' and '.join(entry.channels)} only" if entry.channels and entry.state == "granted" else ""
    return f"{entry.state}{date}{channels}"
