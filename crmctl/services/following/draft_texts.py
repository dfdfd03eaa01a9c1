"""What stands in a draft: a template for one person, whose values are put in already.

Its front matter says the subject and what travels with the message, as a template's does; below is the text, in the
form of the template. Nothing is put into it any more: what looks like a place for a value is shown as typed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import InvalidData
from crmctl.render.templates import split_front
from crmctl.services.campaigns.messages.rendering import Wording
from crmctl.store.yaml_reader import read_yaml
from crmctl.store.yaml_writer import write_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crmctl.model.raw import Raw
    from crmctl.model.raw import RawMap
    from crmctl.render.rendering import Rendered
    from crmctl.render.templates import Template

_OPENS = re.compile(r"\{(?=[{%#])")
"""What a renderer would take for the beginning of something of its own."""

_TAKEN_FOR = re.compile(r"templates/draft\.(?:md|txt|html)(?::\d+)*")
_KEYS = ("subject", "kind", "language", "style", "attachments", "images", "invitation")
_HINT = "It is a template: ---, subject: WORDS and what travels with it, ---, then the text."


class Draft(NamedTuple):
    """What a person made of a message: md, txt or html, and the whole file."""

    form: str
    text: str


def of_template(template: Template, message: Rendered) -> Draft:
    """The draft of one message; ``message`` is its source, and the fields of the front matter as they were rendered."""
    front, own = template.front, template.front.enclosed
    said: RawMap = {"subject": message.subject, "kind": own.kind, "language": front.language, "style": own.style}
    said["attachments"] = [message.fields[f"attachments.{number}"] for number in range(len(own.attachments))]
    for name in ("images", "invitation"):
        said[name] = {key: message.fields[f"{name}.{key}"] for key in getattr(own, name)}
    head = write_yaml({name: value for name, value in said.items() if value})
    return Draft(template.form, f"---\n{head}---\n{message.text}")


def check(draft: Draft, path: str) -> None:
    """Refuse a draft that is no message.

    Raises:
        InvalidData: it has no subject or no text, or says something that a draft cannot.
    """
    front, body = _parted(draft, path)
    unknown = [name for name in front if name not in _KEYS]
    if unknown:
        raise InvalidData(f"{path}: a draft cannot say {unknown[0]!r}", hint=f"It can say {', '.join(_KEYS)}.")
    subject = front.get("subject")
    if not (isinstance(subject, str) and subject.strip() and body.strip()):
        raise InvalidData(f"{path} is no message", hint=_HINT)


def as_wording(draft: Draft, sources: Mapping[str, str]) -> Wording:
    """A draft as a template that says just that, with the style sheet of ``sources`` that it names.

    Raises:
        InvalidData: it cannot be read.
    """
    file = f"draft.{draft.form}"
    front, body = _parted(draft, file)
    head = write_yaml({name: _shown(value) for name, value in front.items()})
    style = str(front.get("style") or "")
    styles = {style: sources[style]} if style in sources else {}
    return Wording({"": file}, {**styles, file: f"---\n{head}---\n{_shown(body)}"}, {})


def told(words: str) -> str:
    """What a renderer says about a draft, without the name and the lines of the template that it took it for."""
    return _TAKEN_FOR.sub("the draft", words)


def _parted(draft: Draft, path: str) -> tuple[RawMap, str]:
    front, body, _ = split_front(path, draft.text)
    return (read_yaml(f"\n{front}".encode(), path).data if front.strip() else {}), body


def _shown(raw: Raw) -> Raw:
    """The same, shown as it is by whoever takes it for a template."""
    if isinstance(raw, str):
        return _OPENS.sub("{{ '{' }}", raw)
    if isinstance(raw, list):
        return [_shown(item) for item in raw]
    return {key: _shown(value) for key, value in raw.items()}
