"""The documents as data: their fenced blocks, the commands in these, and a world to run them in.

How a document says what is to be done with a block:

* ```` ```console ```` (or any block that begins with ``$ ``): the lines after ``$ `` are typed, one after the other,
  and what is shown below each is what it prints. A line ``...`` stands for any number of lines. A command that shows a
  ``crmctl: `` line or rejected rows has to fail, every other one must not. A document whose first command is
  ``crmctl init`` begins in an empty folder on Monday, 2026-11-23, at ten; any other one in the sample book on its day.
* a block without a language: lines that begin with ``crmctl `` are run in the sample book and end with status 0, or
  with the one in a comment ``# exit 4``.
* ``<!-- file: NAME -->`` above a block: its text is what stands in the file NAME by then.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from typing import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Sequence

PROJECT = Path(__file__).resolve().parents[2]
_FENCE = re.compile(r"^(?P<fence>`{3,})(?P<language>[\w-]*)\s*$")
_FILE = re.compile(r"^<!-- file: (?P<name>[\w./-]+) -->$")
_STATUS = re.compile(r"\s#.*?\bexit (\d+)")
_QUOTED = re.compile(r"'[^']*'|\"(?:\\.|[^\"\\])*\"")
_MASKS = (
    (re.compile(r"\b[0-7][0-9A-HJKMNP-TV-Z]{25}\b"), "<id>"),
    (re.compile(r"\b[0-9a-f]{7,40}\b"), "<commit>"),
)


class Block(NamedTuple):
    """A fenced block: its language, its lines, the number of the first of them from 0, and the file it is."""

    language: str
    lines: tuple[str, ...]
    start: int
    file: str

    @property
    def text(self) -> str:
        return "".join(f"{line}\n" for line in self.lines)

    @property
    def is_console(self) -> bool:
        return self.language == "console" or (not self.language and self.lines[:1] != () and self.lines[0][:2] == "$ ")


class Step(NamedTuple):
    """A typed command and what is shown below it, in the lines ``start`` to ``end`` of the document."""

    command: str
    shown: tuple[str, ...]
    start: int
    end: int


def pages() -> list[str]:
    """The documents, as paths from the project's top."""
    return ["README.md", *sorted(path.relative_to(PROJECT).as_posix() for path in (PROJECT / "docs").glob("*.md"))]


def read(page: str) -> str:
    return (PROJECT / page).read_text(encoding="utf-8")


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a document."""
    found = []
    lines = text.splitlines()
    number = 0
    while number < len(lines):
        opening = _FENCE.match(lines[number])
        number += 1
        if opening is None:
            continue
        start = number
        while lines[number] != opening["fence"]:
            number += 1
        above = _FILE.match(lines[start - 2]) if start > 1 else None
        found.append(Block(opening["language"], tuple(lines[start:number]), start, above["name"] if above else ""))
        number += 1
    return found


def prose(text: str) -> str:
    """A document without its fenced blocks."""
    lines = text.splitlines()
    for block in reversed(blocks(text)):
        del lines[block.start - 1 : block.start + len(block.lines) + 1]
    return "\n".join(lines)


def steps(block: Block) -> list[Step]:
    """The commands of a console block with what they show."""
    found: list[Step] = []
    number = 0
    while number < len(block.lines):
        assert block.lines[number].startswith("$ "), f"line {block.start + number + 1} is not what a command shows"
        command, number = _joined(block.lines, number)
        first = number
        while number < len(block.lines) and not block.lines[number].startswith("$ "):
            number += 1
        found.append(Step(command[2:], block.lines[first:number], block.start + first, block.start + number))
    return found


def plain_commands(block: Block) -> list[str]:
    """The lines of a block without a language that call crmctl."""
    if block.language or block.is_console:
        return []
    found = []
    number = 0
    while number < len(block.lines):
        is_command = block.lines[number].startswith("crmctl ")
        command, number = _joined(block.lines, number)
        if is_command:
            found.append(command)
    return found


def _joined(lines: Sequence[str], number: int) -> tuple[str, int]:
    """The line with those that a ``\\`` at its end goes on with, and the number of the line behind."""
    command = lines[number]
    while command.endswith("\\"):
        number += 1
        command = f"{command[:-1]}{lines[number].lstrip()}"
    return command, number + 1


def wanted_status(command: str) -> int:
    """The exit status that a comment behind the command announces."""
    said = _STATUS.search(_QUOTED.sub("", command))
    return int(said[1]) if said else 0


def eaten_by_shell(command: str) -> str:
    """A comparison that a shell would take for a redirection, "" when there is none: ``spent>=40`` without quotes."""
    found = re.search(r"[\w.]+[<>]\S*", _QUOTED.sub("''", command))
    return found[0] if found else ""


def same(shown: Sequence[str], printed: Sequence[str]) -> bool:
    """Whether the lines shown are those printed, but for ids and what ``...`` leaves out."""
    pattern = "".join("(?:.*\n)*?" if line == "..." else f"{re.escape(masked(line))}\n" for line in shown)
    return re.fullmatch(pattern, "".join(f"{masked(line)}\n" for line in printed)) is not None


def masked(line: str) -> str:
    for pattern, name in _MASKS:
        line = pattern.sub(name, line)
    return line.rstrip()


class World:
    """A folder to stand in, a moment, and a shell that knows crmctl."""

    def __init__(self, top: Path, now: str) -> None:
        self.top = top
        self.now = now
        programs = top / "bin"
        programs.mkdir(parents=True)
        self.program("crmctl", f'PYTHONPATH="{PROJECT}" exec "{sys.executable}" -m crmctl --now {now} "$@"')
        os.environ["PATH"] = f"{programs}{os.pathsep}{os.environ['PATH']}"  # The caller's fixture puts it back.
        os.environ["SHELL"] = "/bin/bash"
        for role in ("AUTHOR", "COMMITTER"):
            os.environ[f"GIT_{role}_DATE"] = f"{now}:00+00:00"

    def program(self, name: str, script: str) -> None:
        """Have a shell script stand in for a program."""
        path = self.top / "bin" / name
        path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        path.chmod(0o755)

    def run(self, command: str) -> tuple[int, list[str]]:
        """Do what typing ``command`` does; its status, and what a terminal would show."""
        words = shlex.split(command, comments=True)
        if words[0] == "cd":
            os.chdir(words[1])
            return 0, []
        if words[0] == "crmctl" and re.search(r"[|<>;&$]", _QUOTED.sub("", command)) is None:
            return _in_process(["--now", self.now, *words[1:]])
        done = subprocess.run(
            ["sh", "-c", command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        return done.returncode, done.stdout.decode().splitlines()


def _in_process(arguments: list[str]) -> tuple[int, list[str]]:
    from crmctl.cli.root import run

    buffer = io.BytesIO()
    terminal = io.TextIOWrapper(buffer, encoding="utf-8", write_through=True)
    stdin, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    try:
        with contextlib.redirect_stdout(terminal), contextlib.redirect_stderr(terminal):
            status = run(arguments)
    finally:
        sys.stdin = stdin
    return status, buffer.getvalue().decode().splitlines()


def spans(text: str, start: str) -> Iterator[str]:
    """What stands between single backquotes in the prose and begins with ``start``, on one line each."""
    for found in re.findall(r"`([^`]+)`", prose(text)):
        span = " ".join(found.replace("\\|", "|").split())
        if span.startswith(start):
            yield span


def table(text: str, heading: str) -> list[list[str]]:
    """The rows of the table whose heading line begins with ``heading``; cells without what marks them as code."""
    lines = iter(text.splitlines())
    for line in lines:
        if line.startswith(f"| {heading} "):
            break
    next(lines)
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return rows
