"""What a filter says when the record that it was given lacks fields."""

from __future__ import annotations


class Lacking(ValueError):
    """The fields ``names`` of the value that a filter got are missing."""

    def __init__(self, *names: str) -> None:
        super().__init__(f"there is no {' and no '.join(names)}")
        self.names = names
