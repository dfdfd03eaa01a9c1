"""A git that was started and answers later: Python can load what it needs meanwhile.

The module subprocess takes longer to import than git takes to answer, and a hook starts anew for every commit.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.vcs.environment import not_started
from crmctl.vcs.status import drain

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Sequence


class Answer(NamedTuple):
    """How a command ended, below 0 by a signal, and what it said on its output and beside it."""

    code: int
    output: bytes
    words: bytes


class Asked:
    """A running ``command`` with the environment ``env``, given ``data`` on its input; ``answer`` waits for it."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], data: bytes = b"") -> None:
        """Start it.

        Raises:
            GitFailed: it cannot be started.
        """
        self._data = data
        self._answer: Answer | None = None
        given, self._input = os.pipe() if data else (os.open(os.devnull, os.O_RDONLY), -1)
        self._output, output = os.pipe()
        self._words, words = os.pipe()
        theirs = (given, output, words)
        actions = [(os.POSIX_SPAWN_DUP2, pipe, number) for number, pipe in enumerate(theirs)]
        try:
            self._pid = os.posix_spawnp(command[0], list(command), env, file_actions=actions)
        except OSError as exc:
            for pipe in (self._output, self._words, *([self._input] if data else [])):
                os.close(pipe)
            raise not_started(exc) from None
        finally:
            for pipe in theirs:
                os.close(pipe)

    def answer(self) -> Answer:
        """What it answers, once it has ended."""
        if self._answer is None:
            output, words = drain(self._output, self._words, into=self._input, data=self._data)
            _, status = os.waitpid(self._pid, 0)
            self._answer = Answer(os.waitstatus_to_exitcode(status), output, words)
        return self._answer
