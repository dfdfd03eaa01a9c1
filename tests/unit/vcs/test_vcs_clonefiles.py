"""The settings and attributes of a clone as texts: ours go in and come out, all else stays."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.books import git

from crmctl.errors import Locked
from crmctl.errors import StorageFailed
from crmctl.vcs import clonefiles
from crmctl.vcs import hookfiles
from crmctl.vcs import places

VALUES = ["plain", " spaces ", 'a "quoted" \\ word', "# no; comment", "two\nlines\tand a tab", "", "ü", "%A $s '"]


@pytest.mark.parametrize("value", VALUES)
def test_git_reads_what_we_write(book_dir: Path, value: str) -> None:
    config = book_dir / ".git/config"
    clonefiles.change_config(config, lambda text: clonefiles.set_values(text, "merge.x y", {"driver": value}))
    assert git(book_dir, "config", "--get", "merge.x y.driver") == value + "\n"
    assert clonefiles.section(clonefiles.read_text(config), "merge.x y") == {"driver": value}


@pytest.mark.parametrize("value", VALUES[:1] + VALUES[2:5])
def test_we_read_what_git_writes(book_dir: Path, value: str) -> None:
    git(book_dir, "config", "merge.crmctl.driver", value)
    text = (book_dir / ".git/config").read_text()
    assert clonefiles.section(text, "merge.crmctl")["driver"] == value


def test_values_of_a_section_are_set_once_and_others_stay() -> None:
    text = '[core]\n\tbare = false\n[Crmctl]\n\tdriver = 1\n\tother = 2\n[merge "crmctl"]\n\tdriver = x'
    after = clonefiles.set_values(text, "crmctl", {"driver": "2"})
    assert clonefiles.section(after, "crmctl") == {"driver": "2", "other": "2"}
    assert clonefiles.section(after, "merge.crmctl") == {"driver": "x"}
    assert clonefiles.set_values(after, "crmctl", {"driver": "2"}) == after
    assert clonefiles.without(after, "crmctl", {"driver": ""}) == text.replace("\tdriver = 1\n", "") + "\n"
    assert clonefiles.without(text, "merge.crmctl") == text[: text.index("[merge")]
    assert clonefiles.without("[crmctl]\n\n[a]\n", "crmctl", {"driver": ""}) == "[a]\n"


def test_a_change_that_fails_leaves_file_and_lock_as_they_were(book_dir: Path) -> None:
    config = book_dir / ".git/config"
    before = config.read_bytes()

    def broken(_: str) -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        clonefiles.change_config(config, broken)
    assert config.read_bytes() == before
    assert not (book_dir / ".git/config.lock").exists()


def test_rights_and_odd_bytes_stay(tmp_path: Path) -> None:
    file = tmp_path / "attributes"
    file.write_bytes(b"\xff\r\n")
    file.chmod(0o640)
    clonefiles.change_text(file, lambda text: text + "x\n")
    assert file.read_bytes() == b"\xff\r\nx\n"
    assert file.stat().st_mode & 0o777 == 0o640
    clonefiles.change_text(file, lambda text: text)
    assert list(tmp_path.iterdir()) == [file]


def test_nothing_is_written_through_links(tmp_path: Path) -> None:
    """A repository that came in a zip may have any link where its settings should be."""
    mine = tmp_path / "mine"
    mine.write_text("x\n")
    link = tmp_path / "link"
    link.symlink_to(mine)
    for change in (clonefiles.change_config, clonefiles.change_text):
        with pytest.raises(StorageFailed, match="is a link"):
            change(link, lambda text: text + "y\n")
    assert mine.read_text() == "x\n"


@pytest.mark.parametrize("change", [clonefiles.change_config, clonefiles.change_text])
def test_what_the_system_refuses_is_told(tmp_path: Path, change: object) -> None:
    (tmp_path / "in-the-way").write_text("")
    with pytest.raises(StorageFailed, match="cannot change"):
        change(tmp_path / "in-the-way" / "config", lambda _: "x\n")  # type: ignore[operator]


# Hooks


def test_which_hook_is_the_users_own(book_dir: Path) -> None:
    found = places.find(book_dir)
    folder = book_dir / ".git/hooks"
    assert hookfiles.users_hook(found, "pre-commit") is None
    hook = folder / "pre-commit"
    hook.write_text("#!/bin/sh\n")
    assert hookfiles.users_hook(found, "pre-commit") is None, "git does not run what is not executable"
    hook.chmod(0o755)
    assert hookfiles.users_hook(found, "pre-commit") == hook
    hook.rename(hookfiles.kept(hook))
    assert hookfiles.users_hook(found, "pre-commit") is None, "nobody runs it"
    hook.write_text("#!/bin/sh\n# crmctl: ours\n")
    hook.chmod(0o755)
    assert hookfiles.users_hook(found, "pre-commit") == hookfiles.kept(hook)


def test_where_hooks_are(book_dir: Path, tmp_path: Path) -> None:
    found = places.find(book_dir)
    assert hookfiles.folder(found) == hookfiles.folder(found, "") == book_dir / ".git/hooks"
    git(book_dir, "config", "core.hooksPath", "~/hooks")
    assert hookfiles.folder(found) == Path.home() / "hooks"
    assert hookfiles.folder(found, "") == book_dir / ".git/hooks", "git is not asked"
    assert hookfiles.folder(found, "mine") == book_dir / "mine"
    assert hookfiles.folder(found, str(tmp_path)) == tmp_path


# What a killed one left


def test_leftovers_of_the_dead_are_swept_and_others_are_not(book_dir: Path) -> None:
    config = book_dir / ".git/config"
    dead = [config.with_name(name) for name in (".config.4711.crmctl", ".config.lock.4711.crmctl")]
    for path in (*dead, clonefiles.lock_of(config)):
        path.write_text("crmctl 4711\n")
    with clonefiles.written_beside(config.with_name("config.lock"), "crmctl 1\n") as alive:
        clonefiles.sweep(config)
        assert alive.exists(), "somebody holds it"
        assert not any(path.exists() for path in (*dead, clonefiles.lock_of(config)))
    assert not alive.exists()
    clonefiles.lock_of(config).write_text("[core]\n")
    clonefiles.sweep(config)
    assert clonefiles.lock_of(config).exists(), "it is git's"


def test_a_lock_of_ours_that_is_held_is_waited_for(book_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = book_dir / ".git/config"
    monkeypatch.setattr(clonefiles, "_TRIES", 2)

    def both(text: str) -> str:
        with pytest.raises(Locked, match="git is changing its settings"):
            clonefiles.change_config(config, lambda inner: inner)
        return text + "# once\n"

    clonefiles.change_config(config, both)
    assert config.read_text().endswith("# once\n")
    assert not list(config.parent.glob("*.lock")) + list(config.parent.glob("*.crmctl"))
