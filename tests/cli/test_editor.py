"""``edit``: a scripted editor stands in for a person; whatever it does, no text is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from typing import Any

import click
import pytest
from helpers.books import commit
from helpers.books import git

from crmctl.cli.app import App

if TYPE_CHECKING:
    from pathlib import Path

Run = Callable[..., Any]
ADA = "id: 01J0000000000000000000000A\nname: Ada\n"


class Desk:
    """A person with an editor: each time it is opened, the next of ``steps`` (shell, the file is $1) is done."""

    def __init__(self, run: Run, root: Path, folder: Path) -> None:
        self.run = run
        self.root = root
        self.folder = folder

    def edit(self, *steps: str, kind: str = "customer", ref: str = "ada") -> Any:
        for number, step in enumerate(steps):
            (self.folder / f"step{number}").write_text(f'cp "$1" {self.folder}/seen{number}\n{step}\n')
        (self.folder / "count").write_text("0")
        script = f"n=$(cat {self.folder}/count); echo $((n + 1)) > {self.folder}/count; . {self.folder}/step$n"
        (self.folder / "editor").write_text(f"#!/bin/sh\n{script}\n")
        (self.folder / "editor").chmod(0o755)
        return self.run("-C", self.root, kind, "edit", ref)

    def seen(self, number: int) -> str:
        return (self.folder / f"seen{number}").read_text()

    @property
    def drafts(self) -> list[Path]:
        folder = self.root / ".git/crmctl/tmp"
        return sorted(folder.iterdir()) if folder.exists() else []

    @property
    def record(self) -> str:
        return (self.root / "records/customers/ada.yaml").read_text()


@pytest.fixture
def desk(run: Run, book_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    commit(book_dir, {"customers/ada.yaml": ADA})
    folder = tmp_path / "desk with space"
    folder.mkdir()
    link = tmp_path / "desk"
    link.symlink_to(folder)
    monkeypatch.setenv("EDITOR", f"'{folder}/editor'")
    return Desk(run, book_dir, link)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[bool | type[BaseException]]:
    """A person at the terminal; what they answer, in order."""
    given: list[bool | type[BaseException]] = []

    def confirm(*_: object, **__: object) -> bool:
        answer = given.pop(0)
        if isinstance(answer, bool):
            return answer
        raise answer

    monkeypatch.setattr(App, "can_ask", True)
    monkeypatch.setattr(click, "confirm", confirm)
    return given


def test_a_change_is_saved_as_one_commit(desk: Desk) -> None:
    result = desk.edit('echo "role: queen" >> "$1"')
    assert result.code == 0
    assert result.err.startswith("customer: edit ada role  [undo: ")
    assert desk.seen(0) == ADA
    assert desk.record == f"{ADA}role: queen\n"
    assert git(desk.root, "status", "--short") == ""
    assert desk.drafts == []


@pytest.mark.parametrize("step", ["true", 'echo >> "$1"', ': > "$1"'])
def test_nothing_changed_is_nothing_done(desk: Desk, step: str) -> None:
    head = git(desk.root, "rev-parse", "HEAD")
    result = desk.edit(step)
    assert (result.code, result.err) == (0, "Nothing to change.\n")
    assert git(desk.root, "rev-parse", "HEAD") == head
    assert desk.drafts == []


def test_an_editor_that_comes_back_at_once_is_told_of(desk: Desk, answers: list[bool]) -> None:
    assert answers == []
    assert "came back at once" in desk.edit("true").err


def test_problems_stand_in_the_text_at_their_lines_until_it_is_right(desk: Desk, answers: list[bool]) -> None:
    answers += [True, True]
    result = desk.edit(
        'echo "lifecycle: leed\nnotes: mine" >> "$1"',
        'echo "owner: nobody" >> "$1"',
        "sed -i 's/leed/lead/; s/^owner.*//' \"$1\"",
    )
    assert desk.seen(1) == (
        f"{ADA}lifecycle: leed\n"
        "# ^ line 3: lifecycle: 'leed' is not one of lead, prospect, customer, former\n"
        "# ^ hint: Did you mean lead?\n"
        "notes: mine\n"
    )
    assert desk.seen(2).count("# ^ line") == 2
    assert result.code == 0
    assert "line 3: lifecycle: 'leed'" in result.err
    assert desk.record == f"{ADA}lifecycle: lead\nnotes: mine\n\n"
    assert desk.drafts == []


def test_given_up_with_problems_keeps_the_text(desk: Desk, answers: list[bool]) -> None:
    answers += [True, False]
    result = desk.edit('echo "lifecycle: leed" >> "$1"', 'echo "role: queen" >> "$1"')
    (draft,) = desk.drafts
    assert result.code == 4
    assert "crmctl: customer ada: not saved, 1 problem" in result.err
    assert str(draft) in result.err
    assert "role: queen" in draft.read_text()
    assert desk.record == ADA


def test_interrupted_at_the_question_keeps_the_text(desk: Desk, answers: list[Any]) -> None:
    answers += [click.Abort]
    result = desk.edit('echo "lifecycle: leed" >> "$1"')
    assert result.code == 130
    assert str(desk.drafts[0]) in result.err


def test_without_a_terminal_problems_end_it_and_the_text_is_kept(desk: Desk) -> None:
    result = desk.edit('echo "lifecycle: leed" >> "$1"')
    assert result.code == 4
    assert "lifecycle: leed" in desk.drafts[0].read_text()


def test_unknown_fields_are_saved_and_named(desk: Desk) -> None:
    result = desk.edit('echo "colour: red" >> "$1"')
    assert result.code == 0
    assert "Kept as they are, though a customer has no such fields: colour" in result.err


def test_a_record_changed_meanwhile_is_not_written_over(desk: Desk) -> None:
    other = f'echo "# other" >> {desk.root}/records/customers/ada.yaml'
    result = desk.edit(f'echo "role: queen" >> "$1"; {other}')
    assert result.code == 5
    assert "changed by someone else while you were editing" in result.err
    assert "role: queen" in desk.drafts[0].read_text()
    assert desk.record == f"{ADA}# other\n"


def test_a_book_in_the_middle_of_a_rebase_keeps_the_text(desk: Desk) -> None:
    (desk.root / ".git/rebase-merge").mkdir()
    result = desk.edit('echo "role: queen" >> "$1"')
    assert result.code == 5
    assert str(desk.drafts[0]) in result.err
    assert "git rebase --continue" in result.err


def test_an_editor_that_fails(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    result = desk.edit('echo "role: queen" >> "$1"; exit 3')
    assert result.code == 1
    assert "failed with status 3" in result.err
    assert "role: queen" in desk.drafts[0].read_text()
    desk.drafts[0].unlink()
    assert desk.edit("exit 1").code == 1
    assert desk.drafts == []
    for command, reason in (("/no/such/editor", "no such file"), ("vim 'x", "no closing quotation")):
        monkeypatch.setenv("EDITOR", command)
        result = desk.edit()
        assert result.code == 1
        assert reason in result.err
        assert desk.drafts == []


def test_what_the_editor_leaves_may_be_no_text_or_nothing(desk: Desk) -> None:
    result = desk.edit("printf 'name: J\\366rg\\n' > \"$1\"")
    assert result.code == 4
    assert len(desk.drafts) == 1
    result = desk.edit('rm "$1"')
    assert result.code == 1
    assert "cannot be read back" in result.err


def test_nobody_is_sent_into_vi_without_a_terminal(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDITOR", "vi")
    result = desk.edit()
    assert result.code == 2
    assert "crmctl customer set ada" in result.err


def test_an_interaction_is_edited_as_json(desk: Desk) -> None:
    line = '{"id": "01J0000000000000000000000B", "at": "2026-01-02T10:00:00Z", "type": "call", "text": "hi"}\n'
    commit(desk.root, {"interactions/ada.jsonl": line})
    result = desk.edit('sed -i \'s/"hi"/"hello"/\' "$1"', kind="interaction", ref="01J0000000000000000000000B")
    assert result.code == 0
    assert desk.seen(0).startswith("{\n")
    assert (desk.root / "records/interactions/ada.jsonl").read_text() == line.replace('"hi"', '"hello"')
