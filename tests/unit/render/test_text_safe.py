"""Whatever a record holds, a terminal only ever shows it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmctl.render.text import json_safe
from crmctl.render.text import safe


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text", "plain text"),
        ("Zoë 中文 🎸", "Zoë 中文 🎸"),
        ("no\u00a0break", "no\u00a0break"),
        ("a\x1b[31mred", "a\\x1b[31mred"),
        ("tab\there", "tab\\there"),
        ("two\nlines\r", "two\\nlines\\r"),
        ("bell\x07 del\x7f", "bell\\x07 del\\x7f"),
        ("c1 \x9b2J", "c1 \\x9b2J"),
        ("right\u202eleft", "right\\u202eleft"),
        ("isolate\u2066\u2069", "isolate\\u2066\\u2069"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("line\u2028end", "line\\u2028end"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("half\ud800", "half\\ud800"),
    ],
)
def test_what_would_steer_the_screen_is_shown(text: str, shown: str) -> None:
    assert safe(text) == shown


def test_line_breaks_stay_where_lines_are_wanted() -> None:
    assert safe("one\ntwo\tx\x1b\n", lines=True) == "one\ntwo\\tx\\x1b\n"


@given(st.text())
def test_nothing_gets_through(text: str) -> None:
    for shown in (safe(text), safe(text, lines=True).replace("\n", "")):
        assert not any(
            ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or c in "\u202a\u202b\u202d\u202e\u2066\u2067" for c in shown
        )
    assert safe(safe(text)) == safe(text)


@given(st.text(st.characters() | st.sampled_from("\x1b\x7f\x9b\u202e\u2028\ud800\udfff\U000e0041")))
def test_json_means_the_same_and_steers_nothing(text: str) -> None:
    shown = json_safe(json.dumps(text, ensure_ascii=False))
    assert json.loads(shown) == json.loads(json.dumps(text))
    assert safe(shown) == shown
