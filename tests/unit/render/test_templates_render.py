"""What comes out of a template: both parts, values as typed, and the name of everything that is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

import pytest
from helpers.inline import inline

from crmctl.errors import InvalidData
from crmctl.render.missing import Missing
from crmctl.render.ordering import Limits
from crmctl.render.rendering import Rendered
from crmctl.render.rendering import RenderFailed
from crmctl.render.rendering import render_many
from crmctl.render.templates import FrontMatter
from crmctl.render.templates import Template

if TYPE_CHECKING:
    from collections.abc import Mapping

ADA: dict[str, Any] = {
    "customer": {"name": "Ada Lovelace", "first_name": "Ada", "emails": ["ada@example.org"], "language": "en"},
    "book": {"currency": "EUR"},
    "today": "2026-11-02",
}


def template(body: str, form: str = "md", **front: Any) -> Template:
    return Template("hello", form, FrontMatter(**{"subject": "Hello", **front}), body, f"templates/hello.{form}", 4)


def one(
    body: str,
    data: Mapping[str, Any] = ADA,
    form: str = "md",
    includes: Mapping[str, str] | None = None,
    **front: Any,
) -> Rendered:
    return inline(template(body, form, **front), includes or {}, data)


def test_markdown_gives_a_text_and_an_html_part() -> None:
    message = one("Hello **{{ customer.first_name }}**,\n\nsee [our page](https://example.org/a).\n")
    assert message.problems == ()
    assert message.text == "Hello *Ada*,\n\nsee our page (https://example.org/a).\n"
    assert "<p>Hello <strong>Ada</strong>,</p>" in message.html
    assert '<p>see <a href="https://example.org/a">our page</a>.</p>' in message.html
    assert message.html.startswith('<!DOCTYPE html>\n<html lang="en">')
    assert "<title>Hello</title>" in message.html


def test_a_text_template_has_no_html_part() -> None:
    message = one("Hello *{{ customer.name }}* <b>\n", form="txt")
    assert message.text == "Hello *Ada Lovelace* <b>\n"
    assert message.html == ""


def test_an_html_template_is_kept_and_its_text_part_told_from_it() -> None:
    message = one('<h1>Hi {{ customer.first_name }}</h1><p>Go <a href="https://example.org">here</a></p>', form="html")
    assert '<h1>Hi Ada</h1><p>Go <a href="https://example.org">here</a></p>' in message.html
    assert message.text == "Hi Ada\n\nGo here (https://example.org)\n"


HOSTILE = [
    "<b>bold</b>",
    "[x](javascript:alert(1))",
    "*a* _b_ `c`",
    "# head",
    "1. one",
    "a & b < c",
    "{{ 7 * 7 }}",
    "&lt;",
]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("form", ["md", "html", "txt"])
def test_a_value_comes_out_as_typed_in_both_parts(name: str, form: str) -> None:
    import html

    body = "{{ customer.name }}\n" if form != "html" else "<p>{{ customer.name }}</p>"
    message = one(body, {"customer": {"name": name}}, form)
    assert message.text == f"{name}\n"
    if form != "txt":
        assert f"<p>{html.escape(name, quote=False)}</p>" in message.html


def test_a_value_in_an_attribute_cannot_leave_it() -> None:
    message = one('<p title="{{ customer.name }}">x</p>', {"customer": {"name": '" onclick="evil()'}}, "html")
    assert 'title="&quot; onclick=&quot;evil()"' in message.html


def test_lines_of_a_value_stay_lines() -> None:
    message = one("{{ customer.name }}\n", {"customer": {"name": "a\r\nb"}})
    assert message.text == "a\nb\n"
    assert "a<br>\nb" in message.html


@pytest.mark.parametrize(
    ("website", "html", "text"),
    [
        ("https://example.org/a b", 'href="https://example.org/a%20b"', "page (https://example.org/a%20b)"),
        ("example.org", 'href="https://example.org"', "page (https://example.org)"),
        ("mailto:ada@example.org", 'href="mailto:ada@example.org"', "page (ada@example.org)"),
        ("javascript:alert(1)", "<a>page</a>", "page\n"),
        ("data:text/html,x", "<a>page</a>", "page\n"),
        (" JaVaScript:x", "<a>page</a>", "page\n"),
    ],
)
def test_only_links_that_may_be_followed_survive(website: str, html: str, text: str) -> None:
    message = one("[page]({{ customer.website }})\n", {"customer": {"website": website}})
    assert html in message.html
    assert text in message.text
    assert "javascript" not in message.html.lower()


def test_a_value_inside_an_address_stays_one_part_of_it() -> None:
    message = one("[x](https://example.org/?q={{ customer.name }}&b=1)\n", {"customer": {"name": "a&b=2#c%"}})
    assert 'href="https://example.org/?q=a%26b%3D2%23c%25&amp;b=1"' in message.html
    encoded = one("[x](https://example.org/{{ customer.name|urlencode }})\n", {"customer": {"name": "a b"}})
    assert 'href="https://example.org/a%20b"' in encoded.html


def test_an_address_that_is_its_own_label_is_written_once() -> None:
    message = one(
        "<https://example.org/x> [{{ a }}]({{ a }}) [{{ b }}](mailto:{{ b }})\n", {"a": "https://e.org", "b": "a@e.org"}
    )
    assert message.text == "https://example.org/x https://e.org a@e.org\n"


def test_all_that_is_missing_is_listed_by_name() -> None:
    message = one(
        "{{ customer.birthday }} {{ customer.organization.name }} {{ owner.name }} {{ customer.emails[3] }}\n"
        "{% for line in last_order.lines %}{{ line.text }}{% endfor %}{{ customer.phones|first }}\n"
        "{% if customer.role %}x{% endif %}{{ customer.fax|upper }}{{ customer.age + 1 }}\n",
        subject="{{ customer.title }}",
    )
    assert [problem.removesuffix(" is missing") for problem in message.problems] == [
        "customer.title",
        "customer.birthday",
        "customer.organization.name",
        "owner.name",
        "customer.emails.3",
        "last_order.lines",
        "customer.phones",
        "customer.role",
        "customer.fax",
        "customer.age",
    ]
    assert (message.subject, message.text, message.html) == ("", "", "")


def test_missing_within_a_list_says_where() -> None:
    data = {"last_order": {"lines": [{"text": "a"}, {"price": "1"}]}}
    assert one("{% for line in last_order.lines %}{{ line.text }}{% endfor %}", data).problems == (
        "last_order.lines.1.text is missing",
    )


@pytest.mark.parametrize("blank", ["", "  ", None])
def test_a_blank_value_is_missing(blank: str | None) -> None:
    assert one("{{ customer.name }}", {"customer": {"name": blank}}).problems == ("customer.name is missing",)


def test_asking_whether_something_is_there_is_free() -> None:
    message = one(
        "{% if customer.organization.name is defined %}a{% else %}b{% endif %}"
        "{{ customer.role|default('c') }}{{ customer.fax|d('d') }}{{ 'e' if customer.x is undefined }}\n"
    )
    assert message.problems == ()
    assert message.text == "bcde\n"


def test_a_fallback_stands_in_where_a_value_is_missing_and_only_there() -> None:
    fallback = {"customer.first_name": "there", "customer.organization.name": "your company"}
    body = "{{ customer.first_name }} {{ customer.organization.name }}\n"
    assert one(body, {"customer": {"name": "X", "first_name": ""}}, fallback=fallback).text == "there your company\n"
    assert one(body, fallback=fallback).text == "Ada your company\n"
    assert one(body, {"customer": "not a map"}, fallback=fallback).problems


def test_fields_called_like_methods_are_data() -> None:
    data = {"customer": {"items": "i", "keys": "k", "get": "g", "values": ["v"]}}
    assert (
        one("{{ customer.items }}{{ customer.keys }}{{ customer['get'] }}{{ customer.values.0 }}\n", data).text
        == "ikgv\n"
    )
    assert one("{{ customer.items }}").problems == ("customer.items is missing",)


def test_what_cannot_be_printed_says_what_to_do() -> None:
    assert one("{{ customer.emails }}").problems == (
        "customer.emails is a list (print one of it, or use the filter listed)",
    )
    assert one("{{ customer }}").problems == ("customer is a group of fields (print one of its fields)",)
    assert one("{{ none }}").problems == ("a value is nothing",)
    assert one("{{ range }}").problems == ("templates/hello.md:4: this cannot be printed",)
    assert one("{{ 1.5 }} {{ true }} {{ 1 > 2 }}\n").text == "1.5 yes no\n"


@pytest.mark.parametrize("character", ["\0", "\x1b", "\x85", "\udc80", "\ufdd0"])
def test_a_control_character_in_a_value_is_a_problem_by_name(character: str) -> None:
    (problem,) = one("{{ customer.name }}", {"customer": {"name": f"A{character}"}}).problems
    assert problem == f"customer.name holds a control character (U+{ord(character):04X})"


def test_a_subject_is_one_line() -> None:
    assert one("x", subject="Hello\n  {{ customer.name }}", data={"customer": {"name": "A\nB"}}).subject == "Hello A B"


def test_parts_come_from_the_includes_only_and_without_their_front_matter() -> None:
    includes = {"_end.md": "---\nsubject: x\n---\nBye, {{ customer.first_name }}\n", "parts/a.md": "A\n"}
    message = one('{% include "_end.md" %}{% include "parts/a.md" %}', includes=includes)
    assert message.text == "Bye, Ada\nA\n"


def test_a_broken_part_troubles_only_those_who_use_it() -> None:
    includes = {"_bad.md": "---\nno end", "_marks.md": "a\ufdd00\ufdd1\0b"}
    assert one("{{ customer.name }}", includes=includes).text == "Ada Lovelace\n"
    assert (
        one('{{ customer.name }} {% include "_marks.md" %}', includes=includes).text
        == "Ada Lovelace a\ufffd0\ufffd\ufffdb\n"
    )


@pytest.mark.parametrize("name", ["../crm.yaml", "/etc/passwd", "_other.md"])
def test_nothing_else_can_be_included(name: str) -> None:
    with pytest.raises(InvalidData, match=r"templates/hello\.md:5: there is no templates/"):
        one(f'x\n{{% include "{name}" %}}', includes={"_end.md": "Bye"})
    message = one(f'x\n{{% set a = "{name}" %}}{{% include a %}}', includes={"_end.md": "Bye"})
    assert message.problems[0].startswith("templates/hello.md:5: there is no templates/")


def test_macros_blocks_and_imports_work_and_keep_their_markdown() -> None:
    includes = {
        "_m.md": "{% macro link(name, url) %}[{{ name }}]({{ url }}){% endmacro %}{% set hi %}*{{ 'hi' }}*{% endset %}",
        "_base.md": "{% block a %}base{% endblock %}!",
    }
    body = '{% import "_m.md" as m %}{{ m.link("*x*", "https://e.org") }} {{ m.hi }} {{ "a" ~ m.hi ~ customer.name }}'
    for includes_too in (includes, {**includes, "x.md": ""}):
        assert one(body, includes=includes_too).text == "*x* (https://e.org) *hi* a*hi*Ada Lovelace\n"
        messages = list(render_many(template(body), includes, [("a", ADA), ("b", {"customer": {"name": "*B*"}})]))
        assert [message.text for message in messages] == [
            "*x* (https://e.org) *hi* a*hi*Ada Lovelace\n",
            "*x* (https://e.org) *hi* a*hi**B*\n",
        ]
    assert '<a href="https://e.org">*x*</a> <em>hi</em>' in messages[0].html
    inherited = one(
        '{% extends "_base.md" %}{% block a %}{{ super() }} {{ customer.name }}{% endblock %}', includes=includes
    )
    assert inherited.text == "base Ada Lovelace!\n"


def test_text_made_by_a_template_is_a_plain_value_to_a_filter() -> None:
    body = "{% macro m(x) %}**{{ x }}**{% endmacro %}{{ m(customer.name)|upper }} {{ [m('a'), '*b*']|join(', ') }}\n"
    message = one(body, {"customer": {"name": "<i>"}})
    assert message.text == "**<I>** **a**, *b*\n"
    assert "**&lt;I&gt;** **a**, *b*" in message.html


@pytest.mark.parametrize(
    ("body", "where", "words"),
    [
        ("a\n{{ customer.name", 5, "end of template"),
        ("{% if x %}\n\n{% endfor %}", 6, "unknown tag 'endfor'"),
        ("{{ a|nofilter }}", 4, "nofilter"),
        ("{{ a|attr('x') }}", 4, "No filter named 'attr'"),
        ("a\n\n{% filter upper %}x{% endfilter %}", 6, "{% filter %} is not available"),
        ("{% autoescape false %}{{ x }}{% endautoescape %}", 4, "not available"),
        ("{% set x | upper %}a{% endset %}", 4, "not available"),
    ],
)
def test_a_mistake_in_the_template_has_its_line_in_the_file(body: str, where: int, words: str) -> None:
    with pytest.raises(InvalidData) as caught:
        one(body)
    (problem,) = caught.value.problems
    assert (problem.path, problem.line, problem.code) == ("templates/hello.md", where, "template-syntax")
    assert words in problem.message


def test_a_mistake_in_a_part_has_the_line_of_the_part() -> None:
    includes = {"_a.md": '{% include "_b.md" %}', "_b.md": "---\nx: y\n---\n\n{{ oh no }}"}
    with pytest.raises(InvalidData) as caught:
        one('{% include "_a.md" %}', includes=includes)
    assert (caught.value.problems[0].path, caught.value.problems[0].line) == ("templates/_b.md", 5)


def test_a_mistake_in_the_subject_has_the_line_of_the_subject() -> None:
    with pytest.raises(InvalidData, match=r"templates/hello\.md:3: "):
        one("x", subject="{{ oh no }}", subject_line=3)


def test_a_failure_while_rendering_has_its_line_and_does_not_hide_what_is_missing() -> None:
    message = one("{{ nobody }}\n{{ 1 / 0 }}\n")
    assert message.problems == ("nobody is missing", "templates/hello.md:5: division by zero")


def test_what_a_filter_cannot_do_is_said() -> None:
    message = one("{{ customer.name|date }} {{ customer.name|money }}")
    assert [problem.partition(" is not ")[0] for problem in message.problems] == ["'Ada Lovelace'", "'Ada Lovelace'"]


def test_messages_come_in_the_order_of_the_recipients_and_know_nothing_of_each_other() -> None:
    recipients = [(str(n), {"customer": {"name": f"N{n}"}} if n % 3 else {}) for n in range(700)]
    messages = list(render_many(template("{{ customer.name }}"), {}, recipients))
    assert [message.key for message in messages] == [key for key, _ in recipients]
    for number, message in enumerate(messages):
        assert message.text == (f"N{number}\n" if number % 3 else "")
        assert message.problems == (() if number % 3 else ("customer.name is missing",))


def test_data_that_is_not_plain_is_refused() -> None:
    with pytest.raises(TypeError):
        list(render_many(template("x"), {}, [("ada", {"customer": object()})]))


def test_the_length_of_a_message_is_bounded() -> None:
    (problem,) = one("{% for a in range(90000) %}0123456789ab{% endfor %}").problems
    assert problem == "templates/hello.md: the message is longer than 1,000,000 characters"
    growing = "\n{% set ns = namespace(a=[1]) %}{% for b in range(30) %}{% set ns.a = ns.a + ns.a %}{% endfor %}"
    (problem,) = one(growing).problems
    assert problem == "templates/hello.md:5: the message is longer than 1,000,000 characters"


def test_every_use_of_a_missing_value_is_noted() -> None:
    notes: dict[str, None] = {}
    here = type("Here", (Missing,), {"notes": notes})
    for number, use in enumerate(
        (str, len, list, bool, lambda m: m + 1, lambda m: -m, lambda m: m[0], lambda m: m < 1)
    ):
        use(here(name=f"a{number}"))  # type: ignore[operator]
        assert list(notes)[-1] == f"a{number}"
    assert {here(name="b"): 1}
    assert here(name="b").child("c").path == "b.c"
    assert "b" not in notes


def test_an_address_lists_what_it_lacks() -> None:
    data = {"customer": {"address": {"region": "x"}}}
    assert one("{{ customer.address|address }}", data).problems == (
        "customer.address.street is missing",
        "customer.address.city is missing",
    )


def test_numbers_keep_their_digits() -> None:
    assert one("{{ a }} {{ b + 1 }}\n", {"a": 0.1, "b": 41}).text == "0.1 42\n"


def test_the_process_ends_when_the_reader_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    import subprocess

    started: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def noted(*args: Any, **kwargs: Any) -> Any:
        started.append(popen(*args, **kwargs))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", noted)
    messages = render_many(template("{{ customer.name }}"), {}, ((str(n), ADA) for n in range(100_000)))
    next(iter(messages))
    messages.close()  # type: ignore[attr-defined]
    assert [process.returncode for process in started] == [-9]


def test_nothing_of_the_folder_it_is_called_in_is_run(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("json.py", "jinja2.py", "crmctl.py"):
        (tmp_path / name).write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nraise SystemExit\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (message,) = render_many(template("{{ customer.name }}"), {}, [("ada", ADA)])
    assert message.text == "Ada Lovelace\n"
    assert not (tmp_path / "ran").exists()


def test_a_renderer_that_does_not_start_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    with pytest.raises(RenderFailed, match="did not start"):
        list(render_many(template("x"), {}, (), Limits()))
