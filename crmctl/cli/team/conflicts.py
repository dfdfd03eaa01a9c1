"""``crmctl conflicts``: what two people changed in different ways, as questions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from crmctl import errors
from crmctl.cli.app import pass_app
from crmctl.cli.options import Command
from crmctl.cli.options import output_option
from crmctl.cli.question_words import before
from crmctl.cli.question_words import by_whom
from crmctl.cli.question_words import made_of
from crmctl.cli.question_words import tell_none
from crmctl.cli.words import counted
from crmctl.render.rows import Column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmctl.cli.app import App
    from crmctl.render.rows import Value
    from crmctl.services.joining.conflicts import Asked


def _complete(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[object]:
    from crmctl.cli.complete import questions

    return list(questions(context, incomplete, fields=False))


@click.command("conflicts", cls=Command)
@click.argument("words", nargs=-1, metavar="[[KIND] REF]", shell_complete=_complete)
@output_option()
@pass_app
def conflicts(app: App, words: tuple[str, ...], form: str) -> int:
    """Show what two people changed in different ways.

    After a sync that could not bring everything together by itself, and in the middle of a git merge, rebase,
    cherry-pick, revert or stash. Each line is a question about a record: what stood there before, what you made of it
    and what they made of it, with who and when. "Yours" is always your own work, also under a rebase, where git calls
    it the other way round. Answer with crmctl resolve. The exit status is 5 when there are any.

    \b
      crmctl conflicts                all of them
      crmctl conflicts ada            those about ada
      crmctl conflicts -o json        for a program
    """
    from crmctl.services.joining.conflicts import find
    from crmctl.services.joining.conflicts import look
    from crmctl.services.joining.conflicts import told

    state = look(app.book)
    asked = told(app.book, state) if state is not None else []
    if words and asked:
        asked = find(asked, words)
    show(app, asked, form)
    # What cannot be read is what is asked about: nobody has to be told a second time.
    app.book.refresh()
    if state is None:
        tell_none(app)
        return errors.OK
    if not asked and not state.ready:
        return errors.OK
    if asked:
        _tell_how(app, asked)
    if state.ready:
        one = len(state.ready) == 1
        app.say(f"{counted(len(state.ready), 'file')} {'needs' if one else 'need'} no answer: crmctl resolve joins.")
    return errors.CONFLICT


def show(app: App, asked: Sequence[Asked], form: str) -> None:
    """Print questions in the form asked for."""
    if form in ("table", "md"):
        if asked:
            columns = [Column(name) for name in ("record", "field", "before", "yours", "theirs")]
            app.rows(form, columns, [_row(app, one) for one in asked])
    elif form == "ids":
        app.print(dict.fromkeys(one.handle for one in asked))
    else:
        app.rows(form, [Column(name) for name in _NAMES], [_whole(one) for one in asked])


def _row(app: App, one: Asked) -> list[Value]:
    cells: list[Value] = [one.record, one.label or _WHOLE.get(one.what, "all of it"), before(one)]
    for side in (one.yours, one.theirs):
        by = by_whom(app, side)
        cells.append(made_of(one, side) + (f" ({by})" if by else ""))
    return cells


_WHOLE = {"removed": "removed or edited", "identity": "two records", "joint": "both together"}
_NAMES = (
    *("kind", "handle", "title", "interaction", "field", "what", "before"),
    *("yours", "yours_words", "yours_by", "yours_at", "yours_commit"),
    *("theirs", "theirs_words", "theirs_by", "theirs_at", "theirs_commit"),
    *("path", "reason", "choices", "home"),
)


def _whole(one: Asked) -> list[Value]:
    row: list[Value] = [one.kind, one.handle, one.title, one.interaction, one.field, one.what, one.before]  # type: ignore[list-item]
    for side in (one.yours, one.theirs):
        row += [side.value, side.words, side.who, side.when, side.commit]  # type: ignore[list-item]
    return [*row, one.path, one.reason, [*one.choices], one.home]


def _or(one: Asked) -> str:
    """The other answers to a question about a field."""
    if one.typed.endswith("=VALUE"):
        return "or theirs, or a value"
    return f"or theirs, or: {one.typed}" if one.typed else "or theirs"


def _tell_how(app: App, asked: Sequence[Asked]) -> None:
    """How the first of them can be answered."""
    one = asked[0]
    name = one.interaction[-8:].lower() or one.handle
    ways = {
        "removed": f"crmctl resolve {name} --keep removed (or edited)",
        "identity": f"crmctl resolve {name} --rename NEW-HANDLE (theirs gets it), --ours or --theirs",
        "file": f"crmctl resolve {name} --ours (or --theirs)",
        "joint": f"crmctl resolve {name} FIELD=VALUE, so that both fit together (or --ours, --theirs)",
    }
    if one.home:
        ways["identity"] = f"crmctl resolve {name} --rename {one.home} (one of the two is called so on the other side)"
    way = ways.get(one.what) or f"crmctl resolve {name} {one.label.split(',')[0]}=ours ({_or(one)})"
    for other in asked:
        if other.what in ("joint", "file") and other.reason:
            app.say(f"{other.record}: {other.reason}")
    app.say(f"{counted(len(asked), 'question')}. Answer: {way}")
    if one.what == "identity" and not one.home:
        app.say("If it is one person after all: rename theirs now, and join the two records afterwards.")
    if len(asked) > 1:
        app.say("One after the other: crmctl resolve")
