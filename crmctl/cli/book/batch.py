"""``crmctl batch``: many commands, one commit."""

from __future__ import annotations

import os
import shlex
import sys
from typing import TYPE_CHECKING
from typing import TextIO

import click

from crmctl import clock
from crmctl import errors
from crmctl.cli.app import App
from crmctl.cli.app import pass_app
from crmctl.cli.options import Command
from crmctl.cli.options import adopt_option
from crmctl.errors import UsageProblem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crmctl.services.batch import BatchBook
    from crmctl.services.book import Book
    from crmctl.services.records import Written

# They make a book, go beyond this one, change its history, ask a person, or are one change already.
_ALONE = frozenset(
    "batch clone completion conflicts diff doctor hook hooks host import ingest init key mail news outbox resolve "
    "schedule sync trust undo unsub why".split()
)


class _BatchApp(App):
    """One command of a batch: of the same book, with nobody to ask."""

    def __init__(self, book: BatchBook, outer: App) -> None:
        super().__init__()
        self.no_input = True
        self.quiet = outer.quiet
        self.color = outer.color
        self.use_pager = False
        self.now_text = outer.now_text
        self._batch = book

    @property
    def book(self) -> Book:
        """The book of the batch."""
        if self.folder:
            raise UsageProblem("a batch is about one book", hint="Say -C before batch.")
        if self.as_of is not None:
            raise UsageProblem("a batch is about the book as it is; --as-of has no place in it")
        self._set_now(self._batch)
        return self._batch

    def written(self, result: Written) -> None:
        """What the command did; how to undo it is said once, for all."""
        notes = f" ({'; '.join(result.notes)})" if result.notes else ""
        self.say(f"{result.message}{notes}" if result.commit else f"Nothing to change{notes}.")


@click.command("batch", cls=Command)
@click.argument("file", type=click.File(encoding="utf-8"), default="-")
@click.option("-m", "--message", "subject", default="", help="The commit's subject.")
@click.option("-n", "--dry-run", is_flag=True, help="Do everything but the commit.")
@adopt_option
@pass_app
def batch(app: App, file: TextIO, subject: str, dry_run: bool, adopt: bool) -> int:
    """Run commands from FILE (or standard input) as one change.

    One command a line, as it would be typed after `crmctl`, quotes as in a shell; empty lines and lines that begin with
    # are left out. Each command sees what those before it did. If one fails, nothing at all is written.

    \b
      printf '%s\\n' 'customer add "Ada Lovelace"' 'log ada-lovelace call "wants an offer"' | crmctl batch
    """
    from crmctl.services.batch import BatchBook
    from crmctl.services.batch import check_subject
    from crmctl.services.batch import message_of
    from crmctl.services.records import Written
    from crmctl.services.records import adopted

    book = app.book
    _ = book.index  # Before the lock is taken: this may take a while.
    with book.write("batch", adopt=adopt) as whole:
        book.refresh()
        inner = BatchBook(book, whole)
        for number, words in _lines(file):
            status = _run(app, inner, words)
            if status != errors.OK:
                app.fail(f"line {number} failed, so nothing was written: {shlex.join(words)}")
                return status
        check_subject(book, whole, subject)
        message = message_of(inner.messages, subject)
        if dry_run:
            app.say(f"{len(inner.messages)} changes to {len(whole.paths)} files; nothing was written.")
            return errors.OK
        commit = whole.commit(message) if inner.messages else ""
        notes = adopted(whole)
    app.written(Written((), message.partition("\n")[0], commit, tuple(notes)))
    return errors.OK


def _lines(file: TextIO) -> Iterator[tuple[int, list[str]]]:
    """The commands, with the numbers of their lines.

    Raises:
        UsageProblem: a quote is not closed, or a command cannot be part of a batch.
    """
    from crmctl.services.batch import refuse

    for number, line in enumerate(_decoded(file), 1):
        try:
            words = shlex.split(line, comments=line.lstrip().startswith("#"))
        except ValueError:
            raise UsageProblem(f"line {number}: a quote is not closed", hint=line.strip()) from None
        if words and (words[0] in _ALONE or _is_alone(words[0], words[1:2])):
            refuse(f"line {number}: {' '.join(words[:2])}")
        if words:
            yield number, words


def _is_alone(command: str, following: list[str]) -> bool:
    """Whether it is a verb of a kind that needs a person, or sends."""
    from crmctl.cli.commands import COMMANDS

    if command in COMMANDS:
        return False
    return following == ["edit"] or (command.rstrip("s"), *following) in {("campaign", "send"), ("followup", "run")}


def _decoded(file: TextIO) -> Iterator[str]:
    try:
        for line in file:
            yield line.removeprefix("\ufeff")  # Some editors begin a file with it.
    except UnicodeDecodeError as exc:
        raise UsageProblem("the commands are not UTF-8", hint=f"Save {file.name} as UTF-8.") from exc


def _run(app: App, book: BatchBook, words: list[str]) -> int:
    from crmctl.cli.root import run_inner

    stdin, sys.stdin = sys.stdin, open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115 - closed below
    try:
        return run_inner(_BatchApp(book, app), words)
    finally:
        sys.stdin.close()
        sys.stdin = stdin
        clock.freeze(None)
