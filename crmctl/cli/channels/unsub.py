"""``crmctl unsub``: honour requests to unsubscribe, from mails' tokens or from the log of a web server."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING
from typing import TextIO

import click

from crmctl import errors
from crmctl.cli.app import pass_app
from crmctl.cli.options import Command
from crmctl.errors import UsageProblem

if TYPE_CHECKING:
    from crmctl.cli.app import App
    from crmctl.services.consenting.postlog import Log
    from crmctl.services.consenting.unsubscribing import Answer
    from crmctl.services.consenting.unsubscribing import Asked

_SHOWN = 20
_OTHERWISE = (
    "The token stands whole in the mail's List-Unsubscribe line. Who asks without one is honoured all the same: "
    "crmctl consent withdraw REF PURPOSE, or crmctl suppress add ADDRESS --why unsubscribed"
)


@click.command("unsub", cls=Command)
@click.argument("words", nargs=-1, metavar="[TOKEN]...")
@click.option(
    "--log",
    "log",
    type=click.File(encoding="utf-8", errors="replace"),
    metavar="FILE",
    help="Take the POST lines of a web server's log (combined or JSON); - is standard input.",
)
@pass_app
def unsub(app: App, words: tuple[str, ...], log: TextIO | None) -> int:
    """Honour requests to unsubscribe: consent withdrawn, address suppressed, in one commit.

    TOKEN is what stands in a mail's List-Unsubscribe line, or any text with it inside. A log may be given as often as
    you like: what was honoured before is left, and so is what is older than a later consent. Only POST counts; a GET
    may come from a scanner of links and never opts anybody out.

    \b
      crmctl unsub uabcd...
      crmctl unsub --log /var/log/nginx/unsub.log
    """
    from crmctl.cli.channels.lasting import told
    from crmctl.mail import tokens
    from crmctl.services.consenting import postlog
    from crmctl.services.consenting import unsubscribing
    from crmctl.services.consenting.unsubscribing import Asked

    if not words and log is None:
        raise UsageProblem("neither a token nor a log is given", hint="crmctl unsub TOKEN, or crmctl unsub --log FILE")
    now = app.book.now()
    asked = [Asked(next(iter(tokens.find(word)), word), now, "typed in") for word in words]
    read = postlog.read(log, PurePath(str(getattr(log, "name", "log"))).name, now) if log is not None else None
    asked += read.asked if read is not None else []
    written, answers = unsubscribing.honour_all(app.book, asked)
    for answer in answers[:_SHOWN] if not app.quiet else ():
        _tell(app, answer)
    if written.commit:
        told(app, written)
    elif not any(answer.state == unsubscribing.REFUSED for answer in answers):
        app.say("Nothing to change.")
    if read is not None:
        _sum(app, read, answers)
    refused = [answer for answer in answers[: len(words)] if answer.state == unsubscribing.REFUSED]
    if refused:
        app.warn(f"hint: {_OTHERWISE}")
    return errors.FAILED if refused else errors.OK


def _tell(app: App, answer: Answer) -> None:
    whom = answer.handle or "an address"
    scope = "everything" if answer.scope == "all" else answer.scope
    where = _where(answer.asked)
    if answer.state == "refused":
        app.fail(f"{where}: refused, {answer.why}")
    elif answer.state == "before":
        app.say(f"{where}: {whom}, {scope}: {answer.why or 'was honoured before'}")
    else:
        app.say(f"{where}: {whom} gets no more of {scope}")


def _where(asked: Asked) -> str:
    return asked.source if asked.source != "typed in" else f"{asked.token[:8]}..."


def _sum(app: App, log: Log, answers: list[Answer]) -> None:
    count = {state: sum(answer.state == state for answer in answers) for state in ("honoured", "before", "refused")}
    app.say(
        f"{count['honoured']} honoured, {count['before']} honoured before, {count['refused']} refused; "
        f"{log.looks} only looked (no POST), {len(log.unread)} lines could not be read."
    )
