"""A term put to a kind: what each type of field makes of it is in ``conditions``, ``dates`` and ``amounts``."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.query.problems import BadFilter
from crmctl.query.problems import Place
from crmctl.query.sql import quoted

if TYPE_CHECKING:
    from datetime import datetime

    from crmctl.model.columns import Target
    from crmctl.model.fields import Field
    from crmctl.model.fields import Kind
    from crmctl.model.values import Context
    from crmctl.query.tree import Value


class Asked(NamedTuple):
    """``op`` and ``values`` of a term, the field they are held against, and where its columns are.

    ``source`` is the alias of the table with the field, ``parent`` the one of the kind's own table. ``op`` is never
    ``!=``; there is at least one value, and none is ``*`` alone.
    """

    kind: Kind
    target: Target
    op: str
    values: tuple[Value, ...]
    place: Place
    context: Context
    now: datetime
    source: str
    parent: str

    @property
    def field(self) -> Field:
        """The declaration of the field."""
        return self.target.field

    def column(self, suffix: str = "") -> str:
        """The field's column with this ending, as SQL."""
        return f"{self.source}.{quoted(self.target.column + suffix)}"

    def refused(self, value: Value, reason: str, advice: str = "") -> BadFilter:
        """The complaint about one of the values. A value that a space cut short is likely to have lost its quotes."""
        text, end = value.place.text, value.place.end
        if text[end : end + 1].isspace() and text[end - 1 : end] not in ("'", '"'):
            name, op = self.target.name, self.op
            advice = f"""A value with spaces needs quotes inside those for the shell: '{name}{op}"..."'. {advice}"""
        return BadFilter(reason, value.place, advice.rstrip())

    def unordered(self) -> BadFilter:
        """The complaint that ``<`` and its like say nothing about this field."""
        return BadFilter(f'"{self.target.name}" has no order', self.place, "Use : or = or != with it.")

    def plain(self, value: Value) -> str:
        """The text of a value of a type for which ``*`` says nothing; raises BadFilter when there is one."""
        if value.wild:
            reason = f'"{value.literal}" cannot end in * here'
            raise self.refused(value, reason, f"{self.target.name}:* alone asks whether there is a value.")
        return value.text
