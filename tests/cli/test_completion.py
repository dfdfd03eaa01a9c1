"""Completion: what is offered where, that it never fails, and that bash takes it as it is meant."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from helpers.books import commit
from helpers.books import write

from crmctl.cli import complete
from crmctl.cli.app import App
from crmctl.cli.machine.completion import place
from crmctl.cli.machine.completion import script
from crmctl.cli.records import KindGroup
from crmctl.model.kinds import KINDS

Run = Callable[..., Any]
Words = list[str]
PROJECT = Path(__file__).resolve().parent.parent.parent


def context(root: Path, kind: str = "", **params: object) -> click.Context:
    """The context of a command on the book at ``root``, in the group of ``kind``."""
    app = App()
    app.folder = str(root)
    parent = click.Context(click.Group("crmctl"), obj=app)
    for known in KINDS:
        if known.name == kind:
            parent = click.Context(KindGroup(known), parent=parent)
    inner = click.Context(click.Command("list"), parent=parent)
    inner.params.update(params)
    return inner


def values(items: list[Any]) -> Words:
    return [item.value for item in items]


@pytest.fixture
def book(book_dir: Path) -> Path:
    commit(
        book_dir,
        {
            "customers/ada.yaml": "name: Ada Lovelace\ntags: [vip, very old, cold]\n",
            "customers/adam.yaml": "name: Adam\n",
            "customers/bob.yaml": "name: Bob\n",
            "members/mia.yaml": "name: Mia\n",
            "interactions/ada.jsonl": '{"id": "01J0000000000000000000000B", "at": "2026-01-01", "type": "call"}\n',
            "/templates/news.md": "x",
            "/crm.yaml": "kinds:\n  vendor:\n    plural: vendors\n",
        },
    )
    return book_dir


@pytest.fixture
def indexed(book: Path, run: Run) -> Path:
    run("-C", book, "customer", "list")
    return book


def test_handles_come_with_the_names_of_records(indexed: Path) -> None:
    found = complete.handles(context(indexed), "customer", "Ad")
    assert [(item.value, item.help) for item in found] == [("ada", "Ada Lovelace"), ("adam", "Adam")]
    assert values(complete.handles(context(indexed), "interaction", "01J")) == ["01J0000000000000000000000B"]


def test_without_an_index_handles_come_from_file_names(book: Path) -> None:
    assert values(complete.handles(context(book), "customer", "a")) == ["ada", "adam"]
    assert values(complete.handles(context(book), "interaction", "")) == []
    assert not (book / ".git/crmctl/index.sqlite").exists()


def test_a_record_just_written_is_offered(indexed: Path) -> None:
    write(indexed, {"customers/zoe.yaml": "name: Zoe\n"})
    assert values(complete.handles(context(indexed), "customer", "z")) == ["zoe"]


def test_not_more_than_anyone_reads(indexed: Path) -> None:
    write(indexed, {f"customers/c{number:03}.yaml": "name: C\n" for number in range(80)})
    assert len(complete.handles(context(indexed), "customer", "c")) == complete.MANY
    assert len(complete.kinds_and_handles(context(indexed), "")) == complete.MANY


def test_kinds_and_handles(indexed: Path, tmp_path: Path) -> None:
    assert values(complete.kinds(context(indexed), "ve")) == ["vendor"]
    assert values(complete.kinds(context(tmp_path), "cu")) == ["customer"]
    assert values(complete.kinds_and_handles(context(indexed), "m")) == ["member", "mia"]
    assert values(complete.kinds_and_handles(context(indexed, words=("member",)), "")) == ["mia"]
    assert values(complete.kinds_and_handles(context(indexed, words=("ada",)), "vend")) == ["vendor"]


@pytest.mark.parametrize(
    ("kind", "typed", "found"),
    [
        ("deal", "sta", ["stage:", "stage_log:", "stage_log.stage:", "stage_log.at:", "status:"]),
        ("deal", "stage:pro", ["stage:proposal"]),
        ("deal", "stage:won,pro", ["stage:won,proposal"]),
        ("deal", "stage!=pro", ["stage!=proposal"]),
        ("deal", "-stage:pro", ["-stage:proposal"]),
        ("deal", "owner:m", ["owner:mia"]),
        ("customer", "handle:b", ["handle:bob"]),
        ("customer", "tag:v", ["tag:vip"]),
        ("customer", "lifec", ["lifecycle:"]),
        ("customer", "nothing:x", []),
        ("customer", "name:A", []),
        ("followup", "promised:", ["promised:yes", "promised:no"]),
        ("followup", "template:n", ["template:news"]),
        ("", "lifec", ["lifecycle:"]),
    ],
)
def test_filters(indexed: Path, kind: str, typed: str, found: Words) -> None:
    assert values(complete.filter_terms(context(indexed, kind), typed)) == found


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("lifec", ["lifecycle="]),
        ("lifecycle=l", ["lifecycle=lead"]),
        ("address.ci", ["address.city="]),
        ("cons", ["consent."]),
        ("id", []),
        ("tags+=v", ["tags+=vip"]),
        ("last", ["last_name="]),
    ],
)
def test_assignments(indexed: Path, typed: str, found: Words) -> None:
    assert values(complete.assignments(context(indexed, "customer"), typed)) == found


def test_templates_and_commands(book: Path) -> None:
    assert values(complete.templates(context(book), "n")) == ["news"]
    assert {"check", "customer"} <= set(values(complete.commands("c")))
    assert "hook" not in values(complete.commands(""))


def test_it_never_fails(tmp_path: Path, book: Path) -> None:
    nowhere = context(tmp_path)
    assert complete.handles(nowhere, "customer", "") == []
    assert complete.filter_terms(nowhere, "stage:") == []
    assert complete.assignments(nowhere, "") == []
    assert complete.templates(nowhere, "") == []
    assert complete.kinds_and_handles(nowhere, "") == []
    assert complete.handles(context(book), "wizard", "") == []
    write(book, {"/crm.yaml": "a: b: c\n"})
    assert complete.handles(context(book), "customer", "") == []
    assert values(complete.kinds(context(book), "deal")) == ["deal"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_file_is_put_where_the_shell_looks(
    run: Run, shell: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("SHELL", f"/usr/bin/{shell}")
    result = run("completion", "install")
    assert result.code == 0
    assert place(shell).is_relative_to(tmp_path)
    assert place(shell).read_text() == run("completion", "show", shell).out
    assert str(place(shell)) in result.err
    assert run("completion", "install", shell).err.startswith("Nothing to change")
    place(shell).write_text("old")
    assert run("completion", "install", shell).err.startswith("Wrote")


def test_without_xdg_it_goes_below_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert place("fish") == tmp_path / ".config/fish/completions/crmctl.fish"
    assert place("bash") == tmp_path / ".local/share/bash-completion/completions/crmctl"


def test_an_unknown_shell(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/bin/csh")
    result = run("completion", "install")
    assert result.code == 2
    assert "crmctl completion install bash|zsh|fish" in result.err
    assert run("completion", "show", "csh").code == 2


def test_the_files_are_static() -> None:
    """Nothing of crmctl runs when a shell starts; only when something is completed."""
    assert "_CRMCTL_COMPLETE=bash_complete" in script("bash")
    assert script("zsh").startswith("#compdef crmctl\n")
    assert "complete --no-files --command crmctl" in script("fish")


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["crmctl", "customer", "show", "ad"], "ada adam"),
        (["crmctl", "deal", "list", "stage", ":", "pro"], "proposal"),
        (["crmctl", "deal", "list", "owner", "=", "m"], "mia"),
        (["crmctl", "customer", "show", "'a b'", ""], ""),
        (["crmctl", "help", "exit"], "exit-codes"),
    ],
)
def test_bash(indexed: Path, tmp_path: Path, words: Words, found: str) -> None:
    """As bash calls it, which has taken words apart at : and = before."""
    line = ""
    for word in words:
        line += word if word in (":", "=") or line.endswith((":", "=")) or not line else f" {word}"
    (tmp_path / "crmctl").write_text(f'#!/bin/sh\nexec {sys.executable} -m crmctl "$@"\n')
    (tmp_path / "crmctl").chmod(0o755)
    quoted = " ".join("'" + word.replace("'", "'\\''") + "'" for word in words)
    commands = (
        f"{script('bash')}\ncompopt() {{ :; }}\n"
        f"COMP_LINE=$1 COMP_POINT=${{#1}} COMP_WORDS=({quoted}) COMP_CWORD={len(words) - 1}\n"
        f'_crmctl_completion "{tmp_path}/crmctl"; echo "${{COMPREPLY[*]}}"'
    )
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(
        ["bash", "-c", commands, "bash", line],
        capture_output=True,
        text=True,
        check=True,
        cwd=indexed,
        env=environment,
    )
    assert (done.stdout.strip(), done.stderr) == (found, "")
