"""``crmctl KIND add|list|show|set|edit|rm``: the same verbs for every kind, made from its declaration."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING
from typing import Any

import click

from crmctl.cli.app import App
from crmctl.cli.app import pass_app
from crmctl.cli.options import Command
from crmctl.cli.options import adopt_option
from crmctl.cli.options import hidden_options
from crmctl.cli.options import output_option
from crmctl.cli.options import set_option
from crmctl.cli.options import split_assignment
from crmctl.cli.options import yes_option
from crmctl.errors import CrmError
from crmctl.errors import InvalidData
from crmctl.errors import NotFound
from crmctl.model.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from crmctl.model.fields import Kind

# Verbs that only some kinds have: (kind, verb) -> (module under crmctl.cli, name in it, short help).
OWN_VERBS: dict[tuple[str, str], tuple[str, str, str]] = {
    ("campaign", "plan"): ("campaign", "plan", "Show who gets it, and who not and why."),
    ("campaign", "preview"): ("campaign", "preview", "Write the messages into a folder, to look at."),
    ("campaign", "check"): ("campaign", "check", "Make every message, and list those that must not go out."),
    ("campaign", "send"): ("campaign_send", "send", "Send what may go out now; a dry run without --send."),
    ("campaign", "status"): ("campaign", "status", "Show what became of every message, and the proof."),
    ("campaign", "pause"): ("campaign", "pause", "Hold a campaign up."),
    ("campaign", "resume"): ("campaign", "resume", "Let a paused campaign go on."),
    ("campaign", "cancel"): ("campaign", "cancel", "End a campaign; what waits does not go out."),
    ("campaign", "results"): ("results", "results", "Show what came of it, and what may be chance."),
    ("campaign", "compare"): ("results", "compare", "Show several side by side."),
    ("followup", "done"): ("followup", "done", "Mark a follow-up as done."),
    ("followup", "snooze"): ("followup", "snooze", "Put a follow-up off to another day."),
    ("followup", "run"): ("followup", "run", "Take the steps that are due; a dry run without --send."),
    ("followup", "explain"): ("followup", "explain", "Show what was decided about a customer, and why."),
    ("followup", "release"): ("followup", "release", "Release drafts that you have read."),
    ("sequence", "enroll"): ("sequence", "enroll", "Put a customer into a sequence."),
    ("sequence", "stop"): ("sequence", "stop", "Take a customer out of it."),
    ("sequence", "status"): ("sequence", "status", "Show who is in it, and how far."),
    ("sequence", "migrate"): ("sequence", "migrate", "Move those who are in it to its present steps."),
    ("sequence", "adopt"): ("sequence", "adopt", "Let this clone take its steps."),
    ("enrolment", "add"): ("sequence", "enroll", "The same as `crmctl sequence enroll`."),
    ("segment", "members"): ("segment", "members", "List the customers in a segment."),
    ("interaction", "add"): ("log", "log", "The same as `crmctl log`."),
}
_VERBS = {
    "add": "Add one.",
    "list": "List them, filtered and sorted.",
    "show": "Show one.",
    "set": "Set fields of one.",
    "edit": "Change one in your editor.",
    "rm": "Remove one.",
}


def kind_group(name: str, app: App) -> click.Group | None:
    """The commands of the kind called ``name``, a built-in one or one that the book declares; None if there is none."""
    for kind in KINDS:
        if name in (kind.name, kind.plural):
            return KindGroup(kind)
    try:
        book = app.book
    except CrmError:
        if app.as_of is not None:
            raise  # There is no such state: whether there is such a kind cannot be known.
        return None
    declared = book.schema.kind(name)
    return KindGroup(declared) if declared is not None else None


class KindGroup(click.Group):
    """The verbs of one kind; each command is made when it is called."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(
            kind.name,
            params=list(hidden_options()),
            invoke_without_command=True,
            callback=_list_when_bare(kind),
            help=f"{kind.help[:1].upper()}{kind.help[1:]}.",
            context_settings={"help_option_names": ["-h", "--help"]},
        )
        self.kind = kind

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs every kind has, then this kind's own."""
        return [*_VERBS, *(verb for kind, verb in OWN_VERBS if kind == self.kind.name and verb not in _VERBS)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command for a verb, made now; synonyms are understood."""
        verb = {"new": "add", "ls": "list", "view": "show", "delete": "rm", "remove": "rm"}.get(cmd_name, cmd_name)
        own = OWN_VERBS.get((self.kind.name, verb))
        if own is not None:
            command: click.Command = getattr(import_module(f"crmctl.cli.{own[0]}"), own[1])
            return command
        maker = _MAKERS.get(verb)
        return maker(self.kind) if maker is not None else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Short helps from the tables; nothing is imported for them."""
        own = {verb: text for (kind, verb), (_, _, text) in OWN_VERBS.items() if kind == self.kind.name}
        with formatter.section("Commands"):
            formatter.write_dl(list({**_VERBS, **own}.items()))


def _list_when_bare(kind: Kind) -> Callable[[], None]:
    def bare() -> None:
        context = click.get_current_context()
        if context.invoked_subcommand is None:
            context.invoke(_list(kind), filters=(), fields="", sort=(), limit=0, form="table")

    return bare


def _current(app: App, kind: Kind) -> Kind:
    """The kind with the words and fields of the book that is open."""
    found = app.book.schema.kind(kind.name)
    if found is None:
        raise NotFound(f"the book had no kind {kind.name!r} then")
    return found


def _add(kind: Kind) -> click.Command:
    offered = [(field.name, field) for field in kind.stored if field.option]
    groups = [field for field in kind.stored if field.type == "group" and field.shape == "one"]
    offered += [(f"{group.name}.{part.name}", part) for group in groups for part in group.fields if part.option]

    @pass_app
    def add(app: App, /, title: str, sets: tuple[str, ...], handle: str, adopt: bool, **values: Any) -> None:
        from crmctl.services import records
        from crmctl.services.records import Assignment

        assignments = [Assignment(*split_assignment(text)) for text in sets]
        for position, (name, field) in enumerate(offered):
            value = values[f"field_{position}"]
            if field.shape == "list":
                assignments += [Assignment(f"{name}+", text) for text in value]
            elif value not in (None, False):
                assignments.append(Assignment(name, "yes" if value is True else value))
        current = _current(app, kind)
        try:
            app.written(records.add(app.book, current, title, assignments, handle=handle, adopt=adopt))
        except InvalidData as error:
            from crmctl.cli.lacking import too_little

            raise too_little(current, title, error) or error from error

    params: list[click.Parameter] = [click.Argument(["title"], metavar=kind.title.upper())]
    for position, (_, field) in enumerate(offered):
        many = field.shape == "list"
        flag = field.type == "boolean"
        text = field.help or (f"one of {', '.join(field.choices)}" if field.choices else f"its {_in_words(field.name)}")
        params.append(
            click.Option(
                [field.option, f"field_{position}"],
                multiple=many,
                is_flag=flag or None,  # False would let the option stand without a value.
                help=text[:1].upper() + text[1:] + ".",
            )
        )
    params.append(click.Option(["--handle"], default="", help="Its name in the book; made from the name when absent."))
    return _decorated("add", add, params, f"Add {_one(kind)}.", set_option, adopt_option)


def _list(kind: Kind) -> click.Command:
    @pass_app
    def list_(app: App, filters: tuple[str, ...], fields: str, sort: tuple[str, ...], limit: int, form: str) -> None:
        from crmctl.render.rows import Column
        from crmctl.services.listing import listed

        names = [name.strip() for name in fields.split(",") if name.strip()]
        current = _current(app, kind)
        if not names and "handle" not in current.columns:  # Such a record is named by its id.
            names = {"ids": ["id"], "table": [], "md": []}.get(form, [*current.columns, "id"])
        found = listed(app.book, current, filters, fields=names, sort=_sorts(sort), limit=limit)
        numbers = ("integer", "percent", "days", "money", "number")
        columns = [Column(name, right=field.type in numbers) for name, field in found.fields]
        nothing = f"No {kind.plural} match." if filters else f"No {kind.plural} yet."
        app.rows(form, columns, found.rows, nothing=nothing)

    params: list[click.Parameter] = [
        click.Argument(["filters"], nargs=-1, metavar="[FILTER]...", shell_complete=_complete_filter),
        click.Option(["--fields"], default="", metavar="A,B", help="The fields to show, with commas between them."),
        click.Option(["--sort"], multiple=True, metavar="[-]FIELD", help="Sort by a field, with - downwards."),
        click.Option(["--limit"], type=click.IntRange(min=1), default=None, help="At most so many rows."),
    ]
    help_text = (
        f"List {kind.plural}.\n\nFILTER is words, or FIELD:VALUE, FIELD=VALUE, FIELD>=VALUE; several must all match; "
        "-TERM, or, not and ( ) work. crmctl help filters says more."
    )
    return _decorated("list", list_, params, help_text, output_option(), unknown=True)


def _sorts(sort: tuple[str, ...]) -> list[str]:
    return [name.strip() for text in sort for name in text.split(",") if name.strip()]


def _show(kind: Kind) -> click.Command:
    @pass_app
    def show(app: App, ref: str, form: str) -> None:
        from crmctl.cli.show import show_record

        show_record(app, _current(app, kind), ref, form)

    option = output_option("table", formats=("table", "json", "yaml", "ids"))
    return _decorated("show", show, [_ref(kind)], f"Show {_one(kind)}, whole.", option)


def _set(kind: Kind) -> click.Command:
    @pass_app
    def set_(app: App, ref: str, assignments: tuple[str, ...], adopt: bool) -> None:
        from crmctl.cli.pick import picked
        from crmctl.services import lines
        from crmctl.services import records
        from crmctl.services.records import Assignment

        current = _current(app, kind)
        parts = [Assignment(*split_assignment(text)) for text in assignments]
        handle = picked(app, current, ref)
        change = lines.change if current.storage == "jsonl" else records.change
        app.written(change(app.book, current, handle, parts, adopt=adopt))

    params: list[click.Parameter] = [
        _ref(kind),
        click.Argument(
            ["assignments"],
            nargs=-1,
            required=True,
            metavar="FIELD=VALUE...",
            shell_complete=_complete_assignment,
        ),
    ]
    help_text = (
        f"Set fields of {_one(kind)}.\n\nFIELD=VALUE sets, FIELD= takes out, FIELD+=VALUE and FIELD-=VALUE change a "
        "list, GROUP.PART=VALUE and MAP.KEY=VALUE reach inside."
    )
    return _decorated("set", set_, params, help_text, adopt_option, unknown=True)


def _edit(kind: Kind) -> click.Command:
    @pass_app
    def edit(app: App, ref: str) -> None:
        from crmctl.cli.editor import edit_record
        from crmctl.cli.pick import picked

        current = _current(app, kind)
        edit_record(app, current, picked(app, current, ref))

    return _decorated("edit", edit, [_ref(kind)], f"Change {_one(kind)} in your editor.")


def _rm(kind: Kind) -> click.Command:
    @pass_app
    def rm(app: App, ref: str, force: bool, yes: bool, adopt: bool) -> None:
        from crmctl.cli.pick import picked
        from crmctl.services import lines
        from crmctl.services import records

        current = _current(app, kind)
        handle = picked(app, current, ref)
        if current.name == "customer":
            row = app.book.index.row("SELECT COUNT(*) FROM interactions WHERE customer = ?", (handle,))
            if row and row[0]:
                app.confirm(f"Remove {handle} and {row[0]} interaction(s)?", yes=yes or force)
        if current.storage == "jsonl":
            app.written(lines.remove(app.book, current, handle, adopt=adopt))
        else:
            app.written(records.remove(app.book, current, handle, force=force, adopt=adopt))

    params: list[click.Parameter] = [
        _ref(kind),
        click.Option(["--force"], is_flag=True, help="Even if other records name it."),
    ]
    return _decorated("rm", rm, params, f"Remove {_one(kind)}; git keeps what was.", yes_option, adopt_option)


def _one(kind: Kind) -> str:
    return f"{'an' if kind.name[0] in 'aeiou' else 'a'} {_in_words(kind.name)}"


def _in_words(name: str) -> str:
    return name.replace("_", " ")


def _ref(kind: Kind) -> click.Argument:
    def complete(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[Any]:
        from crmctl.cli.complete import handles

        return handles(context, kind.name, incomplete)

    return click.Argument(["ref"], metavar="REF", shell_complete=complete)


def _complete_filter(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[Any]:
    from crmctl.cli.complete import filter_terms

    return filter_terms(context, incomplete)


def _complete_assignment(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[Any]:
    from crmctl.cli.complete import assignments

    return assignments(context, incomplete)


def _decorated(
    name: str,
    callback: Callable[..., None],
    params: list[click.Parameter],
    help_text: str,
    *decorators: Callable[..., Any],
    unknown: bool = False,
) -> click.Command:
    """A command from its parts; with ``unknown``, words that begin with ``-`` may be filters (``-tag:cold``)."""
    for decorate in reversed(decorators):
        callback = decorate(callback)
    more = list(reversed(getattr(callback, "__click_params__", [])))
    settings = {"ignore_unknown_options": True} if unknown else {}
    return Command(name, callback=callback, params=[*params, *more], help=help_text, context_settings=settings)


_MAKERS: dict[str, Callable[[Kind], click.Command]] = {
    "add": _add,
    "list": _list,
    "show": _show,
    "set": _set,
    "edit": _edit,
    "rm": _rm,
}
