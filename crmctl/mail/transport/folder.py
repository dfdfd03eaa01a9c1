"""Handing messages over to a folder: a spool that a program empties, or a place from which letters are printed.

A message is written whole into a hidden folder beside, and moved to its own name in one step once the ledger says that
it is about to be. Whether it was moved can be seen for ever after: what is still in the hidden folder was not, what is
not was, even where a program has taken it away since. So nobody has to guess after a crash.
"""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import StorageFailed
from crmctl.mail.ledger.durable import FLAGS
from crmctl.mail.ledger.durable import PRIVATE
from crmctl.mail.ledger.durable import make_folder
from crmctl.mail.ledger.durable import prepare
from crmctl.mail.ledger.durable import sync_folder
from crmctl.mail.ledger.durable import temporary_of
from crmctl.mail.ledger.durable import write_all
from crmctl.mail.transport.outcomes import ACCEPTED
from crmctl.mail.transport.outcomes import DEFERRED
from crmctl.mail.transport.outcomes import NOT_TRIED
from crmctl.mail.transport.outcomes import RUN
from crmctl.mail.transport.outcomes import UNKNOWN
from crmctl.mail.transport.outcomes import Outcome
from crmctl.mail.transport.outcomes import TransportFailed
from crmctl.mail.transport.outcomes import nowhere

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Mapping
    from pathlib import Path

LIST = "list"
"""In the hidden folder: the names of what was handed over and is not bound into one file for printing yet."""

PHASE = "folder"
_SHARED = 0o660
_SID = re.compile(r"(?<![A-Z2-7])[A-Z2-7]{26}(?![A-Z2-7])")


class Form(NamedTuple):
    """How messages stand in a folder: ``name`` makes that of a file from the id of the send, the recipient and the
    handle of whoever gets it; ``content`` the bytes from the recipient and the message."""

    name: Callable[[str, str, str], str]
    content: Callable[[str, bytes], bytes]


class Folder:
    """See ``crmctl.mail.transport.outcomes.Transport`` for what is promised.

    ``spool`` says that a program empties it: it has to be there, and where its group is handed down (setgid), that
    group may read the files. Any other folder is made, and private. ``lists`` keeps a list of what was handed over.
    """

    def __init__(self, folder: Path, form: Form, *, spool: bool = False, lists: bool = False) -> None:
        self.folder = folder
        self._form = form
        self._spool = spool
        self._lists = lists
        self._token = ""
        self._called: Mapping[str, str] = {}
        self._known: dict[str, str] = {}
        self._shared = False

    def serve(self, token: str, called: Mapping[str, str]) -> None:
        """Say for whom: ``token`` names the hidden folder, ``called`` has the handles of people by the ids of sends."""
        self._token = token
        self._called = called

    @property
    def hidden(self) -> Path:
        """Where messages stand until they are moved."""
        return hidden_folder(self.folder, self._token)

    def open(self) -> None:
        """See that the folder is there, is no link, and can be written to."""
        try:
            if not self._spool and not os.path.lexists(self.folder):
                make_folder(self.folder)
            state = _real_folder(self.folder)
            self._shared = self._spool and bool(state.st_mode & stat.S_ISGID)
            self.hidden.mkdir(mode=0o700, exist_ok=True)
            _real_folder(self.hidden)
            sync_folder(self.folder)
            for name in os.listdir(self.folder):  # noqa: PTH208 - a spool may hold many
                if found := _SID.search(name):
                    self._known[found[0]] = name
        except OSError as exc:
            hint = _SPOOL_HINT if self._spool else _HINT
            raise TransportFailed(f"{self.folder}: {_reason(exc)}", phase=PHASE, hint=hint) from None
        except StorageFailed as error:
            raise TransportFailed(error.message, phase=PHASE, hint=error.hint or _HINT) from None

    def close(self) -> None:
        """Nothing is open between two messages."""

    def send(
        self,
        sender: str,  # noqa: ARG002 - the same for every transport
        recipient: str,
        data: bytes,
        *,
        sid: str,
        before_dot: Callable[[], None],
        at: Callable[[str], None] = nowhere,
    ) -> Outcome:
        """Hand over one message; the same send again is the same file."""
        at("connect")
        name = self._known.get(sid) or self._form.name(sid, recipient, self._called.get(sid, ""))
        content = self._form.content(recipient, data)
        at("body")
        staged = staged_at(self.folder, self._token, sid)
        try:
            self._stage(sid, name, content)
        except (OSError, StorageFailed) as error:
            with suppress(OSError):
                staged.unlink(missing_ok=True)
            return Outcome(NOT_TRIED, 0, _reason(error), PHASE, RUN)
        before_dot()
        at("dot")
        try:
            staged.replace(self.folder / name)
        except OSError as error:
            return Outcome(DEFERRED, 0, _reason(error), PHASE, RUN)
        try:
            sync_folder(self.folder)
            sync_folder(self.hidden)
        except OSError as error:
            return Outcome(UNKNOWN, 0, _reason(error), PHASE, RUN)
        self._known[sid] = name
        return Outcome(ACCEPTED, 0, "", PHASE)

    def _stage(self, sid: str, name: str, content: bytes) -> None:
        """Have a message on the disk, in the hidden folder."""
        prepare(self.hidden / sid, content)
        if self._shared:
            staged_at(self.folder, self._token, sid).chmod(_SHARED)
        if self._lists:
            self._note(name)
        sync_folder(self.hidden)

    def _note(self, name: str) -> None:
        descriptor = os.open(self.hidden / LIST, os.O_WRONLY | os.O_APPEND | os.O_CREAT | FLAGS, PRIVATE)
        try:
            write_all(descriptor, f"{name}\n".encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


_SPOOL_HINT = "Your own settings name it (sms:); crmctl mail doctor looks at it."
_HINT = "Name a folder of your own, itself and not a link to it, in which you may write."


def hidden_folder(folder: Path, token: str) -> Path:
    """Where messages stand before they are moved into ``folder``."""
    return folder / f".crmctl-{token}"


def staged_at(folder: Path, token: str, sid: str) -> Path:
    """The file of a message that has not been moved."""
    return temporary_of(hidden_folder(folder, token) / sid)


def was_moved(folder: Path, token: str, sid: str) -> bool | None:
    """Whether a message that was about to be moved into ``folder`` was; None when nobody can tell here."""
    if not hidden_folder(folder, token).is_dir():
        return None
    return not os.path.lexists(staged_at(folder, token, sid))


def _real_folder(path: Path) -> os.stat_result:
    state = path.lstat()
    if stat.S_ISLNK(state.st_mode):
        raise TransportFailed(f"{path} is a link", phase=PHASE, hint=f"Name the folder itself: {path.resolve()}")
    if not stat.S_ISDIR(state.st_mode):
        raise TransportFailed(f"{path} is no folder", phase=PHASE, hint=_HINT)
    return state


def _reason(error: Exception) -> str:
    """Why the system refused, without any path: these words come into the ledger."""
    cause = error if isinstance(error, OSError) else error.__cause__
    said = cause.strerror if isinstance(cause, OSError) else ""
    return (said or "it cannot be written to").lower()
