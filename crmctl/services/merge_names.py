"""The names that a template may use, told from the schema: which of its own are none, and what was meant instead."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Mapping
    from collections.abc import Sequence

    from crmctl.model.fields import Field
    from crmctl.model.fields import Kind
    from crmctl.model.schema import Schema

Names: TypeAlias = "Mapping[str, Names | None]"
"""What may stand behind the next dot; None where that is not told from the schema, or nothing can."""

OF_SENDER = ("name", "email", "phone", "title")
OF_BOOK = ("name", "currency", "country", "language", "email", "postal_address")
OF_REQUEST = ("purpose", "wording", "until")
_MISSING = " is missing"


def names(schema: Schema) -> Names:
    """Everything that ``merge_data.MergeData`` can give for some customer of a book with this schema."""
    customer, campaign, interaction, member = (
        _of_kind(schema.require(name)) for name in ("customer", "campaign", "interaction", "member")
    )
    event = {**interaction, "customer": None}
    return {
        "customer": {**customer, "organization": customer},
        "owner": member,
        "last_order": event,
        "last_meeting": event,
        "me": dict.fromkeys(OF_SENDER),
        "book": dict.fromkeys(OF_BOOK),
        "campaign": campaign,
        "today": None,
        "unsubscribe": None,
        "request": dict.fromkeys(OF_REQUEST),
    }


def _of_kind(kind: Kind) -> dict[str, Names | None]:
    return {"handle": None, **{field.name: _of_field(field) for field in kind.fields}}


def _of_field(field: Field) -> Names | None:
    if field.type != "group" or field.shape == "map":
        return None
    return {part.name: _of_field(part) for part in field.fields}


def wrong(known: Names, path: str, more: Iterable[str] = ()) -> str:
    """Why no customer can have what ``path`` (dotted) names, in words; "" when some can.

    ``more`` are dotted names that are good as well, such as those with a fallback.
    """
    if any(name == path or name.startswith(f"{path}.") or path.startswith(f"{name}.") for name in more):
        return ""
    here: Names | None = known
    good: list[str] = []
    for step in path.split("."):
        if here is None:
            return ""
        if step.isdecimal() and good:  # An entry of a list has the same names as the others.
            continue
        if step not in here:
            return _words(known, here, good, step)
        good.append(step)
        here = here[step]
    return ""


def _words(known: Names, here: Names, good: list[str], step: str) -> str:
    from difflib import get_close_matches

    what = "field" if good else "name"
    told = ".".join([*good, step])
    customer = known["customer"]
    if not good and customer is not None and step in customer:
        near = ["customer", step]
    else:
        near = [*good, *get_close_matches(step, here, 1)]
    meant = ".".join(near) if len(near) > len(good) else ""
    return f"there is no {what} `{told}`" + (f"; did you mean `{meant}`?" if meant else "")


def explained(known: Names, problems: Sequence[str]) -> list[str]:
    """What a message lacks, as ``render`` tells it: that it is no field where no customer can have it, or where it is
    said for all of them."""
    told = []
    for problem in problems:
        name = problem.removesuffix(_MISSING)
        reason = wrong(known, name) if name != problem else ""
        # What the template was to make itself has a name of its own.
        told.append(reason if "." in name or "`?" in reason else "")
    return [reason or _where(problem) for reason, problem in zip(told, problems, strict=True)]


def _where(problem: str) -> str:
    """``problem``, with the file to say it in if that is one for the whole book, and what else may have been meant."""
    name = problem.removesuffix(_MISSING)
    if name != problem and name == "customer.first":
        return f"{problem}: it is the day of the first contact; the first name is `customer.first_name`"
    return f"{problem}: say {name[5:]} in crm.yaml" if name != problem and name.startswith("book.") else problem
