from __future__ import annotations

import pytest

from crmctl.merge.outcome import Clash
from crmctl.merge.outcome import Questions
from crmctl.merge.outcome import Three
from crmctl.merge.outcome import Value


@pytest.mark.parametrize(
    ("three", "value"),
    [
        (Three("a", "a", "a"), "a"),
        (Three("a", "b", "b"), "b"),
        (Three("a", "b", "a"), "b"),
        (Three("a", "a", "b"), "b"),
        (Three("a", None, "a"), None),
        (Three("a", "a", None), None),
        (Three("a", None, None), None),
        (Three(None, "b", None), "b"),
        (Three(None, None, "b"), "b"),
        (Three({"x": "1", "y": "2"}, {"y": "2", "x": "1"}, {"x": "3"}), {"x": "3"}),
    ],
)
def test_what_one_side_did_needs_no_rule(three: Three, value: Value) -> None:
    assert three.settled
    assert three.value == value


@pytest.mark.parametrize(
    "three", [Three("a", "b", "c"), Three(None, "b", "c"), Three("a", None, "c"), Three([], "", None)]
)
def test_what_both_did_differently_does(three: Three) -> None:
    assert not three.settled


def test_a_question_is_noted_and_ours_stands() -> None:
    questions = Questions({})
    assert questions.ask(("external", "shop"), Three("0", "1", "2")) == "1"
    assert questions.clashes == [Clash(("external", "shop"), ("external",), "0", "1", "2")]


def test_an_answer_is_taken_and_nothing_asked() -> None:
    questions = Questions({("phone",): "3", ("name",): None})
    assert questions.ask(("phone",), Three("0", "1", "2")) == "3"
    assert questions.ask(("name",), Three("0", "1", "2")) is None
    assert questions.clashes == []


def test_an_answer_for_several_fields_is_a_map_or_none() -> None:
    three = Three({"amount": "1"}, {"amount": "2"}, None)
    names = ("amount", "currency")
    assert Questions({("currency",): {"amount": "3"}}).ask(("currency",), three, names) == {"amount": "3"}
    assert Questions({("currency",): None}).ask(("currency",), three, names) is None
    questions = Questions({("currency",): "EUR"})
    assert questions.ask(("currency",), three, names) == {"amount": "2"}
    assert questions.clashes == [Clash(("currency",), names, *three)]
