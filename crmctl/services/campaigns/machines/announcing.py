"""A campaign that one machine sends, in a book that is shared: before its first message the others know which one.

Two people may plan the same campaign before either has heard of the other. Of two that each name their own machine in
the record only one can push that, and only that one sends. Nothing is ever forced. Once a message was tried, or the
team's repository was seen to have the name, no connection is needed.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from crmctl.errors import BranchMoved
from crmctl.errors import Conflict
from crmctl.errors import CrmError
from crmctl.errors import GitFailed
from crmctl.services import records
from crmctl.services.campaigns import campaign as campaigns
from crmctl.services.campaigns.machines import pinning
from crmctl.services.campaigns.running.refusing import NotSent
from crmctl.services.joining import sync
from crmctl.vcs import health
from crmctl.vcs import remotes

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterator

    from crmctl.services.book import Book
    from crmctl.services.campaigns.campaign import Campaign
    from crmctl.services.campaigns.running.desk import Desk


def meet(
    book: Book, desk: Desk, campaign: Campaign, *, tell: bool, pause: Callable[[float], None] = time.sleep
) -> None:
    """Have what the others have, where they may not know the sender yet; with ``tell`` they know it then.

    Raises:
        NotFound: there are several repositories, and nobody can tell which one the others have.
        NotSent: they cannot be met, or what they have does not fit with what is here.
        Conflict: another one sends the campaign, as they have it.
    """
    if not _is_due(book, desk, campaign):
        return
    why = ""
    for attempt in range(sync.TRIES):
        if attempt:
            pause(sync.jitter(attempt))
        try:
            with _told(campaign):
                _meet(book, desk, campaign, tell=tell)
        except (remotes.Moved, BranchMoved) as error:
            why = error.message
        else:
            return
    raise NotSent(f"nothing is sent: others were faster {sync.TRIES} times ({why})", hint="crmctl sync, then again.")


def _is_due(book: Book, desk: Desk, campaign: Campaign) -> bool:
    """Whether the others have to be met before this machine sends the campaign; nobody is connected to."""
    remote = remotes.choose(book.places, health.branch(book.places))
    if remote is None or any(event.ev == "attempt" and event.host == desk.host for event in desk.events(campaign.id)):
        return False
    return _sender(book, remote.ref, campaign) != desk.host


def _meet(book: Book, desk: Desk, campaign: Campaign, *, tell: bool) -> None:
    remote = remotes.choose(book.places, health.branch(book.places))
    if remote is None:
        return
    if theirs := remotes.fetch(book.places, remote):
        # Before anything is merged: two names are no question for a merge.
        _refuse_other(desk, campaign, _new_sender(book, theirs, campaign))
    met = sync.merge_in(book)
    if met.state == sync.QUESTIONS:
        raise NotSent(
            "nothing is sent: what others changed and what is here do not fit together",
            hint="crmctl conflicts shows where; answer, crmctl sync, then again.",
        )
    book.refresh()
    desk.look_again()
    here = campaigns.read(book, campaign.handle)
    _refuse_other(desk, campaign, here.text("sender"))
    head = book.repository.head()
    if tell and head != met.theirs:
        sync.send(book, met.remote, head)


def _new_sender(book: Book, theirs: str, campaign: Campaign) -> str:
    """Whom ``theirs`` names as the sender, where this book has not heard of it; whoever has may name another one."""
    bases = book.repository.merge_bases(book.repository.head(), theirs)
    there = _sender(book, theirs, campaign)
    return "" if any(_sender(book, base, campaign) == there for base in bases) else there


def _sender(book: Book, commit: str, campaign: Campaign) -> str:
    """Whom the record names as the sender in a commit; "" for nobody, or where nobody can tell."""
    from crmctl.store.yaml_reader import read_yaml

    path = records.path_of(book, book.schema.require("campaign"), campaign.handle)
    try:
        oid = book.repository.blobs(commit, [path]).get(path, "")
        (content,) = book.repository.contents([oid]) if oid else (b"",)
        return str(read_yaml(content, path).data.get("sender") or "").strip()
    except (CrmError, ValueError):
        return ""


def _refuse_other(desk: Desk, campaign: Campaign, sender: str) -> None:
    if sender in ("", desk.host):
        return
    handle = campaign.handle
    if sender.lower() == pinning.ANY:
        raise Conflict(
            f"campaign {handle} is sent by any machine, as the team's repository has it",
            hint="crmctl sync, then again.",
        )
    raise Conflict(
        f"campaign {handle} is sent by {sender}, as the team's repository has it, and this is {desk.host}",
        hint=f"crmctl sync, and keep {sender} as its sender. If that one is gone: then crmctl campaign set {handle} "
        f"sender={desk.host}, and crmctl campaign plan {handle} --refresh",
    )


@contextlib.contextmanager
def _told(campaign: Campaign) -> Iterator[None]:
    """What goes wrong between two repositories, as a reason why nothing is sent."""
    what = f"nothing is sent, as the others do not know yet who sends {campaign.handle}"
    try:
        yield
    except remotes.Offline as error:
        raise NotSent(f"{what}: {error.message}", hint="When you are connected: crmctl sync, then again.") from None
    except GitFailed as error:
        hint = f"{error.hint or 'See that you may push there.'} Then: crmctl sync, and again."
        raise NotSent(f"{what}: {error.message}", hint=hint) from None
