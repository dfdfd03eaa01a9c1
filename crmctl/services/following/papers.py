"""Steps that go on paper or by SMS: a file is written, and a follow-up says that somebody has to post or send it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.errors import InvalidData
from crmctl.mail.ledger.durable import make_folder
from crmctl.mail.ledger.durable import replace
from crmctl.services.campaigns.audience import Recipient
from crmctl.services.campaigns.messages.rendering import Renderer
from crmctl.services.campaigns.messages.rendering import wording
from crmctl.services.following.messages import as_campaign
from crmctl.services.mailing.host import mail_state

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.services.book import Book
    from crmctl.services.following.enrolments import Enrolment
    from crmctl.services.following.enrolments import Sequence


def write(book: Book, sequence: Sequence, enrolment: Enrolment, number: int) -> Path:
    """Write the letter or the SMS of a step; for its owner only, outside of git. The same again gives the same file.

    Raises:
        CrmError: there is no such template, or the customer lacks something that it needs.
        StorageFailed: it cannot be written.
    """
    step = enrolment.steps[number - 1]
    campaign = as_campaign(book, sequence, step.template)._replace(channel=step.channel)
    renderer = Renderer(book, campaign, wording(book, campaign), book.now(), None)
    data = book.index.data(book.schema.require("customer"), enrolment.customer) or {}
    identity, name = str(data.get("id") or enrolment.customer), str(data.get("name") or enrolment.customer)
    (made,) = renderer.messages([Recipient(enrolment.customer, name, "", identity)])
    if made.code:
        raise InvalidData(f"{enrolment.customer}: {made.reason}")
    folder = mail_state(book) / "papers"
    make_folder(folder)
    path = folder / f"{enrolment.handle}.{number}{made.suffix}"
    replace(path, made.content)
    return path
