"""A template that names its fields gets those alone, and says the same as if it had got all of them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from helpers.inline import inline

from crmctl import clock
from crmctl.render.templates import FrontMatter
from crmctl.render.templates import Template
from crmctl.services.book import Book
from crmctl.services.merge_data import MergeData

if TYPE_CHECKING:
    from pathlib import Path

HANDLES = ["helena-holy", "luis-goncalves", "richard-cunningham"]


@pytest.fixture
def sample(sample_dir: Path) -> Book:
    clock.freeze(datetime.fromisoformat("2012-01-16T12:00:00-07:00"))
    return Book(sample_dir)


@pytest.mark.parametrize(
    "body",
    [
        "{{ customer.name }} {{ customer.orders }} {{ customer.spent }} {{ customer.address.country }}",
        "{{ customer.handle }} {{ customer.emails[0] }} {{ customer.tags|default([])|listed }}",
        "{{ customer.organization.name|default('-') }} {{ owner.name }} {{ customer.owner }} {{ me.name }}",
        "{{ customer|greeting }} {{ customer|first_name }}",
        "{{ customer['name'] }} {{ customer[('na' ~ 'me')] }}",
        "{% set them = customer %}{{ them.name }} {{ them.orders }} {{ them.address.city }}",
        "{% for name in customer %}{{ name }},{% endfor %}",
        "{% macro m(who) %}{{ who.address.city }}{% endmacro %}{{ m(customer) }}",
        "{{ [customer][0].name }} {{ (customer).address.city }} {{ customer .name }}",
        "{{ customer.address|address }} {{ last_order.at|date }} {{ last_order.amount }}",
        "{{ customer.nothing }} {{ customer.address.nothing }} {{ customer.nothing.more }}",
        "{{ customer.phones }}",
        "{{ 1234.5|money('EUR') }} {{ today|date }}",
    ],
)
def test_a_template_says_the_same_whatever_it_was_given(sample: Book, body: str) -> None:
    template = Template("t", "txt", FrontMatter("Hi"), body, "templates/t.txt", 1)
    all_of_it = dict(MergeData(sample, "news").each(HANDLES))
    for handle, data in MergeData(sample, "news").each(HANDLES, body):
        assert inline(template, {}, data) == inline(template, {}, all_of_it[handle])


def test_what_is_not_named_does_not_travel(sample: Book) -> None:
    ((_, data),) = MergeData(sample, "news").each(["helena-holy"], "{{ customer.name }}")
    assert set(data["customer"]) <= {"handle", "name", "language"}
    assert data["customer"]["name"] == "Helena Holý"
