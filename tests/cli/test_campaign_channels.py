"""Letters, text messages and calls at the command line: what is said, and where things are put."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from helpers import campaign_book as books
from helpers.books import commit

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Run

TEXT = "---\nchannel: {channel}\n---\n{{{{ customer.name }}}}: new records. Reply STOP to end this.\n"


@pytest.fixture
def made(tmp_path: Path) -> Callable[[str], Path]:
    """Makes a book with a campaign on a channel for two people with all addresses."""

    def make(channel: str) -> Path:
        root = books.make(tmp_path / "book", 2, f"channel: {channel}\n")
        files = {"/templates/spring.md": TEXT.format(channel=channel)} if channel in ("sms", "phone") else {}
        for name in ("p000", "p001"):
            path = root / "records/customers" / f"{name}.yaml"
            more = f"phones: ['+49 151 23456{name[1:]}']\naddress: {{street: Lane 1, city: Town, country: DE}}\n"
            files[f"customers/{name}.yaml"] = path.read_text() + more
        commit(root, files)
        return root

    return make


def test_letters_are_named_as_the_folder_was(
    made: Callable[[str], Path], run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = made("letter")
    monkeypatch.chdir(tmp_path)
    done = run("-C", root, "campaign", "send", "spring", "--send", "--to", "letters")
    assert done.code == 0, done.err
    assert "spring: 2 handed over. 2 planned = 2 accepted + 0 pending." in done.err
    (printed,) = done.out.splitlines()
    assert printed.startswith("letters/print-")
    assert (tmp_path / printed).exists()
    assert run("-C", root, "campaign", "send", "spring", "--send", "--to", "letters") == (0, "", "")


def test_a_folder_is_for_one_campaign_and_not_for_mail(made: Callable[[str], Path], run: Run, tmp_path: Path) -> None:
    root = made("email")
    for words in (["--send", "--to", "x"], ["spring", "--send", "--to", "x"], ["spring", "--to", "x"]):
        done = run("-C", root, "campaign", "send", *words)
        assert (done.code, done.out) == (2, "")
        assert "--to is for" in done.err
    assert not (tmp_path / "x").exists()


def test_parts_are_shown_by_check_and_preview(made: Callable[[str], Path], run: Run, tmp_path: Path) -> None:
    root = made("sms")
    assert "2 messages (2 parts) made; nothing was sent." in run("-C", root, "campaign", "check", "spring").err
    done = run("-C", root, "campaign", "preview", "spring", "--to", tmp_path / "out")
    assert f"2 messages (2 parts) written to {tmp_path / 'out'}; nothing was sent." in done.err


def test_calls_are_made_without_any_settings(made: Callable[[str], Path], run: Run) -> None:
    root = made("phone")
    done = run("-C", root, "campaign", "send", "spring", "--send")
    assert (done.code, done.out) == (0, "")
    assert "spring: 2 to call." in done.err
    assert len(list((root / "records/followups").iterdir())) == 2


def test_check_fails_without_a_benefit_and_says_what_to_type(made: Callable[[str], Path], run: Run) -> None:
    root = made("letter")
    run("-C", root, "campaign", "set", "spring", "benefit=")
    done = run("-C", root, "campaign", "check", "spring")
    assert done.code == 4
    assert "crmctl: the campaign does not say what the customer has from it" in done.err
    run("-C", root, "campaign", "set", "spring", "benefit=Hears of it first")
    assert run("-C", root, "campaign", "check", "spring").code == 0


def test_on_a_narrow_terminal_nothing_of_a_reason_is_lost(
    made: Callable[[str], Path], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = made("letter")
    monkeypatch.setattr("crmctl.cli.app.App.width", 50)
    done = run("-C", root, "campaign", "send", "spring")
    assert "Lane 1," in done.out
    assert "…" not in done.out
    assert all(len(line) <= 50 for line in done.out.splitlines())
    assert "Person 000" in " ".join(done.out.split())  # Of the address; the column of names gave way.
    assert done.out.splitlines()[0].split() == ["customer", "state", "reason"]


@pytest.mark.parametrize("place", ["letters", ".git/letters", ".", "templates", "../link"])
def test_nothing_is_put_into_the_book(
    made: Callable[[str], Path], run: Run, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    root = made("letter")
    (root.parent / "link").symlink_to(root / "templates")
    monkeypatch.chdir(root)
    done = run("campaign", "send", "spring", "--send", "--to", place)
    assert (done.code, done.out) == (2, "")
    assert f"{place} is in the book, and git would take along what is put there" in done.err
    assert "--to ../spring" in done.err
    assert not (root / "letters").exists()


def test_a_link_on_the_way_to_the_folder_is_followed(made: Callable[[str], Path], run: Run, tmp_path: Path) -> None:
    root = made("letter")
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert run("-C", root, "campaign", "send", "spring", "--send", "--to", tmp_path / "link/out").code == 0
    assert list((tmp_path / "real/out").glob("print-*.html"))


def test_a_file_is_no_folder(made: Callable[[str], Path], run: Run, tmp_path: Path) -> None:
    root = made("letter")
    (tmp_path / "file").touch()
    done = run("-C", root, "campaign", "send", "spring", "--send", "--to", tmp_path / "file")
    assert done.code == 8
    assert f"{tmp_path / 'file'} is no folder" in done.err


def test_a_campaign_for_nobody_is_quiet_in_cron_and_says_why_when_named(made: Callable[[str], Path], run: Run) -> None:
    root = made("phone")
    run("-C", root, "segment", "add", "Nobody")
    run("-C", root, "campaign", "set", "spring", "segment=nobody", "status=planned")
    assert run("-C", root, "campaign", "send", "--send") == (0, "", "")
    done = run("-C", root, "campaign", "send", "spring", "--send")
    assert done.code == 4
    assert "nobody is in segment nobody" in done.err
    assert "crmctl segment set nobody 'filter=name:*'" in run("-C", root, "campaign", "plan", "spring").err
    done = run("-C", root, "campaign", "check", "spring")
    assert "Nobody is left to get it: crmctl campaign plan spring says who is out, and why." in done.err


def test_what_cannot_be_made_does_not_wait(made: Callable[[str], Path], run: Run) -> None:
    root = made("letter")
    commit(root, {"/templates/spring.md": "{{ customer.phones[7] }}\n"})
    done = run("-C", root, "campaign", "send", "spring")
    assert done.code == 4
    assert "0 messages would go out now, 0 would wait, 2 cannot be made." in done.err


def test_check_says_that_no_hour_is_left(made: Callable[[str], Path], run: Run) -> None:
    root = made("sms")
    run("-C", root, "campaign", "set", "spring", "window=21:00-23:00")
    done = run("-C", root, "campaign", "check", "spring")
    assert done.code == 4
    assert "crmctl: campaign spring: nobody may be rung up in its hours (21:00-23:00)" in done.err
