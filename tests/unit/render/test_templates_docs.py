"""What docs/templates.md says is what happens."""

from __future__ import annotations

import re
from pathlib import Path

from crmctl.render.allowed import BUILTIN_FILTERS
from crmctl.render.filters import OURS
from crmctl.render.ordering import Limits
from crmctl.render.rendering import render_many
from crmctl.render.templates import CHANNELS
from crmctl.render.templates import FORMS
from crmctl.render.templates import FrontMatter
from crmctl.render.templates import Template

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "templates.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(\{\{.*\}\})` \| ([\w-]+) \| (.*) \|$", re.MULTILINE)
SPACES = str.maketrans("\u00a0\u202f", "  ")


def test_every_example_of_a_filter_gives_what_it_says() -> None:
    rows = ROW.findall(PAGE)
    assert len(rows) > 25
    for example, language, expected in rows:
        body = example.replace("\\|", "|")
        template = Template("t", "txt", FrontMatter(subject="s"), body, "templates/t.txt", 1)
        customer = {"name": "Ada Lovelace", "first_name": "Ada", "last_name": "Lovelace", "language": language}
        (message,) = render_many(template, {}, [("a", {"customer": customer, "today": "2026-11-02"})])
        assert message.problems == (), example
        assert message.text.strip().translate(SPACES) == expected, (example, language)


def test_every_filter_is_on_the_page() -> None:
    for name in (*OURS, *BUILTIN_FILTERS, "default", "join"):
        assert re.search(rf"\b{name}\b", PAGE), name


def test_forms_channels_and_limits_are_on_the_page() -> None:
    for word in (*(f"`.{form}`" for form in FORMS), *(f"`{channel}`" for channel in CHANNELS)):
        assert word in PAGE
    limits = Limits()
    assert (limits.seconds, limits.memory, limits.output) == (2.0, 256 * 2**20, 1_000_000)
    assert "2 seconds, 256 MB of memory and a million characters" in PAGE.replace("\n", " ")
