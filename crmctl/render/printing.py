"""What ``{{ value }}`` and ``~`` leave in a text: holes, beside the text that the template itself made."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from typing import Any

from jinja2.exceptions import SecurityError
from jinja2.utils import pass_context
from markupsafe import Markup

from crmctl.render import holes
from crmctl.render.missing import Missing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crmctl.render.sandbox import Sandbox

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0\ufdd1]")


@pass_context
def printed(context: Any, value: Any) -> Markup:
    """A hole for ``value``, which is put aside; text made by the template itself stays as it is."""
    sandbox: Sandbox = context.environment
    if type(value) is not str:
        if isinstance(value, Markup):
            sandbox.count(len(value))
            return value
        value = _as_text(sandbox, value)
    if not value.isprintable():
        value = value.replace("\r\n", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
        bad = _CONTROL.search(value)
        if bad:
            where = sandbox.path_of(value).rstrip(".") or "a value"
            sandbox.fault(f"{where} holds a control character (U+{ord(bad[0]):04X})")
            value = ""
    sandbox.count(len(value))
    sandbox.values.append(value)
    return Markup(holes.hole(len(sandbox.values) - 1))  # noqa: S704 - a hole has no markup


def _as_text(sandbox: Sandbox, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, Missing):
        value.note()
        return ""
    where = sandbox.path_of(value).rstrip(".")
    shape = {dict: "a group of fields", list: "a list", tuple: "a list", type(None): "nothing"}.get(type(value))
    if shape is None:
        raise SecurityError("this cannot be printed")
    advice = " (print one of its fields)" if isinstance(value, dict) else " (print one of it, or use the filter listed)"
    sandbox.fault(f"{where or 'a value'} is {shape}{advice if value is not None else ''}")
    return ""


def _pieces(context: Any, items: Iterable[Any]) -> tuple[list[Any], bool]:
    """``items`` as texts; when one is text made by the template, the others become holes beside it."""
    things = list(items)
    mixed = any(isinstance(thing, Markup) for thing in things)
    if mixed:
        return [printed(context, thing) for thing in things], True
    sandbox: Sandbox = context.environment
    return [thing if type(thing) is str else _as_text(sandbox, thing) for thing in things], False


@pass_context
def concat(context: Any, items: Iterable[Any]) -> Any:
    """``items`` as one text, for ``~`` and ``+``."""
    texts, mixed = _pieces(context, items)
    return Markup("").join(texts) if mixed else "".join(texts)


@pass_context
def join(context: Any, items: Any, separator: str = "", attribute: str | int | None = None) -> str:
    """Jinja's ``join``, for texts and numbers."""
    sandbox: Sandbox = context.environment
    if isinstance(items, str | dict) or not hasattr(items, "__iter__"):
        raise ValueError("join is for a list")
    things = [item if attribute is None else sandbox.getitem(item, attribute) for item in items]
    return separator.join(thing if type(thing) is str else _as_text(sandbox, thing) for thing in things)
