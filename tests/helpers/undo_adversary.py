"""Two people who write, rename, sync and undo at random, each undo compared with the oracle."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from crmctl.cli.root import run
from helpers.books import git
from helpers.team import SETTINGS
from helpers.undo_oracle import facts
from helpers.undo_oracle import undone

if TYPE_CHECKING:
    from pathlib import Path

    from helpers.undo_oracle import Facts

PEOPLE = ("ann", "bob")
NAMES = ("Ida Ito", "Jon Juarez", "Kim Kahn", "Lea Lund", "Max Moe", "Nia Noor")
ROLES = ("buyer", "seller", "baker")
TAGS = ("red", "blue", "green")


class Adversary:
    """Writes to clones of one book. ``told`` is what was done, command by command; ``faults`` what was wrong."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.random = Random(seed)
        self.folder = folder
        self.told: list[str] = []
        self.faults: list[str] = []
        self.counts = {"undone": 0, "refused": 0}
        self.known: dict[str, Facts] = {}
        self.number = 0
        git(folder, "init", "-q", "--bare", "-b", "main", "remote.git")
        first = folder / PEOPLE[0]
        git(folder, "clone", "-q", "remote.git", str(first))
        git(first, "switch", "-q", "-c", "main")
        (first / "crm.yaml").write_text(SETTINGS)
        git(first, "add", "-A")
        git(first, "commit", "-q", "-m", "start")
        self.here = first
        for name in NAMES[:3]:
            self.do("customer", "add", name, "--tag", "red", "--role", "buyer")
        git(first, "push", "-q", "-u", "origin", "main")
        for other in PEOPLE[1:]:
            git(folder, "clone", "-q", "remote.git", str(folder / other))
        self.start = git(first, "rev-parse", "HEAD").strip()

    def do(self, *words: str) -> int:
        """One command line; its exit status."""
        before = self.head()
        code = run(["-q", "-C", str(self.here), *words])
        self.told.append(f"{self.here.name}: {' '.join(words)} = {code}")
        if code not in (0, 1, 2, 3, 4, 5, 7):
            self.faults.append(f"it ends with {code}")
        if self.head() != before:
            self.note()
        return code

    def head(self) -> str:
        """The commit that the clone is at."""
        return (self.here / ".git/refs/heads/main").read_text().strip() if self.here.exists() else ""

    def note(self) -> None:
        """Remember what the book is like in this commit."""
        self.known[self.head()] = facts(self.here)

    def step(self) -> None:
        """Whatever comes to mind."""
        self.here = self.folder / self.random.choice(PEOPLE)
        if self.head() not in self.known:
            self.note()
        moves = (
            (self.add, 2),
            (self.change, 5),
            (self.label, 2),
            (self.many, 1),
            (self.rename, 2),
            (self.exchange, 1),
            (self.remove, 1),
            (self.log, 2),
            (self.line, 2),
            (self.deal, 2),
            (self.bring, 1),
            (self.sync, 3),
            (self.undo, 9),
        )
        self.random.choices([move for move, _ in moves], [weight for _, weight in moves])[0]()

    def customer(self) -> str:
        """The handle of one."""
        found = sorted((self.here / "records/customers").glob("*.yaml"))
        return self.random.choice(found).stem if found else "nobody"

    def interaction(self) -> str:
        """The id of one; each has a text of its own, which is the same in every run."""
        known = self.known[self.head()]
        texts = sorted((record["text"], identity) for identity, record in known.items() if "text" in record)
        return self.random.choice(texts)[1] if texts else "nothing"

    def add(self) -> None:
        self.do("customer", "add", self.random.choice(NAMES), "--tag", self.random.choice(TAGS))

    def change(self) -> None:
        name, values = self.random.choice((("role", (*ROLES, "")), ("source", ("fair", "web", ""))))
        self.do("customer", "set", self.customer(), f"{name}={self.random.choice(values)}")

    def label(self) -> None:
        self.do("customer", "set", self.customer(), f"tags{self.random.choice('+-')}={self.random.choice(TAGS)}")

    def many(self) -> None:
        self.do("customer", "set", "--filter", f"tag:{self.random.choice(TAGS)}", "language=de", "--yes")

    def remove(self) -> None:
        self.do("customer", "rm", self.customer(), "--yes")

    def log(self) -> None:
        self.number += 1
        self.do("log", self.customer(), "note", f"number {self.number}")

    def line(self) -> None:
        identity = self.interaction()
        if self.random.random() < 0.3:
            self.do("interaction", "rm", identity, "--yes")
        else:
            self.do("interaction", "set", identity, f"outcome={self.random.choice(('reached', 'voicemail', ''))}")

    def deal(self) -> None:
        found = sorted((self.here / "records/deals").glob("*.yaml"))
        if found and self.random.random() < 0.6:
            what = self.random.choice((f"amount={self.random.randrange(1, 4)}00", f"customer={self.customer()}"))
            self.do("deal", "set", self.random.choice(found).stem, what)
        else:
            self.number += 1
            self.do("deal", "add", f"Deal {self.number}", "--customer", self.customer(), "--amount", "100")

    def bring(self) -> None:
        """An import that adds and updates."""
        rows = self.random.sample(NAMES, 3)
        table = self.folder / "people.csv"
        lines = [f"{name.split()[0].lower()},{name},{self.random.choice(ROLES)}" for name in rows]
        table.write_text("\n".join(["key,name,role", *lines, ""]))
        columns = ("--map", "name=name", "--map", "role=role", "--map", "external.shop=key", "--key", "external.shop")
        self.do("import", "csv", str(table), "--kind", "customer", *columns, "--yes")

    def rename(self) -> None:
        """By hand, as git lets one."""
        old = self.customer()
        self.number += 1
        self.called({old: f"{old.split('-')[0]}-{self.number}"})

    def exchange(self) -> None:
        """Two or three of them, in a ring."""
        found = sorted(path.stem for path in (self.here / "records/customers").glob("*.yaml"))
        ring = self.random.sample(found, min(len(found), self.random.choice((2, 2, 3))))
        self.called(dict(zip(ring, [*ring[1:], *ring[:1]], strict=True)))

    def called(self, names: dict[str, str]) -> None:
        """A commit by hand in which customers get other names, wherever they are named."""
        records = self.here / "records"
        moved = {}
        for old, new in names.items():
            for place in ("customers/{}.yaml", "interactions/{}.jsonl"):
                path = records / place.format(old)
                if path.exists():
                    moved[records / place.format(new)] = path.read_bytes()
                    path.unlink()
        for path, data in moved.items():
            path.write_bytes(data)
        for path in records.glob("deals/*.yaml"):
            lines = path.read_text().splitlines(keepends=True)
            path.write_text("".join(_renamed(line, names) for line in lines))
        git(self.here, "add", "-A")
        git(self.here, "commit", "-q", "--allow-empty", "--no-verify", "-m", "rename")
        self.told.append(f"{self.here.name}: rename {names}")
        self.note()

    def sync(self) -> None:
        """What cannot be joined is decided for this side, as a person might who does not look."""
        if self.do("sync") == 5:
            git(self.here, "fetch", "-q")
            git(self.here, "merge", "-q", "-s", "ours", "-m", "ours", "origin/main")
            self.told.append(f"{self.here.name}: merge -s ours")
            self.note()
            self.do("sync")

    def undo(self) -> None:
        """Some commit, or the latest; all of it, or what is in nobody's way."""
        mine = set(git(self.here, "rev-list", f"{self.start}..HEAD").split())
        found = [commit for commit in self.known if commit in mine][-self.random.choice((1, 3, 10, 40)) :]
        if not found:
            return
        commit = self.random.choice(found)
        parent = git(self.here, "rev-parse", f"{commit}^").strip()
        before = self.known[self.head()]
        wanted, overlaps = undone(self.known[commit], before, self.known[parent])
        words = ["undo", commit, "--allow-removals"]
        code = self.do(*words)
        if code == 5 and self.is_undone(commit):
            return
        if code == 5 and not overlaps:
            self.faults.append("it sees an overlap where there is none")
        elif code == 0 and overlaps:
            self.faults.append(f"it does not see the overlap in {', '.join(sorted(overlaps))}")
        if code == 5:
            if facts(self.here) != before:
                self.faults.append("it refused, and wrote")
            self.counts["refused"] += 1
            code = self.do(*words, "--rest")
        self.counts["undone"] += code == 0
        self.compare(facts(self.here), wanted if code == 0 else before)
        if git(self.here, "status", "--porcelain"):
            self.faults.append("the work tree is not clean")

    def is_undone(self, commit: str) -> bool:
        """Whether an undo of it is in the history that is not undone itself."""
        form = "--format=%H %(trailers:key=Undoes,valueonly,separator=%x2C)"
        gone: set[str] = set()
        for line in git(self.here, "log", "--date-order", form).splitlines():
            made, _, what = line.partition(" ")
            if what and made not in gone:
                gone.add(what)
        return commit in gone

    def compare(self, found: Facts, wanted: Facts) -> None:
        """Note every record that is not as it must be."""
        for identity in sorted(found.keys() | wanted.keys()):
            if found.get(identity) != wanted.get(identity):
                self.faults.append(f"{identity} is {found.get(identity)}, not {wanted.get(identity)}")


def _renamed(line: str, names: dict[str, str]) -> str:
    name, colon, value = line.partition(": ")
    return f"customer: {names.get(value.strip(), value.strip())}\n" if colon and name == "customer" else line
