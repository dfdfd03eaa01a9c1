"""What every command shares: the book, the moment, and how results, words and questions reach a person."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crmctl import clock
from crmctl.errors import UsageProblem
from crmctl.render.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Sequence
    from datetime import tzinfo
    from typing import TextIO

    from crmctl.render.rows import Column
    from crmctl.render.rows import Value
    from crmctl.services.book import Book
    from crmctl.services.records import Written


class App:
    """One run of the program. Options fill it in; the book is opened when a command first asks for it."""

    def __init__(self, early: Book | None = None) -> None:
        self.folder = ""
        self.color: bool | None = None
        self.quiet = False
        self.no_input = False
        self.use_pager = True
        self.now_text = ""
        self._now_read = False
        self.as_of: str | None = None
        self.tells_state = False
        """Whether the command's own result says which past state it shows."""
        self.adopt = False
        self._early = early
        self._book: Book | None = None
        self._past: Book | None = None

    @property
    def opened(self) -> Book | None:
        """The book, if this run has opened it."""
        return self._past or self._book

    @property
    def book(self) -> Book:
        """The book this run is about: as it is, or as it was when ``--as-of`` says so.

        A word that only the book knows opens it before the options behind that word are read.
        """
        if self._book is None:
            self._book = self._present()
        # Completion must be quick and say nothing: it offers what there is now.
        if self.as_of is None or "_CRMCTL_COMPLETE" in os.environ:
            self._set_now(self._book)
            return self._book
        if self._past is None:
            from crmctl.cli.asof import opened

            self._past = opened(self, self._book, self.as_of)
        return self._past

    def _present(self) -> Book:
        from crmctl.services.book import Book
        from crmctl.services.book import find_book

        folder = self.folder or os.environ.get("CRMCTL_BOOK", "")
        if self._early is not None and (not folder or Path(folder).absolute() == self._early.root):
            return self._early
        return Book(find_book(Path(folder) if folder else Path.cwd(), exact=bool(folder)))

    def _set_now(self, book: Book) -> None:
        if self.now_text:
            self.set_now(book.settings.zone)

    def set_now(self, zone: tzinfo) -> None:
        """Let it be the moment from here on that ``--now`` says, if it does; words are read once."""
        if self.now_text and not self._now_read:
            from crmctl.model.when import parse_moment

            clock.freeze(parse_moment(self.now_text, clock.now(zone), "past"))
            self._now_read = True

    # What goes out

    @property
    def terminal(self) -> bool:
        """Whether results go to a terminal."""
        return sys.stdout.isatty()

    @property
    def width(self) -> int:
        """The columns of the terminal, 0 when results go elsewhere."""
        if not self.terminal:
            return 0
        import shutil

        return shutil.get_terminal_size().columns

    @property
    def colored(self) -> bool:
        """Whether to use colour: ``--color``, then NO_COLOR, then TERM, then whether it is a terminal."""
        if self.color is not None:
            return self.color
        if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
            return False
        return self.terminal

    def style(self, text: str, **how: bool | str) -> str:
        """``text``, styled where colour is wanted."""
        return click.style(text, **how) if self.colored else text  # type: ignore[arg-type]

    def print(self, lines: Iterable[str], *, page: bool = False) -> None:
        """Results, a line each, to stdout; through a pager when asked, on a terminal that is too short."""
        if page and self.terminal and self.use_pager:
            all_lines = list(lines)
            import shutil

            if len(all_lines) >= shutil.get_terminal_size().lines:
                self._page("\n".join(all_lines) + "\n")
                return
            lines = all_lines
        write = sys.stdout.write
        for line in lines:
            write(line + "\n")

    def _page(self, text: str) -> None:
        os.environ.setdefault("LESS", "FIRX")
        pager = os.environ.get("CRMCTL_PAGER")
        if pager:
            os.environ["PAGER"] = pager
        click.echo_via_pager(text, color=self.colored)

    def rows(self, form: str, columns: Sequence[Column], rows: Iterable[Sequence[Value]], *, nothing: str = "") -> None:
        """A table of results in the format asked for; ``nothing`` is said on stderr when a table would be empty."""
        from crmctl.render.rows import render

        if form == "table":
            rows = list(rows)
            if not rows:
                self.say(nothing or "Nothing found.")
                return
        lines = render(form, columns, rows, width=self.width)
        if form == "csv" and self.terminal:
            lines = (safe(line, lines=True) for line in lines)
        self.print(lines, page=form in ("table", "md"))

    def say(self, text: str) -> None:
        """Words for a person, on stderr; not with ``--quiet``."""
        if not self.quiet:
            _tell(safe(text, lines=True))

    def warn(self, text: str) -> None:
        """Words that must be seen, on stderr."""
        _tell(safe(text, lines=True))

    def fail(self, text: str) -> None:
        """What went wrong, on stderr, behind the program's name."""
        colored = self.color if self.color is not None else self.colored and sys.stderr.isatty()
        label = click.style("crmctl:", fg="red") if colored else "crmctl:"
        _tell(f"{label} {safe(text, lines=True)}", colored=colored)

    def written(self, result: Written) -> None:
        """What a write did, and how to undo it, in one line; notes below."""
        from crmctl.cli.words import undo_words

        notes = f" ({'; '.join(result.notes)})" if result.notes else ""
        if result.commit:
            self.say(f"{result.message}{notes}  [{undo_words(self.book, result.commit)}]")
        else:
            self.say(f"Nothing to change{notes}.")

    # What comes in

    @property
    def can_ask(self) -> bool:
        """Whether there is a person to answer questions."""
        return not self.no_input and sys.stdin.isatty() and sys.stderr.isatty()

    def confirm(self, question: str, *, yes: bool, flag: str = "--yes") -> None:
        """Go on only if the user agrees; without a terminal, only if the flag did.

        Raises:
            UsageProblem: nobody can be asked.
            click.Abort: the user said no.
        """
        if yes:
            return
        if not self.can_ask:
            raise UsageProblem(f"{question} (nobody here to ask)", hint=f"Say {flag} to go on without asking.")
        click.confirm(question, abort=True, err=True)

    def choose(self, question: str, candidates: Sequence[tuple[str, str]]) -> str | None:
        """The handle of the candidate a person picks by its number; None when nobody can be asked."""
        if not self.can_ask:
            return None
        for number, (handle, title) in enumerate(candidates, 1):
            click.echo(f"{number:3}  {safe(handle)}  {safe(title)}", err=True)
        answer: int = click.prompt(question, type=click.IntRange(1, len(candidates)), err=True)
        return candidates[answer - 1][0]


def _tell(text: str, *, colored: bool | None = None) -> None:
    """Words to stderr. What was done is done, also when nobody takes them."""
    try:
        click.echo(text, err=True, color=colored)
    except OSError:
        drop(sys.stderr)


def drop(stream: TextIO) -> None:
    """Nobody takes what goes to ``stream`` any more; Python must not try to flush it again at exit."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


pass_app = click.make_pass_decorator(App)
