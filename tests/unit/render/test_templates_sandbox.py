"""Hostile templates: each ends as a plain problem, never as something run, read, or printed from the machine."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

import pytest
from helpers.inline import inline

from crmctl.errors import InvalidData
from crmctl.render.rendering import render_many
from crmctl.render.templates import FrontMatter
from crmctl.render.templates import Template

if TYPE_CHECKING:
    from collections.abc import Mapping

DATA = {"customer": {"name": "Ada", "emails": ["a@b.example"], "n": 3}, "me": {"name": "M"}}


def problems(body: str, form: str = "md", includes: Mapping[str, str] | None = None) -> tuple[str, ...]:
    template = Template("evil", form, FrontMatter(subject="s"), body, f"templates/evil.{form}", 1)
    try:
        message = inline(template, includes or {}, DATA)
    except InvalidData as exc:
        return (exc.message,)
    assert message.problems, message.text
    return message.problems


@pytest.mark.parametrize(
    "body",
    [
        "{{ ''.__class__ }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ customer.__class__ }}",
        "{{ customer['__class__'] }}",
        "{{ [].__class__.__base__ }}",
        "{{ (1).__class__ }}",
        "{{ customer.name.__len__() }}",
        "{{ '{0.__class__}'.format(1) }}",
        "{{ '{x}'.format_map({'x': 1}) }}",
        "{{ customer.name.format(1) }}",
        "{{ ('%s' % customer) }}",
        "{{ customer.update({'name': 'x'}) }}",
        "{{ customer.emails.append('x') }}",
        "{{ customer.emails.clear() }}",
        "{{ customer.name.encode() }}",
        "{{ customer.name.join(['a']) }}",
        "{{ customer.name.replace('A', 'B') }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ lipsum.__globals__ }}",
        "{{ joiner() }}",
        "{{ dict(a=1) }}",
        "{{ range.__init__ }}",
        "{{ namespace.__init__ }}",
        "{{ namespace().__class__ }}",
        "{{ self.__init__ }}",
        "{{ self._TemplateReference__context }}",
        "{% macro m() %}{% endmacro %}{{ m.__globals__ }}",
        "{% macro m() %}{% endmacro %}{{ m._func }}",
        "{% macro m() %}{% endmacro %}{{ m.arguments }}",
        "{% for x in [1] %}{{ loop.__class__ }}{% endfor %}",
        "{% for x in [1] %}{{ loop._iterator }}{% endfor %}",
        "{% import '_p.md' as p %}{{ p.__class__ }}",
        "{% import '_p.md' as p %}{{ p._body_stream }}",
        "{{ customer|attr('__class__') }}",
        "{{ customer|map(attribute='__class__')|list|first }}",
        "{{ [customer]|map(attribute='__class__')|join }}",
        "{{ [customer]|map('attr', '__class__')|join }}",
        "{{ customer.name|safe }}",
        "{{ customer.name|xmlattr }}",
        "{{ customer|pprint }}",
        "{{ '%s'|format(1) }}",
        "{{ '%0100000000d'|format(1) }}",
        "{{ customer.name() }}",
        "{{ (customer.emails|first)() }}",
        "{{ 'a' * 3 }}",
        "{{ ['a'] * 10 ** 9 }}",
        "{{ 'a' + 1 }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ 10 ** 20 * 10 ** 20 }}",
        "{{ -(10 ** 65) }}",
        "{{ range(10 ** 9)|list }}",
        "{% for i in range(10 ** 9) %}x{% endfor %}",
        "{{ caller() }}",
        "{{ super() }}",
        "{% include ['_a.md', '_b.md'] %}",
        "{% import 'os' as os %}",
        "{% from '_p.md' import nothing %}{{ nothing() }}",
        "{{ 1 / 0 }}",
        "{{ customer.n.real.real }}",
        "{{ none() }}",
        "{{ undefined_function('x') }}",
        "{% set ns = namespace(a=1) %}{{ ns.b }}",
        "{% debug %}",
        "{% do customer.clear() %}",
        "{{ config }}",
        "{{ request.environ }}",
        "{{ environment }}",
        "{{ context }}",
        "{{ ''|map('upper')|x }}",
    ],
)
def test_a_hostile_template_ends_as_a_problem(body: str) -> None:
    for problem in problems(body, includes={"_p.md": "x"}):
        assert "\n" not in problem
        assert "0x" not in problem
        assert "Traceback" not in problem


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "calls itself without end"),
        ('{% include "_loop.md" %}', "calls itself without end"),
        ("{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}", "nested too deeply"),
        ("{{ " + "-" * 20000 + "1 }}", "nested too deeply"),
        ("{% for a in [1] %}" * 30 + "{% endfor %}" * 30, "nested too deeply"),
        ("{{ " + "9" * 5000 + " }}", "cannot be read"),
        ("{% if 1 %}" * 500 + "{% endif %}" * 500, ""),
    ],
)
def test_endless_nesting_is_told(body: str, words: str) -> None:
    template = Template("evil", "md", FrontMatter(subject="s"), body, "templates/evil.md", 1)
    try:
        (message,) = render_many(template, {"_loop.md": '{% include "_loop.md" %}'}, [("ada", DATA)])
    except InvalidData as exc:
        (problem,) = (exc.message,)
    else:
        (problem,) = message.problems
    assert words in problem
    assert problem.startswith("templates/")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<script>alert(1)</script>", "<script> is not allowed"),
        ("<SCRIPT src=//x></SCRIPT>", "<script> is not allowed"),
        ("<iframe src='https://x'></iframe>", "<iframe> is not allowed"),
        ("<form action='https://x'><input></form>", "<form> is not allowed"),
        ("<svg onload=x>", "<svg> is not allowed"),
        ("<p onclick='x'>a</p>", "<p onclick> is not allowed"),
        ("<base href='https://x'>", "<base> is not allowed"),
        ("<meta http-equiv=refresh content='0;url=https://x'>", "<meta> is not allowed"),
        ("<link rel=stylesheet href='https://x'>", "<link> is not allowed"),
        ("<a href='javascript:x'>a</a>", "a link to 'javascript:x' is not allowed"),
        ("<a href=' java\nscript:x'>a</a>", "is not allowed"),
        ("<img src='data:image/png;base64,x'>", "is not allowed"),
        ("<p style='background:url(https://x)'>a</p>", "is not allowed"),
        ("<style>@import 'https://x';</style>", "is not allowed"),
        ("<style>p{color:{{ customer.name }}}</style>", "a value cannot stand inside a style"),
        ("<p style='color:{{ customer.name }}'>x</p>", "a value cannot stand inside a style"),
        ("<{{ customer.name }}>x", "values"),
        ("<p{{ customer.name }}>x", "<...> is not allowed"),
        ("<p {{ customer.name }}=1>x", "<p ...> is not allowed"),
        ("<!DOCTYPE html PUBLIC 'x'>", "only <!DOCTYPE html>"),
    ],
)
def test_html_that_has_no_place_in_a_message_is_refused(body: str, words: str) -> None:
    if words == "values":  # no element at all: the sign is text, and the name is a name
        template = Template("evil", "html", FrontMatter(subject="s"), body, "templates/evil.html", 1)
        message = inline(template, {}, DATA)
        assert "&lt;Ada&gt;x" in message.html
        return
    assert any(words in problem for problem in problems(body, "html"))


def test_what_a_template_may_do() -> None:
    body = (
        "{% set ns = namespace(n=0) %}{% for i in range(3) %}{% set ns.n = ns.n + i %}{{ loop.index }}"
        "{{ loop.cycle('a', 'b') }}{% endfor %} {{ ns.n }} {{ customer.name.lower() }} {{ customer.name[0] }}"
        " {{ customer.emails[0].split('@')[1] }} {{ 7 // 2 }} {{ 7 % 4 }} {{ 2 ** 10 }}"
        " {{ 'a' ~ 1 ~ 'b' }} {{ 'a' + 'b' }}"
        " {{ ([1] + [2])|sum }} {{ customer.name|e }} {{ 'x' in 'xy' }} {{ customer.emails[:1]|length }} {{ -1 }}"
        " {{ [{'a': 'p'}, {'a': 'q'}]|map(attribute='a')|join('+') }} {{ ['b', 'a']|sort|join }} {{ [1, 2]|join('-') }}"
        " {{ [{'a': 'p'}]|join('', attribute='a') }} {{ (1, 2)[1] }}"
    )
    template = Template("fine", "txt", FrontMatter(subject="s"), body, "templates/fine.txt", 1)
    message = inline(template, {}, DATA)
    assert message.problems == ()
    assert message.text == "1a2b3a 3 ada A b.example 3 3 1024 a1b ab 3 Ada yes 1 -1 p+q ab 1-2 p 2\n"


def test_the_data_of_one_message_cannot_change_that_of_the_next() -> None:
    body = "{% set x = customer %}{% set customer = {'name': 'Eve'} %}{{ x.name }}{{ customer.name }}\n"
    template = Template("t", "txt", FrontMatter(subject="s"), body, "templates/t.txt", 1)
    data: dict[str, Any] = DATA
    assert [m.text for m in render_many(template, {}, [("a", data), ("b", data)])] == ["AdaEve\n", "AdaEve\n"]
