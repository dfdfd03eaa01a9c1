"""Links in a book lead nowhere: what stands outside is not read, not shown and not written to."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from helpers.books import commit

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

SECRET = "TOPSECRET"
READS = [
    "customer list",
    "customer list -o json",
    "customer show ada",
    "find topsecret",
    "check",
    "export customer",
    "template list",
    "template check",
    "template render hello ada",
    "report list",
    "report run own",
    "timeline ada",
    "brief ada",
    "today",
    "history ada",
    "why ada name",
    "fmt --check",
]


@pytest.fixture
def root(book_dir: Path) -> Path:
    commit(
        book_dir,
        {
            "customers/ada.yaml": "name: Ada\n",
            "interactions/ada.jsonl": '{"id": "01J0000000000000000000000A", "at": "2024-01-01", "text": "hi"}\n',
            "/templates/hello.txt": "Hi\n",
            "/reports/own.sql": "-- title: Own\nSELECT 1 AS one\n",
        },
    )
    return book_dir


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """Another person's folder, with the same names in it."""
    folder = tmp_path / "outside"
    for name, text in {
        "customers/ada.yaml": f"name: {SECRET}\n",
        "customers/eve.yaml": f"name: {SECRET}\n",
        "interactions/ada.jsonl": f'{{"id": "01J0000000000000000000000B", "at": "2024-01-01", "text": "{SECRET}"}}\n',
        "hello.txt": f"{SECRET}\n",
        "own.sql": f"-- title: {SECRET}\nSELECT '{SECRET}' AS one\n",
        "crm.yaml": f"name: {SECRET}\ncurrency: EUR\n",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize("committed", [False, True], ids=["work tree", "committed"])
@pytest.mark.parametrize(
    ("inside", "target"),
    [
        ("records", "."),
        ("records/customers", "customers"),
        ("records/interactions", "interactions"),
        ("records/customers/ada.yaml", "customers/ada.yaml"),
        ("records/interactions/ada.jsonl", "interactions/ada.jsonl"),
        ("templates", "."),
        ("templates/hello.txt", "hello.txt"),
        ("reports", "."),
        ("reports/own.sql", "own.sql"),
        ("crm.yaml", "crm.yaml"),
    ],
)
def test_what_a_link_leads_to_is_not_shown(
    root: Path, outside: Path, run: Run, inside: str, target: str, committed: bool
) -> None:
    run("-C", root, "customer", "list")  # The index knows the book as it was.
    place = root / inside
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink()
    place.symlink_to(outside / target)
    if committed:
        commit(root)
    before = {path: path.read_bytes() for path in outside.rglob("*") if path.is_file()}
    for command in READS:
        done = run("-C", root, *command.split())
        assert SECRET not in done.out + done.err, command
        assert done.code != 70, command
    for command in ("customer set ada source=x", "customer add Eve", "log ada call hello", "fmt"):
        done = run("-C", root, *command.split())
        assert SECRET not in done.out + done.err, command
        assert done.code != 70, command
    assert {path: path.read_bytes() for path in outside.rglob("*") if path.is_file()} == before


def test_a_path_that_leads_out_of_the_book_names_nothing(root: Path, outside: Path, run: Run) -> None:
    assert outside.is_dir()
    for command in ("template render ../../outside/hello ada", "customer show ../../../outside/customers/eve"):
        done = run("-C", root, *command.split())
        assert done.code in (2, 3, 4)
        assert SECRET not in done.out + done.err
