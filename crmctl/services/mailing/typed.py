"""An e-mail address that was typed as an argument, where no record is to be corrected when it is none."""

from __future__ import annotations

from crmctl.mail.addresses import Refused
from crmctl.mail.addresses import sent_address


def typed_address(text: str) -> str:
    """The address as it travels, its domain in ASCII.

    Raises:
        Refused: it is no address.
    """
    try:
        return sent_address(text)
    except Refused as error:
        raise Refused(error.message, hint="Write it as ada@example.com.") from None
