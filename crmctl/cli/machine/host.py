"""``crmctl host show|adopt``: which machine, and which clone on it, this is, for what only one of them may send."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from crmctl.cli.app import pass_app
from crmctl.cli.options import Command
from crmctl.cli.options import output_option
from crmctl.cli.options import yes_option
from crmctl.render.rows import Column

if TYPE_CHECKING:
    from crmctl.cli.app import App


@click.group("host", context_settings={"help_option_names": ["-h", "--help"]})
def host() -> None:
    """Show which machine and clone this is, or take the place of another.

    A campaign names the clone that sends it (its field sender), so that two copies of a book never send one message
    twice. A machine is known by a random number in $XDG_STATE_HOME/crmctl/host and by its own id: a copied home folder,
    a restored backup elsewhere are other machines. The first clone of a book on a machine has the id of the machine;
    every further one, a copied folder too, has some letters more.
    """


@host.command("show", cls=Command)
@output_option("ids", formats=("ids", "table", "json", "jsonl", "csv", "tsv"))
@pass_app
def show(app: App, form: str) -> None:
    """Print the name of this clone of the book; outside of a book, the id of the machine.

    \b
      crmctl campaign set new-year sender=$(crmctl host show)
    """
    from crmctl.errors import NoBook
    from crmctl.services.mailing import clones
    from crmctl.services.mailing import host as service

    found = service.host()
    try:
        name = clones.name_of(app.book)
    except NoBook:
        name = found.id
    if form == "ids":
        app.print([name])
        return
    columns = [Column("host"), Column("own"), Column("adopted"), Column("file")]
    app.rows(form, columns, [[name, found.own, "yes" if found.adopted else "no", str(found.path)]])


@host.command("adopt", cls=Command)
@click.argument("host_id", metavar="ID")
@yes_option
@pass_app
def adopt(app: App, host_id: str, yes: bool) -> None:
    """Send what the machine ID was to send, because it is gone.

    Both would send the same campaigns if the other one is still at work: what it has sent and not pushed is not known
    here. This machine's own id takes that back.

    \b
      crmctl host adopt lap-k3qf7ab2
      crmctl host adopt $(crmctl host show -o json | jq -r '.[0].own')
    """
    from crmctl.services.mailing import host as service

    before = service.host()
    if host_id not in (before.id, before.own):
        app.confirm(f"Is {host_id} gone for good, and has it pushed all that it sent?", yes=yes)
    found = service.adopt(host_id)
    if found.id == before.id:
        app.say(f"This machine is {found.id} already.")
    elif found.adopted:
        app.say(f"This machine is {found.id} from now on; its own id is {found.own}")
    else:
        app.say(f"This machine is itself again: {found.id}")
