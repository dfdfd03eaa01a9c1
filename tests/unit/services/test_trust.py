"""What a repository's own settings would run is found, told, and allowed only by the user."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from conftest import Run
from conftest import git

from crmctl.errors import Conflict
from crmctl.errors import StorageFailed
from crmctl.services.book import Book
from crmctl.services.clone import githooks
from crmctl.services.clone import mergedriver
from crmctl.services.clone import ours
from crmctl.services.clone import trust
from crmctl.vcs import pins

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.vcs.places import Places

DANGEROUS = [
    ("core.fsmonitor", ".git/evil"),
    ("core.hooksPath", "hooks"),
    ("core.hooksPath", ".git/other-hooks"),
    ("core.sshCommand", "evil"),
    ("core.pager", "evil"),
    ("core.editor", "evil"),
    ("core.askPass", "evil"),
    ("core.gitProxy", "evil"),
    ("core.alternateRefsCommand", "evil"),
    ("credential.helper", "!evil"),
    ("credential.https://example.com.helper", "/tmp/evil"),
    ("filter.x.clean", "evil"),
    ("filter.x.smudge", "evil"),
    ("filter.x.process", "evil"),
    ("diff.external", "evil"),
    ("diff.x.command", "evil"),
    ("diff.x.textconv", "evil"),
    ("merge.x.driver", "evil"),
    ("merge.crmctl.driver", "evil"),
    ("merge.CRMCTL.driver", "evil"),
    ("alias.x", "!evil"),
    ("gpg.program", "evil"),
    ("gpg.ssh.program", "evil"),
    ("gpg.ssh.defaultKeyCommand", "evil"),
    ("url.ext::evil.insteadOf", "https://example.com/"),
    ("remote.origin.url", "ext::evil"),
    ("remote.origin.uploadpack", "evil"),
    ("remote.origin.receivepack", "evil"),
    ("remote.origin.vcs", "evil"),
    ("protocol.ext.allow", "always"),
    ("protocol.allow", "always"),
    ("include.path", "../evil.inc"),
    ("includeIf.onbranch:main.path", "../evil.inc"),
    ("hook.x.command", "evil"),
    ("sequence.editor", "evil"),
    ("pager.log", "evil"),
    ("trailer.x.command", "evil"),
    ("interactive.diffFilter", "evil"),
    ("mergetool.x.cmd", "evil"),
    ("submodule.x.update", "!evil"),
    ("gc.recentObjectsHook", "evil"),
]
HARMLESS = [
    ("core.fsmonitor", "true"),
    ("core.hooksPath", ".git/hooks"),
    ("credential.helper", "store"),
    ("alias.st", "status --short"),
    ("pager.log", "false"),
    ("remote.origin.url", "https://example.com/book.git"),
    ("remote.origin.url", "ssh://[fe80::1]/book.git"),
    ("remote.origin.promisor", "true"),
    ("url.https://example.org/.insteadOf", "https://example.com/"),
    ("protocol.file.allow", "always"),
    ("include.path", "/nowhere/else"),
    ("merge.tool", "vimdiff"),
    ("diff.tool", "vimdiff"),
    ("user.signingKey", "~/.ssh/id"),
    ("submodule.x.update", "rebase"),
]


@pytest.fixture
def places(book_dir: Path) -> Places:
    return Book(book_dir).places


def names(places: Places) -> list[str]:
    return [setting.name for setting in trust.found(places)]


@pytest.mark.parametrize(("name", "value"), DANGEROUS)
def test_a_setting_that_runs_something_is_refused_until_it_is_allowed(places: Places, name: str, value: str) -> None:
    git(places.top, "config", name, value)
    (found,) = trust.found(places)
    assert (found.name.lower(), found.value) == (name.lower(), value)
    assert found.does
    with pytest.raises(Conflict, match="own settings would run programs") as refused:
        trust.require(places)
    assert "crmctl trust" in refused.value.hint
    trust.allow(places, [found])
    trust.require(places)
    assert trust.revoke(places)
    with pytest.raises(Conflict):
        trust.require(places)


@pytest.mark.parametrize(("name", "value"), HARMLESS)
def test_what_runs_nothing_is_left_alone(places: Places, name: str, value: str) -> None:
    git(places.top, "config", name, value)
    assert trust.found(places) == []
    trust.require(places)


def test_an_ordinary_repository_costs_no_git(
    places: Places, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    mergedriver.install(places)
    git(places.top, "remote", "add", "origin", "git@example.com:team/book.git")
    monkeypatch.setenv("PATH", str(tmp_path_factory.mktemp("empty")))
    assert trust.found(places) == []


def test_the_users_own_settings_are_the_users_affair(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "gitconfig"
    own.write_text('[core]\n\teditor = vi\n[filter "lfs"]\n\tclean = git-lfs clean\n[alias]\n\tst = !true\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(own))
    git(places.top, "config", "diff.tool", "vimdiff")
    assert trust.found(places) == []


def test_our_merge_driver_is_ours_only_as_we_write_it(places: Places) -> None:
    mergedriver.install(places)
    assert trust.found(places) == []
    config = places.common_dir / "config"
    text = config.read_text()
    config.write_text(text + '[merge "crmctl"] driver = evil\n')
    assert names(places) == ["merge.crmctl.driver"]
    config.write_text(text.replace("crmctl.hooks.merge_driver", "crmctl.hooks.merge_driver; evil"))
    assert names(places) == ["merge.crmctl.driver"]
    inside = places.top / "python"
    for python, found in (("/opt/other/bin/python3", []), (str(inside), ["merge.crmctl.driver"]), ("python3", None)):
        git(places.top, "config", "--replace-all", "merge.crmctl.driver", ours.driver(python))
        assert names(places) == (["merge.crmctl.driver"] if found is None else found)
    command = ours.driver().replace(" -P -m", "$(evil) -P -m", 1)
    git(places.top, "config", "--replace-all", "merge.crmctl.driver", command)
    assert names(places) == ["merge.crmctl.driver"]


def test_what_is_allowed_is_exactly_that(places: Places) -> None:
    git(places.top, "config", "core.sshCommand", "ssh -i key")
    trust.allow(places, trust.found(places))
    trust.require(places)
    git(places.top, "config", "core.sshCommand", "ssh -i key; evil")
    with pytest.raises(Conflict):
        trust.require(places)


@pytest.mark.parametrize(
    ("name", "value"), [("core.hooksPath", "team-hooks"), ("core.sshCommand", "team-hooks/ssh -v")]
)
def test_a_file_of_the_book_that_a_setting_names_is_part_of_it(places: Places, name: str, value: str) -> None:
    folder = places.top / "team-hooks"
    folder.mkdir()
    (folder / "ssh").write_text("#!/bin/sh\n")
    git(places.top, "config", name, value)
    trust.allow(places, trust.found(places))
    trust.require(places)
    (folder / "ssh").write_text("#!/bin/sh\nevil\n")
    with pytest.raises(Conflict):
        trust.require(places)


def test_settings_of_included_files_and_of_the_work_tree_count(places: Places, tmp_path: Path) -> None:
    included = tmp_path / "more"
    included.write_text('[filter "x"]\n\tclean = evil\n')
    git(places.top, "config", "include.path", str(included))
    git(places.top, "config", "extensions.worktreeConfig", "true")
    git(places.top, "config", "--worktree", "core.pager", "evil")
    assert names(places) == ["filter.x.clean", "core.pager"]


def test_the_note_is_the_users_alone(places: Places) -> None:
    git(places.top, "config", "core.pager", "evil")
    trust.allow(places, trust.found(places))
    note = pins.path()
    assert note.stat().st_mode & 0o777 == 0o600
    assert places.top not in note.parents
    assert list(pins.read()) == [str(places.common_dir)]
    # A note that others may write in is nobody's word.
    note.chmod(0o666)
    with pytest.raises(Conflict):
        trust.require(places)


def test_a_folder_of_settings_that_cannot_be_written(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(places.top / "crm.yaml"))
    with pytest.raises(StorageFailed, match="cannot write"):
        trust.allow(places, [])


def test_nothing_to_revoke(places: Places) -> None:
    assert not trust.revoke(places)


# Hooks


def a_hook(places: Places, name: str = "post-commit", text: str = "#!/bin/sh\ntouch ran\n") -> Path:
    path = places.common_dir / "hooks" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_hooks_of_a_folder_that_came_from_elsewhere_are_refused_until_allowed(
    places: Places, tmp_path: Path, run: Run
) -> None:
    """Made here and then packed up by somebody: neither the place nor the note of another machine vouches for it."""
    assert run("-C", places.top, "customer", "add", "Ada").code == 0
    a_hook(places)
    received = tmp_path / "received"
    shutil.copytree(places.top, received, symlinks=True)
    found = Book(received).places
    (hook,) = trust.found(found)
    assert (hook.name, hook.file) == ("hooks/post-commit", ".git/hooks/post-commit")
    done = run("-C", received, "customer", "add", "Bob")
    assert (done.code, "came with hooks, which are programs: .git/hooks/post-commit" in done.err) == (5, True)
    assert not (received / "ran").exists()
    assert "hooks/post-commit" in run("-C", received, "trust", "--list").out
    doctor = run("-C", received, "doctor")
    assert doctor.code == 1
    assert [line[:4].strip() for line in doctor.out.splitlines() if "hooks/post-commit =" in line] == ["bad"]
    assert run("-C", received, "trust", "--yes").code == 0
    assert run("-C", received, "customer", "add", "Bob").code == 0
    assert (received / "ran").exists()
    a_hook(found, text="#!/bin/sh\nevil\n")
    assert run("-C", received, "customer", "add", "Cem").code == 5


def test_another_folder_at_the_place_of_one_that_is_known_is_not_known(places: Places, tmp_path: Path) -> None:
    trust.require(places)
    mine = tmp_path / "mine"
    shutil.copytree(places.top, mine)
    (places.shared / "origin").unlink()
    a_hook(places)
    with pytest.raises(Conflict):
        trust.require(places)
    (places.shared / "origin").write_text("0123456789abcdef\n")
    with pytest.raises(Conflict):
        trust.require(places)


def test_hooks_that_are_put_into_a_repository_in_use_are_the_users_own(places: Places, run: Run) -> None:
    assert run("-C", places.top, "customer", "add", "Ada").code == 0
    a_hook(places)
    git(places.top, "config", "core.editor", "")
    assert trust.found(places) == []
    assert run("-C", places.top, "customer", "add", "Bob").code == 0
    assert (places.top / "ran").exists()
    listed = run("-C", places.top, "trust")
    assert listed.code == 0
    assert "hooks/post-commit" in listed.out
    assert "put in place on this machine" in listed.err
    lines = [line for line in run("-C", places.top, "doctor").out.splitlines() if "hooks/post-commit =" in line]
    assert [line[:4].strip() for line in lines] == ["ok"]
    assert "Nothing of it may run any more." in run("-C", places.top, "trust", "--revoke").err
    assert run("-C", places.top, "customer", "add", "Cem").code == 5


def test_whoever_makes_a_book_of_a_repository_has_its_hooks(tmp_path: Path, run: Run) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    found = Book(tmp_path).places
    hook = a_hook(found)
    assert run("init", tmp_path, "--currency", "EUR").code == 0
    assert (tmp_path / "ran").exists()
    assert trust.found(found) == []
    assert [hook.name] == [own.name.removeprefix("hooks/") for own in trust.own_hooks(found)]


@pytest.mark.parametrize("inside", [False, True])
def test_a_folder_of_hooks_elsewhere_is_asked_about(places: Places, tmp_path: Path, inside: bool) -> None:
    """The folder may have come with the repository, beside it; a repository of one's own may say where hooks are."""
    folder = "team-hooks" if inside else str(tmp_path / "hooks")
    git(places.top, "config", "core.hooksPath", folder)
    (found,) = trust.found(places)
    assert (found.name, found.value) == ("core.hookspath", folder)
    with pytest.raises(Conflict, match=r"core\.hookspath = "):
        trust.require(places)
    trust.allow(places, [found])
    trust.require(places)
    trust.revoke(places)
    git(places.top, "config", "--unset", "core.hooksPath")
    trust.require(places)
    git(places.top, "config", "core.hooksPath", folder)
    assert len(trust.found(places)) == inside


def test_our_hooks_are_ours_only_as_we_write_them(places: Places) -> None:
    githooks.install(places)
    (places.shared / "origin").unlink()
    assert trust.found(places) == []
    path = places.common_dir / "hooks" / "pre-push"
    text = path.read_text()
    for other in (text + "evil\n", text.replace(f"python={sys.executable}", f"python={places.top}/python")):
        assert other != text
        a_hook(places, "pre-push", other)
        assert names(places) == ["hooks/pre-push"]
    a_hook(places, "pre-push", ours.shim("pre-push"))
    assert names(places) == []
    a_hook(places, "pre-push.before-crmctl")
    assert names(places) == ["hooks/pre-push.before-crmctl"]
    (places.common_dir / "hooks" / "pre-push.before-crmctl").chmod(0o644)
    a_hook(places, "pre-push.sample")
    assert names(places) == []


def test_where_nothing_can_be_noted_everything_else_goes_on(
    places: Places, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(places.top / "crm.yaml"))
    assert run("-C", places.top, "customer", "add", "Ada").code == 0
    a_hook(places)
    assert run("-C", places.top, "customer", "add", "Bob").code == 5


# The command


def test_the_command_shows_asks_and_takes_back(run: Run, book_dir: Path) -> None:
    clean = run("-C", book_dir, "trust")
    assert (clean.code, clean.err) == (0, "This repository's own settings and hooks run nothing.\n")
    git(book_dir, "config", "core.sshCommand", "evil\x1b[2J")
    asked = run("-C", book_dir, "trust")
    assert asked.code == 2
    assert "core.sshcommand" in asked.out
    assert "\x1b" not in asked.out
    refused = run("-C", book_dir, "customer", "add", "Ada")
    assert refused.code == 5
    assert "crmctl trust" in refused.err
    assert "\x1b" not in refused.err
    assert run("-C", book_dir, "customer", "list").code == 0
    assert run("-C", book_dir, "trust", "--yes").code == 0
    assert run("-C", book_dir, "customer", "add", "Ada").code == 0
    assert "allowed already" in run("-C", book_dir, "trust").err
    assert run("-C", book_dir, "trust", "--list", "-o", "ids").out == "core.sshcommand\n"
    assert run("-C", book_dir, "trust", "--revoke").code == 0
    assert run("-C", book_dir, "customer", "add", "Bob").code == 5
    assert "Nothing was allowed" in run("-C", book_dir, "trust", "--revoke").err


def test_doctor_says_what_would_run(run: Run, book_dir: Path) -> None:
    git(book_dir, "config", "filter.x.clean", "evil")
    done = run("-C", book_dir, "doctor")
    assert done.code == 1
    assert "filter.x.clean = evil" in done.out
    run("-C", book_dir, "trust", "--yes")
    found = run("-C", book_dir, "doctor").out
    assert [line[:4].strip() for line in found.splitlines() if "filter.x.clean" in line] == ["ok"]


def test_the_editor_that_a_repository_names_is_not_started(
    run: Run, book_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("-C", book_dir, "customer", "add", "Ada")
    for name in ("VISUAL", "EDITOR"):
        monkeypatch.delenv(name, raising=False)
    mark = tmp_path / "mark"
    git(book_dir, "config", "core.editor", f"touch {mark} #")
    done = run("-C", book_dir, "customer", "edit", "ada")
    assert done.code == 5
    assert not mark.exists()


def test_nothing_is_looked_up_outside_of_a_repository(tmp_path: Path) -> None:
    from crmctl.vcs.status import guards

    assert guards(tmp_path) == ((), {})
    (tmp_path / ".git").write_text("no pointer")
    assert guards(tmp_path) == ((), {})


def test_git_itself_reads_names_as_we_do(places: Places) -> None:
    """The looks of a setting do not matter: git's own reader is asked."""
    config = places.common_dir / "config"
    config.write_text(
        config.read_text() + '[FILTER "x"] clean = evil\n[core]pager=evil\n[alias "a b"]\n\tcommand = !x\n'
    )
    found = names(places)
    listed = subprocess.run(["git", "-C", os.fspath(places.top), "config", "--list"], capture_output=True, check=True)
    assert b"filter.x.clean" in listed.stdout
    assert found == ["filter.x.clean", "core.pager", "alias.a b.command"]
