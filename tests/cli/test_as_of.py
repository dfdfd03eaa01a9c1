"""``--as-of``: every command that shows a book shows it as a checkout of that commit would; every other one refuses."""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import datetime
from typing import TYPE_CHECKING

import click
import pytest
from helpers.books import git
from helpers.books import write

from crmctl import clock
from crmctl.cli import asof
from crmctl.cli.app import App
from crmctl.cli.records import KindGroup
from crmctl.cli.root import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import Run

# After everything that happens in the sample, so that reports of the past have nothing to leave out.
THEN = "2014-06-02T12:00:00+02:00"
LATER = "2014-06-20T12:00:00+02:00"


class Books:
    """One book twice: as it is, with a past; and ``then``, a checkout of the commit ``old``."""

    def __init__(self, now: Path, then: Path, old: str) -> None:
        self.now, self.then, self.old = now, then, old


def _commit(root: Path, at: str) -> str:
    names = ("AUTHOR", "COMMITTER")
    env = {f"GIT_{name}_{what}": value for name in names for what, value in (("NAME", "A"), ("EMAIL", "a@b.c"))}
    env |= {f"GIT_{name}_DATE": at for name in names}
    for arguments in (("add", "-A"), ("commit", "-q", "-m", "x")):
        subprocess.run(["git", "-C", str(root), *arguments], check=True, env={**os.environ, **env})
    return git(root, "rev-parse", "HEAD").strip()


def _change_everything(root: Path) -> None:
    """Another record of every kind that commands ask for, other settings, templates and reports."""
    records = root / "records"
    for path in ("customers/luis-goncalves", "deals/embraer-cabin-music", "campaigns/new-year-newsletter"):
        file = records / f"{path}.yaml"
        file.write_text(file.read_text() + "source: changed\nodd: yes\n")
    (records / "customers" / "hannah-schneider.yaml").unlink()
    (records / "interactions" / "hannah-schneider.jsonl").unlink()
    file = records / "interactions" / "luis-goncalves.jsonl"
    file.write_text("\n".join(file.read_text().splitlines()[1:]) + "\n")
    for path in ("segments/rock-fans", "followups/new-clause-4", "cases/jukebox-needs-wav", "products/rock"):
        (records / f"{path}.yaml").unlink(missing_ok=True)
    write(
        root,
        {
            "customers/zoe.yaml": "name: Zoe Zebra\nemails: [zoe@example.com]\n",
            "customers/broken.yaml": "name: [\n",
            "/reports/mine.sql": "-- title: Mine\nSELECT 2 AS x",
            "/reports/later.sql": "SELECT 3 AS x",
            "/templates/newsletter.md": "---\nsubject: changed\n---\nchanged\n",
            "/templates/fresh.md": "fresh\n",
        },
    )
    (root / "templates" / "letter.html").unlink()
    settings = root / "crm.yaml"
    settings.write_text(settings.read_text().replace("name: Chinook Records", "name: Changed"))


@pytest.fixture(scope="module")
def books(sample_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Books:
    folder = tmp_path_factory.mktemp("past")
    now, then = folder / "now", folder / "then"
    shutil.copytree(sample_template, now, symlinks=True)
    shutil.rmtree(now / ".git")
    git(now, "init", "-q", "-b", "main")
    write(now, {"/reports/mine.sql": "-- title: Mine\nSELECT 1 AS x", "customers/torn.yaml": "name: X\nname: Y\n"})
    old = _commit(now, THEN)
    subprocess.run(["git", "clone", "-q", str(now), str(then)], check=True)
    _change_everything(now)
    _commit(now, LATER)
    write(now, {"customers/edited.yaml": "name: By hand\n"})
    return Books(now, then, old)


SHOWING = [
    "customer",
    "customer list",
    "customer list country:BR --sort -spent --fields handle,spent,last -o tsv",
    "customer list source:changed -o ids",
    "customer show luis-goncalves",
    "customer show luis-goncalves -o json",
    "customer show luis-goncalves -o yaml",
    "customer show hannah -o ids",
    "customer show zoe",
    "interaction list type:call -o json",
    "deal list -o json",
    "deal show embraer-cabin-music -o yaml",
    "case list -o csv",
    "followup list -o json",
    "followup show new-clause-4",
    "vendor list",
    "segment list -o json",
    "segment members rock-fans -o json",
    "sequence status --all -o json",
    "campaign plan new-year-newsletter -o json",
    "campaign show new-year-newsletter",
    "timeline luis-goncalves",
    "timeline hannah-schneider -o json",
    "brief luis-goncalves",
    "brief hannah-schneider -o json",
    "today",
    "today --all -o json",
    "find goncalves -o json",
    "find zebra",
    "template list",
    "template check newsletter -o json",
    "template render newsletter luis-goncalves",
    "template render letter luis-goncalves --html",
    "template render fresh luis-goncalves",
    "export customer",
    "export interaction -o jsonl",
    "export deal --fields handle,status",
    "check",
    "check records/customers crm.yaml -o json",
    "check records/customers/zoe.yaml",
    "schema customer",
    "schema -o csv",
    "history luis-goncalves -o json",
    "history zoe",
    "report list -o json",
    "report run pipeline -o json",
    "report run sales-by-month",
    "report run customers country:BR -o csv",
    "report run mine -o json",
    "report run sales-by-member --explain -o json",
]


@pytest.mark.parametrize("line", SHOWING)
def test_the_book_as_it_was_is_as_in_a_checkout(run: Run, books: Books, line: str) -> None:
    words = line.split()
    clock.freeze(datetime.fromisoformat(THEN))
    wanted = run("-C", books.then, *words)
    clock.freeze(None)
    found = run("-C", books.now, *words, "--as-of", books.old)
    assert (found.code, found.out) == (wanted.code, wanted.out)
    told = found.err.replace(str(books.now), str(books.then))
    if not line.startswith("report run"):
        first, _, told = told.partition("\n")
        assert first == f"As of Mon 2014-06-02 04:00: commit {books.old[:10]}."
    assert told == wanted.err


def test_it_is_not_the_book_as_it_is(run: Run, books: Books) -> None:
    """What the comparison above stands on: most of those commands say something else today."""
    other = 0
    for line in SHOWING[:20]:
        found = run("-C", books.now, "--now", THEN, *line.split())
        other += found.out != run("-C", books.then, "--now", THEN, *line.split()).out
    assert other > 8


def test_a_report_that_is_newer_than_the_state(run: Run, books: Books) -> None:
    found = run("-C", books.now, "report", "run", "later", "--as-of", books.old)
    assert found.code == 4  # There is a file that cannot be read.
    assert "the report is today's: the book had none of that name" in found.out


def test_an_export_for_a_warehouse(run: Run, books: Books, tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    done = run("-C", books.now, "export", "warehouse", tmp_path / "a", "--as-of", books.old)
    same = run("-C", books.then, "export", "warehouse", tmp_path / "b")
    assert (done.code, same.code) == (4, 4)
    assert done.err.splitlines()[1].split(" to ")[0] == same.err.split(" to ")[0]
    assert books.old in next((tmp_path / "a").glob("*.json")).read_text()


@pytest.mark.parametrize(
    ("text", "commit"),
    [
        ("2014-06-02", 0),
        ("2014-06-19", 0),
        ("2014-06-02 14:00", 0),
        ("2014-06-20", 1),
        ("HEAD", 1),
        ("HEAD~1", 0),
        ("main^", 0),
        ("main@{1}", 0),
        ("2014-W23", 0),
        ("yesterday", 1),
    ],
)
def test_days_and_commits(run: Run, books: Books, text: str, commit: int) -> None:
    found = run("-C", books.now, "--as-of", text, "customer", "list", "-o", "ids", "name:zebra")
    assert found.code == 4  # There is a file that cannot be read, then and now.
    assert found.out == ("zoe\n" if commit else "")


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("", 2, "no date was given"),
        ("blue", 2, "neither a day nor a commit"),
        ("11/12/2026", 2, "can be read in two ways"),
        ("from 2014-01-01", 2, "without an end"),
        ("deadbeef99", 3, "no commit 'deadbeef99'"),
        ("--output=/tmp/x", 2, ""),
        ("-p", 2, ""),
        ("^HEAD", 2, "no date in"),
        (":/x", 2, ""),
        ("HEAD^{/x}", 2, "no date in"),
        ("HEAD:crm.yaml", 2, ""),
        ("main\x00", 2, ""),
        ("main\n", 0, ""),
    ],
)
def test_what_is_no_state(run: Run, books: Books, text: str, code: int, words: str) -> None:
    found = run("-C", books.then, "template", "list", f"--as-of={text}")
    assert (found.code, words in found.err) == (code, True), found.err


def test_a_name_that_could_be_an_id_is_one(run: Run, books: Books, tmp_path: Path) -> None:
    shutil.copytree(books.then, tmp_path / "b", symlinks=True)
    git(tmp_path / "b", "branch", "20200101", books.old)
    git(tmp_path / "b", "branch", "today", books.old)
    git(tmp_path / "b", "commit", "-q", "--allow-empty", "-m", "later")
    found = run("-C", tmp_path / "b", "--as-of", "20200101", "schema")
    assert books.old[:10] in found.err
    assert books.old[:10] not in run("-C", tmp_path / "b", "--as-of", "today", "schema").err


@pytest.mark.parametrize("line", ["customer list", "today", "check", "template list", "vendor list", "report list"])
def test_before_the_book_there_is_nothing_to_show(run: Run, books: Books, line: str) -> None:
    found = run("-C", books.now, "--as-of", "2001-01-01", *line.split())
    assert (found.code, found.out) == (3, "")
    assert found.err == (
        "crmctl: the book begins on Mon 2014-06-02, later than Mon 2001-01-01\n"
        "hint: Its first day: crmctl customer list --as-of 2014-06-02\n"
    )


def test_the_first_day_that_is_named_can_be_shown(run: Run, books: Books) -> None:
    hint = run("-C", books.now, "--as-of", "2001-01-01", "today").err.splitlines()[-1]
    found = run("-C", books.now, *hint.partition("crmctl ")[2].split(), "-o", "ids", "name:schneider")
    assert "hannah-schneider" in found.out.splitlines()


def test_a_report_is_answered_before_the_book_too(run: Run, books: Books) -> None:
    found = run("-C", books.now, "report", "run", "sales-by-month", "--as-of", "2011-01-01", "-o", "json")
    assert found.code == 4  # There is a file that cannot be read.
    assert "the book is younger than that day: its first commit" in found.err
    assert found.out != "[]\n"


@pytest.mark.parametrize("line", ["customer list", "check", "schema", "template list", "report run pipeline"])
def test_a_commit_without_settings_names_one_that_has_them(run: Run, books: Books, tmp_path: Path, line: str) -> None:
    root = tmp_path / "b"
    shutil.copytree(books.then, root, symlinks=True)
    settings = (root / "crm.yaml").read_bytes()
    (root / "crm.yaml").unlink()
    gone = _commit(root, LATER)
    (root / "crm.yaml").write_bytes(settings)
    _commit(root, LATER)
    found = run("-C", root, *line.split(), "--as-of", gone)
    assert (found.code, found.out) == (3, "")
    *_, error, hint = found.err.splitlines()
    assert error == f"crmctl: commit {gone[:10]} has no crm.yaml, so there is no book in it"
    assert hint.startswith("hint: The first one that has it is of 2014-06-02: crmctl customer list --as-of ")
    again = run("-C", root, *hint.partition("crmctl ")[2].split(), "-o", "ids", "name:schneider")
    assert "hannah-schneider" in again.out.splitlines()


def test_a_shallow_clone_says_so(run: Run, books: Books, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", "--depth", "1", f"file://{books.now}", str(clone)], check=True)
    found = run("-C", clone, "customer", "list", "--as-of", "2014-06-10")
    assert (found.code, found.out) == (3, "")
    assert found.err == (
        "crmctl: this clone is shallow: it has nothing from before 2014-06-20\n"
        "hint: git fetch --unshallow brings the rest.\n"
    )
    assert run("-C", clone, "customer", "list", "--as-of", "2014-06-20", "-o", "ids", "name:zebra").out == "zoe\n"


@pytest.mark.parametrize("commit", ["HEAD~3", "HEAD^^", "0123456789"])
def test_a_commit_that_a_shallow_clone_does_not_have(run: Run, books: Books, tmp_path: Path, commit: str) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", "--depth", "1", f"file://{books.now}", str(clone)], check=True)
    for done in (run("-C", clone, "customer", "list", "--as-of", commit), run("-C", clone, "diff", f"{commit}..")):
        assert done.code == 3
        assert done.err == (
            f"crmctl: this clone is shallow: its history is cut, and {commit!r} is not in what it has\n"
            "hint: git fetch --unshallow brings the rest.\n"
        )
    assert "neither a day nor a commit" in run("-C", clone, "customer", "list", "--as-of", "nonsense").err


def test_a_kind_that_was_not_there_yet(run: Run, books: Books, tmp_path: Path) -> None:
    root = tmp_path / "b"
    shutil.copytree(books.then, root, symlinks=True)
    settings = root / "crm.yaml"
    settings.write_text(settings.read_text().replace("kinds:\n", "kinds:\n  gadget:\n    fields: {name: text}\n"))
    _commit(root, LATER)
    assert run("-C", root, "gadget", "list").code in (0, 4)
    found = run("-C", root, "gadget", "list", "--as-of", books.old)
    assert (found.code, "no kind 'gadget' then" in found.err) == (3, True)


def test_completion_offers_what_there_is_now(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    app = App()
    app.folder, app.as_of = str(books.now), books.old
    monkeypatch.setenv("_CRMCTL_COMPLETE", "bash_complete")
    assert app.book.revision == "HEAD"


# Every other command


def _commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Context]]:
    for name in group.list_commands(click.Context(group, obj=App())):
        context = click.Context(group, obj=App())
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from _commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), _context(command, group, path)


def _context(command: click.Command, group: click.Group, path: tuple[str, ...]) -> click.Context:
    context = click.Context(ROOT, info_name="crmctl", obj=App())
    if path:
        context = click.Context(group, parent=context, info_name=path[-1])
    return click.Context(command, parent=context, info_name=command.name)


def test_every_command_shows_the_past_or_refuses() -> None:
    shown, refused = set(), set()
    for words, context in _commands(ROOT):
        try:
            asof.check_command(context)
            shown.add(words)
        except click.ClickException:
            raise
        except Exception:  # noqa: BLE001 - its words are looked at below
            refused.add(words)
    verbs = {f"{kind} {verb}" for kind in _kinds() for verb in ("list", "show")}
    exports = {f"export {kind}" for kind in (*_kinds(), "warehouse")}
    others = {"brief", "check", "find", "history", "schema", "timeline", "today", "why", "campaign plan"}
    others |= {"consent show", "email", "phone", "campaign compare", "campaign results"}
    others |= {"report list", "report run", "segment members", "sequence status"}
    others |= {"template check", "template list", "template render"}
    assert shown == verbs | exports | others


def _kinds() -> list[str]:
    context = click.Context(ROOT, obj=App())
    return [name for name in ROOT.list_commands(context) if isinstance(ROOT.get_command(context, name), KindGroup)]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("customer add X", "the past cannot be changed"),
        ("customer set luis-goncalves role=x", "the past cannot be changed"),
        ("customer rm luis-goncalves --yes", "the past cannot be changed"),
        ("customer edit luis-goncalves", "the past cannot be changed"),
        ("vendor set prairie-screen name=x", "the past cannot be changed"),
        ("log luis-goncalves call hi", "the past cannot be changed"),
        ("interaction add luis-goncalves call hi", "the past cannot be changed"),
        ("followup done new-clause-4", "the past cannot be changed"),
        ("fmt --check", "the past cannot be changed"),
        ("import csv x.csv --kind customer --dry-run", "the past cannot be changed"),
        ("campaign preview new-year-newsletter --to /nowhere", "who have said no since"),
        ("doctor", "what is here now"),
        ("schedule show", "what is here now"),
        ("hooks install", "what is here now"),
        ("completion show bash", "what is here now"),
        ("help dates", "what is here now"),
        ("diff HEAD~1", "it takes both moments itself"),
        ("news", "it tells of what is new"),
    ],
)
def test_what_does_not_show_a_book_refuses(run: Run, books: Books, line: str, words: str) -> None:
    found = run("-C", books.now, *line.split(), "--as-of", books.old)
    assert (found.code, found.out) == (2, "")
    assert words in found.err


def test_the_state_cannot_be_written_to(books: Books) -> None:
    from crmctl.errors import UsageProblem
    from crmctl.services.book import Book
    from crmctl.services.past.past import open_past

    book = open_past(Book(books.now), books.old)
    with pytest.raises(UsageProblem, match="the past cannot be changed"):
        book.write("x")
    with pytest.raises(UsageProblem, match="no work tree"):
        _ = book.probe
