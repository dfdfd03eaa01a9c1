"""``crmctl ingest``: mail, calendars, call records and web forms become part of customers' histories."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import click

from crmctl import errors
from crmctl.cli.app import App
from crmctl.cli.app import pass_app
from crmctl.cli.channels.ingest_words import CALLS
from crmctl.cli.channels.ingest_words import FORMS
from crmctl.cli.channels.ingest_words import MEETINGS
from crmctl.cli.channels.ingest_words import tell
from crmctl.cli.channels.ingest_words import tell_counts
from crmctl.cli.options import Command
from crmctl.cli.options import hidden_options
from crmctl.cli.options import output_option
from crmctl.errors import UsageProblem

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterable

    from crmctl.services.ingest.run import Report
    from crmctl.services.ingest.sources import Found

_FIRST = 10
_PATH = click.Path(path_type=Path)


_dry_run = click.option("-n", "--dry-run", is_flag=True, help="Show what would be filed, and write nothing.")


def _mail_options(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        output_option(),
        _dry_run,
        click.option("--again", is_flag=True, help="Look at messages that were looked at before, too."),
    ):
        function = option(function)
    return function


@click.group(
    "ingest",
    invoke_without_command=True,
    params=[
        *hidden_options(),
        click.Option(["-n", "--dry-run"], is_flag=True, help="Show what would be filed, and write nothing."),
        click.Option(["--again"], is_flag=True, help="Look at messages that were looked at before, too."),
    ],
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.pass_context
def ingest(context: click.Context, dry_run: bool, again: bool) -> None:
    """Take in mail, calendars, call records and web forms.

    Without a word behind it, the inbox of your own settings (inbox: in config.yaml) is read. Only what concerns a
    customer or a message of ours is kept; nothing is marked, moved or deleted where it is read.

    \b
      crmctl ingest
      crmctl ingest maildir ~/Mail/INBOX --dry-run
    """
    if context.invoked_subcommand is not None:
        return
    app = context.ensure_object(App)
    if app.as_of is not None:
        from crmctl.cli.asof import check_command

        check_command(context)
    from crmctl.services.ingest import inbox

    tell(app, inbox.from_config(app.book, again=again, dry_run=dry_run), "table", dry_run=dry_run)


@ingest.command("maildir", cls=Command)
@click.argument("folder", type=_PATH)
@_mail_options
@pass_app
def maildir(app: App, folder: Path, form: str, dry_run: bool, again: bool) -> None:
    """Read a Maildir, new and cur."""
    from crmctl.services.ingest import run
    from crmctl.services.ingest import sources

    _take(app, sources.maildir(folder.absolute(), run.seen(app.book, again=again)), form, dry_run=dry_run)


@ingest.command("mbox", cls=Command)
@click.argument("file", type=_PATH)
@_mail_options
@pass_app
def mbox(app: App, file: Path, form: str, dry_run: bool, again: bool) -> None:
    """Read an mbox file."""
    from crmctl.services.ingest import run
    from crmctl.services.ingest import sources

    _take(app, sources.mbox(file.absolute(), run.seen(app.book, again=again)), form, dry_run=dry_run)


@ingest.command("message", cls=Command, short_help="Read one message, from a file or stdin.")
@click.argument("file", metavar="FILE|-")
@_mail_options
@pass_app
def message(app: App, file: str, form: str, dry_run: bool, again: bool) -> None:
    """Read one message, from a file or from stdin (procmail, sieve, mutt, aerc).

    \b
      crmctl ingest message answer.eml
      crmctl ingest message - < answer.eml
    """
    _take(app, [one_message(file)], form, dry_run=dry_run)


@ingest.command("imap", cls=Command)
@click.option("--host", required=True, help="The server.")
@click.option("--user", required=True, help="Whose mailbox it is there.")
@click.option("--password-command", required=True, metavar="COMMAND", help="Prints the password; run without a shell.")
@click.option("--folder", default="INBOX", show_default=True, help="The folder to read.")
@click.option("--port", type=click.IntRange(1, 65535), default=None, help="The usual one when absent.")
@click.option(
    "--security",
    type=click.Choice(("tls", "starttls", "none")),
    default="tls",
    show_default=True,
    help="How the connection is secured; none is for this machine only.",
)
@_mail_options
@pass_app
def imap(app: App, /, host: str, user: str, form: str, dry_run: bool, again: bool, **given: Any) -> None:
    """Read an IMAP mailbox; nothing in it is marked as read.

    \b
      crmctl ingest imap --host imap.example.com --user ada --password-command 'pass show mail'
    """
    from crmctl.services.ingest import inbox as inboxes
    from crmctl.services.mailing.config import IMAP_PORTS
    from crmctl.services.mailing.config import Access
    from crmctl.services.mailing.config import Inbox

    access = Access(user=user, password_command=given["password_command"])
    port = given["port"] or IMAP_PORTS[given["security"]]
    inbox = Inbox("imap", host=host, port=port, security=given["security"], access=access, folder=given["folder"])
    found, done = inboxes.opened(app.book, inbox, again=again)
    _take(app, found, form, dry_run=dry_run)
    if not dry_run:
        done()


def log_message(app: App) -> None:
    """File the one message on stdin, and say why when that cannot be done.

    Raises:
        NotFound: it concerns no customer.
    """
    report = _take(app, [one_message("-")], "table", dry_run=False)
    ((_, verdict),) = report.counts
    if verdict == "known":
        app.say("It was filed before.")
    elif verdict not in ("filed", "unclear"):
        hint = "Add the address to a customer: crmctl customer set REF emails+=ADDRESS"
        raise errors.NotFound("the message concerns no customer", hint=hint)


def one_message(file: str) -> Found:
    """The message in a file, or on stdin for ``-``."""
    from crmctl.services.ingest import sources

    if file == "-":
        if sys.stdin is None or sys.stdin.isatty():
            raise UsageProblem("a message is read from stdin, and there is none", hint="crmctl ingest message - < FILE")
        return sources.single(sys.stdin.buffer)
    try:
        with Path(file).open("rb") as stream:
            return sources.single(stream)
    except FileNotFoundError:
        raise errors.NotFound(f"there is no file {file}") from None


def _take(app: App, found: Iterable[Found], form: str, *, dry_run: bool) -> Report:
    from crmctl.services.ingest import inbox
    from crmctl.services.ingest import run

    report = run.take_in(app.book, found, own=inbox.own_addresses(), dry_run=dry_run)
    tell(app, report, form, dry_run=dry_run)
    return report


# Calendars, calls, forms


@ingest.command("calendar", cls=Command, short_help="File meetings with customers (.ics).")
@click.argument("file", type=_PATH)
@_dry_run
@pass_app
def calendar(app: App, file: Path, dry_run: bool) -> None:
    """File the meetings of a calendar (.ics) that customers take part in.

    What was goes into their histories, with every instance of a series; what is to come becomes a follow-up on its
    day. The same file again changes nothing; an event that was moved or cancelled changes what was filed.
    """
    from crmctl.services.ingest import inbox
    from crmctl.services.ingest import meetings

    done = meetings.take_in(app.book, file, own=inbox.own_addresses(), dry_run=dry_run)
    tell_counts(app, done.written, done.counts, MEETINGS, dry_run=dry_run)


@ingest.command("calls", cls=Command, short_help="File calls from a telephone system (CSV).")
@click.argument("file", type=_PATH)
@click.option(
    "--format", "format_", required=True, type=click.Choice(("asterisk", "freepbx", "3cx")), help="Whose file."
)
@click.option("--map", "mapping", type=_PATH, default=None, metavar="FILE", help="Columns, extensions, own numbers ...")
@_dry_run
@pass_app
def calls(app: App, file: Path, format_: str, mapping: Path | None, dry_run: bool) -> int:
    """File the calls with customers from the records of a telephone system (CSV).

    Legs of one call become one entry; internal calls are left out. The file may still be growing.
    """
    from crmctl.services.ingest import calls as services

    done = services.take_in(app.book, file, format_, mapping, dry_run=dry_run)
    for row in done.rejected[:_FIRST]:
        app.warn(f"{file}:{row.row}: {row.why}")
    _tell_more(app, len(done.rejected))
    tell_counts(app, done.written, {**done.counts, "rejected": len(done.rejected)}, CALLS, dry_run=dry_run)
    return errors.FAILED if done.rejected else errors.OK


@ingest.command("forms", cls=Command, short_help="File web forms dropped as JSON files.")
@click.argument("folder", type=_PATH)
@click.option("--honeypot", default="website", show_default=True, help="The field that only programs fill in.")
@_dry_run
@pass_app
def forms(app: App, folder: Path, honeypot: str, dry_run: bool) -> int:
    """File web forms that were dropped into FOLDER as JSON, one file each.

    Who is new becomes a lead. What they agreed to counts when the form proves it; else a follow-up asks them by mail.
    The files stay where they are; none is filed twice.
    """
    from crmctl.services.ingest import forms as services

    done = services.take_in(app.book, folder, honeypot=honeypot, dry_run=dry_run)
    for one in done.refused[:_FIRST]:
        app.warn(f"{one.file} {one.why}")
    _tell_more(app, len(done.refused))
    tell_counts(app, done.written, {**done.counts, "refused": len(done.refused)}, FORMS, dry_run=dry_run)
    return errors.FAILED if done.refused else errors.OK


def _tell_more(app: App, count: int) -> None:
    """Say how many were not named."""
    if count > _FIRST:
        app.warn(f"... and {count - _FIRST} more")
