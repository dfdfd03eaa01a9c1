"""SpamAssassin without network: what its rules say of messages."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING
from typing import NamedTuple

from helpers import rig_base as rig

if TYPE_CHECKING:
    from collections.abc import Sequence

_STATUS = re.compile(rb"^X-Spam-Status: \w+, score=(-?[\d.]+) required=\S+ tests=(.*?)\s+autolearn=", re.M | re.S)


class Verdict(NamedTuple):
    """The points of a message, and the rules that gave them."""

    score: float
    rules: frozenset[str]


def judge(messages: Sequence[bytes]) -> list[Verdict]:
    """What SpamAssassin says of each message."""
    box = b"".join(b"From x Sun Nov 22 10:00:00 2026\n" + data.replace(b"\r\n", b"\n") + b"\n" for data in messages)
    with rig.ground() as folder:
        try:
            done = subprocess.run(
                [*_command(), "--local", "--test-mode", "--mbox", "--nocreate-prefs"],
                input=box,
                capture_output=True,
                check=False,
                cwd=folder,
                env={
                    "PATH": "/usr/bin:/bin",
                    "HOME": str(folder),
                    "TZ": "UTC",
                    "LD_LIBRARY_PATH": rig.libraries(),
                },
                timeout=60,
                **rig.LENT,
            )
        except OSError as exc:
            rig.absent(f"SpamAssassin cannot be started: {exc}")
    if done.returncode:
        rig.absent(f"SpamAssassin does not run here: {done.stderr.decode(errors='replace')[-300:]}")
    found = [
        Verdict(float(score), frozenset(re.findall(r"\w+", rules.decode())) - {"none"})
        for score, rules in _STATUS.findall(done.stdout)
    ]
    assert len(found) == len(messages), done.stdout[:500]
    return found


def _command() -> list[str]:
    path = rig.program("spamassassin")
    if not path.is_relative_to(rig.tree()):
        return [str(path)]
    # It runs in taint mode, which takes the places of modules from nowhere but the command line.
    usr, version = rig.tree() / "usr", _perl_version()
    lib = usr / "lib" / rig.MACHINE
    places = [
        usr / "share" / "perl5",
        lib / "perl5" / version,
        lib / "perl-base",
        lib / "perl" / version,
        usr / "share" / "perl" / version,
    ]
    return [
        str(_perl()),
        "-T",
        *(f"-I{place}" for place in places if place.is_dir()),
        str(path),
        f"--configpath={usr / 'share' / 'spamassassin'}",
        f"--siteconfigpath={rig.tree() / 'etc' / 'spamassassin'}",
    ]


def _perl() -> str:
    """Perl: the unpacked one when there is one, because modules are made for one version."""
    own = rig.tree() / "usr" / "bin" / "perl"
    found = str(own) if own.is_file() else shutil.which("perl")
    return found or rig.absent("there is no perl")


def _perl_version() -> str:
    """Such as 5.36, as it stands in the names of folders."""
    env = {"LD_LIBRARY_PATH": rig.libraries()}
    done = subprocess.run([_perl(), "-e", "print $^V"], capture_output=True, text=True, check=False, env=env)
    return ".".join(done.stdout.lstrip("v").split(".")[:2])
