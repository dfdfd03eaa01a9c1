"""Make a book of any size: ``python benchmarks/make_book.py FOLDER --customers 10000 --interactions 100000``.

The same numbers always give the same book. It is written by ``git fast-import`` and one checkout, which is far quicker
than the program itself could be; the program then finds it like any clone.
"""

from __future__ import annotations

import argparse
import random
import subprocess
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from crmctl.model.ids import encode_ulid
from crmctl.store.jsonl import write_line
from crmctl.store.yaml_writer import write_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crmctl.model.raw import RawMap

FIRST = (
    "Ada Bela Chloé Dunja Emil Frida Gökhan Hanna Ines João Karin Luís Mira Noël Olga Pavel Rosa Søren Tilda Uwe"
).split()
LAST = (
    "Lovelace Gonçalves Müller Novák García Rossi Dubois Kowalski Jensen Nagy Silva Berg Haas Ek Lind Costa Weber "
    "Moreau Horvat Tóth Ferrari Nilsson Virtanen Bakker Visser Janssen Peeters Maes Keller Baumann"
).split()
CITIES = [("Berlin", "DE"), ("Lyon", "FR"), ("São Paulo", "BR"), ("Graz", "AT"), ("Turku", "FI"), ("Austin", "US")]
TEXTS = [
    "wants an offer for next year",
    "agreed on the price, contract to follow",
    "asked about delivery to Zürich",
    "no answer, left a message",
    "complained about the invoice, solved on the phone",
]
TYPES = ("call", "email", "meeting", "purchase", "note")
START = datetime(2024, 1, 1, 8, tzinfo=UTC)


def files(customers: int, interactions: int, *, sharded: bool) -> Iterator[tuple[str, bytes]]:
    """(path, content) of every file of the book."""
    layout = "sharded" if sharded else "flat"
    yield "crm.yaml", f"name: Bench\ncurrency: EUR\ntimezone: Europe/Berlin\ncountry: DE\nlayout: {layout}\n".encode()
    rng = random.Random(20261122)
    yield _place("members", "mia", sharded), write_yaml({"id": _id(rng, 0), "name": "Mia Meyer"}).encode()
    shares = [interactions // customers] * customers
    for position in range(interactions % customers):
        shares[position] += 1
    for number, share in enumerate(shares):
        handle = f"c-{number:06d}"
        yield _place("customers", handle, sharded), write_yaml(_customer(rng, number)).encode()
        if share:
            lines = b"".join(write_line(_interaction(rng, number, at)) for at in range(share))
            yield _place("interactions", handle, sharded, ".jsonl"), lines
        if number % 20 == 0:
            yield _place("deals", f"d-{number:06d}", sharded), write_yaml(_deal(rng, number, handle)).encode()


def _place(folder: str, handle: str, sharded: bool, ending: str = ".yaml") -> str:
    shard = f"{handle[-2:]}/" if sharded else ""
    return f"records/{folder}/{shard}{handle}{ending}"


def _id(rng: random.Random, minute: int) -> str:
    moment = int((START + timedelta(minutes=minute)).timestamp() * 1000)
    return encode_ulid((moment << 80) | rng.getrandbits(80))


def _customer(rng: random.Random, number: int) -> RawMap:
    first, last = rng.choice(FIRST), rng.choice(LAST)
    city, country = rng.choice(CITIES)
    return {
        "id": _id(rng, number),
        "name": f"{first} {last} {number}",
        "type": "person",
        "lifecycle": rng.choice(("lead", "prospect", "customer", "former")),
        "emails": [f"person{number}@example.com"],
        "phones": [f"+49 30 {number:07d}"],
        "address": {"city": city, "country": country},
        "owner": "mia",
        "tags": [*rng.sample(("vip", "cold", "press", "fair"), 2)],
        "notes": rng.choice(TEXTS),
    }


def _interaction(rng: random.Random, number: int, at: int) -> dict[str, object]:
    minute = at * 9_000 + number % 5_000
    moment = START + timedelta(minutes=minute)
    kind = rng.choice(TYPES)
    line: dict[str, object] = {"id": _id(rng, minute), "at": moment.isoformat(), "type": kind, "by": "mia"}
    if kind == "purchase":
        line |= {"amount": f"{rng.randrange(500, 90_000) / 100:.2f}", "currency": "EUR"}
    else:
        line |= {"text": rng.choice(TEXTS), "minutes": str(rng.randrange(1, 60))}
    return line


def _deal(rng: random.Random, number: int, handle: str) -> RawMap:
    return {
        "id": _id(rng, number),
        "name": f"Deal {number}",
        "customer": handle,
        "stage": rng.choice(("lead", "proposal", "won", "lost")),
        "amount": f"{rng.randrange(1, 900)}.00",
        "currency": "EUR",
    }


def make(folder: Path, customers: int, interactions: int) -> None:
    """Make the book in ``folder``, which must not exist, and commit it."""
    folder.mkdir(parents=True)
    git = ["git", "-C", str(folder)]
    subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    subprocess.run([*git, "config", "core.untrackedCache", "true"], check=True)
    importing = subprocess.Popen([*git, "fast-import", "--quiet", "--done"], stdin=subprocess.PIPE)
    assert importing.stdin is not None
    write = importing.stdin.write
    write(b"commit refs/heads/main\ncommitter Bench <bench@example.com> 1700000000 +0000\ndata 5\nbench\n")
    for path, data in files(customers, interactions, sharded=customers > 5_000):
        write(b"M 100644 inline %b\ndata %d\n%b\n" % (path.encode(), len(data), data))
    write(b"\ndone\n")
    importing.stdin.close()
    if importing.wait():
        raise SystemExit("git fast-import failed")
    subprocess.run([*git, "reset", "-q", "--hard"], check=True)


def main() -> None:
    """Read the arguments and make the book."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--customers", type=int, default=10_000)
    parser.add_argument("--interactions", type=int, default=100_000)
    arguments = parser.parse_args()
    make(arguments.folder, arguments.customers, arguments.interactions)


if __name__ == "__main__":
    main()
