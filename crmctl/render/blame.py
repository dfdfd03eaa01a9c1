"""Whose fault it is when a message cannot be rendered: the template's, or a mistake in crmctl."""

from __future__ import annotations

from jinja2.exceptions import TemplateError

from crmctl.render.sandbox import TooLong

# Code that runs on behalf of a template: what goes wrong in it is what the template asked for.
_THEIRS = ("jinja2.", "markupsafe.", "html.parser.", "_markupbase.")
_BETWEEN = ("crmctl.render.sandbox.", "crmctl.render.allowed.", "crmctl.render.printing.", "crmctl.render.missing.")
# Filters, and what they ask: a template can hand them something of another kind than they are for.
_FILTERS = ("crmctl.render.filters.", "crmctl.render.languages.", "crmctl.render.postal.", "crmctl.model.")


def is_ours(error: Exception) -> bool:
    """Whether an error while rendering is a mistake in crmctl: it began in its own code, and not on purpose."""
    if isinstance(error, TooLong | RecursionError | MemoryError | TemplateError):
        return False
    if type(error).__module__.startswith("css_inline"):
        return False  # A style sheet that cannot be read.
    between = _BETWEEN + _FILTERS if isinstance(error, AttributeError | TypeError) else _BETWEEN
    ours, trace = True, error.__traceback__
    while trace is not None:
        names = trace.tb_frame.f_globals
        module = f"{names.get('__name__', '')}."
        if "__jinja_template__" in names or module.startswith(_THEIRS):
            ours = False
        elif module.startswith("crmctl.") and not module.startswith(between):
            ours = True
        trace = trace.tb_next
    return ours
