"""crmctl among other processes: closed pipes, full and missing streams, signals, and several writers at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from helpers import processes
from helpers.books import commit
from helpers.books import git
from helpers.books import write

if TYPE_CHECKING:
    from conftest import Run


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
        "from crmctl.store import placing\n"
        "real = placing.prepare_file; left = [150]\n"
        "def prepare(*arguments, **options):\n"
        "    left[0] -= 1\n"
        "    if not left[0]: os.kill(os.getpid(), signal.SIGINT)\n"
        "    return real(*arguments, **options)\n"
        "placing.prepare_file = prepare\n"
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


# Many commands in one process: a start costs more than a write, and is tried elsewhere.
WRITER = """
import contextlib, io, json, sys
from crmctl.cli.root import run

book, name, times = sys.argv[1], sys.argv[2], int(sys.argv[3])
ended = []
for number in range(times):
    own = ["customer", "add", f"Writer {name} {number}"] if number % 2 else ["log", "bob", "note", f"{name} {number}."]
    words = own if number % 5 else ["log", "ada", "call", f"{name} {number}."]
    while True:
        said = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
        with contextlib.redirect_stderr(said):
            code = run(["-C", book, "-q", *words])
        # Another crmctl was writing for ten seconds, or another git committed five times: try again, as cron does.
        if code not in (5, 7):
            break
    ended.append((words, code, said.buffer.getvalue().decode()))
print(json.dumps(ended))
"""


def writer(book: Path, name: str, times: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(book), name, str(times)],
        env=processes.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_eight_processes_with_a_hundred_writes_each_make_800_commits(book: Path) -> None:
    """One of the eight starts a process for each of its writes; all of them write to two files that all share."""
    writers = [writer(book, name, 100) for name in "abcdefg"]
    loop = """
    number=0
    while [ $number -lt 100 ]; do
        crmctl -C "$1" -q log ada call "h $number."
        status=$?
        if [ $status = 0 ]; then number=$((number + 1)); elif [ $status != 7 ]; then echo "$number: $status"; break; fi
    done
    """
    separate = subprocess.Popen(
        ["sh", "-c", f'crmctl() {{ "{sys.executable}" -m crmctl "$@"; }}\n{loop}', "sh", str(book)],
        env=processes.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wrong = []
    for process in writers:
        out, err = process.communicate(timeout=10 * processes.LIMIT)
        assert not err
        wrong += [one for one in json.loads(out) if one[1]]
    assert separate.communicate(timeout=10 * processes.LIMIT)[0] == ""
    assert wrong == []
    assert git(book, "rev-list", "--count", "HEAD") == f"{2 + 800}\n"
    assert git(book, "status", "--porcelain") == ""
    git(book, "fsck", "--strict")
    assert not list((book / ".git/crmctl").glob("*journal*"))
    calls = (book / "records/interactions/ada.jsonl").read_text()
    notes = (book / "records/interactions/bob.jsonl").read_text()
    for name in "abcdefg":
        for number in range(100):
            if number % 5 == 0:
                assert f'"{name} {number}."' in calls
            elif number % 2 == 0:
                assert f'"{name} {number}."' in notes
            else:
                assert (book / f"records/customers/writer-{name}-{number}.yaml").exists()
    assert [number for number in range(100) if f'"h {number}."' not in calls] == []
    assert calls.count("\n") == 100 + 7 * 20
    assert processes.crmctl("-C", book, "check").code == 0


# Somebody who saves a record again and again until told to stop, with and without a rename; says what of it went away.
EDITOR = """
import os, sys, time
from pathlib import Path

stop, *files = map(Path, sys.argv[1:])
number = 0
lost = []
while not stop.exists():
    for file in files:
        if number and f"notes: edit {number}\\n" not in file.read_text():
            lost.append((file.name, number, file.read_text()))
        text = f"name: {file.stem.title()}\\nnotes: edit {number + 1}\\n"
        if number % 2:
            file.write_text(text)
        else:
            beside = file.with_name(f".{file.name}.swp")
            beside.write_text(text)
            os.replace(beside, file)
    time.sleep(0.02)
    number += 1
    stop.with_name("edits").write_text(str(number))
print(lost)
"""
# Somebody who commits files of their own with git.
RAW = """
import subprocess, sys, time
from pathlib import Path

book, stop = map(Path, sys.argv[1:])

def git(*words):
    # Somebody else may be at work on the index or on HEAD: git changes nothing then.
    for _ in range(200):
        done = subprocess.run(["git", "-C", book, *words], capture_output=True, text=True)
        if done.returncode == 0:
            return
    raise SystemExit(f"{words}: {done.stdout}{done.stderr}")

number = 0
while not stop.exists():
    number += 1
    (book / "mine" / f"{number}.txt").write_text("mine")
    git("add", f"mine/{number}.txt")
    git("commit", "-q", "-m", f"raw {number}", "--", f"mine/{number}.txt")
    time.sleep(0.2)  # A person who is quick.
print(number)
"""


def test_an_editor_raw_git_and_cron_at_the_same_time(book: Path, tmp_path: Path) -> None:
    edited = ["yan", "zed"]
    commit(book, {f"customers/{name}.yaml": f"name: {name.title()}\n" for name in edited})
    commit(book, {"/mine/draft.txt": "draft\n"})
    # git's stash is not made for others at work on the same index; but what is in it survives them.
    write(book, {"/mine/draft.txt": "draft, stashed\n"})
    git(book, "stash", "push", "-q")
    stop = tmp_path / "stop"
    others = [
        subprocess.Popen(
            [sys.executable, "-c", code, *map(str, words)],
            env=processes.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for code, words in (
            (EDITOR, [stop, *(book / f"records/customers/{name}.yaml" for name in edited)]),
            (RAW, [book, stop]),
        )
    ]
    try:
        cron = [writer(book, name, 30) for name in ("a", "b")]
        ended = [one for process in cron for one in json.loads(process.communicate(timeout=4 * processes.LIMIT)[0])]
    finally:
        stop.touch()
    lost, raw = (other.communicate(timeout=processes.LIMIT)[0] for other in others)
    assert lost == "[]\n"
    assert int(raw) > 3
    # A record that is half saved at the moment is told, and changes nothing about the write.
    assert [one for one in ended if one[1] not in (0, 4)] == []
    everything = "".join(file.read_text() for file in (book / "records/interactions").glob("*.jsonl"))
    handles = [file.stem for file in (book / "records/customers").glob("writer-*")]
    assert len(handles) + everything.count("\n") == len(ended) == 60
    assert git(book, "log", "--format=%s", "--", *(f"records/customers/{name}.yaml" for name in edited)) == "by hand\n"
    for subject, files in commits(book):
        if subject.startswith("raw "):
            assert files == [f"mine/{subject.removeprefix('raw ')}.txt"]
        elif subject != "by hand" and subject != "init":
            assert [file for file in files if not file.startswith("records/")] == []
            assert len(files) == 1
    number = (tmp_path / "edits").read_text()
    for name in edited:
        assert f"notes: edit {number}\n" in (book / f"records/customers/{name}.yaml").read_text()
    git(book, "stash", "pop", "-q")
    assert (book / "mine/draft.txt").read_text() == "draft, stashed\n"
    changed = git(book, "status", "--porcelain").splitlines()
    assert changed == [" M mine/draft.txt", *(f" M records/customers/{name}.yaml" for name in edited)]
    git(book, "fsck", "--strict")


def commits(book: Path) -> list[tuple[str, list[str]]]:
    """The subject and the files of each commit."""
    found = []
    for entry in git(book, "log", "--name-only", "--format=%x00%s").split("\0")[1:]:
        subject, *files = entry.strip().splitlines()
        found.append((subject, [file for file in files if file]))
    return found


def test_a_commit_made_with_git_while_a_write_is_under_way_does_not_undo_it(
    book: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HEAD has moved and git's index has not followed yet: whoever commits now must not commit what was before."""
    from crmctl.vcs.repository import Repository

    advance = Repository.advance
    (book / "mine.txt").write_text("mine\n")
    git(book, "add", "mine.txt")

    def then_commit(self: Repository, new: str, old: str, message: str) -> None:
        advance(self, new, old, message)
        subprocess.run(["git", "-C", str(book), "commit", "-q", "-m", "raw"], check=False, capture_output=True)

    monkeypatch.setattr(Repository, "advance", then_commit)
    assert run("-C", book, "customer", "set", "ada", "notes=acknowledged").code == 0
    monkeypatch.undo()
    assert "acknowledged" in git(book, "show", "HEAD:records/customers/ada.yaml")
    git(book, "commit", "-q", "--allow-empty", "-m", "later")
    assert git(book, "show", "--name-only", "--format=", "HEAD") in ("", "mine.txt\n")
    assert git(book, "status", "--porcelain") == ""
