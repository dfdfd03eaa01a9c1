"""How errors are told: the message, each problem at its place, the hint, none of them twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from crmctl.cli.app import App
from crmctl.cli.telling import tell_error
from crmctl.cli.telling import tell_problems
from crmctl.errors import Ambiguous
from crmctl.errors import CrmError
from crmctl.errors import InvalidData
from crmctl.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

ONE = Problem("a.yaml", 3, 1, "bad", "no name", "Add one.")
TWO = Problem("b.yaml", 4, 0, "bad", "no id", "Add one.")
OTHER = Problem("c.yaml", 0, 0, "bad", "a tab")


@pytest.mark.parametrize(
    ("error", "lines"),
    [
        (CrmError("it failed", hint="Again."), ["crmctl: it failed", "hint: Again."]),
        (InvalidData("it failed"), ["crmctl: it failed"]),
        (
            InvalidData("nothing was sent", hint="Mend it.", problems=[ONE, OTHER]),
            [
                "crmctl: nothing was sent",
                "  a.yaml:3:1: no name",
                "    hint: Add one.",
                "  c.yaml: a tab",
                "hint: Mend it.",
            ],
        ),
        (
            InvalidData("nothing was sent", problems=[ONE, TWO]),
            ["crmctl: nothing was sent", "  a.yaml:3:1: no name", "  b.yaml:4: no id", "hint: Add one."],
        ),
        (InvalidData(str(ONE), problems=[ONE]), ["crmctl: a.yaml:3:1: no name", "hint: Add one."]),
        (
            InvalidData("a.yaml: no name", hint="Add one.", problems=[ONE]),
            ["crmctl: a.yaml: no name", "hint: Add one."],
        ),
        (
            InvalidData(str(ONE), hint="Mend it.", problems=[ONE, OTHER]),
            ["crmctl: a.yaml:3:1: no name", "  hint: Add one.", "crmctl: c.yaml: a tab", "hint: Mend it."],
        ),
        (
            InvalidData(str(ONE), hint="Add one.", problems=[ONE, TWO]),
            ["crmctl: a.yaml:3:1: no name", "crmctl: b.yaml:4: no id", "hint: Add one."],
        ),
        (
            Ambiguous("two of them", [("ada", "Ada"), ("adam", "Adam")], hint="Say more."),
            ["crmctl: two of them", "  ada  Ada", "  adam  Adam", "hint: Say more."],
        ),
    ],
)
def test_an_error_is_told_whole_and_nothing_twice(
    error: CrmError, lines: Sequence[str], capsys: pytest.CaptureFixture[str]
) -> None:
    tell_error(App(), error)
    told = capsys.readouterr()
    assert told.err.splitlines() == lines
    assert told.out == ""


def test_what_it_happened_to_is_named_among_several(capsys: pytest.CaptureFixture[str]) -> None:
    tell_error(App(), CrmError("it failed"), "new-year")
    tell_error(App(), InvalidData(str(ONE), problems=[ONE, OTHER]), "spring")
    assert capsys.readouterr().err.splitlines() == [
        "crmctl: new-year: it failed",
        "crmctl: spring: a.yaml:3:1: no name",
        "  hint: Add one.",
        "crmctl: spring: c.yaml: a tab",
    ]


def test_quiet_leaves_problems(capsys: pytest.CaptureFixture[str]) -> None:
    app = App()
    app.quiet = True
    tell_problems(app, [ONE])
    assert capsys.readouterr().err.splitlines() == ["crmctl: a.yaml:3:1: no name", "  hint: Add one."]
