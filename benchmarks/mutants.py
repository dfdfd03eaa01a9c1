"""Are the tests of what must not fail any good? Change its code in every small way, and see how many tests notice.

./run soak --only mutants       15 minutes or so; exits with an error when fewer than 90 of 100 changes are noticed
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
BAR = 90
"""Percent of the changes that a test has to notice."""

# What is changed, and the tests that have to see it; each group is one run.
GROUPS = {
    "merge": (
        ("crmctl/merge/*.py",),
        ("tests/unit/merge", "tests/unit/store/test_merging.py"),
    ),
    "transaction": (
        (
            "crmctl/store/transaction.py",
            "crmctl/store/placing.py",
            "crmctl/store/journal.py",
            "crmctl/store/handwork.py",
        ),
        (
            "tests/unit/store/test_transaction.py",
            "tests/unit/store/test_journal.py",
            "tests/unit/store/test_handwork.py",
        ),
    ),
}
# What is changed imports the tool that changes it, and this test counts imports.
IMPORTS = "tests/unit/store/test_merging.py::test_a_merge_loads_little"
_COPIED = ("crmctl", "tests", "records", "templates", "hooks", "setup.cfg", "pyproject.toml", "README.md")


def main() -> None:
    """Run every group; stop with an error when one is below the bar."""
    below = [name for name in GROUPS if score(name) < BAR]
    if below:
        raise SystemExit(f"fewer than {BAR} % of the changes are noticed in: {', '.join(below)}")


def score(name: str) -> float:
    """The percentage of changes to a group that its tests notice, printed too, with those that they do not."""
    sources, tests = GROUPS[name]
    with tempfile.TemporaryDirectory(prefix="crmctl-mutants-") as folder:
        copy = Path(folder)
        for item in _COPIED:
            source = TOP / item
            if source.is_dir():
                shutil.copytree(source, copy / item, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, copy / item)
        with (copy / "setup.cfg").open("a", encoding="utf-8") as settings:
            settings.write(_settings(sources, tests))
        mutmut = str(Path(sys.executable).with_name("mutmut"))
        with (copy / "log").open("wb") as log:
            done = subprocess.run([mutmut, "run"], cwd=copy, stdout=log, stderr=subprocess.STDOUT, check=False)
        if done.returncode:
            raise SystemExit((copy / "log").read_text(errors="replace")[-2000:])
        listed = subprocess.run(
            [mutmut, "results", "--all", "true"], cwd=copy, capture_output=True, check=True, text=True
        )
    results = [line.strip().rpartition(": ") for line in listed.stdout.splitlines() if "__mutmut_" in line]
    missed = [mutant for mutant, _, result in results if result in ("survived", "no tests")]
    percent = 100 * (len(results) - len(missed)) / len(results)
    print(f"{name}: {len(results) - len(missed)} of {len(results)} changes noticed, {percent:.1f} %")
    for mutant in missed:
        print(f"  not noticed: {mutant}")
    return percent


def _settings(sources: tuple[str, ...], tests: tuple[str, ...]) -> str:
    lists = {
        "source_paths": ("crmctl",),
        "only_mutate": sources,
        "pytest_add_cli_args": (f"--deselect={IMPORTS}",),
        "pytest_add_cli_args_test_selection": tests,
        "also_copy": tuple(item for item in _COPIED if item != "crmctl"),
    }
    lines = ["", "[mutmut]"]
    for key, values in lists.items():
        lines += [f"{key} =", *(f"    {value}" for value in values)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
