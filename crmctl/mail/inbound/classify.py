"""What kind of message it is: a report of a machine, an opt-out, an answer to an invitation, or words of a person.

The order is that of certainty: a bounce may have an Auto-Submitted header, and an automatic answer may quote a footer
that says "unsubscribe".
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.mail.inbound import autoreplies
from crmctl.mail.inbound import bounces
from crmctl.mail.inbound import headers
from crmctl.mail.inbound import optout
from crmctl.mail.inbound import reading
from crmctl.mail.inbound import reports
from crmctl.mail.inbound.calendar_parts import replies
from crmctl.mail.inbound.replytext import new_text

if TYPE_CHECKING:
    from crmctl.mail.inbound.autoreplies import AutoReply
    from crmctl.mail.inbound.bounces import Bounce
    from crmctl.mail.inbound.calendar_parts import Event
    from crmctl.mail.inbound.reports import Complaint
    from crmctl.mail.inbound.reports import Receipt

KINDS = ("bounce", "complaint", "receipt", "auto-reply", "opt-out", "invitation", "list", "reply")


class Kind(NamedTuple):
    """What a message is: one of ``KINDS``, its new text, and what its kind says more.

    ``doubt`` is what a person has to read it for: "opt-out" whether they want no more mail, "erasure" what they want
    to have deleted; otherwise "".
    """

    name: str
    text: str
    bounce: Bounce | None = None
    complaint: Complaint | None = None
    receipt: Receipt | None = None
    automatic: AutoReply | None = None
    answers: tuple[Event, ...] = ()
    doubt: str = ""


def classify(mail: reading.Mail, *, by_person: bool = False, to_us: bool = False) -> Kind:
    """The kind of a message; never an exception, whatever it is.

    ``by_person`` says that its sender is known to be one: then words alone make no bounce of it. ``to_us`` says that
    one of our own addresses stands in To or Cc.
    """
    return report(mail, by_person=by_person) or words(mail, to_us=to_us)


def report(mail: reading.Mail, *, by_person: bool = False) -> Kind | None:
    """The kind of a message that a machine wrote about one of ours; None for any other."""
    complaint = reports.complaint(mail)  # An ARF report is a multipart/report too, with a part of its own.
    bounce = None if complaint else bounces.read(mail, guess=not by_person)
    if bounce is not None:
        return Kind("bounce", mail.text[:2_000], bounce=bounce)
    if complaint is not None:
        return Kind("complaint", "", complaint=complaint)
    receipt = reports.receipt(mail)
    return Kind("receipt", "", receipt=receipt) if receipt is not None else None


def words(mail: reading.Mail, *, to_us: bool = False) -> Kind:
    """The kind of a message that is no report, by what is new in it."""
    text = new_text(mail.text)
    automatic = autoreplies.read(mail)
    answers = _answers(mail)
    said = optout.opts_out(mail.subject, text)
    is_a_no = said == optout.SURE and not (automatic and automatic.certain)
    if automatic is not None and not answers and not is_a_no:
        return Kind("auto-reply", text, automatic=automatic)
    if is_a_no:
        return Kind("opt-out", text, doubt="erasure" if optout.wants_erasure(text) else "")
    if answers:
        return Kind("invitation", text, answers=answers)
    # Who wrote to us, and to a mailing list too, wrote to us: what came through the list is the same message.
    if _is_bulk(mail) and not (to_us and "mailto:" in headers.first(mail.message, "List-Post").lower()):
        return Kind("list", text)
    return Kind("reply", text, doubt="opt-out" if said else "")


def _answers(mail: reading.Mail) -> tuple[Event, ...]:
    """Answers to invitations that the message carries (RFC 6047)."""
    for part in reading.parts(mail.message):
        if part.get_content_type() in ("text/calendar", "application/ics"):
            found = replies(reading.content(part))
            if found:
                return tuple(found)
    return ()


def _is_bulk(mail: reading.Mail) -> bool:
    """Whether it went to many: a newsletter of the customer's, or a mailing list."""
    if headers.first(mail.message, "Precedence").lower() in ("bulk", "list", "junk"):
        return True
    return bool(headers.first(mail.message, "List-Unsubscribe") or headers.first(mail.message, "List-Post"))
