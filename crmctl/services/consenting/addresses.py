"""The addresses of a customer by channel, and the form in which two writings of one address are the same."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from crmctl.errors import UsageProblem
from crmctl.mail import keyed
from crmctl.mail.addresses import Refused
from crmctl.mail.addresses import ascii_address
from crmctl.model import values
from crmctl.model.kinds import CUSTOMER

if TYPE_CHECKING:
    from crmctl.model.raw import RawMap
    from crmctl.model.values import Context

_FIELDS = {"email": "emails", "phone": "phones", "sms": "phones"}


def all_of(data: RawMap, channel: str) -> list[str]:
    """Every address of a customer on a channel, as it is written; none for a letter or a visit."""
    value = data.get(_FIELDS.get(channel, "")) or []
    items = value if isinstance(value, list) else [value]
    return [item.strip() for item in items if isinstance(item, str) and item.strip()]


def texted(data: RawMap, context: Context) -> str:
    """The number that text messages for a customer go to: the first that may be mobile, else the first; "" for none."""
    numbers = all_of(data, "sms")
    return next((number for number in numbers if can_be_texted(number, context)), next(iter(numbers), ""))


def can_be_texted(number: str, context: Context) -> bool:
    """Whether a text message may reach a number."""
    from crmctl.model import phones

    return phones.can_be_texted(number, context.region)


def every(data: RawMap) -> list[str]:
    """Every e-mail address and phone number of a customer."""
    return [address for channel in ("email", "phone") for address in all_of(data, channel)]


@lru_cache(maxsize=256)
def normal(address: str, context: Context) -> str:
    """An address as it is hashed and compared: numbers with their country, "" for what is none."""
    if "@" in address:
        local = address.strip().rpartition("@")[0]
        try:
            return keyed.canonical(ascii_address(address.strip()) if local.isascii() else address)
        except Refused:
            return ""
    field = CUSTOMER.field("phones")
    assert field is not None
    try:
        number = str(values.normal(field, address, context))
    except ValueError:
        return ""
    return number if number.startswith("+") else f"+{number}"


def typed(address: str, context: Context) -> str:
    """An address that a user typed.

    Raises:
        UsageProblem: it is none.
    """
    found = normal(address, context)
    if not found:
        raise UsageProblem(
            f"{address!r} is no e-mail address and no phone number",
            hint="Write it out, as in ada@example.com or +49 30 123456. "
            "For a customer by name there is crmctl consent withdraw.",
        )
    return found
