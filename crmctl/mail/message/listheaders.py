"""The headers by which a reader gets off a list, and by which servers tell what a message belongs to.

RFC 2369 and 2919; RFC 8058 for the button that mail programs show, which only a signed message with an endpoint on the
web may ask for.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote

from crmctl.mail.identifiers import LONGEST_LOCAL
from crmctl.model.ids import handle_from

Header = tuple[str, str]
AUTOMATIC: Header = ("Auto-Submitted", "auto-generated")
"""For notices (RFC 3834): nothing answers them with "I am away"."""

ONE_CLICK: Header = ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")


class Way(NamedTuple):
    """How somebody gets off: ``mailto`` is an address of one's own that takes a token behind a plus, ``plain`` the
    link that serves when there is none; ``https`` an endpoint, "" without; ``signed``: every message will be."""

    plain: str
    mailto: str = ""
    https: str = ""
    signed: bool = False

    def link(self, purpose: str, token: str) -> str:
        """The mailto link for one message; ``token`` "" when there is none."""
        if not self.mailto or not token:
            return self.plain
        local, _, domain = self.mailto.rpartition("@")
        if len(local) + 1 + len(token) > LONGEST_LOCAL:
            return f"mailto:{quote(self.mailto, safe='@')}?subject={quote(f'unsubscribe {token}')}"
        address = quote(f"{local}+{token}@{domain}", safe="@+")
        return f"mailto:{address}?subject={quote(f'unsubscribe {purpose}'.strip())}"

    def headers(self, purpose: str, token: str) -> tuple[Header, ...]:
        """List-Unsubscribe, and with it List-Unsubscribe-Post where the standard allows it."""
        link = self.link(purpose, token)
        if not link:
            return ()
        if not (self.https and self.signed and token):
            return (("List-Unsubscribe", f"<{link}>"),)
        return (("List-Unsubscribe", f"<{link}>, <{self.https.rstrip('/')}/{token}>"), ONE_CLICK)


def identity(sid: str) -> Header:
    """The id of a send in a header of its own: some servers put a Message-ID of theirs in the place of ours."""
    return "X-Crmctl-Send", sid


def of_list(purpose: str, domain: str) -> Header:
    """List-Id: one for each purpose."""
    return "List-Id", f"<{word(purpose)}.{domain}>"


def feedback(campaign: str, purpose: str, kind: str, domain: str) -> Header:
    """Feedback-ID, by which Gmail tells senders how many complained; nothing in it is about a person."""
    return "Feedback-ID", ":".join((word(campaign), word(purpose), word(kind), word(domain)[:15]))


def word(text: str) -> str:
    """A text as a word of a header: letters, digits and hyphens."""
    return handle_from(text) or "x"
