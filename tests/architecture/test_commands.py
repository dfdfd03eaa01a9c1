"""Every command is there, is listed, and has help."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import click
import pytest

from crmctl.cli.app import App
from crmctl.cli.commands import COMMANDS
from crmctl.cli.commands import HIDDEN
from crmctl.cli.records import OWN_VERBS
from crmctl.cli.records import KindGroup
from crmctl.cli.root import ROOT
from crmctl.model.kinds import KINDS
from crmctl.model.schema import COMMANDS as TAKEN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Run

VERBS = ("add", "list", "show", "set", "edit", "rm")


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """(words, command) of everything below ``group``."""
    context = click.Context(group, obj=App())
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, (*path, name)
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


EVERY = list(commands(ROOT))


def test_no_kind_of_a_book_can_hide_behind_a_command() -> None:
    assert set(COMMANDS) == TAKEN


def test_words_for_commands_and_kinds_are_taken_once() -> None:
    words = [*COMMANDS, *(word for kind in KINDS for word in (kind.name, kind.plural))]
    assert len(set(words)) == len(words)
    assert COMMANDS.keys() >= HIDDEN


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_table_is_there(name: str) -> None:
    module, attribute, text = COMMANDS[name]
    command = getattr(import_module(f"crmctl.cli.{module}"), attribute)
    assert isinstance(command, click.Command)
    assert text.endswith(".")
    assert text[0].isupper()


@pytest.mark.parametrize(("kind", "verb"), OWN_VERBS)
def test_every_verb_of_one_kind_is_there(kind: str, verb: str) -> None:
    module, attribute, text = OWN_VERBS[kind, verb]
    assert isinstance(getattr(import_module(f"crmctl.cli.{module}"), attribute), click.Command)
    assert text.endswith(".")
    assert kind in {known.name for known in KINDS}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_kind_has_its_six_verbs(kind: object) -> None:
    group = KindGroup(kind)  # type: ignore[arg-type]
    context = click.Context(group, obj=App())
    assert group.list_commands(context)[:6] == list(VERBS)
    for verb in VERBS:
        assert group.get_command(context, verb) is not None


@pytest.mark.parametrize(("path", "command"), EVERY, ids=[" ".join(path) for path, _ in EVERY])
def test_every_command_has_help_for_itself_and_its_options(
    path: tuple[str, ...], command: click.Command, run: Run
) -> None:
    assert command.help, path
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            assert parameter.help, (path, parameter.opts)
    for word in ("--help", "-h"):
        done = run(*path, word)
        assert (done.code, done.err) == (0, ""), path
        assert done.out.startswith(f"Usage: crmctl {' '.join(path)}")


TAKES_OPTIONS = [found for found in EVERY if not isinstance(found[1], click.Group) or isinstance(found[1], KindGroup)]


@pytest.mark.parametrize(("path", "command"), TAKES_OPTIONS, ids=[" ".join(path) for path, _ in TAKES_OPTIONS])
def test_the_options_of_everybody_work_behind_every_command(path: tuple[str, ...], command: click.Command) -> None:
    options = {name for parameter in command.params for name in parameter.opts}
    assert {"--book", "--now", "--quiet", "--no-input", "--color"} <= options, path
