"""``crmctl init``: what it says, and that the commands it names can be typed."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Result
    from conftest import Run


def next_commands(words: str) -> list[list[str]]:
    """What stands below "Next:", each as a list of words without the program's name."""
    lines = words[words.index("Next:\n") :].splitlines()[1:]
    return [shlex.split(line)[1:] for line in lines if not line.startswith("  cd ")]


def test_it_says_what_was_made_and_what_to_type(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("init", "my book", "--currency", "chf", "--country", "Switzerland")
    assert done.code == 0
    assert done.out == ""
    assert "Made a new book in my book, called my book." in done.err
    assert "currency CHF, time zone UTC, language en, country CH, layout flat" in done.err
    assert "a git repository of its own" in done.err
    assert "cd 'my book'" in done.err
    commands = next_commands(done.err)
    assert len(commands) == 3
    monkeypatch.chdir(tmp_path / "my book")
    for command in commands:
        assert run(*command).code == 0, command


def test_the_sample_names_commands_that_show_something(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = run("init", "--sample", tmp_path / "play")
    assert done.code == 0
    assert "Made the sample book" in done.err
    monkeypatch.chdir(tmp_path / "play")
    for command in next_commands(done.err):
        shown = run(*command)
        assert (shown.code, shown.out != "") == (0, True), command


def test_in_the_folder_itself_no_cd_is_needed(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("init", ".", "--name", "Ann's book", "--layout", "sharded")
    assert done.code == 0
    assert "called Ann's book." in done.err
    assert "layout sharded" in done.err
    assert "  cd " not in done.err


def test_a_second_init_is_a_conflict(run: Run, tmp_path: Path) -> None:
    assert run("init", tmp_path / "acme").code == 0
    done = run("init", tmp_path / "acme")
    assert done.code == 5
    assert f"there is a book at {tmp_path / 'acme'} already" in done.err
    assert "hint: " in done.err


def test_files_that_stay_are_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*.tmp\n")
    done = run("init", tmp_path)
    assert done.code == 0
    assert ".gitignore was there already and stays as it is" in done.err


def test_quiet_says_nothing(run: Run, tmp_path: Path) -> None:
    assert run("init", tmp_path / "acme", "-q") == (0, "", "")


def test_a_wrong_value_names_its_option(run: Run, tmp_path: Path) -> None:
    done = run("init", tmp_path / "acme", "--timezone", "berlin")
    assert done.code == 2
    assert done.err == (
        "crmctl: --timezone: 'berlin' is not a time zone (write it as Europe/Berlin)\n"
        "hint: Did you mean Europe/Berlin?\n"
    )
    assert not (tmp_path / "acme").exists()


@pytest.mark.parametrize("template", ["birthday", "invoice-reminder", "letter", "meeting-follow-up", "newsletter"])
def test_a_newcomer_gets_to_a_campaign_with_each_template(run: Run, tmp_path: Path, template: str) -> None:
    """Only what nobody else can know has to be filled in: who, why they may be written to, and the postal address."""
    root = tmp_path / "new"
    assert run("init", root).code == 0

    def does(*words: str) -> Result:
        done = run("-C", root, *words)
        assert done.code == 0, (words, done)
        return done

    assert does("check").out == ""
    front = (root / "templates" / f"{template}.{'html' if template == 'letter' else 'md'}").read_text()
    said = dict(line.split(": ", 1) for line in front.split("---")[1].strip().splitlines())
    address = [f"--set=address.{part}" for part in ("street=1 A St", "city=London", "country=GB")]
    does("customer", "add", "Ada Lovelace", "--email", "ada@example.com", *address)
    does("segment", "add", "All", "--filter", "handle:*")
    if said["purpose"] != "service":
        does("consent", "grant", "ada", said["purpose"])
    if template == "invoice-reminder":
        does("log", "ada", "purchase", "--amount", "12")
    if template == "meeting-follow-up":
        does("log", "ada", "meeting", "tea")
    settings = root / "crm.yaml"
    settings.write_text(settings.read_text() + "postal_address: 1 Example Street, Example Town\n")
    more = ("--set", f"channel={said['channel']}", "--set", "benefit=they hear from us")
    does("campaign", "add", "C", "--purpose", said["purpose"], "--template", template, "--segment", "all", *more)
    done = does("campaign", "check", "c")
    assert "1 message made" in done.err
    assert done.out == ""
