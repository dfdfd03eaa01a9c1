"""``add``, ``list``, ``show``, ``set``, ``edit`` and ``rm``: the same for every kind, made from its declaration."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

import click

from crmctl.cli.app import App
from crmctl.cli.app import pass_app
from crmctl.cli.options import Command
from crmctl.cli.options import F
from crmctl.cli.options import adopt_option
from crmctl.cli.options import output_option
from crmctl.cli.options import set_option
from crmctl.cli.options import split_assignment
from crmctl.cli.options import yes_option
from crmctl.errors import InvalidData
from crmctl.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Sequence

    from crmctl.model.fields import Kind
    from crmctl.services.records import Assignment


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
            from crmctl.cli.kinds.lacking import too_little

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
                metavar=_METAVARS.get(field.type),
                help=text[:1].upper() + text[1:] + ".",
            )
        )
    params.append(click.Option(["--handle"], default="", help="Its name in the book; made from the name when absent."))
    from crmctl.cli.kinds.examples import ADD

    help_text = f"Add {_one(kind)}.\n\n{ADD.get(kind.name, '')}".strip()
    return _decorated("add", add, params, help_text, set_option, adopt_option)


_METAVARS = {"date": "WHEN", "datetime": "WHEN", "days": "SPAN"}


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
        nothing = f"No {kind.many} match." if filters else f"No {kind.many} yet."
        app.rows(form, columns, found.rows, nothing=nothing)

    params: list[click.Parameter] = [
        click.Argument(["filters"], nargs=-1, metavar="[FILTER]...", shell_complete=_complete_filter),
        click.Option(["--fields"], default="", metavar="A,B", help="The fields to show, with commas between them."),
        click.Option(["--sort"], multiple=True, metavar="[-]FIELD", help="Sort by a field, with - downwards."),
        click.Option(["--limit"], type=click.IntRange(min=1), default=None, help="At most so many rows."),
    ]
    help_text = (
        f"List {kind.many}.\n\nFILTER is words, or FIELD:VALUE, FIELD=VALUE, FIELD>=VALUE; several must all match; "
        "-TERM, or, not and ( ) work. crmctl help filters says more."
    )
    return _decorated("list", list_, params, help_text, output_option(), unknown=True)


def _sorts(sort: tuple[str, ...]) -> list[str]:
    return [name.strip() for text in sort for name in text.split(",") if name.strip()]


def _show(kind: Kind) -> click.Command:
    @pass_app
    def show(app: App, ref: str, form: str) -> None:
        from crmctl.cli.kinds.show import show_record

        show_record(app, _current(app, kind), ref, form)

    option = output_option("table", formats=("table", "json", "yaml", "ids"))
    return _decorated("show", show, [_ref(kind)], f"Show {_one(kind)}, whole.", option)


def _set(kind: Kind) -> click.Command:
    ref_argument = _ref(kind, or_assignment=True)
    assignments_argument = click.Argument(
        ["assignments"], nargs=-1, metavar="FIELD=VALUE...", shell_complete=_complete_assignment
    )

    @pass_app
    def set_(
        app: App,
        ref: str,
        assignments: tuple[str, ...],
        filters: tuple[str, ...],
        adopt: bool,
        dry_run: bool,
        yes: bool,
    ) -> None:
        from crmctl.services.records import Assignment

        if not ref or not (filters or assignments):
            missing = assignments_argument if ref or filters else ref_argument
            raise click.MissingParameter(ctx=click.get_current_context(), param=missing)
        words = (ref, *assignments) if filters else assignments
        parts = [Assignment(*split_assignment(text)) for text in words]
        current = _current(app, kind)
        if filters:
            from crmctl.cli.kinds.bulk import set_many

            set_many(app, current, filters, parts, adopt=adopt, dry_run=dry_run, yes=yes)
        else:
            _set_one(app, current, ref, parts, adopt=adopt, dry_run=dry_run)

    help_text = (
        f"Set fields of {_one(kind)}, or of all that match a filter.\n\nFIELD=VALUE sets, FIELD= takes out, "
        "FIELD+=VALUE and FIELD-=VALUE change a list, GROUP.PART=VALUE and MAP.KEY=VALUE reach inside.\n\nWith "
        "--filter there is no REF: what would become of each is shown first, and all of it is one commit.\n\n\b\n"
        f"  crmctl {kind.name} set REF FIELD=VALUE\n  crmctl {kind.name} set --filter FILTER FIELD=VALUE --dry-run"
    )
    params: list[click.Parameter] = [ref_argument, assignments_argument]
    return _decorated(
        "set", set_, params, help_text, _filter_option, _dry_run_option, adopt_option, yes_option, unknown=True
    )


def _filter_option(function: F) -> F:
    help_text = "Instead of REF: all that match; repeatable, all must."
    option = click.option(
        "--filter", "filters", multiple=True, metavar="FILTER", help=help_text, shell_complete=_complete_filter
    )
    return option(function)


def _dry_run_option(function: F) -> F:
    return click.option("-n", "--dry-run", is_flag=True, help="Only show what would change.")(function)


def _set_one(app: App, kind: Kind, ref: str, assignments: Sequence[Assignment], *, adopt: bool, dry_run: bool) -> None:
    from crmctl.cli.pick import picked
    from crmctl.services import lines
    from crmctl.services import records

    handle = picked(app, kind, ref)
    if dry_run:
        from crmctl.cli.kinds.bulk import show

        show(app, kind, [handle], assignments)
        return
    change = lines.change if kind.storage == "jsonl" else records.change
    app.written(change(app.book, kind, handle, assignments, adopt=adopt))


def _edit(kind: Kind) -> click.Command:
    @pass_app
    def edit(app: App, ref: str) -> None:
        from crmctl.cli.kinds.editor import edit_record
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
    return f"{'an' if kind.name[0] in 'aeiou' else 'a'} {kind.one}"


def _in_words(name: str) -> str:
    return name.replace("_", " ")


def _ref(kind: Kind, *, or_assignment: bool = False) -> click.Argument:
    """The argument that names a record; with ``or_assignment`` it may be missing, or be the first assignment."""

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[Any]:
        from crmctl.cli.complete import handles

        if or_assignment and context.params.get("filters"):
            return _complete_assignment(context, parameter, incomplete)

        return handles(context, kind.name, incomplete)

    settings: dict[str, Any] = {"required": False, "default": ""} if or_assignment else {}
    return click.Argument(["ref"], metavar="REF", shell_complete=complete, **settings)


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


MAKERS: dict[str, Callable[[Kind], click.Command]] = {
    "add": _add,
    "list": _list,
    "show": _show,
    "set": _set,
    "edit": _edit,
    "rm": _rm,
}
