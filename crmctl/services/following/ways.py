"""Which way a step leaves that is no e-mail: into a folder, as a campaign's letters do, or by a program that texts.

What is put into a folder has not been posted yet: somebody gets a follow-up, and the next step waits until it is done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.services.campaigns.running import handing_over
from crmctl.services.following import enrolments
from crmctl.services.following.messages import as_campaign
from crmctl.services.mailing.config import UserConfig
from crmctl.services.mailing.host import mail_state

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.mail.transport.outcomes import Transport
    from crmctl.services.book import Book
    from crmctl.services.campaigns.campaign import Campaign
    from crmctl.services.campaigns.running.desk import Desk
    from crmctl.services.following.course import Outside

FOLDER = "papers"
"""Where it is put when the user names no folder, outside of git."""


def by_hand(channel: str, outside: Outside) -> bool:
    """Whether somebody has to post or to type what a step made."""
    return channel == "letter" or (channel == "sms" and outside.texts is None)


def transport(book: Book, campaign: Campaign, outside: Outside) -> Transport:
    """The way out for the letters, or the text messages, of a sequence."""
    if by_hand(campaign.channel, outside):
        return handing_over.into(book, campaign, outside.folder or mail_state(book) / FOLDER)
    return handing_over.way_of(book, campaign, None, UserConfig(sms=outside.texts)).transport


def settle(book: Book, desk: Desk) -> list[Path]:
    """Have the ledger know what became of files that were about to be moved when a run died; the files to print that
    were made of the letters that it left.

    Raises:
        StorageFailed: the ledger, or such a file, cannot be written.
    """
    bound: list[Path] = []
    for (handle,) in book.index.rows("SELECT handle FROM sequences ORDER BY handle"):
        sequence = enrolments.sequence(book, str(handle))
        if sequence is not None and sequence.text("purpose").lower() in book.settings.purposes:
            for channel in enrolments.PAPER:
                campaign = as_campaign(book, sequence, "", channel)
                handing_over.settle(desk, campaign, channel)
                bound += handing_over.left_unbound(desk, campaign, channel, book.now())
    return bound


def file_of(way: Transport, sid: str) -> Path | None:
    """The file that a message was put into, None when it is not there (any more)."""
    folder = getattr(way, "folder", None)
    return next(folder.glob(f"*{sid}*"), None) if folder is not None else None
