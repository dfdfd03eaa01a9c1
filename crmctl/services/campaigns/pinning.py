"""Which machine sends a campaign, and which clone on it: the one that has its plan.

The record names the machine. The clone is noted beside the id of the machine, outside of every book, so that a copied
clone, or a second one that knows of nothing, is not taken for the one that has begun.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from crmctl.errors import Conflict
from crmctl.errors import UsageProblem
from crmctl.mail.ledger.durable import make_folder
from crmctl.mail.ledger.durable import replace
from crmctl.services.campaigns import plan as plans
from crmctl.services.mailing.host import state_path

if TYPE_CHECKING:
    from crmctl.services.campaigns.campaign import Campaign

ANY = "any"
FOLDER = "planned"


def require_sender(campaign: Campaign, host: str) -> None:
    """Refuse unless this machine sends the campaign, or nobody has been named yet.

    Raises:
        Conflict: another one does.
        UsageProblem: whichever machine claims first is to send it, which crmctl cannot do.
    """
    sender = campaign.text("sender")
    if sender == ANY:
        hint = f"crmctl campaign set {campaign.handle} sender={host}"
        raise UsageProblem("a campaign is sent by one machine; name it", hint=hint)
    if sender and sender != host:
        raise Conflict(
            f"campaign {campaign.handle} is sent by {sender}, and this machine is {host}",
            hint=f"Send it there. If that machine is gone: crmctl sync, then crmctl campaign set {campaign.handle} "
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


def _path(campaign_id: str) -> Path:
    return plans.path_of(state_path().parent / FOLDER, campaign_id).with_suffix("")
