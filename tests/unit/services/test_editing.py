"""Editing a record as text: what is offered, what is refused and where, and what ends up in the book."""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING

import pytest
from helpers.books import commit
from helpers.books import git
from helpers.books import write

from crmctl.errors import Conflict
from crmctl.errors import CrmError
from crmctl.errors import InvalidData
from crmctl.errors import NotFound
from crmctl.errors import Problem
from crmctl.services import editing
from crmctl.services.book import Book

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.services.editing import Draft

ID = "01J0000000000000000000000A"
CALL = "01J0000000000000000000000B"
ADA = f"# Ada\nid: {ID}\nname:   'Ada'  # of course\n"
LINE = f'{{"id": "{CALL}", "at": "2026-01-02T10:00:00Z", "type": "call", "minutes": 5}}\n'


@pytest.fixture
def book(book_dir: Path) -> Book:
    commit(book_dir, {"customers/ada.yaml": ADA, "interactions/ada.jsonl": LINE})
    return Book(book_dir)


def drafted(book: Book, kind: str = "customer", handle: str = "ada") -> Draft:
    return editing.start(book, book.schema.require(kind), handle)


def places(problems: list[Problem]) -> list[tuple[int, int, str]]:
    return [(problem.line, problem.column, problem.code) for problem in problems]


def test_a_record_is_offered_as_it_stands(book: Book) -> None:
    draft = drafted(book)
    assert (draft.text, draft.suffix) == (ADA, ".yaml")
    assert editing.review(book, draft, ADA) == []


def test_an_interaction_is_offered_over_several_lines(book: Book) -> None:
    draft = drafted(book, "interaction", CALL)
    assert draft.suffix == ".json"
    assert draft.text.splitlines()[1] == f'  "id": "{CALL}",'
    assert json.loads(draft.text) == json.loads(LINE)
    assert editing.review(book, draft, draft.text) == []


def test_the_draft_is_readable_by_its_owner_alone(book: Book) -> None:
    draft = drafted(book)
    file = editing.keep(book, draft, "text\n")
    assert file.read_bytes() == b"text\n"
    assert file.suffix == ".yaml"
    assert file.name.startswith("ada-")
    assert file.is_relative_to(book.root / ".git" / "crmctl")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) & 0o077 == 0


def test_what_was_typed_is_kept_to_the_letter(book: Book) -> None:
    draft = drafted(book)
    text = ADA + "tags: [vip]   # mine\n"
    written = editing.save(book, draft, text)
    assert written.message == "customer: edit ada tags"
    assert (book.root / draft.path).read_text() == text
    assert git(book.root, "log", "-1", "--format=%s") == "customer: edit ada tags\n"


def test_a_comment_alone_can_be_saved(book: Book) -> None:
    draft = drafted(book)
    assert editing.save(book, draft, f"{ADA}# more").message == "customer: edit ada"
    assert (book.root / draft.path).read_text() == f"{ADA}# more\n"


def test_an_id_is_filled_in_beside_the_comments(book: Book) -> None:
    commit(book.root, {"customers/bob.yaml": "# B\nname: Bob\n"})
    book.refresh()
    draft = drafted(book, handle="bob")
    editing.save(book, draft, "# B\nname: Bobby\n")
    lines = (book.root / draft.path).read_text().splitlines()
    assert lines[0] == "# B"
    assert lines[1].startswith("id: 0")
    assert lines[2] == "name: Bobby"


def test_problems_are_told_at_their_lines(book: Book) -> None:
    draft = drafted(book)
    text = f"id: {ID}\nname: Ada\nlifecycle: x\nowner: nobody\norganization: ada\n"
    assert places(editing.review(book, draft, text)) == [(3, 1, "bad-choice"), (4, 1, "unknown-reference")]
    assert places(editing.review(book, draft, "name: [\n")) == [(2, 1, "indentation")]
    assert places(editing.review(book, draft, f"id: {ID}\n")) == [(0, 0, "missing-field")]


def test_the_id_never_changes(book: Book) -> None:
    draft = drafted(book)
    assert places(editing.review(book, draft, ADA.replace(ID, CALL))) == [(2, 1, "changed-id")]
    problems = editing.review(book, draft, "name: Ada\n")
    assert places(problems) == [(0, 0, "changed-id")]
    assert problems[0].hint == f"Set it back: id: {ID}"


def test_unknown_fields_are_kept_and_named(book: Book) -> None:
    draft = drafted(book)
    text = f"{ADA}colour: red\n"
    assert editing.review(book, draft, text) == []
    assert editing.unknown_fields(draft, text) == ["colour"]


def test_an_interaction_is_put_back_as_one_line(book: Book) -> None:
    draft = drafted(book, "interaction", CALL)
    text = draft.text.replace('"type": "call"', '"type": "meeting",\n  "text": "in Paris"')
    assert editing.review(book, draft, text) == []
    written = editing.save(book, draft, text)
    assert written.message == "interaction: edit 0000000b of ada type text"
    (line,) = (book.root / "records/interactions/ada.jsonl").read_text().splitlines()
    assert json.loads(line)["type"] == "meeting"


@pytest.mark.parametrize(
    ("text", "line", "column", "code", "message"),
    [
        ('{\n  "type": "call"\n  "at": "x"\n}', 3, 3, "syntax", "a comma or the closing bracket is missing"),
        ('{\n  "text": "two\n lines"\n}', 2, 15, "syntax", "a line ends inside quotes"),
        ('{\n  "a": "1",\n  "a": "2"\n}', 3, 3, "duplicate-key", '"a" is there twice in one object'),
        ("[1]", 1, 1, "not-an-object", "the line is not an object"),
        ("\n\n", 0, 0, "empty", "there is no object in the text"),
    ],
)
def test_json_that_cannot_be_read(book: Book, text: str, line: int, column: int, code: str, message: str) -> None:
    (problem,) = editing.review(book, drafted(book, "interaction", CALL), text)
    assert problem[1:5] == (line, column, code, message)


def test_findings_in_json_have_lines_too(book: Book) -> None:
    text = f'{{\n  "id": "{CALL}",\n  "at": "2026-01-02T10:00:00Z",\n  "type": "cal",\n'
    text += '  "lines": [\n    {"product": "x"}]\n}'
    problems = editing.review(book, drafted(book, "interaction", CALL), text)
    assert places(problems) == [(4, 3, "bad-choice"), (6, 6, "unknown-reference")]
    problems = editing.review(book, drafted(book, "interaction", CALL), f'{{"id": "{CALL}", "type": "call"}}')
    assert places(problems) == [(0, 0, "missing-field")]


def test_marks_stand_below_their_lines_and_come_out_again() -> None:
    problems = [
        Problem("x", 0, 0, "a", "no name", ""),
        Problem("x", 2, 1, "b", "bad\nthing", "do that"),
        Problem("x", 99, 1, "c", "beyond"),
    ]
    text = "one\ntwo\n\nlast"
    marked = editing.with_marks(text, problems)
    assert marked == (
        "# ^ the whole record: no name\none\ntwo\n# ^ line 2: bad thing\n# ^ hint: do that\n\nlast\n# ^ line 4: beyond"
    )
    assert editing.without_marks(marked + "\n").rstrip("\n") == text
    assert editing.without_marks("# ^ a comment of mine\n") == "# ^ a comment of mine\n"


def test_a_record_that_changed_meanwhile_is_not_written_over(book: Book) -> None:
    draft, line = drafted(book), drafted(book, "interaction", CALL)
    commit(book.root, {"customers/ada.yaml": f"{ADA}role: queen\n", "interactions/ada.jsonl": LINE.replace("5", "6")})
    head = git(book.root, "rev-parse", "HEAD")
    with pytest.raises(Conflict, match="changed by someone else while you were editing"):
        editing.save(book, draft, f"{ADA}tags: [x]\n")
    with pytest.raises(Conflict, match="changed by someone else while you were editing"):
        editing.save(book, line, line.text.replace("call", "visit"))
    assert git(book.root, "rev-parse", "HEAD") == head


def test_a_record_that_was_removed_meanwhile(book: Book) -> None:
    draft, line = drafted(book), drafted(book, "interaction", CALL)
    for path in (draft.path, line.path):
        (book.root / path).unlink()
    with pytest.raises(Conflict):
        editing.save(book, draft, f"{ADA}tags: [x]\n")
    with pytest.raises(NotFound):
        editing.save(book, line, line.text)
    with pytest.raises(NotFound, match="is gone"):
        drafted(book)


def test_what_was_changed_by_hand_before_comes_along_and_is_told(book: Book) -> None:
    write(book.root, {"customers/ada.yaml": f"{ADA}role: queen\n"})
    written = editing.save(book, drafted(book), f"{ADA}role: queen\ntags: [x]\n")
    assert written.notes == ("took along what was written by hand in records/customers/ada.yaml",)
    assert git(book.root, "status", "--short") == ""


def test_a_stage_changed_in_the_editor_is_logged_as_set_does(book: Book) -> None:
    deal = "id: 01J0000000000000000000000C\nname: X\ncustomer: ada\nstage: lead\n"
    commit(book.root, {"deals/x.yaml": deal})
    book.refresh()
    editing.save(book, drafted(book, "deal", "x"), deal.replace("lead", "won"))
    text = (book.root / "records/deals/x.yaml").read_text()
    assert "stage_log:\n  - stage: won\n    at:" in text
    assert "\nclosed: " in text


def test_a_record_that_is_no_utf8_is_not_touched(book: Book) -> None:
    (book.root / "records/customers/ada.yaml").write_bytes(b"name: J\xf6rg\n")
    with pytest.raises(InvalidData, match="not UTF-8"):
        drafted(book)


def test_windows_line_ends_and_marks_at_the_beginning_are_not_shown(book: Book) -> None:
    (book.root / "records/customers/ada.yaml").write_bytes(b"\xef\xbb\xbfname: Ada\r\n")
    assert drafted(book).text == "name: Ada\n"


def test_a_record_that_cannot_be_read_can_be_mended(book: Book) -> None:
    draft = drafted(book)._replace(before=b"name: [\n")
    (book.root / draft.path).write_bytes(b"name: [\n")
    assert editing.review(book, draft, "name: Ada\n") == []
    assert editing.save(book, draft, "name: Ada\n").commit
    assert "id: 01J0000000000000000000000A\n" in (book.root / draft.path).read_text()  # Still the same person.


def test_which_editor(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDITOR", "nano")
    assert editing.editor(book) == "nano"
    monkeypatch.setenv("VISUAL", "code --wait")
    assert editing.editor(book) == "code --wait"
    monkeypatch.delenv("VISUAL")
    monkeypatch.delenv("EDITOR")
    git(book.root, "config", "core.editor", "joe")
    with pytest.raises(Conflict, match="own settings would run programs"):
        editing.editor(book)  # It is the repository's word, and came with it.
    git(book.root, "config", "--unset", "core.editor")
    own = book.root.parent / "gitconfig"
    own.write_text("[core]\n\teditor = joe\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(own))
    assert editing.editor(book) == "joe"
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setitem(os.environ, "TERM", "dumb")
    with pytest.raises(CrmError, match="there is no editor"):
        editing.editor(book)
