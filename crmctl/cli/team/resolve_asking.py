"""One question to a person at the terminal."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crmctl.cli.question_words import before
from crmctl.cli.question_words import by_whom
from crmctl.cli.question_words import made_of
from crmctl.errors import CrmError
from crmctl.errors import UsageProblem
from crmctl.render.text import safe
from crmctl.services.joining import conflict_answering as answering
from crmctl.services.joining.conflict_answering import Answers
from crmctl.services.joining.conflict_answering import Said

if TYPE_CHECKING:
    from crmctl.cli.app import App
    from crmctl.services.joining.conflict_joining import State
    from crmctl.services.joining.conflicts import Asked

_WORDS = {
    "o": "[o]urs",
    "t": "[t]heirs",
    "e": "[e]dit",
    "r": "[r]ename theirs",
    "s": "[s]kip",
    "q": "[q]uit",
}
_KEYS = {"field": "otesq", "identity": "otrsq"}


def ask(app: App, state: State, one: Asked, where: str) -> Answers | None:
    """The answer to ``one``: none for a question that is skipped, None when the person wants to stop."""
    for line in _lines(app, one, where):
        click.echo(safe(line), err=True)
    keys = _KEYS.get(one.what, "otsq")
    while True:
        choice = click.prompt(
            ", ".join(_WORDS[key] for key in keys), type=click.Choice([*keys]), show_choices=False, err=True
        )
        if choice in "sq":
            return None if choice == "q" else Answers({})
        try:
            if choice in "ot":
                return answering.take(app.book, state, [one], "ours" if choice == "o" else "theirs")
            if choice == "r":
                return answering.rename(app.book, state, [one], _handle(one))
            return answering.assign(app.book, state, [one], _typed(app, one))
        except CrmError as error:
            app.warn(f"{error.message}{f' ({error.hint})' if error.hint else ''}")


def _handle(one: Asked) -> str:
    """The handle that a person types; the one that the record has on the other side already is offered."""
    if one.home:
        click.echo(safe(f"One of the two is {one.home} on the other side already."), err=True)
    text: str = click.prompt("Handle", default=one.home or None, err=True)
    return text


def _lines(app: App, one: Asked, where: str) -> list[str]:
    title = f" ({one.title})" if one.title else ""
    lines = ["", f"{where}: {one.record}{title}{f', {one.field}' if one.field else ''}"]
    if one.reason:
        lines.append(f"  {one.reason}")
    if not one.yours.words or one.interaction:
        lines.append(f"  before  {before(one)}")
    for name, side in (("yours ", one.yours), ("theirs", one.theirs)):
        by = by_whom(app, side)
        lines.append(f"  {name}  {made_of(one, side)}{f'  ({by})' if by else ''}")
    return lines


def _typed(app: App, one: Asked) -> list[Said]:
    """What a person types for a field: in an editor where it has several lines."""
    clash = one.parts[0].clash
    assert clash is not None
    if len(clash.names) > 1:
        if not one.typed:
            raise UsageProblem(f"{one.label} have parts of their own: say ours or theirs")
        ours, theirs = (side.value if isinstance(side.value, dict) else {} for side in (one.yours, one.theirs))
        names = [name for name in clash.names if ours.get(name) != theirs.get(name)]
        return [Said(name, _asked(name, str(ours.get(name, ""))), True) for name in names]
    sides = (one.yours.value, one.theirs.value)
    texts = [side for side in sides if isinstance(side, str)]
    if any("\n" in text for text in texts):
        return [Said(one.field, _edited(app, "\n".join(text.rstrip("\n") for text in texts) + "\n"), True)]
    return [Said(one.field, _asked(one.field, ""), True)]


def _asked(name: str, default: str) -> str:
    # What a record holds is shown only where it cannot do anything to the terminal.
    shown = bool(default) and safe(default) == default
    text: str = click.prompt(safe(name), default=default, show_default=shown, err=True)
    return text


def _edited(app: App, text: str) -> str:
    """``text`` as it comes back from the user's editor.

    Raises:
        UsageProblem: the editor cannot be used.
    """
    import shlex
    import subprocess

    from crmctl.services.editing import editor

    folder = app.book.places.own
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix="answer-", suffix=".txt", dir=folder)
    file = Path(name)
    try:
        os.write(descriptor, text.encode())
        os.close(descriptor)
        done = subprocess.run([*shlex.split(editor(app.book)), name], check=False)
        if done.returncode:
            raise UsageProblem(f"the editor failed with status {done.returncode}")
        return file.read_text(encoding="utf-8")
    except (OSError, ValueError) as exc:
        raise UsageProblem(f"the editor cannot be used: {exc}", hint="export EDITOR=nano") from exc
    finally:
        with contextlib.suppress(OSError):
            file.unlink()
