"""The files that travel with a campaign's messages, from the places that are allowed.

A template comes with the book, from whoever can push to it; so it reaches no file outside of the book's own folder,
unless the user's own settings name another one. No link is followed on the way.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from crmctl.errors import CrmError
from crmctl.errors import InvalidData
from crmctl.mail.addresses import Refused
from crmctl.mail.message import files as kinds
from crmctl.mail.message.files import LARGEST
from crmctl.render.ordering import cid
from crmctl.store.files import read_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crmctl.mail.message.files import File
    from crmctl.render.templates import Template
    from crmctl.services.book import Book

FOLDER = "attachments"
"""The book's own folder of what may be attached; paths are relative to it."""


class Enclosures:
    """The files of one template. ``frozen`` maps paths to the hashes that they had when a plan was frozen."""

    def __init__(self, book: Book, template: Template, frozen: Mapping[str, str]) -> None:
        self._book = book
        self._name = template.name
        self._own = template.front.enclosed
        self._frozen = frozen
        self._kept: dict[str, bytes] = {}

    def of(self, fields: Mapping[str, str]) -> tuple[File, ...]:
        """The files for one recipient, by the fields that were rendered for them.

        Raises:
            Refused: one of them is not there, or not allowed, or was changed since the plan.
        """
        found = []
        for number, said in enumerate(self._own.attachments):
            path = fields[f"attachments.{number}"]
            found.append(self._file(path, path.rpartition("/")[2], "", kept=said == path))
        for name, said in self._own.images.items():
            path = fields[f"images.{name}"]
            shown = path.rpartition("/")[2]
            found.append(self._file(path, shown, cid(self._name, name), kept=said == path))
        return tuple(found)

    def hashes(self) -> dict[str, str]:
        """The hashes of those files that are the same for everybody.

        Raises:
            Refused: one of them is not there, or not allowed.
        """
        paths = [path for path in (*self._own.attachments, *self._own.images.values()) if not _varies(path)]
        return {path: kinds.named(path.rpartition("/")[2], self._read(path)).hash for path in paths}

    @cached_property
    def _roots(self) -> tuple[str, ...]:
        """The folders outside of the book that the user's own settings allow files from."""
        from crmctl.services.mailing import config

        mail = config.read().mail
        return mail.attachments if mail is not None else ()

    def _file(self, path: str, name: str, content_id: str, *, kept: bool) -> File:
        data = self._kept.get(path)
        if data is None:
            data = self._read(path)
            file = kinds.named(name, data, content_id)
            if self._frozen.get(path, file.hash) != file.hash:
                raise Refused(
                    f"{path} was changed since the plan was frozen",
                    hint="crmctl campaign plan NAME --refresh takes it as it is now.",
                )
            if kept:
                self._kept[path] = data
        return kinds.named(name, data, content_id)

    def _read(self, path: str) -> bytes:
        if not path or not path.isprintable() or "\\" in path or ".." in path.split("/"):
            raise Refused(f"an attachment cannot be at {path!r}")
        try:
            return self._found(path)
        except FileNotFoundError:
            where = f"{FOLDER}/{path}" if not path.startswith("/") else path
            hint = (
                f"Files come from the book's folder {FOLDER}/, and from those that config.yaml allows (attachments:)."
            )
            raise Refused(f"there is no file {where} to attach", hint=hint) from None
        except Refused:
            raise
        except CrmError as error:
            words = error.message
            if isinstance(error, InvalidData) and any(one.code == "not-a-file" for one in error.problems):
                words = "it is a symbolic link, or no plain file"
            raise Refused(f"{path} cannot be attached: {words}", hint=error.hint) from None

    def _found(self, path: str) -> bytes:
        if path.startswith("/"):
            for root in self._roots:
                if PurePosixPath(path).is_relative_to(root):
                    return read_file(Path(root), str(PurePosixPath(path).relative_to(root)), LARGEST)[0]
            raise Refused(f"{path} is in no folder that config.yaml allows (attachments:)")
        try:
            return self._book.files.read(f"{FOLDER}/{path}", LARGEST)
        except FileNotFoundError:
            for root in self._roots:
                try:
                    return read_file(Path(root), path, LARGEST)[0]
                except FileNotFoundError:
                    continue
            raise


def _varies(text: str) -> bool:
    """Whether a text is another one for each recipient."""
    return "{" in text
