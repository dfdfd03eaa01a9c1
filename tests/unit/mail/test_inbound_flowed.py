"""Text that was broken for travelling reads as it was typed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmctl.mail.inbound import flowed


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("one \ntwo\nthree", "one two\nthree"),
        ("> one \n> two\nmine", "> one two\nmine"),
        ("> one \nmine", "> one \nmine"),
        ("> one \n>> two", "> one \n>> two"),
        (" >not a quote\n From", ">not a quote\nFrom"),
        ("yes \n-- \nAda", "yes \n-- \nAda"),
        ("", ""),
    ],
)
def test_lines_that_go_on(text: str, typed: str) -> None:
    assert flowed.unbroken(text) == typed


def test_the_blank_may_be_no_part_of_the_text() -> None:
    assert flowed.unbroken("三枚 \nください", delete_space=True) == "三枚ください"


@given(st.text(alphabet="> -a\n"))
def test_no_word_is_lost(text: str) -> None:
    assert flowed.unbroken(text).count("a") == text.count("a")
