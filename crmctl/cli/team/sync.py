"""``crmctl sync``: this book and the team's; ``crmctl clone``: a copy of the team's book."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING
from typing import Any

import click

from crmctl.cli.app import pass_app
from crmctl.cli.options import Command
from crmctl.cli.words import counted
from crmctl.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Sequence

    from crmctl.cli.app import App
    from crmctl.services.joining.sync import Synced
    from crmctl.services.joining.sync_report import Told
    from crmctl.services.past.differences import RecordChange

PATIENCE = 60.0
"""Seconds to wait for another crmctl where nobody sits in front of it."""


@click.command("sync", cls=Command)
@click.argument("remote", required=False, default="")
@click.option("-n", "--dry-run", is_flag=True, help="Only show what would come and go.")
@click.option("--allow-removals", is_flag=True, help="Also when that takes many records away.")
@click.option("--accept-rewind", is_flag=True, help="Join with a remote whose history was rewritten.")
@click.option("-v", "--verbose", is_flag=True, help="Name every record.")
@click.option("-o", "--output", "form", type=click.Choice(("table", "json")), default="table", help="How to print it.")
@pass_app
def sync(
    app: App, remote: str, form: str, *, dry_run: bool, allow_removals: bool, accept_rewind: bool, verbose: bool
) -> None:
    """Bring your book and the team's together.

    Gets what others did, joins it with what you did, field by field, and sends it. REMOTE is the name of a remote of
    git; without one it is the one your branch follows, or origin. What two people changed in different ways is not
    decided here: nothing is merged then, and crmctl conflicts shows what to answer. Nothing is ever forced. Without a
    network it says so and is done; what you write meanwhile waits.

    \b
      crmctl sync                     now and then
      */10 * * * * crmctl -C ~/book -q sync      from cron: says something only when there is something to do
      crmctl sync --dry-run -v        what would come and go

    Exit status: 0 done or offline, 5 questions or a refusal, 7 others were faster five times, 1 git failed.
    """
    from crmctl.services.joining import sync as service
    from crmctl.services.joining.sync_report import told

    how = service.How(
        dry_run=dry_run,
        allow_removals=allow_removals,
        accept_rewind=accept_rewind,
        wait=None if sys.stdin.isatty() else PATIENCE,
    )
    if _is_watched():
        app.book.tell_waiting = app.say
    synced = service.sync(app.book, remote, how)
    _tell(app, synced, told(app.book, synced), form, verbose=verbose)
    if synced.state == service.QUESTIONS:
        raise _questions(synced)


def _tell(app: App, synced: Synced, report: Told, form: str, *, verbose: bool) -> None:
    """Say what came and what went."""
    if form == "json":
        app.print([_json(synced, report)])
    else:
        for line in _words(synced, report):
            app.say(line)
        if verbose:
            app.print(_lines(report))
    for path in synced.kept:
        app.say(f"{path} keeps what you changed in it by hand.")
    for warning in report.warnings:
        app.warn(f"look at this: {warning}")


def _is_watched() -> bool:
    """Whether somebody sees what is said."""
    return sys.stderr.isatty()


def _questions(synced: Synced) -> Conflict:
    number = synced.questions
    asked = f"{counted(number, 'question')} {'waits' if number == 1 else 'wait'} for an answer"
    hint = "crmctl conflicts shows what was changed in different ways, crmctl resolve answers."
    return Conflict(f"{asked}; until then nothing from {synced.remote.key} is merged", hint=hint)


def _words(synced: Synced, report: Told) -> Iterator[str]:
    """What happened, for a person."""
    from crmctl.services.joining import sync as service
    from crmctl.services.past.differences import summary

    remote = synced.remote
    if synced.state == service.PLANNED:
        yield f"Would come: {summary(report.came)}."
        went = "everything" if report.first else summary(report.went)
        yield f"Would go: {went if synced.waiting else 'nothing'}."
        if synced.questions:
            yield f"{counted(synced.questions, 'question')} would have to be answered first."
        yield f"Nothing was done; crmctl sync does it with {remote.key}."
        return
    if report.came:
        yield f"Came: {summary(report.came)}."
    if synced.state == service.OFFLINE:
        waiting = f"{counted(synced.waiting, 'commit')} wait{'s' if synced.waiting == 1 else ''}"
        yield f"offline: {waiting} ({remote.name} cannot be reached: {remote.address})."
    elif synced.state == service.SYNCED:
        if report.first:
            yield f"Went: everything; {remote.key} was empty."
        elif report.went:
            yield f"Went: {summary(report.went)}."
        yield f"Up to date with {remote.key}."


def _lines(report: Told) -> Iterator[str]:
    """Every record, on a line of its own."""
    for title, changes in (("came", report.came), ("went", report.went)):
        for change in changes:
            words = f": {'; '.join(change.words)}" if change.words else ""
            yield _safe(f"{title}  {change.kind} {_name(change)} {change.what}{words}")


def _name(change: RecordChange) -> str:
    return f"{change.handle[-8:].lower()} of {change.customer}" if change.kind == "interaction" else change.handle


def _safe(text: str) -> str:
    from crmctl.render.text import safe

    return safe(text)


def _json(synced: Synced, report: Told) -> str:
    """The same for a program."""
    import json

    from crmctl.render.text import json_safe

    merge = synced.merge
    data = {
        "state": synced.state,
        "remote": synced.remote.name,
        "branch": synced.remote.branch,
        "before": synced.before,
        "after": synced.after,
        "sent": synced.sent,
        "waiting": synced.waiting,
        "came": _changes(report.came),
        "went": _changes(report.went),
        "questions": sorted({one.path for one in merge.questions}) if merge else [],
        "kept": list(synced.kept),
        "warnings": report.warnings,
    }
    return json_safe(json.dumps(data, ensure_ascii=False, indent=2))


def _changes(changes: Sequence[RecordChange]) -> list[dict[str, Any]]:
    names = ("kind", "handle", "what", "title", "customer", "type")
    return [
        {**{name: getattr(change, name) or None for name in names}, "words": list(change.words)} for change in changes
    ]


@click.command("clone", cls=Command)
@click.argument("url")
@click.argument("folder", required=False, default="", metavar="[DIR]")
@pass_app
def clone(app: App, url: str, folder: str) -> None:
    """Get a copy of a team's book.

    URL is what git clone takes: an address, or a folder on this machine. Nothing of what comes is run, links and other
    repositories in it are refused, and every record is checked.

    \b
      crmctl clone git@example.com:team/book.git
      crmctl clone /media/stick/book ~/book
    """
    from shlex import quote

    from crmctl.services.joining.cloning import clone as make

    made = make(url, folder)
    there = quote(str(made.folder))
    counts = ", ".join(f"{number:,} {noun}" for noun, number in made.counts) or "no records yet"
    app.say(f"Cloned {made.name} into {made.folder}: {counts}.")
    for note in made.notes:
        app.warn(note)
    if made.problems:
        app.warn(f"{counted(made.problems, 'problem')} in it: crmctl -C {there} check shows them")
    app.say(f"Next: cd {there} && crmctl today; crmctl sync brings your changes and the team's together.")
