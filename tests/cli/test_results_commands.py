"""``crmctl campaign results`` and ``compare``, as a user sees them."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest
from helpers import results_book as books
from helpers.books import commit
from helpers.books import write
from helpers.campaign_book import CAMPAIGN

from crmctl import clock
from crmctl.cli.app import App

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Result
    from conftest import Run

OVER = ("--now", "2026-12-24")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Sixty people in two arms and a holdout, some of whom replied and bought something."""
    root = books.make(tmp_path / "book", 60, f"holdout: 30\n{books.ARMS}cost: '50.00'\ncurrency: EUR\n")
    members = books.group_of(root)
    books.do(root, members["a"][:12])
    books.do(root, [*members["a"][:10], members["b"][0]], "purchase", amount="20.00", currency="EUR")
    commit(root)
    clock.freeze(None)
    return root


def results(run: Run, root: Path, *more: str) -> Result:
    return run("-C", root, *OVER, "campaign", "results", "spring", *more)


def test_a_table_for_each_question_and_a_sentence(root: Path, run: Run) -> None:
    code, out, err = results(run, root)
    assert code == 0
    who, did, differ, said = out.removesuffix("\n").split("\n\n")
    assert who.splitlines()[0].split() == "group people got it refused bounced complained opted out orders EUR".split()
    assert [line.split()[0] for line in who.splitlines()[2:]] == ["a", "b", "holdout"]
    assert did.splitlines()[0].split("  ")[-1] == "95 % interval"
    assert did.splitlines()[-1] == "Nobody had: meeting, deal, won."
    assert [line.split()[:4] for line in differ.splitlines()[2:5]] == [
        ["reply", "a", "against", "holdout"],
        ["reply", "b", "against", "a"],
        ["purchase", "a", "against", "holdout"],
    ]
    first, second = said.splitlines()
    assert first.startswith("a had more replies")
    assert second.startswith("It brought in ")
    assert ", cost 50.00 EUR, so " in second
    assert err == (
        "spring began on 2026-11-23 10:00 for 60 people; what they did within 30 days, until 2026-12-23 10:00.\n"
        "Fewer than 20 bought anything in a, b: intervals of revenue are too narrow.\n"
    )


def test_every_line_fits_a_terminal(root: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(App, "terminal", property(lambda _: True))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "500")
    books.do(root, books.group_of(root)["a"][:1], "purchase", amount="1234567.00", currency="EUR")
    commit(root)
    clock.freeze(None)
    who, sales, *_ = (out := results(run, root).out).split("\n\n")
    tables = out.partition("\na had more")[0].splitlines()
    assert max(map(len, tables)) <= 80
    assert "…" not in out
    assert who.splitlines()[0].split()[-2:] == ["opted", "out"]
    assert sales.splitlines()[0].split() == ["group", "orders", "EUR"]


def test_before_the_days_are_over_nobody_wins(root: Path, run: Run) -> None:
    out = run("-C", root, "--now", "2026-12-01", "campaign", "results", "spring").out
    assert out.splitlines()[-1] == "No winner before 2026-12-23: until then the 30 days are not over for everybody."
    assert out.count("early") == out.count(" against ")
    assert "higher" not in out
    out = run("-C", root, "--now", "2026-12-01", "campaign", "results", "spring", "--within", "1w").out
    assert "No winner" not in out
    (found,) = json.loads(run("-C", root, "--now", "2026-12-01", "campaign", "results", "spring", "-o", "json").out)
    assert (found["verdict"], found["over"], found["brought"], found["return"]) == ("early", False, None, None)


def test_before_it_began_there_is_nothing(root: Path, run: Run) -> None:
    found = run("-C", root, "--now", "2026-11-20", "campaign", "results", "spring")
    assert (found.code, found.out) == (0, "Nothing has gone out yet, so there is nothing to tell.\n")


def test_only_what_was_asked(root: Path, run: Run) -> None:
    out = results(run, root, "--outcome", "purchase,reply", "--outcome", "won").out
    assert "EUR a head" not in out
    assert "Nobody had: won." in out
    found = results(run, root, "--outcome", "opens")
    assert (found.code, "Outcomes are reply, meeting" in found.err) == (2, True)
    assert results(run, root, "--within", "soon").code == 2


def test_results_for_programs(root: Path, run: Run) -> None:
    (found,) = json.loads(results(run, root, "-o", "json").out)
    assert list(found) == [
        "campaign",
        "name",
        "status",
        "within",
        "began",
        "until",
        "over",
        "currency",
        "groups",
        "comparisons",
        "sample_ratio",
        "cost",
        "brought",
        "return",
        "verdict",
        "sentence",
        "notes",
    ]
    assert (found["campaign"], found["over"], found["verdict"]) == ("spring", True, "difference")
    assert found["cost"] == {"amount": "50.00", "currency": "EUR", "budget": False}
    assert [group["kind"] for group in found["groups"]] == ["arm", "arm", "holdout"]
    assert set(found["brought"]) == {"value", "low", "high", "p"}
    assert set(found["return"]) == {"value", "low", "high"}
    first = found["groups"][0]
    assert first["outcomes"]["reply"]["count"] == 12
    assert first["outcomes"]["reply"]["rate"] == pytest.approx(12 / first["people"], abs=1e-6)
    assert (first["purchases"], first["revenue"]) == (10, "200.00")
    assert first["revenue_per_head"]["value"] == f"{200 / first['people']:.2f}"
    assert set(found["comparisons"][0]) == set(
        "outcome group against difference low high lift lift_low lift_high p p_holm detectable verdict".split()
    )
    assert json.loads(results(run, root, "-o", "jsonl").out) == found


def test_rows_for_a_spreadsheet(root: Path, run: Run) -> None:
    rows = list(csv.DictReader(io.StringIO(results(run, root, "-o", "csv").out)))
    assert len(rows) == 18
    assert {row["outcome"] for row in rows} == {"reply", "meeting", "deal", "won", "purchase", "revenue"}
    assert rows[0]["count"] == "12"
    assert rows[5]["currency"] == "EUR"


def test_two_runs_say_the_same(root: Path, run: Run) -> None:
    assert results(run, root).out == results(run, root).out


def test_the_past(root: Path, run: Run) -> None:
    found = run("-C", root, *OVER, "--as-of", "HEAD", "campaign", "results", "spring")
    assert found.code == 0


def test_side_by_side(root: Path, run: Run) -> None:
    other = CAMPAIGN.replace("YYY\n", "YYZ\n").replace("Spring", "Autumn")
    write(root, {"campaigns/autumn.yaml": other})
    code, out, err = run("-C", root, *OVER, "campaign", "compare", "spring", "autumn")
    assert code == 0
    assert out.splitlines()[0].split() == ["measure", "spring", "autumn"]
    measures = [line[:26].strip() for line in out.splitlines()[2:]]
    assert measures == [
        "began",
        "people",
        "got it",
        "reply",
        "meeting",
        "deal",
        "won",
        "purchase",
        "revenue a head",
        "bounced",
        "complained",
        "opted out",
        "cost",
        "brought in over its holdou",
    ]
    assert err.splitlines()[-1].startswith("These campaigns went to different people at different times")
    found = json.loads(run("-C", root, *OVER, "campaign", "compare", "spring", "autumn", "-o", "json").out)
    assert [one["campaign"] for one in found] == ["spring", "autumn"]
    assert found[0]["all"]["outcomes"]["reply"]["count"] == 12
    rows = run("-C", root, *OVER, "campaign", "compare", "spring", "autumn", "-o", "tsv").out.splitlines()
    assert len(rows) == 1 + 18 + 5  # Nobody was in the other one, so there is no revenue a head.


def test_one_alone_is_compared_with_nothing(root: Path, run: Run) -> None:
    found = run("-C", root, *OVER, "campaign", "compare", "spring")
    assert (found.code, "one campaign alone" in found.err) == (2, True)
    assert run("-C", root, *OVER, "campaign", "compare", "spring", "nope").code == 3


def test_the_name_of_an_arm_cannot_steer_the_terminal(tmp_path: Path, run: Run) -> None:
    arms = 'arms:\n- {name: "x\\e[2J", share: 50}\n- {name: y, share: 50}\n'
    root = books.make(tmp_path / "book", 40, arms)
    books.do(root, [who for name, people in books.group_of(root).items() if name != "y" for who in people])
    clock.freeze(None)
    for form in ("table", "json", "md"):
        assert "\x1b" not in results(run, root, "-o", form).out
