"""``crmctl export``: records into a file, whole ones or just some fields; all tables for a warehouse."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

import click

from crmctl.cli.app import App
from crmctl.cli.app import pass_app
from crmctl.cli.options import Command
from crmctl.cli.options import output_option
from crmctl.cli.pick import kind_named

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator

    from crmctl.model.fields import Kind


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
        _export(app, kind_named(app, name), filters, form, [part.strip() for part in fields.split(",") if part.strip()])

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
