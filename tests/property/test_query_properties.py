from __future__ import annotations

from datetime import UTC
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import example
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from crmctl import query
from crmctl.model import kinds
from crmctl.model import values

if TYPE_CHECKING:
    from crmctl.model.fields import Kind

NOW = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)
CONTEXT = values.Context()
KINDS = {kind.name: kind for kind in kinds.KINDS}

names = st.sampled_from(["stage", "tag", "external.cdnow", "consent.news-letter.basis", "next-step", "größe"])
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12)
some_values = st.builds(query.Value, texts, st.booleans()) | st.just(query.Value("", wild=True))
terms = st.builds(
    lambda name, op, found: query.Term(name, op, tuple(found)),
    names,
    st.sampled_from([":", "=", "!="]),
    st.lists(some_values, max_size=3),
) | st.builds(
    lambda name, op, value: query.Term(name, op, (value,)), names, st.sampled_from(["<", "<=", ">", ">="]), some_values
)
leaves = terms | texts.filter(str.strip).map(query.Words)
trees = st.recursive(
    leaves,
    lambda inner: inner.map(query.Not) | st.lists(inner).map(query.all_of) | st.lists(inner).map(query.any_of),
    max_leaves=12,
)

# Text in which every second piece means something to the language.
WORDS = """stage tag: value : = != < >= ( ) - or and not " ' \\ * , won 10 fri 2026-11 é % external. consent.x 0 EUR
    at: phone: spent stage:* "a" due orders handle: name amount"""
pieces = st.sampled_from([*WORDS.split(), " ", " or ", " and ", "\n", "\0", "\ud800"])
noise = st.lists(pieces, max_size=14).map("".join) | st.text(max_size=30)


@given(trees)
def test_a_written_tree_is_read_as_an_equal_one(tree: query.Node) -> None:
    assert query.parse(query.format(tree)) == tree


@settings(max_examples=400)
@given(noise)
@example("(" * 5000)
@example("-" * 5000)
@example("value>" + "9" * 9000)
@example("value>0." + "9" * 9000)
@example("closes:" + "9" * 500)
@example("probability:" + "9" * 9000)
def test_any_text_is_a_filter_or_told_what_is_wrong(text: str) -> None:
    try:
        tree = query.parse(text)
    except query.BadFilter as problem:
        assert 1 <= problem.column <= len(text) + 1
        assert problem.text == text
        return
    assert query.parse(query.format(tree)) == tree
    for kind in KINDS.values():
        compiles(tree, kind)


def compiles(tree: query.Node, kind: Kind) -> None:
    try:
        found = query.compile_filter(tree, kind, CONTEXT, NOW)
    except query.BadFilter as problem:
        assert problem.hint
    else:
        assert found.text.count("?") == len(found.params)


@given(trees, st.sampled_from(list(KINDS)))
def test_any_tree_compiles_or_is_told_what_is_wrong(tree: query.Node, name: str) -> None:
    compiles(tree, KINDS[name])


@given(st.lists(noise, max_size=5))
def test_any_arguments_are_a_filter_or_told_what_is_wrong(args: list[str]) -> None:
    try:
        tree = query.parse_all(args)
    except query.BadFilter as problem:
        assert problem.text in args
        return
    assert query.parse(query.format(tree)) == tree


@given(trees, trees)
def test_arguments_are_joined_by_and(one: query.Node, other: query.Node) -> None:
    assert query.parse_all([query.format(one), query.format(other)]) == query.all_of([one, other])


@given(st.lists(st.sampled_from(["spent", "-name", "tags", "x", "-", "", "last", "É\0"]), max_size=3))
def test_any_names_are_an_order_or_told_what_is_wrong(asked: list[str]) -> None:
    fine = {"spent", "-name", "last"}.issuperset(asked)
    if fine:
        assert query.order_by(asked, kinds.CUSTOMER).count("NULLS LAST") == len(asked)
    else:
        with pytest.raises(query.BadFilter):
            query.order_by(asked, kinds.CUSTOMER)
