"""The words of the question by which somebody confirms (double opt-in), in the language of whoever is asked.

A book may say it in words of its own: ``templates/confirm.de.md`` asks those who read German, ``templates/confirm.md``
everybody else. Without them it is asked in English, or in German.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import InvalidData
from crmctl.render.enclosed import MARKETING
from crmctl.render.rendering import render_many
from crmctl.render.templates import parse_template
from crmctl.services import templates
from crmctl.services.mailing.single import Words
from crmctl.services.merge_data import MergeData
from crmctl.store.yaml_reader import read_yaml

if TYPE_CHECKING:
    from datetime import date

    from crmctl.model.raw import RawMap
    from crmctl.render.templates import Template
    from crmctl.services.book import Book

NAME = "confirm"
"""The template of a book that asks; with ``.de`` behind it, the one for those who read German."""

# Subjects are ASCII, so that the token behind them comes back whole whatever a mail program does to other letters.
_ENGLISH = """\
---
subject: Please confirm
language: en
---
{{ customer|greeting }},

{{ book.name }} was told that you agree to be written to by e-mail about this:

    {{ request.purpose }}: {{ request.wording }}

If that is so, answer this mail and leave its subject as it is.
If it is not, do nothing: without your answer by {{ request.until|date }} nothing is sent.

{{ book.postal_address|default(book.name) }}
"""
_GERMAN = """\
---
subject: Ihre Zustimmung
language: de
---
{{ customer|greeting }},

{{ book.name }} hat erfahren, dass Sie damit einverstanden sind, dazu E-Mails zu bekommen:

    {{ request.purpose }}: {{ request.wording }}

Wenn das stimmt, antworten Sie bitte auf diese E-Mail und lassen den Betreff, wie er ist.
Wenn nicht, brauchen Sie nichts zu tun: Ohne Ihre Antwort bis {{ request.until|date }} wird nichts gesendet.

{{ book.postal_address|default(book.name) }}
"""
_OURS = {"en": _ENGLISH, "de": _GERMAN}


class Asked(NamedTuple):
    """What is asked: for which purpose, in which words, and until when it can be answered."""

    purpose: str
    wording: str
    until: date

    def data(self) -> dict[str, str]:
        """What a template sees of it, as ``request``."""
        return {"purpose": self.purpose, "wording": self.wording, "until": self.until.isoformat()}


def words(book: Book, handle: str, data: RawMap, asked: Asked, token: str) -> Words:
    """The question to a customer, whose record is ``data``; the token stands in its subject.

    Raises:
        InvalidData: the template of the book cannot be used for it.
    """
    template = _template(book, str(data.get("language") or book.settings.language))
    merge = MergeData(book, asked.purpose)
    one = {**merge.of(handle), "request": asked.data()}
    (made,) = render_many(template, templates.sources(book), [(handle, one)])
    if made.problems:
        raise InvalidData(f"{template.path}: {'; '.join(merge.explained(made.problems))}")
    if made.fields or template.front.enclosed.kind == MARKETING:
        raise InvalidData(f"{template.path}: the question is no advertising, and carries no files")
    if _oneline(asked.wording) not in _oneline(made.text):
        hint = "Write {{ request.wording }} into it: what they are told is the proof of what they agreed to."
        raise InvalidData(f"{template.path} does not say what they agree to", hint=hint)
    return Words(f"{made.subject}: {token}", made.text, made.html)


def sample(book: Book, name: str) -> MergeData | None:
    """What a template called ``name`` is tried with, when it is one that asks; None for all others."""
    purpose = next(iter(book.settings.purposes.values()), None)
    if name.split(".", 1)[0] != NAME or purpose is None:
        return None
    merge = MergeData(book, purpose.name)
    asked = Asked(purpose.name, purpose.help or purpose.name, book.now().date())
    merge.shared["request"] = asked.data()
    return merge


def _template(book: Book, language: str) -> Template:
    """The book's template for a language (``de-CH``, else ``de``), its template for all others, or ours."""
    base = language.replace("_", "-").partition("-")[0].lower()
    known = templates.names(book)
    stems = {name: name for name in known} | {_stem(name): name for name in known}
    for name in dict.fromkeys((f"{NAME}.{language}", f"{NAME}.{base}", NAME)):
        if name in stems:
            return templates.load(book, stems[name])
    source = _OURS.get(base, _ENGLISH)

    def front(text: str) -> RawMap:
        return read_yaml(text.encode(), NAME).data

    return parse_template(NAME, f"{NAME}.txt", source, front)


def _stem(name: str) -> str:
    stem, _, ending = name.rpartition(".")
    return stem if ending in ("md", "txt", "html") else name


def _oneline(text: str) -> str:
    return " ".join(text.split())
