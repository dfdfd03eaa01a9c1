"""Lines of ``.gitattributes`` that would have git join or change records by other means than crmctl."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from crmctl.errors import Problem
from crmctl.model.settings import FILE
from crmctl.services.checking.rules import ATTRIBUTES
from crmctl.services.checking.tracked import in_books
from crmctl.store.layout import RECORDS

if TYPE_CHECKING:
    from collections.abc import Collection
    from collections.abc import Iterable
    from collections.abc import Iterator

_DRIVER = "merge=crmctl"
# `binary` stands for `-diff -merge -text`. A filter or another encoding makes other bytes of what is committed.
_OTHER = re.compile(r"[-!]?(?:merge|filter|working-tree-encoding|ident)(?:=.*)?|binary|eol=crlf")
_HARMLESS = ("-filter", "!filter", "-working-tree-encoding", "!working-tree-encoding", "-ident", "!ident", "!merge")
_HINT = "Take the line out. crmctl itself says which files it joins: records/**/*.yaml, records/**/*.jsonl, crm.yaml"
_EXAMPLES = (FILE, f"{RECORDS}/customers/x.yaml", f"{RECORDS}/interactions/x.jsonl")


def rebinding(path: str, data: bytes, files: Iterable[str], prefixes: Collection[str]) -> Iterator[Problem]:
    """What is wrong in the attributes at ``path``; ``files`` are all that the commit has, ``prefixes`` its books."""
    folder = path.removesuffix(ATTRIBUTES)
    records = [prefix + example for prefix in prefixes for example in _EXAMPLES]
    records += [one for one in in_books(files, prefixes) if one.endswith((".yaml", ".jsonl"))]
    inside = [one.removeprefix(folder) for one in records if one.startswith(folder)]
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        pattern, attributes = _parts(line.strip())
        others = [one for one in attributes if one != _DRIVER and _OTHER.fullmatch(one) and one not in _HARMLESS]
        if others and (pattern.startswith("[attr]") or RECORDS in pattern or _names_any(pattern, inside)):
            message = f"this line has git treat records in its own way: {' '.join(others)}"
            yield Problem(path, number, 1, "attributes", message, _HINT)


def _parts(line: str) -> tuple[str, list[str]]:
    """The pattern of a line and its attributes; a pattern with blanks in it stands in quotes."""
    if not line or line.startswith("#"):
        return "", []
    quoted = re.match(r'"((?:[^"\\]|\\.)*)"\s*(.*)', line)
    if quoted:
        return re.sub(r"\\(.)", r"\1", quoted[1]), quoted[2].split()
    pattern, *attributes = line.split()
    return pattern, attributes


def _names_any(pattern: str, paths: Iterable[str]) -> bool:
    """Whether a pattern of gitattributes(5) names one of ``paths``, which are relative to its file."""
    found = re.compile(_expression(pattern.lstrip("/")), re.DOTALL | re.IGNORECASE)
    if "/" in pattern.rstrip("/"):
        return any(found.fullmatch(path) for path in paths)
    return any(found.fullmatch(path.rpartition("/")[2]) for path in paths)


def _expression(pattern: str) -> str:
    """A pattern as a regular expression; what cannot be told apart, as a class of characters, is any of them."""
    known = {"**/": "(?:.*/)?", "/**": "/.*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    parts = re.findall(r"\*\*/|/\*\*$|\*\*|\*|\?|\[[!^]?\]?[^\]]*\]|\\.|.", pattern, re.DOTALL)
    words = (known.get(part) or ("[^/]" if len(part) > 2 else re.escape(part[-1])) for part in parts)
    return "".join(words)
