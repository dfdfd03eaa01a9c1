"""Postfix's smtp-sink: a server that takes everything and writes it down, or goes wrong in one way, always the same."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING
from typing import NamedTuple

from helpers import rig_base as rig

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Dumped(NamedTuple):
    """A message as the sink wrote it down: the envelope, and the text with lines that end in LF."""

    sender: str
    recipient: str
    options: str
    text: bytes


class Sink(NamedTuple):
    """A sink at ``port``, which writes into ``folder``; ``process`` is its number."""

    port: int
    folder: Path
    process: int

    def dumped(self) -> list[Dumped]:
        """The messages whose text has been written down, also those that were then refused."""
        found = [_read(path.read_bytes()) for path in sorted((self.folder / "dump").iterdir())]
        return sorted((one for one in found if one is not None), key=lambda one: one.recipient)


def _read(data: bytes) -> Dumped | None:
    # Lines of the sink's own are above: of the envelope, and a Received of three lines when the text begins.
    envelope, _, rest = data.partition(b"Received: from ")
    if rest.count(b"\n") < 3:
        return None
    about = dict(line.split(": ", 1) for line in envelope.decode().splitlines())
    text = rest.split(b"\n", 3)[3]
    sender, _, options = about["X-Mail-Args"].partition(" ")
    return Dumped(sender.strip("<>"), about["X-Rcpt-Args"].split(" ")[0].strip("<>"), options, text.removesuffix(b"\n"))


@contextlib.contextmanager
def sink(*how: str, port: int = 0) -> Iterator[Sink]:
    """smtp-sink with the options ``how``."""
    path = rig.program("smtp-sink")
    with rig.ground() as folder:
        rig.room(folder / "dump")
        port = port or rig.free_port()
        command = [str(path), "-4", "-d", f"{folder}/dump/m.", *how, f"127.0.0.1:{port}", "100"]
        with rig.running(command, folder, port, {"LD_LIBRARY_PATH": rig.libraries()}) as process:
            yield Sink(port, folder, process)
