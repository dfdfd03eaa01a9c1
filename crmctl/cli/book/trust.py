"""``crmctl trust``: what a repository's own settings and hooks would run, and leave for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from crmctl.cli.app import pass_app
from crmctl.cli.options import Command
from crmctl.cli.options import output_option
from crmctl.cli.options import yes_option
from crmctl.render.rows import Column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmctl.cli.app import App
    from crmctl.vcs.suspects import Setting


@click.command("trust", cls=Command)
@click.option("--revoke", is_flag=True, help="Take the leave back.")
@click.option("--list", "listing", is_flag=True, help="Only show what would run, and whether it may.")
@yes_option
@output_option()
@pass_app
def trust(app: App, revoke: bool, listing: bool, yes: bool, form: str) -> None:
    """Let a repository's own settings and hooks run programs.

    A folder that you got together with its .git (a zip, a USB stick, a shared disk) may have settings in .git/config
    by which git runs programs (filters, ssh commands, hooks that come with the files), and hooks in .git/hooks. crmctl
    runs none of that when it reads, and refuses to write until you have looked at it. A clone brings none of it.

    Hooks that you put in place yourself, in a repository that crmctl init or clone made here or that crmctl has
    written to before, run as with git; they are listed, and not asked about.

    \b
      crmctl trust            show what would run, and ask
      crmctl trust --yes      allow it
      crmctl trust --revoke   take that back

    When a setting or a hook changes, or a file of the book that it names, crmctl asks again. The note is kept with your
    own settings ($XDG_CONFIG_HOME/crmctl/trusted), never in a book.
    """
    from crmctl.services.clone import trust as service

    places = app.book.places
    if revoke:
        app.say("Nothing of it may run any more." if service.revoke(places) else "Nothing was allowed here.")
        return
    settings = service.found(places)
    trusted = service.is_trusted(places, settings)
    hooks = service.own_hooks(places)
    _show(app, form, settings, hooks, allowed="yes" if trusted else "no")
    if listing or not (settings or hooks):
        return
    if not settings:
        app.say("These hooks were put in place on this machine. crmctl trust --revoke has crmctl ask about them.")
        return
    if trusted:
        app.say("This is allowed already. crmctl trust --revoke takes it back.")
        return
    app.confirm("Let git run this here?", yes=yes)
    service.allow(places, settings)
    app.say("Allowed, as long as it stays as it is. crmctl trust --revoke takes it back.")


def _show(app: App, form: str, settings: Sequence[Setting], hooks: Sequence[Setting], *, allowed: str) -> None:
    """What would run; hooks of one's own always may."""
    columns = [Column("setting"), Column("value"), Column("does"), Column("file"), Column("allowed")]
    rows = [[setting.name, setting.value, setting.does, setting.file, allowed] for setting in settings]
    rows += [[hook.name, hook.value, hook.does, hook.file, "yes"] for hook in hooks]
    app.rows(form, columns, rows, nothing="This repository's own settings and hooks run nothing.")
