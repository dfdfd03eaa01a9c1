"""``fmt``: one form for all files, nothing of what they say lost, comments least of all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from helpers.books import commit
from helpers.books import git
from helpers.books import write
from hypothesis import HealthCheck
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from crmctl.errors import InvalidData
from crmctl.services.book import Book
from crmctl.services.formatting import Formatted
from crmctl.services.formatting import format_book
from crmctl.services.layouts import lay_out
from crmctl.store.yaml_reader import read_yaml

if TYPE_CHECKING:
    from pathlib import Path

ID = "id: 01J0000000000000000000000A\n"


def fmt(root: Path, *paths: str, write: bool = True, adopt: bool = False) -> Formatted:
    return format_book(Book(root), paths, write=write, adopt=adopt)


def laid_out(text: str, *order: str) -> str:
    data = read_yaml(text.encode(), "x.yaml").data
    wanted = {name: data[name] for name in order} if order else data
    return lay_out(text.encode(), wanted, "x.yaml").decode()


def test_records_are_put_in_order_in_one_commit(book_dir: Path) -> None:
    commit(
        book_dir,
        {
            "customers/ada.yaml": f"tags: [vip, 'old']\n{ID}own: kept\nname: 'Ada'\nphones: ['+49 30 1234567']\r\n",
            "customers/bob.yaml": "name: Bob\nemails: []\nrole:\n",
            "deals/x.yaml": f"{ID}name: X\ncustomer: ada\n",
        },
    )
    done = fmt(book_dir)
    assert done.changed == ("records/customers/ada.yaml", "records/customers/bob.yaml")
    assert (done.files, done.left, done.written.message) == (3, (), "fmt: 2 records")
    ada = (book_dir / "records/customers/ada.yaml").read_text()
    assert ada == f"{ID}name: Ada\nphones:\n  - +49 30 1234567\ntags:\n  - vip\n  - old\nown: kept\n"
    bob = (book_dir / "records/customers/bob.yaml").read_text().splitlines()
    assert bob[0].startswith("id: 0")
    assert bob[1:] == ["name: Bob"]
    assert git(book_dir, "log", "-1", "--format=%s") == "fmt: 2 records\n"
    assert git(book_dir, "status", "--short") == ""
    assert fmt(book_dir).changed == ()


def test_nothing_to_do_is_no_commit(sample_dir: Path) -> None:
    fmt(sample_dir)
    head = git(sample_dir, "rev-parse", "HEAD")
    done = fmt(sample_dir)
    assert (done.changed, done.written.commit) == ((), "")
    assert git(sample_dir, "rev-parse", "HEAD") == head


def test_interactions_are_sorted_by_time_and_get_ids(book_dir: Path) -> None:
    lines = (
        '{"type":"call","at":"2026-01-02T10:00:00+01:00","minutes":5}\n'
        "\n"
        '{"at": "2026-01-02T08:30:00Z", "id": "01J0000000000000000000000B", "type": "note", "text": "ü"}\n'
    )
    commit(book_dir, {"customers/ada.yaml": f"{ID}name: Ada\n", "interactions/ada.jsonl": lines})
    assert fmt(book_dir).changed == ("records/interactions/ada.jsonl",)
    first, second = (book_dir / "records/interactions/ada.jsonl").read_text().splitlines()
    assert first.startswith('{"id": "01J0000000000000000000000B", "at": "2026-01-02T08:30:00Z"')
    assert second.startswith('{"id": "0')
    assert second.endswith('", "at": "2026-01-02T10:00:00+01:00", "type": "call", "minutes": "5"}')
    assert fmt(book_dir).changed == ()


def test_only_asking_changes_nothing(book_dir: Path) -> None:
    commit(book_dir, {"customers/ada.yaml": "name: 'Ada'\n"})
    head = git(book_dir, "rev-parse", "HEAD")
    assert fmt(book_dir, write=False).changed == ("records/customers/ada.yaml",)
    assert (book_dir / "records/customers/ada.yaml").read_text() == "name: 'Ada'\n"
    assert git(book_dir, "rev-parse", "HEAD") == head


def test_only_the_paths_asked_for(book_dir: Path) -> None:
    commit(book_dir, {"customers/ada.yaml": "name: 'Ada'\n", "products/tea.yaml": "name: 'Tea'\n"})
    done = fmt(book_dir, str(book_dir / "records/products"))
    assert done.changed == ("records/products/tea.yaml",)
    assert done.files == 1


def test_what_somebody_is_editing_is_left_alone(book_dir: Path) -> None:
    commit(book_dir, {"customers/ada.yaml": f"{ID}name: 'Ada'\n", "customers/bob.yaml": "name: 'Bob'\n"})
    write(book_dir, {"customers/ada.yaml": f"{ID}name: 'Ada L'\n"})
    done = fmt(book_dir)
    assert done.changed == ("records/customers/bob.yaml",)
    assert [problem.path for problem in done.left] == ["records/customers/ada.yaml"]
    assert not done.unreadable
    assert (book_dir / "records/customers/ada.yaml").read_text() == f"{ID}name: 'Ada L'\n"
    assert fmt(book_dir, adopt=True).changed == ("records/customers/ada.yaml",)
    assert git(book_dir, "show", "HEAD:records/customers/ada.yaml") == f"{ID}name: Ada L\n"


def test_a_new_file_written_by_hand_comes_along(book_dir: Path) -> None:
    write(book_dir, {"customers/ada.yaml": "name: 'Ada'\n"})
    done = fmt(book_dir)
    assert done.written.notes == ("took along 1 that had been written by hand",)
    assert git(book_dir, "status", "--short") == ""


def test_line_ends_that_git_converts_are_no_edit(book_dir: Path) -> None:
    commit(book_dir, {"customers/ada.yaml": f"{ID}name: 'Ada'\n"})
    write(book_dir, {"customers/ada.yaml": f"{ID}name: 'Ada'\n".replace("\n", "\r\n")})
    assert fmt(book_dir).changed == ("records/customers/ada.yaml",)
    assert (book_dir / "records/customers/ada.yaml").read_bytes() == f"{ID}name: Ada\n".encode()


def test_what_cannot_be_read_is_told_and_the_rest_done(book_dir: Path) -> None:
    files = {
        "customers/ada.yaml": "name: [\n",
        "customers/bob.yaml": "name: 'Bob'\n",
        "interactions/bob.jsonl": '{"type": "call"}\nnonsense\n',
    }
    commit(book_dir, files)
    (book_dir / "records/customers/pipe.yaml").mkdir()
    done = fmt(book_dir)
    assert done.changed == ("records/customers/bob.yaml",)
    assert done.unreadable
    assert [(problem.path, problem.code) for problem in done.left] == [
        ("records/customers/ada.yaml", "indentation"),
        ("records/customers/pipe.yaml", "not-a-file"),
        ("records/interactions/bob.jsonl", "syntax"),
    ]
    assert (book_dir / "records/interactions/bob.jsonl").read_text() == files["interactions/bob.jsonl"]


@pytest.mark.parametrize(
    ("before", "order", "after"),
    [
        ("# Ada\nname: 'Ada'\n", (), "# Ada\nname: Ada\n"),
        ("b: 1 # bee\n# about a\na: 2\n", ("a", "b"), '# about a\na: "2"\nb: "1"  # bee\n'),
        ("# of the file\n\n# of b\nb: x\na: z\n", ("a", "b"), "# of the file\n\na: z\n# of b\nb: x\n"),
        ("# one\n\n# two\n\nb: x\na: z\n", ("a", "b"), "# one\n# two\n\na: z\nb: x\n"),
        ("b: x\na: z\n# the end\n", ("a", "b"), "a: z\nb: x\n# the end\n"),
        ("tags:\n  - x # why\n  - z\na: z\n", ("a", "tags"), "a: z\ntags:\n  - x # why\n  - z\n"),
        ("tags:\n  - x\n  # and more\na: z\n", ("a", "tags"), "a: z\ntags:\n  - x\n  # and more\n"),
        ("tags: [x, z] # few\n", (), "tags:  # few\n  - x\n  - z\n"),
        ("notes: | # long\n  # no comment\n  text\n", (), "notes: | # long\n  # no comment\n  text\n"),
        ("a: '#1' # real\n", (), 'a: "#1"  # real\n'),
        ('a: x#y\nb: "q # r" # s\n', (), 'a: x#y\nb: "q # r"  # s\n'),
        ("--- # top\na: x\n... # end\n", (), "# top\na: x\n# end\n"),
        ("{a: x, b: z} # flow\n", (), "# flow\n\na: x\nb: z\n"),
        ("\ufeff# bom\r\na: x\r\n", (), "# bom\na: x\n"),
        ("a: x\n\n\n# b\n\nb: z", (), "a: x\n# b\nb: z\n"),
        ("? a # key\n: x\nb: z\n", ("b", "a"), "b: z\n? a # key\n: x\n"),
        ('a: "#"\n', (), 'a: "#"\n'),
    ],
)
def test_comments_stay_with_what_they_are_about(before: str, order: tuple[str, ...], after: str) -> None:
    assert laid_out(before, *order) == after
    assert laid_out(after) == after


def test_what_was_said_about_an_empty_field_stays(book_dir: Path) -> None:
    commit(book_dir, {"customers/ada.yaml": f"{ID}name: Ada\n# ask her\nphones: # soon\nrole: x\n"})
    fmt(book_dir)
    assert (book_dir / "records/customers/ada.yaml").read_text() == f"{ID}name: Ada\nrole: x\n# ask her\n# soon\n"


def test_a_file_whose_comments_could_not_be_kept_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crmctl.services.layouts._arranged", lambda *_: iter(["a: x"]))
    with pytest.raises(InvalidData, match="its comments could not be kept") as caught:
        laid_out("# precious\na: x\n")
    assert caught.value.problems[0].code == "comments"
    monkeypatch.setattr("crmctl.services.layouts._arranged", lambda *_: iter(["a: [ # precious"]))
    with pytest.raises(InvalidData, match="its comments could not be kept"):
        laid_out("# precious\na: x\n")


def test_a_book_goes_on_when_comments_cannot_be_kept(book_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(book_dir, {"customers/ada.yaml": f"# A\n{ID}name: 'Ada'\n", "customers/bob.yaml": "name: 'Bob'\n"})
    monkeypatch.setattr("crmctl.services.layouts._arranged", lambda *_: iter(["a: x"]))
    done = fmt(book_dir)
    assert done.changed == ("records/customers/bob.yaml",)
    assert [problem.code for problem in done.left] == ["comments"]
    assert not done.unreadable


_TEXT = st.sampled_from(
    ["x", "'#q'", '"a # b"', "|\n  text\n  # text", "[p, q]", "\n  - p\n  - q", "\n  in: r", "", "x#y"]
)
_COMMENT = st.sampled_from(["", " # c1", "  # c2 # d"])
_BETWEEN = st.lists(st.sampled_from(["", "# m1", "  # m2", "# m3"]), max_size=3)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.permutations("abcd"), st.permutations("abcd"), st.data())
def test_whatever_the_comments_they_stay_and_twice_is_as_once(
    keys: list[str], order: list[str], data: st.DataObject
) -> None:
    lines: list[str] = []
    for key in keys:
        lines += data.draw(_BETWEEN)
        value, comment = data.draw(_TEXT), data.draw(_COMMENT)
        if value.startswith("\n"):
            lines.append(f"{key}:{comment}{value}")
        elif value.startswith("|"):
            lines.append(f"{key}: |{comment}{value[1:]}")
        else:
            lines.append(f"{key}: {value}{comment}")
    text = "\n".join([*lines, *data.draw(_BETWEEN)]) + "\n"
    record = read_yaml(text.encode(), "x").data
    wanted = {key: record[key] for key in order}
    once = lay_out(text.encode(), wanted, "x")
    assert list(read_yaml(once, "x").data.items()) == list(wanted.items())
    for mark in ("# c1", "# c2 # d", "# m1", "# m2", "# m3"):
        assert once.decode().count(mark) == text.count(mark)
    assert lay_out(once, wanted, "x") == once
