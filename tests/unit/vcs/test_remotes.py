"""Other repositories: which one is meant, what git's words about them mean, and what is not shown of an address."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from helpers.books import git

from crmctl.errors import NotFound
from crmctl.vcs import places
from crmctl.vcs import remotes

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.vcs.places import Places


@pytest.fixture
def found(book_dir: Path) -> Places:
    return places.find(book_dir)


def add(found: Places, *names: str) -> None:
    for name in names:
        git(found.top, "remote", "add", name, f"https://ann:secret@{name}.example/book.git")


def test_without_a_remote_there_is_none_to_choose(found: Places) -> None:
    assert remotes.choose(found, "main") is None
    with pytest.raises(NotFound, match="no remote 'origin'"):
        remotes.choose(found, "main", "origin")


def test_the_only_one_is_meant(found: Places) -> None:
    add(found, "server")
    remote = remotes.choose(found, "main")
    assert remote == ("server", "main", "https://server.example/book.git")
    assert (remote.key, remote.ref) == ("server/main", "refs/remotes/server/main")


def test_origin_before_others_and_the_upstream_before_origin(found: Places) -> None:
    add(found, "server", "backup")
    with pytest.raises(NotFound, match="several remotes"):
        remotes.choose(found, "main")
    add(found, "origin")
    assert remotes.choose(found, "main") == ("origin", "main", "https://origin.example/book.git")
    git(found.top, "config", "branch.main.remote", "server")
    git(found.top, "config", "branch.main.merge", "refs/heads/trunk")
    assert remotes.choose(found, "main") == ("server", "trunk", "https://server.example/book.git")
    assert remotes.choose(found, "main", "backup") == ("backup", "main", "https://backup.example/book.git")
    git(found.top, "config", "branch.main.remote", "gone")
    assert remotes.choose(found, "main") == ("origin", "main", "https://origin.example/book.git")


def test_the_upstream_is_set_once(found: Places) -> None:
    add(found, "origin", "backup")
    for name in ("origin", "backup"):
        remotes.set_upstream(found, "main", remotes.Remote(name, "main", ""))
    assert git(found.top, "config", "branch.main.remote") == "origin\n"
    assert git(found.top, "config", "branch.main.merge") == "refs/heads/main\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("fatal: unable to access 'https://ann:s3cret@host.example/x.git/'", "'https://host.example/x.git/'"),
        ("https://token@host.example/x", "https://host.example/x"),
        ("ssh://git@host.example:22/x and http://a:b@c/d", "ssh://host.example:22/x and http://c/d"),
        ("git@host.example:x.git", "git@host.example:x.git"),
        ("/home/ann@work/x.git", "/home/ann@work/x.git"),
    ],
)
def test_passwords_are_not_shown(text: str, shown: str) -> None:
    assert remotes.shown(text).endswith(shown)
    assert "s3cret" not in remotes.shown(text)


@pytest.mark.parametrize(
    "words",
    [
        "ssh: Could not resolve hostname host.example: Temporary failure in name resolution",
        "fatal: unable to access 'https://x/': Could not resolve host: x",
        "ssh: connect to host 10.0.0.1 port 22: Connection timed out",
        "fatal: unable to access 'https://x/': Failed to connect to x port 443 after 2 ms: Connection refused",
        "fatal: the remote end hung up unexpectedly",
        "ssh: connect to host x port 22: Network is unreachable",
    ],
)
def test_what_means_offline(words: str) -> None:
    assert remotes.is_offline(words)


@pytest.mark.parametrize(
    "words",
    [
        "git@x: Permission denied (publickey).\nfatal: the remote end hung up unexpectedly",
        "fatal: Authentication failed for 'https://x/'",
        "fatal: could not read Username for 'https://x': terminal prompts disabled",
        "Host key verification failed.\nfatal: Could not read from remote repository.",
        "fatal: unable to access 'https://x/': The requested URL returned error: 403",
        "fatal: repository 'https://x/' not found",
        "error: object file is empty",
        "fatal: git upload-pack: aborting due to possible repository corruption on the remote side.\nfatal: early EOF",
    ],
)
def test_what_does_not_mean_offline(words: str) -> None:
    assert not remotes.is_offline(words)


@pytest.mark.parametrize(
    ("variables", "command"),
    [
        ({}, "ssh -oBatchMode=yes"),
        ({"GIT_SSH_COMMAND": "/usr/bin/ssh -i key"}, "/usr/bin/ssh -i key -oBatchMode=yes"),
        ({"GIT_SSH_COMMAND": "plink -batch"}, ""),
        ({"GIT_SSH": "/opt/putty"}, ""),
    ],
)
def test_ssh_never_asks(
    found: Places, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], command: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert remotes.quiet_environment(found.top).get("GIT_SSH_COMMAND", "").startswith(command)
    assert ("GIT_SSH_COMMAND" in remotes.quiet_environment(found.top)) is bool(command)


def test_how_far_two_commits_are_apart(found: Places) -> None:
    git(found.top, "commit", "-q", "--allow-empty", "-m", "one")
    git(found.top, "commit", "-q", "--allow-empty", "-m", "two")
    assert remotes.ahead_behind(found, "HEAD", "HEAD~1") == (1, 0)
    assert remotes.ahead_behind(found, "HEAD~2", "HEAD") == (0, 2)
    assert remotes.ahead_behind(found, "HEAD", "") == (3, 0)
    assert remotes.last_seen(found, remotes.Remote("origin", "main", "")) == ""
