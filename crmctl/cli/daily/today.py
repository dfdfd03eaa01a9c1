"""``crmctl today``: what is due, who waits for an answer, who is getting cold, what is stuck."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

import click

from crmctl.cli.app import App
from crmctl.cli.app import pass_app
from crmctl.cli.options import Command
from crmctl.cli.options import output_option
from crmctl.errors import NOT_SENT
from crmctl.errors import OK
from crmctl.errors import Locked
from crmctl.errors import UsageProblem
from crmctl.render.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Sequence

    from crmctl.services.today import Due

SECTION = 10
"""Things a section shows before it sums up the rest."""
_INDENT = 13


def _complete(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[Any]:
    from crmctl.cli.complete import handles

    return handles(context, "member", incomplete)


@click.command("today", cls=Command)
@click.option("--days", type=click.IntRange(min=0), default=0, help="Look so many days ahead.")
@click.option("--owner", metavar="MEMBER", shell_complete=_complete, help="Only what is this member's.")
@click.option("--all", "everything", is_flag=True, help="Every line of long sections.")
@click.option("--mail", "address", metavar="ADDRESS", help="As a short mail to this address; printed without --send.")
@click.option("--send", "really", is_flag=True, help="Send that mail: once a day, and only when something is due.")
@output_option()
@pass_app
def today(
    app: App, days: int, owner: str | None, everything: bool, address: str | None, really: bool, form: str
) -> int:
    """Show what is due, who waits for an answer or is getting cold, what is stuck, each with its reason.

    Mail to settle is there when there is any: messages that may or may not have arrived, campaigns that stopped by
    themselves, drafts to be released.

    Who wrote in the last 14 days and heard nothing from you since waits for an answer; who needs none gets
    `crmctl interaction set ID outcome=answered`.
    """
    from crmctl.services.today import today

    if really and not address:
        raise UsageProblem("--send goes with --mail ADDRESS")

    if owner:
        from crmctl.cli.pick import picked

        owner = picked(app, app.book.schema.require("member"), owner)
    found = today(app.book, days=days, owner=owner or "")
    if address:
        return _mail(app, found, address, really=really)
    if form == "table":
        if found:
            app.print(_screen(app, found, SECTION if not everything else len(found)), page=True)
        else:
            app.say("Nothing is due.")
        return OK
    from crmctl.render.rows import Column

    names = ("handle", "kind", "why", "when", "days", "customer", "name", "what", "reason", "owner")
    app.rows(form, [Column(name, right=name == "days") for name in names], found, nothing="Nothing is due.")
    return OK


def _mail(app: App, found: Sequence[Due], address: str, *, really: bool) -> int:
    """The digest, sent or shown; from cron, nothing is said when nothing is due, or it was sent today."""
    from crmctl.services.following import digest

    text = digest.made(app.book, found)
    if not text.text:
        if not really:
            app.say("Nothing is due, so no mail would be sent.")
        return OK
    if not really:
        app.print(safe(line) for line in (f"To: {address}", f"Subject: {text.subject}", "", *text.text.splitlines()))
        app.say("Nothing was sent: --send does.")
        return OK
    from crmctl.services.mailing import config
    from crmctl.services.mailing.outgoing import transport

    mail = config.read().require_mail()
    try:
        outcome = digest.send(app.book, text, address, mail, transport(mail))
    except Locked:
        return OK  # Another run is sending it.
    if outcome is not None and outcome.state != "accepted":
        app.fail(f"the digest was not sent: {outcome.code or ''} {outcome.text}".replace("  ", " "))
        return NOT_SENT
    return OK


def _screen(app: App, found: Sequence[Due], most: int) -> Iterator[str]:
    from crmctl.services.today import SECTIONS

    yield app.style(f"{app.book.now():%A %Y-%m-%d}", bold=True)
    for heading, slugs in SECTIONS:
        section = [due for due in found if due.why in slugs]
        if not section:
            continue
        yield ""
        yield app.style(heading, bold=True)
        for due in section[:most]:
            yield from _lines(app, due)
        if len(section) > most:
            yield app.style(f"  and {len(section) - most} more (--all shows them)", dim=True)


def _lines(app: App, due: Due) -> Iterator[str]:
    """When and what; below, whom it is about, why, and the handle to go on with."""
    who = due.name or due.customer or ""
    what = who if due.kind == "customer" else due.what
    urgent = due.days is not None and due.days < 0 and due.why in ("overdue", "respond", "resolve")
    label = app.style(_label(due).rjust(9), fg="red" if urgent else "cyan")
    first, *rest = paragraph([what], app.width, _INDENT, most=2)
    yield f"  {label}  {first.lstrip()}"
    yield from rest
    about = [due.reason, due.handle] if due.kind == "customer" or not who else [who, due.reason, due.handle]
    for line in paragraph(about, app.width, _INDENT):
        yield app.style(line, dim=True)


def _label(due: Due) -> str:
    """How things stand, in nine letters."""
    from crmctl.services.today import MAIL

    if due.why == "no-next-step":
        return "idle"
    if due.why in MAIL:
        return due.why
    if due.days is None:
        return "never"
    if due.why == "unanswered" and due.days < 0:
        return f"{-due.days} d ago"
    if due.days < 0:
        return f"{-due.days} d late"
    return {0: "today", 1: "tomorrow"}.get(due.days, f"in {due.days} d")


def paragraph(parts: Sequence[str], width: int, indent: int = 0, *, hang: int = 0, most: int = 0) -> list[str]:
    """Texts from records in one paragraph, dots between them: indented, its further lines by ``hang`` more.

    It is broken to fit ``width``, the terminal's, if it can be between two parts, into ``most`` lines (0: as many as it
    takes). A ``width`` of 0 breaks nothing.
    """
    texts = [safe(part) for part in parts if part]
    if not width:
        return [" " * indent + " · ".join(texts)]
    from textwrap import wrap

    lines: list[str] = []
    for text in texts:
        if lines and len(lines[-1]) + 3 + len(text) <= width:
            lines[-1] += f" · {text}"
            continue
        further = " " * (indent + hang)
        first = further if lines else " " * indent
        room = max(width, len(further) + 20)
        lines += wrap(text, room, initial_indent=first, subsequent_indent=further, break_on_hyphens=False)
    if most and len(lines) > most:
        lines = [*lines[: most - 1], f"{lines[most - 1][: width - 1].rpartition(' ')[0]} …"]
    return lines or [""]
