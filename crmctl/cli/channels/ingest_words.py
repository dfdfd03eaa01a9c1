"""What ``crmctl ingest`` tells of what it took in: a row for what was filed, numbers for the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.render.rows import Column

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crmctl.cli.app import App
    from crmctl.services.ingest.run import Report
    from crmctl.services.records import Written

_COLUMNS = tuple(Column(name) for name in ("customer", "kind", "at", "subject", "match", "result"))
_WORDS = {
    "known": "filed before",
    "nobody": "of no customer",
    "foreign": "reports about nothing of ours",
    "own": "copies of our own",
    "noted": "delays and receipts",
    "unclear": "for you to look at",
}
MEETINGS = {
    "new": "new",
    "changed": "changed",
    "same": "as before",
    "cancelled": "cancelled",
    "nobody": "with no customer",
    "unclear": "with addresses of several customers",
    "lost": "in a time zone that nobody knows, taken for the book's",
}
CALLS = {
    "new": "new",
    "known": "filed before",
    "internal": "internal",
    "anonymous": "anonymous",
    "unknown": "of nobody known",
    "unclear": "of numbers of several customers",
    "rejected": "rejected",
}
FORMS = {"new": "new", "known": "filed before", "spam": "filled in by programs", "refused": "refused"}


def tell(app: App, report: Report, form: str, *, dry_run: bool) -> None:
    """What was filed, a row each; what was not, in numbers. Nothing at all when nothing was new (cron mails words)."""
    people = dry_run and form in ("table", "md")
    rows = [
        [
            ", ".join(dict.fromkeys(entry.customer for entry in one.entries)) or None,
            one.kind,
            one.at.strftime("%Y-%m-%d %H:%M"),
            one.subject or None,
            one.how or None,
            "would be filed" if people and one.verdict == "filed" else one.verdict,
        ]
        for one in report.shown
    ]
    if rows or form != "table":
        app.rows(form, _COLUMNS, rows)
    counts = report.by_verdict()
    rest = [f"{counts[verdict]} {words}" for verdict, words in _WORDS.items() if counts.get(verdict)]
    if dry_run:
        app.say(f"Would file {counts.get('filed', 0)} of {report.total} ({', '.join(rest) or 'none left out'}).")
        app.say("Nothing was written (--dry-run).")
    elif report.written.commit or report.written.notes:
        _written(app, report.written)
        if rest:
            app.say(f"Not filed: {', '.join(rest)}.")
    elif app.terminal:
        app.say(f"Nothing new{': ' + ', '.join(rest) if rest else ''}.")


def tell_counts(
    app: App, written: Written, counts: Mapping[str, int], words: Mapping[str, str], *, dry_run: bool
) -> None:
    """How many of what there were, where there was anything or somebody looks."""
    found = ", ".join(f"{counts[name]} {text}" for name, text in words.items() if counts.get(name))
    if dry_run:
        app.say(f"Would be: {found or 'nothing'}. Nothing was written (--dry-run).")
        return
    if written.commit:
        _written(app, written)
    if found and (written.commit or app.terminal or counts.get("rejected") or counts.get("refused")):
        app.say(f"{found[:1].upper()}{found[1:]}.")


def _written(app: App, written: Written) -> None:
    """What was filed, and how to undo it: as that takes away all of it, undo has to be told that this is meant."""
    if not written.commit:
        app.written(written)
        return
    from crmctl.cli.words import undo_words

    notes = f" ({'; '.join(written.notes)})" if written.notes else ""
    app.say(f"{written.message}{notes}  [{undo_words(app.book, written.commit)} --allow-removals]")
