"""``crmctl campaign plan`` and ``preview``, as a user sees them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from helpers.books import write

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

NOW = ("--now", "2012-01-16")
CAMPAIGN = "name: C\npurpose: service\nsegment: s\ntemplate: t\n"


@pytest.fixture
def small(book_dir: Path) -> Path:
    """A book with a campaign for Ada and Bob."""
    write(
        book_dir,
        {
            "customers/ada.yaml": "name: Ada\nemails: [ada@example.org]\n",
            "customers/bob.yaml": "name: Bob\nemails: [bob@example.org]\n",
            "segments/s.yaml": 'name: S\nfilter: "not name:"\n',
            "campaigns/c.yaml": CAMPAIGN,
            "/templates/t.md": "---\nsubject: Hello\n---\nDear {{ customer.name }}\n",
        },
    )
    return book_dir


def test_a_plan_shows_who_and_who_not_and_why(sample_dir: Path, run: Run) -> None:
    code, out, err = run("-C", sample_dir, *NOW, "campaign", "plan", "new-year")
    assert code == 0
    lines = out.splitlines()
    assert lines[0].split() == ["customer", "name", "by", "email", "to"]
    assert "astrid-gruber          Astrid Gruber          astrid.gruber@apple.example" in lines
    blank = lines.index("")
    assert blank == 11
    assert lines[blank + 1].split() == ["left", "out", "name", "reason"]
    assert lines[-1].split("  ")[-1].strip() == "has no e-mail address"
    assert err == (
        "14 in segment rock-fans: 9 get it, 5 left out "
        "(1 duplicate address, 1 no address, 1 no consent, 1 suppressed, 1 withdrawn).\n"
    )


def test_a_plan_for_programs(sample_dir: Path, run: Run) -> None:
    rows = json.loads(run("-C", sample_dir, *NOW, "campaign", "plan", "new-year", "-o", "json").out)
    assert len(rows) == 14
    by_handle = {row["customer"]: row for row in rows}
    assert by_handle["astrid-gruber"] == {
        "customer": "astrid-gruber",
        "name": "Astrid Gruber",
        "state": "send",
        "address": "astrid.gruber@apple.example",
        "code": None,
        "reason": None,
    }
    assert by_handle["julia-barnett"]["state"] == "left-out"
    assert by_handle["julia-barnett"]["code"] == "withdrawn"


def test_a_plan_for_nobody(small: Path, run: Run) -> None:
    write(small, {"segments/s.yaml": "name: S\nfilter: tag:none\n"})
    code, out, err = run("-C", small, "campaign", "plan", "c")
    assert (code, out, err) == (0, "", "Nobody is in segment s, so nobody gets it.\n")
    assert run("-C", small, "campaign", "plan", "c", "-o", "json").out == "[]\n"


def test_a_plan_with_one(small: Path, run: Run) -> None:
    write(small, {"segments/s.yaml": "name: S\ncustomers: [ada]\n"})
    assert run("-C", small, "campaign", "plan", "c").err == "1 in segment s: 1 gets it.\n"


@pytest.mark.parametrize(
    ("campaign", "code", "words"),
    [
        ("name: C\npurpose: service\n", 2, "hint: crmctl campaign set c segment=NAME"),
        ("name: C\npurpose: service\nsegment: gone\n", 3, "there is no segment 'gone'"),
        ("name: C\npurpose: spam\nsegment: s\n", 4, "Purposes of this book: newsletter, service."),
        (CAMPAIGN + "holdout: many\n", 4, "hint: crmctl campaign set c holdout=10"),
    ],
)
def test_a_campaign_that_cannot_be_planned(small: Path, run: Run, campaign: str, code: int, words: str) -> None:
    write(small, {"campaigns/c.yaml": campaign})
    found = run("-C", small, "campaign", "plan", "c")
    assert (found.code, found.out) == (code, "")
    assert words in found.err


def test_a_campaign_that_is_not_there(small: Path, run: Run) -> None:
    assert run("-C", small, "campaign", "plan", "nope").code == 3
    assert run("-C", small, "campaign", "preview", "nope", "--to", "x").code == 3


def test_a_record_cannot_steer_the_terminal(small: Path, run: Run) -> None:
    write(small, {"customers/ada.yaml": 'name: "A\\e[2J\\u202Eda"\nemails: [ada@example.org]\n'})
    assert "A\\x1b[2J\\u202eda" in run("-C", small, "campaign", "plan", "c").out


def test_a_preview_names_its_files(small: Path, tmp_path: Path, run: Run) -> None:
    folder = tmp_path / "out"
    code, out, err = run("-C", small, "campaign", "preview", "c", "--to", folder)
    assert (code, out) == (0, f"{folder}/ada.eml\n{folder}/bob.eml\n")
    assert err == f"2 messages written to {folder}, each parsed again and as meant; nothing was sent.\n"


def test_a_second_preview_needs_force(small: Path, tmp_path: Path, run: Run) -> None:
    folder = tmp_path / "out"
    run("-C", small, "campaign", "preview", "c", "--to", folder)
    code, out, err = run("-C", small, "campaign", "preview", "c", "--to", folder)
    assert (code, out) == (5, "")
    assert "say --force" in err
    (small / "records" / "customers" / "bob.yaml").unlink()
    code, out, err = run("-C", small, "campaign", "preview", "c", "--to", folder, "--force")
    assert (code, out) == (0, f"{folder}/ada.eml\n")
    assert err.splitlines() == [
        f"1 message written to {folder}, each parsed again and as meant; nothing was sent.",
        "1 other file stood there before: bob.eml.",
    ]


def test_a_message_that_cannot_be_made_is_told_and_counts(small: Path, tmp_path: Path, run: Run) -> None:
    write(small, {"/templates/t.md": "---\nsubject: Hi\n---\n{{ customer.role }}\n"})
    write(small, {"customers/ada.yaml": "name: Ada\nrole: Boss\nemails: [ada@example.org]\n"})
    code, out, err = run("-C", small, "campaign", "preview", "c", "--to", tmp_path / "out")
    assert code == 1
    assert [line.split() for line in out.splitlines()[-1:]] == [["bob", "Bob", "customer.role", "is", "missing"]]
    assert err.endswith("crmctl: 1 message could not be made\n")


def test_a_preview_for_nobody(small: Path, tmp_path: Path, run: Run) -> None:
    write(small, {"segments/s.yaml": "name: S\nfilter: tag:none\n"})
    code, out, err = run("-C", small, "campaign", "preview", "c", "--to", tmp_path / "out")
    assert (code, out) == (0, "")
    assert err.splitlines() == [
        "Nobody is in segment s, so nobody gets it.",
        f"0 messages written to {tmp_path / 'out'}; nothing was sent.",
    ]


def test_letters_are_not_said_to_be_verified(small: Path, tmp_path: Path, run: Run) -> None:
    write(small, {"campaigns/c.yaml": CAMPAIGN + "channel: letter\n"})
    write(small, {"customers/ada.yaml": "name: Ada\naddress: {street: 1 High St, city: Town}\n"})
    code, out, err = run("-C", small, "campaign", "preview", "c", "--to", tmp_path / "out")
    assert (code, out.splitlines()[0]) == (0, f"{tmp_path / 'out'}/ada.html")
    assert err == f"1 message written to {tmp_path / 'out'}; nothing was sent.\n"


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        ("template: nope\n", 3, "there is no template 'nope'"),
        ("template: torn\n", 4, "crmctl: templates/torn.md:5: "),
        ("template: letter\n", 4, "has the channel letter, campaign c has email"),
        ("template: news\n", 4, "hint: Take another template, or: crmctl campaign set c purpose=newsletter"),
        ("", 2, "names no template"),
    ],
)
def test_a_template_that_does_not_do(small: Path, tmp_path: Path, run: Run, more: str, code: int, words: str) -> None:
    write(
        small,
        {
            "campaigns/c.yaml": CAMPAIGN.replace("template: t\n", more),
            "/templates/torn.md": "---\nsubject: x\n---\nHello\n{% if %}\n",
            "/templates/letter.md": "---\nsubject: x\nchannel: letter\n---\nHello\n",
            "/templates/news.md": "---\nsubject: x\npurpose: newsletter\n---\nHello\n",
        },
    )
    found = run("-C", small, "campaign", "preview", "c", "--to", tmp_path / "out")
    assert (found.code, found.out) == (code, "")
    assert words in found.err


def test_a_folder_that_is_a_file(small: Path, tmp_path: Path, run: Run) -> None:
    (tmp_path / "file").write_text("mine")
    code, _, err = run("-C", small, "campaign", "preview", "c", "--to", tmp_path / "file")
    assert (code, err) == (1, f"crmctl: {tmp_path}/file is a file\nhint: Name a folder; it is made if there is none.\n")
