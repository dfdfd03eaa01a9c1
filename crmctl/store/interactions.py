"""One customer's interactions: a TinyDB storage over JSON Lines that reads each line once and writes only new ones.

Nothing here touches a file. The transaction hands the bytes in and writes the new bytes atomically.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any
from typing import cast

from tinydb import TinyDB
from tinydb.storages import Storage

from crmctl.errors import InvalidData
from crmctl.errors import NotFound
from crmctl.store import jsonl

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterable
    from collections.abc import Mapping

TABLE = "interactions"
Document = dict[str, Any]


class InteractionStorage(Storage):
    """TinyDB's view of one JSON Lines file.

    ``source`` is the file as it is, ``sink`` gets the complete new content, ``sort_key`` gives the order in the file
    (of equal keys, the line that was there first stays first). ``read`` raises ``InvalidData`` with all problems if a
    single line is bad: what could not be read must not be written over.
    """

    def __init__(
        self, source: bytes, path: str, sink: Callable[[bytes], None], sort_key: Callable[[Mapping[str, Any]], Any]
    ) -> None:
        self._source: bytes | None = source
        self._path = path
        self._sink = sink
        self._sort_key = sort_key
        self._documents: dict[str, Document] = {}
        self._lines: dict[str, bytes] = {}

    def read(self) -> dict[str, dict[str, Any]]:
        """All documents by their TinyDB id, as copies: TinyDB changes what it is given in place."""
        self._parse()
        return {TABLE: {key: dict(document) for key, document in self._documents.items()}}

    def write(self, data: dict[str, dict[str, Any]]) -> None:
        """Hand the whole new content to the sink; lines of unchanged documents are the bytes they were."""
        known, lines = self._documents, self._lines
        documents = data.get(TABLE, {})
        fresh: dict[str, bytes] = {}
        for key, document in documents.items():
            unchanged = key in lines and known[key] == document
            fresh[key] = lines[key] if unchanged else jsonl.write_new_line(document)
        jsonl.check_size(sum(map(len, fresh.values())), self._path)
        ordered = sorted(documents, key=lambda key: self._sort_key(documents[key]))
        self._documents = {key: documents[key] for key in ordered}
        self._lines = fresh
        self._sink(b"".join([fresh[key] for key in ordered]))

    def ids(self) -> set[Any]:
        """The ``id`` of every document that has one."""
        self._parse()
        return {document.get("id") for document in self._documents.values()}

    def forget_line(self, key: int) -> None:
        """Write the document anew next time, even if it looks unchanged (its lists may be the caller's own)."""
        self._lines.pop(str(key), None)

    def _parse(self) -> None:
        if self._source is None:
            return
        lines, problems = jsonl.read_lines(self._source, self._path)
        if problems:
            count = f"{len(problems)} lines" if len(problems) > 1 else "a line"
            message = f"{self._path}: {count} of the history cannot be read, so nothing is written to it"
            raise InvalidData(message, hint="set the lines right first", problems=problems)
        self._documents = {str(number): line.value for number, line in enumerate(lines, 1)}
        self._lines = {str(number): line.raw + b"\n" for number, line in enumerate(lines, 1)}
        self._source = None


class InteractionFile:
    """The interactions of one customer, to be read and changed; ``content`` is what to write.

    ``data`` is the file as it is (empty for a new one) and ``path`` its name in messages. Documents are found by their
    ``id`` field. Raises ``InvalidData`` as soon as a file with a bad line is looked at.
    """

    def __init__(self, data: bytes, path: str, sort_key: Callable[[Mapping[str, Any]], Any]) -> None:
        self._content = data
        self._path = path
        database = TinyDB(data, path, self._keep, sort_key, storage=InteractionStorage)
        self._storage = cast("InteractionStorage", database.storage)
        self._table = database.table(TABLE)

    def all(self) -> list[Document]:
        """All interactions, in the order of the file."""
        return [dict(document) for document in self._table]

    def add(self, *documents: Mapping[str, Any]) -> None:
        """Add interactions; an id that is there already raises ``InvalidData`` and nothing is added."""
        self.add_many(documents)

    def add_many(self, documents: Iterable[Mapping[str, Any]]) -> None:
        """Add many interactions in one go."""
        new = list(documents)
        seen = self._storage.ids() if new else set()
        for document in new:
            if (key := document.get("id")) is not None:
                if key in seen:
                    hint = "it was added before; nothing is added now"
                    raise InvalidData(f"{self._path}: there is an interaction {key} already", hint=hint)
                seen.add(key)
        if new:
            self._table.insert_multiple(new)

    def replace(self, key: str, document: Mapping[str, Any]) -> None:
        """Put ``document`` in place of the interaction with the id ``key``."""

        def swap(old: Any) -> None:
            old.clear()
            old.update(document)

        number = self._number(key)
        self._storage.forget_line(number)
        self._table.update(swap, doc_ids=[number])

    def remove(self, key: str) -> None:
        """Take the interaction with the id ``key`` out."""
        self._table.remove(doc_ids=[self._number(key)])

    def content(self) -> bytes:
        """The file as it should be now; the very bytes it was made from, if nothing changed."""
        return self._content

    def _number(self, key: str) -> int:
        found = [document.doc_id for document in self._table if document.get("id") == key]
        if not found:
            raise NotFound(f"{self._path}: no interaction {key}", hint="crmctl timeline shows the ids")
        if len(found) > 1:
            message = f"{self._path}: {len(found)} interactions have the id {key}"
            raise InvalidData(message, hint="give all but one of them an id of their own")
        return found[0]

    def _keep(self, content: bytes) -> None:
        self._content = content
