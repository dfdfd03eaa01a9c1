"""The planning of an import, row by row: make a record, change one, leave one as it is, or put the row aside.

Nothing is written here. The book is only asked, and the new contents are made ready.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from crmctl.errors import CrmError
from crmctl.model import entry
from crmctl.services import consequences
from crmctl.services.importing.cells import REMEMBERED
from crmctl.services.importing.cells import Refused
from crmctl.services.importing.checks import Checks
from crmctl.services.importing.handles import Handles
from crmctl.services.importing.handles import id_sequence
from crmctl.services.importing.mapping import CUSTOMER
from crmctl.services.importing.mapping import ID
from crmctl.services.importing.plan import SHOWN
from crmctl.services.importing.plan import Change
from crmctl.services.importing.plan import Line
from crmctl.services.importing.plan import Plan
from crmctl.services.importing.plan import Shown
from crmctl.services.importing.reading import Reader
from crmctl.services.importing.reading import put
from crmctl.services.importing.reading import sought
from crmctl.services.importing.setup import Setup
from crmctl.services.importing.values import at
from crmctl.services.importing.values import extend
from crmctl.services.importing.values import laid_over
from crmctl.services.importing.values import nested
from crmctl.services.lines import time_order
from crmctl.store import jsonl
from crmctl.store import layout
from crmctl.store.yaml_writer import check_size
from crmctl.store.yaml_writer import write_yaml

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterable

    from crmctl.model.raw import RawMap
    from crmctl.services.book import Book
    from crmctl.services.importing.match import Match
    from crmctl.services.importing.plan import Request
    from crmctl.services.importing.reading import Read
    from crmctl.services.importing.source import Row
    from crmctl.services.importing.source import Source


def plan(book: Book, source: Source, request: Request, watch: Callable[[Iterable[Row]], Iterable[Row]]) -> Plan:
    """What importing ``source`` would do now; ``watch`` is given the rows, to show how far it is.

    Raises:
        UsageProblem: the request does not fit the file or the kind.
        InvalidData: records that would have to be compared with cannot be read.
    """
    planner = _Planner(book, source, request)
    # Nothing of what is made here is circular, and the collector would go through all of it again and again.
    gc.disable()
    try:
        for row in watch(source.rows()):
            try:
                if row.problem:
                    raise Refused(row.problem)
                planner.take(row)
            except Refused as reason:
                planner.plan.rejected[row.line] = str(reason)
        planner.finish()
    finally:
        gc.enable()
    return planner.plan


class _Planner:
    """The work on one file."""

    def __init__(self, book: Book, source: Source, request: Request) -> None:
        self.book = book
        self.kind = request.kind
        self.setup = Setup(book, source, request)
        self.plan = Plan(request, self.setup.mapping, self.setup.matcher.key)
        self.reader = Reader(self.setup, self.kind, Handles(book, self.kind))
        self.checks = Checks(book, self.kind, self.setup.targets)
        self.ids = id_sequence()
        self.sharded = book.sharded
        self.order = time_order(self.setup.context.zone)
        self.names = [field.name for field in self.kind.stored]
        self.has_defaults = bool(consequences.with_defaults(book, self.kind, {}))
        groups = any(found.top.type == "group" for found in self.setup.targets.values())
        self.has_groups = self.has_defaults or groups
        self.amounts = [
            (found.path, (*found.path[:-1], found.field.currency), reader)
            for found, _, reader in self.setup.readers
            if found.field.type == "money"
        ]
        self.moments: dict[str, float] = {}
        self.fresh: list[tuple[str, RawMap]] = []
        self.waiting: list[Read] = []

    # One row

    def take(self, row: Row) -> None:
        """Read a row and match it; then it is finished, unless it may refer to another row of the file."""
        read = self.reader.read(row)
        if read.open:
            self.waiting.append(read)
        else:
            self._complete(read)
            if self.setup.own_finders and read.match is None:
                self.fresh.append((read.handle, nested(read.values, self.setup.aside)))

    # Finishing

    def finish(self) -> None:
        """Complete the rows that refer to other rows; those whose other row was put aside are put aside too."""
        self.fresh += [
            (read.handle, nested(read.values, self.setup.aside)) for read in self.waiting if read.match is None
        ]
        for handle, data in self.fresh if self.waiting else ():
            for finder in self.setup.own_finders:
                finder.add(handle, data)
        waiting = self.waiting
        while True:
            left = [read for read in waiting if self._kept(read, self._find_open)]
            if len(left) == len(waiting):
                break
            waiting = left
        for read in waiting:
            self._kept(read, self._complete)
        self.plan.shown = sorted(self.plan.shown)[:SHOWN]

    def _kept(self, read: Read, step: Callable[[Read], None]) -> bool:
        """Whether a waiting row took ``step``; otherwise it is put aside and cannot be referred to any more."""
        try:
            step(read)
        except Refused as reason:
            self.plan.rejected[read.line] = str(reason)
            for finder in self.setup.own_finders if read.match is None else ():
                finder.forget(read.handle, nested(read.values, self.setup.aside))
            return False
        return True

    def _find_open(self, read: Read) -> None:
        for path, texts in read.open.items():
            finder, target = self.setup.finders[path], self.setup.targets[path]
            for text in texts:
                handle = sought(finder, target.name, text)
                if not handle:
                    raise Refused(f"{target.name}: {finder.missing(text)}")
                put(read.values, target, handle)

    def _complete(self, read: Read) -> None:
        if read.match is None:
            what = self._make(read)
        else:
            what = self._compare(read, read.match)
        if len(self.plan.shown) < SHOWN or read.line < self.plan.shown[-1].line:
            given = {self.setup.targets[path].name: value for path, value in read.values.items()}
            handle = read.handle or str(read.values.get(CUSTOMER, ""))
            self.plan.shown.append(Shown(read.line, what, handle, given))

    def _amounts(self, read: Read, before: RawMap) -> None:
        """Money is read last: the currency beside it says how many decimals it may have."""
        for path, beside, reader in self.amounts if read.money else ():
            text = read.money.get(path)
            if text:
                currency = read.values.get(beside) or at(before, beside) or self.setup.currencies.get(beside)
                read.values[path] = reader(text, str(currency or "").upper())

    def _make(self, read: Read) -> str:
        self._amounts(read, {})
        for found, value in self.setup.constants:
            if found.listed:
                extend(read.values, found.path, value)
            else:
                read.values.setdefault(found.path, value)
        data = nested(read.values, self.setup.aside)
        if ID in read.values:  # It was exported whole, and comes back as it was.
            self.checks.new_id(read.values[ID])
        else:
            data = {"id": next(self.ids), **data}
            if self.has_defaults:
                data = self._with_defaults(data)
        self.checks.new_record(data)
        try:
            if self.kind.storage == "jsonl":
                self._add_line(read, data)
            else:
                path = layout.path_of(self.kind, read.handle, sharded=self.sharded)
                self.plan.files[path] = check_size(write_yaml(self._ordered(data)).encode(), path)
        except CrmError as error:
            raise Refused(error.message) from None
        self.plan.new += 1
        return "new"

    def _with_defaults(self, data: RawMap) -> RawMap:
        try:
            return consequences.with_defaults(self.book, self.kind, data)
        except CrmError as error:
            raise Refused(error.message) from None

    def _ordered(self, data: RawMap) -> RawMap:
        """As ``entry.ordered``, which is asked only where there are groups to be put in order too."""
        if self.has_groups:
            return entry.ordered(self.kind, data)
        return {name: data[name] for name in self.names if name in data}

    def _add_line(self, read: Read, data: RawMap) -> None:
        customer = read.values.get(CUSTOMER)
        if not isinstance(customer, str):
            raise Refused("there is no customer")
        content = jsonl.write_new_line(self._ordered(data))
        self.plan.lines.setdefault(customer, []).append(Line(self._place(data), content))

    def _place(self, data: RawMap) -> tuple[float, str]:
        """As ``order``; a moment that many rows share is read once."""
        text = str(data.get("at", ""))
        moment = self.moments.get(text)
        if moment is None:
            moment, _ = self.order(data)
            if len(self.moments) < REMEMBERED:
                self.moments[text] = moment
        return moment, str(data.get("id", ""))

    def _compare(self, read: Read, match: Match) -> str:
        before = match.data
        self._amounts(read, before)
        self.checks.fixed(read.values, match)
        after = before
        for path, value in read.values.items():
            if path != ID and path not in self.setup.aside:
                after = laid_over(after, self.setup.targets[path], value, self.setup.context, keep=False)
        for found, value in self.setup.constants:
            after = laid_over(after, found, value, self.setup.context, keep=True)
        if after == before:
            self.plan.same += 1
            return "same"
        names = tuple(name for name in after if before.get(name) != after[name])
        self.checks.changed_record(before, after, names)
        if self.kind.storage == "jsonl":
            change = Change(match.handle, before, after, names)
            self.plan.line_changes.setdefault(match.customer, {})[match.handle] = change
        else:
            if ("stage_log",) not in self.setup.targets:
                after = consequences.follow(self.book, self.kind, before, after)
            names = tuple(name for name in {**before, **after} if before.get(name) != after.get(name))
            self.plan.changes[match.path] = Change(match.handle, before, after, names)
        self.plan.changed += 1
        return "changed"
