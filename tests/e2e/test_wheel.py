"""What pip installs is whole: an sdist, a wheel made from it, and the program installed from that, far from here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

PROJECT = Path(__file__).resolve().parents[2]
PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
ALONE = ("--no-deps", "--no-index")
NOT_SHIPPED = frozenset({"build", "dist"})


def call(*arguments: object, cwd: Path, path: Path | None = None) -> str:
    """What a command prints; nothing of this checkout on its path, and not measured for coverage."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("COVERAGE_", "PYTHON", "PIP_"))}
    env |= {"PYTHONPATH": str(path)} if path else {}
    done = subprocess.run([*map(str, arguments)], cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def shipped(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for name in ("records", "templates", "hooks")
        for path in (folder / name).rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source distribution of this checkout."""
    copy = tmp_path_factory.mktemp("checkout")
    for path in PROJECT.iterdir():  # Building leaves things beside the sources.
        if path.name not in NOT_SHIPPED and not path.name.startswith(".") and path.suffix != ".egg-info":
            (copy / path.name).symlink_to(path)
    out = tmp_path_factory.mktemp("sdist")
    code = f"from setuptools import build_meta; print(build_meta.build_sdist({str(out)!r}))"
    return out / call(sys.executable, "-c", code, cwd=copy).splitlines()[-1]


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel made from the source distribution, with the tools that are here already."""
    out = tmp_path_factory.mktemp("wheel")
    call(*PIP, "wheel", "--no-build-isolation", *ALONE, "--wheel-dir", out, sdist, cwd=out)
    return next(out.glob("*.whl"))


def test_the_wheel_has_the_sample_and_every_module(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        there = set(archive.namelist())
    wanted = {f"crmctl/shipped/{path}" for path in shipped(PROJECT)}
    wanted |= {
        path.relative_to(PROJECT).as_posix()
        for path in (PROJECT / "crmctl").rglob("*")
        if path.suffix in (".py", ".sql", ".txt")
    }
    assert wanted <= there
    assert not [path for path in there if path.startswith(("tests/", "benchmarks/", "records/"))]


def test_an_installed_program_makes_the_sample_book(wheel: Path, tmp_path: Path) -> None:
    call(*PIP, "install", *ALONE, "--target", tmp_path / "site", wheel, cwd=tmp_path)

    def installed(*arguments: object) -> str:
        return call(sys.executable, *arguments, cwd=tmp_path, path=tmp_path / "site")

    assert installed("-c", "import crmctl; print(crmctl.__file__)").startswith(str(tmp_path / "site"))
    installed("-m", "crmctl", "init", "--sample", "book")
    made = {path: data for path, data in shipped(tmp_path / "book").items() if not path.startswith("hooks/")}
    wanted = {path: data for path, data in shipped(PROJECT).items() if not path.startswith("hooks/")}
    settings = wanted.pop("records/sample.yaml")
    assert made == wanted
    assert (tmp_path / "book/crm.yaml").read_bytes() == settings
    assert "luis-goncalves" in installed("-m", "crmctl", "-C", "book", "customer", "list", "country:BR", "-o", "ids")
    assert "sales-by-month" in installed("-m", "crmctl", "-C", "book", "report", "list")
