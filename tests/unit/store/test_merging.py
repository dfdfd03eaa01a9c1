from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

from crmctl.errors import InvalidData
from crmctl.merge.outcome import Answers
from crmctl.merge.outcome import Clash
from crmctl.store import jsonl
from crmctl.store.jsonl import read_lines
from crmctl.store.merging import FileMerge
from crmctl.store.merging import is_mergeable
from crmctl.store.merging import merge_file
from crmctl.store.yaml_reader import read_yaml

ADA = "records/customers/ada.yaml"
LOG = "records/interactions/ada.jsonl"
SETTINGS = "crm.yaml"


def text(lines: str) -> bytes:
    return textwrap.dedent(lines).encode()


BASE = text(
    """\
    # the first customer
    id: "1"
    name: Ada   # as she writes it
    role: boss

    emails:
      - ada@example.org
    tags: [vip, press]
    external:
      shop: "1"
    notes: |
      one
      two
      three
    """
)


def joined(path: str, base: bytes | None, ours: bytes, theirs: bytes) -> str:
    """The merged file, which says the same from the other side."""
    here, there = merge_file(path, base, ours, theirs), merge_file(path, base, theirs, ours)
    assert here.clean
    assert there.clean
    if path.endswith(".jsonl"):
        assert here == there
    else:
        assert read_yaml(here.data, path).data == read_yaml(there.data, path).data
    return here.data.decode()


def problems(path: str, data: bytes) -> set[str]:
    """Why the file cannot be read as a record."""
    if path.endswith(".jsonl"):
        return {problem.code for problem in read_lines(data, path)[1]}
    with pytest.raises(InvalidData) as caught:
        read_yaml(data, path)
    return {problem.code for problem in caught.value.problems}


def refused(path: str, data: bytes) -> bool:
    """Whether it is because of conflict markers."""
    return "conflict-markers" in problems(path, data)


@pytest.mark.parametrize(
    ("path", "known"),
    [
        (ADA, True),
        ("records/customers/da/ada.yaml", True),
        ("records/boats/mary.yaml", True),
        (LOG, True),
        (SETTINGS, True),
        ("records/ada.yaml", True),
        ("records/notes.md", False),
        ("records/x.yml", False),
        ("templates/x.yaml", False),
        ("sub/crm.yaml", False),
        ("old/records/customers/ada.yaml", False),
    ],
)
def test_what_can_be_merged(path: str, known: bool) -> None:
    assert is_mergeable(path) == known


@pytest.mark.parametrize("path", [ADA, LOG, SETTINGS])
@pytest.mark.parametrize("other", [b"", b"\xff\xfe", b"<<<<<<< x\n", b'{"id": "2"}\n', b'id: "2"\r\n'])
def test_a_file_that_one_side_left_alone_is_taken_as_it_is(path: str, other: bytes) -> None:
    assert merge_file(path, BASE, BASE, other) == FileMerge(other)
    assert merge_file(path, BASE, other, BASE) == FileMerge(other)
    assert merge_file(path, BASE, other, other) == FileMerge(other)
    assert merge_file(path, None, other, other) == FileMerge(other)


# Records


def test_comments_of_both_sides_stay() -> None:
    ours = BASE.replace(b"boss\n", b"boss  # since May\n").replace(b"one", b"One")
    theirs = BASE.replace(b"# the first", b"# the very first").replace(b"three\n", b"Three\n# end\n")
    assert joined(ADA, BASE, ours, theirs).encode() == (
        BASE.replace(b"boss\n", b"boss  # since May\n")
        .replace(b"one", b"One")
        .replace(b"# the first", b"# the very first")
        .replace(b"three\n", b"Three\n# end\n")
    )


def test_neighbouring_lines_are_merged_too() -> None:
    ours = BASE.replace(b"Ada ", b"Ada L")
    theirs = BASE.replace(b"boss", b"queen  # now")
    assert joined(ADA, BASE, ours, theirs).encode() == BASE.replace(b"Ada ", b"Ada L").replace(b"boss", b"queen  # now")


def test_what_lines_cannot_say_is_put_into_our_text_with_the_comments_of_theirs() -> None:
    ours = BASE.replace(b"press]", b"press, ours]  # o")
    theirs = BASE.replace(b"press]", b"press, theirs]  # t").replace(b"boss\n", b"boss  # r\n")
    assert joined(ADA, BASE, ours, theirs).encode() == (
        BASE.replace(b"boss\n", b"boss  # r\n").replace(
            b"tags: [vip, press]", b"tags:  # o\n  - vip\n  - press\n  - ours\n  - theirs"
        )
    )


def test_a_text_that_would_read_otherwise_is_not_taken() -> None:
    """Both add the same field in two places: as lines that would be a key that stands twice."""
    ours = BASE.replace(b"role: boss\n", b"role: boss\nlanguage: en\n")
    theirs = BASE + b"language: en\n"
    assert joined(ADA, BASE, ours, theirs).encode() == min(ours, theirs) == theirs
    theirs = BASE + b"birthday: '2000-01-01'\nlanguage: en\n"
    assert joined(ADA, BASE, ours, theirs).encode() == ours.replace(
        b"language: en\n", b'language: en\nbirthday: "2000-01-01"\n'
    )


def test_new_fields_stand_where_the_schema_has_them() -> None:
    base = b'id: "1"\nname: A\nnotes: x\n'
    ours = b'id: "1"\nname: B\nnotes: x\n'
    theirs = b'id: "1"\nname: A\nzzz: "1"\nwebsite: a.example\ntags: [a]\nnotes: new\n'
    ours_too = ours.replace(b"notes: x", b"tags: [b]\nnotes: x")
    assert joined(ADA, base, ours_too, theirs) == (
        'id: "1"\nname: B\nwebsite: a.example\ntags:\n  - a\n  - b\nnotes: new\nzzz: "1"\n'
    )


def test_both_spellings_of_one_record() -> None:
    ours = BASE.replace(b'id: "1"', b"id: '1'")
    theirs = BASE.replace(b"boss\n", b'"boss"\n')
    wanted = BASE.replace(b'id: "1"', b"id: '1'").replace(b"boss\n", b'"boss"\n')
    assert joined(ADA, BASE, ours, theirs).encode() == wanted


def test_where_spellings_overlap_the_text_that_comes_first_is_taken() -> None:
    ours = BASE.replace(b"boss\n", b'"boss"\n').replace(b"# the first", b"# b")
    theirs = (
        BASE.replace(b"boss\n", b"'boss'\n# t\n").replace(b"# the first", b"# a").replace(b"three\n", b"three\n# e\n")
    )
    wanted = theirs
    assert merge_file(ADA, BASE, ours, theirs) == merge_file(ADA, BASE, theirs, ours) == FileMerge(wanted)
    ours = ours.replace(b"# b", b"# A")
    wanted = ours + b"# e\n"
    assert merge_file(ADA, BASE, ours, theirs) == merge_file(ADA, BASE, theirs, ours) == FileMerge(wanted)


def test_the_same_record_added_in_two_spellings() -> None:
    ours, theirs = b"id: '1'\nname: A\n", b'id: "1"\nname: A\n'
    assert merge_file(ADA, None, ours, theirs) == merge_file(ADA, b"", theirs, ours) == FileMerge(theirs)


def test_files_with_other_line_ends() -> None:
    crlf = BASE.replace(b"\n", b"\r\n")
    ours, theirs = crlf.replace(b"boss", b"queen"), crlf.replace(b"three", b"Three")
    assert joined(ADA, crlf, ours, theirs).encode() == ours.replace(b"three", b"Three")
    assert b"\n" not in joined(ADA, BASE, ours, theirs.replace(b"\r", b"")).encode().replace(b"\r\n", b"")
    merged = merge_file(ADA, crlf, ours, crlf.replace(b"boss", b"king"))
    wanted = "<<<<<<< ours\nrole: queen\n||||||| base\nrole: boss\n=======\nrole: king\n>>>>>>> theirs\n\n"
    assert wanted.replace("\n", "\r\n").encode() in merged.data
    assert b"\n" not in merged.data.replace(b"\r\n", b"")
    assert refused(ADA, merged.data)


def test_a_file_with_a_byte_order_mark() -> None:
    bom = b"\xef\xbb\xbf"
    assert joined(ADA, BASE, bom + BASE.replace(b"boss", b"x"), BASE.replace(b"two", b"Two")).encode() == (
        bom + BASE.replace(b"boss", b"x").replace(b"two", b"Two")
    )


def test_a_file_without_an_end_of_line() -> None:
    base = b'id: "1"\nname: A\nrole: x\nsource: old'
    assert (
        joined(ADA, base, base.replace(b"A", b"B"), base + b"\nzoo: z")
        == 'id: "1"\nname: B\nrole: x\nsource: old\nzoo: z'
    )
    merged = merge_file(ADA, base, base.replace(b"old", b"a"), base.replace(b"old", b"b"))
    assert merged.data.endswith(
        b"role: x\n<<<<<<< ours\nsource: a\n||||||| base\nsource: old\n=======\nsource: b\n>>>>>>> theirs\n"
    )


@pytest.mark.parametrize("path", ["records/boats/mary.yaml", "records/x.yaml", "records/interactions/mary.yaml"])
def test_kinds_of_the_book_itself(path: str) -> None:
    base = b'id: "1"\ntags:\n  - a\nseen: x\nports:\n  - b\nstatus: open\n'
    ours, theirs = base.replace(b"- a\n", b"- a\n  - o\n"), base.replace(b"- a\n", b"- a\n  - t\n")
    assert joined(path, base, ours, theirs).encode() == base.replace(b"- a\n", b"- a\n  - o\n  - t\n")
    ours, theirs = base.replace(b"- b\n", b"- b\n  - o\n"), base.replace(b"- b\n", b"- b\n  - t\n")
    assert [clash.path for clash in merge_file(path, base, ours, theirs).clashes] == [("ports",)]
    ours, theirs = base.replace(b"open", b"solved"), base.replace(b"open", b"closed")
    assert [clash.path for clash in merge_file(path, base, ours, theirs).clashes] == [("status",)]


def test_the_path_says_the_kind() -> None:
    base, ours, theirs = b"id: '1'\nstatus: open\n", b"id: '1'\nstatus: solved\n", b"id: '1'\nstatus: closed\n"
    assert joined("records/cases/te/late.yaml", base, ours, theirs) == "id: '1'\nstatus: closed\n"
    assert not merge_file("records/campaigns/late.yaml", base, ours, theirs).clean


# Identity


@pytest.mark.parametrize(
    ("base", "ours", "theirs"),
    [
        ("1", "1", "2"),
        ("1", "2", "1"),
        ("1", "2", "2"),
        ("1", "", "2"),
        ("", "1", "2"),
        ("[a]", "[a]", "[a]"),
        (None, "1", "2"),
        (None, "1", ""),
        (None, "", "1"),
        (None, "", ""),
    ],
)
def test_two_records_are_never_joined(base: str | None, ours: str, theirs: str) -> None:
    before = None if base is None else f"id: {base}\nname: A\n".encode()
    left, right = f"id: {ours}\nname: B\n".encode(), f"id: {theirs}\nname: A\nrole: C\n".encode()
    merged = merge_file(ADA, before, left, right)
    assert not merged.clean
    assert merged.refused == "these are different records: their ids are not the same"
    assert merged.clashes == ()
    assert (
        merged.data
        == b"<<<<<<< ours\n" + left + b"||||||| base\n" + (before or b"") + b"=======\n" + right + b">>>>>>> theirs\n"
    )
    assert refused(ADA, merged.data)


@pytest.mark.parametrize(
    ("base", "ours", "theirs"),
    [("1", "1", "1"), ("1", "", "1"), ("1", "1", ""), ("1", "", ""), ("", "1", "1"), ("", "", "1"), ("", "", "")],
)
def test_one_record_is_joined(base: str, ours: str, theirs: str) -> None:
    """Whether an id is written as none or not at all makes no difference."""
    files = [f"id: {name}\nname: {name}\n".encode() for name in (base, ours, theirs)]
    for sides in (files, [file.replace(b"id: \n", b"") for file in files]):
        merged = merge_file(
            ADA, sides[0] + b"role: a\nx: y\n", sides[1] + b"role: b\nx: y\n", sides[2] + b"role: a\nx: z\n"
        )
        assert merged.refused == ""
        assert [clash.path for clash in merged.clashes if clash.path != ("name",)] == []


def test_a_record_that_both_added() -> None:
    ours, theirs = b'id: "1"\nname: A\nrole: x\n', b'id: "1"\nname: A\nrole: x\ntags: [a]\n'
    assert read_yaml(joined(ADA, None, ours, theirs).encode(), ADA).data == read_yaml(theirs, ADA).data
    merged = merge_file(ADA, b"", ours, theirs.replace(b"x", b"y"))
    assert merged.clashes == (Clash(("role",), ("role",), None, "x", "y"),)


# What cannot be read or written


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (0, "the base cannot be read: a tab"),
        (1, "our side cannot be read: a tab"),
        (2, "their side cannot be read: a tab"),
    ],
)
def test_a_side_that_cannot_be_read(place: int, words: str) -> None:
    sides = [BASE, BASE + b"a: b", BASE + b"a: c\n"]
    sides[place] = b"a:\n\tb: \xc3\xa9"
    merged = merge_file(ADA, sides[0], sides[1], sides[2])
    assert merged.refused.startswith(words)
    assert merged.clashes == ()
    assert refused(ADA, merged.data)
    ends = [side if side.endswith(b"\n") else side + b"\n" for side in sides]
    assert (
        merged.data
        == b"<<<<<<< ours\n" + ends[1] + b"||||||| base\n" + ends[0] + b"=======\n" + ends[2] + b">>>>>>> theirs\n"
    )


@pytest.mark.parametrize(
    "broken", [b"\xff\xfea\x00:\x00", b"\xc3\x28", b"\0", b"", b"- a\n", b"a: &b c\n", b"a: b\na: c\n"]
)
def test_whatever_the_bytes(broken: bytes) -> None:
    merged = merge_file(ADA, BASE, broken, BASE + b"a: b\n")
    assert merged.refused.startswith("our side cannot be read: ")
    assert broken in merged.data
    assert problems(ADA, merged.data) <= {"conflict-markers", "nul"}


def test_a_file_left_in_conflict_is_not_merged() -> None:
    marked = merge_file(ADA, BASE, BASE.replace(b"Ada", b"A"), BASE.replace(b"Ada", b"B"), marker_size=9).data
    assert merge_file(ADA, marked, BASE, BASE + b"a: b\n").refused.startswith("the base cannot be read: an unsettled")


def test_a_record_that_would_be_too_large() -> None:
    ours = BASE.replace(b"one\n", b"x" * 600_000 + b"\n")
    theirs = BASE.replace(b"three\n", b"y" * 600_000 + b"\n")
    merged = merge_file(ADA, BASE, ours, theirs)
    assert merged.refused == "the merged record would be more than a file may hold"
    assert problems(ADA, merged.data) == {"too-large"}


# Questions


def test_a_question_has_markers_around_its_field() -> None:
    ours = BASE.replace(b"Ada ", b"Ida ").replace(b"boss", b"queen")
    theirs = BASE.replace(b"Ada ", b"Eva ").replace(b"three\n", b"three\n  four\n").replace(b"vip, ", b"vip, a, ")
    merged = merge_file(ADA, BASE, ours, theirs)
    assert not merged.clean
    assert merged.refused == ""
    assert merged.clashes == (Clash(("name",), ("name",), "Ada", "Ida", "Eva"),)
    question = (
        "<<<<<<< ours\nname: Ida   # as she writes it\n||||||| base\nname: Ada\n=======\nname: Eva\n>>>>>>> theirs\n"
    )
    wanted = theirs.replace(b"boss", b"queen").decode().replace("name: Eva   # as she writes it\n", question)
    assert merged.data.decode() == wanted
    assert refused(ADA, merged.data)


@pytest.mark.parametrize(("size", "width"), [(1, 7), (7, 7), (8, 8), (9, 9), (10, 10), (11, 11), (12, 12), (40, 40)])
def test_markers_have_the_width_git_asks_for(size: int, width: int) -> None:
    ours, theirs = BASE.replace(b"boss", b"queen"), BASE.replace(b"boss", b"king")
    merged = merge_file(ADA, BASE, ours, theirs, marker_size=size)
    marks = [f"{sign * width}{label}" for sign, label in (("<", " ours"), ("|", " base"), ("=", ""), (">", " theirs"))]
    assert [
        line for line in merged.data.decode().splitlines() if line[:7] in ("<" * 7, "|" * 7, "=" * 7, ">" * 7)
    ] == marks
    assert refused(ADA, merged.data)
    old, left, right = (b'{"id": "1", "by": "%s"}\n' % by for by in (b"x", b"y", b"z"))
    merged = merge_file(LOG, old, left, right, marker_size=size)
    assert merged.data.decode().splitlines()[::2] == marks
    assert refused(LOG, merged.data)


def test_a_question_inside_a_field_is_asked_with_what_is_merged_around_it() -> None:
    base = b'id: "1"\nexternal:\n  a: "1"\n  b: "1"\n  c: "1"\n'
    ours = b'id: "1"\nexternal:\n  a: "2"\n  b: "2"\n  c: "1"\n'
    theirs = b'id: "1"\nexternal:\n  b: "3"\n  c: "3"\n'
    merged = merge_file(ADA, base, ours, theirs.replace(b'  b: "3"\n', b'  a: "1"\n'))
    assert [clash.path for clash in merged.clashes] == [("external", "b")]
    assert merged.data.decode() == (
        'id: "1"\n<<<<<<< ours\nexternal:\n  a: "2"\n  b: "2"\n  c: "3"\n||||||| base\nexternal:\n  a: "2"\n  b: "1"\n'
        '  c: "3"\n=======\nexternal:\n  a: "2"\n  c: "3"\n>>>>>>> theirs\n'
    )


def test_a_field_that_a_side_does_not_have() -> None:
    base = b'id: "1"\nname: A\nrole: a\nnotes: x\n'
    ours, theirs = base.replace(b"role: a\n", b""), base.replace(b"role: a", b"role: b")
    question = "<<<<<<< ours\n||||||| base\nrole: a\n=======\nrole: b\n>>>>>>> theirs\n"
    assert merge_file(ADA, base, ours, theirs).data.decode() == f'id: "1"\nname: A\n{question}notes: x\n'
    question = "<<<<<<< ours\nrole: b\n||||||| base\nrole: a\n=======\n>>>>>>> theirs\n"
    assert merge_file(ADA, base, theirs, ours).data.decode() == f'id: "1"\nname: A\n{question}notes: x\n'
    question = "<<<<<<< ours\nrole: c\n||||||| base\n=======\nrole: b\n>>>>>>> theirs\n"
    added = merge_file(ADA, ours, theirs.replace(b"role: b", b"role: c"), theirs)
    assert added.data.decode() == f'id: "1"\nname: A\n{question}notes: x\n'


def test_a_question_before_everything_else_and_at_the_end() -> None:
    base = b'id: "1"\nname: A\nzoo: z'
    merged = merge_file(ADA, base, b"name: B\nzoo: y", b'id: "1"\nname: C\nnew: n')
    assert [clash.path for clash in merged.clashes] == [("name",), ("zoo",)]
    base = b"name: A\nzoo: z"
    merged = merge_file(SETTINGS, base, b"zoo: y", b"name: B\nzoo: z")
    assert merged.data.decode() == "<<<<<<< ours\n||||||| base\nname: A\n=======\nname: B\n>>>>>>> theirs\nzoo: y"
    merged = merge_file(SETTINGS, base, b"name: B", b"name: A\nzoo: y")
    assert merged.data.decode() == 'name: B\n<<<<<<< ours\n||||||| base\nzoo: z\n=======\nzoo: "y"\n>>>>>>> theirs\n'
    merged = merge_file(SETTINGS, b"a: 1\nb: 1\nc: 1\nd: 1\n", b"a: 1\nd: 2\n", b"a: 1\nb: 2\nc: 2\nd: 1\n")
    question = "<<<<<<< ours\n||||||| base\n{0}: 1\n=======\n{0}: 2\n>>>>>>> theirs\n".replace("1", '"1"').replace(
        "2", '"2"'
    )
    assert merged.data.decode() == f"a: 1\n{question.format('b')}{question.format('c')}d: 2\n"


def test_money_is_asked_field_by_field() -> None:
    base = b'id: "1"\namount: "10"\nnotes: x\ncurrency: EUR\n'
    ours, theirs = base.replace(b"EUR", b"USD"), base.replace(b"10", b"11")
    merged = merge_file("records/deals/d.yaml", base, ours, theirs)
    assert [clash.names for clash in merged.clashes] == [("amount", "currency")]
    assert merged.data.decode() == (
        'id: "1"\n<<<<<<< ours\namount: "10"\n||||||| base\namount: "10"\n=======\namount: "11"\n>>>>>>> theirs\n'
        "notes: x\n<<<<<<< ours\ncurrency: USD\n||||||| base\ncurrency: EUR\n=======\ncurrency: EUR\n>>>>>>> theirs\n"
    )


def test_a_record_that_is_indented() -> None:
    base = b'  id: "1"\n  role: a\n'
    merged = merge_file(ADA, base, base.replace(b"a\n", b"b\n"), base.replace(b"a\n", b"c\n"))
    assert merged.data.decode() == (
        '  id: "1"\n<<<<<<< ours\n  role: b\n||||||| base\n  role: a\n=======\n  role: c\n>>>>>>> theirs\n'
    )


@pytest.mark.parametrize("shape", ['{{id: "1", role: {}}}\n', 'id: "1"\rrole: {}\r'])
def test_where_fields_have_no_lines_of_their_own_the_whole_is_asked(shape: str) -> None:
    base, ours, theirs = (shape.format(role).encode() for role in "abc")
    merged = merge_file(ADA, base, ours, theirs)
    assert [clash.path for clash in merged.clashes] == [("role",)]
    end = b"" if ours.endswith(b"\n") else b"\n"
    assert merged.data == (
        b"<<<<<<< ours\n" + ours + end + b'||||||| base\nid: "1"\nrole: a\n=======\nid: "1"\nrole: c\n>>>>>>> theirs\n'
    )
    assert refused(ADA, merged.data)


def test_two_appends_to_one_note_lose_nothing() -> None:
    ours, theirs = BASE + b"  from us\n", BASE + b"  from them\n"
    merged = merge_file(ADA, BASE, ours, theirs)
    note = "one\ntwo\nthree\n"
    assert merged.clashes == (Clash(("notes",), ("notes",), note, f"{note}from us\n", f"{note}from them\n"),)
    assert b"from us\n" in merged.data
    assert b"from them\n" in merged.data
    assert refused(ADA, merged.data)


def test_answers_settle_questions() -> None:
    ours = BASE.replace(b"Ada ", b"Ida ").replace(b"boss", b"queen")
    theirs = BASE.replace(b"Ada ", b"Eva ").replace(b"boss", b"king")
    answers: Answers = {("name",): "Eva", ("role",): None, ("tags",): "not asked"}
    merged = merge_file(ADA, BASE, ours, theirs, answers)
    assert merged == FileMerge(BASE.replace(b"Ada ", b"Eva ").replace(b"role: boss\n", b""))
    some = merge_file(ADA, BASE, ours, theirs, {("name",): "Eva"})
    assert [clash.path for clash in some.clashes] == [("role",)]
    assert b"\nname: Eva   # as she writes it\n" in some.data


# Settings


def test_settings_are_merged_by_key() -> None:
    base = text(
        """\
        name: Book
        purposes:
          news: consent   # by mail
          service: contract
        stages: [lead, won]
        """
    )
    ours = base.replace(b"contract", b"legal")
    theirs = base.replace(b"news: consent", b"news: legal").replace(b"name: Book", b"# our\nname: Book")
    assert joined(SETTINGS, base, ours, theirs) == theirs.replace(b"contract", b"legal").decode()
    merged = merge_file(SETTINGS, base, ours, base.replace(b"contract", b"soft"))
    assert merged.clashes == (Clash(("purposes", "service"), ("purposes",), "contract", "legal", "soft"),)
    assert merged.data.startswith(
        b"name: Book\n<<<<<<< ours\npurposes:\n  news: consent   # by mail\n  service: legal\n|||||||"
    )
    assert merge_file(SETTINGS, None, b"a: b\n", b"id: c\n").clean
    assert merge_file(SETTINGS, b"id: a\n", b"id: a\nb: c\n", b"id: b\n").clean


# Histories

OLD = b'{"id":"A","at":"2026-01-01","type":"call"}\n'
NEW_O = b'{ "id": "C", "at": "2026-01-03" }\n'
NEW_T = b'{"at": "2026-01-02", "id": "B"}\n'


def test_lines_keep_their_bytes() -> None:
    assert joined(LOG, OLD, OLD + NEW_O, OLD + NEW_T).encode() == OLD + NEW_T + NEW_O
    assert joined(LOG, None, NEW_O, NEW_T).encode() == NEW_T + NEW_O
    assert joined(LOG, b"", NEW_O[:-1], NEW_T).encode() == NEW_T + NEW_O
    assert joined(LOG, OLD + NEW_T, OLD, OLD + NEW_T + NEW_O).encode() == OLD + NEW_O
    assert joined(LOG, OLD + NEW_T, OLD, NEW_T) == ""


def test_a_line_of_both_is_written_anew() -> None:
    old = b'{"id":"A", "zoo": "", "at": "2026-01-01", "type": "call", "by": ""}\n'
    ours, theirs = old.replace(b"call", b"mail"), old.replace(b'"by": ""', b'"by": "ann"')
    wanted = b'{"id": "A", "at": "2026-01-01", "type": "mail", "by": "ann", "zoo": ""}'
    assert joined(LOG, old, ours, theirs).encode() == wanted + b"\n"
    crlf = [line.replace(b"\n", b"\r\n") for line in (old, ours, theirs)]
    assert joined(LOG, crlf[0], crlf[1], crlf[2]).encode() == wanted + b"\r\n"


def test_spellings_of_a_line() -> None:
    spaced = OLD.replace(b":", b": ")
    wide = OLD.replace(b":", b":  ")
    assert joined(LOG, OLD, spaced + NEW_O, OLD + NEW_T).encode() == spaced + NEW_T + NEW_O
    assert joined(LOG, OLD, spaced + NEW_O, wide + NEW_T).encode() == wide + NEW_T + NEW_O
    assert joined(LOG, wide, OLD + NEW_O, spaced + NEW_T).encode() == spaced + NEW_T + NEW_O


def test_questions_in_a_history_have_markers_around_the_line() -> None:
    ours = OLD.replace(b"call", b"mail").replace(b"}", b',"by":"ann"}')
    theirs = OLD.replace(b"call", b"sms")
    merged = merge_file(LOG, OLD, ours + NEW_O, NEW_T + theirs)
    assert merged.clashes == (Clash(("A", "type"), ("type",), "call", "mail", "sms"),)
    assert not merged.clean
    by_theirs = b'{"id": "A", "at": "2026-01-01", "type": "sms", "by": "ann"}\n'
    by_base = by_theirs.replace(b"sms", b"call")
    assert merged.data == (
        b"<<<<<<< ours\n"
        + ours
        + b"||||||| base\n"
        + by_base
        + b"=======\n"
        + by_theirs
        + b">>>>>>> theirs\n"
        + NEW_T
        + NEW_O
    )
    assert refused(LOG, merged.data)
    answered = merge_file(LOG, OLD, ours + NEW_O, NEW_T + theirs, {("A", "type"): "sms"})
    assert answered == FileMerge(by_theirs + NEW_T + NEW_O)


def test_a_removed_line_that_was_changed_is_a_question() -> None:
    changed = NEW_T.replace(b"}", b', "by": "ann"}')
    merged = merge_file(LOG, OLD + NEW_T, OLD, OLD + changed)
    question = b"<<<<<<< ours\n||||||| base\n" + NEW_T + b"=======\n" + changed + b">>>>>>> theirs\n"
    assert merged.data.replace(b'{"id": "B", "at": "2026-01-02"}\n', NEW_T) == OLD + question
    assert [clash.path for clash in merged.clashes] == [("B",)]
    assert refused(LOG, merged.data)
    crlf = merge_file(LOG, OLD + NEW_T, OLD.replace(b"\n", b"\r\n"), OLD + changed)
    assert crlf.data.count(b"\r\n") == 6
    assert merge_file(LOG, OLD + NEW_T, OLD, OLD + changed, {("B",): None}) == FileMerge(OLD)


def test_a_history_with_a_bad_line_is_not_merged() -> None:
    for place, words in enumerate(("the base", "our side", "their side")):
        sides = [OLD, OLD + NEW_O, OLD + NEW_T]
        sides[place] = OLD + b"{}}"
        merged = merge_file(LOG, sides[0], sides[1], sides[2])
        assert merged.refused == f"{words} cannot be read: something follows the object"
        assert b"{}}\n" in merged.data
        assert refused(LOG, merged.data)


def test_another_history_is_not_joined() -> None:
    merged = merge_file(LOG, OLD, NEW_O, OLD + NEW_T)
    assert merged.refused == "one side kept no line of the history"
    assert refused(LOG, merged.data)
    assert merge_file(LOG, OLD, OLD + OLD, OLD + NEW_T).refused == "the id A stands twice in one history"


def test_a_history_that_would_be_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    size = len(OLD + NEW_T + NEW_O)
    monkeypatch.setattr(jsonl, "MAX_FILE", size)
    assert merge_file(LOG, OLD, OLD + NEW_O, OLD + NEW_T).clean
    monkeypatch.setattr(jsonl, "MAX_FILE", size - 1)
    merged = merge_file(LOG, OLD, OLD + NEW_O, OLD + NEW_T)
    assert merged.refused == "the merged history would be more than a file may hold"
    assert merged.clashes == ()


def test_a_line_that_would_be_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = OLD.replace(b"}", b',"by":"ann"}'), OLD.replace(b"}", b',"text":"hello"}')
    long = len(b'{"id": "A", "at": "2026-01-01", "type": "call", "by": "ann", "text": "hello"}')
    monkeypatch.setattr(jsonl, "MAX_LINE", long)
    assert merge_file(LOG, OLD, ours, theirs).clean
    monkeypatch.setattr(jsonl, "MAX_LINE", long - 1)
    assert merge_file(LOG, OLD, ours, theirs).refused == "the merged history would be more than a file may hold"


def test_histories_of_own_kinds() -> None:
    old = b'{"id": "A", "tags": ["x"], "minutes": "1"}\n'
    ours, theirs = old.replace(b'["x"]', b'["x", "o"]'), old.replace(b'["x"]', b'["x", "t"]')
    assert joined("records/boats/mary.jsonl", old, ours, theirs).encode() == old.replace(b'["x"]', b'["x", "o", "t"]')


# The program


def test_a_merge_loads_little() -> None:
    """git starts the merge driver anew for every file."""
    code = """
        import sys
        before = set(sys.modules)
        from crmctl.store.merging import merge_file
        light = set(sys.modules) - before
        base = b"id: '1'\\nname: A\\nrole: x\\n"
        assert merge_file("records/customers/a.yaml", base, base + b"a: b\\n", base.replace(b"A", b"B")).clean
        heavy = {"ruamel.yaml", "json", "datetime", "tinydb", "dataclasses", "zoneinfo", "click", "git"}
        never = {"difflib", "json", "tinydb", "zoneinfo", "click", "git"}
        print(*sorted(heavy & light), *sorted(never & set(sys.modules) - before))
        """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
