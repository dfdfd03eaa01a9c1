"""One table in seven forms."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest
from helpers.golden import golden
from hypothesis import given
from hypothesis import strategies as st

from crmctl.render.rows import FORMATS
from crmctl.render.rows import Column
from crmctl.render.rows import cell_text
from crmctl.render.rows import inert
from crmctl.render.rows import object_json
from crmctl.render.rows import render

if TYPE_CHECKING:
    from crmctl.render.rows import Value

_ASCII = st.characters(min_codepoint=32, max_codepoint=126)
COLUMNS = [Column("handle"), Column("next_step", heading="what now"), Column("amount", right=True)]
ROWS: list[list[Value]] = [
    ["ada", "call | write", "1200.00"],
    ["zoë", None, None],
    ["evil", "=1+1\x1b[31m\nsecond", "-5"],
    ["odd", ["a", "b"], {"x": "1", "y": None, "z": True}],
]


def lines(form: str, rows: list[list[Value]] = ROWS, *, width: int = 0) -> list[str]:
    return list(render(form, COLUMNS, rows, width=width))


@pytest.mark.parametrize("form", FORMATS)
def test_every_form_looks_as_it_did(form: str) -> None:
    golden(f"rows-{form}.txt", "".join(f"{line}\n" for line in lines(form)))


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("table", []),
        ("json", ["[]"]),
        ("jsonl", []),
        ("csv", ["handle,next_step,amount"]),
        ("tsv", ["handle\tnext_step\tamount"]),
        ("ids", []),
    ],
)
def test_no_rows(form: str, expected: list[str]) -> None:
    assert lines(form, []) == expected


def test_no_rows_in_markdown_are_a_table_of_headings() -> None:
    assert lines("md", [])[0] == "| handle | what now | amount |"


@given(
    st.lists(st.tuples(st.text(_ASCII, max_size=9), st.text(_ASCII, max_size=9)), min_size=1, max_size=5),
    st.lists(st.booleans(), min_size=2, max_size=2),
)
def test_plain_tables_are_what_tabulate_makes(cells: list[tuple[str, str]], right: list[bool]) -> None:
    columns = [Column("a", right=right[0]), Column("next_step", heading="what now", right=right[1])]
    plain = list(render("table", columns, [list(row) for row in cells]))
    # A cell that is not ASCII has tabulate make the table; that row is then left out.
    wide = list(render("table", columns, [*(list(row) for row in cells), ["é", ""]]))
    assert plain == wide[:-1]


def test_json_is_an_array_of_objects_with_null_for_what_is_absent() -> None:
    found = json.loads("\n".join(lines("json")))
    assert found[1] == {"handle": "zoë", "next_step": None, "amount": None}
    assert found[3]["amount"] == {"x": "1", "y": None, "z": True}
    assert [json.loads(line) for line in lines("jsonl")] == found


def test_tables_are_shortened_to_the_terminal_and_never_wrapped() -> None:
    rows: list[list[Value]] = [["ada", "x" * 200, "y" * 100], ["b", "short", "z"]]
    for width in (40, 60, 120):
        assert max(map(len, lines("table", rows, width=width))) == width
    assert max(map(len, lines("table", rows))) > 300
    assert "…" in "".join(lines("table", rows, width=60))
    assert "…" not in "".join(lines("table", rows))


def test_a_very_narrow_terminal_still_gets_the_headings() -> None:
    rows: list[list[Value]] = [["a" * 50, "b" * 50, "c" * 50]]
    assert lines("table", rows, width=10)[0].split() == ["handle", "what", "now", "amount"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        ("x", "x"),
        (True, "yes"),
        (False, "no"),
        (0, "0"),
        ([], ""),
        (["a", None, 1], "a, , 1"),
        ({"a": "1", "b": None, "c": ["x", "y"]}, "a: 1; c: x, y"),
    ],
)
def test_values_as_the_text_of_one_cell(value: Value, text: str) -> None:
    assert cell_text(value) == text


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+44 20", "'+44 20"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-cmd", "'-cmd"),
        ("-", "'-"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("＝1+1", "'＝1+1"),
        ("'quoted", "''quoted"),
        ("-5", "-5"),
        ("-5.25", "-5.25"),
        ("-5.2.5", "'-5.2.5"),
        ("plain", "plain"),
        ("", ""),
    ],
)
def test_cells_that_a_spreadsheet_would_run_are_inert(text: str, cell: str) -> None:
    assert inert(text) == cell


@given(st.text())
def test_an_inert_cell_can_be_taken_back(text: str) -> None:
    cell = inert(text)
    assert cell[:1] not in set("=+@\t\r\n＝＋－＠")
    assert (cell.removeprefix("'") if cell.startswith("'") else cell) == text


@given(
    st.lists(
        st.lists(st.text(st.characters(exclude_characters="\0\r")), min_size=3, max_size=3), min_size=1, max_size=4
    )
)
def test_csv_comes_back_equal(rows: list[list[Value]]) -> None:
    text = "\n".join(render("csv", COLUMNS, rows, raw_csv=True))
    assert list(csv.reader(io.StringIO(text, newline="")))[1:] == rows


@given(st.lists(st.lists(st.text(), min_size=3, max_size=3), min_size=1, max_size=4))
def test_every_row_is_one_line_of_tsv_jsonl_and_ids(rows: list[list[Value]]) -> None:
    for form, extra in (("tsv", 1), ("jsonl", 0), ("ids", 0)):
        found = "".join(f"{line}\n" for line in render(form, COLUMNS, rows))
        assert found.count("\n") == len(found.splitlines()) == len(rows) + extra
        assert "\x1b" not in found


def test_one_object_is_json_over_several_lines() -> None:
    assert object_json({"a": None, "b": ["ü", "\x7f\u202e"]}).splitlines() == [
        "{",
        '  "a": null,',
        '  "b": [',
        '    "ü",',
        '    "\\u007f\\u202e"',
        "  ]",
        "}",
    ]
