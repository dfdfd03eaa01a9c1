"""What a crm.yaml says, and what is wrong with it."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from crmctl.model.settings import DEFAULT_PIPELINES
from crmctl.model.settings import DEFAULT_PURPOSES
from crmctl.model.settings import Pressure
from crmctl.model.settings import Purpose
from crmctl.model.settings import Sending
from crmctl.model.settings import Stage
from crmctl.model.settings import zone_named
from crmctl.model.settings_reading import read_settings
from crmctl.model.settings_reading import window_of

if TYPE_CHECKING:
    from crmctl.model.raw import Raw
    from crmctl.model.raw import RawMap


def choices(raw: RawMap, kind: str, field: str) -> tuple[str, ...]:
    found = read_settings(raw).schema.require(kind).field(field)
    assert found is not None
    return found.choices


def test_an_empty_file_is_a_book_with_defaults() -> None:
    settings = read_settings({})
    assert settings.problems == ()
    assert (settings.name, settings.currency, settings.timezone, settings.language) == ("crmctl", "EUR", "UTC", "en")
    assert (settings.country, settings.layout, settings.handles) == ("", "flat", "name")
    assert settings.zone == UTC
    assert settings.pipelines == DEFAULT_PIPELINES
    assert settings.purposes == DEFAULT_PURPOSES
    assert settings.response_targets == {}
    assert settings.context == ("EUR", "", UTC)


def test_what_is_said_is_taken() -> None:
    settings = read_settings(
        {
            "name": "Acme",
            "currency": "chf",
            "timezone": "Europe/Zurich",
            "country": "ch",
            "layout": "sharded",
            "handles": "random",
            "email": "hi@acme.example",
            "postal_address": "Acme\nZurich",
            "response_targets": {"High": "4"},
        }
    )
    assert settings.problems == ()
    assert settings.context == ("CHF", "CH", ZoneInfo("Europe/Zurich"))
    assert (settings.layout, settings.handles) == ("sharded", "random")
    assert (settings.email, settings.postal_address) == ("hi@acme.example", "Acme\nZurich")
    assert settings.response_targets == {"high": "4"}


def test_when_and_how_often_people_are_written_to() -> None:
    raw: RawMap = {
        "pressure": {"Newsletter": "4 in 30d", "service": " 1 in 7 d"},
        "send_window": "9:00-17:30",
        "send_weekdays": ["Mon", "tue"],
        "holidays": ["2026-12-25"],
    }
    settings = read_settings(raw)
    assert settings.problems == ()
    assert settings.pressure == {"newsletter": Pressure(4, 30), "service": Pressure(1, 7)}
    assert settings.sending == Sending("9:00-17:30", ("mon", "tue"), ("2026-12-25",))
    assert window_of(settings.sending.window) == (540, 1050)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("pressure", "often", "a map of purposes"),
        ("pressure", {"newsletter": "0 in 30d"}, "4 in 30d"),
        ("pressure", {"newsleter": "4 in 30d"}, "there is no purpose 'newsleter' (there are newsletter, service)"),
        ("pressure", {"newsletter": "4 in 0d"}, "4 in 30d"),
        ("pressure", {"newsletter": ["4"]}, "4 in 30d"),
        ("send_window", "17:00-09:00", "09:00-17:00"),
        ("send_window", "9-17", "09:00-17:00"),
        ("send_window", "20:00-25:00", "09:00-17:00"),
        ("send_weekdays", ["caturday"], "mon, tue"),
        ("holidays", ["25.12."], "2026-12-25"),
    ],
)
def test_what_is_no_rule_for_sending_is_named(key: str, value: Raw, message: str) -> None:
    settings = read_settings({key: value})
    assert len(settings.problems) == 1
    assert message in settings.problems[0][1]
    assert (settings.pressure, settings.sending) == ({}, Sending())


def test_words_replace_lifecycles_and_add_to_types_of_interactions() -> None:
    assert choices({"lifecycles": ["Friend", "foe"]}, "customer", "lifecycle") == ("friend", "foe")
    types = choices({"interaction_types": ["Fax", "call"]}, "interaction", "type")
    assert types[0] == "call"
    assert types[-1] == "fax"
    assert len(set(types)) == len(types)


def test_pipelines_of_the_books_own() -> None:
    raw: RawMap = {
        "pipelines": {"Sales": {"New": "10", "Won": "won"}, "renewal": {"due": "80", "Won": "won", "gone": "lost"}}
    }
    settings = read_settings(raw)
    assert settings.problems == ()
    assert settings.pipelines["sales"] == (Stage("new", 10), Stage("won", 100, "won"))
    assert choices(raw, "deal", "pipeline") == ("sales", "renewal")
    assert choices(raw, "deal", "stage") == ("new", "won", "due", "gone")
    assert settings.stage("renewal", "due") == Stage("due", 80)
    assert settings.stage("", "gone") == Stage("gone", 0, "lost")
    assert settings.stage("sales", "gone") is None
    assert [settings.deal_status("", stage) for stage in ("new", "won", "gone", "unheard")] == [
        "open",
        "won",
        "lost",
        "open",
    ]


def test_purposes_in_both_forms() -> None:
    settings = read_settings(
        {"purposes": {"News": "consent", "bill": {"basis": "contract", "help": "what they owe"}, "x": {}}}
    )
    assert settings.problems == ()
    assert settings.purposes == {
        "news": Purpose("news", "consent"),
        "bill": Purpose("bill", "contract", "what they owe"),
        "x": Purpose("x", "consent"),
    }
    assert read_settings({"purposes": {}}).purposes == DEFAULT_PURPOSES
    assert read_settings({"purposes": {"x": {"help": ["no text"]}}}).purposes["x"].help == ""


@pytest.mark.parametrize(
    ("raw", "path", "message"),
    [
        ({"curency": "EUR"}, "curency", "there is no setting 'curency' (did you mean 'currency'?)"),
        ({"qqq": "1"}, "qqq", "there is no setting 'qqq'"),
        ({"password": "x"}, "password", "has no place in a shared book"),
        ({"hook": "x"}, "hook", "has no place in a shared book"),
        ({"currency": "EURO"}, "currency", "is not a currency"),
        ({"currency": ["EUR"]}, "currency", "should be a text"),
        ({"timezone": "Mars/Olympus"}, "timezone", "is not a time zone"),
        ({"timezone": "../../etc/passwd"}, "timezone", "is not a time zone"),
        ({"country": "Germany"}, "country", "is not a country (two letters, as DE)"),
        ({"layout": "deep"}, "layout", "is one of flat, sharded, not 'deep'"),
        ({"handles": "x"}, "handles", "is one of name, random"),
        ({"lifecycles": "lead"}, "lifecycles", "should be a list of words"),
        ({"lifecycles": [["lead"]]}, "lifecycles", "should be a list of words"),
        ({"pipelines": "sales"}, "pipelines", "should be a map of pipelines"),
        ({"pipelines": {"sales": "new"}}, "pipelines.sales", "a pipeline is a map of stages"),
        ({"pipelines": {"sales": {}}}, "pipelines.sales", "a pipeline is a map of stages"),
        ({"pipelines": {"s": {"new": "101"}}}, "pipelines.s.new", "a probability from 0 to 100"),
        ({"pipelines": {"s": {"new": ["1"]}}}, "pipelines.s.new", "a probability from 0 to 100"),
        ({"purposes": ["news"]}, "purposes", "should be a map of purposes"),
        ({"purposes": {"news": "because"}}, "purposes.news", "'because' is not a basis"),
        ({"response_targets": "4"}, "response_targets", "should be a map of priorities"),
        ({"response_targets": {"high": "4h"}}, "response_targets.high", "a number of hours"),
        ({"response_targets": {"high": "999999999999"}}, "response_targets.high", "a number of hours"),
        ({"fields": {"customer": {"a": "float"}}}, "fields.customer.a", "there is no type 'float'"),
        ({"kinds": ["vendor"]}, "kinds", "should be a map"),
    ],
)
def test_a_bad_line_is_named_and_does_not_close_the_book(raw: RawMap, path: str, message: str) -> None:
    settings = read_settings(raw)
    ((where, what),) = settings.problems
    assert ".".join(where) == path
    assert message in what
    assert settings._replace(problems=(), schema=read_settings({}).schema, purposes={}, pipelines={}) == read_settings(
        {}
    )._replace(purposes={}, pipelines={})


def test_a_stage_without_a_probability_has_none() -> None:
    assert read_settings({"pipelines": {"s": {"new": "soon"}}}).pipelines == {"s": (Stage("new", 0),)}


@pytest.mark.parametrize("name", ["", "UTC"])
def test_utc_needs_no_list_of_zones(name: str) -> None:
    assert zone_named(name) is UTC


@pytest.mark.parametrize("name", ["Nowhere/Land", "../x", "a\0b", "Europe", "/etc/passwd"])
def test_names_of_no_zone(name: str) -> None:
    assert zone_named(name) is None


def test_a_zone_that_is_not_known_here_is_utc() -> None:
    assert read_settings({})._replace(timezone="Nowhere/Land").zone is UTC


def test_every_value_may_have_any_shape() -> None:
    """Whatever people write, the settings can be read."""
    shapes: list[Raw] = ["", "x", [], ["x"], {}, {"x": "y"}, {"x": {}}, {"x": ["y"]}, [{"x": "y"}]]
    for key in read_settings.__globals__["KEYS"]:
        for value in shapes:
            assert read_settings({key: value}).schema.kinds
