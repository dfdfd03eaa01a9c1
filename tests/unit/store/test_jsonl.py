"""Strict JSON Lines: a bad line is reported with its place, the others are kept, everything is text."""

from __future__ import annotations

import json

import pytest

from crmctl.errors import InvalidData
from crmctl.errors import Problem
from crmctl.store import jsonl
from crmctl.store.jsonl import JsonLine
from crmctl.store.jsonl import parse_line
from crmctl.store.jsonl import read_lines
from crmctl.store.jsonl import write_line

PATH = "records/interactions/ada.jsonl"
MIB = 1 << 20


def only_problem(line: bytes) -> Problem:
    """The one problem of a file whose second line is ``line``; the lines around it are still read."""
    lines, problems = read_lines(b'{"id": "1"}\n' + line + b'\n{"id": "3"}\n', PATH)
    assert [entry.value["id"] for entry in lines] == ["1", "3"]
    assert [entry.number for entry in lines] == [1, 3]
    (problem,) = problems
    assert (problem.path, problem.line) == (PATH, 2)
    assert problem.hint
    return problem


@pytest.mark.parametrize(
    ("line", "column", "code", "message"),
    [
        (b'{"text": "Zo\xeb"}', 13, "encoding", "byte 0xeb is not UTF-8"),
        (b'{"a": "\xc3\xa9\xff"}', 9, "encoding", "byte 0xff is not UTF-8"),
        (b'{"a": 1, "b": 2, "a": 3}', 18, "duplicate-key", '"a" is there twice in one object'),
        (b'{"x": [{"k": 1, "k": 2}]}', 17, "duplicate-key", '"k" is there twice in one object'),
        (b'{"a": NaN}', 7, "number", "NaN is not a number JSON knows"),
        (b'{"a": [-Infinity]}', 8, "number", "-Infinity is not a number JSON knows"),
        (b'{"a": ' + b"9" * 4_301 + b"}", 7, "number", "a number of 4,301 digits; 4,300 are the most"),
        (b'{"a": 0.' + b"9" * 4_299 + b"}", 7, "number", "a number of 4,301 digits; 4,300 are the most"),
        (b'{"a": "x\\ud800y"}', 9, "surrogate", "half a character (a lone surrogate escape)"),
        (b'{"a": "\\ud83d\\ude00 \\udc01"}', 21, "surrogate", "half a character (a lone surrogate escape)"),
        (b'{"a": "\\\\ud83d\\ude00"}', 1, "surrogate", "half a character (a lone surrogate escape)"),
        (b'{"\\uDFFF": "x"}', 3, "surrogate", "half a character (a lone surrogate escape)"),
        (b"[1, 2]", 1, "not-an-object", "the line is not an object"),
        (b'"text"', 1, "not-an-object", "the line is not an object"),
        (b"null", 1, "not-an-object", "the line is not an object"),
        (b"12", 1, "not-an-object", "the line is not an object"),
        (b'{"a": [[[[[[[[1]]]]]]]]}', 1, "too-deep", "lists and objects go deeper than 8 levels"),
        (b'{"a":' * 9 + b"1" + b"}" * 9, 1, "too-deep", "lists and objects go deeper than 8 levels"),
        (b"[" * 30_000, 1, "too-deep", "lists and objects go deeper than 8 levels"),
        (b'{"a":' * 100_000, 1, "too-deep", "lists and objects go deeper than 8 levels"),
        (b'{"a": "' + b"x" * MIB + b'"}', 1, "too-large", "the line is longer than 1 MiB"),
        (b'{"a": 1} {"b": 2}', 10, "syntax", "something follows the object"),
        (b'{"a": 1}x', 9, "syntax", "something follows the object"),
        (b'{"a": 1', 8, "syntax", "a comma or the closing bracket is missing"),
        (b'{"a" 1}', 6, "syntax", "a colon is missing after a name"),
        (b"{a: 1}", 2, "syntax", "a name in double quotes is missing"),
        (b'{"a": x}', 7, "syntax", "a value is missing or not in quotes"),
        (b"hello", 1, "syntax", "a value is missing or not in quotes"),
        (b'{"a": "x}', 7, "syntax", "a quote is never closed"),
        (b'{"a": "\\q"}', 8, "syntax", "a backslash starts an escape that does not exist"),
        (b'{"a": "x\ty"}', 9, "syntax", "a tab or another control character inside quotes"),
        (b'{"a": "\x00"}', 8, "syntax", "a tab or another control character inside quotes"),
    ],
)
def test_a_bad_line_is_reported_and_the_others_kept(line: bytes, column: int, code: str, message: str) -> None:
    problem = only_problem(line)
    assert (problem.column, problem.code, problem.message) == (column, code, message)


@pytest.mark.parametrize("line", [b'{"a": 1,}', b'{"a": 1, }'])
def test_a_comma_too_many_is_reported(line: bytes) -> None:
    assert only_problem(line).code == "syntax"


def test_words_the_decoder_may_use_one_day_are_passed_on() -> None:
    error = json.JSONDecodeError("Wrong moon", "{}", 0)
    assert "Wrong moon" in jsonl._problem(error, b"{}", PATH, 1).message


def test_a_conflict_is_one_problem() -> None:
    data = b'{"id": "1"}\n<<<<<<< HEAD\n{"id": "2"}\n=======\n{"id": "3"}\n>>>>>>> ann\n{"id": "4"}\n'
    lines, problems = read_lines(data, PATH)
    assert [line.value["id"] for line in lines] == ["1", "2", "3", "4"]
    assert [(problem.line, problem.code) for problem in problems] == [(2, "conflict-markers")]


def test_two_conflicts_with_their_base_are_two_problems() -> None:
    one = b"<<<<<<< a\n||||||| base\n=======\n>>>>>>> b\n"
    _, problems = read_lines(one + one, PATH)
    assert [(problem.line, problem.code) for problem in problems] == [(1, "conflict-markers"), (5, "conflict-markers")]


def test_a_rule_without_markers_is_only_bad_json() -> None:
    assert only_problem(b"=======").code == "syntax"


def test_markers_inside_a_text_are_text() -> None:
    lines, problems = read_lines(b'{"text": "<<<<<<< HEAD"}\n', PATH)
    assert not problems
    assert lines[0].value == {"text": "<<<<<<< HEAD"}


def test_a_file_beyond_all_measure_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonl, "MAX_FILE", 2 * MIB)
    lines, (problem,) = read_lines(b" " * (2 * MIB + 1), PATH)
    assert not lines
    assert (problem.line, problem.code) == (0, "too-large")
    assert "2 MiB are the most" in problem.message


def test_everything_is_text_as_written() -> None:
    data = (
        b'{"minutes": 015x}\n{"amount": 120.50, "n": -0, "e": 1E5, "yes": true, "no": false, "none": null, '
        b'"list": [1, null, [true, "x"], {"a": 1.0}], "map": {"b": 2}, "empty": {}, "nothing": []}\n'
    )
    lines, problems = read_lines(data, PATH)
    assert [problem.line for problem in problems] == [1]
    assert lines[0].value == {
        "amount": "120.50",
        "n": "-0",
        "e": "1E5",
        "yes": "true",
        "no": "false",
        "none": "",
        "list": ["1", "", ["true", "x"], {"a": "1.0"}],
        "map": {"b": "2"},
        "empty": {},
        "nothing": [],
    }


def test_blank_lines_windows_line_ends_and_a_byte_order_mark_are_tolerated() -> None:
    lines, problems = read_lines(b'\xef\xbb\xbf{"a": "1"}\r\n\r\n  \n  {"b": "2"} \t\n\n', PATH)
    assert not problems
    assert lines == [JsonLine(1, b'{"a": "1"}\r', {"a": "1"}), JsonLine(4, b'  {"b": "2"} \t', {"b": "2"})]


@pytest.mark.parametrize("data", [b"", b"\n", b"\xef\xbb\xbf"])
def test_an_empty_file_holds_nothing(data: bytes) -> None:
    assert read_lines(data, PATH) == ([], [])


def test_eight_levels_pass() -> None:
    assert parse_line(b'{"a": [[[[[[[1]]]]]]]}') == {"a": [[[[[[["1"]]]]]]]}
    assert parse_line(b'{"a": "[[[[[[[[[[{{{{{{{{{{"}') == {"a": "[[[[[[[[[[{{{{{{{{{{"}


def test_whole_characters_written_as_two_halves_pass() -> None:
    assert parse_line(b'{"a": "\\ud83d\\ude00"}') == {"a": "😀"}


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ({"id": "1", "text": "Zoë 😀"}, '{"id": "1", "text": "Zoë 😀"}'),
        ({"b": "2", "a": ["x", {"c": "d"}]}, '{"b": "2", "a": ["x", {"c": "d"}]}'),
        ({"a": 'x\ny\t\x1b"\\'}, '{"a": "x\\ny\\t\\u001b\\"\\\\"}'),
        ({"a": "\u2028\u2029\x85\x7f\x9b"}, '{"a": "\\u2028\\u2029\\u0085\\u007f\\u009b"}'),
        ({"a": "\u202e\u2066\u200b\ufeff"}, '{"a": "\\u202e\\u2066\\u200b\\ufeff"}'),
        ({"a": "x\u200dy می\u200cخواهم"}, '{"a": "x\\u200dy می\u200cخواهم"}'),
        ({"a\x7f": "\U000e0041"}, '{"a\\u007f": "\\udb40\\udc41"}'),
        ({}, "{}"),
    ],
)
def test_a_line_is_written_canonically_and_reads_back(value: dict[str, object], line: str) -> None:
    assert write_line(value) == line.encode() + b"\n"
    lines, problems = read_lines(write_line(value), PATH)
    assert not problems
    assert lines[0].value == value
    assert list(lines[0].value) == list(value)


def test_half_a_character_is_not_written() -> None:
    with pytest.raises(InvalidData, match="half a character"):
        write_line({"a": "x\ud800"})


def test_not_a_number_is_not_written() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_line({"a": float("nan")})
