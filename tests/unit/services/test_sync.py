"""Bringing a book and the team's together: what comes and goes, what waits, what is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from helpers.books import commit
from helpers.books import fresh
from helpers.books import git
from helpers.books import write
from helpers.team import SETTINGS
from helpers.team import Team
from helpers.team import head
from helpers.team import is_clean
from helpers.team import line
from helpers.team import parents
from helpers.team import person

from crmctl.cli.team import sync as sync_command
from crmctl.errors import Conflict
from crmctl.errors import Locked
from crmctl.services.joining import conflicts
from crmctl.services.joining import sync as service
from crmctl.services.joining.sync import How
from crmctl.services.joining.sync import sync
from crmctl.store import lock
from crmctl.store import placing
from crmctl.vcs import remotes

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

    from crmctl.vcs.places import Places
    from crmctl.vcs.remotes import Remote

P1 = "records/customers/p1.yaml"
DEAL = "id: 01HZX0000000000000000000A1\nname: One\ncustomer: countess\n"


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path)


@pytest.fixture
def ann(team: Team) -> Path:
    return team.clone("ann")


def text(book: Path, path: str = P1) -> str:
    return (book / path).read_text()


# What comes and what goes


def test_what_both_did_comes_together(team: Team, ann: Path, run: Run) -> None:
    theirs = team.push("bob", {"customers/p1.yaml": person(1, role="boss"), "customers/new.yaml": person(99)})
    commit(ann, {"customers/p1.yaml": person(1, website="https://x.example"), "interactions/p1.jsonl": line(100)})
    ours = head(ann)
    done = run("-C", ann, "sync")
    assert done.code == 0, done.err
    assert "Came: 1 customer added, 1 customer changed." in done.err
    assert "Went: 1 customer changed, 1 interaction." in done.err
    assert parents(ann) == [ours, theirs]
    assert git(ann, "log", "-1", "--format=%s") == "sync: merge 2 records\n"
    assert "role: boss" in text(ann)
    assert "website" in text(ann)
    assert is_clean(ann)
    assert head(team.remote) == head(ann)
    assert run("-C", ann, "sync").err == "Up to date with origin/main.\n"


def test_what_only_others_did_needs_no_commit(team: Team, ann: Path) -> None:
    theirs = team.push("bob", {"customers/p1.yaml": None, "customers/p2.yaml": person(2, role="boss")})
    done = sync(fresh(ann))
    assert (done.state, head(ann), done.sent) == ("synced", theirs, True)
    assert not (ann / P1).exists()
    assert is_clean(ann)


def test_what_only_we_did_is_sent(team: Team, ann: Path, run: Run) -> None:
    commit(ann, {"customers/p1.yaml": person(1, role="boss")})
    done = run("-C", ann, "sync", "-v")
    assert done.code == 0
    assert done.out == "went  customer p1 changed: set role: boss\n"
    assert head(team.remote) == head(ann)


def test_an_empty_remote_gets_everything(book_dir: Path, tmp_path: Path, run: Run) -> None:
    git(tmp_path, "init", "-q", "--bare", "-b", "main", "empty.git")
    git(book_dir, "remote", "add", "origin", "../empty.git")
    done = run("-C", book_dir, "sync")
    assert done.code == 0, done.err
    assert done.err.startswith("Went: everything; origin/main was empty.")
    assert head(tmp_path / "empty.git") == head(book_dir)
    assert git(book_dir, "rev-parse", "--abbrev-ref", "main@{upstream}") == "origin/main\n"


def test_a_branch_of_another_name_goes_to_where_it_belongs(team: Team, ann: Path) -> None:
    git(ann, "switch", "-q", "-c", "mine", "--track", "origin/main")
    commit(ann, {"customers/p1.yaml": person(1, role="boss")})
    assert sync(fresh(ann)).sent
    assert head(team.remote) == head(ann)


def test_a_program_gets_all_of_it(team: Team, ann: Path, run: Run) -> None:
    team.push("bob", {"customers/p1.yaml": person(1, role="boss")})
    commit(ann, {"interactions/p1.jsonl": line(100)})
    done = run("-C", ann, "sync", "-o", "json")
    data = json.loads(done.out)
    assert data["state"] == "synced"
    assert [(one["kind"], one["handle"], one["what"]) for one in data["came"]] == [("customer", "p1", "changed")]
    assert [one["kind"] for one in data["went"]] == ["interaction"]
    assert data["after"] == head(ann)


def test_quiet_says_nothing_when_all_is_well(team: Team, ann: Path, run: Run) -> None:
    team.push("bob", {"customers/p1.yaml": person(1, role="boss")})
    done = run("-C", ann, "-q", "sync")
    assert (done.code, done.out, done.err) == (0, "", "")


def test_a_dry_run_shows_it_and_does_nothing(team: Team, ann: Path, run: Run) -> None:
    theirs = team.push("bob", {"customers/p1.yaml": person(1, role="boss"), "customers/p2.yaml": None})
    commit(ann, {"interactions/p1.jsonl": line(100)})
    ours = head(ann)
    done = run("-C", ann, "sync", "--dry-run", "-v")
    assert done.code == 0
    assert "Would come: 1 customer changed, 1 customer removed." in done.err
    assert "Would go: 1 interaction." in done.err
    assert "came  customer p1 changed: set role: boss\n" in done.out
    assert (head(ann), head(team.remote)) == (ours, theirs)
    assert "nothing" in run("-C", team.clone("cleo"), "sync", "-n").err


def test_both_merging_the_same_at_once_ends_on_one_tree(team: Team, ann: Path) -> None:
    bob = team.clone("bob")
    commit(ann, {"customers/p1.yaml": person(1, role="boss")})
    commit(bob, {"customers/p1.yaml": person(1, website="https://x.example")})
    git(bob, "fetch", "-q", str(ann), "main")
    git(ann, "fetch", "-q", str(bob), "main")
    for clone in (ann, bob):
        git(clone, "-c", "merge.crmctl.name=x", "merge", "-q", "-s", "ours", "--no-edit", "FETCH_HEAD")
        merged = person(1, role="boss", website="https://x.example")
        commit(clone, {"customers/p1.yaml": merged}, "merged by hand")
    for clone in (ann, bob, ann):
        assert sync(fresh(clone)).state == "synced"
    assert git(ann, "rev-parse", "HEAD^{tree}") == git(bob, "rev-parse", "HEAD^{tree}")
    assert head(ann) == head(bob) == head(team.remote)


# Questions


def test_a_question_leaves_everything_as_it_was(team: Team, ann: Path, run: Run) -> None:
    team.push("bob", {"customers/p1.yaml": person(1, role="boss"), "customers/p2.yaml": person(2, role="x")})
    commit(ann, {"customers/p1.yaml": person(1, role="chief")})
    ours = head(ann)
    done = run("-C", ann, "sync")
    assert done.code == 5
    assert "1 question waits for an answer; until then nothing from origin/main is merged" in done.err
    assert "crmctl conflicts" in done.err
    assert head(ann) == ours
    assert is_clean(ann)
    assert conflicts.load(fresh(ann)) is not None
    assert run("-C", ann, "-q", "sync").code == 5


def test_what_was_answered_is_merged_and_sent(team: Team, ann: Path, run: Run) -> None:
    theirs = team.push("bob", {"customers/p1.yaml": person(1, role="boss")})
    commit(ann, {"customers/p1.yaml": person(1, role="chief")})
    ours = head(ann)
    assert run("-C", ann, "sync").code == 5
    assert run("-C", ann, "resolve", "p1", "role=both").code == 0
    assert parents(ann) == [ours, theirs]
    assert "role: both" in text(ann)
    assert conflicts.load(fresh(ann)) is None
    assert run("-C", ann, "sync").code == 0
    assert head(team.remote) == head(ann)


def test_answers_are_used_again_when_the_remote_has_moved(team: Team, ann: Path, run: Run) -> None:
    team.push("bob", {"customers/p1.yaml": person(1, role="boss"), "customers/p2.yaml": person(2, role="a")})
    commit(ann, {"customers/p1.yaml": person(1, role="chief"), "customers/p2.yaml": person(2, role="b")})
    assert run("-C", ann, "sync").code == 5
    assert run("-C", ann, "resolve", "p1", "role=ours").code == 0
    theirs = team.push("bob", {"customers/p2.yaml": person(2, role="b"), "customers/p3.yaml": person(3, role="c")})
    assert run("-C", ann, "sync").code == 0
    assert parents(ann)[1] == theirs
    assert "role: chief" in text(ann)


def test_an_answer_to_another_question_is_not_used(team: Team, ann: Path, run: Run) -> None:
    team.push("bob", {"customers/p1.yaml": person(1, role="boss"), "customers/p2.yaml": person(2, role="a")})
    commit(ann, {"customers/p1.yaml": person(1, role="chief"), "customers/p2.yaml": person(2, role="b")})
    assert run("-C", ann, "sync").code == 5
    assert run("-C", ann, "resolve", "p1", "role=ours").code == 0
    team.push("bob", {"customers/p1.yaml": person(1, role="president")})
    done = run("-C", ann, "sync")
    assert done.code == 5
    assert "2 questions" in done.err


def test_a_customer_and_their_history_are_one_question(team: Team, ann: Path) -> None:
    team.push("bob", {"customers/x.yaml": person(98), "interactions/x.jsonl": line(100)})
    commit(ann, {"customers/x.yaml": person(99), "interactions/x.jsonl": line(101)})
    done = sync(fresh(ann))
    assert (done.state, done.questions) == ("questions", 1)


def test_finishing_what_does_not_wait_is_refused(team: Team, ann: Path, run: Run) -> None:
    with pytest.raises(Conflict, match="no sync waits"):
        service.finish(fresh(ann))
    team.push("bob", {"customers/p1.yaml": person(1, role="boss")})
    commit(ann, {"customers/p1.yaml": person(1, role="chief")})
    assert run("-C", ann, "sync").code == 5
    with pytest.raises(Conflict, match="questions left"):
        service.finish(fresh(ann))


@pytest.mark.parametrize("mode", ["120000", "100755"])
def test_links_and_executables_do_not_come(team: Team, ann: Path, run: Run, mode: str) -> None:
    bob = team.clone("bob")
    (bob / "target").write_text("/etc/passwd")
    oid = git(bob, "hash-object", "-w", "target").strip()
    git(bob, "update-index", "--add", "--cacheinfo", f"{mode},{oid},templates/a.md")
    git(bob, "commit", "-q", "-m", "odd")
    git(bob, "push", "-q", "origin", "HEAD:main")
    ours = head(ann)
    assert run("-C", ann, "sync").code == 5
    assert head(ann) == ours
    assert not (ann / "templates").exists()
    assert run("-C", ann, "resolve", "templates/a.md", "--ours").code == 0
    assert run("-C", ann, "sync").code == 0
    assert "templates/a.md" not in git(ann, "ls-tree", "-r", "--name-only", "HEAD").split()
    assert head(team.remote) == head(ann)


@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_a_program_that_both_changed_stays_one(team: Team, ann: Path, run: Run, side: str) -> None:
    bob = team.clone("bob")
    (bob / "bin").mkdir()
    for at, text in enumerate(("one", "two")):
        (bob / "bin/send").write_text(f"{text}\n")
        (bob / "bin/send").chmod(0o755)
        commit(bob)
        git(bob, "push", "-q", "origin", "HEAD:main")
        if not at:
            git(ann, "pull", "-q", "origin", "main")
    (ann / "bin/send").write_text("three\n")
    commit(ann)
    done = run("-C", ann, "sync")
    assert done.code == 5
    assert "executable" in run("-C", ann, "conflicts").err
    assert run("-C", ann, "resolve", "bin/send", f"--{side}").code == 0
    assert run("-C", ann, "sync").code == 0
    assert git(ann, "ls-tree", "HEAD", "bin/send").startswith("100755 blob")
    assert (ann / "bin/send").read_text() == {"ours": "three\n", "theirs": "two\n"}[side]
    assert (ann / "bin/send").stat().st_mode & 0o111 == 0o111
    assert git(ann, "status", "--porcelain") == ""


# When the other side is not there, or others are faster


def test_offline_is_no_error(team: Team, ann: Path, run: Run) -> None:
    commit(ann, {"customers/p1.yaml": person(1, role="boss")})
    away = team.remote.rename(team.root / "away.git")
    done = run("-C", ann, "sync")
    assert done.code == 0
    assert done.err.startswith("offline: 1 commit waits (origin cannot be reached")
    assert run("-C", ann, "-q", "sync").err == ""
    away.rename(team.remote)
    assert run("-C", ann, "sync").code == 0
    assert head(team.remote) == head(ann)


def test_an_address_is_shown_without_its_password(ann: Path, run: Run) -> None:
    git(ann, "remote", "set-url", "origin", "http://ann:hunter2@127.0.0.1:1/book.git")
    done = run("-C", ann, "sync")
    assert done.code == 0
    assert "offline: 0 commits wait (origin cannot be reached: http://127.0.0.1:1/book.git)" in done.err
    assert "hunter2" not in done.err + run("-C", ann, "sync", "-o", "json").out


def test_a_refused_key_is_an_error(ann: Path, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "ssh"
    script.write_text('#!/bin/sh\necho "$@" >"$0.asked"\necho "git@x: Permission denied (publickey)." >&2\nexit 255\n')
    script.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(script))
    git(ann, "remote", "set-url", "origin", "git@host.example:team/book.git")
    done = run("-C", ann, "sync")
    assert done.code == 1
    assert "hint: See that you may go there: git fetch origin" in done.err
    assert "BatchMode=yes" in (tmp_path / "ssh.asked").read_text()


def test_the_hook_before_a_push_may_refuse(team: Team, ann: Path, run: Run) -> None:
    assert run("-C", ann, "customer", "list").code == 0  # From here on, hooks are the user's own.
    run("-C", ann, "doctor")  # A hook that is there before crmctl came with the folder.
    hook = ann / ".git/hooks/pre-push"
    hook.write_text("#!/bin/sh\necho 'not on a Sunday' >&2\nexit 1\n")
    hook.chmod(0o755)
    commit(ann, {"customers/p1.yaml": person(1, role="boss")})
    before = head(team.remote)
    done = run("-C", ann, "sync")
    assert done.code == 1
    assert "not on a Sunday" in done.err
    assert head(team.remote) == before


@pytest.mark.parametrize(("answer", "left"), [("edited", True), ("removed", False)])
def test_what_names_somebody_whom_the_others_removed_is_asked_about(
    team: Team, ann: Path, run: Run, answer: str, left: bool
) -> None:
    assert run("-C", ann, "hooks", "install").code == 0
    team.push("bob", {"customers/p1.yaml": None})
    assert run("-C", ann, "followup", "add", "Call", "--customer", "p1", "--due", "2031-01-01").code == 0
    asked = run("-C", ann, "sync")
    assert asked.code == 5
    assert "1 question waits" in asked.err
    assert "named by followup call" in run("-C", ann, "conflicts").out
    assert run("-C", ann, "resolve", "p1", "--keep", answer).code == 0
    assert run("-C", ann, "sync").code == 0
    assert head(team.remote) == head(ann)
    assert (ann / "records/customers/p1.yaml").exists() is left
    assert (ann / "records/followups/call.yaml").exists() is left
    assert run("-C", ann, "check").code == 0


def test_a_server_that_refuses_is_quoted(team: Team, ann: Path, run: Run) -> None:
    hook = team.remote / "hooks/pre-receive"
    hook.write_text("#!/bin/sh\necho 'no e\x1b[31mntry'\nexit 1\n")
    hook.chmod(0o755)
    commit(ann, {"customers/p1.yaml": person(1, role="boss")})
    done = run("-C", ann, "sync")
    assert done.code == 1
    assert "pre-receive hook declined" in done.err
    assert "no e\\x1b[31mntry" in done.err


def test_a_remote_that_moves_meanwhile_is_merged_again(team: Team, ann: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(ann, {"customers/p1.yaml": person(1, role="boss")})
    pauses: list[float] = []
    real, numbers = remotes.push, iter((2, 3))

    def push(places: Places, remote: Remote, new: str) -> None:
        number = next(numbers, 0)
        if number:
            team.push("bob", {f"customers/p{number}.yaml": person(number, role="fast")})
        real(places, remote, new)

    monkeypatch.setattr(remotes, "push", push)
    done = sync(fresh(ann), pause=pauses.append)
    assert done.state == "synced"
    assert len(pauses) == 2
    assert all(0 < pause < 5 for pause in pauses)
    assert head(team.remote) == head(ann)
    assert [text(ann, f"records/customers/p{number}.yaml").count("role") for number in (1, 2, 3)] == [1, 1, 1]
    assert is_clean(ann)


def test_after_five_races_it_gives_up(team: Team, ann: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(ann, {"customers/p1.yaml": person(1, role="boss")})
    pauses: list[float] = []

    def push(*_: object) -> None:
        raise remotes.Moved("somebody was faster")

    monkeypatch.setattr(remotes, "push", push)
    with pytest.raises(Locked, match=r"5 times .*\(somebody was faster\)"):
        sync(fresh(ann), pause=pauses.append)
    assert len(pauses) == 4
    assert is_clean(ann)


def test_a_lock_that_a_killed_git_left_is_no_hindrance(team: Team, ann: Path) -> None:
    theirs = team.push("bob", {"customers/p1.yaml": person(1, role="boss")})
    (ann / ".git/refs/remotes/origin/main.lock").write_text("")
    assert sync(fresh(ann)).state == "synced"
    assert head(ann) == theirs


def test_a_lock_on_the_server_is_told(team: Team, ann: Path) -> None:
    commit(ann, {"customers/p1.yaml": person(1, role="boss")})
    (team.remote / "refs/heads/main.lock").write_text("")
    with pytest.raises(Locked, match="failed to update ref"):
        sync(fresh(ann), pause=lambda _: None)


def test_a_commit_by_git_meanwhile_is_not_lost(team: Team, ann: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody commits between our merging and our moving HEAD."""
    team.push("bob", {"customers/p1.yaml": person(1, role="boss")})
    commit(ann, {"customers/p2.yaml": person(2, role="x")})
    real, left = service._merged, [1]

    def merged(*arguments: object) -> object:
        result = real(*arguments)  # type: ignore[arg-type]
        if left[0]:
            left[0] = 0
            commit(ann, {"customers/p1.yaml": person(1, website="https://x.example")}, "by git")
        return result

    monkeypatch.setattr(service, "_merged", merged)
    done = sync(fresh(ann), pause=lambda _: None)
    assert done.state == "synced"
    assert "website" in text(ann)
    assert "role: boss" in text(ann)
    assert is_clean(ann)


# Refusals


def test_a_merge_that_empties_the_book_is_refused(team: Team, ann: Path, run: Run) -> None:
    team.push("bob", {f"customers/p{number}.yaml": None for number in range(3)})
    ours = head(ann)
    done = run("-C", ann, "sync")
    assert done.code == 5
    assert "this would take away 3 of 10 records" in done.err
    assert head(ann) == ours
    assert "3 customers removed" in run("-C", ann, "sync", "--dry-run").err
    assert run("-C", ann, "sync", "--allow-removals").code == 0
    assert not (ann / "records/customers/p2.yaml").exists()


def test_a_remote_whose_settings_are_gone_or_broken_is_not_followed(team: Team, ann: Path, run: Run) -> None:
    bob = team.clone("bob")
    (bob / "crm.yaml").unlink()
    commit(bob)
    git(bob, "push", "-q")
    ours = head(ann)
    done = run("-C", ann, "sync")
    assert done.code == 5
    assert "this would take crm.yaml away" in done.err
    team.push("bob", {"/crm.yaml": "name: [x\n"})
    done = run("-C", ann, "sync")
    assert done.code == 5
    assert "crm.yaml could not be read any more" in done.err
    assert head(ann) == ours
    team.push("bob", {"/crm.yaml": SETTINGS})
    assert run("-C", ann, "sync").code == 0


def test_few_removals_are_everyday(team: Team, ann: Path) -> None:
    team.push("bob", {"customers/p1.yaml": None, "customers/p2.yaml": None})
    assert sync(fresh(ann)).state == "synced"


def test_fifty_removals_are_refused_in_any_book(tmp_path: Path) -> None:
    team = Team(tmp_path, people=400)
    ann = team.clone("ann")
    commit(ann, {"customers/p399.yaml": person(399, role="x")})
    team.push("bob", {f"customers/p{number}.yaml": None for number in range(50)})
    with pytest.raises(Conflict, match="take away 50 of 400"):
        sync(fresh(ann))
    team.push("bob", {"customers/p0.yaml": person(0)})
    assert sync(fresh(ann)).state == "synced"


def test_an_emptied_history_counts_by_its_lines(team: Team, ann: Path) -> None:
    history = "interactions/p1.jsonl"
    team.push("bob", {history: "".join(line(number) for number in range(100, 120))})
    sync(fresh(ann))
    team.push("bob", {history: line(100)})
    with pytest.raises(Conflict, match="take away 19 of 30"):
        sync(fresh(ann))


def test_a_customer_with_a_long_history_is_one_record(team: Team, ann: Path) -> None:
    history = "interactions/p1.jsonl"
    team.push("bob", {history: "".join(line(number) for number in range(100, 160))})
    sync(fresh(ann))
    team.push("bob", {history: None, "customers/p1.yaml": None})
    assert sync(fresh(ann)).state == "synced"
    assert not (ann / "records" / history).exists()


def test_records_that_move_to_another_layout_are_not_removed(team: Team, ann: Path) -> None:
    files = {f"customers/p{number}.yaml": None for number in range(10)}
    sharded = {f"customers/p{number}/p{number}.yaml": person(number) for number in range(10)}
    team.push("bob", {**files, **sharded, "/crm.yaml": SETTINGS + "layout: sharded\n"})
    commit(ann, {"customers/p1.yaml": person(1, role="boss")})
    assert sync(fresh(ann)).state == "synced"
    assert "role: boss" in text(ann, "records/customers/p1/p1.yaml")
    assert not (ann / P1).exists()


def test_a_rewound_remote_is_not_followed(team: Team, ann: Path, run: Run) -> None:
    team.push("bob", {"customers/p1.yaml": person(1, role="boss")})
    assert run("-C", ann, "sync").code == 0
    ours = head(ann)
    git(team.remote, "update-ref", "refs/heads/main", f"{ours}~1")
    done = run("-C", ann, "sync")
    assert done.code == 5
    assert "origin/main was rewound or rewritten" in done.err
    assert "--accept-rewind" in done.err
    assert head(ann) == ours
    assert run("-C", ann, "sync").code == 5
    assert run("-C", ann, "sync", "--accept-rewind").code == 0
    assert head(team.remote) == ours
    assert run("-C", ann, "sync").code == 0


def test_a_remote_that_lost_its_branch_is_not_filled_again(team: Team, ann: Path, run: Run) -> None:
    assert run("-C", ann, "sync").code == 0
    git(team.remote, "update-ref", "-d", "refs/heads/main")
    done = run("-C", ann, "sync")
    assert done.code == 5
    assert "origin/main is not there any more" in done.err
    assert run("-C", ann, "sync", "--accept-rewind").code == 0
    assert head(team.remote) == head(ann)


def crmctl_clone(team: Team, run: Run) -> Path:
    """A clone by crmctl, which has not been synced yet."""
    assert run("clone", team.remote, team.root / "new").code == 0
    return team.root / "new"


def rewind(team: Team) -> str:
    """Take the last commit off the remote's branch; what it is at now."""
    git(team.remote, "update-ref", "refs/heads/main", "main~1")
    return head(team.remote)


@pytest.mark.parametrize("by", ["crmctl", "git", "git, without a dry run before", "git, shallow"])
def test_a_clone_that_was_never_synced_does_not_follow_a_rewind(team: Team, run: Run, by: str) -> None:
    team.push("bob", {"customers/p1.yaml": person(1, role="boss")})
    if by == "crmctl":
        new = crmctl_clone(team, run)
    elif by == "git, shallow":
        new = team.root / "new"
        git(team.root, "clone", "-q", "--depth", "1", team.remote.as_uri(), str(new))
    else:
        new = team.clone("new")
    ours, erased = head(new), rewind(team)
    if "dry run" not in by:
        assert run("-C", new, "sync", "--dry-run").code == 5
    for _ in range(2):
        done = run("-C", new, "sync", "-q")
        assert done.code == 5, done.err
        assert f"origin/main was rewound or rewritten: it does not have {ours[:10]}" in done.err
        assert head(team.remote) == erased
    if "shallow" in by:
        git(new, "fetch", "-q", "--unshallow")
    assert run("-C", new, "sync", "--accept-rewind").code == 0
    assert head(team.remote) == ours


def test_a_rewind_that_git_fetched_already_is_not_followed(team: Team, ann: Path, run: Run) -> None:
    team.push("bob", {"customers/p1.yaml": person(1, role="boss")})
    git(ann, "pull", "-q")
    erased = rewind(team)
    git(ann, "fetch", "-q")
    assert run("-C", ann, "sync").code == 5
    assert head(team.remote) == erased


def test_a_rewind_that_was_followed_by_hand_is_over(team: Team, ann: Path, run: Run) -> None:
    team.push("bob", {"customers/p1.yaml": person(1, role="boss")})
    git(ann, "pull", "-q")
    erased = rewind(team)
    git(ann, "fetch", "-q")
    git(ann, "reset", "-q", "--hard", "origin/main")
    assert run("-C", ann, "sync").code == 0
    assert head(team.remote) == head(ann) == erased


@pytest.mark.parametrize("by", ["crmctl", "git"])
def test_a_branch_that_was_renamed_is_not_made_anew(team: Team, run: Run, by: str) -> None:
    new = crmctl_clone(team, run) if by == "crmctl" else team.clone("new")
    git(team.remote, "branch", "-m", "main", "trunk")
    done = run("-C", new, "sync")
    assert done.code == 5
    assert "origin/main is not there any more" in done.err
    assert "git fetch, then git branch -u origin/NAME" in done.err
    assert "crmctl sync origin --accept-rewind" in done.err
    assert git(team.remote, "branch", "--format=%(refname:short)") == "trunk\n"
    git(new, "fetch", "-q")
    git(new, "branch", "-q", "-u", "origin/trunk")
    assert run("-C", new, "sync").code == 0


def test_a_branch_a_remote_and_a_hub_that_are_new_are_filled(team: Team, run: Run) -> None:
    new = crmctl_clone(team, run)
    for name in ("second", "third"):
        git(team.root, "init", "-q", "--bare", "-b", "main", f"{name}.git")
    git(new, "switch", "-q", "--no-track", "-c", "mine")
    assert run("-C", new, "sync").code == 0
    assert git(team.remote, "rev-parse", "mine").strip() == head(new)
    git(new, "remote", "add", "second", str(team.root / "second.git"))
    git(new, "switch", "-q", "main")
    assert run("-C", new, "sync", "second").code == 0
    assert head(team.root / "second.git") == head(new)
    git(new, "remote", "set-url", "origin", str(team.root / "third.git"))
    assert run("-C", new, "sync", "origin").code == 0
    assert head(team.root / "third.git") == head(new)


def test_a_clone_of_an_empty_hub_fills_it(tmp_path: Path, run: Run) -> None:
    git(tmp_path, "init", "-q", "--bare", "-b", "main", "hub.git")
    git(tmp_path, "clone", "-q", "hub.git", "new")
    commit(tmp_path / "new", {"/crm.yaml": SETTINGS, "customers/p1.yaml": person(1)})
    assert run("-C", tmp_path / "new", "sync").code == 0
    assert head(tmp_path / "hub.git") == head(tmp_path / "new")


def test_another_book_is_not_merged(ann: Path, tmp_path: Path, run: Run) -> None:
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q", "-b", "main")
    commit(other, {"/crm.yaml": SETTINGS})
    git(ann, "remote", "add", "other", str(other))
    done = run("-C", ann, "sync", "other")
    assert done.code == 5
    assert "no history in common" in done.err


def test_no_remote_is_said(book_dir: Path, run: Run) -> None:
    done = run("-C", book_dir, "sync")
    assert done.code == 1
    assert "this book has no remote" in done.err
    assert "git remote add origin" in done.err


def test_an_unknown_remote_is_said(ann: Path, run: Run) -> None:
    done = run("-C", ann, "sync", "orign")
    assert done.code == 3
    assert "there is no remote 'orign'" in done.err
    assert "This book has origin." in done.err
    assert run("-C", ann, "sync", "--", "--upload-pack=touch x").code == 3


def test_a_book_in_the_middle_of_a_merge_is_left_alone(team: Team, ann: Path, run: Run) -> None:
    team.push("bob", {"customers/p1.yaml": person(1, role="boss")})
    (ann / ".git/MERGE_HEAD").write_text(head(ann) + "\n")
    assert run("-C", ann, "sync").code == 5
    (ann / ".git/MERGE_HEAD").unlink()
    git(ann, "switch", "-q", "--detach")
    for options in ((), ("--dry-run",)):
        done = run("-C", ann, "sync", *options)
        assert done.code == 5
        assert "detached" in done.err


def test_settings_that_run_programs_are_not_followed(ann: Path, run: Run, tmp_path: Path) -> None:
    git(ann, "config", "core.sshCommand", f"touch {tmp_path}/ran; false")
    git(ann, "remote", "set-url", "origin", "git@host.example:team/book.git")
    done = run("-C", ann, "sync")
    assert done.code == 5
    assert "crmctl trust" in done.err
    assert not (tmp_path / "ran").exists()


# Edits by hand


def test_an_edit_by_hand_stays_beside_what_comes(team: Team, ann: Path, run: Run) -> None:
    team.push("bob", {"customers/p1.yaml": person(1, role="boss"), "customers/p2.yaml": person(2, role="x")})
    write(ann, {"customers/p1.yaml": person(1, website="https://x.example"), "customers/p3.yaml": person(3, role="y")})
    done = run("-C", ann, "sync")
    assert done.code == 0, done.err
    assert f"{P1} keeps what you changed in it by hand." in done.err
    assert "website" in text(ann)
    assert "role: boss" in text(ann)
    assert git(ann, "status", "--porcelain").split() == ["M", P1, "M", "records/customers/p3.yaml"]
    assert "website" not in git(ann, "show", f"HEAD:{P1}")
    assert head(team.remote) == head(ann)


def test_an_edit_by_hand_of_the_same_field_is_not_lost(team: Team, ann: Path, run: Run) -> None:
    team.push("bob", {"customers/p1.yaml": person(1, role="boss"), "customers/p2.yaml": person(2, role="x")})
    write(ann, {"customers/p1.yaml": person(1, role="chief")})
    ours = head(ann)
    done = run("-C", ann, "sync")
    assert done.code == 5
    assert f"{P1} was changed by hand, in a field that would be changed here too, and not committed yet" in done.err
    assert "--adopt" not in done.err
    assert head(ann) == ours
    assert "role: chief" in text(ann)
    assert "role" not in text(ann, "records/customers/p2.yaml")


def test_a_new_file_in_the_way_is_not_overwritten(team: Team, ann: Path, run: Run) -> None:
    team.push("bob", {"customers/new.yaml": person(99)})
    write(ann, {"customers/new.yaml": person(98)})
    done = run("-C", ann, "sync")
    assert done.code == 5
    assert "records/customers/new.yaml" in done.err
    assert text(ann, "records/customers/new.yaml") == person(98)


# What does not go together


def test_sides_that_do_not_go_together_are_pointed_out(team: Team, ann: Path, run: Run) -> None:
    team.push("bob", {"deals/big.yaml": "name: Big\ncustomer: p1\n"})
    assert run("-C", ann, "sync").code == 0
    team.push(
        "bob",
        {
            "customers/p1.yaml": None,
            "customers/p2.yaml": person(2, do_not_contact="[all]"),
            "customers/p3.yaml": person(3, emails="[same@example.com]"),
        },
    )
    followup = "what: write\ndue: 2026-05-01\ncustomer: p2\ntemplate: hello\n"
    commit(
        ann,
        {
            "deals/big.yaml": "name: Big\ncustomer: p1\nnotes: more\n",
            "followups/write.yaml": followup,
            "customers/p4.yaml": person(4, emails="[Same@example.com]"),
        },
    )
    done = run("-C", ann, "sync")
    assert done.code == 0, done.err
    warnings = [words for words in done.err.splitlines() if words.startswith("look at this: ")]
    assert [words.removeprefix("look at this: ") for words in warnings] == [
        "customer p1 was removed, but deal big names it",
        "customers p3 and p4 have one e-mail address: are they one person?",
        "follow-up write plans a message to p2, who does not want any",
    ]
    again = run("-C", team.clone("cleo"), "sync")
    assert "look at this" not in again.err


# Records that nobody has given an id


@pytest.mark.parametrize("command", ["set", "fmt", "edit"])
def test_every_clone_gives_a_record_the_same_id(
    team: Team, ann: Path, run: Run, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDITOR", "sed -i s/Zoe/Zora/")
    talk = '{"at": "2026-01-05T10:00:00+01:00", "type": "note", "text": "hello"}\n'
    team.push("bob", {"customers/zoe.yaml": "name: Zoe\n", "interactions/zoe.jsonl": talk * 2})
    assert run("-C", ann, "sync").code == 0
    bob = team.root / "bob"
    assert run("-C", bob, "customer", "set", "zoe", "role=boss").code == 0
    assert run("-C", bob, "fmt").code == 0
    assert run("-C", bob, "sync").code == 0
    commands = {"set": ("customer", "set", "zoe", "source=fair"), "fmt": ("fmt",), "edit": ("customer", "edit", "zoe")}
    done = run("-C", ann, *commands[command])
    assert done.code == 0, done.err
    assert run("-C", ann, "fmt").code == 0
    synced = run("-C", ann, "sync")
    assert synced.code == 0, synced.err
    assert "role: boss" in text(ann, "records/customers/zoe.yaml")
    assert len(text(ann, "records/interactions/zoe.jsonl").splitlines()) == 2
    assert run("-C", ann, "check").code == 0


# Records renamed by hand, and books laid out anew


def test_an_edit_follows_a_record_that_others_renamed(team: Team, ann: Path, run: Run) -> None:
    team.push("bob", {"customers/p1.yaml": None, "customers/countess.yaml": person(1), "deals/one.yaml": DEAL})
    commit(ann, {"customers/p1.yaml": person(1, role="boss"), "interactions/p1.jsonl": line(100)})
    commit(ann, {"deals/two.yaml": DEAL.replace("A1", "A2").replace("countess", "p1")})
    assert run("-C", ann, "sync").code == 0
    assert not (ann / P1).exists()
    assert text(ann, "records/customers/countess.yaml") == person(1, role="boss")
    assert text(ann, "records/interactions/countess.jsonl") == line(100)
    assert "customer: countess" in text(ann, "records/deals/two.yaml")
    for command in (("check",), ("check", "--merges")):
        checked = run("-C", ann, *command)
        assert checked.code == 0, checked.err + checked.out


def test_a_field_of_a_renamed_record_is_asked_and_answered(team: Team, ann: Path, run: Run) -> None:
    team.push("bob", {"customers/p1.yaml": None, "customers/countess.yaml": person(1, role="boss")})
    commit(ann, {"customers/p1.yaml": person(1, role="chief")})
    assert run("-C", ann, "sync").code == 5
    (asked,) = json.loads(run("-C", ann, "conflicts", "-o", "json").out)
    assert (asked["handle"], asked["field"], asked["yours"]) == ("countess", "role", "chief")
    assert asked["yours_by"]
    assert asked["theirs_by"]
    answered = run("-C", ann, "resolve", "countess", "role=ours")
    assert answered.code == 0, answered.err
    assert not (ann / P1).exists()
    assert text(ann, "records/customers/countess.yaml") == person(1, role="chief")
    assert is_clean(ann)
    assert run("-C", ann, "check", "--merges").code == 0


@pytest.mark.parametrize(("side", "role"), [("ours", "chief"), ("theirs", None)])
def test_a_renamed_record_removed_by_the_other_is_settled(
    team: Team, ann: Path, run: Run, side: str, role: str | None
) -> None:
    team.push("bob", {"customers/p1.yaml": None})
    commit(ann, {"customers/countess.yaml": person(1, role="chief"), "interactions/countess.jsonl": line(100)})
    git(ann, "rm", "-q", P1)
    git(ann, "commit", "-q", "-m", "renamed")
    assert run("-C", ann, "sync").code == 5
    answered = run("-C", ann, "resolve", "countess", f"--{side}")
    assert answered.code == 0, answered.err
    assert not (ann / P1).exists()
    assert (ann / "records/customers/countess.yaml").exists() == (role is not None)
    assert is_clean(ann)
    assert run("-C", ann, "check", "--merges").code == 0


def test_records_that_others_renamed_are_not_removed(team: Team, ann: Path, run: Run) -> None:
    names = {f"customers/n{number}.yaml": person(number) for number in range(6)}
    team.push("bob", {**{f"customers/p{number}.yaml": None for number in range(6)}, **names})
    commit(ann, {"customers/p5.yaml": person(5, role="boss"), "interactions/p4.jsonl": line(100)})
    done = run("-C", ann, "sync")
    assert done.code == 0, done.err
    assert len([*(ann / "records/customers").iterdir()]) == 10
    assert text(ann, "records/interactions/n4.jsonl") == line(100)


def test_what_we_added_moves_to_the_layout_that_others_chose(team: Team, ann: Path, run: Run) -> None:
    team.push("bob", {"/crm.yaml": f"{SETTINGS}layout: sharded\n", "customers/p1/p1.yaml": person(1)})
    team.push("bob", {"customers/p1.yaml": None})
    commit(ann, {"customers/zoe.yaml": person(50), "interactions/zoe.jsonl": line(100)})
    assert run("-C", ann, "sync").code == 0
    assert text(ann, "records/customers/oe/zoe.yaml") == person(50)
    assert text(ann, "records/interactions/oe/zoe.jsonl") == line(100)
    assert not (ann / "records/customers/zoe.yaml").exists()
    assert is_clean(ann)
    assert run("-C", ann, "check", "--merges").code == 0


def test_another_handle_is_given_in_the_merged_layout(team: Team, ann: Path, run: Run) -> None:
    team.push("bob", {"/crm.yaml": f"{SETTINGS}layout: sharded\n", "customers/oe/zoe.yaml": person(51)})
    commit(ann, {"customers/zoe.yaml": person(50)})
    assert run("-C", ann, "sync").code == 5
    answered = run("-C", ann, "resolve", "zoe", "--rename", "zoe-2")
    assert answered.code == 0, answered.err
    assert text(ann, "records/customers/oe/zoe.yaml") == person(50)
    assert text(ann, "records/customers/-2/zoe-2.yaml".replace("-2/", "2/")) == person(51)
    assert not (ann / "records/customers/zoe.yaml").exists()
    assert run("-C", ann, "check", "--merges").code == 0


# Books in folders


def test_files_beside_the_book_are_kept_in_step(tmp_path: Path, run: Run) -> None:
    git(tmp_path, "init", "-q", "--bare", "-b", "main", "remote.git")
    top = tmp_path / "top"
    git(tmp_path, "init", "-q", "-b", "main", "top")
    lines = "".join(f"{number}\n" for number in range(9))
    commit(top, {"/crm/crm.yaml": SETTINGS, "/crm/records/customers/p1.yaml": person(1), "/README": lines})
    git(top, "remote", "add", "origin", "../remote.git")
    git(top, "push", "-q", "-u", "origin", "main")
    git(tmp_path, "clone", "-q", "remote.git", "other")
    other = tmp_path / "other"
    commit(other, {"/README": lines.replace("1", "one"), "/new": "x\n"})
    git(other, "push", "-q")
    commit(top, {"/README": lines.replace("7", "seven"), "/crm/records/customers/p1.yaml": person(1, role="x")})
    done = run("-C", top / "crm", "sync")
    assert done.code == 0, done.err
    assert (top / "README").read_text() == lines.replace("1", "one").replace("7", "seven")
    assert (top / "new").read_text() == "x\n"
    assert is_clean(top)
    commit(other, {"/crm/records/customers/p1.yaml": person(1, website="https://x.example")})
    assert run("-C", other / "crm", "sync").code == 0
    assert run("-C", top / "crm", "sync").code == 0
    assert head(top) == head(other)
    assert is_clean(top)


class _Killed(BaseException):
    pass


@pytest.mark.parametrize("command", [("customer", "set", "p1", "website=https://x.example"), ("doctor", "--fix")])
def test_a_sync_that_died_beside_the_book_is_finished_by_any_write(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    git(tmp_path, "init", "-q", "--bare", "-b", "main", "remote.git")
    git(tmp_path, "init", "-q", "-b", "main", "top")
    top = tmp_path / "top"
    commit(top, {"/crm/crm.yaml": SETTINGS, "/crm/records/customers/p1.yaml": person(1), "/README": "x\n"})
    git(top, "remote", "add", "origin", "../remote.git")
    git(top, "push", "-q", "-u", "origin", "main")
    git(tmp_path, "clone", "-q", "remote.git", "other")
    commit(tmp_path / "other", {"/README": "y\n", "/crm/records/customers/p1.yaml": person(1, role="boss")})
    git(tmp_path / "other", "push", "-q")

    def killed(*_: object) -> None:
        raise _Killed

    with monkeypatch.context() as patch, pytest.raises(_Killed):
        patch.setattr(placing, "place", killed)
        sync(fresh(top / "crm"))
    assert (top / "README").read_text() == "x\n"
    done = run("-C", top / "crm", *command)
    assert done.code == 0, done.err
    assert (top / "README").read_text() == "y\n"
    assert "role: boss" in (top / "crm/records/customers/p1.yaml").read_text()
    assert is_clean(top)


def test_the_message_says_what_was_merged(team: Team, ann: Path) -> None:
    team.push("bob", {"/README": "x\n"})
    commit(ann, {"/NOTES": "y\n"})
    sync(fresh(ann))
    assert git(ann, "log", "-1", "--format=%s").strip() == "sync: merge 1 file"
    team.push("bob", {"/README": "z\n", "customers/p1.yaml": person(1, role="boss")})
    commit(ann, {"/NOTES": "z\n"})
    sync(fresh(ann))
    assert git(ann, "log", "-1", "--format=%s").strip() == "sync: merge 1 record"


def test_how_long_others_are_waited_for(team: Team, ann: Path) -> None:
    book = fresh(ann)
    with book.write("import"), pytest.raises(Locked):
        sync(fresh(ann), "", How(wait=0.01))
    assert sync(fresh(ann), "", How(wait=0.01)).state == "synced"


@pytest.mark.parametrize("terminal", [True, False])
def test_a_person_is_told_whom_a_sync_waits_for(
    team: Team, ann: Path, run: Run, monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    monkeypatch.setattr(lock, "WAIT", 0.02)
    monkeypatch.setattr(lock, "PATIENCE", 0.001)
    monkeypatch.setattr(sync_command, "PATIENCE", 0.02)
    monkeypatch.setattr(sync_command, "_is_watched", lambda: terminal)
    with fresh(ann).write("import"):
        done = run("-C", ann, "sync")
    assert done.code == 7
    assert ("Waiting for another crmctl" in done.err) == terminal


# What a hook would have refused


def test_what_somebody_pushed_past_the_hooks_is_told_of(team: Team, ann: Path, run: Run) -> None:
    eve = team.clone("eve")
    (eve / ".gitmodules").write_text('[submodule "x"]\n\tpath = x\n\turl = ext::sh -c evil\n')
    (eve / "records/customers/twin.yaml").write_text(person(2))
    (eve / "records/customers/p3.yaml").write_text(person(99))
    git(eve, "add", "-A")
    git(eve, "commit", "-q", "--no-verify", "-m", "evil")
    git(eve, "push", "-q", "--no-verify", "origin", "HEAD:main")
    commit(ann, {"customers/p1.yaml": person(1, role="boss")})
    done = run("-C", ann, "sync")
    assert done.code == 0, done.err
    told = [line for line in done.err.splitlines() if line.startswith("look at this: ")]
    assert any(".gitmodules" in line and "another repository" in line for line in told), done.err
    assert any("p3.yaml: the id of this record was" in line for line in told), done.err
    assert "look at this: customers p2 and twin have one id: one was copied from the other" in told
    assert "look at this" not in run("-C", ann, "sync").err
