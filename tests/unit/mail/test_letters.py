"""Letters as pages, and bound into one file to print, each on a sheet of its own and each once."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from crmctl.errors import StorageFailed
from crmctl.mail import letters

if TYPE_CHECKING:
    from pathlib import Path

LOOK = (
    '<!DOCTYPE html>\n<html lang="de"><head><style>p {{ color: {look} }}</style></head>'
    '<body style="margin:0">{words}</body></html>'
)


@pytest.fixture
def hidden(tmp_path: Path) -> Path:
    found = tmp_path / "out" / ".hidden"
    found.mkdir(parents=True)
    return found


def letter(hidden: Path, name: str, words: str, look: str = "red") -> None:
    (hidden.parent / name).write_text(LOOK.format(look=look, words=words))
    with (hidden / "list").open("a") as file:
        file.write(f"{name}\n")


def test_a_page_says_how_it_is_printed() -> None:
    page = letters.page("<html><head></head><body>x</body></html>", "")
    assert page == f"<html><head><style>{letters._PAGE}</style>\n</head><body>x</body></html>"
    own = "<html><head><style>@page { margin: 0 }</style></head></html>"
    assert letters.page(own, "") == own


def test_text_becomes_a_page_as_it_is() -> None:
    page = letters.page("", "Dear Ada <b>\n\n  Bye\n")
    assert "Dear Ada &lt;b&gt;\n\n  Bye</div>" in page
    assert "pre-wrap" in page
    assert "@page" in page


def test_letters_are_bound_in_their_order_each_on_a_sheet(hidden: Path) -> None:
    for name in ("b", "a", "b"):
        letter(hidden, f"{name}.html", f"<p>Dear {name}</p>")
    (path,) = letters.bind(hidden.parent, hidden / "list", "1")
    text = path.read_text()
    assert (path.name, stat.S_IMODE(path.stat().st_mode)) == ("print-1.html", 0o600)
    assert text.count('<div class="letter">') == 2
    assert text.index("Dear b") < text.index("Dear a")
    assert "break-before: page" in text
    assert text.count("color: red") == 1
    assert '<html lang="de">' in text
    assert letters.bind(hidden.parent, hidden / "list", "2") == []


def test_letters_that_look_otherwise_have_a_file_of_their_own(hidden: Path) -> None:
    letter(hidden, "a.html", "A")
    letter(hidden, "b.html", "B", look="blue")
    one, two = letters.bind(hidden.parent, hidden / "list", "1")
    assert "blue" not in one.read_text()
    assert "red" not in two.read_text()


def test_a_letter_that_is_gone_is_left_out(hidden: Path) -> None:
    letter(hidden, "a.html", "A")
    (hidden.parent / "a.html").unlink()
    assert letters.bind(hidden.parent, hidden / "list", "1") == []
    letter(hidden, "b.html", "B")
    assert [path.name for path in letters.bind(hidden.parent, hidden / "list", "1")] == ["print-1.html"]


def test_two_runs_in_one_second_have_a_file_each(hidden: Path) -> None:
    names = []
    for name in ("a", "b"):
        letter(hidden, f"{name}.html", name)
        names += [path.name for path in letters.bind(hidden.parent, hidden / "list", "1")]
    assert names == ["print-1.html", "print-1-2.html"]


def test_what_a_crash_left_is_bound_once(hidden: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    letter(hidden, "a.html", "A")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(letters, "write_all", full)
        with pytest.raises(StorageFailed, match="bind the letters"):
            letters.bind(hidden.parent, hidden / "list", "1")
    assert list(hidden.parent.glob("print-*")) == []
    letter(hidden, "b.html", "B")
    one, two = letters.bind(hidden.parent, hidden / "list", "1")
    assert "A</div>" in one.read_text()
    assert "B</div>" in two.read_text()
    assert "A</div>" not in two.read_text()
    # It died after the file was there, and before the list was taken away.
    (hidden / "bind-1").write_text("a.html\n")
    (hidden.parent / "a.html").write_text("other")
    assert letters.bind(hidden.parent, hidden / "list", "3") == [one]
    assert "other" not in one.read_text()
