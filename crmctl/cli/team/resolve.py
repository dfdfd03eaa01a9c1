"""``crmctl resolve``: answer what a merge asks, on the command line or one question after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

import click

from crmctl import errors
from crmctl.cli.app import pass_app
from crmctl.cli.options import Command
from crmctl.cli.options import output_option
from crmctl.cli.options import split_assignment
from crmctl.cli.options import yes_option
from crmctl.cli.question_words import tell_none
from crmctl.cli.words import counted
from crmctl.errors import UsageProblem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmctl.cli.app import App
    from crmctl.services.joining.conflict_answering import Answers
    from crmctl.services.joining.conflict_answering import Said
    from crmctl.services.joining.conflict_joining import State
    from crmctl.services.joining.conflict_settling import Settled
    from crmctl.services.joining.conflicts import Asked


def _complete(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[object]:
    from crmctl.cli.complete import questions

    return list(questions(context, incomplete, fields=True))


@click.command("resolve", cls=Command, context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1, metavar="[[KIND] REF] [FIELD=ours|theirs|VALUE]...", shell_complete=_complete)
@click.option("--ours", is_flag=True, help="Take your side of everything that is asked about REF.")
@click.option("--theirs", is_flag=True, help="Take theirs.")
@click.option("--all", "everything", is_flag=True, help="Answer the questions about all records.")
@click.option("--keep", type=click.Choice(["removed", "edited"]), help="Where one side removed and the other edited.")
@click.option("--rename", metavar="HANDLE", help="Two different records under one handle: theirs gets this one.")
@click.option("--drop", is_flag=True, help="With --ours, --theirs: lose what only the other of two records has.")
@click.option("--continue", "go_on", is_flag=True, help="Let git go on when all is answered (rebase ...).")
@yes_option
@output_option(formats=("table", "json"))
@pass_app
def resolve(
    app: App,
    /,
    words: tuple[str, ...],
    *,
    ours: bool,
    theirs: bool,
    everything: bool,
    drop: bool,
    go_on: bool,
    yes: bool,
    form: str,
    **way: str,
) -> int:
    """Answer what a merge asks.

    "ours" is your own side, also under a rebase. A value is read as for set: date words, amounts, lists with commas. To
    give a field the very word ours (or theirs), write FIELD:=ours. Without arguments, on a terminal, the questions come
    one after the other. When the last one is answered, the sync (or git's merge) is finished.

    \b
      crmctl resolve ada phone=theirs next=fri
      crmctl resolve ada --ours                everything asked about ada
      crmctl resolve deal big --keep removed   they removed it, you edited it: it goes
      crmctl resolve ada --rename ada-2        two people: theirs is ada-2 now
      crmctl resolve --all --theirs            all questions
    """
    from crmctl.services.joining.conflicts import look

    # What cannot be read is what is asked about: nobody has to be told a second time.
    click.get_current_context().call_on_close(app.book.refresh)
    refs, said = _split(words)
    sides = [name for name, given in (("ours", ours), ("theirs", theirs)) if given]
    how = _Way(side=" ".join(sides), drop=drop, said=said, **{name: value or "" for name, value in way.items()})
    how.check()
    state = look(app.book)
    if state is None and not go_on:
        tell_none(app)
        return errors.OK
    answered = _answered(app, state, refs, how, everything=everything, yes=yes) if state is not None else 0
    return _settled(app, answered, form, go_on=go_on)


def _answered(app: App, state: State, refs: Sequence[str], how: _Way, *, everything: bool, yes: bool) -> int:
    """Answer what was said on the command line, or else ask; how many questions the command line answered."""
    from crmctl.services.joining.conflicts import told

    asked = told(app.book, state)
    if refs or how.asks or everything:
        chosen = _chosen(asked, refs, asks=how.asks, everything=everything)
        return _answer(app, state, chosen, how, everything=everything, yes=yes)
    if asked:
        _one_by_one(app, state, asked)
    return 0


class _Way(NamedTuple):
    """How questions are answered: by a side, by what to keep, by a new handle, or field by field."""

    side: str
    keep: str
    rename: str
    drop: bool
    said: list[Said]

    @property
    def asks(self) -> bool:
        """Whether it says anything."""
        return bool(self.side or self.keep or self.rename or self.said)

    def check(self) -> None:
        """Refuse what says two things.

        Raises:
            UsageProblem: it does.
        """
        if " " in self.side or sum(map(bool, (self.side, self.keep, self.rename, self.said))) > 1:
            raise UsageProblem("one way to answer at a time: --ours, --theirs, --keep, --rename or FIELD=VALUE")
        if self.drop and not self.side:
            raise UsageProblem("--drop says that the other record goes: say which stays, --ours or --theirs")


def _answer(app: App, state: State, chosen: list[Asked], way: _Way, *, everything: bool, yes: bool) -> int:
    """Answer the chosen questions the one way; how many were.

    Raises:
        UsageProblem: no answer is given.
    """
    if not way.asks:
        raise UsageProblem("what is the answer?", hint=_ways(chosen))
    if everything:
        app.confirm(f"Answer {counted(len(chosen), 'question')} about all records alike?", yes=yes)
    answers = _answers(app, state, chosen, way)
    _note(app, state, answers)
    return sum(1 for one in chosen if not answers.by_key.keys().isdisjoint(one.keys))


def _split(words: tuple[str, ...]) -> tuple[list[str], list[Said]]:
    """The record that is meant, and what is said about its fields."""
    from crmctl.services.joining.conflict_answering import Said

    refs = [word for word in words if "=" not in word]
    said = []
    for word in words:
        if "=" in word:
            name, value = split_assignment(word)
            said.append(Said(name.removesuffix(":").strip(), value, name.endswith(":")))
    return refs, said


def _chosen(asked: Sequence[Asked], refs: Sequence[str], *, asks: bool, everything: bool) -> list[Asked]:
    from crmctl.services.joining.conflicts import find

    if everything and refs:
        raise UsageProblem(f"either --all or {' '.join(refs)}")
    if asks and not refs and not everything and len({(one.kind, one.handle) for one in asked}) > 1:
        raise UsageProblem("about which record?", hint="crmctl conflicts lists them; --all means all.")
    return find(asked, refs)


def _answers(app: App, state: State, chosen: list[Asked], way: _Way) -> Answers:
    from crmctl.services.joining import conflict_answering as answering

    if way.side:
        return answering.take(app.book, state, chosen, way.side, drop=way.drop)
    if way.keep:
        return answering.keep(app.book, state, chosen, way.keep)
    if way.rename:
        return answering.rename(app.book, state, chosen, way.rename)
    return answering.assign(app.book, state, chosen, way.said)


def _ways(chosen: Sequence[Asked]) -> str:
    one = chosen[0] if chosen else None
    if one is None or one.what == "file":
        return "Say --ours or --theirs."
    if one.what == "joint":
        return "Say FIELD=VALUE so that both sides fit together, or --ours or --theirs."
    if one.what == "removed":
        return "Say --keep removed or --keep edited."
    if one.what == "identity":
        return f"Say --rename {one.home or 'NEW-HANDLE'}, --ours or --theirs."
    name = one.label.split(",")[0]
    if not one.typed:
        return f"Say {name}=ours or {name}=theirs."
    return f"Say {name}=ours, {name}=theirs or {one.typed}{'.' if one.typed.endswith('=VALUE') else ''}"


def _note(app: App, state: State, answers: Answers) -> None:
    from crmctl.services.joining.conflict_answering import note

    note(app.book, state, answers.by_key)
    for text in answers.notes:
        app.say(f"{text}.")


def _settled(app: App, answered: int, form: str, *, go_on: bool) -> int:
    """Do what the answers allow, and tell what came of it."""
    from crmctl.services.joining.conflict_settling import settle

    done = settle(app.book, go_on=go_on)
    if form == "json":
        from crmctl.render.rows import object_json

        result = {**done._asdict(), "answered": answered, "written": [*done.written], "by_hand": [*done.by_hand]}
        app.print(object_json(result).splitlines())
    for path in done.by_hand:
        app.warn(f"{path} was edited since git stopped, or is no plain file: it was left alone.")
        app.warn(f"hint: git add {path} keeps it as it is; git checkout -m -- {path} brings the question back.")
    for line in _told(answered, done):
        app.say(line)
    return errors.CONFLICT if done.by_hand else errors.OK


def _told(answered: int, done: Settled) -> list[str]:
    lines = [f"Answered {counted(answered, 'question')}."] if answered else []
    if done.left:
        verb = "is" if done.left == 1 else "are"
        lines.append(f"{counted(done.left, 'question')} {verb} left: crmctl conflicts")
    elif not done.name:
        lines.append("No conflicts.")
    elif not done.done:
        return lines
    elif done.name == "sync":
        lines.append(f"Everything is brought together ({done.commit[:10]}). Send it: crmctl sync")
    elif done.go_on:
        lines.append(f"Nothing is in conflict any more. Go on with the {done.name}: {done.go_on}")
    elif done.name != "stash":
        lines.append(f"The {done.name} is finished{f' ({done.commit[:10]})' if done.commit else ''}.")
    else:
        lines.append("Nothing is in conflict any more; the changes are in the files, not committed yet.")
        lines.append("git stash drop forgets the stash, if it was one.")
    return lines


def _one_by_one(app: App, state: State, asked: Sequence[Asked]) -> None:
    """Ask a person each question; answers are kept at once.

    Raises:
        UsageProblem: nobody can be asked.
    """
    if not app.can_ask:
        raise UsageProblem("what is the answer to which question?", hint=_ways(asked) + " crmctl conflicts shows all.")
    from crmctl.cli.team.resolve_asking import ask

    for number, one in enumerate(asked, 1):
        answers = ask(app, state, one, f"{number} of {len(asked)}")
        if answers is None:
            return
        if answers.by_key:
            _note(app, state, answers)
