"""A CSV file to take in: its encoding and delimiter found out, its header checked, its rows with their lines."""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import os
from typing import TYPE_CHECKING
from typing import BinaryIO
from typing import NamedTuple

from crmctl.errors import InvalidData
from crmctl.errors import NotFound
from crmctl.errors import UsageProblem
from crmctl.services.importing.cells import unmark

if TYPE_CHECKING:
    from collections.abc import Iterator

DELIMITERS = "\t;|,"
"""What may stand between cells; the earlier one is taken where a file could be read with two of them."""

LONGEST_CELL = 1 << 20
_CHUNK = 1 << 20
_SAMPLE = 50

_WIDE = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_NOT_CSV = {
    b"PK\x03\x04": "a spreadsheet file (.xlsx or .ods)",
    b"\xd0\xcf\x11\xe0": "an old Excel file",
    b"%PDF": "a PDF",
}


class Row(NamedTuple):
    """One row: the line it begins on, its cells (as many as the header has), and why it cannot be read, or ""."""

    line: int
    cells: list[str]
    problem: str = ""


class Source:
    """An open CSV file; ``rows`` may be gone through as often as needed."""

    def __init__(self, file: BinaryIO, name: str, encoding: str = "", delimiter: str = "") -> None:
        self.name = name
        self._file = file
        self.sha256, self.lines, self.encoding = _survey(file, name, encoding)
        self.delimiter = delimiter or self._sniffed()
        self.header = self._header()

    @property
    def guessed(self) -> bool:
        """Whether the encoding is no more than a guess: text that is not UTF-8 can be anything."""
        return self.encoding == "cp1252"

    def rows(self) -> Iterator[Row]:
        """The rows behind the header; blank ones are left out."""
        width = len(self.header)
        with self._text() as text:
            reader = csv.reader(text, delimiter=self.delimiter, strict=True)
            next(reader)
            while True:
                line = reader.line_num + 1
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    yield Row(line, [""] * width, _csv_problem(str(error)))
                    continue
                if len(cells) == width:
                    if any(cells):
                        yield Row(line, cells)
                elif any(cells):
                    yield _fitted(line, cells, width)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _text(self) -> io.TextIOWrapper:
        self._file.seek(0)
        again = open(os.dup(self._file.fileno()), "rb")  # noqa: PTH123, SIM115 - closed by the wrapper
        return io.TextIOWrapper(again, encoding=self.encoding, newline="")

    def _sniffed(self) -> str:
        """The delimiter by which most rows are as wide as the header, and the header is widest."""
        best, delimiter = (0.0, 1), ","
        for candidate in DELIMITERS:
            widths = self._widths(candidate)
            if widths and widths[0] > 1:
                score = (sum(width == widths[0] for width in widths) / len(widths), widths[0])
                if score > best:
                    best, delimiter = score, candidate
        return delimiter

    def _widths(self, delimiter: str) -> list[int]:
        widths: list[int] = []
        with self._text() as text:
            try:
                for cells in csv.reader(text, delimiter=delimiter):
                    if cells:
                        widths.append(len(cells))
                    if len(widths) >= _SAMPLE:
                        break
            except csv.Error:
                pass
        return widths

    def _header(self) -> list[str]:
        csv.field_size_limit(LONGEST_CELL)
        with self._text() as text:
            try:
                cells = next(csv.reader(text, delimiter=self.delimiter, strict=True), [])
            except csv.Error as error:
                raise InvalidData(f"{self.name}:1: {_csv_problem(str(error))}") from None
        names = [unmark(cell).strip() for cell in cells]
        if not any(names):
            hint = "The first line has to say what is in the columns."
            raise InvalidData(f"{self.name}:1: there is no header", hint=hint)
        for position, name in enumerate(names, 1):
            if not name:
                hint = "Give every column a name, or take the column out."
                raise InvalidData(f"{self.name}:1: column {position} has no name", hint=hint)
            if name in names[: position - 1]:
                hint = "Give every column a name of its own."
                raise InvalidData(f"{self.name}:1: two columns are called {name!r}", hint=hint)
        return names


def open_source(path: str, stdin: BinaryIO, *, encoding: str = "", delimiter: str = "") -> Source:
    """The CSV file at ``path``; ``-`` is ``stdin``. ``encoding`` and ``delimiter`` are found out when "".

    Raises:
        NotFound, UsageProblem: there is no such file, encoding or delimiter.
        InvalidData: the file is empty, is no text, or has no proper header.
    """
    encoding = _encoding_named(encoding)
    if delimiter in ("\\t", "tab"):
        delimiter = "\t"
    if delimiter and (len(delimiter) != 1 or delimiter in '"\r\n '):
        raise UsageProblem(f"{delimiter!r} cannot stand between cells", hint="One of , ; | or tab does.")
    file, name = _opened(path, stdin)
    try:
        return Source(file, name, encoding, delimiter)
    except BaseException:
        file.close()
        raise


def _encoding_named(name: str) -> str:
    if not name:
        return ""
    try:
        "".encode(name)  # not codecs.lookup, which knows codecs that are no encodings of text
    except LookupError:
        raise UsageProblem(f"there is no encoding {name!r}", hint="For example utf-8, cp1252, mac_roman.") from None
    return "utf-8-sig" if codecs.lookup(name).name == "utf-8" else name


def _opened(path: str, stdin: BinaryIO) -> tuple[BinaryIO, str]:
    if path == "-":
        return _spooled(stdin), "standard input"
    name = os.path.basename(path) or path  # noqa: PTH119 - a text in and a text out
    try:
        file = open(path, "rb")  # noqa: PTH123, SIM115 - handed to the caller
    except FileNotFoundError:
        raise NotFound(f"there is no file {path}") from None
    except IsADirectoryError:
        raise UsageProblem(f"{path} is a folder", hint="Name the file in it.") from None
    if file.seekable():
        return file, name
    with file:
        return _spooled(file), name


def _spooled(stream: BinaryIO) -> BinaryIO:
    """A file with what a pipe gives, because a source is read more than once."""
    import shutil
    import tempfile

    file = tempfile.TemporaryFile()  # noqa: SIM115 - handed to the caller
    shutil.copyfileobj(stream, file, _CHUNK)
    file.seek(0)
    return file


def _survey(file: BinaryIO, name: str, encoding: str) -> tuple[str, int, str]:
    """One pass over the bytes: their SHA-256, about how many lines there are, and the encoding."""
    digest, lines, first = hashlib.sha256(), 0, b""
    utf8: codecs.IncrementalDecoder | None = codecs.getincrementaldecoder("utf-8")()
    nul = cp1252 = False
    while chunk := file.read(_CHUNK):
        first = first or chunk[:4]
        digest.update(chunk)
        lines += chunk.count(b"\n")
        nul = nul or b"\0" in chunk
        cp1252 = cp1252 or any(byte in chunk for byte in b"\x81\x8d\x8f\x90\x9d")
        utf8 = _still_utf8(utf8, chunk)
    if not first:
        raise InvalidData(f"{name} is empty", hint="Its first line has to say what is in the columns.")
    for mark, what in _NOT_CSV.items():
        if first.startswith(mark):
            raise InvalidData(f"{name} is {what}, not CSV", hint="Save it as CSV (UTF-8) in the program it comes from.")
    if not encoding:
        encoding = _WIDE.get(first[:2], "")
    if nul and not encoding:
        hint = "It may be UTF-16 without its mark: say --encoding utf-16-le, or save it as CSV (UTF-8)."
        raise InvalidData(f"{name} has NUL characters in it, so it is no plain text", hint=hint)
    if not encoding:
        try:
            encoding = "utf-8-sig" if utf8 is not None and utf8.decode(b"", final=True) == "" else ""
        except UnicodeDecodeError:
            encoding = ""
        if not encoding and cp1252:
            hint = "Say what it is with --encoding, or save it as CSV (UTF-8)."
            raise InvalidData(f"{name} is neither UTF-8 nor Windows-1252", hint=hint)
        return digest.hexdigest(), lines, encoding or "cp1252"
    _check_decodes(file, name, encoding)
    return digest.hexdigest(), lines, encoding


def _still_utf8(decoder: codecs.IncrementalDecoder | None, chunk: bytes) -> codecs.IncrementalDecoder | None:
    if decoder is None:
        return None
    try:
        decoder.decode(chunk)
    except UnicodeDecodeError:
        return None
    return decoder


def _check_decodes(file: BinaryIO, name: str, encoding: str) -> None:
    decoder = codecs.getincrementaldecoder(encoding)()
    file.seek(0)
    try:
        while True:
            chunk = file.read(_CHUNK)
            if "\0" in decoder.decode(chunk, final=not chunk):
                raise InvalidData(f"{name} has NUL characters in it, so it is no plain text")
            if not chunk:
                return
    except UnicodeError:
        hint = "Say another --encoding, or save it as CSV (UTF-8)."
        raise InvalidData(f"{name} is not {encoding.removesuffix('-sig')}", hint=hint) from None


def _fitted(line: int, cells: list[str], width: int) -> Row:
    """A row of another width than the header's: refused, unless all it has too many are blanks at its end."""
    if len(cells) > width and not any(cells[width:]):
        return Row(line, cells[:width])
    problem = f"it has {len(cells)} cells, the header {width}: a quote or a delimiter is missing or too many"
    return Row(line, [*cells[:width], *[""] * (width - len(cells))], problem)


def _csv_problem(words: str) -> str:
    if "field larger" in words or "unexpected end" in words:
        return "a quote is opened and not closed"
    if "expected after" in words:
        return "something follows the closing quote of a cell"
    return f"it is not CSV ({words})"
