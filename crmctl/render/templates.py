"""Templates as they stand in ``templates/``: a front matter in YAML between lines of ``---``, and a body in Jinja."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import InvalidData
from crmctl.errors import Problem
from crmctl.render import enclosed
from crmctl.render.enclosed import Enclosed

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Mapping

    from crmctl.model.raw import Raw
    from crmctl.model.raw import RawMap

FORMS = ("md", "txt", "html")
SUBJECT = "(subject)"
"""The name of the subject among the sources of a template; no file can have it."""

CHANNELS = ("email", "letter", "phone", "sms", "visit")
_FIELDS = ("subject", "purpose", "channel", "language")
_FENCE = re.compile(r"---[ \t]*\r?\n")
_END = re.compile(r"^---[ \t]*(?:\r?\n|\Z)", re.MULTILINE)
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0\ufdd1]")
_DOTTED = re.compile(r"[a-z_][a-z0-9_]*(?:\.[a-z_][a-z0-9_]*)*\Z")


class FrontMatter(NamedTuple):
    """What a template says about itself. ``fallback`` maps dotted names to what is written when they are missing;
    ``subject_line`` is the line of the file with the subject, ``unknown`` the keys that crmctl does not know. What
    travels with the message is ``enclosed``."""

    subject: str = ""
    purpose: str = ""
    channel: str = "email"
    language: str = ""
    fallback: Mapping[str, str] = {}
    unknown: tuple[str, ...] = ()
    subject_line: int = 1
    enclosed: Enclosed = Enclosed()


class Template(NamedTuple):
    """A template: ``form`` is md, txt or html, ``first_line`` the line of its file on which ``body`` begins."""

    name: str
    form: str
    front: FrontMatter
    body: str
    path: str
    first_line: int


def parse_template(name: str, path: str, text: str, read_front: Callable[[str], RawMap]) -> Template:
    """The template in ``text``, the content of the file at ``path`` (relative to the book).

    ``read_front`` reads YAML strictly. It is given the front matter at the lines it has in the file, so that the lines
    in its errors are those of the file.

    Raises:
        InvalidData: the front matter or a character of the file cannot be used; all problems found are in it.
    """
    form = path.rpartition(".")[2].lower()
    if form not in FORMS:
        raise _invalid([Problem(path, 0, 0, "template-form", f"a template ends in .{', .'.join(FORMS)}")])
    problems = [_bad_character(path, text, match) for match in CONTROL.finditer(text)]
    if problems:
        raise _invalid(problems[:20])
    front, body, first_line = split_front(path, text)
    lines = front.split("\n")
    found, problems = _front(path, read_front(f"\n{front}") if front.strip() else {}, lines)
    if problems:
        raise _invalid(problems)
    return Template(name, form, found, body, path, first_line)


def split_front(path: str, text: str) -> tuple[str, str, int]:
    """The front matter (nothing when there is none), the body, and the line on which the body begins.

    Raises:
        InvalidData: the front matter does not end.
    """
    text = text.removeprefix("\ufeff")
    start = _FENCE.match(text)
    if start is None:
        return "", text, 1
    end = _END.search(text, start.end())
    if end is None:
        raise _invalid(
            [Problem(path, 1, 0, "front-matter", "the front matter does not end (close it with a line ---)")]
        )
    return text[start.end() : end.start()], text[end.end() :], text.count("\n", 0, end.end()) + 1


def _front(path: str, raw: RawMap, lines: list[str]) -> tuple[FrontMatter, list[Problem]]:
    problems: list[Problem] = []
    values: dict[str, str] = {}
    for key in _FIELDS:
        value = raw.get(key, "")
        if isinstance(value, str):
            values[key] = value.strip()
        else:
            problems.append(Problem(path, _line(lines, key), 0, "front-matter", f"{key} is one text, not several"))
    values["channel"] = values.get("channel") or "email"
    if values["channel"] not in CHANNELS:
        words = f"channel {values['channel']!r} is not one of {', '.join(CHANNELS)}"
        problems.append(Problem(path, _line(lines, "channel"), 0, "front-matter", words))
    fallback, bad = _fallback(raw.get("fallback", {}), "")
    problems += [Problem(path, _line(lines, "fallback"), 0, "front-matter", words) for words in bad]

    def wrong(key: str, words: str) -> None:
        problems.append(Problem(path, _line(lines, key), 0, "front-matter", words))

    more = enclosed.read(raw, wrong)
    for key in ("text", "attachments", "images", "invitation"):
        if raw.get(key) and values["channel"] != "email":
            wrong(key, f"{key} is for e-mails, and the channel is {values['channel']}")
    unknown = tuple(key for key in raw if key not in (*_FIELDS, "fallback", *enclosed.KEYS))
    line = _line(lines, "subject")
    return FrontMatter(**values, fallback=fallback, unknown=unknown, subject_line=line, enclosed=more), problems


def _fallback(raw: Raw, prefix: str) -> tuple[dict[str, str], list[str]]:
    """Fallbacks by dotted name; ``customer: {first_name: there}`` is the same as ``customer.first_name: there``."""
    if not isinstance(raw, dict):
        return {}, ["fallback is a map of names to texts, such as customer.first_name: there"]
    out: dict[str, str] = {}
    bad: list[str] = []
    for key, value in raw.items():
        name = f"{prefix}{key}"
        if not _DOTTED.match(name):
            bad.append(f"fallback {name!r} is not a name such as customer.first_name")
        elif isinstance(value, dict):
            inner, worse = _fallback(value, f"{name}.")
            out |= inner
            bad += worse
        elif isinstance(value, str) and value.strip():
            out[name] = value
        else:
            bad.append(f"fallback {name} needs a text to fall back to")
    return out, bad


def _line(lines: list[str], key: str) -> int:
    """The line of the file with ``key``; the front matter begins on the second."""
    return next((number for number, line in enumerate(lines, 2) if line.startswith(f"{key}:")), 1)


def _bad_character(path: str, text: str, match: re.Match[str]) -> Problem:
    before = text[: match.start()]
    line = before.count("\n") + 1
    column = match.start() - (before.rfind("\n") + 1) + 1
    return Problem(path, line, column, "control-character", f"there is a control character (U+{ord(match[0]):04X})")


def _invalid(problems: list[Problem]) -> InvalidData:
    return InvalidData(str(problems[0]), problems=problems)
