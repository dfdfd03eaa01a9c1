"""Start-up is a feature: what a read command may import, pinned in a fresh interpreter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from helpers.books import age
from helpers.books import commit
from helpers.books import git

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).resolve().parent.parent.parent

# All of crmctl that `customer list` needs when the index is warm. Think before adding to it: each costs every user.
READ = """
crmctl crmctl.__main__ crmctl.clock crmctl.errors
crmctl.vcs crmctl.vcs.environment crmctl.vcs.places crmctl.vcs.status
crmctl.cli crmctl.cli.app crmctl.cli.commands crmctl.cli.options crmctl.cli.records crmctl.cli.root
crmctl.cli.kinds crmctl.cli.kinds.verbs
crmctl.model crmctl.model.columns crmctl.model.fields crmctl.model.kinds crmctl.model.money
crmctl.model.schema crmctl.model.settings crmctl.model.settings_reading crmctl.model.text crmctl.model.values
crmctl.index crmctl.index.connecting crmctl.index.ddl crmctl.index.index
crmctl.query crmctl.query.asked crmctl.query.compiler crmctl.query.conditions crmctl.query.lexer crmctl.query.names
crmctl.query.order crmctl.query.parser crmctl.query.problems crmctl.query.sql crmctl.query.tree crmctl.query.writer
crmctl.query.dates
crmctl.render crmctl.render.rows crmctl.render.text
crmctl.services crmctl.services.book crmctl.services.freshness crmctl.services.listing
crmctl.store crmctl.store.layout
""".split()
NEVER = "jinja2 tabulate git gitdb ruamel tinydb phonenumbers email_validator dns markdown_it duckdb".split()
NEVER += "subprocess tempfile dataclasses asyncio logging hashlib decimal unittest importlib.metadata".split()


def imported(root: Path, *words: str) -> set[str]:
    """The modules that a run of the program leaves behind."""
    return set(left_behind(root, words, "set(sys.modules)", "*sorted(after - before)").split())


def left_behind(root: Path, words: Iterable[str], look: str, told: str) -> str:
    """What a run of the program changes: ``look`` says at what, ``told`` how that ``before`` and ``after`` differ."""
    code = (
        "import gc, sys, json\n"
        f"before = {look}\n"
        "sys.argv = ['crmctl', *json.loads(sys.argv[1])]\n"
        "from crmctl.__main__ import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        f"after = {look}\n"
        f"print({told}, file=sys.stderr)"
    )
    # What measures the tests must not be in there already, or its own modules would hide ours.
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    # -I and -S would hide the libraries; -P keeps the working folder out.
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, json.dumps(["-C", str(root), *words])],
        capture_output=True,
        text=True,
        env={**env, "PYTHONPATH": str(ROOT)},
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr.splitlines()[-1]


@pytest.fixture
def root(book_dir: Path) -> Path:
    commit(book_dir, {"customers/ada.yaml": "name: Ada\n"})
    age(book_dir)
    imported(book_dir, "customer", "list")
    return book_dir


@pytest.mark.parametrize(
    "words", [["customer", "list", "-o", "json"], ["customer", "list", "-o", "tsv", "--limit", "5"]]
)
def test_a_read_imports_what_it_needs_and_nothing_else(root: Path, words: list[str]) -> None:
    found = imported(root, *words)
    ours = {name for name in found if name.split(".")[0] == "crmctl"}
    assert ours <= set(READ), sorted(ours - set(READ))
    assert found.isdisjoint(NEVER), sorted(found & set(NEVER))
    assert "sqlite3" in found
    assert "click" in found


@pytest.mark.parametrize(
    "words",
    [
        ["customer", "list", "tag:vip", "last<2026-01-01", "words"],
        ["customer", "show", "ada", "-o", "json"],
        ["deal", "list", "amount>5", "-o", "csv"],
        ["followup", "list", "due<=today", "-o", "ids"],
    ],
)
def test_other_reads_stay_light_too(root: Path, words: list[str]) -> None:
    found = imported(root, *words)
    heavy = set(NEVER) - {"decimal", "hashlib"}
    assert found.isdisjoint(heavy), sorted(found & heavy)


def test_a_read_does_not_stop_to_look_for_garbage(root: Path) -> None:
    # What comes before ``main`` is Python's own.
    look = "__import__('crmctl.__main__') and sum(generation['collections'] for generation in gc.get_stats())"
    assert left_behind(root, ["customer", "list"], look, "after - before") == "0"


def test_what_only_filters_need_is_not_loaded_without_any(root: Path) -> None:
    plain = imported(root, "customer", "list", "-o", "json")
    assert plain.isdisjoint({"zoneinfo", "crmctl.query.compiler", "crmctl.query.lexer", "crmctl.query.parser"})
    assert "crmctl.query.parser" in imported(root, "customer", "list", "ada", "-o", "json")
    assert "crmctl.query" not in imported(root, "timeline", "ada", "-o", "json")


@pytest.mark.parametrize("words", [["customer", "show", "ada", "-o", "json"], ["brief", "ada", "-o", "json"]])
def test_what_only_writes_need_is_not_loaded_by_reads(root: Path, words: list[str]) -> None:
    assert imported(root, *words).isdisjoint({"crmctl.services.records", "crmctl.model.entry", "crmctl.store.files"})


def test_help_imports_no_book_and_no_command(root: Path) -> None:
    found = imported(root, "--help")
    assert not any(name.startswith(("crmctl.services", "crmctl.index", "crmctl.store", "sqlite3")) for name in found)
    assert {name for name in found if name.startswith("crmctl.cli.")} <= {
        "crmctl.cli.app",
        "crmctl.cli.commands",
        "crmctl.cli.options",
        "crmctl.cli.root",
        "crmctl.cli.records",
    }


# What a pre-commit hook may do for one changed record, however much else it knows to check.
HOOK_NEVER = """
subprocess json hashlib shlex sqlite3 tempfile difflib click ruamel.yaml.main
crmctl.services.book crmctl.services.bookfiles crmctl.services.checking.checks crmctl.services.checking.files
crmctl.services.checking.attributes crmctl.services.checking.commands crmctl.services.checking.templates
crmctl.services.checking.staged_places crmctl.store.jsonl crmctl.render.text
""".split()


def test_a_hook_loads_what_one_changed_record_needs_and_asks_git_three_things(root: Path, tmp_path: Path) -> None:
    (root / "records/customers/ada.yaml").write_text("id: 01J0000000000000000000000A\nname: Ada\n")
    commit(root)
    (root / "records/customers/ada.yaml").write_text("id: 01J0000000000000000000000A\nname: Ada Lovelace\n")
    git(root, "add", "-A")
    code = (
        "import sys\nfrom crmctl.hooks.entry import main\ncode = main(['pre-commit'])\n"
        "print(*sys.modules)\nsys.exit(code)"
    )
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=root,
        capture_output=True,
        text=True,
        env={**env, "PYTHONPATH": str(ROOT), "GIT_TRACE": str(tmp_path / "calls")},
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    found = set(done.stdout.split())
    assert "crmctl.services.checking.records" in found
    assert found.isdisjoint(HOOK_NEVER), sorted(found & set(HOOK_NEVER))
    calls = [line.partition("built-in: git ")[2].split()[0] for line in (tmp_path / "calls").read_text().splitlines()]
    assert sorted(calls) == ["cat-file", "diff", "ls-files"]
