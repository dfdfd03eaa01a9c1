"""Whether a draft can go out, told when it is released: by making the message that the next run would send."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.errors import CrmError
from crmctl.services.following import draft_texts
from crmctl.services.following import enrolments
from crmctl.services.following import messages

if TYPE_CHECKING:
    from crmctl.services.book import Book
    from crmctl.services.following.draft_texts import Draft
    from crmctl.services.following.drafts import Waiting
    from crmctl.services.mailing.config import MailServer


def fault(book: Book, server: MailServer, one: Waiting, draft: Draft) -> str:
    """Why no message can be made of a draft as it stands, "" when one can."""
    try:
        enrolment = enrolments.read(book, one.enrolment)
        sequence = enrolments.sequence(book, enrolment.sequence) if enrolment is not None else None
        if enrolment is None or sequence is None:
            return "what it was made for is not in the book any more"
        mail = messages.mail_of(book, sequence, enrolment, one.step, draft)
        made = messages.renderer_of(book, sequence, mail, server).made(mail)
    except CrmError as error:
        return draft_texts.told(error.message)
    return draft_texts.told(made.reason) if made.code else ""
