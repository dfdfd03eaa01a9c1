from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from crmctl.errors import InvalidData
from crmctl.errors import NotFound
from crmctl.errors import UsageProblem
from crmctl.services.importing.source import Source
from crmctl.services.importing.source import open_source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Opener:
    """Opens files with given bytes, and closes them after the test."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "people.csv"
        self.opened: list[Source] = []

    def __call__(self, data: bytes, *, encoding: str = "", delimiter: str = "") -> Source:
        self.path.write_bytes(data)
        self.opened.append(open_source(str(self.path), io.BytesIO(), encoding=encoding, delimiter=delimiter))
        return self.opened[-1]


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Opener]:
    opener = Opener(tmp_path)
    yield opener
    for found in opener.opened:
        found.close()


def cells(found: Source) -> list[list[str]]:
    return [row.cells for row in found.rows()]


NAMES = "name,city\nÄnne Müller,Köln\n"


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (NAMES.encode(), "utf-8-sig"),
        (b"\xef\xbb\xbf" + NAMES.encode(), "utf-8-sig"),
        (NAMES.encode("utf-16"), "utf-16"),
        (b"\xfe\xff" + NAMES.encode("utf-16-be"), "utf-16"),
        (NAMES.encode("cp1252"), "cp1252"),
    ],
)
def test_the_encoding_is_found_out(source: Opener, data: bytes, encoding: str) -> None:
    found = source(data)
    assert found.encoding == encoding
    assert found.guessed is (encoding == "cp1252")
    assert found.header == ["name", "city"]
    assert cells(found) == [["Änne Müller", "Köln"]]


def test_an_encoding_that_was_said_is_used(source: Opener) -> None:
    found = source("name\nŁódź\n".encode("iso8859-2"), encoding="iso8859-2")
    assert cells(found) == [["Łódź"]]
    assert cells(source(b"\xef\xbb\xbfname\nx\n", encoding="UTF-8")) == [["x"]]


@pytest.mark.parametrize("encoding", ["klingon", "base64"])
def test_an_unknown_encoding_is_refused(source: Opener, encoding: str) -> None:
    with pytest.raises(UsageProblem, match="no encoding"):
        source(b"name\n", encoding=encoding)


@pytest.mark.parametrize(
    ("data", "encoding", "words"),
    [
        (b"", "", "people.csv is empty"),
        (b"name\n\x00\n", "", "NUL"),
        (b"name\nx\x00\n", "utf-8", "NUL"),
        ("name\n".encode("utf-16-le"), "", "NUL"),
        (b"name\n\x81\xff\n", "", "neither UTF-8 nor Windows-1252"),
        (b"name\n\xff\n", "utf-8", "is not utf-8"),
        (b"PK\x03\x04abc", "", "a spreadsheet file"),
        (b"\n\nname\n", "", "no header"),
        (b",,\n1,2,3\n", "", "no header"),
        (b"name,,city\n", "", "column 2 has no name"),
        (b"name,city, name\n", "", "two columns are called 'name'"),
        (b'"name,city\n1,2\n', "", "quote is opened and not closed"),
    ],
)
def test_what_is_no_csv_is_refused_in_words(source: Opener, data: bytes, encoding: str, words: str) -> None:
    with pytest.raises(InvalidData, match=words):
        source(data, encoding=encoding)


def test_no_file_and_a_folder_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        open_source(str(tmp_path / "none.csv"), io.BytesIO())
    with pytest.raises(UsageProblem, match="is a folder"):
        open_source(str(tmp_path), io.BytesIO())


def test_standard_input_is_read_as_often_as_needed() -> None:
    found = open_source("-", io.BytesIO(b"name\nAda\n"))
    assert found.name == "standard input"
    assert cells(found) == cells(found) == [["Ada"]]
    found.close()
    with pytest.raises(InvalidData, match="standard input is empty"):
        open_source("-", io.BytesIO())


@pytest.mark.parametrize(
    ("text", "delimiter", "width"),
    [
        ("a,b,c\n1,2,3\n", ",", 3),
        ("a;b;c\n1,5;2;3\n", ";", 3),
        ("a\tb\n1,2\t3;4\n", "\t", 2),
        ("a|b\n1|2\n", "|", 2),
        ("name\nLovelace, Ada\n", ",", 1),
        ('a,b\n"x;y",1\n"p;q",2\n', ",", 2),
        ("last, first;mail\nLovelace;x\nHopper;y\n", ";", 2),
    ],
)
def test_the_delimiter_is_found_out(source: Opener, text: str, delimiter: str, width: int) -> None:
    found = source(text.encode())
    assert (found.delimiter, len(found.header)) == (delimiter, width)


def test_a_delimiter_that_was_said_is_used(source: Opener) -> None:
    assert cells(source(b"a\tb\n1\t2\n", delimiter="tab")) == [["1", "2"]]
    assert source(b"a,b\n", delimiter=";").header == ["a,b"]
    with pytest.raises(UsageProblem, match="cannot stand between cells"):
        source(b"a\n", delimiter='"')


def test_rows_know_the_line_they_begin_on(source: Opener) -> None:
    found = source(b'name,notes\r\nAda,"two\r\nlines"\r\n\r\n,\r\nGrace,one\r\n')
    assert [(row.line, row.cells) for row in found.rows()] == [(2, ["Ada", "two\r\nlines"]), (6, ["Grace", "one"])]


def test_a_broken_row_is_put_aside_and_the_next_is_read(source: Opener) -> None:
    found = source(b'a,b\n"x"y,1\n1\n1,2,3\n1,2,\n')
    rows = list(found.rows())
    assert [(row.line, bool(row.problem)) for row in rows] == [(2, True), (3, True), (4, True), (5, False)]
    assert "follows the closing quote" in rows[0].problem
    assert "it has 1 cells, the header 2" in rows[1].problem
    assert rows[3].cells == ["1", "2"]


def test_a_quote_that_is_never_closed_does_not_swallow_the_file_silently(source: Opener) -> None:
    rows = list(source(b'a,b\n1,"x\n2,y\n').rows())
    assert [row.problem for row in rows] == ["a quote is opened and not closed"]
