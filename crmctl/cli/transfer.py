"""``crmctl import`` and ``crmctl export``: records from a file, and back into one."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING
from typing import Any
from typing import cast

import click

from crmctl import errors
from crmctl.cli.app import App
from crmctl.cli.app import pass_app
from crmctl.cli.options import Command
from crmctl.cli.options import adopt_option
from crmctl.cli.options import output_option
from crmctl.cli.options import split_assignment
from crmctl.cli.options import yes_option
from crmctl.errors import UsageProblem

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator

    from crmctl.model.fields import Kind
    from crmctl.render.rows import Value
    from crmctl.services.importing.plan import Plan
    from crmctl.services.importing.source import Source

_FIRST_REASONS = 5
_WIDEST = 8
_SLOW = 500
"""Files with fewer lines are read before a progress bar could be seen."""


@click.group("import", help="Take in records from a file.", context_settings={"help_option_names": ["-h", "--help"]})
def import_() -> None:
    """Take in records from a file."""


@import_.command("csv", cls=Command)
@click.argument("file")
@click.option("--kind", "kind_name", required=True, help="What the rows are: customer, interaction, deal ...")
@click.option(
    "--map", "maps", multiple=True, metavar="FIELD=COLUMN", help="Which column goes where; by the headers when absent."
)
@click.option("--set", "sets", multiple=True, metavar="FIELD=VALUE", help="A value for every new record; repeatable.")
@click.option("--handle", default="", metavar="PATTERN", help="Handles from columns: 'shop-{customer_id}'.")
@click.option("--key", default="", metavar="FIELD", help="The field by which a record that is there already is found.")
@click.option(
    "--lookup",
    "lookups",
    multiple=True,
    metavar="[REF=]FIELD",
    help="By which field the customer (or REF) is found.",
)
@click.option("--dates", type=click.Choice(("dmy", "mdy")), default=None, help="The order in 11/12/2026.")
@click.option("--encoding", default="", help="The file's encoding; found out when absent.")
@click.option("--delimiter", default="", help="What stands between cells; found out when absent.")
@click.option("--rejects", default="", metavar="PATH", help="Where rejected rows go; FILE.rejects.csv when absent.")
@click.option("--dry-run", is_flag=True, help="Say what would happen, and change nothing.")
@yes_option
@adopt_option
@pass_app
def import_csv(app: App, /, file: str, kind_name: str, **options: Any) -> int:
    """Take in the rows of a CSV file, as one commit.

    FILE has a header line; - reads standard input. Encoding and delimiter are found out. What cannot be taken for
    certain is put aside with its line and reason, and the rest goes in. The same file again changes nothing if --key
    says how records are told apart.

    \b
      crmctl import csv people.csv --kind customer --map name=Name --map email=E-Mail --key emails --dry-run
      crmctl import csv orders.csv --kind interaction --map customer=client --map at=date --map amount=total \\
          --map external.shop=order_no --set type=purchase --key external.shop
    """
    from crmctl.services.importing.plan import Request
    from crmctl.services.importing.source import open_source
    from crmctl.services.records import Assignment

    request = Request(
        _kind(app, kind_name),
        tuple(split_assignment(text) for text in options["maps"]),
        tuple(Assignment(*split_assignment(text)) for text in options["sets"]),
        options["handle"],
        options["key"],
        options["lookups"],
        options["dates"] or "",
    )
    source = open_source(file, sys.stdin.buffer, encoding=options["encoding"], delimiter=options["delimiter"])
    try:
        return _import(app, file, source, request, options)
    finally:
        source.close()


def _import(app: App, file: str, source: Source, request: Any, options: dict[str, Any]) -> int:
    from pathlib import Path

    from crmctl.services.importing import imports
    from crmctl.services.importing import rejects as import_rejects

    watch = _Bars(app)
    plan = imports.plan(app.book, source, request, watch)
    folder = Path(file).absolute().parent if file != "-" else Path.cwd()
    rejects = (
        import_rejects.place(source.name, folder, app.book.places.top, options["rejects"]) if plan.rejected else None
    )
    _describe(app, source, plan)
    _count(app, plan, would=options["dry_run"])
    _tell_rejected(app, plan, source)
    if options["dry_run"]:
        app.say("Nothing was written (--dry-run).")
        return _status(plan)
    if plan.new or plan.changed:
        count = plan.new + plan.changed
        kind = plan.kind.name if count == 1 else plan.kind.plural
        app.confirm(f"Import {count} {kind}?", yes=options["yes"])
    written = imports.carry_out(app.book, source, request, plan, watch, adopt=options["adopt"])
    if rejects is not None:
        import_rejects.write(rejects, source, plan.rejected)
        app.warn(f"Rejected rows are in {rejects}; set them right there and import that file the same way.")
    app.written(written)
    if written.commit:
        _index_now(app)
    return _status(plan)


def _kind(app: App, name: str) -> Kind:
    kind = app.book.schema.kind(name)
    if kind is None:
        from difflib import get_close_matches

        names = [known.name for known in app.book.schema.kinds]
        near = get_close_matches(name, names, 1)
        hint = f"Did you mean {near[0]}?" if near else f"The kinds are {', '.join(names)}."
        raise UsageProblem(f"there is no kind {name!r}", hint=hint)
    return kind


def _describe(app: App, source: Source, plan: Plan) -> None:
    """What was found out about the file, what is left out of it, and the first rows as they would become."""
    if source.guessed:
        app.say(f"{source.name} is not UTF-8; it was read as Windows-1252. If accents look wrong, say --encoding.")
    if plan.mapping.unmapped:
        app.say(f"Not mapped: {', '.join(plan.mapping.unmapped)}")
    if not plan.key:
        app.say("Without --key every row is a new record; the same file again would bring them all again.")
    if plan.shown and not app.quiet:
        from crmctl.render.rows import Column
        from crmctl.render.rows import render

        head = "customer" if plan.kind.storage == "jsonl" else "handle"
        names = list(dict.fromkeys(name for row in plan.shown for name in row.values if name != head))
        more, names = len(names) - _WIDEST, names[:_WIDEST]
        table: list[list[Value]] = [
            [row.what, row.handle, *(cast("Value", row.values.get(name)) for name in names)] for row in plan.shown
        ]
        columns = [Column("row"), Column(head), *(Column(name, heading=name) for name in names)]
        app.say("\n".join(render("table", columns, table, width=app.width)))
        if more > 0:
            app.say(f"... and {more} more columns")


def _count(app: App, plan: Plan, *, would: bool) -> None:
    new, changed, same, rejected = plan.counts
    words = "would be " if would else ""
    app.say(f"{words}new {new}, changed {changed}, same {same}, rejected {rejected}".capitalize() + ".")


def _tell_rejected(app: App, plan: Plan, source: Source) -> None:
    reasons = sorted(plan.rejected.items())
    for line, reason in reasons[:_FIRST_REASONS]:
        app.warn(f"{source.name}:{line}: {reason}")
    if len(reasons) > _FIRST_REASONS:
        app.warn(f"... and {len(reasons) - _FIRST_REASONS} more")
    if any("read in two ways" in reason or "which number is the day" in reason for _, reason in reasons):
        app.warn("hint: --dates dmy or --dates mdy says which number is the day.")


def _status(plan: Plan) -> int:
    if not plan.rejected:
        return errors.OK
    return errors.FAILED if plan.new or plan.changed or plan.same else errors.INVALID


def _index_now(app: App) -> None:
    """Bring the index up to date here, where waiting is expected, and not in the next command."""
    if sys.stderr.isatty() and not app.quiet:
        click.echo("Indexing ...", err=True)
    app.book.refresh()
    app.book.index  # noqa: B018 - asking for it is what brings it up to date


class _Bars:
    """Progress bars on stderr, for work that takes long enough, on a terminal only."""

    def __init__(self, app: App) -> None:
        self._shown = sys.stderr.isatty() and not app.quiet

    def __call__(self, what: str, items: Iterable[Any], total: int) -> Iterable[Any]:
        if not self._shown or total < _SLOW:
            return items
        return self._bar(what, items, total)

    def _bar(self, what: str, items: Iterable[Any], total: int) -> Iterator[Any]:
        step = max(total // 200, 1)
        with click.progressbar(length=total, label=what.ljust(8), file=sys.stderr) as bar:
            for number, item in enumerate(items, 1):
                yield item
                if number % step == 0:
                    bar.update(step)
            bar.update(total)


class _Export(click.Group):
    """A command for each kind, made when it is called, and ``warehouse``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The built-in kinds; a book's own work too."""
        from crmctl.model.kinds import KINDS

        return [*(kind.name for kind in KINDS), "warehouse"]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command that exports what is called ``cmd_name``."""
        return _warehouse if cmd_name == "warehouse" else _export_command(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Short helps, without a book."""
        from crmctl.model.kinds import KINDS

        rows = [(kind.name, f"All {kind.plural}, or those that match.") for kind in KINDS]
        with formatter.section("Commands"):
            formatter.write_dl([*rows, ("warehouse", "All tables as Parquet files, for DuckDB or Spark.")])


export = _Export(
    "export",
    help="Write records out.\n\nCSV has a column for every field that is in use; importing it again changes nothing.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _export_command(name: str) -> click.Command:
    @click.argument("filters", nargs=-1, metavar="[FILTER]...")
    @output_option("csv", formats=("csv", "tsv", "json", "jsonl"))
    @click.option("--fields", default="", metavar="A,B", help="Just these fields, counted ones too, as in `list`.")
    @pass_app
    def export_kind(app: App, filters: tuple[str, ...], form: str, fields: str) -> None:
        _export(app, _kind(app, name), filters, form, [part.strip() for part in fields.split(",") if part.strip()])

    return Command(
        name,
        callback=export_kind,
        params=list(reversed(getattr(export_kind, "__click_params__", []))),
        help=f"Write {name} records to stdout, all or those that match.",
        context_settings={"ignore_unknown_options": True},
    )


def _export(app: App, kind: Kind, filters: tuple[str, ...], form: str, fields: list[str]) -> None:
    from crmctl.render.rows import Column
    from crmctl.services import exports

    if fields:
        from crmctl.services.listing import listed

        found = listed(app.book, kind, filters, fields=fields)
        app.rows(form, [Column(name) for name, _ in found.fields], found.rows)
    elif form in ("csv", "tsv"):
        flat = exports.flat(app.book, kind, filters)
        if flat.left_out:
            app.say(f"Left out, because the book declares no such fields: {', '.join(flat.left_out)}")
        app.rows(form, [Column(name) for name in flat.columns], flat.rows)
    else:
        app.print(_objects(form, exports.raw(app.book, kind, filters)))


def _objects(form: str, records: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Whole records as JSON: one a line, or as an array."""
    import json

    from crmctl.render.text import json_safe

    lines = (json_safe(json.dumps(record, ensure_ascii=False)) for record in records)
    if form == "jsonl":
        yield from lines
        return
    before = "["
    for line in lines:
        yield before if before == "[" else f"{before},"
        before = f"  {line}"
    if before == "[":
        yield "[]"
    else:
        yield before
        yield "]"


@click.command("warehouse", cls=Command)
@click.argument("directory", metavar="DIR")
@pass_app
def _warehouse(app: App, directory: str) -> None:
    """Write every table that reports read to DIR, as Parquet files."""
    from pathlib import Path

    from crmctl.reports.warehouse import export_parquet

    about = {"book": app.book.settings.name, "commit": app.book.commit}
    done = export_parquet(app.book.index.connection, app.book.schema, Path(directory), about)
    app.say(f"Wrote {len(done.rows)} tables with {sum(done.rows.values())} rows to {done.directory}.")
