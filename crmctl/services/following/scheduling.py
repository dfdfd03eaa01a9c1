"""Letting the machine run follow-ups and campaigns by itself: a timer of systemd for this user, or lines for a crontab.

Both name every program and folder from the root on, catch up after the machine was off (the run does, by its own
rules), and are locked: the run sees to it that there is one at a time.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import UsageProblem
from crmctl.model.ids import handle_from
from crmctl.model.settings_reading import window_of
from crmctl.services.mailing.typed import typed_address
from crmctl.store.files import storage_failed

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Mapping
    from collections.abc import Sequence

    from crmctl.services.book import Book

EVERY = 15
LONGEST = 990
"""Bytes of a command that every cron takes (Vixie cron's MAX_COMMAND is 1000)."""
_USUAL = ("/usr/local/bin", "/usr/bin", "/bin")


class Job(NamedTuple):
    """One thing that is run: the end of its name, the command, when (systemd's words and cron's), what it is."""

    name: str
    command: tuple[str, ...]
    calendar: str
    cron: str
    help: str


class Plan(NamedTuple):
    """All jobs of one book on this machine; ``name`` is the start of their names, ``environment`` what they need to
    find programs and the user's own settings."""

    name: str
    jobs: tuple[Job, ...]
    environment: Mapping[str, str]


def plan(
    book: Book,
    program: Sequence[str],
    environ: Mapping[str, str],
    *,
    every: int = EVERY,
    mail: str = "",
    at: str = "07:30",
) -> Plan:
    """What is to be run: follow-ups and campaigns every so many minutes and, with ``mail``, the digest of the morning.

    ``program`` is how crmctl is started; of ``environ`` goes along what decides which programs and settings are found.

    Raises:
        UsageProblem: the minutes do not divide an hour, or ``at`` is no time of day.
        Refused: ``mail`` is no address.
    """
    if every < 1 or every > 60 or 60 % every:
        raise UsageProblem(f"{every} minutes do not divide an hour", hint="Take 5, 10, 15, 20, 30 or 60.")
    root = book.root.resolve()
    start = (*program, "-C", str(root))
    if any(character in part for part in start for character in "\n\r\0"):
        raise UsageProblem("a path with a line end in it cannot stand in a schedule")
    digest = sha256(str(root).encode("utf-8", "surrogateescape")).hexdigest()[:6]
    name = f"crmctl-{handle_from(book.settings.name or root.name)[:40] or 'book'}-{digest}"
    jobs = [
        Job("", (*start, "followup", "run", "--send"), *_often(every, 0), "Follow-ups"),
        # What a server put off, a window held back or a limit left. One of both that finds the other at work leaves it
        # to that; so they do not begin at the same minute.
        Job("-campaigns", (*start, "campaign", "send", "--send"), *_often(every, every // 2), "Campaigns"),
    ]
    if mail:
        jobs.append(_digest(start, mail, at))
    return Plan(name, tuple(jobs), _along(environ))


def _often(every: int, first: int) -> tuple[str, str]:
    """Every so many minutes from the ``first`` of an hour on, in systemd's words and in cron's."""
    if every == 60:
        return (f"*:{first:02}" if first else "hourly"), f"{first} * * * *"
    return f"*:{first}/{every}", f"{f'{first}-59' if first else '*'}/{every} * * * *"


def _digest(start: Sequence[str], mail: str, at: str) -> Job:
    """The digest of the morning."""
    found = window_of(f"{at}-24:00")
    if found is None:
        raise UsageProblem(f"{at!r} is no time of day", hint="Write it as 07:30.")
    hour, minute = divmod(found[0], 60)
    command = (*start, "today", "--mail", typed_address(mail), "--send")
    return Job("-digest", command, f"{hour:02}:{minute:02}", f"{minute} {hour} * * *", "Digest")


def _along(environ: Mapping[str, str]) -> dict[str, str]:
    """What of the environment decides which programs and settings are found."""
    folders = [folder for folder in environ.get("PATH", "").split(os.pathsep) if folder.startswith("/")]
    # A relative one is ignored, as the XDG base directory specification has it.
    own = {name: environ.get(name, "") for name in _ALONG if environ.get(name, "").startswith("/")}
    along = {"PATH": os.pathsep.join(dict.fromkeys(folders)), **own}
    return {name: value for name, value in along.items() if value and "\n" not in value}


_ALONG = ("XDG_CONFIG_HOME", "XDG_STATE_HOME")


def crontab(found: Plan) -> list[str]:
    """The lines for ``crontab -e``; of a long PATH, the last folders are left out.

    Raises:
        UsageProblem: cron would not take a line that is so long.
    """
    lines = [
        f"# {found.name}: crmctl says nothing when there was nothing to do. What it says, cron mails to you;",
        "# another address for that: MAILTO=you@example.com in a line before these.",
    ]
    for job in found.jobs:
        environment = dict(found.environment)
        folders = environment.get("PATH", "").split(os.pathsep)
        while len(_command(job, environment).encode("utf-8", "surrogateescape")) > LONGEST:
            spare = [folder for folder in folders if folder not in _USUAL]
            if not spare:
                raise UsageProblem("the command is too long for a line of cron", hint="crmctl schedule install")
            folders.remove(spare[-1])
            environment["PATH"] = os.pathsep.join(folders)
        lines.append(f"{job.cron} {_command(job, environment)}")
    return lines


def _command(job: Job, environment: Mapping[str, str]) -> str:
    told = [f"{name}={value}" for name, value in environment.items()]
    # A % is a line end to cron, also between quotes.
    return shlex.join(["env", *told, *job.command] if told else job.command).replace("%", "\\%")


def units(found: Plan) -> dict[str, str]:
    """The files for systemd, by name."""
    files = {}
    for job in found.jobs:
        command = " ".join(map(_quoted, job.command))
        told = [_quoted(f"{name}={value}", dollar=False) for name, value in found.environment.items()]
        path = "".join(f"Environment={word}\n" for word in told)
        files[f"{found.name}{job.name}.service"] = (
            f"[Unit]\nDescription={job.help} of {found.name}\nAfter=network-online.target\n\n"
            f"[Service]\nType=oneshot\nNice=10\n{path}ExecStart={command}\n"
        )
        files[f"{found.name}{job.name}.timer"] = (
            f"[Unit]\nDescription={job.help} of {found.name}\n\n"
            f"[Timer]\nOnCalendar={job.calendar}\nPersistent=true\nRandomizedDelaySec=60\n\n"
            "[Install]\nWantedBy=timers.target\n"
        )
    return files


def _quoted(text: str, *, dollar: bool = True) -> str:
    """One word as systemd reads it."""
    text = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{text.replace("$", "$$") if dollar else text}"'


def folder() -> Path:
    """Where a user's units stand, by the XDG base directories."""
    named = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(named) if named.startswith("/") else Path.home() / ".config") / "systemd" / "user"


def installed(found: Plan) -> list[Path]:
    """The units of this book that stand there, whatever they were made for."""
    return sorted(path for path in folder().glob(f"{found.name}*") if path.suffix in (".service", ".timer"))


def install(found: Plan, run: Callable[[Sequence[str]], str]) -> tuple[list[Path], list[str]]:
    """Write the units and start the timers; the files, and what did not work.

    Where there is no systemd to start them, nothing is written: no file, and no link that would start them one day.

    Raises:
        StorageFailed: they cannot be written.
    """
    if notes := _tried(run, [["daemon-reload"]]):
        return [], notes
    files, before = units(found), installed(found)
    _take_away([path for path in before if path.name not in files], run)
    place = folder()
    written = []
    for name, text in files.items():
        path = place / name
        try:
            place.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", errors="surrogateescape")
        except OSError as exc:
            raise storage_failed(str(path), exc, "write") from exc
        written.append(path)
    timers = [path.name for path in written if path.suffix == ".timer"]
    notes = _tried(run, [["daemon-reload"], ["enable", "--now", *timers]])
    if notes and not before:
        _take_away(written, run)
        return [], notes
    return written, notes


def uninstall(found: Plan, run: Callable[[Sequence[str]], str]) -> tuple[list[Path], list[str]]:
    """Stop the timers and take the units away; the files, and what did not work."""
    there = installed(found)
    return there, _take_away(there, run)


def _take_away(paths: Sequence[Path], run: Callable[[Sequence[str]], str]) -> list[str]:
    timers = [path.name for path in paths if path.suffix == ".timer"]
    notes = _tried(run, [["disable", "--now", *timers]]) if timers else []
    # Without a bus, systemctl makes the links by which they start, and takes none away.
    links = [path.parent / "timers.target.wants" / path.name for path in paths if path.suffix == ".timer"]
    for path in (*links, *paths):
        try:
            path.unlink(missing_ok=True)
        except OSError as exc:
            raise storage_failed(str(path), exc, "remove") from exc
    return notes + (_tried(run, [["daemon-reload"]]) if paths else [])


def _tried(run: Callable[[Sequence[str]], str], commands: Sequence[Sequence[str]]) -> list[str]:
    notes = []
    for arguments in commands:
        why = run(["systemctl", "--user", *arguments])
        if why:
            notes.append(f"systemctl --user {shlex.join(arguments)}: {why}")
    return notes


def started(command: Sequence[str]) -> str:
    """Run a program; why it failed, "" when it did not."""
    try:
        done = subprocess.run([*command], capture_output=True, text=True, errors="replace", timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired) as exc:
        return str(getattr(exc, "strerror", None) or exc).lower()
    return " ".join(done.stderr.split())[:200] or f"exit status {done.returncode}" if done.returncode else ""
