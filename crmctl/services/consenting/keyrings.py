"""The keys of a book as this machine keeps them: with the user's own settings, outside of every repository."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from typing import NamedTuple

from crmctl.errors import CrmError
from crmctl.errors import StorageFailed
from crmctl.mail import keyed
from crmctl.mail import tokens

if TYPE_CHECKING:
    from collections.abc import Iterable

_LINE = re.compile(r"crmctl-key ([0-9a-f]{8}) ([0-9a-f]{64})")


class KeyMissing(CrmError):
    """The book names a key that is not on this machine, or is another one here."""


class Ring(NamedTuple):
    """The keys of a book: (id, key) pairs, the one that is used for new things first; none before the first need."""

    keys: tuple[tuple[str, bytes], ...]

    @property
    def id(self) -> str:
        """The id of the key for new things."""
        return self.keys[0][0]

    @property
    def key(self) -> bytes:
        """The key for new things."""
        return self.keys[0][1]

    def keyed(self, address: str) -> str:
        """The hash of an address, by the key for new things."""
        return keyed.keyed(self.key, address)

    def hashes(self, address: str) -> list[str]:
        """The hashes of an address by every key."""
        return [keyed.keyed(key, address) for _, key in self.keys]

    def token(self, subject: str, scope: str, *, use: str = tokens.UNSUBSCRIBE) -> str:
        """A token, see ``mail.tokens.make``."""
        return tokens.make(self.key, subject, scope, use=use)

    def read(self, text: str, scopes: Iterable[str]) -> tuple[tokens.Token, str] | None:
        """A token that one of the keys has made, and which of ``scopes`` it is about ("" for none of them)."""
        for _, key in self.keys:
            token = tokens.read(key, text)
            if token is not None:
                return token, tokens.scope_of(key, token, scopes)
        return None


def folder() -> Path:
    """Where keys are kept: with the user's own settings, by the XDG base directories."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "crmctl" / "keys"


def keep(key: bytes) -> str:
    """Put a key into this machine's keeping; its id.

    Raises:
        StorageFailed: the system refuses.
    """
    name = keyed.key_id(key)
    target = folder() / f"{name}.key"
    temporary = target.with_name(f".{name}.{os.getpid()}")
    try:
        folder().mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0), 0o600)
        with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123 - opened with its rights
            file.write(export_line(key) + "\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except OSError as exc:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise StorageFailed(f"{target}: cannot write: {(exc.strerror or str(exc)).lower()}") from exc
    return name


def export_line(key: bytes) -> str:
    """A key as one line, as ``import_line`` takes it."""
    return f"crmctl-key {keyed.key_id(key)} {key.hex()}"


def key_in(text: str) -> bytes | None:
    """The key in a line as ``export_line`` writes it; None when it is no such line, or part of it is lost."""
    match = _LINE.fullmatch(text.strip())
    key = bytes.fromhex(match[2]) if match else None
    return key if match and key and keyed.key_id(key) == match[1] else None


def ring_of(names: Iterable[str]) -> Ring:
    """The keys of these ids.

    Raises:
        KeyMissing, StorageFailed: as ``existing``.
    """
    return Ring(tuple((name, _read(name)) for name in dict.fromkeys(names)))


def lacking(name: str) -> CrmError | None:
    """Why a key cannot be used on this machine; None when it is in its keeping, whole."""
    try:
        _read(name)
    except CrmError as error:
        return error
    return None


def _read(name: str) -> bytes:
    target = folder() / f"{name}.key"
    try:
        with target.open("rb") as file:
            if hasattr(os, "getuid") and os.fstat(file.fileno()).st_mode & 0o077:
                raise KeyMissing(f"{target} can be read by others", hint=f"chmod 600 {target}")
            text = file.read(4096).decode("ascii", "replace").strip()
    except FileNotFoundError:
        message = f"the book's key {name} is not on this machine, so nobody can tell who opted out"
        hint = "Where it is: crmctl key export > key.txt; here: crmctl key import key.txt"
        raise KeyMissing(message, hint=hint) from None
    except OSError as exc:
        raise StorageFailed(f"{target}: cannot read: {(exc.strerror or str(exc)).lower()}") from exc
    key = key_in(text)
    if key is None or keyed.key_id(key) != name:
        raise KeyMissing(f"{target} does not hold the key {name}", hint="crmctl key import takes in a good copy.")
    return key
