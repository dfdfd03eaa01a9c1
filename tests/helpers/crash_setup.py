"""Faults in the two commands that make no ordinary commit: ``init`` and ``hooks install``."""

from __future__ import annotations

import shutil
import stat
from typing import TYPE_CHECKING

from helpers import crash_cases
from helpers.crash_cases import World
from helpers.crash_cases import git
from helpers.crash_cases import leftovers
from helpers.strace import Call
from helpers.strace import Commands
from helpers.strace import steady

if TYPE_CHECKING:
    from pathlib import Path

NOTES = "mine, and here before\n"


class HooksWorld(World):
    """``hooks install`` in a book that has none, and a user's own hook in the way."""

    def __init__(self, commands: Commands, folder: Path) -> None:
        super().__init__(commands, crash_cases.Case(("hooks", "install")), folder)
        self.restore()
        self.before = set_up(self.book)
        assert commands.run(self.book, self.words, env=self.env).code == 0
        self.after = set_up(self.book)
        assert self.before != self.after

    def verdict(self, call: Call, fault: str) -> list[str]:
        """Run the command with a fault; what is wrong then."""
        ran = self.faulted(call, fault)
        if ran.hit[:1] != (call.about,):
            return [f"the fault did not hit the call, but {ran.hit}"]
        wrong = crash_cases.wrong_words(ran, ran.code == 0, fault)
        for path, found in set_up(self.book).items():
            if found not in (self.before.get(path), self.after.get(path)) and not path.endswith((".lock", ".crmctl")):
                wrong.append(f"{path} is neither as before nor as after: {found[1][:200]!r}")
        next_one = self.commands.run(self.book, crash_cases.NEXT, env=self.env)
        if next_one.code:
            wrong.append(f"the next command ends with {next_one.code}: {next_one.err}")
        again = self.commands.run(self.book, self.words, env=self.env)
        if again.code:
            wrong.append(f"once more ends with {again.code}: {again.err}")
        refused = call.about if call.name.startswith("unlink") and not fault.startswith("kill") else "none"
        ended = set_up(self.book)
        for path in sorted({*ended, *self.after}):
            if ended.get(path) != self.after.get(path) and steady(path) != refused:
                wrong.append(f"{path} is not as it should be in the end")
        return wrong + [f"left over: {path}" for path in leftovers(self.book) if steady(path) != refused]


def set_up(book: Path) -> dict[str, tuple[bool, str]]:
    """What is set up around a book: path to whether it can be run, and its text."""
    found = {}
    for path in [*(book / ".git/hooks").glob("*"), book / ".git/config", book / ".git/info/attributes"]:
        if path.exists():
            can_run = bool(path.stat().st_mode & stat.S_IXUSR)
            found[str(path.relative_to(book))] = (can_run, path.read_text(errors="replace"))
    return found


class InitWorld:
    """``init`` in a folder that holds a file of the user's."""

    def __init__(self, commands: Commands, folder: Path) -> None:
        self.commands = commands
        self.words = ["init", ".", "--name", "Shop", "--timezone", "UTC"]
        self.env: dict[str, str] = {}
        self.book = folder / "book"
        self.ran, self.calls = commands.steady_calls(self.book, self.words, self.restore)
        self.head = git(self.book, "rev-parse", "HEAD")
        self.status = git(self.book, "status", "--porcelain")
        assert self.status == "?? notes.md\n"
        # The same files are made each time, as HEAD and the work tree tell: what is in the templates is looked at once.
        checked = commands.run(self.book, ["check"])
        assert checked.code == 0, checked

    def restore(self) -> None:
        """The folder as it was before."""
        shutil.rmtree(self.book, ignore_errors=True)
        self.book.mkdir(parents=True)
        (self.book / "notes.md").write_text(NOTES)

    def verdict(self, call: Call, fault: str) -> list[str]:
        """Run the command with a fault; what is wrong then."""
        for _ in range(3):
            self.restore()
            ran = self.commands.fault(self.book, self.words, call, fault)
            if ran.hit[:1] == (call.about,):
                break
        else:
            return [f"the fault did not hit the call, but {ran.hit}"]
        moved = (self.book / ".git/refs/heads/main").exists()
        taking_away = call.name in ("unlink", "unlinkat", "rmdir") and not fault.startswith("kill")
        wrong = crash_cases.wrong_words(ran, moved, fault)
        left = sorted(path.name for path in self.book.iterdir())
        if ran.code > 0 and not moved and not taking_away and left != ["notes.md"]:
            wrong.append(f"it failed and left {left}")
        again = self.commands.run(self.book, self.words)
        if again.code and not (moved and again.code == 5 and "already" in again.err):
            wrong.append(f"once more ends with {again.code}: {again.err}")
            return wrong
        if git(self.book, "rev-parse", "HEAD") != self.head:
            wrong.append("HEAD is not the new book")
        status = git(self.book, "status", "--porcelain")
        if status != self.status:
            wrong.append(f"the work tree is not HEAD: {status}")
        if (self.book / "notes.md").read_text() != NOTES:
            wrong.append("notes.md is not as the user left it")
        words = (["customer", "add", "Ada"], ["customer", "show", "ada"], ["check", "crm.yaml", "records"])
        next_one = self.commands.run(self.book, *words)
        if next_one.code == 7 and "crmctl doctor --fix" in next_one.err:
            # git itself was killed while it looked through the files, and left the lock of its index.
            self.commands.run(self.book, ["doctor", "--fix"])
            next_one = self.commands.run(self.book, *words)
        if next_one.code:
            wrong.append(f"the next command ends with {next_one.code}: {next_one.err}")
        git(self.book, "fsck", "--strict")
        refused = call.about if taking_away else "none"
        return wrong + [f"left over: {path}" for path in leftovers(self.book) if steady(path) != refused]


class SyncWorld(World):
    """``sync`` with a remote that has a change of the same record, and gets one of ours."""

    def __init__(self, commands: Commands, folder: Path) -> None:
        self.remote = folder / "remote.git"
        self.remote_before = folder / "remote-before.git"
        self.ended = ""
        super().__init__(commands, crash_cases.Case(("sync",), "behind"), folder)

    def _make(self, case: crash_cases.Case) -> None:
        super()._make(case)
        git(self.folder, "clone", "-q", "--bare", str(self.book), str(self.remote))
        git(self.remote, "config", "gc.auto", "0")
        git(self.book, "remote", "add", "origin", str(self.remote))
        git(self.book, "fetch", "-q", "origin")
        git(self.book, "branch", "-q", "--set-upstream-to=origin/main")
        theirs = self.folder / "theirs"
        git(self.folder, "clone", "-q", str(self.remote), str(theirs))
        for book, words in ((theirs, "role=theirs"), (self.book, "notes=ours")):
            ran = self.commands.run(book, ["customer", "set", "ada", words])
            assert ran.code == 0, ran
        git(theirs, "push", "-q", "origin", "main")
        shutil.copytree(self.remote, self.remote_before)
        shutil.rmtree(self.template)
        shutil.copytree(self.book, self.template, symlinks=True)

    def restore(self) -> None:
        """Both as they were before."""
        super().restore()
        shutil.rmtree(self.remote)
        shutil.copytree(self.remote_before, self.remote)

    def after_next(self) -> crash_cases.State:
        """What it is like when a sync has gone through."""
        ran = self.commands.run(self.book, self.words, env=self.env)
        assert ran.code == 0, ran
        assert git(self.remote, "rev-parse", "main") == git(self.book, "rev-parse", "main")
        return self.state()

    def verdict(self, call: Call, fault: str) -> list[str]:
        """Run the command with a fault; what is wrong then. Once more, it has to be as if nothing had happened."""
        ran = self.faulted(call, fault)
        if ran.hit[:1] != (call.about,):
            return [f"the fault did not hit the call, but {ran.hit}"]
        # What has been joined and not sent is sent the next time; sync says so in words of its own.
        wrong = [one for one in crash_cases.wrong_words(ran, True, fault) if "it is committed" not in one]
        if ran.code == 0 and git(self.remote, "rev-parse", "main") != git(self.book, "rev-parse", "main"):
            wrong.append(f"it said all is well, and has sent nothing: {ran.err}")
        again = self.commands.run(self.book, self.words, env=self.env)
        if again.code == 7 and "crmctl doctor --fix" in again.err:
            self.asked += 1
            self.commands.run(self.book, ["doctor", "--fix"], env=self.env)
            again = self.commands.run(self.book, self.words, env=self.env)
        if again.code:
            return [*wrong, f"once more ends with {again.code}: {again.err}"]
        if git(self.remote, "rev-parse", "main") != git(self.book, "rev-parse", "main"):
            wrong.append("the remote has something else")
        if self.state() != self.new:
            wrong.append(f"the book is not as it should be: {git(self.book, 'log', '--oneline', '--graph')}")
        refused = call.about if call.name.startswith("unlink") and not fault.startswith("kill") else "none"
        wrong += [f"left over: {path}" for path in leftovers(self.book) if steady(path) != refused]
        git(self.book, "fsck", "--strict")
        git(self.remote, "fsck", "--strict")
        return wrong
