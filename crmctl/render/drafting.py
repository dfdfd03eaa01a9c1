"""A message as its own source: the template with the values put in, for a person to edit before it goes out.

A value is written so that the source says it as typed: in Markdown its signs are escaped, in HTML its brackets. What is
made of an unedited draft is the message that the template makes.
"""

from __future__ import annotations

import html
import re

from crmctl.render import holes

FORMS = {form: f"{form} draft" for form in ("md", "txt", "html")}
"""What the job of a draft calls its form, by the form of the template."""

_HOLE = holes.HOLE.pattern
_TARGETS = {
    "md draft": re.compile(rf"(\]\(<?)([^\s()<>]*{_HOLE}[^\s()<>]*)"),
    "html draft": re.compile(rf'(\b(?:href|src)\s*=\s*")([^"]*{_HOLE}[^"]*)', re.IGNORECASE),
}
_SIGNS = re.compile(r"[\\`*_\[\]<>|]|&(?=#?\w{1,31};)")
_IN_TARGET = re.compile(r"[()]|&(?=#?\w{1,31};)")
_MARKER = re.compile(r"[#+=~-]|\d{1,9}(?=[.)])")
_BEFORE = re.compile(r"[ \t>]*(?:(?:[*+-]|\d{1,9}[.)])[ \t>]+)*\Z")


def filled(form: str, body: str, values: list[str]) -> str:
    """``body``, a template of ``form`` (one of ``FORMS``) that was rendered with holes, as source without any."""
    if form == "txt draft":
        return holes.fill(holes.plain_plan(body), values)
    out = ""
    for part in holes.split(_with_targets(form, body, values)):
        if isinstance(part, str):
            out += part
        elif form == "html draft":
            out += _in_html(values[part], inside=out.rfind("<") > out.rfind(">"))
        else:
            if out.endswith("<") and not out.endswith("\\<"):
                out = f"{out[:-1]}\\<"  # Or it would begin a link when an address follows.
            starts = _BEFORE.match(out.rpartition("\n")[2]) is not None
            out += _in_markdown(values[part], starts=starts)
    return out


def _with_targets(form: str, body: str, values: list[str]) -> str:
    """Links whose addresses have holes get the addresses that they have in a message; the rest is left."""

    def target(match: re.Match[str]) -> str:
        found = holes.address(tuple(holes.split(match[2])), values)
        if form == "html draft":
            return match[1] + html.escape(found)
        return match[1] + _IN_TARGET.sub(r"\\\g<0>", found)

    return _TARGETS[form].sub(target, body)


def _in_html(value: str, *, inside: bool) -> str:
    text = html.escape(value)
    return text.replace("\n", " ") if inside else text.replace("\n", "<br>\n")


def _in_markdown(value: str, *, starts: bool) -> str:
    """``value`` so that Markdown shows it as it is; ``starts``: nothing stands before it on its line."""
    lines = []
    for number, line in enumerate(value.rstrip("\n").split("\n")):
        text = _SIGNS.sub(r"\\\g<0>", line)
        if starts or number:
            text = text.lstrip(" \t")
            text = _MARKER.sub(_marker, text, count=1) if _MARKER.match(text) else text
        lines.append(text)
    return "\\\n".join(lines)


def _marker(match: re.Match[str]) -> str:
    return f"{match[0]}\\" if match[0].isdecimal() else f"\\{match[0]}"
