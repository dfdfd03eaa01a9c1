"""The verbs that every kind has, through the command line."""

from __future__ import annotations

import csv
import io
import json
import shlex
from typing import TYPE_CHECKING

import pytest
from helpers.books import commit
from helpers.books import git
from helpers.golden import golden

from crmctl.model.kinds import KINDS

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

NOW = ("--now", "2026-11-24 10:00")
# What a new record of each kind needs beside its title, and a field to change with the value it then has.
NEEDS = {
    "customer": ([], "role=boss"),
    "deal": (["--customer", "Ada"], "next_step=call"),
    "case": (["--customer", "ada"], "priority=high"),
    "followup": (["--due", "2026-12-01"], "outcome=done"),
    "sequence": ([], "purpose=newsletter"),
    "campaign": (["--purpose", "newsletter"], "benefit=none"),
    "segment": (["--filter", "tag:vip"], "tags=x"),
    "product": (["--price", "9,90"], "sku=7"),
    "member": (["--email", "new@example.com"], "title=boss"),
    "article": ([], "language=de"),
}


@pytest.fixture
def root(book_dir: Path) -> Path:
    commit(book_dir, {"customers/ada.yaml": "name: Ada\n"})
    return book_dir


def test_every_yaml_kind_is_tried_here() -> None:
    # An enrolment's title is its customer; `sequence enroll` makes it, and is tried there.
    assert set(NEEDS) == {kind.name for kind in KINDS if kind.storage == "yaml"} - {"enrolment"}


@pytest.mark.parametrize("kind", NEEDS)
def test_every_kind_can_be_added_listed_shown_changed_and_removed(run: Run, root: Path, kind: str) -> None:
    options, change = NEEDS[kind]
    book = ("-C", root, *NOW)
    added = run(*book, kind, "add", "Brand New", *options)
    assert (added.code, added.out) == (0, "")
    assert f"{kind}: add brand-new" in added.err
    assert git(root, "log", "-1", "--format=%s") == f"{kind}: add brand-new\n"
    assert "brand-new\n" in run(*book, kind, "list", "-o", "ids").out
    title = next(k.title for k in KINDS if k.name == kind)
    shown = json.loads(run(*book, kind, "show", "brand", "-o", "json").out)
    assert (shown["handle"], shown[title]) == ("brand-new", "Brand New")
    assert f"{kind}: set brand-new" in run(*book, kind, "set", "brand new", change).err
    name, value = change.split("=")
    assert value in run(*book, kind, "list", f"{name}:{value}", "--fields", name, "-o", "tsv").out
    assert run(*book, kind, "list", f"-{name}:{value}", "-o", "ids").out in ("", "ada\n")
    removed = run(*book, kind, "rm", "brand-new")
    assert f"{kind}: remove brand-new" in removed.err
    assert run(*book, kind, "show", "brand-new").code == 3
    assert git(root, "status", "--porcelain") == ""


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_plural_and_the_bare_word_list(run: Run, root: Path, kind: object) -> None:
    name, plural = kind.name, kind.plural  # type: ignore[attr-defined]
    listed = run("-C", root, name, "list")
    assert listed.code == 0
    assert run("-C", root, plural) == run("-C", root, name) == listed


@pytest.mark.parametrize(
    ("synonym", "verb", "words"),
    [
        ("ls", "list", ["-o", "ids"]),
        ("view", "show", ["ada", "-o", "json"]),
        ("new", "add", ["--help"]),
        ("delete", "rm", ["--help"]),
        ("remove", "rm", ["--help"]),
    ],
)
def test_other_words_for_the_verbs_are_understood(
    run: Run, root: Path, synonym: str, verb: str, words: list[str]
) -> None:
    done = run("-C", root, "customer", synonym, *words)
    assert done.code == 0
    assert done.out.replace(synonym, verb) == run("-C", root, "customer", verb, *words).out.replace(synonym, verb)


def test_all_options_of_a_customer(run: Run, root: Path) -> None:
    commit(root, {"members/ann.yaml": "name: Ann\n"})
    words = ["--email", "zoe@example.com", "--email", "z@example.com", "--phone", "030 901820", "--tag", "vip,new"]
    words += ["--organization", "Ada", "--owner", "ann", "--lifecycle", "Lead", "--set", "city=Berlin"]
    words += ["--set", "consent.newsletter=granted", "--handle", "zoe", "--country", "de", "--cadence", "2w"]
    assert run("-C", root, "customer", "add", "Zoë Müller", *words).code == 0
    shown = json.loads(run("-C", root, "customer", "show", "zoe", "-o", "json").out)
    assert shown["emails"] == ["zoe@example.com", "z@example.com"]
    assert shown["tags"] == ["vip", "new"]
    assert (shown["organization"], shown["owner"], shown["lifecycle"], shown["cadence"]) == ("ada", "ann", "lead", "2w")
    assert shown["address"] == {"city": "Berlin", "country": "de"}
    assert shown["consent"] == {"newsletter": {"state": "granted"}}
    assert shown["birthday"] is None


def test_a_yes_or_no_is_a_flag(run: Run, root: Path) -> None:
    run("-C", root, "followup", "add", "Call", "--due", "2026-12-01", "--promised")
    assert json.loads(run("-C", root, "followup", "list", "-o", "json", "--fields", "promised").out) == [
        {"promised": True}
    ]


def test_set_changes_lists_groups_and_maps(run: Run, root: Path) -> None:
    for words in (
        ["tags+=a,b"],
        ["tags-=a", "tag+=c"],
        ["address.city=Berlin", "external.old=7"],
        ["role=x"],
        ["role="],
    ):
        assert run("-C", root, "customer", "set", "ada", *words).code == 0
    shown = json.loads(run("-C", root, "customer", "show", "ada", "-o", "json").out)
    assert (shown["tags"], shown["address"], shown["external"]) == (["b", "c"], {"city": "Berlin"}, {"old": "7"})
    assert shown["role"] is None


def test_setting_what_is_already_so_changes_nothing(run: Run, root: Path) -> None:
    run("-C", root, "customer", "set", "ada", "role=x")
    assert run("-C", root, "customer", "set", "ada", "role=x") == (0, "", "Nothing to change.\n")


def test_adopt_takes_hand_written_changes_along(run: Run, root: Path) -> None:
    (root / "records/customers/ada.yaml").write_text("name: Countess\n")
    done = run("-C", root, "customer", "set", "ada", "name=x")
    assert done.code == 5
    assert "was changed by hand" in done.err
    assert "--adopt" in done.err
    done = run("-C", root, "customer", "set", "ada", "role=x", "--adopt")
    assert done.code == 0
    assert "took along what was written by hand" in done.err


def test_a_customer_with_a_history_is_removed_only_with_a_yes(run: Run, root: Path) -> None:
    commit(root, {"interactions/ada.jsonl": '{"at": "2026-01-01T00:00:00Z", "type": "note"}\n'})
    assert run("-C", root, "customer", "rm", "ada").code == 2
    assert run("-C", root, "customer", "rm", "ada", "-y").code == 0
    assert not list((root / "records").rglob("ada.*"))


def test_what_others_name_is_removed_only_by_force(run: Run, root: Path) -> None:
    run("-C", root, "deal", "add", "D", "--customer", "ada")
    done = run("-C", root, "customer", "rm", "ada")
    assert done.code == 5
    assert "named by 1 other record(s): deal d" in done.err
    assert run("-C", root, "customer", "rm", "ada", "--force").code == 0


@pytest.mark.parametrize(
    ("line", "needed", "example"),
    [
        ("followup add 'call him'", "a follow-up needs --due", "crmctl followup add 'call him' --due fri"),
        ("followup add x --due ''", "a follow-up needs --due", "crmctl followup add x --due fri"),
        ("deal add x --amount 5", "a deal needs --customer", "crmctl deal add x --customer CUSTOMER"),
        ("campaign add x", "a campaign needs --purpose", "crmctl campaign add x --purpose newsletter"),
        (
            "machine add x",
            "a machine needs --set serial=... and --set built=...",
            "crmctl machine add x --set serial=SERIAL --set built=fri",
        ),
    ],
)
def test_what_a_new_record_lacks_is_told_as_options(run: Run, root: Path, line: str, needed: str, example: str) -> None:
    settings = root / "crm.yaml"
    kind = "  machine:\n    fields:\n      name: text\n      serial: {type: text, required: true}\n"
    kind += "      built: {type: date, required: true}\n"
    settings.write_text(settings.read_text() + "purposes: {newsletter: consent}\nkinds:\n" + kind)
    commit(root)
    done = run("-C", root, *shlex.split(line))
    assert (done.code, done.out) == (2, "")
    assert done.err == f"crmctl: {needed}\nhint: For example: {example}\n"
    assert git(root, "status", "--porcelain") == ""


def test_what_else_is_wrong_with_a_new_record_is_told_as_before(run: Run, root: Path) -> None:
    done = run("-C", root, "customer", "add", "x", "--set", "consent.newsletter.basis=consent")
    assert (done.code, "newsletter has no state" in done.err, "needs" in done.err) == (4, True, False)


@pytest.mark.parametrize("option", ["--email", "--phone", "--organization"])
def test_an_option_without_its_value_is_no_bug(run: Run, root: Path, option: str) -> None:
    done = run("-C", root, "customer", "add", "X", option)
    assert (done.code, done.err.splitlines()[0]) == (2, f"crmctl: option '{option}' requires an argument")


def test_records_without_a_handle_are_listed_with_their_ids(run: Run, root: Path) -> None:
    identity = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
    line = f'{{"id": "{identity}", "at": "2026-01-01T00:00:00Z", "type": "note", "text": "x"}}\n'
    commit(root, {"interactions/ada.jsonl": line})
    assert json.loads(run("-C", root, "interaction", "list", "-o", "json").out)[0]["id"] == identity
    assert json.loads(run("-C", root, "interaction", "list", "-o", "jsonl").out)["id"] == identity
    for form in ("csv", "tsv"):  # Last, so that the other columns stay where they were.
        header, row = run("-C", root, "interaction", "list", "-o", form).out.splitlines()
        assert (header.startswith("at"), header.endswith("id"), row.endswith(identity)) == (True, True, True)
    for form in ("table", "md"):
        assert identity not in run("-C", root, "interaction", "list", "-o", form).out
    assert json.loads(run("-C", root, "interaction", "list", "--fields", "type", "-o", "json").out) == [
        {"type": "note"}
    ]
    assert "id" not in json.loads(run("-C", root, "customer", "list", "-o", "json").out)[0]


def test_an_interaction_is_changed_and_removed_by_its_id(run: Run, root: Path) -> None:
    line = '{"id": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "at": "2026-01-01T00:00:00Z", "type": "note", "text": "x"}\n'
    commit(root, {"interactions/ada.jsonl": line})
    assert run("-C", root, "interaction", "list", "-o", "ids").out == "01ARZ3NDEKTSV4RRFFQ69G5FAV\n"
    assert run("-C", root, "interaction", "set", "01arz3nd", "text=y").code == 0
    assert json.loads(run("-C", root, "interaction", "show", "01ARZ3ND", "-o", "json").out)["text"] == "y"
    assert '"text": "y"' in run("-C", root, "interaction", "show", "01ARZ3ND", "-o", "yaml").out
    assert run("-C", root, "interaction", "rm", "01ARZ3ND").code == 0
    assert run("-C", root, "interaction", "list") == (0, "", "No interactions yet.\n")


# Reading


@pytest.fixture
def filled(root: Path) -> Path:
    commit(
        root,
        {
            "customers/zoe.yaml": 'name: Zoë, "the" =Boss\nemails: [zoe@example.com]\nrole: =1+1\ntags: [vip]\n'
            "notes: |\n  Two\n  lines\n",
            "deals/d.yaml": "name: Büg Deal\ncustomer: zoe\nstage: proposal\namount: '1234.50'\n",
        },
    )
    return root


FIELDS = ("--fields", "handle,name,role,emails,spent")


@pytest.mark.parametrize("form", ["table", "json", "jsonl", "csv", "tsv", "md", "ids"])
def test_lists_look_as_they_did(run: Run, filled: Path, form: str) -> None:
    done = run("-C", filled, "customer", "list", *FIELDS, "-o", form)
    assert (done.code, done.err) == (0, "")
    golden(f"customer-list-{form}.txt", done.out)


def test_records_look_as_they_did(run: Run, filled: Path) -> None:
    shown = [run("-C", filled, "customer", "show", "zoe", "-o", form).out for form in ("table", "yaml", "json", "ids")]
    shown.append(run("-C", filled, "deal", "list").out)
    golden("show.txt", "\n".join(shown))


def test_forms_for_programs_agree(run: Run, filled: Path) -> None:
    as_json = json.loads(run("-C", filled, "customer", "list", *FIELDS, "-o", "json").out)
    lines = run("-C", filled, "customer", "list", *FIELDS, "-o", "jsonl").out.splitlines()
    assert [json.loads(line) for line in lines] == as_json
    assert as_json[0] == {"handle": "ada", "name": "Ada", "role": None, "emails": [], "spent": "0.00"}
    rows = list(csv.DictReader(io.StringIO(run("-C", filled, "customer", "list", *FIELDS, "-o", "csv").out)))
    assert [row["name"] for row in rows] == ["Ada", 'Zoë, "the" =Boss']
    assert rows[1]["role"] == "'=1+1"
    assert rows[0]["role"] == ""


def test_an_empty_list_is_valid_in_every_form(run: Run, root: Path) -> None:
    forms = {"json": "[]\n", "jsonl": "", "ids": "", "csv": "handle\n", "tsv": "handle\n"}
    for form, out in forms.items():
        assert run("-C", root, "deal", "list", "--fields", "handle", "-o", form) == (0, out, "")


@pytest.mark.parametrize(
    ("words", "handles"),
    [
        (["tag:vip"], "zoe\n"),
        (["-tag:vip"], "ada\n"),
        (["-tag:vip", "or", "name:zoe"], "ada\nzoe\n"),
        (["not", "tag:vip"], "ada\n"),
        (["boss"], "zoe\n"),
        (["--sort", "-name"], "zoe\nada\n"),
        (["--sort", "-name,handle", "--limit", "1"], "zoe\n"),
        (["--", "-tag:vip"], "ada\n"),
    ],
)
def test_lists_are_filtered_and_sorted(run: Run, filled: Path, words: list[str], handles: str) -> None:
    assert run("-C", filled, "customer", "list", "-o", "ids", *words).out == handles


def test_the_first_column_is_what_ids_prints(run: Run, filled: Path) -> None:
    assert (
        run("-C", filled, "customer", "list", "-o", "ids", "--fields", "name,handle").out == 'Ada\nZoë, "the" =Boss\n'
    )


def test_lines_that_a_terminal_shows_are_safe_in_csv_too(
    run: Run, filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(filled, {"customers/evil.yaml": 'name: "a\\e[2Jb"\n'})
    words = ("-C", filled, "customer", "list", "-o", "csv", "--fields", "name", "handle:evil")
    assert run(*words).out == "name\na\x1b[2Jb\n"
    monkeypatch.setattr("crmctl.cli.app.App.terminal", True)
    assert run(*words).out == "name\na\\x1b[2Jb\n"
