"""``crmctl undo``: a write, an import or a merge taken back, with all later edits kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from crmctl.cli import wide
from crmctl.cli.app import pass_app
from crmctl.cli.options import Command
from crmctl.cli.options import output_option
from crmctl.errors import UsageProblem
from crmctl.render.rows import Column

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crmctl.cli.app import App
    from crmctl.errors import Conflict
    from crmctl.render.rows import Value
    from crmctl.services.past.undo import Plan
    from crmctl.services.past.undo_overlaps import Overlap

_LIMIT = 20
_OVERLAP = ("field", "before", "made", "now", "by", "at", "commit", "reference")
"""What is told of a later edit, beside its kind and handle."""


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
    _show(app, plan, form, changes=dry_run and (rest or not plan.overlaps))
    refused = service.refusal(app.book, plan, rest=rest, allow_removals=allow_removals)
    if refused is not None:
        _tell_refused(app, refused, dry_run=dry_run)
    elif not dry_run:
        app.written(service.carry_out(app.book, plan, rest=rest, allow_removals=allow_removals))


def _tell_refused(app: App, refused: Conflict, *, dry_run: bool) -> None:
    if not dry_run:
        raise refused
    reason = refused.message.removesuffix("; nothing was undone").removesuffix(", so nothing was undone")
    app.say(f"It would be refused: {reason}.")
    app.say(f"hint: {refused.hint}")


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
    wide.rows(app, form, columns, rows, texts=("what", "said"), nothing="Nothing was written yet.")


def _shortened(what: tuple[str, ...]) -> str:
    return ", ".join(what[:3]) + (" ..." if len(what) > 3 else "")


def _show(app: App, plan: Plan, form: str, *, changes: bool) -> None:
    """What a later edit changed too and stays, and with ``changes`` what would be undone: for programs in one table."""
    if form in ("table", "md"):
        if plan.overlaps:
            _show_overlaps(app, plan, form)
        if plan.overlaps and changes:
            app.print([""])
        if changes:
            _show_changes(app, plan, form)
    elif plan.overlaps or changes:
        undone = [[*change, *[None] * len(_OVERLAP)] for change in _changes(app, plan)] if changes else []
        staying = [[one.kind, one.handle, None, *_overlap_row(one)[2:], one.reference or None] for one in plan.overlaps]
        columns = [Column(name) for name in ("kind", "handle", "changes", *_OVERLAP)]
        found: list[list[Value]] = [*undone, *staying]
        if form == "ids":
            columns, found = columns[1:2], [row[1:2] for row in found]
        app.rows(form, columns, found)
    if changes:
        from crmctl.services.past.undo_words import summary

        if plan.files:
            app.say(f"In all: {', '.join(summary(app.book, plan))}.")
        for note in plan.notes:
            app.say(f"{note[:1].upper()}{note[1:]}.")


def _show_overlaps(app: App, plan: Plan, form: str) -> None:
    """What a later edit changed too; in a table of their own, the references that are in the way."""
    edits = [_for_people(_overlap_row(one)) for one in plan.overlaps if not one.reference]
    if edits:
        columns = [Column(name) for name in ("kind", "handle", *_OVERLAP[:-1])]
        wide.rows(app, form, columns, edits, texts=("before", "made", "now"))
    references: list[list[Value]] = [[one.kind, one.handle, one.reference] for one in plan.overlaps if one.reference]
    if references:
        columns = [Column("kind"), Column("handle"), Column("reference")]
        wide.rows(app, form, columns, references, texts=("reference",))


def _overlap_row(one: Overlap) -> list[Value]:
    later = one.later
    at = one.at.isoformat() if one.at is not None else ""
    by = [later.author if later is not None else "", at, later.id if later is not None else ""]
    return [one.kind, one.handle, one.field, one.before, one.made, one.now, *by]  # type: ignore[list-item]


def _for_people(row: list[Value]) -> list[Value]:
    *rest, at, commit = row
    return [*rest, str(at)[:16].replace("T", " "), str(commit)[:10]]


def _changes(app: App, plan: Plan) -> Iterator[list[Value]]:
    from crmctl.services.past.undo_words import described

    for kind, handle, words in described(app.book, plan):
        yield [kind, handle, list(words)]


def _show_changes(app: App, plan: Plan, form: str) -> None:
    rows: list[list[Value]] = [
        [kind, handle, "; ".join(words)]  # type: ignore[arg-type]
        for kind, handle, words in _changes(app, plan)
    ]
    columns = [Column("kind"), Column("handle"), Column("changes")]
    wide.rows(app, form, columns, rows, texts=("changes",), nothing="Nothing would change.")
