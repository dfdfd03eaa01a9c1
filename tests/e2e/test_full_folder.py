"""Letters into a file system that is really full: the run stops, says so, and goes on when there is room again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helpers import campaign_book as books
from helpers.books import commit
from helpers.mounts import mounted

if TYPE_CHECKING:
    from pathlib import Path

PEOPLE = 20

SCRIPT = """
mount -t tmpfs -o size=40k none "$2"
status=0
crmctl -C "$1" campaign send spring --send --to "$2" || status=$?
test "$status" = 8
ls "$2" | grep -c '^p0' > "$3/first"
mount -o remount,size=4m "$2"
crmctl -C "$1" campaign resume spring
crmctl -C "$1" campaign send spring --send --to "$2"
ls "$2" > "$3/all"
cat "$2"/print-* > "$3/bound"
"""


def test_a_full_folder_loses_and_doubles_nobody(tmp_path: Path) -> None:
    root = books.make(tmp_path / "book", PEOPLE, "channel: letter\n")
    place = "address: {{street: Lane {}, city: Town, country: DE}}\n"
    paths = sorted((root / "records/customers").iterdir())
    commit(root, {f"customers/{path.name}": path.read_text() + place.format(path.stem) for path in paths})
    (tmp_path / "out").mkdir()
    (tmp_path / "seen").mkdir()
    done = mounted(SCRIPT, root, tmp_path / "out", tmp_path / "seen")
    assert done.code == 0, done.err
    assert "the folder cannot be written to: no space left on device" in done.err
    assert 0 < int((tmp_path / "seen/first").read_text()) < PEOPLE
    letters = [name for name in (tmp_path / "seen/all").read_text().split() if name.startswith("p0")]
    assert len(letters) == PEOPLE
    assert (tmp_path / "seen/bound").read_text().count('<div class="letter">') == PEOPLE
    assert books.states(root) == {"accepted": PEOPLE}
    assert books.told(root) == {f"p{number:03d}": 1 for number in range(PEOPLE)}
