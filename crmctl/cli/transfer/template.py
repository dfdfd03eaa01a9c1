"""``crmctl template list|check|render``."""

from __future__ import annotations

import click

from crmctl import errors
from crmctl.cli.app import App
from crmctl.cli.app import pass_app
from crmctl.cli.options import Command
from crmctl.cli.options import Ordered
from crmctl.cli.options import output_option
from crmctl.cli.words import counted
from crmctl.render.rows import Column
from crmctl.render.text import safe


@click.group("template", cls=Ordered)
def template() -> None:
    """List, check and render templates."""


@template.command("list", cls=Command)
@output_option()
@pass_app
def list_(app: App, form: str) -> int:
    """List the templates in templates/."""
    from crmctl.cli.telling import tell_error
    from crmctl.errors import InvalidData
    from crmctl.services import templates

    rows = []
    broken: list[InvalidData] = []
    for name in templates.names(app.book):
        try:
            found = templates.load(app.book, name)
            front = found.front
            rows.append([name, found.form, front.channel, front.purpose or None, front.language or None, front.subject])
        except InvalidData as error:
            broken.append(error)
    columns = [Column(name) for name in ("name", "form", "channel", "purpose", "language", "subject")]
    app.rows(form, columns, rows, nothing="" if broken else "No templates yet; put a .md file into templates/.")
    for fault in broken:
        tell_error(app, fault)
    return errors.INVALID if broken else errors.OK


@template.command("check", cls=Command)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--segment", default="", metavar="REF", help="Only against the customers of this segment.")
@output_option()
@pass_app
def check(app: App, names: tuple[str, ...], segment: str, form: str) -> int:
    """Render templates for every customer and list what is missing for whom."""
    from crmctl.cli.pick import picked
    from crmctl.services import template_check

    handle = picked(app, app.book.schema.require("segment"), segment) if segment else ""
    count, faults = template_check.check(app.book, names, handle)
    columns = [Column(name) for name in ("template", "customer", "problem")]
    rows = [[fault.template, fault.customer or None, fault.problem] for fault in faults]
    if rows or form != "table":
        app.rows(form, columns, rows)
    failed = len({(fault.template, fault.customer) for fault in faults if fault.customer})
    own = " of their own" if any(not fault.customer for fault in faults) else ""
    app.say(f"{counted(count, 'message')} rendered, {failed or 'none'} with problems{own}.")
    return errors.FAILED if faults else errors.OK


@template.command("render", cls=Command)
@click.argument("name", metavar="NAME")
@click.argument("ref", metavar="REF")
@click.option("--html", "html", is_flag=True, help="Print the HTML part instead of the text.")
@pass_app
def render(app: App, name: str, ref: str, html: bool) -> int:
    """Render one template for one customer."""
    from crmctl.cli.pick import picked
    from crmctl.services import templates

    handle = picked(app, app.book.schema.require("customer"), ref)
    message = next(iter(templates.rendered(app.book, templates.load(app.book, name), [handle])))
    for problem in message.problems:
        app.fail(f"{handle}: {problem}")
    if message.problems:
        return errors.FAILED
    if html and not message.html:
        app.fail("a text template has no HTML part")
        return errors.FAILED
    body = message.html if html else message.text
    lines = [] if html or not message.subject else [f"Subject: {safe(message.subject)}", ""]
    app.print([*lines, *safe(body, lines=True).splitlines()], page=True)
    return errors.OK
