"""Call records: one entry a call, none twice, nothing of internal or unknown ones."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

import pytest
from helpers.books import commit
from hypothesis import given
from hypothesis import strategies as st

from crmctl.errors import UsageProblem
from crmctl.services.book import Book
from crmctl.services.ingest import calls
from crmctl.services.ingest.callrecords import FORMATS
from crmctl.services.ingest.callrecords import read
from crmctl.services.ingest.callrecords import read_mapping

if TYPE_CHECKING:
    from pathlib import Path

    from crmctl.services.ingest.calls import Calls


@pytest.fixture
def root(book_dir: Path) -> Path:
    commit(
        book_dir,
        {
            "customers/ada.yaml": "name: Ada\nphones: ['+49 30 1234567']\n",
            "customers/bob.yaml": "name: Bob\nphones: ['+44 20 7946 0958']\n",
            "customers/eve.yaml": "name: Eve\nphones: ['+44 20 7946 0958']\n",
            "members/jane.yaml": "name: Jane\n",
        },
    )
    return book_dir


def row(src: str, dst: str, uniqueid: str, *, billsec: int = 95, result: str = "ANSWERED") -> str:
    cells = [
        "",
        src,
        dst,
        "ctx",
        f'""x"" <{src}>',
        "SIP/1",
        "SIP/2",
        "Dial",
        "",
        "2026-11-20 14:03:11",
        "2026-11-20 14:03:14",
    ]
    cells += ["2026-11-20 14:05:00", str(billsec + 5), str(billsec), result, "DOCUMENTATION", uniqueid, ""]
    return ",".join(f'"{cell}"' for cell in cells) + "\n"


def take(root: Path, text: str, form: str = "asterisk", mapping: str = "") -> Calls:
    path, map_path = root.parent / "cdr.csv", root.parent / "map.yaml"
    path.write_text(text)
    map_path.write_text(mapping)
    return calls.take_in(Book(root), path, form, map_path if mapping else None)


def history(root: Path, customer: str = "ada") -> list[dict[str, object]]:
    path = root / f"records/interactions/{customer}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_a_call_is_filed_once(root: Path) -> None:
    text = row("0301234567", "201", "1.1") + row("201", "00493012345 67", "1.2", result="NO ANSWER", billsec=0)
    done = take(root, text, mapping="extensions: {'201': jane}\n")
    assert done.counts["new"] == 2
    first, second = history(root)
    assert (first["direction"], first["minutes"], first["outcome"], first["by"]) == ("in", "2", "reached", "jane")
    assert first["at"] == "2026-11-20T14:03:11+01:00"
    assert (second["direction"], second["outcome"]) == ("out", "no answer")
    assert "minutes" not in second
    again = take(root, text)
    assert (again.counts["known"], again.counts["new"], again.written.commit) == (2, 0, "")


def test_internal_anonymous_and_unknown_calls_are_counted_only(root: Path) -> None:
    text = row("201", "202", "1") + row("anonymous", "201", "2") + row("0307654321", "201", "3") + row("", "201", "4")
    assert take(root, text).counts == {"internal": 1, "anonymous": 2, "unknown": 1, "new": 0}


def test_our_own_numbers_are_inside(root: Path) -> None:
    text = row("+4930999999", "0301234567", "1")
    done = take(root, text, mapping="own: ['+49 30 999999']\ntimezone: UTC\n")
    assert done.counts["new"] == 1
    (entry,) = history(root)
    assert (entry["direction"], entry["at"]) == ("out", "2026-11-20T15:03:11+01:00")


def test_a_line_that_is_still_being_written_is_left(root: Path) -> None:
    text = row("0301234567", "201", "1.1")
    assert take(root, text + row("0301234567", "201", "1.2")[:-1]).counts["new"] == 1
    assert take(root, text + row("0301234567", "201", "1.2")).counts["new"] == 1


def test_a_number_of_two_customers_is_one_follow_up(root: Path) -> None:
    text = row("+442079460958", "201", "1") + row("+442079460958", "201", "2")
    assert take(root, text).counts == {"unclear": 2, "new": 0}
    assert take(root, text).written.commit == ""
    assert Book(root).index.rows("SELECT what FROM followups") == [("Say whose phone number it is",)]


def test_legs_of_one_call_are_one_entry(root: Path) -> None:
    head = "calldate,clid,src,dst,disposition,billsec,duration,uniqueid,linkedid,did\n"
    legs = [("201", "NO ANSWER", "0", "a"), ("202", "ANSWERED", "61", "b")]
    text = head + "".join(
        f"2026-11-20 14:03:11,x,0301234567,{dst},{result},{seconds},70,{leg},L1,030\n"
        for dst, result, seconds, leg in legs
    )
    done = take(root, text, "freepbx", "extensions: {'202': jane}\n")
    assert done.counts["new"] == 1
    (entry,) = history(root)
    assert (entry["outcome"], str(entry["minutes"]), entry["by"]) == ("reached", "2", "jane")


def test_3cx_needs_its_columns(root: Path) -> None:
    with pytest.raises(UsageProblem, match="3CX"):
        take(root, "x\n", "3cx")
    mapping = "header: [historyid, callid, duration, time-start, time-answered, from-no, to-no, reason-terminated]\n"
    text = "h1,c1,00:03:12,2026/11/20 14:03:11,2026/11/20 14:03:20,+49301234567,Ext.201,TerminatedBySrc\n"
    text += "h2,c2,,2026/11/20 15:03:11,,Ext.201,Ext.202,x\n"
    assert take(root, text, "3cx", mapping).counts == {"internal": 1, "new": 1}
    assert str(history(root)[0]["minutes"]) == "4"


def test_rows_that_cannot_be_read_are_named(root: Path) -> None:
    done = take(
        root,
        row("0301234567", "201", "1").replace("2026-11-20 14:03:11", "20/11/26") + "\n" + row("0301234567", "201", "2"),
    )
    assert [one.row for one in done.rejected] == [1]
    assert done.counts["new"] == 1


BROKEN = [
    row("0301234567", "201", "x").replace('"201"', '"201'),
    row("0301234567", "201", "x").rstrip().removesuffix('"') + "\n",
    '"' + row("0301234567", "201", "x"),
    row("0301234567", "201", "x").replace('"201"', '"2"01"'),
    '"\n',
    ',,"0301234567,201\n',
]


@pytest.mark.parametrize("place", [0, 1, 4, 40])
@pytest.mark.parametrize("broken", BROKEN)
def test_a_quote_that_is_not_closed_takes_no_other_row_along(root: Path, broken: str, place: int) -> None:
    rows = [row("0301234567", "201", str(number)) for number in range(40)]
    rows.insert(place, broken)
    done = take(root, "".join(rows))
    assert [one.row for one in done.rejected] == [place + 1]
    assert "quote" in done.rejected[0].why
    assert done.counts["new"] == 40


def test_the_same_in_a_file_without_other_quotes(root: Path) -> None:
    head = "calldate,src,dst,billsec,disposition,uniqueid,userfield\n"
    rows = [f"2026-11-20 14:03:{number:02},0301234567,201,9,ANSWERED,{number},x\n" for number in range(30)]
    rows.insert(7, '2026-11-20 15:00:00,0301234567,201,9,ANSWERED,7a,"never closed\n')
    done = take(root, head + "".join(rows), "freepbx")
    assert ([one.row for one in done.rejected], done.counts["new"]) == ([9], 30)


def test_a_cell_in_quotes_may_have_lines(root: Path) -> None:
    head = "calldate,src,dst,billsec,disposition,uniqueid,userfield\n"
    first = '2026-11-20 14:03:11,0301234567,201,9,ANSWERED,1,"one\n\ntwo, and ""three"""\n'
    later = "2026-11-20 14:04:11,0301234567,201,9,ANSWERED,2,\nnothing\n"
    done = take(root, head + first + later, "freepbx")
    assert ([one.row for one in done.rejected], done.counts["new"]) == ([6], 2)


@pytest.mark.parametrize("mapping", ["colour: red\n", "columns: {who: x}\n", "own: {a: b}\n", "timezone: Mars/Base\n"])
def test_a_wrong_mapping_is_refused(root: Path, mapping: str) -> None:
    with pytest.raises(UsageProblem):
        take(root, row("0301234567", "201", "1"), mapping=mapping)


@given(st.binary(max_size=500), st.sampled_from(FORMATS))
def test_any_bytes_can_be_looked_at(data: bytes, form: str) -> None:
    from datetime import UTC

    from crmctl.errors import CrmError

    mapping = read_mapping({"header": ["time-start", "from-no", "to-no"]} if form == "3cx" else {}, form, "map.yaml")
    with contextlib.suppress(CrmError):
        list(read(data + b"\n", mapping, UTC, "x.csv"))
