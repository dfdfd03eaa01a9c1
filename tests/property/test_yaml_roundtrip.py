"""Laws of the YAML files: what is written reads back, and an edit changes what it was asked to and nothing else."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING
from typing import Any

from hypothesis import example
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from crmctl.errors import InvalidData
from crmctl.store import yaml_events
from crmctl.store.yaml_editor import edit_yaml
from crmctl.store.yaml_reader import read_yaml
from crmctl.store.yaml_writer import is_plain
from crmctl.store.yaml_writer import write_yaml

if TYPE_CHECKING:
    from crmctl.model.raw import Raw
    from crmctl.model.raw import RawMap

PARSERS = [name for name in ("c", "pure") if name == "pure" or yaml_events.c_parser() is not None]

tricky = st.sampled_from(
    ["", "~", "NO", "null", "1e3", "12:30:45", "2026-05-03", "a: b", "a #b", " a", "a ", "\n", "a\n", "a\n\n", "\n a\n"]
)
pieces = st.lists(
    st.sampled_from([*"ab01-:#'\"[]{}&*!|>%@`?,. \n\t\\~=+éx", "\r", "\x85", "\u2028", "😀", "\u200d"]), max_size=8
)
texts = st.one_of(tricky, pieces.map("".join), st.text(max_size=12))
keys = st.one_of(st.sampled_from(["name", "zip", "note", "n", "tags"]), texts)


def trees(depth: int) -> st.SearchStrategy[Raw]:
    if depth == 0:
        return texts
    inner = trees(depth - 1)
    return st.one_of(texts, st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=3))


records = st.dictionaries(keys, trees(3), max_size=5)


@given(records)
@settings(max_examples=300, deadline=None)
def test_what_is_written_reads_back_with_either_parser(record: RawMap) -> None:
    written = write_yaml(record)
    assert written.endswith("\n")
    for parser in PARSERS:
        data = read_yaml(written.encode("utf-8"), "x", parser=parser).data
        assert data == record
        assert list(data) == list(record)
    assert write_yaml(read_yaml(written.encode("utf-8"), "x").data) == written


@given(texts)
@settings(max_examples=300, deadline=None)
@example("1.2.3")
@example("0b1")
@example("190:20:30")
def test_every_plain_text_is_text_to_readers_that_guess(text: str) -> None:
    if is_plain(text):
        for version in ((1, 1), (1, 2)):
            yaml: Any = YAML(typ="safe", pure=True)
            yaml.version = version
            assert yaml.load(io.StringIO(f"as value: {text}\n")) == {"as value": text}
            assert yaml.load(io.StringIO(f"{text}: as key\n")) == {text: "as key"}


@given(
    st.lists(
        st.sampled_from([*"ab:-#\n\n  ", "k: ", "- ", "'", '"', "[", "]", "{", "}", ", ", "|", "> ", "\n  "]),
        max_size=20,
    )
)
@settings(max_examples=500, deadline=None)
def test_both_parsers_read_the_same_or_both_refuse(parts: list[str]) -> None:
    data = ("k: " + "".join(parts)).encode("utf-8")
    if b"|#" in data or b">#" in data or b"|-#" in data or b">-#" in data:
        return  # a comment right after the sign: the pure parser refuses what C takes
    found: list[object] = []
    for parser in PARSERS:
        try:
            found.append(read_yaml(data, "x", parser=parser).data)
        except InvalidData:
            found.append("refused")
    assert found[0] == found[-1]


# Files as people write them: comments, blank lines, quotes of either kind, lists in brackets.
names = st.sampled_from(["id", "name", "emails", "phones", "address", "tags", "note", "x-own", "more"])
words = st.one_of(st.sampled_from(["Ada", "ada@example.org", "NO", "a: b", "", "two words", "x # y", "it's"]), tricky)
small = st.one_of(
    words,
    st.lists(words, max_size=3),
    st.dictionaries(st.sampled_from(["street", "city", "zip"]), words, max_size=3),
    st.lists(st.dictionaries(st.sampled_from(["address", "label", "own"]), words, min_size=1, max_size=3), max_size=3),
)
people = st.dictionaries(names, small, max_size=6)
ORDER = ["id", "name", "emails", "phones", "address", "tags", "note"]


class Written:
    """A file with comments, and which top-level key each of its lines belongs to (None: to nobody)."""

    def __init__(self, draw: Any, record: RawMap) -> None:
        self.lines: list[tuple[str | None, str]] = []
        number = 0
        for key, value in record.items():
            for _ in range(draw(st.integers(0, 2))):
                number += 1
                # Below a block text an indented comment would be text.
                deep = "# not deep" if any("|" in line for _, line in self.lines) else "  # deep"
                self.lines.append((None, draw(st.sampled_from([f"# comment {number}", "", f"{deep} {number}"]))))
            lines = self.entry(draw, key, value)
            self.lines += [(key, line) for line in lines]
        if draw(st.booleans()):
            self.lines.append((None, "# the end"))
        newline = draw(st.sampled_from(["\n", "\n", "\r\n"]))
        self.text = "".join(line + newline for _, line in self.lines) or "{}\n"
        if "|" not in self.text and draw(st.booleans()):
            self.text = self.text.removesuffix(newline)

    def entry(self, draw: Any, key: str, value: Raw) -> list[str]:
        lines = write_yaml({key: value}).splitlines()
        style = draw(st.sampled_from(["canonical", "single", "flow", "comment", "spaced"]))
        if isinstance(value, str) and len(lines) == 1:
            if style == "single" and value.isprintable():
                escaped = value.replace("'", "''")
                return [f"{key}:   '{escaped}'  # about {key}"]
            if style == "comment":
                return [f"{lines[0]}  # about {key}"]
        if (
            isinstance(value, list)
            and value
            and style == "flow"
            and all(isinstance(v, str) and v.isprintable() for v in value)
        ):
            quoted = ", ".join("'" + str(v).replace("'", "''") + "'" for v in value)
            return [f"{key}: [{quoted}]"]
        if style == "spaced" and isinstance(value, (dict, list)) and value and all("|" not in line for line in lines):
            return [lines[0], f"  # inside {key}", *lines[1:]]
        return lines


@st.composite
def files(draw: Any) -> tuple[RawMap, Written]:
    record = draw(people)
    return record, Written(draw, record)


@given(files(), people, st.data())
@settings(max_examples=600, deadline=None)
def test_an_edit_reads_back_and_leaves_the_rest_alone(
    file: tuple[RawMap, Written], other: RawMap, data: st.DataObject
) -> None:
    _, written = file
    text = written.text.encode("utf-8")
    try:
        old = read_yaml(text, "x").data
    except InvalidData:
        return
    new = {**old}
    for key in [*old, *other]:
        if data.draw(st.booleans()):
            if key in other:
                new[key] = other[key]
            else:
                new.pop(key, None)
    result = edit_yaml(text, old, new, ORDER, "x")
    assert read_yaml(result, "x").data == new
    if old == new:
        assert result == text
        return
    if not new:
        return
    after = [line.rstrip("\r") for line in result.decode("utf-8").split("\n")]
    for owner, line in written.lines:
        if owner is None and line.strip() and b"deep" not in text:
            assert line in after
        if owner is None and line.strip():
            assert any(line.strip() in found for found in after)
        if owner is not None and owner in new and new[owner] == old.get(owner):
            assert line in after
    kept = [key for key in old if key in new]
    assert [key for key in read_yaml(result, "x").data if key in kept] == kept


@given(records, records)
@settings(max_examples=200, deadline=None)
def test_any_record_can_become_any_other(old: RawMap, new: RawMap) -> None:
    text = write_yaml(old).encode("utf-8")
    assert read_yaml(edit_yaml(text, old, new, list(new), "x"), "x").data == new
    assert edit_yaml(text, old, dict(old), [], "x") == text
