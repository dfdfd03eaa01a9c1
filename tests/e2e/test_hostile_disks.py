"""Disks that are full or read-only: the book is as it was, or it is finished by the next command."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest
from helpers.books import commit
from helpers.books import git
from helpers.mounts import mounted

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def book(book_dir: Path) -> Path:
    commit(book_dir, {"customers/ada.yaml": "name: Ada\n", "customers/bob.yaml": "name: Bob\n"})
    return book_dir


def test_a_read_only_book_is_read(book: Path) -> None:
    done = mounted(
        """
        mount --bind "$1" "$1"; mount -o remount,bind,ro "$1"
        crmctl -C "$1" customer list -o ids
        crmctl -C "$1" customer show ada -o json | head -1
        crmctl -C "$1" find bob -o ids
        crmctl -C "$1" check
        """,
        book,
    )
    assert done.code == 0, done.err
    assert done.out.startswith("ada\nbob\n")
    assert "No problems" in done.err


def test_a_book_that_became_read_only_is_read_as_it_is_now(book: Path) -> None:
    done = mounted(
        """
        crmctl -C "$1" customer list -o ids >/dev/null
        printf 'name: Cleo\\n' > "$1/records/customers/cleo.yaml"
        mount --bind "$1" "$1"; mount -o remount,bind,ro "$1"
        crmctl -C "$1" customer list -o ids
        """,
        book,
    )
    assert (done.code, done.out, done.err) == (0, "ada\nbob\ncleo\n", "")


@pytest.mark.parametrize(
    "command", ["customer set ada notes=x", "customer add Cleo", "customer rm bob --yes", "log ada call hi"]
)
def test_a_read_only_book_refuses_to_be_written(book: Path, command: str) -> None:
    head = git(book, "rev-parse", "HEAD")
    done = mounted(f'mount --bind "$1" "$1"; mount -o remount,bind,ro "$1"; crmctl -C "$1" {command}', book)
    assert done.code == 1
    assert "read-only" in done.err
    assert "commands that only read still work" in done.err
    assert git(book, "rev-parse", "HEAD") == head
    assert git(book, "status", "--porcelain") == ""


def test_records_that_may_not_be_written_beside_a_repository_that_may(book: Path) -> None:
    """The case in which HEAD must not move, because the file could never follow it."""
    head = git(book, "rev-parse", "HEAD")
    done = mounted(
        """
        mount --bind "$1/records" "$1/records"; mount -o remount,bind,ro "$1/records"
        crmctl -C "$1" customer set ada notes=x || echo "status $?"
        crmctl -C "$1" log ada call hi || echo "status $?"
        crmctl -C "$1" customer list -o ids
        """,
        book,
    )
    assert done.out == "status 1\nstatus 1\nada\nbob\n"
    assert done.err.count("read-only file system") == 2
    assert git(book, "rev-parse", "HEAD") == head
    assert git(book, "status", "--porcelain") == ""
    assert not (book / ".git/crmctl/journal.json").exists()


FULL = """
mount -t tmpfs -o size=3m none /mnt
cp -a "$1" /mnt/book
dd if=/dev/zero of=/mnt/filler bs=1k count=16384 2>/dev/null || true
truncate -s -"$2" /mnt/filler
git -C /mnt/book rev-parse HEAD
"""


@pytest.mark.parametrize(
    "room", ["0", "4k", "8k", "12k", "16k", "20k", "24k", "32k", "40k", "48k", "64k", "96k", "128k"]
)
def test_a_full_disk_at_any_point_of_a_write(book: Path, room: str) -> None:
    done = mounted(
        FULL
        + """
        crmctl -C /mnt/book customer set ada "notes=$(head -c 9000 /dev/zero | tr '\\0' n)" >&2 && echo 0 || echo "$?"
        git -C /mnt/book rev-parse HEAD
        git -C /mnt/book status --porcelain | grep -v '^??' || true
        echo end
        rm /mnt/filler
        crmctl -C /mnt/book customer add Cleo 2>/dev/null; echo "$?"
        git -C /mnt/book status --porcelain; git -C /mnt/book fsck --strict --no-dangling
        grep -c nnnn /mnt/book/records/customers/ada.yaml || true
        ls -A /mnt/book/records/customers
        test ! -e /mnt/book/.git/crmctl/journal.json
        """,
        book,
        room,
    )
    assert done.code == 0, done.err
    before, status, after, *rest = done.out.splitlines()
    if status == "0":
        assert after != before
        expected = "1"
    elif after == before:
        assert rest[0] == "end", "the book is as it was"
        assert "committed" not in done.err
        expected = "0"
    else:
        assert "committed as" in done.err
        expected = "1"
    assert status in ("0", "1")
    assert "Traceback" not in done.err
    assert "a bug of ours" not in done.err
    words = rest[rest.index("end") + 1 :]
    assert words == ["0", expected, "ada.yaml", "bob.yaml", "cleo.yaml"]


def test_a_full_disk_is_told_with_the_way_out_and_reading_goes_on(book: Path) -> None:
    done = mounted(
        FULL
        + """
        crmctl -C /mnt/book customer add Cleo && exit 9
        crmctl -C /mnt/book customer list -o ids
        """,
        book,
        "0",
    )
    assert done.code == 0, done.err
    assert done.out.splitlines()[1:] == ["ada", "bob"]
    assert "hint: The disk is full" in done.err


def test_a_disk_that_is_full_for_the_records_only(book: Path) -> None:
    """The commit could be made, the file could not: so the commit is not there either."""
    head = git(book, "rev-parse", "HEAD")
    done = mounted(
        """
        mkdir "$1/keep"; cp -a "$1/records/." "$1/keep"
        mount -t tmpfs -o size=64k none "$1/records"; cp -a "$1/keep/." "$1/records"; rm -r "$1/keep"
        dd if=/dev/zero of="$1/records/filler" bs=1k 2>/dev/null || true
        crmctl -C "$1" customer add Cleo || echo "status $?"
        git -C "$1" status --porcelain
        rm "$1/records/filler"
        crmctl -C "$1" customer list -o ids
        """,
        book,
    )
    assert done.out == "status 1\n?? records/filler\nada\nbob\n", done.err
    assert "The disk is full" in done.err
    assert git(book, "rev-parse", "HEAD") == head


def test_no_room_for_temporary_files_of_the_system(book: Path) -> None:
    done = mounted(
        """
        mount -t tmpfs -o size=4k none /mnt; head -c 4096 /dev/zero > /mnt/x
        TMPDIR=/mnt crmctl -C "$1" customer add Cleo
        TMPDIR=/nowhere crmctl -C "$1" customer list -o ids
        """,
        book,
    )
    assert (done.code, done.out) == (0, "ada\nbob\ncleo\n"), done.err


EVERY_COMMAND = {
    "add": "customer add Cleo --email cleo@example.com",
    "set": "customer set ada notes=new phones='+41 44 668 18 00'",
    "rm": "customer rm bob --yes",
    "log": "log ada call 'hello again'",
    "log with follow-up": "log ada call hello --followup 'send offer' --due fri",
    "stage": "deal set offer stage=won",
    "done": "followup done send-it",
    "import": 'import csv "$TOOLS/people.csv" --kind customer --map name=name --map emails=email --yes',
    "fmt": "fmt",
    "edit": "customer edit ada",
    "hooks install": "hooks install",
    "init": "init",
}

# Each command on a disk with $2 bytes left; what came of it, as a line of JSON for each.
ON_A_FULL_DISK = """
mount -t tmpfs -o size=4m none /mnt
while IFS='|' read -r name line; do
    rm -rf /mnt/* && cp -a "$1" /mnt/book
    if [ "$name" = init ]; then rm -rf /mnt/book/.git; mkdir /mnt/new; mv /mnt/book /mnt/away; mv /mnt/new /mnt/book; fi
    dd if=/dev/zero of=/mnt/filler bs=1k count=16384 2>/dev/null || true
    truncate -s -"$2" /mnt/filler
    before=$(git -C /mnt/book rev-parse -q --verify HEAD 2>/dev/null || echo none)
    status=0
    words=$(eval "crmctl -C /mnt/book $line" 2>&1 >/dev/null </dev/null) || status=$?
    after=$(git -C /mnt/book rev-parse -q --verify HEAD 2>/dev/null || echo none)
    rm /mnt/filler
    if [ "$name" = init ]; then crmctl init /mnt/book >/dev/null 2>&1 || true; fi
    next=0
    more=$(crmctl -C /mnt/book customer add Dora 2>&1 >/dev/null) || next=$?
    left=$(git -C /mnt/book status --porcelain; find /mnt/book -name '*.crmctl' -o -name 'journal*' -o -name '*.lock')
    sound=0
    git -C /mnt/book fsck --strict --no-dangling >/dev/null 2>&1 || sound=$?
    BEFORE=$before AFTER=$after WORDS=$words MORE=$more LEFT=$left "$PYTHON" -c '
import json, os, sys
about = {key.lower(): os.environ[key] for key in ("BEFORE", "AFTER", "WORDS", "MORE", "LEFT")}
print(json.dumps({"name": sys.argv[1], **dict(zip(("status", "next", "sound"), map(int, sys.argv[2:]))), **about}))
' "$name" $status $next $sound
done <"$TOOLS/commands"
"""


@pytest.mark.parametrize("room", ["0", "8k", "20k", "36k", "64k", "120k"])
def test_every_command_on_a_disk_that_is_nearly_full(book: Path, tmp_path: Path, room: str) -> None:
    """The more room there is, the later in a command the disk is full."""
    offer = "name: Offer\ncustomer: ada\npipeline: sales\nstage: lead\namount: '100.00'\n"
    commit(
        book,
        {
            "deals/offer.yaml": offer,
            "followups/send-it.yaml": "what: send it\ndue: '2026-04-01'\ncustomer: ada\n",
            "customers/untidy.yaml": "notes:    'x'\nname: 'Untidy'\n",
        },
    )
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "commands").write_text("".join(f"{name}|{line}\n" for name, line in EVERY_COMMAND.items()))
    (tools / "people.csv").write_text("name,email\n" + "".join(f"P{n},p{n}@example.com\n" for n in range(20)))
    (tools / "editor").write_text("#!/bin/sh\nprintf 'notes: edited\\n' >>\"$1\"\n")
    (tools / "editor").chmod(0o755)
    env = {"TOOLS": str(tools), "EDITOR": str(tools / "editor"), "PYTHON": sys.executable}
    done = mounted(ON_A_FULL_DISK, book, room, env=env)
    assert done.code == 0, done.err
    results = [json.loads(line) for line in done.out.splitlines()]
    assert [one["name"] for one in results] == list(EVERY_COMMAND)
    for one in results:
        moved = one["before"] != one["after"]
        assert one["status"] != 70, one
        assert "Traceback" not in one["words"], one
        assert (one["next"], one["left"], one["sound"]) == (0, "", 0), one
        if one["name"] not in ("hooks install", "init"):
            assert moved is (one["status"] == 0 or "committed as" in one["words"]), one
        if one["status"]:
            assert "crmctl: " in one["words"], one
    if room == "0":
        assert all(one["status"] for one in results)
