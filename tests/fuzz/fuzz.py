"""Try the readers with inputs that nobody thought of: `python tests/fuzz/fuzz.py --seconds 60 [READER ...]`.

What goes wrong is written into the corpus as found-*, so that it is tried every day from then on. With atheris
installed (`--atheris`) it is guided by what the code does; otherwise by chance alone.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import sys
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS.parent)]

from helpers import fuzz_targets  # noqa: E402 - the path has to be there first


def main() -> None:
    """Go through the readers; the status is 1 when something was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("readers", nargs="*", metavar="READER", help=", ".join(fuzz_targets.TARGETS))
    parser.add_argument("--seconds", type=float, default=60.0, help="for each reader")
    parser.add_argument("--seed", type=int, default=time.time_ns(), help="to do the same again")
    parser.add_argument("--atheris", action="store_true", help="guided by coverage (one reader)")
    arguments = parser.parse_args()
    readers = arguments.readers or list(fuzz_targets.TARGETS)
    if arguments.atheris:
        _guided(readers[0], arguments.seconds)
        return
    _say(f"seed {arguments.seed}")
    found = sum(_by_chance(reader, arguments.seconds, arguments.seed) for reader in readers)
    sys.exit(found > 0)


def _by_chance(reader: str, seconds: float, seed: int) -> int:
    """Try mutations of the corpus; how many different things went wrong."""
    seeds = [path.read_bytes() for path in fuzz_targets.corpus(reader)]
    wrong: set[str] = set()
    count = 0
    end = time.monotonic() + seconds
    for data in fuzz_targets.mutated(seeds, random.Random(seed)):
        count += 1
        try:
            fuzz_targets.tried(reader, data)
        except AssertionError as error:
            what = str(error).partition("b'")[0][:80]
            if what not in wrong:
                wrong.add(what)
                name = f"found-{hashlib.sha256(data).hexdigest()[:12]}"
                (fuzz_targets.CORPUS / reader / name).write_bytes(data)
                _say(f"{reader}: {name}: {error}")
        if time.monotonic() > end:
            break
    _say(f"{reader}: {count:,} inputs, {len(wrong)} findings")
    return len(wrong)


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def _guided(reader: str, seconds: float) -> None:
    import importlib

    atheris = importlib.import_module("atheris")
    atheris.instrument_all()
    folder = fuzz_targets.CORPUS / reader
    options = [f"-max_total_time={seconds:.0f}", "-timeout=5", f"-artifact_prefix={folder}/found-", str(folder)]
    atheris.Setup([sys.argv[0], *options], lambda data: fuzz_targets.tried(reader, data))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
