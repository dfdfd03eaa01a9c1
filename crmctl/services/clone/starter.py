"""The files a new book starts with, written for someone who sees such a file for the first time."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.model.settings import FILE
from crmctl.services import shipped

if TYPE_CHECKING:
    from collections.abc import Mapping


class Basics(NamedTuple):
    """What is asked about a new book; "" where nothing was said."""

    name: str = ""
    currency: str = ""
    timezone: str = ""
    country: str = ""
    language: str = ""
    layout: str = ""


ATTRIBUTES_FILE = ".gitattributes"
ATTRIBUTES = """\
# Records and templates are the same bytes on every machine, whatever it does with line ends elsewhere.
/records/** text eol=lf
/templates/** text eol=lf
# What two people changed is joined field by field, in every clone that crmctl is used in.
/records/**/*.yaml merge=crmctl text eol=lf
/records/**/*.jsonl merge=crmctl text eol=lf
/crm.yaml merge=crmctl text eol=lf
"""

IGNORED = """\
# What editors, file managers and an interrupted write leave behind.
*~
.*.sw?
.DS_Store
.*.crmctl
"""

# Lines that begin with # and no single space after it are examples; a test takes their # away and reads the file.
_SETTINGS = """\
# Settings that everyone who shares this book has in common.
# Lines such as `#email: ...` are examples: take the # away, and change what it says. `crmctl check` reads it all again.
# No command, host, path or password belongs in here: those are each person's own (~/.config/crmctl/config.yaml).

name: {name}
# The currency of amounts that do not name one. Amounts in other currencies are never added to it.
currency: {currency}
# Days begin and end here, and times without an offset are read here.
timezone: {timezone}
# The language to write in when a customer has none of their own.
language: {language}
# Phone numbers without a country code belong to this country.
{country}
# Flat suits up to a few thousand customers; `sharded` spreads more of them over folders.
layout: {layout}
# Files are named after people (ada-lovelace.yaml); `random` gives names that say nothing.
handles: name

# Newsletters are sent from here, and the law of most countries wants the address below them.
#email: hello@example.com
#postal_address: |-
#  1 Example Street
#  Example Town

# How far a customer has come, first to last.
#lifecycles:
#  - lead
#  - prospect
#  - customer
#  - former

# Stages in order, each with the chance in percent that a deal there is won. A pipeline ends in stages that are won or
# lost. A second pipeline is one more name beside `sales`.
#pipelines:
#  sales:
#    lead: "10"
#    qualified: "25"
#    proposal: "50"
#    negotiation: "75"
#    won: won
#    lost: lost

# Why we write to people; templates and campaigns name one of these. On the basis of `consent` only those are written to
# who said yes to it (crmctl consent grant); the other bases are contract, legal, legitimate-interest and soft-opt-in.
purposes:
  newsletter:
    basis: consent
    help: news and offers
  service:
    basis: contract
    help: about what they bought or asked
  birthday:
    basis: consent
    help: a greeting on their birthday

# Hours until a case should have its first answer, by priority.
#response_targets:
#  urgent: "4"
#  high: "8"
#  normal: "24"
#  low: "72"

# Own fields of the built-in kinds. Commands, import, export and check know them at once:
#     crmctl customer list industry:retail
#fields:
#  customer:
#    industry:
#      type: choice
#      choices:
#        - retail
#        - software
#      help: what they do

# Own kinds of records. This one would live in records/vendors/, one file a vendor:
#     crmctl vendor list
#kinds:
#  vendor:
#    plural: vendors
#    help: who we buy from
#    fields:
#      name:
#        type: text
#        required: "yes"
#      email: email
"""


def new_files(basics: Basics) -> Mapping[str, bytes]:
    """The files of an empty book, by path; nothing in ``basics`` is "" but perhaps the country."""
    from crmctl.store.yaml_writer import inline

    values = {name: inline(value) for name, value in basics._asdict().items()}
    values["country"] = f"country: {values['country']}" if basics.country else "#country: DE"
    return {FILE: _SETTINGS.format_map(values).encode(), **_beside()}


def sample_files() -> Mapping[str, bytes]:
    """The files of the sample book, by path."""
    records = dict(shipped.files("records"))
    return {FILE: records.pop(shipped.SAMPLE_SETTINGS), **records, **_beside()}


def _beside() -> dict[str, bytes]:
    return {
        ATTRIBUTES_FILE: ATTRIBUTES.encode(),
        ".gitignore": IGNORED.encode(),
        **dict(shipped.files("templates")),
    }
