"""Four clones, a bare repository, and a nemesis: it kills, pauses and takes the repository away while people work.

What people and the nemesis do is drawn from a seed; when it happens is up to the machine. What has been acknowledged
(exit 0) is written down, and looked for in the end.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING
from typing import NamedTuple

from helpers import processes
from helpers.books import git
from helpers.team import Team
from helpers.team import head

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CLONES = ("ann", "bob", "cleo", "dan")
PEOPLE = 5
NAMES = ("Nina Novak", "Otto Ohm")
"""Names that several people add: different customers under one handle."""
ROUNDS = 8
"""So many rounds of syncs, one clone after the other, must bring all to one state."""
EXPECTED = frozenset({0, 1, 3, 5, 7, -signal.SIGKILL})


class Acknowledged(NamedTuple):
    """A write that was answered with exit 0: the commit it made, what it was, of whom, and a word to find it by."""

    clone: str
    commit: str
    what: str
    handle: str
    word: str


class Running:
    """The processes that run now, for the nemesis to pick from."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now: list[subprocess.Popen[bytes]] = []

    @contextlib.contextmanager
    def of(self, process: subprocess.Popen[bytes]) -> Iterator[None]:
        """Have ``process`` among them for as long as it runs."""
        with self._lock:
            self._now.append(process)
        try:
            yield
        finally:
            with self._lock:
                self._now.remove(process)

    def strike(self, chance: random.Random, pause: float) -> str:
        """Kill one of them (alone, or with its children), or stop it for a while; what was done.

        None that has ended is touched.
        """
        with self._lock:
            living = [process for process in self._now if process.poll() is None]
            if not living:
                return "nothing"
            process = chance.choice(living)
            kind = chance.choice(("kill", "kill all", "pause"))
            with contextlib.suppress(ProcessLookupError):
                if kind == "kill":
                    process.kill()
                elif kind == "kill all":
                    os.killpg(process.pid, signal.SIGKILL)
                else:
                    os.killpg(process.pid, signal.SIGSTOP)
        if kind == "pause":
            time.sleep(pause)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGCONT)
        return kind


class History:
    """One run: ``work`` with the nemesis about, then ``converge`` in peace; what went wrong is in ``wrong``."""

    def __init__(self, root: Path, seed: int, steps: int) -> None:
        self.team = Team(root, PEOPLE)
        self.clones = {name: self.team.clone(name) for name in CLONES}
        # Half of them have their pushes and commits checked by git's hooks too.
        for name in CLONES[::2]:
            processes.crmctl("-C", self.clones[name], "hooks", "install")
        self.seed = seed
        self.steps = steps
        self.acknowledged: list[Acknowledged] = []
        self.reported: set[str] = set()
        self.wrong: list[str] = []
        self.deeds: Counter[str] = Counter()
        self.running = Running()
        self._over = threading.Event()
        self._days = {name: f"2026-03-{2 + number:02}" for number, name in enumerate(CLONES)}

    # Work

    def work(self) -> None:
        """Everybody works at once, and the nemesis with them."""
        people = [threading.Thread(target=self._person, args=(name,)) for name in CLONES]
        nemesis = threading.Thread(target=self._nemesis)
        for thread in (*people, nemesis):
            thread.start()
        for thread in people:
            thread.join()
        self._over.set()
        nemesis.join()

    def _person(self, name: str) -> None:
        chance = random.Random(f"{self.seed} {name}")
        for step in range(self.steps):
            try:
                self._step(name, chance, f"w{self.seed}x{name}x{step}")
            except Exception as exc:  # noqa: BLE001 - a thread that dies in silence would hide what went wrong
                self.wrong.append(f"{name}, step {step}: {exc!r}")
                return

    def _step(self, name: str, chance: random.Random, word: str) -> None:
        handle = f"p{chance.randrange(PEOPLE - 1)}"
        kinds = ("log", "log", "tag", "role", "role", "add", "same", "remove", "sync", "sync", "sync", "by hand")
        kind = chance.choice(kinds)
        if kind == "sync":
            self._run(name, "sync", "-q")
            return
        if kind == "by hand":
            self._by_hand(name, handle, word)
            return
        arguments: tuple[str, ...]
        if kind == "log":
            arguments = ("log", handle, "note", f"said {word}")
        elif kind == "tag":
            arguments = ("customer", "set", handle, f"tags+={word}")
        elif kind == "role":
            arguments = ("customer", "set", handle, f"role={word}")
        elif kind == "add":
            arguments, handle = ("customer", "add", f"New {word}"), f"new-{word}"
        elif kind == "same":
            arguments, handle = ("customer", "add", chance.choice(NAMES), "--set", f"tags={word}"), ""
        else:
            handle = f"p{PEOPLE - 1}"
            arguments = (
                ("customer", "rm", handle, "--yes")
                if chance.random() < 0.5
                else ("log", handle, "note", f"said {word}")
            )
            kind = "remove" if arguments[1] == "rm" else "log"
        if self._run(name, *arguments) == 0:
            self.acknowledged.append(Acknowledged(name, head(self.clones[name]), kind, handle, word))

    def _by_hand(self, name: str, handle: str, word: str) -> None:
        """An editor and git; git's own locks may be in the way, then there is no commit."""
        clone = self.clones[name]
        path = clone / "records/customers" / f"{handle}.yaml"
        if not path.exists():
            return
        text = path.read_text()
        path.write_text(text if "source:" in text else f"{text}source: {word}\n")
        with contextlib.suppress(AssertionError):
            git(clone, "commit", "-q", "-m", "by hand", "--no-verify", "--", str(path))

    def _run(self, name: str, *arguments: str) -> int:
        process = processes.start(
            *("-C", self.clones[name], "--now", self._days[name], *arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        with self.running.of(process):
            try:
                _, said = process.communicate(timeout=processes.LIMIT)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
                self.wrong.append(f"{name}: crmctl {' '.join(arguments)} hangs")
                return -1
        words = said.decode("utf-8", "replace")
        if process.returncode not in EXPECTED or "Traceback" in words or "a bug of ours" in words:
            self.wrong.append(f"{name}: crmctl {' '.join(arguments)} ended with {process.returncode}: {words}")
        if process.returncode == 7 and "doctor --fix" in words:
            processes.crmctl("-C", self.clones[name], "doctor", "--fix")
        self.deeds[f"exit {process.returncode}"] += 1
        return process.returncode

    def _nemesis(self) -> None:
        chance = random.Random(f"{self.seed} nemesis")
        away = self.team.root / "away.git"
        while not self._over.wait(chance.uniform(0.05, 0.5)):
            if chance.random() < 0.15:
                self.team.remote.rename(away)
                self._over.wait(chance.uniform(0.2, 1.0))
                away.rename(self.team.remote)
                self.deeds["away"] += 1
            else:
                self.deeds[self.running.strike(chance, chance.uniform(0.1, 1.5))] += 1

    # Peace

    def converge(self) -> None:
        """Sync in turn, answering what is asked, until all are at one commit."""
        self._sweep_server()
        for clone in self.clones.values():
            processes.crmctl("-C", clone, "doctor", "--fix")
            self._give_back(clone)
        for turn in range(ROUNDS):
            for name in self.clones:
                self._sync(name, turn)
            heads = {head(clone) for clone in (*self.clones.values(), self.team.remote)}
            if len(heads) == 1:
                return
        self.wrong.append(f"after {ROUNDS} rounds there are still {len(heads)} states")

    def _sweep_server(self) -> None:
        """The server is started anew: what a killed ``git receive-pack`` left is taken away there."""
        time.sleep(0.5)  # Children of killed processes come to their end.
        for lock in self.team.remote.rglob("*.lock"):
            lock.unlink()

    def _give_back(self, clone: Path) -> None:
        """Edits by hand that were never committed are given up by whoever made them."""
        git(clone, "checkout", "-q", "--", ".")

    def _sync(self, name: str, turn: int) -> None:
        clone = self.clones[name]
        for attempt in range(4):
            done = processes.crmctl("-C", clone, "sync")
            if done.code == 0:
                return
            if done.code != 5 or "question" not in done.err:
                self.wrong.append(f"{name}: sync ended with {done.code}: {done.err}")
                return
            self._answer(name, f"{turn}{attempt}")
        self.wrong.append(f"{name}: the questions do not end: {done.err}")

    def _answer(self, name: str, word: str) -> None:
        clone = self.clones[name]
        asked = json.loads(processes.crmctl("-C", clone, "conflicts", "-o", "json").out)
        chance = random.Random(f"{self.seed} {name} {word}")
        for one in asked:
            self.deeds[f"asked {one['what']}"] += 1
            if one["what"] == "field":
                continue
            self.reported.add(one["handle"])
            if one["what"] == "identity":
                new = one["home"] or f"{one['handle']}-{name}{word}"
                done = processes.crmctl("-C", clone, "resolve", one["kind"], one["handle"], "--rename", new)
                if done.code:
                    self.wrong.append(f"{name}: renaming failed: {done.err}")
        if any(one["what"] != "identity" for one in asked):
            done = processes.crmctl("-C", clone, "resolve", "--all", chance.choice(("--ours", "--theirs")), "--yes")
            if done.code:
                self.wrong.append(f"{name}: answering failed: {done.err}")

    # What must be so

    def lost(self) -> list[str]:
        """Acknowledged writes that are neither in the history nor, where they must be, in the files."""
        clone = self.clones[CLONES[0]]
        history = set(git(clone, "rev-list", "HEAD").split())
        lines = "".join(path.read_text() for path in sorted((clone / "records/interactions").glob("*.jsonl")))
        people = {path.stem: path.read_text() for path in sorted((clone / "records/customers").glob("*.yaml"))}
        found = []
        for one in self.acknowledged:
            where = f"{one.what} {one.word} of {one.handle} by {one.clone}"
            if one.commit not in history:
                found.append(f"{where}: its commit {one.commit[:10]} is in nobody's history")
            elif one.what == "log" and self._stands(one, people) and lines.count(f'said {one.word}"') != 1:
                found.append(f"{where}: stands {lines.count(f'said {one.word}')} times in the files")
            elif one.what == "tag" and self._stands(one, people) and people[one.handle].count(f"{one.word}\n") != 1:
                found.append(f"{where}: is not among the tags")
            elif one.what == "add" and one.handle not in people:
                found.append(f"{where}: there is no such customer")
        return found

    def _stands(self, one: Acknowledged, people: dict[str, str]) -> bool:
        """Whether it must be in the files: its customer was neither removed nor asked about as a whole."""
        return one.handle in people and one.handle not in self.reported
