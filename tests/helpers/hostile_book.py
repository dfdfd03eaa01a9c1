"""A book of ten thousand records that somebody made to do harm, or that a careless program wrote."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

from crmctl.model.kinds import KINDS
from crmctl.store.yaml_writer import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from crmctl.model.fields import Field
    from crmctl.model.fields import Kind

LINES = 3_000
"""So many of the records are interactions, which share files."""

TEXTS = [
    "Ada Lovelace",
    "\x1b[2J\x1b]0;owned\x07",
    "\x1b]8;;http://evil.example\x07click\x1b]8;;\x07",
    "\x9b31mC1\x85\x90",
    "\u202egnp.exe\u202c \u2066x\u2069 \u200b\u200d\ufeff",
    "a\rb\x08\x08c\x7f",
    "line\nbreak\n\n\ttab",
    "=cmd|' /C calc'!A0",
    "+41 44 668 18 00",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "-1+1",
    "\t=1",
    "'); DROP TABLE customers; --",
    "{{ 7 * 7 }}{% raw %}",
    "<script>alert(1)</script>",
    "\u0130\u0131\ufb03 \u1e9e Zoe\u0308 \U0001f468\u200d\U0001f469\u200d\U0001f467 \u4e2d\u6587 \u05d0\u05d1",
    "Z\u0351\u036b\u0343\u036a\u0302\u036b" * 40,
    "x" * 3_000,
    "word " * 2_000,
    "| a | b |\n|---|---|",
    "`rm -rf /` $(reboot) ${HOME} %s %n {0}",
    "../../etc/passwd",
    "NaN",
    "null",
    "~",
    "-",
    "",
    " ",
    "0",
    "9" * 400,
    "1e999",
    "-0.001",
    "12,5 EUR",
    "100",
    "EUR",
    "XXX",
    "2026-02-30",
    "2026-01-02",
    "9999-12-31",
    "0001-01-01",
    "2026-10-25T02:30:00",
    "2026-01-02T10:00:00+01:00",
    "ada@example.com",
    "ada@example.com\nBcc: x@example.com",
    '"a b"@\u00e4\u00f6\u00fc.example',
    "mailto:a@b.example, c@d.example",
    "http://user:pw@[::1]:99999/\x1b",
    "javascript:alert(1)",
    "won",
    "lead",
    "done",
    "DE",
    "de_CH",
    "Europe/Berlin",
    "yes",
    "h1",
    "h2",
    "h3",
]

# Files that no strict reader takes.
BROKEN = [
    b"name: [",
    b"name: a\nname: b\n",
    b"- a\n- b\n",
    b"name: &a x\nnotes: *a\n",
    b"name: !!python/name:os.system x\n",
    b"<<<<<<< HEAD\nname: a\n=======\nname: b\n>>>>>>> x\n",
    b"name: \xff\xfe\n",
    b"name: a\0b\n",
    b"name: \x1b[31mraw\n",
    b"",
    b"# nothing but a comment \xe2\x80\xae\n",
    b"name: a\n---\nname: b\n",
    b"name:\n\tb: c\n",
    b"[" * 5_000,
    b"a: " * 3_000,
    b"x" * 70_000,
]
BROKEN_LINES = [
    b'{"id": "x", "te',
    b"[1, 2]",
    b'{"a": 1, "a": 2}',
    b'{"text": "\\ud800"}',
    b'{"minutes": NaN}',
    b"hello \x1b[31m there",
    b'{"a": ' + b"[" * 2_000,
    b'{"minutes": ' + b"9" * 5_000 + b"}",
]
HANDLES = ["{}", "{}.x", "{}_-_y", "zo\u00eb-{}", "{} space", "{}\u202e", "CON{}", "{}" + "l" * 120, "{}'--", "{}%s"]


def make(root: Path, count: int, seed: int = 1) -> None:
    """Write ``count`` records into a book, most of which can be read; the same ones every time."""
    chance = random.Random(seed)
    files = [kind for kind in KINDS if kind.storage == "yaml"]
    weights = [6 if kind.name == "customer" else 2 if kind.name == "deal" else 1 for kind in files]
    for number in range(count - LINES):
        kind = chance.choices(files, weights)[0]
        folder = root / "records" / kind.plural
        folder.mkdir(parents=True, exist_ok=True)
        shape = "{}" if chance.random() < 0.8 else chance.choice(HANDLES)
        path = folder / f"{shape.format(f'h{number}')}.yaml"
        path.write_bytes(chance.choice(BROKEN) if chance.random() < 0.08 else _record(kind, chance))
    (line_kind,) = (kind for kind in KINDS if kind.storage == "jsonl")
    folder = root / "records" / line_kind.plural
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(LINES // 30):
        lines = [chance.choice(BROKEN_LINES) if chance.random() < 0.02 else _line(line_kind, chance) for _ in range(30)]
        (folder / f"h{number}.jsonl").write_bytes(b"\n".join(lines) + b"\n")


def _record(kind: Kind, chance: random.Random) -> bytes:
    names = [kind.title] if chance.random() < 0.9 else []
    parts = [f"{name}: {quoted(chance.choice(TEXTS) or 'x')}" for name in names]
    for field in chance.sample(kind.fields, min(len(kind.fields), chance.randint(0, 8))):
        if field.name not in names:
            parts.append(f"{field.name}: {_flow(_value(field, chance))}")
    if chance.random() < 0.2:
        parts.append(f"{quoted(chance.choice(TEXTS))}: {_flow(chance.choice(TEXTS))}")
    return ("\n".join(parts) + "\n").encode() if parts else b"{}\n"


def _line(kind: Kind, chance: random.Random) -> bytes:
    data = {field.name: _value(field, chance) for field in chance.sample(kind.fields, min(len(kind.fields), 6))}
    if chance.random() < 0.8:
        data |= {"at": "2026-01-02T10:00:00+01:00", "type": chance.choice(("call", "purchase", "note", "\x1b[1m"))}
    return json.dumps(data, ensure_ascii=chance.random() < 0.5).encode()


def _value(field: Field, chance: random.Random) -> object:
    """Something for a field: often a text, seldom what it should be, at times of another shape."""
    shape = chance.random()
    if shape < 0.7:
        return chance.choice(TEXTS)
    if shape < 0.85:
        return [chance.choice(TEXTS) for _ in range(chance.choice((0, 1, 3, 30)))]
    return dict(_pairs(chance))


def _pairs(chance: random.Random) -> Iterator[tuple[str, object]]:
    for _ in range(chance.randint(0, 4)):
        deeper: object = chance.choice(TEXTS) if chance.random() < 0.7 else [{chance.choice(TEXTS): ["x"]}]
        yield chance.choice(TEXTS), deeper


def _flow(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{quoted(name)}: {_flow(one)}' for name, one in value.items())}}}"
    return quoted(str(value))
