"""A campaign through a real SMTP conversation, every line of the ledger on the disk before the next step."""

from __future__ import annotations

import contextlib
import os
import smtplib
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Sequence
    from pathlib import Path

PEOPLE = 1_000
RATE = 300
"""Messages in a second: the bar."""

WAITS = 2
"""Times that a message waits for the disk: for its attempt, with the outcome of the one before it, and for the dot. Its
bytes are written while others go out."""

PERSON = "id: 01HZZZZZZZZZZZZZZZZZZ{number:05d}\nname: Person {number}\nemails: [p{number}@example.org]\n"
CONSENT = "consent:\n  newsletter:\n    state: granted\n"
FILES = {
    "crm.yaml": "name: Bench\ntimezone: UTC\nemail: hello@example.com\npostal_address: High St 1, Town\n",
    "templates/spring.md": "---\nsubject: Spring for {{ customer.name }}\n---\nDear {{ customer.name }},\n\n"
    + "it is spring, and there is something new. " * 20
    + "\n\n{{ book.name }}, {{ book.postal_address }}. No more of this: {{ unsubscribe }}\n",
    "records/segments/everyone.yaml": 'name: Everyone\nfilter: "not name:"\n',
    "records/campaigns/spring.yaml": "id: 01HYYYYYYYYYYYYYYYYYYYYYYY\nname: Spring\npurpose: newsletter\n"
    "segment: everyone\ntemplate: spring\nbenefit: Hears of it first\n",
}
CONFIG = "mail:\n  from: Ada <ada@example.com>\n  server: 127.0.0.1\n  port: {port}\n  security: none\n"


def lines(work: Path, program: Sequence[str]) -> list[Any]:
    """The campaign, beside it a plain smtplib that sends as many messages of that size; and what the disk takes."""
    from bench import Line
    from bench import environment

    book = _book(work / "sending")
    settings = work / "settings"
    env = {
        **environment(),
        "XDG_CONFIG_HOME": str(settings / "config"),
        "XDG_STATE_HOME": str(settings / "state"),
    }
    what = f"{PEOPLE:,} messages sent to a sink on this machine, every ledger line synced"
    with _sink(env) as port:
        path = settings / "config" / "crmctl" / "config.yaml"
        path.parent.mkdir(parents=True)
        path.write_text(CONFIG.format(port=port))
        path.chmod(0o600)
        campaign = [*program, "-C", str(book), "campaign"]
        _run([*campaign, "plan", "spring"], env)  # The index is made once, and not for a campaign alone.
        before = _synced(work)
        ours = _run([*campaign, "send", "spring", "--send"], env)
        once = (before + _synced(work)) / 2
        theirs = _plainly(port)
    return [
        Line(
            what,
            f"{ours:.1f} s, {PEOPLE / ours:.0f} a second",
            f"smtplib alone, {theirs:.1f} s",
            f"{ours / theirs:.1f}x",
            f"{RATE} a second",
            PEOPLE / ours >= RATE,
        ),
        Line(
            "one line appended to a file and synced, alone",
            f"{once * 1000:.2f} ms, {1 / once:.0f} a second",
            f"{WAITS} of them a message, {WAITS * once * PEOPLE:.1f} s of {ours:.1f} s",
            f"{WAITS * once * PEOPLE / ours:.0%} of the time",
            "",
            None,
        ),
    ]


def _run(command: Sequence[str], env: dict[str, str]) -> float:
    """Seconds that a command takes."""
    started = time.perf_counter()
    done = subprocess.run(command, env=env, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr}")
    return time.perf_counter() - started


def _book(folder: Path) -> Path:
    files = dict(FILES)
    for number in range(PEOPLE):
        files[f"records/customers/p{number}.yaml"] = PERSON.format(number=number) + CONSENT
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for words in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-q", "-m", "bench")):
        identity = ("-c", "user.name=Bench", "-c", "user.email=bench@example.com")
        subprocess.run(["git", "-C", str(folder), *identity, *words], check=True)
    for name, value in (("user.name", "Bench"), ("user.email", "bench@example.com")):
        subprocess.run(["git", "-C", str(folder), "config", name, value], check=True)
    return folder


@contextlib.contextmanager
def _sink(env: dict[str, str]) -> Iterator[int]:
    """A server on this machine that takes everything and keeps nothing."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "aiosmtpd", "-n", "-c", "aiosmtpd.handlers.Sink", "-l", f"127.0.0.1:{port}"]
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait()


def _synced(folder: Path) -> float:
    """Seconds that a line of the ledger's size takes to be on the disk, with nothing else done."""
    times = 200
    descriptor = os.open(folder / "synced", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    started = time.perf_counter()
    for _ in range(times):
        os.write(descriptor, b"x" * 350 + b"\n")
        os.fsync(descriptor)
    taken = time.perf_counter() - started
    os.close(descriptor)
    return taken / times


def _plainly(port: int) -> float:
    """Seconds that the standard library takes for as many messages, with no ledger and nothing verified."""
    text = b"it is spring, and there is something new.\r\n" * 40
    head = b"From: ada@example.com\r\nTo: p@example.org\r\nSubject: Spring\r\n\r\n"
    started = time.perf_counter()
    with smtplib.SMTP("127.0.0.1", port) as client:
        for number in range(PEOPLE):
            client.sendmail("ada@example.com", [f"p{number}@example.org"], head + text)
    return time.perf_counter() - started
