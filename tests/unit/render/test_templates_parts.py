"""Markdown and HTML as text: what a reader without HTML sees."""

from __future__ import annotations

import pytest

from crmctl.render import holes
from crmctl.render import hypertext
from crmctl.render import markdown
from crmctl.render import plaintext


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("# Title\n\nOne\ntwo\n\nThree\n", "Title\n\nOne\ntwo\n\nThree\n"),
        ("a **b** _c_ `d` \\*e\\* &amp;\n", "a *b* _c_ d *e* &\n"),
        ("a\\\nb  \nc\n", "a\nb\nc\n"),
        ("- a\n- b\n  c\n\nend\n", "- a\n- b\n  c\n\nend\n"),
        ("3. a\n4. b\n   - c\n   - d\n5. e\n", "3. a\n4. b\n   - c\n   - d\n5. e\n"),
        ("- a\n\n- b\n", "- a\n\n- b\n"),
        ("- a\n\n  b\n", "- a\n\n  b\n"),
        ("x\n\n> a\n> b\n>\n> c\n\ny\n", "x\n\n> a\n> b\n>\n> c\n\ny\n"),
        ("> - a\n> - b\n", "> - a\n> - b\n"),
        ("a\n\n```\ncode  x\n  y\n```\n\n    more\n", "a\n\ncode  x\n  y\n\nmore\n"),
        ("a\n\n---\n\nb\n", "a\n\n--------------------\n\nb\n"),
        ("| a | b |\n|---|---|\n| 1 | 2 |\n\nend\n", "| a | b |\n|---|---|\n| 1 | 2 |\n\nend\n"),
        ("[a](https://e.org) <https://f.org> <a@b.example>\n", "a (https://e.org) https://f.org a@b.example\n"),
        ("[a](<javascript:x>) [b](ftp://x) [c](/d)\n", "[a](<javascript:x>) [b](ftp://x) [c](/d)\n"),
        ("![logo](https://e.org/x.png)\n", "logo\n"),
        ("<b>a</b>\n\n<div>\nb\n</div>\n", "<b>a</b>\n\n<div>\nb\n</div>\n"),
        ("[**a** b](tel:+4912)\n", "*a* b (tel:+4912)\n"),
    ],
)
def test_markdown_as_text(source: str, text: str) -> None:
    assert holes.fill(markdown.to_text(source), []) == text


def test_raw_html_in_markdown_is_text_in_the_html_part() -> None:
    assert markdown.to_html("<script>x</script>\n") == "<p>&lt;script&gt;x&lt;/script&gt;</p>\n"


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<p>a\n  b</p><p>c</p>", "a b\n\nc"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>d", "- a\n- b\n  - c\n\nd"),
        ("<ol><li><p>a</p></li><li>b</li></ol>", "1. a\n\n2. b"),
        ("<p>see <a href='https://e.org'>this</a>, ok</p>", "see this (https://e.org), ok"),
        ("<a href='mailto:a@b.example'>a@b.example</a>", "a@b.example"),
        ("<a href='https://e.org'>open", "open (https://e.org)"),
        ("<a name=x>plain</a></a>", "plain"),
        ("<a href='mailto:a@b.example?subject=x'>off</a>", "off (mailto:a@b.example?subject=x)"),
        ("<a href='https://e.org'><img src='https://e.org/x.png'></a>", "https://e.org"),
        ("<table><tr><th>a</th><td>b</td></tr><tr><td>c</td></tr></table>x", "a  b\nc\n\nx"),
        ("<head><title>t</title><style>p{}</style></head><body><p>a</p></body>", "a"),
        ("<pre>a\n  b</pre>c", "a\n  b\n\nc"),
        ("a<hr>b", "a\n\n--------------------\n\nb"),
        ("<img alt='logo' src='https://e.org/x.png'> a &amp; b &lt;", "logo a & b <"),
        ("<b>a</b> <i>b</i>c", "a bc"),
        ("</ul></pre></a><p>a", "a"),
    ],
)
def test_html_as_text(source: str, text: str) -> None:
    assert holes.fill(plaintext.from_html(source), []).strip() == text


def fill(source: str, *values: str) -> str:
    page = hypertext.page(source)
    assert page.faults == ()
    return holes.fill(page.plan, [*values, "en", "Subject"])


def test_a_whole_page_is_kept_as_it_is() -> None:
    source = (
        '<!DOCTYPE html>\n<html lang="de"><head><meta charset="utf-8"><meta name="viewport" content="width=1">'
        '<title>t</title><style>p { color: red; } a > b {}</style></head><body bgcolor="#fff">'
        '<table width="100%"><tr><td colspan="2" style="color: red">a<br>b</td></tr></table></body></html>'
    )
    assert fill(source) == source


def test_comments_are_dropped_and_a_fragment_gets_its_page() -> None:
    page = fill(f"<p>a<!-- secret --> {holes.hole(0)}</p>", "<x>")
    assert page.endswith("<p>a &lt;x&gt;</p>\n</body>\n</html>\n")
    assert '<html lang="en">' in page
    assert "<title>Subject</title>" in page


def test_what_stands_in_a_script_is_left_out() -> None:
    page = hypertext.page("<script><b>x</b></script><p>y</p>")
    assert page.faults == ("<script> is not allowed in a message",)
    assert "x" not in [piece for piece in page.plan if piece == "x"]


@pytest.mark.parametrize(
    ("parts", "values", "address"),
    [
        (("https://e.org/a b",), [], "https://e.org/a%20b"),
        ((0,), ["https://e.org/ü?a=b#c"], "https://e.org/%C3%BC?a=b#c"),
        ((0,), ["e.org/x"], "https://e.org/x"),
        ((0,), ["x"], ""),
        ((0,), ["//e.org"], ""),
        ((0,), ["java\nscript:x"], ""),
        ((0, "/x"), ["https://e.org"], "https://e.org/x"),
        (("mailto:", 0), ["a@b.example"], "mailto:a@b.example"),
        (("mailto:", 0), ["a@b.example?bcc=c@d"], "mailto:a@b.example%3Fbcc%3Dc@d".replace("%3D", "=")),
        (("https://e.org/", 0), ["a/b?c#d"], "https://e.org/a/b%3Fc%23d"),
        (("https://e.org/?q=", 0), ["a&b=1"], "https://e.org/?q=a%26b%3D1"),
        (("https://e.org/?q=", 0), ["a%20b"], "https://e.org/?q=a%20b"),
        (("ftp://", 0), ["e.org"], ""),
        (("",), [], ""),
    ],
)
def test_addresses(parts: tuple[str | int, ...], values: list[str], address: str) -> None:
    assert holes.address(parts, values) == address
