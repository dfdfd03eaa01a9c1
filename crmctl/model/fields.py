"""The two shapes every declaration is made of: a ``Field`` and a ``Kind``.

A kind is declared once, as data. The reader, the checks, the writer, the merge, the index, the command line,
the JSON Schema, completion and the import all read that one declaration.
"""

from __future__ import annotations

from typing import NamedTuple

# Types a field can have. What each accepts is in ``values``; how it looks in SQL is in ``columns``.
TYPES = (
    "text",
    "note",
    "choice",
    "ref",
    "id",
    "date",
    "datetime",
    "money",
    "currency",
    "country",
    "language",
    "timezone",
    "email",
    "phone",
    "url",
    "integer",
    "number",
    "percent",
    "boolean",
    "days",
    "filter",
    "template",
    "group",
)


class Field(NamedTuple):
    """One field of a kind.

    ``shape`` is "one", "list" (ordered, without repeats) or "map" (named by short texts). A "group" has ``fields``
    of its own. ``vocabulary`` names the setting that lists the allowed values; ``choices`` are the values
    themselves. ``currency`` names the field beside a "money" field that holds its currency. ``option`` is the
    command-line option that ``add`` and ``set`` offer for it. ``search`` puts the text into full-text search.
    A ``derived`` field is counted by the index and never stands in a file. For merges, ``key`` is the part that tells
    the entries of a list of groups apart, and ``done`` are the choices that beat the others, the strongest last (of a
    text, the words that it may begin with, "" for all others). A number lies between ``least`` and ``most``, if that is
    not 0.
    """

    name: str
    type: str = "text"
    shape: str = "one"
    required: bool = False
    help: str = ""
    choices: tuple[str, ...] = ()
    vocabulary: str = ""
    kind: str = ""
    fields: tuple[Field, ...] = ()
    currency: str = ""
    option: str = ""
    search: bool = False
    aliases: tuple[str, ...] = ()
    merge: str = ""
    derived: bool = False
    key: str = ""
    done: tuple[str, ...] = ()
    least: int = 0
    most: int = 0

    @property
    def merge_policy(self) -> str:
        """The declared policy, or the usual one for the type and shape."""
        if self.merge:
            return self.merge
        if self.shape == "list" and self.type == "group":
            return "keyed" if self.key else "unit"
        if self.shape == "list":
            return "set"
        if self.shape == "map":
            return "keyed"
        return {"group": "unit", "note": "lines"}.get(self.type, "scalar")


_SAID = {"followup": "follow-up", "followups": "follow-ups"}
"""Words that are written otherwise than a command or a folder can be called."""


class Kind(NamedTuple):
    """One kind of record: its name, its folder under ``records/``, and its fields in the order they are written.

    ``title`` is the field that names a record to people. ``columns`` are the fields a list shows when none are
    asked for. ``storage`` is "yaml" (a file a record) or "jsonl" (lines in a file per customer).
    """

    name: str
    plural: str
    fields: tuple[Field, ...]
    help: str = ""
    title: str = "name"
    columns: tuple[str, ...] = ("handle", "name")
    storage: str = "yaml"
    sort: str = "handle"

    @property
    def one(self) -> str:
        """What people call one of them."""
        return _SAID.get(self.name, self.name.replace("_", " "))

    @property
    def many(self) -> str:
        """What people call several of them."""
        return _SAID.get(self.plural, self.plural.replace("_", " "))

    def field(self, name: str) -> Field | None:
        """The field called ``name`` (derived ones too), or None."""
        for field in self.fields:
            if field.name == name:
                return field
        return None

    @property
    def stored(self) -> tuple[Field, ...]:
        """The fields that stand in files, in canonical order."""
        return tuple(field for field in self.fields if not field.derived)

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the fields a hand-written file must have."""
        return tuple(field.name for field in self.fields if field.required)
