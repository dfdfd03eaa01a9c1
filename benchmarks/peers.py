"""The same contacts in other tools' formats, and how long those take to list or find them."""

from __future__ import annotations

import json
import shutil
import sys
from functools import partial
from typing import TYPE_CHECKING
from typing import Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Sequence
    from pathlib import Path

TINYDB = """
import sys
from tinydb import TinyDB, where
db = TinyDB(sys.argv[1])
print(db.count(where("country") == "BR"))
"""


def contacts(book: Path) -> list[dict[str, str]]:
    """The book's customers as flat maps."""
    from crmctl.store.yaml_reader import read_yaml

    found = []
    for path in sorted(book.glob("records/customers/**/*.yaml")):
        data: dict[str, Any] = dict(read_yaml(path.read_bytes(), path.name).data)
        flat = {
            "name": data["name"],
            "email": data["emails"][0],
            "country": data["address"]["country"],
            "id": data["id"],
        }
        found.append(flat)
    return found


def lines(
    book: Path, work: Path, once: Callable[..., Any], in_turns: Callable[..., Any], program: Sequence[str], runs: int
) -> list[Any]:
    """One line of the table for each peer that is installed."""
    from bench import Line
    from bench import milliseconds

    people = contacts(book)
    mine = (*program, "-C", str(book), "customer", "list", "country:BR", "-o", "tsv")
    result = []
    for name, bar, command in _commands(people, work):
        times = min(runs, 3) if name == "khard" else runs
        ours, theirs, ratio = in_turns(partial(once, mine), partial(once, command), times)
        met = ratio <= bar
        words = f"{1 / bar:.0f}x faster" if bar < 1 else "faster"
        against = f"{name} {milliseconds(theirs)}"
        result.append(Line("list, filtered", milliseconds(ours), against, f"{1 / ratio:.1f}x faster", words, met))
    if not result:
        result.append(Line("(no peer is installed)", "", "", "", "", None))
    return result


TEMPLATE = (
    "Dear {{ customer.name }},\n\nthank you for {{ customer.orders }} orders from {{ customer.address.country }}.\n"
)


def messages(
    book: Path, work: Path, once: Callable[..., Any], in_turns: Callable[..., Any], program: Sequence[str]
) -> list[Any]:
    """A message to everybody: ours composed and verified, mailmerge's rendered, verified by nobody; neither is kept.

    The first line is the bar, and hard on us: a text and a page of HTML against a text alone. The next two have the
    same of both, a text, and then what Markdown makes. In all of them ours also takes the people from the book, counts
    their orders and asks for each whether they may be written to, where mailmerge reads a table of two columns and has
    no answer. Preview, which writes a file for each, is a line of its own.
    """
    from bench import Line
    from bench import milliseconds

    _campaigns(book)
    campaign = (*program, "-C", str(book), "campaign")
    page, text = (*campaign, "check", "news"), (*campaign, "check", "plain")
    preview = (*campaign, "preview", "news", "--to", str(work / "preview"), "--force")
    count = f"{len(contacts(book)):,} messages"
    also = f"{count} rendered, verified and written"
    if not shutil.which("mailmerge"):
        absent = "(mailmerge is not installed)"
        rows = ((f"{count} rendered and verified", page), (also, preview))
        return [Line(name, milliseconds(once(command)), absent, "", "", None) for name, command in rows]
    theirs, in_markdown = _mailmerge(contacts(book), work)
    result = []
    for what, mine in ((f"{count} rendered and verified", page), (f"{count}, text alone on both sides", text)):
        ours, other, ratio = in_turns(partial(once, mine), partial(once, theirs), 3)
        against = f"mailmerge, text alone, unverified, {milliseconds(other)}"
        result.append(Line(what, milliseconds(ours), against, f"{ratio:.2f}x", "1x", ratio <= 1))
    ours, other = once(page), once(in_markdown)
    ratio = ours.seconds / other.seconds
    against = f"mailmerge, unverified, {milliseconds(other)}"
    what = f"{count}, Markdown on both sides"
    result.append(Line(what, milliseconds(ours), against, f"{ratio:.2f}x", "1x", ratio <= 1))
    return [*result, Line(also, milliseconds(once(preview)), "", "", "", None)]


def _campaigns(book: Path) -> None:
    """Two campaigns to everybody: one in Markdown, which makes a text and a page, and one that is a text."""
    files = {"records/segments/ws/news.yaml": "name: News\nfilter: country:*\n"}
    for name, ending in (("news", "md"), ("plain", "txt")):
        files[f"templates/{name}.{ending}"] = f"---\nsubject: News\npurpose: service\n---\n{TEMPLATE}"
        files[f"records/campaigns/ws/{name}.yaml"] = f"name: News\npurpose: service\nsegment: news\ntemplate: {name}\n"
    for path, text in files.items():
        (book / path).parent.mkdir(parents=True, exist_ok=True)
        (book / path).write_text(text, encoding="utf-8")


def _mailmerge(people: list[dict[str, str]], work: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """mailmerge with a template of plain text, and with the same as Markdown."""
    body = "\nDear {{name}},\n\nthank you for your orders from {{country}}.\n"
    head = "TO: {{email}}\nSUBJECT: News\nFROM: Bench <bench@example.com>\n"
    (work / "template.txt").write_text(head + body, encoding="utf-8")
    as_markdown = f"{head}CONTENT-TYPE: text/markdown\n"
    (work / "template.md").write_text(as_markdown + body, encoding="utf-8")
    rows = "".join(f"{person['email']},{person['name']},{person['country']}\n" for person in people)
    (work / "people.csv").write_text(f"email,name,country\n{rows}", encoding="utf-8")
    (work / "server.conf").write_text("[smtp_server]\nhost = localhost\nport = 25\n", encoding="utf-8")
    common = ("mailmerge", "--dry-run", "--no-limit", "--database", str(work / "people.csv"))
    config = ("--config", str(work / "server.conf"))
    return (
        (*common, *config, "--template", str(work / "template.txt")),
        (*common, *config, "--template", str(work / "template.md")),
    )


def _commands(people: list[dict[str, str]], work: Path) -> list[tuple[str, float, tuple[str, ...]]]:
    found: list[tuple[str, float, tuple[str, ...]]] = []
    if shutil.which("khard"):
        found.append(("khard", 1 / 20, _khard(people, work)))
    if shutil.which("recsel"):
        path = work / "contacts.rec"
        records = ("".join(f"{key}: {value}\n" for key, value in person.items()) for person in people)
        path.write_text("\n".join(records), encoding="utf-8")
        found.append(("recsel", 1, ("recsel", "-e", "country = 'BR'", str(path))))
    path = work / "contacts.json"
    path.write_text(
        json.dumps({"_default": {str(at): person for at, person in enumerate(people, 1)}}), encoding="utf-8"
    )
    found.append(("TinyDB, one file", 1, (sys.executable, "-c", TINYDB, str(path))))
    return found


def _khard(people: list[dict[str, str]], work: Path) -> tuple[str, ...]:
    folder = work / "cards"
    folder.mkdir()
    for person in people:
        card = (
            f"BEGIN:VCARD\r\nVERSION:3.0\r\nUID:{person['id']}\r\nFN:{person['name']}\r\nN:{person['name']};;;;\r\n"
            f"EMAIL:{person['email']}\r\nADR:;;;;;;{person['country']}\r\nEND:VCARD\r\n"
        )
        (folder / f"{person['id']}.vcf").write_text(card, encoding="utf-8")
    config = work / "khard.conf"
    config.write_text(f"[addressbooks]\n[[bench]]\npath = {folder}\n", encoding="utf-8")
    return ("khard", "-c", str(config), "list", "BR")
