"""The Jinja environment that templates run in: they can read plain data and write text, and nothing else.

On top of Jinja's immutable sandbox (which keeps private attributes and mutation out, but not much more): no method of
a value can be called except a few of texts, filters are an allow-list, arithmetic is bounded, and whatever is printed
goes into a hole (see ``holes``), so that no value is ever read as Markdown or HTML. Time and memory are bounded by the
process that this runs in, see ``worker``.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING
from typing import Any
from typing import NoReturn

import jinja2
from jinja2 import nodes
from jinja2.exceptions import SecurityError
from jinja2.exceptions import TemplateSyntaxError
from jinja2.runtime import BlockReference
from jinja2.runtime import LoopContext
from jinja2.runtime import Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.sandbox import safe_range
from jinja2.utils import Namespace
from jinja2.visitor import NodeTransformer
from markupsafe import Markup

from crmctl.render.allowed import BUILTIN_FILTERS
from crmctl.render.allowed import TESTS
from crmctl.render.allowed import guarded
from crmctl.render.filters import OURS
from crmctl.render.filters import Setting
from crmctl.render.missing import Missing
from crmctl.render.printing import concat
from crmctl.render.printing import join
from crmctl.render.printing import printed

if TYPE_CHECKING:
    from collections.abc import Mapping

_TEXT_METHODS = frozenset({"endswith", "lower", "split", "startswith", "strip", "upper"})
_LOOP_NAMES = frozenset(
    "changed cycle depth depth0 first index index0 last length nextitem previtem revindex revindex0".split()
)
_LARGEST = 10**30
_CONCAT = "~"


class TooLong(Exception):
    """The output of one message is over its limit."""


class _Template(jinja2.Template):
    """An imported template is read anew for each message: what it holds refers to the values of one message."""

    def _get_default_module(self, ctx: Any = None) -> Any:  # noqa: ARG002 - Jinja's form
        return self.make_module()


class Sandbox(ImmutableSandboxedEnvironment):
    """The environment of one template: ``values``, ``missing`` and ``faults`` belong to the message being rendered.

    ``sources`` maps the names that ``include`` may use to their text; ``output`` is the limit in characters.
    """

    def __init__(self, sources: Mapping[str, str], output: int) -> None:
        super().__init__(
            loader=jinja2.DictLoader(dict(sources)),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            optimized=False,  # constants are worked out while rendering, where time is watched
            auto_reload=False,
            cache_size=64,
            finalize=printed,
        )
        self.output = output
        self.size = 0
        self.values: list[str] = []
        self.missing: dict[str, None] = {}
        self.faults: dict[str, None] = {}
        self.data: dict[str, Any] = {}
        self.setting = Setting()
        self.undefined = type("MissingHere", (Missing,), {"notes": self.missing, "__slots__": ()})
        self.globals = {"range": safe_range, "namespace": Namespace}
        ours = {name: guarded(self, name, partial(_bound, self, function)) for name, function in OURS.items()}
        builtin = {name: guarded(self, name, self.filters[name]) for name in BUILTIN_FILTERS}
        joined = {"join": guarded(self, "join", join), _CONCAT: concat}
        self.filters = {**builtin, "default": _default, "d": _default, "e": _same, "escape": _same, **joined, **ours}
        self.tests = {name: self.tests[name] for name in TESTS}

    template_class = _Template
    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def begin(self, data: dict[str, Any], setting: Setting) -> None:
        """Forget the last message; the next one is rendered from ``data``."""
        self.size = 0
        self.values = []
        self.missing.clear()
        self.faults.clear()
        self.data = data
        self.setting = setting

    def fault(self, words: str) -> None:
        """Note a problem of this message that does not stop the search for more."""
        self.faults[words] = None

    def count(self, size: int) -> None:
        """Add ``size`` characters to the output of this message."""
        self.size += size
        if self.size > self.output:
            raise TooLong

    # What a template may read

    def getattr(self, obj: Any, attribute: str) -> Any:
        """``customer.items`` is the field of that name, never Python's method."""
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """The entry of a map or list; the few names that other things have."""
        kind = type(obj)
        if kind is dict or kind is list or kind is tuple:
            try:
                return obj[argument]
            except (LookupError, TypeError):
                return self.undefined(name=f"{self.path_of(obj)}{argument}")
        if isinstance(obj, Missing):
            return obj.child(argument)
        if kind is str:
            return self._of_text(obj, argument)
        if kind is Namespace or kind is BlockReference or kind is jinja2.environment.TemplateModule:
            return super().getattr(obj, str(argument))
        if kind is LoopContext and argument in _LOOP_NAMES:
            return getattr(obj, argument)
        if kind is jinja2.runtime.TemplateReference:
            return obj[argument]
        if kind is Markup or kind in (int, bool, float):
            return self.undefined(name=f"{kind.__name__} without {argument}")
        raise SecurityError(f"{argument!r} cannot be asked of this")

    def _of_text(self, text: str, argument: Any) -> Any:
        if isinstance(argument, int):
            return text[argument : argument + 1 or None] or self.undefined(name=f"{self.path_of(text)}{argument}")
        if argument in _TEXT_METHODS:
            return getattr(text, argument)
        return self.undefined(name=f"{self.path_of(text)}{argument}")

    def path_of(self, thing: Any) -> str:
        """Where in the data ``thing`` is, with the dot behind it; nothing when the template made it."""
        todo: list[tuple[str, Any]] = [("", self.data)]
        while todo:
            path, here = todo.pop()
            if here is thing:
                return path
            if isinstance(here, dict):
                todo.extend((f"{path}{key}.", value) for key, value in here.items())
            elif isinstance(here, list):
                todo.extend((f"{path}{number}.", value) for number, value in enumerate(here))
        return ""

    def is_safe_callable(self, obj: Any) -> bool:
        """Macros, blocks, ``range``, ``namespace``, the loop's own, and a few methods of texts."""
        if isinstance(obj, Macro | BlockReference | LoopContext) or obj is safe_range or obj is Namespace:
            return True
        owner = getattr(obj, "__self__", None)
        name = getattr(obj, "__name__", "")
        return (type(owner) is str and name in _TEXT_METHODS) or (type(owner) is LoopContext and name in _LOOP_NAMES)

    def call(__self, __context: Any, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        """Call what may be called; a missing thing is noted as missing."""
        if isinstance(__obj, Missing):
            return __obj._use()
        if not __self.is_safe_callable(__obj):
            raise SecurityError("this cannot be called in a template")
        return __context.call(__obj, *args, **kwargs)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Arithmetic on numbers that stay small; texts are only joined."""
        if isinstance(left, Missing) or isinstance(right, Missing):
            return _noted(left, right)
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            return concat(context, [left, right])
        if operator == "+" and isinstance(left, list) and isinstance(right, list):
            self.count(len(left) + len(right))
            return left + right
        if not isinstance(left, int | float) or not isinstance(right, int | float):
            raise SecurityError(f"{operator} is for numbers (texts are joined with ~)")
        if operator == "**" and (abs(right) > 64 or abs(left) > 10**9):
            raise SecurityError("this number would be too large")
        result = self.binop_table[operator](left, right)
        if isinstance(result, int | float) and abs(result) > _LARGEST:
            raise SecurityError("this number would be too large")
        return result

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree: nodes.Template = _Rewriter(name, filename).visit(super()._parse(source, name, filename))
        return tree


class _Rewriter(NodeTransformer):
    """Refuses the tags that would let a value past its hole, and has ``~`` done by us."""

    def __init__(self, name: str | None, filename: str | None) -> None:
        self._name = name
        self._filename = filename

    def _refuse(self, words: str, node: nodes.Node) -> NoReturn:
        raise TemplateSyntaxError(words, node.lineno, self._name, self._filename)

    def visit_FilterBlock(self, node: nodes.FilterBlock) -> nodes.Node:  # noqa: N802 - named by Jinja
        self._refuse("{% filter %} is not available (use the filter on a value)", node)

    def visit_ScopedEvalContextModifier(self, node: nodes.Node) -> nodes.Node:  # noqa: N802 - named by Jinja
        self._refuse("{% autoescape %} is not available", node)

    def visit_AssignBlock(self, node: nodes.AssignBlock) -> nodes.Node:  # noqa: N802 - named by Jinja
        if node.filter is not None:
            self._refuse("{% set %} with a filter is not available", node)
        return self.generic_visit(node)

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802 - named by Jinja
        self.generic_visit(node)
        items = nodes.List(node.nodes, lineno=node.lineno)
        return nodes.Filter(items, _CONCAT, [], [], None, None, lineno=node.lineno)


def _noted(*things: Any) -> Any:
    """Note every missing one among ``things``, and go on with the first."""
    missing = [thing for thing in things if isinstance(thing, Missing)]
    for thing in missing:
        thing.note()
    return missing[0]


def _bound(sandbox: Sandbox, function: Any, *args: Any, **kwargs: Any) -> Any:
    return function(sandbox.setting, *args, **kwargs)


def _same(value: Any) -> Any:
    """``e`` and ``escape``: every value is escaped anyway."""
    return value


def _default(value: Any, fallback: Any = "", boolean: bool = False) -> Any:
    return fallback if isinstance(value, Missing) or (boolean and not value) else value
