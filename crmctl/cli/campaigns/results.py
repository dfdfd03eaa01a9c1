"""``crmctl campaign results|compare``: what came of campaigns, with intervals, and what may not be concluded."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

import click

from crmctl.cli.app import App
from crmctl.cli.app import pass_app
from crmctl.cli.options import Command
from crmctl.cli.options import output_option
from crmctl.errors import UsageProblem
from crmctl.render.rows import Column
from crmctl.render.text import json_safe
from crmctl.render.text import safe

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Sequence

    from crmctl.services.campaigns.measuring.results import Asked

_FORMATS = ("table", "json", "jsonl", "csv", "tsv", "md")


def _asking(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say what is counted."""
    for option in (
        click.option("--within", default="30d", show_default=True, metavar="SPAN", help="Count what is done by then."),
        click.option("--outcome", "outcomes", multiple=True, metavar="NAME", help="Look at this only; repeatable."),
        click.option("--stage", default="", metavar="NAME", help="Let only this stage count as a deal."),
    ):
        function = option(function)
    return function


@click.command("results", cls=Command)
@click.argument("ref", metavar="REF")
@_asking
@output_option(formats=_FORMATS)
@pass_app
def results(app: App, ref: str, within: str, outcomes: tuple[str, ...], stage: str, form: str) -> None:
    """Show what came of a campaign: each arm and the holdout, how they differ, and whether that may be chance.

    Everybody who was planned counts, sent to or not. Outcomes: reply, meeting, deal, won, purchase, revenue.

    \b
      crmctl campaign results new-year
      crmctl campaign results new-year --within 30d --outcome purchase
    """
    from crmctl.cli.campaigns import results_data as data
    from crmctl.cli.campaigns import results_tables as tables
    from crmctl.services.campaigns.measuring import results as service
    from crmctl.services.campaigns.measuring import verdicts

    found = service.results(app.book, _handle(app, ref), _asked(within, outcomes, stage))
    if form in ("json", "jsonl"):
        _print_json(app, form, [data.document(found)])
    elif form != "table":
        app.rows(form, data.LONG, data.long(found))
    else:
        tables.show(app, found)
        app.print(safe(line) for line in (verdicts.verdict(found)[1], verdicts.gain(found)) if line)
    for note in found.notes:
        app.say(note)


@click.command("compare", cls=Command)
@click.argument("refs", metavar="REF REF...", nargs=-1, required=True)
@_asking
@output_option(formats=_FORMATS)
@pass_app
def compare(app: App, refs: tuple[str, ...], within: str, outcomes: tuple[str, ...], stage: str, form: str) -> None:
    """Show several campaigns side by side, by the same measure. Chance did not share people out among them.

    \b
      crmctl campaign compare new-year january-meetings
    """
    from crmctl.cli.campaigns import results_data as data
    from crmctl.cli.campaigns import results_tables as tables
    from crmctl.services.campaigns.measuring import comparing

    handles = [_handle(app, ref) for ref in refs]
    found = comparing.compare(app.book, handles, _asked(within, outcomes, stage))
    if form in ("json", "jsonl"):
        _print_json(app, form, [{**data.document(one.found), "all": data.side(one)} for one in found])
    elif form != "table":
        app.rows(form, data.LONG, [row for one in found for row in data.long(one.found)])
    else:
        names = [Column("measure")] + [Column(one.found.handle, right=True) for one in found]
        app.rows(form, names, tables.side_by_side(found))
    for one in found:
        for note in one.found.notes:
            app.say(f"{one.found.handle}: {note}")
        if one.found.began is not None and not one.found.is_over:
            app.say(f"{one.found.handle}: {one.found.asked.within} days are not over for everybody.")
    app.say(comparing.WARNING)


def _handle(app: App, ref: str) -> str:
    from crmctl.cli.pick import picked

    return picked(app, app.book.schema.require("campaign"), ref)


def _asked(within: str, outcomes: tuple[str, ...], stage: str) -> Asked:
    from crmctl.model import values
    from crmctl.model.fields import Field
    from crmctl.services.campaigns.measuring.results import EVERYTHING
    from crmctl.services.campaigns.measuring.results import Asked

    try:
        days = int(str(values.normal(Field("within", "days"), within.strip(), values.Context())))
    except ValueError as error:
        raise UsageProblem(f"--within: {error}") from None
    names = tuple(name.strip().lower() for text in outcomes for name in text.split(","))
    return Asked(days, names or EVERYTHING, stage.strip())


def _print_json(app: App, form: str, documents: Sequence[dict[str, Any]]) -> None:
    import json

    if form == "jsonl":
        app.print(json_safe(json.dumps(one, ensure_ascii=False)) for one in documents)
    else:
        app.print([json_safe(json.dumps(documents, ensure_ascii=False, indent=2))])
