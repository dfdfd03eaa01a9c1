"""``crmctl diff`` and ``crmctl news``: what changed between two moments, and what others changed meanwhile."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import click

from crmctl.cli import wide
from crmctl.cli.app import pass_app
from crmctl.cli.options import Command
from crmctl.cli.options import output_option
from crmctl.errors import UsageProblem
from crmctl.render.rows import Column

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator
    from collections.abc import Sequence
    from datetime import tzinfo

    from crmctl.cli.app import App
    from crmctl.render.rows import Value
    from crmctl.services.past.differences import RecordChange
    from crmctl.services.past.moments import Shown
    from crmctl.services.past.news import News

_USAGE = "crmctl diff A..B [KIND] [REF]"
_FIELDS = ("kind", "handle", "what", "title", "customer", "type", "changes", "events")


def _complete(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[object]:
    from crmctl.cli.complete import kinds_and_handles

    return list(kinds_and_handles(context, incomplete))


@click.command("diff", cls=Command)
@click.argument("moments", metavar="A..B")
@click.argument("words", nargs=-1, metavar="[KIND] [REF]", shell_complete=_complete)
@click.option("--work", is_flag=True, help="Up to the files as they stand, with what is not committed.")
@output_option()
@pass_app
def diff(app: App, moments: str, words: tuple[str, ...], work: bool, form: str) -> None:
    """Show in words what changed between two moments.

    A and B are commits, or days that count whole: from the beginning of A to the end of B. Without B it is up to now; A
    alone, without the dots, means since then. KIND and REF pick some records; for a customer, what is about them too.

    \b
      crmctl diff yesterday                   since the beginning of yesterday
      crmctl diff 2026-11-01..2026-11-30 deal
      crmctl diff HEAD~3.. customer ada
    """
    from crmctl.services.past import differences

    old, new = _ends(app, moments, work=work)
    if work:
        changes = differences.with_work_tree(app.book, "" if old.younger else old.commit)
    else:
        changes = differences.between(app.book, *("" if end.younger else end.commit for end in (old, new)))
    changes = _wanted(app, words, changes)
    _tell(app, form, differences.summary(changes), _FIELDS, [_row(change) for change in changes], _short(changes))
    app.say(f"From {_said(app, old)} to {'the files as they stand' if work else _said(app, new)}.")


def _ends(app: App, text: str, *, work: bool) -> tuple[Shown, Shown]:
    """The states that ``A..B`` names; without a B, HEAD is the second."""
    from crmctl.services.past import moments

    first, _, second = text.partition("..")
    if not first.strip() or second.startswith("."):
        raise UsageProblem(f"{text!r} does not say from when on", hint=f"{_USAGE}, such as 2026-11-01..2026-11-30")
    if work and second.strip():
        raise UsageProblem("--work goes up to now, so there can be no other end", hint=f"crmctl diff {first} --work")
    now = app.book.now_in(_zone(app))
    old = moments.find(app.book, first, now, before=True)
    return old, moments.find(app.book, second, now) if second.strip() else moments.of_head(app.book, now)


def _zone(app: App) -> tzinfo:
    from crmctl.services.past import moments

    return moments.zone_of(app.book)


def _said(app: App, end: Shown) -> str:
    from datetime import datetime

    at = datetime.fromtimestamp(end.seconds, _zone(app))
    return f"{at:%a %Y-%m-%d %H:%M} (before the book)" if end.younger else f"{at:%a %Y-%m-%d %H:%M} ({end.commit[:10]})"


def _wanted(app: App, words: tuple[str, ...], changes: list[RecordChange]) -> list[RecordChange]:
    """Those of the kind or the record that the words name."""
    if not words:
        return changes
    named = app.book.schema.kind(words[0]) if len(words) == 1 else None
    if named is not None:
        return [change for change in changes if change.kind == named.name]
    from crmctl.cli.team.history import located

    kind, handle = located(app, words, _USAGE)
    about = handle if kind.name == "customer" else None
    return [
        change
        for change in changes
        if (change.kind, change.handle) == (kind.name, handle) or (about is not None and change.customer == about)
    ]


@click.command("news", cls=Command)
@click.option("--since", metavar="WHEN", default="", help="From that day on, whatever was seen; moves no mark.")
@click.option("--all", "everybody", is_flag=True, help="What you did yourself, too.")
@click.option("--keep", is_flag=True, help="Show the same again next time.")
@output_option()
@pass_app
def news(app: App, since: str, everybody: bool, keep: bool, form: str) -> None:
    """Show what others changed since you last looked; the first time, in the last 7 days.

    How far you looked is kept in this clone. `crmctl sync` brings what others did.

    \b
      crmctl news
      crmctl news --since monday --all
    """
    from crmctl.model.when import parse_when
    from crmctl.services.past import differences
    from crmctl.services.past import news as service

    first = parse_when(since, app.book.now(), "past").first if since else None
    found = service.news(app.book, first, everybody=everybody)
    begin = f" since {found.since:%a %Y-%m-%d %H:%M}" if found.since is not None else ""
    if found.items:
        rows = [
            [item.at.isoformat(), item.author, item.email, item.commit, *_row(change)]
            for item in found.items
            for change in item.changes
        ]
        names = ("at", "author", "email", "commit", *_FIELDS)
        sentence = f"{differences.summary(found.changes)} (by {', '.join(_authors(found))}{begin})"
        _tell(app, form, sentence, names, rows, _told(found))
    elif form != "table":
        app.rows(form, [Column(name) for name in ("at", "author", "email", "commit", *_FIELDS)], [])
    if not found.items:
        app.say(f"Nothing new{begin}.")
    if not keep and not since and found.head:
        service.keep(app.book, found.head)


def _authors(found: News) -> list[str]:
    return list(dict.fromkeys(item.author for item in found.items))


def _told(found: News) -> list[list[Value]]:
    return [
        [f"{item.at:%Y-%m-%d %H:%M}", item.author, *row] for item in found.items for row in _short(list(item.changes))
    ]


# Printing


def _tell(
    app: App, form: str, summary: str, names: Sequence[str], rows: list[list[Value]], short: list[list[Value]]
) -> None:
    """The sentence first, then a table for people; or all rows with all fields, and the sentence on stderr."""
    if form not in ("table", "md"):
        columns = [Column("handle")] if form == "ids" else [Column(name) for name in names]
        at = names.index("handle")
        app.rows(form, columns, [[row[at]] for row in rows] if form == "ids" else rows)
        app.say(f"{_sentence(summary)}.")
        return
    app.print([*wide.sentence(f"{_sentence(summary)}.", app.width if form == "table" else 0), *([""] if short else [])])
    if short:
        heads = ("when", "who", "kind", "record", "what")
        wide.rows(app, form, [Column(name) for name in heads[len(heads) - len(short[0]) :]], short, texts=("what",))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _row(change: RecordChange) -> list[Value]:
    from crmctl.services.past.turns import turn_words

    return [
        change.kind,
        change.handle,
        change.what,
        change.title or None,
        change.customer or None,
        change.type or None,
        list(change.words),
        [turn_words(turn) for turn in change.turns],
    ]


def _short(changes: list[RecordChange]) -> list[list[Value]]:
    """A row for each record; the interactions with one customer share one, unless it is a single one that changed."""
    rows: list[list[Value]] = [
        [change.kind, change.handle, _what(change)] for change in changes if change.kind != "interaction"
    ]
    lines: dict[str, list[RecordChange]] = {}
    for change in changes:
        if change.kind == "interaction":
            lines.setdefault(change.customer, []).append(change)
    return rows + [["interaction", customer, "; ".join(_counted(found))] for customer, found in lines.items()]


def _what(change: RecordChange) -> str:
    from crmctl.services.past.turns import turn_words

    turns = [turn_words(turn) for turn in change.turns]
    first = [] if change.what == "changed" else [change.what]
    return "; ".join([*first, *turns, *change.words])


def _counted(changes: Iterable[RecordChange]) -> Iterator[str]:
    """``+2 call``, ``-1 note``, ``1 email changed``."""
    forms = {"added": "+{} {}", "removed": "-{} {}", "changed": "{} {} changed"}
    for (what, name), number in sorted(Counter((change.what, change.type) for change in changes).items()):
        yield forms[what].format(number, name)
