from __future__ import annotations

import re
from pathlib import Path

import pytest
from helpers.query_book import CONTEXT
from helpers.query_book import CUSTOMER
from helpers.query_book import DEAL
from helpers.query_book import NOW

from crmctl import query
from crmctl.model import kinds

PAGE = (Path(__file__).parents[3] / "docs" / "filter-language.md").read_text(encoding="utf-8")
KINDS = {kind.name: kind for kind in (*kinds.KINDS, CUSTOMER, DEAL)}
TABLE = PAGE.partition("## Examples")[2].partition("## Terms")[0]
EXAMPLES = re.findall(r"^\| (\w+) \| `(.+?)` \| .+ \|$", TABLE, re.MULTILINE)
ERRORS = re.findall(r"^\$ crmctl (\w+) list '(.+)'\ncrmctl: (.+)\nhint: ((?:.+\n)+)```$", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("kind", "text"), EXAMPLES)
def test_an_example_of_the_page_is_a_filter_for_its_kind(kind: str, text: str) -> None:
    tree = query.parse(text)
    assert query.parse(query.format(tree)) == tree
    found = query.compile_filter(tree, KINDS[kind], CONTEXT, NOW)
    assert found.text.count("?") == len(found.params)


@pytest.mark.parametrize(("kind", "text", "message", "hint"), ERRORS)
def test_an_error_of_the_page_is_told_so(kind: str, text: str, message: str, hint: str) -> None:
    with pytest.raises(query.BadFilter) as caught:
        query.compile_filter(query.parse(text), KINDS[kind], CONTEXT, NOW)
    assert str(caught.value) == message
    assert caught.value.hint == hint.rstrip("\n")


def test_the_page_has_examples_and_errors() -> None:
    assert len(EXAMPLES) > 30
    assert len(ERRORS) == 4


@pytest.mark.parametrize(("one", "other"), re.findall(r"`([^`]+)`\s+is\s+`([^`:]*\([^`]+\)[^`]*)`", PAGE))
def test_what_the_page_calls_the_same_is_the_same(one: str, other: str) -> None:
    if one.startswith("'a or b'"):
        assert query.parse_all(["a or b", "c"]) == query.parse(other)
    else:
        assert query.parse(one) == query.parse(other)
