"""What keeps templates from being sent: in their front matter, and for whom of the people they are for."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import CrmError
from crmctl.errors import InvalidData
from crmctl.mail.addresses import Refused
from crmctl.render.rendering import RenderFailed
from crmctl.services import templates
from crmctl.services.campaigns import audience
from crmctl.services.campaigns.messages.enclosing import Enclosures
from crmctl.services.campaigns.messages.inviting import meeting
from crmctl.services.consenting import question

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmctl.errors import Problem
    from crmctl.model.settings import Settings
    from crmctl.render.templates import Template
    from crmctl.services.book import Book


_SHARED = ("book.", "me.")


class Fault(NamedTuple):
    """Something that keeps a template from being sent to ``customer`` ("" when it is wrong for everybody)."""

    template: str
    customer: str
    problem: str


def check(book: Book, wanted: Sequence[str] = (), segment: str = "") -> tuple[int, list[Fault]]:
    """(messages rendered, faults) of templates against every customer of a segment, or of the whole book.

    All templates are checked when none is named; each lists every value that a customer lacks.

    Raises:
        NotFound: there is no such template or segment.
    """
    for name in wanted:
        templates.find(book, name)
    handles = audience.members(book, segment) if segment else _everyone(book)
    faults: list[Fault] = []
    count = 0
    for name in wanted or templates.names(book):
        try:
            template = templates.load(book, name)
            faults += [Fault(name, "", words) for words in _front_faults(book, template)]
            for message in templates.rendered(book, template, handles, question.sample(book, name)):
                count += 1
                faults += [Fault(name, _whom(message.key, problem), problem) for problem in message.problems]
        except InvalidData as error:
            told = [_words(problem) for problem in error.problems] or [error.message]
            faults += [Fault(name, "", words) for words in told]
        except RenderFailed as error:
            faults.append(Fault(name, "", error.message))
    return count, list(dict.fromkeys(faults))


def _whom(customer: str, problem: str) -> str:
    """Whom a problem is about: nobody in particular where a value is the same for all, so that it is said once."""
    return "" if problem.startswith(_SHARED) else customer


def _front_faults(book: Book, template: Template) -> list[str]:
    """What is wrong with a front matter that can be read, for this book."""
    faults = [f"{template.path}: {words}" for _, words in front_problems(template, book.settings)]
    try:
        Enclosures(book, template, {}).hashes()
    except Refused as error:
        faults.append(f"{template.path}: {error.message}")
    if said := template.front.enclosed.invitation:
        try:
            meeting(book, said, "")
        except CrmError as error:
            faults.append(f"{template.path}: {error.message}" + (f" ({error.hint})" if error.hint else ""))
    return faults


def front_problems(template: Template, settings: Settings) -> list[tuple[str, str]]:
    """(key, what is wrong with it) of a front matter that can be read, by the settings of its book."""
    front = template.front
    found = [(key, f"unknown key {key!r} in the front matter") for key in front.unknown]
    if front.purpose and front.purpose.lower() not in settings.purposes:
        known = ", ".join(settings.purposes)
        found.append(("purpose", f"crm.yaml has no purpose {front.purpose!r} (it has {known})"))
    if front.channel == "email" and not front.subject:
        found.append(("subject", "there is no subject, and no e-mail goes without one"))
    return found


def _words(problem: Problem) -> str:
    return f"{problem} ({problem.hint})" if problem.hint else str(problem)


def _everyone(book: Book) -> list[str]:
    return [row[0] for row in book.index.rows("SELECT handle FROM customers ORDER BY handle")]
