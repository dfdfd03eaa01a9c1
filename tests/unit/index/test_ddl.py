"""The tables of the index: made of what the model says, and of the version they say they are."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from helpers.golden import FOLDER
from helpers.golden import golden

from crmctl.index import ddl
from crmctl.index.index import Index
from crmctl.index.index import State
from crmctl.model import columns
from crmctl.model.settings_reading import read_settings

if TYPE_CHECKING:
    from crmctl.model.raw import RawMap

SETTINGS = read_settings(
    {
        "kinds": {
            "vendor": {"fields": {"memo": "note", "parts": {"type": "group", "shape": "list", "fields": {"a": "note"}}}}
        }
    }
)


def test_an_index_has_the_columns_that_the_model_names() -> None:
    index = Index.in_memory()
    assert index.begin()
    index.clear(SETTINGS)
    index.use(SETTINGS)
    index.finish(State("", {}, {}))
    for kind in SETTINGS.schema.kinds:
        tables: dict[str, list[str]] = {}
        for table, column in columns.column_names(kind):
            tables.setdefault(table, []).append(column)
        for table, expected in tables.items():
            assert sorted(row[1] for row in index.rows(f"PRAGMA table_info({table})")) == sorted(expected)


def test_statements_can_be_run_on_an_empty_database_and_keys_twice() -> None:
    connection = sqlite3.connect(":memory:")
    for statement in (*ddl.statements(SETTINGS.schema), *ddl.keys(SETTINGS.schema), *ddl.keys(SETTINGS.schema)):
        connection.execute(statement)
    connection.close()


def test_lists_may_have_names_like_keys() -> None:
    names: RawMap = {"tags_owner": {"shape": "list"}, "emails_key": {"shape": "list"}, "budget": "money"}
    made = read_settings({"fields": {"customer": dict(names), "interaction": {"time": {"shape": "list"}}}})
    assert made.problems == ()
    connection = sqlite3.connect(":memory:")
    for statement in (*ddl.statements(made.schema), *ddl.keys(made.schema)):
        connection.execute(statement)
    connection.close()


def test_other_tables_have_another_version() -> None:
    """An index of an older crmctl is made anew only when ``ddl.VERSION`` says that its tables are others."""
    schema = read_settings({}).schema
    text = "\n".join([f"version {ddl.VERSION}", *ddl.statements(schema), *ddl.keys(schema)]) + "\n"
    path = FOLDER / "index-tables.txt"
    if path.exists():
        known = path.read_text(encoding="utf-8")
        assert text == known or not known.startswith(f"version {ddl.VERSION}\n"), "raise ddl.VERSION"
    golden("index-tables.txt", text)
