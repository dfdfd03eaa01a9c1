"""The root command: a command's module is loaded when it is called, and errors become text and an exit status."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

import click

from crmctl import __version__
from crmctl import errors
from crmctl.cli.app import App
from crmctl.cli.app import drop
from crmctl.cli.commands import COMMANDS
from crmctl.cli.commands import HIDDEN
from crmctl.cli.commands import SECTIONS
from crmctl.cli.options import global_options
from crmctl.errors import CrmError
from crmctl.errors import UsageProblem

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Sequence

    from click.shell_completion import CompletionItem

    from crmctl.services.book import Book


class Root(click.Group):
    """Loads a command's module when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The daily commands, then the kinds of records."""
        return [*(name for name in COMMANDS if name not in HIDDEN), *_kind_names()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command called ``cmd_name``, loaded now."""
        if cmd_name in COMMANDS:
            module, name, _ = COMMANDS[cmd_name]
            command: click.Command = getattr(import_module(f"crmctl.cli.{module}"), name)
            return command
        from crmctl.cli.records import kind_group

        return kind_group(cmd_name, ctx.ensure_object(App))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Words from the table; no command is imported for them."""
        from crmctl.cli.complete import commands

        options = click.Command.shell_complete(self, ctx, incomplete) if incomplete.startswith("-") else []
        return [*commands(incomplete), *options]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the nearest command named when there is none."""
        word = args[0]
        if self.get_command(ctx, word) is None:
            from difflib import get_close_matches

            near = get_close_matches(word, self.list_commands(ctx), 2)
            hint = f"Did you mean {' or '.join(near)}?" if near else "crmctl --help lists the commands."
            raise UsageProblem(f"there is no command {word!r}", hint=hint)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Short helps from the table; no command is imported for them."""
        from crmctl.model.kinds import KINDS

        width = max(map(len, (*COMMANDS, *(kind.name for kind in KINDS))))
        for title, names in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), COMMANDS[name][2]) for name in names.split()])
        with formatter.section("Records (add, list, show, set, edit, rm)"):
            formatter.write_dl([(kind.name, f"{kind.help[:1].upper()}{kind.help[1:]}.") for kind in KINDS])


def _kind_names() -> list[str]:
    from crmctl.model.kinds import KINDS

    return [kind.name for kind in KINDS]


def _print_version(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        click.echo(f"crmctl {__version__}")
        context.exit()


ROOT = Root(
    "crmctl",
    params=[
        *global_options(),
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_print_version,
            help="Print the version.",
        ),
        click.Option(["--debug"], is_flag=True, expose_value=False, help="Show the traceback of an error of ours."),
    ],
    help="Customer relationship management in plain files and git.\n\n"
    "\b\n"
    "  crmctl init acme && cd acme            a new book\n"
    "  crmctl customer add 'Ada Lovelace' --email ada@example.com\n"
    "  crmctl log ada call 'wants an offer' --followup 'send offer' --due fri\n"
    "  crmctl today                           what to do now",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit status: 0 ok, 1 failed or problems found, 2 usage, 3 not found or ambiguous, 4 invalid data, "
    "5 conflict, 6 no book, 7 locked, 8 some messages not sent. crmctl help exit-codes says more.",
)


def run(arguments: Sequence[str], early: Book | None = None) -> int:
    """Run one command line; the exit status."""
    app = App(early)
    _ready_streams()
    try:
        status = _guarded(app, arguments, lambda: _command(app, list(arguments)))
        unreadable = _guarded(app, arguments, lambda: _tell_unreadable(app))
        status = status or unreadable
        sys.stdout.flush()
    except BrokenPipeError:
        drop(sys.stdout)
        return errors.BROKEN_PIPE
    except KeyboardInterrupt:
        app.fail("interrupted; the book is as it was before, or as it should be.")
        return errors.INTERRUPTED
    except OSError as error:
        drop(sys.stdout)
        return _told(app, error, arguments)
    return status


def run_inner(app: App, arguments: Sequence[str]) -> int:
    """Run one command line inside another one; the exit status."""
    return _guarded(app, arguments, lambda: _command(app, list(arguments)))


def _ready_streams() -> None:
    """Streams that can be written to whatever they are: a closed one, or one that knows few characters."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 - until the process ends
        elif stream.encoding.lower() != "utf-8" and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115 - until the process ends


def _command(app: App, arguments: list[str]) -> int:
    if "_CRMCTL_COMPLETE" in os.environ:
        ROOT.main(arguments, prog_name="crmctl", obj=app)
    # Not by ``main``: it has an exit status of its own for a broken pipe, and takes Ctrl-C for a "no".
    try:
        with ROOT.make_context("crmctl", arguments, obj=app) as context:
            result = ROOT.invoke(context)
    except click.exceptions.Exit as done:
        return done.exit_code
    return result if isinstance(result, int) else errors.OK


def _guarded(app: App, arguments: Sequence[str], action: Callable[[], int]) -> int:
    """The exit status of ``action``; its errors in words."""
    try:
        return action()
    except (BrokenPipeError, KeyboardInterrupt):
        raise
    except Exception as error:  # noqa: BLE001 - the one place where an error, or a bug of ours, meets the user
        return _told(app, error, arguments)


def _told(app: App, error: Exception, arguments: Sequence[str]) -> int:
    """Tell an error; its exit status."""
    from crmctl.cli import telling

    if isinstance(error, CrmError):
        telling.tell_error(app, error)
        return error.code
    if isinstance(error, click.exceptions.Abort):
        app.fail("given up; nothing was changed.")
        return errors.INTERRUPTED
    if isinstance(error, click.ClickException):
        return telling.tell_usage(app, error)
    if isinstance(error, OSError):
        return telling.tell_refused(app, error)
    return telling.tell_unexpected(app, error, arguments)


def _tell_unreadable(app: App) -> int:
    """Name every record that could not be read, whatever the command was about."""
    book = app.opened
    problems = book.unreadable() if book is not None and book.was_read else []
    if not problems:
        return errors.OK
    from crmctl.cli.telling import tell_problems

    tell_problems(app, problems)
    return errors.INVALID
