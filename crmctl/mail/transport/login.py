"""Logging in to a mail server: PLAIN and LOGIN (RFC 4954, 4616), XOAUTH2; and what keeps a secret out of sight."""

from __future__ import annotations

from binascii import b2a_base64
from typing import TYPE_CHECKING

from crmctl.mail.transport.outcomes import RUN
from crmctl.mail.transport.outcomes import TransportFailed
from crmctl.mail.transport.replies import made_safe

if TYPE_CHECKING:
    import smtplib


class Secret:
    """A password or token that shows itself only when asked: not in a repr, a message or a log."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def __repr__(self) -> str:
        return "Secret(...)"

    def __bool__(self) -> bool:
        return bool(self._value)

    def reveal(self) -> str:
        """The secret itself."""
        return self._value


def mechanism(wanted: str, offered: str) -> str:
    """The way to log in: ``wanted``, or the first that the server offers and that takes a password.

    Raises:
        TransportFailed: the server does not offer it.
    """
    there = offered.upper().split()
    for name in (wanted.upper(),) if wanted else ("PLAIN", "LOGIN"):
        if name in there:
            return name
    names = ", ".join(there) or "none"
    hint = "Set auth: xoauth2 and token_command:" if not wanted and "XOAUTH2" in there else "Look at user: and auth:"
    message = f"the server does not offer {wanted or 'to log in with a password'} (it offers {names})"
    raise TransportFailed(message, scope=RUN, phase="auth", hint=f"{hint} in config.yaml.")


def log_in(connection: smtplib.SMTP, way: str, user: str, secret: Secret) -> tuple[int, str]:
    """The server's last reply to logging in ``way``; 235 is success.

    Raises:
        OSError, smtplib.SMTPServerDisconnected: the connection is lost.
    """
    password = secret.reveal()
    if way == "LOGIN":
        steps = ["LOGIN", _encoded(user), _encoded(password)]
    elif way == "PLAIN":
        steps = [f"PLAIN {_encoded(f'{chr(0)}{user}{chr(0)}{password}')}"]
    else:
        # What an error is about comes as a challenge; an empty answer gives the final reply.
        steps = [f"XOAUTH2 {_encoded(f'user={user}{chr(1)}auth=Bearer {password}{chr(1)}{chr(1)}')}", ""]
    code, said = connection.docmd("AUTH", steps[0])
    for step in steps[1:]:
        if code != 334:
            break
        code, said = connection.docmd(step)
    # Should a server say back what it was sent.
    text = said.decode("utf-8", "replace")
    for form in (*(step.rpartition(" ")[2] for step in steps), _encoded(password), password):
        text = text.replace(form, "[secret]") if len(form) > 1 else text
    return code, made_safe(text, user)


def _encoded(text: str) -> str:
    return b2a_base64(text.encode("utf-8"), newline=False).decode("ascii")
