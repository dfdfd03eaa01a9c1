"""The command line as a whole: where the book is, what goes where, and how it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from helpers.books import commit
from helpers.books import fresh
from helpers.books import git
from helpers.books import write
from helpers.golden import golden

from crmctl.cli.commands import COMMANDS
from crmctl.cli.commands import HIDDEN
from crmctl.index.index import Index
from crmctl.services import freshness

if TYPE_CHECKING:
    from conftest import Run

PROJECT = Path(__file__).resolve().parent.parent.parent
PROGRAM = [sys.executable, "-m", "crmctl"]


@pytest.fixture
def root(book_dir: Path) -> Path:
    commit(book_dir, {"customers/ada.yaml": "name: Ada\n", "customers/adam.yaml": "name: Adam\n"})
    return book_dir


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program can be started from any folder."""
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))


def start(*arguments: object, **how: object) -> subprocess.CompletedProcess[bytes]:
    """The program in a process of its own."""
    options = {"capture_output": True, "timeout": 60, "check": False, **how}
    return subprocess.run([*PROGRAM, *map(str, arguments)], **options)  # type: ignore[call-overload,no-any-return]


# Where the book is


def test_the_book_is_named_before_or_behind_the_command_or_in_the_middle(run: Run, root: Path) -> None:
    for words in (
        ("-C", root, "customer", "list", "-o", "ids"),
        ("customer", "-C", root, "list", "-o", "ids"),
        ("customer", "list", "-C", root, "-o", "ids"),
        ("customer", "list", "-o", "ids", f"--book={root}"),
    ):
        assert run(*words) == (0, "ada\nadam\n", "")


def test_the_book_is_the_option_then_the_environment_then_the_nearest_parent(
    run: Run, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    git(tmp_path, "init", "-q", str(other))
    write(other, {"/crm.yaml": "", "customers/eve.yaml": "name: Eve\n", "/deep/er/x": ""})
    monkeypatch.chdir(other / "deep/er")
    assert run("customer", "list", "-o", "ids").out == "eve\n"
    monkeypatch.setenv("CRMCTL_BOOK", str(root))
    assert run("customer", "list", "-o", "ids").out == "ada\nadam\n"
    assert run("customer", "list", "-o", "ids", "-C", other).out == "eve\n"
    monkeypatch.chdir(tmp_path)
    assert run("customer", "list", "-o", "ids", "-C", "other").out == "eve\n"


def test_a_named_folder_is_meant_itself_not_a_parent(run: Run, root: Path) -> None:
    done = run("-C", root / "records", "customer", "list")
    assert done.code == 6
    assert "there is no book at" in done.err


@pytest.mark.parametrize("arguments", [["-C", "BOOK"], ["--book", "BOOK"], ["-CBOOK"], ["--book=BOOK"]])
def test_the_program_itself_finds_the_book_in_every_spelling(root: Path, arguments: list[str]) -> None:
    words = [word.replace("BOOK", str(root)) for word in arguments]
    for line in ([*words, "customer", "list", "-o", "ids"], ["customer", "list", "-o", "ids", *words]):
        assert start(*line).stdout == b"ada\nadam\n"


def test_the_program_looks_around_and_in_the_environment(root: Path, tmp_path: Path) -> None:
    assert start("customer", "list", "-o", "ids", cwd=root / "records").stdout == b"ada\nadam\n"
    env = {**os.environ, "CRMCTL_BOOK": str(root)}
    assert start("customer", "list", "-o", "ids", cwd=tmp_path, env=env).stdout == b"ada\nadam\n"
    done = start("customer", "list", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (6, b"")
    assert b"there is no book here" in done.stderr


def test_the_last_book_that_is_named_counts(run: Run, root: Path, tmp_path: Path) -> None:
    done = start("-C", tmp_path / "nowhere", "customer", "list", "-o", "ids", "-C", root)
    assert done.stdout == b"ada\nadam\n"


def test_a_working_folder_that_is_gone(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f"cd {gone} && rmdir {gone} && exec {sys.executable} -m crmctl customer list"
    done = subprocess.run(["sh", "-c", script], capture_output=True, timeout=60, check=False)
    assert done.returncode in (1, 6)
    assert b"Traceback" not in done.stderr


# Words of help


@pytest.mark.parametrize("word", ["--help", "-h"])
def test_help_lists_commands_and_kinds_without_a_book(
    run: Run, tmp_path: Path, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run(word)
    assert (done.code, done.err) == (0, "")
    for name in [*COMMANDS, "customer", "deal"]:
        assert bool(re.search(rf"^  {name}  ", done.out, re.MULTILINE)) == (name not in HIDDEN)


def test_no_words_at_all_are_a_call_for_help(run: Run) -> None:
    done = run()
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("Usage: crmctl")


def test_the_version(run: Run) -> None:
    from crmctl import __version__

    assert run("--version") == (0, f"crmctl {__version__}\n", "")


@pytest.mark.parametrize(
    ("words", "error", "hint"),
    [
        (["custmer"], "there is no command 'custmer'", "Did you mean customer?"),
        (["xyzzy"], "there is no command 'xyzzy'", "crmctl --help lists the commands."),
        (["customer", "frob"], "no such command 'frob'", "crmctl customer --help"),
        (["customer", "list", "--limt", "5"], "no such option '--limt'", "crmctl customer list --help"),
        (["customer", "set", "ada", "--role=x"], "no such option '--role'", "crmctl customer set --help"),
        (["customer", "show"], "missing argument 'REF'", "crmctl customer show --help"),
        (["customer", "list", "-o", "xml"], "invalid value for '-o'", "crmctl customer list --help"),
        (["customer", "list", "--limit", "0"], "invalid value for '--limit'", "crmctl customer list --help"),
        (["customer", "set", "ada"], "missing argument", "crmctl customer set --help"),
        (["customer", "set", "ada", "role"], "'role' is not FIELD=VALUE", "For example"),
    ],
)
def test_words_that_do_not_fit_are_usage_errors(run: Run, root: Path, words: list[str], error: str, hint: str) -> None:
    done = run("-C", root, *words)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"crmctl: {error}")
    assert hint in done.err


# What goes where


def test_results_go_to_stdout_and_words_to_stderr(run: Run, root: Path) -> None:
    done = run("-C", root, "customer", "add", "Bob")
    assert done.out == ""
    assert re.fullmatch(r"customer: add bob  \[undo: crmctl -C \S+ undo [0-9a-f]{10}\]\n", done.err)
    assert run("-C", root, "deal", "list") == (0, "", "No deals yet.\n")
    assert run("-C", root, "customer", "list", "nobody") == (0, "", "No customers match.\n")


def test_the_undo_that_is_shown_works(run: Run, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in (root, root.parent):
        monkeypatch.chdir(folder)
        said = run("-C", root, "customer", "add", "Bob").err
        assert ("-C" in said) == (folder != root)
        words = said[said.index("undo: ") + 6 : said.rindex("]")].split()
        assert words.pop(0) == "crmctl"
        assert run(*words).code == 0
        assert not (root / "records/customers/bob.yaml").exists()


@pytest.mark.parametrize("quiet", ["-q", "--quiet"])
def test_quiet_leaves_results_and_errors(run: Run, root: Path, quiet: str) -> None:
    assert run("-C", root, "customer", "add", "Bob", quiet) == (0, "", "")
    assert run(quiet, "-C", root, "customer", "list", "-o", "ids").out == "ada\nadam\nbob\n"
    assert run(quiet, "-C", root, "customer", "show", "nobody").err.startswith("crmctl: there is no customer")


def test_nobody_is_asked_where_nobody_sits(run: Run, root: Path) -> None:
    commit(root, {"interactions/ada.jsonl": '{"type": "note"}\n'})
    done = run("-C", root, "customer", "rm", "ada")
    assert done.code == 2
    assert "Remove ada and 1 interaction(s)? (nobody here to ask)" in done.err
    assert "--yes" in done.err
    done = run("-C", root, "customer", "show", "a")
    assert done.code == 3
    assert "  ada   Ada\n" in done.err.replace("  ada  ", "  ada   ")
    assert "adam" in done.err


def test_a_moment_given_decides(run: Run, root: Path) -> None:
    done = run("-C", root, "followup", "add", "Call", "--due", "tomorrow", "--now", "2031-05-06 9:00")
    assert "due Wed 2031-05-07" in done.err
    done = run("-C", root, "followup", "list", "--now", "nonsense")
    assert done.code == 2
    assert done.err.startswith("crmctl: ")


# Colour


@pytest.mark.parametrize(
    ("env", "words", "colored"),
    [
        ({}, [], False),
        ({}, ["--color", "always"], True),
        ({"NO_COLOR": "1"}, ["--color=always"], True),
        ({}, ["--color", "never"], False),
        ({"FORCE_COLOR": "1"}, [], False),
    ],
)
def test_colour_where_it_is_wanted(
    run: Run, root: Path, env: dict[str, str], words: list[str], colored: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR")
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert ("\x1b[" in run("-C", root, "customer", "show", "adam", *words).out) == colored
    done = run(*words, "-C", root, "customer", "show", "nobody")
    assert ("\x1b[31mcrmctl:\x1b[0m there is no" in done.err) == colored
    assert "\\x1b" not in done.err


# On a terminal


@pytest.fixture
def terminal(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A book with a long list, and a terminal of 60 by 10 characters."""
    commit(root, {f"customers/c{n:02}.yaml": f"name: C {'x' * 80}\n" for n in range(20)})
    monkeypatch.setattr("crmctl.cli.app.App.terminal", True)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("LINES", "10")
    return root


@pytest.mark.parametrize(
    ("words", "paged"),
    [
        ([], True),
        (["--no-pager"], False),
        (["--limit", "3"], False),
        (["-o", "json"], False),
    ],
)
def test_long_tables_go_through_a_pager_on_a_terminal(
    run: Run, terminal: Path, words: list[str], paged: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages: list[str] = []
    monkeypatch.setattr("click.echo_via_pager", lambda text, color: pages.append(text))
    monkeypatch.setenv("CRMCTL_PAGER", "more")
    monkeypatch.setenv("PAGER", "less")
    done = run("-C", terminal, "customer", "list", *words)
    assert bool(pages) == paged
    assert bool(done.out) != paged
    if paged:
        assert (os.environ["PAGER"], os.environ["LESS"]) == ("more", "FIRX")
        assert pages[0].count("\n") == 24


def test_tables_fit_the_terminal(run: Run, terminal: Path) -> None:
    out = run("-C", terminal, "customer", "list", "--no-pager", "--fields", "handle,name").out
    assert max(map(len, out.splitlines())) == 60


# How it ends


def test_each_way_to_fail_looks_as_it_did(
    run: Run, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One error of each exit status, word for word."""
    write(root, {"customers/bad.yaml": "name: Bad\nname: Worse\n"})
    cases = [
        (2, ["customer", "list", "stge:lead"]),
        (2, ["customer", "set", "ada", "nmae=x"]),
        (3, ["customer", "show", "nobody"]),
        (3, ["customer", "show", "a"]),
        (4, ["customer", "set", "ada", "email=ada@"]),
        (4, ["customer", "list", "-o", "ids"]),
        (5, ["customer", "add", "Ada", "--handle", "ada"]),
        (6, ["-C", str(tmp_path / "nowhere"), "customer", "list"]),
    ]
    told = []
    for code, words in cases:
        done = run(*([] if "-C" in words else ["-C", root]), *words)
        assert done.code == code, (words, done)
        told.append(f"$ crmctl {' '.join(words)}   # {code}\n{done.out}{done.err}")
    with fresh(root).write("test"):
        monkeypatch.setattr("crmctl.store.lock.WAIT", 0)
        done = run("-C", root, "customer", "add", "Bob")
    assert done.code == 7
    told.append(f"$ crmctl customer add Bob   # 7\n{done.err}")
    text = "\n".join(told).replace(str(tmp_path), "...")
    golden("errors.txt", re.sub(r"process \d+ on \S+, since [-0-9T:]+Z", "process 7 on HOST, since then", text))


def test_records_that_cannot_be_read_are_told_on_every_command(run: Run, root: Path) -> None:
    write(root, {"customers/bad.yaml": "name: [\n", "interactions/ada.jsonl": "nonsense\n"})
    for words in (
        ["customer", "list", "-o", "ids"],
        ["customer", "show", "adam"],
        ["deal", "list"],
        ["customer", "add", "X"],
    ):
        done = run("-C", root, *words)
        assert done.code == 4
        assert "crmctl: records/customers/bad.yaml:" in done.err
        assert "crmctl: records/interactions/ada.jsonl:1:" in done.err
    assert "customer: add x" in done.err
    assert run("-C", root, "customer", "show", "nobody").code == 3
    assert run("-C", root, "-q", "customer", "list", "-o", "ids").out == "ada\nadam\nx\n"


def test_settings_that_cannot_be_read_are_told_for_every_word(run: Run, root: Path) -> None:
    write(root, {"/crm.yaml": "name: [\n"})
    for words in (["customer", "list"], ["vendor", "list"], ["customer", "add", "X"]):
        done = run("-C", root, *words)
        assert done.code == 6
        assert "crm.yaml:" in done.err
        assert "hint: " in done.err


def test_a_damaged_index_is_thrown_away_and_told(run: Run, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(root, {f"customers/c{n}.yaml": f"name: C{n}\n" for n in range(60)})
    assert run("-C", root, "customer", "list").code == 0
    path = freshness.index_path(fresh(root))
    index, _ = Index.open(path)
    ((page,),) = index.rows("SELECT rootpage FROM sqlite_master WHERE name = 'customers'")
    index.close()
    data = path.read_bytes()
    path.write_bytes(data[: (page - 1) * 4096] + b"\xa5" * 4096 + data[page * 4096 :])
    done = run("-C", root, "customer", "list", "-o", "csv")
    assert done.code == 1
    assert done.err == (
        "crmctl: the index of this book was damaged; it has been thrown away\n"
        "hint: Run the command again; the index is made anew from the book.\n"
    )
    assert run("-C", root, "customer", "list", "-o", "ids").out.count("\n") == 62


def test_a_bug_of_ours_is_one_line_and_a_log(
    run: Run, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a secret in a value")

    monkeypatch.setattr("crmctl.services.listing.listed", fail)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    done = run("-C", root, "customer", "list")
    assert done.code == 70
    assert "Traceback" not in done.err
    assert "secret" not in done.err
    path = re.search(r"a bug of ours: ZeroDivisionError \(the details are in (\S+)\)", done.err)
    assert path is not None
    text = Path(path[1]).read_text(encoding="utf-8")
    assert "listed" in text
    assert text.endswith("builtins.ZeroDivisionError\n")
    assert Path(path[1]).stat().st_mode & 0o777 == 0o600
    assert text.startswith("crmctl ")
    done = run("--debug", "-C", root, "customer", "list")
    assert done.code == 70
    assert "Traceback" in done.err


def test_ctrl_c_says_so(run: Run, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("crmctl.services.listing.listed", interrupted)
    done = run("-C", root, "customer", "list")
    assert (done.code, done.out) == (130, "")
    assert done.err == "crmctl: interrupted; the book is as it was before, or as it should be.\n"


def test_ctrl_c_while_waiting_for_the_lock(root: Path) -> None:
    with fresh(root).write("test"):
        child = subprocess.Popen(
            [*PROGRAM, "-C", str(root), "customer", "add", "Bob"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        # The lock is opened by the child before it waits for it.
        lock = (root / ".git/crmctl/lock").resolve()
        while child.poll() is None and not _has_open(child.pid, lock):
            pass
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=60)
    assert (child.returncode, out) == (130, b"")
    assert b"interrupted" in err
    assert b"Traceback" not in err
    assert git(root, "status", "--porcelain") == ""


def _has_open(pid: int, path: Path) -> bool:
    try:
        return any(os.path.realpath(fd) == str(path) for fd in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False


def test_a_no_is_no_error_of_ours(run: Run, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(root, {"interactions/ada.jsonl": '{"type": "note"}\n'})
    monkeypatch.setattr("crmctl.cli.app.App.can_ask", True)
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _: "n")
    done = run("-C", root, "customer", "rm", "ada")
    assert done.code == 130
    assert "given up; nothing was changed." in done.err
    assert (root / "records/customers/ada.yaml").exists()
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _: "y")
    assert run("-C", root, "customer", "rm", "ada").code == 0


def test_a_person_picks_one_of_several(run: Run, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crmctl.cli.app.App.can_ask", True)
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _: "2")
    done = run("-C", root, "customer", "show", "a", "-o", "ids")
    assert (done.code, done.out) == (0, "adam\n")
    assert "  1  ada  Ada" in done.err


@pytest.mark.parametrize("words", [["customer", "list", "-o", "jsonl"], ["--help"]])
def test_a_reader_that_leaves_is_a_broken_pipe(root: Path, words: list[str]) -> None:
    commit(root, {f"customers/c{n}.yaml": f"name: {'x' * 900} {n}\n" for n in range(200)})
    child = subprocess.Popen([*PROGRAM, "-C", str(root), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdout.close()
    err = child.stderr.read()
    child.stderr.close()
    assert (child.wait(60), err) == (141, b"")


def test_a_full_disk_behind_stdout_is_told(root: Path) -> None:
    for words in (["customer", "list"], ["customer", "list", "-o", "json"], ["--version"]):
        with Path("/dev/full").open("w") as full:
            done = start("-C", root, *words, stdout=full, capture_output=False, stderr=subprocess.PIPE)
        assert done.returncode == 1
        assert done.stderr.startswith(b"crmctl: the output: cannot write: no space left on device\n")
        assert b"Exception ignored" not in done.stderr


def test_closed_streams_are_no_obstacle(root: Path) -> None:
    line = f"{sys.executable} -m crmctl -C {root} customer list"
    for closed in (">&-", "2>&-", "<&-", ">&- 2>&- <&-"):
        done = subprocess.run(["sh", "-c", f"{line} {closed}"], capture_output=True, timeout=60, check=False)
        assert done.returncode == 0
        assert b"Traceback" not in done.stderr


def test_a_terminal_that_knows_few_characters_gets_the_others_spelled(root: Path) -> None:
    commit(root, {"customers/zoe.yaml": "name: Zoë 中\n"})
    env = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    done = start("-C", root, "customer", "list", "zoe", "--fields", "name", "-o", "tsv", env=env)
    assert done.stdout == b"name\nZo\xeb \\u4e2d\n"


@pytest.mark.parametrize("words", [["customer", "show", b"\xff"], ["customer", "list", b"name:\xff"]])
def test_words_that_are_no_text_are_refused(root: Path, words: list[bytes]) -> None:
    done = subprocess.run([*PROGRAM, "-C", str(root), *words], capture_output=True, timeout=60, check=False)
    assert done.returncode == 2
    assert b"is not UTF-8" in done.stderr or b"that no text can have" in done.stderr
    assert b"Traceback" not in done.stderr


def test_control_characters_of_a_record_never_reach_the_terminal(run: Run, root: Path) -> None:
    commit(root, {"customers/evil.yaml": 'name: "E\\e[2J\\u202evil"\n"key\\e[31m": "x\\ey"\nnotes: "a\\eb\\nc"\n'})
    for words in (
        ["list", "handle:evil"],
        ["list", "handle:evil", "-o", "tsv"],
        ["list", "handle:evil", "-o", "json", "--fields", "name,notes"],
        ["list", "handle:evil", "-o", "md"],
        ["show", "evil"],
        ["show", "evil", "-o", "json"],
        ["show", "evil", "-o", "yaml"],
        ["set", "evil", "nothing=x"],
    ):
        done = run("-C", root, "customer", *words)
        assert not set(done.out + done.err) & set("\x1b\u202e"), words
    found = run("-C", root, "customer", "list", "handle:evil", "-o", "json", "--fields", "name,notes").out
    assert json.loads(found)[0] == {"name": "E\x1b[2J\u202evil", "notes": "a\x1bb\nc"}
