"""``crmctl import csv``: records from a file, what would become of each row, and what is put aside."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import cast

import click

from crmctl import errors
from crmctl.cli.app import App
from crmctl.cli.app import pass_app
from crmctl.cli.options import Command
from crmctl.cli.options import Ordered
from crmctl.cli.options import adopt_option
from crmctl.cli.options import split_assignment
from crmctl.cli.options import yes_option
from crmctl.cli.pick import kind_named
from crmctl.errors import UsageProblem

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator

    from crmctl.render.rows import Value
    from crmctl.services.importing.plan import Plan
    from crmctl.services.importing.source import Source

_FIRST_REASONS = 5
_WIDEST = 8
_SLOW = 500
"""Files with fewer lines are read before a progress bar could be seen."""


class _Import(Ordered):
    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does; who names a file at once is told the whole command."""
        word = args[0]
        if self.get_command(ctx, word) is None and ({".", "/", os.sep} & set(word) or Path(word).exists()):
            file = shlex.quote(word)
            kind = " --kind customer" if not any(text.startswith("--kind") for text in args) else ""
            rest = "".join(f" {shlex.quote(text)}" for text in args[1:])
            raise UsageProblem(
                "say what the file is: csv, and what its rows are", hint=f"crmctl import csv {file}{kind}{rest}"
            )
        return super().resolve_command(ctx, args)


@click.group("import", cls=_Import, help="Take in records from a file.")
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
        kind_named(app, kind_name),
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
        kept = import_rejects.write(rejects, source, plan.rejected)
        if kept is not None:
            app.warn(f"The rejected rows of another time are in {kept} now.")
        app.warn(f"Rejected rows are in {rejects}; set them right there and import that file the same way.")
    app.written(written)
    if written.commit:
        _index_now(app)
    return _status(plan)


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
        rows = plan.new + plan.changed + plan.same - len(plan.shown)
        if rows > 0:
            app.say(f"... and {rows} more rows" if rows > 1 else "... and one more row")
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
