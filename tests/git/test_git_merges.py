"""Merges through real git: whatever joins two branches, a record comes out as ``merge_file`` has it, or is asked.

Many files go through one merge, so that few processes of git do; the driver runs for each of them.
CRMCTL_GIT_MERGES says how many files; ``./run soak`` asks for many more.
"""

from __future__ import annotations

import os
import random
import shlex
import subprocess
from hashlib import sha1
from typing import TYPE_CHECKING
from typing import NamedTuple

import pytest
from helpers import merge_strategies as strategies
from helpers.merge_texts import edited
from helpers.merge_texts import styled
from helpers.processes import crmctl
from helpers.processes import environment

from crmctl.errors import InvalidData
from crmctl.services.clone import mergedriver
from crmctl.store import jsonl
from crmctl.store.merging import merge_file
from crmctl.store.yaml_reader import read_yaml
from crmctl.vcs import places

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

COUNT = int(os.environ.get("CRMCTL_GIT_MERGES", "600"))
SIZE = 25
SETTINGS = b"name: Test\ncurrency: EUR\n"


class Three(NamedTuple):
    """A file as the base has it (None: it has none), and as the two sides have it."""

    base: bytes | None
    ours: bytes
    theirs: bytes


class Repository:
    """A repository with the driver in place, which notes the files it is called for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.top = folder
        self.log = folder.parent / "calls"
        # Coverage is measured elsewhere: it would start anew in each of hundreds of processes.
        self.env = {name: value for name, value in environment().items() if not name.startswith("COVERAGE_")}
        folder.mkdir()
        self.git("init", "-q", "-b", "main")
        self.commit({"crm.yaml": SETTINGS}, "start")
        mergedriver.install(places.find(folder))
        command = self.git("config", "merge.crmctl.driver").rstrip("\n")
        self.git("config", "merge.crmctl.driver", f"echo %P >>{shlex.quote(str(self.log))}; {command}")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        line = ["git", "-C", str(self.folder), *arguments]
        return subprocess.run(line, env=self.env, capture_output=True, timeout=120, check=False)

    def git(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout.decode("utf-8")

    def put(self, files: dict[str, bytes | None]) -> None:
        for name, data in files.items():
            path = self.folder / name
            if data is None:
                path.unlink(missing_ok=True)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
        self.git("add", "-A")

    def commit(self, files: dict[str, bytes | None] | dict[str, bytes], message: str) -> str:
        self.put(dict(files))
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.head()

    def head(self) -> str:
        return self.git("rev-parse", "HEAD").strip()

    def stages(self) -> dict[str, dict[int, str]]:
        """Of every path in git's index: stage to object."""
        found: dict[str, dict[int, str]] = {}
        for entry in self.git("ls-files", "-s", "-z").split("\0")[:-1]:
            facts, path = entry.split("\t", 1)
            _, oid, stage = facts.split(" ")
            found.setdefault(path, {})[int(stage)] = oid
        return found

    def calls(self) -> list[str]:
        """The files that the driver was called for since this was last asked."""
        found = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return sorted(found)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "book")


def batch(seeds: Iterable[int]) -> dict[str, Three]:
    """Files to merge: records of all kinds with comments, histories, and once the settings."""
    found: dict[str, Three] = {}
    for seed in seeds:
        if seed % 5 == 0:
            history = strategies.history_case(seed)
            sides = [b"".join(map(jsonl.write_line, side)) for side in (history.base, history.ours, history.theirs)]
            if all(sides):
                found[f"records/interactions/{seed}.jsonl"] = Three(*sides)
            continue
        case = strategies.case(seed)
        rng = random.Random(seed)
        path = strategies.path_of(case).replace("ada", str(seed))
        if case.base is None:
            found[path] = Three(None, styled(rng, case.ours), styled(rng, case.theirs))
        elif case.kind or "crm.yaml" not in found:
            base = styled(rng, case.base)
            ours, theirs = (edited(rng, base, case.base, side) for side in (case.ours, case.theirs))
            found[path] = Three(base, ours, theirs)
    return found


def side(files: dict[str, Three], name: str) -> dict[str, bytes | None]:
    return {path: getattr(three, name) for path, three in files.items()}


def oid(data: bytes) -> str:
    return sha1(b"blob %d\0%s" % (len(data), data), usedforsecurity=False).hexdigest()


def check(repository: Repository, files: dict[str, Three], *, staged: bool = True) -> None:
    """Every file is what ``merge_file`` makes of its three versions; questions have all of these in git's index."""
    stages = repository.stages()
    called = []
    for path, (base, ours, theirs) in files.items():
        found = (repository.folder / path).read_bytes()
        if ours == theirs or base in (ours, theirs):
            assert found == (theirs if base == ours else ours), path
            continue
        called.append(path)
        merged = merge_file(path, base, ours, theirs)
        assert found == merged.data, path
        if not merged.clean:
            wanted = {number: oid(data) for number, data in enumerate((base, ours, theirs), 1) if data is not None}
            assert stages[path] == wanted, path
        elif staged:
            assert stages[path] == {0: oid(merged.data)}, path
    assert repository.calls() == sorted(called)


def two_branches(repository: Repository, files: dict[str, Three]) -> None:
    """``main`` has our version, ``theirs`` theirs; we are on main."""
    repository.commit(side(files, "base"), "base")
    repository.git("branch", "theirs")
    repository.commit(side(files, "ours"), "ours")
    repository.git("switch", "-q", "theirs")
    repository.commit(side(files, "theirs"), "theirs")
    repository.git("switch", "-q", "main")


def merge(repository: Repository, files: dict[str, Three]) -> None:
    two_branches(repository, files)
    repository.run("merge", "-q", "--no-edit", "theirs")
    check(repository, files)


def linked(repository: Repository, files: dict[str, Three]) -> None:
    """A merge in a linked work tree: the driver's settings are those of the whole clone."""
    two_branches(repository, files)
    folder = repository.folder.parent / "linked"
    repository.git("worktree", "add", "-q", "-b", "other", str(folder), "main")
    repository.folder = folder
    repository.run("merge", "-q", "--no-edit", "theirs")
    check(repository, files)


def rebase(repository: Repository, files: dict[str, Three]) -> None:
    two_branches(repository, files)
    repository.git("switch", "-q", "theirs")
    repository.run("rebase", "-q", "main")
    check(repository, files)


def pick(repository: Repository, files: dict[str, Three]) -> None:
    two_branches(repository, files)
    repository.run("cherry-pick", "theirs")
    check(repository, files)


def revert(repository: Repository, files: dict[str, Three]) -> None:
    """To take a commit back is a merge too: from what it made, to what was before."""
    repository.commit(side(files, "theirs"), "before")
    undone = repository.commit(side(files, "base"), "a mistake")
    repository.commit(side(files, "ours"), "since then")
    repository.run("revert", "--no-edit", undone)
    check(repository, files)


def stash(repository: Repository, files: dict[str, Three]) -> None:
    repository.commit(side(files, "base"), "base")
    repository.put(side(files, "theirs"))
    repository.git("stash", "-q")
    repository.commit(side(files, "ours"), "ours")
    repository.run("stash", "pop", "-q")
    check(repository, files, staged=False)


def apply(repository: Repository, files: dict[str, Three]) -> None:
    two_branches(repository, files)
    patch = repository.folder.parent / "patch"
    line = ["git", "-C", str(repository.folder), "diff", "--binary", "--full-index", "main~1", "theirs"]
    with patch.open("wb") as out:
        subprocess.run(line, env=repository.env, stdout=out, check=True, timeout=120)
    repository.run("apply", "-3", str(patch))
    check(repository, files)


def criss_cross(repository: Repository, files: dict[str, Three]) -> None:
    """Two merge bases, each with a half of what both sides start from."""
    whole = side(files, "base")
    half = {path: data for number, (path, data) in enumerate(whole.items()) if number % 2}
    root = repository.head()
    one = repository.commit(half, "one")
    repository.git("switch", "-q", "--detach", root)
    two = repository.commit({path: data for path, data in whole.items() if path not in half}, "two")
    repository.commit(whole, "whole")
    tree = repository.git("rev-parse", "HEAD^{tree}").strip()
    for name, parents in (("main", (one, two)), ("theirs", (two, one))):
        crossed = repository.git("commit-tree", "-p", parents[0], "-p", parents[1], "-m", "crossed", tree).strip()
        repository.git("branch", "-f", name, crossed)
    repository.git("switch", "-q", "theirs")
    repository.commit(side(files, "theirs"), "theirs")
    repository.git("switch", "-q", "main")
    repository.commit(side(files, "ours"), "ours")
    assert len(repository.git("merge-base", "--all", "main", "theirs").split()) == 2
    repository.run("merge", "-q", "--no-edit", "theirs")
    check(repository, files)


WAYS = (merge, rebase, pick, revert, stash, apply, criss_cross, linked)


@pytest.mark.parametrize("number", range(max(len(WAYS), COUNT // SIZE)))
def test_every_file_comes_out_as_merge_file_has_it(repository: Repository, number: int) -> None:
    start = 1_000_000 + number * SIZE
    WAYS[number % len(WAYS)](repository, batch(range(start, start + SIZE)))


# --- what needs an example of its own ----------------------------------------------------------------------------

ADA = """\
id: 01J9ZK3T8QWERTYPASDFGHJKMN
name: Ada Lovelace
type: person
lifecycle: customer
language: en
timezone: Europe/London
owner: bob
source: web shop
phones:
  - "+44 20 7946 0000"
notes: likes engines
"""
BOB = ADA.replace("01J9ZK3T8QWERTYPASDFGHJKMN", "01J9ZK3T8QWERTYPASDFGHJKMP").replace("Ada Lovelace", "Bob Babbage")
PHONED = ADA.replace("0000", "9999")
ADA_YAML, BOB_YAML = "records/customers/ada.yaml", "records/customers/bob.yaml"


@pytest.mark.parametrize("way", ["merge", "rebase", "cherry-pick", "merge the other way"])
@pytest.mark.parametrize("kind", ["record", "history"])
def test_one_person_erased_and_another_added_are_never_mixed(repository: Repository, way: str, kind: str) -> None:
    """git takes Bob's new file for Ada's old one under another name, and would put her new number into it."""
    paths = [ADA_YAML, BOB_YAML]
    ada, phoned, bob = ADA.encode(), PHONED.encode(), BOB.encode()
    if kind == "history":
        paths = ["records/interactions/ada.jsonl", "records/interactions/bob.jsonl"]
        ada = b'{"id": "01J9ZK3T8QWERTYPASDFGHJKM1", "at": "2026-03-01T10:00Z", "type": "call", "text": "Hello %s"}\n'
        bob = ada.replace(b"KM1", b"KM2") % (b"you " * 20)
        ada %= b"you " * 20
        phoned = ada.replace(b"call", b"visit")
    two_branches_of(repository, {paths[0]: ada}, {paths[0]: None, paths[1]: bob}, {paths[0]: phoned})
    if way == "rebase":
        repository.git("switch", "-q", "theirs")
        done = repository.run("rebase", "-q", "main")
    elif way == "merge the other way":
        repository.git("switch", "-q", "theirs")
        done = repository.run("merge", "-q", "--no-edit", "main")
    else:
        done = repository.run(way, "theirs")
    assert done.returncode == 1
    assert repository.calls() == [paths[1]]
    left = (repository.folder / paths[1]).read_bytes()
    assert not _can_be_read(paths[1], left)
    assert set(repository.stages()[paths[1]].values()) == {oid(ada), oid(bob), oid(phoned)}


def two_branches_of(
    repository: Repository,
    base: dict[str, bytes],
    ours: dict[str, bytes | None],
    theirs: dict[str, bytes | None] | dict[str, bytes],
) -> None:
    repository.commit(base, "base")
    repository.git("branch", "theirs")
    repository.commit(ours, "ours")
    repository.git("switch", "-q", "theirs")
    repository.commit(theirs, "theirs")
    repository.git("switch", "-q", "main")


def _can_be_read(path: str, data: bytes) -> bool:
    if path.endswith(".jsonl"):
        return not jsonl.read_lines(data, path)[1]
    try:
        read_yaml(data, path)
    except InvalidData:
        return False
    return True


def test_a_record_that_one_moved_and_the_other_changed_stays_one_record(repository: Repository) -> None:
    two_branches_of(
        repository,
        {ADA_YAML: ADA.encode()},
        {ADA_YAML: None, BOB_YAML: ADA.replace("likes", "loves").encode()},
        {ADA_YAML: PHONED.encode()},
    )
    assert repository.run("merge", "-q", "--no-edit", "theirs").returncode == 0
    assert repository.calls() == [BOB_YAML]
    assert (repository.folder / BOB_YAML).read_text() == PHONED.replace("likes", "loves")
    assert not (repository.folder / ADA_YAML).exists()


def test_two_people_who_were_given_one_handle_are_not_joined(repository: Repository) -> None:
    two_branches_of(repository, {}, {ADA_YAML: ADA.encode()}, {ADA_YAML: BOB.encode()})
    assert repository.run("merge", "-q", "--no-edit", "theirs").returncode == 1
    assert not _can_be_read(ADA_YAML, (repository.folder / ADA_YAML).read_bytes())
    assert repository.stages()[ADA_YAML] == {2: oid(ADA.encode()), 3: oid(BOB.encode())}


def test_neighbouring_lines_are_joined_where_git_alone_would_ask(repository: Repository) -> None:
    ours, theirs = (
        ADA.replace("type: person", "type: organization"),
        ADA.replace("lifecycle: customer", "lifecycle: lead"),
    )
    two_branches_of(repository, {ADA_YAML: ADA.encode()}, {ADA_YAML: ours.encode()}, {ADA_YAML: theirs.encode()})
    assert repository.run("merge", "-q", "--no-edit", "theirs").returncode == 0
    assert (repository.folder / ADA_YAML).read_text() == ours.replace("lifecycle: customer", "lifecycle: lead")


def test_merge_bases_that_differ_leave_no_markers_in_the_base(repository: Repository) -> None:
    """Both sides solved one question, crosswise and in the same way; only what they did since then is merged."""
    root = repository.commit({ADA_YAML: ADA.encode()}, "root")
    made = []
    for owner in ("cleo", "dan"):
        repository.git("switch", "-q", "--detach", root)
        made.append(repository.commit({ADA_YAML: ADA.replace("bob", owner).encode()}, owner))
    solved = ADA.replace("bob", "cleo")
    repository.commit({ADA_YAML: solved.encode()}, "solved")
    tree = repository.git("rev-parse", "HEAD^{tree}").strip()
    sides = {"main": solved.replace("likes", "loves"), "theirs": solved.replace("0000", "9999")}
    for (name, text), parents in zip(sides.items(), (made, made[::-1]), strict=True):
        crossed = repository.git("commit-tree", "-p", parents[0], "-p", parents[1], "-m", "crossed", tree).strip()
        repository.git("switch", "-q", "--detach", crossed)
        repository.commit({ADA_YAML: text.encode()}, name)
        repository.git("branch", "-f", name)
    repository.git("switch", "-q", "main")
    assert repository.run("merge", "-q", "--no-edit", "theirs").returncode == 0
    assert (repository.folder / ADA_YAML).read_text() == solved.replace("likes", "loves").replace("0000", "9999")


@pytest.mark.parametrize("start", [2_000_000, 3_000_000])
def test_check_takes_what_the_driver_made_and_finds_whatever_was_lost(repository: Repository, start: int) -> None:
    files = {path: three for path, three in batch(range(start, start + 50)).items() if merge_file(path, *three).clean}
    two_branches(repository, files)
    repository.git("merge", "-q", "--no-edit", "theirs")
    found = crmctl("-C", repository.folder, "check", "--merges")
    assert (found.code, found.out) == (0, "")
    # Somebody takes our side whole, as forges' buttons and `-X ours` do.
    merged = {path: merge_file(path, *three).data for path, three in files.items()}
    lost = {path: three.ours for path, three in files.items() if _says_more(path, merged[path], three.ours)}
    assert len(lost) > 5
    repository.put(dict(lost))
    repository.git("commit", "-q", "--amend", "--no-edit")
    found = crmctl("-C", repository.folder, "check", "--merges")
    assert found.code != 0
    for path in lost:
        assert path in found.out + found.err


def _says_more(path: str, merged: bytes, ours: bytes) -> bool:
    """Whether something stands in a merged file that ours lacks; an empty value says nothing."""
    if path.endswith(".jsonl"):
        lines = [[line.value for line in jsonl.read_lines(data, path)[0]] for data in (merged, ours)]
        return bool(_texts(lines[0]) - _texts(lines[1]))
    return bool(_texts(read_yaml(merged, path).data) - _texts(read_yaml(ours, path).data))


def _texts(value: object) -> set[str]:
    """All texts in it with their places, but for the order of lists."""
    if isinstance(value, dict):
        return {f"{key}.{text}" for key, item in value.items() for text in _texts(item)}
    if isinstance(value, list):
        return {text for item in value for text in _texts(item)}
    return {str(value)} if value else set()


def test_check_finds_a_lost_change_of_order(repository: Repository) -> None:
    """The first number is the main one, so an order is as good as a value."""
    base = ADA.replace("phones:\n", 'phones:\n  - "+44 20 7946 1111"\n')
    ours = base.replace("likes", "loves")
    theirs = ADA.replace('0000"\n', '0000"\n  - "+44 20 7946 1111"\n')
    two_branches_of(repository, {ADA_YAML: base.encode()}, {ADA_YAML: ours.encode()}, {ADA_YAML: theirs.encode()})
    repository.git("merge", "-q", "--no-edit", "theirs")
    repository.put({ADA_YAML: ours.encode()})
    repository.git("commit", "-q", "--amend", "--no-edit")
    found = crmctl("-C", repository.folder, "check", "--merges")
    assert found.code == 1
    assert "phones" in found.out


DO_NOT = "do_not_contact:\n  - email\n  - phone\n  - sms\n  - visit\n"


def test_a_merge_of_three_branches_at_once_is_found_by_check(repository: Repository) -> None:
    """git asks no driver there and merges lines: a permission that was taken back on one side comes back."""
    files = [ADA + DO_NOT, ADA + DO_NOT.replace("  - email\n", ""), ADA + DO_NOT + "  - letter\n"]
    root = repository.commit({ADA_YAML: files[0].encode()}, "root")
    for number, text in enumerate(files[1:], 1):
        repository.git("switch", "-q", "-c", f"branch-{number}", root)
        repository.commit({ADA_YAML: text.encode()}, f"branch {number}")
    repository.git("switch", "-q", "main")
    repository.commit({"crm.yaml": SETTINGS + b"language: en\n"}, "ours")
    repository.git("merge", "-q", "--no-edit", "branch-1", "branch-2")
    assert len(repository.git("log", "-1", "--format=%P").split()) == 3
    assert repository.calls() == []
    assert "- email" not in (repository.folder / ADA_YAML).read_text()
    if "--merges" not in crmctl("check", "--help").out:
        pytest.skip("crmctl check --merges is not there yet")
    found = crmctl("-C", repository.folder, "check", "--merges")
    assert found.code != 0
    assert "do_not_contact" in found.out + found.err
    assert "ada" in found.out + found.err
