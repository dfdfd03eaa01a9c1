"""What takes too long for every day: the property tests over and over with other examples, then the large benchmarks.

./run soak                      an hour or so
./run soak --examples 2000      fewer examples of each property
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent


def main() -> None:
    """Run the properties, then the benchmarks; stop at the first that fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=50, help="how often the properties are tried")
    parser.add_argument("--no-bench", action="store_true", help="only the properties")
    arguments = parser.parse_args()
    properties = [sys.executable, "-m", "pytest", "tests/property", "-n", "auto", "--hypothesis-profile", "soak"]
    steps = [properties] * arguments.rounds
    if not arguments.no_bench:
        steps.append([sys.executable, "benchmarks/bench.py", "--large"])
    for step in steps:
        done = subprocess.run(step, cwd=TOP, check=False)
        if done.returncode:
            raise SystemExit(done.returncode)


if __name__ == "__main__":
    main()
