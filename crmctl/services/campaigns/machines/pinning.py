"""Which machine sends a campaign, and which clone on it: the one that has its plan.

The record names the machine, or says ``any``: then each message is sent by the one that claims it (``claiming``). The
clone is noted beside the id of the machine, outside of every book, so that a copied
clone, or a second one that knows of nothing, is not taken for the one that has begun. A lock stands there too: one
machine sends a campaign from one clone at a time, whatever the records in two of them say.
"""

from __future__ import annotations

from contextlib import ExitStack
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from crmctl.errors import Conflict
from crmctl.errors import CrmError
from crmctl.errors import Locked
from crmctl.mail.ledger.durable import make_folder
from crmctl.mail.ledger.durable import replace
from crmctl.services import records
from crmctl.services.campaigns import plan as plans
from crmctl.services.campaigns.running.desk import SendingElsewhere
from crmctl.services.mailing.host import state_path
from crmctl.store.lock import locked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crmctl.services.book import Book
    from crmctl.services.campaigns.campaign import Campaign

ANY = "any"
FOLDER = "planned"


@contextmanager
def alone(campaign: Campaign) -> Iterator[None]:
    """Be the only process on this machine that plans or sends the campaign, in whatever clone.

    Raises:
        SendingElsewhere: another one does.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(_path(campaign.id).with_suffix(".lock"), f"campaign {campaign.handle}", 0))
        except Locked:
            raise SendingElsewhere(
                f"campaign {campaign.handle} is being sent from another clone on this machine",
                hint="It goes on by itself; wait until it has ended.",
            ) from None
        yield


def is_elsewhere(campaign: Campaign, host: str) -> bool:
    """Whether another clone than this one sends the campaign."""
    sender = campaign.text("sender")
    return bool(sender) and sender != host and not is_shared(campaign)


def require_sender(campaign: Campaign, host: str) -> None:
    """Refuse unless this clone sends the campaign, or any machine does, or nobody has been named yet.

    Raises:
        Conflict: another one does.
    """
    if is_elsewhere(campaign, host):
        raise Conflict(
            f"campaign {campaign.handle} is sent by {campaign.text('sender')}, and this is {host}",
            hint=f"Send it there. If that one is gone: crmctl sync, then crmctl campaign set {campaign.handle} "
            f"sender={host}, and crmctl campaign plan {campaign.handle} --freeze",
        )


def require_clone(campaign: Campaign, state: Path) -> None:
    """Refuse if another clone on this machine has planned the campaign; ``state`` is where this one keeps its mail.

    Raises:
        Conflict: it has, and is still there.
    """
    path = _path(campaign.id)
    try:
        other = Path(path.read_text(encoding="utf-8").strip())
    except (FileNotFoundError, UnicodeDecodeError):
        return
    if other != state and plans.path_of(other, campaign.id).exists():
        where = next((parent.parent for parent in other.parents if parent.name == ".git"), other)
        raise Conflict(
            f"campaign {campaign.handle} was planned in another clone: {where}",
            hint="Send it from there. If that one is not used any more: crmctl sync, then crmctl campaign plan "
            f"{campaign.handle} --refresh",
        )


def is_ours(campaign: Campaign, state: Path) -> bool:
    """Whether this clone is the one that is noted; its plan may have been lost on the way."""
    try:
        return _path(campaign.id).read_text(encoding="utf-8").strip() == str(state)
    except (OSError, UnicodeDecodeError):
        return False


def take(campaign: Campaign, state: Path) -> None:
    """Note that this clone has planned the campaign.

    Raises:
        StorageFailed: it cannot be written.
    """
    path = _path(campaign.id)
    make_folder(path.parent)
    replace(path, f"{state}\n".encode())


def is_shared(campaign: Campaign) -> bool:
    """Whether any machine may send the campaign."""
    return campaign.text("sender").lower() == ANY


def require_known(book: Book, campaign: Campaign) -> None:
    """Refuse to send alone what any machine could send before, as long as the others do not know that this one does.

    Nobody is connected to: what the team's repository had when it was last seen tells. Only there can the pin have met
    all that the others have claimed.

    Raises:
        Conflict: they do not.
    """
    from crmctl.store.yaml_reader import read_yaml
    from crmctl.vcs import remotes
    from crmctl.vcs.health import branch

    remote = remotes.choose(book.places, branch(book.places))
    if remote is None:
        return
    seen = remotes.last_seen(book.places, remote)
    if seen and not book.repository.descends(book.repository.head(), seen):
        raise Conflict(
            f"any machine could send campaign {campaign.handle}, and what others have sent is not in this book yet",
            hint="crmctl sync brings it; then send it.",
        )
    path = records.path_of(book, book.schema.require("campaign"), campaign.handle)
    sender = ""
    try:
        oid = book.repository.blobs(remote.ref, [path]).get(path, "")
        (content,) = book.repository.contents([oid]) if oid else (b"",)
        sender = str(read_yaml(content, path).data.get("sender") or "")
    except (CrmError, ValueError):
        pass  # It is not there yet, or nobody can read it.
    if sender != campaign.text("sender"):
        raise Conflict(
            f"any machine could send campaign {campaign.handle}, and the others do not know yet that only this does",
            hint="crmctl sync tells them; then send it.",
        )


def has_others(book: Book) -> bool:
    """Whether the book has a repository that it shares with others."""
    return bool(shared_branch(book))


def shared_branch(book: Book) -> str:
    """The branch of the others' repository that this clone shares, "" when it shares none."""
    from crmctl.vcs import remotes
    from crmctl.vcs.health import branch

    remote = remotes.choose(book.places, branch(book.places))
    return remote.branch if remote is not None else ""


def _path(campaign_id: str) -> Path:
    return plans.path_of(state_path().parent / FOLDER, campaign_id).with_suffix("")
