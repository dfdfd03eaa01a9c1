"""Which way a campaign goes out: by a mail server, into a folder, or onto the list of somebody who calls.

What was about to be put into a folder when a run died is not unknown for long: the folder shows whether it was.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import Conflict
from crmctl.errors import NoBook
from crmctl.errors import StorageFailed
from crmctl.errors import UsageProblem
from crmctl.mail import letters
from crmctl.mail.addresses import Refused
from crmctl.mail.ledger.durable import make_folder
from crmctl.mail.ledger.durable import replace
from crmctl.mail.transport import sms
from crmctl.mail.transport.folder import LIST
from crmctl.mail.transport.folder import Folder
from crmctl.mail.transport.folder import Form
from crmctl.mail.transport.folder import hidden_folder
from crmctl.mail.transport.folder import was_moved
from crmctl.mail.transport.outcomes import ACCEPTED
from crmctl.mail.transport.outcomes import Outcome
from crmctl.services.campaigns import campaign as campaigns
from crmctl.services.mailing import outgoing
from crmctl.services.mailing.config import MailServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from crmctl.mail.transport.outcomes import Transport
    from crmctl.model.values import Context
    from crmctl.services.book import Book
    from crmctl.services.campaigns.campaign import Campaign
    from crmctl.services.campaigns.plan import Frozen
    from crmctl.services.campaigns.running.desk import Desk
    from crmctl.services.mailing.config import UserConfig

FOLDER = "handed"
"""Below the state of a clone: for each campaign, the folder that its messages were last put into."""

_ENDINGS = {"letter": ".html"}


class Way(NamedTuple):
    """A way out, the settings of the mail server that stands behind it, if there is one, and the channel."""

    transport: Transport
    mail: MailServer
    channel: str = campaigns.EMAIL


class FolderAway(Conflict):
    """Messages may be in a folder that cannot be looked at now, and another one is to be used."""


class OnTheList:
    """For what somebody has to do: it is on the list as soon as the ledger says so, and in the book with its lines."""

    def open(self) -> None:
        """There is nothing to open."""

    def close(self) -> None:
        """There is nothing to close."""

    def send(self, *_message: object, **_more: object) -> Outcome:
        """Put one onto the list."""
        return Outcome(ACCEPTED, 0, "", "list")


def way_out(book: Book, handle: str, folder: Path | None, config: UserConfig) -> Way:
    """The way out for a campaign; ``folder`` is where the user wants it put, None when nothing was said.

    Raises:
        UsageProblem: e-mail goes into no folder, and letters only into one, which is not in the book.
        NoBook: no mail server, or no way out for text messages, is set up.
    """
    return way_of(book, campaigns.read(book, handle), folder, config)


def way_of(book: Book, campaign: Campaign, folder: Path | None, config: UserConfig) -> Way:
    """The same for a campaign that was read; errors as ``way_out``."""
    handle = campaign.handle
    if campaign.channel == campaigns.EMAIL:
        if folder is not None:
            hint = f"crmctl campaign preview {handle} --to DIR writes e-mails into a folder to look at."
            raise UsageProblem(
                "e-mail is sent by a mail server: --to is for letters, text messages and calls", hint=hint
            )
        mail = config.require_mail()
        return Way(outgoing.transport(mail), mail)
    if folder is not None:
        hint = f"Name one beside it: crmctl campaign send {handle} --send --to ../{handle}"
        return Way(into(book, campaign, outside(book, folder, hint)), MailServer(), campaign.channel)
    if campaign.by_hand:
        return Way(OnTheList(), MailServer(), campaign.channel)
    if campaign.channel != "sms":
        hint = f"crmctl campaign send {handle} --send --to DIR"
        raise UsageProblem(
            f"campaign {handle} goes by {campaign.channel}: say where to put what is to print", hint=hint
        )
    if config.sms is None:
        hint = "Write `sms:` with `gammu:` or `smstools:` into it (docs/mail-setup.md), or say --to DIR."
        raise NoBook(f"no way out for text messages is set up in {config.path}", hint=hint)
    spool = Folder(Path(config.sms.path), _spooled(book, config.sms.kind), spool=True)
    return Way(spool, MailServer(), campaign.channel)


def goes_alone(campaign: Campaign) -> bool:
    """Whether a campaign can be sent without anybody saying where to, as from cron."""
    from crmctl.services.mailing import config

    if campaign.channel == "sms":
        return config.read().sms is not None
    return campaign.channel == campaigns.EMAIL or campaign.by_hand


def into(book: Book, campaign: Campaign, place: Path) -> Folder:
    """The way into a folder, for a campaign that is not sent by e-mail."""
    form = Form(_named(_ENDINGS.get(campaign.channel, ".txt")), _into_folder(book, campaign))
    return Folder(place, form, lists=campaign.channel == "letter")


def outside(book: Book, folder: Path, hint: str) -> Path:
    """The folder that the user named, with no links on the way to it.

    Raises:
        UsageProblem: it is in the book, where git would take along what people were written; with ``hint``.
    """
    place = folder.absolute()
    place = place.resolve() if place.name in ("", "..") else place.parent.resolve() / place.name
    if place.resolve().is_relative_to(book.root.resolve()):
        raise UsageProblem(f"{folder} is in the book, and git would take along what is put there", hint=hint)
    return place


# What the files are called, and what is in them


def _dialled(recipient: str, context: Context) -> str:
    """The number that a text message goes to.

    Raises:
        Refused: it is none.
    """
    from crmctl.model import phones

    try:
        return phones.dialled(recipient, context.region)
    except ValueError:
        raise Refused("the number cannot be used: no text message reaches it") from None


def _named(ending: str) -> Callable[[str, str, str], str]:
    return lambda sid, _recipient, called: f"{called}-{sid}{ending}" if called else f"{sid}{ending}"


def _into_folder(book: Book, campaign: Campaign) -> Callable[[str, bytes], bytes]:
    if campaign.channel != "sms":
        return lambda _recipient, data: data
    context = book.context
    return lambda recipient, data: sms.plain_content(_dialled(recipient, context), sms.plain(data))


def _spooled(book: Book, kind: str) -> Form:
    context = book.context

    def number(recipient: str) -> str:
        return _dialled(recipient, context)

    if kind == "smstools":
        content = lambda recipient, data: sms.smstools_content(number(recipient), sms.plain(data))  # noqa: E731
        return Form(lambda sid, _recipient, _called: sid, content)
    return Form(
        lambda sid, recipient, _called: sms.gammu_name(number(recipient), sid, book.now()),
        lambda _recipient, data: sms.gammu_content(sms.plain(data)),
    )


# Before and after a run


def begin(desk: Desk, campaign: Campaign, frozen: Frozen, transport: Transport, part: str = "") -> None:
    """Have the ledger know what became of messages that were about to be put into a folder when a run died.

    ``part`` tells apart the ways of what goes out by several, as a sequence does.

    Raises:
        FolderAway: that folder is not here, and another one is to be used.
        StorageFailed: the ledger, or where it goes now, cannot be written.
    """
    if not isinstance(transport, Folder):
        return
    token = _token(campaign, part)
    transport.serve(token, {entry.sid: entry.handle for entry in frozen.entries.values()})
    before, left = settle(desk, campaign, part)
    if left and before != transport.folder:
        raise FolderAway(
            f"{left} messages may have been put into {before}, which cannot be looked at now",
            hint="Put that folder back, or settle them first: crmctl outbox list, crmctl outbox resolve",
        )
    if before != transport.folder:
        note = desk.state / FOLDER / token
        make_folder(note.parent)
        replace(note, f"{transport.folder}\n".encode("utf-8", "surrogateescape"))


def settle(desk: Desk, campaign: Campaign, part: str = "") -> tuple[Path | None, int]:
    """The folder that was used last, None for none; and how many messages may be in it that nobody can tell of now.

    Raises:
        StorageFailed: the ledger cannot be written.
    """
    token = _token(campaign, part)
    before = _noted(desk.state / FOLDER / token)
    return before, _settle(desk, campaign, before, token) if before is not None else 0


def left_unbound(desk: Desk, campaign: Campaign, part: str, moment: datetime) -> list[Path]:
    """Bind the letters of a run that died before it could, as ``bind``."""
    token = _token(campaign, part)
    before = _noted(desk.state / FOLDER / token)
    if before is None or not hidden_folder(before, token).is_dir():
        return []
    return letters.bind(before, hidden_folder(before, token) / LIST, f"{moment:%Y%m%d-%H%M%S}")


def _token(campaign: Campaign, part: str) -> str:
    return sha256(f"{campaign.id}{part}".encode()).hexdigest()[:16]


def _settle(desk: Desk, campaign: Campaign, folder: Path, token: str) -> int:
    """Resolve the doubts of this machine by what is to be seen in ``folder``; how many are left."""
    left = 0
    for row in desk.rows(campaign.id).values():
        ours = {row.host, *row.claimed_by} == {desk.host}
        if row.state != "unknown" or row.ch != campaign.channel or not ours:
            continue
        moved = was_moved(folder, token, row.sid)
        if moved is None:
            left += 1
        else:
            result = "accepted" if moved else "resend"
            desk.ledger.append("resolve", row.sid, campaign.id, result=result, n=row.doubts, by=FOLDER)
    return left


def bind(transport: Transport, moment: datetime) -> list[Path]:
    """Bind the letters of a run, and those of one that died, into one file to print; none when there were no letters.

    Raises:
        StorageFailed: it cannot be written; the next run does it.
    """
    if not isinstance(transport, Folder) or not transport.hidden.is_dir():
        return []
    return letters.bind(transport.folder, transport.hidden / LIST, f"{moment:%Y%m%d-%H%M%S}")


def _noted(note: Path) -> Path | None:
    try:
        return Path(note.read_bytes().decode("utf-8", "surrogateescape").removesuffix("\n"))
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise StorageFailed(f"{note}: cannot read: {(exc.strerror or str(exc)).lower()}") from None
