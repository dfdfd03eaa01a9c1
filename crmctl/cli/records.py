"""``crmctl KIND VERB``: which verbs a kind has, those of every kind (``verbs``) and its own."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import click

from crmctl.cli.options import hidden_options
from crmctl.errors import CrmError
from crmctl.model.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from crmctl.cli.app import App
    from crmctl.model.fields import Kind

# Verbs that only some kinds have: (kind, verb) -> (module under crmctl.cli, name in it, short help).
OWN_VERBS: dict[tuple[str, str], tuple[str, str, str]] = {
    ("campaign", "plan"): ("campaigns.campaign", "plan", "Show who gets it, and who not and why."),
    ("campaign", "preview"): ("campaigns.campaign", "preview", "Write the messages into a folder, to look at."),
    ("campaign", "check"): ("campaigns.campaign", "check", "Make every message, and list those that must not go out."),
    ("campaign", "send"): ("campaigns.send", "send", "Send what may go out now; a dry run without --send."),
    ("campaign", "status"): ("campaigns.state", "status", "Show what became of every message, and the proof."),
    ("campaign", "pause"): ("campaigns.state", "pause", "Hold a campaign up."),
    ("campaign", "resume"): ("campaigns.state", "resume", "Let a paused campaign go on."),
    ("campaign", "cancel"): ("campaigns.state", "cancel", "End a campaign; what waits does not go out."),
    ("campaign", "results"): ("campaigns.results", "results", "Show what came of it, and what may be chance."),
    ("campaign", "compare"): ("campaigns.results", "compare", "Show several side by side."),
    ("followup", "done"): ("followups.followup", "done", "Mark a follow-up as done."),
    ("followup", "snooze"): ("followups.followup", "snooze", "Put a follow-up off to another day."),
    ("followup", "run"): ("followups.followup", "run", "Take the steps that are due; a dry run without --send."),
    ("followup", "explain"): ("followups.followup", "explain", "Show what was decided about a customer, and why."),
    ("followup", "release"): ("followups.followup", "release", "Release drafts that you have read."),
    ("sequence", "enroll"): ("followups.sequence", "enroll", "Put a customer into a sequence."),
    ("sequence", "stop"): ("followups.sequence", "stop", "Take a customer out of it."),
    ("sequence", "status"): ("followups.sequence", "status", "Show who is in it, and how far."),
    ("sequence", "migrate"): ("followups.sequence", "migrate", "Move those who are in it to its present steps."),
    ("sequence", "adopt"): ("followups.sequence", "adopt", "Let this clone take its steps."),
    ("enrolment", "add"): ("followups.sequence", "enroll", "The same as `crmctl sequence enroll`."),
    ("segment", "members"): ("kinds.segment", "members", "List the customers in a segment."),
    ("interaction", "add"): ("daily.log", "log", "The same as `crmctl log`."),
}
# How to begin with a kind that takes more than `add`.
_FIRST_STEPS = {
    "followup": "\b\n"
    "  crmctl followup add 'Send the offer' --customer ada-lovelace --due fri\n"
    "  crmctl followup list done= 'due<=today'\n"
    "  crmctl followup run          what sequences would do now; --send does it",
    "sequence": "\b\n"
    "  crmctl sequence add Welcome --set purpose=service\n"
    "  crmctl sequence edit welcome                 its steps are written there\n"
    "  crmctl sequence enroll welcome ada-lovelace\n"
    "  crmctl followup run                          what would be done; --send does it",
    "campaign": "\b\n"
    "  crmctl campaign add 'New year' --purpose newsletter \\\n"
    "      --template newsletter --segment all --benefit 'Hears of it first'\n"
    "  crmctl campaign plan new-year              who gets it, who not and why\n"
    "  crmctl campaign check new-year             which messages must not go out\n"
    "  crmctl campaign preview new-year --to DIR  the messages, to look at\n"
    "  crmctl campaign send new-year              what would go out; --send sends\n\n"
    "It needs a segment (crmctl segment add All), a template (crmctl template list) and a purpose (crm.yaml).",
}
_VERBS = {
    "add": "Add one.",
    "list": "List them, filtered and sorted.",
    "show": "Show one.",
    "set": "Set fields of one.",
    "edit": "Change one in your editor.",
    "rm": "Remove one.",
}


def kind_group(name: str, app: App) -> click.Group | None:
    """The commands of the kind called ``name``, a built-in one or one that the book declares; None if there is none."""
    for kind in KINDS:
        if name in (kind.name, kind.plural):
            return KindGroup(kind)
    try:
        book = app.book
    except CrmError:
        if app.as_of is not None:
            raise  # There is no such state: whether there is such a kind cannot be known.
        return None
    declared = book.schema.kind(name)
    return KindGroup(declared) if declared is not None else None


class KindGroup(click.Group):
    """The verbs of one kind; each command is made when it is called."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(
            kind.name,
            params=list(hidden_options()),
            invoke_without_command=True,
            callback=_list_when_bare(kind),
            help=f"{kind.help[:1].upper()}{kind.help[1:]}.\n\n{_FIRST_STEPS.get(kind.name, '')}".strip(),
            context_settings={"help_option_names": ["-h", "--help"]},
        )
        self.kind = kind

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs every kind has, then this kind's own."""
        return [*_VERBS, *(verb for kind, verb in OWN_VERBS if kind == self.kind.name and verb not in _VERBS)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command for a verb, made now; synonyms are understood."""
        verb = {"new": "add", "ls": "list", "view": "show", "delete": "rm", "remove": "rm"}.get(cmd_name, cmd_name)
        own = OWN_VERBS.get((self.kind.name, verb))
        if own is not None:
            command: click.Command = getattr(import_module(f"crmctl.cli.{own[0]}"), own[1])
            return command
        from crmctl.cli.kinds.verbs import MAKERS

        maker = MAKERS.get(verb)
        return maker(self.kind) if maker is not None else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Short helps from the tables; nothing is imported for them."""
        own = {verb: text for (kind, verb), (_, _, text) in OWN_VERBS.items() if kind == self.kind.name}
        with formatter.section("Commands"):
            formatter.write_dl(list({**_VERBS, **own}.items()))


def _list_when_bare(kind: Kind) -> Callable[[], None]:
    def bare() -> None:
        context = click.get_current_context()
        if context.invoked_subcommand is None:
            from crmctl.cli.kinds.verbs import MAKERS

            context.invoke(MAKERS["list"](kind), filters=(), fields="", sort=(), limit=0, form="table")

    return bare
