"""Strict reading: every surprise is refused with its place and a way out, and both parsers say the same."""

from __future__ import annotations

import importlib
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from crmctl.errors import INVALID
from crmctl.errors import InvalidData
from crmctl.store import yaml_events
from crmctl.store.yaml_reader import Mark
from crmctl.store.yaml_reader import read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crmctl.errors import Problem
    from crmctl.model.raw import RawMap

PATH = "records/customers/ada.yaml"
MIB = 1 << 20


@pytest.fixture(params=["c", "pure"])
def parser(request: pytest.FixtureRequest) -> str:
    if request.param == "c" and yaml_events.c_parser() is None:
        pytest.skip("ruamel.yaml.clib is not installed")
    name: str = request.param
    return name


def problem(data: bytes, parser: str = "auto") -> Problem:
    with pytest.raises(InvalidData) as raised:
        read_yaml(data, PATH, parser=parser)
    assert raised.value.code == INVALID
    (only,) = raised.value.problems
    assert only.path == PATH
    assert only.hint
    assert raised.value.hint == only.hint
    assert str(raised.value) == str(only)
    return only


REFUSED = [
    # what is in the file, line, column, code, message
    (b"", 0, 0, "empty", "the file is empty"),
    (b"# only a comment\n", 0, 0, "empty", "the file is empty"),
    (b"---\n", 0, 0, "empty", "the file is empty"),
    (b"hello\n", 1, 1, "not-a-map", "a record is lines of `name: value`, and this is something else"),
    (b"- a\n- b\n", 1, 1, "not-a-map", "a record is lines of `name: value`, and this is something else"),
    (b"[]\n", 1, 1, "not-a-map", "a record is lines of `name: value`, and this is something else"),
    (b"'a: b'\n", 1, 1, "not-a-map", "a record is lines of `name: value`, and this is something else"),
    (b"a: 1\nb: !!str 2\n", 2, 4, "tag", "a value cannot start with !: tags are not used"),
    (b"a: ! b\n", 1, 4, "tag", "a value cannot start with !: tags are not used"),
    (b"a: !!python/object:os.system x\n", 1, 4, "tag", "a value cannot start with !: tags are not used"),
    (b"a: !!binary [x]\n", 1, 4, "tag", "a value cannot start with !: tags are not used"),
    (b"a: {!!str b: c}\n", 1, 5, "tag", "a value cannot start with !: tags are not used"),
    (b"a: !u!x y\n", 1, 4, "tag", "a value cannot start with !: tags are not used"),
    (b"a: !<\n", 1, 4, "tag", "a value cannot start with !: tags are not used"),
    (b"a: &x 1\nb: *x\n", 1, 4, "anchor", "a value cannot start with &: anchors are not used"),
    (b"a: &x [1]\n", 1, 4, "anchor", "a value cannot start with &: anchors are not used"),
    (b"a: &\n", 1, 4, "anchor", "a value cannot start with &: anchors are not used"),
    (b"b: *x\n", 1, 4, "alias", "a value cannot start with *: aliases are not used"),
    (b"b: **bold**\n", 1, 4, "alias", "a value cannot start with *: aliases are not used"),
    (b"a: 1\nb: 2\na: 3\n", 3, 1, "duplicate-key", '"a" is there twice'),
    (b"a:\n  b: 1\n  b: 2\n", 3, 3, "duplicate-key", '"b" is there twice'),
    (b'a: {b: 1, "b": 2}\n', 1, 11, "duplicate-key", '"b" is there twice'),
    (b"? [a]\n: b\n", 1, 3, "complex-key", "a list or a map stands where a name is expected"),
    (b"? {a: b}\n: b\n", 1, 3, "complex-key", "a list or a map stands where a name is expected"),
    (b": b\n", 1, 1, "no-key", "a colon without a name before it"),
    (b"~: b\n", 1, 1, "no-key", "a colon without a name before it"),
    (b"a: 1\n---\nb: 2\n", 2, 1, "second-document", "a second record starts here (---)"),
    (b"a: 1\n...\nb: 2\n", 3, 1, "second-document", "there is more after the end of the record"),
    (b"%YAML 1.1\n---\na: 1\n", 1, 1, "directive", "YAML directives (%...) are not used in records"),
    (b"a: 1\n%TAG ! x\n", 2, 1, "directive", "YAML directives (%...) are not used in records"),
    (b"a: [[[[[[[[x]]]]]]]]\n", 1, 11, "too-deep", "lists and maps go deeper than 8 levels"),
    (b"a: " + b"[" * 30_000, 1, 11, "too-deep", "lists and maps go deeper than 8 levels"),
    (b"a: " + b"{" * 30_000, 1, 5, "complex-key", "a list or a map stands where a name is expected"),
    (b"a: " + b"{a: " * 30_000, 1, 32, "too-deep", "lists and maps go deeper than 8 levels"),
    (b"a:\n  " + b"- " * 30_000, 2, 17, "too-deep", "lists and maps go deeper than 8 levels"),
    (b"a: [" + b"x," * 5_000 + b"]", 1, 9_995, "too-many", "the file holds more than 5,000 names and values"),
    (b"a" * (MIB + 1), 0, 0, "too-large", "the file has 1.0 MiB; a record may have 1 MiB"),
    (b"a" * 50 * MIB, 0, 0, "too-large", "the file has 50.0 MiB; a record may have 1 MiB"),
    (b"a: 1\nb: x\0y\n", 2, 5, "nul", "the file holds a NUL byte; it is not text"),
    (b"\xff\xfea\0:\0", 1, 1, "encoding", "the file is UTF-16, not UTF-8"),
    (b"a: 1\nb: Zo\xeb\n", 2, 6, "encoding", 'byte 0xeb is not UTF-8 (as Latin-1 it would be "ë")'),
    (b"a: \xc3\xa9\xff\n", 1, 5, "encoding", 'byte 0xff is not UTF-8 (as Latin-1 it would be "ÿ")'),
    (b"a: \xed\xa0\x80\n", 1, 4, "encoding", 'byte 0xed is not UTF-8 (as Latin-1 it would be "í")'),
    (b"a: \x93x\x94\n", 1, 4, "encoding", "byte 0x93 is not UTF-8"),
    (b"a: 1\r\nb: \x1b[31m\r\n", 2, 4, "control-character", "an invisible control character (U+001B)"),
    ("a: x\u2028y\n".encode(), 1, 5, "control-character", "an invisible control character (U+2028)"),
    ("a: x\x85y\n".encode(), 1, 5, "control-character", "an invisible control character (U+0085)"),
    ("a: x\ufeffy\n".encode(), 1, 5, "control-character", "an invisible control character (U+FEFF)"),
    (
        b"a: 1\n<<<<<<< HEAD\nb: 2\n=======\nb: 3\n>>>>>>> ann\n",
        2,
        1,
        "conflict-markers",
        "an unsettled merge conflict: both versions are in the file between markers",
    ),
    (
        b"a: 1\n<<<<<<<<<<<< HEAD\nb: 2\n============\nb: 3\n>>>>>>>>>>>> ann\n",
        2,
        1,
        "conflict-markers",
        "an unsettled merge conflict: both versions are in the file between markers",
    ),
    (
        b"a: 1\n>>>>>>> ann\n",
        2,
        1,
        "conflict-markers",
        "an unsettled merge conflict: both versions are in the file between markers",
    ),
    (b"a:\n\tb: c\n", 2, 1, "tab", "a tab is used for indentation"),
    (b"a: x\n\ty\n", 2, 1, "tab", "a tab is used for indentation"),
    (b"a: |\n\tx\n", 2, 1, "tab", "a tab is used for indentation"),
    (b"tags:\n  - a\n\t- b\n", 3, 1, "tab", "a tab is used for indentation"),
    (b"a: b: c\n", 1, 5, "colon", "a second colon on the line"),
    (b"role: CTO\n  since: May\n", 2, 8, "colon", "the line above already has a value, or lacks its colon"),
    (b"a: 1\nb\nc: 3\n", 2, 1, "colon", "a line without a colon"),
    (b"a: [x:y]\n", 1, 6, "colon", "a colon inside [ ] or { }"),
    (b'a: "x\nb: c\n', 1, 4, "quote", "the quote opened here is never closed"),
    (b"a: 'it''s\nb: c\n", 1, 4, "quote", "the quote opened here is never closed"),
    (b"a: @ann\n", 1, 4, "quote", "a value cannot start with @"),
    (b"a: `x`\n", 1, 4, "quote", "a value cannot start with `"),
    (b"a: %x\n", 1, 4, "quote", "a value cannot start with %"),
    (b'a: "Ada" Lovelace\n', 1, 10, "quote", "something follows the end of the value"),
    (b'a: "C:\\q"\n', 1, 7, "escape", "a backslash in double quotes starts an escape that does not exist"),
    (b'a: "\\ud800"\n', 1, 5, "escape", "a backslash in double quotes starts an escape that does not exist"),
    (b'a: "\\ud83d\\ude00"\n', 1, 5, "escape", "a backslash in double quotes starts an escape that does not exist"),
    (b'a: "\\U00110000"\n', 1, 5, "escape", "a backslash in double quotes starts an escape that does not exist"),
    (b'a: "\\xZZ"\n', 1, 5, "escape", "a backslash in double quotes starts an escape that does not exist"),
    (b"a: [x\nb: c\n", 1, 4, "list", "the list opened here with [ is not closed"),
    (b"a: {x: y\nb: c\n", 1, 4, "list", "the map opened here with { is not closed"),
    (b"a: - b\n", 1, 4, "list", "a list item does not fit here"),
    (b"a: b\n- c\n", 2, 1, "list", "a list item does not fit here"),
    (b"a:\n  - b\n  c: d\n", 3, 3, "list", "a line between list items that is not one"),
    (b"a: |x\n  y\n", 1, 5, "block-text", "text after | or > has to start on the next line"),
    (b"a: |0\n  y\n", 1, 5, "block-text", "the number after | or > has to be 1 to 9"),
    (b"a:\n  b: c\n d: e\n", 3, 2, "indentation", "this line is indented differently from its neighbours"),
]


@pytest.mark.parametrize(("data", "line", "column", "code", "message"), REFUSED)
def test_refuses(data: bytes, line: int, column: int, code: str, message: str, parser: str) -> None:
    found = problem(data, parser)
    assert (found.line, found.column, found.code, found.message) == (line, column, code, message)


TAKEN: list[tuple[bytes, RawMap]] = [
    (b"zip: 03012\n", {"zip": "03012"}),
    (b"country: NO\n", {"country": "NO"}),
    (b"name: Null\n", {"name": "Null"}),
    (b"a: ~\nb:\nc: '~'\nd: ''\n", {"a": "", "b": "", "c": "~", "d": ""}),
    (
        b"a: 12:30:45\nb: 2024-02-30\nc: 1e3\nd: +4144\ne: .inf\n",
        {"a": "12:30:45", "b": "2024-02-30", "c": "1e3", "d": "+4144", "e": ".inf"},
    ),
    (b"a: yes\nb: 0x1F\nc: 1_000\n", {"a": "yes", "b": "0x1F", "c": "1_000"}),
    (b"{}\n", {}),
    (b"---\na: b\n...\n", {"a": "b"}),
    (b"a: b", {"a": "b"}),
    (b"\xef\xbb\xbfa: b\n", {"a": "b"}),
    (b"a: b\r\nc: |\r\n  d\r\n  e\r\n", {"a": "b", "c": "d\ne\n"}),
    (b"a: |\n  x\n   y\n\nb: |-\n  x\n\nc: |+\n  x\n\n", {"a": "x\n y\n", "b": "x", "c": "x\n\n"}),
    (b"a: >\n  x\n  y\n\n  z\n", {"a": "x y\nz\n"}),
    (b"a: one\n  two\n", {"a": "one two"}),
    (b"a: [b, 'c', [d]]\ne: {f: g, h: }\n", {"a": ["b", "c", ["d"]], "e": {"f": "g", "h": ""}}),
    (b"a:\n- b\n-\n- c: d\n  e: f\n", {"a": ["b", "", {"c": "d", "e": "f"}]}),
    (b'"": x\n"a b": y\n? c\n: z\n', {"": "x", "a b": "y", "c": "z"}),
    (b'a: "\\e[31m\\0\\x85\\u2028"\n', {"a": "\x1b[31m\0\x85\u2028"}),
    (b"a: b # c\nd: e#f\ng: http://x:80/\n", {"a": "b", "d": "e#f", "g": "http://x:80/"}),
    (b"<<: {a: b}\n", {"<<": {"a": "b"}}),
    (b"a: [[[[[[[x]]]]]]]\n", {"a": [[[[[[["x"]]]]]]]}),
    (b"note: |\n  <<<<<<< not a marker\n  =======\n", {"note": "<<<<<<< not a marker\n=======\n"}),
    (b"=======: x\n", {"=======": "x"}),
    ("name: Zoë 😀 \u202e\n".encode(), {"name": "Zoë 😀 \u202e"}),
    (b"a: |\n  x\ty\n  \tz\n", {"a": "x\ty\n\tz\n"}),
]


@pytest.mark.parametrize(("data", "expected"), TAKEN)
def test_takes_values_as_typed(data: bytes, expected: RawMap, parser: str) -> None:
    document = read_yaml(data, PATH, parser=parser)
    assert document.data == expected
    assert list(document.data) == list(expected)
    assert document.marks == {}


def test_marks_say_where_keys_and_items_begin(parser: str) -> None:
    data = (
        b"# c\nname: Ada\nemails:\n  - address: a@x\n    label: work\n  - address: b@x\ntags: [x, y]\ndeep:\n  - - z\n"
    )
    assert read_yaml(data, PATH, marks=True, parser=parser).marks == {
        ("name",): Mark(2, 1),
        ("emails",): Mark(3, 1),
        ("emails", 0): Mark(4, 5),
        ("emails", 0, "address"): Mark(4, 5),
        ("emails", 0, "label"): Mark(5, 5),
        ("emails", 1): Mark(6, 5),
        ("emails", 1, "address"): Mark(6, 5),
        ("tags",): Mark(7, 1),
        ("tags", 0): Mark(7, 8),
        ("tags", 1): Mark(7, 11),
        ("deep",): Mark(8, 1),
        ("deep", 0): Mark(9, 5),
        ("deep", 0, 0): Mark(9, 7),
    }


def test_an_alias_bomb_is_refused_at_its_first_anchor(parser: str) -> None:
    bomb = b"a: &a [x, x]\n" + b"".join(b"%c: &%c [*%c, *%c]\n" % (c, c, c - 1, c - 1) for c in b"bcdefghi")
    assert problem(bomb, parser).code == "anchor"


@pytest.mark.parametrize(
    "data",
    [
        b"a: " + b"[" * (MIB - 3),
        b"a: " + b"{a: " * (MIB // 4 - 1),
        b"a: b\n" + b"- " * (MIB // 2 - 5),
        b"x" * MIB,
        b"a: " + b"!a " * (MIB // 3 - 1),
        b"a: b\n" + b"---\n" * (MIB // 4 - 2),
        b'a: "' + b"x\n " * (MIB // 3 - 2),
    ],
)
def test_a_hostile_file_of_one_mib_costs_no_more_than_a_glance(data: bytes) -> None:
    if yaml_events.c_parser() is None:
        pytest.skip("the pure parser takes seconds")
    before = time.process_time()
    problem(data)
    assert time.process_time() - before < 1


def test_without_the_c_parser_the_pure_one_takes_over(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name)

    yaml_events.c_parser.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(importlib, "import_module", missing)
        assert yaml_events.c_parser() is None
    try:
        assert read_yaml(b"a: 03012\n", PATH).data == {"a": "03012"}
        assert problem(b"a: [x:y]\n").code == "colon"
        with pytest.raises(ModuleNotFoundError):
            read_yaml(b"a: b\n", PATH, parser="c")
    finally:
        yaml_events.c_parser.cache_clear()


def test_the_rest_of_ruamel_is_loaded_when_somebody_asks_for_it() -> None:
    if yaml_events.c_parser() is None:
        pytest.skip("ruamel.yaml.clib is not installed")
    code = """
import sys
from crmctl.store.yaml_reader import read_yaml
print(read_yaml(b"name: Ada", "").data["name"], "ruamel.yaml.main" in sys.modules)
import ruamel.yaml
print(ruamel.yaml.YAML(typ="safe", pure=True).load("a: [1]"), ruamel.yaml.main.YAML is ruamel.yaml.YAML)
print(ruamel.yaml.__version__ != "", hasattr(ruamel.yaml, "nonsense"))
print(read_yaml(b"name: Bob", "", parser="pure").data["name"])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stderr, done.stdout.splitlines()) == (
        "",
        ["Ada False", "{'a': [1]} True", "True False", "Bob"],
    )


def test_what_the_parsers_say_in_words_we_do_not_know_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def explode() -> None:
        raise RuntimeError("the moon is full")

    def broken(text: str, parser: str) -> Iterator[None]:
        return iter(explode, None)

    monkeypatch.setattr(yaml_events, "events", broken)
    found = problem(b"a: b\n")
    assert (found.line, found.code) == (1, "syntax")
    assert "the moon is full" in found.message


def test_every_hint_and_message_is_plain(parser: str) -> None:
    for data, *_ in REFUSED:
        found = problem(data, parser)
        words = f"{found.message} {found.hint}"
        assert "!" not in words.replace("with !", "")
        for jargon in ("scalar", "token", "mapping", "sequence", "stream", "node", "unexpected"):
            assert jargon not in words
