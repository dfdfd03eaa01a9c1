"""Which of Jinja's own filters and tests a template may use, and the guard that every filter is called through."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

from jinja2.exceptions import FilterArgumentError
from markupsafe import Markup

from crmctl.render import holes
from crmctl.render.lacking import Lacking
from crmctl.render.missing import Missing

if TYPE_CHECKING:
    from collections.abc import Callable

    from crmctl.render.sandbox import Sandbox

BUILTIN_FILTERS = tuple(
    "abs capitalize count first int last length list lower map max min reject rejectattr replace reverse round select "
    "selectattr sort sum title trim truncate unique upper urlencode wordcount wordwrap".split()
)
"""Left out: ``attr`` and ``format`` (holes in past sandboxes), ``safe``, ``forceescape``, ``xmlattr``, ``urlize``,
``striptags`` and ``tojson`` (they write markup), ``center``, ``indent``, ``batch`` and ``slice`` (they fill up),
``pprint``, ``random``, ``filesizeformat``, ``groupby``, ``dictsort`` and ``items`` (no use in a letter)."""

TESTS = tuple(
    "!= < <= == > >= boolean defined divisibleby eq equalto even false float ge greaterthan gt in integer iterable le "
    "lessthan lower lt mapping ne none number odd sequence string true undefined upper".split()
)


def guarded(sandbox: Sandbox, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """``function`` as the filter ``name``: missing arguments are noted, and what is wrong becomes a fault.

    A filter sees texts as they will be read, without markup; its result is a value again, and is escaped like one.
    """
    passed = 1 if getattr(function, "jinja_pass_arg", None) is not None else 0

    def run(*args: Any, **kwargs: Any) -> Any:
        given = (*args[passed:], *kwargs.values())
        missing = [thing for thing in given if isinstance(thing, Missing)]
        for thing in missing:
            thing.note()
        if missing:
            return ""
        texts = [_plain(sandbox, thing) for thing in args[passed:]]
        named = {name: _plain(sandbox, thing) for name, thing in kwargs.items()}
        try:
            result = function(*args[:passed], *texts, **named)
        except Lacking as exc:
            for field in exc.names:
                sandbox.missing[f"{sandbox.path_of(args[passed])}{field}"] = None
            return ""
        except (ValueError, FilterArgumentError) as exc:
            sandbox.fault(str(exc))
            return ""
        if isinstance(result, Missing):
            return sandbox.undefined(name=f"{sandbox.path_of(args[passed]).rstrip('.')}|{name}")
        return str(result) if isinstance(result, Markup) else result

    if passed:
        run.jinja_pass_arg = function.jinja_pass_arg  # type: ignore[attr-defined]
    return run


def _plain(sandbox: Sandbox, thing: Any) -> Any:
    """``thing`` without markup: the holes of a text made by the template filled again."""
    if isinstance(thing, Markup):
        return holes.HOLE.sub(lambda match: sandbox.values[int(match[1])], str(thing))
    if isinstance(thing, list | tuple):
        return [_plain(sandbox, part) for part in thing] if any(isinstance(p, Markup) for p in thing) else thing
    return thing
