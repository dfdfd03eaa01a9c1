"""What was not typed and has to be, told as the options that are missing and not as lines of a file."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from crmctl.errors import UsageProblem

if TYPE_CHECKING:
    from crmctl.errors import InvalidData
    from crmctl.model.fields import Field
    from crmctl.model.fields import Kind


def too_little(kind: Kind, title: str, error: InvalidData) -> UsageProblem | None:
    """The error for a new record called ``title`` of which only fields are missing; None if more is wrong with it."""
    lacking = {f"{kind.one} has no {field.name}": field for field in kind.stored if field.name != kind.title}
    fields = [lacking.get(problem.message) for problem in error.problems]
    given = [_typed(field) for field in fields if field is not None]
    if not given or len(given) < len(fields):
        return None
    article = "an" if kind.name[0] in "aeiou" else "a"
    choices = [f" ({field.name}: {', '.join(field.choices)})" for field in fields if field and len(field.choices) > 1]
    return UsageProblem(
        f"{article} {kind.one} needs {' and '.join(option for option, _ in given)}",
        hint=f"For example: crmctl {kind.name} add {shlex.quote(title)} {' '.join(example for _, example in given)}"
        + "".join(choices),
    )


def _typed(field: Field) -> tuple[str, str]:
    """The option for a field, and how it could be typed."""
    value = "fri" if field.type == "date" else field.choices[0] if field.choices else field.name.upper()
    if not field.option:
        return f"--set {field.name}=...", f"--set {field.name}={value}"
    return field.option, f"{field.option} {value}"
