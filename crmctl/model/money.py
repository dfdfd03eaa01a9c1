"""Amounts of money: exact decimals with an ISO 4217 currency, whole minor units for counting, never float."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal

# Digits behind the point where it is not two. Source: ISO 4217, column "minor units".
_EXPONENTS = {
    **dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
    **dict.fromkeys("CLF UYW".split(), 4),
}
LARGEST = 10**13
"""Amounts stay below this, so that minor units of all records together fit 64 bits."""

_PLAIN = r"[-+]?[0-9]+(?:\.[0-9]+)?\Z"
_GROUPED = r"[-+]?\d{1,3}(?:[ '\u2019\u00a0\u202f]\d{3})+(?:[.,]\d+)?\Z"
_POINT_LAST = r"[-+]?\d{1,3}(?:,\d{3})+\.\d+\Z"
_COMMA_LAST = r"[-+]?\d{1,3}(?:\.\d{3})+,\d+\Z"
_COMMA = r"[-+]?\d+,\d+\Z"


def exponent(currency: str) -> int:
    """Digits behind the point that ``currency`` has: 2 for EUR, 0 for JPY."""
    return _EXPONENTS.get(currency, 2)


def exponents() -> dict[str, int]:
    """The currencies whose exponent is not two."""
    return dict(_EXPONENTS)


def parse_amount(text: str) -> Decimal:
    """The amount written in a file: digits with a point, ``"120.00"``.

    Raises:
        ValueError: it is not such a number, or it is 10^13 or larger.
    """
    if not re.match(_PLAIN, text):
        raise ValueError(f"{text!r} is not an amount (write it as 120.00)")
    # Imported here, because lists print amounts without ever needing one.
    from decimal import Decimal

    amount = Decimal(text)
    if abs(amount) >= LARGEST:
        raise ValueError(f"{text!r} is too large (amounts stay below 10,000,000,000,000)")
    return amount


def read_amount(text: str) -> Decimal:
    """The amount a person typed: ``1234.5``, ``1,234.50``, ``1.234,50``, ``1 234``, ``12,50``.

    Raises:
        ValueError: not a number, or one that can be read in two ways (``1.234``, ``1,234``), with both readings.
    """
    text = text.strip()
    if re.fullmatch(r"[-+]?[1-9]\d{0,2}[.,]\d{3}", text):
        sign, digits = text[:1].strip("0123456789"), text.lstrip("+-")
        whole, part = re.split("[.,]", digits)
        raise ValueError(f"{text!r} can be {sign}{whole}{part} or {sign}{whole}.{part}; write one of them in full")
    if re.match(_GROUPED, text):
        text = re.sub(r"[ '\u2019\u00a0\u202f]", "", text).replace(",", ".")
    elif re.match(_POINT_LAST, text):
        text = text.replace(",", "")
    elif re.match(_COMMA_LAST, text):
        text = text.replace(".", "").replace(",", ".")
    elif re.fullmatch(r"[-+]?\d{1,3}(?:,\d{3}){2,}", text):
        text = text.replace(",", "")
    elif re.fullmatch(r"[-+]?\d{1,3}(?:\.\d{3}){2,}", text):
        text = text.replace(".", "")
    elif re.match(_COMMA, text):
        text = text.replace(",", ".")
    return parse_amount(text)


def to_minor(amount: Decimal, currency: str) -> int:
    """Whole minor units: ``Decimal("1.5")`` EUR gives 150.

    Raises:
        ValueError: more digits behind the point than the currency has.
    """
    scaled = amount.scaleb(exponent(currency))
    whole = int(scaled)
    if whole != scaled:
        raise ValueError(f"{amount} has more decimals than {currency} has ({exponent(currency)})")
    return whole


def minor_units(text: str, currency: str) -> int:
    """Whole minor units of an amount as it stands in a file; the same as ``to_minor(parse_amount(text), currency)``.

    Raises:
        ValueError: as these do.
    """
    whole, point, part = text.partition(".")
    digits = whole + part
    usual = whole and len(part) == exponent(currency) and len(whole) < 12 and bool(point) == bool(part)
    if usual and digits.isdecimal() and digits.isascii():
        return int(digits)  # What nearly all amounts look like.
    return to_minor(parse_amount(text), currency)


def from_minor(units: int, currency: str) -> str:
    """The text of an amount with all the decimals of its currency: 150 EUR gives ``"1.50"``."""
    places = exponent(currency)
    if not places:
        return str(units)
    sign = "-" if units < 0 else ""
    whole, part = divmod(abs(units), 10**places)
    return f"{sign}{whole}.{part:0{places}d}"


def amount_text(amount: Decimal, currency: str) -> str:
    """How an amount is written in a file: at least the decimals of its currency, no more than it has."""
    from decimal import Decimal

    places = exponent(currency)
    if amount == amount.quantize(Decimal(1).scaleb(-places)):
        amount = amount.quantize(Decimal(1).scaleb(-places))
    return f"{amount:f}"
