"""The inbox that the user's own settings name: where it is, whose addresses are ours, and one run over all of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from crmctl.services.ingest import run
from crmctl.services.ingest import sources
from crmctl.services.ingest.notebook import Notebook

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterator

    from crmctl.mail.inbound.imap import Account
    from crmctl.services.book import Book
    from crmctl.services.ingest.run import Report
    from crmctl.services.ingest.sources import Found
    from crmctl.services.mailing.config import Inbox


def from_config(book: Book, *, again: bool = False, dry_run: bool = False) -> Report:
    """Read the inbox of the user's settings, and note that it was read.

    Raises:
        NoBook: the settings name none.
        CrmError: it cannot be read, or what it says cannot be filed.
    """
    from crmctl.services.mailing import config

    inbox = config.read().require_inbox()
    found, done = opened(book, inbox, again=again)
    report = run.take_in(book, found, own=own_addresses(), dry_run=dry_run)
    if not dry_run:
        done()
        Notebook(book).done(book.now())
    return report


def own_addresses() -> list[str]:
    """The addresses of ours that the user's settings name; none where these cannot be read."""
    from crmctl.errors import CrmError
    from crmctl.services.mailing import config

    try:
        mail = config.read().mail
    except CrmError:
        return []  # Whatever needs these settings says what is wrong with them.
    sender = mail.sender.email if mail is not None and mail.sender is not None else ""
    return [sender] if sender else []


def opened(book: Book, inbox: Inbox, *, again: bool = False) -> tuple[Iterator[Found], Callable[[], None]]:
    """The messages of an inbox, and what notes that they were filed."""
    if inbox.kind == "imap":
        from crmctl.services.mailing import secrets

        return sources.imap(account(inbox), lambda: secrets.password(inbox), Notebook(book), again=again)
    path = Path(inbox.path).absolute()
    reader = sources.maildir if inbox.kind == "maildir" else sources.mbox
    return reader(path, run.seen(book, again=again)), lambda: None


def account(inbox: Inbox) -> Account:
    """An IMAP inbox as the mail room wants it."""
    from crmctl.mail.inbound.imap import Account

    oauth = inbox.access.auth == "xoauth2"
    return Account(inbox.host, inbox.access.user, inbox.folder, inbox.port, inbox.security, inbox.ca, oauth)
