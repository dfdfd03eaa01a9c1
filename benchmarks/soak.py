"""What takes too long for every day: a fault at every single system call, readers given what chance makes, random
merges by the hundred thousand, random work with undos in it, the property tests over and over with other examples, then
the large benchmarks.

./run soak                      an hour or two
./run soak --rounds 5           the properties fewer times
./run soak --merges 0           without the merges in memory; --git-merges 0: without those through git
./run soak --undos 2000         so many stories of two people who undo; 0: none
./run soak --fuzz 600           ten minutes for each reader instead of one; 0: none
./run soak --only mutants       only one of: crash, fuzz, merges, git-merges, undos, mutants, properties, bench
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from typing import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

TOP = Path(__file__).resolve().parent.parent
MERGES = "tests/property/test_merge_oracle.py"
GIT_MERGES = "tests/git/test_git_merges.py"
UNDOS = "tests/property/test_undo_oracle.py"


PARTS = ("crash", "fuzz", "merges", "git-merges", "undos", "mutants", "properties", "bench")


class Step(NamedTuple):
    """A command, and what it finds in its environment besides ours."""

    command: list[str]
    env: dict[str, str]


def main() -> None:
    """Run one step after the other; stop at the first that fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=50, help="how often the properties are tried")
    parser.add_argument("--merges", type=int, default=500_000, help="random merges compared with the second merge")
    parser.add_argument("--git-merges", type=int, default=10_000, help="random merges of files through git")
    parser.add_argument("--undos", type=int, default=200, help="stories of two people who undo what they did")
    parser.add_argument("--fuzz", type=int, default=60, help="seconds for each reader that is fuzzed")
    parser.add_argument("--only", choices=PARTS, help="just one part")
    parser.add_argument("--no-crash", action="store_true", help="no faults at system calls")
    parser.add_argument("--no-bench", action="store_true", help="no benchmarks")
    arguments = parser.parse_args()
    for part, step in _steps(arguments):
        if arguments.only not in (None, part):
            continue
        done = subprocess.run(step.command, cwd=TOP, env={**os.environ, **step.env}, check=False)
        if done.returncode:
            raise SystemExit(done.returncode)


def _steps(arguments: argparse.Namespace) -> Iterator[tuple[str, Step]]:
    tests = [sys.executable, "-m", "pytest", "-n", "auto"]
    if not arguments.no_crash:
        yield "crash", Step([*tests, "tests/crash"], {})
    if arguments.fuzz:
        yield "fuzz", Step([sys.executable, "tests/fuzz/fuzz.py", "--seconds", str(arguments.fuzz)], {})
    if arguments.merges:
        yield "merges", Step([*tests, MERGES], {"CRMCTL_MERGES": str(arguments.merges)})
    if arguments.git_merges:
        yield "git-merges", Step([*tests, GIT_MERGES], {"CRMCTL_GIT_MERGES": str(arguments.git_merges)})
    if arguments.undos:
        yield "undos", Step([*tests, UNDOS], {"CRMCTL_UNDOS": str(arguments.undos)})
    yield "mutants", Step([sys.executable, "benchmarks/mutants.py"], {})
    properties = [*tests, "tests/property", "--ignore", MERGES, "--ignore", UNDOS, "--hypothesis-profile", "soak"]
    for _ in range(arguments.rounds):
        yield "properties", Step(properties, {})
    if not arguments.no_bench:
        yield "bench", Step([sys.executable, "benchmarks/bench.py", "--large"], {})


if __name__ == "__main__":
    main()
