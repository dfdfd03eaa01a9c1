"""``crmctl schedule show|install|uninstall``: follow-ups, campaigns and the digest by themselves."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import TypeVar

import click

from crmctl.cli.app import App
from crmctl.cli.app import pass_app
from crmctl.cli.options import Command
from crmctl.cli.options import hidden_options
from crmctl.errors import FAILED
from crmctl.errors import OK

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Sequence

    from crmctl.services.following.scheduling import Plan

F = TypeVar("F", bound="Callable[..., Any]")


@click.group(
    "schedule",
    params=list(hidden_options()),
    context_settings={"help_option_names": ["-h", "--help"]},
)
def schedule() -> None:
    """Have follow-ups taken, campaigns sent and the digest mailed, by systemd or cron.

    \b
      crmctl schedule install --mail you@example.com
      crmctl schedule show                             lines for crontab -e instead
    """


def _options(function: F) -> F:
    every = click.option("--every", type=int, default=15, show_default=True, help="Minutes between two runs.")
    mail = click.option("--mail", metavar="ADDRESS", default="", help="Also mail the digest of the day there.")
    at = click.option("--at", metavar="HH:MM", default="07:30", show_default=True, help="When the digest is mailed.")
    return every(mail(at(function)))


def _plan(app: App, every: int, mail: str, at: str) -> Plan:
    from crmctl.services.following import scheduling

    return scheduling.plan(app.book, _program(), os.environ, every=every, mail=mail, at=at)


def _program() -> Sequence[str]:
    """How this very program was started, from the root on."""
    started = Path(sys.argv[0]).absolute()
    if started.name == "crmctl" and os.access(started, os.X_OK):
        return [str(started)]
    return [sys.executable, "-m", "crmctl"]


@schedule.command("show", cls=Command)
@_options
@click.option("--systemd", is_flag=True, help="The files for systemd instead of lines for a crontab.")
@pass_app
def show(app: App, every: int, mail: str, at: str, systemd: bool) -> None:
    """Print the lines for `crontab -e`, or the files that `install` writes."""
    from crmctl.services.following import scheduling

    found = _plan(app, every, mail, at)
    if systemd:
        for name, text in scheduling.units(found).items():
            app.print([f"# {scheduling.folder() / name}", *text.rstrip("\n").split("\n"), ""])
    else:
        app.print(scheduling.crontab(found))
    there = [path.name for path in scheduling.installed(found) if path.suffix == ".timer"]
    if there:
        app.say(f"Installed here: {', '.join(there)}.")
    elif systemd:
        app.say("No timer is installed here.")
    else:
        app.say("Put these lines into crontab -e, or: crmctl schedule install")


@schedule.command("install", cls=Command)
@_options
@pass_app
def install(app: App, every: int, mail: str, at: str) -> int:
    """Write timers of systemd for this user, and start them.

    \b
      crmctl schedule install --every 30 --mail you@example.com --at 07:00
    """
    from crmctl.services.following import scheduling

    written, notes = scheduling.install(_plan(app, every, mail, at), scheduling.started)
    app.print(str(path) for path in written)
    return _told(app, notes, "The timers run. To have them run while you are not logged in: loginctl enable-linger")


@schedule.command("uninstall", cls=Command)
@pass_app
def uninstall(app: App) -> int:
    """Stop the timers of this book, and take their files away."""
    from crmctl.services.following import scheduling

    gone, notes = scheduling.uninstall(_plan(app, 15, "", "07:30"), scheduling.started)
    app.print(str(path) for path in gone)
    return _told(app, notes if gone else [], "Nothing runs by itself any more." if gone else "No timer was installed.")


def _told(app: App, notes: Sequence[str], good: str) -> int:
    for note in notes:
        app.fail(note)
    if notes:
        app.warn("hint: Where there is no systemd, crmctl schedule show prints lines for a crontab.")
        return FAILED
    app.say(good)
    return OK
