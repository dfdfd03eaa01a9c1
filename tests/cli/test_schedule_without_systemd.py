"""``crmctl schedule install`` where systemd cannot be reached leaves nothing behind, and takes nothing away."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Run

# As systemctl does without a bus: it makes the links that enable a unit, and then fails.
_SYSTEMCTL = """\
#!/bin/sh
units="$XDG_CONFIG_HOME/systemd/user"
if [ "$2" = enable ]; then
    mkdir -p "$units/timers.target.wants"
    for timer in "$@"; do case "$timer" in *.timer) ln -sf "$units/$timer" "$units/timers.target.wants/";; esac; done
fi
case " $FAILS " in *" $2 "*) echo "Failed to connect to bus: No medium found" >&2; exit 1;; esac
"""


@pytest.fixture
def units(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "systemctl").write_text(_SYSTEMCTL)
    (tools / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    return Path(os.environ["XDG_CONFIG_HOME"]) / "systemd" / "user"


def names(units: Path) -> set[str]:
    return {path.name for path in units.rglob("*") if path.suffix in (".service", ".timer")}


@pytest.mark.parametrize("fails", ["daemon-reload enable disable", "enable disable"])
def test_nothing_stays_of_an_install_that_failed(
    book_dir: Path, run: Run, units: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    monkeypatch.setenv("FAILS", fails)
    done = run("-C", book_dir, "schedule", "install")
    assert (done.code, done.out) == (1, "")
    assert "No medium found" in done.err
    assert "crmctl schedule show" in done.err
    assert names(units) == set()


def test_what_ran_before_goes_on(book_dir: Path, run: Run, units: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("-C", book_dir, "schedule", "install").code == 0
    before = names(units)
    assert before
    monkeypatch.setenv("FAILS", "daemon-reload enable disable")
    assert run("-C", book_dir, "schedule", "install", "--every", "30").code == 1
    assert names(units) == before
    assert all("*:0/30" not in path.read_text() for path in units.glob("*.timer"))


def test_uninstall_takes_the_links_away_too(
    book_dir: Path, run: Run, units: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("-C", book_dir, "schedule", "install").code == 0
    monkeypatch.setenv("FAILS", "daemon-reload disable")
    assert run("-C", book_dir, "schedule", "uninstall").code == 1
    assert names(units) == set()
