"""``--as-of``: the book as it was, for the commands that only look, and a refusal in words for the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl.errors import UsageProblem

if TYPE_CHECKING:
    import click

    from crmctl.cli.app import App
    from crmctl.services.book import Book
    from crmctl.services.past.past import PastBook

# The commands that show a book and nothing else, by their words; KIND is any kind.
_SHOWS = frozenset(
    (
        "KIND",
        "KIND list",
        "KIND show",
        "brief",
        "campaign compare",
        "campaign plan",
        "campaign results",
        "check",
        "consent show",
        "email",
        "export KIND",
        "export warehouse",
        "find",
        "history",
        "phone",
        "report list",
        "report run",
        "schema",
        "segment members",
        "sequence status",
        "template check",
        "template list",
        "template render",
        "timeline",
        "today",
        "why",
    )
)
# What else is refused, and why; everything that is not named here would change the book.
_OTHERS = {
    "campaign preview": "messages made from the past could go to people who have said no since (`campaign plan` does)",
    "diff": "it takes both moments itself, as in crmctl diff A..B",
    "news": "it tells of what is new; crmctl diff A..B tells of what was",
    **dict.fromkeys(
        (
            "campaign check",
            "campaign status",
            "clone",
            "completion",
            "conflicts",
            "doctor",
            "help",
            "hook",
            "hooks",
            "host",
            "init",
            "key",
            "mail",
            "outbox list",
            "outbox show",
            "schedule show",
            "suppress check",
            "suppress list",
            "trust",
        ),
        "it is about what is here now",
    ),
}


def check_command(context: click.Context) -> None:
    """Let a command pass that can show the past.

    Raises:
        UsageProblem: it cannot, and why.
    """
    words = _words(context)
    if " ".join(words) in _SHOWS or (" ".join(("KIND", *words[1:])) in _SHOWS and _is_of_kind(context)):
        return
    why = _OTHERS.get(" ".join(words)) or _OTHERS.get(words[0])
    if why is None:
        raise UsageProblem("the past cannot be changed", hint="Leave --as-of out to change the book as it is now.")
    raise UsageProblem(f"{' '.join(words)} takes no --as-of: {why}")


def _words(context: click.Context) -> list[str]:
    """The command's own words, whatever synonym was typed."""
    words: list[str] = []
    step: click.Context | None = context
    while step is not None and step.parent is not None:
        words.insert(0, step.command.name or "")
        step = step.parent
    return ["export", "KIND"] if words[0] == "export" and words[1:] != ["warehouse"] else words


def _is_of_kind(context: click.Context) -> bool:
    parent = context.parent
    return parent is not None and hasattr(parent.command, "kind")


def opened(app: App, present: Book, text: str) -> PastBook:
    """The past that ``--as-of`` asks for with ``text``, told on stderr.

    Raises:
        BadDate, UsageProblem, NotFound: it is no day and no commit, is not in this clone, or is before the book.
    """
    from datetime import datetime

    from crmctl.services.past import moments
    from crmctl.services.past.past import open_past

    zone = moments.zone_of(present)
    app.set_now(zone)
    # What is in a report is dated, so that it can leave out what came later; and its footer says what it did.
    book = open_past(present, text, stand_in=app.tells_state)
    if not app.tells_state:
        at = datetime.fromtimestamp(book.shown.seconds, zone)
        app.say(f"As of {at:%a %Y-%m-%d %H:%M}: commit {book.shown.commit[:10]}.")
    return book
