"""Editing a record file: the changed value changes, every other byte stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from crmctl.errors import Conflict
from crmctl.errors import InvalidData
from crmctl.store import yaml_editor
from crmctl.store import yaml_events
from crmctl.store import yaml_writer
from crmctl.store.yaml_editor import edit_yaml
from crmctl.store.yaml_reader import read_yaml
from crmctl.store.yaml_writer import write_yaml

if TYPE_CHECKING:
    from crmctl.model.raw import Raw
    from crmctl.model.raw import RawMap


@pytest.fixture(params=["auto", "pure"], autouse=True)
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every edit is tried with the fast parser and with the one that takes over where it is missing."""
    if request.param == "pure":
        monkeypatch.setattr(yaml_events, "c_parser", lambda: None)


ORDER = ["id", "type", "name", "lifecycle", "emails", "phones", "address", "tags", "note"]

CARD = """\
# Ada, met at the fair
id: 01HV3K5Z8Q9W0X1Y2Z3A4B5C6D
name:  'Ada Lovelace'   # the countess

# how to reach her
emails:
  - address: ada@example.org   # work
    label: work

  # private
  - address: "ada@home.example"
phones: ["1", '2']
address:
    street: Main Street 1
    # ground floor
    zip: "03012"
x-own: kept
note: |
  Likes tea.

  Hates mail.
tags:
- vip
- maths   # since May
- old
"""


def edit(text: str, **changes: Raw | None) -> str:
    """``text`` with top-level fields changed, or taken out where None."""
    old = read_yaml(text.encode(), "x").data
    new: RawMap = {**old}
    for key, value in changes.items():
        name = key.replace("_", "-")
        if value is None:
            del new[name]
        else:
            new[name] = value
    return become(text, new)


def become(text: str, new: RawMap) -> str:
    data = text.encode()
    result = edit_yaml(data, read_yaml(data, "x").data, new, ORDER, "x")
    assert read_yaml(result, "x").data == new
    return result.decode()


def replaced(*pairs: tuple[str, str]) -> str:
    """The card with pieces of text replaced, each of which is there exactly once."""
    text = CARD
    for before, after in pairs:
        assert text.count(before) == 1
        text = text.replace(before, after)
    return text


def test_nothing_changed_is_the_same_bytes() -> None:
    assert edit(CARD) == CARD


def test_a_value_is_replaced_and_its_comment_kept() -> None:
    assert edit(CARD, name="Ada Byron") == replaced(("'Ada Lovelace'   #", "Ada Byron   #"))
    assert edit(CARD, name="03012") == replaced(("'Ada Lovelace'   #", '"03012"   #'))


def test_a_comment_stays_when_one_line_becomes_several() -> None:
    assert edit(CARD, name="Ada\nByron") == replaced(
        ("name:  'Ada Lovelace'   # the countess", "name: |-   # the countess\n  Ada\n  Byron")
    )
    assert edit(CARD, name=["Ada"]) == replaced(
        ("name:  'Ada Lovelace'   # the countess", "name:   # the countess\n  - Ada")
    )


def test_several_lines_become_one() -> None:
    assert edit(CARD, note="Likes tea.") == replaced(("note: |\n  Likes tea.\n\n  Hates mail.\n", "note: Likes tea.\n"))
    assert edit("a: | # c\n  x\n  y\nb: z\n", a="x") == "a: x # c\nb: z\n"
    assert edit('a: "x\n  y" # c\nb: z\n', a="x") == "a: x # c\nb: z\n"


def test_a_block_text_is_written_anew() -> None:
    assert edit(CARD, note="Likes tea.\nAnd cake.\n") == replaced(("\n\n  Hates mail.", "\n  And cake."))


def test_a_removed_field_takes_only_its_own_lines() -> None:
    assert edit(CARD, name=None) == replaced(("name:  'Ada Lovelace'   # the countess\n", ""))
    assert edit(CARD, note=None) == replaced(("note: |\n  Likes tea.\n\n  Hates mail.\n", ""))
    assert edit(CARD, tags=None) == CARD[: CARD.index("tags:")]
    assert edit(CARD, id=None) == replaced(("id: 01HV3K5Z8Q9W0X1Y2Z3A4B5C6D\n", ""))


def test_a_new_field_goes_where_the_schema_wants_it() -> None:
    assert edit(CARD, type="person") == replaced(("name: ", "type: person\nname: "))
    assert edit(CARD, lifecycle="lead") == replaced(("countess\n", "countess\nlifecycle: lead\n"))
    assert edit("name: Ada\n", id="1A") == "id: 1A\nname: Ada\n"
    assert edit("# c\nname: Ada\n# d\n", id="1A", note="m") == "# c\nid: 1A\nname: Ada\nnote: m\n# d\n"


def test_fields_the_schema_does_not_know_go_to_the_end() -> None:
    assert edit(CARD, x_new="1") == CARD + 'x-new: "1"\n'
    assert edit(CARD, x_b=["b"], x_a="a") == CARD + "x-b:\n  - b\nx-a: a\n"


def test_two_new_fields_with_one_anchor_keep_their_order() -> None:
    assert edit("id: a\ntags: [x]\n", name="m", type="t") == "id: a\ntype: t\nname: m\ntags: [x]\n"


def test_inside_a_map_only_the_changed_line_changes() -> None:
    address: RawMap = {"street": "Main Street 2", "zip": "03012", "city": "Rom"}
    assert edit(CARD, address=address) == replaced(
        ("Main Street 1", "Main Street 2"), ('    zip: "03012"\n', '    zip: "03012"\n    city: Rom\n')
    )
    assert edit(CARD, address={"zip": "03012"}) == replaced(("    street: Main Street 1\n", ""))


def test_a_map_that_loses_everything_is_written_anew() -> None:
    gone = CARD[CARD.index("\naddress:") + 1 : CARD.index("x-own")]
    assert edit(CARD, address={}) == replaced((gone, "address: {}\n"))
    assert edit(CARD, address={"city": "Rom"}) == replaced((gone, "address:\n  city: Rom\n"))
    assert edit(CARD, address="Rom") == replaced((gone, "address: Rom\n"))


def test_list_items_come_and_go_on_their_own_lines() -> None:
    assert edit(CARD, tags=["vip", "old"]) == replaced(("- maths   # since May\n", ""))
    assert edit(CARD, tags=["new", "vip", "maths", "mid", "old", "end"]) == replaced(
        ("- vip\n", "- new\n- vip\n"), ("May\n", "May\n- mid\n"), ("- old\n", "- old\n- end\n")
    )
    assert edit(CARD, tags=["vip", "math", "old"]) == replaced(("- maths ", "- math "))
    assert edit(CARD, tags=["math"]) == replaced(("- vip\n- maths   # since May\n- old\n", "- math\n"))
    assert edit(CARD, tags=[]) == CARD[: CARD.index("tags:")] + "tags: []\n"


def test_inside_a_list_of_maps_only_the_changed_line_changes() -> None:
    home: RawMap = {"address": "ada@home.example"}
    work: RawMap = {"address": "ada@new.example", "label": "work"}
    assert edit(CARD, emails=[work, home]) == replaced(("ada@example.org ", "ada@new.example "))
    assert edit(CARD, emails=[home]) == replaced(("  - address: ada@example.org   # work\n    label: work\n", ""))
    work = {"address": "ada@example.org", "label": "work"}
    assert edit(CARD, emails=[work, {**home, "label": "home"}]) == replaced(
        ('"ada@home.example"\n', '"ada@home.example"\n    label: home\n')
    )
    assert edit(CARD, emails=[{"label": "work"}, home]) == replaced(
        ("  - address: ada@example.org   # work\n    label: work\n", "  - label: work\n")
    )
    assert edit(CARD, emails=["x", home]) == replaced(
        ("  - address: ada@example.org   # work\n    label: work\n", "  - x\n")
    )


def test_items_of_other_shapes() -> None:
    text = "a:\n  -   x # c\n  -\n  - - p\n    - q\n"
    assert edit(text, a=["y\nz", "", ["p", "q"]]) == "a:\n  -   |- # c\n    y\n    z\n  -\n  - - p\n    - q\n"
    assert edit(text, a=["x", "m", ["p", "q"]]) == "a:\n  -   x # c\n  - m\n  - - p\n    - q\n"
    assert edit(text, a=["x", {"k": "v", "l": "w"}, ["p", "q"]]).startswith("a:\n  -   x # c\n  - k: v\n    l: w\n")
    assert edit(text, a=["x", "", ["p", "r"]]) == "a:\n  -   x # c\n  -\n  - - p\n    - r\n"
    assert edit(text, a=[{"k": "v", "l": "w"}, "", ["p", "q"]]).startswith("a:\n  -   k: v # c\n      l: w\n  -\n")


def test_lists_in_brackets_are_written_anew() -> None:
    assert edit(CARD, phones=["1", "3"]) == replaced(("phones: [\"1\", '2']\n", 'phones:\n  - "1"\n  - "3"\n'))
    assert edit("a: {b: c} # d\ne: f\n", a={"b": "x"}) == "a: # d\n  b: x\ne: f\n"
    assert edit("a:\n  - {b: c} # d\n  - e\n", a=[{"b": "x"}, "e"]) == "a:\n  - b: x # d\n  - e\n"


def test_an_absent_value_is_filled_in() -> None:
    assert edit("a:\nb: ~  # none\nc: 'x'\n", a="1A", b="2B") == "a: 1A\nb: 2B  # none\nc: 'x'\n"
    assert edit("a:   # none\nb: c\n", a="x") == "a: x   # none\nb: c\n"
    assert edit("a: x # y\n", a="") == 'a: "" # y\n'


def test_windows_line_ends_stay_and_new_lines_have_them() -> None:
    text = CARD.replace("\n", "\r\n")
    result = edit(text, type="person", tags=["vip"], note="one\ntwo\n")
    assert result.count("\n") == result.count("\r\n")
    assert "type: person\r\n" in result
    assert "note: |\r\n  one\r\n  two\r\n" in result


def test_a_byte_order_mark_stays() -> None:
    assert edit_yaml(b"\xef\xbb\xbfa: b\n", {"a": "b"}, {"a": "c"}, [], "x") == b"\xef\xbb\xbfa: c\n"


def test_a_file_without_a_last_line_feed() -> None:
    assert edit("a: b", a="c") == "a: c"
    assert edit("a: b", c="d") == "a: b\nc: d"
    assert edit("a: b\nc: d", c=None) == "a: b\n"
    assert edit("a: |\n  x\n  y", b="c") == "a: |-\n  x\n  y\nb: c\n"


def test_blank_lines_after_a_text_that_keeps_them() -> None:
    text = "a: |+\n  x\n\nb: y\n\n# c\nd: z\n"
    assert edit(text, b=None) == "a: |+\n  x\n\n# c\nd: z\n"
    assert edit(text, a="w") == "a: w\nb: y\n\n# c\nd: z\n"
    assert edit(text, b="y\n\n") == "a: |+\n  x\n\nb: |+\n  y\n\n# c\nd: z\n"
    assert edit(text, d="z\n\n\n") == "a: |+\n  x\n\nb: y\n\n# c\nd: |+\n  z\n\n\n"


def test_an_indented_comment_never_becomes_text() -> None:
    assert edit("a: x\n  # deep\nb: y\n", a="one\ntwo") == "a: |-\n  one\n  two\n# deep\nb: y\n"
    assert edit("a: |\n  x\nb: y\n  # deep\nc: z\n", b=None) == "a: |\n  x\n# deep\nc: z\n"
    assert edit("a: x\n  # deep\nb: y\n", a="one\ntwo", id="1A", z="2A") == (
        "id: 1A\na: |-\n  one\n  two\n# deep\nb: y\nz: 2A\n"
    )


def test_a_record_in_braces_is_written_anew_below_its_comment() -> None:
    assert edit("# mine\n\n{name: Ada, x: z}\n", id="1A", name="B") == "# mine\n\nid: 1A\nname: B\nx: z\n"
    assert edit("? name\n: Ada\nx: w\n", name=["B"]) == "name:\n  - B\nx: w\n"
    assert edit("? name\n: Ada\nx: y\n", x="z") == "? name\n: Ada\nx: z\n"
    assert edit("a: b\rc: d\r", a="x") == "a: x\nc: d\n"


def test_quoted_and_odd_keys() -> None:
    assert become('"a: b": c # d\n', {"a: b": "e"}) == '"a: b": e # d\n'
    assert become('"a: b": c\n', {"a: b": ["e"]}) == '"a: b":\n  - e\n'
    assert become("'x' : 1\n", {"x": {"z": "2"}}) == "'x':\n  z: \"2\"\n"
    long = "k" * 1_100
    assert become("a: b\n", {"a": "b", long: "c"}) == f"a: b\n? {long}\n: c\n"
    assert become(f"? {long}\n: c\na: b\n", {long: ["d"], "a": "b"}) == f"? {long}\n:\n  - d\na: b\n"


def test_document_marks_stay() -> None:
    assert edit("---\na: b\n...\n", c="d") == "---\na: b\nc: d\n...\n"


def test_all_fields_gone_or_all_new() -> None:
    assert become("# c\na: b\n", {}) == "# c\n{}\n"
    assert become("# c\n{}\n", {"a": "b"}) == "# c\na: b\n"
    assert become("# c\na: b\n", {"c": "d"}) == "# c\nc: d\n"


def test_another_content_than_expected_is_a_conflict() -> None:
    with pytest.raises(Conflict, match="has changed") as raised:
        edit_yaml(b"a: b\n", {"a": "x"}, {"a": "y"}, [], "records/x.yaml")
    assert raised.value.hint


def test_what_no_file_may_hold_is_refused() -> None:
    deep: Raw = "x"
    for _ in range(9):
        deep = [deep]
    with pytest.raises(InvalidData) as raised:
        edit_yaml(b"a: b\n", {"a": "b"}, {"a": deep}, [], "x")
    assert raised.value.problems[0].code == "too-deep"


def test_what_does_not_read_back_is_never_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_editor, "_attempts", lambda *_: iter(["a: wrong\n", "a: [\n"]))
    assert edit_yaml(b"a: b\n", {"a": "b"}, {"a": "c"}, [], "x") == b"a: c\n"
    monkeypatch.setattr(yaml_writer, "write_yaml", lambda _: "a: wrong\n")
    with pytest.raises(InvalidData, match="cannot be written"):
        edit_yaml(b"a: b\n", {"a": "b"}, {"a": "c"}, [], "x")


def test_the_canonical_form_stays_canonical() -> None:
    record: RawMap = {"id": "1A", "emails": [{"address": "a@x"}], "tags": ["a", "b"], "note": "x\ny\n"}
    text = write_yaml(record)
    changes: list[RawMap] = [
        {"tags": ["b", "c"]},
        {"emails": []},
        {"note": "z"},
        {"address": {"city": "Rom"}},
        {"id": "2"},
    ]
    for change in changes:
        wanted: RawMap = {**record, **change}
        ordered = {key: wanted[key] for key in ORDER if key in wanted}
        assert become(text, wanted) == write_yaml(ordered)
