"""One unreadable record never hides the others: it is named on stderr on every command, and the status says so."""

from __future__ import annotations

import os
import socket
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
    from collections.abc import Callable

    from conftest import Run

BAD = "records/customers/bad.yaml"
LINES = "records/interactions/ada.jsonl"
DEEP = "[" * 30_000
BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nname: *c\n"


@pytest.fixture
def book(book_dir: Path) -> Path:
    commit(
        book_dir,
        {
            "customers/ada.yaml": "name: Ada\n",
            "customers/zed.yaml": "name: Zed\n",
            "interactions/ada.jsonl": '{"id": "01J00000000000000000000001", "at": "2026-01-02T10:00:00+01:00", '
            '"type": "call", "text": "hello"}\n',
        },
    )
    return book_dir


def others_are_there(book: Path, run: Run, *named: str) -> None:
    """Reading and writing everything else works, each command names the bad file and exits with 4."""
    for arguments in (
        ("customer", "list", "-o", "ids"),
        ("customer", "show", "ada"),
        ("find", "ada"),
        ("timeline", "ada"),
        ("today",),
        ("customer", "set", "zed", "notes=still here"),
        ("customer", "set", "zed", "notes="),
        ("log", "zed", "note", "still here too"),
    ):
        done = run("-C", book, *arguments)
        assert done.code == 4, (arguments, done)
        for name in named:
            assert name in done.err, (arguments, done)
        assert "bug" not in done.err
    listed = run("-C", book, "customer", "list", "-o", "ids").out.split()
    assert {"ada", "zed"} <= set(listed)


HOSTILE = {
    "30,000 nested brackets": b"name: " + DEEP.encode() + b"\n",
    "30,000 nested braces": b"name: " + b"{a: " * 30_000,
    "30,000 nested block lists": b"name:\n  " + b"- " * 30_000 + b"x\n",
    "nested by indentation": b"".join(b" " * n + b"k:\n" for n in range(2_000)),
    "alias bomb": BOMB.encode(),
    "merge key": b"base: &b {x: 1}\nname: Bad\n<<: *b\n",
    "duplicate key": b"name: Bad\nname: Worse\n",
    "python tag": b"name: !!python/object/apply:os.system ['touch pwned']\n",
    "local tag": b"name: !x Bad\n",
    "second document": b"name: Bad\n---\nname: Worse\n",
    "conflict markers": b"name: Bad\n<<<<<<< HEAD\nnotes: a\n=======\nnotes: b\n>>>>>>> theirs\n",
    "tab indentation": b"name: Bad\naddress:\n\tcity: Rome\n",
    "Latin-1": b"name: Bj\xf6rn\n",
    "UTF-16": "name: Bad\n".encode("utf-16"),
    "NUL": b"name: Ba\0d\n",
    "escape sequence": b"name: Bad\x1b]0;owned\x07\n",
    "a list": b"- name: Bad\n",
    "a word": b"Bad\n",
    "empty": b"",
    "only spaces": b" \n\n",
    "only a comment": b"# nothing\n",
    "complex key": b"? [a, b]\n: c\n",
    "unclosed quote": b'name: "Bad\n',
    "50 MB": b"name: Bad\nnotes: " + b"x" * 50_000_000 + b"\n",
    "50 MB of lines": b"name: Bad\n" + b"k: v\n" * 10_000_000,
    "a million keys": b"name: Bad\n" + b"".join(b"k%d: v\n" % n for n in range(100_000)),
    "random bytes": bytes(range(256)) * 10,
    "no name": b"notes: who is this\n",
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_yaml(book: Path, run: Run, content: bytes) -> None:
    (book / BAD).write_bytes(content)
    others_are_there(book, run, BAD)
    head = git(book, "rev-parse", "HEAD")
    refused = run("-C", book, "customer", "set", "bad", "notes=x")
    assert refused.code in (3, 4), refused
    assert git(book, "rev-parse", "HEAD") == head
    assert (book / BAD).read_bytes() == content
    assert not (book / "pwned").exists()
    (book / BAD).write_bytes(b"name: Good Again\n")
    assert run("-C", book, "customer", "list", "-o", "ids") == (0, "ada\nbad\nzed\n", "")


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"\xef\xbb\xbfname: Bad\n", "Bad"),
        (b"name: Bad\r\nnotes: |\r\n  one\r\n  two\n", "Bad"),
        (b"name: Bad\r\nnotes: x\n", "Bad"),
        (b"name: Bad", "Bad"),
        ("name: Zoe\u0308\n".encode(), "Zoe\u0308"),
        (b"name: '=cmd|calc'\n", "=cmd|calc"),
    ],
)
def test_untidy_records_are_read_and_written(book: Path, run: Run, content: bytes, name: str) -> None:
    commit(book)
    (book / BAD).write_bytes(content)
    git(book, "add", "-A")
    git(book, "commit", "-q", "-m", "untidy")
    shown = run("-C", book, "customer", "show", "bad", "-o", "json")
    assert shown.code == 0
    assert f'"{name}"' in shown.out
    assert run("-C", book, "customer", "set", "bad", "phones=+41 44 668 18 00").code == 0
    again = run("-C", book, "customer", "show", "bad", "-o", "json")
    assert (again.code, f'"{name}"' in again.out, "668" in again.out) == (0, True, True)
    assert git(book, "status", "--porcelain") == ""


BAD_LINES = {
    "30,000 nested brackets": '{"id": "x", "text": ' + DEEP,
    "duplicate key": '{"type": "call", "type": "note"}',
    "not an object": "[1, 2]",
    "NaN": '{"minutes": NaN}',
    "5,000 digits": '{"minutes": ' + "9" * 5_000 + "}",
    "lone surrogate": '{"text": "\\ud800"}',
    "half a line": '{"id": "x", "text": "hel',
    "words": "hello there",
    "conflict markers": '<<<<<<< HEAD\n{"id": "a"}\n=======\n{"id": "b"}\n>>>>>>> theirs',
    "NUL": '{"text": "\x00"}',
}


@pytest.mark.parametrize("line", BAD_LINES.values(), ids=BAD_LINES.keys())
def test_one_bad_line_of_many_interactions(book: Path, run: Run, line: str) -> None:
    good = (book / LINES).read_text()
    more = good.replace("001", "002").replace("hello", "goodbye")
    (book / LINES).write_text(good + line + "\n" + more)
    git(book, "commit", "-qam", "a bad line")
    others_are_there(book, run, f"{LINES}:2")
    shown = run("-C", book, "timeline", "ada")
    assert "hello" in shown.out
    assert "goodbye" in shown.out
    head = git(book, "rev-parse", "HEAD")
    refused = run("-C", book, "log", "ada", "call", "again")
    assert refused.code == 4
    assert f"{LINES}:2" in refused.err
    assert git(book, "rev-parse", "HEAD") == head
    assert line in (book / LINES).read_text()


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_folder(path: Path) -> None:
    path.mkdir()


def a_full_folder(path: Path) -> None:
    path.mkdir()
    (path / "README").write_text("hello\n")


def a_link(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def a_link_to_a_record(path: Path) -> None:
    path.symlink_to("ada.yaml")


def a_broken_link(path: Path) -> None:
    path.symlink_to("nowhere")


def a_link_to_itself(path: Path) -> None:
    path.symlink_to(path.name)


def a_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # The path of a socket may have 108 characters.
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(here)


def a_device(path: Path) -> None:
    try:
        os.mknod(path, 0o020666, os.makedev(1, 5))  # /dev/zero, which never ends
    except PermissionError:
        pytest.skip("only root can make devices")


STRANGE = [
    a_pipe,
    a_folder,
    a_full_folder,
    a_link,
    a_link_to_a_record,
    a_broken_link,
    a_link_to_itself,
    a_socket,
    a_device,
]


@pytest.mark.parametrize("make", STRANGE, ids=lambda make: make.__name__)
def test_something_else_where_a_record_was(book: Path, run: Run, make: Callable[[Path], None]) -> None:
    commit(book, {"customers/bad.yaml": "name: Bad\n"})
    (book / BAD).unlink()
    make(book / BAD)
    others_are_there(book, run, BAD)
    head = git(book, "rev-parse", "HEAD")
    for arguments in (("customer", "set", "bad", "notes=x"), ("customer", "add", "Bad", "--handle", "bad")):
        refused = run("-C", book, *arguments)
        assert refused.code in (3, 4), refused
    assert git(book, "rev-parse", "HEAD") == head
    checked = run("-C", book, "check")
    assert checked.code == 1
    assert BAD in checked.err + checked.out
    assert not (book / BAD).is_file() or (book / BAD).is_symlink()


@pytest.mark.parametrize("make", STRANGE, ids=lambda make: make.__name__)
def test_something_else_where_interactions_were(book: Path, run: Run, make: Callable[[Path], None]) -> None:
    (book / LINES).unlink()
    make(book / LINES)
    others_are_there(book, run, LINES)
    refused = run("-C", book, "log", "ada", "call", "hi")
    assert refused.code == 4


@pytest.mark.parametrize("make", STRANGE, ids=lambda make: make.__name__)
def test_something_new_that_is_no_record_hangs_nothing(book: Path, run: Run, make: Callable[[Path], None]) -> None:
    make(book / BAD)
    listed = run("-C", book, "customer", "list", "-o", "ids")
    assert listed.out == "ada\nzed\n"
    assert listed.code in (0, 4)
    checked = run("-C", book, "check")
    assert checked.code == 1
    assert BAD in checked.err + checked.out
    assert run("-C", book, "customer", "add", "Bad", "--handle", "bad").code == 4


def test_two_files_with_one_id_are_both_read_and_check_tells(book: Path, run: Run) -> None:
    same = "id: 01J00000000000000000000000\n"
    commit(book, {"customers/one.yaml": f"{same}name: One\n", "customers/two.yaml": f"{same}name: Two\n"})
    assert run("-C", book, "customer", "list", "-o", "ids") == (0, "ada\none\ntwo\nzed\n", "")
    checked = run("-C", book, "check")
    assert checked.code == 1
    text = checked.err + checked.out
    assert "one.yaml" in text
    assert "two.yaml" in text


def test_two_files_with_one_handle(book: Path, run: Run) -> None:
    commit(book, {"customers/da/ada.yaml": "name: Another Ada\n"})
    listed = run("-C", book, "customer", "list", "-o", "ids")
    assert (listed.code, listed.out) == (4, "ada\nzed\n")
    assert "records/customers/da/ada.yaml" in listed.err
    assert run("-C", book, "customer", "set", "ada", "notes=x").code == 4
    (book / "records/customers/da/ada.yaml").unlink()
    assert run("-C", book, "customer", "list", "-o", "ids") == (0, "ada\nzed\n", "")


def test_references_to_nobody(book: Path, run: Run) -> None:
    commit(book, {"deals/offer.yaml": "name: Offer\ncustomer: nobody\npipeline: sales\nstage: lead\n"})
    commit(book, {"interactions/ghost.jsonl": '{"at": "2026-01-02T10:00:00+01:00", "type": "note", "text": "boo"}\n'})
    assert run("-C", book, "deal", "list", "-o", "ids") == (0, "offer\n", "")
    checked = run("-C", book, "check")
    assert checked.code == 1
    text = checked.err + checked.out
    assert "nobody" in text
    assert "ghost.jsonl" in text
    refused = run("-C", book, "deal", "add", "Another", "--set", "customer=nobody")
    assert refused.code == 3
    assert "nobody" in refused.err


def test_unknown_fields_are_kept_and_reported_with_a_suggestion(book: Path, run: Run) -> None:
    commit(book, {"customers/ada.yaml": "name: Ada\nphnes: '+41 44 668 18 00'\nshoe_size: '38'  # mine\n"})
    assert run("-C", book, "customer", "set", "ada", "notes=x").code == 0
    text = (book / "records/customers/ada.yaml").read_text()
    assert "phnes: '+41 44 668 18 00'\n" in text
    assert "shoe_size: '38'  # mine\n" in text
    checked = run("-C", book, "check")
    assert checked.code == 1
    assert "phones" in checked.err + checked.out
    refused = run("-C", book, "customer", "set", "ada", "phnes=1")
    assert refused.code == 2
    assert "phones" in refused.err


@pytest.mark.parametrize(
    "handle",
    [
        "../../x",
        "..",
        "/etc/passwd",
        "CON",
        "con",
        "nul.x",
        "a" * 300,
        "",
        ".git",
        "Ada",
        "a b",
        "é",
        "a\x1b[31m",
        "-x",
    ],
)
def test_handles_that_cannot_be_files_are_refused(book: Path, run: Run, handle: str) -> None:
    before = sorted(book.parent.rglob("*"))
    refused = run("-C", book, "customer", "add", "Somebody", f"--handle={handle}")
    if handle == "":
        assert refused.code == 0
        return
    assert refused.code == 2
    assert "\x1b" not in refused.err
    assert "hint:" in refused.err or "handle" in refused.err
    # The first command in a clone sets up the merge driver, in .git.
    assert [path for path in sorted(book.parent.rglob("*")) if ".git" not in path.parts] == [
        path for path in before if ".git" not in path.parts
    ]


@pytest.mark.parametrize("ref", ["../../x", "CON", "a" * 300, "\x1b[31m", "%", "*", "' OR 1=1 --", "\u202eada", "-"])
def test_references_that_name_nothing(book: Path, run: Run, ref: str) -> None:
    for arguments in (("customer", "show", "--", ref), ("customer", "set", "--", ref, "notes=x")):
        refused = run("-C", book, *arguments)
        assert refused.code == 3, refused
        assert "\x1b" not in refused.err
        assert "\u202e" not in refused.err


def test_control_characters_in_names_do_not_steer_the_terminal(book: Path, run: Run) -> None:
    refused = run("-C", book, "customer", "add", "Eve\x1b[2J")
    assert refused.code in (2, 4)
    assert "\x1b" not in refused.err
    commit(book, {"customers/eve.yaml": 'name: "Eve\\e]0;owned\\a\\u202ebob\\r"\n'})
    for arguments in (("customer", "list"), ("customer", "show", "eve"), ("find", "eve"), ("brief", "eve"), ("today",)):
        done = run("-C", book, *arguments)
        assert done.code == 0, done
        for character in "\x1b\x07\u202e\r":
            assert character not in done.out + done.err


def test_a_record_of_another_user_hides_no_other(book: Path, tmp_path: Path) -> None:
    """As a user who may not read one file; the file is read as soon as that is allowed."""
    if os.getuid() != 0:
        (book / BAD).write_text("name: Bad\n")
        (book / BAD).chmod(0)
        done = processes.crmctl("-C", book, "customer", "list", "-o", "ids")
        assert (done.code, done.out) == (4, "ada\nzed\n")
        return
    pytest.skip("root may read everything")


@pytest.mark.parametrize("code", ["EACCES", "EIO"])
def test_a_record_that_the_system_will_not_read_hides_no_other(
    book: Path, run: Run, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    import errno

    commit(book, {"customers/bad.yaml": "name: Bad\n"})
    really_open = os.open

    def refuse(path: str, *arguments: int, **options: int) -> int:
        if os.fspath(path).endswith("bad.yaml"):
            number = getattr(errno, code)
            raise OSError(number, os.strerror(number), path)
        return really_open(path, *arguments, **options)

    monkeypatch.setattr(os, "open", refuse)
    others_are_there(book, run, BAD)
    monkeypatch.undo()
    assert run("-C", book, "customer", "list", "-o", "ids") == (0, "ada\nbad\nzed\n", "")


def test_names_that_no_reader_would_take_are_kept_apart(book: Path, run: Run) -> None:
    """Editors' and systems' own files beside the records are none."""
    write(book, {"customers/.ada.yaml.swp": "x", "customers/ada.yaml~": "x", "customers/.DS_Store": "x"})
    write(book, {"customers/.hidden.yaml": "name: Hidden\n", "customers/#ada.yaml#": "x", "customers/Thumbs.db": "x"})
    assert run("-C", book, "customer", "list", "-o", "ids") == (0, "ada\nzed\n", "")


def test_hostile_yaml_without_the_c_parser(book: Path) -> None:
    """The same answers where ruamel.yaml.clib is not installed."""
    write(
        book,
        {"customers/bad.yaml": f"name: {DEEP}\n", "customers/bomb.yaml": BOMB, "customers/good.yaml": "name: Good\n"},
    )
    code = (
        "import sys; sys.modules['_ruamel_yaml'] = None; sys.modules['ruamel.yaml.clib'] = None\n"
        "from crmctl.cli.root import run; sys.exit(run(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "-C", str(book), "customer", "list", "-o", "ids"],
        env=processes.environment(),
        timeout=processes.LIMIT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (4, "ada\ngood\nzed\n")
    assert "bad.yaml" in done.stderr
    assert "bomb.yaml" in done.stderr
