"""Random work of two people, with undos in between, each of which leaves the book as an independent model says.

CRMCTL_UNDOS says how many of these stories there are; ``./run soak`` asks for many more.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from helpers.undo_adversary import Adversary

if TYPE_CHECKING:
    from pathlib import Path

COUNT = int(os.environ.get("CRMCTL_UNDOS", "4"))
STEPS = 40


@pytest.mark.parametrize("seed", range(COUNT))
def test_an_undo_leaves_what_it_must(tmp_path: Path, seed: int) -> None:
    story = Adversary(tmp_path, seed)
    for _ in range(STEPS):
        story.step()
        assert not story.faults, "\n".join([*story.told, *story.faults])
    assert story.counts["undone"] + story.counts["refused"] > 0
