"""Filter text to tokens: terms, words, parentheses and keywords, each with its place.

Patterns are compiled when first used (``re`` keeps them), so that importing this costs nothing.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from crmctl.query.problems import BadFilter
from crmctl.query.problems import Place
from crmctl.query.tree import Node
from crmctl.query.tree import Term
from crmctl.query.tree import Value
from crmctl.query.tree import Words

KEYWORDS = frozenset({"and", "or", "not"})

_TERM = r"""([^\W\d][\w-]*(?:\.[^\s:=!<>()"',.*]+)*)(!=|<=|>=|[:=<>])"""
_WORD = r"[^\s()]+"
_BARE_VALUE = r"[^\s(),]*"
_QUOTED = {'"': r'"((?:[^"\\]|\\.)*)"', "'": r"'((?:[^'\\]|\\.)*)'"}
_NEVER = "[\0\ud800-\udfff]"
_OPERATOR = "[:=!<>]+"

QUOTE_IT = "To search for it as it stands, put it in quotes."


class Token(NamedTuple):
    """``kind`` is "(", ")", "-", a keyword, or "leaf" for a ``node`` that is complete."""

    kind: str
    place: Place
    node: Node | None = None


def tokens(text: str) -> list[Token]:
    """The tokens of one filter text; raises BadFilter."""
    wrong = re.search(_NEVER, text)
    if wrong:
        place = Place(text, wrong.start(), wrong.end())
        raise BadFilter("there is a character here that no text can have", place, "Type the filter anew.")
    found = []
    at = _after_space(text, 0)
    while at < len(text):
        token = _token(text, at)
        found.append(token)
        at = _after_space(text, token.place.end)
    return found


def _after_space(text: str, at: int) -> int:
    while text[at : at + 1].isspace():
        at += 1
    return at


def _token(text: str, at: int) -> Token:
    first = text[at]
    if first in "()":
        return Token(first, Place(text, at, at + 1))
    if first == "-":
        if not re.compile(r"[^\s)]").match(text, at + 1):
            raise BadFilter('there is nothing after "-"', Place(text, at, at + 1), "Write -tag:cold without a space.")
        return Token("-", Place(text, at, at + 1))
    if first in _QUOTED:
        inner, end = _quoted(text, at)
        place = Place(text, at, end)
        if not inner.strip():
            raise BadFilter("there is nothing between the quotes", place, 'Write words to search for, as "ada love".')
        _must_end(text, end, ")")
        return Token("leaf", place, Words(inner, place))
    match = re.compile(_TERM).match(text, at)
    return _term(text, match) if match else _word(text, at)


def _term(text: str, match: re.Match[str]) -> Token:
    name, op = match.groups()
    run = re.compile(_OPERATOR).match(text, match.start(2))
    if run and run[0] != op:
        place = Place(text, *run.span())
        raise BadFilter(
            f'there is no operator "{run[0]}"', place, "Operators are : = != < <= > >=; quote a value that begins so."
        )
    values, end = _values(text, match.end())
    place = Place(text, match.start(), end)
    if not values and op in ("<", "<=", ">", ">="):
        raise BadFilter(f'there is no value after "{op}"', place, f"Write it without spaces, as {name}{op}VALUE.")
    if len(values) > 1 and op not in (":", "=", "!="):
        advice = "A list fits : = and !=. Write 10000 rather than 10,000."
        raise BadFilter(f'"{op}" takes one value, not a list', place, advice)
    return Token("leaf", place, Term(name.lower(), op, tuple(values), place))


def _values(text: str, at: int) -> tuple[list[Value], int]:
    """The values of a term, and where they end; none when it ends right after its operator."""
    values: list[Value] = []
    while True:
        value = _value(text, at)
        end = value.place.end
        more = text[end : end + 1] == ","
        if not value.literal:
            if more or values:
                place = Place(text, end, end + 1)
                raise BadFilter("there is an empty entry in the list", place, "Write a list as a,b and quote commas.")
            _must_end(text, end, ")")
            return values, end
        values.append(value)
        if not more:
            _must_end(text, end, ")")
            return values, end
        at = end + 1


def _value(text: str, at: int) -> Value:
    if text[at : at + 1] in _QUOTED:
        inner, end = _quoted(text, at)
        wild = text[end : end + 1] == "*"
        end += wild
        _must_end(text, end, "),")
        return Value(inner, wild, Place(text, at, end))
    match = re.compile(_BARE_VALUE).match(text, at)
    bare = match[0] if match else ""
    return Value(bare.removesuffix("*"), bare.endswith("*"), Place(text, at, at + len(bare)))


def _quoted(text: str, at: int) -> tuple[str, int]:
    """What stands between the quotes that open at ``at``, and where they end."""
    match = re.compile(_QUOTED[text[at]], re.DOTALL).match(text, at)
    if not match:
        raise BadFilter("this quote is not closed", Place(text, at, at + 1), f"Add {text[at]} where the text ends.")
    return re.sub(r"""\\(["'\\])""", r"\1", match[1]), match.end()


def _must_end(text: str, at: int, allowed: str) -> None:
    following = text[at : at + 1]
    if following and not following.isspace() and following not in allowed:
        advice = f"Put a space before it. Several values are written as stage:won,lost. {QUOTE_IT}"
        raise BadFilter(f'"{following}" cannot follow here', Place(text, at, at + 1), advice)


def _word(text: str, at: int) -> Token:
    match = re.compile(_WORD).match(text, at)
    word = match[0] if match else ""
    place = Place(text, at, at + len(word))
    if word.lower() in KEYWORDS:
        return Token(word.lower(), place)
    left = re.split("[:=!<>]", word, maxsplit=1)[0]
    if not left:
        advice = f"Write a term without spaces, as value>=100. {QUOTE_IT}"
        raise BadFilter(f'there is no field before "{word[0]}"', place, advice)
    if re.search("[:=<>]", word) and not left.isdigit():
        raise BadFilter(f'"{left}" is not the name of a field', place, QUOTE_IT)
    _must_end(text, place.end, ")")
    return Token("leaf", place, Words(word, place))
