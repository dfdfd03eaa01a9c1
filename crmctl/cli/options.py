"""Options that many commands share, and the command class that takes the global ones anywhere on the line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from typing import Any
from typing import TypeVar

import click

from crmctl.cli.app import App
from crmctl.errors import UsageProblem

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Sequence

F = TypeVar("F", bound="Callable[..., Any]")

FORMATS = ("table", "json", "jsonl", "csv", "tsv", "md", "ids")
_EXCLUDES = re.compile(r"-[a-z_][\w.-]*(?::|=|!=|[<>])", re.IGNORECASE)
_MARK = "\0"
_COLORS = {"auto": None, "always": True, "never": False}


def _store(attribute: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def callback(context: click.Context, _parameter: click.Parameter, value: Any) -> None:
        if value not in (None, False, ()):
            app = context.ensure_object(App)
            setattr(app, attribute, _COLORS[value] if attribute == "color" else value)

    return callback


def global_options() -> list[click.Option]:
    """Options that may stand before or behind the command."""
    return [*_what_options(), *_how_options()]


def _what_options() -> list[click.Option]:
    """Which book a command is about, and as of when."""
    return [
        click.Option(
            ["-C", "--book", "global_book"],  # A name that no command has for its own.
            metavar="BOOK",
            expose_value=False,
            callback=_store("folder"),
            help="The book: a folder with a crm.yaml ($CRMCTL_BOOK, or the nearest parent).",
        ),
        click.Option(
            ["--now", "now_text"],
            metavar="WHEN",
            expose_value=False,
            callback=_store("now_text"),
            help="Decide by this moment instead of the present one.",
        ),
        click.Option(
            ["--as-of", "as_of"],
            metavar="DATE|COMMIT",
            expose_value=False,
            callback=_store("as_of"),
            help="Show the book as it was at the end of that day, or in that commit.",
        ),
    ]


def _how_options() -> list[click.Option]:
    """How it talks to whoever called it."""
    return [
        click.Option(
            ["--color"],
            type=click.Choice(list(_COLORS)),
            expose_value=False,
            callback=_store("color"),
            help="Colour: auto (default), always or never.",
        ),
        click.Option(
            ["-q", "--quiet"], is_flag=True, expose_value=False, callback=_store("quiet"), help="Print results only."
        ),
        click.Option(
            ["--no-input"], is_flag=True, expose_value=False, callback=_store("no_input"), help="Never ask anything."
        ),
        click.Option(
            ["--no-pager", "use_pager"],
            is_flag=True,
            expose_value=False,
            callback=lambda context, _, value: (
                setattr(context.ensure_object(App), "use_pager", False) if value else None
            ),
            help="Print long output at once.",
        ),
    ]


def hidden_options(params: Sequence[click.Parameter] = ()) -> list[click.Option]:
    """The same for a command's own list, out of its help; those whose names ``params`` take are left out."""
    taken = {name for parameter in params for name in (*parameter.opts, *parameter.secondary_opts)}
    options = [option for option in global_options() if taken.isdisjoint(option.opts)]
    for option in options:
        option.hidden = True
    return options


class Command(click.Command):
    """A command that takes the global options too, without listing them in its help."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("context_settings", {}).setdefault("help_option_names", ["-h", "--help"])
        super().__init__(*args, **kwargs)
        self.params += hidden_options(self.params)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """That there are more options than those above."""
        super().format_epilog(ctx, formatter)
        formatter.write_paragraph()
        formatter.write_text("-C, --now, --as-of, -q and the other options of crmctl --help work here too.")

    def invoke(self, ctx: click.Context) -> Any:
        """As click does, unless the past is asked for and the command has nothing to do with it."""
        if ctx.ensure_object(App).as_of is not None:
            from crmctl.cli.asof import check_command

            check_command(ctx)
        return super().invoke(ctx)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does; where filters are taken, ``-type:purchase`` is one, no bundle of options with -h in it."""
        if not ctx.ignore_unknown_options:
            return super().parse_args(ctx, args)
        end = args.index("--") if "--" in args else len(args)
        self._refuse_unknown(ctx, args[:end])
        # The mark keeps click from reading a filter as options, and the filter where it stands.
        masked = [f"{_MARK}{word}" if _EXCLUDES.match(word) else word for word in args[:end]]
        rest = super().parse_args(ctx, [*masked, *args[end:]])
        for name, value in ctx.params.items():
            if isinstance(value, tuple):
                ctx.params[name] = tuple(word.removeprefix(_MARK) if isinstance(word, str) else word for word in value)
        return rest

    def _refuse_unknown(self, ctx: click.Context, words: list[str]) -> None:
        """``--limt 5`` is an option mistyped, and no filter."""
        known = [name for parameter in self.get_params(ctx) for name in (*parameter.opts, *parameter.secondary_opts)]
        for word in words:
            name = word.partition("=")[0]
            if word.startswith("--") and name not in known:
                from difflib import get_close_matches

                raise click.NoSuchOption(name, possibilities=get_close_matches(name, known), ctx=ctx)


class Ordered(click.Group):
    """A group that lists its commands in the order in which they are used, not by the alphabet."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("context_settings", {}).setdefault("help_option_names", ["-h", "--help"])
        super().__init__(*args, **kwargs)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands as they were declared."""
        return list(self.commands)


def output_option(default: str = "table", *, formats: tuple[str, ...] = FORMATS) -> Callable[[F], F]:
    """``-o``: how rows are printed."""
    return click.option(
        "-o",
        "--output",
        "form",
        type=click.Choice(formats),
        default=default,
        show_default=True,
        help="How to print rows.",
    )


def set_option(function: F) -> F:
    """``--set FIELD=VALUE``, as often as needed."""
    return click.option("--set", "sets", multiple=True, metavar="FIELD=VALUE", help="Set any field; repeatable.")(
        function
    )


def adopt_option(function: F) -> F:
    """``--adopt``: take hand-written, uncommitted changes of the same record along."""
    return click.option("--adopt", is_flag=True, help="Take along changes made by hand and not committed.")(function)


def yes_option(function: F) -> F:
    """``--yes``: go on without asking."""
    return click.option("-y", "--yes", is_flag=True, help="Go on without asking.")(function)


def split_assignment(text: str) -> tuple[str, str]:
    """``FIELD=VALUE`` in two.

    Raises:
        UsageProblem: there is no ``=`` in it.
    """
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise UsageProblem(f"{text!r} is not FIELD=VALUE", hint="For example: phone=+1-555-0100, tags+=vip, notes=")
    return name.strip(), value
