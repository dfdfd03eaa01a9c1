"""Rendering in the process of the test, by the code that the worker runs."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING
from typing import Any

from crmctl.errors import InvalidData
from crmctl.errors import Problem
from crmctl.render import worker
from crmctl.render.ordering import Limits
from crmctl.render.ordering import order
from crmctl.render.rendering import Rendered

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crmctl.render.templates import Template


def inline(template: Template, includes: Mapping[str, str], data: Mapping[str, Any]) -> Rendered:
    """One message to "ada".

    Raises:
        InvalidData: the template does not compile.
    """
    answers = io.BytesIO()
    lines = io.BytesIO(order(template, includes, Limits()) + json.dumps(data).encode() + b"\n")
    worker.serve(lines, answers, lambda _size: None, lambda _seconds: None)
    ready, *messages = (json.loads(line) for line in answers.getvalue().splitlines())
    if ready:
        problem = Problem(ready["path"], ready["line"], 0, "template-syntax", ready["words"])
        raise InvalidData(str(problem), problems=[problem])
    ((subject, text, html, problems, _fields),) = messages
    return Rendered("ada", subject, text, html, tuple(problems))
