"""Templates read without being rendered: each is compiled where it would be rendered, within the same limits.

One process looks at all of them, so that a book with many templates is checked in the time that one takes to start.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import Problem
from crmctl.render.ordering import Limits
from crmctl.render.ordering import bodies
from crmctl.render.rendering import Child

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping
    from collections.abc import Sequence

    from crmctl.render.templates import Template

CODE = "template-syntax"
SECONDS = 5.0
"""So long may one template take to be read."""


class Inspected(NamedTuple):
    """What a template is found to be: broken (``problem``), or what it speaks of, as ``uses.Uses`` has it.

    ``read`` are (path of the file, line, dotted name).
    """

    template: Template
    problem: Problem | None
    read: tuple[tuple[str, int, str], ...] = ()
    made: frozenset[str] = frozenset()
    open: bool = False


class Inspection:
    """A process that reads templates; it starts at once, and works while other things are done.

    ``templates`` come from files whose text is among ``includes``, as for ``rendering.render_many``.
    """

    def __init__(self, templates: Sequence[Template], includes: Mapping[str, str]) -> None:
        self._left = list(templates)
        self._sources = {name: text for name, text in includes.items() if not name.endswith(".css")}
        self._child = self._started()

    def _started(self) -> Child:
        limits = Limits()
        shared = {"inspect": True, "seconds": SECONDS, "memory": limits.memory, "output": limits.output}
        child = Child(json.dumps({**shared, "sources": bodies(self._sources)}).encode("ascii") + b"\n")
        for template in self._left:
            child.send(json.dumps(self._order(template)).encode("ascii") + b"\n")
        return child

    def _order(self, template: Template) -> dict[str, object]:
        front = template.front
        return {
            "form": template.form,
            "main": template.path.removeprefix("templates/"),
            "path": template.path,
            "body": [template.body, template.path, template.first_line],
            "subject": [front.subject, template.path, front.subject_line],
            "text": front.enclosed.text if front.enclosed.text in self._sources else "",
            "fields": front.enclosed.fields,
        }

    def results(self) -> Iterator[Inspected]:
        """What each template is, in order.

        Raises:
            RenderFailed: the process cannot be started.
        """
        try:
            if self._left:
                self._child.begin(self._left[0])
            while self._left:
                yield self._next()
        finally:
            self.close()

    def close(self) -> None:
        """End the process, whether it was asked or not."""
        self._child.close()

    def _next(self) -> Inspected:
        answer = self._child.answer(SECONDS)
        template = self._left.pop(0)
        if isinstance(answer, str):
            self._child.close()
            self._child = self._started()
            if self._left:
                self._child.begin(self._left[0])
            words = "reading it takes too long" if answer == "slow" else f"it cannot be read ({answer})"
            return Inspected(template, Problem(template.path, 0, 0, CODE, words, "Make it simpler."))
        if "words" in answer:
            return Inspected(template, Problem(answer["path"], answer["line"], 0, CODE, answer["words"]))
        read = tuple((path, line, name) for path, line, name in answer["read"])
        return Inspected(template, None, read, frozenset(answer["made"]), answer["open"])
