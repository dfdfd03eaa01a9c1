"""The sample book under ``records/``: the known answers, and that every record in it is sound."""

from __future__ import annotations

import importlib
import re
from collections import Counter
from collections import defaultdict
from datetime import date
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

import pytest

from crmctl.model import values
from crmctl.model.ids import handle_problem
from crmctl.model.ids import is_id
from crmctl.model.settings import DEFAULT_INTERACTION_TYPES
from crmctl.model.settings import Settings
from crmctl.model.settings_reading import read_settings
from crmctl.store.jsonl import read_lines
from crmctl.store.jsonl import write_line
from crmctl.store.yaml_reader import read_yaml
from crmctl.store.yaml_writer import write_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from crmctl.model.fields import Field
    from crmctl.model.raw import Raw
    from crmctl.model.raw import RawMap

ROOT = Path(__file__).resolve().parents[2]
RECORDS = ROOT / "records"
# The day on which the hand-written half of the sample takes place.
TODAY = date(2012, 1, 16)


class Sample(NamedTuple):
    """All of the sample: YAML records by kind and handle, interactions by customer."""

    settings: Settings
    records: dict[str, dict[str, dict[str, Any]]]
    interactions: dict[str, list[dict[str, Any]]]

    def everything(self) -> Iterator[tuple[str, str, RawMap]]:
        """(kind, where, record) of every record and interaction."""
        for kind, records in self.records.items():
            for handle, record in records.items():
                yield kind, f"{kind} {handle}", record
        for customer, entries in self.interactions.items():
            for entry in entries:
                yield "interaction", f"interaction of {customer} at {entry['at']}", entry

    def purchases(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """(customer, interaction) of every order."""
        for customer, entries in self.interactions.items():
            for entry in entries:
                if entry["type"] == "purchase":
                    yield customer, entry


def _read(path: Path) -> RawMap:
    return read_yaml(path.read_bytes(), str(path)).data


def _read_history(path: Path) -> list[RawMap]:
    lines, problems = read_lines(path.read_bytes(), str(path))
    assert not problems
    return [line.value for line in lines]


@pytest.fixture(scope="module")
def sample() -> Sample:
    settings = read_settings(_read(RECORDS / "sample.yaml"))
    records = {
        kind.name: {path.stem: _read(path) for path in sorted((RECORDS / kind.plural).glob("*.yaml"))}
        for kind in settings.schema.yaml_kinds
    }
    interactions = {path.stem: _read_history(path) for path in sorted((RECORDS / "interactions").glob("*.jsonl"))}
    return Sample(settings, records, interactions)


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """``benchmarks/make_sample.py``, imported as it is when it runs."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("make_sample")


def _leaves(fields: tuple[Field, ...], record: RawMap) -> Iterator[tuple[Field, Raw]]:
    """Every (field, single value) of a record, also inside groups; a key that is no field fails."""
    declared = {field.name: field for field in fields if not field.derived}
    for name, value in record.items():
        field = declared[name]
        if field.shape == "list":
            assert isinstance(value, list), name
            items = value
        elif field.shape == "map":
            assert isinstance(value, dict), name
            items = list(value.values())
        else:
            items = [value]
        for item in items:
            if isinstance(item, dict):
                yield from _leaves(field.fields, item)
            else:
                yield field, item


class TestKnownAnswers:
    def test_customers_and_countries(self, sample: Sample) -> None:
        customers = sample.records["customer"]
        assert len(customers) == 59
        assert len({record["address"]["country"] for record in customers.values()}) == 24
        assert customers.keys() == sample.interactions.keys()

    def test_orders_and_lines(self, sample: Sample) -> None:
        orders = [order for _, order in sample.purchases()]
        assert len(orders) == 412
        assert sum(len(order["lines"]) for order in orders) == 2240
        assert sorted(int(order["external"]["chinook"]) for order in orders) == list(range(1, 413))

    def test_sales_by_member(self, sample: Sample) -> None:
        sales: defaultdict[str, Decimal] = defaultdict(Decimal)
        for _, order in sample.purchases():
            assert order["currency"] == "USD"
            sales[order["by"]] += Decimal(order["amount"])
        assert sales == {
            "jane-peacock": Decimal("833.04"),
            "margaret-park": Decimal("775.40"),
            "steve-johnson": Decimal("720.16"),
        }
        assert sum(sales.values()) == Decimal("2328.60")

    def test_a_customers_orders_are_credited_to_their_owner(self, sample: Sample) -> None:
        for customer, order in sample.purchases():
            assert order["by"] == sample.records["customer"][customer]["owner"]

    def test_lines_add_up(self, sample: Sample) -> None:
        priced = [order for _, order in sample.purchases()] + list(sample.records["deal"].values())
        for record in priced:
            if "lines" in record:
                total = sum(Decimal(line["quantity"]) * Decimal(line["price"]) for line in record["lines"])
                assert total == Decimal(record["amount"]), record


class TestSoundness:
    def test_settings_are_without_fault(self, sample: Sample) -> None:
        assert sample.settings.problems == ()
        assert (sample.settings.name, sample.settings.currency) == ("Chinook Records", "USD")

    def test_every_value_passes_the_check_of_its_type(self, sample: Sample) -> None:
        context = sample.settings.context
        for kind, where, record in sample.everything():
            for field, value in _leaves(sample.settings.schema.require(kind).fields, record):
                assert isinstance(value, str), (where, field.name)
                assert value, (where, field.name)
                try:
                    values.check(field, value, context)
                except ValueError as error:
                    pytest.fail(f"{where}, {field.name}: {error}")

    def test_required_fields_are_there(self, sample: Sample) -> None:
        for kind, where, record in sample.everything():
            assert set(sample.settings.schema.require(kind).required) <= record.keys(), where

    def test_references_resolve(self, sample: Sample) -> None:
        for kind, where, record in sample.everything():
            for field, value in _leaves(sample.settings.schema.require(kind).fields, record):
                if field.type == "ref":
                    assert value in sample.records[field.kind], (where, field.name, value)

    def test_what_is_logged_for_a_deal_or_case_is_about_its_customer(self, sample: Sample) -> None:
        for customer, entries in sample.interactions.items():
            for entry in entries:
                for kind in {"deal", "case"} & entry.keys():
                    assert sample.records[kind][entry[kind]]["customer"] == customer
        for followup in sample.records["followup"].values():
            for kind in {"deal", "case"} & followup.keys():
                assert sample.records[kind][followup[kind]]["customer"] == followup["customer"]

    def test_ids_are_ulids_and_unique(self, sample: Sample) -> None:
        ids = [str(record["id"]) for _, _, record in sample.everything()]
        assert all(map(is_id, ids))
        assert len(set(ids)) == len(ids)

    def test_handles_can_be_file_names(self, sample: Sample) -> None:
        handles = [handle for records in sample.records.values() for handle in records]
        assert not [problem for problem in map(handle_problem, handles) if problem]

    def test_no_mail_can_leave(self) -> None:
        """Nothing in any file looks like an address outside ``.example``."""
        for path in RECORDS.rglob("*.*"):
            text = path.read_text(encoding="utf-8")
            for domain in re.findall(r"\w@([\w.-]+)", text):
                assert domain.endswith(".example"), (path, domain)

    def test_files_are_in_canonical_form(self, sample: Sample) -> None:
        for kind in sample.settings.schema.yaml_kinds:
            order = [field.name for field in kind.stored]
            for handle, record in sample.records[kind.name].items():
                path = RECORDS / kind.plural / f"{handle}.yaml"
                assert path.read_bytes() == write_yaml(record).encode(), path
                assert list(record) == [name for name in order if name in record], path

    def test_histories_are_canonical_and_in_time_order(self, sample: Sample) -> None:
        order = [field.name for field in sample.settings.schema.require("interaction").stored]
        for customer, entries in sample.interactions.items():
            path = RECORDS / "interactions" / f"{customer}.jsonl"
            assert path.read_bytes() == b"".join(map(write_line, entries))
            times = [datetime.fromisoformat(entry["at"]) for entry in entries]
            assert times == sorted(times), path
            for entry in entries:
                assert list(entry) == [name for name in order if name in entry], path

    def test_nothing_else_lies_there(self, sample: Sample) -> None:
        folders = {path.name for path in RECORDS.iterdir() if path.is_dir()}
        assert folders <= {kind.plural for kind in sample.settings.schema.kinds}

    def test_the_checkout_is_no_book(self) -> None:
        assert not (ROOT / "crm.yaml").exists()
        assert not (RECORDS / "crm.yaml").exists()


class TestSomethingToShow:
    def test_interactions_of_every_type(self, sample: Sample) -> None:
        types = Counter(entry["type"] for entries in sample.interactions.values() for entry in entries)
        assert types.keys() == set(DEFAULT_INTERACTION_TYPES)
        assert types.total() - types["purchase"] >= 45

    def test_deals_of_every_sort(self, sample: Sample) -> None:
        deals = sample.records["deal"].values()
        status = {
            name: sample.settings.deal_status("sales", deal["stage"]) for name, deal in sample.records["deal"].items()
        }
        assert set(status.values()) == {"open", "won", "lost"}
        assert {deal["currency"] for deal in deals} == {"USD", "CAD", "EUR"}
        open_deals = [deal for name, deal in sample.records["deal"].items() if status[name] == "open"]
        assert {"next_step" in deal for deal in open_deals} == {True, False}
        assert {date.fromisoformat(deal["closes"]) < TODAY for deal in open_deals} == {True, False}
        for deal in deals:
            assert deal["stage_log"][-1]["stage"] == deal["stage"]
            assert ("lost_reason" in deal) == (deal["stage"] == "lost")

    def test_cases_of_every_sort(self, sample: Sample) -> None:
        cases = sample.records["case"].values()
        assert {case["status"] for case in cases} == {"open", "waiting", "solved", "closed"}
        assert {case["type"] for case in cases} == {"question", "request", "issue", "complaint"}
        for case in cases:
            assert ("resolved" in case) == ("satisfaction" in case) == (case["status"] in ("solved", "closed"))
        late = [case for case in cases if "resolved" not in case and case["resolve_by"] < TODAY.isoformat()]
        assert len(late) == 1

    def test_response_targets_follow_the_settings(self, sample: Sample) -> None:
        for handle, case in sample.records["case"].items():
            wait = datetime.fromisoformat(case["respond_by"]) - datetime.fromisoformat(case["opened"])
            hours = sample.settings.response_targets[case["priority"]]
            assert wait.total_seconds() == int(hours) * 3600, handle

    def test_followups_overdue_due_upcoming_and_done(self, sample: Sample) -> None:
        followups = sample.records["followup"].values()
        waiting = [date.fromisoformat(followup["due"]) for followup in followups if "done" not in followup]
        assert min(waiting) < TODAY < max(waiting)
        assert TODAY in waiting
        assert len(waiting) < len(followups)
        assert any("promised" in followup for followup in followups)

    def test_the_newsletter_leaves_people_out_for_every_reason(self, sample: Sample) -> None:
        """Among the rock fans there is one with each reason to get no newsletter."""
        campaign = sample.records["campaign"]["new-year-newsletter"]
        assert sample.records["segment"][campaign["segment"]]["filter"] == "bought:rock spent>=40"
        assert campaign["holdout"] == "10"
        reasons: Counter[str] = Counter()
        addresses: set[str] = set()
        for handle in _rock_fans(sample):
            customer = sample.records["customer"][handle]
            state = customer.get("consent", {}).get("newsletter", {}).get("state", "none")
            address = customer.get("emails", [""])[0]
            if "all" in customer.get("do_not_contact", []):
                reasons["do not contact"] += 1
            elif state != "granted":
                reasons[state] += 1
            elif not address:
                reasons["no address"] += 1
            elif address in addresses:
                reasons["duplicate address"] += 1
            else:
                reasons["sent"] += 1
                addresses.add(address)
        assert reasons.pop("sent") == 9
        assert reasons == dict.fromkeys(("do not contact", "withdrawn", "none", "no address", "duplicate address"), 1)


def _rock_fans(sample: Sample) -> list[str]:
    spent: defaultdict[str, Decimal] = defaultdict(Decimal)
    rock = set()
    for customer, order in sample.purchases():
        spent[customer] += Decimal(order["amount"])
        if any(line["product"] == "rock" for line in order["lines"]):
            rock.add(customer)
    return sorted(customer for customer in rock if spent[customer] >= 40)


class TestScript:
    def test_the_story_is_what_lies_there(self, script: ModuleType) -> None:
        """Whoever edits a hand-written record edits ``sample_story``, or the next run would take it back."""
        book = script.Book(script.load_settings(RECORDS / "sample.yaml"))
        script.add_story(book)
        folders = {name.partition("/")[0] for name in book.files}
        there = {
            f"{folder}/{path.name}": path.read_bytes() for folder in folders for path in (RECORDS / folder).iterdir()
        }
        assert book.files == there

    def test_addresses_move_below_example(self, script: ModuleType) -> None:
        assert script.example_address("alero@uol.com.br") == "alero@uol.example"

    def test_ids_are_the_same_in_every_run(self, script: ModuleType) -> None:
        first = script.stable_id("customer", "ada", "2012-01-16T12:00:00-07:00")
        assert is_id(first)
        assert first == script.stable_id("customer", "ada", "2012-01-16T19:00:00+00:00")
        assert first != script.stable_id("customer", "bob", "2012-01-16T12:00:00-07:00")
        assert first < script.stable_id("customer", "ada", "2012-01-16T12:00:01-07:00")

    def test_a_field_that_does_not_exist_is_refused(self, script: ModuleType) -> None:
        book = script.Book(script.load_settings(RECORDS / "sample.yaml"))
        with pytest.raises(ValueError, match="no field nmae"):
            book.add("product", "rock", "2012-01-16", {"nmae": "Rock"})

    def test_a_second_run_writes_nothing_and_names_what_it_did_not_make(
        self, script: ModuleType, tmp_path: Path
    ) -> None:
        files = {"products/rock.yaml": b"name: Rock\n"}
        assert script.write(files, tmp_path) == []
        before = (tmp_path / "products" / "rock.yaml").stat().st_mtime_ns
        (tmp_path / "products" / "ska.yaml").write_bytes(b"name: Ska\n")
        assert script.write(files, tmp_path) == [tmp_path / "products" / "ska.yaml"]
        assert (tmp_path / "products" / "rock.yaml").stat().st_mtime_ns == before
