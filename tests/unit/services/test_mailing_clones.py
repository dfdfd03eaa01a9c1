"""The name of a clone: no two that are there have one, so that no copy sends what the original was to send."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from helpers import campaign_book as books
from helpers.books import commit
from helpers.books import git
from helpers.told_transport import NOW
from helpers.told_transport import Told
from helpers.told_transport import go

from crmctl import clock
from crmctl.errors import Conflict
from crmctl.mail.ledger.log import Ledger
from crmctl.services.book import Book
from crmctl.services.campaigns import control
from crmctl.services.campaigns import freezing
from crmctl.services.campaigns.running.asking import Asked
from crmctl.services.campaigns.running.desk import Desk
from crmctl.services.campaigns.running.desk import SendingElsewhere
from crmctl.services.campaigns.running.desk import at_work
from crmctl.services.campaigns.running.witness import LedgerBehind
from crmctl.services.joining import sync
from crmctl.services.mailing import clones
from crmctl.services.mailing import host
from crmctl.services.mailing.host import mail_state

if TYPE_CHECKING:
    from pathlib import Path

PEOPLE = 3
ALL = [f"p{number:03d}" for number in range(PEOPLE)]


@pytest.fixture(autouse=True)
def monday() -> None:
    clock.freeze(NOW)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return books.make(tmp_path / "book", PEOPLE)


def name(root: Path) -> str:
    return clones.name_of(Book(root))


def cloned(root: Path, folder: Path) -> Path:
    git(root.parent, "clone", "-q", str(root), str(folder))
    return folder


def copied(root: Path, folder: Path) -> Path:
    shutil.copytree(root, folder, symlinks=True)
    return folder


def test_the_first_has_the_id_of_the_machine_and_every_other_one_letters_more(root: Path, tmp_path: Path) -> None:
    second = cloned(root, tmp_path / "second")
    assert name(root) == host.host_id()
    found = name(second)
    assert found.startswith(f"{host.host_id()}-")
    assert [name(root), name(second)] == [host.host_id(), found]
    third = name(cloned(root, tmp_path / "third"))
    assert len({host.host_id(), found, third}) == 3


def test_work_trees_of_one_clone_have_one_name(root: Path, tmp_path: Path) -> None:
    git(root, "worktree", "add", "-q", str(tmp_path / "tree"), "-b", "other")
    assert name(tmp_path / "tree") == name(root)


def test_a_copied_folder_is_another_one_and_a_moved_one_is_not(root: Path, tmp_path: Path) -> None:
    own = name(root)
    copy = copied(root, tmp_path / "copy")
    assert name(copy).startswith(f"{own}-")
    assert name(root) == own
    root.rename(tmp_path / "moved")
    assert name(tmp_path / "moved") == own
    # Where the first one stood, a copy of it is a copy still.
    assert name(copied(tmp_path / "moved", root)) not in (own, name(copy))
    # A copy whose original is gone goes on in its place.
    last = copied(copy, tmp_path / "last")
    before = name(copy)
    shutil.rmtree(copy)
    assert name(last) == before


def test_a_name_outlives_what_stands_beside_the_ledger(root: Path, tmp_path: Path) -> None:
    name(root)
    second = cloned(root, tmp_path / "second")
    before = name(second)
    shutil.rmtree(mail_state(Book(second)))
    assert name(second) == before


def test_who_only_reads_writes_nothing(root: Path, tmp_path: Path) -> None:
    assert clones.name_perhaps(Book(root)) == host.host_id()
    assert not mail_state(Book(root)).exists()
    name(root)
    second = cloned(root, tmp_path / "second")
    assert clones.name_perhaps(Book(second)) != host.host_id()
    assert not mail_state(Book(second)).exists()
    own = name(second)
    assert clones.name_perhaps(Book(second)) == own


def test_a_ledger_of_before_keeps_its_name_and_a_copy_of_it_does_not(root: Path, tmp_path: Path) -> None:
    other = books.make(tmp_path / "other", 1)
    for place in (root, other):
        with Ledger(mail_state(Book(place)), host.host_id()) as ledger:
            ledger.append("note", "", str(place), why="planned")
    copy = copied(root, tmp_path / "copy")
    assert [name(root), name(other)] == [host.host_id()] * 2
    assert name(copy).startswith(f"{host.host_id()}-")
    assert [name(root), name(other)] == [host.host_id()] * 2


def test_a_new_clone_does_not_take_the_name_of_one_that_has_sent(root: Path, tmp_path: Path) -> None:
    path = root / "records" / "sends" / "spring" / f"{host.host_id()}.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text("")
    assert name(root).startswith(f"{host.host_id()}-")
    # Unless this machine is to go on in its place.
    host.adopt("lap-gone")
    (path.parent / "lap-gone.jsonl").write_text("")
    assert name(root) == "lap-gone"
    assert name(cloned(root, tmp_path / "second")).startswith("lap-gone-")


def test_a_folder_that_was_carried_to_another_machine_and_back_has_its_name_again(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = name(root)
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("XDG_STATE_HOME", str(tmp_path / "elsewhere"))
        assert name(root) == host.host_id() != own
    assert name(root) == own


# What comes of it


def test_two_clones_of_one_machine_do_not_both_begin(root: Path, tmp_path: Path) -> None:
    second = cloned(root, tmp_path / "second")
    way, late = Told(), Told()
    refused: list[str] = []

    def meanwhile(_who: str) -> None:
        if not refused:
            with pytest.raises(SendingElsewhere) as caught:
                go(second, late)
            refused.append(caught.value.message)

    way.before = meanwhile
    go(root, way)
    assert (sorted(way.sent), late.sent) == (ALL, [])
    assert "from another clone on this machine" in refused[0]
    # Nor one after the other: the second knows of nothing.
    with pytest.raises(Conflict, match="was planned in another clone"):
        go(second, late)
    with at_work(Book(second), "test") as desk, pytest.raises(Conflict, match="was planned in another clone"):
        freezing.freeze(Book(second), desk, "spring")
    assert late.sent == []


def test_a_copy_sends_nothing_while_the_original_is_there_nor_when_it_has_sent_more(root: Path, tmp_path: Path) -> None:
    go(root, asked=Asked(limit=1))
    copy, old = copied(root, tmp_path / "copy"), copied(root, tmp_path / "old")
    way = Told()
    with pytest.raises(Conflict, match="was planned in another clone"):
        go(copy, way)
    go(root, asked=Asked(limit=1))
    shutil.rmtree(root)
    with pytest.raises(Conflict, match="is sent by"):
        go(copy, way)
    with pytest.raises(LedgerBehind):  # It goes on in the place of the original, and lacks what that sent since.
        go(old, way)
    assert way.sent == []


def test_a_copy_of_the_whole_disk_in_another_machine_sends_nothing(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go(root, asked=Asked(limit=1))
    (tmp_path / "machine-id").write_text("another one\n")
    monkeypatch.setattr(host.host, "__defaults__", (tmp_path / "machine-id",))
    way = Told()
    with pytest.raises(Conflict, match="is sent by"):
        go(root, way)
    assert way.sent == []


def test_two_clones_that_send_different_campaigns_do_not_damage_each_others_ledger(root: Path, tmp_path: Path) -> None:
    second = books.CAMPAIGN.replace("01HYYYYYYYYYYYYYYYYYYYYYYY", "01HYYYYYYYYYYYYYYYYYYYYYYZ").replace("Spring", "May")
    commit(root, {"campaigns/may.yaml": second})
    git(root.parent, "clone", "-q", "--bare", str(root), "remote.git")
    one, two = (cloned(tmp_path / "remote.git", tmp_path / word) for word in ("one", "two"))
    go(one)
    with at_work(Book(two), "test") as desk:
        freezing.freeze(Book(two), desk, "may")
    for place in (one, two, one):
        assert sync.sync(Book(place)).state == sync.SYNCED
    for place in (one, two):
        desk = Desk(Book(place))
        desk.ledger.open()
        assert not desk.ledger.problems
        desk.ledger.close()
        assert books.states(place) == {"accepted": PEOPLE}


def test_another_clone_goes_on_where_it_is_told_to(root: Path, tmp_path: Path) -> None:
    git(root.parent, "clone", "-q", "--bare", str(root), "remote.git")
    one, two = (cloned(tmp_path / "remote.git", tmp_path / word) for word in ("one", "two"))
    first, second = Told(), Told()
    go(one, first, Asked(limit=1))
    for place in (one, two):
        assert sync.sync(Book(place)).state == sync.SYNCED
    record = two / "records" / "campaigns" / "spring.yaml"
    commit(two, {"campaigns/spring.yaml": record.read_text().replace(name(one), name(two))})
    with pytest.raises(Conflict, match="was planned in another clone"):
        go(two, second)
    with at_work(Book(two), "test") as desk:
        freezing.freeze(Book(two), desk, "spring", refresh=True)
    go(two, second)
    # The first one has not heard of it, and knows all the same.
    with pytest.raises(Conflict, match="was planned in another clone"):
        go(one, first)
    assert sorted([*first.sent, *second.sent]) == ALL


def test_cron_leaves_alone_what_two_machines_would_send(root: Path, tmp_path: Path) -> None:
    record = root / "records" / "campaigns" / "spring.yaml"
    commit(root, {"campaigns/spring.yaml": f"{record.read_text()}status: planned\n"})
    assert control.due(Book(root)) == (["spring"], [])
    shared = cloned(root, tmp_path / "shared")
    assert control.due(Book(shared)) == ([], ["spring"])
    with at_work(Book(shared), "test") as desk:
        freezing.freeze(Book(shared), desk, "spring")
    assert control.due(Book(shared)) == (["spring"], [])
