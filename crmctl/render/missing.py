"""What stands for a value that a record does not have: it notes its name when used, so that all are told at once."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

from jinja2 import Undefined

if TYPE_CHECKING:
    from collections.abc import Iterator


class Missing(Undefined):
    """A missing value. Asking ``is defined`` or ``default()`` is free; every other use notes ``path`` as missing.

    ``notes`` is set on a subclass by the environment, one for all the messages that it renders.
    """

    notes: dict[str, None]
    __slots__ = ()

    @property
    def path(self) -> str:
        """Its dotted name, ``customer.organization.name``; what is known of it when it has none."""
        return str(self._undefined_name or self._undefined_hint or "a value")

    def note(self) -> None:
        """Remember that the message cannot be written without it."""
        self.notes[self.path] = None

    def child(self, name: object) -> Missing:
        """What a missing value would have held under ``name``."""
        return type(self)(name=f"{self.path}.{name}")

    def _use(self, *_args: Any, **_more: Any) -> Any:
        self.note()
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = _use
    __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _use
    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = _use
    __pow__ = __rpow__ = __pos__ = __neg__ = __getitem__ = _use

    def _no(self, *_args: Any) -> bool:
        self.note()
        return False

    __lt__ = __le__ = __gt__ = __ge__ = __eq__ = __ne__ = __contains__ = _no  # type: ignore[assignment]

    def __bool__(self) -> bool:
        return self._no()

    def __hash__(self) -> int:
        return id(self)

    def __str__(self) -> str:
        self.note()
        return ""

    __html__ = __str__

    def __len__(self) -> int:
        self.note()
        return 0

    def __iter__(self) -> Iterator[Any]:
        self.note()
        return iter(())
