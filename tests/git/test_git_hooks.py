"""The hooks as git runs them: what they hold up, what they let go, and how they get along with somebody's own."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING
from typing import Any

import pytest
from helpers.books import git
from helpers.books import write
from hypothesis import HealthCheck
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from crmctl.index.index import Index
from crmctl.services.book import Book
from crmctl.services.checking.message import check_message
from crmctl.services.checking.message import check_words
from crmctl.services.checking.received import check_received
from crmctl.services.checking.staged import check_staged
from crmctl.services.checking.staged_merge import check_staged_merge
from crmctl.services.clone import githooks
from crmctl.services.clone import ours
from crmctl.services.clone.starter import ATTRIBUTES
from crmctl.vcs import places

if TYPE_CHECKING:
    from pathlib import Path

Run = Callable[..., Any]
ADA = "id: 01J0000000000000000000000A\nname: Ada\nemails:\n  - ada@example.com\nphones:\n  - +49 30 1234567\n"
BOB = "id: 01J0000000000000000000000B\nname: Bob\n"


@pytest.fixture
def hooked(book_dir: Path) -> Path:
    githooks.install(places.find(book_dir))
    return book_dir


UNHOOKED = ("-c", "core.hooksPath=/dev/null")


def commit(root: Path, files: dict[str, str] | None = None, text: str = "by hand") -> None:
    """A commit that no hook has seen, and none has to be waited for."""
    write(root, files or {})
    git(root, "add", "-A")
    git(root, *UNHOOKED, "commit", "-q", "--allow-empty", "-m", text)


def switch(root: Path, *arguments: str) -> None:
    git(root, *UNHOOKED, "switch", "-q", *arguments)


def attempt(root: Path, *arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    whole = {**os.environ, **(env or {})}
    return subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False, env=whole)


def message(root: Path, text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return attempt(root, "commit", "-q", *arguments, "-m", text)


# pre-commit and pre-merge-commit in a merge


def fork(root: Path, *branches: str) -> None:
    """A record on main, and a branch for each of these endings of it."""
    commit(root, {"customers/ada.yaml": ADA}, "base")
    for number, ending in enumerate(branches):
        switch(root, "-c", f"b{number}", "main")
        commit(root, {"customers/ada.yaml": ADA + ending}, f"b{number}")
    switch(root, "main")


CONSENT = """\
consent:
  newsletter:
    state: granted
    basis: consent
    date: 2026-01-01
    how: form
    evidence: form 12
"""


def test_what_a_merge_of_three_made_of_lines_is_seen(hooked: Path) -> None:
    """git asks no driver for it. Here it joins two halves of two consents into one that nobody gave."""
    commit(hooked, {"customers/ada.yaml": ADA + CONSENT}, "base")
    for branch, old, new in (
        (
            "b0",
            "state: granted\n    basis: consent\n    date: 2026-01-01",
            "state: withdrawn\n    basis: consent\n    date: 2026-03-01",
        ),
        ("b1", "evidence: form 12", "evidence: form 99"),
    ):
        switch(hooked, "-c", branch, "main")
        commit(hooked, {"customers/ada.yaml": (ADA + CONSENT).replace(old, new)}, branch)
    switch(hooked, "main")
    commit(hooked, {"customers/bob.yaml": BOB}, "bob")
    done = attempt(hooked, "merge", "-q", "b0", "b1")
    assert done.returncode == 1
    assert "records/customers/ada.yaml: in this merge: consent" in done.stderr
    assert "crmctl: not merged, 1 problem (to merge anyway: git commit --no-verify)" in done.stderr
    assert attempt(hooked, "commit", "-q", "-m", "x").returncode == 1
    assert attempt(hooked, "commit", "-q", "-m", "x", "--no-verify").returncode == 0


def test_merges_of_two_and_of_three_that_are_right_go_through(hooked: Path) -> None:
    fork(hooked, "role: buyer\n", "")
    commit(hooked, {"customers/bob.yaml": BOB}, "bob")
    switch(hooked, "b1")
    commit(hooked, {"customers/cem.yaml": BOB.replace("B\n", "C\n")}, "cem")
    switch(hooked, "main")
    done = attempt(hooked, "merge", "-q", "b0", "b1")
    assert (done.returncode, done.stderr) == (0, "")
    git(hooked, "reset", "-q", "--hard", "HEAD^")
    for branch in ("b0", "b1"):
        done = attempt(hooked, "merge", "-q", branch)
        assert (done.returncode, done.stderr) == (0, "")


def test_an_answer_that_neither_side_gave_is_asked_about(hooked: Path) -> None:
    """Only what is in question may be answered anew; what one side changed must be in the merge."""
    fork(hooked, "role: buyer\nlanguage: de\n")
    commit(hooked, {"customers/ada.yaml": ADA + "role: seller\n"}, "ours")
    assert attempt(hooked, "merge", "-q", "b0").returncode == 1
    write(hooked, {"customers/ada.yaml": ADA + "role: both\n"})
    git(hooked, "add", "-A")
    done = attempt(hooked, "commit", "-q", "-m", "x")
    assert done.returncode == 1
    assert "in this merge: language" in done.stderr
    assert "role" not in done.stderr
    write(hooked, {"customers/ada.yaml": ADA + "role: both\nlanguage: de\n"})
    git(hooked, "add", "-A")
    assert attempt(hooked, "commit", "-q", "-m", "x").returncode == 0


def test_a_merge_of_several_books_is_looked_at_as_a_whole(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    commit(tmp_path, {f"/{book}/crm.yaml": "name: X\n" for book in ("a", "b")})
    commit(tmp_path, {f"/{book}/records/customers/ada.yaml": ADA for book in ("a", "b")})
    switch(tmp_path, "-c", "side")
    commit(tmp_path, {f"/{book}/records/customers/ada.yaml": ADA + "role: buyer\n" for book in ("a", "b")})
    switch(tmp_path, "main")
    commit(tmp_path, {"/b/records/customers/bob.yaml": BOB})
    git(tmp_path, "merge", "-q", "--no-commit", "side")
    write(tmp_path, {"/b/records/customers/ada.yaml": ADA + "role: seller\n"})
    git(tmp_path, "add", "-A")
    (problem,) = check_staged_merge(tmp_path)
    assert (problem.path, problem.message[:19]) == ("b/records/customers/ada.yaml", "in this merge: role")


def test_markers_are_not_committed(hooked: Path) -> None:
    fork(hooked, "role: buyer\n")
    commit(hooked, {"customers/ada.yaml": ADA + "role: seller\n"}, "ours")
    attempt(hooked, "merge", "-q", "b0")
    done = attempt(hooked, "commit", "-q", "-a", "-m", "x")
    assert done.returncode == 1
    assert "records/customers/ada.yaml:7:1: an unsettled merge conflict" in done.stderr


# commit-msg


def told(root: Path, text: str) -> list[str]:
    """What is said about a commit message."""
    note = root / ".git/COMMIT_EDITMSG"
    note.write_text(text)
    return [str(problem) for problem in check_message(root, note)]


@pytest.mark.parametrize(
    "text", ["called ADA@example.com", "new number 030/1234567", "ok\n\n+49 (30) 123-4567 now", "0049301234567"]
)
def test_addresses_and_numbers_of_people_stay_out_of_messages(book_dir: Path, text: str) -> None:
    write(book_dir, {"customers/ada.yaml": ADA})
    git(book_dir, "add", "-A")
    (words,) = told(book_dir, text)
    assert words.endswith("the commit message holds an e-mail address or phone number of records/customers/ada.yaml")
    assert "ada@" not in words
    assert "4567" not in words


@pytest.mark.parametrize(
    "text",
    [
        "ada: a new number",
        "for 01J0000000000000000000000A on 2026-11-22 12:30:45, EUR 12,000.00",
        "ann@example.com, 4512345678, 1234",
        "x\n\nReported-by: Ada <ada@example.com>",
        "x\n# ada@example.com\n# ------------------------ >8 ------------------------\n+  - ada@example.com\n",
    ],
)
def test_other_messages_and_what_git_takes_out_are_let_go(book_dir: Path, text: str) -> None:
    write(book_dir, {"customers/ada.yaml": ADA})
    git(book_dir, "add", "-A")
    assert told(book_dir, text) == []


def test_what_a_removed_record_said_stays_out_too(book_dir: Path) -> None:
    commit(book_dir, {"customers/ada.yaml": ADA}, "add")
    git(book_dir, "rm", "-q", "records/customers/ada.yaml")
    assert told(book_dir, "forget ada@example.com") != []
    commit(book_dir)
    write(book_dir, {"customers/bob.yaml": BOB})
    git(book_dir, "add", "-A")
    assert told(book_dir, "bob knows ada@example.com") == []


def test_git_asks_about_the_message(hooked: Path) -> None:
    write(hooked, {"interactions/ada.jsonl": '{"at": "2026-01-01", "type": "call", "text": "to x@example.com"}\n'})
    write(hooked, {"customers/ada.yaml": ADA})
    git(hooked, "add", "-A")
    done = message(hooked, "x@example.com, ada@example.com")
    assert done.returncode == 1
    assert "COMMIT_EDITMSG:1: the commit message holds" in done.stderr
    assert "crmctl: not committed, 2 problems" in done.stderr
    assert message(hooked, "ada@example.com", "--no-verify").returncode == 0


@pytest.fixture
def asked(hooked: Path, tmp_path: Path) -> Callable[[bytes], bool]:
    """Whether the hook starts Python for a message; git takes the message then."""
    note, python, text = tmp_path / "asked", tmp_path / "python", tmp_path / "-e text"
    python.write_text(f'#!/bin/sh\necho "$@" >>"{note}"\n')
    python.chmod(0o755)
    (hooked / ".git/hooks/commit-msg").write_text(ours.shim("commit-msg", str(python)))

    def ask(words: bytes) -> bool:
        note.unlink(missing_ok=True)
        text.write_bytes(words)
        done = subprocess.run([".git/hooks/commit-msg", str(text)], cwd=hooked, capture_output=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        return note.exists()

    return ask


@pytest.mark.parametrize(
    "words",
    [
        "",
        "customer: change ada (phones)",
        "deal: 120,000.00 to won\n\n# On branch main\n#\tmodified: a.yaml\n",
        "2026-1-2",
        "1 2 3 4 5 6",
        "12:34:56:78",
        "x\r\ny\f\n",
    ],
)
def test_python_does_not_start_for_a_message_that_can_be_nobodys(asked: Callable[[bytes], bool], words: str) -> None:
    assert not asked(words.encode())


@pytest.mark.parametrize(
    "words",
    [
        *("ada@example.com", "a@b"),
        *("030/1234567", "+49 (30) 123-4567", "1\t2 3.4/5-6(7)", "0001234567", "2026-11-22"),
        *("\u0663\u0664\u0665\u0666\u0667\u0668\u0669", "\uff13" * 7, "Gon\u00e7alves"),
        "\x1b",
    ],
)
def test_python_reads_every_message_that_could_be_somebodys(asked: Callable[[bytes], bool], words: str) -> None:
    assert asked(b"first line\n\n" + words.encode())


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["1", "42", "1234567", "0", " ", "\t", "()", ".", "/", "-", "+", "\n", "\r", "\x0b", "\x1c", "a"]
        )
        | st.sampled_from(["@", "x@y.de", "\u0663", "\uff19", "\u2028", "\x85", "#", "\0", "\x7f", "Seen-by: "]),
        max_size=12,
    )
)
def test_what_python_would_find_it_is_asked_about(asked: Callable[[bytes], bool], parts: list[str]) -> None:
    words = "".join(parts)
    if check_words(words, [("records/customers/x.yaml", everybodys(words))]):
        assert asked(words.encode())


def everybodys(words: str) -> bytes:
    """A record that has everything which could be an address or a number in a message."""
    lines = [f"phones:\n  - '{line}'\n" for line in words.splitlines()]
    return "".join(lines).encode()


def test_a_message_that_cannot_be_read_is_left_to_python(hooked: Path, tmp_path: Path) -> None:
    hook = hooked / ".git/hooks/commit-msg"
    done = subprocess.run([hook, tmp_path / "none"], cwd=hooked, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "crmctl: a bug of ours, so nothing was checked: FileNotFoundError\n")


# pre-push


@pytest.fixture
def remote(hooked: Path, tmp_path: Path) -> Path:
    """A bare repository that ``hooked`` was pushed to."""
    bare = tmp_path / "team.git"
    git(tmp_path, "init", "-q", "--bare", "-b", "main", str(bare))
    git(hooked, "remote", "add", "origin", str(bare))
    git(hooked, "push", "-q", "-u", "origin", "main")
    return bare


def test_markers_and_unreadable_records_are_not_pushed(hooked: Path, remote: Path) -> None:
    marked = "<<<<<<< ours\nname: A\n=======\nname: B\n>>>>>>> theirs\n"
    commit(
        hooked,
        {
            "customers/ada.yaml": marked,
            "customers/bob.yaml": "name: [\n",
            "customers/odd.yaml": "nmae: wrong\nname: Odd\n",
            "interactions/bob.jsonl": "{\n",
            "/templates/a.md": "Hello\n" + marked,
            "/notes.md": marked,
        },
    )
    for branch in ("main", "main:other", "HEAD:refs/heads/new"):
        done = attempt(hooked, "push", "-q", "origin", branch)
        assert done.returncode == 1
        for name in ("customers/ada.yaml:1", "customers/bob.yaml:2", "odd.yaml:1", "bob.jsonl:1", "templates/a.md"):
            assert name in done.stderr
        assert "notes.md" not in done.stderr
        assert "not pushed, 5 problems (to push anyway: git push --no-verify)" in done.stderr


def test_every_commit_that_leaves_is_looked_at_as_a_server_would(hooked: Path, remote: Path) -> None:
    """What is put right later is in the history all the same, where a server with the hook would not take it."""
    commit(hooked, {"customers/ada.yaml": "name: [\n"})
    wrong = head(hooked)[:10]
    commit(hooked, {"customers/ada.yaml": ADA})
    commit(hooked, {"customers/ada.yaml": ADA.replace("A\n", "D\n", 1)}, "another id")
    another = head(hooked)[:10]
    for what in (("origin", "main"), ("origin", "HEAD:refs/heads/new"), (str(remote), "main")):
        done = attempt(hooked, "push", "-q", *what)
        assert done.returncode == 1
        told = [line for line in done.stderr.splitlines() if line.startswith("records/")]
        assert [line.rpartition(" (")[2] for line in told] == [f"in commit {another})", f"in commit {wrong})"]
        assert "must stay so" in told[0]
    git(hooked, "push", "-q", "--no-verify", "origin", "main")
    assert attempt(hooked, "push", "-q", "origin", "main:other").returncode == 0


def test_which_branches_may_be_rewound_is_for_the_server_to_say(hooked: Path, remote: Path) -> None:
    commit(hooked, {"customers/ada.yaml": ADA})
    git(hooked, "push", "-q", "origin", "main")
    git(hooked, "reset", "-q", "--hard", "HEAD^")
    commit(hooked, {"customers/bob.yaml": BOB})
    assert attempt(hooked, "push", "-q", "--force", "origin", "main").returncode == 0


def test_only_what_changes_there_is_looked_at(hooked: Path, remote: Path) -> None:
    commit(hooked, {"customers/bad.yaml": "name: [\n"})
    git(hooked, "push", "-q", "--no-verify", "origin", "main")
    commit(hooked, {"customers/ada.yaml": ADA}, "fine")
    git(hooked, "push", "-q", "origin", "main")
    git(hooked, "push", "-q", "origin", "main:again")
    git(hooked, "push", "-q", "origin", "main~1:refs/heads/older")
    git(hooked, "push", "-q", "origin", ":again")
    git(hooked, "tag", "-m", "x", "v1")
    git(hooked, "push", "-q", "origin", "v1")
    git(hooked, "rm", "-q", "records/customers/bad.yaml")
    commit(hooked)
    git(hooked, "push", "-q", str(remote), "main")


# After the fact


def indexed(root: Path) -> str:
    """The commit that the index on the disk was made for."""
    index, state = Index.open(places.find(root).own / "index.sqlite")
    index.close()
    assert state is not None
    return state.head


def head(root: Path) -> str:
    return git(root, "rev-parse", "HEAD").strip()


def test_the_index_keeps_up_with_merges_and_branches(hooked: Path) -> None:
    commit(hooked, {"customers/ada.yaml": ADA})
    Book(hooked).index.close()
    switch(hooked, "-c", "side")
    commit(hooked, {"customers/bob.yaml": BOB}, "bob")
    done = attempt(hooked, "switch", "-q", "main")
    assert (done.returncode, done.stderr) == (0, "")
    assert indexed(hooked) == head(hooked)
    done = attempt(hooked, "merge", "-q", "side")
    assert (done.returncode, done.stderr) == (0, "")
    assert indexed(hooked) == head(hooked)
    git(hooked, "commit", "-q", "--amend", "-m", "bob, once more")
    assert indexed(hooked) == head(hooked)


@pytest.mark.parametrize("name", ["post-merge", "post-checkout", "post-rewrite"])
def test_hooks_after_the_fact_never_fail_and_say_nothing(hooked: Path, name: str) -> None:
    Book(hooked).index.close()
    (hooked / "crm.yaml").write_text("a: [\n")
    (hooked / ".git/crmctl/index.sqlite").write_bytes(b"torn")
    hook = str(hooked / ".git/hooks" / name)
    done = subprocess.run([hook, "x"], cwd=hooked, input="", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# Somebody's own hooks


def own(root: Path, name: str, status: int = 0) -> Path:
    """A hook of the user's that notes what it is given."""
    noted = root.parent / f"{name}.noted"
    hook = root / ".git/hooks" / name
    hook.write_text(f'#!/bin/sh\necho "$#" "$1" >>{noted}\ncat >>{noted}\nexit {status}\n')
    hook.chmod(0o755)
    return noted


def test_ones_own_hook_runs_first_with_all_that_git_gives(hooked: Path, remote: Path) -> None:
    githooks.uninstall(places.find(hooked))
    noted = {name: own(hooked, name) for name in ("pre-commit", "commit-msg", "pre-push", "post-checkout")}
    assert all(hook.kept for hook in githooks.install(places.find(hooked)) if hook.name in noted)
    git(hooked, "commit", "-q", "--allow-empty", "-m", "x")
    git(hooked, "push", "-q", "origin", "main")
    git(hooked, "switch", "-q", "-c", "side")
    assert noted["pre-commit"].read_text() == "0 \n"
    assert noted["commit-msg"].read_text() == "1 .git/COMMIT_EDITMSG\n"
    lines = noted["pre-push"].read_text().splitlines()
    assert lines[0] == "2 origin"
    assert lines[1].startswith("refs/heads/main ")
    assert noted["post-checkout"].read_text().startswith("3 ")
    # Ours goes on to look at the same.
    commit(hooked, {"customers/bad.yaml": "name: [\n"})
    assert attempt(hooked, "push", "-q", "origin", "side").returncode == 1


def test_ones_own_hook_has_the_first_word_and_ours_the_last(hooked: Path) -> None:
    githooks.uninstall(places.find(hooked))
    noted = own(hooked, "pre-commit", 3)
    own(hooked, "post-checkout", 1)
    githooks.install(places.find(hooked))
    write(hooked, {"customers/ada.yaml": "nmae: x\n"})
    git(hooked, "add", "-A")
    done = message(hooked, "x")
    assert done.returncode == 1
    assert "records/" not in done.stderr
    assert attempt(hooked, "switch", "-q", "-c", "side").returncode == 1
    own(hooked, "pre-commit.before-crmctl")
    assert "unknown-field" not in message(hooked, "x").stderr
    assert "records/customers/ada.yaml:1:1" in message(hooked, "x").stderr
    assert noted.read_text() == "0 \n"


def test_what_is_checked_already_is_not_checked_again(hooked: Path, remote: Path) -> None:
    write(hooked, {"customers/ada.yaml": "name: [\n"})
    git(hooked, "add", "-A")
    checked = {"CRMCTL_CHECKED": "1"}
    assert attempt(hooked, "commit", "-q", "-m", "x", env=checked).returncode == 0
    assert attempt(hooked, "push", "-q", "origin", "main", env=checked).returncode == 0


def test_crmctl_on_the_path_steps_in_for_an_interpreter_that_is_gone(
    hooked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (hooked / ".git/hooks/pre-commit").write_text(ours.shim("pre-commit", "/no/such/python"))
    program = tmp_path / "bin/crmctl"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -P -m crmctl "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    write(hooked, {"customers/ada.yaml": "nmae: x\n"})
    git(hooked, "add", "-A")
    done = message(hooked, "x")
    assert done.returncode == 1
    assert "records/customers/ada.yaml:1:1" in done.stderr


def test_a_bug_of_ours_holds_up_nobody_but_on_a_server(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from crmctl.hooks import entry
    from crmctl.services.clone import hook_runs

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(hook_runs, "run", broken)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    assert [entry.main([name]) for name in ("pre-commit", "post-merge", "pre-receive")] == [0, 0, 1]
    assert capfd.readouterr().err.count("a bug of ours, so nothing was checked: ZeroDivisionError") == 2


def test_a_rebase_tells_what_it_has_made_wrong(hooked: Path) -> None:
    """git asks no hook about the commits of a rebase, not even about those that somebody has put together by hand."""
    fork(hooked, "role: buyer\n", "role: seller\n")
    switch(hooked, "b0")
    assert attempt(hooked, "rebase", "b1").returncode == 1
    write(hooked, {"customers/ada.yaml": "name: [\n"})
    git(hooked, "add", "-A")
    done = attempt(hooked, "-c", "core.editor=true", "rebase", "--continue")
    assert done.returncode == 0
    assert "records/customers/ada.yaml:2:1: " in done.stderr
    assert f"(in commit {head(hooked)[:10]})" in done.stderr
    assert "crmctl: the rebase is done, and will not be pushed as it is, 1 problem" in done.stderr
    write(hooked, {"customers/ada.yaml": ADA})
    done = attempt(hooked, "commit", "-q", "-a", "--amend", "-m", "right")
    assert (done.returncode, done.stderr) == (0, "")
    switch(hooked, "main")
    commit(hooked, {"customers/bob.yaml": BOB})
    switch(hooked, "b0")
    assert "crmctl" not in attempt(hooked, "rebase", "main").stderr


# pre-receive


@pytest.fixture
def server(book_dir: Path, tmp_path: Path) -> Path:
    """A bare repository with the hook, that ``book_dir`` pushes to; nothing is checked before."""
    bare = tmp_path / "team.git"
    git(tmp_path, "clone", "-q", "--bare", str(book_dir), str(bare))
    githooks.install(githooks.server_folder(bare), githooks.SERVER)
    git(book_dir, "remote", "add", "origin", str(bare))
    git(book_dir, "fetch", "-q", "origin")
    return bare


def pushed(root: Path, what: str = "main", *options: str) -> subprocess.CompletedProcess[str]:
    return attempt(root, "push", "-q", *options, "origin", what)


def held(root: Path) -> list[str]:
    """What the hook would say to a commit of everything that stands there."""
    git(root, "add", "-A")
    return [str(problem) for problem in check_staged(root).problems]


def received(root: Path, server: Path) -> list[str]:
    """What the server would say to the last commit of ``root`` on its main branch; the branch stays where it is."""
    git(server, "fetch", "-q", str(root), "HEAD")
    old = git(server, "rev-parse", "main").strip()
    return [str(problem) for problem in check_received(server, f"{old} {head(root)} refs/heads/main\n").problems]


def test_a_server_takes_what_is_right(book_dir: Path, server: Path) -> None:
    commit(book_dir, {"customers/ada.yaml": ADA, "interactions/ada.jsonl": '{"at": "2026-01-01", "type": "call"}\n'})
    commit(book_dir, {"customers/ada.yaml": ADA + "role: buyer\n"})
    switch(book_dir, "-c", "side", "HEAD~1")
    commit(book_dir, {"customers/bob.yaml": BOB, "/tools/run.sh": "#!/bin/sh\n"})
    switch(book_dir, "main")
    git(book_dir, "merge", "-q", "--no-edit", "side")
    git(book_dir, "tag", "v1")
    done = attempt(book_dir, "push", "-q", "origin", "main", "side", "v1")
    assert (done.returncode, done.stderr) == (0, "")
    assert pushed(book_dir, ":side").returncode == 0
    assert git(server, "rev-parse", "main") == git(book_dir, "rev-parse", "main")


def test_a_server_takes_nothing_that_is_wrong_and_says_why(book_dir: Path, server: Path) -> None:
    commit(book_dir, {"customers/ada.yaml": "name: [\n"})
    # It does not believe that somebody has checked before.
    done = attempt(book_dir, "push", "-q", "--no-verify", "origin", "main", env={"CRMCTL_CHECKED": "1"})
    assert done.returncode == 1
    assert "remote: records/customers/ada.yaml:2:1: this line is" in done.stderr
    assert f"(in commit {head(book_dir)[:10]})" in done.stderr
    assert "remote: crmctl: nothing was taken, 1 problem" in done.stderr


HELD_UP = {
    "unreadable": ({"customers/ada.yaml": "name: [\n"}, "ada.yaml:2"),
    "markers": ({"customers/ada.yaml": "<<<<<<< a\nname: A\n"}, "an unsettled merge conflict"),
    "history": ({"customers/ada.yaml": ADA, "interactions/ada.jsonl": "{\n"}, "ada.jsonl:1"),
    "settings": ({"/crm.yaml": "a: [\n"}, "crm.yaml:"),
    "unknown setting": ({"/crm.yaml": "zzz: red\n"}, "there is no setting 'zzz'"),
    "reference": ({"customers/ada.yaml": ADA + "organization: acme\n"}, "there is no customer 'acme'"),
    "template": ({"campaigns/c.yaml": "name: C\npurpose: newsletter\ntemplate: x\n"}, "there is no template 'x'"),
    "template, unfinished": ({"/templates/t.md": "Hi {% if me %}\n"}, "t.md:1: Unexpected end of template"),
    "template, included": ({"/templates/t.txt": '{% include "_x.md" %}\n'}, "there is no templates/_x.md to include"),
    "handle": ({"customers/Ada Lovelace.yaml": ADA}, "not a handle"),
    "same id": ({"customers/ada.yaml": ADA, "customers/ada-2.yaml": ADA}, "stands in"),
    "same name": ({"templates/a.md": "x", "Templates/A.md": "y"}, "on some machines this is the same file"),
    "marked template": ({"/templates/a.md": "<<<<<<< a\nb\n>>>>>>> c\n"}, "an unsettled merge conflict"),
    "own kind, unreadable": ({"vendors/x.yaml": "a: b: c\n"}, "vendors/x.yaml:1"),
}


NAMING = {
    "settings, nested": ("/crm.yaml", "name: X\npurposes:\n  news:\n    command: evil\n", "crm.yaml:4", "command"),
    "settings": ("/crm.yaml", "name: X\neditor: evil\n", "crm.yaml:2", "editor"),
    "front matter": ("/templates/a.md", "---\nsubject: Hi\nsmtp:\n  host: x\n---\nHi\n", "templates/a.md:4", "host"),
    "report": ("/reports/a.sql", "-- title: A\n-- include: ../x\nSELECT 1\n", "reports/a.sql:2", "include"),
}


@pytest.mark.parametrize("what", NAMING)
def test_keys_that_would_name_a_program_or_a_host_stay_out_everywhere(book_dir: Path, server: Path, what: str) -> None:
    path, text, where, key = NAMING[what]
    write(book_dir, {path: text})
    git(book_dir, "add", "-A")
    staged = [str(problem) for problem in check_staged(book_dir).problems]
    commit(book_dir)
    for told in (staged, received(book_dir, server)):
        assert any(words.startswith(where) and f"'{key}' has no place in a shared book" in words for words in told)


@pytest.mark.parametrize("what", HELD_UP)
def test_what_a_server_does_not_take(book_dir: Path, server: Path, what: str) -> None:
    files, words = HELD_UP[what]
    write(book_dir, files)
    assert any(words in told for told in held(book_dir)), "it is told already before it is committed"
    commit(book_dir)
    (told,) = received(book_dir, server)
    assert words in told


def test_a_server_looks_at_every_commit_by_its_own_settings(book_dir: Path, server: Path) -> None:
    commit(book_dir, {"customers/ada.yaml": ADA + "size: m\n"}, "wrong")
    wrong = head(book_dir)[:10]
    commit(book_dir, {"customers/ada.yaml": ADA}, "right again")
    assert received(book_dir, server) == [
        f"records/customers/ada.yaml:7:1: there is no field 'size' for a customer (in commit {wrong})"
    ]
    git(book_dir, "reset", "-q", "--hard", "HEAD~2")
    settings = (book_dir / "crm.yaml").read_text()
    commit(book_dir, {"/crm.yaml": "a: [\n", "customers/ada.yaml": "name: [\n"}, "what is wrong is told once")
    commit(book_dir, {"/crm.yaml": "a: [\n\n"}, "and so are settings")
    assert [words.partition(":")[0] for words in received(book_dir, server)] == [
        "crm.yaml",
        "crm.yaml",
        "records/customers/ada.yaml",
    ]
    git(book_dir, "reset", "-q", "--hard", "HEAD~2")
    settings += "fields:\n  customer:\n    size: text\n"
    commit(book_dir, {"/crm.yaml": settings, "customers/ada.yaml": ADA + "size: m\n"}, "declared")
    assert received(book_dir, server) == []


def test_an_id_never_changes(book_dir: Path, server: Path) -> None:
    commit(book_dir, {"customers/ada.yaml": ADA, "customers/new.yaml": "name: New\n"})
    commit(book_dir, {"customers/new.yaml": "id: 01J0000000000000000000000C\nname: New\n"}, "a first id")
    assert received(book_dir, server) == []
    for changed in (ADA.replace("A\n", "D\n", 1), ADA.partition("\n")[2]):
        write(book_dir, {"customers/ada.yaml": changed})
        (staged,) = held(book_dir)
        commit(book_dir)
        (words,) = received(book_dir, server)
        assert words.startswith(staged)
        assert "the id of this record was 01J0000000000000000000000A and must stay so" in words
        git(book_dir, "reset", "-q", "--hard", "HEAD^")
    git(book_dir, "rm", "-q", "records/customers/ada.yaml")
    commit(book_dir, {}, "gone")
    commit(book_dir, {"customers/ada.yaml": ADA.replace("A\n", "D\n", 1)}, "another Ada")
    assert received(book_dir, server) == []


def test_one_of_two_people_may_stand_where_the_other_layout_has_the_other(book_dir: Path, server: Path) -> None:
    """Two people were added under one handle, one in a book laid out anew; a merge gives one of them another."""
    other = ADA.replace("A\n", "D\n", 1)
    git(book_dir, "push", "-q", str(server), "HEAD:main")
    switch(book_dir, "-c", "side")
    settings = (book_dir / "crm.yaml").read_text().replace("layout: flat", "layout: sharded")
    commit(book_dir, {"/crm.yaml": settings, "customers/da/ada.yaml": other})
    switch(book_dir, "main")
    commit(book_dir, {"customers/ada.yaml": ADA})
    git(book_dir, "merge", "-q", "--no-commit", "-s", "ours", "side")
    git(book_dir, "rm", "-q", "-f", "records/customers/ada.yaml")
    commit(book_dir, {"/crm.yaml": settings, "customers/da/ada.yaml": ADA, "customers/-2/ada-2.yaml": other})
    assert received(book_dir, server) == []
    third = ADA.replace("A\n", "E\n", 1)
    write(book_dir, {"customers/da/ada.yaml": third})
    git(book_dir, "commit", "-q", "-a", "--amend", "--no-edit")
    (words,) = received(book_dir, server)
    assert "0000A or 01J0000000000000000000000D and must stay so" in words


def test_an_id_does_not_change_in_a_merge_either(book_dir: Path, server: Path) -> None:
    commit(book_dir, {"customers/ada.yaml": ADA})
    switch(book_dir, "-c", "side")
    commit(book_dir, {"customers/ada.yaml": ADA + "role: buyer\n"})
    switch(book_dir, "main")
    commit(book_dir, {"customers/ada.yaml": ADA + "language: en\n"})
    git(book_dir, "merge", "-q", "--no-commit", "-s", "ours", "side")
    commit(book_dir, {"customers/ada.yaml": ADA.replace("A\n", "D\n", 1)}, "an evil merge")
    (words,) = received(book_dir, server)
    assert "must stay so" in words
    write(book_dir, {"customers/ada.yaml": ADA + "language: en\nrole: buyer\n"})
    git(book_dir, "commit", "-q", "-a", "--amend", "-m", "a good one")
    assert received(book_dir, server) == []


def test_links_and_programs_are_not_taken(book_dir: Path, server: Path) -> None:
    commit(book_dir, {"customers/ada.yaml": ADA})
    (book_dir / "records/customers/ada.yaml").chmod(0o755)
    (book_dir / "records/customers/link.yaml").symlink_to("ada.yaml")
    (book_dir / "anywhere").symlink_to("/etc/passwd")
    git(book_dir, "init", "-q", "module")
    commit(book_dir / "module")
    staged = held(book_dir)
    commit(book_dir)
    where = f"(in commit {head(book_dir)[:10]})"
    assert received(book_dir, server) == [
        f"anywhere: a link stands where a file should be {where}",
        f"module: another repository stands where a file should be {where}",
        f"records/customers/ada.yaml: the file is marked as a program {where}",
        f"records/customers/link.yaml: a link stands where a file should be {where}",
    ]
    assert [f"{words} {where}" for words in staged] == received(book_dir, server)


def test_books_in_folders_of_a_servers_repository(book_dir: Path, server: Path) -> None:
    settings = "fields:\n  customer:\n    size: text\n"
    commit(book_dir, {"/sub/crm.yaml": settings, "/sub/records/customers/ada.yaml": ADA + "size: m\n"})
    assert received(book_dir, server) == []
    commit(book_dir, {"/sub/records/customers/bob.yaml": BOB + "weight: m\n"})
    (words,) = received(book_dir, server)
    assert words.startswith("sub/records/customers/bob.yaml:3:1: there is no field 'weight'")


def test_the_main_branch_is_neither_rewound_nor_deleted(book_dir: Path, server: Path) -> None:
    commit(book_dir, {"customers/ada.yaml": ADA})
    for branch in ("main", "main:side"):
        assert pushed(book_dir, branch).returncode == 0
    git(book_dir, "reset", "-q", "--hard", "HEAD^")
    commit(book_dir, {"customers/bob.yaml": BOB})
    done = pushed(book_dir, "main", "--force")
    assert done.returncode == 1
    assert "the main branch is not to be rewound or rewritten" in done.stderr
    done = pushed(book_dir, ":main")
    assert done.returncode == 1
    assert "the main branch is not to be deleted" in done.stderr
    assert pushed(book_dir, "main:side", "--force").returncode == 0


def test_without_crmctl_a_server_takes_nothing(book_dir: Path, server: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hook = server / "hooks/pre-receive"
    hook.write_text(ours.shim("pre-receive", "/no/such/python"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    commit(book_dir, {"customers/ada.yaml": ADA})
    done = pushed(book_dir)
    assert done.returncode == 1
    assert "crmctl is not installed on this server, so nothing is taken." in done.stderr


def test_a_servers_own_hook_comes_first(book_dir: Path, server: Path, tmp_path: Path) -> None:
    githooks.uninstall(githooks.server_folder(server), githooks.SERVER)
    hook = server / "hooks/pre-receive"
    hook.write_text(f"#!/bin/sh\ncat >{tmp_path}/seen\n")
    hook.chmod(0o755)
    githooks.install(githooks.server_folder(server), githooks.SERVER)
    commit(book_dir, {"customers/ada.yaml": "name: [\n"})
    assert pushed(book_dir).returncode == 1
    assert (tmp_path / "seen").read_text().endswith(" refs/heads/main\n")


def test_a_book_keeps_its_settings(hooked: Path, server: Path) -> None:
    commit(hooked, {"customers/ada.yaml": ADA})
    git(hooked, "rm", "-q", "crm.yaml")
    done = message(hooked, "settings go")
    assert done.returncode == 1
    assert "crm.yaml: the settings go, and without them this is no book any more" in done.stderr
    assert "git restore --staged --worktree crm.yaml" in done.stderr
    commit(hooked, {}, "gone")
    (told,) = received(hooked, server)
    assert told.startswith("crm.yaml: the settings go")
    git(hooked, "rm", "-q", "-r", ".")
    commit(hooked, {}, "all gone")
    assert any(words.startswith("crm.yaml: the settings go") for words in received(hooked, server))


def test_a_book_may_be_moved_as_a_whole(hooked: Path, server: Path) -> None:
    commit(hooked, {"customers/ada.yaml": ADA})
    (hooked / "crm").mkdir()
    git(hooked, "mv", "crm.yaml", "records", "crm")
    assert message(hooked, "moved").returncode == 0
    assert received(hooked, server) == []


def test_programs_are_for_shared_hooks_alone(book_dir: Path, server: Path) -> None:
    for name in ("hooks/pre-commit", "tools/run.sh"):
        write(book_dir, {f"/{name}": "#!/bin/sh\n"})
        (book_dir / name).chmod(0o755)
    commit(book_dir)
    (told,) = received(book_dir, server)
    assert told.startswith("tools/run.sh: the file is marked as a program")


REBINDING = [
    (".gitattributes", "records/**/*.yaml merge=union"),
    (".gitattributes", "*.jsonl -merge"),
    (".gitattributes", "* binary"),
    (".gitattributes", '"/crm.yaml" filter=x'),
    (".gitattributes", "**/ada.yaml merge=ours"),
    (".gitattributes", "[attr]mine merge=union"),
    ("records/.gitattributes", "*.yaml merge=union"),
    ("records/customers/.gitattributes", "a?a.* working-tree-encoding=ISO-8859-1"),
    ("records/customers/.gitattributes", "[a-z]da.yaml merge"),
]


@pytest.mark.parametrize(("path", "line"), REBINDING)
def test_attributes_that_take_records_from_crmctl_are_not_taken(
    book_dir: Path, server: Path, path: str, line: str
) -> None:
    write(book_dir, {"customers/ada.yaml": ADA, f"/{path}": f"# ours\n{line}\n"})
    (staged,) = held(book_dir)
    commit(book_dir)
    (told,) = received(book_dir, server)
    assert told.startswith(f"{path}:2:1: this line has git treat records in its own way: ")
    assert told.startswith(staged)


def test_other_attributes_are_taken(book_dir: Path, server: Path) -> None:
    lines = [*ATTRIBUTES.splitlines(), "*.png binary", "/docs/*.yaml merge=union", "docs/** filter=lfs", "*.md ident"]
    commit(book_dir, {"customers/ada.yaml": ADA, "/.gitattributes": "\n".join([*lines, ""])})
    commit(book_dir, {"/docs/.gitattributes": "* merge=union\n"})
    assert received(book_dir, server) == []


def test_no_other_repository_is_brought_in(book_dir: Path, server: Path) -> None:
    write(book_dir, {"/.gitmodules": '[submodule "x"]\n\tpath = x\n\turl = ./x\n'})
    (staged,) = held(book_dir)
    commit(book_dir)
    (told,) = received(book_dir, server)
    assert told.startswith(staged)
    assert told.startswith(".gitmodules: another repository would be brought in by this file")
