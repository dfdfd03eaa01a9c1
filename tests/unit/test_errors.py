"""Errors carry their exit status and what to do; problems say where they are."""

from __future__ import annotations

import inspect

import pytest

from crmctl import errors
from crmctl.errors import Ambiguous
from crmctl.errors import CrmError
from crmctl.errors import Problem


@pytest.mark.parametrize(
    ("line", "column", "text"), [(0, 0, "a.yaml: bad"), (3, 0, "a.yaml:3: bad"), (3, 7, "a.yaml:3:7: bad")]
)
def test_a_problem_says_where_it_is(line: int, column: int, text: str) -> None:
    assert str(Problem("a.yaml", line, column, "bad", "bad")) == text


def test_an_error_carries_a_hint_and_problems() -> None:
    problem = Problem("a.yaml", 1, 1, "x", "y")
    error = errors.InvalidData("no good", hint="mend it", problems=[problem])
    assert (str(error), error.message, error.hint, error.problems) == ("no good", "no good", "mend it", (problem,))
    assert CrmError("x").hint == ""


def test_several_that_fit_are_all_named() -> None:
    error = Ambiguous("which", [("a", "A"), ("b", "B")], hint="say more")
    assert error.candidates == (("a", "A"), ("b", "B"))
    assert error.code == errors.NOT_FOUND


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.CrmError, 1),
        (errors.GitFailed, 1),
        (errors.StorageFailed, 1),
        (errors.UsageProblem, 2),
        (errors.NotFound, 3),
        (errors.Ambiguous, 3),
        (errors.InvalidData, 4),
        (errors.Conflict, 5),
        (errors.NoBook, 6),
        (errors.Locked, 7),
    ],
)
def test_exit_codes_are_a_contract(error: type[CrmError], code: int) -> None:
    assert error.code == code


def test_every_code_has_a_name_of_its_own() -> None:
    codes = {name: value for name, value in vars(errors).items() if name.isupper() and type(value) is int}
    assert sorted(codes.values()) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 70, 130, 141]
    leaves = [found for _, found in inspect.getmembers(errors, inspect.isclass) if issubclass(found, CrmError)]
    assert {leaf.code for leaf in leaves} <= set(codes.values())
