"""Every reader of bytes that others wrote, as a function for fuzzers to call, and a mutator for what to call it with.

A target returns when the input is refused in words or taken as it should be, and raises when anything else happens.
"""

from __future__ import annotations

import contextlib
import io
import time
from datetime import UTC
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from crmctl import query
from crmctl.errors import CrmError
from crmctl.errors import InvalidData
from crmctl.model import when
from crmctl.model.kinds import KINDS
from crmctl.model.values import Context
from crmctl.render.templates import parse_template
from crmctl.reports.header import parse_report
from crmctl.services.importing.source import open_source
from crmctl.store.jsonl import parse_line
from crmctl.store.jsonl import read_lines
from crmctl.store.jsonl import write_line
from crmctl.store.merging import merge_file
from crmctl.store.yaml_reader import read_yaml
from crmctl.store.yaml_writer import write_yaml

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from collections.abc import Iterator

CORPUS = Path(__file__).resolve().parent.parent / "fuzz" / "corpus"
BUDGET = 1.0
"""Seconds of the processor's time that a reader may take for an input of up to 20 KB; it takes milliseconds."""

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
_KINDS = {kind.name: kind for kind in KINDS}
SIDES = b"\n%%%%\n"
"""Stands between the versions in an input of the merge driver."""


def yaml(data: bytes) -> None:
    """A record file."""
    try:
        found = read_yaml(data, "records/customers/x.yaml", marks=True).data
    except InvalidData:
        return
    assert read_yaml(write_yaml(found).encode(), "again").data == found


def json(data: bytes) -> None:
    """A file of interactions."""
    lines, _ = read_lines(data, "records/interactions/x.jsonl")
    for line in lines:
        assert parse_line(write_line(line.value).rstrip(b"\n")) == line.value


def csv(data: bytes) -> None:
    """A table to import."""
    try:
        source = open_source("-", io.BytesIO(data))
    except CrmError:
        return
    try:
        for row in source.rows():
            assert row.problem or len(row.cells) == len(source.header)
    finally:
        source.close()


def filters(data: bytes) -> None:
    """A filter as typed."""
    text = data.decode("utf-8", "surrogateescape")
    try:
        node = query.parse(text)
    except query.BadFilter:
        return
    assert query.parse(query.format(node)) == node
    for name in ("customer", "interaction"):
        with contextlib.suppress(CrmError):
            query.compile_filter(node, _KINDS[name], Context(), NOW)


def dates(data: bytes) -> None:
    """A date or a moment, typed or in a file."""
    text = data.decode("utf-8", "surrogateescape")
    for read in (
        lambda: when.parse_when(text, NOW),
        lambda: when.parse_when(text, NOW, "past"),
        lambda: when.parse_day(text, NOW),
        lambda: when.parse_moment(text, NOW),
        lambda: when.parse_strict_date(text),
        lambda: when.parse_strict_moment(text, UTC),
    ):
        with contextlib.suppress(CrmError):
            read()
    with contextlib.suppress(CrmError):
        day = when.parse_strict_date(text)
        assert when.parse_strict_date(day.isoformat()) == day


def templates(data: bytes) -> None:
    """A template with its front matter."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return
    with contextlib.suppress(InvalidData):
        found = parse_template("x", "templates/x.md", text, lambda front: read_yaml(front.encode(), "x").data)
        assert text.endswith(found.body)


def reports(data: bytes) -> None:
    """A report with its header."""
    with contextlib.suppress(InvalidData, UnicodeDecodeError):
        parse_report("x", "reports/x.sql", data.decode(), own=True)


def merges(data: bytes) -> None:
    """Three versions of a file: the base, ours, theirs."""
    parts = [*data.split(SIDES), b"", b"", b""]
    base, ours, theirs = parts[:3]
    for path in ("records/customers/x.yaml", "records/interactions/x.jsonl", "crm.yaml"):
        for start in (base, None):
            merged = merge_file(path, start, ours, theirs)
            assert merged == merge_file(path, start, ours, theirs)
            assert merge_file(path, start, ours, ours).data == ours
            if merged.data in (ours, theirs):
                continue
            if path.endswith(".yaml"):
                taken = _is_record(merged.data, path)
                assert taken is merged.clean, "a conflict can be read as a record, or the result of a merge cannot"
            elif not merged.clean:
                assert read_lines(merged.data, path)[1], "a conflict can be read as a history"


def _is_record(data: bytes, path: str) -> bool:
    try:
        read_yaml(data, path)
    except InvalidData:
        return False
    return True


TARGETS: dict[str, Callable[[bytes], None]] = {
    "yaml": yaml,
    "json": json,
    "csv": csv,
    "query": filters,
    "date": dates,
    "template": templates,
    "report": reports,
    "merge": merges,
}


def tried(name: str, data: bytes) -> None:
    """Give an input to a reader; raises an AssertionError when it does what it must not, or takes too long."""
    started = time.process_time()
    try:
        TARGETS[name](data)
    except Exception as error:
        raise AssertionError(f"{name}: {type(error).__name__}: {error}: {data[:500]!r}") from error
    took = time.process_time() - started
    assert took < BUDGET, f"{name}: {took:.1f} s for {len(data)} bytes: {data[:500]!r}"


def corpus(name: str) -> list[Path]:
    """The inputs that are kept for a reader."""
    return sorted((CORPUS / name).iterdir())


_PIECES = [
    *(
        b"",
        b"\0",
        b"\n",
        b"\r\n",
        b"\t",
        b" ",
        b"\xff",
        b"\xc3",
        b"\xed\xa0\x80",
        b"\xef\xbb\xbf",
        b"\xe2\x80\xae",
        b"\x1b[31m",
    ),
    *(
        b"---\n",
        b"...\n",
        b"- ",
        b": ",
        b"? ",
        b"|\n",
        b">-\n",
        b"&a ",
        b"*a",
        b"!!str ",
        b"#",
        b"'",
        b'"',
        b"\\",
        b"%",
        b"@",
        b"`",
    ),
    *(b"{", b"}", b"[", b"]", b",", b"null", b"NaN", b"-1", b"1e999", b"0" * 50, b"9" * 50, b"\\u0000", b"\\ud800"),
    *(b"<<<<<<< ", b"=======\n", b"||||||| ", b">>>>>>> ", SIDES, b"id: 01J0000000000000000000000A\n", b"name: x\n"),
    *(
        b"=",
        b"!=",
        b"<=",
        b"~",
        b"(",
        b")",
        b" or ",
        b" and ",
        b"not ",
        b"..",
        b"*",
        b"today",
        b"next ",
        b"2026-02-30",
        b"24:00",
    ),
    *(kind.name.encode() for kind in KINDS[:4]),
]


def mutated(seeds: list[bytes], chance: random.Random) -> Iterator[bytes]:
    """Inputs made from others, without end: bytes and pieces changed, taken out, doubled and put in."""
    while True:
        data = bytearray(chance.choice(seeds))
        for _ in range(chance.choice((1, 1, 2, 3, 5, 9))):
            at = chance.randint(0, len(data))
            end = min(len(data), at + chance.choice((0, 0, 1, 2, 8, 40)))
            what = chance.randrange(6)
            if what == 0 and data:
                data[at % len(data)] = chance.randrange(256)
            elif what == 1:
                del data[at:end]
            elif what == 2:
                data[at:end] = chance.choice(_PIECES)
            elif what == 3:
                data[at:at] = data[at:end] * chance.randint(1, 4)
            elif what == 4:
                other = chance.choice(seeds)
                start = chance.randint(0, len(other))
                data[at:end] = other[start : start + chance.choice((1, 5, 20, 80))]
            else:
                data[at:at] = chance.choice(_PIECES) * chance.choice((1, 1, 2, 20))
        yield bytes(data[:20_000])
