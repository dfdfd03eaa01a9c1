"""Laying a record's file out anew: canonical order and form, with every comment kept beside what it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import InvalidData
from crmctl.errors import Problem
from crmctl.store import yaml_writer
from crmctl.store.yaml_events import decode
from crmctl.store.yaml_reader import read_yaml
from crmctl.store.yaml_spans import spans

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crmctl.model.raw import RawMap
    from crmctl.store.yaml_spans import Node


class _Part(NamedTuple):
    """One top-level entry of the source: the comments above it, its own lines, and the comment behind a short value.

    ``inside`` are comments elsewhere in it; an entry that has any is taken over as it stands.
    """

    above: list[str]
    lines: list[str]
    behind: str
    inside: list[str]


class _Comment(NamedTuple):
    """A comment and where its ``#`` stands."""

    at: int
    text: str


def lay_out(data: bytes, wanted: RawMap, path: str) -> bytes:
    """The canonical text of ``wanted``, the content of the file ``data`` in its new order, with the file's comments.

    Raises:
        InvalidData: the comments stand so that they could not be kept (code ``comments``).
    """
    canonical = yaml_writer.write_yaml(wanted).encode()
    if b"#" not in data:
        return canonical
    text = decode(data, path).replace("\r\n", "\n")
    comments = _comments(text)
    if not comments:
        return canonical
    result = "".join(f"{line}\n" for line in _arranged(text, wanted, comments)).encode()
    try:
        if read_yaml(result, path).data == wanted and _texts(_comments(result.decode())) == _texts(comments):
            return result
    except InvalidData:
        pass
    hint = "Put its comments on lines of their own between the fields, then run crmctl fmt again."
    problem = Problem(path, 0, 0, "comments", "left alone: its comments could not be kept", hint)
    raise InvalidData(str(problem), hint=hint, problems=[problem])


def _arranged(text: str, wanted: RawMap, comments: list[_Comment]) -> Iterator[str]:
    root = spans(text)
    if not root.is_block:
        yield from (comment.text for comment in comments)
        yield ""
        yield from yaml_writer.block(wanted, "")
        return
    head, parts, tail = _parts(text, root, comments)
    yield from head
    for name, value in wanted.items():
        part = parts.pop(name, None)
        lines = list(yaml_writer.entry(name, value, ""))
        if part is not None:
            yield from part.above
            if part.inside:
                lines = part.lines
            elif part.behind:
                lines[0] += f"  {part.behind}"
        yield from lines
    for part in parts.values():  # An empty entry goes; what was said about it stays.
        yield from [*part.above, *part.inside, *filter(None, [part.behind])]
    yield from tail


def _parts(text: str, root: Node, comments: list[_Comment]) -> tuple[list[str], dict[str, _Part], list[str]]:
    """Comments about the whole file, the entries by name, and comments at the end."""
    parts: dict[str, _Part] = {}
    head: list[str] = []
    position = 0
    for entry in root.entries:
        start = text.rfind("\n", 0, entry.key.start) + 1
        end = _end(text, entry.value)
        above = _margin(text[position:start])
        if not parts:
            head, above = _head(text[position:start], above)
        behind = _behind(text, entry.value, comments)
        inside = [comment.text for comment in comments if start <= comment.at < end and comment is not behind]
        lines = text[start:end].removesuffix("\n").split("\n")
        parts[entry.name] = _Part(above, lines, behind.text if behind else "", inside)
        position = end
    return head, parts, _margin(text[position:])


def _head(gap: str, above: list[str]) -> tuple[list[str], list[str]]:
    """What stands above the last blank line before the first field is about the file, not about that field."""
    lines = [line.strip() for line in gap.removesuffix("\n").split("\n")]
    blank = next((at for at in range(len(lines) - 1, 0, -1) if not lines[at] and any(lines[:at])), 0)
    last = _margin("\n".join(lines[blank:]))
    first = above[: len(above) - len(last)]
    return ([*first, ""], last) if blank and first else ([], above)


def _end(text: str, value: Node) -> int:
    """The end of an entry: of its last line, and of indented comments below it."""
    end = _line_end(text, value.end)
    while text[end : end + 1] == " " and text[end : _line_end(text, end)].lstrip().startswith("#"):
        end = _line_end(text, end)
    return end


def _line_end(text: str, at: int) -> int:
    return text.find("\n", at) + 1 or len(text)


def _behind(text: str, value: Node, comments: list[_Comment]) -> _Comment | None:
    """The comment behind a value that is no block."""
    if value.is_block or value.is_block_text:
        return None
    end = _line_end(text, value.end)
    return next((comment for comment in comments if value.end <= comment.at < end), None)


def _margin(gap: str) -> list[str]:
    """The comments between two entries; document marks and blank lines go."""
    lines = (line.strip().removeprefix("---").removeprefix("...").strip() for line in gap.split("\n"))
    return [line for line in lines if line.startswith("#")]


def _texts(comments: list[_Comment]) -> list[str]:
    return sorted(comment.text for comment in comments)


def _comments(text: str) -> list[_Comment]:
    """Every comment of a YAML text. Between its keys and texts a ``#`` can be nothing else."""
    found = []
    position = 0
    for start, end in [*_covered(spans(text), text), (len(text), len(text))]:
        at = text.find("#", position, start)
        while at >= 0:
            stop = text.find("\n", at, start)
            stop = start if stop < 0 else stop
            found.append(_Comment(at, text[at:stop].rstrip()))
            at = text.find("#", stop, start)
        position = end
    return found


def _covered(node: Node, text: str) -> Iterator[tuple[int, int]]:
    """Where the keys and texts of a node stand, in order; of a text under ``|`` only its lines."""
    if node.kind == "text":
        yield (_line_end(text, node.start) - 1 if node.is_block_text else node.start), node.end
    for entry in node.entries:
        yield entry.key.start, entry.key.end
        yield from _covered(entry.value, text)
    for item in node.items:
        yield from _covered(item, text)
