"""``docs/commands.md``, made from the commands themselves."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

import click

from crmctl.model.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD = """\
# Commands

<!-- Made from the program's own words by tests/e2e/test_docs.py; GOLDEN_UPDATE=1 makes it anew. -->

`crmctl COMMAND --help` says the same. `crmctl help` has pages on filters, dates, fields, output and exit codes.

"""


def commands_page() -> str:
    """All commands with their arguments and options, in Markdown."""
    from crmctl.cli.app import App
    from crmctl.cli.commands import SECTIONS
    from crmctl.cli.root import ROOT

    root = click.Context(ROOT, info_name="crmctl", obj=App())
    parts = [_HEAD, "## Options of every command\n\nBefore or behind the command.\n\n"]
    parts += _options(ROOT)
    for title, names in SECTIONS.items():
        parts.append(f"## {title}\n\n")
        for name in names.split():
            command = ROOT.get_command(root, name)
            assert command is not None
            parts += _command(command, f"crmctl {name}", root)
    parts.append("## Records\n\n")
    parts += _records(root)
    return re.sub(r"\n{3,}", "\n\n", "".join(parts)).rstrip() + "\n"


def _records(root: click.Context) -> Iterator[str]:
    """The verbs that every kind has, once; then what each kind has of its own."""
    from crmctl.cli.records import OWN_VERBS
    from crmctl.cli.records import kind_group

    names = ", ".join(f"`{kind.name}`" for kind in KINDS)
    yield f"KIND is one of {names}, or a kind that the book declares. A bare `crmctl KIND` lists.\n\n"
    shared = kind_group("customer", root.obj)
    assert shared is not None
    for verb in shared.list_commands(root):
        command = shared.get_command(root, verb)
        if command is not None and verb != "add":
            yield _for_any_kind("".join(_command(command, f"crmctl customer {verb}", root)))
    for kind in KINDS:
        group = kind_group(kind.name, root.obj)
        assert group is not None
        yield f"### crmctl {kind.name}\n\n{kind.help[:1].upper()}{kind.help[1:]}.\n\n"
        for verb in ("add", *(verb for owner, verb in OWN_VERBS if owner == kind.name and verb != "add")):
            command = group.get_command(root, verb)
            if command is not None:
                yield from _command(command, f"crmctl {kind.name} {verb}", root, level="####")


def _for_any_kind(text: str) -> str:
    """What is said of customers, said of all kinds."""
    words = {"crmctl customer": "crmctl KIND", "export customer": "export KIND", "a customer": "a record"}
    for word, general in {**words, "customers": "records", "customer records": "records"}.items():
        text = re.sub(rf"\b{word}\b", general, text)
    return text


def _command(command: click.Command, path: str, parent: click.Context, level: str = "###") -> Iterator[str]:
    context = click.Context(command, info_name=path, parent=parent)
    yield f"{level} {path}\n\n"
    if isinstance(command, click.Group):
        yield _help(command)
        kinds = {kind.name for kind in KINDS} - {KINDS[0].name}
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None and not inner.hidden and name not in kinds:
                text = "".join(_command(inner, f"{path} {name}", context, level=f"{level}#"))
                yield _for_any_kind(text) if name == KINDS[0].name else text
        return
    words = [_argument(parameter) for parameter in command.params if isinstance(parameter, click.Argument)]
    options = ["[OPTIONS]"] if any(_is_shown(parameter) for parameter in command.params) else []
    yield f"```text\n{' '.join([path, *options, *words])}\n```\n\n"
    yield _help(command)
    yield from _options(command)


def _argument(parameter: click.Argument) -> str:
    if parameter.metavar:
        return parameter.metavar
    word = str(parameter.name).upper()
    return word if parameter.required else f"[{word}]"


def _help(command: click.Command) -> str:
    """The help text; paragraphs that keep their lines become blocks, so that Markdown keeps them too."""
    found = []
    for text in (command.help or "", command.epilog or ""):
        for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(text)):
            lines = [line for line in paragraph.splitlines() if line.strip()]
            if lines and (lines[0] == "\b" or lines[0].startswith("    ")):
                body = inspect.cleandoc("\n".join(line for line in lines if line != "\b"))
                found.append(f"```text\n{body}\n```\n\n")
            elif lines:
                found.append(f"{_escaped(' '.join(line.strip() for line in lines))}\n\n")
    return "".join(found)


def _is_shown(parameter: click.Parameter) -> bool:
    return isinstance(parameter, click.Option) and not parameter.hidden


def _options(command: click.Command) -> Iterator[str]:
    """A table of a command's options; nothing when it has none."""
    rows = [_option(option) for option in command.params if isinstance(option, click.Option) and not option.hidden]
    if rows:
        yield "| option | what it does |\n|---|---|\n"
        yield from rows
        yield "\n"


def _option(option: click.Option) -> str:
    names = ", ".join((*option.opts, *option.secondary_opts))
    if option.is_flag:
        value = ""
    elif option.metavar:
        value = f" {option.metavar}"
    elif isinstance(option.type, click.Choice):
        value = f" {'|'.join(str(choice) for choice in option.type.choices)}"
    else:
        value = " N" if isinstance(option.type, click.types.IntParamType) else " TEXT"
    text = f"`{names}{value}`".replace("|", "\\|")
    default = f" `{option.default}` when absent." if option.show_default and option.default else ""
    return f"| {text} | {_escaped(option.help or '')}{default}{' Needed.' if option.required else ''} |\n"


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is."""
    return re.sub(r"([\\*<|_])", r"\\\1", text)
