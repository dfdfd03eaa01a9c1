"""Tokens to a tree: ``or`` binds weaker than AND, and ``not`` and ``-`` strongest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.query.lexer import Token
from crmctl.query.lexer import tokens
from crmctl.query.problems import BadFilter
from crmctl.query.problems import Place
from crmctl.query.tree import EVERYTHING
from crmctl.query.tree import Node
from crmctl.query.tree import Not
from crmctl.query.tree import all_of
from crmctl.query.tree import any_of

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST = 10_000
"""Characters of a filter, all its arguments together."""

DEEPEST = 50
"""Levels of parentheses and negations."""


def parse(text: str) -> Node:
    """The tree of a filter; everything when ``text`` is empty.

    Raises:
        BadFilter: it is not a filter.
    """
    _check_length([text])
    return _Parser(tokens(text), 0).whole()


def parse_all(args: Sequence[str]) -> Node:
    """The tree of several arguments, joined by AND.

    Each is read alone, so that ``"a or b" c`` means ``(a or b) c``, unless it is not whole by itself: ``a``, ``or``,
    ``b`` and ``(a``, ``or``, ``b)`` are read together, as the shell took them apart.

    Raises:
        BadFilter: one of them is not a filter; its column counts within that argument.
    """
    _check_length(args)
    pieces: list[Token] = []
    for arg in args:
        found = tokens(arg)
        if _is_whole(found):
            pieces.append(Token("leaf", Place(arg, 0, len(arg)), _Parser(found, 1).whole()))
        else:
            pieces += found
    return _Parser(pieces, 0).whole()


def _check_length(args: Sequence[str]) -> None:
    length = 0
    for arg in args:
        length += len(arg)
        if length > LONGEST:
            place = Place(arg, max(0, len(arg) - length + LONGEST), len(arg))
            raise BadFilter(f"the filter has more than {LONGEST} characters", place, "Save parts of it as segments.")


def _is_whole(found: list[Token]) -> bool:
    """Whether tokens can be a filter of their own: parentheses in pairs, no keyword that reaches outside."""
    if not found or found[0].kind in ("and", "or") or found[-1].kind in ("and", "or", "not"):
        return False
    depth = 0
    for token in found:
        depth += {"(": 1, ")": -1}.get(token.kind, 0)
        if depth < 0:
            return False
    return depth == 0


class _Parser:
    def __init__(self, found: list[Token], depth: int) -> None:
        self._tokens = found
        self._at = 0
        self._depth = depth

    def whole(self) -> Node:
        if not self._tokens:
            return EVERYTHING
        node = self._either(self._depth)
        if self._next() == ")":
            raise BadFilter('there is no "(" for this ")"', self._tokens[self._at].place, 'Take it away, or add a "(".')
        return node

    def _next(self) -> str:
        return self._tokens[self._at].kind if self._at < len(self._tokens) else ""

    def _take(self) -> Token:
        self._at += 1
        return self._tokens[self._at - 1]

    def _either(self, depth: int) -> Node:
        nodes = [self._both(depth)]
        while self._next() == "or":
            self._take()
            nodes.append(self._both(depth))
        return any_of(nodes)

    def _both(self, depth: int) -> Node:
        nodes = [self._one(depth)]
        while self._next() not in ("", ")", "or"):
            if self._next() == "and":
                self._take()
            nodes.append(self._one(depth))
        return all_of(nodes)

    def _one(self, depth: int) -> Node:
        if self._next() in ("", ")", "and", "or"):
            raise self._missing()
        token = self._take()
        if token.node is not None:
            return token.node
        if depth >= DEEPEST:
            reason = f"the filter is nested more than {DEEPEST} levels deep"
            raise BadFilter(reason, token.place, "Save the inner part as a segment.")
        if token.kind != "(":
            return Not(self._one(depth + 1))
        return self._group(token, depth + 1)

    def _group(self, opened: Token, depth: int) -> Node:
        node = EVERYTHING if self._next() == ")" else self._either(depth)
        if self._next() != ")":
            raise BadFilter('this "(" is not closed', opened.place, 'Add a ")" where the group ends.')
        self._take()
        return node

    def _missing(self) -> BadFilter:
        """The complaint that a term is missing here: after the token before, or before the one that stands here."""
        advice = "To search for a word such as and, or, not, put it in quotes."
        if self._at and self._tokens[self._at - 1].kind != "leaf":
            before = self._tokens[self._at - 1]
            return BadFilter(f'there is nothing after "{before.kind}"', before.place, advice)
        here = self._tokens[self._at]
        return BadFilter(f'there is nothing before "{here.kind}"', here.place, advice)
