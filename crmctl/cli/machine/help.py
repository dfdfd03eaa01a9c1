"""``crmctl help [TOPIC]``: short pages on what several commands have in common, or the help of a command."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

import click

from crmctl.cli import topics
from crmctl.cli.app import pass_app
from crmctl.cli.options import Command
from crmctl.errors import NotFound

if TYPE_CHECKING:
    from crmctl.cli.app import App


def _complete(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    return [name for name in topics.TOPICS if name.startswith(incomplete)]


@click.command("help", cls=Command)
@click.argument("topic", nargs=-1, metavar="[TOPIC]", shell_complete=_complete)
@click.pass_context
@pass_app
def help_(app: App, context: click.Context, topic: tuple[str, ...]) -> None:
    """Show a page on filters, dates, exit codes ..., or the help of a command.

    Without TOPIC the pages are listed.
    """
    if not topic:
        app.print(["Pages (crmctl help TOPIC):", ""])
        app.print(f"  {name.ljust(12)}  {text}" for name, (text, _) in topics.TOPICS.items())
        app.print(["", "crmctl COMMAND --help has the help of a command."])
        return
    name = topic[0].lower()
    if len(topic) == 1 and name in topics.TOPICS:
        lines = topics.TOPICS[name][1]().splitlines()
        app.print((part for line in lines for part in _fitted(line, app.width)), page=True)
        return
    text = _command_help(context, topic)
    if text is None:
        near = get_close_matches(name, topics.TOPICS, 1)
        hint = f"Did you mean {near[0]}?" if near else f"The pages are {', '.join(topics.TOPICS)}."
        raise NotFound(f"there is no page {' '.join(topic)!r}", hint=hint)
    app.print(text.splitlines(), page=True)


def _fitted(line: str, width: int) -> list[str]:
    """A line of a page, broken where the terminal ends; what goes on stands below its own column."""
    if not width or len(line) <= width:
        return [line]
    import textwrap

    column = max((match.end() for match in re.finditer(r"(?:^| ) +(?=\S)", line)), default=0)
    indent = column if column < width * 2 // 3 else len(line) - len(line.lstrip())
    return textwrap.wrap(line, width, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)


def _command_help(context: click.Context, words: tuple[str, ...]) -> str | None:
    """What ``crmctl WORDS --help`` prints, None when there is no such command."""
    parent = context.find_root()
    command: click.Command = parent.command
    for word in words:
        found = command.get_command(parent, word) if isinstance(command, click.Group) else None
        if found is None:
            return None
        command = found
        parent = click.Context(command, info_name=word, parent=parent, max_content_width=parent.max_content_width)
    return command.get_help(parent)
