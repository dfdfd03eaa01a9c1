"""One template made ready once, and rendered for one recipient after the other."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

from jinja2.exceptions import TemplateNotFound
from jinja2.exceptions import TemplateSyntaxError
from jinja2.meta import find_referenced_templates

from crmctl.render import drafting
from crmctl.render import holes
from crmctl.render import hypertext
from crmctl.render import markdown
from crmctl.render import plaintext
from crmctl.render.blame import is_ours
from crmctl.render.filters import Setting
from crmctl.render.languages import base
from crmctl.render.sandbox import Sandbox
from crmctl.render.sandbox import TooLong
from crmctl.render.templates import SUBJECT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping
    from types import TracebackType

    import jinja2.nodes

_ROOM = 1_000_000
_BLANK_LINES = re.compile(r"\n[ \t]*\n(?:[ \t]*\n)+")
_LINE_ENDS = re.compile(r"[ \t]+\n")
_SPACES = re.compile(r"\s+")


class Source(NamedTuple):
    """A text of templates: its path for messages, and the line of the file that its first line is."""

    text: str
    path: str
    first_line: int


class Job(NamedTuple):
    """What is rendered: ``form`` is md, txt or html; ``main`` is the name among ``sources`` of the template itself,
    ``text`` of its own text part ("" when that is told from the rest). ``images`` maps names to Content-IDs; ``fields``
    are short texts that are rendered as well. ``shared`` is data that every recipient has, where their own does not
    say otherwise."""

    form: str
    main: str
    sources: Mapping[str, Source]
    language: str
    fallback: Mapping[str, str]
    output: int
    text: str = ""
    style: str = ""
    images: Mapping[str, str] = {}
    fields: Mapping[str, str] = {}
    shared: Mapping[str, Any] = {}


class Message(NamedTuple):
    """What came out for one recipient; with ``problems`` the rest is empty."""

    subject: str
    text: str
    html: str
    problems: tuple[str, ...]
    fields: Mapping[str, str] = {}


class Broken(Exception):
    """The template cannot be used for anybody: where, and why."""

    def __init__(self, path: str, line: int, words: str) -> None:
        super().__init__(words)
        self.path = path
        self.line = line
        self.words = words


class Renderer:
    """A ``Job`` that is compiled.

    Raises:
        Broken: the syntax of the template, or of one that it includes, is wrong.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._shared = _without_blanks(job.shared)
        # What is written between the lines of the front matter is a source too, by a name that no file can have.
        front = {f"({name})": Source(text, job.sources[job.main].path, 1) for name, text in job.fields.items()}
        self._sources = {**job.sources, **front}
        self._sandbox = Sandbox({name: source.text for name, source in self._sources.items()}, job.output)
        self._plans = _plans_for(job)
        self._line = _line_without_values(job.sources[SUBJECT].text)
        try:
            self._subject = self._sandbox.get_template(SUBJECT)
            self._body = self._sandbox.get_template(job.main)
            self._text = self._sandbox.get_template(job.text) if job.text else None
            self._fields = {name: self._sandbox.get_template(f"({name})") for name in job.fields}
            for name in filter(None, (job.main, job.text)):
                self._check_includes(name, set())
        except TemplateSyntaxError as exc:
            raise self._broken(exc.name or job.main, exc.lineno, exc.message or "it cannot be read") from None
        except (RecursionError, SyntaxError):
            raise self._broken(job.main, 0, "it is nested too deeply") from None
        except (ArithmeticError, LookupError, TypeError, ValueError) as exc:
            raise self._broken(job.main, 0, f"it cannot be read ({exc})") from None

    def _broken(self, name: str, line: int, words: str) -> Broken:
        source = self._sources[name]
        return Broken(source.path, line + source.first_line - 1 if line else 0, words)

    def _check_includes(self, name: str, seen: set[str]) -> None:
        """Read everything that ``name`` includes by a fixed name, so that a mistake is told before any message."""
        seen.add(name)
        tree = self._sandbox.parse(self._job.sources[name].text, name)
        for included in find_referenced_templates(tree):
            if included is None or included in seen:
                continue
            if included not in self._job.sources:
                text = self._job.sources[name].text
                line = text[: max(0, text.find(included))].count("\n") + 1
                raise self._broken(name, line, f"there is no templates/{included} to include")
            self._sandbox.get_template(included)
            self._check_includes(included, seen)

    def trees(self) -> Iterator[tuple[Source, jinja2.nodes.Template]]:
        """The template's own parts, parsed: its body, subject, text part, and what it says in the front matter."""
        for name in filter(None, (SUBJECT, self._job.main, self._job.text, *(f"({one})" for one in self._job.fields))):
            yield self._sources[name], self._sandbox.parse(self._sources[name].text, name)

    def render(self, data: dict[str, Any]) -> Message:
        """The message for the recipient whose plain ``data`` this is.

        Raises:
            Exception: crmctl is at fault, and not the template.
        """
        box = self._sandbox
        # What is shared is copied: no message shows what another one has made of it.
        shared = {
            name: dict(value) if isinstance(value, dict) else value
            for name, value in self._shared.items()
            if name not in data
        }
        data = shared | _without_blanks(data)
        for name, value in self._job.fallback.items():
            _supply(data, name.split("."), value)
        setting = _setting(data, self._job.language)
        box.begin(data, setting)
        try:
            # None of the templates changes it: what one sets is its own.
            names = {**box.globals, **data}
            subject = self._run(self._subject, names) if self._line is None else self._line
            body = self._run(self._body, names)
            text = self._run(self._text, names) if self._text is not None else None
            fields = {name: self._run(template, names) for name, template in self._fields.items()}
            problems = [f"{name} is missing" for name in box.missing]
            if problems or box.faults:
                return Message("", "", "", (*problems, *box.faults))
            message = self._finish(subject, body, text, [*box.values, setting.language])
            if not fields or message.problems:
                return message
            return message._replace(fields={name: _line_of(found, box.values) for name, found in fields.items()})
        except Exception as exc:
            if is_ours(exc):
                raise
            problems = [f"{name} is missing" for name in box.missing]
            return Message("", "", "", (*problems, *box.faults, self._words(exc)))

    def _run(self, template: jinja2.Template, names: dict[str, Any]) -> str:
        # Made here, as Jinja's own way copies all names for each of the templates.
        context = self._sandbox.context_class(self._sandbox, names, template.name, template.blocks)
        out: list[str] = []
        for piece in template.root_render_func(context):
            self._sandbox.count(len(piece))
            out.append(piece)
        return "".join(out)

    def _finish(self, subject: str, body: str, own_text: str | None, values: list[str]) -> Message:
        """Fill the holes of the subject and of both parts; ``values`` ends with the language."""
        line = subject if self._line is not None else _line_of(subject, values)
        values.append(line)
        if self._job.form in drafting.FORMS.values():
            return Message(line, drafting.filled(self._job.form, body, values), "", ())
        text_plan, page = self._plans(body) if len(body) < _ROOM else _plans_for(self._job)(body)
        if page.faults:
            return Message("", "", "", page.faults)
        if own_text is not None:
            text_plan = holes.plain_plan(own_text)
        text = _LINE_ENDS.sub("\n", holes.fill(text_plan, values))
        html = holes.fill(page.plan, values)
        if max(len(text), len(html)) > self._job.output:
            raise TooLong
        return Message(line, _BLANK_LINES.sub("\n\n", text).strip("\n") + "\n", html, ())

    def _words(self, error: Exception) -> str:
        """What happened, with the line of the template where it did."""
        where = self._where(error.__traceback__)
        if isinstance(error, TooLong):
            return f"{where}: the message is longer than {self._job.output:,} characters"
        if isinstance(error, RecursionError):
            return f"{where}: it includes or calls itself without end"
        if isinstance(error, MemoryError):
            return f"{where}: it needs more memory than a message may take"
        if isinstance(error, TemplateNotFound):
            return f"{where}: there is no templates/{error.name} to include"
        if isinstance(error, ZeroDivisionError):
            return f"{where}: division by zero"
        return f"{where}: {str(error) or type(error).__name__}"

    def _where(self, trace: TracebackType | None) -> str:
        name, line = self._job.main, 0
        while trace is not None:
            template = trace.tb_frame.f_globals.get("__jinja_template__")
            if template is not None and template.name in self._sources:
                name, line = template.name, template.get_corresponding_lineno(trace.tb_lineno)
            trace = trace.tb_next
        source = self._sources[name]
        return f"{source.path}:{line + source.first_line - 1}" if line else source.path


def _line_without_values(text: str) -> str | None:
    """A subject that is the same for everybody; None when it has to be rendered."""
    return None if "{" in text or holes.OPEN in text else _line_of(text, [])


def _line_of(found: str, values: list[str]) -> str:
    """A short text with its holes filled, as one line."""
    return _SPACES.sub(" ", holes.fill(holes.plain_plan(found), values)).strip()


def _plans_for(job: Job) -> Any:
    """From a body with holes to the plan of its text and of its page; remembered, for bodies differ in few ways."""
    dress = hypertext.Dress(job.style, job.images)

    @lru_cache(maxsize=200)
    def plans(body: str) -> tuple[holes.Plan, hypertext.Page]:
        if job.form == "md":
            return holes.settled(markdown.to_text(body)), hypertext.page(markdown.to_html(body), dress)
        if job.form == "html":
            return holes.settled(plaintext.from_html(body)), hypertext.page(body, dress)
        return holes.plain_plan(body), hypertext.Page((), ())

    return plans


def _without_blanks(data: Mapping[str, Any]) -> dict[str, Any]:
    """A copy without the fields that are empty: a blank first name is as missing as an absent one."""
    out: dict[str, Any] = {}
    for key, value in data.items():
        if type(value) is str:
            if value and not value.isspace():
                out[key] = value
        elif isinstance(value, dict):
            out[key] = _without_blanks(value)
        elif isinstance(value, list):
            out[key] = [_without_blanks(item) if isinstance(item, dict) else item for item in value]
        elif value is not None:
            out[key] = value
    return out


def _supply(data: dict[str, Any], path: list[str], value: str) -> None:
    """Put a fallback where nothing is."""
    for name in path[:-1]:
        inner = data.setdefault(name, {})
        if not isinstance(inner, dict):
            return
        data = inner
    data.setdefault(path[-1], value)


def _setting(data: dict[str, Any], language: str) -> Setting:
    """The customer's language, unless the template is written in another one; else the book's, else English.

    A German date in the middle of an English letter helps nobody, so ``language`` of the front matter has the last
    word; the customer's region still counts (``en-US`` within ``en``).
    """
    customer, book = data.get("customer"), data.get("book")
    ours = book if isinstance(book, dict) else {}
    theirs = customer.get("language") if isinstance(customer, dict) else ""
    tongue = theirs or ours.get("language") or "en"
    if language and base(str(tongue)) != base(language):
        tongue = language
    known = [str(ours.get(name) or "") for name in ("currency", "country")]
    return Setting(str(tongue), known[0], str(data.get("today") or ""), known[1])
