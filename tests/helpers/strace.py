"""Faults at single system calls: which calls a command makes on a book, and what it does when one of them fails.

strace counts the calls of each process, and of each name, by itself (``when=N``). So a call is addressed by its process
("crmctl", or "update-ref.1" for the first ``git update-ref``), its name and its number there. A ``git`` of ours, first
on the PATH and in GIT_EXEC_PATH, gives every process of git its address and starts the one that is meant under strace.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from typing import NamedTuple

import pytest

from helpers import processes

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterable
    from collections.abc import Iterator
    from collections.abc import Sequence

NEEDED = "CRMCTL_NEED_STRACE"
"""With this in the environment a machine without a working strace fails the tests; otherwise they are skipped."""

# Now: a test has an environment of its own.
_PROMISED = bool(os.environ.get(NEEDED))

WRITES = "write,writev,pwrite64,pwritev,ftruncate,truncate"
SYNCS = "fsync,fdatasync,sync_file_range,msync"
NAMES = "rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,mkdir,mkdirat,rmdir"
OPENS = "open,openat,creat"
TRACED = f"{WRITES},{SYNCS},{NAMES},{OPENS}"

FAULTS = {
    # Only the process that makes the call dies; crmctl sees that git was killed.
    "kill": "signal=KILL:when={n}",
    # All of the command's processes die: the machine, the session or the container is gone.
    "kill-all": "signal=KILL:when={n}",
    # One bad block.
    "EIO": "error=EIO:when={n}",
    # No room from here on.
    "ENOSPC": "error=ENOSPC:when={n}+",
}

_WRAPPER = """#!/bin/sh
# The git of the tests: each process has an address, and one of them may be under strace.
name=
skip=
for word in "$@"; do
    if [ -n "$skip" ]; then skip=; continue; fi
    case $word in
    -C | -c) skip=1 ;;
    -*) ;;
    *) name=$word; break ;;
    esac
done
number=1
while ! (set -C; : >"$CRASH_DIR/$name.$number") 2>/dev/null; do number=$((number + 1)); done
case $CRASH_TARGET in
'*') exec {strace} -D -q -y -s 0 -o "$CRASH_DIR/trace.$name.$number" -e trace={traced} {git} "$@" ;;
"$name.$number") ;;
*) exec {git} "$@" ;;
esac
set -- -q -y -s 0 -o "$CRASH_DIR/trace.$name.$number" \\
    -e "trace=$CRASH_CALL" -e "inject=$CRASH_CALL:$CRASH_INJECT" {git} "$@"
[ "$CRASH_FAULT" = kill-all ] || exec {strace} -D "$@"
{strace} "$@"
status=$?
[ $status = 137 ] && kill -KILL "-$CRASH_GROUP"
exit $status
"""


class Call(NamedTuple):
    """A system call: of which process, its name, the how many-th of that name there, and what it is about."""

    process: str
    name: str
    number: int
    about: str

    def __str__(self) -> str:
        return f"{self.process} {self.name}#{self.number} {self.about}"


class Ran(NamedTuple):
    """How a command ended (negative: by that signal), what it printed and said, and the calls that were hit."""

    code: int
    out: str
    err: str
    hit: tuple[str, ...]


@lru_cache
def _refused() -> str:
    """Why no process can be traced here, "" when it can."""
    if not shutil.which("strace"):
        return "strace is not installed (apt-get install strace)"
    with tempfile.NamedTemporaryFile() as output:
        command = ["strace", "-o", output.name, "-e", "trace=write", "-e", "inject=write:error=EIO:when=1"]
        done = subprocess.run([*command, "echo"], capture_output=True, text=True, check=False, timeout=processes.LIMIT)
        if b"INJECTED" in Path(output.name).read_bytes():
            return ""
    return f"strace may not trace here: {done.stderr.strip() or 'nothing was injected'}"


def need_strace() -> None:
    """Skip a test where nothing can be traced; fail it where that was promised."""
    if not _refused():
        return
    if _PROMISED:
        pytest.fail(f"{_refused()}; unset {NEEDED} to skip these tests")
    pytest.skip(_refused())


class Commands:
    """Runs command lines of crmctl in ``folder``, all of them with the same moment and the same randomness."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._tools = folder / "tools"
        self._traces = folder / "traces"
        self._make_tools()
        env = {name: value for name, value in processes.environment().items() if not name.startswith("COVERAGE_")}
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("zygote.py"))],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._read() == "ready\n"

    def close(self) -> None:
        """End the process behind this."""
        self._process.communicate(timeout=processes.LIMIT)

    def _make_tools(self) -> None:
        found = subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=True).stdout.strip()
        self._tools.mkdir(parents=True)
        for program in Path(found).iterdir():
            if program.name != "git":
                (self._tools / program.name).symlink_to(program)
        words = {"{strace}": shutil.which("strace") or "", "{git}": shutil.which("git") or "", "{traced}": TRACED}
        text = _WRAPPER
        for name, value in words.items():
            text = text.replace(name, value)
        (self._tools / "git").write_text(text)
        (self._tools / "git").chmod(0o755)

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def run(self, cwd: Path, *commands: Sequence[str], env: dict[str, str] | None = None) -> Ran:
        """Run command lines one after the other, until one fails."""
        return self._ask(cwd, commands, self._env(env))

    def calls(self, cwd: Path, command: Sequence[str], env: dict[str, str] | None = None) -> tuple[Ran, list[Call]]:
        """Run a command line; the calls by which it and all its processes of git change something below ``cwd``."""
        ran = self._ask(cwd, [command], self._env(env, CRASH_TARGET="*"), ["-e", f"trace={TRACED}"])
        found: list[Call] = []
        for trace in sorted(self._traces.glob("trace.*")):
            process = trace.name.removeprefix("trace.")
            found += [call for call in _parsed(process, trace.read_text(errors="replace"), cwd) if call.about]
        return ran, found

    def steady_calls(
        self, cwd: Path, command: Sequence[str], restore: Callable[[], None], env: dict[str, str] | None = None
    ) -> tuple[Ran, list[Call]]:
        """The same, when the calls have been the same twice: each time on what ``restore`` brings back."""
        calls: list[Call] = []
        for _ in range(5):
            restore()
            before = calls
            ran, calls = self.calls(cwd, command, env)
            assert ran.code == 0, ran
            if calls == before:
                return ran, calls
        unlike = "\n".join(difflib.unified_diff([*map(str, before)], [*map(str, calls)], lineterm="", n=0))
        raise AssertionError(f"the command does other calls each time:\n{unlike}")

    def all_calls(self, cwd: Path, command: Sequence[str], env: dict[str, str] | None = None) -> list[Call]:
        """The same of every process that the command starts, git or not, without their addresses."""
        self._ask(cwd, [command], self._env(env), ["-f", "-e", f"trace={TRACED}"])
        text = _joined((self._traces / "trace.crmctl").read_text(errors="replace"))
        return [call for call in _parsed("", text, cwd) if call.about]

    def own_calls(self, cwd: Path, command: Sequence[str], env: dict[str, str] | None = None) -> list[Call]:
        """Those that the command does itself when it is a process of its own, started as users start it."""
        output = self._traces / "trace.crmctl"
        strace = ["strace", "-q", "-y", "-s", "0", "-o", str(output), "-e", f"trace={TRACED}"]
        subprocess.run(
            [*strace, *processes.command(*command)],
            env=self._env(env),
            cwd=cwd,
            timeout=processes.LIMIT,
            check=True,
            capture_output=True,
            stdin=subprocess.DEVNULL,
        )
        return [call for call in _parsed("", output.read_text(errors="replace"), cwd) if call.about]

    def fault(
        self, cwd: Path, command: Sequence[str], call: Call, fault: str, env: dict[str, str] | None = None
    ) -> Ran:
        """Run a command line with a fault (of ``FAULTS``) at ``call``."""
        inject = FAULTS[fault].format(n=call.number)
        if (call.process, call.name) == ("crmctl", "write") or call.name in OPENS.split(","):
            inject = inject.removesuffix("+")  # Otherwise it could not even say what is wrong, or read.
        more = {
            "CRASH_TARGET": call.process,
            "CRASH_CALL": call.name,
            "CRASH_INJECT": inject,
            "CRASH_FAULT": fault,
        }
        options = ["-e", f"trace={call.name}", "-e", f"inject={call.name}:{inject}"]
        ran = self._ask(cwd, [command], self._env(env, **more), options if call.process == "crmctl" else [])
        trace = self._traces / f"trace.{call.process}"
        lines = trace.read_text(errors="replace").splitlines() if trace.exists() else []
        return ran._replace(hit=tuple(_hit(lines, call, fault, cwd)))

    def _env(self, more: dict[str, str] | None = None, **crash: str) -> dict[str, str]:
        shutil.rmtree(self._traces, ignore_errors=True)
        self._traces.mkdir()
        env = {name: value for name, value in processes.environment().items() if not name.startswith("COVERAGE_")}
        moment = "2026-03-02T10:00:00+01:00"
        return {
            **env,
            **(self._addressing(env["PATH"]) if crash.get("CRASH_TARGET", "crmctl") != "crmctl" else {}),
            # Each test has settings of its own otherwise, and what crmctl noted there would be unknown in the next.
            "XDG_CONFIG_HOME": str(self.folder / "config"),
            "GIT_AUTHOR_DATE": moment,
            "GIT_COMMITTER_DATE": moment,
            "PYTHONDONTWRITEBYTECODE": "1",
            **(more or {}),
            **crash,
        }

    def _addressing(self, path: str) -> dict[str, str]:
        """What has our git found before the other one. Where no process of git is meant, it would only take time."""
        return {
            "PATH": f"{self._tools}{os.pathsep}{path}",
            "GIT_EXEC_PATH": str(self._tools),
            "CRASH_DIR": str(self._traces),
        }

    def _ask(
        self, cwd: Path, commands: Iterable[Sequence[str]], env: dict[str, str], options: Sequence[str] = ()
    ) -> Ran:
        out, err = self._traces / "out", self._traces / "err"
        strace = ["strace", "-q", "-y", "-s", "0", "-o", str(self._traces / "trace.crmctl"), *options]
        request = {
            "cwd": str(cwd),
            "commands": [list(command) for command in commands],
            "env": env,
            "out": str(out),
            "err": str(err),
            "strace": strace if options else None,
        }
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._read())
        assert not answer["strace"], answer["strace"]
        return Ran(answer["code"], out.read_text(errors="replace"), err.read_text(errors="replace"), ())


_LINE = re.compile(r"(?:\d+ +)?(\w+)\((.*)")
_PATH = re.compile(r"<([^>|]*)>|\"([^\"]+)\"")
# What differs from one run to the next: git's and Python's temporary names, and our numbers of processes.
_CHANCE = re.compile(
    r"(tmp_\w+?_)\w{6}\b|(?<=\.git/t)\w{6}$|(?<=refs/crmctl/)\d+|(?<=\.)\d+(?=\.crmctl\b)|(?<=-)\w{8}(?=\.(?:yaml|json)\b)"
)


def _parsed(process: str, text: str, root: Path) -> Iterator[Call]:
    """The calls in what strace wrote; ``about`` is empty for those that change nothing below ``root``."""
    numbers: dict[str, int] = {}
    for line in text.splitlines():
        match = _LINE.match(line)
        if match is None:
            continue
        name = match[1]
        numbers[name] = numbers.get(name, 0) + 1
        yield Call(process, name, numbers[name], _about(name, match[2], root))


def _about(name: str, words: str, root: Path) -> str:
    """The paths of a call, as they are every time; "" when it changes nothing below ``root``."""
    if name in OPENS.split(",") and not re.search(r"O_CREAT|O_TRUNC|^creat", words):
        return ""
    paths = []
    here = f"{root}{os.sep}"
    # The file a call gives a number to stands behind the "=", and is the one it was asked for.
    for match in _PATH.finditer(re.split(r"\)\s+= ", words)[0]):
        path = match[1] or match[2]
        if match[1] == str(root) and "AT_FDCWD" in words:
            continue
        if path.startswith(here):
            paths.append(path.removeprefix(here))
        elif path == str(root):
            paths.append(".")
        elif not path.startswith(("/", "pipe:", "socket:", "anon_inode:")):
            paths.append(path.removeprefix("./"))
    return " ".join(map(steady, paths))


def steady(path: str) -> str:
    """A path without what chance has put into it."""
    return _CHANCE.sub(lambda found: f"{found[1] or ''}*", path)


def _hit(lines: Iterable[str], call: Call, fault: str, root: Path) -> Iterator[str]:
    """The calls that a fault has hit, as ``about`` them."""
    calls = list(_parsed(call.process, "\n".join(lines), root))
    if fault.startswith("kill"):
        if calls and any("+++ killed by SIGKILL" in line for line in lines):
            yield calls[-1].about if calls[-1].number == call.number else "another call"
        return
    for one, line in zip(calls, [line for line in lines if _LINE.match(line)], strict=True):
        if "(INJECTED)" in line:
            yield one.about


def _joined(text: str) -> str:
    """Lines of ``strace -f`` with calls that were interrupted by another process's line in one piece again."""
    waiting: dict[str, str] = {}
    lines = []
    for line in text.splitlines():
        number, _, rest = line.partition(" ")
        if rest.endswith("<unfinished ...>"):
            waiting[number] = line.removesuffix("<unfinished ...>")
        elif rest.lstrip().startswith("<... "):
            lines.append(waiting.pop(number, "") + rest.partition("resumed>")[2])
        else:
            lines.append(line)
    return "\n".join(lines)
