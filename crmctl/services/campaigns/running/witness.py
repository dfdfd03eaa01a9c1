"""Which messages this machine has tried to send, noted outside of every book: what a backup cannot take back.

Whoever puts an older copy of a book in its place, with its git folder, puts an older ledger there too, and that one
looks whole. The ids that stand here show it. They are digests, and name nobody.

They stand beside the id of the machine (``mailing.host``), in the state folder of one account, and that is on purpose:
nobody is the sender of a campaign without that id, so whoever may send has the notes of all that was sent under it.

- Another account on the same machine, a copied home on another one, a wiped or another state folder (cron without
  ``XDG_STATE_HOME``): another id, so another sender, and a campaign that is pinned is refused before this is asked.
- Two clones of a book on one machine have two names (``mailing.clones``) and one file of these. The second is refused
  because the first has the plan (``pinning.require_clone``); when that one is gone, because its ledger does not know
  what was tried: rightly.
- A copy of a whole account under the same user id on a machine with the same ``/etc/machine-id`` (containers of one
  image) has the same id, and from then on notes of its own. Nothing on one machine can tell; the other's lines do, as
  soon as both have synced: two different lines with one number (``ledger.chain``). Whoever copies images gives each a
  machine id of its own.
- A backup that takes the state folder back together with the book takes the notes back with it. What others have synced
  shows that too (the ledger is behind its tracked copy); a book that is nobody else's has no other memory.
- ``crmctl host adopt`` takes over an id without its notes: the former machine is gone with them. There the tracked copy
  of the ledger is what counts, and what it may lack is held (``outbox adopt``).
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from crmctl.errors import NOT_SENT
from crmctl.errors import Conflict
from crmctl.mail.identifiers import is_send_id
from crmctl.mail.ledger.durable import FLAGS
from crmctl.mail.ledger.durable import PRIVATE
from crmctl.mail.ledger.durable import failed
from crmctl.mail.ledger.durable import make_folder
from crmctl.mail.ledger.durable import read
from crmctl.mail.ledger.durable import replace
from crmctl.mail.ledger.durable import write_all
from crmctl.services.campaigns import plan as plans
from crmctl.services.mailing.host import state_path

if TYPE_CHECKING:
    from collections.abc import Collection
    from collections.abc import Mapping

    from crmctl.mail.ledger.states import Row

FOLDER = "tried"


class LedgerBehind(Conflict):
    """The ledger does not know of messages that went out from this machine."""

    code = NOT_SENT


class Witness:
    """The sends of one campaign, or of one sequence, that this machine has tried."""

    def __init__(self, campaign_id: str) -> None:
        self._campaign = campaign_id
        folder = state_path().parent / FOLDER
        self._path = plans.path_of(folder, campaign_id).with_suffix("")
        self._known: set[str] | None = None
        self._torn = False

    def tried(self) -> set[str]:
        """The ids of the sends.

        Raises:
            StorageFailed: they cannot be read.
        """
        if self._known is None:
            data = read(self._path)
            self._torn = bool(data) and not data.endswith(b"\n")
            self._known = {text for text in data.decode("ascii", "replace").split("\n") if is_send_id(text)}
        return self._known

    def require(self, rows: Mapping[str, Row]) -> None:
        """Refuse when the ledger, whose states are ``rows``, has forgotten what was tried.

        Raises:
            LedgerBehind: it has.
            StorageFailed: what was tried cannot be read.
        """
        lost = sum(not plans.is_settled(rows.get(sid)) for sid in self.tried())
        if lost:
            raise LedgerBehind(
                f"nothing is sent: this machine has tried to send {lost:,} messages that the ledger here does not "
                "know of",
                hint="An older copy of the book was put in its place, or another clone has sent it? Put the newer one "
                "back, or sync. Or: crmctl outbox adopt holds those messages back as unknown.",
            )

    def note(self, sid: str) -> None:
        """Note that a send is about to be tried.

        Not synced to the disk: the ledger is, so that after a power cut it knows all that these may lack. They are for
        an older ledger, put back by hand later; a second sync for each message would halve how many go out.

        Raises:
            StorageFailed: it cannot be written.
        """
        if sid in self.tried():
            return
        try:
            new = not self.tried() and not self._path.exists()
            if new:
                make_folder(self._path.parent)
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | FLAGS, PRIVATE)
            try:
                head = f"{json.dumps(self._campaign)}\n" if new else "\n" if self._torn else ""
                write_all(descriptor, f"{head}{sid}\n".encode("ascii"))
            finally:
                os.close(descriptor)
        except OSError as exc:
            raise failed(self._path, exc, "write") from exc
        self._torn = False
        self.tried().add(sid)

    def forget(self, sids: Collection[str]) -> None:
        """Take sends out: somebody knows that they were not tried.

        Raises:
            StorageFailed: it cannot be written.
        """
        rest = self.tried() - set(sids)
        if len(rest) < len(self.tried()):
            text = "".join(f"{line}\n" for line in (json.dumps(self._campaign), *sorted(rest)))
            replace(self._path, text.encode("ascii"))
            self._known = rest
