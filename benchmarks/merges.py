"""What merging costs: one record by the driver, as git starts it, and a sync of a thousand that both sides edited."""

from __future__ import annotations

import shutil
import sys
from functools import partial
from typing import TYPE_CHECKING

import make_book

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Sequence
    from pathlib import Path

    from bench import Line
    from bench import Run

EDITED = 1_000
"""Records that both sides change, each another field."""


def driver(
    work: Path, once: Callable[..., Run], in_turns: Callable[..., tuple[Run, Run, float]], runs: int
) -> list[Line]:
    """One merge of one record in a process of its own, against click's start. The design allows 60 ms beside 37."""
    from bench import CLICK
    from bench import Line
    from bench import milliseconds

    folder = work / "driver"
    folder.mkdir()
    files = make_book.files(1, 1, sharded=False)
    path, base = next((path, data.decode()) for path, data in files if path.startswith("records/customers/"))
    (folder / "base").write_text(base)
    (folder / "theirs").write_text(base.replace("name: ", "name: The ", 1))
    ours = base + "salutation: Dear friend\n"

    def merge() -> Run:
        (folder / "ours").write_text(ours)
        command = (sys.executable, "-P", "-m", "crmctl.hooks.merge_driver", "base", "ours", "theirs", "7", path)
        return once(command, folder)

    mine, click, ratio = in_turns(merge, partial(once, CLICK), runs)
    assert "name: The " in (folder / "ours").read_text()
    assert "salutation: " in (folder / "ours").read_text()
    bar = 60 / 37
    return [
        Line("merge driver, one record", milliseconds(mine), f"click {milliseconds(click)}", f"{ratio:.2f}x",
             f"{bar:.2f}x (60 ms)", ratio <= bar)
    ]  # fmt: skip


def sync(work: Path, once: Callable[..., Run], program: Sequence[str]) -> list[Line]:
    """``crmctl sync`` that joins ``EDITED`` records, against git's own text merge of the very same edits."""
    from bench import Line
    from bench import milliseconds

    hub, mine, theirs, plain = (work / name for name in ("hub.git", "mine", "theirs", "plain"))
    make_book.make(mine, 10_000, 20_000)
    once(("git", "clone", "-q", "--bare", str(mine), str(hub)))
    once(("git", "remote", "add", "origin", str(hub)), mine)
    once(("git", "fetch", "-q", "origin"), mine)
    once(("git", "clone", "-q", str(hub), str(theirs)))
    for book, end, line in ((theirs, True, "salutation: Dear friend\n"), (mine, False, "# seen\n")):
        for path in sorted((book / "records" / "customers").rglob("*.yaml"))[:EDITED]:
            text = path.read_text()
            path.write_text(text + line if end else line + text.replace("name: ", "name: The ", 1))
        once(("git", "commit", "-q", "-a", "-m", "edits"), book)
    once(("git", "push", "-q", "origin", "HEAD"), theirs)
    shutil.copytree(mine, plain, symlinks=True)
    once((*program, "-C", str(mine), "customer", "list", "--limit", "1", "-o", "ids"))
    synced = once((*program, "-C", str(mine), "sync", "--quiet"))
    once(("git", "fetch", "-q", "origin"), plain)
    merged = once(("git", "merge", "-q", "--no-edit", "origin/main"), plain)
    what = f"sync, {EDITED:,} records edited on both sides"
    against = f"git merge as text {milliseconds(merged)}"
    return [Line(what, milliseconds(synced), against, f"{synced.seconds / merged.seconds:.1f}x", "10 s",
                 synced.seconds <= 10)]  # fmt: skip
