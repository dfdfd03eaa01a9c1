"""The canonical form: readable, and nothing in it that any YAML reader could take for anything but text."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING
from typing import Any

import pytest
from ruamel.yaml import YAML

from crmctl.errors import InvalidData
from crmctl.store.yaml_reader import read_yaml
from crmctl.store.yaml_writer import write_yaml

if TYPE_CHECKING:
    from crmctl.model.raw import RawMap


def value_line(text: str) -> str:
    """What is written for ``text`` after its key."""
    written = write_yaml({"key": text})
    assert read_yaml(written.encode(), "x").data == {"key": text}
    return written.removeprefix("key: ").removesuffix("\n")


def test_a_record_looks_like_this() -> None:
    record: RawMap = {
        "id": "01HV3K5Z8Q9W0X1Y2Z3A4B5C6D",
        "name": "Zoë Müller 😀",
        "zip": "03012",
        "emails": [{"address": "zoe@example.org", "label": "work"}, {"address": "z@example.org"}],
        "tags": ["vip", "long lunch"],
        "relations": [],
        "extra": {},
        "address": {"street": "Hauptstraße 1", "country": "NO"},
        "note": "Met at the fair.\n\n  Likes tea.\n",
        "quote": "one\ntwo",
        "nested": [["a", ["b"]], [{"c": "d"}]],
        "nothing": "",
    }
    assert write_yaml(record) == (
        "id: 01HV3K5Z8Q9W0X1Y2Z3A4B5C6D\n"
        "name: Zoë Müller 😀\n"
        'zip: "03012"\n'
        "emails:\n"
        "  - address: zoe@example.org\n"
        "    label: work\n"
        "  - address: z@example.org\n"
        "tags:\n"
        "  - vip\n"
        "  - long lunch\n"
        "relations: []\n"
        "extra: {}\n"
        "address:\n"
        "  street: Hauptstraße 1\n"
        '  country: "NO"\n'
        "note: |\n"
        "  Met at the fair.\n"
        "\n"
        "    Likes tea.\n"
        "quote: |-\n"
        "  one\n"
        "  two\n"
        "nested:\n"
        "  - - a\n"
        "    - - b\n"
        "  - - c: d\n"
        'nothing: ""\n'
    )


def test_an_empty_record() -> None:
    assert write_yaml({}) == "{}\n"


@pytest.mark.parametrize(
    "text",
    [
        "Ada Lovelace",
        "O'Hara",
        'say "hi"',
        "https://example.org:80/a?b=c#d",
        "ada@example.org",
        "+44 20 7946 0000",
        "a:b",
        "a#b",
        "C:\\temp",
        "naïve",
        "01HV3K5Z8Q9W0X1Y2Z3A4B5C6D",
        "12 High Street",
        "yesterday",
        "nullable",
        "x - y",
        "می‌خواهم",
        "👨‍👩‍👧",
        "a, b",
        "100%",
        "_x",
        "(x)",
        "x" * 5_000,
        "word " * 500 + "end",
    ],
)
def test_plain_text_stays_plain_and_on_one_line(text: str) -> None:
    assert value_line(text) == text


@pytest.mark.parametrize(
    "text",
    [
        *["", " ", " a", "a ", "~", "null", "Null", "NULL", "true", "False", "yes", "No", "NO", "on", "OFF", "y", "N"],
        *["0", "1", "-1", "+1", "03012", "0o17", "0x1F", "0b1", "1_000", "1.5", "1e3", "12e03", ".5", "5.", "-.5"],
        *[".inf", "-.INF", "+.inf", ".nan", "12:30:45", "190:20:30.15", "1.2.3", "1,000", "685_230.15", "12e+3"],
        *["2026-05-03", "2026-5-3", "2026-05-03T10:00:00Z", "2026-05-03 10:00:00 +01:00", "+4420794600"],
        *["- a", "-", "-a", "? a", "?", ": a", ":", "a: b", "a:", "a #b", "#a", "[a]", "{a}", "]", "}", ","],
        *["&a", "*a", "!a", "|", ">", "'a'", '"a"', "%a", "@a", "`a`", "---", "...", "--- a", "=", "<<", "<"],
        *["a\tb", "\ta", "a:\tb"],
    ],
)
def test_what_a_reader_could_take_for_something_else_is_quoted(text: str) -> None:
    line = value_line(text)
    assert line.startswith('"')
    assert line.endswith('"')
    assert "\n" not in line


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a\x1b[31mb", '"a\\u001b[31mb"'),
        ("\0", '"\\u0000"'),
        ("\x7f", '"\\u007f"'),
        ("a\x7f", '"a\\u007f"'),
        ("a\u202eb", '"a\\u202eb"'),
        ("a\u200bb", '"a\\u200bb"'),
        ("a\u200db", '"a\\u200db"'),
        ("a\u2028b", '"a\\u2028b"'),
        ("a\x85b", '"a\\u0085b"'),
        ("\ufeffa", '"\\ufeffa"'),
        ("a\U000e0041b", '"a\\U000e0041b"'),
        ("a\uffffb", '"a\\uffffb"'),
        ("a\r\nb", '"a\\r\\nb"'),
        ("a\n \nb", '"a\\n \\nb"'),
        ("\n\n", '"\\n\\n"'),
        ("a\n\u202eb", '"a\\n\\u202eb"'),
        ("a\tb", '"a\\tb"'),
        ("\x08\x0c", '"\\b\\f"'),
        (' "\\', '" \\"\\\\"'),
        ("\xa0x", '"\xa0x"'),
    ],
)
def test_hidden_characters_are_escaped(text: str, written: str) -> None:
    assert value_line(text) == written


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a\nb", "|-\n  a\n  b"),
        ("a\nb\n", "|\n  a\n  b"),
        ("a\n", "|\n  a"),
        ("a\n\n", "|+\n  a\n"),
        ("a\n\n\n", "|+\n  a\n\n"),
        ("\na", "|-\n\n  a"),
        (" a\nb", "|2-\n   a\n  b"),
        ("\n a\n", "|2\n\n   a"),
        ("\ta\nb", "|2-\n  \ta\n  b"),
        ("a \nb", "|-\n  a \n  b"),
        ("# a\n- b: c", "|-\n  # a\n  - b: c"),
        ("---\n...", "|-\n  ---\n  ..."),
    ],
)
def test_text_of_several_lines_is_a_block(text: str, written: str) -> None:
    assert value_line(text) == written


def test_blocks_stand_anywhere() -> None:
    record: RawMap = {"a": [" x\ny\n\n", {"b": " x\ny", "c": ["x\ny\n", " z\n"]}, [" x\ny"]], "z": "end"}
    assert read_yaml(write_yaml(record).encode(), "x").data == record


@pytest.mark.parametrize(
    "key", ["", "n", "1", "a b", "a: b", "- a", "<<", "a\nb", "é", "\u202e", "x" * 1_024, "\0" * 400]
)
def test_any_text_can_be_a_key(key: str) -> None:
    record: RawMap = {key: "v", "map": {key: {"a": "b"}}, "list": [{key: ["x\ny"]}]}
    assert read_yaml(write_yaml(record).encode(), "x").data == record


@pytest.mark.parametrize("text", ["a\ud800", "\udfffa\nb"])
def test_half_a_character_is_refused(text: str) -> None:
    with pytest.raises(InvalidData, match="half a character") as raised:
        write_yaml({"a": text})
    assert raised.value.hint


@pytest.mark.parametrize("version", [(1, 1), (1, 2)])
def test_a_reader_that_guesses_types_sees_only_text(version: tuple[int, int]) -> None:
    texts = [
        "NO",
        "1",
        "1e3",
        "0o7",
        "12:30",
        "1:2:3",
        "2026-05-03",
        "",
        "~",
        "x",
        "=",
        "<<",
        "0x",
        "1_0",
        "-",
        ".",
        "+",
        "1.",
        "+.5",
    ]
    yaml: Any = YAML(typ="safe", pure=True)
    yaml.version = version
    loaded = yaml.load(io.StringIO(write_yaml({"list": list(texts), "map": {text: text for text in texts}})))
    assert loaded == {"list": texts, "map": {text: text for text in texts}}
