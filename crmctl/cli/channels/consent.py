"""``crmctl consent show|grant|withdraw|request|confirm``: what a customer agreed to, per purpose."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import click

from crmctl.cli.app import pass_app
from crmctl.cli.options import Command
from crmctl.cli.options import Ordered
from crmctl.cli.options import adopt_option
from crmctl.cli.options import output_option
from crmctl.errors import NOT_SENT
from crmctl.errors import OK
from crmctl.errors import UsageProblem
from crmctl.model.kinds import CHANNELS

if TYPE_CHECKING:
    from collections.abc import Callable

    from crmctl.cli.app import App
    from crmctl.services.consenting.consents import Terms
    from crmctl.services.mailing.config import MailServer
    from crmctl.services.mailing.single import Note

_BASES = ("consent", "soft-opt-in", "contract", "legal", "legitimate-interest")


def _complete(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[Any]:
    from crmctl.cli.complete import handles

    return handles(context, "customer", incomplete)


def _ref(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.argument("ref", metavar="REF", shell_complete=_complete)(function)


def _proof(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--on", metavar="WHEN", default="", help="The day of it: yesterday, fri ...; today when absent."),
        click.option("--wording", metavar="TEXT|@FILE", default="", help="What they were told, or a file with it."),
        click.option("--evidence", default="", help="Where the proof is: order 4711, scan in the drawer ..."),
        click.option("--how", default="", help="How it was said: form, phone call, paper ..."),
    ):
        function = option(function)
    return function


@click.group("consent", cls=Ordered)
def consent() -> None:
    """Show and write down what a customer agreed to, per purpose.

    \b
      crmctl consent show ada
      crmctl consent grant ada newsletter --how 'paper form' --evidence form-17
      crmctl consent withdraw ada newsletter --how 'phone call'
      crmctl consent request ada --purpose newsletter --send

    The purposes of a book stand in its crm.yaml. A withdrawal beats every grant before it; a new grant opens it again,
    and says that it came after.
    """


@consent.command("show", cls=Command, short_help="Show what holds for every purpose.")
@_ref
@output_option()
@pass_app
def show(app: App, ref: str, form: str) -> None:
    """Show what holds for every purpose, and whether they may be written to for it by e-mail."""
    from crmctl.cli import wide
    from crmctl.cli.pick import picked
    from crmctl.render.rows import Column
    from crmctl.services.consenting import requests
    from crmctl.services.consenting import showing

    handle = picked(app, app.book.schema.require("customer"), ref)
    names = (
        "purpose",
        "state",
        "basis",
        "channels",
        "date",
        "how",
        "evidence",
        "wording",
        "follows",
        "until",
        "not_now",
    )
    rows = []
    for one in showing.show(app.book, handle):
        purpose = app.book.settings.purposes.get(one.purpose.lower())
        waits = requests.pending(app.book, handle, purpose) if purpose is not None else None
        state = f"{one.state or 'nothing said'}, asked {waits.at:%Y-%m-%d}" if waits else one.state
        rows.append((one.purpose, state, *one[2:]))
    used = [
        place for place, name in enumerate(names) if form != "table" or name == "purpose" or any(r[place] for r in rows)
    ]
    wide.rows(
        app,
        form,
        [Column(names[place]) for place in used],
        [[row[place] for place in used] for row in rows],
        texts=[names[place] for place in used if names[place] not in ("purpose", "date", "until")] or ["purpose"],
    )


@consent.command("grant", cls=Command, short_help="Write down that a customer agreed.")
@_ref
@click.argument("purpose", default="", required=False, metavar="PURPOSE")
@click.option(
    "--channel",
    "channels",
    multiple=True,
    type=click.Choice([*CHANNELS, "all"]),
    help="On which channels; repeatable. E-mail when absent.",
)
@click.option("--basis", type=click.Choice(_BASES), default="consent", show_default=True, help="What it rests on.")
@_proof
@adopt_option
@pass_app
def grant(
    app: App, /, ref: str, purpose: str, channels: tuple[str, ...], basis: str, adopt: bool, **proof: str
) -> None:
    """Write down that a customer agreed to be written to for a PURPOSE, one of those in crm.yaml.

    Nobody else knows what was said: write down how (--how) and where the proof is (--evidence).

    \b
      crmctl consent grant ada newsletter --how 'paper form' --evidence form-17
      crmctl consent grant ada newsletter --channel phone --on yesterday
    """
    from crmctl.cli.pick import picked
    from crmctl.services.consenting import consents

    handle = picked(app, app.book.schema.require("customer"), ref)
    chosen = () if "all" in channels else channels or ("email",)
    terms = _terms(app, proof)._replace(channels=chosen, basis=basis)
    app.written(consents.grant(app.book, handle, consents.purpose_of(app.book, purpose), terms, adopt=adopt))


@consent.command("withdraw", cls=Command, short_help="Write down that a customer took consent back.")
@_ref
@click.argument("purpose", default="", required=False, metavar="PURPOSE")
@click.option(
    "--channel", "channels", multiple=True, type=click.Choice(CHANNELS), help="Only on this channel; repeatable."
)
@click.option("--objects", is_flag=True, help="They object to it, whatever it rests on.")
@_proof
@adopt_option
@pass_app
def withdraw(
    app: App, /, ref: str, purpose: str, channels: tuple[str, ...], objects: bool, adopt: bool, **proof: str
) -> None:
    """Write down that a customer took consent back; the address goes onto the list of suppressions too.

    It lasts: undo gives back the record, and the address stays on the list. `crmctl consent grant` opens it again.
    """
    from crmctl.cli.channels.lasting import told
    from crmctl.cli.pick import picked
    from crmctl.services.consenting import consents

    handle = picked(app, app.book.schema.require("customer"), ref)
    terms = _terms(app, proof)._replace(channels=channels)
    found = consents.purpose_of(app.book, purpose)
    state = "objected" if objects else "withdrawn"
    told(app, consents.withdraw(app.book, handle, found, terms, state=state, adopt=adopt))


@consent.command("request", cls=Command, short_help="Ask them by mail to confirm.")
@_ref
@click.option("--purpose", default="", help="What for: one of those in crm.yaml; has to be said.")
@click.option("--wording", metavar="TEXT|@FILE", default="", help="What they are told; the purpose's help when absent.")
@click.option("--send", "really", is_flag=True, help="Send it; without this it is only printed.")
@adopt_option
@pass_app
def request(app: App, ref: str, purpose: str, wording: str, really: bool, adopt: bool) -> int:
    """Make the mail that asks the customer to confirm (double opt-in), and note that they were asked.

    \b
      crmctl consent request ada --purpose newsletter --send
      crmctl consent request ada --purpose newsletter | sendmail -t

    Their answer holds a token in its subject; crmctl consent confirm takes it, and so does crmctl ingest. Without an
    answer in 14 days nothing is granted. Asked again meanwhile, it is the same mail, and --send sends it once a day.
    """
    from crmctl.cli.pick import picked
    from crmctl.services.consenting import asking
    from crmctl.services.consenting import consents
    from crmctl.services.consenting import requests
    from crmctl.services.mailing import config

    handle = picked(app, app.book.schema.require("customer"), ref)
    found = consents.purpose_of(app.book, purpose)
    settings = config.read()
    mail = settings.require_mail() if really else settings.mail
    by = asking.writer(app.book, mail)
    asked = requests.request(app.book, handle, found, _wording(wording), adopt=adopt)
    made = asking.note(app.book, asked, by)
    if not really or mail is None:
        app.print(made.data.decode().replace("\r\n", "\n").splitlines())
        app.written(asked.written)
        return OK
    app.written(asked.written)
    return _send(app, made, mail)


def _send(app: App, made: Note, mail: MailServer) -> int:
    """Send the question, and say what became of it."""
    from crmctl.mail.transport.outcomes import ACCEPTED
    from crmctl.mail.transport.outcomes import UNKNOWN
    from crmctl.services.consenting import asking
    from crmctl.services.mailing.outgoing import transport

    outcome, before = asking.send(app.book, made, transport(mail))
    if outcome is None:
        app.say(f"Nothing was sent: it was handed over at {before:%Y-%m-%d %H:%M}. A day later it can be sent again.")
        return OK
    said = f"{outcome.code} {outcome.text}".strip() if outcome.code else outcome.text
    if outcome.state == ACCEPTED:
        app.say(f"Sent to {made.recipient}: {said}")
        return OK
    if outcome.state == UNKNOWN:
        app.fail(f"it may or may not have arrived, the server's answer was lost: {said}")
    else:
        app.fail(f"not sent ({outcome.state.replace('_', ' ')}, {outcome.phase}): {said}")
        app.warn("hint: The same command tries it again.")
    return NOT_SENT


@consent.command("confirm", cls=Command, short_help="Take the token of an answer to such a mail.")
@click.argument("text", metavar="TOKEN")
@pass_app
def confirm(app: App, text: str) -> None:
    """Take the token of an answer to `consent request` for the consent; the whole subject may be given."""
    from crmctl.mail import tokens
    from crmctl.services.consenting import requests

    token = next(iter(tokens.find(text)), text)
    app.written(requests.confirm(app.book, token, "typed in", app.book.now()))


def _terms(app: App, proof: dict[str, str]) -> Terms:
    from crmctl.model.when import parse_day
    from crmctl.services.consenting.consents import Terms

    now = app.book.now()
    day = parse_day(proof["on"], now, "past") if proof["on"] else now.date()
    if day > now.date():
        raise UsageProblem(f"{day} has not come yet", hint="What somebody says is written down when they have said it.")
    return Terms(day.isoformat(), how=proof["how"], evidence=proof["evidence"], wording=_wording(proof["wording"]))


def _wording(text: str) -> str:
    """What was said: as typed, or the content of the file behind an @.

    Raises:
        UsageProblem: the file cannot be read, or is no text.
    """
    if not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise UsageProblem(f"{text[1:]} cannot be read as text", hint="Name a text file behind the @.") from None
