"""``mail doctor``: would a message leave this machine, come back when it cannot be delivered, and be believed?

Everything up to logging in is tried; nothing is sent.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from crmctl import clock
from crmctl.errors import CrmError
from crmctl.mail.identifiers import LENGTH
from crmctl.mail.identifiers import verp
from crmctl.mail.transport.outcomes import Timeouts
from crmctl.services.finding import BAD
from crmctl.services.finding import OK
from crmctl.services.finding import WARN
from crmctl.services.finding import Finding
from crmctl.services.mailing import domains
from crmctl.services.mailing import host
from crmctl.services.mailing import outgoing

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterator

    from crmctl.services.mailing.config import Inbox
    from crmctl.services.mailing.config import MailServer
    from crmctl.services.mailing.config import SmsSpool
    from crmctl.services.mailing.config import UserConfig
    from crmctl.services.mailing.domains import Lookup

IMPATIENT = Timeouts(connect=10, greeting=20, mail=20)
"""Nobody looks at a screen for five minutes."""

_PERIOD = {"minute": "a minute", "hour": "an hour", "day": "a day"}
_WHOSE = {"": "", "domain": " to one domain", "mailbox": " from one address"}


def findings(
    config: UserConfig, lookup: Lookup | None, *, connect: bool = True, offline: bool = False
) -> Iterator[Finding]:
    """What is found, in the order in which a message meets it.

    Without ``lookup`` the DNS is left alone; ``offline`` says that this is wanted.

    Raises:
        NoBook: neither a mail server nor a way out for text messages is set up.
    """
    if config.mail is None and config.sms is None:
        config.require_mail()
    yield Finding(OK, "settings", str(config.path))
    for warning in config.warnings:
        yield Finding(WARN, "settings", warning)
    machine = host.host()
    adopted = f", adopted; its own is {machine.own}" if machine.adopted else ""
    yield Finding(OK, "this machine", f"{machine.id}{adopted}")
    if config.sms is not None:
        yield _spool(config.sms)
    if config.mail is not None:
        yield from _mail(config, config.mail, lookup, connect=connect, offline=offline)


def _mail(
    config: UserConfig, mail: MailServer, lookup: Lookup | None, *, connect: bool, offline: bool
) -> Iterator[Finding]:
    yield from _sender(mail)
    yield from _server(mail, connect=connect)
    yield _pace(mail)
    yield from _unsubscribing(mail)
    yield from _signing(mail)
    if config.inbox is not None:
        yield _inbox(config.inbox)
    yield from _names(mail, lookup, offline=offline)


def _sender(mail: MailServer) -> Iterator[Finding]:
    if mail.sender is None:
        yield Finding(WARN, "from", "not set: a campaign has to say who writes", "Set from: Ada <ada@example.com>")
    elif _domain(mail.sender.email) in domains.FREEMAIL:
        hint = (
            "Its owner alone may send for it, and campaigns from it are refused or taken for spam; use your own domain."
        )
        yield Finding(WARN, "from", f"{mail.sender.email} is an address of a provider of mailboxes", hint)
    else:
        yield Finding(OK, "from", mail.sender.email)
    if not mail.bounces:
        hint = "With bounces: an address that takes bounces+ANYTHING@, each one tells whose message came back."
        yield Finding(WARN, "bounces", "they come back to the sender's address", hint)
        return
    try:
        example = verp("A" * LENGTH, mail.bounces)
    except CrmError as exc:
        yield Finding(BAD, "bounces", exc.message, exc.hint)
        return
    if mail.sender is not None and not domains.aligned(_domain(mail.bounces), _domain(mail.sender.email)):
        hint = "SPF then counts for another domain than From shows; only DKIM can make DMARC pass."
        yield Finding(WARN, "bounces", f"{mail.bounces} is of another domain than {mail.sender.email}", hint)
    else:
        yield Finding(OK, "bounces", example.replace("A" * LENGTH, "SEND-ID"))


def _server(mail: MailServer, *, connect: bool) -> Iterator[Finding]:
    where = mail.sendmail or f"{mail.host}, port {mail.port}, {mail.security}"
    if not connect and not mail.sendmail:
        yield Finding(OK, "server", f"{where} (not tried)")
        return
    started = clock.monotonic()
    way = outgoing.transport(mail, IMPATIENT)
    try:
        way.open()
    except CrmError as exc:
        yield Finding(BAD, "server", exc.message, exc.hint)
        return
    finally:
        way.close()
    if not mail.sendmail:
        where += f", logged in as {mail.access.user}" if mail.access.user else ", without logging in"
    yield Finding(OK, "server", where, "", int((clock.monotonic() - started) * 1000))
    if not mail.sendmail and mail.security == "none" and mail.insecure:
        yield Finding(WARN, "server", "mail and passwords travel in clear", "Set security: starttls or tls.")


def _pace(mail: MailServer) -> Finding:
    limits = []
    for name, value in mail.rate._asdict().items():
        whose, _, period = name.rpartition("_")
        if value:
            limits.append(f"{value} {_PERIOD[period]}{_WHOSE[whose]}")
    if limits:
        return Finding(OK, "rate", ", ".join(limits))
    hint = "Providers lock mailboxes that send too much at once; rate: {minute: 20, day: 500} is a careful start."
    return Finding(WARN, "rate", "no limits", hint)


def _unsubscribing(mail: MailServer) -> Iterator[Finding]:
    mailto, https = mail.unsubscribe
    if not mailto:
        hint = "Set unsubscribe: with mailto: an address that takes unsub+ANYTHING@."
        yield Finding(WARN, "unsubscribe", "no address for opting out, which mail to many needs", hint)
    else:
        yield Finding(OK, "unsubscribe", f"{mailto} {https}".strip())
    if https and mail.dkim is None:
        hint = "One click needs a signature over its headers (RFC 8058): set dkim:, unless your provider signs."
        yield Finding(WARN, "unsubscribe", "the link on the web is left out as long as nothing is signed", hint)


def _signing(mail: MailServer) -> Iterator[Finding]:
    if mail.dkim is None:
        return
    path = Path(mail.dkim.key)
    try:
        mode = path.stat().st_mode
        with path.open("rb") as file:
            is_key = b"PRIVATE KEY" in file.read(4096)
    except OSError as exc:
        reason = (exc.strerror or str(exc)).lower()
        yield Finding(BAD, "signing", f"{path}: {reason}", "Set dkim: key: to the file of the private key.")
        return
    if not is_key:
        yield Finding(BAD, "signing", f"{path} holds no private key", "It is the file that begins with -----BEGIN.")
    elif os.name == "posix" and mode & 0o077:
        yield Finding(WARN, "signing", f"{path} can be read by others", f"chmod 600 {path}")
    else:
        yield Finding(OK, "signing", f"{mail.dkim.selector} of {mail.dkim.domain}, {path}")
    if mail.sender is not None and not domains.aligned(mail.dkim.domain, _domain(mail.sender.email)):
        hint = "DMARC wants the signature of From's own domain."
        yield Finding(WARN, "signing", f"{mail.dkim.domain} is not the domain of {mail.sender.email}", hint)


def _inbox(inbox: Inbox) -> Finding:
    if inbox.kind == "imap":
        return Finding(OK, "inbox", f"{inbox.host}, port {inbox.port}, {inbox.security} (not tried)")
    path = Path(inbox.path)
    there = (path / "new").is_dir() if inbox.kind == "maildir" else path.is_file()
    if there:
        return Finding(OK, "inbox", inbox.path)
    return Finding(BAD, "inbox", f"there is no {inbox.kind} at {inbox.path}", f"Look at inbox: {inbox.kind}:")


def _spool(spool: SmsSpool) -> Finding:
    """Whether text messages can be put where a program sends them from, and whether it can read them there."""
    path, hint = Path(spool.path), f"Look at sms: {spool.kind}:"
    try:
        state = path.lstat()
    except OSError as exc:
        return Finding(BAD, "sms", f"{path}: {(exc.strerror or str(exc)).lower()}", hint)
    if stat.S_ISLNK(state.st_mode):
        return Finding(BAD, "sms", f"{path} is a link", f"Set sms: {spool.kind}: {path.resolve()}")
    if not stat.S_ISDIR(state.st_mode):
        return Finding(BAD, "sms", f"{path} is no folder", hint)
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        return Finding(BAD, "sms", f"{path} cannot be written to", "Have yourself be in the group of the folder.")
    if hasattr(os, "getuid") and state.st_uid != os.getuid() and not state.st_mode & stat.S_ISGID:
        hint = f"The files are for you alone; chmod g+s {path} lets its group send them."
        return Finding(WARN, "sms", f"{path} belongs to somebody else, who could not read what is put there", hint)
    return Finding(OK, "sms", f"{path} ({spool.kind})")


def _names(mail: MailServer, lookup: Lookup | None, *, offline: bool) -> Iterator[Finding]:
    if mail.sender is None and not mail.bounces:
        return
    if lookup is None:
        how = "without --offline" if offline else "with: pip install 'crmctl[mail]'"
        yield Finding(OK, "DNS", "not asked", f"SPF, DKIM and DMARC are looked up {how}")
        return
    shown = _domain(mail.sender.email) if mail.sender is not None else ""
    back = _domain(mail.bounces) or shown
    asked: list[Callable[[Lookup], Finding]] = []
    if back not in domains.FREEMAIL:
        asked.append(lambda lookup: domains.spf(lookup, back))
    if mail.dkim is not None:
        signing = mail.dkim
        asked.append(lambda lookup: domains.dkim(lookup, signing.selector, signing.domain, signing.key))
    if shown and shown not in domains.FREEMAIL:
        asked.append(lambda lookup: domains.dmarc(lookup, shown))
    asked.append(lambda lookup: domains.takes_mail(lookup, back))
    for ask in asked:
        try:
            yield ask(lookup)
        except domains.LookupFailed as exc:
            yield Finding(WARN, "DNS", exc.message, "Try again; without a network use --offline.")
            return


def _domain(address: str) -> str:
    return address.rpartition("@")[2].lower()
