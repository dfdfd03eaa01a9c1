"""The YAML parsers' complaints in a user's words: what happened, and what to do."""

from __future__ import annotations

import re
from typing import NamedTuple

from crmctl.errors import Problem
from crmctl.store.yaml_events import place


class _Rule(NamedTuple):
    """A parser's words (either parser's), and ours. ``opening`` points at where the thing began, not where it broke."""

    words: re.Pattern[str]
    code: str
    message: str
    hint: str
    opening: bool = False


def _rule(words: str, code: str, message: str, hint: str, *, opening: bool = False) -> _Rule:
    return _Rule(re.compile(words), code, message, hint, opening)


QUOTE = "put the value in double quotes"
EVEN = "indent the fields of one record evenly, two spaces a level"

# Looked through from the top; the text matched is "context / problem".
_RULES = (
    _rule(
        "quoted scalar / found unexpected (end|document)",
        "quote",
        "the quote opened here is never closed",
        "close the quote at the end of the value",
        opening=True,
    ),
    _rule(
        "found unknown escape|invalid Unicode char|expected escape sequence|expected hexdecimal",
        "escape",
        "a backslash in double quotes starts an escape that does not exist",
        "write \\\\ for a backslash, or use single quotes",
    ),
    _rule("found unexpected ':'", "colon", "a colon inside [ ] or { }", QUOTE),
    _rule(
        "flow sequence", "list", "the list opened here with [ is not closed", "check the commas and the ]", opening=True
    ),
    _rule(
        "flow mapping", "list", "the map opened here with { is not closed", "check the commas and the }", opening=True
    ),
    _rule("alias", "alias", "a value cannot start with *: aliases are not used", QUOTE, opening=True),
    _rule("anchor", "anchor", "a value cannot start with &: anchors are not used", QUOTE, opening=True),
    _rule(" tag", "tag", "a value cannot start with !: tags are not used", QUOTE, opening=True),
    _rule(
        "indicator (equal|in the range)",
        "block-text",
        "the number after | or > has to be 1 to 9",
        "take the number out",
    ),
    _rule(
        "block scalar / (did not find expected comment|expected)",
        "block-text",
        "text after | or > has to start on the next line",
        "start the text on the next line, indented, or put the value in double quotes",
    ),
    _rule(
        "sequence entries are not allowed", "list", "a list item does not fit here", "put `- item` on a line of its own"
    ),
    _rule("could not find expected ':'", "colon", "a line without a colon", "write `name: value`", opening=True),
    _rule("document start", "second-document", "there is more after the end of the record", "one file is one record"),
    _rule("block collection", "list", "a line between list items that is not one", "start list items with `- `"),
)
_CANNOT_START = re.compile("cannot start any token")
_COLON = re.compile("mapping values are not allowed")
_SECOND_COLON = re.compile(r":\s")


def syntax_problem(error: Exception, text: str, path: str) -> Problem:
    """The ``Problem`` for what either parser raised while reading ``text``."""
    problem = str(getattr(error, "problem", None) or error)
    words = f"{getattr(error, 'context', None) or ''} / {problem}"
    mark = getattr(error, "problem_mark", None)
    index = min(mark.index, len(text)) if mark is not None else 0
    start = max(text.rfind("\n", 0, index), text.rfind("\r", 0, index)) + 1
    before = text[start:index]
    if text[index : index + 1] == "\t" or ("\t" in before and not before.strip()):
        index = start + before.index("\t") if "\t" in before else index
        code, message, hint = "tab", "a tab is used for indentation", "use spaces: two for each level"
    elif _CANNOT_START.search(words):
        code, message, hint = "quote", f"a value cannot start with {text[index : index + 1]}", QUOTE
    elif _COLON.search(words):
        code, message, hint = _colon(before)
    else:
        rule = next((rule for rule in _RULES if rule.words.search(words)), None)
        if rule is None and mark is None:
            code, message, hint = "syntax", f"this is not YAML ({problem})", "compare with a record that reads well"
        elif rule is None:
            code, message, hint = _misfit(before, text[index : index + 1])
        else:
            code, message, hint = rule.code, rule.message, rule.hint
            opening = getattr(error, "context_mark", None) if rule.opening else None
            index = opening.index if opening is not None else index
            if code == "escape":
                index = max(text.rfind("\\", 0, index + 1), 0)
    line, column = place(text, index)
    return Problem(path, line, column, code, message, hint)


def _colon(before: str) -> tuple[str, str, str]:
    """A colon where none may be; ``before`` is the line up to it."""
    if _SECOND_COLON.search(before):
        return "colon", "a second colon on the line", "put a value that holds a colon in double quotes"
    return "colon", "the line above already has a value, or lacks its colon", EVEN


def _misfit(before: str, sign: str) -> tuple[str, str, str]:
    """Something that fits nowhere; ``before`` is its line up to it, ``sign`` its first character."""
    if before.strip():
        return "quote", "something follows the end of the value", "put the whole value in quotes"
    if sign == ":":
        return "no-key", "a colon without a name before it", "write `name: value`"
    if sign == "-":
        return "list", "a list item does not fit here", "put list items under the name of their field, evenly indented"
    return "indentation", "this line is indented differently from its neighbours", EVEN
