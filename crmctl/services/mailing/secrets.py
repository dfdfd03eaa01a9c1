"""Passwords and tokens: asked for when they are needed, kept nowhere, shown to nobody."""

from __future__ import annotations

import shlex
import subprocess
from typing import TYPE_CHECKING

from crmctl.errors import CrmError

if TYPE_CHECKING:
    from typing import Protocol

    from crmctl.services.mailing.config import Access

    class Server(Protocol):
        """A ``MailServer`` or an ``Inbox``."""

        @property
        def host(self) -> str: ...  # noqa: D102
        @property
        def access(self) -> Access: ...  # noqa: D102


TIME_LIMIT = 60
"""Seconds for the command that prints a secret; a person may have to unlock something."""

_LARGEST = 64 * 1024


class SecretFailed(CrmError):
    """The password or token could not be had."""


def password(server: Server, time_limit: float = TIME_LIMIT) -> str:
    """The password, or the token for ``auth: xoauth2``, of a mail server or inbox; "" when it needs none.

    Commands run without a shell, and without anything of ours on their command line.

    Raises:
        SecretFailed: the command fails, takes too long or prints nothing; or the keyring has nothing.
    """
    access = server.access
    if access.password is not None:
        return access.password.reveal()
    if access.keyring:
        return _from_keyring(server.host, access.user)
    for key in ("password_command", "token_command"):
        command: str = getattr(access, key)
        if command:
            return _printed(key, command, time_limit)
    return ""


def _printed(key: str, command: str, time_limit: float) -> str:
    """The first line that ``command`` prints. Neither its output nor its words of error get any further."""
    try:
        words = shlex.split(command)
    except ValueError:
        words = []
    if not words:
        raise SecretFailed(f"{key} in config.yaml is not a command", hint="Quote it as you would in a shell.")
    hint = f"Run it in a shell to see what it says; it is {key} in config.yaml."
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=time_limit,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise SecretFailed(f"{key} took more than {time_limit:g} seconds ({words[0]})", hint=hint) from None
    except OSError as exc:
        reason = (exc.strerror or "it cannot be run").lower()
        raise SecretFailed(f"{key} cannot be run: {words[0]}: {reason}", hint=hint) from None
    if done.returncode:
        raise SecretFailed(f"{key} failed with exit status {done.returncode} ({words[0]})", hint=hint)
    try:
        line = done.stdout[:_LARGEST].decode("utf-8").partition("\n")[0].removesuffix("\r")
    except UnicodeDecodeError:
        line = ""
    if not line:
        raise SecretFailed(f"{key} printed no text ({words[0]})", hint=hint)
    return line


def _from_keyring(host: str, user: str) -> str:
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        raise SecretFailed(
            "the keyring needs a library that is not installed", hint="pip install 'crmctl[mail]'"
        ) from None
    try:
        found: str | None = keyring.get_password(host, user)
    except KeyringError as exc:
        raise SecretFailed(
            f"the keyring cannot be used: {type(exc).__name__}", hint="Unlock it, or use a command."
        ) from None
    if not found:
        raise SecretFailed(f"the keyring has no password of {user} for {host}", hint=f"keyring set {host} {user}")
    return found
