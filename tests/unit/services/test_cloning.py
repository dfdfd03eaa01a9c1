"""Getting a copy of a team's book: what is set up, what is looked over, what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from helpers.books import commit
from helpers.books import fresh
from helpers.books import git
from helpers.team import SETTINGS
from helpers.team import Team
from helpers.team import head
from helpers.team import is_clean
from helpers.team import person

from crmctl.services.clone import githooks
from crmctl.services.clone import mergedriver

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path, people=3)


def refused(run: Run, team: Team, code: int, *words: str) -> None:
    """Cloning fails with these words, and nothing of it stays."""
    target = team.root / "copy"
    done = run("clone", team.remote, target)
    assert done.code == code, done.err
    for word in words:
        assert word in done.err
    assert not target.exists()


def test_a_clone_can_be_worked_in_at_once(team: Team, run: Run) -> None:
    target = team.root / "copy"
    done = run("clone", team.remote, target)
    assert done.code == 0, done.err
    assert f"Cloned Team into {target}: 3 customers." in done.err
    assert "crmctl sync" in done.err
    places = fresh(target).places
    assert mergedriver.state(places) == "installed"
    assert "core.symlinks=false" in git(target, "config", "--list")
    assert "fetch.fsckobjects=true" in git(target, "config", "--list")
    assert is_clean(target)
    assert head(target) == head(team.remote)
    assert any(path.read_text().count("crmctl") for path in (target / ".git/hooks").iterdir())
    assert run("-C", target, "sync").code == 0


def test_the_folder_is_called_as_the_address_ends(
    team: Team, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert run("clone", f"{team.remote}/").code == 0
    assert (tmp_path / "here/remote/crm.yaml").exists()
    assert run("clone", "/").code == 2


def test_an_address_on_this_machine_is_taken_from_where_one_stands(
    team: Team, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "here/deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here/deep")
    assert run("clone", f"../../{team.remote.relative_to(tmp_path)}", "../../elsewhere").code == 0
    assert run("-C", tmp_path / "elsewhere", "sync").code == 0


def test_problems_in_it_are_counted(team: Team, run: Run) -> None:
    team.push("bob", {"customers/p1.yaml": person(1, birthday="soon")})
    done = run("clone", team.remote, team.root / "copy")
    assert done.code == 0
    assert "1 problem in it" in done.err


@pytest.mark.parametrize(("mode", "word"), [("120000", "a symbolic link"), ("100755", "executable")])
def test_links_and_executables_are_refused(team: Team, run: Run, mode: str, word: str) -> None:
    bob = team.clone("bob")
    (bob / "target").write_text("/etc/passwd")
    oid = git(bob, "hash-object", "-w", "target").strip()
    git(bob, "update-index", "--add", "--cacheinfo", f"{mode},{oid},records/customers/odd.yaml")
    git(bob, "commit", "-q", "-m", "odd")
    git(bob, "push", "-q", "origin", "HEAD:main")
    refused(run, team, 4, "records/customers/odd.yaml", f"this is {word}")


def test_another_repository_inside_is_refused(team: Team, run: Run) -> None:
    bob = team.clone("bob")
    git(bob, "update-index", "--add", "--cacheinfo", f"160000,{head(bob)},sub")
    git(bob, "commit", "-q", "-m", "odd")
    git(bob, "push", "-q", "origin", "HEAD:main")
    refused(run, team, 4, "sub: this is another repository")


def test_what_is_no_book_is_said(team: Team, run: Run) -> None:
    bob = team.clone("bob")
    git(bob, "rm", "-q", "crm.yaml")
    git(bob, "commit", "-q", "-m", "no book")
    git(bob, "push", "-q", "origin", "HEAD:main")
    refused(run, team, 6, "there is no crm.yaml in it")


def test_an_empty_repository_is_said(team: Team, run: Run) -> None:
    git(team.remote, "update-ref", "-d", "refs/heads/main")
    refused(run, team, 6, "is empty", "crmctl init")


def test_a_server_that_names_a_branch_nobody_pushed(team: Team, run: Run) -> None:
    git(team.remote, "symbolic-ref", "HEAD", "refs/heads/trunk")
    target = team.root / "copy"
    done = run("clone", team.remote, target)
    assert done.code == 0, done.err
    assert git(target, "branch", "--show-current") == "main\n"
    assert is_clean(target)
    assert run("-C", target, "sync").code == 0


def test_what_cannot_be_reached_is_said_without_the_password(run: Run, tmp_path: Path) -> None:
    done = run("clone", "http://ann:hunter2@127.0.0.1:1/book.git", tmp_path / "copy")
    assert done.code == 1
    assert "http://127.0.0.1:1/book.git cannot be reached" in done.err
    assert "hunter2" not in done.err
    assert not (tmp_path / "copy").exists()
    done = run("clone", tmp_path / "nothing.git", tmp_path / "copy")
    assert done.code == 1
    assert "does not exist" in done.err


def test_what_is_broken_or_does_not_fit_has_a_hint_of_its_own(run: Run, tmp_path: Path) -> None:
    for name in ("broken", "long"):
        (tmp_path / name).mkdir()
        git(tmp_path / name, "init", "-q", "-b", "main")
        commit(tmp_path / name, {"/crm.yaml": SETTINGS})
    (tmp_path / "raw").write_text(
        git(tmp_path / "broken", "cat-file", "commit", "HEAD").replace("+0000", "nowhere").replace("> ", "> x")
    )
    oid = git(tmp_path / "broken", "hash-object", "-t", "commit", "-w", "--literally", str(tmp_path / "raw")).strip()
    (tmp_path / "broken/.git/refs/heads/main").write_text(f"{oid}\n")
    blob = git(tmp_path / "long", "rev-parse", "HEAD:crm.yaml").strip()
    git(tmp_path / "long", "update-index", "--add", "--cacheinfo", f"100644,{blob},{'y' * 300}")
    git(tmp_path / "long", "commit", "-q", "-m", "long")
    for name, hint in (("broken", "broken or not safe to take"), ("long", "too long for this disk")):
        done = run("clone", tmp_path / name, tmp_path / "copy")
        assert done.code == 1
        assert hint in done.err
        assert "you may go there" not in done.err
        assert not (tmp_path / "copy").exists()


def test_what_there_is_to_copy_can_be_copied(team: Team, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    target = team.root / "our book"
    team.push("bob", {"customers/p1.yaml": person(1, birthday="soon")})
    done = run("clone", team.remote, target)
    assert f"Next: cd '{target}' && crmctl today" in done.err
    assert f"crmctl -C '{target}' check" in done.err
    (team.root / "outer").mkdir()
    done = run("-C", team.root / "outer/../our book", "customer", "set", "p2", "role=boss")
    assert f"[undo: crmctl -C '{target}' undo " in done.err
    monkeypatch.chdir(target)
    done = run("-C", team.root / "outer/../our book", "customer", "set", "p2", "role=chief")
    assert "[undo: crmctl undo " in done.err


def test_an_address_is_never_an_option_or_a_command(run: Run, tmp_path: Path) -> None:
    for url in ("--upload-pack=touch ran", f"ext::sh -c 'touch {tmp_path}/ran'"):
        assert run("clone", "--", url, tmp_path / "copy").code == 1
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "copy").exists()


def test_what_stands_there_already_stays(team: Team, run: Run) -> None:
    target = team.root / "copy"
    target.mkdir()
    (target / "mine").write_text("mine\n")
    done = run("clone", team.remote, target)
    assert done.code == 5
    assert "is there already" in done.err
    assert (target / "mine").read_text() == "mine\n"


def test_an_empty_folder_will_do_and_stays_when_it_fails(team: Team, run: Run) -> None:
    target = team.root / "copy"
    target.mkdir()
    assert run("clone", team.root / "nothing.git", target).code == 1
    assert list(target.iterdir()) == []
    assert run("clone", team.remote, target).code == 0
    assert (target / "crm.yaml").read_text() == SETTINGS


def test_a_submodule_is_not_fetched(team: Team, run: Run) -> None:
    bob = team.clone("bob")
    commit(bob, {"/.gitmodules": '[submodule "sub"]\n\tpath = sub\n\turl = ../elsewhere\n'})
    git(bob, "push", "-q", "origin", "HEAD:main")
    assert run("clone", team.remote, team.root / "copy").code == 0
    assert not (team.root / "copy/sub").exists()


def test_what_cannot_be_set_up_is_told(team: Team, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from crmctl.errors import Conflict

    def refuse(_: object) -> None:
        raise Conflict("there is a hook already", hint="Look at it.")

    monkeypatch.setattr(githooks, "install", refuse)
    done = run("clone", team.remote, team.root / "copy")
    assert done.code == 0
    assert "there is a hook already. Look at it." in done.err


def test_a_book_in_a_folder_of_the_repository_is_found(tmp_path: Path, run: Run) -> None:
    mono = tmp_path / "mono"
    mono.mkdir()
    git(mono, "init", "-q", "-b", "main")
    commit(mono, {"/crm/crm.yaml": SETTINGS, "/crm/records/customers/ada.yaml": "name: Ada\n", "/README": "more\n"})
    target = tmp_path / "copy"
    done = run("clone", mono, target)
    assert done.code == 0, done.err
    assert f"{target / 'crm'}: 1 customer." in done.err
    assert mergedriver.state(fresh(target / "crm").places) == "installed"
    assert run("-C", target / "crm", "customer", "set", "ada", "role=boss").code == 0
