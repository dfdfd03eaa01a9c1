"""Which words a template may say, so that nobody looks for data that none of them is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crmctl.render.templates import Template


def said_by(template: Template, sources: Mapping[str, str]) -> str:
    """Everything that a template may say: its own words, and those of all others when it takes any of them in."""
    front = template.front
    own = "\n".join((template.body, front.subject, *front.enclosed.fields.values()))
    taken = ("include", "import", "extends")
    if front.enclosed.text or any(word in own for word in taken):
        return "\n".join((own, *sources.values()))
    return own
