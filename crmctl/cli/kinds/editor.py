"""``crmctl KIND edit REF``: the record in your editor, again and again until it is right; no text is lost."""

from __future__ import annotations

import contextlib
import shlex
import subprocess
from typing import TYPE_CHECKING

import click

from crmctl import clock
from crmctl.cli.words import counted
from crmctl.errors import CrmError
from crmctl.errors import InvalidData
from crmctl.errors import UsageProblem
from crmctl.services import editing

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.cli.app import App
    from crmctl.errors import Problem
    from crmctl.model.fields import Kind
    from crmctl.services.editing import Draft

_AT_ONCE = 1.0
"""An editor that comes back in less than this many seconds has probably left a window open behind it."""


def edit_record(app: App, kind: Kind, handle: str) -> None:
    """Open the record called ``handle``, and put what comes back into the book.

    Raises:
        InvalidData: it was given up with problems; the text is kept, and the message says where.
        CrmError: the editor failed, or the book cannot be written; likewise.
    """
    book = app.book
    command = editing.editor(book)
    if command == "vi" and not app.can_ask:
        raise UsageProblem("nobody is here to edit", hint=f"Set fields instead: crmctl {kind.name} set {handle} ...")
    draft = editing.start(book, kind, handle)
    file = editing.keep(book, draft, draft.text)
    try:
        text = _settled(app, draft, file, command)
        if text is None:
            app.say("Nothing to change.")
        else:
            unknown = editing.unknown_fields(draft, text)
            written = editing.save(book, draft, text)
            app.written(written)
            if unknown:
                app.say(f"Kept as they are, though a {kind.name} has no such fields: {', '.join(unknown)}")
    except CrmError as error:
        raise _kept(error, draft, file) from error
    except click.Abort:
        if not _is_unchanged(draft, file):
            app.warn(f"The text is kept in {file}")
        raise
    with contextlib.suppress(OSError):
        file.unlink()


def _settled(app: App, draft: Draft, file: Path, command: str) -> str | None:
    """The text as the user wants it, free of problems; None when nothing was changed.

    Raises:
        InvalidData: it has problems, and nobody wants to (or can) edit it again.
    """
    while True:
        quick = _run(command, file)
        text = editing.without_marks(_read(file))
        if not text.strip() or text.rstrip() == draft.text.rstrip():
            if quick and text.strip() and app.can_ask:
                app.say("The editor came back at once; if it is still open, tell it to wait: EDITOR='code --wait'")
            return None
        problems = editing.review(app.book, draft, text)
        if not problems:
            return text
        _tell(app, problems)
        if not app.can_ask or not click.confirm("Edit it again?", default=True, err=True):
            raise InvalidData(f"{draft.kind.name} {draft.handle}: not saved, {counted(len(problems), 'problem')}")
        file.write_text(editing.with_marks(text, problems), encoding="utf-8", newline="\n")


def _run(command: str, file: Path) -> bool:
    """Start the editor on ``file``; whether it came back at once.

    Raises:
        CrmError: it cannot be started, or it failed.
    """
    started = clock.monotonic()
    try:
        words = shlex.split(command)
        done = subprocess.run([*words, str(file)], check=False)
    except (OSError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else str(exc)
        message = f"the editor {command!r} cannot be started: {str(reason).lower()}"
        raise CrmError(message, hint="Say which one you like: export EDITOR=nano") from exc
    if done.returncode:
        raise CrmError(f"the editor {command!r} failed with status {done.returncode}; nothing was changed")
    return clock.monotonic() - started < _AT_ONCE


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise InvalidData("the editor did not save the text as UTF-8; nothing was changed") from None
    except OSError as exc:
        raise CrmError(f"the text cannot be read back: {exc.strerror}") from exc


def _tell(app: App, problems: list[Problem]) -> None:
    for problem in problems:
        where = f"line {problem.line}: " if problem.line else ""
        app.warn(f"{where}{problem.message}")
        if problem.hint:
            app.warn(f"  hint: {problem.hint}")


def _is_unchanged(draft: Draft, file: Path) -> bool:
    try:
        return editing.without_marks(file.read_text(encoding="utf-8", errors="replace")).rstrip() == draft.text.rstrip()
    except OSError:
        return True


def _kept(error: CrmError, draft: Draft, file: Path) -> CrmError:
    """``error``, saying where the text is; the file goes when there is nothing new in it."""
    if _is_unchanged(draft, file):
        with contextlib.suppress(OSError):
            file.unlink()
        return error
    kind = type(error) if type(error).__init__ is CrmError.__init__ else CrmError
    hint = f"Your text is kept in {file}" + (f" ({error.hint})" if error.hint else "")
    return kind(error.message, hint=hint)
