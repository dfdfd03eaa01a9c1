"""Every kind of error with one input that brings it about; what is said is kept in tests/golden/errors.

The files are a catalogue to read: is each message plain, short, and does it say what to do next? Written anew by
``GOLDEN_UPDATE=1 python -m pytest tests/e2e/test_hostile_errors.py``.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING
from typing import NamedTuple

import pytest
from helpers.books import commit
from helpers.books import git
from helpers.books import write
from helpers.golden import FOLDER
from helpers.golden import golden

from crmctl.store import lock
from crmctl.vcs import locks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Run

RECORDS = {
    "customers/ada.yaml": "id: 01J00000000000000000000001\nname: Ada Lovelace\nemails: [ada@example.com]\n",
    "customers/adam.yaml": "id: 01J00000000000000000000002\nname: Adam Smith\n",
    "deals/offer.yaml": "id: 01J00000000000000000000003\nname: Offer\ncustomer: ada\npipeline: sales\nstage: lead\n",
}
BAD = "customers/bad.yaml"


def hand(files: dict[str, str | bytes]) -> Callable[[Path], None]:
    """Files put by hand under ``records/`` (or, with ``/``, from the top)."""

    def put(book: Path) -> None:
        for name, content in files.items():
            path = book / name[1:] if name.startswith("/") else book / "records" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())

    return put


def bad(content: str | bytes) -> Callable[[Path], None]:
    return hand({BAD: content})


def ran(*arguments: str) -> Callable[[Path], None]:
    def run_git(book: Path) -> None:
        git(book, *arguments)

    return run_git


def linked(book: Path) -> None:
    (book / "records" / BAD).symlink_to("/etc/passwd")


def piped(book: Path) -> None:
    (book / "records/customers/adam.yaml").unlink()
    os.mkfifo(book / "records/customers/adam.yaml")


def foldered(book: Path) -> None:
    (book / "records/customers/adam.yaml").unlink()
    (book / "records/customers/adam.yaml").mkdir()


def bare(book: Path) -> None:
    git(book.parent, "clone", "-q", "--bare", str(book), "bare.git")
    git(book, "config", "core.bare", "true")


def unsettled(name: str) -> Callable[[Path], None]:
    def put(book: Path) -> None:
        (book / ".git" / name).write_text(git(book, "rev-parse", "HEAD"))

    return put


def no_git(book: Path) -> None:
    (book / ".git").rename(book.parent / "elsewhere")


def nobody(book: Path) -> None:
    git(book, "config", "user.useConfigOnly", "true")
    for name in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"):
        os.environ.pop(name)


def without_git(book: Path) -> None:
    os.environ["PATH"] = str(book)


class Case(NamedTuple):
    """A command, and what was done to the book before it."""

    command: str
    before: Callable[[Path], None] | None = None


LIST = "customer list -o ids"
SET = "customer set ada notes=x"
CASES = {
    # What is typed
    "no-such-command": Case("custmer list"),
    "no-such-field": Case("customer set ada emial=x"),
    "no-such-filter-field": Case("customer list lifecylce:lead"),
    "bad-filter": Case("customer list (tag:vip"),
    "bad-assignment": Case("customer set ada notes"),
    "ambiguous-date": Case("log ada call hello --at 11/12/2026"),
    "no-such-customer": Case("customer show nobody"),
    "nearly-a-customer": Case("customer show adaa"),
    "several-customers": Case("customer show ad"),
    "no-such-reference": Case("deal add Another --set customer=nobody"),
    "bad-handle-path": Case("customer add Eve --handle ../../x"),
    "bad-handle-device": Case("customer add Eve --handle con"),
    "bad-handle-long": Case("customer add Eve --handle " + "a" * 300),
    "taken-handle": Case("customer add Eve --handle ada"),
    "bad-email": Case("customer set ada emails=ada@"),
    "bad-date": Case("deal set offer closed=2026-02-30"),
    "bad-amount": Case("deal set offer amount=1,2,3"),
    "bad-stage": Case("deal set offer stage=wno"),
    "named-by-others": Case("customer rm ada --yes"),
    # What stands in files
    "nested-brackets": Case(LIST, bad("name: " + "[" * 30_000)),
    "alias": Case(LIST, bad("name: Bad\nnotes: *x\n")),
    "anchor": Case(LIST, bad("name: &x Bad\n")),
    "tag": Case(LIST, bad("name: !!python/name:os.system Bad\n")),
    "duplicate-key": Case(LIST, bad("name: Bad\nname: Worse\n")),
    "second-document": Case(LIST, bad("name: Bad\n---\nname: Worse\n")),
    "conflict-markers": Case(LIST, bad("name: Bad\n<<<<<<< HEAD\nnotes: a\n=======\nnotes: b\n>>>>>>> theirs\n")),
    "tab": Case(LIST, bad("name: Bad\naddress:\n\tcity: Rome\n")),
    "latin-1": Case(LIST, bad("name: Björn\n".encode("latin-1"))),
    "nul": Case(LIST, bad("name: B\0d\n")),
    "empty": Case(LIST, bad("")),
    "too-large": Case(LIST, bad("name: Bad\nnotes: " + "x" * (2 << 20))),
    "no-name": Case(LIST, bad("notes: who is this\n")),
    "bad-line": Case(LIST, hand({"interactions/ada.jsonl": '{"type": "call"}\n{"type": "ca\n'})),
    "link": Case(LIST, linked),
    "pipe": Case(LIST, piped),
    "folder": Case(LIST, foldered),
    "two-files-one-handle": Case(LIST, hand({"customers/da/ada.yaml": "name: Another Ada\n"})),
    "check": Case(
        "check",
        hand(
            {
                "customers/ada.yaml": RECORDS["customers/ada.yaml"] + "phnes: '123'\n",
                "customers/Bad One.yaml": "name: Bad\nemails: [bad@]\n",
                "customers/copy.yaml": "id: 01J00000000000000000000001\nname: Copy\n",
                "deals/offer.yaml": RECORDS["deals/offer.yaml"].replace("ada", "nobody"),
            }
        ),
    ),
    "edited-by-hand": Case(SET, hand({"customers/ada.yaml": RECORDS["customers/ada.yaml"] + "notes: y\n"})),
    "settings-broken": Case(LIST, hand({"/crm.yaml": 'name: "Test\n'})),
    "settings-forbidden": Case("check", hand({"/crm.yaml": "name: Test\npassword_command: pass show crm\n"})),
    "settings-unknown": Case("check", hand({"/crm.yaml": "name: Test\ncurency: EUR\n"})),
    # Where the book stands
    "no-book": Case("-C .. customer list"),
    "no-repository": Case(LIST, no_git),
    "bare-repository": Case(LIST, bare),
    "broken-repository": Case(LIST, lambda book: (book / ".git/HEAD").unlink()),
    "detached": Case(SET, ran("switch", "-q", "--detach")),
    "rebase": Case(SET, lambda book: (book / ".git/rebase-merge").mkdir()),
    "bisect": Case(SET, unsettled("BISECT_LOG")),
    "git-at-work": Case(SET, lambda book: (book / ".git/index.lock").touch()),
    "git-index-damaged": Case(LIST, hand({"/.git/index": "rubbish"})),
    "nobody-known": Case(SET, nobody),
    "no-git": Case(LIST, without_git),
    "lock-refused": Case(SET, lambda book: (book / ".git/crmctl/lock").mkdir(parents=True)),
}


@pytest.fixture
def book(book_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write(book_dir, RECORDS)
    commit(book_dir)
    monkeypatch.setattr(lock, "WAIT", 0.01)
    monkeypatch.setattr(locks, "WAIT", 0.01)
    for name in ("PATH", "GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"):
        monkeypatch.setenv(name, os.environ[name])  # What a case does to it is put back.
    return book_dir


@pytest.mark.parametrize("name", CASES)
def test_what_is_said(book: Path, run: Run, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    command, before = CASES[name]
    if before is not None:
        before(book)
    monkeypatch.chdir(book)
    done = run(*command.split(" "))
    text = (done.out + done.err).replace(str(book.parent), "PLACE")
    text = re.sub(r"(is not an address: \S+) \(.*?\)", r"\1 (...)", text)  # The words of a library, and its versions.
    text = re.sub(r"a{300}", "aaa...", re.sub(r"\[{60,}", "[[[...", text))
    assert done.code not in (0, 70)
    assert "Traceback" not in text
    shown = command if len(command) < 100 else command[:60] + "..."
    golden(f"errors/{name}.txt", f"$ crmctl {shown}\n{text}exit {done.code}\n")


def test_the_catalogue_holds_what_is_tried_and_nothing_else() -> None:
    assert sorted(path.stem for path in (FOLDER / "errors").glob("*.txt")) == sorted(CASES)
