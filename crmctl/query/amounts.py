"""What a term means in SQL for money, compared exactly and in each row's own currency.

Rows hold minor units. ISO 4217 has currencies with none to four decimals, so amounts of different currencies meet
in ten-thousandths: whole numbers that stay below 10^17, as amounts stay below 10^13.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from crmctl.model import money
from crmctl.query import sql
from crmctl.query.problems import did_you_mean
from crmctl.query.sql import Sql

if TYPE_CHECKING:
    from decimal import Decimal

    from crmctl.model.columns import Target
    from crmctl.model.fields import Kind
    from crmctl.query.asked import Asked
    from crmctl.query.tree import Value

PLACES = 4

_CODE_FIRST = r"(?P<code>[A-Za-z]{3}) ?(?P<amount>[-+\d].*)"
_CODE_LAST = r"(?P<amount>[-+\d].*?) ?(?P<code>[A-Za-z]{3})"


def on_amounts(asked: Asked) -> Sql:
    """The amount of the row held against those of the term; raises BadFilter."""
    _refuse_grouped(asked)
    return sql.joined([_on(asked, value) for value in asked.values], "OR")


def currency_column(kind: Kind, target: Target, source: str, parent: str) -> str:
    """The column with the currency of a money field as SQL, "" when it is always the book's.

    It stands beside the amount, in the same group or list, or else in the record.
    """
    name = target.field.currency
    if not name:
        return ""
    prefix = target.column.removesuffix(target.field.name)
    for field in kind.fields:
        if field.type != "group" or all(part.name != name for part in field.fields):
            continue
        if target.table == f"{kind.plural}_{field.name}":
            return f"{source}.{sql.quoted(name)}"
        if not target.table and prefix == f"{field.name}_":
            return f"{source}.{sql.quoted(prefix + name)}"
    return f"{parent}.{sql.quoted(name)}"


def scale(currency: str, book: str) -> str:
    """SQL for what minor units in the ``currency`` column are multiplied by to get ten-thousandths."""
    by_places: dict[int, list[str]] = {}
    for code, places in money.exponents().items():
        by_places.setdefault(places, []).append(sql.literal(code))
    cases = "".join(
        f" WHEN {currency} IN ({', '.join(codes)}) THEN {10 ** (PLACES - places)}"
        for places, codes in sorted(by_places.items())
    )
    # The book's own currency first: most rows are in it.
    own = f" WHEN {currency} IS NULL OR {currency} = {sql.literal(book)} THEN {10 ** (PLACES - money.exponent(book))}"
    return f"(CASE{own}{cases} ELSE {10 ** (PLACES - 2)} END)"


def _on(asked: Asked, value: Value) -> Sql:
    amount, code = _read(asked, value)
    book = asked.context.currency
    currency = currency_column(asked.kind, asked.target, asked.source, asked.parent)
    minor = asked.column("_minor")
    if not currency:
        if code not in ("", book):
            reason = f'"{asked.target.name}" is counted in {book}'
            raise asked.refused(value, reason, f"Leave {code} away.")
        return _exact(minor, minor, asked, amount, money.exponent(book))
    if code:
        same = Sql(f"COALESCE({currency}, ?) = ?", (book, code))
        return sql.joined([same, _exact(minor, minor, asked, amount, money.exponent(code))], "AND")
    return _exact(minor, f"{minor} * {scale(currency, book)}", asked, amount, PLACES)


def _exact(minor: str, units: str, asked: Asked, amount: Decimal, places: int) -> Sql:
    """``units``, whole ones of that many places, held against ``amount``, which need not be whole in them."""
    numerator, denominator = amount.as_integer_ratio()
    below, rest = divmod(numerator * 10**places, denominator)
    op = "=" if asked.op == ":" else asked.op
    if rest and op == "=":
        return sql.FALSE
    if rest:
        op = "<=" if op in ("<", "<=") else ">"
    return Sql(f"({minor} IS NOT NULL AND {units} {op} ?)", (below,))


def _read(asked: Asked, value: Value) -> tuple[Decimal, str]:
    """The amount, and the currency it was written with or "".

    Three decimals behind a point could be a thousand, unless the currency has them.
    """
    text = asked.plain(value).strip()
    match = re.fullmatch(_CODE_FIRST, text) or re.fullmatch(_CODE_LAST, text)
    code = match["code"].upper() if match else ""
    if code:
        from crmctl.model import iso

        if code not in iso.CURRENCIES:
            advice = did_you_mean(code, iso.CURRENCIES) or "Write a code of ISO 4217, as 100EUR."
            raise asked.refused(value, f"{code} is not a currency", advice)
    amount = match["amount"] if match else text
    three = money.exponent(code or asked.context.currency) == 3 and re.fullmatch(r"[-+]?\d+\.\d{3}", amount)
    try:
        return (money.parse_amount if three else money.read_amount)(amount), code
    except ValueError as exc:
        raise asked.refused(value, str(exc)) from None


def _refuse_grouped(asked: Asked) -> None:
    """``10,000`` is a list of 10 and 000 here, which nobody means."""
    for before, value in pairwise(asked.values):
        if re.fullmatch(r"\d{3}", value.text) and re.fullmatch(r"[-+]?\d{1,3}", before.text):
            whole = f"{before.text}{value.text}"
            advice = f"Write {whole}, or {asked.target.name}:{before.text} or {asked.target.name}:{value.text}."
            raise asked.refused(value, f"{before.text},{value.text} can be one amount or two", advice)
