"""A mistake in crmctl that comes to light while a message is rendered is told as one, and not as the template's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from helpers.inline import inline

from crmctl.errors import BUG
from crmctl.render import rendering
from crmctl.render.enclosed import Enclosed
from crmctl.render.rendering import RendererBug
from crmctl.render.rendering import render_many
from crmctl.render.templates import FrontMatter
from crmctl.render.templates import Template

if TYPE_CHECKING:
    from conftest import Run

ADA = {"customer": {"name": "Ada Lovelace"}}
BROKEN = "import crmctl.render.holes as broken; broken.fill = lambda plan, values: {}[values[0]] if values else 'x'; "


def template(body: str, form: str = "md", style: str = "") -> Template:
    return Template("t", form, FrontMatter("Hi", enclosed=Enclosed(style=style)), body, f"templates/t.{form}", 4)


@pytest.fixture
def _broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake of ours in the process that renders: it looks for a value where there is none."""
    start, end = rendering._BOOT.split("from crmctl", 1)
    monkeypatch.setattr(rendering, "_BOOT", f"{start}{BROKEN}from crmctl{end}")


@pytest.mark.usefixtures("_broken")
def test_a_mistake_of_ours_is_raised_with_its_place_and_without_values() -> None:
    with pytest.raises(RendererBug) as caught:
        list(render_many(template("{{ customer.name }}"), {}, [("ada", ADA)]))
    assert "renderer.py" in caught.value.places
    assert "builtins.KeyError" in caught.value.places
    assert "Lovelace" not in str(caught.value)


@pytest.mark.usefixtures("_broken")
def test_a_mistake_of_ours_is_told_like_every_other(run: Run, sample_dir: Path) -> None:
    (sample_dir / "templates" / "short.txt").write_text("---\nsubject: Hi\n---\n{{ customer.name }}\n")
    done = run("-C", str(sample_dir), "template", "render", "short", "aaron-mitchell")
    assert done.code == BUG, done.err
    found = re.search(r"a bug of ours: RendererBug \(the details are in (\S+)\)", done.err)
    assert found, done.err
    log = Path(found[1])
    try:
        assert "builtins.KeyError" in log.read_text()
        assert "renderer.py" in log.read_text()
    finally:
        log.unlink()


@pytest.mark.parametrize(
    "body",
    [
        "{{ 1 / 0 }}",
        "{{ 1 % 0 }}",
        "{{ 1 < 'a' }}",
        "{{ customer.name|date(1, 2, 3, 4, 5) }}",
        "{{ customer.name|money('EUR', nothing='x') }}",
        "{{ 5|money(5) }}",
        "{{ ['a', 'b']|listed(true) }}",
        "{{ range(1.5) }}",
        "{{ range(99999999) }}",
        "{{ [3, 'a']|sort }}",
        "{{ 2 ** 99 }}",
        "{{ customer|date }}",
        "{{ customer.name.join }}",
        "{{ customer.name() }}",
        "{% for a in 5 %}{% endfor %}",
        "{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    ],
)
def test_what_a_template_asks_for_is_the_fault_of_the_template(body: str) -> None:
    (problem, *_) = inline(template(f"ok\n{body}\n"), {}, ADA).problems
    assert problem.startswith(("templates/t.md:5", "customer", "'Ada Lovelace'", "{'name'")), problem


@pytest.mark.parametrize("body", ["<![x[ y ]]>", "<!foo <bar", "<![if !mso]>x<![endif]>", "<p" * 3000])
def test_markup_that_cannot_be_read_is_the_fault_of_the_template(body: str) -> None:
    message = inline(template(f"<p>{body}</p>", "html"), {}, ADA)
    assert message.problems or message.html


@pytest.mark.parametrize("style", ["p { color: }", "p {{{", "@media", "}", "a > > b { color: red }", ":::x{}"])
def test_a_style_sheet_that_cannot_be_read_is_no_mistake_of_ours(style: str) -> None:
    pytest.importorskip("css_inline")
    message = inline(template("Hi", style="a.css"), {"a.css": style}, ADA)
    assert message.problems or message.html
