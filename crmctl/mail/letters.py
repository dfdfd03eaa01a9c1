"""Letters as pages to print: each by itself, and all of one run in a file, each on a sheet of its own."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from html import escape
from typing import TYPE_CHECKING

from crmctl.mail.ledger.durable import FLAGS
from crmctl.mail.ledger.durable import PRIVATE
from crmctl.mail.ledger.durable import failed
from crmctl.mail.ledger.durable import sync_folder
from crmctl.mail.ledger.durable import temporary_of
from crmctl.mail.ledger.durable import write_all

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_PAGE = "@page { size: auto; margin: 25mm 22mm; }"
_SHEETS = ".letter + .letter { break-before: page; page-break-before: always; }"
_END_OF_HEAD = re.compile(r"</head\s*>", re.IGNORECASE)
_STYLE = re.compile(r"<style\b[^>]*>.*?</style\s*>", re.IGNORECASE | re.DOTALL)
_BODY = re.compile(r"<body\b([^>]*)>(.*)</body\s*>", re.IGNORECASE | re.DOTALL)
_LANGUAGE = re.compile(r"<html\b[^>]*\blang=\"([A-Za-z-]{2,20})\"", re.IGNORECASE)


def page(html: str, text: str) -> str:
    """A letter as a page that says how it is printed, from the HTML of a message, or from its text when it has none."""
    if not html:
        lines = escape(text.strip())
        body = f'<div style="white-space: pre-wrap; font: 11.5pt/1.5 Georgia, serif">{lines}</div>'
        return (
            f'<!DOCTYPE html>\n<html>\n<head>\n<meta charset="utf-8">\n<style>{_PAGE}</style>\n</head>\n'
            f"<body>\n{body}\n</body>\n</html>\n"
        )
    if "@page" in html:
        return html
    return _END_OF_HEAD.sub(lambda end: f"<style>{_PAGE}</style>\n{end[0]}", html, count=1)


def bind(folder: Path, listed: Path, stamp: str) -> list[Path]:
    """Bind the letters in ``folder`` that the file ``listed`` names, and all lists that a crash has left; the files.

    They are called ``print-STAMP.html``; letters that are not there any more are left out. Each list is bound once: it
    is put aside before, and taken away when its file is on the disk.

    Raises:
        StorageFailed: they cannot be written; the next time it is tried again.
    """
    try:
        if listed.exists():
            listed.replace(_free(folder, listed.parent, stamp))
            sync_folder(listed.parent)
        bound = []
        for aside in sorted(listed.parent.glob("bind-*")):
            bound += _bind(folder, aside, aside.name.removeprefix("bind-"))
            aside.unlink()
        return bound
    except OSError as exc:
        raise failed(folder, exc, "bind the letters in") from exc


def _free(folder: Path, hidden: Path, stamp: str) -> Path:
    """A name for a list that is put aside; neither a list nor what was bound by one has it."""
    name, number = stamp, 1
    while (hidden / f"bind-{name}").exists() or (folder / f"print-{name}.html").exists():
        number += 1
        name = f"{stamp}-{number}"
    return hidden / f"bind-{name}"


def _bind(folder: Path, aside: Path, stamp: str) -> list[Path]:
    """One file for each look that letters have: what one stylesheet says must not change the letters of another."""
    looks: dict[tuple[str, ...], list[Path]] = {}
    for name in dict.fromkeys(aside.read_text(encoding="utf-8").splitlines()):
        path = folder / name
        with suppress(FileNotFoundError):
            looks.setdefault(_look(path.read_text(encoding="utf-8")), []).append(path)
    bound = []
    for number, (look, letters) in enumerate(looks.items(), 1):
        path = folder / (f"print-{stamp}.html" if number == 1 else f"print-{stamp}-look-{number}.html")
        if not path.exists():
            _write(aside.parent, path, _sheets(look, letters))
        bound.append(path)
    return bound


def _look(html: str) -> tuple[str, ...]:
    language = _LANGUAGE.search(html)
    return (language[1] if language else "", *_STYLE.findall(html))


def _sheets(look: tuple[str, ...], letters: Iterable[Path]) -> Iterable[str]:
    language = f' lang="{look[0]}"' if look[0] else ""
    yield f'<!DOCTYPE html>\n<html{language}>\n<head>\n<meta charset="utf-8">\n'
    yield "\n".join((*look[1:], f"<style>{_SHEETS}</style>\n</head>\n<body>\n"))
    for path in letters:
        html = path.read_text(encoding="utf-8")
        body = _BODY.search(html)
        yield f'<div class="letter"><div{body[1] if body else ""}>{body[2] if body else html}</div></div>\n'
    yield "</body>\n</html>\n"


def _write(hidden: Path, path: Path, parts: Iterable[str]) -> None:
    """Write a file piece by piece, and move it to its place when it is whole and on the disk."""
    temporary = temporary_of(hidden / path.name)
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | FLAGS, PRIVATE)
    try:
        for part in parts:
            write_all(descriptor, part.encode())
        os.fsync(descriptor)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
    temporary.replace(path)
    sync_folder(path.parent)
