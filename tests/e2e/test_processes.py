"""crmctl among other processes: closed pipes, full and missing streams, signals, and several writers at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import processes
from helpers.books import commit
from helpers.books import git


@pytest.fixture
def book(book_dir: Path) -> Path:
    commit(book_dir, {"customers/ada.yaml": "name: Ada\n", "customers/bob.yaml": "name: Bob\n"})
    return book_dir


# Streams


def test_a_pipe_that_closes_early_ends_quietly(sample_dir: Path) -> None:
    done = processes.shell('{ crmctl -C "$1" export interaction -o csv; echo "status $?" >&2; } | head -1', sample_dir)
    assert done.out.startswith("customer,")
    assert done.err == "status 141\n"


def test_a_pipe_that_was_never_read(sample_dir: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = processes.crmctl("-C", sample_dir, "customer", "list", stdout=writing)
    finally:
        os.close(writing)
    assert (done.code, done.err) == (141, "")


def test_words_that_nobody_reads_do_not_undo_a_write(book: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = processes.crmctl("-C", book, "customer", "add", "Cleo", stderr=writing)
    finally:
        os.close(writing)
    assert done.code == 0
    assert git(book, "log", "-1", "--format=%s") == "customer: add cleo\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_an_output_that_is_full_is_told(sample_dir: Path) -> None:
    for arguments in (("customer", "list"), ("export", "interaction", "-o", "csv")):
        done = processes.shell(f'crmctl -C "$1" {" ".join(arguments)} >/dev/full', sample_dir)
        assert done.code == 1
        assert "cannot write: no space left on device" in done.err
        assert "Exception" not in done.err
        assert "Traceback" not in done.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_words_that_find_no_room_do_not_undo_a_write(book: Path) -> None:
    done = processes.shell('crmctl -C "$1" customer add Cleo 2>/dev/full', book)
    assert done.code == 0
    assert git(book, "log", "-1", "--format=%s") == "customer: add cleo\n"
    assert processes.shell('crmctl -C "$1" customer show nobody 2>/dev/full', book).code == 3


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_streams_that_are_closed_from_the_start(book: Path, closed: str) -> None:
    written = processes.shell(f'crmctl -C "$1" customer add Cleo {closed}', book)
    assert written.code == 0
    assert git(book, "log", "-1", "--format=%s") == "customer: add cleo\n"
    assert git(book, "show", "HEAD:records/customers/cleo.yaml").endswith("name: Cleo\n")
    read = processes.shell(f'crmctl -C "$1" customer list -o ids {closed}', book)
    assert read.code == 0
    if ">&-" not in closed.split():
        assert read.out == "ada\nbob\ncleo\n"
    asked = processes.shell(f'crmctl -C "$1" log cleo note - {closed}', book)
    assert asked.code in (0, 1, 2)
    assert "Traceback" not in asked.err
    assert git(book, "status", "--porcelain") == ""


def test_an_output_that_knows_few_characters(book: Path) -> None:
    commit(book, {"customers/zoe.yaml": "name: Zoë Ünal\n"})
    done = processes.crmctl("-C", book, "customer", "list", "-o", "tsv", env={"PYTHONIOENCODING": "ascii"})
    assert done.code == 0
    assert "Zo\\xeb" in done.out


# Signals

# A command that has come to a known place: it says so, and goes on only when it is let.
PAUSED = """
import os, sys
from crmctl import __main__
from crmctl.{module} import {owner} as owner

real = owner.{name}

def paused(*arguments, **options):
    os.write({ready}, b".")
    os.read({go}, 1)
    return real(*arguments, **options)

owner.{name} = paused
sys.argv[0] = "crmctl"
__main__.main()
"""
PLACES = {
    "while git looks": ("vcs.status", "Probe", "result", False),
    "with the lock, before the commit": ("vcs.repository", "Repository", "build", False),
    "before HEAD moves": ("vcs.repository", "Repository", "advance", False),
    "after HEAD has moved": ("vcs.repository", "Repository", "stage", True),
}
AFTERWARDS = ("index.index", "Index", "problems", True)


def stopped_at(place: tuple[str, str, str, bool], book: Path, number: int) -> tuple[int, str]:
    """Send a signal to a write that is at ``place``; how it ended, and what it said."""
    module, owner, name, _ = place
    ready, say = os.pipe()
    wait, go = os.pipe()
    code = PAUSED.format(module=module, owner=owner, name=name, ready=say, go=wait)
    process = subprocess.Popen(
        [sys.executable, "-c", code, "-C", str(book), "customer", "add", "Cleo"],
        env=processes.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=(say, wait),
        start_new_session=True,
        text=True,
    )
    os.close(say)
    os.close(wait)
    try:
        assert os.read(ready, 1) == b"."
        os.killpg(process.pid, number)
        _, words = process.communicate(timeout=processes.LIMIT)
    finally:
        process.kill()
        os.close(ready)
        os.close(go)
    return process.returncode, words


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_write_that_is_stopped_is_whole_or_has_not_been(
    book: Path, place: tuple[str, str, str, bool], number: signal.Signals
) -> None:
    start = git(book, "rev-parse", "HEAD")
    code, words = stopped_at(place, book, number)
    if number == signal.SIGINT:
        assert code == 130
        assert words.startswith("crmctl: interrupted")
    else:
        assert code == -number
    assert "Traceback" not in words
    assert (git(book, "rev-parse", "HEAD") != start) is place[3]
    done = processes.crmctl("-C", book, "customer", "set", "ada", "notes=x")
    assert done.code == 0, done.err
    assert git(book, "status", "--porcelain") == ""
    assert (book / "records/customers/cleo.yaml").exists() is place[3]
    assert [path.name for path in (book / "records/customers").glob(".*")] == []
    assert not (book / ".git/index.lock").exists()


def test_ctrl_c_after_the_write_does_not_undo_it(book: Path) -> None:
    code, _ = stopped_at(AFTERWARDS, book, signal.SIGINT)
    assert code == 130
    assert git(book, "log", "-1", "--format=%s") == "customer: add cleo\n"
    assert git(book, "status", "--porcelain") == ""


def test_ctrl_c_while_modules_are_loaded_shows_no_traceback(book: Path) -> None:
    code = (
        "import sys\n"
        "from crmctl import __main__\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'crmctl.cli.root': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "__main__.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "-C", str(book), "customer", "list"],
        env=processes.environment(),
        timeout=processes.LIMIT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_ctrl_c_during_an_import_leaves_all_or_nothing(book: Path, tmp_path: Path) -> None:
    rows = "".join(f"Person {number},p{number}@example.com\n" for number in range(300))
    (tmp_path / "people.csv").write_text("name,email\n" + rows)
    code = (
        "import os, signal, sys\n"
        "from crmctl.store import transaction\n"
        "real = transaction.prepare_file; left = [150]\n"
        "def prepare(*arguments, **options):\n"
        "    left[0] -= 1\n"
        "    if not left[0]: os.kill(os.getpid(), signal.SIGINT)\n"
        "    return real(*arguments, **options)\n"
        "transaction.prepare_file = prepare\n"
        "from crmctl.__main__ import main; main()\n"
    )
    words = ["-C", str(book), "import", "csv", str(tmp_path / "people.csv"), "--kind", "customer"]
    words += ["--map", "name=name", "--map", "emails=email", "--yes"]
    head = git(book, "rev-parse", "HEAD")
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        env=processes.environment(),
        timeout=processes.LIMIT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 130, done.stderr
    assert "Traceback" not in done.stderr
    assert git(book, "rev-parse", "HEAD") == head
    assert git(book, "status", "--porcelain") == ""
    again = processes.crmctl(*words)
    assert again.code == 0, again.err
    assert len(processes.crmctl("-C", book, "customer", "list", "-o", "ids").out.split()) == 302
    assert git(book, "status", "--porcelain") == ""


# Several at once


def test_four_writers_at_once_lose_nothing(book: Path) -> None:
    """Each writes ten times, to records of its own and to one that all share."""
    loop = """
    for number in 1 2 3 4 5; do
        crmctl -C "$1" -q customer add "Writer $2 $number" || echo "add $?"
        crmctl -C "$1" -q log ada note "from $2 number $number" || echo "log $?"
    done
    """
    words = f'crmctl() {{ "{sys.executable}" -m crmctl "$@"; }}\n{loop}'
    writers = [
        subprocess.Popen(
            ["sh", "-c", words, "sh", str(book), name],
            env=processes.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in ("a", "b", "c", "d")
    ]
    for writer in writers:
        out, err = writer.communicate(timeout=2 * processes.LIMIT)
        assert (out, err) == ("", "")
    assert git(book, "rev-list", "--count", "HEAD") == f"{2 + 40}\n"
    assert git(book, "status", "--porcelain") == ""
    git(book, "fsck", "--strict")
    listed = processes.crmctl("-C", book, "customer", "list", "-o", "ids").out.split()
    assert len(listed) == 2 + 20
    lines = (book / "records/interactions/ada.jsonl").read_text().splitlines()
    assert sorted(line.split('"from ')[1].split('"')[0] for line in lines) == sorted(
        f"{name} number {number}" for name in "abcd" for number in range(1, 6)
    )
    assert processes.crmctl("-C", book, "check").code == 0


def test_a_writer_that_waits_in_vain_says_who_is_at_work(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from crmctl.cli.root import run
    from crmctl.services.book import Book
    from crmctl.store import lock

    monkeypatch.setattr(lock, "WAIT", 0.05)
    head = git(book, "rev-parse", "HEAD")
    with Book(book).write("import csv people.csv"):
        assert run(["-C", str(book), "customer", "add", "Cleo"]) == 7
        assert run(["-C", str(book), "customer", "list"]) == 0
    assert git(book, "rev-parse", "HEAD") == head


def test_a_writer_that_was_killed_holds_no_lock(book: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from crmctl.services.book import Book\n"
        "with Book(Path(sys.argv[1])).write('dying'): os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(book)], env=processes.environment(), timeout=processes.LIMIT, check=False
    )
    assert (book / ".git/crmctl/lock").read_text().endswith("dying\n")
    assert processes.crmctl("-C", book, "customer", "add", "Cleo").code == 0
