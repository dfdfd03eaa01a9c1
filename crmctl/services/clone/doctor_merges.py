"""``doctor`` on merges: the driver is proved by merging with it, and the state of each hook is told.

A built-in record is merged by real git in a repository that is thrown away, with the very command and the very lines of
attributes that stand in this clone: only that shows that git finds the driver, the driver finds Python, and so on.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from crmctl import clock
from crmctl.errors import CrmError
from crmctl.services.clone import githooks
from crmctl.services.clone import mergedriver
from crmctl.services.clone import ours
from crmctl.services.finding import BAD
from crmctl.services.finding import OK
from crmctl.services.finding import WARN
from crmctl.services.finding import Finding
from crmctl.vcs import clonefiles
from crmctl.vcs import hookfiles
from crmctl.vcs import rehearsal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crmctl.services.book import Book
    from crmctl.vcs.places import Places

_RECORD = "records/customers/crmctl-example.yaml"
_BASE = b"id: 01J0000000000000000000000X\nname: Example\nrole: buyer\nlanguage: en\n"
_OURS = _BASE.replace(b"buyer", b"head of sales")
_THEIRS = _BASE.replace(b"language: en", b"language: de")
_OTHERS = _BASE.replace(b"buyer", b"driver")
_BOTH = _OURS.replace(b"language: en", b"language: de")
_OF_GIT = (
    *("applypatch-msg", "pre-applypatch", "post-applypatch", "pre-commit", "pre-merge-commit", "prepare-commit-msg"),
    *("commit-msg", "post-commit", "pre-rebase", "post-checkout", "post-merge", "pre-push", "post-rewrite"),
    *("pre-auto-gc", "reference-transaction", "post-index-change", "sendemail-validate", "push-to-checkout"),
)
_RUN_BY_WRITES = ("pre-commit", "pre-merge-commit", "commit-msg", "post-commit", "post-merge")
_MARKERS = (b"\n<<<<<<<", b"\n|||||||", b"\n=======", b"\n>>>>>>>")


def findings(book: Book, *, fix: bool = False) -> Iterator[Finding]:
    """Whether merges of this clone are in good hands; ``fix`` puts in place what is missing."""
    places = book.places
    mergedriver.ensure(places)  # As every command does that looks into the book for the first time.
    if fix:
        if mergedriver.state(places) != "installed":
            mergedriver.install(places)
        if not githooks.find(places).why:
            githooks.install(places)
    yield _driver(places)
    yield _hooks(places)
    yield from _own_hooks(places)


def _driver(places: Places) -> Finding:
    state = mergedriver.state(places)
    if state != "installed":
        words = {
            "absent": "not in place, so git merges records line by line",
            "outdated": "set up by another crmctl, or not for this book",
        }
        asked = ", as you asked for" if mergedriver.is_unwanted(places) else ""
        return Finding(WARN, "merge driver", words[state] + asked, "crmctl hooks install has git join them by field.")
    started = clock.monotonic()
    try:
        wrong = prove(places)
    except (CrmError, OSError) as exc:
        wrong = f"cannot be tried: {exc.message if isinstance(exc, CrmError) else exc}"
    took = round((clock.monotonic() - started) * 1000)
    if wrong:
        hint = "crmctl hooks install sets it up anew. Until then, merge with crmctl sync only."
        return Finding(BAD, "merge driver", wrong, hint, took)
    return Finding(OK, "merge driver", "joins records by field, marks what it cannot; tried with three merges", ms=took)


def prove(places: Places) -> str:
    """What is wrong with how this clone merges records, "" when all is well.

    Raises:
        GitFailed: git cannot be run, or not in a temporary folder.
    """
    config = clonefiles.read_text(places.common_dir / "config")
    driver = clonefiles.section(config, "merge.crmctl")
    attributes = clonefiles.read_text(places.common_dir / "info" / "attributes")
    path = places.prefix + _RECORD
    with tempfile.TemporaryDirectory(prefix="crmctl-") as folder:
        world = rehearsal.Rehearsal(Path(folder), driver, attributes)
        code, data = world.merge(path, _BASE, _OURS, _THEIRS)
        if code or data != _BOTH:
            return "two changes of different fields are not joined"
        code, data = world.merge(path, _BASE, _OURS, _OTHERS)
        if code == 0 or not _both_sides(data):
            return "two changes of one field are not marked"
        gone = {**driver, "driver": ours.driver(f"{folder}/no-such-program")}
        code, data = rehearsal.Rehearsal(Path(folder), gone, attributes).merge(path, _BASE, _OURS, _OTHERS)
        if code == 0 or not _both_sides(data):
            return "where Python is missing, one side of a merge gets lost"
    return ""


def _both_sides(data: bytes) -> bool:
    return all(part in b"\n" + data for part in (*_MARKERS, b"head of sales", b"driver"))


def _hooks(places: Places) -> Finding:
    folder = githooks.find(places)
    found = githooks.look(folder)
    there = [hook.name for hook in found if hook.state == "installed"]
    rest = [f"{hook.name} {hook.state}" for hook in found if hook.state != "installed"]
    kept = [hook.name for hook in found if hook.kept and hook.state == "installed"]
    if not rest:
        after = f", after your own {', '.join(kept)}" if kept else ""
        return Finding(OK, "hooks", f"in place: {', '.join(there)}{after}")
    if folder.why:
        hint = f"Records are checked when the hooks there say so, as pre-commit by: {githooks.line('pre-commit')}"
        return Finding(OK, "hooks", f"{folder.why}: {folder.path}", hint)
    blocked = next((hook for hook in found if hook.why), None)
    if blocked is not None:
        hint = f"Records are checked when it says: {githooks.line(blocked.name)}"
        return Finding(WARN, "hooks", f"{', '.join(rest)}: {blocked.why}", hint)
    words = "not in place" if not there else f"in place: {', '.join(there)}; {', '.join(rest)}"
    return Finding(OK, "hooks", words, "crmctl hooks install has git check records before a commit and a push.")


def _own_hooks(places: Places) -> Iterator[Finding]:
    """The hooks that are not crmctl's, whoever put them there: they are programs that run."""
    folder = hookfiles.folder(places)
    found = [name for name in _OF_GIT if hookfiles.users_hook(places, name, str(folder)) is not None]
    if found:
        by_us = [name for name in found if name in _RUN_BY_WRITES]
        more = f", and crmctl when it writes ({', '.join(by_us)})" if by_us else ""
        hint = "Look into those that you did not put there: they came with the .git folder."
        yield Finding(OK, "your own hooks", f"{', '.join(found)}: git runs them{more}; in {folder}", hint)
