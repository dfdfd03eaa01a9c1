"""Every test runs in a world of its own: empty HOME, own git identity, no network, a known clock."""

from __future__ import annotations

import contextlib
import os
import pkgutil
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from collections.abc import Iterator
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any
from typing import NamedTuple

import hypothesis
import pytest

import crmctl.merge
import crmctl.model
import crmctl.query
from crmctl import clock

PROJECT = Path(__file__).resolve().parent.parent

# Every day the same examples, so that nobody is stopped by somebody else's bad luck; `./run soak` looks further.
hypothesis.settings.register_profile("daily", derandomize=True, deadline=None, database=None)
hypothesis.settings.register_profile("soak", max_examples=1000, deadline=None)
hypothesis.settings.load_profile("daily")

UNMEASURED = {"crash", "e2e", "git", "property"}
"""Folders of tests that start thousands of processes, read thousands of records, or try a hundred examples. To measure
coverage there doubles or triples the price; which lines are reached is measured where a line is tried for its own
sake."""

# A shell that starts the tests in the background, or nohup, has them and all that they start ignore these.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


class Result(NamedTuple):
    """What a command line did: its exit status, what it printed, and what it said on stderr."""

    code: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where each test has a HOME. Among its own folders pytest looks through all there are, whenever it makes one."""
    return tmp_path_factory.mktemp("homes")


@pytest.fixture(autouse=True)
def own_world(request: pytest.FixtureRequest, homes: Path) -> Iterator[None]:
    """No setting of the machine leaks in, nothing leaks out; a test that undoes its own patches keeps this world."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        _enter_world(Path(tempfile.mkdtemp(dir=homes)), monkeypatch)
        if UNMEASURED.isdisjoint(request.path.relative_to(PROJECT).parts):
            yield
        else:
            with _unmeasured(monkeypatch):
                yield
    clock.freeze(None)


@contextlib.contextmanager
def _unmeasured(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Measure no coverage: not in this process, nor in those that it starts."""
    for name in list(os.environ):
        if name.startswith("COVERAGE_"):
            monkeypatch.delenv(name)
    measuring = sys.modules["coverage"].Coverage.current() if "coverage" in sys.modules else None
    if measuring is None:
        yield
        return
    _load()
    measuring.stop()
    try:
        yield
    finally:
        measuring.start()


@lru_cache
def _load() -> None:
    """Import all of which every line has to be reached: what a module does when it is imported, it does but once."""
    for package in (crmctl.merge, crmctl.model, crmctl.query):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            import_module(module.name)


def _enter_world(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("GIT_", "CRMCTL_", "XDG_", "LESS")):
            monkeypatch.delenv(name)
    settings = {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / "config"),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "Ann Author",
        "GIT_AUTHOR_EMAIL": "ann@example.com",
        "GIT_COMMITTER_NAME": "Ann Author",
        "GIT_COMMITTER_EMAIL": "ann@example.com",
        "TZ": "UTC",
        "COLUMNS": "100",
        "NO_COLOR": "1",
        # git starts the merge driver and hooks in processes of their own, which have to find this checkout.
        "PYTHONPATH": str(PROJECT),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(socket.socket, "connect", _connect)


_real_connect = socket.socket.connect


def _connect(self: socket.socket, address: Any) -> None:
    """Connect within this machine, and nowhere else."""
    if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1"):
        raise AssertionError("a test wanted to reach the network")
    _real_connect(self, address)


def git(folder: Path, *arguments: str) -> str:
    """What git prints."""
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture(scope="session")
def sample_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample book, committed once; tests get copies."""
    folder = tmp_path_factory.mktemp("sample") / "book"
    shutil.copytree(PROJECT / "records", folder / "records")
    (folder / "records" / "sample.yaml").rename(folder / "crm.yaml")
    shutil.copytree(PROJECT / "templates", folder / "templates")
    identity = ["-c", "user.name=Ann Author", "-c", "user.email=ann@example.com"]
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, *identity, "commit", "-q", "-m", "sample")
    return folder


@pytest.fixture
def sample_dir(sample_template: Path, tmp_path: Path) -> Path:
    """A fresh copy of the sample book."""
    folder = tmp_path / "book"
    shutil.copytree(sample_template, folder, symlinks=True)
    return folder


@pytest.fixture
def book_dir(tmp_path: Path) -> Path:
    """A new, empty book in EUR, Europe/Berlin."""
    folder = tmp_path / "book"
    folder.mkdir()
    (folder / "crm.yaml").write_text("name: Test\ncurrency: EUR\ntimezone: Europe/Berlin\ncountry: DE\n")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "init")
    return folder


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run one command line in this process: ``run("-C", book, "customer", "list")``."""
    from crmctl.cli.root import run as run_command

    def call(*arguments: object) -> Result:
        capfd.readouterr()
        code = run_command([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return Result(code, out, err)

    return call
