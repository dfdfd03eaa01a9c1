"""``crmctl undo``: a write, an import or a merge taken back, with all later edits kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from crmctl.cli.app import pass_app
from crmctl.cli.options import Command
from crmctl.cli.options import output_option
from crmctl.errors import UsageProblem
from crmctl.render.rows import Column

if TYPE_CHECKING:
    from crmctl.cli.app import App
    from crmctl.render.rows import Value
    from crmctl.services.past.undo import Plan
    from crmctl.services.past.undo_overlaps import Overlap

_LIMIT = 20


@click.command("undo", cls=Command)
@click.argument("commit", default=None, metavar="[COMMIT]")
@click.option("--list", "listing", is_flag=True, help="Show the latest writes, and what each did.")
@click.option("--limit", type=click.IntRange(min=1), default=_LIMIT, show_default=True, help="So many with --list.")
@click.option("--rest", is_flag=True, help="Leave what later edits overlap with, and undo the rest.")
@click.option("--allow-removals", is_flag=True, help="Also when that takes many records away.")
@click.option("-n", "--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@output_option()
@pass_app
def undo(
    app: App,
    commit: str | None,
    *,
    listing: bool,
    limit: int,
    rest: bool,
    allow_removals: bool,
    dry_run: bool,
    form: str,
) -> None:
    """Take a change back: a write, an import, a merge, or an earlier undo.

    \b
      crmctl undo                 your latest write that is not undone yet
      crmctl undo 3fa77f3f49      that one, whoever made it
      crmctl undo --list          what there is to undo
      crmctl undo 3fa77f3f49 -n   what would change

    Undoing is a change like any other, and can be undone. Later edits of the same records stay. Where one changed the
    very same field, it is shown and nothing is undone; --rest undoes everything else. A consent that was withdrawn
    stays withdrawn, unless it is the withdrawal itself that is undone.
    """
    from crmctl.services.past import undo as service

    if commit is not None and not commit.strip():
        raise UsageProblem("COMMIT is empty", hint="crmctl undo without one takes back your latest write.")
    if listing:
        if commit:
            raise UsageProblem("--list shows all writes", hint=f"crmctl undo {commit} --dry-run shows what one did.")
        _list(app, limit, form)
        return
    plan = service.plan(app.book, service.chosen(app.book, commit or ""), rest=rest)
    if plan.overlaps:
        _show_overlaps(app, plan, form)
    refused = service.refusal(app.book, plan, rest=rest, allow_removals=allow_removals)
    if dry_run:
        if not plan.overlaps or rest:
            _show_changes(app, plan, form)
        if refused is not None:
            reason = refused.message.removesuffix("; nothing was undone").removesuffix(", so nothing was undone")
            app.say(f"It would be refused: {reason}.")
            app.say(f"hint: {refused.hint}")
        return
    if refused is not None:
        raise refused
    app.written(service.carry_out(app.book, plan, rest=rest, allow_removals=allow_removals))


def _list(app: App, limit: int, form: str) -> None:
    from crmctl.services.past.undo import latest

    writes = latest(app.book, limit)
    if form in ("table", "md"):
        columns = [Column("commit"), Column("at"), Column("author"), Column("what"), Column("said"), Column("undone")]
        rows: list[list[Value]] = [
            [
                write.commit.id[:10],
                f"{write.at:%Y-%m-%d %H:%M}",
                write.commit.author,
                _shortened(write.what),
                write.commit.subject,
                write.undone_by[:10],
            ]
            for write in writes
        ]
    else:
        names = ("commit", "at", "author", "email", "subject", "changes", "undone_by", "undoes")
        columns = [Column(name) for name in names]
        rows = [
            [
                write.commit.id,
                write.at.isoformat(),
                write.commit.author,
                write.commit.email,
                write.commit.subject,
                list(write.what),
                write.undone_by,
                write.commit.undoes,
            ]
            for write in writes
        ]
    app.rows(form, columns, rows, nothing="Nothing was written yet.")


def _shortened(what: tuple[str, ...]) -> str:
    return ", ".join(what[:3]) + (" ..." if len(what) > 3 else "")


def _show_overlaps(app: App, plan: Plan, form: str) -> None:
    """What a later edit changed too; on a table of their own for people, the references that are in the way."""
    names = ("kind", "handle", "field", "before", "made", "now", "by", "at", "commit")
    edits, references = list(plan.overlaps), []
    if form in ("table", "md"):
        references = [one for one in edits if one.reference]
        edits = [one for one in edits if not one.reference]
    if edits:
        app.rows(form, [Column(name) for name in names], (_overlap_row(one, form) for one in edits))
    if references:
        columns = [Column("kind"), Column("handle"), Column("reference")]
        app.rows(form, columns, ([one.kind, one.handle, one.reference] for one in references))


def _overlap_row(one: Overlap, form: str) -> list[Value]:
    later, at = one.later, ""
    commit = later.id if later is not None else ""
    if one.at is not None:
        at = f"{one.at:%Y-%m-%d %H:%M}" if form in ("table", "md") else one.at.isoformat()
    author = later.author if later is not None else ""
    shown = commit[:10] if form in ("table", "md") else commit
    return [one.kind, one.handle, one.field, one.before, one.made, one.now, author, at, shown]  # type: ignore[list-item]


def _show_changes(app: App, plan: Plan, form: str) -> None:
    from crmctl.services.past.undo_words import described

    rows: list[list[Value]] = [
        [kind, handle, "; ".join(words) if form in ("table", "md") else list(words)]
        for kind, handle, words in described(app.book, plan)
    ]
    app.rows(form, [Column("kind"), Column("handle"), Column("changes")], rows, nothing="Nothing would change.")
    for note in plan.notes:
        app.say(f"{note[:1].upper()}{note[1:]}.")
