"""Templates that are read and not rendered: what they speak of, and what keeps them from being used."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from crmctl.errors import Problem
from crmctl.render import worker
from crmctl.render.inspecting import Inspection
from crmctl.render.rendering import Child
from crmctl.render.sandbox import Sandbox
from crmctl.render.templates import FrontMatter
from crmctl.render.templates import Template
from crmctl.render.uses import uses


def template(body: str, name: str = "t", subject: str = "s") -> Template:
    return Template(name, "txt", FrontMatter(subject=subject, subject_line=2), body, f"templates/{name}.txt", 5)


@pytest.mark.parametrize(
    ("body", "read"),
    [
        ("{{ a.b.c }}\n\n{{ d }}", [("a.b.c", 1), ("d", 3)]),
        ("{{ a.b[0].c }} {{ a['b'].c }} {{ a[n.m].c }}", [("a.b.0.c", 1), ("a.b.c", 1), ("a.0.c", 1), ("n.m", 1)]),
        ("{{ a.b|default(c.d) }} {{ a.b.upper() }}", [("a.b", 1), ("c.d", 1), ("a.b.upper", 1)]),
        ("{% if a.b is defined and c > 1 %}{{ a.b }}{% endif %}", [("a.b", 1), ("c", 1)]),
        ("{{ (a ~ b).c }} {{ 'x'.y }} {{ [a][0].z }}", [("a", 1), ("b", 1)]),
        ("nothing", []),
    ],
)
def test_the_names_that_are_read(body: str, read: list[tuple[str, int]]) -> None:
    assert uses(Sandbox({}, 100).parse(body)).read == read


@pytest.mark.parametrize(
    ("body", "made", "open_"),
    [
        ("{% set a = 1 %}{% for b, c in d %}{% endfor %}", {"a", "b", "c"}, False),
        ("{% macro m(x, y=1) %}{% endmacro %}{% call(z) m() %}{% endcall %}", {"m", "x", "y", "z"}, False),
        ("{% import 'p' as q %}{% from 'p' import r, s as t %}", {"q", "r", "t"}, False),
        ("{% include 'p' %}", set(), True),
        ("{% extends 'p' %}{% block k %}{% set v %}x{% endset %}{% endblock %}", {"v"}, True),
    ],
)
def test_the_names_that_are_made(body: str, made: set[str], open_: bool) -> None:
    found = uses(Sandbox({}, 100).parse(body))
    assert found.made - uses(Sandbox({}, 100).parse("")).made == made
    assert found.open is open_


def answers(*bodies: str, sources: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """What the worker says of templates with these bodies; it runs in this process."""
    order = {"inspect": True, "seconds": 1, "memory": 1, "output": 100, "sources": sources or {}}
    lines = [order]
    for number, body in enumerate(bodies):
        path = f"templates/{number}.txt"
        one = {"form": "txt", "main": f"{number}.txt", "path": path, "text": "", "fields": {"attachments.0": "{{ f }}"}}
        lines.append({**one, "body": [body, path, 5], "subject": ["{{ s }}", path, 2]})
    out = io.BytesIO()
    data = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    worker.serve(io.BytesIO(data), out, lambda size: None, lambda seconds: None)
    first, *rest = out.getvalue().splitlines()
    assert first == b"{}"
    return [json.loads(line) for line in rest]


def test_the_worker_answers_for_each_template_with_lines_of_its_file() -> None:
    good, bad, last = answers("a\n{{ b.c }}", "\n{% if %}", "{{ z }}")
    assert sorted(good["read"]) == [
        ["templates/0.txt", 1, "f"],
        ["templates/0.txt", 2, "s"],
        ["templates/0.txt", 6, "b.c"],
    ]
    assert (bad["path"], bad["line"]) == ("templates/1.txt", 6)
    assert ["templates/2.txt", 5, "z"] in last["read"]


def test_a_mistake_in_what_is_included_is_told_at_its_own_place() -> None:
    (answer,) = answers("{% include 'p.txt' %}", sources={"p.txt": ["\n{% for %}", "templates/p.txt", 3]})
    assert (answer["path"], answer["line"]) == ("templates/p.txt", 4)


def test_memory_that_runs_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_job: object) -> None:
        raise MemoryError

    monkeypatch.setattr(worker, "Renderer", full)
    (answer,) = answers("x")
    assert "more memory" in answer["words"]


def test_one_process_reads_all_of_them() -> None:
    found = list(
        Inspection([template("{{ a.b }}", "one"), template("{% if %}", "two"), template("x", "three")], {}).results()
    )
    assert [one.template.name for one in found] == ["one", "two", "three"]
    assert ("templates/one.txt", 5, "a.b") in found[0].read
    assert found[1].problem is not None
    assert (found[1].problem.line, found[2].problem) == (5, None)


def test_nothing_to_read_is_nothing_found() -> None:
    assert list(Inspection([], {}).results()) == []


def test_one_that_takes_too_long_is_told_and_the_next_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    inspection = Inspection([template("x", "slow"), template("{{ a }}", "next")], {})
    said = iter(["slow"])
    whole = Child.answer

    def answer(self: Child, seconds: float) -> Any:
        found = whole(self, seconds)
        return found if found == {} else next(said, found)

    monkeypatch.setattr(Child, "answer", answer)
    slow, after = inspection.results()
    told = Problem("templates/slow.txt", 0, 0, "template-syntax", "reading it takes too long", "Make it simpler.")
    assert slow.problem == told
    assert after.problem is None
    assert ("templates/next.txt", 5, "a") in after.read
