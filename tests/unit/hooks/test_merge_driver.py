"""The merge driver by itself: what it makes of three files, what it leaves alone, and how fast it is there."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from crmctl.hooks import merge_driver
from crmctl.store import merging

PROJECT = Path(__file__).resolve().parents[3]
RECORD = "records/customers/ada.yaml"
BASE = b"id: 01J0000000000000000000000A\nname: Ada\nrole: buyer\nlanguage: en\n"
OURS = BASE.replace(b"buyer", b"seller")
THEIRS = BASE.replace(b"language: en", b"language: de")
OTHERS = BASE.replace(b"buyer", b"driver")


def drive(
    folder: Path, base: bytes, ours: bytes, theirs: bytes, path: str = RECORD, size: str = "7"
) -> tuple[int, bytes]:
    """The exit status, and what stands in the file of ours then."""
    files = [folder / name for name in ("O", "A", "B")]
    for file, data in zip(files, (base, ours, theirs), strict=True):
        file.write_bytes(data)
    code = merge_driver.main([*map(str, files), size, path])
    assert [file.read_bytes() for file in files[::2]] == [base, theirs]
    assert sorted(file.name for file in folder.iterdir()) == ["A", "B", "O"]
    return code, files[1].read_bytes()


def test_different_fields(tmp_path: Path) -> None:
    assert drive(tmp_path, BASE, OURS, THEIRS) == (0, OURS.replace(b"language: en", b"language: de"))


def test_the_same_field(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, data = drive(tmp_path, BASE, OURS, OTHERS)
    assert code == 1
    for part in (b"<<<<<<< ", b"seller", b"||||||| ", b"buyer", b"=======", b"driver", b">>>>>>> "):
        assert part in data
    out, err = capfd.readouterr()
    assert (out, err) == ("", f"crmctl: {RECORD}: both sides changed role (crmctl conflicts shows both sides)\n")


@pytest.mark.parametrize(("size", "made"), [("9", 9), ("7", 7), ("3", 7), ("x", 7)])
def test_markers_are_as_long_as_git_wants_them_and_never_too_short(tmp_path: Path, size: str, made: int) -> None:
    _, data = drive(tmp_path, BASE, OURS, OTHERS, size=size)
    assert b"<" * made + b" " in data
    assert b"<" * (made + 1) not in data


def test_no_base_is_an_empty_file(tmp_path: Path) -> None:
    assert drive(tmp_path, b"", BASE, BASE + b"tags:\n  - vip\n")[0] == 0
    assert drive(tmp_path, b"", OURS, OTHERS)[0] == 1


@pytest.mark.parametrize(
    ("path", "inside"),
    [
        (RECORD, RECORD),
        ("records/customers/me/acme.yaml", "records/customers/me/acme.yaml"),
        ("crm/records/interactions/ada.jsonl", "records/interactions/ada.jsonl"),
        ("records/records/customers/ada.yaml", RECORD),
        ("a/records/b/records/customers/ada.yaml", RECORD),
        ("crm.yaml", "crm.yaml"),
        ("a/b/crm.yaml", "crm.yaml"),
        ("records/customers/crm.yaml", "records/customers/crm.yaml"),
        ("notes.txt", "notes.txt"),
    ],
)
def test_the_part_of_a_path_that_is_the_books(path: str, inside: str) -> None:
    assert merge_driver.path_in_book(path) == inside


def test_a_crash_of_ours_leaves_all_three_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RecursionError("ada@example.com")

    monkeypatch.setattr(merging, "merge_file", broken)
    code, data = drive(tmp_path, b"a", b"b\n", b"", size="8")
    assert (code, data) == (1, b"<<<<<<<< ours\nb\n|||||||| base\na\n========\n>>>>>>>> theirs\n")
    err = capfd.readouterr().err
    assert "RecursionError" in err
    assert "ada@" not in err


def test_a_name_that_is_no_text_is_shown_in_ascii(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = "a\x1b[31m\udcff/" + RECORD
    assert drive(tmp_path, BASE, OURS, OTHERS, path)[0] == 1
    assert "a\\x1b[31m\\udcff/records" in capfd.readouterr().err


def test_what_cannot_be_written_leaves_ours_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    for name, data in (("O", BASE), ("A", OURS), ("B", THEIRS)):
        (tmp_path / name).write_bytes(data)
    assert merge_driver._guarded([*(str(tmp_path / name) for name in "OAB"), "7", RECORD]) == 1
    assert (tmp_path / "A").read_bytes() == OURS
    assert sorted(file.name for file in tmp_path.iterdir()) == ["A", "B", "O"]


def test_nobody_has_to_listen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    assert drive(tmp_path, BASE, OURS, OTHERS)[0] == 1


# Start-up

NEVER = "click jinja2 git tinydb tabulate sqlite3 subprocess json email phonenumbers dataclasses logging".split()
NEVER += ["crmctl.cli", "crmctl.services", "crmctl.index", "crmctl.vcs", "crmctl.render", "crmctl.query"]
NEVER += ["crmctl.model.settings", "crmctl.store.lock", "crmctl.store.transaction"]


def start(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # What measures the tests, and what keeps Python from noting what it has compiled, would be measured too.
    env = {name: value for name, value in os.environ.items() if not name.startswith(("COVERAGE", "PYTHON"))}
    env["PYTHONPYCACHEPREFIX"] = str(folder / "compiled")
    for name, data in (("O", BASE), ("A", OURS), ("B", THEIRS)):
        (folder / name).write_bytes(data)
    return subprocess.run(
        [sys.executable, "-P", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**env, "PYTHONPATH": str(PROJECT)},
    )


def test_it_loads_little(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom crmctl.hooks.merge_driver import main\n"
        "code = main(['O', 'A', 'B', '7', sys.argv[1]])\nprint(*sys.modules)\nsys.exit(code)"
    )
    done = start(tmp_path, "-c", code, RECORD)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert "crmctl.store.merging" in loaded
    assert {name for name in loaded if name in NEVER} == set()


def test_it_is_there_before_anyone_notices(tmp_path: Path) -> None:
    """Four times what a bare Python takes, 40 ms where that takes 10; more leaves room for a busy machine."""

    def took(*arguments: str) -> float:
        started = time.perf_counter()
        assert start(tmp_path, *arguments).returncode == 0
        return time.perf_counter() - started

    driver = ("-m", "crmctl.hooks.merge_driver", "O", "A", "B", "7", RECORD)
    took(*driver)
    times = [(took("-c", "pass"), took(*driver)) for _ in range(7)]
    bare, ours = (min(column) for column in zip(*times, strict=True))
    assert ours < 7 * bare, f"{ours * 1000:.0f} ms, a bare Python {bare * 1000:.0f} ms"


def test_it_does_not_go_by_what_stands_around_it(tmp_path: Path) -> None:
    """Neither the folder it is started in, nor settings there, nor the clock have a say."""
    (tmp_path / "crm.yaml").write_text("nonsense: [")
    (tmp_path / "json.py").write_text("raise SystemExit(3)")
    (tmp_path / "records/customers").mkdir(parents=True)
    (tmp_path / RECORD).write_text("nonsense: [")
    done = start(tmp_path, "-m", "crmctl.hooks.merge_driver", "O", "A", "B", "7", RECORD)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "A").read_bytes() == OURS.replace(b"language: en", b"language: de")
    assert (tmp_path / RECORD).read_text() == "nonsense: ["
