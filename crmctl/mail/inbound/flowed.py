"""Text that was broken into lines for travelling, as it was typed (RFC 3676, format=flowed)."""

from __future__ import annotations

SIGNATURE = "-- "


def unbroken(text: str, *, delete_space: bool = False) -> str:
    """The paragraphs of a flowed text: a line that ends with a blank goes on in the next one, quoted as deep.

    ``delete_space`` says that the blank is no part of the text (DelSp=yes), as between letters of Chinese.
    """
    made: list[list[str]] = []
    depth, open_ = 0, False
    for line in text.split("\n"):
        bare = line.lstrip(">")
        deep = len(line) - len(bare)
        said = bare.removeprefix(" ")
        goes_on = open_ and deep == depth and said != SIGNATURE
        depth, open_ = deep, said.endswith(" ") and said != SIGNATURE
        if open_ and delete_space:
            said = said[:-1]
        if goes_on:
            made[-1].append(said)
        else:
            made.append([f"{'>' * deep} {said}" if deep else said])
    return "\n".join("".join(pieces) for pieces in made)
