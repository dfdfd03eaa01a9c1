"""The pages of ``crmctl help``: what several commands have in common, short enough for one screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmctl import errors

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterator

    from crmctl.model.fields import Field

# By the names of the codes in errors.py, which has their numbers.
_CODES = {
    "OK": "Done. Of a list: also when it is empty.",
    "FAILED": "It failed, or problems were found (check, fmt --check, doctor).",
    "USAGE": "The words of the command do not fit: an unknown option, a bad filter or date.",
    "NOT_FOUND": "No record answers to the name, or several do; stderr lists them.",
    "INVALID": "A value or a record is not valid. Reads that met unreadable records end so too.",
    "CONFLICT": "The book is in no state for this: a merge under way, a file edited by hand, a record named by others.",
    "NO_BOOK": "There is no book here, or its crm.yaml cannot be read.",
    "LOCKED": "Another crmctl or git is writing; try again.",
    "NOT_SENT": "Some messages were not sent; the others were.",
    "BUG": "A bug of ours; stderr says where the details are.",
    "INTERRUPTED": "Interrupted, or a question was answered with no.",
    "BROKEN_PIPE": "Whoever read the output went away.",
}

_FILTERS = """\
FILTERS

A filter is free words and terms FIELD:VALUE; all of them have to hold.

    crmctl customer list berlin tag:vip
    crmctl deal list 'stage:proposal,negotiation' 'value>=10000' -tag:cold
    crmctl followup list 'due<=today' done:

  word  "two words"     anywhere in the record; case and accents do not matter
  FIELD:VALUE           has it, or has it in it; :A,B is any of them
  FIELD=VALUE  !=       is the value; is not, or is absent
  FIELD<VALUE  <= > >=  less, at most, more, at least
  FIELD:   FIELD:*      is absent; is present
  FIELD:VAL*            begins with it
  -TERM    not TERM     the opposite
  A or B   ( )          one or the other; parentheses group

Dates are words too (crmctl help dates): last<90d, closes:2026-Q1, due<=eom. Amounts may have a currency:
'value>=10000EUR'. Parts of groups and entries of maps are written with a point: address.city:Oslo,
consent.newsletter:granted, external.shop:42.

The shell has a use of its own for < > * ( ) " and !: put a filter with those in single quotes, and quotes around a
value with spaces inside them: 'name:"Ada Lovelace"'. The fields are listed by: crmctl schema KIND -o table
"""

_DATES = """\
DATES

Wherever a day or a time is asked for:

  2026-11-27  27.11.2026  27 nov  nov 27, 2026       a day
  today  yesterday  tomorrow  fri  next fri  last fri
  3d  2 weeks  1m  +3d  -30d  in 2 weeks  3 days ago (d, w, m, q, y: days, weeks, months, quarters, years)
  som eom soq eoq soy eoy sow eow                    start or end of this month, quarter, year, week
  first monday of december  last day of next month
  9:30  9:30pm  noon  tomorrow at 14:00  2026-11-27T09:30+01:00
  2026  2026-11  2026-Q1  2026-W47  nov  last quarter  last 90 days  2026-01..2026-03      a period, in filters

Words lean to the past where you say what happened (log), and to the future where you say what is due: fri is the
Friday that was, or the Friday to come. +3d, next fri and 2 weeks ago name their side. Commands that write show the
date they understood.

What could be read in two ways is refused with both readings: 11/12/2026, 27.11.26, midnight. In files and imports
dates are ISO (2026-11-27) and times RFC 3339 (2026-11-27T09:30:00+01:00).
"""

_OUTPUT = """\
OUTPUT

Results go to stdout, words (what was done, hints, warnings, questions) to stderr. -q leaves out words that only tell
what was done.

  -o table     for people; on a terminal lines are cut to its width
  -o json      an array of objects, one object for show; absent is null, money a text with its currency beside it
  -o jsonl     one object a line
  -o csv       for spreadsheets; cells they would run as formulas begin with '
  -o tsv       tabs; a tab, line end or backslash in a value is \\t, \\n, \\\\
  -o md        a table for Markdown
  -o ids       the handles alone

Fields are only ever added to JSON. Control characters in a record are shown, never sent to the terminal.

Colour: --color always|never, or NO_COLOR. Long output goes through $CRMCTL_PAGER or $PAGER on a terminal, not with
--no-pager. Questions are asked only on a terminal, not with --no-input, and each has a flag that answers it. Every
write prints how to undo it.
"""


def _exit_codes() -> str:
    lines = ["EXIT CODES", ""]
    codes = {name: value for name, value in vars(errors).items() if name.isupper() and isinstance(value, int)}
    for name, value in sorted(codes.items(), key=lambda code: code[1]):
        if name in _CODES:
            lines.append(f"  {value:3}  {_CODES[name]}")
    lines += ["", "Codes are only ever added; take one that you do not know for a failure."]
    return "\n".join(lines)


def _fields() -> str:
    from crmctl.model.kinds import KINDS

    lines = ["FIELDS", "", "* is needed, (counted) cannot be set. The book may have more: crmctl schema KIND -o table"]
    for kind in KINDS:
        lines += ["", f"{kind.name.upper()}  {kind.help}"]
        for field in kind.fields:
            lines += _field(field, "  ")
    lines += [
        "",
        "Set them: crmctl KIND set REF FIELD=VALUE. FIELD= takes out; FIELD+=VALUE and FIELD-=VALUE change a list;",
        "GROUP.PART=VALUE and MAP.NAME=VALUE reach inside.",
    ]
    return "\n".join(lines)


def _field(field: Field, indent: str) -> Iterator[str]:
    mark = "*" if field.required and not field.derived else ""
    shape = "" if field.shape == "one" else f" {field.shape}"
    kind = field.kind if field.type == "ref" else field.type
    text = f"{field.help} (counted)" if field.derived else field.help
    yield f"{indent}{(field.name + mark).ljust(18)} {(kind + shape).ljust(14)} {text}".rstrip()
    for part in field.fields:
        yield from _field(part, f"{indent}  ")


# Name: (what it is about, how its text is made).
TOPICS: dict[str, tuple[str, Callable[[], str]]] = {
    "filters": ("how to say which records are meant", lambda: _FILTERS),
    "dates": ("how days and times can be written", lambda: _DATES),
    "fields": ("what the kinds of records consist of", _fields),
    "output": ("formats, colour, pager, questions", lambda: _OUTPUT),
    "exit-codes": ("what the exit status says", _exit_codes),
}
