"""The commands that the crash tests run, the little book they run them in, and what must be so afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from helpers import processes
from helpers.strace import Call
from helpers.strace import Commands
from helpers.strace import Ran
from helpers.strace import steady

FILES = {
    "crm.yaml": "name: Test\ncurrency: EUR\ntimezone: UTC\ncountry: DE\n",
    "records/customers/ada.yaml": "id: 01J0000000000000000000000A\nname: Ada\nemails:\n  - ada@example.com\n",
    "records/customers/bob.yaml": "id: 01J0000000000000000000000B\nname: Bob\n",
    "records/customers/untidy.yaml": "name: 'Untidy'   # so\nid: 01J0000000000000000000000C\n",
    "records/customers/zed.yaml": "id: 01J0000000000000000000000D\nname: Zed\n",
    "records/deals/offer.yaml": "id: 01J0000000000000000000000E\nname: Offer\ncustomer: ada\npipeline: sales\n"
    'stage: lead\nstage_log:\n  - stage: lead\n    at: "2026-01-02"\namount: "100.00"\nopened: "2026-01-02"\n',
    "records/followups/send-it.yaml": "id: 01J0000000000000000000000F\nwhat: send it\n"
    'due: "2026-04-01"\ncustomer: ada\n',
    "records/interactions/ada.jsonl": '{"id": "01J0000000000000000000000G", "at": "2026-01-02T10:00:00+00:00", '
    '"type": "call", "text": "hello"}\n',
    "notes.md": "tracked\n",
    "plan.md": "tracked\n",
}
BY_HAND = {
    "records/customers/zed.yaml": "id: 01J0000000000000000000000D\nname: Zed by hand\n",
    "notes.md": "edited, not staged\n",
    "scratch.md": "untracked\n",
}
STAGED = {"plan.md": "edited and staged\n", "agenda.md": "new and staged\n"}
PEOPLE = "name,email\nCleo,cleo@example.com\nDora,dora@example.com\nEmil,emil@example.com\n"
BATCH = "customer add Gus\ncustomer set gus notes=x\ncustomer set ada role=y\ncustomer rm bob --yes\n"
EDITOR = "#!/bin/sh\nprintf 'notes: edited\\n' >>\"$1\"\n"

# The write that comes after each fault, and reads that show all there is.
NEXT = ["log", "ada", "note", "afterwards"]
READS = (["customer", "list", "-o", "jsonl"], ["timeline", "ada", "-o", "jsonl"], ["deal", "list", "-o", "jsonl"])


class Case(NamedTuple):
    """A command, and the state of the book before it.

    "fresh": as the last command left it; "behind": so that the index has something to take in; "interrupted": a write
    died when HEAD had moved and no file was in place; "renamed": bob got another handle, and was written about since.
    """

    words: tuple[str, ...]
    before: str = "fresh"


CASES = {
    "add": Case(("customer", "add", "Cleo", "--email", "cleo@example.com")),
    "set": Case(("customer", "set", "ada", "notes=new", "phones=+41 44 668 18 00")),
    "rm": Case(("customer", "rm", "bob", "--yes")),
    "log": Case(("log", "ada", "call", "hello again")),
    "log, index behind": Case(("log", "bob", "call", "hello"), "behind"),
    "log with follow-up": Case(("log", "ada", "call", "hello again", "--followup", "send offer", "--due", "fri")),
    "stage": Case(("deal", "set", "offer", "stage=won")),
    "done": Case(("followup", "done", "send-it")),
    "import": Case(
        (
            "import",
            "csv",
            "TOOLS/people.csv",
            "--kind",
            "customer",
            "--map",
            "name=name",
            "--map",
            "emails=email",
            "--yes",
        )
    ),
    "fmt": Case(("fmt",)),
    "edit": Case(("customer", "edit", "ada")),
    "undo": Case(("undo",), "behind"),
    "undo of a rename": Case(("undo", "HEAD~1"), "renamed"),
    "batch": Case(("batch", "TOOLS/batch")),
    "recovery": Case(("customer", "set", "ada", "notes=new"), "interrupted"),
}


class State(NamedTuple):
    """What a book is like: HEAD, what git calls changed, what reads print."""

    head: str
    status: str
    reads: str


class World:
    """The book of a case, before; copies of it; and what the case makes of it when nothing goes wrong."""

    def __init__(self, commands: Commands, case: Case, folder: Path) -> None:
        self.commands = commands
        self.folder = folder
        self.asked = 0
        self.tools = folder / "files"
        self.tools.mkdir(parents=True)
        (self.tools / "people.csv").write_text(PEOPLE)
        (self.tools / "batch").write_text(BATCH)
        (self.tools / "editor").write_text(EDITOR)
        (self.tools / "editor").chmod(0o755)
        self.env = {"EDITOR": str(self.tools / "editor")}
        self.words = [word.replace("TOOLS", str(self.tools)) for word in case.words]
        self.book = folder / "book"
        self.template = folder / "template"
        self._make(case)
        self.old = self.after_next()
        self.ran, self.calls = commands.steady_calls(self.book, self.words, self.restore, self.env)
        self.new = self.after_next()
        self.parts = {self.old.head: "old", self.new.head: "new"}

    def _make(self, case: Case) -> None:
        self.book.mkdir()
        _write(self.book, FILES)
        git(self.book, "init", "-q", "-b", "main")
        # The copies of the book are the same to git's cache, so that it never looks into a file to be sure.
        for setting in ("core.checkStat=minimal", "core.trustctime=false", "gc.auto=0"):
            git(self.book, "config", *setting.split("="))
        shutil.rmtree(self.book / ".git/hooks", ignore_errors=True)
        for path in self.book.rglob("*.*"):
            if path.is_file():
                os.utime(path, (1_600_000_000, 1_600_000_000))
        git(self.book, "add", "-A")
        git(self.book, "commit", "-q", "-m", "by hand")
        if case.before == "behind":
            self.commands.run(self.book, *READS)
            ran = self.commands.run(self.book, ["customer", "set", "bob", "notes=earlier"])
            assert ran.code == 0, ran
        if case.before == "renamed":
            self._rename()
        _write(self.book, STAGED)
        git(self.book, "add", *STAGED)
        _write(self.book, BY_HAND)
        for name in [*BY_HAND, *STAGED]:
            os.utime(self.book / name, (1_600_000_100, 1_600_000_100))
        git(self.book, "status")
        if case.before != "behind":
            assert self.commands.run(self.book, *READS).code == 0
        shutil.copytree(self.book, self.template, symlinks=True)
        if case.before == "interrupted":
            self._interrupt()

    def _rename(self) -> None:
        assert self.commands.run(self.book, ["log", "bob", "call", "hello"]).code == 0
        for folder, ending in (("customers", "yaml"), ("interactions", "jsonl")):
            git(self.book, "mv", f"records/{folder}/bob.{ending}", f"records/{folder}/robert.{ending}")
        git(self.book, "commit", "-q", "-m", "rename by hand")
        assert self.commands.run(self.book, ["log", "robert", "call", "again"]).code == 0

    def _interrupt(self) -> None:
        words = ["log", "bob", "call", "hello", "--followup", "call again", "--due", "2026-04-01"]
        _, calls = self.commands.calls(self.book, words, self.env)
        placing = next(call for call in calls if call.name == "rename" and call.about.endswith("bob.jsonl"))
        self.restore()
        ran = self.commands.fault(self.book, words, placing, "kill", self.env)
        assert ran.hit, ran
        assert list((self.book / ".git/crmctl").glob("journal*"))
        shutil.rmtree(self.template)
        shutil.copytree(self.book, self.template, symlinks=True)

    def restore(self) -> None:
        """The book as it was before."""
        shutil.rmtree(self.book)
        shutil.copytree(self.template, self.book, symlinks=True)

    def state(self) -> State:
        """What the book is like now."""
        reads = self.commands.run(self.book, *READS, env=self.env)
        status = git(self.book, "status", "--porcelain=v2", "--untracked-files=all", "--no-renames")
        return State(git(self.book, "rev-parse", "HEAD"), status, f"{reads.code} {reads.err}{reads.out}")

    def after_next(self) -> State:
        """What it is like when one more command has written."""
        ran = self.commands.run(self.book, NEXT, *READS, env=self.env)
        assert ran.code == 0, ran
        return self.state()

    def faulted(self, call: Call, fault: str) -> Ran:
        """The command run on the book as it was before, with a fault; up to three times, until that hits the call."""
        for _ in range(3):
            self.restore()
            ran = self.commands.fault(self.book, self.words, call, fault, self.env)
            if ran.hit[:1] == (call.about,):
                break
        return ran

    def verdict(self, call: Call, fault: str) -> list[str]:
        """Run the command with a fault; what is wrong then, nothing when all is as it must be."""
        ran = self.faulted(call, fault)
        if ran.hit[:1] != (call.about,):
            return [f"the fault did not hit the call, but {ran.hit}"]
        wrong = []
        moved = _head(self.book) != _head(self.template)
        wrong += wrong_words(ran, moved, fault)
        after = self.commands.run(self.book, NEXT, *READS, env=self.env)
        if after.code == 7 and "crmctl doctor --fix" in after.err:
            # A lock of git's may be somebody else's: it is taken away when the user says so, and not before.
            self.asked += 1
            self.commands.run(self.book, ["doctor", "--fix"], env=self.env)
            after = self.commands.run(self.book, NEXT, *READS, env=self.env)
        if after.code:
            wrong.append(f"the next command ends with {after.code}: {after.err}")
        refused = call.about if call.name.startswith("unlink") and not fault.startswith("kill") else ""
        return wrong + self._wrong_state(moved, after, refused)

    def _wrong_state(self, moved: bool, after: Ran, refused: str) -> list[str]:
        """What is wrong in the book. ``refused`` is a file that the system did not take away: it may be there still."""
        wrong = []
        left = [path for path in leftovers(self.book) if steady(path) != refused]
        head = _head(self.book)
        expected = self.parts.get(head)
        if expected is None:
            return [f"neither the old state nor the new: {git(self.book, 'log', '--oneline', '--stat', '-3')}"]
        if (expected == "new") is not moved:
            wrong.append(f"HEAD had {'' if moved else 'not '}moved, but the state is the {expected} one")
        state = self.old if expected == "old" else self.new
        status = git(self.book, "status", "--porcelain=v2", "--untracked-files=all", "--no-renames")
        status = "".join(line for line in status.splitlines(True) if not refused or refused != steady(line[2:-1]))
        if status != state.status:
            wrong.append(f"the work tree is not HEAD and what was done by hand:\n{status}")
        if not after.code and f"{after.code} {after.out}" not in state.reads.replace(f"0 {after.err}", "0 "):
            wrong.append(f"reads show something else:\n{after.out}")
        for path, text in {**BY_HAND, **STAGED}.items():
            if not (self.book / path).exists() or (self.book / path).read_text() != text:
                wrong.append(f"{path} is not as the user left it")
        done = subprocess.run(
            ["git", "-C", str(self.book), "fsck", "--strict", "--no-dangling", "--no-progress"],
            capture_output=True,
            text=True,
            check=False,
            timeout=processes.LIMIT,
        )
        if done.returncode or done.stderr:
            wrong.append(f"git fsck: {done.stdout}{done.stderr}")
        return wrong + [f"left over: {path}" for path in left]


def wrong_words(ran: Ran, moved: bool, fault: str) -> list[str]:
    """Whether what the command said fits what it did."""
    wrong = []
    if "Traceback" in ran.err or "a bug of ours" in ran.err or ran.code == 70:
        wrong.append(f"not an error in words: {ran.code} {ran.err}")
    if ran.code == 0 and not moved:
        wrong.append(f"it said all is well, and it is not: {ran.err}")
    if ran.code > 0 and "crmctl: " not in ran.err:
        wrong.append(f"it says nothing: {ran.code} {ran.err}")
    if ran.code > 0 and moved and "committed as" not in ran.err:
        wrong.append(f"it says that it failed, but it is committed: {ran.err}")
    if ran.code > 0 and not moved and "committed as" in ran.err:
        wrong.append(f"it says that it is committed, but it is not: {ran.err}")
    if ran.code < 0 and not fault.startswith("kill"):
        wrong.append(f"it died: {ran.code} {ran.err}")
    return wrong


def leftovers(book: Path) -> list[str]:
    """What only a write under way may have in a book. Objects that git did not finish are its own garbage."""
    found = []
    for folder, _, names in os.walk(book):
        for name in names:
            path = str((Path(folder) / name).relative_to(book))
            if path.startswith((".git/objects/", ".git/crmctl/tmp/")):
                continue
            if name.endswith((".lock", ".crmctl")) or "journal" in name or "tmp" in name or "refs/crmctl/" in path:
                found.append(path)
    return found


def _head(book: Path) -> str:
    try:
        return (book / ".git/refs/heads/main").read_text()
    except OSError:
        return ""


def _write(book: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (book / path).parent.mkdir(parents=True, exist_ok=True)
        (book / path).write_text(text)


def git(folder: Path, *arguments: str) -> str:
    """What git prints. The moment is always the same, so that commits are."""
    moment = "2026-03-01T10:00:00+01:00"
    env = {**os.environ, "GIT_AUTHOR_DATE": moment, "GIT_COMMITTER_DATE": moment}
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=env,
        timeout=processes.LIMIT,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
