"""What a rendering process is told before the first message: the template, all that it may take in, and its limits."""

from __future__ import annotations

import json
from hashlib import sha256
from importlib.util import find_spec
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

from crmctl.errors import InvalidData
from crmctl.errors import Problem
from crmctl.render.templates import CONTROL
from crmctl.render.templates import SUBJECT
from crmctl.render.templates import Template
from crmctl.render.templates import split_front

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crmctl.render.enclosed import Enclosed


class Limits(NamedTuple):
    """What one message may take: seconds, bytes of memory above what the process starts with, characters of output."""

    seconds: float = 2.0
    memory: int = 256 * 1024 * 1024
    output: int = 1_000_000


def order(template: Template, includes: Mapping[str, str], limits: Limits, shared: Mapping[str, Any] = {}) -> bytes:
    """The line that tells a worker what to render and within what.

    Raises:
        InvalidData: the template names a text part or a style that is not among ``includes``.
    """
    main = template.path.removeprefix("templates/")
    own = template.front.enclosed
    _require(template, own, includes)
    sources = bodies({name: text for name, text in includes.items() if not name.endswith(".css")})
    sources[main] = (template.body, template.path, template.first_line)
    sources[SUBJECT] = (template.front.subject, template.path, template.front.subject_line)
    job = {
        "form": template.form,
        "main": main,
        "path": template.path,
        "sources": sources,
        "language": template.front.language,
        "fallback": dict(template.front.fallback),
        "text": own.text,
        "style": includes[own.style] if own.style else "",
        "images": {name: cid(template.name, name) for name in own.images},
        "fields": own.fields,
        "shared": json.dumps(shared, allow_nan=False),
        **limits._asdict(),
    }
    return json.dumps(job).encode("ascii") + b"\n"


def bodies(texts: Mapping[str, str]) -> dict[str, tuple[str, str, int]]:
    """Files in ``templates/`` as a worker takes them: by name the text below the front matter, the path, the line."""
    sources = {}
    for name, text in texts.items():
        path = f"templates/{name}"
        try:
            _, body, line = split_front(path, text)
        except InvalidData:  # told when it is used as a template itself; others need not suffer for it
            body, line = text, 1
        sources[name] = (CONTROL.sub("\ufffd", body), path, line)
    return sources


def cid(template: str, name: str) -> str:
    """The Content-ID (without its brackets) of the image ``name`` of a template, the same in every message of it."""
    return f"{sha256(f'{template}|{name}'.encode()).hexdigest()[:20]}@images.crmctl"


def lacking(template: Template, includes: Mapping[str, str]) -> list[tuple[str, str]]:
    """(key, why not) of the files that the front matter names and that cannot be taken."""
    own = template.front.enclosed
    named = (("text", own.text), ("style", own.style))
    found = [(key, f"there is no templates/{name}") for key, name in named if name and name not in includes]
    if own.style and template.form == "txt":
        found.append(("style", "style is for a template that has an HTML part"))
    if own.text and template.form == "txt":
        found.append(("text", "text is for a template that has an HTML part beside it"))
    return found


def _require(template: Template, own: Enclosed, includes: Mapping[str, str]) -> None:
    hint = ""
    lacks = [words for _, words in lacking(template, includes)]
    if own.style and not lacks and find_spec("css_inline") is None:
        lacks, hint = ["a style needs the library css-inline"], "pip install 'crmctl[mail]'"
    if lacks:
        problems = [Problem(template.path, 0, 0, "front-matter", words, hint) for words in lacks]
        raise InvalidData(str(problems[0]), hint=hint, problems=problems)
