"""One map of a settings file: its values by type; what is wrong is listed with its line, and a default stands in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from crmctl.errors import InvalidData
from crmctl.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crmctl.mail.message.compose import Sender
    from crmctl.model.raw import RawMap
    from crmctl.store.yaml_reader import KeyPath
    from crmctl.store.yaml_reader import Mark
    from crmctl.store.yaml_reader import YamlDocument

_TRUE, _FALSE = ("yes", "true", "on"), ("no", "false", "off", "")


class Section:
    """The map at ``place``. Every key that is asked for counts as known; ``refuse_the_rest`` lists the others."""

    def __init__(
        self, data: RawMap, place: KeyPath, file: str, marks: Mapping[KeyPath, Mark], problems: list[Problem]
    ) -> None:
        self.problems = problems
        self._data = data
        self._place = place
        self._file = file
        self._marks = marks
        self._known: dict[str, None] = {}

    @classmethod
    def top(cls, document: YamlDocument, file: str) -> Section:
        """The whole file."""
        return cls(document.data, (), file, document.marks, [])

    def wrong(self, key: str, message: str, hint: str = "") -> None:
        """Note what is wrong with ``key``, or with the section."""
        place = (*self._place, key) if key else self._place
        mark = self._marks.get(place) or self._marks.get(self._place)
        line, column = (mark.line, mark.column) if mark is not None else (0, 0)
        name = ".".join(str(step) for step in place)
        problem = Problem(self._file, line, column, "bad-setting", f"{name}: {message}" if name else message, hint)
        self.problems.append(problem)

    def has(self, key: str) -> bool:
        """Whether the key is there with something in it."""
        self._known[key] = None
        return bool(self._data.get(key))

    def is_map(self, key: str) -> bool:
        """Whether a map stands there."""
        return isinstance(self._data.get(key), dict)

    def section(self, key: str) -> Section | None:
        """The map at ``key``, if there is one."""
        self._known[key] = None
        value = self._data.get(key, "")
        if isinstance(value, dict):
            return Section(value, (*self._place, key), self._file, self._marks, self.problems)
        if value != "":
            self.wrong(key, "lines of `name: value` are expected below it")
        return None

    def require(self, *keys: str) -> None:
        """List those of ``keys`` that are not there."""
        for key in keys:
            if not self.has(key):
                self.wrong("", f"`{key}` is missing")

    def refuse_the_rest(self) -> None:
        """List what nobody asked for: a name mistyped."""
        from difflib import get_close_matches

        for key in self._data:
            if key not in self._known:
                near = get_close_matches(key, self._known, 1)
                names = ", ".join(self._known)
                self.wrong(
                    key, "there is no such setting", f"Did you mean {near[0]}?" if near else f"There are {names}."
                )

    def text(self, key: str) -> str:
        """One line of text, "" when it is not there."""
        self._known[key] = None
        value = self._data.get(key, "")
        if isinstance(value, str) and value.isprintable():
            return value.strip()
        self.wrong(key, "one line of text is expected")
        return ""

    def word(self, key: str) -> str:
        """Text of ASCII without blanks."""
        text = self.text(key)
        if text.isascii() and " " not in text:
            return text
        self.wrong(key, f"{text!r} should be one word")
        return ""

    def path(self, key: str) -> str:
        """An absolute path; ``~`` is the home folder."""
        text = self.text(key)
        if text and not text.startswith(("/", "~")):
            self.wrong(key, f"{text!r} should be an absolute path", "Begin with / or ~/")
            return ""
        try:
            return str(Path(text).expanduser()) if text else ""
        except RuntimeError:
            self.wrong(key, f"{text!r}: there is no such home folder")
            return ""

    def paths(self, key: str) -> tuple[str, ...]:
        """Absolute paths, one or a list of them."""
        self._known[key] = None
        value = self._data.get(key, "")
        if not isinstance(value, list):
            return (path,) if (path := self.path(key)) else ()
        found = [str(item) for item in value if isinstance(item, str) and item.startswith(("/", "~/"))]
        if len(found) != len(value):
            self.wrong(key, "every line should be an absolute path", "Begin with / or ~/")
        return tuple(str(Path(path).expanduser()) for path in found)

    def number(self, key: str, default: int, most: int = 1_000_000_000) -> int:
        """A whole number from 0 to ``most``."""
        text = self.text(key)
        if not text:
            return default
        if text.isascii() and text.isdecimal() and len(text) < 11 and int(text) <= most:
            return int(text)
        self.wrong(key, f"{text!r} is not a number from 0 to {most:,}")
        return default

    def flag(self, key: str) -> bool:
        """Yes or no."""
        text = self.text(key).lower()
        if text not in (*_TRUE, *_FALSE):
            self.wrong(key, f"{text!r} is neither yes nor no")
        return text in _TRUE

    def choice(self, key: str, choices: tuple[str, ...], default: str) -> str:
        """One of ``choices``."""
        text = self.text(key).lower()
        if text and text not in choices:
            self.wrong(key, f"{text!r} is none of {', '.join(choices)}")
        return text if text in choices else default

    def https(self, key: str) -> str:
        """An address on the web, secured."""
        text = self.word(key)
        if text and not (text.startswith("https://") and len(text) > 12 and not set(text) & set('<>"{}|\\^`')):
            self.wrong(key, f"{text!r} is not an https:// address")
            return ""
        return text

    def address(self, key: str) -> str:
        """An e-mail address, its domain in ASCII."""
        from crmctl.mail.addresses import ascii_address

        text = self.text(key)
        try:
            return ascii_address(text) if text else ""
        except InvalidData as exc:
            self.wrong(key, exc.message)
            return ""

    def mailbox(self, key: str) -> Sender | None:
        """A name and an address, as ``Ada Lovelace <ada@example.com>``."""
        from crmctl.mail.addresses import ascii_address
        from crmctl.mail.message.compose import Sender

        text = self.text(key)
        if not text:
            return None
        name, bracket, rest = text.partition("<")
        address = rest.removesuffix(">") if bracket else text
        if bracket and not rest.endswith(">"):
            self.wrong(key, f"{text!r} should look like Ada Lovelace <ada@example.com>")
            return None
        try:
            return Sender(name.strip().strip('"') if bracket else "", ascii_address(address))
        except InvalidData as exc:
            self.wrong(key, exc.message)
            return None
