"""Messages of an IMAP mailbox, read with BODY.PEEK: nothing is marked, moved or deleted on the server.

Where reading ended is UIDVALIDITY and the highest UID (RFC 3501, section 2.3.1.1). When the server has a new
UIDVALIDITY, everything is read again; what was filed is known by its Message-ID.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import CrmError
from crmctl.mail.inbound.reading import LARGEST

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterator

    from imap_tools import BaseMailBox

TIMEOUT = 60.0
LOOPBACK = ("127.0.0.1", "::1", "localhost")
_PLACE = re.compile(r"(\d{1,20}) (\d{1,20})\Z")


class Account(NamedTuple):
    """A mailbox: ``security`` is "tls", "starttls" or "none" (the last for this machine only); port 0 is the usual.

    ``ca`` is a file of certificates to trust, "" for those of the system; ``oauth`` says that the secret is a token.
    """

    host: str
    user: str
    folder: str = "INBOX"
    port: int = 0
    security: str = "tls"
    ca: str = ""
    oauth: bool = False


class Message(NamedTuple):
    """One message: its bytes, whether that is all of it, and the place after it, for going on later."""

    data: bytes
    whole: bool
    place: str


class ImapFailed(CrmError):
    """The server cannot be reached, refuses us, or does not do what it should."""


def require() -> None:
    """Say in words when the library is not installed.

    Raises:
        CrmError: it is not.
    """
    from importlib.util import find_spec

    if find_spec("imap_tools") is None:
        raise CrmError("IMAP mailboxes cannot be read here", hint="pip install 'crmctl[mail]'")


def messages(account: Account, password: Callable[[], str], place: str) -> Iterator[Message]:
    """The messages that came after ``place`` ("" for all), oldest first.

    Raises:
        ImapFailed: what the server or the connection did; the password is never in it.
    """
    import imaplib

    from imap_tools import ImapToolsError

    try:
        with _opened(account, password) as box:
            validity = str(box.folder.status(account.folder, ["UIDVALIDITY"]).get("UIDVALIDITY", 0))
            known = _PLACE.match(place)
            after = int(known[2]) if known and known[1] == validity else 0
            uids = sorted(int(uid) for uid in box.uids(f"UID {after + 1}:*", charset=None) if uid.isdecimal())
            # `n:*` always names the last message too, also when it was seen (RFC 3501, section 6.4.8).
            for uid in (uid for uid in uids if uid > after):
                found = _fetched(box, uid)
                if found is not None:
                    yield Message(*found, f"{validity} {uid}")
    except (OSError, imaplib.IMAP4.error, ImapToolsError, ValueError) as exc:
        raise ImapFailed(f"{account.host}: {_words(exc)}", hint="Nothing was lost; try again later.") from None


@contextmanager
def _opened(account: Account, password: Callable[[], str]) -> Iterator[BaseMailBox]:
    import contextlib
    import imaplib
    import ssl

    from imap_tools import ImapToolsError
    from imap_tools import MailBox
    from imap_tools import MailboxLoginError
    from imap_tools import MailBoxStartTls
    from imap_tools import MailBoxUnencrypted

    secure = ssl.create_default_context(cafile=account.ca or None)
    if account.security == "tls":
        box: BaseMailBox = MailBox(account.host, account.port or 993, timeout=TIMEOUT, ssl_context=secure)
    elif account.security == "starttls":
        box = MailBoxStartTls(account.host, account.port or 143, timeout=TIMEOUT, ssl_context=secure)
    elif account.host in LOOPBACK:
        box = MailBoxUnencrypted(account.host, account.port or 143, timeout=TIMEOUT)
    else:
        hint = "Say security tls or starttls; none is for this machine only."
        raise ImapFailed(f"{account.host}: the password would travel in the clear", hint=hint)
    try:
        try:
            login = box.xoauth2 if account.oauth else box.login
            login(account.user, password(), initial_folder=None)
        except MailboxLoginError:
            message = f"{account.host} does not let {account.user} in"
            raise ImapFailed(message, hint="Is the password right?") from None
        box.folder.set(account.folder, readonly=True)
        yield box
    finally:
        with contextlib.suppress(OSError, imaplib.IMAP4.error, ImapToolsError):
            box.logout()


def _fetched(box: BaseMailBox, uid: int) -> tuple[bytes, bool] | None:
    """(bytes, whether these are all) of one message; None when it has gone. No more than the largest is asked for."""
    status, answer = box.client.uid("fetch", str(uid), f"(BODY.PEEK[]<0.{LARGEST + 1}>)")
    if status != "OK":
        raise ValueError("the server does not give a message that it has")
    for item in answer or ():
        if isinstance(item, tuple) and len(item) > 1 and isinstance(item[1], bytes):
            return item[1][:LARGEST], len(item[1]) <= LARGEST
    return None


def _words(exc: Exception) -> str:
    text = " ".join(str(exc).split())[:200]
    return text or type(exc).__name__
