from __future__ import annotations

import pytest

from crmctl import query
from crmctl.errors import USAGE
from crmctl.query import BadFilter
from crmctl.query import Not
from crmctl.query import Term
from crmctl.query import Value
from crmctl.query import Words
from crmctl.query import all_of
from crmctl.query import any_of
from crmctl.query import format as write
from crmctl.query import parse
from crmctl.query import parse_all
from crmctl.query.problems import NOWHERE
from crmctl.query.problems import Place


def term(name: str, op: str, *texts: str) -> Term:
    return Term(name, op, tuple(Value(text) for text in texts))


A, B, C = term("a", ":", "1"), term("b", ":", "2"), term("c", ":", "3")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("", query.EVERYTHING),
        (" \t ", query.EVERYTHING),
        ("()", query.EVERYTHING),
        ("stage:won", term("stage", ":", "won")),
        ("Stage:Won", term("stage", ":", "Won")),
        ("stage:won,lost", term("stage", ":", "won", "lost")),
        ('stage:"won","lost" x', all_of([term("stage", ":", "won", "lost"), Words("x")])),
        ("value>=10000", term("value", ">=", "10000")),
        ("value<=-5", term("value", "<=", "-5")),
        ("last<-30d", term("last", "<", "-30d")),
        ("at:2026-11-24T15:30", term("at", ":", "2026-11-24T15:30")),
        ("stage!=won", term("stage", "!=", "won")),
        ("stage=won", term("stage", "=", "won")),
        ("stage:", term("stage", ":")),
        ("stage=", term("stage", "=")),
        ("stage!=", term("stage", "!=")),
        ('stage:""', term("stage", ":")),
        ("(stage:)", term("stage", ":")),
        ("stage:*", Term("stage", ":", (Value("", wild=True),))),
        ("handle:cdnow-*", Term("handle", ":", (Value("cdnow-", wild=True),))),
        ('name:"Ada L"*', Term("name", ":", (Value("Ada L", wild=True),))),
        ('name:"x*"', term("name", ":", "x*")),
        ("name:O'Brien", term("name", ":", "O'Brien")),
        ('name:5"', term("name", ":", '5"')),
        ("name:'Ada \"L\"'", term("name", ":", 'Ada "L"')),
        (r'name:"a\"b\\c\d"', term("name", ":", r'a"b\c\d')),
        ("name:Ada Lovelace", all_of([term("name", ":", "Ada"), Words("Lovelace")])),
        ("external.my-shop:7", term("external.my-shop", ":", "7")),
        ("consent.newsletter.basis:contract", term("consent.newsletter.basis", ":", "contract")),
        ('"free words"', Words("free words")),
        ("'it\\'s'", Words("it's")),
        ("14:30", Words("14:30")),
        ("Yahoo!", Words("Yahoo!")),
        ("ada@example.org", Words("ada@example.org")),
        ("a:1 b:2", all_of([A, B])),
        ("a:1 and b:2", all_of([A, B])),
        ("a:1 AND b:2 Or c:3", any_of([all_of([A, B]), C])),
        ("a:1 or b:2 c:3", any_of([A, all_of([B, C])])),
        ("(a:1 or b:2) c:3", all_of([any_of([A, B]), C])),
        ("(a:1)b:2", all_of([A, B])),
        ("a:1 (b:2 c:3)", all_of([A, B, C])),
        ("a:1 or (b:2 or c:3)", any_of([A, B, C])),
        ("-a:1 b:2", all_of([Not(A), B])),
        ("not a:1 b:2", all_of([Not(A), B])),
        ("not(a:1 or b:2)", Not(any_of([A, B]))),
        ("-(a:1 b:2)", Not(all_of([A, B]))),
        ('-"free words"', Not(Words("free words"))),
        ("--a:1", Not(Not(A))),
        ("not not a:1", Not(Not(A))),
        ("Straße:1", term("straße", ":", "1")),
    ],
)
def test_text_means_this_tree(text: str, tree: query.Node) -> None:
    assert parse(text) == tree
    assert parse(write(tree)) == tree


@pytest.mark.parametrize(
    ("text", "column", "reason"),
    [
        ("stage==won", 6, 'there is no operator "=="'),
        ("stage<>won", 6, 'there is no operator "<>"'),
        ("stage:<won", 6, 'there is no operator ":<"'),
        ("value>=", 1, 'there is no value after ">="'),
        ("value>1,000", 1, '">" takes one value, not a list'),
        ("stage:,won", 7, "there is an empty entry in the list"),
        ("stage:won,", 11, "there is an empty entry in the list"),
        ('stage:won,""', 13, "there is an empty entry in the list"),
        ("stage:(won or lost)", 7, '"(" cannot follow here'),
        ("name:f(x)", 7, '"(" cannot follow here'),
        ('name:"a"b', 9, '"b" cannot follow here'),
        ('"a"b', 4, '"b" cannot follow here'),
        ("f(x)", 2, '"(" cannot follow here'),
        ('name:"Ada', 6, "this quote is not closed"),
        ("'tis", 1, "this quote is not closed"),
        ('""', 1, "there is nothing between the quotes"),
        ("stage >= 3", 7, 'there is no field before ">"'),
        (":x", 1, 'there is no field before ":"'),
        ("a&b:c", 1, '"a&b" is not the name of a field'),
        ("2nd:x", 1, '"2nd" is not the name of a field'),
        ("a - b", 3, 'there is nothing after "-"'),
        ("(-)", 2, 'there is nothing after "-"'),
        ("a or", 3, 'there is nothing after "or"'),
        ("a and", 3, 'there is nothing after "and"'),
        ("a not", 3, 'there is nothing after "not"'),
        ("(a or)", 4, 'there is nothing after "or"'),
        ("or a", 1, 'there is nothing before "or"'),
        ("(or a)", 1, 'there is nothing after "("'),
        ("a or or b", 3, 'there is nothing after "or"'),
        ("(a or b", 1, 'this "(" is not closed'),
        ("(", 1, 'there is nothing after "("'),
        ("a)", 2, 'there is no "(" for this ")"'),
        (")", 1, 'there is nothing before ")"'),
        ("a\0", 2, "there is a character here that no text can have"),
        ("a \udce4", 3, "there is a character here that no text can have"),
        ("(" * 51 + "a" + ")" * 51, 51, "the filter is nested more than 50 levels deep"),
        ("-" * 51 + "a", 51, "the filter is nested more than 50 levels deep"),
        ("x" * 10_001, 10_001, "the filter has more than 10000 characters"),
    ],
)
def test_what_is_wrong_is_told_with_its_column(text: str, column: int, reason: str) -> None:
    with pytest.raises(BadFilter) as caught:
        parse(text)
    assert str(caught.value) == f"filter, column {column}: {reason}"
    assert (caught.value.column, caught.value.text) == (column, text)
    assert caught.value.code == USAGE
    advice, excerpt, carets = caught.value.hint.split("\n")
    assert advice.endswith((".", "quotes.", "ends."))
    assert carets.strip().strip("^") == ""
    assert excerpt.startswith("  ")


def test_the_excerpt_points_at_the_place() -> None:
    with pytest.raises(BadFilter) as caught:
        parse("tag:vip stage==won")
    assert caught.value.hint.split("\n")[1:] == ["  tag:vip stage==won", "               ^^"]


def test_the_excerpt_of_a_long_filter_is_cut_on_both_sides() -> None:
    with pytest.raises(BadFilter) as caught:
        parse("x\n" * 40 + "stage==won" + " y" * 40)
    _, excerpt, carets = caught.value.hint.split("\n")
    assert excerpt.startswith("  ...")
    assert excerpt.endswith("...")
    assert excerpt[carets.index("^") :].startswith("==won")
    assert len(excerpt) < 90


def test_fifty_levels_are_not_too_deep() -> None:
    assert parse("(" * 50 + "a" + ")" * 50) == Words("a")


@pytest.mark.parametrize(
    ("args", "text"),
    [
        ([], ""),
        (["", " "], ""),
        (["a", "b"], "a b"),
        (["a or b", "c"], "(a or b) c"),
        (["a", "or", "b"], "a or b"),
        (["a", "OR", "not", "b"], "a or not b"),
        (["a or", "b"], "a or b"),
        (["a b", "or", "c"], "a b or c"),
        (["(a", "or", "b)", "c"], "(a or b) c"),
        (["(", "a or b", ")", "-c"], "(a or b) -c"),
        (["name:Ada Lovelace", "vip"], "name:Ada Lovelace vip"),
        (["a", ") (", "b"], None),
        (["(a", "b"], None),
    ],
)
def test_several_arguments_are_joined(args: list[str], text: str | None) -> None:
    if text is None:
        with pytest.raises(BadFilter):
            parse_all(args)
    else:
        assert parse_all(args) == parse(text)


def test_the_column_counts_in_the_argument_that_is_wrong() -> None:
    with pytest.raises(BadFilter) as caught:
        parse_all(["stage:won", "tag:vip stage==won"])
    assert (caught.value.column, caught.value.text) == (14, "tag:vip stage==won")


def test_the_length_of_all_arguments_counts() -> None:
    assert parse_all(["x" * 5000, "y" * 5000])
    with pytest.raises(BadFilter) as caught:
        parse_all(["x" * 5000, "y" * 5001])
    assert caught.value.column == 5001


@pytest.mark.parametrize(
    ("tree", "text"),
    [
        (query.EVERYTHING, ""),
        (any_of([]), "-()"),
        (query.Or(()), "-()"),
        (all_of([any_of([A, query.EVERYTHING]), B]), "(a:1 or ()) b:2"),
        (query.And((A, query.And((B, C)))), "a:1 (b:2 c:3)"),
        (Not(Not(A)), "not -a:1"),
        (Not(any_of([A, B])), "-(a:1 or b:2)"),
        (Words("and"), '"and"'),
        (Words("free words"), '"free words"'),
        (Words("-x"), '"-x"'),
        (term("a", ":", 'say "hi" \\ '), r'a:"say \"hi\" \\ "'),
        (term("a", ":", "x*"), 'a:"x*"'),
        (term("a", ":", "=x", "b,c"), 'a:"=x","b,c"'),
        (Term("a", ":", (Value("", wild=True),)), "a:*"),
        (Term("a", ":", (Value("b c", wild=True),)), 'a:"b c"*'),
    ],
)
def test_a_tree_is_written_as_a_person_would(tree: query.Node, text: str) -> None:
    assert write(tree) == text


def test_trees_of_different_meaning_are_not_equal() -> None:
    both: query.Node = query.And((A, B))
    either: query.Node = query.Or((A, B))
    assert both != either
    assert parse("a:1 b:2") != parse("a:1 or b:2")
    assert parse("a:1") != parse("a:2")


def test_places_do_not_tell_trees_apart() -> None:
    assert parse("a:1   b:2") == parse("a:1 b:2")
    assert hash(parse("a:1   b:2")) == hash(parse("a:1 b:2"))
    assert Place("a", 0, 1) != (0, 1)
    assert repr(Place("abc", 1, 2)) == "<1:2>"
    assert NOWHERE.head(3) is NOWHERE


def test_joining_keeps_a_single_node_and_flattens() -> None:
    assert all_of([A]) == A
    assert any_of([A]) == A
    assert all_of([query.EVERYTHING, A]) == A
    assert all_of([]) == query.EVERYTHING
    assert any_of([any_of([A, B]), C]) == query.Or((A, B, C))
