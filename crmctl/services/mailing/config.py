"""The user's own settings: ``$XDG_CONFIG_HOME/crmctl/config.yaml``, which no book and no push can reach.

It names programs that are run (``password_command``), so a file that others can write to is refused.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import InvalidData
from crmctl.errors import NoBook
from crmctl.errors import StorageFailed
from crmctl.mail.transport.login import Secret
from crmctl.mail.transport.pacing import Rate
from crmctl.services.mailing.settings import Section

if TYPE_CHECKING:
    from crmctl.mail.message.compose import Sender

FILE = "config.yaml"
PORTS = {"starttls": 587, "tls": 465, "none": 25}
IMAP_PORTS = {"starttls": 143, "tls": 993, "none": 143}
SMS_KINDS = ("gammu", "smstools")
_LARGEST = 256 * 1024


class Access(NamedTuple):
    """How to log in somewhere: at most one way to get at the secret is set. ``auth`` "" is what the server offers."""

    user: str = ""
    auth: str = ""
    password_command: str = ""
    token_command: str = ""
    keyring: bool = False
    password: Secret | None = None


class Unsubscribe(NamedTuple):
    """Where opt-outs go: an address of one's own (tokens are added), and an endpoint on the web."""

    mailto: str = ""
    https: str = ""


class Dkim(NamedTuple):
    """How messages are signed: the selector, the domain, and the file with the private key."""

    selector: str
    domain: str
    key: str


class MailServer(NamedTuple):
    """Where mail leaves: ``host`` or the program ``sendmail``. ``bounces`` is the address that VERP is made from, ""
    when bounces come back to the sender. ``attachments`` are the folders outside of books that files may be attached
    from."""

    sender: Sender | None = None
    host: str = ""
    sendmail: str = ""
    port: int = 587
    security: str = "starttls"
    insecure: bool = False
    ca: str = ""
    helo: str = ""
    access: Access = Access()
    bounces: str = ""
    rate: Rate = Rate()
    unsubscribe: Unsubscribe = Unsubscribe()
    dkim: Dkim | None = None
    attachments: tuple[str, ...] = ()


class Inbox(NamedTuple):
    """Where mail arrives: ``kind`` is maildir, mbox (``path``) or imap (``host`` and the rest)."""

    kind: str
    path: str = ""
    host: str = ""
    port: int = 993
    security: str = "tls"
    ca: str = ""
    access: Access = Access()
    folder: str = "INBOX"


class SmsSpool(NamedTuple):
    """Where text messages leave: the folder ``path`` out of which a program (``kind``: gammu, smstools) sends them."""

    kind: str
    path: str


class UserConfig(NamedTuple):
    """What the file says; ``warnings`` are words for the user about what is allowed but not wise."""

    mail: MailServer | None = None
    inbox: Inbox | None = None
    path: Path = Path()
    warnings: tuple[str, ...] = ()
    sms: SmsSpool | None = None

    def require_mail(self) -> MailServer:
        """The mail server.

        Raises:
            NoBook: none is set up.
        """
        if self.mail is None:
            hint = "Write `mail:` with `server:` or `sendmail:` into it; docs/mail-setup.md has examples."
            raise NoBook(f"no mail server is set up in {self.path}", hint=hint)
        return self.mail

    def require_inbox(self) -> Inbox:
        """The mailbox.

        Raises:
            NoBook: none is set up.
        """
        if self.inbox is None:
            hint = "Write `inbox:` with `maildir:`, `mbox:` or `imap:` into it; docs/mail-setup.md has examples."
            raise NoBook(f"no inbox is set up in {self.path}", hint=hint)
        return self.inbox


def default_path() -> Path:
    """Where the file is, by the XDG base directories."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "crmctl" / FILE


def read(path: Path | None = None) -> UserConfig:
    """The user's settings; empty ones when there is no file.

    Raises:
        InvalidData: something in it is wrong (all of it is listed, with its line), or others can write to it.
        StorageFailed: it cannot be read.
    """
    path = path or default_path()
    try:
        with path.open("rb") as file:
            state = os.fstat(file.fileno())
            data = file.read(_LARGEST + 1)
    except FileNotFoundError:
        return UserConfig(path=path)
    except OSError as exc:
        reason = (exc.strerror or str(exc)).lower()
        raise StorageFailed(f"{path}: cannot read: {reason}", hint="Check who owns it (ls -l).") from None
    _check_state(path, state, len(data))
    return _read(path, data, private=not state.st_mode & 0o077)


def _check_state(path: Path, state: os.stat_result, size: int) -> None:
    if hasattr(os, "getuid") and state.st_uid not in (os.getuid(), 0):
        raise InvalidData(f"{path} belongs to somebody else, who could have it run anything", hint="Make it your own.")
    if os.name == "posix" and state.st_mode & 0o022:
        raise InvalidData(
            f"{path} can be written to by others, who could have it run anything", hint=f"chmod 600 {path}"
        )
    if size > _LARGEST:
        raise InvalidData(f"{path} is too large for a file of settings")


def _read(path: Path, data: bytes, *, private: bool) -> UserConfig:
    from crmctl.store.yaml_reader import read_yaml

    if not data.strip() or all(line.lstrip()[:1] in (b"", b"#") for line in data.splitlines()):
        return UserConfig(path=path)
    whole = Section.top(read_yaml(data, str(path), marks=True), str(path))
    mail, inbox, sms = (whole.section(name) for name in ("mail", "inbox", "sms"))
    found = UserConfig(
        mail=_mail(mail) if mail is not None else None,
        inbox=_inbox(inbox) if inbox is not None else None,
        path=path,
        sms=_sms(sms) if sms is not None else None,
    )
    whole.refuse_the_rest()
    clear = [access for access in (found.mail, found.inbox) if access is not None and access.access.password]
    if clear and not private:
        whole.wrong("mail" if found.mail in clear else "inbox", "a password in clear, and others can read the file")
    if whole.problems:
        first = whole.problems[0]
        hint = f"chmod 600 {path}" if clear and not private else first.hint
        raise InvalidData(str(first), hint=hint, problems=whole.problems)
    warning = f"{path} holds a password in clear; password_command or keyring keep it elsewhere."
    return found._replace(warnings=(warning,) if clear else ())


def _mail(section: Section) -> MailServer:
    from crmctl.mail.transport.connecting import is_loopback

    host, sendmail = section.text("server"), section.path("sendmail")
    if bool(host) == bool(sendmail):
        section.wrong("", "either `server` or `sendmail` says where mail leaves")
    security = section.choice("security", tuple(PORTS), "starttls")
    insecure = section.flag("insecure")
    if host and security == "none" and not (insecure or is_loopback(host)):
        section.wrong("security", f"mail and passwords would travel to {host} in clear (insecure: yes allows it)")
    server = MailServer(
        sender=section.mailbox("from"),
        host=host,
        sendmail=sendmail,
        port=section.number("port", PORTS[security], 65535),
        security=security,
        insecure=insecure,
        ca=section.path("ca"),
        helo=section.word("helo"),
        access=_access(section),
        bounces=section.address("bounces"),
        attachments=section.paths("attachments"),
    )
    rate, unsubscribe, dkim = (section.section(name) for name in ("rate", "unsubscribe", "dkim"))
    if rate is not None:
        server = server._replace(rate=Rate(*(rate.number(name, 0) for name in Rate._fields)))
        rate.refuse_the_rest()
    if unsubscribe is not None:
        server = server._replace(unsubscribe=Unsubscribe(unsubscribe.address("mailto"), unsubscribe.https("https")))
        unsubscribe.refuse_the_rest()
    if dkim is not None:
        server = server._replace(dkim=Dkim(dkim.word("selector"), dkim.word("domain"), dkim.path("key")))
        dkim.require("selector", "domain", "key")
        dkim.refuse_the_rest()
    section.refuse_the_rest()
    return server


def _inbox(section: Section) -> Inbox:
    kinds = [name for name in ("maildir", "mbox", "imap") if section.has(name)]
    if len(kinds) != 1:
        section.wrong("", "one of `maildir`, `mbox` and `imap` says where mail arrives")
    kind = kinds[0] if kinds else "maildir"
    if kind != "imap":
        inbox = Inbox(kind, path=section.path(kind))
    else:
        imap = section.section("imap") if section.is_map("imap") else None
        host = section.text("imap") if imap is None else imap.text("host")
        where = imap or section
        security = where.choice("security", tuple(IMAP_PORTS), "tls")
        inbox = Inbox(
            kind,
            host=host,
            port=where.number("port", IMAP_PORTS[security], 65535),
            security=security,
            ca=where.path("ca"),
            access=_access(where),
            folder=where.text("folder") or "INBOX",
        )
        if imap is not None:
            imap.require("host", "user")
            imap.refuse_the_rest()
    section.refuse_the_rest()
    return inbox


def _sms(section: Section) -> SmsSpool:
    found = [SmsSpool(kind, section.path(kind)) for kind in SMS_KINDS if section.has(kind)]
    if len(found) != 1:
        section.wrong("", f"one of {' and '.join(f'`{kind}`' for kind in SMS_KINDS)} says where text messages leave")
    section.refuse_the_rest()
    return found[0] if found else SmsSpool("", "")


def _access(section: Section) -> Access:
    password = section.text("password")
    access = Access(
        user=section.text("user"),
        auth=section.choice("auth", ("login", "plain", "xoauth2"), ""),
        password_command=section.text("password_command"),
        token_command=section.text("token_command"),
        keyring=section.flag("keyring"),
        password=Secret(password) if password else None,
    )
    ways = [bool(way) for way in (access.password_command, access.token_command, access.keyring, access.password)]
    if sum(ways) > 1:
        section.wrong("user", "only one of password_command, token_command, keyring and password can be used")
    elif access.user and not any(ways):
        section.wrong("user", f"nothing says how to get the password of {access.user!r} (password_command, keyring)")
    elif any(ways) and not access.user:
        section.wrong("", "a password, and no `user`")
    elif (access.auth == "xoauth2") != bool(access.token_command):
        section.wrong("auth", "`auth: xoauth2` and `token_command` go together")
    return access
