"""What a campaign and its messages have to say before they go out, and what is not wise, by channel."""

from __future__ import annotations

import re
from datetime import UTC
from datetime import datetime
from typing import TYPE_CHECKING

from crmctl.errors import InvalidData
from crmctl.mail.message.marketing import check_marketing
from crmctl.mail.message.marketing import check_way_out
from crmctl.mail.message.marketing import warnings as mail_warnings
from crmctl.mail.transport import sms
from crmctl.mail.transport.windows import next_open

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmctl.mail.message.listheaders import Way
    from crmctl.model.settings import Sending
    from crmctl.model.settings import Settings
    from crmctl.render.rendering import Rendered
    from crmctl.services.campaigns.campaign import Campaign

OWED = ("contract", "legal")
"""Grounds on which people get what they have a right to; no consent is asked for, and none can be taken back."""

# How a text message says what ends it. 47 CFR 64.1200(a)(10) has the English words; those that mean much else besides
# count in capitals only, or where they are to be answered.
_WAYS_OUT = (
    re.compile(r"\b(?:STOPP?|STOP ?ALL|QUIT|END|REVOKE|CANCEL|BAJA|ARR[ÊE]T|SAIR|PARAR|KONIEC|SLUTA|BASTA)\b"),
    re.compile(
        r"\bunsubscrib|\bopt(?:ing)?[ -]?out\b|\bab(?:zu)?meld|\babbestell|d[ée]sabonn|d[ée]sinscri|darse de baja|"
        r"disiscri|\bafmeld|uitschrij|descadastr|\bwypisz|rezygn|avregistr|\bframeld|\bstopp?\s*[:=]|"
        r"\b(?:reply|text|send|answer|antwort\w*|schick\w*|sende?\w*|r[ée]pond\w*|envoy\w*|respond\w*|env[ií]\w*)\b"
        r".{0,30}\bstopp?\b",
        re.IGNORECASE,
    ),
)


def lacks_benefit(campaign: Campaign) -> list[str]:
    """What a campaign that advertises lacks: it has to say what its readers have from it."""
    if campaign.purpose.basis in OWED or campaign.text("benefit"):
        return []
    return [
        "the campaign does not say what the customer has from it (benefit); say it: "
        f"crmctl campaign set {campaign.handle} benefit='...'"
    ]


def lacks_hours(campaign: Campaign, sending: Sending, now: datetime) -> list[str]:
    """Why a campaign can never go out: its days, its window, its weekdays and the holidays leave no hour for it."""
    starts, ends, zone = campaign.day("starts"), campaign.day("ends"), now.tzinfo or UTC
    begins = datetime.combine(starts, datetime.min.time(), zone) if starts is not None else now
    try:
        weekdays = campaign.weekdays or sending.weekdays
        opens = next_open(max(now, begins), campaign.hours(sending.window), weekdays, sending.holidays, zone)
    except InvalidData as error:
        return [f"{error.message} ({error.hint})"]
    if ends is not None and opens.date() > ends:
        return [f"the campaign ends on {ends:%a %Y-%m-%d}, and may go out at {opens:%a %Y-%m-%d %H:%M} at the soonest"]
    return []


def ways_out(way: Way, purpose: str, token: str) -> tuple[str, ...]:
    """What a mail can name by which its reader gets no more of a purpose: the link that templates are given, the
    address in it where that serves nothing else, the endpoint on the web."""
    link = way.link(purpose, token)
    address = link.removeprefix("mailto:").partition("?")[0] if way.mailto else ""
    return link, way.plain, address, way.mailto, way.https.rstrip("/")


def lacks(
    campaign: Campaign, message: Rendered, settings: Settings, ways: Sequence[str], *, marketing: bool
) -> list[str]:
    """What one message has to say by law, and does not. ``marketing`` is what an e-mail is by its template, and
    ``ways`` is what ``ways_out`` gives."""
    owed = campaign.purpose.basis in OWED
    if campaign.channel == "email":
        named = check_marketing(message.text, message.html, settings.postal_address, settings.name) if marketing else []
        return named if owed else [*named, *check_way_out(message.text, message.html, ways)]
    if campaign.channel != "sms" or owed:
        return []
    if not any(way.search(message.text) for way in _WAYS_OUT):
        return ["the text message does not say how to get no more of them (a line such as: Reply STOP to end)"]
    return []


def unwise(campaign: Campaign, message: Rendered) -> list[str]:
    """What is allowed and not wise about one message."""
    if campaign.channel == "email":
        return mail_warnings(message.html)
    if campaign.channel == "sms":
        text = sms.plain(message.text.encode())
        count = sms.segments(text)
        if count > sms.MOST:
            return [f"there are text messages of {count} parts ({sms.alphabet(text)}), and each part is paid for"]
    return []
