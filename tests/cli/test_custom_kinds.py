"""Fields and kinds of a book's own have the same commands, checks, index and filters as the built-in ones."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from helpers.books import commit
from helpers.books import git
from helpers.books import write

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

SETTINGS = """\
currency: EUR
country: DE
fields:
  customer:
    company: {type: text, search: "yes"}
    format: {type: choice, choices: [MP3, flac]}
    budget: money
    visits: {type: date, shape: list}
  interaction:
    room: text
kinds:
  vendor:
    help: who we buy from
    fields:
      name: {required: "yes", search: "yes"}
      email: email
      country: country
      address: {type: group, fields: {city: text, floor: integer}}
      supplies: {type: ref, kind: product, shape: list}
      currency: currency
      fee: money
      until: date
  person_at_vendor:
    plural: people_at_vendors
    fields:
      vendor: {type: ref, kind: vendor}
"""


@pytest.fixture
def root(book_dir: Path) -> Path:
    commit(book_dir, {"/crm.yaml": SETTINGS, "customers/ada.yaml": "name: Ada\n", "products/rock.yaml": "name: Rock\n"})
    return book_dir


def shown(run: Run, root: Path, *words: str) -> dict[str, object]:
    found = json.loads(run("-C", root, *words, "-o", "json").out)
    assert isinstance(found, dict)
    return found


def test_own_fields_are_set_shown_listed_and_found(run: Run, root: Path) -> None:
    words = ["company=Telus", "format=MP3", "budget=1.234,5", "visits+=2026-01-02", "visits+=2026-02-03"]
    assert run("-C", root, "customer", "set", "ada", *words).code == 0
    found = shown(run, root, "customer", "show", "ada")
    assert (found["company"], found["format"], found["budget"]) == ("Telus", "mp3", "1234.50")
    fields = ("--fields", "company,format,budget,visits")
    assert json.loads(run("-C", root, "customer", "list", *fields, "-o", "json").out) == [
        {"company": "Telus", "format": "mp3", "budget": "1234.50", "visits": ["2026-01-02", "2026-02-03"]}
    ]
    for words in (["company:tel"], ["format:MP3"], ["budget>=1234"], ["visits>2026-02-01"], ["telus"]):
        assert run("-C", root, "customer", "list", *words, "-o", "ids").out == "ada\n", words
    assert run("-C", root, "customer", "list", "budget<1000", "-o", "ids").out == ""


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (["format=wav"], 4, "'wav' is not one of mp3, flac"),
        (["budget=lots"], 4, "budget: 'lots' is not an amount"),
        (["compnay=x"], 2, "Did you mean company?"),
        (["visits=2026-13-01"], 2, "2026"),
    ],
)
def test_own_fields_are_checked(run: Run, root: Path, words: list[str], code: int, error: str) -> None:
    done = run("-C", root, "customer", "set", "ada", *words)
    assert done.code == code
    assert error in done.err


def test_an_own_kind_has_every_verb(run: Run, root: Path) -> None:
    book = ("-C", root)
    added = run(*book, "vendor", "add", "Prairie Screen", "--set", "supplies=rock", "--set", "city=Banff")
    assert "vendor: add prairie-screen" in added.err
    assert git(root, "show", "--name-only", "--format=", "HEAD").strip() == "records/vendors/prairie-screen.yaml"
    assert run(*book, "vendor", "set", "prairie", "fee=12,5", "currency=usd", "until=2026-12-31").code == 0
    found = shown(run, root, "vendor", "show", "Prairie Screen")
    assert (found["supplies"], found["address"], found["fee"]) == (["rock"], {"city": "Banff"}, "12.50")
    listed = run(*book, "vendor", "list", "-o", "tsv").out.splitlines()
    assert listed[0].split("\t") == ["handle", "name", "email", "country", "currency", "fee", "until"]
    assert listed[1].split("\t")[-3:] == ["USD", "12.50", "2026-12-31"]
    for words in (["supplies:rock"], ["fee>10"], ["city:banff"], ["until<2027-01-01"], ["prairie"], ["-email:"]):
        assert run(*book, "vendors", "list", *words, "-o", "ids").out in ("prairie-screen\n", ""), words
    assert run(*book, "vendor", "list", "supplies:rock", "fee=12.5USD", "-o", "ids").out == "prairie-screen\n"
    assert run(*book, "product", "rm", "rock").code == 5
    assert "vendor: remove prairie-screen" in run(*book, "vendor", "rm", "prairie-screen").err
    assert run(*book, "vendors") == (0, "", "No vendors yet.\n")


def test_an_own_kind_is_checked(run: Run, root: Path) -> None:
    assert run("-C", root, "vendor", "add", "").code == 4
    assert "there is no field 'emial'" in run("-C", root, "vendor", "add", "V", "--set", "emial=x").err
    assert run("-C", root, "vendor", "add", "V", "--set", "address.floor=top").code == 4
    write(root, {"vendors/bad.yaml": "email: x@example.com\n"})
    done = run("-C", root, "vendor", "list", "-o", "ids")
    assert (done.code, done.out) == (4, "bad\n")
    assert "vendor has no name" in done.err


def test_an_own_kind_can_refer_to_another(run: Run, root: Path) -> None:
    run("-C", root, "vendor", "add", "V Inc")
    done = run("-C", root, "person_at_vendor", "add", "Bea", "--set", "vendor=v inc")
    assert "person_at_vendor: add bea" in done.err
    assert shown(run, root, "person_at_vendor", "show", "bea")["vendor"] == "v-inc"


@pytest.mark.parametrize("verb", [[], ["add"], ["list"], ["show"], ["set"], ["edit"], ["rm"]])
def test_an_own_kind_has_help(run: Run, root: Path, verb: list[str]) -> None:
    done = run("-C", root, "vendor", *verb, "--help")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("Usage: crmctl vendor")


def test_an_own_kind_of_another_book_is_no_command(run: Run, root: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    git(tmp_path, "init", "-q", str(other))
    write(other, {"/crm.yaml": ""})
    done = run("-C", other, "vendor", "list")
    assert done.code == 2
    assert "there is no command 'vendor'" in done.err


def test_a_kind_that_is_taken_away_leaves_its_files_alone(run: Run, root: Path) -> None:
    run("-C", root, "vendor", "add", "V")
    commit(root, {"/crm.yaml": "currency: EUR\n"})
    assert run("-C", root, "customer", "list", "-o", "ids").out == "ada\n"
    assert (root / "records/vendors/v.yaml").is_file()


def test_declarations_that_cannot_be_used_do_not_close_the_book(run: Run, root: Path) -> None:
    bad = "currency: EUR\nkinds:\n  file: {}\n  select: {plural: select}\n  vendor: {fields: {path: text, ok: text}}\n"
    commit(root, {"/crm.yaml": bad})
    assert run("-C", root, "customer", "list", "-o", "ids").out == "ada\n"
    assert run("-C", root, "vendor", "add", "V", "--set", "ok=yes").code == 0
    assert run("-C", root, "file", "list").code == 2


def test_a_kind_that_is_not_committed_yet_has_no_records(run: Run, book_dir: Path) -> None:
    write(book_dir, {"/crm.yaml": SETTINGS})
    refused = run("-C", book_dir, "vendor", "add", "Acme")
    assert refused.code == 5
    assert "the kind vendor is declared in crm.yaml, and that is not committed yet" in refused.err
    assert "-- crm.yaml" in refused.err
    assert run("-C", book_dir, "customer", "add", "Ada").code == 0
    git(book_dir, "commit", "-q", "-m", "settings", "--", "crm.yaml")
    assert run("-C", book_dir, "vendor", "add", "Acme").code == 0


def test_nor_in_a_folder_without_a_commit(run: Run, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main", "new")
    book = tmp_path / "new"
    (book / "crm.yaml").write_text(f"name: New\ntimezone: UTC\n{SETTINGS}")
    refused = run("-C", book, "vendor", "add", "Acme")
    assert refused.code == 5
    assert "git add crm.yaml; git commit" in refused.err
