"""What goes into a merge and what comes out: three states, answers, questions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from typing import TypeAlias

from crmctl.model.raw import Raw
from crmctl.model.raw import RawMap

Path: TypeAlias = tuple[str, ...]
Value: TypeAlias = Raw | None
Answers: TypeAlias = Mapping[Path, Value]

NO_ANSWERS: Answers = {}


class Clash(NamedTuple):
    """A question: a field that both sides changed, each in its own way.

    ``path`` leads to it: ``("phone",)``, ``("consent", "newsletter")``, in a history ``(ID,)`` for a whole line or
    ``(ID, "amount")``. ``names`` are the top-level fields it decides: several for money, ``("amount", "currency")``,
    whose values are maps of those that are there; none for a whole line. A value is None where there is none.
    """

    path: Path
    names: tuple[str, ...]
    base: Value
    ours: Value
    theirs: Value


class Merged(NamedTuple):
    """A merged record; where there is a clash, ``data`` has what ours has."""

    data: RawMap
    clashes: tuple[Clash, ...]


class Three(NamedTuple):
    """One value in three states; None where there is none."""

    base: Value
    ours: Value
    theirs: Value

    @property
    def settled(self) -> bool:
        """Whether no rule is needed: the sides agree, or only one of them changed it."""
        return self.ours == self.theirs or self.base in (self.ours, self.theirs)

    @property
    def value(self) -> Value:
        """What a settled value is."""
        return self.theirs if self.ours == self.base else self.ours


class Questions:
    """Takes questions down, unless they have been answered already."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self.clashes: list[Clash] = []

    def ask(self, path: Path, three: Three, names: tuple[str, ...] = ()) -> Value:
        """The answer that was given; without one, a clash is noted and ours stands.

        ``names`` are the top-level fields in question, if they are more than the first of ``path``. Their value is a
        map, so nothing else is an answer.
        """
        answer = self._answers.get(path)
        if path in self._answers and (not names or answer is None or isinstance(answer, dict)):
            return answer
        self.clashes.append(Clash(path, names or path[:1], *three))
        return three.ours
