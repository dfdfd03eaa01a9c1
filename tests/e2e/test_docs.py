"""What the documents say is so: their commands run, show what is shown, and leave nothing out."""

from __future__ import annotations

import ast
import os
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from helpers import docs
from helpers.docs import PROJECT
from helpers.docs import World
from helpers.reference import commands_page

from crmctl import errors
from crmctl.cli.app import App
from crmctl.cli.commands import COMMANDS
from crmctl.cli.commands import HIDDEN
from crmctl.cli.root import ROOT
from crmctl.model import settings as settings_module
from crmctl.model.fields import TYPES
from crmctl.model.kinds import KINDS
from crmctl.model.settings_reading import read_settings
from crmctl.model.validate import check_record
from crmctl.store.jsonl import read_lines
from crmctl.store.yaml_reader import read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGES = docs.pages()
UPDATE = os.environ.get("GOLDEN_UPDATE") == "1"
SAMPLE_DAY = "2012-01-16T10:00"
TOUR_DAY = "2026-11-23T10:00"

# Lines of plain blocks that are not run, with the reason.
NOT_RUN: dict[str, str] = {}

# khard is no part of this project; this is how it answers.
KHARD = r"""[ "$*" = "email --parsable --remove-first-line" ] &&
printf 'alan@example.com\tAlan Perlis\thome\nap@work.example\tAlan Perlis\twork\n'"""


@pytest.fixture(autouse=True)
def at_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A world moves to its folders and has programs of its own; both ends with the test. Who commits is in a file."""
    settings = tmp_path_factory.mktemp("git") / "config"
    settings.write_text("[user]\n\tname = Ann\n\temail = ann@example.com\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.delenv(f"GIT_{role}_NAME")
        monkeypatch.delenv(f"GIT_{role}_EMAIL")
        monkeypatch.setenv(f"GIT_{role}_DATE", "")  # The world sets it, and this takes it back.
    monkeypatch.chdir(PROJECT)
    monkeypatch.setenv("PATH", os.environ["PATH"])
    monkeypatch.setenv("SHELL", "/bin/sh")
    yield


def _sample(template: Path, top: Path) -> World:
    world = World(top, SAMPLE_DAY)
    shutil.copytree(template, top / "chinook", symlinks=True)
    os.chdir(top / "chinook")
    return world


# What is typed


@pytest.mark.parametrize("page", PAGES)
def test_what_is_shown_is_what_happens(page: str, sample_template: Path, tmp_path: Path) -> None:
    text = docs.read(page)
    blocks = [block for block in docs.blocks(text) if block.file or block.is_console]
    typed = [step.command for block in blocks if block.is_console for step in docs.steps(block)]
    if not typed:
        return
    if typed[0].startswith("crmctl init "):
        world = World(tmp_path, TOUR_DAY)
        os.chdir(tmp_path)
    else:
        world = _sample(sample_template, tmp_path)
    world.program("khard", KHARD)
    lines, wrong = text.splitlines(), []
    for block in blocks:
        if block.file:
            Path(block.file).parent.mkdir(parents=True, exist_ok=True)
            Path(block.file).write_text(block.text, encoding="utf-8")
            continue
        for step in docs.steps(block):
            status, printed = world.run(step.command)
            assert status != errors.BUG, printed
            fails = any(re.search(r"^crmctl: |, rejected [1-9]", line) for line in printed)
            assert bool(status) == (fails or bool(docs.wanted_status(step.command))), (step.command, status, printed)
            if not docs.same(step.shown, printed):
                wrong.append((step, printed))
    if wrong and UPDATE:
        for step, printed in reversed(wrong):
            lines[step.start : step.end] = printed
        (PROJECT / page).write_text("\n".join(lines) + "\n", encoding="utf-8")
    for step, printed in wrong:
        assert [docs.masked(line) for line in step.shown] == [docs.masked(line) for line in printed], step.command


@pytest.mark.parametrize("page", PAGES)
def test_commands_that_show_nothing_run_too(page: str, sample_template: Path, tmp_path: Path) -> None:
    typed = [command for block in docs.blocks(docs.read(page)) for command in docs.plain_commands(block)]
    if not typed:
        return
    world = _sample(sample_template, tmp_path)
    for command in typed:
        if command not in NOT_RUN:
            status, printed = world.run(command)
            assert status == docs.wanted_status(command), (command, printed)


@pytest.mark.parametrize("page", PAGES)
def test_no_shell_takes_a_filter_for_a_redirection(page: str) -> None:
    for block in docs.blocks(docs.read(page)):
        commands = docs.plain_commands(block)
        commands += [step.command for step in docs.steps(block)] if block.is_console else []
        assert [found for command in commands if (found := docs.eaten_by_shell(command))] == []


@pytest.mark.parametrize("page", PAGES)
def test_commands_in_the_prose_exist(page: str, sample_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(sample_dir)
    for span in docs.spans(docs.read(page), "crmctl "):
        assert _unknown(span) == "", span


def _unknown(span: str) -> str:
    """The first word of a command line that no command answers to."""
    context = click.Context(ROOT, info_name="crmctl", obj=App())
    command: click.Command = ROOT
    words = span.split()[1:]
    while isinstance(command, click.Group) and words and not words[0].startswith(("-", "...")):
        names = ("customer" if words[0] in ("KIND", "COMMAND") else words[0]).split("|")
        found = [command.get_command(context, name) for name in names]
        if None in found:
            return words[0]
        command = found[0] or command
        words = words[1:]
    known = {name for holder in (ROOT, command) for parameter in holder.params for name in parameter.opts}
    known |= {"--help", "-h"}
    asked = [word.split("=")[0].rstrip(".,;]") for word in words if word.startswith("--") and word != "--"]
    return next((word for word in asked if word not in known), "")


def test_a_block_has_all_it_needs() -> None:
    text = "<!-- file: a/b.csv -->\n```csv\nx\n```\n```\n$ crmctl find x \\\n    y\nnothing\n$ cd z\n```\n"
    file, console = docs.blocks(text)
    assert (file.file, file.text, console.is_console) == ("a/b.csv", "x\n", True)
    first, second = docs.steps(console)
    assert (first.command, first.shown, text.splitlines()[first.start]) == ("crmctl find x y", ("nothing",), "nothing")
    assert (second.command, second.shown) == ("cd z", ())
    (plain,) = docs.blocks("```\ncrmctl check \\\n  --x\nother\n```\n")
    assert docs.plain_commands(plain) == ["crmctl check --x"]


def test_shown_lines_are_compared_without_what_differs_each_time() -> None:
    printed = ["id: 01M83XJ880AM5Q6J474AYHYJ0J", "undo 36963628fb", "b", "c"]
    assert docs.same(["id: 01J8ZQ4T6M5R9V2X7C3B1N0KHD", "undo 5019798041", "...", "c"], printed)
    assert docs.same([*printed, "..."], printed)
    assert not docs.same(printed[:2], printed)
    assert not docs.same(["...", "b"], printed)


def test_statuses_and_redirections_are_seen() -> None:
    assert docs.wanted_status("crmctl check  # exit 1") == 1
    assert docs.wanted_status("crmctl find '# exit 1'") == 0
    assert docs.eaten_by_shell("crmctl customer list spent>=40") == "spent>=40"
    assert docs.eaten_by_shell("crmctl customer list 'spent>=40' > out.txt") == ""


# What is listed


def test_the_reference_is_fresh() -> None:
    path = PROJECT / "docs" / "commands.md"
    text = commands_page()
    if UPDATE:
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text, "GOLDEN_UPDATE=1 makes docs/commands.md anew"


def test_every_command_and_every_kind_is_somewhere() -> None:
    everything = "\n".join(docs.read(page) for page in PAGES)
    for name in [*COMMANDS, *(kind.name for kind in KINDS)]:
        if name not in HIDDEN:
            assert re.search(rf"\bcrmctl {name}\b", everything), name


@pytest.mark.parametrize("page", [*PAGES, "CHANGELOG.md"])
def test_links_lead_somewhere(page: str) -> None:
    folder = (PROJECT / page).parent
    for target in re.findall(r"\]\(([^)\s]+)\)", docs.prose(docs.read(page))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, part = target.partition("#")
        found = folder / path if path else PROJECT / page
        assert found.is_file(), target
        if part:
            headings = re.findall(r"^#+ (.+)$", found.read_text(encoding="utf-8"), re.MULTILINE)
            assert part in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}, target


def test_the_readme_leads_to_every_document() -> None:
    readme = docs.read("README.md")
    assert [page for page in PAGES[1:] if f"({page})" not in readme] == []


@pytest.mark.parametrize("page", [page for page in PAGES if "| code | meaning |" in docs.read(page)])
def test_exit_codes_are_those_of_the_program(page: str) -> None:
    codes = {value for name, value in vars(errors).items() if name.isupper() and isinstance(value, int)}
    rows = docs.table(docs.read(page), "code")
    assert sorted(int(row[0]) for row in rows) == sorted(codes)


# The book


def _examples(language: str) -> list[str]:
    return [block.text for block in docs.blocks(docs.read("docs/book-format.md")) if block.language == language]


def test_examples_of_records_are_valid() -> None:
    customer, crm = _examples("yaml")
    data = read_yaml(customer.encode(), "example.yaml").data
    book = read_settings(read_yaml(crm.encode(), "crm.yaml").data)
    assert check_record(book.schema.require("customer"), data, book.context) == []


def test_the_example_of_settings_is_understood() -> None:
    crm = read_yaml(_examples("yaml")[1].encode(), "crm.yaml").data
    book = read_settings(crm)
    assert book.problems == ()
    assert [stage.outcome for stage in book.pipelines["sales"]][-2:] == ["won", "lost"]
    assert {field.name for field in book.schema.require("customer").fields} > set(crm["fields"]["customer"])  # type: ignore[index,call-overload]
    assert book.schema.kind("vendor") is not None


def test_examples_of_interactions_are_valid_and_in_order() -> None:
    book = read_settings({})
    (example,) = _examples("json")
    lines, problems = read_lines(example.encode(), "example.jsonl")
    assert problems == []
    times = [line.value["at"] for line in lines]
    assert times == sorted(times, key=str)
    for line in lines:
        assert check_record(book.schema.require("interaction"), line.value, book.context) == []


def test_every_setting_and_every_type_is_described() -> None:
    page = docs.read("docs/book-format.md")
    settings = page.partition("## Settings")[2].partition("\n## ")[0]
    described = {name for row in docs.table(settings, "key") for name in re.findall(r"`(\w+)`", row[0])}
    assert described == set(settings_module.KEYS)
    types = {name for row in docs.table(settings, "type") for name in re.findall(r"`(\w+)`", row[0])}
    assert types == set(TYPES) - {"id"}


# The house

ROOMS = docs.table(docs.read("docs/architecture.md"), "room")


def _names(cell: str) -> list[str]:
    return re.findall(r"`(\w+)/?`", cell)


def test_the_rooms_are_the_folders() -> None:
    folder = PROJECT / "crmctl"
    there = {path.parent.name for path in folder.glob("*/__init__.py")}
    there |= {path.stem for path in folder.glob("*.py") if path.stem not in ("__init__", "__main__")}
    assert sorted(name for row in ROOMS for name in _names(row[0])) == sorted(there)


def test_rooms_import_what_the_page_says() -> None:
    allowed: dict[str, set[str]] = {}
    for names, _, imports in ROOMS:
        may = set(allowed) if imports.startswith("all of the above") else set()
        may = may - set(_names(imports)) if may else set(_names(imports))
        for name in _names(names):
            allowed[name] = may
    assert len(allowed) > 10
    for name, may in allowed.items():
        path = PROJECT / "crmctl" / name
        files = path.rglob("*.py") if path.is_dir() else [path.with_suffix(".py")]
        used = {room for file in files for room in _imported(file)}
        assert used <= may | {name}, f"{name} imports {sorted(used - may - {name})}"


def test_libraries_are_imported_by_their_owner() -> None:
    rows = docs.table(docs.read("docs/architecture.md"), "library")
    owners = {row[0].strip("`"): set(_names(row[1])) for row in rows}
    assert {"click", "git", "tinydb", "ruamel", "jinja2", "sqlite3"} <= set(owners)
    for file in (PROJECT / "crmctl").rglob("*.py"):
        room = file.relative_to(PROJECT / "crmctl").parts[0].removesuffix(".py")
        for library in _libraries(file):
            if library not in sys.stdlib_module_names or library in owners:
                assert room in owners.get(library, set()), f"{file} imports {library}"


def _modules(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "crmctl":
            yield from (f"crmctl.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def _imported(file: Path) -> set[str]:
    rooms = {name.split(".")[1] for name in _modules(file) if name.startswith("crmctl.")}
    return {room for room in rooms if not room.startswith("__")}


def _libraries(file: Path) -> set[str]:
    return {name.split(".")[0] for name in _modules(file)} - {"crmctl", "__future__"}
